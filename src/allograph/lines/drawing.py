"""Lines of strokes drawn as a scan would show them: dark on light, with smooth edges."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from allograph.samples.box import Unit

if TYPE_CHECKING:
    import PIL.Image

HEIGHT = 4.0
"""Millimetres of the median character where the unit is not known."""
MARGIN = 3.0
"""Millimetres of paper around the ink."""
FINER = 3
"""Pictures are drawn this many times larger and then averaged, so that edges are smooth."""
INCH = 25.4
"""Millimetres."""

Stroke = NDArray[np.float64]


class Drawing(NamedTuple):
    """How a line is drawn."""

    dpi: float = 300
    pen: float = 0.5
    """Millimetres."""
    uneven: bool = False
    """Whether light falls off, a shadow lies on the paper, and there is noise."""


def median_height(strokes: Sequence[Stroke], characters: NDArray[np.integer]) -> float:
    """The median of the characters' heights, in the unit of the strokes; `characters` [strokes] are the strokes'."""
    return float(np.median(heights(strokes, characters)))


def in_millimetres(strokes: Sequence[Stroke], characters: NDArray[np.integer], unit: Unit) -> list[Stroke]:
    """Strokes of a line whose characters are [strokes]; of an unknown unit, as if the median character were `HEIGHT` high."""
    if unit == "millimetres":
        return list(strokes)
    height = median_height(strokes, characters) or 1.0
    return [stroke * (HEIGHT / height) for stroke in strokes]


def heights(strokes: Sequence[Stroke], characters: NDArray[np.integer]) -> list[float]:
    """The heights of the characters, in the unit of the strokes."""
    inks: Iterable[Stroke] = (
        np.concatenate([strokes[place] for place in np.flatnonzero(characters == one).tolist()]) for one in np.unique(characters)
    )
    return [float(np.ptp(ink[:, 1])) for ink in inks]


def draw_line(strokes: Sequence[Stroke], drawing: Drawing = Drawing(), seed: int = 0) -> NDArray[np.uint8]:  # noqa: B008
    """A picture of strokes in millimetres, uint8 [h, w], dark on light; its corner is `MARGIN` from the ink."""
    from PIL import Image, ImageDraw

    points = np.concatenate(strokes)
    corner, scale = points.min(axis=0) - MARGIN, drawing.dpi / INCH
    width, height = np.ceil((np.ptp(points, axis=0) + 2 * MARGIN) * scale).astype(int).tolist()
    canvas = Image.new("L", (width * FINER, height * FINER))
    draw = ImageDraw.Draw(canvas)
    pen = drawing.pen * scale * FINER
    for stroke in strokes:
        placed = (stroke - corner) * scale * FINER
        draw.line([(x, y) for x, y in placed.tolist()], fill=255, width=round(pen), joint="curve")
        for x, y in (placed[0].tolist(), placed[-1].tolist()):
            draw.ellipse((x - pen / 2, y - pen / 2, x + pen / 2, y + pen / 2), fill=255)
    ink = np.asarray(canvas.reduce(FINER), dtype=np.float32) / 255
    if not drawing.uneven:
        return np.rint(255 * (1 - ink)).astype(np.uint8)
    random = np.random.default_rng(seed)
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    x, y = x / width, y / height
    light = (0.6 + 0.4 * random.permutation([x, 1 - x])[0]) * np.where(x + 0.2 * y > random.uniform(0.3, 0.9), 0.75, 1.0)
    paper = (225 - 165 * ink) * light
    return np.clip(paper + random.normal(0, 6, paper.shape), 0, 255).astype(np.uint8)


def scan_line(strokes: Sequence[Stroke], drawing: Drawing = Drawing()) -> PIL.Image.Image:  # noqa: B008
    """The same as a Pillow image that states its resolution."""
    from PIL import Image

    picture = Image.fromarray(draw_line(strokes, drawing))
    picture.info["dpi"] = (drawing.dpi, drawing.dpi)
    return picture
