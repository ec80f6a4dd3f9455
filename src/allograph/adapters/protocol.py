"""What every adapter promises (`Adapter`), and one adapter at work for one writer (`WriterModel`)."""

from __future__ import annotations

from functools import cached_property
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from allograph.adapters.memory_footprint import memory_footprint
from allograph.adapters.state import State
from allograph.readings import Corrections, Explanation, Samples, Scores


class Adapter(Protocol):
    """A method that turns corrections into better answers for one writer.

    It is built once, never changes, and is shared by all writers. What it knows about a writer is the fold of `learn` over that
    writer's batches of corrections, in their order. `allograph.checks.check_adapter` checks all that is promised here.
    """

    @property
    def name(self) -> str:
        """The word on the command line."""
        ...

    @property
    def version(self) -> int:
        """Changes when the same corrections would give another state."""
        ...

    def start(self) -> State:
        """The state of a writer without corrections: the scores of samples of unknown size are the base's."""
        ...

    def learn(self, state: State, batch: Corrections) -> State:
        """A new state that also knows `batch`; `state` stays as it is."""
        ...

    def scores(self, state: State, samples: Samples) -> Scores:
        """Log-probabilities [n, C + m], and whose answer each is; they may share memory with `samples`."""
        ...

    def explain(self, state: State, sample: Samples) -> Explanation:
        """Why the one sample in `sample` reads as it does."""
        ...


class Fitted(Protocol):
    """An adapter's model of one writer, computed from a state; a dataclass of arrays, whose memory can be measured."""

    def scores(self, samples: Samples) -> Scores:
        """As `Adapter.scores` with the state."""
        ...

    def explain(self, sample: Samples) -> Explanation:
        """As `Adapter.explain` with the state."""
        ...


@runtime_checkable
class HasFit(Protocol):
    """An adapter whose readings need something computed from the state, which is worth keeping between readings."""

    def fit(self, state: State) -> Fitted:
        """Compute it. The state alone decides what comes out."""
        ...


@runtime_checkable
class TakesContext(Protocol):
    """A model of one writer that learns from other samples, read and not corrected: how large the writer writes, for one."""

    def with_context(self, context: Samples) -> Fitted:
        """The same model for samples of the same writer that are read beside `context` [m]; the writer's state stays as it is."""
        ...


GROUPS = 4
"""Samples that are read together are parted into so many groups."""


def others(samples: Samples, place: int, context: Samples | None = None) -> Samples | None:
    """What the sample at a place among those that are read together is read beside; None where it is alone."""
    rows = np.flatnonzero(np.arange(len(samples)) % GROUPS != place % GROUPS)
    beside = ([] if context is None else [context]) + ([samples.at(rows)] if len(rows) else [])
    return Samples.join(beside) if beside else None


class WriterModel:
    """An adapter with the state of one writer: it scores and explains that writer's samples.

    What the adapter computes from the state, where it has `fit`, is computed for the first sample and kept here, not in the
    state, which stays a plain value. Safe to share between threads: two that come first at once compute the same twice.
    """

    def __init__(self, adapter: Adapter, state: State) -> None:
        self.adapter = adapter
        self.state = state
        self._last_beside: tuple[Samples, Fitted] | None = None

    def scores_together(self, samples: Samples, context: Samples | None = None) -> Scores:
        """The scores of samples that the writer wrote at one go: each is read beside the others, and beside `context`.

        For a few samples that is just so. Many are parted into `GROUPS`, and each is read beside the samples of the other groups.
        """
        if samples.boxes is None or not len(samples) or not isinstance(self._fitted, TakesContext):
            return self.scores(samples, context)
        parts: list[tuple[NDArray[np.int64], Scores]] = []
        for group in range(min(GROUPS, len(samples))):
            rows = np.arange(group, len(samples), GROUPS)
            parts.append((rows, self.scores(samples.at(rows), others(samples, group, context))))
        return Scores.interleave(parts)

    def scores(self, samples: Samples, context: Samples | None = None) -> Scores:
        """As `Adapter.scores`; each sample is read by itself, beside the writer's samples in `context`, where there are any."""
        fitted = self._beside(context)
        return self.adapter.scores(self.state, samples) if fitted is None else fitted.scores(samples)

    def explain(self, sample: Samples, context: Samples | None = None) -> Explanation:
        """As `Adapter.explain`, with the context that it was read beside."""
        fitted = self._beside(context)
        return self.adapter.explain(self.state, sample) if fitted is None else fitted.explain(sample)

    def _beside(self, context: Samples | None) -> Fitted | None:
        """What is computed beside a context; the last is kept, for what is read is then explained."""
        fitted, last = self._fitted, self._last_beside
        if context is None or not isinstance(fitted, TakesContext):
            return fitted
        if last is not None and last[0] == context:
            return last[1]
        beside = fitted.with_context(context)
        self._last_beside = (context, beside)
        return beside

    @property
    def is_fitted(self) -> bool:
        """Whether all that is computed once was computed."""
        return "_fitted" in vars(self)

    @property
    def size(self) -> int:
        """Bytes that the state takes in memory, with what was computed from it."""
        return memory_footprint(self.state.labels, self.state.arrays, vars(self).get("_fitted"), self._last_beside)

    @cached_property
    def _fitted(self) -> Fitted | None:
        return self.adapter.fit(self.state) if isinstance(self.adapter, HasFit) else None
