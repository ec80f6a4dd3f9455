"""Anyone's ONNX model becomes a bundle: every layout, inner values, probabilities, fixed batches; what cannot work says why."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from allograph.adapters import best
from allograph.alphabet.labels import Alphabet
from allograph.bundle import MODEL, Bundle
from allograph.corpora.corpus import Corpus
from allograph.corpora.digits import DigitsSource
from allograph.corpora.preparation import prepare
from allograph.errors import FormatError, InputError, MismatchError, UnknownLabel
from allograph.readings import log_softmax
from allograph.recognizer import Recognizer
from small import DIGITS, TINY, allograph, contents, digits_corpus, digits_split, tiny_bundle
from wanting import wanting

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
    from allograph.training.own_model import adopt

    settings = {"alphabet": DIGITS, "embedding": "features", "logits": "scores", "warn": lambda text: None, **settings}
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
        ["n", 1, "h", "w"],
        ["n", "h", "w", 1],
        ["n", None, None, None],
        ["n", "pixels"],
        [1, 1, None, 28],
        [-1, 1, 28, 28],
        ["n", 1, 1, 28, 28],
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


@pytest.mark.slow
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
    assert (bundle.config.accuracy["application"] or 0) > 0.8
    assert bundle.config.corpus["licence"] == "CC BY 4.0"

    from allograph.writers.writer import Writer

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


# Models that want their pictures otherwise

MNIST: dict[str, Any] = {"mean": (0.1307,), "std": (0.3081,)}
IMAGENET: dict[str, Any] = {"mean": (0.485, 0.456, 0.406), "std": (0.229, 0.224, 0.225)}


@pytest.fixture(scope="module")
def digits(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    folder = tmp_path_factory.mktemp("digits")
    return digits_corpus(folder / "digits.parquet", digits_split(folder / "split.csv"))


@pytest.fixture(scope="module")
def tiny_accuracy(digits: Corpus, tmp_path_factory: pytest.TempPathFactory) -> dict[str, float]:
    """What the tiny model reads right of each split."""
    read = Recognizer(tiny_bundle(tmp_path_factory.mktemp("tiny") / "bundle")).embed(all_images(digits)).logits.argmax(axis=1)
    right = read == DIGITS.indices(digits.labels)
    return {part: float(right[digits.splits == part].mean()) for part in ("train", "validation", "application")}


def all_images(corpus: Corpus) -> NDArray[np.uint8]:
    return np.concatenate([batch.images for batch in corpus.batches()])


def adopt_tiny(model: Path, output: Path, logits: str = "logits", **settings: Any) -> tuple[Bundle, list[str]]:
    """Adopt a model that reads on as the tiny one does; what was warned of comes too."""
    from allograph.training.own_model import adopt

    warnings: list[str] = []
    settings = {"alphabet": DIGITS, "embedding": "embedding", "logits": logits, "warn": warnings.append, **settings}
    return adopt(model, output, **settings), warnings


@pytest.mark.parametrize(
    ("wants", "settings"),
    [
        ({"scale": 255.0}, {"scale": 255.0}),
        (MNIST, MNIST),
        ({"mean": (0.13,), "std": (0.31,)}, {"mean": 0.13, "std": 0.31}),
        ({"mean": (0.5,), "std": (0.5,)}, {"mean": 0.5, "std": 0.5}),
        ({"invert": True}, {"invert": True}),
        (
            {"invert": True, "scale": 255.0, "mean": (127.5,), "std": (127.5,)},
            {"invert": True, "scale": 255, "mean": 127.5, "std": 127.5},
        ),
        ({"transpose": True}, {"transpose": True}),
        ({"size": 32}, {"size": 32}),
        ({"size": 64, "transpose": True, "invert": True, **MNIST}, {"size": 64, "transpose": True, "invert": True, **MNIST}),
        ({"channels": 3}, {"channels": 3}),
        ({"channels": 3, "size": 32, **IMAGENET}, {"size": (32, 32), **IMAGENET}),
        ({"channels": 3, "shape": ["n", 28, 28, 3], **IMAGENET}, IMAGENET),
        ({"channels": 3, "shape": [None, None, None, 3], **IMAGENET}, IMAGENET),
        ({"channels": 3, "shape": ["n", 3, "h", "w"]}, {"channels": 3}),
        ({"channels": 3, "shape": ["n", "c", "h", "w"], **MNIST}, {"channels": 3, **MNIST}),
        ({"kind": 2, "scale": 255.0}, {}),  # uint8
        ({"kind": 2, "scale": 255.0, "invert": True, "shape": ["n", 28, 28, 1]}, {"invert": True}),
        ({"kind": 3, "scale": 255.0, "mean": (128.0,)}, {"mean": 128}),  # int8
        ({"kind": 6, "scale": 255.0, "shape": ["n", 784]}, {}),  # int32
        ({"kind": 10}, {}),  # float16
        ({"kind": 11, **MNIST}, MNIST),  # float64
        ({"flag": True}, {}),
        ({"opset": 7, "ir_version": 3, **MNIST}, MNIST),  # weights are inputs
        ({"opset": 9, "ir_version": 3, "size": 32, "channels": 3}, {"size": 32, "channels": 3}),
        ({"opset": 17, "ir_version": 10, "size": 32, "channels": 3}, {"size": 32, "channels": 3}),
    ],
    ids=str,
)
def test_adopted_right_it_reads_as_it_was_made_to(
    digits: Corpus, tmp_path: Path, wants: dict[str, Any], settings: dict[str, Any]
) -> None:
    bundle, _ = adopt_tiny(wanting(tmp_path / "model.onnx", **wants), tmp_path / "bundle", **settings)
    images = all_images(digits)[::10]
    expected = Recognizer(tiny_bundle(tmp_path / "tiny")).embed(images)
    found = Recognizer(bundle).embed(images)
    tolerance = 0.1 if wants.get("kind") == 10 else 2e-3
    np.testing.assert_allclose(found.logits, expected.logits, rtol=1e-3, atol=tolerance)
    np.testing.assert_allclose(found.embeddings, expected.embeddings, rtol=1e-3, atol=tolerance)


def options_of(warning: str) -> dict[str, Any]:
    """The settings that a warning names."""
    words = warning.rpartition("adopt it again ")[2].partition("without")[0].replace("with ", "").removesuffix(" and ").split()
    named: dict[str, Any] = {}
    while words:
        match words.pop(0).removeprefix("--"):
            case "transpose" | "invert" as flag:
                named[flag] = True
            case "mean" | "std" as name:
                named[name] = [float(number) for number in words.pop(0).split(",")]
            case "scale" | "channels" as name:
                named[name] = int(words.pop(0))
    return named


@pytest.mark.parametrize(
    ("wants", "given", "named"),
    [
        ({"scale": 255.0}, {}, "with --scale 255"),
        (MNIST, {}, "with --mean 0.1307 --std 0.3081"),
        ({"mean": (0.5,), "std": (0.5,)}, {}, "with --mean 0.5 --std 0.5"),
        ({"invert": True}, {}, "with --invert"),
        ({"transpose": True}, {}, "with --transpose"),
        ({"invert": True, "scale": 255.0}, {}, "with --invert --scale 255"),
        ({"transpose": True, "invert": True, **MNIST}, {}, "with --transpose --invert --mean 0.1307 --std 0.3081"),
        ({"channels": 3, **IMAGENET}, {"channels": 3}, "with --mean 0.485,0.456,0.406 --std 0.229,0.224,0.225 --channels 3"),
        ({"kind": 2, "scale": 255.0}, {"scale": 1.0}, "without --scale 1"),
        ({"kind": 2, "scale": 255.0, "invert": True}, {}, "with --invert"),
        ({}, {"scale": 255.0}, "without --scale 255"),
        ({}, {"invert": True}, "without --invert"),
        ({}, MNIST, "without --mean 0.1307 --std 0.3081"),
        ({"scale": 255.0}, {"invert": True}, "with --scale 255 and without --invert"),
    ],
    ids=str,
)
def test_adopted_wrongly_it_names_the_right_options(
    digits: Corpus, tiny_accuracy: dict[str, float], tmp_path: Path, wants: dict[str, Any], given: dict[str, Any], named: str
) -> None:
    model = wanting(tmp_path / "model.onnx", **wants)
    bundle, warnings = adopt_tiny(model, tmp_path / "bundle", corpus=digits, **given)
    (warning,) = warnings
    assert (bundle.config.accuracy["application"] or 0) < tiny_accuracy["application"]
    assert re.fullmatch(rf"it reads \d+ % of 400 samples of .* right, and would read 8\d %: adopt it again {named}", warning)
    bundle, _ = adopt_tiny(model, tmp_path / "bundle", **options_of(warning))
    application = digits.splits == "application"
    read = Recognizer(bundle).embed(digits.images("application")).logits.argmax(axis=1)
    right = np.mean(read == DIGITS.indices(digits.labels[application]))
    assert right == pytest.approx(tiny_accuracy["application"], abs=0.005)


def test_a_corpus_in_the_other_frame_is_noticed(digits: Corpus, tmp_path: Path) -> None:
    prepare(DigitsSource(), tmp_path / "paper.parquet", str(digits_split(tmp_path / "split.csv")), "paper", jobs=1)
    corpus = Corpus.open(tmp_path / "paper.parquet")
    _, (warning,) = adopt_tiny(TINY, tmp_path / "bundle", corpus=corpus, frame="paper")
    assert warning.endswith("prepare the corpus with --frame mnist, and adopt it again with --frame mnist")


def test_an_alphabet_in_another_order_is_noticed(digits: Corpus, tmp_path: Path) -> None:
    _, (warning,) = adopt_tiny(TINY, tmp_path / "bundle", corpus=digits, alphabet=Alphabet("9876543210"))
    assert "the alphabet seems to be in another order than the logits" in warning
    assert "it says '9' for '0', '8' for '1'," in warning
    assert warning.endswith("in the right order 89 % would be right")


def test_a_model_that_reads_near_chance_is_noticed(digits: Corpus, tmp_path: Path) -> None:
    recognizer_warnings: list[str] = []
    adopted(made(tmp_path / "model.onnx"), tmp_path / "bundle", corpus=digits, warn=recognizer_warnings.append)
    (warning,) = recognizer_warnings
    assert "which is near chance, and no other setting reads them far better: are these the model's logits" in warning


@pytest.mark.parametrize("end", ["Softmax", "LogSoftmax", "Sigmoid", "Sigmoid by hand"])
def test_what_the_logits_end_in(digits: Corpus, tmp_path: Path, end: str) -> None:
    bundle, _ = adopt_tiny(wanting(tmp_path / "model.onnx", end=end), tmp_path / "bundle", "answer")
    images = all_images(digits)[::10]
    expected = Recognizer(tiny_bundle(tmp_path / "tiny")).embed(images).logits
    found = Recognizer(bundle).embed(images).logits
    if end == "Sigmoid by hand":
        expected = expected.clip(-15, 15)  # beyond that a sigmoid has no digits left
        assert np.isfinite(found).all()
        found = found.clip(-15, 15)
    elif "oftmax" in end:
        expected = log_softmax(expected)
        found, expected = found.clip(min=-80), expected.clip(min=-80)
    np.testing.assert_allclose(found, expected, rtol=5e-2 if "hand" in end else 1e-3, atol=0.3 if "hand" in end else 1e-3)


def sklearns(path: Path) -> Path:
    """Write a linear classifier as skl2onnx does: labels, and a list of dictionaries."""
    from onnx import TensorProto, helper, save

    dictionaries = helper.make_map_type_proto(TensorProto.INT64, helper.make_tensor_type_proto(TensorProto.FLOAT, []))
    classifier = helper.make_node(
        *("LinearClassifier", ["flat"], ["label", "probabilities"]),
        domain="ai.onnx.ml",
        coefficients=RANDOM.normal(size=7840).tolist(),
        intercepts=[0.0] * 10,
        classlabels_ints=list(range(10)),
        post_transform="SOFTMAX",
    )
    graph = helper.make_graph(
        [
            helper.make_node("Identity", ["X"], ["flat"]),
            classifier,
            helper.make_node(
                "ZipMap", ["probabilities"], ["output_probability"], domain="ai.onnx.ml", classlabels_int64s=list(range(10))
            ),
            helper.make_node("Cast", ["label"], ["output_label"], to=TensorProto.INT64),
            helper.make_node("ArgMax", ["probabilities"], ["largest"], axis=1),
            helper.make_node("Gather", ["classes", "largest"], ["looked_up"]),
        ],
        "sklearn's",
        [helper.make_tensor_value_info("X", TensorProto.FLOAT, [None, 784])],
        [
            helper.make_tensor_value_info("output_label", TensorProto.INT64, [None]),
            helper.make_value_info("output_probability", helper.make_sequence_type_proto(dictionaries)),
        ],
        [helper.make_tensor("classes", TensorProto.INT64, [10], range(10))],
    )
    opsets = [helper.make_opsetid("", 13), helper.make_opsetid("ai.onnx.ml", 1)]
    save(helper.make_model(graph, opset_imports=opsets, ir_version=8), path)
    return path


def test_labels_and_dictionaries_in_place_of_logits_name_what_to_name(tmp_path: Path) -> None:
    model = sklearns(tmp_path / "model.onnx")
    for name, message in (
        ("output_probability", r"'output_probability' is a list of dictionaries \(a ZipMap.*name what goes .*: probabilities$"),
        ("output_label", r"'output_label' is the label that was chosen \(LinearClassifier\), .* instead: probabilities$"),
        (
            "largest",
            r"'largest' is the label that was chosen \(ArgMax\), not a number for each label; .*: probabilities$",
        ),
        ("looked_up", r"'looked_up' is the label that was chosen \(ArgMax\)"),
    ):
        for settings in ({"embedding": "flat", "logits": name}, {"embedding": name, "logits": "probabilities"}):
            with pytest.raises(InputError, match=message):
                adopted(model, tmp_path / "bundle", **settings)
    adopted(model, tmp_path / "bundle", embedding="flat", logits="probabilities")


def test_an_inner_graph_that_refers_to_outer_values(tmp_path: Path) -> None:
    from onnx import TensorProto, helper, load, numpy_helper, save

    model = load(TINY)
    branches = {
        f"{name}_branch": helper.make_graph(
            [helper.make_node("Mul", ["logits", factor], [name])],
            name,
            [],
            [helper.make_tensor_value_info(name, TensorProto.FLOAT, [None, 10])],
        )
        for name, factor in (("then", "three"), ("else", "two"))
    }
    model.graph.node.append(helper.make_node("If", ["training"], ["images/out"], **branches))
    model.graph.initializer.extend(numpy_helper.from_array(np.float32(n), name) for name, n in (("two", 2), ("three", 3)))
    model.graph.input.append(helper.make_tensor_value_info("training", TensorProto.BOOL, [1]))
    model.graph.output.append(helper.make_tensor_value_info("images/out", TensorProto.FLOAT, [None, 10]))
    save(model, tmp_path / "model.onnx")
    bundle, _ = adopt_tiny(tmp_path / "model.onnx", tmp_path / "bundle", "images/out")
    expected = 2 * Recognizer(tiny_bundle(tmp_path / "tiny")).embed(IMAGES).logits
    np.testing.assert_allclose(Recognizer(bundle).embed(IMAGES).logits, expected, rtol=1e-4, atol=1e-4)


def test_a_model_without_a_shape_and_an_operator_that_nobody_has(tmp_path: Path) -> None:
    from onnx import helper, load, save

    model = load(TINY)
    model.graph.input[0].type.tensor_type.ClearField("shape")
    model.graph.output[0].type.tensor_type.ClearField("shape")
    save(model, tmp_path / "model.onnx")
    bundle, _ = adopt_tiny(tmp_path / "model.onnx", tmp_path / "bundle")
    assert len(bundle.alphabet) == 10
    model = load(TINY)
    model.graph.node[0].op_type, model.graph.node[0].domain = "Frobnicate", "com.acme"
    model.opset_import.append(helper.make_opsetid("com.acme", 1))
    save(model, tmp_path / "model.onnx")
    with pytest.raises(FormatError, match=r"onnxruntime cannot run it with these settings \(.*Frobnicate.*standard operators"):
        adopt_tiny(tmp_path / "model.onnx", tmp_path / "other")


@pytest.mark.slow
def test_a_convolutional_network_of_torch_for_32_by_32_pictures_of_three_channels(tmp_path: Path) -> None:
    import torch
    from torch import nn

    network = nn.Sequential(
        *(nn.Conv2d(3, 4, 5, stride=2), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 8), nn.Linear(8, 10))
    ).eval()
    sides = torch.export.Dim("h", min=8), torch.export.Dim("w", min=8)
    dynamic = ({0: torch.export.Dim("n"), 2: sides[0], 3: sides[1]},)
    torch.onnx.export(
        network, (torch.zeros(2, 3, 40, 48),), tmp_path / "model.onnx", dynamic_shapes=dynamic, dynamo=True, verbose=False
    )
    import onnx

    values = [node.output[0] for node in onnx.load(tmp_path / "model.onnx").graph.node]
    settings: dict[str, Any] = {"embedding": values[-2], "logits": values[-1], "size": 32, **IMAGENET}
    recognizer = adopted(tmp_path / "model.onnx", tmp_path / "bundle", **settings)
    inputs = nn.functional.interpolate(torch.from_numpy(IMAGES[:, None].astype(np.float32) / 255), (32, 32), mode="bilinear")
    mean, std = (torch.tensor(IMAGENET[name]).reshape(1, 3, 1, 1) for name in ("mean", "std"))
    with torch.no_grad():
        expected = network((inputs - mean) / std).numpy()
    np.testing.assert_allclose(recognizer.embed(IMAGES).logits, expected, rtol=1e-4, atol=1e-4)


# What a corpus leaves in the bundle


def test_with_a_corpus_the_default_method_works_and_cuts_errors(digits: Corpus, tmp_path: Path) -> None:
    from allograph.adapters.population import Population

    bundle, warnings = adopt_tiny(TINY, tmp_path / "bundle", corpus=digits)
    assert warnings == []
    assert best(bundle) == "allograph"
    train = digits.splits == "train"
    samples = Recognizer(bundle).embed(all_images(digits)[train])
    expected = Population.estimate(samples, DIGITS.indices(digits.labels[train]), digits.writers[train])
    for name, array in expected.arrays().items():
        np.testing.assert_array_equal(bundle.statistics[name], array, strict=True)
    assert bundle.config.population == {"writers": 10, "samples": int(train.sum())}
    assert Population.of(bundle).means.shape == (10, 8)
    done = allograph(
        *("evaluate", digits.path, "--model", "bundle", "--method", "allograph", "--resamples", "3", "--json"), cwd=tmp_path
    )
    (run,) = json.loads(done.stdout)["runs"]
    assert run["methods"]["allograph"]["error_cut"] > 0.1


def test_statistics_are_of_as_many_whole_writers_as_memory_is_given_to(digits: Corpus, tmp_path: Path) -> None:
    from allograph.training.statistics import TrainWriters

    recognizer = Recognizer(tiny_bundle(tmp_path / "bundle"))
    count, width = int((digits.splits == "train").sum()), 8 + 10
    sizes = {writer: int((digits.writers == writer).sum()) for writer in np.unique(digits.writers).tolist()}
    for numbers in (1, 50 * width, count * width // 2, count * width, 10**9):
        known = TrainWriters(digits, recognizer, seed=3, numbers=numbers)
        for batch in digits.batches():
            known.add(batch.rows, recognizer.embed(batch.images))
        found = known.record
        assert 1 <= found["samples"] <= max(numbers // width, 1)
        assert bool(known.statistics()) == (found["writers"] > 1)
        assert found["writers"] == 1 or found["samples"] >= numbers // width - max(sizes.values()) or found["samples"] == count
    assert found == {"writers": 10, "samples": count}


def test_huge_and_tiny_embeddings_keep_their_statistics(digits: Corpus, tmp_path: Path) -> None:
    for scale in (1e5, 1e-5):
        warnings: list[str] = []
        recognizer = adopted(made(tmp_path / "model.onnx"), tmp_path / "bundle", scale=scale, corpus=digits, warn=warnings.append)
        assert best(recognizer.bundle) == "allograph"
        assert all(np.isfinite(array).all() and array.any() for array in recognizer.bundle.statistics.values())


def test_what_is_missing_is_said(digits: Corpus, tmp_path: Path) -> None:
    bundle, (warning,) = adopt_tiny(TINY, tmp_path / "bundle")
    assert warning.startswith("nothing was checked: whether the model reads pictures as they are meant is not known")
    assert best(bundle) == "memory"
    with pytest.warns(UserWarning, match="nothing was checked"):
        adopted(made(tmp_path / "model.onnx"), tmp_path / "bundle", warn=warn_as_usual())
    (tmp_path / "split.csv").write_text("writer,split\n" + "".join(f"run-{run:02d},validation\n" for run in range(14)))
    corpus = digits_corpus(tmp_path / "digits.parquet", tmp_path / "split.csv")
    bundle, (warning,) = adopt_tiny(TINY, tmp_path / "bundle", corpus=corpus)
    assert warning.startswith("the corpus has too few train writers")
    assert best(bundle) == "paper"


def warn_as_usual() -> Any:
    import inspect

    from allograph.training.own_model import adopt

    return inspect.signature(adopt).parameters["warn"].default


@pytest.mark.slow
def test_the_command_prints_accuracies_and_warnings(digits: Corpus, tmp_path: Path) -> None:
    wanting(tmp_path / "model.onnx", scale=255.0, channels=3, size=32)
    (tmp_path / "labels.txt").write_text("\n".join(DIGITS) + "\n")
    command = (
        "bundle",
        "model.onnx",
        "--embedding",
        "embedding",
        "--logits",
        "logits",
        "--alphabet",
        "labels.txt",
        "-o",
        "bundle",
    )
    refused = allograph(*command, cwd=tmp_path, status=2)
    assert "reads images of the shape [3, 32, 32]" in refused.stderr
    assert "Give --size 32 --channels 3" in refused.stderr
    options = ("--size", "32x32", "--channels", "3", "--mean", "0,0,0", "--corpus", digits.path)
    done = allograph(*command, *options, "--json", cwd=tmp_path)
    said = json.loads(done.stdout)
    (warning,) = said["warnings"]
    assert said["accuracy"]["application"] < 0.2
    assert warning.endswith("89 %: adopt it again with --scale 255 --size 32 --channels 3")
    assert f"allograph: warning: {warning}" in done.stderr
    done = allograph(*command, *warning.rpartition(" with ")[2].split(), "--corpus", digits.path, cwd=tmp_path)
    assert "warning" not in done.stderr
    assert re.search(r"accuracy +train 88\.\d\d %, validation 9\d\.\d\d %, application 8\d\.\d\d %", done.stdout)
    assert re.search(r"method +allograph", done.stdout)
    done = allograph("bundle", TINY, *command[2:], cwd=tmp_path)
    assert "allograph: warning: nothing was checked" in done.stderr
    assert "not known: there was no corpus" in done.stdout
    for option, value, message in (
        ("--mean", "a", "is no number"),
        ("--size", "32x", "is no size"),
        ("--std", "0", "a number above 0"),
        ("--channels", "0", "1 to 64 channels"),
    ):
        assert message in allograph(*command, option, value, cwd=tmp_path, status=2).stderr
