"""The writing history of one writer (paper §3.3), and how far each answerer is trusted (paper §3.4)."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from allograph.adapters.paper_formulas import (
    KS,
    NOTHING,
    choose_answerer,
    confidence,
    knn_answers,
    squared_distances,
    update_mean,
)
from allograph.readings import Samples

ANSWERERS = 1 + len(KS)
"""The base classifier and the kNN classifiers, in this order."""
MOST_ORDERS = 256
"""Orders of the pairs for which the kNN classifiers' answers are kept."""


@dataclass(frozen=True)
class Pairs:
    """The pairs (p, ·) of one predicted label p, in the order in which they first occurred (§3.3); never changed in place."""

    names: tuple[str, ...]
    """[k] the true labels."""
    true: tuple[int, ...]
    """[k] their places."""
    count: tuple[int, ...]
    """[k] how often each pair occurred, n(p, c)."""
    mean: NDArray[np.float64]
    """[k, d] the mean of the nearest styles, m(p, c)."""
    _answers: dict[tuple[int, ...], list[int]] = field(default_factory=dict)
    """The kNN classifiers' answers by the order of the pairs: with names, places and counts, it alone decides them."""

    def __len__(self) -> int:
        return len(self.true)

    def with_more(self, true: int, name: str, styles: NDArray[np.float64]) -> Pairs:
        """These pairs after samples of one true label, whose nearest styles are `styles` [m, d] (equation 3)."""
        names, places, count, mean = self.names, self.true, [*self.count], self.mean.copy()
        if true not in places:
            names, places, count = (*names, name), (*places, true), [*count, 0]
            mean = np.concatenate([mean, np.zeros((1, styles.shape[1]))])
        i = places.index(true)
        mean[i] = update_mean(mean[i], count[i], styles)
        count[i] += len(styles)
        return Pairs(names, places, tuple(count), mean)

    def offered(self, logits: NDArray[np.float32]) -> Pairs:
        """Those whose true label is on offer: its logit [C] is not −inf, or it is the writer's own."""
        keep = [i for i, label in enumerate(self.true) if label >= len(logits) or logits[label] > -np.inf]
        if len(keep) == len(self):
            return self
        names, true, count = (tuple(values[i] for i in keep) for values in (self.names, self.true, self.count))
        return Pairs(names, true, count, self.mean[keep])  # type: ignore[arg-type]

    def knn(self, embeddings: NDArray[np.float32]) -> list[list[int]]:
        """The answers of the kNN classifiers to samples [n, d] that the base reads as p (§3.4): [n][classifiers]."""
        if len(self) < 2:
            orders: list[tuple[int, ...]] = [(0,) * len(self)] * len(embeddings)
        else:
            orders = [*map(tuple, squared_distances(embeddings, self.mean).argsort(axis=1, kind="stable").tolist())]
        if len(self._answers) > MOST_ORDERS:
            self._answers.clear()
        for order in orders:
            if order not in self._answers:
                self._answers[order] = knn_answers([(self.count[i], self.true[i], self.names[i]) for i in order])
        return [self._answers[order] for order in orders]


