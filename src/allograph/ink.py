"""From strokes of a pen to a picture of the character."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from allograph.errors import ImageError
from allograph.images.frames import ENLARGED, Frame, to_frame
from allograph.images.rasterizer import rasterize

PEN = 1 / 10
"""Width of the pen as a share of the ink's longer side: two pixels where the ink is twenty."""
LENGTH = 120
"""Pixels of the drawn picture along the longer side of the ink, the pen's width included; a dot is as wide as the pen."""
TINY = 1e-9
"""Ink that is no larger is a dot."""
FARTHEST = 1e9
"""The largest coordinate that is drawn."""
FINER = 4
"""Pictures are drawn this many times larger and then averaged, so that edges are smooth."""


def draw_ink(strokes: Sequence[ArrayLike], name: str = "the ink") -> NDArray[np.uint8]:
    """Draw strokes as a picture, uint8 [128, 128], white on black, the ink filling it but for a margin.

    A stroke is a sequence of points [k, 2] of x, y (y down) in any unit; a stroke of one point, or of equal points, is a dot.
    Raises `ImageError` as `ink_path` does.
    """
    from PIL import Image, ImageDraw

    paths = ink_path(strokes, name)
    points = np.concatenate(paths)
    low, high = points.min(axis=0), points.max(axis=0)
    size, length = ENLARGED * FINER, LENGTH * FINER
    pen = length * PEN
    extent = float((high - low).max())
    scale = (length - pen) / extent if extent > TINY else 0.0
    middle = (low + high) / 2
    canvas = Image.new("L", (size, size))
    draw = ImageDraw.Draw(canvas)
    for path in paths:
        placed = (path - middle) * scale + size / 2
        draw.line([(x, y) for x, y in placed.tolist()], fill=255, width=round(pen), joint="curve")
        for x, y in (placed[0].tolist(), placed[-1].tolist()):
            draw.ellipse((x - pen / 2, y - pen / 2, x + pen / 2, y + pen / 2), fill=255)
    return np.asarray(canvas.reduce(FINER), dtype=np.uint8)


def ink_to_frame(strokes: Sequence[ArrayLike], frame: Frame = "mnist", name: str = "the ink") -> NDArray[np.uint8]:
    """Draw strokes and bring them into a frame: a sample, uint8 [28, 28]; raises `ImageError` as `ink_path` does.

    In the `mnist` frame by `rasterize`; in the `paper` frame as the paper has it: drawn large, blurred and made small.
    """
    if frame == "mnist":
        return rasterize([ink_path(strokes, name)])[0]
    return to_frame(draw_ink(strokes, name), frame, "light", size=LENGTH, name=name, level=False).image


def ink_extent(paths: Sequence[NDArray[np.floating]]) -> tuple[float, float, float, float]:
    """Left, top, right and bottom of the points of strokes, at least one, in their unit; the pen's width does not count.

    >>> ink_extent([np.array([[3, 1], [5, 9]]), np.array([[4, 0]])])
    (3.0, 0.0, 5.0, 9.0)
    """
    points = np.concatenate(paths)
    (left, top), (right, bottom) = points.min(axis=0).tolist(), points.max(axis=0).tolist()
    return float(left), float(top), float(right), float(bottom)


def ink_path(strokes: Sequence[ArrayLike], name: str = "the ink") -> tuple[NDArray[np.float64], ...]:
    """The strokes that have points, each float64 [k, 2].

    Raises `ImageError`, naming the ink by `name`, when there is no point, one is not finite, or a stroke has another form, such
    as the columns [xs, ys] of Quick, Draw!. Of two points, both forms look alike; they are taken for points.
    """
    if not isinstance(strokes, Iterable):
        raise ImageError(f"{name} is a list of strokes, each a list of x, y pairs; this is {type(strokes).__name__}")
    paths = tuple(path for path in (_path(stroke, name) for stroke in strokes) if len(path))
    if not paths:
        raise ImageError(f"{name} is empty: it has no points")
    return paths


def _path(stroke: ArrayLike, name: str) -> NDArray[np.float64]:
    """One stroke as float64 [k, 2]."""
    try:
        path = np.atleast_1d(np.asarray(stroke, dtype=np.float64))
    except (TypeError, ValueError):
        raise ImageError(f"{name}: a stroke is a list of x, y pairs of numbers") from None
    if not path.size:
        return np.empty((0, 2))
    if path.ndim != 2 or path.shape[1] != 2:
        columns = path.ndim == 2 and len(path) in (2, 3) and path.shape[1] > 3
        advice = ". It looks like columns, [xs, ys]: pass its points, list(zip(xs, ys))" if columns else ""
        raise ImageError(f"{name}: a stroke is [k, 2], x and y of each point; this one is {list(path.shape)}{advice}")
    if not np.isfinite(path).all():
        raise ImageError(f"{name}: a point is not finite")
    if np.abs(path).max() > FARTHEST:
        raise ImageError(f"{name}: a point lies beyond {FARTHEST:g}; scale the ink down")
    return path
