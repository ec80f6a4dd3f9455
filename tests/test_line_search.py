"""Grammar, search and alignment of lines: against hand-computed numbers and all paths tried one after the other."""

from __future__ import annotations

from itertools import pairwise, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from allograph.lines.alignment import LEAST_LOG, LEAST_SPACE, MISSING, SKIPPED, align
from allograph.lines.grammar import PRIOR, START, Grammar
from allograph.lines.label_class import CLASSES, label_classes
from allograph.lines.lattice import GRAMMAR_WEIGHT, Lattice
from allograph.lines.search import CHOICES, best_cuts, best_path, best_paths
from written_lines import every_path, score_of, some_grammar, some_lattice

SEEDS = st.integers(0, 10**6)
LOWER, UPPER, DIGIT = 0, 1, 2


# --- grammar ---


def test_a_grammar_of_four_characters_by_hand() -> None:
    grammar = Grammar.estimate([list("ab A1")])
    # between characters: a-b without a space, b-A with one, A-1 without; one more of either for the prior
    np.testing.assert_allclose(np.exp(grammar.spaces), [3 / 5, 2 / 5], rtol=1e-6)
    frequencies = np.array([3, 2, 2, 1, 1, 1]) / 10  # a b, A, 1, and one of each class
    np.testing.assert_allclose(np.exp(grammar.frequencies), frequencies, rtol=1e-6)
    after_lower = np.exp(grammar.transitions[:, LOWER])  # twice: a-b and b-A
    expected = PRIOR * np.multiply.outer([3 / 5, 2 / 5], frequencies)
    expected[0, LOWER] += 1
    expected[1, UPPER] += 1
    np.testing.assert_allclose(after_lower, expected / (2 + PRIOR), rtol=1e-5)
    after_digit = np.exp(grammar.transitions[:, DIGIT])  # never seen
    np.testing.assert_allclose(after_digit, np.multiply.outer([3 / 5, 2 / 5], frequencies), rtol=1e-5)
    starts = np.exp(grammar.transitions[:, START])
    np.testing.assert_array_equal(starts[0], 0)
    np.testing.assert_allclose(starts[1], (np.array([1, 0, 0, 0, 0, 0]) + PRIOR * frequencies) / (1 + PRIOR), rtol=1e-5)


@given(st.lists(st.text("abAB12.,(あ ", min_size=1, max_size=12).map(lambda text: list(" ".join(text.split()))), max_size=5))
def test_probabilities_of_what_may_follow_sum_to_one(texts: list[list[str]]) -> None:
    grammar = Grammar.estimate(texts)
    assert grammar.is_sound
    np.testing.assert_allclose(np.exp(grammar.transitions).sum(axis=(0, 2)), 1, rtol=1e-5)
    np.testing.assert_allclose(np.exp(grammar.spaces).sum(), 1, rtol=1e-5)
    np.testing.assert_allclose(np.exp(grammar.frequencies).sum(), 1, rtol=1e-5)


def test_a_gap_that_says_nothing_leaves_what_the_grammar_says() -> None:
    grammar = some_grammar()
    nothing = float(grammar.spaces[1] - grammar.spaces[0])
    joint, row = grammar.joint(np.array([nothing, np.inf]))
    np.testing.assert_allclose(joint, grammar.transitions - grammar.frequencies, atol=1e-5)
    assert np.isneginf(row[0]).all()
    np.testing.assert_allclose(row[1], grammar.transitions[1] - grammar.frequencies, atol=1e-5)


@pytest.mark.parametrize(("odds", "spaces"), [(-6.0, [False, False]), (6.0, [False, True])])
def test_a_space_is_where_gap_and_grammar_say_so(odds: float, spaces: list[bool]) -> None:
    lattice = some_lattice(np.random.default_rng(0), 2, 3, longest=1)
    lattice = Lattice(lattice.runs, lattice.cuts, lattice.logs, np.zeros(3, np.int64), np.array([np.inf, odds]), some_grammar())
    assert best_path(lattice).spaces(lattice) == spaces
    assert best_paths(lattice, 1)[0].spaces(lattice) == spaces


