"""The method of "Learn the Way We Write" (Čugurović, Nikolić, Novaković), §3.3 and §3.4.

A writer's history counts, for each ordered pair (predicted label p, true label c), how often it occurred, and keeps the mean
of the styles of c that came nearest. Five kNN classifiers search the pairs of p; they and the base classifier are each trusted
as far as their answers proved right, label by label, and the most trusted answers.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from allograph.adapters.paper_history import ANSWERERS, History
from allograph.adapters.paper_rules import KS, NOTHING, nearest_style, squared_distances
from allograph.adapters.protocol import Replay, State, Trial
from allograph.adapters.usable import usable, without_faults
from allograph.alphabet.labels import Alphabet
from allograph.bundle import Bundle
from allograph.errors import InputError
from allograph.readings import Corrections, Explanation, Samples, Scores, highest_probability
from allograph.samples.equality import by_content
from allograph.styles import z_scores


@by_content
@dataclass(frozen=True, eq=False)
class PaperAdapter:
    """The paper's adapter, for a bundle's styles [S, d] and their labels [S].

    `z_score` applies the authors' standardisation of each centroid, which the embeddings that are compared with them do not
    get (§3.2).
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

    def start(self) -> State:
        """No pairs, no wins and no losses."""
        none = np.zeros((len(self.alphabet), ANSWERERS), np.int32)
        return State(
            (),
            {
                "predicted": np.empty(0, np.int32),  # [P] ascending
                "true": np.empty(0, np.int32),  # [P]
                "count": np.empty(0, np.int64),  # [P]
                "mean": np.empty((0, self.styles.shape[1])),  # [P, d]
                "wins": none,  # [C + m, answerers]
                "losses": none,
            },
        )

    def learn(self, state: State, batch: Corrections) -> State:
        """Enter the whole batch into the history, then ask every answerer about it and count who was right (§3.3, §3.4)."""
        if not len(batch.labels):
            return state
        history = self._history(state).copy()
        true = self._places(history, batch.labels)
        samples = _readable(batch.samples)
        history.learn(samples, samples.logits.argmax(axis=1).tolist(), true, self._nearest_styles(samples.embeddings, true))
        return State(tuple(history.names[len(self.alphabet) :]), history.arrays(self.styles.shape[1]), {"history": history})

    def scores(self, state: State, samples: Samples) -> Scores:
        """The base's scores; where a kNN answers, its label comes first and those it overtook move down one."""
        history, samples = self._history(state), _readable(samples)
        values = samples.logits
        if state.labels:
            own = np.full((len(values), len(state.labels)), -np.inf, np.float32)
            values = np.concatenate([values, own], axis=1)
        answers = history.answers(samples, samples.logits.argmax(axis=1).tolist())
        answerers = [history.choose(answer) for answer in answers]
        changed = [row for row, answerer in enumerate(answerers) if answers[row][answerer] != answers[row][0]]
        if changed and not state.labels:
            values = values.copy()
        for row in changed:
            _put_first(values[row], answers[row][answerers[row]])
        return Scores(values, np.array(answerers, np.int8), np.array(answers, np.int32).reshape(-1, ANSWERERS))

    def explain(self, state: State, sample: Samples) -> Explanation:
        """Whose answer it is, from which pairs, and how far each answerer is trusted."""
        history, sample = self._history(state), _readable(sample)
        (base,) = sample.logits.argmax(axis=1).tolist()
        (answers,) = history.answers(sample, [base])
        trust, answerer, names = history.trust(answers), history.choose(answers), history.names
        pairs = []
        if base in history.pairs and not np.isnan(sample.embeddings).any():
            offered = history.pairs[base].offered(sample.logits[0])
            away = np.sqrt(squared_distances(sample.embeddings, offered.mean)[0])
            pairs = [
                {"predicted": names[base], "true": names[offered.true[i]], "count": offered.count[i], "distance": float(away[i])}
                for i in away.argsort(kind="stable").tolist()
            ]
        answerers = [
            {
                "answerer": _answerer_name(i),
                "answer": None if answer == NOTHING else names[answer],
                "confidence": trust[i],
                "wins": history.wins[label][i],
                "losses": history.losses[label][i],
            }
            for i, answer in enumerate(answers)
            for label in (base if answer == NOTHING else answer,)
        ]
        text = f"The base classifier reads {names[base]!r}, and nothing in this writer's history is trusted more."
        if answerer:
            seen = ", ".join(f"{pair['count']} × {pair['true']!r}" for pair in pairs)
            text = (
                f"The base classifier reads {names[base]!r}. When it did so before, this writer had written {seen} (nearest "
                f"first); most of the {KS[answerer - 1]} nearest are {names[answers[answerer]]!r}. For this answer that rule is "
                f"trusted {trust[answerer]:.2f}, the base classifier {trust[0]:.2f}."
            )
        return Explanation(_answerer_name(answerer), names[base], text, {"pairs": pairs, "answerers": answerers})

    def replay(self, samples: Corrections, trials: Sequence[Trial], reveal: bool) -> Iterator[Replay]:
        """Adapt to and test on each trial, as `learn` and `scores` would, with the nearest styles found only once."""
        known, read = self._history(self.start()), _readable(samples.samples)
        samples = replace(samples, embeddings=read.embeddings, logits=read.logits)
        true = self._places(known, samples.labels)
        predicted = samples.logits.argmax(axis=1).tolist()
        styles = self._nearest_styles(samples.embeddings, true)
        probabilities = highest_probability(samples.logits)  # a kNN's label takes over the base's highest score

        def learn(history: History, rows: NDArray[np.int64]) -> None:
            chosen = rows.tolist()
            history.learn(samples.at(rows), [predicted[i] for i in chosen], [true[i] for i in chosen], styles[rows])

        for adaptation, test in trials:
            history = known.copy()
            learn(history, adaptation)
            answers: list[list[int]] = []
            for rows in np.split(test, len(test)) if reveal and len(test) else [test]:
                answers += history.answers(samples.at(rows), [predicted[i] for i in rows.tolist()])
                if reveal and len(rows):
                    answers[-1] = [answers[-1][history.choose(answers[-1])], *answers[-1]]
                    learn(history, rows)
            if not reveal:
                answers = [[answer[history.choose(answer)], *answer] for answer in answers]
            table = np.array(answers, np.int32).reshape(-1, 1 + ANSWERERS)
            yield Replay(table[:, 0], table[:, 1:], probabilities[test])

    @cached_property
    def _styles_of(self) -> dict[int, NDArray[np.float64]]:
        """The styles of each label, as they are compared with embeddings."""
        points = z_scores(self.styles) if self.z_score else self.styles
        labels = np.unique(self.style_labels).tolist()
        return {label: points[self.style_labels == label].astype(np.float64) for label in labels}

    def _nearest_styles(self, embeddings: NDArray[np.float32], true: Sequence[int]) -> NDArray[np.float64]:
        """Each sample's nearest style of its true label [n, d]; where the label has none, the sample itself is one."""
        nearest = np.empty(embeddings.shape, np.float64)
        places = np.array(true)
        for label in set(true):
            rows = np.flatnonzero(places == label)
            if label in self._styles_of:
                nearest[rows] = nearest_style(embeddings[rows], self._styles_of[label])
            else:
                nearest[rows] = z_scores(embeddings[rows]) if self.z_score else embeddings[rows]
        return nearest

    def _history(self, state: State) -> History:
        """What a state holds, taken apart; never to be changed."""
        if "history" not in state.derived:
            state.derived["history"] = History.of((*self.alphabet.labels, *state.labels), state.arrays)
        history: History = state.derived["history"]
        return history

    def _places(self, history: History, labels: Sequence[str]) -> list[int]:
        """The places of labels; those that have none are the writer's own and get one."""
        known = {name: len(self.alphabet) + i for i, name in enumerate(history.names[len(self.alphabet) :])}
        new = [label for label in dict.fromkeys(labels) if label not in self.alphabet and label not in known]
        known.update((label, len(history.names) + i) for i, label in enumerate(new))
        history.name(new)
        return [self.alphabet.index(label) if label in self.alphabet else known[label] for label in labels]


def _readable(samples: Samples) -> Samples:
    """The samples; where an embedding says nothing, it is NaN, which no pair is compared with."""
    told = usable(samples.embeddings)
    embeddings = samples.embeddings if told.all() else np.where(told[:, None], samples.embeddings, np.float32(np.nan))
    return replace(samples, embeddings=embeddings, logits=without_faults(samples.logits))


def _answerer_name(answerer: int) -> str:
    return "base" if answerer == 0 else f"{KS[answerer - 1]} nearest"


def _put_first(values: NDArray[np.float32], label: int) -> None:
    """Give `label` the highest value, and each label that stood above it the next one down, in place."""
    order = np.argsort(-values, kind="stable")
    above = order[: int(np.flatnonzero(order == label)[0])]
    ranked = values[np.append(above, label)]
    if ranked[0] == ranked[1]:
        ranked[0] += 1e-6 * max(1, abs(ranked[0]))  # a tie would go to the label that comes first
    values[label] = ranked[0]
    values[above] = ranked[1:]
