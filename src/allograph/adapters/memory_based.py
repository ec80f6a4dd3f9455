"""The base class of memory-based adapters: they keep the writer's samples, and fit a scorer to them."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from allograph.adapters.state import State
from allograph.adapters.tunable_adapter import (
    EVIDENCE_SAMPLES,
    Floats,
    TunableAdapter,
    base_log_probabilities,
    clip_impossible,
    drop_unused_labels,
    places_of,
)
from allograph.adapters.validity import CONSTANT_RATIO, median_length, repair_logits, same_opinion, valid_rows
from allograph.readings import Corrections, Explanation, Samples, Scores, log_softmax

Scorer = Callable[[Samples, Floats], Floats]
"""From samples and the base's log-probabilities [n, C + m], all finite, to values [n, C + m], as in `Scores`.

A dataclass of arrays, so that its memory can be measured; what all writers share it takes from its adapter.
"""


@dataclass(frozen=True, eq=False)
class AdaptationSet:
    """The samples that a writer corrected, the oldest first."""

    embeddings: Floats
    """[n, d]"""
    logs: Floats
    """[n, C + m] the base's log-probabilities, as good as impossible where a label was not on offer."""
    labels: NDArray[np.int32]
    """[n] places of the true labels: the alphabet's, then the writer's own."""

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def size(self) -> int:
        """The number of labels, C + m."""
        return self.logs.shape[1]

    @property
    def base_answers(self) -> NDArray[np.int64]:
        """[n] places of what the base answered."""
        return self.logs.argmax(axis=1)

    @property
    def truth(self) -> Floats:
        """[n, C + m] 1 at the true label."""
        return np.eye(self.size, dtype=np.float32)[self.labels]


@dataclass(frozen=True)
class MemoryBased(TunableAdapter):
    """What these adapters share; each says which scorer it fits."""

    reads_embeddings: ClassVar[bool] = True
    """Whether it looks at embeddings; then invalid ones are left out, and the base answers for them."""

    @abstractmethod
    def scorer(self, samples: AdaptationSet) -> Scorer:
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
        before = state.arrays
        valid = valid_rows(batch.embeddings)
        embeddings = batch.embeddings if valid.all() else np.where(valid[:, None], batch.embeddings, np.float32(0))
        labels = self.newest(before["labels"], places).astype(np.int32)
        own, labels, _ = drop_unused_labels(len(self.alphabet), own, labels)
        return State(
            own,
            {
                "embeddings": self.newest(before["embeddings"], embeddings),
                "logits": self.newest(before["logits"], repair_logits(batch.logits)),
                "labels": labels,
                "seen": before["seen"] + len(places),
            },
        )

    def fit(self, state: State) -> FittedMemory:
        """The scorer that fits the state's samples; without valid samples, none."""
        if not len(state.arrays["labels"]):
            return FittedMemory(self, state)
        logs = clip_impossible(base_log_probabilities(state.arrays["logits"], len(state.labels)))
        samples = AdaptationSet(state.arrays["embeddings"], logs, state.arrays["labels"])
        if not self.reads_embeddings:
            return FittedMemory(self, state, self.scorer(samples))
        length = self._usual_length(samples.embeddings)
        valid = valid_rows(samples.embeddings, length)
        if not valid.any():
            return FittedMemory(self, state)
        if not valid.all():
            samples = AdaptationSet(samples.embeddings[valid], samples.logs[valid], samples.labels[valid])
        first = samples.embeddings[:1]
        if np.abs(samples.embeddings - first).max() > CONSTANT_RATIO * np.abs(first).max():
            return FittedMemory(self, state, self.scorer(samples), length)
        return FittedMemory(self, state, self.scorer(samples), length, first, log_softmax(state.arrays["logits"][valid]))

    def _usual_length(self, embeddings: Floats) -> float:
        """Of an embedding in this population, or of this writer's where that is not known."""
        population = getattr(self, "population", None)
        if population is not None and population.length:
            return float(population.length)
        return median_length(embeddings[valid_rows(embeddings)])


@dataclass(frozen=True, eq=False)
class FittedMemory:
    """A memory-based adapter, fitted to the samples of one writer."""

    method: MemoryBased
    state: State
    scorer: Scorer | None = None
    """None where there is no valid sample: the base answers."""
    length: float | None = None
    """The usual length of an embedding; None where the method does not look at embeddings."""
    only_embedding: Floats | None = None
    """[1, d] the embedding of all samples, where they have the same one; None where they differ."""
    opinions: Floats | None = None
    """[n, C] the base's log-probabilities of those samples."""

    def scores(self, samples: Samples) -> Scores:
        """The scorer's values, and −inf for every label that is not on offer; the base's where the embedding is invalid."""
        samples = replace(samples, logits=repair_logits(samples.logits))
        logs = base_log_probabilities(samples.logits, len(self.state.labels))
        if self.scorer is None:
            return Scores(logs, np.zeros(len(logs), np.int8))
        valid = self._valid(samples)
        if not valid.all():
            samples = replace(samples, embeddings=np.where(valid[:, None], samples.embeddings, np.float32(0)))
        values = np.where(np.isneginf(logs), logs, self.scorer(samples, clip_impossible(logs)))
        valid &= np.isfinite(values.max(axis=1))
        if not valid.all():
            values = np.where(valid[:, None], values, logs)
        return Scores(values, (values.argmax(axis=1) != logs.argmax(axis=1)).astype(np.int8))

    def explain(self, sample: Samples) -> Explanation:
        """The answer, what the base would have said, and the writer's own samples nearest to this one."""
        names, arrays = [*self.method.alphabet, *self.state.labels], self.state.arrays
        scores = self.scores(sample)
        answer, base = names[int(scores.answers[0])], names[int(repair_logits(sample.logits)[0].argmax())]
        count = len(arrays["labels"]) if valid_rows(sample.embeddings)[0] else 0
        away = np.linalg.norm(arrays["embeddings"] - sample.embeddings[0], axis=1) if count else np.empty(0)
        oldest = int(arrays["seen"][0]) - count
        nearest = [
            {"correction": oldest + i, "label": names[int(arrays["labels"][i])], "distance": float(away[i])}
            for i in np.argsort(away, kind="stable")[:EVIDENCE_SAMPLES].tolist()
        ]
        labels = ", ".join(repr(near["label"]) for near in nearest)
        text = f"The base classifier reads {base!r}" + (f"; the writer's nearest samples are {labels}." if nearest else ".")
        answerer = self.method.name if scores.answerers[0] else "base"
        return Explanation(answerer, base, text, {"answer": answer, "nearest": nearest})

    def _valid(self, samples: Samples) -> NDArray[np.bool_]:
        """Of which samples the scorer knows more than the base: bool [n]."""
        if self.length is None:
            return np.ones(len(samples.logits), bool)
        valid = valid_rows(samples.embeddings, self.length)
        if self.only_embedding is not None and self.opinions is not None:
            limit = CONSTANT_RATIO * np.abs(self.only_embedding).max()
            near = valid & (np.abs(samples.embeddings - self.only_embedding).max(axis=1) <= limit)
            for row in np.flatnonzero(near).tolist():
                valid[row] = same_opinion(log_softmax(samples.logits[[row]])[0], self.opinions).any()
        return valid


def mix(logs: Floats, votes: Floats, share: float | Floats) -> Floats:
    """Log-probabilities of a mixture: `share` of the votes [n, C + m], the rest of the base's probabilities."""
    return np.log(np.maximum((1 - share) * np.exp(logs) + share * votes, 1e-12))
