"""Photos in uneven light are read as in even light, and what is evenly lit stays as it is, to the pixel."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

import allograph
from allograph.images.frames import to_frame
from allograph.images.light import best_cut, level_light

SIDE = 280
LIGHTS = ("right", "down", "corner", "radial", "vignette", "shadow", "spot")
Light = NDArray[np.float64]


def light(kind: str) -> Light:
    """How much light falls on each pixel, as a share; it falls to about half."""
    y, x = np.mgrid[0:SIDE, 0:SIDE] / (SIDE - 1)
    far = np.hypot(x - 0.5, y - 0.5) / np.hypot(0.5, 0.5)
    lights = {
        "even": np.ones((SIDE, SIDE)),
        "right": 1 - 0.5 * x,
        "down": 1 - 0.5 * y,
        "corner": 1 - 0.6 * np.hypot(x, y) / np.hypot(1, 1),
        "radial": 1 - 0.5 * far,
        "vignette": 1 - 0.6 * far**4,
        "shadow": 0.5 + 0.5 / (1 + np.exp((x + 0.2 * y - 0.6) * 40)),
        "spot": 0.45 + 0.55 * np.exp(-(far**2) / 0.16),
    }
    found: Light = lights[kind]
    return found


def photo(sample: NDArray[np.uint8], falls: Light, noise: float = 4, paper: int = 225, ink: int = 45) -> NDArray[np.uint8]:
    """A sample written large, dark on light."""
    inside = SIDE * 3 // 4
    large = np.zeros((SIDE, SIDE))
    edge = (SIDE - inside) // 2
    written = Image.fromarray(sample).resize((inside, inside), Image.Resampling.BICUBIC)
    large[edge : edge + inside, edge : edge + inside] = np.asarray(written)
    shades = (paper + (ink - paper) * large / 255) * falls
    return (shades + np.random.default_rng(0).normal(0, noise, shades.shape)).clip(0, 255).astype(np.uint8)


@pytest.fixture(scope="module")
def medoids() -> NDArray[np.uint8]:
    styles = allograph.Recognizer().bundle.styles
    assert styles is not None
    return styles.medoids[::4]


@pytest.mark.slow
@pytest.mark.parametrize("inverted", [False, True], ids=["dark ink", "light ink"])
def test_uneven_light_costs_hardly_a_reading(medoids: NDArray[np.uint8], inverted: bool) -> None:
    writer = allograph.Writer("ana")

    def labels(kind: str) -> NDArray[np.str_]:
        photos = [photo(sample, light(kind)) for sample in medoids]
        samples = [to_frame(255 - page if inverted else page, "mnist") for page in photos]
        assert {sample.polarity for sample in samples} == {"light" if inverted else "dark"}, kind
        return np.array([reading.label for reading in writer.read([sample.image for sample in samples])])

    even = labels("even")
    for kind in LIGHTS:
        assert (labels(kind) == even).mean() > 0.94, kind


@pytest.mark.parametrize("noise", [0, 4, 10])
@pytest.mark.parametrize(("paper", "ink"), [(225, 45), (180, 110)])
def test_an_even_page_stays_as_it_is(medoids: NDArray[np.uint8], noise: float, paper: int, ink: int) -> None:
    for sample in medoids[::3]:
        page = photo(sample, light("even"), noise, paper, ink)
        assert level_light(page) is None
        assert level_light(255 - page) is None


def test_ink_that_fills_the_picture_is_no_shadow(medoids: NDArray[np.uint8]) -> None:
    for sample in medoids[::2]:
        rows, columns = (np.flatnonzero(sample.max(axis=axis) > 40) for axis in (1, 0))
        cut = sample[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
        large = np.asarray(Image.fromarray(cut).resize((cut.shape[1] * 12, cut.shape[0] * 12), Image.Resampling.BICUBIC))
        assert level_light(large) is None
        assert level_light(255 - large) is None


def test_small_flat_and_empty_pictures_are_left_alone() -> None:
    ramp = np.tile(np.linspace(255, 100, 63).astype(np.uint8), (63, 1))
    for picture in (ramp, np.zeros((90, 90), np.uint8), np.full((90, 90), 255, np.uint8), np.ones((1, 90), np.uint8)):
        assert level_light(picture) is None


def test_an_evened_page_is_even() -> None:
    ramp = np.tile(np.linspace(240, 120, 200), (200, 1))
    ramp[60:140, 90:110] *= 0.2
    page = ramp.astype(np.uint8)
    found = level_light(page)
    assert found is not None
    assert found[:, :80].min() > 245
    assert found[70:130, 95:105].max() < 70
    assert level_light(found) is None
    told = level_light(page, "dark")
    assert told is not None
    np.testing.assert_array_equal(told, found)
    turned = level_light(255 - page)
    assert turned is not None
    assert np.abs(turned.astype(int) - (255 - found.astype(int))).max() <= 2


def test_the_cut_says_how_far_the_classes_are_apart() -> None:
    assert best_cut(np.bincount([10] * 5 + [200] * 7, minlength=256)) == (10, 1.0)
    assert best_cut(np.bincount([7] * 5, minlength=256)) == (7, 0.0)
    assert best_cut(np.bincount([10] * 5 + [200] * 7, minlength=256) * 2_000_000) == (10, 1.0)  # a large picture's
    threshold, apart = best_cut(np.bincount(range(256), minlength=256))
    assert threshold == 127
    assert apart == pytest.approx(0.75, abs=0.01)
