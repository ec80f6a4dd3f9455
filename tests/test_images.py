from __future__ import annotations

import io
import struct
import tracemalloc
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import PIL
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from numpy.typing import NDArray
from PIL import Image
from scipy.ndimage import gaussian_filter

from allograph.errors import ImageError, InputError
from allograph.images import frames as images
from allograph.images.frames import FRAMES, Frame, check_frame, decode, model_input, to_frame
from allograph.images.resolution import ORIENTATION

Grey = NDArray[np.uint8]


def box(width: int, height: int, left: int = 30, top: int = 25, side: int = 128) -> Grey:
    """White ink, a filled rectangle, on a black square."""
    picture = np.zeros((side, side), np.uint8)
    picture[top : top + height, left : left + width] = 255
    return picture


def edges(profile: NDArray[Any]) -> tuple[float, float]:
    """Where a bright bar begins and ends, to a fraction of a pixel, from the mass around its middle."""
    share = profile / profile.max()
    middle = len(share) // 2
    return middle - float(share[:middle].sum()), middle + float(share[middle:].sum())


def png(picture: Image.Image, kind: str = "PNG") -> bytes:
    file = io.BytesIO()
    picture.save(file, kind)
    return file.getvalue()


shapes_of_ink = arrays(np.bool_, array_shapes(min_dims=2, max_dims=2, min_side=5, max_side=40)).filter(
    lambda ink: bool(ink.any())
)


def otsu(picture: Grey) -> int:
    return images._otsu(picture, int(picture.min()), int(picture.max()))


@pytest.mark.parametrize(
    ("values", "threshold"),
    [
        # class means 2/4 and 38/4, within-class variance 1/4 each; every other cut is worse
        ([0, 0, 1, 1, 9, 9, 10, 10], 1),
        # {0 ×6, 4} and {10}: 0²·6 + 4² parted 6|1+1 gives 18, parted 7|1 gives 96/7 = 13.7
        ([0, 0, 0, 0, 0, 0, 4, 10], 4),
        # 22 within; 23.4 when parted after the 3, 23.7 after the 5; nothing is above 11, which rounding once preferred
        ([1, 1, 2, 3, 5, 6, 11], 6),
        ([7, 7, 7, 200], 7),
    ],
)
def test_otsu_by_hand(values: list[int], threshold: int) -> None:
    assert otsu(np.array([values], np.uint8)) == threshold


@given(arrays(np.uint8, st.integers(2, 40)))
def test_otsu_has_the_least_variance_within_the_classes(values: Grey) -> None:
    assume(len(np.unique(values)) > 1)

    def within(threshold: int) -> float:
        return sum(len(part) * float(part.var()) for part in (values[values <= threshold], values[values > threshold]))

    found = otsu(values[np.newaxis])
    best = min(within(int(threshold)) for threshold in np.unique(values)[:-1])
    assert within(found) == pytest.approx(best, rel=1e-6, abs=1e-6)


