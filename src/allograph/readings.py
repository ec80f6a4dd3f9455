"""The values that pass between recognizer, adapter and app: samples, corrections, scores, readings."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from allograph.samples.box import Box, Boxes
from allograph.samples.equality import by_content

Rows = NDArray[np.integer | np.bool_] | slice

SLIPS = 0.02
"""The share of corrections that are slips of the hand or of the eye, about."""


@by_content
@dataclass(frozen=True, eq=False)
class Samples:
    """Samples as a recognizer describes them: its outputs, one row a sample."""

    embeddings: NDArray[np.float32]
    """[n, d]"""
    logits: NDArray[np.float32]
    """[n, C]; −inf for labels outside the offered alphabet."""
    features: NDArray[np.float32] | None = None
    """[n, f] numbers that describe a sample's shape before the embedding; None where the model has no such output."""
    boxes: Boxes | None = None
    """[n] how large each was written, and where; None where that is known of none."""

    def __len__(self) -> int:
        return len(self.logits)

    @property
    def arrays(self) -> dict[str, NDArray[np.float32] | None]:
        """What the recognizer gave, by name."""
        return {"embeddings": self.embeddings, "logits": self.logits, "features": self.features}

    @property
    def shapes(self) -> NDArray[np.float32]:
        """[n, f] the features, or the embeddings where the model has none."""
        return self.embeddings if self.features is None else self.features

    def at(self, rows: Rows) -> Samples:
        """The samples at these places."""
        features = None if self.features is None else self.features[rows]
        boxes = None if self.boxes is None else self.boxes.at(rows)
        return Samples(self.embeddings[rows], self.logits[rows], features, boxes)

    @classmethod
    def join(cls, parts: Sequence[Samples]) -> Samples:
        """Samples of one recognizer, one after the other; at least one part."""
        if len(parts) == 1:
            return parts[0]
        features = [part.features for part in parts if part.features is not None]
        return cls(
            np.concatenate([part.embeddings for part in parts]),
            np.concatenate([part.logits for part in parts]),
            np.concatenate(features) if features else None,
            Boxes.join([part.boxes for part in parts], [len(part) for part in parts]),
        )

    def within(self, offered: NDArray[np.bool_]) -> Samples:
        """The same with logits of −inf for every label that is not offered; `offered` is bool [C]."""
        return replace(self, logits=np.where(offered, self.logits, np.float32(-np.inf)))


@by_content
@dataclass(frozen=True, eq=False)
class Corrections:
    """Samples with their true labels, in the order in which they are learned."""

    embeddings: NDArray[np.float32]
    """[n, d]"""
    logits: NDArray[np.float32]
    """[n, C]; −inf for labels outside the alphabet that was offered with the reading."""
    labels: Sequence[str]
    """[n] the true labels; one outside the bundle's alphabet is the writer's own."""
    ids: Sequence[str] = ()
    """[n] the corrections' ids, where they have any."""
    times: Sequence[float] = ()
    """[n] seconds since 1970, UTC, where they are known."""
    features: NDArray[np.float32] | None = None
    """[n, f] as in `Samples`."""
    boxes: Boxes | None = None
    """[n] as in `Samples`."""

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def samples(self) -> Samples:
        """The same without the labels."""
        return Samples(self.embeddings, self.logits, self.features, self.boxes)

    def at(self, rows: Rows) -> Samples:
        """The samples at these places, without their labels."""
        return self.samples.at(rows)

    def take(self, rows: NDArray[np.integer] | Sequence[int]) -> Corrections:
        """The corrections at these places."""
        return Corrections(
            self.embeddings[rows],
            self.logits[rows],
            [self.labels[i] for i in rows],
            [self.ids[i] for i in rows] if self.ids else (),
            [self.times[i] for i in rows] if self.times else (),
            None if self.features is None else self.features[rows],
            None if self.boxes is None else self.boxes.at(rows),
        )


@by_content
@dataclass(frozen=True, eq=False)
class Scores:
    """An adapter's answers."""

    values: NDArray[np.float32]
    """[n, C + m] for the alphabet and then the writer's own m labels: log-probabilities up to a constant a sample. The highest is
    the answer; `log_probabilities` takes the constant away."""
    answerers: NDArray[np.int8]
    """[n] who gave the answer: 0 the base classifier, above that the adapter's own answerers, which `explain` names."""
    proposals: NDArray[np.int32] | None = None
    """[n, answerers] the answer of each answerer, as places in C + m, −1 for no answer; None where there is one answerer."""

    def __len__(self) -> int:
        return len(self.values)

    @classmethod
    def interleave(cls, parts: Sequence[tuple[NDArray[np.integer], Scores]]) -> Scores:
        """The scores of samples that were scored in parts, each with its samples' places; at least one part."""
        order = np.argsort(np.concatenate([rows for rows, _ in parts]))
        proposals = [scores.proposals for _, scores in parts if scores.proposals is not None]
        return cls(
            np.concatenate([scores.values for _, scores in parts])[order],
            np.concatenate([scores.answerers for _, scores in parts])[order],
            np.concatenate(proposals)[order] if proposals else None,
        )

    @property
    def log_probabilities(self) -> NDArray[np.float32]:
        """[n, C + m]"""
        return log_softmax(self.values)

    @property
    def answers(self) -> NDArray[np.int64]:
        """[n] places in C + m."""
        return self.values.argmax(axis=1)


@dataclass(frozen=True)
class Explanation:
    """Why a reading is what it is."""

    answerer: str
    """Who gave the answer, such as `base` or `4 nearest`."""
    base: str
    """The base classifier's own answer."""
    text: str
    """The same in a sentence or two for a person."""
    evidence: dict[str, Any] = field(default_factory=dict)
    """The samples and numbers that decided, as JSON values, for a program; each adapter has its own keys."""