@dataclass
class WritingHistory:
    """Every pair by its predicted label, and each answerer's wins and losses by the label that it answered (§3.3, §3.4)."""

    names: list[str]
    """The alphabet's labels and then the writer's own, by their places."""
    pairs: dict[int, Pairs]
    wins: list[list[int]]
    """[C + m][answerers]"""
    losses: list[list[int]]

    @classmethod
    def of(cls, names: Sequence[str], arrays: Mapping[str, NDArray[Any]]) -> WritingHistory:
        """From the arrays of a state."""
        predicted, true, count, mean = (arrays[name] for name in ("predicted", "true", "count", "mean"))
        labels, starts = np.unique(predicted, return_index=True)
        bounds = [*starts.tolist(), len(predicted)]
        pairs = {}
        for label, start, stop in zip(labels.tolist(), bounds, bounds[1:], strict=False):
            places = true[start:stop].tolist()
            own_names = tuple(names[place] for place in places)
            pairs[label] = Pairs(own_names, tuple(places), tuple(count[start:stop].tolist()), mean[start:stop])
        return cls(list(names), pairs, arrays["wins"].tolist(), arrays["losses"].tolist())

    def arrays(self, width: int) -> dict[str, NDArray[Any]]:
        """The arrays of a state, for styles of `width` numbers."""
        order = sorted(self.pairs)
        groups = [self.pairs[label] for label in order]
        return {
            "predicted": np.repeat(np.array(order, np.int32), [len(group) for group in groups]),
            "true": np.array([label for group in groups for label in group.true], np.int32),
            "count": np.array([count for group in groups for count in group.count], np.int64),
            "mean": np.concatenate([np.empty((0, width)), *(group.mean for group in groups)]),
            "wins": np.array(self.wins, np.int32),
            "losses": np.array(self.losses, np.int32),
        }

    def copy(self) -> WritingHistory:
        """One that can be changed without changing this one."""
        return WritingHistory(list(self.names), dict(self.pairs), [*map(list, self.wins)], [*map(list, self.losses)])

    def add_names(self, labels: Sequence[str]) -> None:
        """Give places to labels that have none yet."""
        for label in labels:
            self.names.append(label)
            self.wins.append([0] * ANSWERERS)
            self.losses.append([0] * ANSWERERS)

    def learn(self, samples: Samples, predicted: Sequence[int], true: Sequence[int], styles: NDArray[np.float64]) -> None:
        """Enter samples with their nearest styles [n, d], then let every answerer answer them and count who was right.

        A sample whose embedding is NaN enters nothing, and no kNN classifier answers for it.
        """
        valid: list[bool] = (~np.isnan(samples.embeddings[:, 0])).tolist()
        groups: dict[tuple[int, int], list[int]] = {}
        for row, pair in enumerate(zip(predicted, true, strict=True)):
            if valid[row]:
                groups.setdefault(pair, []).append(row)
        for (p, c), rows in groups.items():
            before = self.pairs.get(p) or Pairs((), (), (), np.empty((0, styles.shape[1])))
            self.pairs[p] = before.with_more(c, self.names[c], styles[rows])
        for answers, label in zip(self.answers(samples, predicted), true, strict=True):
            for answerer, answer in enumerate(answers):
                counted = answers[0] if answer == NOTHING else answer
                (self.wins if counted == label else self.losses)[counted][answerer] += 1

    def answers(self, samples: Samples, predicted: Sequence[int]) -> list[list[int]]:
        """The answers of the base and of each kNN classifier to every sample: [n][answerers]."""
        rows_of: dict[int, list[int]] = {}
        for row, p in enumerate(predicted):
            rows_of.setdefault(p, []).append(row)
        answers: list[list[int]] = [[]] * len(predicted)
        for p, rows in rows_of.items():
            for row, knn in zip(rows, self._knn(p, samples, rows), strict=True):
                answers[row] = [p, *knn]
        return answers

    def trust(self, answers: Sequence[int]) -> list[float]:
        """Each answerer's confidence in its own answer to one sample (equation 5)."""
        return [
            confidence(self.wins[label][answerer], self.losses[label][answerer])
            for answerer, answer in enumerate(answers)
            for label in (answers[0] if answer == NOTHING else answer,)
        ]

    def choose(self, answers: Sequence[int]) -> int:
        """The answerer to follow for one sample (equation 6)."""
        return choose_answerer(answers, self.trust(answers))

    def _knn(self, predicted: int, samples: Samples, rows: list[int]) -> list[list[int]]:
        pairs = self.pairs.get(predicted)
        if pairs is None:
            return [[NOTHING] * len(KS)] * len(rows)
        samples = samples if len(rows) == len(samples) else samples.at(np.array(rows))
        valid = [not math.isnan(number) for number in samples.embeddings[:, 0].tolist()]
        if len(rows) > 1 and all(valid) and not np.isneginf(samples.logits).any():
            return pairs.knn(samples.embeddings)
        return [
            pairs.offered(samples.logits[i]).knn(samples.embeddings[i : i + 1])[0] if sound else [NOTHING] * len(KS)
            for i, sound in enumerate(valid)
        ]
