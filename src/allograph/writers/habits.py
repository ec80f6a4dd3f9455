"""A writer's habits, counted from the journal: accuracy, confusions, and the styles that they write in."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from allograph.alphabet.labels import Alphabet
from allograph.profiles.journal import Entry
from allograph.styles import Styles

RECENT = 50
"""How many of the newest corrections the recent accuracy is of."""
TOGETHER = 1000
"""How many entries are compared with the styles at a time."""


class AnsweredCorrection(Protocol):
    """A correction with the answers that it was given before: a row or an entry of the journal."""

    @property
    def label(self) -> str:
        """The true label."""

    @property
    def base(self) -> str:
        """The base classifier's answer."""

    @property
    def answer(self) -> str:
        """The adapter's answer before it learned the correction."""


@dataclass(frozen=True)
class Accuracy:
    """The accuracy on corrected samples, as they were read before they were learned."""

    samples: int
    base: float | None
    """The base's accuracy, 0…1; None without samples."""
    personal: float | None
    """The adapter's accuracy, also in shadow mode, where its answers are not shown."""


@dataclass(frozen=True)
class ProgressPoint:
    """Accuracies, 0…1, over the first `corrections` of the journal, and over the newest of those."""

    corrections: int
    base: float
    personal: float
    recent_base: float
    recent_personal: float


@dataclass(frozen=True)
class Confusion:
    """A label, and another that it was read as."""

    label: str
    read_as: str
    times: int
    """How often the base read it so."""
    still: int
    """How often the adapter read it so, in the newer half of the journal."""


@dataclass(frozen=True)
class StyleMatch:
    """A style, and how many of the writer's samples of its label are nearest to it."""

    label: str
    style: int
    """Its place among the styles of the label, from 0."""
    row: int
    """Its row in `Styles`, which holds the styles of all labels."""
    samples: int
    """How many samples."""


def accuracy(entries: Sequence[AnsweredCorrection]) -> Accuracy:
    """The accuracy on all corrected samples, implicit corrections included: without them only errors would count."""
    if not entries:
        return Accuracy(0, None, None)
    base, personal = _right(entries)
    return Accuracy(len(entries), float(base.mean()), float(personal.mean()))


def progress(entries: Sequence[AnsweredCorrection], points: int = 100, recent: int = RECENT) -> list[ProgressPoint]:
    """Accuracies after ever more corrections, at no more than `points` places of the journal, the last of them its end."""
    if not entries:
        return []
    base, personal = _right(entries)
    count = len(entries)
    places = np.unique(np.linspace(1, count, min(points, count)).round().astype(int))
    sums = [np.concatenate([[0], np.cumsum(right)]) for right in (base, personal)]
    found = []
    for place in places.tolist():
        start = max(0, place - recent)
        whole = [float(total[place] / place) for total in sums]
        last = [float((total[place] - total[start]) / (place - start)) for total in sums]
        found.append(ProgressPoint(place, *whole, *last))
    return found


def confusions(entries: Sequence[AnsweredCorrection]) -> list[Confusion]:
    """The pairs of labels that the base confused, the most frequent first; equal ones by label."""
    times = Counter((entry.label, entry.base) for entry in entries if entry.base != entry.label)
    recent = entries[len(entries) // 2 :]
    still = Counter((entry.label, entry.answer) for entry in recent if entry.answer != entry.label)
    pairs = [Confusion(*pair, count, still[pair]) for pair, count in times.items()]
    return sorted(pairs, key=lambda pair: (-pair.times, -pair.still, pair.label, pair.read_as))


def match_styles(entries: Iterable[Entry], styles: Styles, alphabet: Alphabet) -> list[StyleMatch]:
    """For each label that was taught, the styles nearest to the writer's samples of it, the most frequent first.

    A label that has no styles, such as one of the writer's own, is left out. The entries need no images, and are never held all
    at once.
    """
    counts: dict[str, Counter[int]] = {}
    remaining = iter(entries)
    while some := list(islice(remaining, TOGETHER)):
        samples: dict[str, list[Entry]] = {}
        for entry in some:
            samples.setdefault(entry.label, []).append(entry)
        for label, its in samples.items():
            centroids = styles.centroids[_rows(styles, alphabet, label)]
            if len(centroids):
                points = np.concatenate([entry.outputs.embeddings for entry in its])
                away = np.linalg.norm(points[:, None] - centroids, axis=2)
                counts.setdefault(label, Counter()).update(away.argmin(axis=1).tolist())
    found: list[StyleMatch] = []
    for label in sorted(counts):
        rows = _rows(styles, alphabet, label)
        ordered = sorted(counts[label].items(), key=lambda item: (-item[1], item[0]))
        found += [StyleMatch(label, style, int(rows[style]), count) for style, count in ordered]
    return found


def _rows(styles: Styles, alphabet: Alphabet, label: str) -> NDArray[np.int64]:
    """Where a label's styles are among all."""
    return np.flatnonzero(styles.labels == alphabet.index(label)) if label in alphabet else np.empty(0, np.int64)


def _right(entries: Sequence[AnsweredCorrection]) -> tuple[np.ndarray, np.ndarray]:
    """Whether the base, and the answer, were right: bool [n] each."""
    return (
        np.array([entry.base == entry.label for entry in entries]),
        np.array([entry.answer == entry.label for entry in entries]),
    )
