"""Ink as the shipped bundle's images were drawn: large, by Pillow, then made small and moved by whole pixels."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from allograph.images.frames import SIDE

FINER = 8
"""Drawn are so many pixels for one along each side."""
PEN = 2
"""Pixels of the pen's width."""
LENGTH = 18
"""Pixels of the longer side of the path, the pen's width not included."""
MIDDLE = (SIDE - 1) / 2
"""Where the middle of the ink's mass is moved to, as near as whole pixels allow."""


def draw_as_shipped(strokes: Sequence[NDArray[np.floating]]) -> NDArray[np.uint8]:
    """Draw strokes, each [k, 2], y down, in the `mnist` frame: uint8 [28, 28], white on black.

    Of nine characters in ten the image is that of the bundle's data to the last bit; in the others some pixels of the edge
    differ (tests/test_unipen.py). The shape is kept where the points lie on the device's own grid.
    """
    from PIL import Image, ImageDraw

    points = np.concatenate(strokes).astype(np.float64)
    low, extent = points.min(axis=0), np.ptp(points, axis=0)
    scale = LENGTH * FINER / (extent.max() or 1.0)
    margin = (SIDE * FINER - extent * scale) / 2
    canvas = Image.new("L", (SIDE * FINER, SIDE * FINER))
    pencil = ImageDraw.Draw(canvas)
    radius = PEN * FINER / 2
    for stroke in strokes:
        path = [(x, y) for x, y in ((stroke - low) * scale + margin).tolist()]
        if len(path) > 1:
            pencil.line(path, fill=255, width=PEN * FINER)
        for x, y in path:
            pencil.ellipse((x - radius, y - radius, x + radius, y + radius), fill=255)
    image = np.asarray(canvas.resize((SIDE, SIDE), Image.Resampling.BOX), np.uint8)
    mass = image.astype(np.float64)
    places = np.arange(SIDE)
    middle = mass.sum(axis=1) @ places / mass.sum(), mass.sum(axis=0) @ places / mass.sum()
    down, right = (round(MIDDLE - place) for place in middle)
    return np.roll(image, (down, right), axis=(0, 1))
