"""Where the ink of a picture lay and how large it was: by hand, in pixels or millimetres, and always that of the ink shown."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from allograph import Box, Sample
from allograph.errors import ImageError, InputError
from allograph.images.frames import FRAMES, Edges, Frame, Polarity, ink_edges, read_picture, to_frame
from allograph.samples.picture_box import picture_box
from allograph.samples.sample import to_images_and_boxes

INCH = 25.4


def letter() -> NDArray[np.uint8]:
    """A black L on white, 80 wide and 60 high: its ink spans 10…50 and 5…55."""
    picture = np.full((60, 80), 255, np.uint8)
    picture[5:55, 10:18] = picture[47:55, 10:50] = 0
    return picture


def saved(kind: str, dpi: Any = None, orientation: int | None = None, exif: Image.Exif | None = None, **options: Any) -> bytes:
    picture, data = Image.fromarray(letter()), exif or Image.Exif()
    if orientation == 6:  # as a camera on its side stores it: it is to be turned to the right
        picture, data[0x0112] = picture.transpose(Image.Transpose.ROTATE_90), 6
    file = io.BytesIO()
    picture.save(file, kind, exif=data, **({} if dpi is None else {"dpi": dpi}), **options)
    return file.getvalue()


@pytest.mark.parametrize("polarity", ["auto", "dark", "light"])
@pytest.mark.parametrize("negative", [False, True])
def test_the_box_is_that_of_the_ink_which_the_frame_shows(polarity: Polarity, negative: bool) -> None:
    """Read as light on dark, the ink of a dark letter is the paper around it."""
    picture = 255 - letter() if negative else letter()
    wrong = polarity == ("dark" if negative else "light")
    expected: Edges = (0, 0, 80, 60) if wrong else (10, 5, 50, 55)
    assert ink_edges(picture, polarity) == expected
    for frame in FRAMES:
        assert to_frame(picture, frame, polarity).edges == expected
    assert Sample.from_picture(picture, polarity).box == Box(*expected)


@given(
    st.integers(64, 160),
    st.integers(64, 160),
    st.data(),
)
def test_a_box_is_where_the_ink_was_put(width: int, height: int, data: st.DataObject) -> None:
    left, top = data.draw(st.integers(1, width - 3)), data.draw(st.integers(1, height - 3))
    right, bottom = data.draw(st.integers(left + 1, width - 1)), data.draw(st.integers(top + 1, height - 1))
    picture = np.zeros((height, width), np.uint8)
    picture[top:bottom, left:right] = 255
    assert ink_edges(picture, "light") == (left, top, right, bottom)


def test_pictures_that_are_enlarged_have_boxes_of_their_own_pixels() -> None:
    """Of 8×8 the ink is 3 by 6 pixels: enlarged bicubically 16 times, the edge at half of its grey stays where it was."""
    picture = np.zeros((8, 8), np.uint8)
    picture[1:7, 2:5] = 255
    found = ink_edges(picture)
    np.testing.assert_allclose(found, (2, 1, 5, 7), atol=0.2)
    assert to_frame(picture, "mnist").edges == found


def test_uneven_light_leaves_the_box_where_the_ink_is() -> None:
    light = np.linspace(0.35, 1, 200)[None, :]
    picture = np.full((200, 200), 240.0)
    picture[40:160, 90:110] = 60
    assert ink_edges((picture * light).astype(np.uint8)) == (90, 40, 110, 160)


@pytest.mark.parametrize(
    ("kind", "dpi"),
    [*((kind, (300, 300)) for kind in ("PNG", "JPEG", "TIFF", "BMP")), ("TIFF", (204, 98)), ("PNG", (200, 100))],
)
def test_the_resolution_of_a_scan_makes_millimetres(kind: str, dpi: tuple[int, int]) -> None:
    box = Sample.from_picture(saved(kind, dpi), device="scanner", baseline=55).box
    assert box is not None
    across, down = (INCH / number for number in dpi)
    assert (box.unit, box.device) == ("millimetres", "scanner")
    assert box.baseline == box.bottom
    np.testing.assert_allclose(
        [box.left, box.top, box.right, box.bottom], [10 * across, 5 * down, 50 * across, 55 * down], rtol=1e-3
    )


def test_a_tiff_in_centimetres_is_the_same() -> None:
    file = io.BytesIO()
    Image.fromarray(letter()).save(file, "TIFF", resolution_unit="cm", x_resolution=100, y_resolution=100)
    box = Sample.from_picture(file.getvalue()).box
    assert box is not None
    np.testing.assert_allclose((box.width, box.height), (4, 5), rtol=1e-3)


@pytest.mark.parametrize(
    "dpi", [None, (0, 0), (1, 1), (72, 72), (96, 96), (144, 144), (288, 288), (300, 72), (100, 600), (20_000, 20_000)]
)
@pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF"])
def test_what_no_scanner_states_is_not_believed(kind: str, dpi: tuple[int, int] | None) -> None:
    sample = Sample.from_picture(saved(kind, dpi))
    assert sample.resolution is None
    box = sample.box
    assert box is not None
    assert box.unit == "device"
    assert (box.left, box.top, box.right, box.bottom) == (10, 5, 50, 55)


def test_a_ratio_of_the_sides_is_no_resolution() -> None:
    """JFIF's unit 0, PNG's unit 0: 300 by 300 says only that pixels are square."""
    jpeg = bytearray(saved("JPEG", (300, 300)))
    assert jpeg[6:11] == b"JFIF\0"
    assert jpeg[13] == 1
    jpeg[13] = 0
    assert read_picture(bytes(jpeg)).resolution is None
    assert Image.open(io.BytesIO(bytes(jpeg))).info["jfif_density"] == (300, 300)


def test_a_camera_s_resolution_is_not_that_of_the_paper() -> None:
    exif = Image.Exif()
    exif[0x8769] = {0x829A: 0.01}  # exposure time
    assert read_picture(saved("JPEG", (300, 300), exif=exif)).resolution is None
    assert read_picture(saved("JPEG", (300, 300))).resolution is not None


@pytest.mark.parametrize("opened", [False, True])
@pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF"])
def test_a_turned_picture_has_the_resolution_of_its_axes(kind: str, opened: bool) -> None:
    """Stored on its side at 200 by 100 pixels an inch, upright it has 100 across and 200 down."""
    file = saved(kind, (200, 100), orientation=6)
    sample = Sample.from_picture(Image.open(io.BytesIO(file)) if opened else file)
    assert sample.content[0].shape == (60, 80)
    assert sample.resolution is not None
    np.testing.assert_allclose(sample.resolution, (100 / INCH, 200 / INCH), rtol=1e-3)
    assert sample.box is not None
    np.testing.assert_allclose((sample.box.width, sample.box.height), (40 * INCH / 100, 50 * INCH / 200), rtol=0.05)


def test_a_character_larger_than_any_is_in_pixels() -> None:
    """2,000 pixels at 100 an inch would be half a metre."""
    assert picture_box((0, 0, 2000, 10), (100 / INCH, 100 / INCH)) == Box(0, 0, 2000, 10)
    assert picture_box((0, 0, 190, 10), (100 / INCH, 100 / INCH)).unit == "millimetres"


@pytest.mark.parametrize("frame", FRAMES)
def test_image_and_box_come_from_one_look(frame: Frame, monkeypatch: pytest.MonkeyPatch) -> None:
    from allograph.images import frames

    looks: list[int] = []
    otsu = frames._otsu

    def look(picture: NDArray[np.uint8], lowest: int, highest: int) -> int:
        looks.append(lowest)
        return otsu(picture, lowest, highest)

    monkeypatch.setattr(frames, "_otsu", look)
    sample = Sample.from_picture(letter())
    image, boxes = to_images_and_boxes(sample, frame)
    assert len(looks) == 1
    assert boxes == [Box(10, 5, 50, 55)]
    np.testing.assert_array_equal(image, to_frame(letter(), frame).image)
    assert (sample.box, sample.box) == (Box(10, 5, 50, 55),) * 2
    assert len(looks) == 3  # one for to_frame here, one for the property, which keeps it


def test_a_box_that_is_given_wins() -> None:
    box = Box(1, 2, 3, 4, "millimetres", "pad", 4)
    sample = Sample.from_picture(letter(), device="scanner", box=box)
    assert sample.box == box
    assert sample.framed("mnist")[1] == box


def test_the_box_of_ink_is_the_extent_of_its_points() -> None:
    sample = Sample.from_ink([[(3, -1), (4, 8)], [(2, 5)]], unit="millimetres", device="tablet", baseline=7.5)
    assert sample.box == Box(2, -1, 4, 8, "millimetres", "tablet", 7.5)
    assert Sample.from_ink([[(3, 1)]]).box == Box(3, 1, 3, 1)


def test_an_image_in_its_frame_has_the_box_that_it_is_given() -> None:
    image, box = np.ones((28, 28), np.uint8), Box(0, 0, 2, 3)
    assert Sample.from_image(image, box).box == box
    assert Sample.from_image(image).box is None
    assert Sample.from_image(image).image("paper") is image
    for wrong in (np.ones((28, 27), np.uint8), np.ones((28, 28), bool), [[1]]):
        with pytest.raises(ImageError, match=r"an image in the frame is an array \[28, 28\]"):
            Sample.from_image(wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize("place", [{"device": "a\nb"}, {"device": 3}, {"baseline": float("nan")}, {"baseline": "low"}])
def test_a_place_that_is_none_is_refused_at_once(place: dict[str, Any]) -> None:
    with pytest.raises(InputError, match=r"device is named|baseline of a box"):
        Sample.from_picture(letter(), **place)
    with pytest.raises(InputError, match=r"device is named|baseline of a box"):
        Sample.from_ink([[(0, 0)]], **place)


def test_a_list_has_the_boxes_of_those_that_have_one() -> None:
    image = np.ones((28, 28), np.uint8)
    ink = Sample.from_ink([[(0, 0), (1, 2)]])
    images, boxes = to_images_and_boxes([image, ink, Sample.from_image(image)], "mnist")
    assert images.shape == (3, 28, 28)
    assert boxes == [None, Box(0, 0, 1, 2), None]
    assert to_images_and_boxes([image, image], "mnist")[1] is None
    assert to_images_and_boxes(image, "mnist")[1] is None
    assert to_images_and_boxes([], "mnist")[1] is None
