"""What to teach next: the labels whose samples help a writer most, and the accuracy to expect before and after."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from allograph.adapters.population import Population
from allograph.bundle import Bundle
from allograph.samples.equality import by_content
from allograph.writers.habits import AnsweredCorrection

BEGUN = 30
"""Corrections of other labels after which the learning curve's share for a label never corrected holds in full."""
ACCURACY = 0.8
"""The base's assumed accuracy where the bundle does not record it."""
SIMULATIONS = 200
"""Embeddings that are simulated for each label."""
ALIKE = 0.05
"""Two labels look alike where the base reads more than this share of each one's simulated embeddings as the other, summed."""
SHRINKAGE = 0.3
"""How far the labels' error rates are moved towards their mean, for the simulation is rough: 0 not at all, 1 all the way."""
PRIOR = 4.0
"""How many samples the error rate that is expected of every writer counts for, against those of this writer."""
RECENT = 8
"""How many samples of a label, the newest, are looked at."""
SIGN_FREQUENCY = 0.2
"""How often a sign is written, relative to a letter or digit, before the writer's own frequencies are known."""
FREQUENCY_PRIOR = 20.0
"""How many characters that assumption counts for, against those that the writer taught."""
RESOLVED = 2
"""A label whose newest samples, so many of them, were read right is no longer confused."""


@dataclass(frozen=True)
class Suggestion:
    """A label to teach a sample of."""

    label: str
    reason: Literal["confused", "alike", "unseen", "few"]
    """`confused`: misread lately; `alike`: it looks like `other`; `unseen`: never taught; `few`: taught, but not often."""
    other: str | None = None
    """The label that it was misread as, or looks like."""


@dataclass(frozen=True)
class Advice:
    """The labels to teach next, the most helpful first, and the accuracy to expect, 0…1; its `len` is the number of labels."""

    labels: list[Suggestion]
    now: float
    """Expected accuracy on what this writer writes."""
    after: float
    """The same once a sample of each of these labels is taught."""

    def __len__(self) -> int:
        return len(self.labels)


@by_content
@dataclass(frozen=True, eq=False)
class BaseErrors:
    """How often the base classifier misreads each label, over all writers, and how fast corrections mend that."""

    labels: tuple[str, ...]
    rates: NDArray[np.float64]
    """[C] error rates, 0…1."""
    twins: Mapping[str, str] = field(default_factory=dict)
    """For each label that looks like others, the one that it looks like most."""
    learning_curve: Mapping[int, float] = field(default_factory=dict)
    """The bundle's: the share of the base's errors on a label that is left from so many corrections of it on."""

    @classmethod
    def of(cls, bundle: Bundle) -> BaseErrors:
        """Estimate the error rates from a bundle's statistics.

        For each label, embeddings are simulated around its mean, with the covariances within and between writers, and read by
        the last layer; then the rates are scaled so that their mean is the error that the bundle records. Without statistics
        every label has that rate.
        """
        accuracy, curve = _accuracy(bundle), dict(bundle.config.learning_curve or ())
        labels = tuple(bundle.alphabet)
        if not Population.is_in(bundle):
            return cls(labels, np.full(len(labels), 1 - accuracy), learning_curve=curve)
        confusion = _simulate_confusion(Population.of(bundle))
        rates = 1 - confusion.diagonal()
        alike = confusion + confusion.T
        np.fill_diagonal(alike, 0)
        twins = {labels[i]: labels[other] for i, other in enumerate(alike.argmax(axis=1).tolist()) if alike[i, other] > ALIKE}
        return cls(labels, _scale((1 - SHRINKAGE) * rates + SHRINKAGE * rates.mean(), 1 - accuracy), twins, curve)

    def share_left(self, corrections: int, others: int) -> float:
        """The share of the base's errors on a label that is left after so many corrections of it, and so many of all labels.

        As the bundle's learning curve has it; a bundle without one is assumed to learn with the square root of the corrections.
        A label never corrected may fare worse than with the base, once others are: samples of it are taken for those.
        """
        if not self.learning_curve:
            return float((1 + corrections) ** -0.5)
        known = [count for count in self.learning_curve if count <= corrections]
        share = self.learning_curve[max(known)] if known else 1.0
        return share if corrections else 1 + (share - 1) * min(others / BEGUN, 1)


def suggest(entries: Sequence[AnsweredCorrection], errors: BaseErrors, count: int = 12) -> Advice:
    """The `count` labels whose next sample helps a writer most, from the journal's entries in their order.

    First the labels that are still confused, those that cost most first; then labels never taught, then labels taught little, by
    how much another sample is expected to help. A label is followed by the one that looks like it, unless more of that is taught:
    where only one of two is taught, the other is read as it. Each label is weighted by how often the writer wrote it.
    """
    outlook = Outlook(entries, errors)
    chosen = outlook.suggestions(count)
    return Advice(chosen, outlook.accuracy(), outlook.accuracy([one.label for one in chosen]))


