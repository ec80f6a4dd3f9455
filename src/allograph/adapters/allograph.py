"""The best method of this release: the writer's own last layer and memory on the base's features, kept in few bytes."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from allograph.adapters.compact import pack_logs, pack_vectors, unpack_logs, unpack_vectors
from allograph.adapters.logistic import residual
from allograph.adapters.population import Population
from allograph.adapters.products import product
from allograph.adapters.protocol import State
from allograph.adapters.tunable import SHOWN, Floats, Tunable, finite, in_use, places_of, with_own_labels
from allograph.adapters.usable import FAR, agree, usable, without_faults
from allograph.readings import Corrections, Explanation, Samples, Scores, log_softmax

SAME = 0.02
"""Vectors this near to one another, as a share of their length, are of one image; packing moves them by less."""
FEW = 15
"""With so many samples the memory has half of its share: the nearest of a few is as a rule not near."""
ROUNDS = 60
"""Rounds of the solver for a writer who is new."""
FARTHEST = float(np.finfo(np.float16).max)
"""The largest number of the change, which is kept in half precision."""
AT_ONCE = 800
"""Where few samples join many, the solver goes over so many samples in all its rounds, or once over all of them. With n times as
many as this it does that only for every n-th that joins, so that what a correction costs does not grow with those before it."""


class Learned(NamedTuple):
    """A state, unpacked for reading: the samples label by label."""

    lengths: Floats
    """[n] the samples' squared lengths, as the last layer takes them."""
    labels: NDArray[np.int32]
    """[n] places."""
    order: NDArray[np.int64]
    """[n] how many samples are older than each."""
    present: NDArray[np.int32]
    """[k] places of the labels that there are samples of."""
    starts: NDArray[np.int64]
    """[k] where each label's samples begin."""
    asked: Floats
    """[r + 1, C + m + n] from a sample to what changes its logits, and to its products with the known ones."""
    excess: float
    """As the function of that name."""


