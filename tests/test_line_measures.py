"""What is counted of a line: edits by hand and by their laws, late strokes, and pooled figures."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from allograph.corpora import LabelledLine
from allograph.evaluation.lines.figures import line_figures, pace, share
from allograph.evaluation.lines.late import late_dots
from allograph.evaluation.lines.measures import LineCounts, count_line, edits
from allograph.evaluation.lines.protocol import LineProtocol, Seconds, WriterLines
from allograph.evaluation.lines.report import marked
from allograph.lines import LineInk
from allograph.lines.truth import true_runs
from allograph.writers import Writer
from line_archive import line_strokes

texts = st.text("abc", max_size=7)


@pytest.mark.parametrize(
    ("read", "true", "distance"),
    [
        ("", "", 0),
        ("", "ab", 2),
        ("ab", "", 2),
        ("ab", "ab", 0),
        ("ax", "ab", 1),
        ("aab", "ab", 1),
        ("ba", "ab", 2),
        ("rn", "m", 2),
    ],
)
def test_edits_by_hand(read: str, true: str, distance: int) -> None:
    assert edits(read, true).distance == distance


def test_edits_of_words() -> None:
    found = edits(["the", "quickbrown", "fox"], ["the", "quick", "brown", "fox"])
    assert found.distance == 2
    assert found.extra == [False, True, False]
    assert found.missed == [False, True, True, False]


@given(texts, texts, texts)
def test_edits_are_a_distance(one: str, two: str, three: str) -> None:
    there = edits(one, two)
    assert there.distance == edits(two, one).distance
    assert (there.distance == 0) == (one == two)
    assert abs(len(one) - len(two)) <= there.distance <= max(len(one), len(two))
    assert there.distance <= edits(one, three).distance + edits(three, two).distance
    assert max(sum(there.extra), sum(there.missed)) <= there.distance <= sum(there.extra) + sum(there.missed)
    kept = [x for x, extra in zip(one, there.extra, strict=True) if not extra]
    assert kept == [x for x, missed in zip(two, there.missed, strict=True) if not missed]


@given(st.lists(st.text("abc", min_size=1, max_size=4), max_size=4), st.data())
def test_marked_parts_make_up_the_text(words: list[str], data: st.DataObject) -> None:
    text = " ".join(words)
    count = len(text.replace(" ", ""))
    wrong = data.draw(st.lists(st.booleans(), min_size=count, max_size=count))
    parts = list(marked(text, wrong))
    assert "".join(part for part, _ in parts) == text
    assert "".join(part for part, flag in parts if flag) == "".join(
        x for x, flag in zip(text.replace(" ", ""), wrong, strict=True) if flag
    )


def test_a_line_that_was_read_is_judged() -> None:
    strokes, characters = line_strokes("he ate 3")
    ink = LineInk.from_strokes(strokes)
    line = Writer("ana").read_line(ink)
    runs = true_runs(ink, np.array(characters))
    right = count_line(line, line.text, runs)
    assert (right.characters_wrong, right.words_wrong, right.cuts) == (0, 0, 6)
    assert right.cuts_right == sum(run in line.reading.path.runs for run in runs.tolist())
    wrong = count_line(line, "?" + line.text.replace(" ", "") + " x", runs)  # one put before, one behind, and other words
    assert wrong.characters == right.characters + 2
    assert wrong.characters_wrong == 2
    assert (wrong.words, wrong.words_wrong) == (2, max(2, len(line.text.split())))


def test_a_line_that_could_not_be_read_is_all_wrong() -> None:
    counts = count_line(None, "ab cd", np.full(4, -1))
    assert counts == LineCounts(lines=1, characters=4, characters_wrong=4, words=2, words_wrong=2, cuts=4, cuts_right=0)
    assert count_line(None, "ab").cuts == 0


def labelled(text: str) -> LabelledLine:
    strokes, characters = line_strokes(text)
    return LabelledLine(tuple(strokes), text, "ana", "application", np.array(characters))


def test_late_dots_come_at_the_end_of_their_word() -> None:
    line = labelled("it is i")
    late = late_dots(line)
    assert line.characters is not None
    assert late.characters is not None
    assert line.characters.tolist() == [0, 0, 1, 1, 2, 2, 3, 4, 4]
    assert late.characters.tolist() == [0, 1, 0, 1, 2, 3, 2, 4, 4]
    for one in range(5):  # each character has the strokes that it had
        before = [stroke for stroke, owner in zip(line.strokes, line.characters, strict=True) if owner == one]
        after = [stroke for stroke, owner in zip(late.strokes, late.characters, strict=True) if owner == one]
        assert all(np.array_equal(*pair) for pair in zip(before, after, strict=True))


def test_other_strokes_and_unknown_cuts_stay() -> None:
    line = labelled("sea e3")
    assert late_dots(line) == line
    unknown = dataclasses.replace(labelled("it"), characters=None)
    assert late_dots(unknown) is unknown


def writer_lines(name: str, wrong: dict[int, int], characters: int = 100) -> WriterLines:
    stages = {learned: LineCounts(2, characters, count, 10, 5, 0, 0) for learned, count in wrong.items()}
    times = Seconds([0.2, 0.4], [0.1, 0.1])
    return WriterLines(name, LineCounts(4, 200, 50, 20, 10), stages, 1, 2, 0, times, Seconds(), times, ())


def test_figures_by_hand() -> None:
    writers = [writer_lines("ana", {0: 20, 1: 15, 3: 10, 4: 5}), writer_lines("bo", {0: 10, 1: 12}, characters=300)]
    found = line_figures(writers, LineProtocol())
    assert [stage.name for stage in found.stages] == ["0", "1", "3", "50 %"]
    assert [stage.characters_wrong.value for stage in found.stages] == pytest.approx([30 / 400, 27 / 400, 22 / 400, 17 / 400])
    assert [stage.learned for stage in found.stages] == [0, 1, 2, 2.5]  # who has fewer lines has learned all of them
    assert found.everything.characters_wrong.value == 100 / 400
    assert found.everything.lines == 8
    assert found.stages[0].cuts_right.value is None
    assert found.worse == ("bo",)
    assert (found.doubtful, found.refused, found.unread) == (2, 4, 0)
    assert found.fewer_wrong.value == pytest.approx(13 / 400)
    assert found.reading.milliseconds == pytest.approx(300)
    assert found.reading.ratio == pytest.approx(3)
    assert found.reading_again.ratio is None
    low, high = found.stages[0].characters_wrong.ci95 or (0, 0)
    assert (low, high) == (10 / 300, 20 / 100)  # both writers alike, or each in turn
    assert line_figures(writers, LineProtocol()) == found  # it is seeded


def test_writers_without_anything_to_count_are_left_out() -> None:
    assert share([0, 10], [0, 5]) == share([10], [5])
    assert share([0], [0]).value is None
    assert pace([Seconds()]).milliseconds is None


@pytest.mark.parametrize(
    ("count", "learn", "stages"),
    [(1, 0.5, [0]), (2, 0.5, [0, 1]), (9, 0.5, [0, 1, 3, 4]), (40, 0.5, [0, 1, 3, 10, 20]), (40, 0, [0])],
)
def test_stages_are_few_lines_and_the_share(count: int, learn: float, stages: list[int]) -> None:
    assert LineProtocol(learn).stages(count) == stages
