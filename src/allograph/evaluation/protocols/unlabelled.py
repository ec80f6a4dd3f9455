"""Nothing is corrected: what a method makes of several samples of one writer in one call."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from allograph.adapters import Adapter, Trial, TrialAnswers, WriterModel
from allograph.alphabet.labels import Alphabet
from allograph.errors import InputError
from allograph.evaluation.protocols.resample import Feedback
from allograph.readings import Corrections

OTHERS = (0, 1, 3, 10, 30, 100)
"""How many other samples of the writer are in a sample's call."""


class Call(NamedTuple):
    """One call: places among the writer's samples."""

    test: NDArray[np.int64]
    """[t] the samples that are answered, each by itself."""
    others: NDArray[np.int64]
    """[m] what else is in the call."""


@dataclass(frozen=True)
class Unlabelled:
    """Samples are answered from an empty profile, each in a call with others of the same writer, and none is corrected."""

    resamples: int = 10
    """How often each writer's samples are parted into calls."""
    seed: int = 0
    alphabet: str | None = None
    """The name of the only labels that may be answered; None for all."""
    split: str | None = None
    """Who the application writers are; None for the corpus's own."""
    labels: tuple[str, ...] | None = None
    """The labels whose samples are judged, which are the only ones on offer unless `alphabet` says otherwise; None for all."""

    def __post_init__(self) -> None:
        if self.resamples < 1:
            raise InputError(f"samples are parted into calls at least once, not {self.resamples} times")
        if self.alphabet is not None:
            Alphabet.by_name(self.alphabet)
        if self.labels is not None:
            Alphabet(self.labels)

    def runs(self) -> list[UnlabelledPoint]:
        """One run for each of `OTHERS`, the most last."""
        return [UnlabelledPoint(self, count) for count in OTHERS]

    def options(self) -> list[str]:
        """Its options on the command line."""
        return [f"--protocol unlabelled --resamples {self.resamples}"]

    def as_dict(self) -> dict[str, Any]:
        """For the report."""
        return {
            "name": "unlabelled",
            "resamples": self.resamples,
            "seed": self.seed,
            "feedback": "none",
            "alphabet": self.alphabet,
            "split": None if self.split is None else Path(self.split).name,
            **({} if self.labels is None else {"labels": list(self.labels)}),
        }


@dataclass(frozen=True)
class UnlabelledPoint:
    """One point: so many others in the call."""

    unlabelled: Unlabelled
    others: int
    feedback: Feedback = "none"

    @property
    def seed(self) -> int:
        """That of the calls."""
        return self.unlabelled.seed

    def as_dict(self) -> dict[str, Any]:
        """For `results.json`."""
        return {"name": "unlabelled", "others": self.others, **self.unlabelled.as_dict()}

    def calls(self, writer: str, samples: int) -> list[list[Call]]:
        """For each resample the calls in which a writer's samples are read, every sample once; none where there are too few.

        The samples are parted at random into calls of equally many; the last call is filled up with samples of the one before it.
        """
        size = self.others + 1
        if samples < size:
            return []
        return [self._calls(self._order(writer, samples, number), size) for number in range(self.unlabelled.resamples)]

    def trials(self, writer: str, labels: NDArray[np.str_], order: NDArray[np.int32] | None = None) -> list[Trial]:
        """The samples of each resample, in the order in which they are answered; nothing is learned."""
        nothing = np.empty(0, np.int64)
        calls = self.calls(writer, len(labels))
        return [Trial(nothing, np.concatenate([call.test for call in one])) for one in calls]

    def _calls(self, order: NDArray[np.int64], size: int) -> list[Call]:
        ends = ((start, min(start + size, len(order))) for start in range(0, len(order), size))
        return [Call(order[start:end], order[end - size : start]) for start, end in ends]

    def _order(self, writer: str, samples: int, number: int) -> NDArray[np.int64]:
        return np.random.default_rng([self.seed, zlib.crc32(writer.encode()), number]).permutation(samples)


def replay_calls(adapter: Adapter, samples: Corrections, calls: list[Call]) -> TrialAnswers:
    """The answers to the samples of all calls, one call after the other, of a writer who never corrected anything."""
    model = WriterModel(adapter, adapter.start())
    if all(len(call.test) == 1 and not len(call.others) for call in calls):  # each alone: the same, and quicker at once
        return TrialAnswers.of(model.scores(samples.at(np.concatenate([call.test for call in calls]))))
    answers = (
        model.scores_together(samples.at(call.test), samples.at(call.others) if len(call.others) else None) for call in calls
    )
    return TrialAnswers.join([TrialAnswers.of(scores) for scores in answers])
