"""Anyone's ONNX model becomes a bundle: every layout, inner values, probabilities, fixed batches; what cannot work says why."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from allograph.alphabet import Alphabet
from allograph.bundle import MODEL, Bundle
from allograph.errors import FormatError, InputError, MismatchError, UnknownLabel
from allograph.recognizer import Recognizer
from small import DIGITS, TINY, allograph, contents, digits_corpus, digits_split, tiny_bundle

pytestmark = pytest.mark.usefixtures("torch_installed")

IMAGES = np.random.default_rng(0).integers(0, 256, (50, 28, 28), dtype=np.uint8)
RANDOM = np.random.default_rng(1)
WIDE, NARROW = RANDOM.normal(0, 0.1, (784, 8)).astype(np.float32), RANDOM.normal(size=(8, 10)).astype(np.float32)


def answers(images: NDArray[np.uint8], scale: float = 1) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """What the models below answer, if ink of 255 is `scale` to them: embeddings [n, 8] and logits [n, 10]."""
    embeddings = (images.reshape(-1, 784) / (255 / scale) @ WIDE).astype(np.float32)
    return embeddings, (embeddings @ NARROW).astype(np.float32)


def made(
    path: Path,
    shape: list[str | int | None] | None = None,
    names: tuple[str, str, str] = ("pixels", "features", "scores"),
    outputs: tuple[str, ...] = ("features", "scores"),
    softmax: bool = False,
    inner_batch: int = -1,
    kind: int = 1,
    second_input: bool = False,
) -> Path:
    """Write a linear model of named input, embedding and logits, which reads images of this shape and element type."""
    from onnx import checker, helper, numpy_helper, save

    reads, embedding, logits = names
    shape = shape or ["n", 784]
    number = helper.tensor_dtype_to_np_dtype(kind)
    product = logits + "_before" if softmax else logits
    nodes = [
        helper.make_node("Reshape", [reads, "row"], ["flat"]),
        helper.make_node("MatMul", ["flat", "wide"], [embedding]),
        helper.make_node("MatMul", [embedding, "narrow"], [product]),
    ]
    if softmax:
        nodes.append(helper.make_node("Softmax", [product], [logits], axis=-1))
    inputs = [helper.make_tensor_value_info(reads, kind, shape)]
    if second_input:
        inputs.append(helper.make_tensor_value_info("mask", kind, ["n", 10]))
    graph = helper.make_graph(
        nodes,
        "anyone's",
        inputs,
        [helper.make_tensor_value_info(name, kind, [None, None]) for name in outputs],
        [
            numpy_helper.from_array(np.array([inner_batch, 784], np.int64), "row"),
            numpy_helper.from_array(WIDE.astype(number), "wide"),
            numpy_helper.from_array(NARROW.astype(number), "narrow"),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    checker.check_model(model)
    save(model, path)
    return path


def adopted(model: Path, output: Path, **settings: Any) -> Recognizer:
    from allograph.training.adopt import adopt

    settings = {"alphabet": DIGITS, "embedding": "features", "logits": "scores", **settings}
    return Recognizer(adopt(model, output, **settings))


def check(recognizer: Recognizer, scale: float = 1, tolerance: float = 1e-4) -> None:
    embeddings, logits = answers(IMAGES, scale)
    found = recognizer.embed(IMAGES)
    np.testing.assert_allclose(found.embeddings, embeddings, rtol=tolerance, atol=tolerance * scale)
    np.testing.assert_allclose(found.logits, logits, rtol=tolerance, atol=tolerance * scale)
    alone = recognizer.embed(IMAGES[:1])
    np.testing.assert_allclose(alone.logits, logits[:1], rtol=tolerance, atol=tolerance * scale)


@pytest.mark.parametrize(
    "shape",
    [
        ["n", 784],
        ["n", 1, 28, 28],
        ["n", 28, 28, 1],
        ["n", 28, 28],
        [None, 1, 28, 28],
        ["n", 1, 784],
        [1, 784],
        [1, 1, 28, 28],
        [16, 784],
    ],
    ids=str,
)
def test_every_layout(tmp_path: Path, shape: list[str | int | None]) -> None:
    recognizer = adopted(made(tmp_path / "model.onnx", shape), tmp_path / "bundle")
    check(recognizer)
    assert recognizer.bundle.embedding_size == 8
    assert recognizer.bundle.styles is None
    assert recognizer.frame == "mnist"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bundle", "model.onnx"]


@pytest.mark.parametrize("batch", [1, 16])
def test_a_batch_size_that_the_exporter_wrote_into_the_model_is_freed(tmp_path: Path, batch: int) -> None:
    check(adopted(made(tmp_path / "model.onnx", [batch, 1, 28, 28], inner_batch=batch), tmp_path / "bundle"))


@pytest.mark.slow
def test_a_batch_size_that_torch_wrote_into_the_model_is_freed(tmp_path: Path) -> None:
    import torch
    from torch import nn

    network = nn.Sequential(nn.Conv2d(1, 4, 5, stride=3), nn.ReLU(), nn.Flatten(), nn.Linear(256, 8), nn.Linear(8, 10)).eval()
    torch.onnx.export(network, (torch.zeros(1, 1, 28, 28),), tmp_path / "model.onnx", dynamo=True, verbose=False)
    import onnx

    values = [node.output[0] for node in onnx.load(tmp_path / "model.onnx").graph.node]
    recognizer = adopted(tmp_path / "model.onnx", tmp_path / "bundle", embedding=values[-2], logits=values[-1])
    with torch.no_grad():
        expected = network(torch.from_numpy(IMAGES[:, None].astype(np.float32) / 255)).numpy()
    np.testing.assert_allclose(recognizer.embed(IMAGES).logits, expected, rtol=1e-4, atol=1e-4)


def test_a_model_that_mixes_the_images_of_a_batch_is_refused(tmp_path: Path) -> None:
    from onnx import helper, load, save

    model = load(made(tmp_path / "model.onnx"))
    model.graph.node[-1].output[0] = "each"
    model.graph.node.extend(
        [
            helper.make_node("ReduceMean", ["each"], ["mean"], axes=[0]),
            helper.make_node("Sub", ["each", "mean"], ["scores"]),
        ]
    )
    save(model, tmp_path / "model.onnx")
    with pytest.raises(InputError, match=r"model\.onnx answers otherwise when it reads 4 images at once than one by one; export"):
        adopted(tmp_path / "model.onnx", tmp_path / "bundle")


def test_a_fixed_batch_that_cannot_be_freed_is_refused(tmp_path: Path) -> None:
    from onnx import helper, load, save

    model = load(made(tmp_path / "model.onnx", [1, 784]))
    model.graph.node[1].output[0] = "row of features"
    squeezed = [
        helper.make_node("Squeeze", ["row of features"], ["vector"]),  # of one image a vector, of several a matrix
        helper.make_node("Softmax", ["vector"], ["weights"], axis=0),
        helper.make_node("Mul", ["row of features", "weights"], ["features"]),
    ]
    for place, node in enumerate(squeezed, 2):
        model.graph.node.insert(place, node)
    save(model, tmp_path / "model.onnx")
    before = contents(tmp_path)
    with pytest.raises(InputError, match=r"answers otherwise .* 4 images at once than one by one; export it with a batch"):
        adopted(tmp_path / "model.onnx", tmp_path / "bundle")
    assert contents(tmp_path) == before


@pytest.mark.parametrize("outputs", [("scores",), ("features", "scores"), ("scores", "features", "flat")])
def test_the_embedding_may_be_an_inner_value(tmp_path: Path, outputs: tuple[str, ...]) -> None:
    check(adopted(made(tmp_path / "model.onnx", outputs=outputs), tmp_path / "bundle"))


def test_probabilities_become_logarithms(tmp_path: Path) -> None:
    recognizer = adopted(made(tmp_path / "model.onnx", softmax=True), tmp_path / "bundle")
    logits = answers(IMAGES)[1]
    expected = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    np.testing.assert_allclose(recognizer.embed(IMAGES).logits, expected, rtol=1e-3, atol=1e-3)


def test_probabilities_of_0_stay_finite(tmp_path: Path) -> None:
    recognizer = adopted(made(tmp_path / "model.onnx", softmax=True), tmp_path / "bundle", scale=5000.0)
    logits = recognizer.embed(IMAGES).logits
    assert np.isfinite(logits).all()
    assert logits.min() < -80
    np.testing.assert_array_equal(logits.argmax(axis=1), answers(IMAGES)[1].argmax(axis=1))


def test_a_model_that_reads_grey_values(tmp_path: Path) -> None:
    check(adopted(made(tmp_path / "model.onnx"), tmp_path / "bundle", scale=255.0), scale=255)


@pytest.mark.parametrize(("kind", "tolerance"), [(10, 2e-2), (11, 1e-4)], ids=["float16", "float64"])
def test_a_model_of_another_precision(tmp_path: Path, kind: int, tolerance: float) -> None:
    check(adopted(made(tmp_path / "model.onnx", kind=kind), tmp_path / "bundle"), tolerance=tolerance)


@pytest.mark.parametrize(
    "names",
    [
        ("images", "embedding", "logits"),
        ("embedding", "logits", "images"),
        ("logits", "images", "embedding"),
        ("allograph/scale", "allograph/shape", "model/images"),
    ],
)
def test_names_that_are_ours_do_no_harm(tmp_path: Path, names: tuple[str, str, str]) -> None:
    model = made(tmp_path / "model.onnx", names=names, outputs=names[1:])
    check(adopted(model, tmp_path / "bundle", embedding=names[1], logits=names[2]))


def test_an_inner_value_may_be_what_adapters_learn_from(tmp_path: Path) -> None:
    recognizer = adopted(made(tmp_path / "model.onnx", outputs=("scores",)), tmp_path / "bundle", features="flat")
    check(recognizer)
    found = recognizer.embed(IMAGES)
    assert found.features is not None
    assert found.shapes is found.features
    np.testing.assert_allclose(found.features.reshape(len(IMAGES), -1), IMAGES.reshape(len(IMAGES), -1) / 255, atol=1e-6)


def test_a_bundles_own_model_can_be_adopted_again(tmp_path: Path) -> None:
    original, settings = Recognizer(tiny_bundle(tmp_path / "original")), {"embedding": "embedding", "logits": "logits"}
    once = adopted(original.bundle.path / MODEL, tmp_path / "once", **settings)
    twice = adopted(once.bundle.path / MODEL, tmp_path / "twice", **settings)
    for recognizer in (once, twice):
        np.testing.assert_allclose(recognizer.embed(IMAGES).logits, original.embed(IMAGES).logits, rtol=1e-5, atol=1e-5)


def test_a_model_that_keeps_its_weights_in_a_file_of_their_own(tmp_path: Path) -> None:
    import onnx

    model = onnx.load(made(tmp_path / "whole.onnx"))
    onnx.save(model, tmp_path / "model.onnx", save_as_external_data=True, location="weights", size_threshold=0)
    recognizer = adopted(tmp_path / "model.onnx", tmp_path / "bundle")
    (tmp_path / "weights").unlink()
    check(recognizer)
    check(Recognizer(tmp_path / "bundle"))
    with pytest.raises(FormatError, match=r"model\.onnx is not an ONNX model: .*weights"):
        adopted(tmp_path / "model.onnx", tmp_path / "other")


@pytest.mark.parametrize(
    ("changes", "settings", "error", "message"),
    [
        (
            {},
            {"alphabet": Alphabet("012345678")},
            MismatchError,
            r"model\.onnx has 10 logits and the alphabet 9 labels",
        ),
        (
            {},
            {"embedding": "nothing"},
            InputError,
            r"model\.onnx has no value named 'nothing'; its last ones are features",
        ),
        ({}, {"logits": ""}, InputError, r"model\.onnx has no value named ''"),
        ({"second_input": True}, {}, InputError, r"model\.onnx has 2 inputs; a recognizer has one, the images"),
        (
            {"shape": ["n", 3, 28, 28]},
            {},
            MismatchError,
            r"model\.onnx reads images of the shape \[3, 28, 28\].* of one channel",
        ),
        ({"shape": ["n", 1, 32, 32]}, {}, MismatchError, r"model\.onnx reads images of the shape \[1, 32, 32\]"),
        ({}, {"scale": 0.0}, InputError, r"the scale is a number above 0, such as 1 or 255, not 0\.0"),
        ({}, {"scale": float("nan")}, InputError, r"the scale is a number above 0"),
    ],
)
def test_what_cannot_work_says_why(
    tmp_path: Path, changes: dict[str, Any], settings: dict[str, Any], error: type[Exception], message: str
) -> None:
    model = made(tmp_path / "model.onnx", **changes)
    before = contents(tmp_path)
    with pytest.raises(error, match=message):
        adopted(model, tmp_path / "bundle", **settings)
    assert contents(tmp_path) == before


@pytest.mark.parametrize("size", [0, 1, 100, 20_000])
def test_a_truncated_or_foreign_model_is_refused(tmp_path: Path, size: int) -> None:
    path = made(tmp_path / "model.onnx")
    path.write_bytes(path.read_bytes()[:size])
    with pytest.raises(FormatError, match=r"model\.onnx is not an ONNX model: it is truncated, damaged or foreign"):
        adopted(path, tmp_path / "bundle")
    with pytest.raises(InputError, match=r"there is no model at .*nowhere\.onnx"):
        adopted(tmp_path / "nowhere.onnx", tmp_path / "bundle")


def test_with_a_corpus_it_has_styles_and_the_papers_method_works(tmp_path: Path) -> None:
    corpus = digits_corpus(tmp_path / "digits.parquet", digits_split(tmp_path / "split.csv"))
    (tmp_path / "alphabet.txt").write_text("\ufeff" + "\r\n".join(DIGITS) + "\r\n", encoding="utf-8")
    before = contents(tmp_path)
    done = allograph(
        *("bundle", TINY, "--embedding", "embedding", "--logits", "logits", "--alphabet", "alphabet.txt"),
        *("--corpus", "digits.parquet", "-o", "bundle"),
        cwd=tmp_path,
    )
    assert "styles          50" in done.stdout
    assert {name: file for name, file in contents(tmp_path).items() if not name.startswith("bundle")} == before
    bundle = Bundle.open(tmp_path / "bundle")
    assert bundle.styles is not None
    assert bundle.alphabet == DIGITS
    assert bundle.config["accuracy"]["application"] > 0.8
    assert bundle.config["corpus"]["licence"] == "CC BY 4.0"

    from allograph.writer import Writer

    writer = Writer("ana", Recognizer(bundle), adapter="paper")
    images, labels = corpus.images("application"), corpus.labels[corpus.splits == "application"].tolist()
    wrong = [place for place, image in enumerate(images) if writer.read(image).label != labels[place]]
    assert wrong
    for place in wrong:
        writer.correct(writer.read(images[place]), labels[place])
    assert sum(writer.read(images[place]).label == labels[place] for place in wrong) > len(wrong) / 2


def test_the_corpus_must_fit_the_model(tmp_path: Path) -> None:
    corpus = digits_corpus(tmp_path / "digits.parquet")
    learned = digits_corpus(tmp_path / "learned.parquet", digits_split(tmp_path / "split.csv"))
    before = contents(tmp_path)
    settings: dict[str, Any] = {"embedding": "embedding", "logits": "logits"}
    with pytest.raises(InputError, match=r"digits\.parquet has no train or validation samples to find styles on"):
        adopted(TINY, tmp_path / "bundle", **settings, corpus=corpus)
    with pytest.raises(MismatchError, match=r"learned\.parquet is in the mnist frame .*--frame paper"):
        adopted(TINY, tmp_path / "bundle", **settings, corpus=learned, frame="paper")
    with pytest.raises(UnknownLabel, match=r"learned\.parquet holds the label '9', which the model's alphabet does not"):
        adopted(TINY, tmp_path / "bundle", **settings, corpus=learned, alphabet=Alphabet("012345678a"))
    assert contents(tmp_path) == before
