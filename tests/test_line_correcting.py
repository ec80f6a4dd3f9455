"""Lines are corrected: what is learned of them, what is not, and what undoing leaves."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import allograph
from allograph import Recognizer, Writer, Writers
from allograph.errors import InputError, MismatchError, UnknownLabel
from allograph.lines import Line
from allograph.profiles.line_ids import is_line_id
from allograph.writers.line_reading import LineCorrection
from written_lines import WrittenLine, write_line

RECOGNIZER = Recognizer(allograph.Bundle.open())
TEXT = "the red hat"
VARIED = write_line(TEXT, 1)
"""No two of its characters look alike to the last pixel: those of the ink as it is do, and may stand for one another."""


@pytest.fixture
def ana() -> Writer:
    return Writer("ana", RECOGNIZER)


def read(writer: Writer, line: WrittenLine | str, **options: Any) -> Line:
    return writer.read_line((write_line(line) if isinstance(line, str) else line).strokes, **options)


def learned(done: LineCorrection) -> str:
    """The labels in the order of the text."""
    return "".join(one.label for one in done.corrections)


def taught(writer: Writer) -> str:
    """The labels in the journal, sorted."""
    return "".join(sorted(one.label for one in writer.corrections))


def test_every_character_of_a_right_text_is_learned_once(ana: Writer) -> None:
    line = read(ana, VARIED)
    done = ana.correct_line(line, "  the  red hat ")
    assert (done.id, learned(done), done.doubtful) == (line.id, "theredhat", ())
    assert taught(ana) == "".join(sorted("theredhat"))
    entries = ana.entries()
    assert {one.batch for one in entries} == {line.id}
    assert is_line_id(line.id)
    version = ana.live.store.versions([ana.live.key])
    again = ana.correct_line(line, TEXT)
    assert again == done
    assert learned(ana.correct_line(read(ana, VARIED, id=line.id), TEXT)) == "theredhat"  # the same line, read another time
    assert ana.live.store.versions([ana.live.key]) == version


def test_the_order_of_a_line_cannot_be_read_from_the_journal() -> None:
    orders = set()
    for _ in range(3):
        writer = Writer("ana", RECOGNIZER)
        writer.correct_line(read(writer, TEXT), TEXT)
        entries = writer.entries()
        orders.add("".join(one.label for one in entries))
        assert all(one.box is not None and (one.box.left, one.box.baseline) == (0, 0) for one in entries)
        assert not {one.id for one in entries} & {one.id for one in read(writer, TEXT).characters}
        assert writer.words == {}
    assert len(orders | {"theredhat"}) == 4


def test_another_text_replaces_the_first(ana: Writer) -> None:
    line = read(ana, VARIED)
    first = ana.correct_line(line, TEXT)
    second = ana.correct_line(line, "The red hat")
    assert learned(second) == "Theredhat" if not second.doubtful else learned(second) == "heredhat"
    assert len(ana.corrections) == len(second.corrections)
    assert {one.id for one in second.corrections[-8:]} == {one.id for one in first.corrections[1:]}


def test_only_what_is_vouched_for_is_learned_as_given(ana: Writer) -> None:
    line = read(ana, VARIED)
    done = ana.correct_line(line, TEXT, vouched=[0, 8])
    assert [(one.label, one.implicit) for one in done.corrections] == [("t", False), ("h", False)]
    again = ana.correct_line(line, TEXT, vouched=[8, 0])
    assert again == done
    left = ana.correct_line(line, TEXT, vouched=[0], left_standing=True)
    assert [one.label for one in left.corrections if not one.implicit] == ["t"]
    standing = "".join(one.label for one in left.corrections if one.implicit)
    sure = [one.label for one in line.characters if one.sureness >= 0.8]
    assert standing
    assert set(standing) <= set(sure)
    assert len(ana.corrections) == len(left.corrections)


@pytest.mark.parametrize(("vouched", "words"), [([3], "no character"), ([99], "no character"), ([], "nothing is vouched for")])
def test_what_cannot_be_vouched_for_is_refused(ana: Writer, vouched: list[int], words: str) -> None:
    with pytest.raises(InputError, match=words):
        ana.correct_line(read(ana, VARIED), TEXT, vouched=vouched)
    assert ana.corrections == []


def test_undo_takes_all_of_a_line_back(ana: Writer) -> None:
    before = read(ana, "hello world")
    other = ana.correct_line(read(ana, "hat"), "hat")
    done = ana.correct_line(read(ana, "hello world"), "hello world")
    assert len(ana.corrections) == 13
    ana.undo(done.id)
    assert taught(ana) == "aht"
    ana.undo(other.id)
    after = read(ana, "hello world")
    assert ana.corrections == []
    assert after.best(8) == before.best(8)
    assert [one.sureness for one in after.characters] == [one.sureness for one in before.characters]


def test_a_correction_is_heeded_at_the_next_reading(ana: Writer) -> None:
    assert read(ana, "hello world").text == "hello WOrld"  # W and w, O and o look alike in this hand
    ana.correct_line(read(ana, "hello world"), "hello world")
    assert read(ana, "hello world").text == "hello world"
    assert read(ana, write_line("lower row", 3)).text == "lower row"


def test_a_character_that_was_cut_in_two_is_learned_whole(ana: Writer) -> None:
    written = write_line("home")
    line = read(ana, written)
    assert line.text == "honne"
    done = ana.correct_line(line, "home")
    assert (learned(done), done.doubtful) == ("home", ())
    whole = ana.read(allograph.Sample.from_ink([s for s, i in zip(written.strokes, written.characters, strict=True) if i == 2]))
    kept = {entry.label: entry.image for entry in ana.entries()}["m"]
    assert kept is not None
    assert whole.image is not None
    np.testing.assert_array_equal(kept, whole.image)


@pytest.mark.parametrize(
    "text", ["1234 5678", "wholly other words", "x", "the red hat and how it flew away in the wind", "ñ" * 50]
)
def test_a_text_that_is_not_what_the_ink_shows_is_refused(ana: Writer, text: str) -> None:
    line = read(ana, TEXT)
    with pytest.raises(InputError, match="the text does not fit the ink") as error:
        ana.correct_line(line, text, new=True)
    assert len(text) < 3 or text not in str(error.value)
    assert ana.corrections == []


def test_a_wrong_word_in_a_right_line_is_doubtful(ana: Writer) -> None:
    done = ana.correct_line(read(ana, "the quick red fish"), "the quick cat fish")
    assert [tuple(one) for one in done.doubtful] == [(10, "c"), (11, "a"), (12, "t")]
    assert learned(done) == "thequickfish"
    assert taught(ana) == "".join(sorted("thequickfish"))


def test_a_missing_and_an_added_character(ana: Writer) -> None:
    more = ana.correct_line(read(ana, "the red hat"), "the redd hat")
    assert [one.label for one in more.doubtful] == ["d"]
    assert learned(more) == "theredhat"
    fewer = ana.correct_line(read(ana, "the red hat"), "the re hat")
    assert learned(fewer) == "therehat"


@pytest.mark.parametrize("text", ["", "   ", "a\nb", "\u0301a", 5])
def test_what_can_be_no_text_is_refused(ana: Writer, text: Any) -> None:
    with pytest.raises(InputError):
        ana.correct_line(read(ana, "hat"), text)
    assert ana.corrections == []


def test_new_labels_are_taught_only_when_asked_for(ana: Writer) -> None:
    line = read(ana, "the hat")
    with pytest.raises(UnknownLabel, match=r"'ñ'; teach it to this writer with new=True"):
        ana.correct_line(line, "the ñat")
    assert ana.corrections == []
    done = ana.correct_line(line, "the n\u0303at", new=True)
    assert [one.label for one in done.corrections] == list("theñat")
    assert ana.state.labels == ("ñ",)
    known = ana.correct_line(read(ana, "hat"), "ñat")  # it is the writer's own now
    assert [one.label for one in known.corrections] == list("ñat")


def test_a_correction_outside_the_alphabet_that_was_offered_is_refused(ana: Writer) -> None:
    line = read(ana, "234", alphabet="digits")
    with pytest.raises(UnknownLabel, match="'z'"):
        ana.correct_line(line, "z34")
    ana.correct_line(line, "234")
    assert {one.alphabet for one in ana.entries()} == {tuple("0123456789")}


def test_a_line_of_another_model_is_refused(ana: Writer, tmp_path: Path) -> None:
    from small import tiny_bundle

    other = Writer("ben", Recognizer(tiny_bundle(tmp_path / "tiny")), "memory")
    line = read(ana, "hat")
    with pytest.raises(MismatchError, match="another model"):
        other.correct_line(line, "hat", new=True)
    with pytest.raises(MismatchError, match="another model"):
        other.accept_line(line)


# --- left standing ---


def test_the_sure_characters_of_a_line_left_standing_are_learned_as_implicit(ana: Writer) -> None:
    line = read(ana, "little fish")
    done = ana.accept_line(line)
    assert done is not None
    sure = [one.label for one in line.characters if one.sureness >= 0.8]
    assert [one.label for one in done.corrections] == sure
    assert 0 < len(sure) < len(line.characters)
    assert all(one.implicit for one in ana.corrections)
    given = ana.correct_line(line, "little fish")
    assert not any(one.implicit for one in ana.corrections)
    assert ana.accept_line(line) is not None  # replaces nothing that was given
    assert {one.id for one in ana.corrections} == {one.id for one in given.corrections}


def test_nothing_is_learned_of_a_line_left_standing_where_that_is_switched_off() -> None:
    writer = Writer("ana", RECOGNIZER, implicit=False)
    assert writer.accept_line(read(writer, TEXT)) is None
    assert writer.corrections == []


def test_nothing_unsure_is_learned_of_a_line_left_standing(ana: Writer) -> None:
    x = np.linspace(0, 300, 200)
    joined = ana.read_line([np.stack([x, 20 * np.sin(x / 8)], axis=1)])
    assert joined.joined
    done = ana.accept_line(joined)
    assert done is not None
    assert done.corrections == ()
    below = ana.accept_line(read(ana, TEXT, threshold=1.0))
    assert below is not None
    assert below.corrections == ()


# --- a text of which the person said only a part ---


def said(writer: Writer) -> str:
    """The labels in the journal, sorted, those that were left standing after a colon."""
    parts = [sorted(one.label for one in writer.corrections if one.implicit is implicit) for implicit in (False, True)]
    return ":".join("".join(part) for part in parts)


def test_only_the_characters_that_are_vouched_for_are_learned_as_given(ana: Writer) -> None:
    line = read(ana, "hello world")
    assert line.text == "hello WOrld"
    done = ana.correct_line(line, "hello world", vouched=[6, 7])
    assert (learned(done), done.doubtful, said(ana)) == ("wo", (), "ow:")
    version = ana.live.store.versions([ana.live.key])
    assert ana.correct_line(line, "hello world", vouched={7, 6}) == done
    assert ana.live.store.versions([ana.live.key]) == version


def test_the_others_are_left_standing_where_they_were_read_so_and_surely(ana: Writer) -> None:
    line = read(ana, "hello world")
    sure = [one.label for one in line.characters if one.sureness >= 0.8 and one.label not in "WO"]
    assert sure
    done = ana.correct_line(line, "hello world", vouched=[6, 7], left_standing=True)
    assert said(ana) == "ow:" + "".join(sorted(sure))
    assert ana.correct_line(line, "hello world", vouched=[6, 7], left_standing=True) == done
    ana.correct_line(line, "hello World", vouched=[7], left_standing=True)  # other places replace what was learned before
    assert said(ana).startswith("o:")
    ana.correct_line(line, "hello WOrld", vouched=[], left_standing=True)  # also where nothing is given any more
    assert said(ana).startswith(":")
    ana.correct_line(line, "hello world")
    assert said(ana) == "dehllloorw:"


def test_nobody_left_a_character_standing_that_reads_otherwise(ana: Writer) -> None:
    line = read(ana, "hello world")
    ana.correct_line(line, "hello world", vouched=[0], left_standing=True)
    assert said(ana).startswith("h:")
    assert not set(said(ana)) & set("wW")


def test_a_threshold_or_a_switch_keeps_what_was_left_standing_from_being_learned(ana: Writer) -> None:
    ana.correct_line(read(ana, "hat", threshold=1.0), "hat", vouched=[0], left_standing=True)
    assert said(ana) == "h:"
    ben = Writer("ben", RECOGNIZER, implicit=False)
    ben.correct_line(read(ben, "hat"), "hat", vouched=[0], left_standing=True)
    assert said(ben) == "h:"


def test_what_nobody_vouches_for_is_not_doubtful_nor_an_unknown_label(ana: Writer) -> None:
    done = ana.correct_line(read(ana, "the quick red fish"), "the quick ñat fish", vouched=[0, 11])
    assert [tuple(one) for one in done.doubtful] == [(11, "a")]
    assert said(ana) == "t:"


HELLO = "hello world"
PLACES = st.sampled_from([place for place, point in enumerate(HELLO) if point != " "])


@settings(max_examples=20, deadline=None)
@given(steps=st.lists(st.tuples(st.sets(PLACES), st.booleans()), min_size=1, max_size=4))
def test_the_last_word_on_a_line_counts_whatever_was_said_before(steps: list[tuple[set[int], bool]]) -> None:
    ana, fresh = Writer("ana", RECOGNIZER), Writer("ana", RECOGNIZER)
    line = read(fresh, HELLO, id="line-1")
    steps = [(places, standing) for places, standing in steps if standing or places]
    for places, standing in steps:
        ana.correct_line(line, HELLO, vouched=places, left_standing=standing)
    for places, standing in steps[-1:]:
        fresh.correct_line(line, HELLO, vouched=places, left_standing=standing)
        assert said(ana).partition(":")[0] == "".join(sorted(HELLO[place] for place in places))
    assert said(ana) == said(fresh)


# --- what is kept ---


def test_images_and_words_are_kept_as_asked_for() -> None:
    writer = Writer("ana", RECOGNIZER, keep_images=False)
    line = read(writer, TEXT)
    writer.correct_line(line, TEXT, keep_words=True)
    assert all(one.image is None for one in writer.entries())
    assert writer.words == {"the": 1, "red": 1, "hat": 1}
    other = read(writer, "hat")
    writer.correct_line(other, "hat", keep_words=True)
    assert writer.words["hat"] == 2
    writer.undo(other.id)
    assert writer.forget_words(["red"]) == 1
    assert writer.words == {"the": 1, "hat": 1}
    writer.undo(line.id)
    assert writer.words == {}


def test_only_words_that_somebody_looked_at_are_kept() -> None:
    writer = Writer("ana", RECOGNIZER)
    writer.correct_line(read(writer, TEXT), TEXT, keep_words=True, vouched=[5], left_standing=True)
    assert writer.words == {"red": 1}


def test_in_shadow_the_base_reads_and_what_the_writer_taught_is_recorded() -> None:
    writer = Writer("ana", RECOGNIZER, shadow=True)
    before = read(writer, "hello world")
    writer.correct_line(before, "hello world")
    after = read(writer, "hello world")
    assert after.text == before.text == "hello WOrld"
    shown = [one.label for one in after.characters]
    assert [one.personal for one in after.characters] != shown
    assert "".join(one.personal for one in after.characters) == "helloworld"
    assert learned(writer.correct_line(after, "hello world")) == "helloworld"


def test_what_was_taught_reads_the_same_in_another_process(tmp_path: Path) -> None:
    path = tmp_path / "writers.db"
    with Writers(allograph.open_store(path), RECOGNIZER) as writers:
        ana = writers["ana"]
        done = ana.correct_line(read(ana, "hello world"), "hello world", keep_words=True)
        here = read(ana, "hello world")
    with Writers(allograph.open_store(path), RECOGNIZER) as writers:
        ana = writers["ana"]
        there = read(ana, "hello world")
        assert there.text == here.text == "hello world"
        np.testing.assert_allclose([c.sureness for c in there.characters], [c.sureness for c in here.characters], atol=1e-4)
        assert ana.words == {"hello": 1, "world": 1}
        why = " ".join(one.text for one in there.why().characters)
        assert why
        ana.undo(done.id)
        assert (ana.corrections, ana.words) == ([], {})


def test_why_names_the_corrections_that_decided(ana: Writer) -> None:
    done = ana.correct_line(read(ana, "hello world"), "hello world")
    why = read(ana, "hello world").why()
    named = {
        entry["id"]
        for one in why.characters
        for part in one.evidence.values()
        for entry in (part if isinstance(part, list) else [])
        if isinstance(entry, dict) and "correction" in entry
    }
    assert named
    assert named <= {one.id for one in done.corrections}
