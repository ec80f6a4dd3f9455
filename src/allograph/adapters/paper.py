"""The method of "Learn the Way We Write" (Čugurović, Nikolić, Novaković), §3.3 and §3.4.

A writer's history counts, for each ordered pair (predicted label p, true label c), how often it occurred and the mean of the
styles of c that came nearest. Five kNN classifiers search the pairs of p; they and the base classifier are each trusted as
far as their answers proved right, label by label, and the most trusted answers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from allograph.adapters.protocol import State
from allograph.alphabet import Alphabet
from allograph.bundle import Bundle
from allograph.errors import InputError
from allograph.readings import Corrections, Explanation, Samples, Scores, log_softmax
from allograph.styles import z_scored

KS = (2, 4, 6, 8, 10)
"""Numbers of neighbours of the kNN classifiers (§3.4); the answerers are the base classifier and these, in this order."""
ANSWERERS = 1 + len(KS)
NOTHING = -1
"""The answer of a kNN classifier that has too few neighbours."""


def nearest_style(embedding: NDArray[np.float32], styles: NDArray[np.float64]) -> NDArray[np.float64]:
    """The style [d] among those of one label [k, d] that is nearest to an embedding [d] (§3.3)."""
    difference = styles - embedding
    nearest: NDArray[np.float64] = styles[np.einsum("kd,kd->k", difference, difference).argmin()]
    return nearest


def moved_mean(mean: NDArray[np.float64], count: int, style: NDArray[np.float64]) -> NDArray[np.float64]:
    """The mean of `count` styles after one more has joined them (§3.3)."""
    return mean + (style - mean) / (count + 1)


def knn_answers(nearest_first: Sequence[tuple[int, int]], names: Sequence[str]) -> list[int]:
    """What each kNN classifier answers, given the pairs of p as (count, place of the true label), the nearest first (§3.4).

    A pair stands for `count` equal copies. A classifier with fewer than k copies has no answer; else the majority of the k
    nearest copies, and of equal majorities the label that is smallest by code point; `names` are the labels by their places.
    """
    copies = sum(count for count, _ in nearest_first)
    answers = []
    for k in KS:
        if copies < k:
            answers.append(NOTHING)
            continue
        left, best, most = k, NOTHING, 0
        for count, label in nearest_first:  # each label stands in one pair, so a pair's copies are its label's votes
            votes = min(count, left)
            if votes > most or (votes == most and names[label] < names[best]):
                best, most = label, votes
            left -= votes
            if not left:
                break
        answers.append(best)
    return answers


def confidence(wins: int, losses: int) -> float:
    """How far an answerer's answer of one label is trusted: (1 + wins) / (2 + wins + losses) (§3.4).

    >>> confidence(0, 0), confidence(3, 1)
    (0.5, 0.6666666666666666)
    """
    return (1 + wins) / (2 + wins + losses)


def chosen(answers: Sequence[int], confidences: Sequence[float]) -> int:
    """The answerer whose confidence in its own answer is highest; a tie goes to the base, then to the smaller k (§3.4)."""
    best = 0
    for answerer in range(1, len(answers)):
        if answers[answerer] != NOTHING and confidences[answerer] > confidences[best]:
            best = answerer
    return best


@dataclass(frozen=True)
class PaperAdapter:
    """The paper's adapter.

    Labels are places in the alphabet; the writer's own follow it. `styles` are [S, d] with their labels [S]. `z_score` applies
    the authors' standardisation of each centroid, which the embeddings that are compared with them do not get (§3.2).
    """

    alphabet: Alphabet
    styles: NDArray[np.float32]
    style_labels: NDArray[np.int32]
    z_score: bool = True
    name: str = "paper"
    version: int = 1

    @classmethod
    def of(cls, bundle: Bundle) -> PaperAdapter:
        """Build it from a bundle; raises `InputError` where that has no styles."""
        if bundle.styles is None:
            raise InputError(f"the bundle {bundle.path} has no styles, and the paper's method needs them; make it with --corpus")
        return cls(bundle.alphabet, bundle.styles.centroids, bundle.styles.labels)

    @cached_property
    def _styles_of(self) -> dict[int, NDArray[np.float64]]:
        points = z_scored(self.styles) if self.z_score else self.styles
        return {
            label: points[self.style_labels == label].astype(np.float64) for label in np.unique(self.style_labels).tolist()
        }

    def start(self) -> State:
        """No pairs and no wins or losses."""
        width, size = self.styles.shape[1], len(self.alphabet)
        return State(
            (),
            {
                "predicted": np.empty(0, np.int32),  # [P] ascending, then by `true`
                "true": np.empty(0, np.int32),
                "count": np.empty(0, np.int64),
                "mean": np.empty((0, width), np.float64),  # [P, d]
                "wins": np.zeros((size, ANSWERERS), np.int32),
                "losses": np.zeros((size, ANSWERERS), np.int32),
            },
        )

    def learn(self, state: State, batch: Corrections) -> State:
        """Enter the whole batch into the history, then ask every answerer about it and count who was right (§3.3, §3.4)."""
        if not len(batch.labels):
            return state
        labels, places = self._with_own_labels(state.labels, batch.labels)
        predicted = batch.logits.argmax(axis=1)
        state = State(labels, {**state.arrays, **self._remembered(state, batch.embeddings, predicted, places)})

        grown = (len(self.alphabet) + len(labels), ANSWERERS)
        wins, losses = np.zeros(grown, np.int32), np.zeros(grown, np.int32)
        wins[: len(state.arrays["wins"])] = state.arrays["wins"]
        losses[: len(state.arrays["losses"])] = state.arrays["losses"]
        for answers, true in zip(self._answers(state, batch.samples, predicted.tolist()), places, strict=True):
            for answerer, answer in enumerate(answers):
                label = answers[0] if answer == NOTHING else answer
                (wins if label == true else losses)[label, answerer] += 1
        return State(labels, {**state.arrays, "wins": wins, "losses": losses})

    def scores(self, state: State, samples: Samples) -> Scores:
        """The base's log-probabilities; where a kNN answers, its label comes first and those it overtook move down one."""
        n = len(samples.logits)
        logs = log_softmax(samples.logits)
        if state.labels:
            logs = np.concatenate([logs, np.full((n, len(state.labels)), -np.inf, np.float32)], axis=1)
        proposals = np.empty((n, ANSWERERS), np.int32)
        answerers = np.zeros(n, np.int8)
        predicted = samples.logits.argmax(axis=1).tolist()
        for i, answers in enumerate(self._answers(state, samples, predicted)):
            proposals[i] = answers
            answerer = chosen(answers, self._confidences(state, answers))
            answerers[i] = answerer
            if answers[answerer] != answers[0]:
                _put_first(logs[i], answers[answerer])
        return Scores(logs, answerers, proposals)

    def explain(self, state: State, sample: Samples) -> Explanation:
        """Whose answer it is, from which pairs, and how far each answerer is trusted."""
        (base,) = sample.logits.argmax(axis=1).tolist()
        (answers,) = self._answers(state, sample, [base])
        confidences = self._confidences(state, answers)
        answerer = chosen(answers, confidences)
        names = self._names(state)
        pairs = [
            {"predicted": names[base], "true": names[label], "count": count, "distance": distance}
            for distance, count, label in self._pairs(state, sample.embeddings[0], base, sample.logits[0])
        ]
        trust = [
            {
                "answerer": _answerer_name(i),
                "answer": None if answer == NOTHING else names[answer],
                "confidence": confidences[i],
                "wins": int(state.arrays["wins"][label, i]),
                "losses": int(state.arrays["losses"][label, i]),
            }
            for i, answer in enumerate(answers)
            for label in [answers[0] if answer == NOTHING else answer]
        ]
        if answerer == 0:
            text = f"The base classifier reads {names[base]!r}, and nothing in this writer's history is trusted more."
        else:
            seen = ", ".join(f"{pair['count']} × {pair['true']!r}" for pair in pairs)
            text = (
                f"The base classifier reads {names[base]!r}. When it did so before, this writer had written {seen} (nearest first); "
                f"of the {KS[answerer - 1]} nearest, most are {names[answers[answerer]]!r}. For this answer that rule is trusted "
                f"{confidences[answerer]:.2f}, the base classifier {confidences[0]:.2f}."
            )
        return Explanation(_answerer_name(answerer), names[base], text, {"pairs": pairs, "answerers": trust})

    def _with_own_labels(self, own: tuple[str, ...], labels: Sequence[str]) -> tuple[tuple[str, ...], list[int]]:
        """The writer's own labels after these were taught, and the places [n] of `labels`."""
        known = {label: len(self.alphabet) + i for i, label in enumerate(own)}
        places = []
        for label in labels:
            if label in self.alphabet:
                places.append(self.alphabet.index(label))
            else:
                places.append(known.setdefault(label, len(self.alphabet) + len(known)))
        return tuple(known), places

    def _remembered(
        self, state: State, embeddings: NDArray[np.float32], predicted: NDArray[np.integer], true: list[int]
    ) -> dict[str, NDArray[np.generic]]:
        """The history after these samples (§3.3)."""
        arrays = state.arrays
        keys = list(zip(arrays["predicted"].tolist(), arrays["true"].tolist(), strict=True))
        new = sorted(set(zip(predicted.tolist(), true, strict=True)) - set(keys))
        count, mean = arrays["count"].copy(), arrays["mean"].copy()
        if new:
            keys += new
            count = np.concatenate([count, np.zeros(len(new), np.int64)])
            mean = np.concatenate([mean, np.zeros((len(new), mean.shape[1]))])
            order = sorted(range(len(keys)), key=keys.__getitem__)
            keys, count, mean = [keys[i] for i in order], count[order], mean[order]
        place = {key: i for i, key in enumerate(keys)}
        for embedding, p, c in zip(embeddings, predicted.tolist(), true, strict=True):
            styles = self._styles_of.get(c)
            style = self._as_style(embedding) if styles is None else nearest_style(embedding, styles)
            i = place[p, c]
            mean[i] = moved_mean(mean[i], int(count[i]), style)
            count[i] += 1
        pairs = np.array(keys, np.int32).reshape(-1, 2)
        return {"predicted": pairs[:, 0].copy(), "true": pairs[:, 1].copy(), "count": count, "mean": mean}

    def _as_style(self, embedding: NDArray[np.float32]) -> NDArray[np.float64]:
        """The style of a label that has none: the embedding itself."""
        return (z_scored(embedding[None])[0] if self.z_score else embedding).astype(np.float64)

    def _names(self, state: State) -> Sequence[str]:
        """The labels by their places: the alphabet's, then the writer's own."""
        return (*self.alphabet.labels, *state.labels) if state.labels else self.alphabet.labels

    def _answers(self, state: State, samples: Samples, predicted: list[int]) -> list[list[int]]:
        """What the base and each kNN classifier say about every sample."""
        names = self._names(state)
        return [
            [p, *knn_answers([(count, label) for _, count, label in self._pairs(state, embedding, p, logits)], names)]
            for embedding, logits, p in zip(samples.embeddings, samples.logits, predicted, strict=True)
        ]

    def _pairs(
        self, state: State, embedding: NDArray[np.float32], predicted: int, logits: NDArray[np.float32]
    ) -> list[tuple[float, int, int]]:
        """The pairs of a predicted label as (distance, count, true label), the nearest first; only labels on offer."""
        arrays = state.arrays
        start, stop = arrays["predicted"].searchsorted((predicted, predicted + 1))
        if start == stop:
            return []
        difference = arrays["mean"][start:stop] - embedding
        distances = np.sqrt(np.einsum("pd,pd->p", difference, difference)).tolist()
        offered = len(logits)
        return sorted(
            pair
            for pair in zip(distances, arrays["count"][start:stop].tolist(), arrays["true"][start:stop].tolist(), strict=True)
            if pair[2] >= offered or logits[pair[2]] > -np.inf
        )

    def _confidences(self, state: State, answers: Sequence[int]) -> list[float]:
        """Each answerer's confidence in its own answer."""
        wins, losses = state.arrays["wins"], state.arrays["losses"]
        labels = [answers[0] if answer == NOTHING else answer for answer in answers]
        return [
            confidence(int(wins[label, i]), int(losses[label, i])) for i, label in enumerate(labels)
        ]


def _answerer_name(answerer: int) -> str:
    return "base" if answerer == 0 else f"{KS[answerer - 1]} nearest"


def _put_first(logs: NDArray[np.float32], label: int) -> None:
    """Give `label` the highest log-probability, and each label that stood above it the next one down, in place."""
    order = np.argsort(-logs, kind="stable")
    above = order[: int(np.flatnonzero(order == label)[0])]
    values = logs[np.append(above, label)]
    if values[0] == values[1]:
        values[0] = np.nextafter(values[0], np.float32(np.inf))  # a tie would go to the label that comes first
    logs[label] = values[0]
    logs[above] = values[1:]
