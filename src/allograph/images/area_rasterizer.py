"""From the ink of a scan to images in the `mnist` frame by arithmetic alone: thick pens are made thin, many samples at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from allograph.images.frames import MNIST_INK, SIDE
from allograph.images.rasterizer import MARGIN, RADIUS, centre_by_mass

Floats = NDArray[np.float64]

PEN = 2.0
"""Pixels of the image that a pen's width is brought to where it is wider."""


@dataclass(frozen=True, eq=False)
class Area:
    """Pixels of ink, in the unit of a line."""

    points: Floats
    """[k, 2] x and y of their middles; at least one."""
    depths: NDArray[np.float32]
    """[k] how far each lies inside the ink, in pixels: 1 at its edge."""
    pixel: float
    """The side of a pixel."""
    pen: float
    """The width of the pen."""


def rasterize_areas(samples: Sequence[Sequence[Area]]) -> NDArray[np.uint8]:
    """Draw samples, each of one or more areas, in the `mnist` frame: uint8 [n, 28, 28], white on black.

    All areas have one size of pixel and one pen. A pixel covers its square of the image; where the pen would be wider than `PEN`,
    the ink's outer pixels are taken off. The longer side of what is left is 20 pixels, centred by mass as `rasterize` does it.
    """
    if not samples:
        return np.empty((0, SIDE, SIDE), np.uint8)
    count = len(samples)
    counts = [sum(len(area.points) for area in areas) for areas in samples]
    points = np.concatenate([area.points for areas in samples for area in areas])
    depths = np.concatenate([area.depths for areas in samples for area in areas])
    owner, firsts = np.repeat(np.arange(count), counts), np.cumsum([0, *counts[:-1]])
    pixel, pen = samples[0][0].pixel, samples[0][0].pen
    extent = np.maximum.reduceat(points, firsts) - np.minimum.reduceat(points, firsts) + pixel
    scale = MNIST_INK / np.maximum(extent.max(axis=1), pen)
    taken = np.maximum(pen * scale - PEN, 0) / 2 / (pixel * scale)
    taken = np.minimum(taken, np.maximum.reduceat(depths, firsts) - 1)  # the innermost ink stays
    weights = np.clip(depths - taken[owner], 0, 1)
    kept = weights > 0
    points, owner, weights = points[kept], owner[kept], weights[kept]
    firsts = np.searchsorted(owner, np.arange(count))
    low, high = np.minimum.reduceat(points, firsts) - pixel / 2, np.maximum.reduceat(points, firsts) + pixel / 2
    left = np.maximum(pen - 2 * taken * pixel, pixel)
    scale = np.minimum(MNIST_INK / (high - low).max(axis=1), 2 * RADIUS / left)  # or a dot would fill the image
    width = SIDE + 2 * MARGIN
    places = (points - ((low + high) / 2)[owner]) * scale[owner, None] + (width - 1) / 2
    corners = np.floor(places).astype(np.int64)
    share = places - corners
    covered = weights * (pixel * scale[owner]) ** 2
    canvas = np.zeros(count * width * width)
    for down in (0, 1):
        for across in (0, 1):
            part = np.abs(1 - across - share[:, 0]) * np.abs(1 - down - share[:, 1])
            cell = (owner * width + corners[:, 1] + down) * width + corners[:, 0] + across
            canvas += np.bincount(cell, covered * part, len(canvas))
    images = np.minimum(canvas, 1.0).reshape(count, width, width)
    return np.rint(centre_by_mass(images, (high - low) * scale[:, None]) * 255).astype(np.uint8)
