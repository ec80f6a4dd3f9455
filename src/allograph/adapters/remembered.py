"""Adapters that keep the writer's samples, and fit themselves to them when they are first asked."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from allograph.adapters.protocol import State
from allograph.adapters.tunable import SHOWN, Floats, Tunable, finite, places_of, with_own_labels
from allograph.readings import Corrections, Explanation, Samples, Scores

Fitted = Callable[[Samples, Floats], Floats]
"""From samples and the base's log-probabilities [n, C + m], all finite, to values [n, C + m], as in `Scores`."""


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


@dataclass(frozen=True)
class Remembering(Tunable):
    """What these adapters share; each says how it is fitted."""

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
        return State(
            own,
            {
                "embeddings": self.newest(known["embeddings"], batch.embeddings),
                "logits": self.newest(known["logits"], batch.logits),
                "labels": self.newest(known["labels"], places),
                "seen": known["seen"] + len(places),
            },
        )

    def scores(self, state: State, samples: Samples) -> Scores:
        """The method's values, and −inf for every label that is not on offer."""
        logs = with_own_labels(samples.logits, len(state.labels))
        if not len(state.arrays["labels"]):
            return Scores(logs, np.zeros(len(logs), np.int8))
        if "fitted" not in state.derived:
            state.derived["fitted"] = self.fit(self.memory(state))
        fitted: Fitted = state.derived["fitted"]
        values = np.where(np.isneginf(logs), logs, fitted(samples, finite(logs)))
        return Scores(values, (values.argmax(axis=1) != logs.argmax(axis=1)).astype(np.int8))

    def explain(self, state: State, sample: Samples) -> Explanation:
        """The answer, what the base would have said, and the writer's own samples nearest to this one."""
        names = [*self.alphabet, *state.labels]
        scores = self.scores(state, sample)
        answer, base = names[int(scores.answers[0])], names[int(sample.logits[0].argmax())]
        count = len(state.arrays["labels"])
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


def mixed(logs: Floats, votes: Floats, share: float | Floats) -> Floats:
    """Log-probabilities of a mixture: `share` of the votes [n, C + m], the rest of the base's probabilities."""
    return np.log(np.maximum((1 - share) * np.exp(logs) + share * votes, 1e-12))
