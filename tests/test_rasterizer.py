"""Drawing many samples by arithmetic: against hand-computed images, Pillow's drawing, and laws."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from allograph.images.frames import to_frame
from allograph.images.rasterizer import rasterize
from allograph.ink import LENGTH, draw_ink, ink_to_frame
from handwriting import our_ink

COORDINATES = st.floats(-1e6, 1e6, allow_nan=False).map(lambda number: round(number, 3))
STROKES = our_ink()
PATHS = st.lists(st.tuples(COORDINATES, COORDINATES), min_size=1, max_size=20).map(lambda points: np.array(points, np.float64))
SAMPLES = st.lists(PATHS, min_size=1, max_size=4)


def test_a_vertical_stroke_is_two_pixels_wide_and_twenty_high() -> None:
    (image,) = rasterize([[np.array([[0.0, 0.0], [0.0, 90.0]])]])
    rows, columns = image.any(axis=1).nonzero()[0], image.any(axis=0).nonzero()[0]
    assert (rows[0], rows[-1], columns.tolist()) == (4, 23, [13, 14])
    assert (image[5:23, 13:15] == 255).all()


def test_a_dot_is_as_wide_as_the_pen() -> None:
    dot, pair = rasterize([[np.array([[5.0, 5.0]])], [np.array([[5.0, 5.0], [5.0, 5.0]])]])
    assert np.array_equal(dot, pair)
    assert dot[13:15, 13:15].min() > 180
    assert dot.sum() == dot[13:15, 13:15].sum()


@given(st.lists(SAMPLES, min_size=1, max_size=4))
def test_each_sample_is_drawn_as_if_alone(samples: list[list[NDArray[np.float64]]]) -> None:
    together = rasterize(samples)
    assert together.dtype == np.uint8
    assert together.shape == (len(samples), 28, 28)
    for one, paths in zip(together, samples, strict=True):
        assert one.any()
        assert np.array_equal(one, rasterize([paths])[0])


@given(SAMPLES, st.sampled_from([0.25, 2.0, 1024.0]), st.integers(-1000, 1000))
def test_neither_size_nor_place_changes_an_image(paths: list[NDArray[np.float64]], factor: float, shift: int) -> None:
    one, other = rasterize([paths, [path * factor + shift * factor for path in paths]])
    assert np.abs(one.astype(int) - other).max() <= 1 or np.ptp(np.concatenate(paths), axis=0).max() < 1e-3


@given(SAMPLES)
def test_direction_and_order_of_strokes_do_not_matter_much(paths: list[NDArray[np.float64]]) -> None:
    one, other = rasterize([paths, [path[::-1] for path in reversed(paths)]])
    assert np.abs(one.astype(int) - other).mean() < 1


@pytest.mark.parametrize("label", sorted(STROKES))
def test_ink_looks_as_pillow_draws_it(label: str) -> None:
    strokes = STROKES[label]
    ours = ink_to_frame(strokes).astype(int)
    theirs = to_frame(draw_ink(strokes), "mnist", "light", size=LENGTH, level=False).image
    shifted = [np.roll(ours, (down, across), (0, 1)) for down in (-1, 0, 1) for across in (-1, 0, 1)]
    assert min(np.abs(one - theirs).mean() for one in shifted) < 14  # of 255; half a pixel aside. Another label gives 40


@pytest.mark.parametrize("wide", [0, 30, 60, 90])
@pytest.mark.parametrize("end", [0.0, 90.0])
def test_ink_whose_mass_is_at_one_end_stays_whole(wide: float, end: float) -> None:
    heavy = np.tile([[0.0, 0.0], [0.0, 3.0]], (40, 1)) + np.array([wide * end / 90, end - 3.0])
    long = np.array([[0.0, 0.0], [wide, 90.0]])
    for paths in ([long, heavy], [long[:, ::-1], heavy[:, ::-1]]):
        (image,) = rasterize([paths])
        rows, columns = image.any(axis=1).nonzero()[0], image.any(axis=0).nonzero()[0]
        assert max(np.ptp(rows), np.ptp(columns)) >= 19
        assert not np.array_equal(image, np.zeros_like(image))


def test_nothing_to_draw_is_no_image() -> None:
    assert rasterize([]).shape == (0, 28, 28)


def test_a_scribble_of_many_points_is_drawn_in_bounded_memory() -> None:
    points = np.random.default_rng(0).uniform(0, 100, (200_000, 2))
    (image,) = rasterize([[points]])
    assert image[5:23, 5:23].min() == 255
