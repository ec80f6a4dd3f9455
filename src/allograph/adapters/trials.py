"""Replaying the samples of one writer: adapt to some, answer the others."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from allograph.adapters.protocol import Adapter
from allograph.adapters.state import State
from allograph.adapters.tunable_adapter import TunableAdapter
from allograph.readings import Corrections, Scores, highest_probability
from allograph.samples.equality import by_content


@by_content
@dataclass(frozen=True, eq=False)
class Trial:
    """One resample of one writer: places among the writer's samples, in the order in which they are seen."""

    adaptation: NDArray[np.int64]
    """[a] the samples that are learned first, in one batch."""
    test: NDArray[np.int64]
    """[t] the samples that are answered."""

    def __len__(self) -> int:
        return len(self.adaptation) + len(self.test)


@by_content
@dataclass(frozen=True, eq=False)
class TrialAnswers:
    """An adapter's answers to one trial's test samples."""

    answers: NDArray[np.int32]
    """[t] places in the alphabet."""
    proposals: NDArray[np.int32] | None = None
    """[t, answerers] as in `Scores`."""
    probabilities: NDArray[np.float32] | None = None
    """[t] each answer's probability; None where the adapter gives none."""

    def __len__(self) -> int:
        return len(self.answers)

    @classmethod
    def of(cls, scores: Scores) -> TrialAnswers:
        """The answers, the proposals and each answer's probability in scores."""
        return cls(scores.answers.astype(np.int32), scores.proposals, highest_probability(scores.values))

    @classmethod
    def join(cls, parts: Sequence[TrialAnswers]) -> TrialAnswers:
        """One after the other."""
        proposals = [part.proposals for part in parts if part.proposals is not None]
        probabilities = [part.probabilities for part in parts if part.probabilities is not None]
        return cls(
            np.concatenate([np.empty(0, np.int32), *(part.answers for part in parts)]),
            np.concatenate(proposals) if proposals else None,
            np.concatenate(probabilities) if probabilities else None,
        )


@runtime_checkable
class HasReplay(Protocol):
    """An adapter with a faster way of its own to `replay`."""

    def replay(self, samples: Corrections, trials: Sequence[Trial], reveal: bool) -> Iterator[TrialAnswers]:
        """As `replay`, with the same answers."""
        ...


def replay(adapter: Adapter, samples: Corrections, trials: Sequence[Trial], reveal: bool) -> Iterator[TrialAnswers]:
    """For each trial the answers after adapting to it; with `reveal` each test sample is learned after its answer.

    An adapter that has a `replay` of its own is asked that.
    """
    if isinstance(adapter, HasReplay):
        return adapter.replay(samples, trials, reveal)
    return replay_by_fold(adapter, samples, trials, reveal)


def replay_by_fold(adapter: Adapter, samples: Corrections, trials: Sequence[Trial], reveal: bool) -> Iterator[TrialAnswers]:
    """The same by `learn` and `scores`, for any adapter."""
    for trial in trials:
        state = adapter.learn(adapter.start(), samples.take(trial.adaptation))
        parts = []
        for rows in np.split(trial.test, len(trial.test)) if reveal and len(trial.test) else [trial.test]:
            parts.append(TrialAnswers.of(adapter.scores(state, samples.at(rows))))
            if reveal:
                state = adapter.learn(state, samples.take(rows))
        yield TrialAnswers.join(parts)


def replay_settings(
    settings: Sequence[TunableAdapter], samples: Corrections, trials: Sequence[Trial]
) -> list[list[TrialAnswers]]:
    """For each of several adapters what `replay` gives for these trials, nothing revealed.

    The adapters are of one method, and differ in parameters that it names in `grid`. Those that differ in none of `learns_by`
    answer from one state, which is learned once.
    """
    replays: list[list[TrialAnswers]] = [[] for _ in settings]
    for trial in trials:
        batch, test = samples.take(trial.adaptation), samples.at(trial.test)
        states: dict[tuple[Any, ...], State] = {}
        for answers, adapter in zip(replays, settings, strict=True):
            key = tuple(getattr(adapter, name) for name in adapter.learns_by)
            if key not in states:
                states[key] = adapter.learn(adapter.start(), batch)
            answers.append(TrialAnswers.of(adapter.scores(states[key], test)))
    return replays
