"""Drawing the ink of scans by arithmetic: hand-made squares of pixels, and laws."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from allograph.images.area_rasterizer import PEN, Area, rasterize_areas
from allograph.lines.pictures.pieces import ink_depths

Mask = NDArray[np.bool_]
MASKS = st.integers(0, 2**31).map(lambda seed: np.random.default_rng(seed).random((12, 9)) < 0.4).filter(lambda mask: mask.any())


def area_of(mask: Mask, pen: float, pixel: float = 1.0, corner: tuple[float, float] = (0.0, 0.0)) -> Area:
    rows, columns = mask.nonzero()
    points = (np.stack([columns, rows], axis=1) * pixel + corner).astype(np.float64)
    return Area(points, ink_depths(mask)[rows, columns], pixel, pen * pixel)


def bar(high: int, wide: int) -> Mask:
    return np.ones((high, wide), np.bool_)


def test_a_thin_bar_fills_twenty_pixels_and_keeps_its_width() -> None:
    (image,) = rasterize_areas([[area_of(bar(40, 2), pen=2)]])  # a pixel is half of one of the image, the pen one wide
    rows, columns = image.any(axis=1).nonzero()[0], image.any(axis=0).nonzero()[0]
    assert 20 <= np.ptp(rows) + 1 <= 22  # a half of a pixel may fall on the next
    assert int(image.sum()) == pytest.approx(255 * 20 * 1, rel=0.02)
    assert len(columns) <= 2


@pytest.mark.parametrize("pen", [8, 10, 12])
def test_a_thick_pen_is_made_thin(pen: int) -> None:
    (image,) = rasterize_areas([[area_of(bar(60, pen), pen=pen)]])
    thickness = image[10:18].sum(axis=1).mean() / 255
    assert thickness == pytest.approx(PEN, abs=1.0)


def test_a_dot_stays_small() -> None:
    middle = np.hypot(*np.mgrid[-4:5, -4:5]) <= 4
    (image,) = rasterize_areas([[area_of(middle, pen=9)]])
    assert 0 < image.sum() <= 255 * 9


@given(st.lists(MASKS, min_size=1, max_size=4), st.floats(1, 6))
def test_each_sample_is_drawn_as_if_alone(masks: list[Mask], pen: float) -> None:
    areas = [[area_of(mask, pen)] for mask in masks]
    together = rasterize_areas(areas)
    assert (together.dtype, together.shape) == (np.dtype(np.uint8), (len(masks), 28, 28))
    for one, area in zip(together, areas, strict=True):
        assert one.any()
        assert np.array_equal(one, rasterize_areas([area])[0])


@given(MASKS, st.floats(1, 6), st.sampled_from([0.25, 2.0, 64.0]), st.integers(-100, 100))
def test_neither_unit_nor_place_changes_an_image(mask: Mask, pen: float, pixel: float, shift: int) -> None:
    one, other = rasterize_areas([[area_of(mask, pen)]]), rasterize_areas([[area_of(mask, pen, pixel, (shift * pixel, 0.0))]])
    assert np.abs(one.astype(int) - other).max() <= 1


def test_areas_of_one_sample_are_drawn_together() -> None:
    mask = bar(30, 20)
    mask[:, 8:12] = False
    parts = [mask.copy(), mask.copy()]
    parts[0][:, 8:], parts[1][:, :12] = False, False
    whole, pair = rasterize_areas([[area_of(mask, 8)], [area_of(part, 8) for part in parts]])
    assert np.array_equal(whole, pair)


def test_nothing_to_draw_is_no_image() -> None:
    assert rasterize_areas([]).shape == (0, 28, 28)


def test_depths_count_from_the_edge() -> None:
    depths = ink_depths(bar(5, 7))
    assert depths[0].tolist() == [1] * 7
    assert depths[2, 3] == 3
    assert not ink_depths(np.zeros((3, 3), np.bool_)).any()
