"""A writer's habits, from their journal: what is confused, how reading them went, and in which styles they write."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import islice
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from allograph.alphabet.labels import Alphabet
from allograph.profiles.journal import Entry
from allograph.styles import Styles

RECENT = 50
"""Corrections over which the recent shares go."""
TOGETHER = 1000
"""Entries that are compared with the styles at a time."""


class Read(Protocol):
    """What matters here of a correction, be it a row or an entry of the journal."""

    @property
    def label(self) -> str:
        """What the sample shows."""

    @property
    def base(self) -> str:
        """What the base said."""

    @property
    def answer(self) -> str:
        """What was answered before it was learned."""


class Shares(NamedTuple):
    """How many of some corrected samples were read right before they were learned."""

    samples: int
    base: float | None
    """The base's share; None without samples."""
    personal: float | None
    """The share of what allograph answered, or in the shadow would have."""


class Point(NamedTuple):
    """The shares up to a place in the journal."""

    corrections: int
    base: float
    personal: float
    recent_base: float
    recent_personal: float


class Confusion(NamedTuple):
    """A label and what it is taken for."""

    label: str
    read_as: str
    times: int
    """How often the base said so."""
    still: int
    """How often it was still answered, in the recent half of the journal."""


class Matched(NamedTuple):
    """A style in which the writer writes a label."""

    label: str
    style: int
    """Its place among the label's styles."""
    row: int
    """Its place among all styles."""
    samples: int
    """How many of the writer's samples are nearest to it."""


def shares(entries: Sequence[Read]) -> Shares:
    """How many of all corrected samples were read right, implicit corrections included: without them only errors would count."""
    if not entries:
        return Shares(0, None, None)
    base, personal = _right(entries)
    return Shares(len(entries), float(base.mean()), float(personal.mean()))


def progress(entries: Sequence[Read], points: int = 100, recent: int = RECENT) -> list[Point]:
    """The shares read right among the first so many corrections, in at most so many points, the last of them after all."""
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
        found.append(Point(place, *whole, *last))
    return found


def confusions(entries: Sequence[Read]) -> list[Confusion]:
    """What the base took for something else, the most frequent first; equal ones by label."""
    times = Counter((entry.label, entry.base) for entry in entries if entry.base != entry.label)
    recent = entries[len(entries) // 2 :]
    still = Counter((entry.label, entry.answer) for entry in recent if entry.answer != entry.label)
    pairs = [Confusion(*pair, count, still[pair]) for pair, count in times.items()]
    return sorted(pairs, key=lambda pair: (-pair.times, -pair.still, pair.label, pair.read_as))


def matched_styles(entries: Iterable[Entry], styles: Styles, alphabet: Alphabet) -> list[Matched]:
    """For each label that was taught, the styles nearest to the writer's samples of it, the one nearest to most first.

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
    found: list[Matched] = []
    for label in sorted(counts):
        rows = _rows(styles, alphabet, label)
        ordered = sorted(counts[label].items(), key=lambda item: (-item[1], item[0]))
        found += [Matched(label, style, int(rows[style]), count) for style, count in ordered]
    return found


def _rows(styles: Styles, alphabet: Alphabet, label: str) -> NDArray[np.int64]:
    """Where a label's styles are among all."""
    return np.flatnonzero(styles.labels == alphabet.index(label)) if label in alphabet else np.empty(0, np.int64)


def _right(entries: Sequence[Read]) -> tuple[np.ndarray, np.ndarray]:
    """Whether the base, and the answer, were right: bool [n] each."""
    return (
        np.array([entry.base == entry.label for entry in entries]),
        np.array([entry.answer == entry.label for entry in entries]),
    )
