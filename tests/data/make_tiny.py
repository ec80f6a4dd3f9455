"""Make tiny.onnx, the model of the tests that may not need torch or onnx: `python tests/data/make_tiny.py`.

Images [n, 1, 28, 28] → means of 4×4 pixels [n, 49] → embedding [n, 8] → logits [n, 10]: a linear discriminant analysis of the
first four runs of scikit-learn's digits. It reads the other runs at 86 %, so that a writer has something to correct.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

from allograph.corpora.corpus import Corpus
from allograph.corpora.digits import DigitsSource
from allograph.corpora.preparation import prepare

EMBEDDING = 8


def main() -> None:
    """Fit it, write it, say how well it reads the runs that it has not seen."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    with tempfile.TemporaryDirectory() as folder:
        prepare(DigitsSource(), Path(folder) / "digits.parquet", "all", jobs=1)
        corpus = Corpus.open(Path(folder) / "digits.parquet")
        images, labels, seen = corpus.images("application"), corpus.labels, corpus.writers < "run-04"
    means = images.reshape(-1, 7, 4, 7, 4).mean(axis=(2, 4)).reshape(-1, 49) / 255
    found = LinearDiscriminantAnalysis(solver="eigen", shrinkage=0.1).fit(means[seen], labels[seen])
    projection = found.scalings_[:, :EMBEDDING]
    centre = means[seen].mean(axis=0)
    places = (found.means_ - centre) @ projection  # of the labels among the embeddings, where all vary alike
    shared = {
        "projection": projection,
        "shift": -centre @ projection,
        "slope": places.T,
        "offset": -0.5 * (places**2).sum(axis=1),
    }
    embeddings = means @ shared["projection"] + shared["shift"]
    right = (embeddings @ shared["slope"] + shared["offset"]).argmax(axis=1) == labels.astype(int)
    print(f"seen runs {right[seen].mean():.3f}, the others {right[~seen].mean():.3f}")

    graph = helper.make_graph(
        [
            helper.make_node("AveragePool", ["images"], ["pooled"], kernel_shape=[4, 4], strides=[4, 4]),
            helper.make_node("Flatten", ["pooled"], ["means"]),
            helper.make_node("Gemm", ["means", "projection", "shift"], ["embedding"]),
            helper.make_node("Gemm", ["embedding", "slope", "offset"], ["logits"]),
        ],
        "tiny",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, ["n", 1, 28, 28])],
        [
            helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["n", EMBEDDING]),
            helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["n", 10]),
        ],
        [numpy_helper.from_array(value.astype(np.float32), name) for name, value in shared.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.checker.check_model(model)
    (Path(__file__).parent / "tiny.onnx").write_bytes(model.SerializeToString())


if __name__ == "__main__":
    main()
