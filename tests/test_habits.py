"""Habits, against counts by hand."""

from __future__ import annotations

from itertools import count

import numpy as np
import pytest

from allograph.alphabet.labels import Alphabet
from allograph.profiles.journal import Entry
from allograph.readings import Samples
from allograph.styles import Styles
from allograph.writers.habits import Accuracy, Confusion, ProgressPoint, StyleMatch, accuracy, confusions, match_styles, progress

_SEQ = count(1)


def entry(label: str, base: str, answer: str, embedding: tuple[float, float] = (0, 0)) -> Entry:
    seq = next(_SEQ)
    samples = Samples(np.array([embedding], np.float32), np.zeros((1, 3), np.float32))
    return Entry(str(seq), label, False, float(seq), base, answer, None, samples, None, "hash", str(seq), seq)


def test_accuracy() -> None:
    assert accuracy([]) == Accuracy(0, None, None)
    entries = [entry("a", "b", "a"), entry("a", "a", "a"), entry("a", "b", "b"), entry("a", "b", "a")]
    assert accuracy(entries) == Accuracy(4, 0.25, 0.75)


def test_progress_ends_with_all_and_tells_of_the_last_ones() -> None:
    assert progress([]) == []
    entries = [entry("a", "b", "b")] * 60 + [entry("a", "b", "a")] * 60
    points = progress(entries, points=7)
    assert len(points) == 7
    assert points[0] == ProgressPoint(1, 0, 0, 0, 0)
    assert points[-1] == ProgressPoint(120, 0, 0.5, 0, 1)
    (seventy,) = (point for point in progress(entries, points=1000) if point.corrections == 70)
    assert seventy.personal == pytest.approx(10 / 70)
    assert seventy.recent_personal == pytest.approx(10 / 50)
    assert len(progress(entries)) == 100


def test_confusions_count_what_the_base_said_and_what_is_still_said() -> None:
    entries = [
        entry("a", "b", "b"),
        entry("a", "b", "b"),
        entry("c", "d", "d"),
        entry("a", "b", "b"),
        entry("a", "b", "a"),
        entry("a", "a", "a"),
    ]
    assert confusions(entries) == [Confusion("a", "b", 4, 1), Confusion("c", "d", 1, 0)]
    assert confusions([]) == []


def test_styles_nearest_to_the_samples_of_each_label() -> None:
    centroids = np.array([[0, 0], [10, 0], [0, 10], [5, 5]], np.float32)
    styles = Styles(centroids, np.array([0, 0, 0, 2], np.int32), np.zeros((4, 28, 28), np.uint8))
    entries = [
        entry("a", "a", "a", (9, 0)),
        entry("a", "a", "a", (0, 9)),
        entry("a", "a", "a", (11, 0)),
        entry("c", "a", "a", (0, 0)),
        entry("b", "a", "a"),
        entry("ß", "a", "a"),
    ]
    found = match_styles(entries, styles, Alphabet("abc"))
    assert found == [StyleMatch("a", 1, 1, 2), StyleMatch("a", 2, 2, 1), StyleMatch("c", 0, 3, 1)]