@dataclass(frozen=True)
class Allograph(Tunable):
    """The maximum a posteriori change of a last layer for this writer, mixed with the votes of the writer's nearest samples.

    The layer takes the model's features (its embedding, where it has none), whitened by the within-writer covariance. Its change
    has a Gaussian prior around none: `weight` is the prior variance that a logit gets from a sample of mean length, `bias` that
    of a label's bias; it is added to the base's log-probabilities, which are divided by `temperature` first. Of the
    probabilities `share` comes from the writer's samples, each with the weight exp(−`scale` · distance), less while there are
    few. The base's own answer stands unless another is likelier by the factor exp(`guard`). An image that was corrected before
    reads as it was corrected.

    Where the base was wrong about the writer's samples far more often than it expected to be, they were picked for being wrong:
    mistakes are corrected, and what is right is never shown. `doubt` times the square of that excess adds to the guard. It is 0
    unless the bundle's configuration says otherwise, for a base that is nearly always right: a new hand looks the same at first.

    What a single correction changes is sought from where the last one led, in a round or two over all samples.
    """

    population: Population = field(default=None, repr=False)  # type: ignore[assignment]
    weight: float = 16.0
    bias: float = 1.0
    temperature: float = 1.5
    share: float = 0.35
    scale: float = 14.0
    guard: float = 0.3
    doubt: float = 0.0

    name: ClassVar[str] = "allograph"
    version: ClassVar[int] = 3
    learns_by: ClassVar[tuple[str, ...]] = ("weight", "bias", "temperature")
    tried: ClassVar[dict[str, tuple[float, ...]]] = {
        "weight": (8.0, 16.0, 24.0, 32.0),
        "temperature": (1.25, 1.5, 1.75),
        "share": (0.15, 0.2, 0.25, 0.3, 0.4),
        "scale": (10.0, 14.0, 20.0),
        "guard": (0.15, 0.3, 0.4, 0.5, 0.7),
    }

    def start(self) -> State:
        """No samples, no change."""
        return State((), {"labels": np.empty(0, np.uint16), "seen": np.zeros(1, np.int64)})

    def learn(self, state: State, batch: Corrections) -> State:
        """Keep the batch, let what lies beyond the window fall out, and go on seeking the change that fits best."""
        if not len(batch.labels):
            return state
        own, places = places_of(self.alphabet, state.labels, batch.labels)
        logs = finite(with_own_labels(without_faults(batch.logits), 0))
        vectors, told = self._vectors(batch.samples.shapes)
        fresh = pack_vectors(vectors[:, :-1]) | pack_logs(logs) | {"labels": places.astype(np.uint16)}
        fresh["units"][~told] = 0
        known = state.arrays
        kept = {name: self.newest(known.get(name, rows[:0]), rows) for name, rows in fresh.items()}
        before, (own, labels, stay) = len(own), in_use(len(self.alphabet), own, kept["labels"].astype(np.int32))
        kept["labels"] = labels.astype(np.uint16)
        count, seen = len(labels), int(known["seen"][0])
        change = None
        if len(known["labels"]):
            change = known["change"].astype(np.float32)
            change = np.pad(change, ((0, 0), (0, len(self.alphabet) + before - change.shape[1])))[:, stay]
        turn = max(count // AT_ONCE, 1)
        if change is None or 4 * len(places) >= count:
            change = self._sought(kept, len(own), ROUNDS, change)
        elif seen // turn < (seen + len(places)) // turn:
            change = self._sought(kept, len(own), min(max(AT_ONCE // count, 1), ROUNDS), change)
        change = np.clip(change, -FARTHEST, FARTHEST).astype(np.float16)
        return State(own, {**kept, "change": change, "seen": known["seen"] + len(places)})

    def scores(self, state: State, samples: Samples) -> Scores:
        """The base's logits and their change, and −inf for every label that is not on offer."""
        own, logits = len(state.labels), without_faults(samples.logits)
        logs = with_own_labels(logits, own) if own else logits
        learned = self._learned(state) if len(state.arrays["labels"]) else None
        if learned is None or not len(learned.labels):
            return Scores(logs, np.zeros(len(logs), np.int8))
        each, base = np.arange(len(logs)), logs.argmax(axis=1)
        vectors, told = self._vectors(samples.shapes)
        asked = product(vectors, learned.asked)
        values = logs / np.float32(self.temperature) + asked[:, : logs.shape[1]]
        lengths = np.vecdot(vectors, vectors)
        away = lengths[:, None] + learned.lengths
        away -= 2 * asked[:, logs.shape[1] :]
        np.sqrt(np.maximum(away, 0, out=away), out=away)
        least = away.min(axis=1)
        limit = SAME * np.sqrt(lengths)
        close = bool((least <= limit).any())
        same, taught = self._same(state, learned, logits, away <= limit[:, None], told) if close else (each[:0], each[:0])

        votes = np.exp((least[:, None] - away) * np.float32(self.scale / np.sqrt(self.weight)))
        known = len(learned.lengths)
        share = self.share * known / (known + FEW)
        votes *= np.float32(share) / votes.sum(axis=1, keepdims=True)
        values -= values.max(axis=1, keepdims=True)
        np.exp(values, out=values)
        values *= np.float32(1 - share) / values.sum(axis=1, keepdims=True)
        values[:, learned.present] += np.add.reduceat(votes, learned.starts, axis=1)
        values[each, base] *= np.float32(math.exp(self.guard + self.doubt * learned.excess**2))
        if len(same):
            values[same, taught] = 2 * values[same].max(axis=1)
        values = np.log(np.maximum(values, np.float32(1e-12)))
        if logits.min(initial=0) == -np.inf:
            values[np.isneginf(logs)] = -np.inf
        if not told.all():
            values[~told] = log_softmax(logs[~told])
        return Scores(values, (values.argmax(axis=1) != base).astype(np.int8))

    def explain(self, state: State, sample: Samples) -> Explanation:
        """The answer, what the base would have said, and the writer's own samples that decided between them.

        By the representer theorem the change is a sum over the writer's samples: each weighs in the log-odds of two labels with
        its likeness to this one times what the base had got wrong about it. The two are the answer and the base's, or the
        answer and the runner-up where the base said the same.
        """
        names = [*self.alphabet, *state.labels]
        scores = self.scores(state, sample)
        base, answer = int(without_faults(sample.logits)[0].argmax()), int(scores.answers[0])
        (vector,), (told,) = self._vectors(sample.shapes)
        if not (told and (state.arrays["labels"].size and _told(state.arrays).any())):
            return Explanation("base", names[base], f"The base classifier reads {names[base]!r}.", {"answer": names[answer]})
        order = np.argsort(-scores.values[0], kind="stable")
        other = base if base != answer else int(order[1]) if len(order) > 1 else answer
        vectors, labels = self._unpacked(state.arrays)
        change = state.arrays["change"].astype(np.float32)
        logs = unpack_logs(state.arrays, len(self.alphabet), len(state.labels)) / np.float32(self.temperature)
        wrong = np.eye(len(names), dtype=np.float32)[labels] - np.exp(log_softmax(logs + product(vectors, change)))
        wrong[~_told(state.arrays)] = 0
        weights = np.vecdot(vectors, vector) * (wrong[:, answer] - wrong[:, other])
        away = np.linalg.norm(vectors - vector, axis=1) / np.sqrt(self.weight)
        oldest = int(state.arrays["seen"][0]) - len(labels)

        def named(i: int) -> dict[str, Any]:
            return {"correction": oldest + i, "label": names[labels[i]]}

        decided = [named(i) | {"weight": float(weights[i])} for i in np.argsort(-weights, kind="stable")[:SHOWN].tolist()]
        nearest = [named(i) | {"distance": float(away[i])} for i in np.argsort(away, kind="stable")[:SHOWN].tolist()]
        text = f"The base classifier reads {names[base]!r}; "
        if answer == base:
            text += "what the writer taught does not speak against it."
        else:
            spoke = ", ".join(repr(sample["label"]) for sample in decided if sample["weight"] > 0) or repr(names[answer])
            text += f"the writer's own samples of {spoke} make it {names[answer]!r}."
        evidence = {"answer": names[answer], "against": names[other], "decided": decided, "nearest": nearest}
        return Explanation(self.name if scores.answerers[0] else "base", names[base], text, evidence)

    @cached_property
    def _layer(self) -> tuple[Floats, Floats]:
        """From features to what the last layer takes: an affine map, [f, r + 1] and [r + 1]; the last number is the bias's."""
        space = np.pad(self.population.space * np.float32(np.sqrt(self.weight)), ((0, 0), (0, 1)))
        space[-1, -1] = np.sqrt(self.bias)
        return np.ascontiguousarray(space[:-1]), space[-1]

    def _vectors(self, shapes: Floats) -> tuple[Floats, NDArray[np.bool_]]:
        """[n, r + 1] features, as the last layer takes them; and which of them say something, bool [n], the others being 0."""
        turn, shift = self._layer
        told = usable(shapes)
        if not told.all():
            shapes = np.where(told[:, None], shapes, np.float32(0))
        moved = product(shapes, turn)
        vectors = moved + shift
        told &= np.vecdot(vectors, vectors) <= self.weight * FAR**2
        told &= np.vecdot(moved, moved) >= self.weight / FAR**2
        if not told.all():
            vectors[~told, :-1] = 0
        return vectors, told

    def _sought(self, kept: Mapping[str, NDArray[Any]], own: int, rounds: int, change: Floats | None) -> Floats:
        """The change [r + 1, C + own] that fits the packed samples best, sought from `change`."""
        told, size = _told(kept), len(self.alphabet) + own
        vectors, labels = self._unpacked(kept)
        logs = unpack_logs(kept, len(self.alphabet), own) / np.float32(self.temperature)
        if not told.all():
            vectors, labels, logs = vectors[told], labels[told], logs[told]
        if not len(labels):
            return np.zeros((vectors.shape[1], size), np.float32)
        with np.errstate(over="ignore", invalid="ignore"):
            found = residual(vectors, logs, np.eye(size, dtype=np.float32)[labels], rounds, change)
        # Of samples so far apart in size that sums overflow, nothing is to be learned.
        return found if np.isfinite(found).all() else np.zeros_like(found)

    def _same(
        self, state: State, learned: Learned, logits: Floats, near: NDArray[np.bool_], told: NDArray[np.bool_]
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The rows of `logits` [n, C] that show an image that was corrected before, and the newest correction's labels (places).

        Such an image is `near` [n, k] a sample and has the base's opinion of it. Where it is near all samples, and none has its
        opinion, the features say nothing: `told` [n] becomes False.
        """
        rows, columns = near.nonzero()
        places = learned.order[columns]
        opinions = log_softmax(logits)[rows[:, None], state.arrays["likeliest"][places]]
        alike = agree(opinions, state.arrays["logs"][places].astype(np.float32))
        newest = np.full(len(logits), -1)
        np.maximum.at(newest, rows[alike], places[alike])
        told &= (newest >= 0) | (near.sum(axis=1) < near.shape[1])
        (found,) = (newest >= 0).nonzero()
        return found, state.arrays["labels"][newest[found]].astype(np.int64)

    def _unpacked(self, arrays: Mapping[str, NDArray[Any]]) -> tuple[Floats, NDArray[np.int32]]:
        """The samples [n, r + 1], as the last layer takes them, and their labels [n]; the oldest first."""
        vectors = unpack_vectors(arrays)
        bias = np.full((len(vectors), 1), np.sqrt(self.bias), np.float32)
        return np.concatenate([vectors, bias], axis=1), arrays["labels"].astype(np.int32)

    def _learned(self, state: State) -> Learned:
        """The state, unpacked once."""
        if "learned" not in state.derived:
            vectors, labels = self._unpacked(state.arrays)
            rows = np.flatnonzero(_told(state.arrays))
            order = rows[np.argsort(labels[rows], kind="stable")]
            vectors = vectors[order]
            labels = labels[order]
            present, starts = np.unique(labels, return_index=True)
            asked = np.concatenate([state.arrays["change"].astype(np.float32), vectors.T], axis=1)
            odd = excess(state.arrays, len(self.alphabet))
            state.derived["learned"] = Learned((vectors**2).sum(axis=1), labels, order, present, starts, asked, odd)
        learned: Learned = state.derived["learned"]
        return learned


def _told(arrays: Mapping[str, NDArray[Any]]) -> NDArray[np.bool_]:
    """Which packed samples say something: bool [n]."""
    told: NDArray[np.bool_] = arrays["units"] > 0
    return told


def excess(arrays: Mapping[str, NDArray[Any]], size: int) -> float:
    """The share of packed samples that the base had read wrong, beyond the share that it expected to: 0 … 1.

    Those of the writer's own labels, which the base cannot read, do not count.
    """
    known = np.flatnonzero(arrays["labels"] < size)
    if not len(known):
        return 0.0
    logs = arrays["logs"][known].astype(np.float32)
    said = arrays["likeliest"][known, logs.argmax(axis=1)]
    return max(0.0, float(np.mean((said != arrays["labels"][known]) - (1 - np.exp(logs.max(axis=1))))))
