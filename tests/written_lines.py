"""Lines of hand print in our own hand: characters of ink.json side by side, with spaces, rows, slopes and late dots."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from allograph.lines.grammar import START, Grammar
from allograph.lines.label_class import CLASSES
from allograph.lines.lattice import Lattice
from handwriting import our_ink, varied

Strokes = list[NDArray[np.float64]]
CHARACTERS = our_ink()
GAP, SPACE, ROW = 16.0, 70.0, 200.0
"""Between characters, for a space, and from row to row; capitals are 76 high."""
DPI, PEN = 300, 0.5
"""Of pictures, and the width of their pen in millimetres."""


class WrittenLine(NamedTuple):
    """Strokes in the order in which they were written, and what they show."""

    strokes: Strokes
    text: str
    characters: NDArray[np.int64]
    """[strokes] the character of each, counted without spaces."""


def write_line(
    text: str, seed: int | None = None, *, scale: float = 1.0, slope: float = 0.0, shift: float = 0.0, late_dots: bool = False
) -> WrittenLine:
    """A line of text, with a line end where it wraps; by a writer of this seed, none for the ink as it is.

    `slope` is how far it falls for each unit to the right; with `late_dots`, the dots of i and j come after their word.
    """
    strokes: list[tuple[NDArray[np.float64], int]] = []
    late: list[tuple[NDArray[np.float64], int]] = []
    x, y, place = 0.0, 0.0, 0
    for mark in text:
        if mark in " \n":
            strokes, late = strokes + late, []
            x, y = (x + SPACE - GAP, y) if mark == " " else (0.0, y + ROW)
            continue
        ink = CHARACTERS[mark] if seed is None else varied(CHARACTERS[mark], 1000 * seed + place)
        left, right = np.concatenate(ink)[:, 0].min(), np.concatenate(ink)[:, 0].max()
        moved = [stroke + np.array([x - left, y]) for stroke in ink]
        dots = 1 if late_dots and mark in "ij" else len(ink)
        strokes += [(stroke, place) for stroke in moved[:dots]]
        late += [(stroke, place) for stroke in moved[dots:]]
        x, place = x + right - left + GAP, place + 1
    strokes += late
    shear = np.array([[1.0, slope], [0.0, 1.0]])
    return WrittenLine(
        [(stroke @ shear) * scale + shift for stroke, _ in strokes],
        " ".join(text.split()),
        np.array([owner for _, owner in strokes]),
    )


def picture_of(strokes: Strokes, millimetres: float = 0.07) -> Image.Image:
    """Dark ink on light paper, of strokes whose unit is so many millimetres."""
    scale, fine = DPI / 25.4 * millimetres, 3
    pen, margin = DPI / 25.4 * PEN, 40.0
    points = np.concatenate(strokes) * scale
    low, high = points.min(axis=0) - margin, points.max(axis=0) + margin
    width, height = (np.ceil(high - low)).astype(int).tolist()
    canvas = Image.new("L", (width * fine, height * fine), 235)
    draw = ImageDraw.Draw(canvas)
    for stroke in strokes:
        placed = [(x, y) for x, y in ((stroke * scale - low) * fine).tolist()]
        draw.line(placed, fill=25, width=round(pen * fine), joint="curve")
        for x, y in (placed[0], placed[-1]):
            draw.ellipse((x - pen * fine / 2, y - pen * fine / 2, x + pen * fine / 2, y + pen * fine / 2), fill=25)
    return canvas.reduce(fine)


def edges_of_strokes(strokes: Strokes) -> NDArray[np.float64]:
    """[n, 4] left, top, right and bottom."""
    return np.array([[*stroke.min(axis=0), *stroke.max(axis=0)] for stroke in strokes])


def some_grammar() -> Grammar:
    """That of a few words and numbers."""
    return Grammar.estimate([list("Ann has 12 cats, and 3 dogs."), list("a (small) B")])


def some_lattice(random: np.random.Generator, pieces: int, labels: int, longest: int = 3) -> Lattice:
    """A lattice of random numbers: every single piece is a run, others may be."""
    runs = [(first, first + 1) for first in range(pieces)]
    runs += [(i, i + n) for n in range(2, longest + 1) for i in range(pieces - n + 1) if random.random() < 0.7]
    runs.sort()
    logs = np.log(random.dirichlet(np.ones(labels), len(runs))).astype(np.float32)
    space_odds = random.normal(size=len(runs)).astype(np.float32)
    space_odds[[first == 0 for first, _ in runs]] = np.inf
    cuts = random.normal(size=len(runs)).astype(np.float32)
    return Lattice(np.array(runs), cuts, logs, random.integers(0, len(CLASSES), labels), space_odds, some_grammar())


def every_path(lattice: Lattice, first: int = 0) -> list[list[int]]:
    """All paths, as places of runs, from a piece on."""
    if first == lattice.pieces:
        return [[]]
    here = [(run, after) for run, (begin, after) in enumerate(lattice.runs.tolist()) if begin == first]
    return [[run, *rest] for run, after in here for rest in every_path(lattice, after)]


def score_of(lattice: Lattice, runs: list[int], labels: list[int]) -> float:
    """What speaks for a path with these labels."""
    total, before = 0.0, START
    for run, label in zip(runs, labels, strict=True):
        kind = int(lattice.classes[label])
        total += float(lattice.cuts[run]) + float(lattice.logs[run, label]) + float(lattice.links[run, before, kind])
        before = kind
    return total
