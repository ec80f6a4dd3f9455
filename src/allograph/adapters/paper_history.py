"""A writer's history and how far it may be trusted, taken apart so that it can be changed (paper §3.3, §3.4)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from allograph.adapters.paper_rules import KS, NOTHING, chosen, confidence, knn_answers, moved_mean, squared_distances
from allograph.readings import Samples

ANSWERERS = 1 + len(KS)
"""The base classifier and the kNN classifiers, in this order."""
MOST_ORDERS = 256
"""Orders of the pairs whose answers are kept."""


@dataclass
class Pairs:
    """The pairs (p, ·) of one predicted label p, in the order in which they first occurred (§3.3)."""

    true: list[int]
    """[k] the true labels."""
    count: list[int]
    """[k] how often each occurred."""
    mean: NDArray[np.float64]
    """[k, d] the mean of the nearest styles."""
    _answers: dict[tuple[int, ...], list[int]] = field(default_factory=dict)
    """What the kNN classifiers say, by the order of the pairs, on which alone it hangs."""

    def with_more(self, true: int, styles: NDArray[np.float64]) -> Pairs:
        """These pairs after samples of one true label, whose nearest styles are `styles` [m, d]."""
        count, mean = self.count.copy(), self.mean
        if true in self.true:
            i, labels, mean = self.true.index(true), self.true, mean.copy()
        else:
            i, labels, mean = len(count), [*self.true, true], np.concatenate([mean, np.zeros((1, styles.shape[1]))])
            count.append(0)
        mean[i] = moved_mean(mean[i], count[i], styles)
        count[i] += len(styles)
        return Pairs(labels, count, mean)

    def offered(self, logits: NDArray[np.float32]) -> Pairs:
        """Those whose true label is on offer: its logit [C] is not −inf, or it is the writer's own."""
        keep = [i for i, label in enumerate(self.true) if label >= len(logits) or logits[label] > -np.inf]
        if len(keep) == len(self.true):
            return self
        return Pairs([self.true[i] for i in keep], [self.count[i] for i in keep], self.mean[keep])

    def knn(self, embeddings: NDArray[np.float32], names: Sequence[str]) -> list[list[int]]:
        """What each kNN classifier says about samples [n, d] that the base reads as p (§3.4)."""
        if len(self.true) < 2:
            orders = [(0,) * len(self.true)] * len(embeddings)
        else:
            orders = list(map(tuple, squared_distances(embeddings, self.mean).argsort(axis=1, kind="stable").tolist()))
        if len(self._answers) > MOST_ORDERS:
            self._answers.clear()
        for order in orders:
            if order not in self._answers:
                self._answers[order] = knn_answers([(self.count[i], self.true[i]) for i in order], names)
        return [self._answers[order] for order in orders]


