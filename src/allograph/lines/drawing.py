"""Pictures of lines, drawn from strokes as a scan would show them: to train on, and to judge by."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FINER = 3
"""Pictures are drawn this many times larger and then averaged, so that edges are smooth."""
INCH = 25.4
"""Millimetres."""


@dataclass(frozen=True)
class Scan:
    """How strokes are drawn: dark on light."""

    dpi: float = 300.0
    """Pixels an inch."""
    pen: float = 0.5
    """The width of the pen in millimetres."""
    margin: float = 3.0
    """Millimetres of paper around the ink."""

    @property
    def resolution(self) -> float:
        """Pixels a millimetre."""
        return self.dpi / INCH

    def corner(self, strokes: Sequence[NDArray[np.float64]]) -> NDArray[np.float64]:
        """x and y of the picture's corner, in millimetres."""
        corner: NDArray[np.float64] = np.concatenate(strokes).min(axis=0) - self.margin
        return corner

    def draw(self, strokes: Sequence[NDArray[np.float64]]) -> NDArray[np.uint8]:
        """A picture, uint8 [h, w], of strokes, each [k, 2] in millimetres, y down."""
        from PIL import Image, ImageDraw

        points, corner = np.concatenate(strokes), self.corner(strokes)
        width, height = np.ceil((np.ptp(points, axis=0) + 2 * self.margin) * self.resolution).astype(int).tolist()
        canvas = Image.new("L", (width * FINER, height * FINER))
        draw = ImageDraw.Draw(canvas)
        pen = self.pen * self.resolution * FINER
        for stroke in strokes:
            placed = (stroke - corner) * self.resolution * FINER
            draw.line([(x, y) for x, y in placed.tolist()], fill=255, width=round(pen), joint="curve")
            for x, y in (placed[0].tolist(), placed[-1].tolist()):
                draw.ellipse((x - pen / 2, y - pen / 2, x + pen / 2, y + pen / 2), fill=255)
        ink = np.asarray(canvas.reduce(FINER), dtype=np.float32)
        return np.rint(255 - ink).astype(np.uint8)


def to_millimetres(strokes: Sequence[NDArray[np.float64]], height: float, typical: float = 4.0) -> list[NDArray[np.float64]]:
    """Strokes of an unknown unit, whose letters are `height` high, as if they were `typical` millimetres high."""
    return [stroke * (typical / height) for stroke in strokes]
