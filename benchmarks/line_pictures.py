"""Lines of UNIPEN drawn as pictures, and how well pieces of ink can be put together to their characters.

    python benchmarks/line_pictures.py [--lines 100]

Lines of train and validation writers are drawn as a scan would show them: dark on light, smooth edges; those of writers whose
unit is not known are brought to a usual size. A character is cuttable where some run of at most five pieces in reading order
holds its ink and hardly any other. Of all lines it says how often rows that are found by geometry keep the order of writing.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from allograph.lines.drawing import HEIGHT, INCH, MARGIN, Drawing, Stroke, draw_line, median_height
from allograph.lines.pictures.pieces import find_pieces
from allograph.lines.pictures.rows import rows
from allograph.lines.piece import Piece
from allograph.split import SPLITS
from timing import show

LINES = Path("../shared/data/unipen_lines.npz")
LONGEST = 5
"""Pieces in a run, at most."""


class Line(NamedTuple):
    """A line of hand print with its truth."""

    strokes: list[Stroke]
    """In the order of writing, each [k, 2], y down, in millimetres."""
    characters: NDArray[np.int64]
    """[n] the character that each stroke belongs to."""
    text: str
    writer: str


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


DRAWINGS = (
    Drawing(),
    Drawing(uneven=True),
    Drawing(pen=0.3),
    Drawing(pen=0.8),
    Drawing(dpi=150),
    Drawing(dpi=200, pen=0.35),
    Drawing(dpi=600),
    Drawing(dpi=600, uneven=True),
)


def drawing_row(lines: Sequence[Line], drawing: Drawing) -> list[str]:
    """One row of the table."""
    cuts, seconds, characters = [], [], 0
    for seed, line in enumerate(lines):
        picture = draw_line(line.strokes, drawing, seed)
        began = time.perf_counter()
        pieces = find_pieces(picture, resolution=(drawing.dpi / INCH, drawing.dpi / INCH)).pieces
        seconds.append(time.perf_counter() - began)
        cuts.append(cut_line(line, pieces, drawing.pen))
        characters += len(cuts[-1].cuttable)
    cuttable, touching = np.concatenate([cut.cuttable for cut in cuts]), np.concatenate([cut.touching for cut in cuts])
    return [
        f"{drawing.dpi:g}",
        f"{drawing.pen:g}",
        "uneven" if drawing.uneven else "even",
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
    table = [drawing_row([lines[i] for i in chosen], drawing) for drawing in DRAWINGS]
    head = ["dpi", "pen, mm", "light", "cuttable", "… of those touching", "touching", "pieces a character", "ms a line"]
    show(f"{options.lines} lines of train and validation writers", head, table)


if __name__ == "__main__":
    main()
