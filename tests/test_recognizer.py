"""The recognizer: the model's own numbers, whatever the batch and the thread; a model of another make is refused."""

from __future__ import annotations

import json
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
from numpy.typing import NDArray

from allograph.bundle import CONFIG, MODEL
from allograph.errors import FormatError, ImageError, MismatchError
from allograph.files.hashes import sha256
from allograph.recognizer import BATCH, OUTPUTS, Recognizer, open_session
from small import SIZE, TINY, digits_corpus, tiny_bundle

IMAGES = np.random.default_rng(0).integers(0, 256, (3 * BATCH + 5, 28, 28), dtype=np.uint8)


@pytest.fixture(scope="module")
def recognizer(tmp_path_factory: pytest.TempPathFactory) -> Recognizer:
    return Recognizer(tiny_bundle(tmp_path_factory.mktemp("recognizer") / "bundle"), threads=1)


def test_it_gives_what_the_model_gives(recognizer: Recognizer) -> None:
    session = onnxruntime.InferenceSession(TINY, providers=["CPUExecutionProvider"])
    expected = session.run(OUTPUTS, {"images": IMAGES[:, None].astype(np.float32) / 255})
    found = recognizer.embed(IMAGES)
    for values, wanted in zip((found.embeddings, found.logits), expected, strict=True):
        assert values.dtype == np.float32
        np.testing.assert_allclose(values, wanted, rtol=1e-4, atol=1e-4)
    assert found.features is None
    assert found.embeddings.shape == (len(IMAGES), SIZE)
    assert found.logits.shape == (len(IMAGES), 10)


def test_it_reads_real_digits(recognizer: Recognizer, tmp_path: Path) -> None:
    corpus = digits_corpus(tmp_path / "digits.parquet")
    read = recognizer.embed(corpus.images("application")).logits.argmax(axis=1)
    assert np.mean(read == recognizer.alphabet.indices(corpus.labels)) > 0.85


@pytest.mark.parametrize("batch", [1, 2, BATCH - 1, BATCH, BATCH + 1, len(IMAGES)])
def test_the_batch_changes_nothing(recognizer: Recognizer, batch: int) -> None:
    whole = recognizer.embed(IMAGES)
    parts = [recognizer.embed(IMAGES[start : start + batch]) for start in range(0, min(len(IMAGES), 4 * batch), batch)]
    for name in ("embeddings", "logits"):
        found = np.concatenate([getattr(part, name) for part in parts])
        np.testing.assert_allclose(found, getattr(whole, name)[: len(found)], rtol=1e-4, atol=1e-4)


def test_one_image_and_none(recognizer: Recognizer) -> None:
    one, many = recognizer.embed(IMAGES[0]), recognizer.embed(IMAGES[:1])
    np.testing.assert_array_equal(one.embeddings, many.embeddings)
    none = recognizer.embed(np.empty((0, 28, 28), np.uint8))
    assert (none.embeddings.shape, none.logits.shape) == ((0, SIZE), (0, 10))
    assert recognizer.embed([]) == none
    assert none.features is None


def test_nothing_read_has_features_where_the_model_has() -> None:
    shipped = Recognizer(threads=1)
    assert shipped.feature_size is not None
    none = shipped.embed([])
    assert none.features is not None
    assert none.features.shape == (0, shipped.feature_size)
    assert none.embeddings.dtype == none.logits.dtype == none.features.dtype == np.float32


def test_grey_values_and_fractions_are_read_alike(recognizer: Recognizer) -> None:
    grey = recognizer.embed(IMAGES[:20])
    kinds: list[type[np.floating]] = [np.float32, np.float64]
    for kind in kinds:
        np.testing.assert_allclose(recognizer.embed(IMAGES[:20].astype(kind) / 255).logits, grey.logits, rtol=1e-4, atol=1e-4)


def changed(value: float, kind: type = np.float32) -> NDArray[Any]:
    """Good samples with one pixel of the third set to `value`."""
    images: NDArray[Any] = np.full((5, 28, 28), 0.5, kind)
    images[2, 14, 14] = value
    return images


