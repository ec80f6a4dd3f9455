"""What to teach next: the labels whose samples help a writer most, and the accuracy to expect before and after."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from allograph.adapters.population import Population
from allograph.bundle import Bundle
from allograph.samples.equality import by_content

KEPT = ((1, 0.86), (2, 0.71), (3, 0.60), (5, 0.50), (10, 0.30), (30, 0.20))
"""From so many corrections of a label on, this share of the base's errors on it is left (docs/adapters.md, how soon)."""
UNSEEN, BEGUN = 1.4, 30
"""And this, of a label never taught, once the writer has taught so many samples of others: it is taken for one of them."""
ACCURACY = 0.8
"""Of a base whose bundle does not tell."""
DRAWN = 200
"""Embeddings drawn for each label."""
ALIKE = 0.05
"""Two labels look alike where more than this share of the drawn embeddings of one, and of the other, is read as its fellow."""
SHRUNK = 0.3
"""How far the labels' errors, as the drawn embeddings have them, are drawn to their mean."""
PRIOR = 4.0
"""Samples that what is expected of everybody counts for, against what was seen of this writer."""
LATELY = 8
"""Samples of a label, the newest, that are looked at."""
RARE = 0.2
"""How often a sign is written, against a letter or a digit, by a writer of whom nothing is known."""
SUPPOSED = 20.0
"""Characters of the writer that this supposition counts for, against those that were seen."""
MENDED = 2
"""A label whose newest samples, so many of them, were read right is confused no longer."""


class Taught(Protocol):
    """What matters here of an entry of the journal."""

    @property
    def label(self) -> str:
        """What the sample shows."""

    @property
    def answer(self) -> str:
        """What was answered before it was learned."""


class Suggestion(NamedTuple):
    """A label to teach a sample of."""

    label: str
    reason: Literal["confused", "alike", "unseen", "few"]
    """It was misread lately; it looks like the one before it; it was never taught; or the writer has taught little of it."""
    other: str | None = None
    """What it was misread as, or looks like."""


class Suggestions(NamedTuple):
    """What to teach, the most helpful first, and the accuracy to expect."""

    labels: list[Suggestion]
    now: float
    after: float


@by_content
@dataclass(frozen=True, eq=False)
class Errors:
    """How often a base classifier misreads each label, over all writers."""

    labels: tuple[str, ...]
    shares: NDArray[np.float64]
    """[C]"""
    twins: Mapping[str, str] = field(default_factory=dict)
    """The labels that look like another, with the one they look like most."""

    @classmethod
    def of(cls, bundle: Bundle) -> Errors:
        """What a bundle's statistics say.

        Embeddings are drawn around each label's mean, as far apart as one label's samples are within and between writers, and the
        last layer reads them; then all are raised alike, so that their mean is the error that the bundle tells of. A bundle
        without statistics has every label misread equally often.
        """
        accuracy = _accuracy(bundle)
        labels = tuple(bundle.alphabet)
        if not Population.is_in(bundle):
            return cls(labels, np.full(len(labels), 1 - accuracy))
        read_as = _drawn(Population.of(bundle))
        errors = 1 - read_as.diagonal()
        alike = read_as + read_as.T
        np.fill_diagonal(alike, 0)
        twins = {labels[i]: labels[other] for i, other in enumerate(alike.argmax(axis=1).tolist()) if alike[i, other] > ALIKE}
        return cls(labels, _raised((1 - SHRUNK) * errors + SHRUNK * errors.mean(), 1 - accuracy), twins)


def suggestions(entries: Sequence[Taught], errors: Errors, count: int = 12) -> Suggestions:
    """The `count` labels whose next sample helps a writer most, from the journal's entries in their order.

    First those that are still confused, the one that costs most first; then the labels never taught, and those taught little,
    by how much a sample of them is expected to help. Each brings the label that looks like it, unless more of that is known:
    where only one of two is taught, it is seen in the other. A writer is expected to write each label as often as so far.
    """
    hand = Hand(entries, errors)
    chosen = hand.suggestions(count)
    return Suggestions(chosen, hand.accuracy(), hand.accuracy([one.label for one in chosen]))