def test_classes_that_stand_for_all_labels() -> None:
    labels = ["a", "é", "A", "7", ".", "&", "漢"]
    assert [CLASSES[one] for one in label_classes(labels)] == [
        *("lower case", "lower case", "upper case", "digit", "end mark", "other mark", "letter")
    ]
    lattice = some_lattice(np.random.default_rng(1), 3, 7)
    highest, best = lattice.best_of_class
    for kind in range(len(CLASSES)):
        here = np.flatnonzero(lattice.classes == kind)
        if len(here):
            np.testing.assert_array_equal(highest[:, kind], lattice.logs[:, here].max(axis=1))
            np.testing.assert_array_equal(best[:, kind], here[lattice.logs[:, here].argmax(axis=1)])
        else:
            assert np.isneginf(highest[:, kind]).all()


# --- search ---


@settings(deadline=None)
@given(SEEDS, st.integers(1, 4), st.integers(1, 3))
def test_the_best_path_is_the_best_of_all(seed: int, pieces: int, labels: int) -> None:
    lattice = some_lattice(np.random.default_rng(seed), pieces, labels)
    every = [(runs, list(chosen)) for runs in every_path(lattice) for chosen in product(range(labels), repeat=len(runs))]
    scores = [score_of(lattice, *one) for one in every]
    found = best_path(lattice)
    assert found.score == pytest.approx(max(scores), abs=1e-3)
    assert score_of(lattice, found.runs, found.labels) == pytest.approx(found.score, abs=1e-3)
    ends = [0, *(int(lattice.runs[run, 1]) for run in found.runs)]
    assert [int(lattice.runs[run, 0]) for run in found.runs] == ends[:-1]
    assert ends[-1] == pieces


@settings(deadline=None)
@given(SEEDS, st.integers(1, 4), st.integers(1, 3), st.integers(1, 6))
def test_the_next_best_paths_are_the_best_of_each_text(seed: int, pieces: int, labels: int, count: int) -> None:
    lattice = some_lattice(np.random.default_rng(seed), pieces, labels)
    best: dict[tuple[int, ...], float] = {}
    for runs in every_path(lattice):
        for chosen in product(range(labels), repeat=len(runs)):
            best[chosen] = max(best.get(chosen, -np.inf), score_of(lattice, runs, list(chosen)))
    found = best_paths(lattice, count)
    assert len({tuple(path.labels) for path in found}) == len(found) == min(count, len(best))
    scores = [path.score for path in found]
    np.testing.assert_allclose(scores, sorted(best.values(), reverse=True)[: len(scores)], atol=1e-3)
    assert scores[0] == pytest.approx(best_path(lattice).score, abs=1e-3)
    for path in found:
        assert score_of(lattice, path.runs, path.labels) == pytest.approx(path.score, abs=1e-3)


@given(SEEDS)
def test_of_many_labels_the_best_paths_are_none_better_than_the_best(seed: int) -> None:
    lattice = some_lattice(np.random.default_rng(seed), 5, 3 * CHOICES)
    found = best_paths(lattice, 4)
    assert len(found) == 4
    assert found[0].score <= best_path(lattice).score + 1e-3
    assert all(one.score >= other.score for one, other in pairwise(found))


@given(SEEDS, st.integers(1, 6))
def test_the_best_cuts_are_the_best_of_all(seed: int, pieces: int) -> None:
    lattice = some_lattice(np.random.default_rng(seed), pieces, 2)
    weights = np.random.default_rng(seed).normal(size=len(lattice.runs))
    found = best_cuts(lattice.runs, weights)
    assert found.tolist() in every_path(lattice)
    assert weights[found].sum() == pytest.approx(max(weights[path].sum() for path in every_path(lattice)))


