"""From strokes to images in the `mnist` frame by arithmetic alone: many at once, and the same numbers on every machine."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from allograph.images.frames import MNIST_INK, SIDE

Floats = NDArray[np.float64]

RADIUS = 1.0
"""Half the width of the pen, in pixels of the image."""
EDGE = 1.0
"""Pixels over which the ink fades at its edge."""
REACH = RADIUS + EDGE / 2
"""Pixels from the middle of the pen's path that take ink."""
STEP = 0.75
"""Pixels between the points of a path, at most."""
WINDOW = 5
"""Pixels along each side of the square that ink between two points can reach: 2 · REACH + STEP, and a part of one."""
MARGIN = 7
"""Pixels around the image that are drawn on and then cut off: the ink's mass may be so far from its middle, and stay whole."""
SHARPNESS = 4
"""Ink of overlapping steps is joined by the norm of order 2 to this power, nearly their maximum."""
CHUNK = 40_000
"""Steps that are drawn at once, for the sake of memory."""
TINY = 1e-9
"""Ink that is no larger, in its own unit, is a dot."""


class _Ink(NamedTuple):
    """The paths of many samples as arrays."""

    points: Floats
    """[p, 2] those of all paths, one after the other."""
    starts: NDArray[np.int64]
    """[k + 1] where each path begins, and where the last ends."""
    owners: NDArray[np.int64]
    """[k] the sample that each path belongs to, ascending."""

    @classmethod
    def of(cls, samples: Sequence[Sequence[Floats]]) -> _Ink:
        counts = [len(path) for paths in samples for path in paths]
        owners = np.repeat(np.arange(len(samples)), [len(paths) for paths in samples])
        return cls(np.concatenate([path for paths in samples for path in paths]), np.cumsum([0, *counts]), owners)


def rasterize(samples: Sequence[Sequence[Floats]]) -> NDArray[np.uint8]:
    """Draw samples, each the paths of its strokes, in the `mnist` frame: uint8 [n, 28, 28], white on black.

    A path is float64 [k, 2], x and y (down), at least one point; a sample has at least one path. The longer side of the ink,
    the pen's width included, is 20 pixels; the ink is centred by its mass, to whole pixels, as far as it stays whole. A sample
    without extent is a dot as wide as the pen. Each pixel has the ink of the nearest point of a path: all of it within
    `RADIUS` less half of `EDGE`, none beyond `REACH`.
    """
    if not samples:
        return np.empty((0, SIDE, SIDE), np.uint8)
    ink = _Ink.of(samples)
    count, owners = len(samples), np.repeat(ink.owners, np.diff(ink.starts))
    firsts = ink.starts[np.searchsorted(ink.owners, np.arange(count))]
    low, high = np.minimum.reduceat(ink.points, firsts), np.maximum.reduceat(ink.points, firsts)
    extent = (high - low).max(axis=1)
    scale = np.where(extent > TINY, (MNIST_INK - 2 * RADIUS) / np.maximum(extent, TINY), 0.0)
    points = (ink.points - low[owners]) * scale[owners, None]
    steps = np.diff(points, axis=0, prepend=points[:1])
    lengths = np.hypot(steps[:, 0], steps[:, 1])
    lengths[ink.starts[:-1]] = 0.0  # from the end of one path to the beginning of the next no ink is drawn
    size, width = (high - low) * scale[:, None], SIDE + 2 * MARGIN
    ends, path = _steps(points, lengths, ink)
    ends += (width - size[ink.owners[path]]) / 2
    begins = np.flatnonzero(path[1:] == path[:-1])
    canvas = np.zeros(count * width * width)
    for start in range(0, len(begins), CHUNK):
        rows = begins[start : start + CHUNK]
        _draw(canvas, ends[rows], ends[rows + 1], ink.owners[path[rows]], width)
    for _ in range(SHARPNESS):
        np.sqrt(canvas, out=canvas)
    images = np.minimum(canvas, 1.0).reshape(count, width, width)
    return np.rint(centre_by_mass(images, size + 2 * RADIUS) * 255).astype(np.uint8)


def centre_by_mass(canvas: Floats, size: Floats) -> Floats:
    """[n, 28, 28] of a canvas [n, w, w] with ink of a size [n, 2] in its middle: moved by whole pixels, its mass is there.

    Ink is never cut off.
    """
    count, width = canvas.shape[:2]
    middles = np.arange(width) + 0.5
    mass = canvas.sum(axis=(1, 2))
    centre = np.stack([canvas.sum(axis=axis) @ middles for axis in (1, 2)], axis=1) / mass[:, None]
    half = size / 2
    corner = np.clip(np.rint(centre - SIDE / 2), np.ceil(width / 2 + half - SIDE), np.floor(width / 2 - half))
    left, top = (corner.astype(np.int64)[:, axis, None] + np.arange(SIDE) for axis in (0, 1))
    return canvas[np.arange(count)[:, None, None], top[:, :, None], left[:, None, :]]


def _steps(points: Floats, lengths: Floats, ink: _Ink) -> tuple[Floats, NDArray[np.int64]]:
    """Points on the paths, at equal distances of at most `STEP`: their places [s, 2] and their paths [s]; at least two a path."""
    travelled = np.cumsum(lengths)
    starts, lasts = ink.starts[:-1], ink.starts[1:] - 1
    along = travelled[lasts] - travelled[starts]
    counts = np.maximum(np.ceil(along / STEP), 1).astype(np.int64)
    path = np.repeat(np.arange(len(starts)), counts + 1)
    place = np.arange(len(path)) - np.repeat(np.cumsum(counts + 1) - (counts + 1), counts + 1)
    apart = np.arange(len(starts))  # so that no point of one path is looked for on the next
    known = travelled + np.repeat(apart, np.diff(ink.starts))
    wanted = (travelled[starts] + apart)[path] + along[path] * (place / counts[path])
    return np.stack([np.interp(wanted, known, points[:, axis]) for axis in (0, 1)], axis=1), path


def _draw(canvas: Floats, begins: Floats, ends: Floats, owners: NDArray[np.int64], width: int) -> None:
    """Add the ink of steps [s], to the power of the norm, to the canvas [n · width · width]."""
    towards = (ends - begins).astype(np.float32)
    corner = np.ceil(np.minimum(begins, ends) - REACH - 0.5)
    across = (corner + 0.5 - begins).astype(np.float32)
    window = np.arange(WINDOW, dtype=np.float32)
    x, y = across[:, :1, None] + window, across[:, 1:, None] + window[:, None]
    unit = towards / np.maximum(np.vecdot(towards, towards), np.float32(1e-12))[:, None]
    share = np.clip(x * unit[:, :1, None] + y * unit[:, 1:, None], 0, 1)
    away = np.hypot(x - share * towards[:, :1, None], y - share * towards[:, 1:, None])
    ink = np.clip((np.float32(REACH) - away) / np.float32(EDGE), 0, 1)
    for _ in range(SHARPNESS):
        ink *= ink
    left, top = corner.astype(np.int64).T
    first = (owners * width + top) * width + left
    pixels = first[:, None, None] + np.arange(WINDOW)[:, None] * width + np.arange(WINDOW)
    canvas += np.bincount(pixels.ravel(), ink.ravel(), len(canvas))
