"""What becomes of a sample before somebody else's model reads it: the graph does what the words say, whatever the settings."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from allograph.errors import InputError
from allograph.recognizer import Recognizer
from small import DIGITS

pytestmark = pytest.mark.usefixtures("torch_installed")

IMAGES = np.random.default_rng(0).integers(0, 256, (5, 28, 28), dtype=np.uint8)


@given(st.integers(1, 300))
@settings(max_examples=60, deadline=None)
def test_resizing_is_pillows_bilinear_resizing(size: int) -> None:
    from allograph.training.preprocessing import interpolation

    picture = np.random.default_rng(size).random((28, 28), np.float32)
    weights = interpolation(size)
    expected = Image.fromarray(picture).resize((size, size), Image.Resampling.BILINEAR)
    np.testing.assert_allclose(weights @ picture @ weights.T, np.asarray(expected), atol=1e-4)
    np.testing.assert_allclose(weights.sum(axis=1), 1, atol=1e-6)


def mirror(path: Path, shape: list[Any], kind: int) -> Path:
    """Write a model whose embedding is what it was given, and whose logits are its first ten numbers."""
    from onnx import TensorProto, helper, numpy_helper, save

    graph = helper.make_graph(
        [
            helper.make_node("Cast", ["pixels"], ["numbers"], to=TensorProto.FLOAT),
            helper.make_node("Flatten", ["numbers"], ["seen"], axis=1),
            helper.make_node("Gather", ["seen", "ten"], ["first"], axis=1),
        ],
        "mirror",
        [helper.make_tensor_value_info("pixels", kind, shape)],
        [helper.make_tensor_value_info("seen", TensorProto.FLOAT, [None, None])],
        [numpy_helper.from_array(np.arange(10), "ten")],
    )
    save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8), path)
    return path


def as_documented(asked: Any, images: NDArray[np.uint8]) -> NDArray[np.float64]:
    """The steps one by one, in their order: what a model reads, [n, channels, height, width]."""
    values = images.astype(np.float64) / 255
    if asked.transpose:
        values = values.swapaxes(1, 2)
    if asked.invert:
        values = 1 - values
    values = values * asked.scale
    channels = []
    for i in range(asked.depth):
        mean, std = (numbers[i % len(numbers)] for numbers in (asked.mean, asked.std))
        planes = ((values - mean) / std).astype(np.float32)
        size = asked.size[::-1]
        channels.append([np.asarray(Image.fromarray(plane).resize(size, Image.Resampling.BILINEAR)) for plane in planes])
    return np.array(channels, np.float64).swapaxes(0, 1)


numbers = st.floats(-2, 2, allow_subnormal=False)
deviations = st.floats(0.1, 3)


@st.composite
def preprocessings(draw: st.DrawFn) -> Any:
    from allograph.training.preprocessing import Preprocessing

    depth = draw(st.sampled_from([1, 3]))
    each = st.sampled_from([1, depth])
    return Preprocessing(
        transpose=draw(st.booleans()),
        invert=draw(st.booleans()),
        scale=draw(st.sampled_from([1.0, 255.0, 0.5])),
        mean=tuple(draw(numbers) for _ in range(draw(each))),
        std=tuple(draw(deviations) for _ in range(draw(each))),
        size=(draw(st.sampled_from([28, 14, 32])), draw(st.sampled_from([28, 40]))),
        channels=depth,
    )


@given(preprocessings(), st.booleans(), st.booleans())
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_graph_does_what_the_words_say(tmp_path: Path, asked: Any, is_last: bool, is_open: bool) -> None:
    from allograph.training.own_model import adopt

    height, width = asked.size
    sides: list[Any] = ["h", "w"] if is_open else [height, width]
    shape = ["n", *sides, asked.depth] if is_last else ["n", asked.depth, *sides]
    bundle = adopt(
        *(mirror(tmp_path / "mirror.onnx", shape, 1), tmp_path / "bundle", DIGITS, "seen", "first"),
        **{name: getattr(asked, name) for name in ("transpose", "invert", "scale", "mean", "std", "size", "channels")},
        warn=lambda text: None,
    )
    found = Recognizer(bundle).embed(IMAGES).embeddings
    expected = as_documented(asked, IMAGES)
    if is_last:
        expected = np.moveaxis(expected, 1, -1)
    np.testing.assert_allclose(found, expected.reshape(len(IMAGES), -1), rtol=1e-3, atol=2e-3 * asked.scale)
    assert bundle.config.adopted["preprocessing"]["scale"] == asked.scale


@pytest.mark.parametrize("kind", ["UINT8", "INT8", "UINT16", "INT32", "INT64"])
@pytest.mark.parametrize("invert", [False, True])
def test_whole_numbers_are_rounded_and_reach_255(tmp_path: Path, kind: str, invert: bool) -> None:
    from onnx import TensorProto

    from allograph.training.own_model import adopt

    model = mirror(tmp_path / "mirror.onnx", ["n", 1, 28, 28], getattr(TensorProto, kind))
    mean = 128 if kind == "INT8" else 0
    bundle = adopt(model, tmp_path / "bundle", DIGITS, "seen", "first", invert=invert, mean=mean, warn=lambda text: None)
    pixels = IMAGES.astype(np.float32).reshape(len(IMAGES), -1)
    np.testing.assert_array_equal(Recognizer(bundle).embed(IMAGES).embeddings, (255 - pixels if invert else pixels) - mean)


def test_truth_values_are_ink_from_a_half_on(tmp_path: Path) -> None:
    from onnx import TensorProto

    from allograph.training.own_model import adopt

    model = mirror(tmp_path / "mirror.onnx", ["n", 28, 28], TensorProto.BOOL)
    bundle = adopt(model, tmp_path / "bundle", DIGITS, "seen", "first", warn=lambda text: None)
    np.testing.assert_array_equal(Recognizer(bundle).embed(IMAGES).embeddings, IMAGES.reshape(len(IMAGES), -1) >= 128)


@pytest.mark.parametrize(
    ("kind", "options", "message"),
    [
        ("UINT8", {"mean": 0.5, "std": 0.5}, r"reads uint8 numbers, 0 to 255, and with these settings pixels become -1 to 509"),
        ("INT8", {}, r"reads int8 numbers, -128 to 127, .* become 0 to 255; choose --scale, --mean and --std so that they fit"),
        ("UINT8", {"scale": 256}, r"become 0 to 256"),
        ("BOOL", {"scale": 255}, r"reads bool numbers, 0 to 1"),
    ],
)
def test_pixels_that_do_not_fit_the_models_type_are_refused(
    tmp_path: Path, kind: str, options: dict[str, Any], message: str
) -> None:
    from onnx import TensorProto

    from allograph.training.own_model import adopt

    model = mirror(tmp_path / "mirror.onnx", ["n", 1, 28, 28], getattr(TensorProto, kind))
    with pytest.raises(InputError, match=message):
        adopt(model, tmp_path / "bundle", DIGITS, "seen", "first", **options)
    assert not (tmp_path / "bundle").exists()


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"mean": (float("nan"),)}, r"the mean is a number, or one for each channel, not \[nan\]"),
        ({"mean": ()}, "the mean is a number"),
        ({"std": (0.0,)}, "the standard deviation is a number above 0"),
        ({"std": (-1.0, 1.0)}, "the standard deviation is a number above 0"),
        ({"std": (float("inf"),)}, "the standard deviation is a number above 0"),
        ({"scale": -1.0}, "the scale is a number above 0, such as 1 or 255, not -1"),
        ({"size": (0, 28)}, r"the size is a height and a width of 1 to 2048 pixels, not \[0, 28\]"),
        ({"size": (28, 100_000)}, "the size is a height and a width"),
        ({"channels": 0}, "there may be 1 to 64 channels, such as 1 or 3, not 0"),
        ({"channels": 1000}, "there may be 1 to 64 channels"),
        ({"mean": (1.0, 2.0), "channels": 3}, "2 means for 3 channels: give one, or one for each channel"),
        ({"mean": (1.0, 2.0), "std": (1.0, 2.0, 3.0)}, "2 means for 3 channels"),
        ({"std": (1.0, 2.0), "channels": 1}, "2 standard deviations for 1 channels"),
    ],
)
def test_numbers_that_make_no_sense_are_refused(values: dict[str, Any], message: str) -> None:
    from allograph.training.preprocessing import Preprocessing

    with pytest.raises(InputError, match=message):
        Preprocessing(**values)


@given(preprocessings())
def test_options_say_all_that_was_asked(asked: Any) -> None:
    from allograph.training.preprocessing import Preprocessing, parse_numbers, parse_size

    said = dict(option.split() if " " in option else (option, "yes") for option in asked.options())
    mean, std = (parse_numbers(said.pop(name, plain), name) for name, plain in (("--mean", "0"), ("--std", "1")))
    again = Preprocessing(
        "--transpose" in said,
        "--invert" in said,
        float(said.pop("--scale", 1)),
        mean,
        std,
        parse_size(said.pop("--size", "28")),
        int(said["--channels"]) if "--channels" in said else None,
    )
    for one, other in zip(again.factors(), asked.factors(), strict=True):
        np.testing.assert_allclose(one + 0 * other, other + 0 * one, rtol=1e-4, atol=1e-4)
    assert (again.transpose, again.size, again.depth) == (asked.transpose, asked.size, asked.depth)


@pytest.mark.parametrize("text", ["", "a", "0.1;0.2", "0.1,", "1 2"])
def test_what_is_no_list_of_numbers_is_refused(text: str) -> None:
    from allograph.training.preprocessing import parse_numbers

    with pytest.raises(InputError, match=r"--mean .* is no number and no list of them; write 0\.5, or 0\.485,0\.456,0\.406"):
        parse_numbers(text, "--mean")


@pytest.mark.parametrize("text", ["", "x", "32x", "32x24x3", "-1", "3.5", "1000000", "²"])
def test_what_is_no_size_is_refused(text: str) -> None:
    from allograph.training.preprocessing import parse_size

    with pytest.raises(InputError, match=r"is no size; write a side such as 32, or HEIGHTxWIDTH such as 32x24"):
        parse_size(text)
