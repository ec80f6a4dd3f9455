"""Uneven light on a photo: where the ground cannot be told from the ink by one grey value, the ground is evened out.

The ground is estimated in two ways from a small copy of the picture: as a smooth surface below or above most of the picture,
which follows light that falls off, and by a morphological closing, which follows the edge of a shadow. Of these and the
picture as it is, each in both polarities, that one is chosen which leaves ink and ground best apart and the border free of ink.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

SMALLEST = 64
"""Pixels along the longer side of the smallest picture that is looked at; smaller ones are no photos."""
COARSE = 48
"""Pixels along the longer side of the small copy."""
EVEN = 0.9
"""A picture whose ink and ground are so far apart (see `_contrast`) is left as it is."""
GOOD, BETTER = 0.85, 0.1
"""How far apart they must be once the ground is evened out, and how much farther than before."""
FALLS = (0.25, 0.92)
"""The darkest place of the ground as a share of its brightest; less is taken for ink, more for even light."""
WINDOW = 0.25
"""Side of the closing's window, as a share of the picture's: ink that is wider counts as ground."""
DEGREE, ROUNDS, BELOW = 4, 8, 0.1
"""Of the smooth surface: its degree, how often it is fitted, and how far below it, as a logarithm, pixels are ink."""

Grey = NDArray[np.uint8]
Coarse = NDArray[np.float32]


def level_light(picture: Grey, polarity: Literal["auto", "dark", "light"] = "auto") -> Grey | None:
    """A grey picture, uint8 [h, w], with its ground evened out: white under dark ink, black under light ink.

    None where the light is even, or where that would make it no better.
    """
    border = (picture[0], picture[-1], picture[:, 0], picture[:, -1])
    if max(picture.shape) < SMALLEST or min(picture.shape) < 3 or all((side == picture[0, 0]).all() for side in border):
        return None  # no photo has the same grey all around
    from PIL import Image

    factor = -(-max(picture.shape) // COARSE)
    coarse = np.asarray(Image.fromarray(picture).reduce(factor), dtype=np.float32)
    found = _ground(coarse, polarity)
    if found is None:
        return None
    height, width = picture.shape
    box = (0, 0, width / factor, height / factor)
    ground = np.array(Image.fromarray(found.ground).resize((width, height), Image.Resampling.BILINEAR, box=box))
    evened = picture.copy() if found.dark else 255 - picture
    np.divide(255, ground, out=ground)
    ground *= evened
    np.minimum(ground, 255, out=ground)
    np.rint(ground, out=ground)
    evened[:] = ground
    return evened if found.dark else 255 - evened


class _Found(NamedTuple):
    ground: Coarse
    """[h, w], from 1 on, of the small copy, or of its negative where the ink is light."""
    dark: bool


def _ground(coarse: Coarse, polarity: str) -> _Found | None:
    """The best estimate of the ground; None where the picture as it is is as good."""
    contrast = _contrast(coarse, dark=None)
    if contrast >= EVEN:
        return None
    best, found = max(contrast + BETTER, GOOD), None
    for dark in (True, False):
        if polarity == ("light" if dark else "dark"):
            continue
        shown = coarse if dark else 255 - coarse
        estimates: tuple[Callable[[Coarse], Coarse], ...] = (_surface, _closing)
        for estimate in estimates:
            ground = np.maximum(_extreme(estimate(shown), 3, np.min), 1)  # at a shadow's edge, rather too dark
            contrast = _contrast(np.minimum(shown * 255 / ground, 255), dark=True)
            if FALLS[0] <= ground.min() / ground.max() <= FALLS[1] and contrast > best:
                best, found = contrast, _Found(ground, dark)
    return found


def _contrast(coarse: Coarse, dark: bool | None) -> float:
    """How far ink and ground are apart, 0…1: the share of the variance that is between them, less that of the border in ink.

    Where it is not known whether ink is `dark`, it is what less of the border shows.
    """
    counts = np.bincount(np.rint(coarse).astype(np.uint8).ravel(), minlength=256)
    threshold, apart = best_cut(counts)
    border = np.concatenate([coarse[0], coarse[-1], coarse[1:-1, 0], coarse[1:-1, -1]])
    inked = float((border < threshold + 0.5).mean())
    return apart * (1 - (min(inked, 1 - inked) if dark is None else inked))


def best_cut(counts: NDArray[np.integer[Any]]) -> tuple[int, float]:
    """Otsu's threshold of a histogram [256]: class 1 is above it; and the share of the variance that is between the classes.

    N. Otsu, A threshold selection method from gray-level histograms, 1979.
    """
    size = int(counts.sum())
    weight = np.cumsum(counts)[:-1]
    total = np.cumsum(counts * np.arange(256))
    apart = (total[-1] * weight - total[:-1] * size).astype(np.float64)  # whole numbers: 0 where a class is empty
    with np.errstate(divide="ignore", invalid="ignore"):
        between = apart**2 / (weight * (size - weight))
    if np.isnan(between).all():
        return int(np.argmax(counts)), 0.0
    threshold = int(np.nanargmax(between))
    variance = float(
        size * int((counts * np.arange(256) ** 2).sum()) - int(total[-1]) ** 2
    )  # of more than 64 bits in a large picture
    return threshold, float(between[threshold]) / variance if variance else 0.0


def _surface(shown: Coarse) -> Coarse:
    """A smooth ground: a polynomial through the logarithms of all pixels but those that lie well below it, which are ink."""
    terms = _terms(shown.shape)
    values = np.log(np.maximum(shown, 4), dtype=np.float64).ravel()
    weights, fit = np.ones(len(values)), values
    for _ in range(ROUNDS):
        weighted = terms * weights[:, None]
        fit = terms @ np.linalg.solve(weighted.T @ terms + 1e-6 * np.eye(terms.shape[1]), weighted.T @ values)
        weights = np.where(values < fit - BELOW, 0.01, 1.0)
    return np.exp(np.minimum(fit, np.log(255))).reshape(shown.shape).astype(np.float32)


@cache
def _terms(shape: tuple[int, int]) -> NDArray[np.float64]:
    """The polynomial's terms at every pixel, [h · w, 15]."""
    y, x = np.meshgrid(*(np.linspace(-1, 1, side) for side in shape), indexing="ij")
    return np.stack([(x**i * y**j).ravel() for i in range(DEGREE + 1) for j in range(DEGREE + 1 - i)], axis=1)


def _closing(shown: Coarse) -> Coarse:
    """The ground where ink is narrower than the window."""
    side = int(max(shown.shape) * WINDOW) | 1
    return _extreme(_extreme(shown, side, np.max), side, np.min)


def _extreme(values: Coarse, side: int, choose: Callable[..., Any]) -> Coarse:
    """The largest or the smallest value of the square around each pixel."""
    for axis in (0, 1):
        around = [(0, 0), (0, 0)]
        around[axis] = (side // 2, side // 2)
        values = choose(sliding_window_view(np.pad(values, around, mode="edge"), side, axis=axis), axis=-1)
    return values
