from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from allograph.errors import ImageError
from allograph.images.frames import FRAMES, Frame
from allograph.ink import draw_ink, ink_to_frame

coordinates = st.integers(-500, 500)
strokes_of_ink = st.lists(st.lists(st.tuples(coordinates, coordinates), min_size=1, max_size=8), min_size=1, max_size=4)


def centre(image: NDArray[np.uint8]) -> tuple[float, float]:
    values, pixels = image.astype(float), np.arange(len(image)) + 0.5
    return float(values.sum(axis=0) @ pixels / values.sum()), float(values.sum(axis=1) @ pixels / values.sum())


@pytest.mark.parametrize(
    "strokes", [[[(0, 0)]], [[(700, 3)], []], [[(5, 5), (5, 5), (5, 5)]], [np.zeros((4, 2), np.int16)], [[(0, 0), (0, 1e-310)]]]
)
def test_a_dot_is_two_pixels_wide_and_in_the_middle(strokes: Any) -> None:
    image = ink_to_frame(strokes)
    assert image.astype(float).sum() / 255 == pytest.approx(np.pi, rel=0.1)  # a disc of diameter 2
    assert np.count_nonzero(image.max(axis=0) > 100) == 2
    assert np.count_nonzero(image.max(axis=1) > 100) == 2
    assert centre(image) == pytest.approx((14, 14), abs=0.1)


def test_a_line_is_twenty_long_and_two_wide() -> None:
    image = ink_to_frame([[(0, 0), (0, 1000)]]).astype(float) / 255
    assert np.count_nonzero(image.max(axis=1) > 0.4) == 20
    assert image[14].sum() == pytest.approx(2, abs=0.1)
    assert image.sum() == pytest.approx(18 * 2 + np.pi, rel=0.03)  # with round ends


def test_a_picture_of_ink_fills_its_square_but_for_a_margin() -> None:
    picture = draw_ink([[(0, 0), (300, 100)], [(0, 100), (300, 0)]])
    assert picture.shape == (128, 128)
    (rows,) = np.nonzero(picture.max(axis=1) > 127)
    (columns,) = np.nonzero(picture.max(axis=0) > 127)
    assert columns[-1] - columns[0] + 1 == pytest.approx(120, abs=1)
    assert rows[-1] - rows[0] + 1 == pytest.approx(12 + 108 / 3, abs=1)
    assert centre(picture) == pytest.approx((64, 64), abs=0.6)


def test_y_points_down_and_x_right() -> None:
    image = ink_to_frame([[(0, 0), (0, 100)], [(0, 100), (60, 100)]]).astype(int)  # an L
    assert image[:14].sum() < image[14:].sum()
    assert image[3:20, 14:].sum() < image[3:20, :14].sum()


@settings(max_examples=30, deadline=None)
@given(strokes_of_ink, coordinates, coordinates, st.sampled_from([0.25, 1, 8]), st.sampled_from(FRAMES))
def test_place_and_size_of_the_ink_do_not_matter(
    strokes: list[list[tuple[int, int]]], x: int, y: int, size: float, frame: Frame
) -> None:
    moved = [[(px * size + x, py * size + y) for px, py in stroke] for stroke in strokes]
    difference = ink_to_frame(moved, frame).astype(int) - ink_to_frame(strokes, frame)
    assert np.abs(difference).mean() < 1


@settings(max_examples=30, deadline=None)
@given(strokes_of_ink)
def test_the_order_of_strokes_does_not_matter(strokes: list[list[tuple[int, int]]]) -> None:
    np.testing.assert_array_equal(draw_ink(strokes), draw_ink(strokes[::-1]))


@pytest.mark.parametrize(
    ("strokes", "said"),
    [
        ([], "stroke 7 is empty: it has no points"),
        ([[], []], "stroke 7 is empty: it has no points"),
        ([[(0, np.nan)]], "stroke 7: a point is not finite"),
        ([[(np.inf, 0)]], "stroke 7: a point is not finite"),
        ([[(1e12, 0)]], "scale the ink down"),
        ([[(0, 0, 1)]], r"x and y of each point; this one is \[1, 3\]"),
        ([[1, 2]], r"this one is \[2\]"),
        ([np.zeros((2, 2, 2))], r"this one is \[2, 2, 2\]"),
        ([[(0, 0), (1,)]], "pairs of numbers"),
        ([["ab"]], "pairs of numbers"),
        (7, "a list of strokes, each a list of x, y pairs; this is int"),
        ([[[0, 1, 2, 3], [5, 6, 7, 8]]], r"this one is \[2, 4\]. It looks like columns, \[xs, ys\]: .*zip"),
        ([[[0, 1, 2, 3], [5, 6, 7, 8], [0, 10, 20, 30]]], "It looks like columns"),
        ([[[0, 1], [5, 6]], [[0, 1, 2, 3], [5, 6, 7, 8]]], "It looks like columns"),
    ],
)
def test_what_is_no_ink(strokes: Any, said: str) -> None:
    with pytest.raises(ImageError, match=said):
        draw_ink(strokes, "stroke 7")


def test_unipen_ink_gives_unipen_images(shared: Path) -> None:
    with np.load(shared / "data" / "unipen.npz", allow_pickle=False) as archive:
        images, start = archive["images"], archive["point_start"]
        points, lifts = archive["points"], archive["pen_lift"]
    rows = np.arange(0, len(images), 400)
    differences = []
    for row in rows:
        mine = slice(start[row], start[row + 1])
        strokes = np.split(points[mine], np.flatnonzero(lifts[mine])[1:])
        image = ink_to_frame(strokes).astype(float)
        shifted = [np.roll(image, shift, axis) for shift in (-1, 0, 1) for axis in (0, 1)]  # a centre may be rounded otherwise
        differences.append(min(np.abs(one - images[row]).mean() for one in shifted))
    assert np.mean(differences) < 2.2  # of 255; a pen a tenth wider or thinner gives more than 2.6
    assert np.mean(np.array(differences) > 10) < 0.02
    other = np.abs(images[rows].astype(float) - images[rows[::-1]]).mean()  # what a wrong image would give
    assert np.mean(differences) < other / 5
