"""How accuracy grows with what was learned: the same test samples after more and more corrections."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from allograph.adapters import Trial
from allograph.errors import InputError
from allograph.evaluation.protocols.resample import Feedback, Resample

CORRECTIONS = (0, 10, 30, 100, 300)
PER_LABEL = (1, 2, 4, 8)


@dataclass(frozen=True)
class CurvePoint:
    """One point: learn only the first of the adaptation samples, in random order; test what `Resample` tests."""

    resample: Resample
    corrections: int | None = None
    """So many of all; writers with fewer are not tested."""
    per_label: int | None = None
    """Or so many of each label, or all it has."""
    feedback: Feedback = "none"

    @property
    def seed(self) -> int:
        """That of the resamples."""
        return self.resample.seed

    def as_dict(self) -> dict[str, Any]:
        """For `results.json`."""
        point = {"corrections": self.corrections} if self.per_label is None else {"per_label": self.per_label}
        rest = {key: value for key, value in self.resample.as_dict().items() if key not in ("name", "shuffle", "in_order")}
        return {"name": "curve", **point, **rest}

    def trials(self, writer: str, labels: NDArray[np.str_], order: NDArray[np.int32] | None = None) -> list[Trial]:
        """The resamples of one writer, cut short; none where a writer has too few samples."""
        trials = self.resample.trials(writer, labels)
        if self.corrections is not None:
            return [
                Trial(trial.adaptation[: self.corrections], trial.test)
                for trial in trials
                if len(trial.adaptation) >= self.corrections
            ]
        return [Trial(self._first_of_each_label(trial.adaptation, labels), trial.test) for trial in trials]

    def _first_of_each_label(self, rows: NDArray[np.int64], labels: NDArray[np.str_]) -> NDArray[np.int64]:
        return rows[occurrences(labels[rows]) < (self.per_label or len(rows))]


def occurrences(values: NDArray[Any]) -> NDArray[np.int64]:
    """How often each value [n] occurs before its place: int [n].

    >>> occurrences(np.array(list("abaab"))).tolist()
    [0, 0, 1, 2, 1]
    """
    counts = np.empty(len(values), np.int64)
    for value in np.unique(values):
        rows = np.flatnonzero(values == value)
        counts[rows] = np.arange(len(rows))
    return counts


@dataclass(frozen=True)
class Curve:
    """Accuracy against corrections seen, and against samples a label, on the test samples that are held out throughout."""

    adaptation: float = 0.9
    """The share of each label's samples that the corrections are drawn from; the rest are tested."""
    resamples: int = 10
    seed: int = 0
    alphabet: str | None = None
    """The name of the only labels that may be answered; None for all."""
    split: str | None = None
    """Who the application writers are; None for the corpus's own."""
    labels: tuple[str, ...] | None = None
    """The labels whose samples are judged, which are the only ones on offer unless `alphabet` says otherwise; None for all."""

    def __post_init__(self) -> None:
        self._resample()

    def runs(self) -> list[CurvePoint]:
        """First the points by samples a label, then those by corrections, the most last."""
        resample = self._resample()
        return [
            *(CurvePoint(resample, per_label=count) for count in PER_LABEL),
            *(CurvePoint(resample, corrections=count) for count in CORRECTIONS),
        ]

    def options(self) -> list[str]:
        """Its options on the command line."""
        return [f"--protocol curve --adaptation {self.adaptation:g} --resamples {self.resamples}"]

    def as_dict(self) -> dict[str, Any]:
        """For the report."""
        point = self.runs()[-1].as_dict()
        return {key: value for key, value in point.items() if key != "corrections"}

    def _resample(self) -> Resample:
        if self.adaptation == 0:
            raise InputError("a curve needs samples to learn from: an adaptation share above 0")
        return Resample(
            self.adaptation, None, self.resamples, self.seed, "none", True, self.alphabet, self.split, labels=self.labels
        )