@given(arrays(np.uint8, array_shapes(min_dims=2, max_dims=2, max_side=12), elements=st.sampled_from([0, 1, 200, 255])))
def test_ink_is_stretched_from_the_paper_s_median_to_the_brightest(picture: Grey) -> None:
    assume(len(np.unique(picture)) > 1)
    mask = picture > otsu(picture)
    grey = np.sort(picture[~mask])
    paper, brightest = int(grey[(len(grey) - 1) // 2]), int(picture.max())
    expected = np.maximum((picture.astype(np.float64) - paper) * 255 / (brightest - paper), 0)
    np.testing.assert_allclose(images._stretch(picture, picture, mask, int(picture.max())), expected, rtol=1e-6)


@pytest.mark.parametrize("shape", [(11, 11), (70, 43), (300, 20), (20, 513)])
def test_blur_is_the_gaussian_of_one_pixel(shape: tuple[int, int]) -> None:
    ink = np.random.default_rng(0).uniform(0, 255, shape).astype(np.float32)
    expected = gaussian_filter(ink.astype(np.float64), sigma=1, mode="constant", truncate=4)
    np.testing.assert_allclose(images._blur(ink), expected, atol=2e-4)


@pytest.mark.parametrize("square", [2, 0])
@pytest.mark.parametrize(("width", "height"), [(40, 60), (60, 40), (50, 50), (41, 60), (8, 70), (70, 9)])
def test_paper_frame_puts_the_ink_box_where_it_must(width: int, height: int, square: int) -> None:
    side = max(width, height) + 2 + square  # the ink, its margin of 1, and what the square has beyond
    scale = 28 / side
    left, top = ((side - extent - 2) // 2 + 1 for extent in (width, height))
    image = to_frame(box(width, height), "paper", square=square).image
    found = (*edges(image.max(axis=0)), *edges(image.max(axis=1)))
    expected = (left * scale, (left + width) * scale, top * scale, (top + height) * scale)
    np.testing.assert_allclose(found, expected, atol=0.12)


def test_paper_frame_is_pillow_s_bicubic_of_the_blurred_cut() -> None:
    picture = box(30, 46)
    picture[40:50, 30:45] = 0
    blurred = gaussian_filter(picture.astype(np.float64), sigma=1, mode="constant", truncate=4)
    cut = np.clip(blurred[24:72, 29:61] + 0.5, 0, 255).astype(np.uint8)
    square = np.zeros((50, 50), np.uint8)
    square[1:49, 9:41] = cut
    expected = np.asarray(Image.fromarray(square).resize((28, 28), Image.Resampling.BICUBIC)).astype(int)
    assert np.abs(to_frame(picture, "paper").image - expected).max() <= 1


@pytest.mark.parametrize(("width", "height"), [(40, 60), (60, 40), (50, 50), (12, 70), (100, 100)])
def test_mnist_frame_has_twenty_pixels_of_ink_around_its_mass(width: int, height: int) -> None:
    image = to_frame(box(width, height, 10, 10), "mnist").image
    scale = 20 / max(width, height)
    left, right = edges(image.max(axis=0))
    top, bottom = edges(image.max(axis=1))
    assert right - left == pytest.approx(width * scale, abs=0.2)
    assert bottom - top == pytest.approx(height * scale, abs=0.2)
    assert (left + right, top + bottom) == pytest.approx((28, 28), abs=0.1)


def test_mnist_frame_is_centred_by_mass_and_not_by_extent() -> None:
    picture = box(40, 12, 20, 20)
    picture[20:80, 20:32] = 255  # a Γ: its mass lies up and left of the middle of its box
    image = to_frame(picture, "mnist").image.astype(float)
    pixels = np.arange(28) + 0.5
    assert (image.sum(axis=0) @ pixels / image.sum(), image.sum(axis=1) @ pixels / image.sum()) == pytest.approx(
        (14, 14), abs=0.15
    )


@given(
    arrays(np.float32, st.tuples(st.integers(3, 90), st.integers(3, 90)), elements=st.floats(0, 255, width=32)), st.integers(0, 2)
)
def test_a_picture_of_any_proportions_is_resampled_as_its_whole_square(ink: NDArray[np.float32], extra: int) -> None:
    left, top, side = images._centred_square(ink.shape, extra)
    square = np.zeros((int(side), int(side)), np.uint8)
    square[-int(top) :, -int(left) :][: ink.shape[0], : ink.shape[1]] = np.clip(ink + 0.5, 0, 255).astype(np.uint8)
    is_tall = ink.shape[0] > 4 * ink.shape[1]  # then columns are gone along first, as Pillow does with the picture on its side
    whole = np.asarray(Image.fromarray(square.T if is_tall else square).resize((28, 28), Image.Resampling.BICUBIC))
    np.testing.assert_array_equal(images._cut(ink, left, top, side), whole.T if is_tall else whole)


def test_mnist_frame_never_cuts_ink_off() -> None:
    picture = box(100, 20, 14, 100)
    picture[3:103, 63:65] = 255  # heavy at the bottom, with a long thin mast: centred by mass, the mast would be cut
    picture[3:9, 50:78] = 255
    image = to_frame(picture, "mnist").image
    scale = 20 / 117
    kept = image.astype(float).sum() / 255
    assert kept == pytest.approx(np.count_nonzero(picture) * scale**2, rel=0.03)
    assert not image[:, [0, -1]].any()


@pytest.mark.parametrize("frame", FRAMES)
@pytest.mark.parametrize("side", [1, 2, 3, 4])
def test_ink_of_a_few_pixels_lies_in_the_middle(side: int, frame: Frame) -> None:
    image = to_frame(box(side, side), frame).image.astype(int)
    assert image.max() > 30
    # the paper's square of an odd excess is half a pixel of the picture off its middle
    tolerance = 0.2 if frame == "mnist" else 0.2 + 0.5 * 28 / (side + 4)
    pixels = np.arange(28) + 0.5
    assert image.sum(axis=0) @ pixels / image.sum() == pytest.approx(14, abs=tolerance)
    assert image.sum(axis=1) @ pixels / image.sum() == pytest.approx(14, abs=tolerance)


@settings(max_examples=60, deadline=None)
@given(shapes_of_ink, st.integers(0, 60), st.integers(0, 60), st.sampled_from(FRAMES))
def test_where_the_ink_lies_in_the_picture_does_not_matter(ink: Grey, left: int, top: int, frame: Frame) -> None:
    def at(x: int, y: int) -> Grey:
        picture = np.zeros((110, 110), np.uint8)
        picture[y : y + ink.shape[0], x : x + ink.shape[1]] = ink * 255
        return to_frame(picture, frame, "light").image

    np.testing.assert_array_equal(at(left, top), at(35, 35))


@settings(max_examples=60, deadline=None)
@given(shapes_of_ink, st.tuples(*[st.integers(0, 90)] * 4), st.sampled_from(FRAMES))
def test_how_much_paper_is_around_the_ink_does_not_matter(ink: Grey, paper: tuple[int, int, int, int], frame: Frame) -> None:
    left, right, above, below = paper
    core = np.pad((ink * 255).astype(np.uint8), 30)
    padded = np.pad(core, ((above, below), (left, right)))
    np.testing.assert_array_equal(to_frame(padded, frame).image, to_frame(core, frame).image)


@settings(max_examples=60, deadline=None)
@given(shapes_of_ink, st.integers(0, 100), st.integers(150, 255), st.sampled_from(FRAMES), st.booleans())
def test_dark_on_light_gives_the_same_sample_as_light_on_dark(
    ink: Grey, paper: int, stroke: int, frame: Frame, told: bool
) -> None:
    light = np.pad(np.where(ink, stroke, paper).astype(np.uint8), 30, constant_values=paper)
    of_light = to_frame(light, frame, "light" if told else "auto")
    of_dark = to_frame(255 - light, frame, "dark" if told else "auto")
    assert (of_light.polarity, of_dark.polarity) == ("light", "dark")
    np.testing.assert_array_equal(of_light.image, of_dark.image)


@settings(max_examples=40, deadline=None)
@given(shapes_of_ink, st.integers(0, 100), st.integers(150, 255), st.sampled_from(FRAMES))
def test_how_black_the_ink_is_does_not_matter(ink: Grey, paper: int, stroke: int, frame: Frame) -> None:
    pale = np.pad(np.where(ink, stroke, paper).astype(np.uint8), 30, constant_values=paper)
    full = np.pad((ink * 255).astype(np.uint8), 30)
    difference = to_frame(pale, frame, "light").image.astype(int) - to_frame(full, frame, "light").image
    assert np.abs(difference).max() <= 1


@settings(max_examples=80, deadline=None)
@given(arrays(np.uint8, array_shapes(min_dims=2, max_dims=2, max_side=80)), st.sampled_from(FRAMES))
def test_a_picture_of_any_size_becomes_a_sample_or_is_empty(picture: Grey, frame: Frame) -> None:
    if len(np.unique(picture)) < 2:
        with pytest.raises(ImageError, match="it is empty"):
            to_frame(picture, frame, name="it")
    else:
        try:
            sample = to_frame(picture, frame, name="it")
            image, polarity = sample.image, sample.polarity
        except ImageError:  # enlarging can blend a faint dot into the paper
            assert max(picture.shape) < images.SMALL
            assert int(picture.max()) - int(picture.min()) < 4
        else:
            assert image.shape == (28, 28)
            assert image.dtype == np.uint8
            assert image.any()
            assert polarity in ("dark", "light")


@pytest.mark.parametrize("side", [8, 63])
def test_small_pictures_are_enlarged_first(side: int) -> None:
    rng = np.random.default_rng(side)
    small = np.zeros((side, side), np.uint8)
    small[1:-1, 2:-2] = rng.integers(0, 256, (side - 2, side - 4))
    large = np.asarray(Image.fromarray(small).resize((128, 128), Image.Resampling.BICUBIC))
    np.testing.assert_array_equal(to_frame(small, "mnist", "light").image, to_frame(large, "mnist", "light").image)


def test_a_grey_scan_loses_its_paper() -> None:
    rng = np.random.default_rng(0)
    scan = rng.normal(205, 5, (128, 128))
    scan[30:100, 60:68] = rng.normal(60, 10, (70, 8))
    sample = to_frame(scan.clip(0, 255).astype(np.uint8), "paper")
    image, polarity = sample.image, sample.polarity
    assert polarity == "dark"
    assert image[4:24, 13:15].min() > 180
    assert image[:, :10].max() < 20


def test_ink_that_covers_most_of_the_border_is_told_by_the_whole_picture() -> None:
    picture = np.zeros((100, 100), np.uint8)
    picture[:, :52] = 0
    picture[40:60, :] = 255
    picture[:, 45:55] = 255
    assert to_frame(picture).polarity == "light"
    assert to_frame(255 - picture).polarity == "dark"


@pytest.mark.parametrize(
    "picture",
    [np.zeros((9, 9)), np.zeros(9, np.uint8), np.zeros((9, 9, 3), np.uint8), np.zeros((0, 9), np.uint8)],
)
def test_what_is_no_picture(picture: Any) -> None:
    with pytest.raises(ImageError, match=r"page 3: a picture is uint8 \[h, w\]"):
        to_frame(picture, name="page 3")


@pytest.mark.parametrize("grey", [0, 128, 255])
def test_an_empty_picture_is_named(grey: int) -> None:
    with pytest.raises(ImageError, match=f"page 3 is empty: all its pixels have the grey value {grey}"):
        to_frame(np.full((70, 70), grey, np.uint8), name="page 3")


def test_every_mode_decodes_to_the_same_picture() -> None:
    grey = 255 - box(40, 60)
    picture = Image.fromarray(grey)
    ink = Image.new("RGBA", picture.size, (0, 0, 0, 0))  # black ink on nothing
    ink.putalpha(Image.fromarray(255 - grey))
    modes = {mode: picture.convert(mode) for mode in ("1", "L", "RGB", "RGBA", "LA", "P")}
    modes |= {"I;16": Image.fromarray(grey.astype(np.uint16) * 257), "transparent": ink, "palette": ink.convert("P")}
    for mode, image in modes.items():
        np.testing.assert_array_equal(decode(png(image), mode), grey, err_msg=mode)
    for kind in ("BMP", "TIFF", "GIF"):
        np.testing.assert_array_equal(decode(png(picture, kind), kind), grey, err_msg=kind)


def test_sixteen_bits_keep_their_shades() -> None:
    values = np.array([[0, 257 * 100, 65_535]], np.uint16)
    assert decode(png(Image.fromarray(values))).tolist() == [[0, 100, 255]]


def test_a_truncated_picture_is_named() -> None:
    whole = png(Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 64), dtype=np.uint8)))
    assert decode(whole).shape == (64, 64)
    for length in (0, 7, 20, 40, len(whole) // 2, len(whole) - 40):
        with pytest.raises(ImageError, match=r"f0001\.png is not a readable picture"):
            decode(whole[:length], "f0001.png")


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_a_damaged_picture_is_decoded_or_named(data: st.DataObject) -> None:
    damaged = bytearray(png(Image.fromarray(box(5, 7, 2, 2, 16))))
    for _ in range(data.draw(st.integers(1, 3))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    try:
        picture = decode(bytes(damaged), "it")
    except ImageError:
        pass
    else:
        assert picture.dtype == np.uint8
        assert picture.ndim == 2


def test_a_picture_that_claims_to_be_huge_is_refused_unread() -> None:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 60_000, 60_000, 8, 0, 0, 0, 0))
    bomb = b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")
    with pytest.raises(ImageError, match=r"bomb\.png"):
        decode(bomb, "bomb.png")
    with pytest.raises(ImageError, match=r"large\.png: 4097×4096 pixels are too many"):
        decode(png(Image.new("1", (4097, 4096))), "large.png")