@dataclass
class History:
    """Every pair by its predicted label, and each answerer's wins and losses by the label that it answered."""

    names: list[str]
    """The alphabet's labels and then the writer's own, by their places."""
    pairs: dict[int, Pairs]
    wins: list[list[int]]
    """[C + m][answerers]"""
    losses: list[list[int]]

    @classmethod
    def of(cls, names: Sequence[str], arrays: Mapping[str, NDArray[Any]]) -> History:
        """Take a state's arrays apart."""
        predicted, true, count, mean = (arrays[name] for name in ("predicted", "true", "count", "mean"))
        labels, starts = np.unique(predicted, return_index=True)
        bounds = [*starts.tolist(), len(predicted)]
        pairs = {
            label: Pairs(true[start:stop].tolist(), count[start:stop].tolist(), mean[start:stop])
            for label, start, stop in zip(labels.tolist(), bounds, bounds[1:], strict=False)
        }
        return cls(list(names), pairs, arrays["wins"].tolist(), arrays["losses"].tolist())

    def arrays(self, width: int) -> dict[str, NDArray[Any]]:
        """Put a state's arrays together, for styles of `width` numbers."""
        order = sorted(self.pairs)
        groups = [self.pairs[label] for label in order]
        return {
            "predicted": np.repeat(np.array(order, np.int32), [len(group.true) for group in groups]),
            "true": np.array([label for group in groups for label in group.true], np.int32),
            "count": np.array([count for group in groups for count in group.count], np.int64),
            "mean": np.concatenate([np.empty((0, width)), *(group.mean for group in groups)]),
            "wins": np.array(self.wins, np.int32),
            "losses": np.array(self.losses, np.int32),
        }

    def copy(self) -> History:
        """One that can be changed without changing this one; pairs are never changed in place, so they are shared."""
        return History(list(self.names), dict(self.pairs), [*map(list, self.wins)], [*map(list, self.losses)])

    def name(self, labels: Sequence[str]) -> None:
        """Give places to labels that have none yet."""
        for label in labels:
            self.names.append(label)
            self.wins.append([0] * ANSWERERS)
            self.losses.append([0] * ANSWERERS)

    def learn(self, samples: Samples, predicted: Sequence[int], true: Sequence[int], styles: NDArray[np.float64]) -> None:
        """Enter samples with their nearest styles [n, d], then ask every answerer about them and count who was right.

        A sample whose embedding is NaN enters nothing, and no kNN classifier answers for it.
        """
        told: list[bool] = (~np.isnan(samples.embeddings[:, 0])).tolist()
        groups: dict[tuple[int, int], list[int]] = {}
        for row, pair in enumerate(zip(predicted, true, strict=True)):
            if told[row]:
                groups.setdefault(pair, []).append(row)
        for (p, c), rows in groups.items():
            known = self.pairs.get(p) or Pairs([], [], np.empty((0, styles.shape[1])))
            self.pairs[p] = known.with_more(c, styles[rows])
        for answers, label in zip(self.answers(samples, predicted), true, strict=True):
            for answerer, answer in enumerate(answers):
                answered = answers[0] if answer == NOTHING else answer
                (self.wins if answered == label else self.losses)[answered][answerer] += 1

    def answers(self, samples: Samples, predicted: Sequence[int]) -> list[list[int]]:
        """What the base and each kNN classifier say about every sample: [n][answerers]."""
        rows_of: dict[int, list[int]] = {}
        for row, p in enumerate(predicted):
            rows_of.setdefault(p, []).append(row)
        answers: list[list[int]] = [[]] * len(predicted)
        for p, rows in rows_of.items():
            for row, knn in zip(rows, self._knn(p, samples, rows), strict=True):
                answers[row] = [p, *knn]
        return answers

    def trust(self, answers: Sequence[int]) -> list[float]:
        """Each answerer's confidence in its own answer to one sample."""
        return [
            confidence(self.wins[label][answerer], self.losses[label][answerer])
            for answerer, answer in enumerate(answers)
            for label in (answers[0] if answer == NOTHING else answer,)
        ]

    def choose(self, answers: Sequence[int]) -> int:
        """The answerer to follow for one sample."""
        return chosen(answers, self.trust(answers))

    def _knn(self, predicted: int, samples: Samples, rows: list[int]) -> list[list[int]]:
        pairs = self.pairs.get(predicted)
        told = ~np.isnan(samples.embeddings[rows, 0])
        if pairs is not None and not told.all():
            found = [[NOTHING] * len(KS)] * len(rows)
            for i in np.flatnonzero(told).tolist():
                found[i] = pairs.offered(samples.logits[rows[i]]).knn(samples.embeddings[[rows[i]]], self.names)[0]
            return found
        if pairs is None:
            return [[NOTHING] * len(KS)] * len(rows)
        if len(samples.logits) == 1:
            return pairs.offered(samples.logits[0]).knn(samples.embeddings, self.names)
        if np.isneginf(samples.logits[rows]).any():
            return [pairs.offered(samples.logits[row]).knn(samples.embeddings[[row]], self.names)[0] for row in rows]
        return pairs.knn(samples.embeddings[rows], self.names)