def emptied() -> NDArray[np.uint8]:
    images = IMAGES[:5].copy()
    images[3] = 0
    return images


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (IMAGES[0, 0], r"samples are \[28, 28\] or \[n, 28, 28\]; these are \[28\]"),
        (IMAGES[:, :27], r"these are \[\d+, 27, 28\]"),
        (IMAGES[:5, None], r"these are \[5, 1, 28, 28\]"),
        (np.zeros((28, 28, 3), np.uint8), r"these are \[28, 28, 3\]"),
        (IMAGES.astype(np.int64), r"samples are uint8 \(0…255\) or float \(0…1\), not int64"),
        (IMAGES > 0, r"not bool"),
        (IMAGES.astype(str), r"not <U3"),
        (changed(np.nan), r"0…1 and no NaN"),
        (changed(np.nan, np.float64), r"0…1 and no NaN"),
        (changed(np.inf), r"hold 0…1"),
        (changed(-0.001), r"hold 0…1"),
        (changed(1.001), r"divide grey values by 255"),
        (IMAGES.astype(np.float32), r"divide grey values by 255"),
        (emptied(), r"the sample at place 3 is empty: it shows no ink"),
        (np.zeros((28, 28), np.uint8), r"the sample at place 0 is empty"),
        (np.zeros((28, 28), np.float32), r"the sample at place 0 is empty"),
    ],
)
def test_what_is_no_sample_is_refused(recognizer: Recognizer, images: NDArray[Any], message: str) -> None:
    with pytest.raises(ImageError, match=message):
        recognizer.embed(images)


def test_the_input_is_left_as_it_was(recognizer: Recognizer) -> None:
    many: list[NDArray[Any]] = [IMAGES.copy(), IMAGES.astype(np.float32) / 255]
    for images in many:
        before = images.copy()
        recognizer.embed(images)
        np.testing.assert_array_equal(images, before)


def test_threads_that_share_it_get_the_same_answers(recognizer: Recognizer) -> None:
    expected = recognizer.embed(IMAGES)

    def read(start: int) -> bool:
        found = recognizer.embed(IMAGES[start : start + 3])
        return np.allclose(found.logits, expected.logits[start : start + 3], rtol=1e-4, atol=1e-4)

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(read, [start % (len(IMAGES) - 3) for start in range(2000)]))


def test_threads_is_what_one_call_may_use(recognizer: Recognizer) -> None:
    options = recognizer.session.get_session_options()
    assert (options.intra_op_num_threads, options.inter_op_num_threads) == (1, 1)
    assert recognizer._wide_session is recognizer.session
    for threads in (2, None):  # few images take one thread all the same
        spread = Recognizer(recognizer.bundle, threads)
        assert spread.session.get_session_options().intra_op_num_threads == 1
        assert spread._wide_session.get_session_options().intra_op_num_threads == (threads or 0)
        np.testing.assert_allclose(spread.embed(IMAGES).logits, recognizer.embed(IMAGES).logits, rtol=1e-4, atol=1e-4)
    assert open_session(TINY).get_session_options().intra_op_num_threads == 0  # onnxruntime's own choice


def test_a_file_that_is_no_model_is_refused(tmp_path: Path) -> None:
    for number, content in enumerate([b"", b"not a model", TINY.read_bytes()[:1500]]):
        path = tmp_path / f"{number}.onnx"
        path.write_bytes(content)
        with pytest.raises(FormatError, match=rf"{path} is not an ONNX model that onnxruntime can load"):
            open_session(path)