def test_a_large_page_is_framed() -> None:
    picture = np.zeros((1500, 1600), np.uint8)
    picture[100:1400, 700:760] = 255
    image = to_frame(picture, "paper").image
    assert image[2:26, 13:15].min() > 100


unit_images = arrays(
    np.float64, st.tuples(st.integers(1, 3), st.just(28), st.just(28)), elements=st.floats(0.01, 1), fill=st.just(0.5)
)


@given(unit_images, st.sampled_from([np.float16, np.float32, np.float64]))
def test_model_input_of_floats_is_the_same_numbers(values: NDArray[np.float64], kind: Any) -> None:
    found = model_input(values.astype(kind))
    assert found.shape == (len(values), 1, 28, 28)
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found[:, 0], values.astype(kind).astype(np.float32))


@given(arrays(np.uint8, st.tuples(st.integers(1, 3), st.just(28), st.just(28)), elements=st.integers(1, 255)))
def test_model_input_of_bytes_is_that_of_their_fractions(values: Grey) -> None:
    np.testing.assert_allclose(model_input(values), model_input(values / 255), atol=1e-7)
    np.testing.assert_array_equal(model_input(values[0]), model_input(values)[:1])
    assert model_input(np.full((28, 28), 255, np.uint8)).max() == 1


def ink(value: Any, kind: Any = np.float32) -> NDArray[Any]:
    images = np.full((3, 28, 28), 0.5, kind)
    images[1, 4, 5] = value
    return images


