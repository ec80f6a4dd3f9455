"""Accuracy as corrections come in: by how many were learned, over each writer's last quarter, and from when on it pays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from allograph.evaluation.protocols.answers import WriterAnswers

STEPS = (0, 1, 3, 10, 30, 100, 300, 1000, 3000)
"""Where each range of learned corrections begins; the last has no end."""


@dataclass(frozen=True)
class Stretch:
    """The samples, of all writers, before which a method had learned a number of corrections within one range."""

    corrections: int
    """The least number of the range, one of `STEPS`."""
    samples: int
    base: float
    """Accuracy of the base on these samples."""
    accuracy: float


@dataclass(frozen=True)
class Course:
    """One method's accuracy over a sequential run."""

    stretches: list[Stretch]
    ahead_after: int | None
    """The least n for which, whatever N ≥ n: among all answers given after at most N corrections, more of the method's are right
    than of the base's. None where that is not so at the end of the run."""
    last_quarter: float
    """Accuracy over the last quarter of each writer's samples."""
    base_last_quarter: float


def courses(answers: Sequence[WriterAnswers]) -> dict[str, Course]:
    """Every method's course; the answers are of a sequential run, and one writer at least has a sample."""
    answers = [writer for writer in answers if len(writer)]
    late = np.concatenate([last_quarter(writer) for writer in answers])
    base = np.concatenate([writer.right() for writer in answers])
    by_method = {}
    for name in answers[0].methods:
        right = np.concatenate([writer.right(name) for writer in answers])
        learned = np.concatenate([_corrections(writer, name) for writer in answers])
        ahead = ahead_after(learned, base, right)
        by_method[name] = Course(_stretches(learned, base, right), ahead, right[late].mean(), base[late].mean())
    return by_method


def last_quarter(writer: WriterAnswers) -> NDArray[np.bool_]:
    """Which test samples, bool [t], are of the last quarter of their pass through all the writer's samples."""
    length = len(np.unique(writer.rows))
    return np.arange(len(writer)) % length >= length - -(-length // 4)


def ahead_after(corrections: NDArray[np.int64], base: NDArray[np.bool_], right: NDArray[np.bool_]) -> int | None:
    """`Course.ahead_after` from the `corrections` [t] learned before each answer, and which of the base's and the method's are
    right, bool [t]."""
    lead = np.cumsum(np.bincount(corrections, weights=right.astype(int) - base.astype(int)))
    behind = np.flatnonzero(lead <= 0)
    first = int(behind[-1]) + 1 if len(behind) else 0
    return first if first < len(lead) else None


def _stretches(corrections: NDArray[np.int64], base: NDArray[np.bool_], right: NDArray[np.bool_]) -> list[Stretch]:
    step = np.searchsorted(STEPS, corrections, side="right") - 1
    inside = [(STEPS[i], step == i) for i in np.unique(step).tolist()]
    return [Stretch(first, int(here.sum()), float(base[here].mean()), float(right[here].mean())) for first, here in inside]


def _corrections(writer: WriterAnswers, name: str) -> NDArray[np.int64]:
    corrections = writer.methods[name].corrections
    return np.zeros(len(writer), np.int64) if corrections is None else corrections