def test_labels_that_are_not_on_offer_are_in_no_path() -> None:
    lattice = some_lattice(np.random.default_rng(3), 4, 4)
    logs = lattice.logs.copy()
    logs[:, [0, 2]] = -np.inf
    lattice = Lattice(lattice.runs, lattice.cuts, logs, lattice.classes, lattice.space_odds, lattice.grammar)
    for path in [best_path(lattice), *best_paths(lattice, 20)]:
        assert {0, 2}.isdisjoint(path.labels)
        assert np.isfinite(path.score)


def test_the_weight_of_the_grammar() -> None:
    lattice = some_lattice(np.random.default_rng(4), 3, 3)
    expected = GRAMMAR_WEIGHT * lattice.grammar.joint(lattice.space_odds)
    np.testing.assert_allclose(lattice.links, np.logaddexp(expected[:, 0], expected[:, 1]), atol=1e-5)


# --- alignment ---


def gain(lattice: Lattice, run: int, label: int, space: bool | None) -> float:
    """What speaks for a run as a label, after a space or not; None where nothing is said of spaces."""
    log = LEAST_LOG if label < 0 else max(float(lattice.logs[run, label]), LEAST_LOG)
    odds = 0.0 if space is None else (1 if space else -1) * float(lattice.space_odds[run])
    return log + float(lattice.cuts[run]) - float(np.logaddexp(0, -max(LEAST_SPACE, min(-LEAST_SPACE, odds))))


def best_alignment(lattice: Lattice, text: list[tuple[int, bool | None]], piece: int = 0) -> float:
    """The score of the best way to lay labels, each after a space or not, over the ink from a piece on: all ways are tried."""
    if piece == lattice.pieces:
        return MISSING * len(text)
    skip = SKIPPED + best_alignment(lattice, text, piece + 1)
    if not text:
        return skip
    ways = [skip, MISSING + best_alignment(lattice, text[1:], piece)]
    for run, (first, after) in enumerate(lattice.runs.tolist()):
        if first == piece:
            ways.append(gain(lattice, run, *text[0]) + best_alignment(lattice, text[1:], after))
    return max(ways)


@settings(deadline=None)
@given(SEEDS, st.integers(1, 4), st.lists(st.tuples(st.integers(-1, 2), st.booleans()), min_size=1, max_size=4))
def test_an_alignment_is_the_best_of_all(seed: int, pieces: int, text: list[tuple[int, bool]]) -> None:
    lattice = some_lattice(np.random.default_rng(seed), pieces, 3)
    found = align(lattice, [label for label, _ in text], [space for _, space in text])
    first: tuple[int, bool | None] = (text[0][0], None)  # of a space before the text nothing is said
    expected = [first, *text[1:]]
    gains = [MISSING if run < 0 else gain(lattice, run, *one) for run, one in zip(found.runs, expected, strict=True)]
    assert sum(gains) + SKIPPED * found.skipped == pytest.approx(best_alignment(lattice, expected), abs=1e-3)
    ends = [tuple(lattice.runs[run].tolist()) for run in found.runs if run >= 0]
    assert all(one[1] <= other[0] for one, other in pairwise(ends))
    assert sum(after - first for first, after in ends) + found.skipped == pieces


def test_missing_characters_skipped_pieces_and_own_labels() -> None:
    runs = np.array([(0, 1), (1, 2), (2, 3)])
    logs = np.log(np.array([[0.98, 0.01, 0.01], [0.01, 0.98, 0.01], [0.01, 0.01, 0.98]], np.float32))
    sure = np.full(3, 3.0, np.float32)
    lattice = Lattice(runs, sure, logs, np.zeros(3, np.int64), np.array([np.inf, -3, -3]), some_grammar())
    assert align(lattice, [0, 1, 2], [False] * 3) == ([0, 1, 2], 0)
    assert align(lattice, [0, 2], [False] * 2) == ([0, 2], 1)  # the ink of 1 is nobody's
    assert align(lattice, [0, -1, 2], [False] * 3) == ([0, 1, 2], 0)  # a new label has it
    assert align(lattice, [0, 1, 1, 2], [False] * 4).runs.count(-1) == 1  # one more than there is ink
    assert align(lattice, [2, 2, 2, 2, 2], [False] * 5).runs[-1] == 2