@pytest.mark.parametrize(
    ("given_images", "said"),
    [
        (ink(np.nan), "no NaN"),
        (ink(np.inf), "0…1"),
        (ink(1.5), "divide grey values by 255"),
        (ink(-0.1), "0…1"),
        (np.ones((28, 27), np.uint8), r"these are \[28, 27\]"),
        (np.ones((2, 1, 28, 28), np.uint8), r"these are \[2, 1, 28, 28\]"),
        (np.ones(784, np.uint8), r"these are \[784\]"),
        (np.ones((28, 28), np.int64), "not int64"),
        (np.ones((28, 28), bool), "not bool"),
        (np.full((28, 28), "a"), "not <U1"),
        (np.stack([np.ones((28, 28)), np.zeros((28, 28))]), "the sample at place 1 is empty"),
        (np.zeros((28, 28), np.uint8), "the sample at place 0 is empty"),
    ],
)
def test_what_is_no_model_input(given_images: Any, said: str) -> None:
    with pytest.raises(ImageError, match=said):
        model_input(given_images)


def test_no_images_are_no_error() -> None:
    assert model_input(np.empty((0, 28, 28), np.uint8)).shape == (0, 1, 28, 28)
    assert model_input(np.empty((0, 28, 28))).shape == (0, 1, 28, 28)