@pytest.mark.parametrize(
    ("size", "alphabet", "message"),
    [
        (9, "0123456789", "the model's output embedding has 8 numbers; 9 were expected"),
        (SIZE, "012345678", "the model's output logits has 10 numbers; 9 were expected"),
        (SIZE, "0123456789a", "the model's output logits has 10 numbers; 11 were expected"),
    ],
)
def test_a_configuration_that_does_not_fit_the_model_is_refused(tmp_path: Path, size: int, alphabet: str, message: str) -> None:
    path = tiny_bundle(tmp_path / "bundle").path
    config = json.loads((path / CONFIG).read_text()) | {"embedding_size": size, "alphabet": list(alphabet)}
    (path / CONFIG).write_text(json.dumps(config))
    with pytest.raises(MismatchError, match=f"{path}: {message}"):
        Recognizer(path)


def bundle_of(model: bytes, path: Path) -> Path:
    """A bundle whose configuration names this model."""
    tiny_bundle(path)
    (path / MODEL).write_bytes(model)
    config = json.loads((path / CONFIG).read_text()) | {"model_hash": sha256(path / MODEL)}
    (path / CONFIG).write_text(json.dumps(config))
    return path


def renamed(old: bytes, new: bytes) -> bytes:
    """The tiny model with a name exchanged for one of the same length, which leaves the file sound."""
    model = TINY.read_bytes()
    assert len(old) == len(new)
    assert old in model
    return model.replace(old, new)


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (renamed(b"images", b"pixels"), r"has the inputs ['pixels'] and the outputs ['embedding', 'logits']; a bundle's model"),
        (renamed(b"logits", b"scores"), r"the outputs ['embedding', 'scores']; a bundle's model has images [n, 1, 28, 28]"),
        (renamed(b"embedding", b"embeddin_"), r"the outputs ['embeddin_', 'logits']"),
    ],
)
def test_a_model_of_another_make_is_refused(tmp_path: Path, model: bytes, message: str) -> None:
    with pytest.raises(FormatError, match=re.escape(message)):
        Recognizer(bundle_of(model, tmp_path / "bundle"))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            "fixed batch",
            r"model\.onnx reads exactly 1 images at a time; a bundle's model reads any number\. Make it one with: allog",
        ),
        ("one answer", r"the model's output logits is float32 \[1, 10\] for two images; float32 \[2, …\] was expected"),
        ("no row", r"the model's output logits is float32 \[2\] for two images"),
        ("wide answer", r"the model's output logits is float64 \[2, 10\] for two images"),
        ("wide input", r"the model cannot read two images at once"),
        ("fixed inside", r"the model cannot read two images at once"),
    ],
)
@pytest.mark.usefixtures("torch_installed")
def test_a_model_that_answers_in_another_form_is_refused(tmp_path: Path, change: str, message: str) -> None:
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    model = onnx.load(TINY)
    graph = model.graph
    images, last = graph.input[0].type.tensor_type, graph.node[-1]
    last.output[0] = "each"
    name, node = "each", helper.make_node("Identity", ["each"], ["logits"])
    if change == "fixed batch":
        images.shape.dim[0].dim_value = 1
    elif change == "one answer":
        node = helper.make_node("ReduceMean", [name], ["logits"], axes=[0])
    elif change == "no row":
        node = helper.make_node("ReduceMean", [name], ["logits"], axes=[1], keepdims=0)
    elif change == "wide answer":
        node = helper.make_node("Cast", [name], ["logits"], to=TensorProto.DOUBLE)
    elif change == "wide input":
        images.elem_type = TensorProto.DOUBLE
        graph.node.insert(0, helper.make_node("Cast", ["images"], ["narrow"], to=TensorProto.FLOAT))
        graph.node[1].input[0] = "narrow"
    else:
        graph.initializer.append(numpy_helper.from_array(np.array([1, 10]), "shape"))
        node = helper.make_node("Reshape", [name, "shape"], ["logits"])
    graph.node.append(node)
    graph.output[1].CopyFrom(onnx.ValueInfoProto(name="logits"))

    path = bundle_of(model.SerializeToString(), tmp_path / "bundle")
    with pytest.raises(FormatError, match=message) as caught:
        Recognizer(path)
    assert str(path) in str(caught.value)
