"""The method of "Learn the Way We Write" (Čugurović, Nikolić, Novaković), §3.3 and §3.4.

The writing history counts, for each ordered pair (predicted label p, true label c), how often it occurred, and keeps the mean
of the nearest styles of c. Five kNN classifiers search the pairs of p. The base classifier and each of the five have a confidence
in every label, from how often their answers were right, and the most confident one answers. docs/method.md goes through the
paper's sections, equation by equation.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from allograph.adapters.paper_formulas import KS, NOTHING, nearest_style, squared_distances
from allograph.adapters.state import State
from allograph.adapters.trials import Trial, TrialAnswers
from allograph.adapters.validity import repair_logits, valid_rows
from allograph.adapters.writing_history import ANSWERERS, WritingHistory
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
        """Enter the whole batch into the history, then let every answerer answer it and count who was right (§3.3, §3.4)."""
        if not len(batch.labels):
            return state
        history = self._history(state)
        true = self._places(history, batch.labels)
        samples = _repair(batch.samples)
        history.learn(samples, samples.logits.argmax(axis=1).tolist(), true, self._nearest_styles(samples.embeddings, true))
        return State(tuple(history.names[len(self.alphabet) :]), history.arrays(self.styles.shape[1]))

    def fit(self, state: State) -> FittedPaper:
        """The writing history that a state holds."""
        return FittedPaper(self._history(state))

    def scores(self, state: State, samples: Samples) -> Scores:
        """As `FittedPaper.scores`."""
        return self.fit(state).scores(samples)

    def explain(self, state: State, sample: Samples) -> Explanation:
        """As `FittedPaper.explain`."""
        return self.fit(state).explain(sample)

    def replay(self, samples: Corrections, trials: Sequence[Trial], reveal: bool) -> Iterator[TrialAnswers]:
        """As `allograph.adapters.replay`, with the nearest styles of all samples searched only once."""
        empty, sound = self._history(self.start()), _repair(samples.samples)
        samples = replace(samples, embeddings=sound.embeddings, logits=sound.logits)
        true = self._places(empty, samples.labels)
        predicted = samples.logits.argmax(axis=1).tolist()
        styles = self._nearest_styles(samples.embeddings, true)
        probabilities = highest_probability(samples.logits)  # a kNN's label takes over the base's highest score

        def learn(history: WritingHistory, rows: NDArray[np.int64]) -> None:
            places = rows.tolist()
            history.learn(samples.at(rows), [predicted[i] for i in places], [true[i] for i in places], styles[rows])

        for trial in trials:
            history = empty.copy()
            learn(history, trial.adaptation)
            answers: list[list[int]] = []
            for rows in np.split(trial.test, len(trial.test)) if reveal and len(trial.test) else [trial.test]:
                answers += history.answers(samples.at(rows), [predicted[i] for i in rows.tolist()])
                if reveal and len(rows):
                    answers[-1] = [answers[-1][history.choose(answers[-1])], *answers[-1]]
                    learn(history, rows)
            if not reveal:
                answers = [[answer[history.choose(answer)], *answer] for answer in answers]
            table = np.array(answers, np.int32).reshape(-1, 1 + ANSWERERS)
            yield TrialAnswers(table[:, 0], table[:, 1:], probabilities[trial.test])

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

    def _history(self, state: State) -> WritingHistory:
        return WritingHistory.of((*self.alphabet.labels, *state.labels), state.arrays)

    def _places(self, history: WritingHistory, labels: Sequence[str]) -> list[int]:
        """The places of labels; those that have none are the writer's own and get one."""
        places = {name: len(self.alphabet) + i for i, name in enumerate(history.names[len(self.alphabet) :])}
        new = [label for label in dict.fromkeys(labels) if label not in self.alphabet and label not in places]
        places.update((label, len(history.names) + i) for i, label in enumerate(new))
        history.add_names(new)
        return [self.alphabet.index(label) if label in self.alphabet else places[label] for label in labels]


@dataclass(frozen=True, eq=False)
class FittedPaper:
    """The paper's adapter for one writer."""

    history: WritingHistory

    def scores(self, samples: Samples) -> Scores:
        """The base's scores; where a kNN answers, its label comes first and those it overtook move down one."""
        history, samples = self.history, _repair(samples)
        values = samples.logits
        own = len(history.names) - values.shape[1]
        if own:
            values = np.concatenate([values, np.full((len(values), own), -np.inf, np.float32)], axis=1)
        answers = history.answers(samples, samples.logits.argmax(axis=1).tolist())
        answerers = [history.choose(answer) for answer in answers]
        changes = [row for row, answerer in enumerate(answerers) if answers[row][answerer] != answers[row][0]]
        if changes and not own:
            values = values.copy()
        for row in changes:
            _put_first(values[row], answers[row][answerers[row]])
        return Scores(values, np.array(answerers, np.int8), np.array(answers, np.int32).reshape(-1, ANSWERERS))

    def explain(self, sample: Samples) -> Explanation:
        """Whose answer it is, from which pairs, and how far each answerer is trusted."""
        history, sample = self.history, _repair(sample)
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
            counts = ", ".join(f"{pair['count']} × {pair['true']!r}" for pair in pairs)
            text = (
                f"The base classifier reads {names[base]!r}. When it did so before, this writer had written {counts} (nearest "
                f"first); most of the {KS[answerer - 1]} nearest are {names[answers[answerer]]!r}. For this answer that rule is "
                f"trusted {trust[answerer]:.2f}, the base classifier {trust[0]:.2f}."
            )
        return Explanation(_answerer_name(answerer), names[base], text, {"pairs": pairs, "answerers": answerers})


def _repair(samples: Samples) -> Samples:
    """The samples; an embedding that is invalid is NaN, which no pair is compared with."""
    valid, logits = valid_rows(samples.embeddings), repair_logits(samples.logits)
    if np.count_nonzero(valid) == len(valid):
        return samples if logits is samples.logits else replace(samples, logits=logits)
    return replace(samples, embeddings=np.where(valid[:, None], samples.embeddings, np.float32(np.nan)), logits=logits)


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