def test_frames_by_name() -> None:
    assert [check_frame(frame) for frame in FRAMES] == ["paper", "mnist"]
    with pytest.raises(InputError, match="no frame 'square'; there are paper, mnist"):
        check_frame("square")


def test_ink_in_the_mnist_frame_is_as_large_as_mnist_s_own(shared: Path) -> None:
    with np.load(shared / "data" / "qmnist.npz", allow_pickle=False) as archive:
        given_images = archive["images"][:60]
    differences = []
    for image in given_images:
        large = Image.fromarray(image).resize((140, 140), Image.Resampling.BICUBIC)
        ours = to_frame(np.asarray(large), "mnist", "light").image
        for axis in (0, 1):
            extents = [np.ptp(np.flatnonzero(each.max(axis=axis) > 100)) for each in (ours, image)]
            differences.append(int(extents[0]) - int(extents[1]))
    assert abs(np.mean(differences)) < 0.3
    assert np.mean(np.abs(differences) <= 1) > 0.9  # a thin stroke may be told from the paper elsewhere


def letter() -> Grey:
    """A black F on white, 80 wide and 60 high: no turn and no mirror of it is like another."""
    picture = np.full((60, 80), 255, np.uint8)
    picture[5:55, 10:18] = picture[5:13, 10:50] = picture[28:36, 10:40] = 0
    return picture


AS_STORED = {
    1: None,
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}
"""How a camera that says so has stored what is upright."""


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("orientation", AS_STORED)
def test_a_picture_is_turned_as_its_exif_data_says(kind: str, orientation: int) -> None:
    turn = AS_STORED[orientation]
    stored = Image.fromarray(letter()) if turn is None else Image.fromarray(letter()).transpose(turn)
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    file = io.BytesIO()
    stored.save(file, kind, exif=exif)
    found = decode(file.getvalue())
    assert found.shape == (60, 80)
    assert found.flags.c_contiguous
    assert np.abs(found.astype(int) - letter()).mean() < 8  # JPEG and WebP lose a little


