"""Embedding a corpus, against bare onnxruntime at its best batch size on the same images in memory; and OpenVINO against both."""

from __future__ import annotations

import math
import statistics
import tempfile
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from allograph.bundle import MODEL, Bundle
from allograph.corpora.corpus import Corpus
from allograph.corpora.npz.source import NpzSource
from allograph.corpora.preparation import prepare
from allograph.embedding import embed
from allograph.images.frames import model_input
from allograph.readings import Samples
from allograph.recognizer import OUTPUTS, Recognizer, open_session
from outcomes import note
from timing import paired, seconds, show

SAMPLES, ROUNDS = 20_000, 5
SIDE = 1024
"""Rows and columns of the matrices whose product is timed."""


def main() -> None:
    bundle = Bundle.open()
    assert bundle.styles is not None
    random = np.random.default_rng(0)
    chosen = random.integers(0, len(bundle.styles), SAMPLES)
    images = bundle.styles.medoids[chosen]
    bare, inputs = open_session(bundle.path / MODEL), model_input(images)

    def run(batch: int) -> None:
        for start in range(0, SAMPLES, batch):
            bare.run(OUTPUTS, {"images": inputs[start : start + batch]})

    batches = (32, 64, 128, 256, 512, 1024)
    run(256)
    speeds = {batch: min(seconds(lambda batch=batch: run(batch)) for _ in range(2)) for batch in batches}  # type: ignore[misc]
    best = min(speeds, key=speeds.__getitem__)
    with tempfile.TemporaryDirectory() as folder:
        archive = Path(folder) / "samples.npz"
        labels = np.array([bundle.alphabet[i] for i in bundle.styles.labels[chosen].tolist()])
        np.savez(archive, images=images, labels=labels, writers=random.integers(0, 50, SAMPLES).astype(str))
        prepare(NpzSource(archive), Path(folder) / "corpus.parquet", "all", jobs=1)
        corpus, recognizer = Corpus.open(Path(folder) / "corpus.parquet"), Recognizer(bundle)
        times = paired(lambda: embed(corpus, recognizer, Path(folder) / "embedded.parquet"), lambda: run(best), ROUNDS)
    note("allograph embed / bare onnxruntime", times.ratio, 1.15)
    show(
        f"Embedding {SAMPLES:,} samples, from Parquet to Parquet, all cores, median of {ROUNDS} interleaved rounds",
        ("what", "samples a second", "time, ratio"),
        [
            ("allograph embed", f"{SAMPLES / times.ours:,.0f}", f"{times.ratio:.2f} × (target 1.15)"),
            (f"bare onnxruntime, batch {best}", f"{SAMPLES / times.peer:,.0f}", "1"),
            *((f"  batch {batch}", f"{SAMPLES / took:,.0f}", "") for batch, took in speeds.items()),
        ],
    )
    if find_spec("openvino"):
        compare_openvino(recognizer, Recognizer(bundle, engine="openvino"), images)
    else:
        print('OpenVINO is not installed, and not compared; it comes with: pip install "allograph[openvino]"')


def compare_openvino(onnx: Recognizer, openvino: Recognizer, images: NDArray[np.uint8]) -> None:
    """The same images by both engines: how much quicker OpenVINO is on all cores and on one, and how far the answers differ."""
    one, other = onnx.embed(images), openvino.embed(images)
    largest = max(difference(one, other, name) for name in ("embeddings", "logits", "features"))
    rows = []
    for cores, ours, peer in (
        ("all cores", openvino, onnx),
        ("one core", Recognizer(onnx.bundle, 1, "openvino"), Recognizer(onnx.bundle, 1)),
    ):
        times = paired(lambda ours=ours: ours.embed(images), lambda peer=peer: peer.embed(images), ROUNDS)  # type: ignore[misc]
        note(f"onnxruntime's time / OpenVINO's, {cores}", 1 / times.ratio, 1.5, "high")
        rows.append((cores, f"{SAMPLES / times.ours:,.0f}", f"{SAMPLES / times.peer:,.0f}", f"{1 / times.ratio:.2f} ×"))
    limit = least_seconds(onnx.bundle.path / MODEL)
    rows.append(("one core, the limit", f"{1 / limit:,.0f}", "", f"{times.peer / SAMPLES / limit:.2f} ×"))
    note("OpenVINO's answers, the largest difference", largest, 1e-4, unit="of the number, or of 1")
    show(
        f"Embedding {SAMPLES:,} samples in memory, float32; answers differ by {largest:.1e} at most (target: 1.5 ×, 1e-4)",
        ("on", "OpenVINO, samples a second", "onnxruntime", "quicker by"),
        rows,
    )


def least_seconds(model: Path) -> float:
    """Seconds an image on one core, if all the model's multiplications went at the pace of one large product of matrices."""
    import openvino
    from openvino import opset13

    core = openvino.Core()
    network = core.read_model(model)
    one = network.input("images").partial_shape
    one[0] = 1
    network.reshape({"images": one})
    layers = [op for op in network.get_ordered_ops() if op.get_type_name() in ("Convolution", "MatMul")]
    multiplications = sum(
        math.prod(layer.output(0).shape) * math.prod(layer.input_value(1).get_shape()) // layer.output(0).shape[1]
        for layer in layers
    )
    factors = [opset13.parameter([SIDE, SIDE], np.float32) for _ in range(2)]
    product = openvino.Model([opset13.matmul(*factors, False, False)], factors)
    options = {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": 1}
    request = core.compile_model(product, "CPU", options).create_infer_request()
    matrix = np.random.default_rng(0).random((SIDE, SIDE), np.float32)
    took = statistics.median(seconds(lambda: request.infer([matrix, matrix])) for _ in range(20))
    return took * multiplications / SIDE**3


def difference(one: Samples, other: Samples, name: str) -> float:
    """The largest difference of two outputs, as a share of the number where that is beyond 1."""
    first, second = getattr(one, name), getattr(other, name)
    return 0.0 if first is None else float((np.abs(first - second) / np.maximum(np.abs(first), 1)).max())


if __name__ == "__main__":
    main()
