"""Real ink of UNIPEN's application writers, with its size, for tests and benchmarks; it is not in the project."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


class RealCharacter(NamedTuple):
    """A character as somebody wrote it."""

    label: str
    strokes: Sequence[NDArray[np.float64]]
    """Points [k, 2], x and y down, from 0, 0 on, as large against the writer's others as it was written."""


def thinned(stroke: NDArray[np.float64], apart: float) -> NDArray[np.float64]:
    """A stroke without the points that lie less than `apart` from the last that is kept; its ends stay. Shape [k, 2].

    A pen tells its place a hundred times a second, a test's browser draws sixty frames.
    """
    kept = [stroke[0]]
    for point in stroke[1:-1]:
        if np.hypot(*(point - kept[-1])) >= apart:
            kept.append(point)
    return np.array([*kept, stroke[-1]]) if len(stroke) > 1 else stroke


def application_writers(data: Path = DATA) -> list[str]:
    """The writers of the split that are only reported, in the order of their numbers."""
    with (data / "unipen_split.csv").open(newline="") as file:
        return [row["writer"] for row in csv.DictReader(file) if row["split"] == "application"]


def real_characters(writers: Sequence[str], count: int, seed: int = 0, data: Path = DATA) -> dict[str, list[RealCharacter]]:
    """So many characters of each writer, drawn at random from those whose size is known; writers with fewer are left out."""
    with np.load(data / "unipen.npz", allow_pickle=False) as archive:
        names = ("labels", "writers", "points", "point_start", "pen_lift")
        labels, owners, points, start, lifts = (archive[name] for name in names)
    with np.load(data / "unipen_size.npz", allow_pickle=False) as archive:
        sides = np.maximum(archive["box"][:, 2] - archive["box"][:, 0], archive["box"][:, 3] - archive["box"][:, 1])
    found: dict[str, list[RealCharacter]] = {}
    for writer in writers:
        rows = np.flatnonzero((owners == writer) & np.isfinite(sides))
        if len(rows) < count:
            continue
        found[writer] = []
        for row in np.random.default_rng([seed, int(writer) if writer.isdigit() else 0]).permutation(rows)[:count]:
            ink = slice(start[row], start[row + 1])
            one = points[ink].astype(np.float64)
            one -= one.min(axis=0)
            one *= sides[row] / max(one.max(), 1.0)
            found[writer].append(RealCharacter(str(labels[row]), np.split(one, np.flatnonzero(lifts[ink])[1:])))
    return found