@pytest.mark.parametrize("value", [0, 9, 77])
def test_an_orientation_that_is_none_turns_nothing(value: Any) -> None:
    exif = Image.Exif()
    exif[ORIENTATION] = value
    file = io.BytesIO()
    Image.fromarray(letter()).save(file, "PNG", exif=exif)
    np.testing.assert_array_equal(decode(file.getvalue()), letter())


@settings(max_examples=40, deadline=None)
@given(st.binary(max_size=60))
def test_damaged_exif_data_do_not_make_a_picture_unreadable(data: bytes) -> None:
    file = io.BytesIO()
    Image.fromarray(letter()).save(file, "PNG", exif=b"Exif\0\0II*\0" + data)
    assert sorted(decode(file.getvalue()).shape) == [60, 80]


def test_shades_of_every_depth_are_kept() -> None:
    grey = letter()
    grey[40:50, 60:70] = 100
    sixteen = grey.astype(np.uint16) * 257
    pictures = {
        "16 bits, big-endian": Image.frombytes("I;16B", (80, 60), sixteen.astype(">u2").tobytes()),
        "16 bits": Image.fromarray(sixteen),
        "32 bits": Image.fromarray(sixteen.astype(np.int32)),
        "negative": Image.fromarray(grey.astype(np.int32) - 128),
        "0 to 1": Image.fromarray(grey.astype(np.float32) / 255),
        "0 to 255": Image.fromarray(grey.astype(np.float32)),
        "-1 to 1": Image.fromarray(grey.astype(np.float32) / 127.5 - 1),
        "enormous": Image.fromarray(grey.astype(np.float32) * 1e30),
        "CMYK": Image.fromarray(grey).convert("CMYK"),
    }
    if int(PIL.__version__.split(".")[0]) >= 13:  # older ones cannot read the YCbCr TIFF that they write
        pictures["YCbCr"] = Image.fromarray(grey).convert("YCbCr")
    for kind, picture in pictures.items():
        np.testing.assert_allclose(decode(png(picture, "TIFF"), kind).astype(int), grey, atol=1, err_msg=kind)
    twelve = decode(png(Image.fromarray(grey.astype(np.uint16) * 16 + 15), "TIFF"))
    np.testing.assert_allclose(twelve.astype(int), grey, atol=1)


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from([np.uint16, np.int32, np.float32]).flatmap(
        lambda kind: arrays(kind, (5, 6), elements=st.floats(-(2.0**99), 2.0**99, width=32) if kind is np.float32 else None)
    )
)
def test_shades_keep_their_order(values: NDArray[Any]) -> None:
    grey = decode(png(Image.fromarray(values), "TIFF")).ravel().astype(int)
    ranked = np.argsort(values.ravel(), kind="stable")
    assert (np.diff(grey[ranked]) >= 0).all()


def test_a_float_picture_with_nan_is_refused() -> None:
    values = letter().astype(np.float32)
    values[3, 4] = np.nan
    with pytest.raises(ImageError, match=r"scan\.tif holds NaN"):
        decode(png(Image.fromarray(values), "TIFF"), "scan.tif")


def test_white_ink_on_a_transparent_ground_is_seen() -> None:
    ink = Image.new("RGBA", (80, 60), (255, 255, 255, 0))
    ink.putalpha(Image.fromarray(255 - letter()))
    np.testing.assert_array_equal(decode(png(ink)), 255 - letter())


def test_of_several_frames_the_first_is_taken() -> None:
    first, second = Image.fromarray(letter()), Image.fromarray(255 - letter())
    for kind in ("GIF", "TIFF", "PNG", "WEBP"):
        file = io.BytesIO()
        first.save(file, kind, save_all=True, append_images=[second], lossless=True)
        np.testing.assert_array_equal(decode(file.getvalue()), letter(), err_msg=kind)


def test_a_large_photo_takes_little_more_memory_than_its_pixels() -> None:
    picture = np.full((2000, 3000), 230, np.uint8)
    picture[500:1500, 1400:1500] = 40
    picture[:, ::7] -= 3
    tracemalloc.start()
    try:
        to_frame(picture)
        even = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert even < 6 * picture.size