class Outlook:
    """What one writer writes and how it is read, as far as the journal shows; assumptions about all writers fill the gaps."""

    def __init__(self, entries: Sequence[AnsweredCorrection], errors: BaseErrors) -> None:
        self.counts = Counter(entry.label for entry in entries)
        self.labels = [*errors.labels, *sorted(set(self.counts) - set(errors.labels))]
        rates = dict(zip(errors.labels, errors.rates.tolist(), strict=True))
        self._errors = errors
        self._rates = {label: rates.get(label, float(errors.rates.mean())) for label in self.labels}
        assumed = {label: 1.0 if label.isalnum() else SIGN_FREQUENCY for label in self.labels}
        each = FREQUENCY_PRIOR / sum(assumed.values())
        self._frequencies = {label: self.counts[label] + each * assumed[label] for label in self.labels}
        self._recent: dict[str, list[str]] = {}
        for entry in reversed(entries):
            answers = self._recent.setdefault(entry.label, [])
            if len(answers) < RECENT:
                answers.append(entry.answer)

    def suggestions(self, count: int) -> list[Suggestion]:
        """What to teach next, the most helpful first."""
        confused = self._confused()
        named = {one.label for one in confused}
        rest = sorted((label for label in self.labels if label not in named), key=lambda label: -self._gain(label))
        unseen = [Suggestion(label, "unseen") for label in rest if not self.counts[label]]
        few = [Suggestion(label, "few") for label in rest if self.counts[label]]
        chosen: dict[str, Suggestion] = {}
        for one in (*confused, *unseen, *few):
            chosen.setdefault(one.label, one)
            twin = self._errors.twins.get(one.label)
            if twin and self.counts[twin] <= self.counts[one.label]:
                chosen.setdefault(twin, Suggestion(twin, "alike", one.label))
        return list(chosen.values())[:count]

    def accuracy(self, more: Sequence[str] = ()) -> float:
        """The share of the writer's characters expected to be read right, with one more sample of each of these labels taught."""
        counts = self.counts + Counter(more)
        total = counts.total()
        wrong = sum(often * self._error_rate(label, counts[label], total) for label, often in self._frequencies.items())
        return 1 - wrong / sum(self._frequencies.values())

    def _error_rate(self, label: str, count: int, total: int) -> float:
        """The share of a label's samples that is expected to be misread, with `count` samples of it taught and `total` of all."""
        left = self._errors.share_left(count, total)
        expected = min(self._rates[label] * left, 1.0)
        answers = self._recent.get(label, [])
        if not answers:
            return expected
        wrong = sum(answer != label for answer in answers)
        since = left / self._errors.share_left(self.counts[label] - len(answers) // 2, total)
        return (PRIOR * expected + wrong * min(since, 1.0)) / (PRIOR + len(answers))

    def _gain(self, label: str) -> float:
        """By how much one more sample of a label is expected to lower the errors."""
        count, total = self.counts[label], self.counts.total()
        return self._frequencies[label] * (self._error_rate(label, count, total) - self._error_rate(label, count + 1, total))

    def _confused(self) -> list[Suggestion]:
        """The labels that were misread lately, each with what it was misread as most, those that cost most first."""
        costs = []
        for label, answers in self._recent.items():
            wrong = Counter(answer for answer in answers if answer != label)
            if wrong and answers[:RESOLVED] != [label] * RESOLVED:
                other, times = max(wrong.items(), key=lambda item: (item[1], item[0]))
                costs.append((self._frequencies[label] * times / len(answers), Suggestion(label, "confused", other)))
        return [one for _, one in sorted(costs, key=lambda cost: (-cost[0], cost[1].label))]


def _accuracy(bundle: Bundle) -> float:
    """The base's accuracy on writers that it was not trained on, as the bundle records it."""
    recorded = bundle.config.accuracy
    return next((share for name in ("application", "validation") if (share := recorded.get(name)) is not None), ACCURACY)


def _simulate_confusion(population: Population) -> NDArray[np.float64]:
    """[C, C] the share of each label's simulated embeddings that the base reads as each label."""
    values, vectors = np.linalg.eigh(population.within.astype(np.float64) + population.between)
    spread = vectors * np.sqrt(np.maximum(values, 0))
    noise = (np.random.default_rng(0).standard_normal((SIMULATIONS, len(values))) @ spread.T).astype(np.float32)
    logits = noise @ population.head[:-1] + population.head[-1]
    shifts = population.means @ population.head[:-1]
    return np.stack([np.bincount((logits + row).argmax(axis=1), minlength=len(shifts)) / SIMULATIONS for row in shifts])


def _scale(rates: NDArray[np.float64], mean: float) -> NDArray[np.float64]:
    """1 − (1 − rates)ᵖ, with the power p that gives them this mean."""
    low, high = 1e-3, 1e3
    for _ in range(60):
        power = np.sqrt(low * high)
        if float((1 - (1 - rates) ** power).mean()) < mean:
            low = power
        else:
            high = power
    scaled: NDArray[np.float64] = 1 - (1 - rates) ** low
    return scaled
