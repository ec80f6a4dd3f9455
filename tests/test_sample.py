"""A sample as it came: a picture or ink, framed when asked."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from allograph import Sample, Writer
from allograph.errors import ImageError
from allograph.images.frames import FRAMES

STROKES = [[(0, 0), (40, 90)], [(20, 45), (60, 40)]]


def scan() -> np.ndarray[Any, Any]:
    picture = np.full((90, 70), 230, np.uint8)
    picture[20:70, 30:38] = 20
    return picture


@pytest.mark.parametrize("frame", FRAMES)
def test_a_picture_is_the_same_from_wherever_it_comes(frame: Any, tmp_path: Path) -> None:
    file = tmp_path / "letter.png"
    Image.fromarray(scan()).save(file)
    colours = np.stack([scan()] * 3, axis=2)
    given: list[Any] = [file, str(file), file.read_bytes(), Image.open(file), scan(), colours]
    images = [Sample.from_picture(picture).image(frame) for picture in given]
    assert images[0].shape == (28, 28)
    assert images[0].any()
    assert all(np.array_equal(images[0], image) for image in images)


def test_a_writer_reads_samples_arrays_and_lists_of_both() -> None:
    ana, ink = Writer("ana"), Sample.from_ink(STROKES)
    image = ink.image("mnist")
    labels = [
        ana.read(ink).label,
        ana.read(image).label,
        *(one.label for one in ana.read([ink, image])),
        ana.read([ink])[0].label,
    ]
    assert len(set(labels)) == 1


@pytest.mark.parametrize(
    "picture", [None, 7, [[1, 2]], b"", b"no picture", "none.png", np.zeros((2, 2, 2)), np.full((9, 9), np.nan)]
)
def test_what_is_no_picture_is_our_error(picture: Any) -> None:
    with pytest.raises(ImageError):
        Sample.from_picture(picture)


def test_a_file_that_pillow_opened_and_is_truncated_is_our_error() -> None:
    file = io.BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (90, 70), np.uint8)).save(file, "PNG")
    with pytest.raises(ImageError, match="truncated"):
        Sample.from_picture(Image.open(io.BytesIO(file.getvalue()[:2000])))


@pytest.mark.parametrize("samples", [list(np.ones((28, 28))), [None], None, np.ones(28), [np.ones((28, 28)), np.ones((28, 27))]])
def test_what_is_no_sample_is_our_error(samples: Any) -> None:
    with pytest.raises(ImageError):
        Writer("ana").read(samples)
