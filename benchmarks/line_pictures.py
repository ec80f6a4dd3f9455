"""Lines of UNIPEN drawn as pictures, and how well pieces of ink can be put together to their characters.

    python benchmarks/line_pictures.py [--lines 100]

Lines of train and validation writers are drawn as a scan would show them: dark on light, smooth edges; those of writers whose
unit is not known are brought to a usual size. A character is cuttable where some run of at most five pieces in reading order
holds its ink and hardly any other. Of all lines it says how often rows that are found by geometry keep the order of writing.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from allograph.lines.pictures.pieces import picture_pieces
from allograph.lines.pictures.rows import rows
from allograph.lines.piece import Piece
from allograph.split import SPLITS
from timing import show

LINES = Path("../shared/data/unipen_lines.npz")
HEIGHT = 4.0
"""Millimetres of the median character where the unit is not known."""
MARGIN = 3.0
"""Millimetres of paper around the ink."""
FINER = 3
"""Pictures are drawn this many times larger and then averaged, so that edges are smooth."""
INCH = 25.4
LONGEST = 5
"""Pieces in a run, at most."""

Stroke = NDArray[np.float64]


class Line(NamedTuple):
    """A line of hand print with its truth."""

    strokes: list[Stroke]
    """In the order of writing, each [k, 2], y down, in millimetres."""
    characters: NDArray[np.int64]
    """[n] the character that each stroke belongs to."""
    text: str
    writer: str


class Look(NamedTuple):
    """How a line is drawn."""

    dpi: float = 300
    pen: float = 0.5
    """Millimetres."""
    uneven: bool = False
    """Whether light falls off, a shadow lies on the paper, and there is noise."""


def read_lines(path: Path = LINES, splits: Sequence[str] = ("train", "validation")) -> Iterator[Line]:
    """The lines of the writers of these splits."""
    with np.load(path, allow_pickle=False) as file:
        data = {name: file[name] for name in file.files}
    for line in np.flatnonzero(np.isin(data["splits"], splits)).tolist():
        first, last = data["line_start"][line : line + 2].tolist()
        bounds = data["stroke_start"][first : last + 1]
        points = data["points"][bounds[0] : bounds[-1]].astype(np.float64)
        strokes = np.split(points, bounds[1:-1] - bounds[0])
        characters = data["stroke_character"][first:last].astype(np.int64)
        if not data["millimetres"][line]:
            strokes = [stroke * HEIGHT / median_height(strokes, characters) for stroke in strokes]
        yield Line(strokes, characters, str(data["texts"][line]), str(data["writers"][line]))


def median_height(strokes: Sequence[Stroke], characters: NDArray[np.int64]) -> float:
    """The median of the characters' heights, in the unit of the strokes."""
    inks = [np.concatenate([strokes[i] for i in np.flatnonzero(characters == one).tolist()]) for one in np.unique(characters)]
    return float(np.median([np.ptp(ink[:, 1]) for ink in inks]))


def draw_line(strokes: Sequence[Stroke], look: Look = Look(), seed: int = 0) -> NDArray[np.uint8]:  # noqa: B008
    """A picture of strokes in millimetres, uint8 [h, w], dark on light; its corner is `MARGIN` from the ink."""
    from PIL import Image, ImageDraw

    points = np.concatenate(strokes)
    corner, scale = points.min(axis=0) - MARGIN, look.dpi / INCH
    width, height = np.ceil((np.ptp(points, axis=0) + 2 * MARGIN) * scale).astype(int).tolist()
    canvas = Image.new("L", (width * FINER, height * FINER))
    draw = ImageDraw.Draw(canvas)
    pen = look.pen * scale * FINER
    for stroke in strokes:
        placed = (stroke - corner) * scale * FINER
        draw.line([(x, y) for x, y in placed.tolist()], fill=255, width=round(pen), joint="curve")
        for x, y in (placed[0].tolist(), placed[-1].tolist()):
            draw.ellipse((x - pen / 2, y - pen / 2, x + pen / 2, y + pen / 2), fill=255)
    ink = np.asarray(canvas.reduce(FINER), dtype=np.float32) / 255
    if not look.uneven:
        return np.rint(255 * (1 - ink)).astype(np.uint8)
    random = np.random.default_rng(seed)
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    x, y = x / width, y / height
    light = (0.6 + 0.4 * random.permutation([x, 1 - x])[0]) * np.where(x + 0.2 * y > random.uniform(0.3, 0.9), 0.75, 1.0)
    paper = (225 - 165 * ink) * light
    return np.clip(paper + random.normal(0, 6, paper.shape), 0, 255).astype(np.uint8)


class Cut(NamedTuple):
    """What can be made of the pieces of a line."""

    cuttable: NDArray[np.bool_]
    """[characters]"""
    touching: NDArray[np.bool_]
    """[characters] whether some ink is joined with another character's."""
    pieces: int


def dense(path: Stroke, step: float) -> Stroke:
    """A path with points at most `step` apart."""
    if len(path) < 2:
        return path
    length = np.r_[0, np.cumsum(np.hypot(*np.diff(path, axis=0).T))]
    places = np.linspace(0, length[-1], max(2, int(length[-1] / step) + 2))
    return np.stack([np.interp(places, length, path[:, axis]) for axis in (0, 1)], axis=1)


