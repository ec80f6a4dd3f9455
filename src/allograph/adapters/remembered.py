"""Adapters that keep the writer's samples, and fit themselves to them when they are first asked."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from typing import ClassVar, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from allograph.adapters.population import Population, parameters_of
from allograph.adapters.protocol import State
from allograph.alphabet import Alphabet
from allograph.bundle import Bundle
from allograph.readings import Corrections, Explanation, Samples, Scores, log_softmax

Floats = NDArray[np.float32]
Fitted = Callable[[Samples, Floats], Floats]
"""From samples and the base's log-probabilities [n, C + m], all finite, to values [n, C + m], as in `Scores`."""

OWN_LABEL = 1e-3
"""The probability that a label of the writer's own has for the base classifier, which does not know it."""
SHOWN = 5
"""How many of the writer's nearest samples an explanation names."""


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
class Remembering(ABC):
    """What these adapters share; each says how it is fitted. With a `window` only so many corrections are kept."""

    alphabet: Alphabet
    window: int | None = None

    name: ClassVar[str]
    version: ClassVar[int] = 1
    needs_population: ClassVar[bool] = True
    """Whether it cannot do without the population's statistics, where it has a place for them."""
    tried: ClassVar[dict[str, tuple[float, ...]]] = {}
    """The values of each parameter that tuning tries."""

    @classmethod
    def of(cls, bundle: Bundle) -> Self:
        """Build it from a bundle, with the parameters that were tuned for it.

        Raises `InputError` where the bundle has no population statistics and the method needs them.
        """
        known = {field.name for field in fields(cls)}
        parameters = {key: value for key, value in parameters_of(bundle, cls.name).items() if key in known}
        if "population" in known and (cls.needs_population or Population.known_of(bundle)):
            parameters["population"] = Population.of(bundle)
        return cls(bundle.alphabet, **parameters)

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
        kept = slice(None if self.window is None else -self.window, None)
        first = not len(known["labels"])
        return State(
            own,
            {
                "embeddings": batch.embeddings[kept] if first else np.concatenate([known["embeddings"], batch.embeddings])[kept],
                "logits": batch.logits[kept] if first else np.concatenate([known["logits"], batch.logits])[kept],
                "labels": np.concatenate([known["labels"], places])[kept],
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


def places_of(alphabet: Alphabet, own: tuple[str, ...], labels: Sequence[str]) -> tuple[tuple[str, ...], NDArray[np.int32]]:
    """The writer's own labels after these were taught, and the places [n] of `labels`."""
    known = {label: len(alphabet) + i for i, label in enumerate(own)}
    places = [
        alphabet.index(label) if label in alphabet else known.setdefault(label, len(alphabet) + len(known)) for label in labels
    ]
    return tuple(known), np.array(places, np.int32)


def with_own_labels(logits: Floats, own: int) -> Floats:
    """Log-probabilities [n, C + own] of the base, which gives each of the writer's own labels a little."""
    logs = log_softmax(logits)
    return np.concatenate([logs, np.full((len(logs), own), np.log(OWN_LABEL), np.float32)], axis=1) if own else logs


def finite(logs: Floats) -> Floats:
    """Log-probabilities without −inf, which would spoil sums: what was not on offer stays as good as impossible."""
    return np.maximum(logs, np.float32(-30))


def mixed(logs: Floats, votes: Floats, share: float | Floats) -> Floats:
    """Log-probabilities of a mixture: `share` of the votes [n, C + m], the rest of the base's probabilities."""
    return np.log(np.maximum((1 - share) * np.exp(logs) + share * votes, 1e-12))
