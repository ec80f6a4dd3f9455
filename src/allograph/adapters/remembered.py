"""Adapters that keep the writer's samples, and fit themselves to them when they are first asked."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from allograph.adapters.protocol import State
from allograph.adapters.tunable import SHOWN, Floats, Tunable, finite, in_use, places_of, with_own_labels
from allograph.adapters.usable import FLAT, agree, usable, usual_length, without_faults
from allograph.readings import Corrections, Explanation, Samples, Scores, log_softmax

Fitted = Callable[[Samples, Floats], Floats]
"""From samples and the base's log-probabilities [n, C + m], all finite, to values [n, C + m], as in `Scores`.

A dataclass of arrays, so that `State.size` can say what they take; what all writers share it takes from its adapter.
"""


class Memory(NamedTuple):
    """The samples that a writer corrected, the oldest first."""

    embeddings: Floats
    """[n, d]"""
    logs: Floats
    """[n, C + m] the base's log-probabilities, as good as impossible where a label was not on offer."""
    labels: NDArray[np.int32]
    """[n] places: the alphabet's, then the writer's own."""

    @property
    def size(self) -> int:
        """C + m."""
        return self.logs.shape[1]

    @property
    def read_as(self) -> NDArray[np.int64]:
        """[n] what the base said."""
        return self.logs.argmax(axis=1)

    @property
    def truth(self) -> Floats:
        """[n, C + m] 1 at the true label."""
        return np.eye(self.size, dtype=np.float32)[self.labels]


@dataclass(frozen=True, eq=False)
class Known:
    """What a state says of a writer, ready for reading."""

    fitted: Fitted | None
    """None where there is nothing to fit to."""
    length: float | None = None
    """The usual length of an embedding; None where embeddings are not looked at."""
    alike: Floats | None = None
    """[1, d] the embedding that all samples have, where they differ in nothing but in the base's opinion of them."""
    opinions: Floats | None = None
    """[n, C] the base's log-probabilities of those samples."""

    def told(self, samples: Samples) -> NDArray[np.bool_]:
        """Of which samples more is known than the base says: bool [n]."""
        if self.length is None:
            return np.ones(len(samples.logits), bool)
        told = usable(samples.embeddings, self.length)
        if self.alike is not None and self.opinions is not None:
            near = told & (np.abs(samples.embeddings - self.alike).max(axis=1) <= FLAT * np.abs(self.alike).max())
            for row in np.flatnonzero(near).tolist():
                told[row] = agree(log_softmax(samples.logits[[row]])[0], self.opinions).any()
        return told


@dataclass(frozen=True)
class Remembering(Tunable):
    """What these adapters share; each says how it is fitted."""

    reads_embeddings: ClassVar[bool] = True
    """Whether it looks at embeddings; then those that say nothing are left out, and the base answers for them."""

    @abstractmethod
    def fit(self, memory: Memory) -> Fitted:
        """Fit to the writer's samples, at least one of them."""

    def start(self) -> State:
        """No samples."""
        none = np.empty((0, 0), np.float32)
        return State((), {"embeddings": none, "logits": none, "labels": np.empty(0, np.int32), "seen": np.zeros(1, np.int64)})

    def learn(self, state: State, batch: Corrections) -> State:
        """Keep the batch; what lies beyond the window falls out, the oldest first."""
        if not len(batch.labels):
            return state
        own, places = places_of(self.alphabet, state.labels, batch.labels)
        known = state.arrays
        told = usable(batch.embeddings)
        embeddings = batch.embeddings if told.all() else np.where(told[:, None], batch.embeddings, np.float32(0))
        own, labels, _ = in_use(len(self.alphabet), own, self.newest(known["labels"], places).astype(np.int32))
        return State(
            own,
            {
                "embeddings": self.newest(known["embeddings"], embeddings),
                "logits": self.newest(known["logits"], without_faults(batch.logits)),
                "labels": labels,
                "seen": known["seen"] + len(places),
            },
        )

    def scores(self, state: State, samples: Samples) -> Scores:
        """The method's values, and −inf for every label that is not on offer; the base's where there is nothing to go by."""
        samples = replace(samples, logits=without_faults(samples.logits))
        logs = with_own_labels(samples.logits, len(state.labels))
        known = self._known(state)
        if known.fitted is None:
            return Scores(logs, np.zeros(len(logs), np.int8))
        told = known.told(samples)
        if not told.all():
            samples = replace(samples, embeddings=np.where(told[:, None], samples.embeddings, np.float32(0)))
        values = np.where(np.isneginf(logs), logs, known.fitted(samples, finite(logs)))
        told &= np.isfinite(values.max(axis=1))
        if not told.all():
            values = np.where(told[:, None], values, logs)
        return Scores(values, (values.argmax(axis=1) != logs.argmax(axis=1)).astype(np.int8))

    def explain(self, state: State, sample: Samples) -> Explanation:
        """The answer, what the base would have said, and the writer's own samples nearest to this one."""
        names = [*self.alphabet, *state.labels]
        scores = self.scores(state, sample)
        answer, base = names[int(scores.answers[0])], names[int(without_faults(sample.logits)[0].argmax())]
        told = bool(usable(sample.embeddings)[0])
        count = len(state.arrays["labels"]) if told else 0
        away = np.linalg.norm(state.arrays["embeddings"] - sample.embeddings[0], axis=1) if count else np.empty(0)
        oldest = int(state.arrays["seen"][0]) - count
        nearest = [
            {"correction": oldest + i, "label": names[int(state.arrays["labels"][i])], "distance": float(away[i])}
            for i in np.argsort(away, kind="stable")[:SHOWN].tolist()
        ]
        seen = ", ".join(repr(near["label"]) for near in nearest)
        text = f"The base classifier reads {base!r}" + (f"; the writer's nearest samples are {seen}." if nearest else ".")
        return Explanation(self.name if scores.answerers[0] else "base", base, text, {"answer": answer, "nearest": nearest})

    def memory(self, state: State) -> Memory:
        """What a state holds."""
        logs = with_own_labels(state.arrays["logits"], len(state.labels))
        return Memory(state.arrays["embeddings"], finite(logs), state.arrays["labels"])

    def _known(self, state: State) -> Known:
        """The state, fitted once."""
        if "known" not in state.derived:
            state.derived["known"] = self._fit(state)
        known: Known = state.derived["known"]
        return known

    def _fit(self, state: State) -> Known:
        if not len(state.arrays["labels"]):
            return Known(None)
        memory = self.memory(state)
        if not self.reads_embeddings:
            return Known(self.fit(memory))
        length = self._usual_length(memory.embeddings)
        told = usable(memory.embeddings, length)
        if not told.any():
            return Known(None)
        if not told.all():
            memory = Memory(memory.embeddings[told], memory.logs[told], memory.labels[told])
        first = memory.embeddings[:1]
        alike = np.abs(memory.embeddings - first).max() <= FLAT * np.abs(first).max()
        return Known(self.fit(memory), length, *((first, log_softmax(state.arrays["logits"][told])) if alike else ()))

    def _usual_length(self, embeddings: Floats) -> float:
        """Of an embedding in this population, or of this writer's where that is not known."""
        population = getattr(self, "population", None)
        return population.length if population is not None and population.length else usual_length(embeddings[usable(embeddings)])


def mixed(logs: Floats, votes: Floats, share: float | Floats) -> Floats:
    """Log-probabilities of a mixture: `share` of the votes [n, C + m], the rest of the base's probabilities."""
    return np.log(np.maximum((1 - share) * np.exp(logs) + share * votes, 1e-12))