class Hand:
    """How somebody writes and is read, as far as their journal tells; what everybody has in common fills it up."""

    def __init__(self, entries: Sequence[Taught], errors: Errors) -> None:
        self.taught = Counter(entry.label for entry in entries)
        self.labels = [*errors.labels, *sorted(set(self.taught) - set(errors.labels))]
        base = dict(zip(errors.labels, errors.shares.tolist(), strict=True))
        self._base = {label: base.get(label, float(errors.shares.mean())) for label in self.labels}
        supposed = {label: 1.0 if label.isalnum() else RARE for label in self.labels}
        each = SUPPOSED / sum(supposed.values())
        self._often = {label: self.taught[label] + each * supposed[label] for label in self.labels}
        self._twins = errors.twins
        self._lately: dict[str, list[str]] = {}
        for entry in reversed(entries):
            answers = self._lately.setdefault(entry.label, [])
            if len(answers) < LATELY:
                answers.append(entry.answer)

    def suggestions(self, count: int) -> list[Suggestion]:
        """What to teach next, the most helpful first."""
        confused = self._confused()
        named = {one.label for one in confused}
        rest = sorted((label for label in self.labels if label not in named), key=lambda label: -self._gain(label))
        unseen = [Suggestion(label, "unseen") for label in rest if not self.taught[label]]
        few = [Suggestion(label, "few") for label in rest if self.taught[label]]
        chosen: dict[str, Suggestion] = {}
        for one in (*confused, *unseen, *few):
            chosen.setdefault(one.label, one)
            twin = self._twins.get(one.label)
            if twin and self.taught[twin] <= self.taught[one.label]:
                chosen.setdefault(twin, Suggestion(twin, "alike", one.label))
        return list(chosen.values())[:count]

    def accuracy(self, more: Sequence[str] = ()) -> float:
        """The share of what they write that is expected to be read right, with one more sample of each of these labels."""
        known = self.taught + Counter(more)
        taught = known.total()
        wrong = sum(often * self._error(label, known[label], taught) for label, often in self._often.items())
        return 1 - wrong / sum(self._often.values())

    def _error(self, label: str, samples: int, taught: int) -> float:
        """The share of a label's samples that will be misread once so many of it are known, and so many of all."""
        everybody = min(self._base[label] * _kept(samples, taught), 1.0)
        answers = self._lately.get(label, [])
        if not answers:
            return everybody
        wrong = sum(answer != label for answer in answers)
        since = _kept(samples, taught) / _kept(self.taught[label] - len(answers) // 2, taught)
        return (PRIOR * everybody + wrong * min(since, 1.0)) / (PRIOR + len(answers))

    def _gain(self, label: str) -> float:
        """How much one more sample of a label is expected to help."""
        known, taught = self.taught[label], self.taught.total()
        return self._often[label] * (self._error(label, known, taught) - self._error(label, known + 1, taught))

    def _confused(self) -> list[Suggestion]:
        """The labels that are misread and what they are mostly taken for, those that cost most first."""
        found = []
        for label, answers in self._lately.items():
            wrong = Counter(answer for answer in answers if answer != label)
            if wrong and answers[:MENDED] != [label] * MENDED:
                other, times = max(wrong.items(), key=lambda item: (item[1], item[0]))
                found.append((self._often[label] * times / len(answers), Suggestion(label, "confused", other)))
        return [one for _, one in sorted(found, key=lambda one: (-one[0], one[1].label))]


def _kept(samples: int, taught: int) -> float:
    """The share of the base's errors on a label that is left with so many samples of it, and so many of all."""
    if samples < KEPT[0][0]:
        return 1 + (UNSEEN - 1) * min(taught / BEGUN, 1)
    return next(share for least, share in reversed(KEPT) if samples >= least)


def _accuracy(bundle: Bundle) -> float:
    """The base's accuracy on people it was not trained on, as the bundle tells it."""
    shares = (bundle.config.accuracy.get(part) for part in ("application", "validation"))
    return next((share for share in shares if share is not None), ACCURACY)


def _drawn(population: Population) -> NDArray[np.float64]:
    """[C, C] how often each label's drawn embeddings are read as each label."""
    values, vectors = np.linalg.eigh(population.within.astype(np.float64) + population.between)
    spread = vectors * np.sqrt(np.maximum(values, 0))
    drawn = (np.random.default_rng(0).standard_normal((DRAWN, len(values))) @ spread.T).astype(np.float32)
    logits = drawn @ population.head[:-1] + population.head[-1]
    moved = population.means @ population.head[:-1]
    return np.stack([np.bincount((logits + row).argmax(axis=1), minlength=len(moved)) / DRAWN for row in moved])


def _raised(errors: NDArray[np.float64], mean: float) -> NDArray[np.float64]:
    """1 − (1 − errors)ᵖ, with the p that gives them a mean."""
    low, high = 1e-3, 1e3
    for _ in range(60):
        power = np.sqrt(low * high)
        if float((1 - (1 - errors) ** power).mean()) < mean:
            low = power
        else:
            high = power
    raised: NDArray[np.float64] = 1 - (1 - errors) ** low
    return raised
