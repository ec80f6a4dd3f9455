"""The best method of this release: the writer's own last layer and memory on the base's features, kept in few bytes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from allograph.adapters.compact import pack_logs, pack_vectors, unpack_logs, unpack_vectors
from allograph.adapters.logistic import residual
from allograph.adapters.population import Population
from allograph.adapters.protocol import State
from allograph.adapters.tunable import SHOWN, Floats, Tunable, finite, places_of, with_own_labels
from allograph.readings import Corrections, Explanation, Samples, Scores, log_softmax

SAME = 0.02
"""Vectors this near to one another, as a share of their length, are of one image; packing moves them by less."""
ROUNDS = 60
"""Rounds of the solver for a writer who is new."""
AT_ONCE = 1200
"""Where few samples join many, the solver goes over so many samples in all its rounds, but makes at least `LEAST` rounds."""
LEAST = 3


class Learned(NamedTuple):
    """A state, unpacked."""

    vectors: Floats
    """[n, r + 1] the samples, as the last layer takes them."""
    lengths: Floats
    """[n] their squared lengths."""
    labels: NDArray[np.int32]
    """[n] places."""
    change: Floats
    """[r + 1, C + m]"""


@dataclass(frozen=True)
class Allograph(Tunable):
    """The maximum a posteriori change of a last layer for this writer, mixed with the votes of the writer's nearest samples.

    The layer takes the model's features (its embedding, where it has none), whitened by the within-writer covariance. Its change
    has a Gaussian prior around none: `weight` is the prior variance that a logit gets from a sample of mean length, `bias` that
    of a label's bias; it is added to the base's log-probabilities, which are divided by `temperature` first. Of the
    probabilities `share` comes from the `k` nearest samples, each with the weight exp(−`scale` · distance). The base's own answer
    stands unless another is likelier by the factor exp(`guard`). An image that was corrected before reads as it was corrected.

    What a single correction changes is sought from where the last one led, in a few rounds over all samples.
    """

    population: Population = field(default=None, repr=False)  # type: ignore[assignment]
    weight: float = 32.0
    bias: float = 1.0
    temperature: float = 1.5
    share: float = 0.4
    scale: float = 10.0
    k: int = 5
    guard: float = 0.3

    name: ClassVar[str] = "allograph"
    version: ClassVar[int] = 2
    tried: ClassVar[dict[str, tuple[float, ...]]] = {
        "weight": (16.0, 32.0, 64.0),
        "temperature": (1.25, 1.5, 1.75),
        "share": (0.2, 0.3, 0.4),
        "scale": (7.0, 10.0, 14.0),
        "guard": (0.15, 0.3, 0.5),
    }

    def start(self) -> State:
        """No samples, no change."""
        return State((), {"labels": np.empty(0, np.uint16), "seen": np.zeros(1, np.int64)})

    def learn(self, state: State, batch: Corrections) -> State:
        """Keep the batch, let what lies beyond the window fall out, and go on seeking the change that fits best."""
        if not len(batch.labels):
            return state
        own, places = places_of(self.alphabet, state.labels, batch.labels)
        logs = finite(with_own_labels(batch.logits, 0))
        fresh = pack_vectors(self._vectors(batch.samples)) | pack_logs(logs) | {"labels": places.astype(np.uint16)}
        known = state.arrays
        kept = {name: self.newest(known.get(name, rows[:0]), rows) for name, rows in fresh.items()}
        size, count = len(self.alphabet) + len(own), len(kept["labels"])
        change = None
        if len(known["labels"]):
            change = known["change"].astype(np.float32)
            change = np.pad(change, ((0, 0), (0, size - change.shape[1])))
        rounds = ROUNDS if 4 * len(places) >= count else min(max(AT_ONCE // count, LEAST), ROUNDS)
        found = residual(
            self._scaled(unpack_vectors(kept)),
            unpack_logs(kept, len(self.alphabet), len(own)) / np.float32(self.temperature),
            np.eye(size, dtype=np.float32)[kept["labels"]],
            rounds,
            change,
        )
        return State(own, {**kept, "change": found.astype(np.float16), "seen": known["seen"] + len(places)})

    def scores(self, state: State, samples: Samples) -> Scores:
        """The base's logits and their change, and −inf for every label that is not on offer."""
        logs = with_own_labels(samples.logits, len(state.labels))
        if not len(state.arrays["labels"]):
            return Scores(logs, np.zeros(len(logs), np.int8))
        learned, each = self._learned(state), np.arange(len(logs))
        vectors = self._scaled(self._vectors(samples))
        changed = logs / np.float32(self.temperature) + vectors @ learned.change
        lengths = (vectors**2).sum(axis=1)
        away = np.maximum(lengths[:, None] + learned.lengths - 2 * (vectors @ learned.vectors.T), 0)
        values = self._mixed(changed, np.sqrt(away / np.float32(self.weight)), learned.labels)
        base = logs.argmax(axis=1)
        values[each, base] += np.float32(self.guard)
        nearest = away.shape[1] - 1 - away[:, ::-1].argmin(axis=1)  # of equal ones the newest counts
        same = np.flatnonzero(away[each, nearest] <= SAME**2 * lengths)
        if len(same):
            values[same, learned.labels[nearest[same]]] = values[same].max(axis=1) + 1
        if np.isneginf(samples.logits).any():
            values[np.isneginf(logs)] = -np.inf
        return Scores(values, (values.argmax(axis=1) != base).astype(np.int8))

    def explain(self, state: State, sample: Samples) -> Explanation:
        """The answer, what the base would have said, and the writer's own samples that decided between them.

        By the representer theorem the change is a sum over the writer's samples: each weighs in the log-odds of two labels with
        its likeness to this one times what the base had got wrong about it. The two are the answer and the base's, or the
        answer and the runner-up where the base said the same.
        """
        names = [*self.alphabet, *state.labels]
        scores = self.scores(state, sample)
        base, answer = int(sample.logits[0].argmax()), int(scores.answers[0])
        if not len(state.arrays["labels"]):
            return Explanation("base", names[base], f"The base classifier reads {names[base]!r}.", {"answer": names[answer]})
        order = np.argsort(-scores.values[0], kind="stable")
        other = base if base != answer else int(order[1]) if len(order) > 1 else answer
        learned = self._learned(state)
        vector = self._scaled(self._vectors(sample))[0]
        logs = unpack_logs(dict(state.arrays), len(self.alphabet), len(state.labels)) / np.float32(self.temperature)
        wrong = np.eye(len(names), dtype=np.float32)[learned.labels] - np.exp(
            log_softmax(logs + learned.vectors @ learned.change)
        )
        weights = (learned.vectors @ vector) * (wrong[:, answer] - wrong[:, other])
        away = np.sqrt(np.maximum(learned.lengths + vector @ vector - 2 * (learned.vectors @ vector), 0))
        oldest = int(state.arrays["seen"][0]) - len(learned.labels)

        def named(i: int) -> dict[str, Any]:
            return {"correction": oldest + i, "label": names[learned.labels[i]]}

        decided = [named(i) | {"weight": float(weights[i])} for i in np.argsort(-weights, kind="stable")[:SHOWN].tolist()]
        nearest = [named(i) | {"distance": float(away[i])} for i in np.argsort(away, kind="stable")[:SHOWN].tolist()]
        text = f"The base classifier reads {names[base]!r}; "
        if answer == base:
            text += "what the writer taught does not speak against it."
        else:
            spoke = ", ".join(repr(sample["label"]) for sample in decided if sample["weight"] > 0)
            text += f"the writer's own samples of {spoke} make it {names[answer]!r}."
        evidence = {"answer": names[answer], "against": names[other], "decided": decided, "nearest": nearest}
        return Explanation(self.name if scores.answerers[0] else "base", names[base], text, evidence)

    def _mixed(self, changed: Floats, away: Floats, labels: NDArray[np.int32]) -> Floats:
        """Log-probabilities [n, C + m]: the logits' mixed with the votes of the samples at the distances `away` [n, known]."""
        count = min(int(self.k), away.shape[1])
        near = np.argpartition(away, count - 1, axis=1)[:, :count]
        votes = np.exp(-self.scale * np.take_along_axis(away, near, axis=1))
        votes *= self.share / np.maximum(votes.sum(axis=1, keepdims=True), 1e-30)
        shares = np.exp(changed - changed.max(axis=1, keepdims=True))
        shares *= (1 - self.share) / shares.sum(axis=1, keepdims=True)
        np.add.at(shares, (np.arange(len(shares))[:, np.newaxis], labels[near]), votes)
        return np.log(np.maximum(shares, 1e-12))

    def _vectors(self, samples: Samples) -> Floats:
        """[n, r] in the whitened space."""
        return self.population.place(samples.shapes)

    def _scaled(self, vectors: Floats) -> Floats:
        """[n, r + 1] at the prior's scale, and the bias's 1."""
        scaled = np.empty((len(vectors), vectors.shape[1] + 1), np.float32)
        np.multiply(vectors, np.float32(np.sqrt(self.weight)), out=scaled[:, :-1])
        scaled[:, -1] = np.sqrt(self.bias)
        return scaled

    def _learned(self, state: State) -> Learned:
        """The state, unpacked once."""
        if "learned" not in state.derived:
            arrays: Mapping[str, NDArray[Any]] = state.arrays
            vectors = self._scaled(unpack_vectors(dict(arrays)))
            labels = arrays["labels"].astype(np.int32)
            change = arrays["change"].astype(np.float32)
            state.derived["learned"] = Learned(vectors, (vectors**2).sum(axis=1), labels, change)
        learned: Learned = state.derived["learned"]
        return learned