def distances(points: Stroke, others: Stroke) -> NDArray[np.float64]:
    """[n] of each point to the nearest of the others."""
    nearest = np.full(len(points), np.inf)
    for part in range(0, len(others), 512):
        gaps = points[:, None] - others[None, part : part + 512]
        nearest = np.minimum(nearest, np.sqrt((gaps**2).sum(axis=2)).min(axis=1))
    return nearest


def cut_line(line: Line, pieces: Sequence[Piece], pen: float) -> Cut:
    """Compare pieces, in millimetres and in reading order, with the truth.

    A run of pieces is a character when its paths pass all but a tenth of the character's and less than a tenth of them lies
    farther from it than the pen is wide.
    """
    step = pen / 3
    corner = np.concatenate(line.strokes).min(axis=0) - MARGIN
    paths = [np.concatenate([dense(path, step) for path in piece.paths]) + corner for piece in pieces]
    names = np.unique(line.characters)
    cuttable = np.zeros(len(names), np.bool_)
    inks = [np.concatenate([dense(line.strokes[i], step) for i in np.flatnonzero(line.characters == name)]) for name in names]
    edges = np.array([[*path.min(axis=0), *path.max(axis=0)] for path in paths])
    for place, ink in enumerate(inks):
        low, high = ink.min(axis=0) - pen, ink.max(axis=0) + pen
        near = (edges[:, 0] <= high[0]) & (edges[:, 2] >= low[0]) & (edges[:, 1] <= high[1]) & (edges[:, 3] >= low[1])
        inside = {i: distances(paths[i], ink) <= pen for i in np.flatnonzero(near).tolist()}
        passed = {i: distances(ink, paths[i]) <= pen for i in inside}
        own = [i for i in inside if inside[i].mean() > 0.5]
        if not own or own[-1] - own[0] >= LONGEST:
            continue
        for first in own:
            for last in own:
                run = range(first, last + 1)
                if first > last or not inside.keys() >= set(run):
                    continue
                foreign = 1 - np.concatenate([inside[i] for i in run]).mean()
                missed = 1 - np.logical_or.reduce([passed[i] for i in run]).mean()
                if foreign < 0.1 and missed < 0.1:
                    cuttable[place] = True
    touching = np.zeros(len(names), np.bool_)
    for i, ink in enumerate(inks):
        for j in range(i + 1, len(inks)):
            other = inks[j]
            if np.abs(ink.mean(axis=0) - other.mean(axis=0)).max() < np.ptp(ink, axis=0).max() + np.ptp(other, axis=0).max() and (
                distances(ink, other).min() < 1.2 * pen
            ):
                touching[[i, j]] = True
    return Cut(cuttable, touching, len(pieces))


LOOKS = (
    Look(),
    Look(uneven=True),
    Look(pen=0.3),
    Look(pen=0.8),
    Look(dpi=150),
    Look(dpi=200, pen=0.35),
    Look(dpi=600),
    Look(dpi=600, uneven=True),
)


def look_row(lines: Sequence[Line], look: Look, pieces_of: Callable[..., list[Piece]] = picture_pieces) -> list[str]:
    """One row of the table."""
    cuts, seconds, characters = [], [], 0
    for seed, line in enumerate(lines):
        picture = draw_line(line.strokes, look, seed)
        began = time.perf_counter()
        pieces = pieces_of(picture, resolution=(look.dpi / INCH, look.dpi / INCH))
        seconds.append(time.perf_counter() - began)
        cuts.append(cut_line(line, pieces, look.pen))
        characters += len(cuts[-1].cuttable)
    cuttable, touching = np.concatenate([cut.cuttable for cut in cuts]), np.concatenate([cut.touching for cut in cuts])
    return [
        f"{look.dpi:g}",
        f"{look.pen:g}",
        "uneven" if look.uneven else "even",
        f"{cuttable.mean():.2%}",
        f"{cuttable[touching].mean():.1%}",
        f"{touching.mean():.1%}",
        f"{sum(cut.pieces for cut in cuts) / characters:.2f}",
        f"{1000 * np.median(seconds):.1f}",
    ]


def row_order(lines: Sequence[Line]) -> list[str]:
    """One row of the table of rows by geometry: how often they keep the order of writing, and are one."""
    found, kept = [], []
    for line in lines:
        row = rows(np.array([[*stroke.min(axis=0), *stroke.max(axis=0)] for stroke in line.strokes]))
        found.append(row)
        kept.append((np.diff(line.characters[np.argsort(row, kind="stable")]) >= 0).all())
    return [str(len(lines)), f"{np.mean(kept):.1%}", f"{np.mean([row.max() == 0 for row in found]):.1%}"]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--lines", type=int, default=120, help="how many, chosen at random")
    options = parser.parse_args()
    everything = list(read_lines(splits=SPLITS))
    groups = [[line for line in everything if line.writer.startswith("apb") == wrapped] for wrapped in (False, True)]
    head = ["lines", "order of writing kept", "one row"]
    show(
        "rows of strokes, lines of all writers: most in one row, and of apb writers, most wrapped",
        head,
        list(map(row_order, groups)),
    )
    lines = list(read_lines())
    chosen = np.random.default_rng(0).permutation(len(lines))[: options.lines]
    table = [look_row([lines[i] for i in chosen], look) for look in LOOKS]
    head = ["dpi", "pen, mm", "light", "cuttable", "… of those touching", "touching", "pieces a character", "ms a line"]
    show(f"{options.lines} lines of train and validation writers", head, table)


if __name__ == "__main__":
    main()
