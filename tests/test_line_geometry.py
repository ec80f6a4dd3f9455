"""How a line is parted: runs of pieces and their geometry, rows, late dots, and the true cuts."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from allograph.lines import LineInk
from allograph.lines.hypotheses import (
    FAR,
    GEOMETRY,
    LONGEST_RUN,
    NEAR,
    WIDEST,
    WIDEST_GAP,
    Hypotheses,
    line_height,
)
from allograph.lines.order import order_late_pieces
from allograph.lines.spaces import NUMBERS, gap_numbers
from allograph.lines.stroke_rows import rows_by_time
from allograph.lines.truth import true_runs
from line_pictures import read_lines
from written_lines import edges_of_strokes, write_line

Floats = NDArray[np.float64]
NUMBERS_ON_PAPER = st.integers(-200, 2000).map(float)


@st.composite
def lines_of_pieces(draw: st.DrawFn) -> tuple[Floats, NDArray[np.int64], Floats]:
    """Edges, rows and ends of pieces that go to the right, more or less."""
    count = draw(st.integers(1, 12))
    step = draw(st.integers(0, 60))
    edges, ends, rows, row = [], [], [], 0
    for place in range(count):
        left, top = place * step + draw(st.integers(-30, 30)), draw(st.integers(-40, 40))
        right, bottom = left + draw(st.integers(0, 60)), top + draw(st.integers(0, 80))
        edges.append((left, top, right, bottom))
        ends.append([draw(st.integers(left, right)), top, draw(st.integers(left, right)), bottom])
        row += place > 0 and draw(st.integers(0, 6)) == 0
        rows.append(row)
    return np.array(edges, np.float64), np.array(rows), np.array(ends, np.float64)


@given(lines_of_pieces())
def test_runs_are_all_the_narrow_ones_of_one_row(line: tuple[Floats, NDArray[np.int64], Floats]) -> None:
    pieces, rows, ends = line
    found = Hypotheses.of(pieces, rows, ends)
    height, expected = line_height(pieces), []
    for first in range(len(pieces)):
        for after in range(first + 1, min(first + LONGEST_RUN, len(pieces)) + 1):
            run = pieces[first:after]
            left, right, sound = run[0, 0], run[0, 2], len(set(rows[first:after].tolist())) == 1
            for piece in run[1:]:
                sound &= max(piece[0] - right, left - piece[2]) <= WIDEST_GAP * height
                left, right = min(left, piece[0]), max(right, piece[2])
            if after == first + 1 or (sound and right - left <= WIDEST * height):
                expected.append((first, after, left, run[:, 1].min(), right, run[:, 3].max()))
    assert [(*run, *edges) for run, edges in zip(found.runs.tolist(), found.edges.tolist(), strict=True)] == expected
    assert found.row.tolist() == [rows[run[0]] for run in expected]


@given(lines_of_pieces())
def test_geometry_is_that_of_a_plain_loop(line: tuple[Floats, NDArray[np.int64], Floats]) -> None:
    pieces, rows, ends = line
    found = Hypotheses.of(pieces, rows, ends)
    assert found.geometry.shape == (len(found), GEOMETRY)
    expected = [slow_geometry(found, first, after) for first, after in found.runs.tolist()]
    np.testing.assert_allclose(found.geometry, np.array(expected), atol=1e-4)


def slow_geometry(line: Hypotheses, first: int, after: int) -> list[float]:
    """The numbers of one run, one after the other."""
    pieces, rows, ends, height = line.pieces, line.rows, line.ends, line.height
    here, row = pieces[first:after], rows[first]
    left, top, right, bottom = here[:, 0].min(), here[:, 1].min(), here[:, 2].max(), here[:, 3].max()
    same = pieces[rows == row]
    tall = [piece[3] for piece in same if piece[3] - piece[1] > 0.3 * height] or same[:, 3]
    across, gaps = 0.0, []
    for piece in range(first + 1, after):
        gaps.append((pieces[piece, 0] - pieces[first:piece, 2].max()) / height)
        across = max(across, float(np.hypot(*(ends[piece, :2] - ends[piece - 1, 2:]))) / height)
    before = [piece for piece in range(max(first - NEAR, 0), first) if rows[piece] == row]
    behind = [piece for piece in range(after, min(after + NEAR, len(pieces))) if rows[piece] == row]
    gap_before = (left - pieces[before, 2].max()) / height if before else None
    gap_after = (pieces[behind, 0].min() - right) / height if behind else None
    neighbours = []
    for other in ([before[-1]] if before else []), ([behind[0]] if behind else []):
        if not other:
            neighbours.append([0.0] * 4)
            continue
        (x0, y0, x1, y1) = pieces[other[0]]
        numbers = (min(right, x1) - max(left, x0), min(bottom, y1) - max(top, y0), x1 - x0, y1 - y0)
        neighbours.append([number / height for number in numbers])
    pens = [
        float(np.hypot(*(ends[first, :2] - ends[before[-1], 2:]))) / height if before else FAR,
        float(np.hypot(*(ends[after - 1, 2:] - ends[behind[0], :2]))) / height if behind else FAR,
    ]
    wide, high = (right - left) / height, (bottom - top) / height
    return [
        max(-FAR, min(FAR, float(number)))
        for number in [
            *(float(after - first == length) for length in range(1, LONGEST_RUN + 1)),
            *(wide, high, np.log(high + 0.05), np.log(wide + 0.05)),
            (top - np.median((same[:, 1] + same[:, 3]) / 2)) / height,
            (bottom - np.median((same[:, 1] + same[:, 3]) / 2)) / height,
            (bottom - np.median(tall)) / height,
            max([-1.0, *gaps[:1], *gaps]) if gaps else -1.0,
            max(-1.0, min(gaps)) if gaps else -1.0,
            across,
            2.0 if gap_before is None else max(-2, min(2, gap_before)),
            2.0 if gap_after is None else max(-2, min(2, gap_after)),
            *(neighbours[0][0], neighbours[1][0]),
            *pens,
            *(float(gap_before is None), float(gap_after is None)),
            *(number for pair in zip(neighbours[0][1:], neighbours[1][1:], strict=True) for number in pair),
        ]
    ]


@given(lines_of_pieces(), st.sampled_from([0.125, 4.0, 1024.0]))
def test_the_unit_of_a_line_does_not_matter(line: tuple[Floats, NDArray[np.int64], Floats], unit: float) -> None:
    pieces, rows, ends = line
    if line_height(pieces) == 1.0:
        return  # without extent, or just that high
    one, other = Hypotheses.of(pieces, rows, ends), Hypotheses.of(pieces * unit, rows, ends * unit)
    np.testing.assert_array_equal(one.runs, other.runs)
    np.testing.assert_allclose(one.geometry, other.geometry, atol=1e-5)
    path = np.flatnonzero(one.runs[:, 1] - one.runs[:, 0] == 1)
    assert gap_numbers(one, path).shape == (len(one), NUMBERS)
    np.testing.assert_allclose(gap_numbers(one, path), gap_numbers(other, path), atol=1e-5)
    np.testing.assert_array_equal(rows_by_time(pieces), rows_by_time(pieces * unit))


def test_dots_and_bars_alone_are_as_high_as_they_are_apart() -> None:
    assert line_height(np.array([[0.0, 0, 0, 0]])) == 1.0
    assert line_height(np.array([[0.0, 0, 0, 0], [0, 30, 0, 30]])) == 30
    assert line_height(np.array([[0.0, 0, 40, 1], [0, 20, 40, 21]])) == 21
    assert line_height(np.array([[0.0, 0, 0, 0], [30, 1, 30, 1], [60, -1, 60, -1]])) == 40
    assert line_height(edges_of_strokes(write_line("ill\nill").strokes)) == 76.3


# --- rows ---


@pytest.mark.parametrize("slope", [-0.15, 0.0, 0.15])
@pytest.mark.parametrize("text", ["one", "the old man\nand\nthe sea was", "a b c d e\nf g h", "1 + 2\n3"])
def test_rows_are_found_where_the_pen_went_back_and_down(text: str, slope: float) -> None:
    line = write_line(text, slope=slope)
    row_of_character = [row for row, words in enumerate(text.split("\n")) for _ in words.replace(" ", "")]
    expected = [row_of_character[character] for character in line.characters.tolist()]
    assert LineInk.from_strokes(line.strokes).rows.tolist() == expected


@pytest.mark.parametrize(
    "strokes", [[[(0, 0)], [(0, 30)]], [[(0, 0), (40, 1)], [(0, 20), (40, 21)]], [[(0, 0)], [(9, 1)], [(18, 0)]]]
)
def test_dots_and_bars_alone_are_one_row(strokes: list[list[tuple[float, float]]]) -> None:
    assert set(LineInk.from_strokes(strokes).rows.tolist()) == {0}


# --- the order of pieces ---


@given(lines_of_pieces())
def test_the_order_is_a_permutation_row_by_row(line: tuple[Floats, NDArray[np.int64], Floats]) -> None:
    pieces, rows, _ = line
    order = order_late_pieces(pieces, rows, line_height(pieces))
    assert sorted(order.tolist()) == list(range(len(pieces)))
    assert (np.diff(rows[order]) >= 0).all()


@pytest.mark.parametrize("text", ["hiding in", "i", "mini jib", "tin\nfish inn"])
def test_late_dots_go_to_their_letter(text: str) -> None:
    line = write_line(text, late_dots=True)
    ink = LineInk.from_strokes(line.strokes)
    assert line.characters[ink.sources].tolist() == sorted(line.characters.tolist())
    again = LineInk.from_strokes([line.strokes[source] for source in ink.sources.tolist()])
    assert again.sources.tolist() == list(range(len(line.strokes)))


def test_a_late_bar_goes_to_its_letter() -> None:
    line = write_line("tot is")
    (bar,) = [place for place in np.flatnonzero(line.characters == 0).tolist() if np.ptp(line.strokes[place][:, 1]) == 0]
    order = [*(place for place in range(7) if place != bar), bar, *range(7, len(line.strokes))]
    ink = LineInk.from_strokes([line.strokes[place] for place in order])
    assert [order[source] for source in ink.sources.tolist()][:2] == [0, 1]


def test_dots_of_real_lines_find_their_letter(shared: Path) -> None:
    home = late = 0
    for place, line in enumerate(read_lines(shared / "data" / "unipen_lines.npz")):
        if place % 8:
            continue
        edges = edges_of_strokes(line.strokes)
        height = line_height(edges)
        rows, marks = rows_by_time(edges), list(line.text.replace(" ", ""))
        first = {int(line.characters[i]): i for i in reversed(range(len(line.characters)))}
        for character, mark in enumerate(marks):
            mine = np.flatnonzero(line.characters == character)
            if mark not in "ij" or len(mine) != 2 or character + 3 >= len(marks) or first[character] != mine[0]:
                continue
            dot, end = mine[1], first[character + 3]  # three characters later
            if np.ptp(line.strokes[dot][:, 1]) > 0.4 * height or rows[end - 1] != rows[dot]:
                continue
            order = np.insert(np.delete(np.arange(len(edges)), dot), end - 1, dot)
            found = order[order_late_pieces(edges[order], rows_by_time(edges[order]), height)].tolist()
            late += 1
            home += found[found.index(dot) - 1] == mine[0]
    assert late > 30
    assert home / late >= 0.9


# --- true cuts ---


def test_true_runs_are_those_of_the_characters() -> None:
    line = write_line("fit kit", late_dots=True)
    ink = LineInk.from_strokes(line.strokes)
    runs = true_runs(ink, line.characters)
    assert (runs >= 0).all()
    for character, run in enumerate(runs.tolist()):
        first, after = ink.hypotheses.runs[run].tolist()
        assert sorted(ink.sources[first:after].tolist()) == np.flatnonzero(line.characters == character).tolist()


def test_a_character_whose_strokes_lie_apart_has_no_run() -> None:
    dot, far, near = [(0, 0), (0, 9)], [(500, 0), (500, 9)], [(3, 0), (3, 9)]
    assert true_runs(LineInk.from_strokes([dot, far]), np.array([0, 0])).tolist() == [-1]
    assert true_runs(LineInk.from_strokes([dot, near, far]), np.array([0, 1, 0])).tolist() == [-1, 2]


@settings(deadline=None)
@given(st.lists(st.lists(st.tuples(NUMBERS_ON_PAPER, NUMBERS_ON_PAPER), max_size=3), min_size=1, max_size=8))
def test_any_strokes_are_pieces_in_some_order_or_none(strokes: list[list[tuple[float, float]]]) -> None:
    given = [place for place, stroke in enumerate(strokes) if stroke]
    if not given:
        return
    ink = LineInk.from_strokes(strokes)
    assert sorted(ink.sources.tolist()) == given
    assert (np.diff(ink.rows) >= 0).all()
    assert np.isfinite(ink.hypotheses.geometry).all()
    assert ink.is_joined in (False, True)
