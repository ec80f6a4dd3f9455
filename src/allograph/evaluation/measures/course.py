"""How a writer who goes on correcting fares: accuracy by corrections seen, in the last quarter, and when the base is behind."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from allograph.evaluation.protocols.replay import Replayed

STEPS = (0, 1, 3, 10, 30, 100, 300, 1000, 3000)
"""Where each stretch of corrections seen begins; the last has no end."""


@dataclass(frozen=True)
class Stretch:
    """The samples that were answered after so many corrections, of all writers together."""

    corrections: int
    """The fewest of the stretch."""
    samples: int
    base: float
    """Accuracy of the base on these samples."""
    accuracy: float


@dataclass(frozen=True)
class Course:
    """One method's way through all samples in turn."""

    stretches: list[Stretch]
    ahead_after: int | None
    """The least number of corrections from which on, however many are seen, the answers so far hold more right ones than the
    base's, all writers together; None where the base is not behind in the end."""
    last_quarter: float
    """Accuracy over the last quarter of each writer's samples."""
    base_last_quarter: float


def courses(replayed: Sequence[Replayed]) -> dict[str, Course]:
    """Every method's course; the writers were replayed in turn, and one of them at least has a sample."""
    replayed = [writer for writer in replayed if len(writer.rows)]
    late = np.concatenate([last_quarter(writer) for writer in replayed])
    base = np.concatenate([writer.base == writer.true for writer in replayed])
    found = {}
    for name in replayed[0].methods:
        right = np.concatenate([writer.methods[name].labels == writer.true for writer in replayed])
        seen = np.concatenate([_seen(writer, name) for writer in replayed])
        found[name] = Course(_stretches(seen, base, right), ahead_after(seen, base, right), right[late].mean(), base[late].mean())
    return found


def last_quarter(writer: Replayed) -> NDArray[np.bool_]:
    """Which test samples, bool [t], are of the last quarter of their pass through all the writer's samples."""
    length = len(np.unique(writer.rows))
    return np.arange(len(writer.rows)) % length >= length - -(-length // 4)


def ahead_after(seen: NDArray[np.int64], base: NDArray[np.bool_], right: NDArray[np.bool_]) -> int | None:
    """From how many corrections on the answers so far [t] hold more right ones than the base's; `seen` [t] before each answer."""
    lead = np.cumsum(np.bincount(seen, weights=right.astype(int) - base.astype(int)))
    behind = np.flatnonzero(lead <= 0)
    first = int(behind[-1]) + 1 if len(behind) else 0
    return first if first < len(lead) else None


def _stretches(seen: NDArray[np.int64], base: NDArray[np.bool_], right: NDArray[np.bool_]) -> list[Stretch]:
    step = np.searchsorted(STEPS, seen, side="right") - 1
    inside = [(STEPS[i], step == i) for i in np.unique(step).tolist()]
    return [Stretch(first, int(here.sum()), float(base[here].mean()), float(right[here].mean())) for first, here in inside]


def _seen(writer: Replayed, name: str) -> NDArray[np.int64]:
    seen = writer.methods[name].seen
    return np.zeros(len(writer.rows), np.int64) if seen is None else seen