class Reading:
    """The answer to one sample. It keeps the state that it was made with, so `why()` stays true after later corrections."""

    __slots__ = (
        "_explain",
        "_values",
        "alphabet",
        "box",
        "id",
        "image",
        "label",
        "labels",
        "model_hash",
        "outputs",
        "personal",
        "threshold",
    )

    def __init__(
        self,
        id: str,
        label: str,
        *,
        labels: Sequence[str],
        values: NDArray[np.float32],
        outputs: Samples,
        explain: Callable[[Samples], Explanation],
        alphabet: frozenset[str] | None = None,
        threshold: float = 0.0,
        image: NDArray[np.uint8] | None = None,
        box: Box | None = None,
        personal: str | None = None,
        model_hash: str = "",
    ) -> None:
        self.id = id
        self.label = label
        """The answer."""
        self.personal = label if personal is None else personal
        """The adapter's answer: the label, unless the writer is in shadow mode, where the base's answer is the label."""
        self.labels = labels
        """[C + m] the labels that were scored."""
        self.alphabet = alphabet
        """The labels that were offered; None where all were."""
        self.threshold = threshold
        """The probability below which the reading abstains, 0…1, as it was asked for."""
        self.image = image
        """The sample that was read, [28, 28]; set it to None to keep it out of the journal."""
        self.box = box
        """How large it was written, and where, before it was framed; None where that is not known."""
        self.outputs = outputs
        """The recognizer's outputs for this sample: embedding [1, d], logits [1, C]."""
        self.model_hash = model_hash
        """The model that read it: only a writer of the same model can learn from it."""
        self._values = values
        self._explain = explain

    def doubt(self, label: str) -> float:
        """The probability, 0…1, that a correction to `label` is a slip.

        By Bayes: `SLIPS` of all corrections are slips, to any label alike; the others are as probable as the reading says.
        Against a label that was not scored nothing speaks: 0.
        """
        if label not in self.labels:
            return 0.0
        by_slip = SLIPS / len(self.labels)
        meant = (1 - SLIPS) * float(np.exp(self._log_probabilities[self.labels.index(label)]))
        return by_slip / (by_slip + meant)

    @property
    def base(self) -> str:
        """The base classifier's own answer."""
        return self.labels[int(self.outputs.logits.argmax())]

    @property
    def probability(self) -> float:
        """The probability of the answer, 0…1, calibrated."""
        return float(np.exp(self._log_probabilities.max()))

    @property
    def abstains(self) -> bool:
        """Whether the answer is less probable than the threshold."""
        return self.threshold > 0 and self.probability < self.threshold

    def best(self, count: int = 5) -> list[tuple[str, float]]:
        """The `count` likeliest labels with their probabilities, likeliest first."""
        logs = self._log_probabilities
        order = np.argsort(-logs, kind="stable")[:count]
        return [(self.labels[i], float(np.exp(logs[i]))) for i in order.tolist() if np.isfinite(logs[i])]

    @property
    def _log_probabilities(self) -> NDArray[np.float32]:
        return log_softmax(self._values[np.newaxis])[0]

    def why(self) -> Explanation:
        """Who gave the answer, and from which of the writer's samples."""
        return self._explain(self.outputs)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.label!r}, probability={self.probability:.3f}, base={self.base!r}, id={self.id!r})"


def likeliest(readings: Sequence[Reading], count: int) -> list[list[tuple[str, float]]]:
    """`reading.best(count)` for each of many readings, computed together.

    >>> likeliest([], 5)
    []
    """
    found: list[list[tuple[str, float]]] = [[] for _ in readings]
    groups: dict[int, list[int]] = {}
    for i, reading in enumerate(readings):
        groups.setdefault(len(reading.labels), []).append(i)
    for size, places in groups.items():
        values = np.stack([readings[i]._values for i in places])
        each = np.arange(len(places))[:, None]
        shares = np.exp(values - values.max(axis=1, keepdims=True))
        shares /= shares.sum(axis=1, keepdims=True)
        top = (
            np.argpartition(-values, count, axis=1)[:, :count] if count < size else np.broadcast_to(np.arange(size), values.shape)
        )
        top = top[each, np.argsort(-values[each, top], axis=1, kind="stable")]
        offered = np.isfinite(values[each, top]).sum(axis=1).tolist()
        for i, many, labels, probabilities in zip(places, offered, top.tolist(), shares[each, top].tolist(), strict=True):
            names = readings[i].labels
            found[i] = [(names[label], share) for label, share in zip(labels[:many], probabilities[:many], strict=True)]
    return found


def log_softmax(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    """Log-probabilities, float32 [n, C]; −inf stays −inf, but where there is nothing else: then all labels are equally likely.

    >>> np.exp(log_softmax(np.zeros((1, 4), np.float32))).tolist()
    [[0.25, 0.25, 0.25, 0.25]]
    """
    highest = logits.max(axis=1, keepdims=True)
    if highest.min(initial=0) == -np.inf:
        logits = np.where(highest == -np.inf, np.float32(0), logits)
        highest = logits.max(axis=1, keepdims=True)
    lower: NDArray[np.float32] = logits - highest  # else large logits would lose their differences
    lower -= np.log(np.exp(lower).sum(axis=1, keepdims=True))
    return lower


def highest_probability(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    """The probability, float32 [n], of the likeliest label of each row of logits or scores [n, C].

    >>> highest_probability(np.zeros((1, 4), np.float32)).tolist()
    [0.25]
    """
    probabilities: NDArray[np.float32] = np.exp(log_softmax(logits).max(axis=1))
    return probabilities
