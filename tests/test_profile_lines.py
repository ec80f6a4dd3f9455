"""Lines in profiles: corrected as one, kept so that nobody can read them back, and the writer's own words beside them."""

from __future__ import annotations

import contextlib
import json
import sqlite3
from collections.abc import Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from allograph import Writers
from allograph.checks.store import ANA, BEN, LINE, MODEL, OTHER_LINE, OTHER_MODEL, entry
from allograph.errors import FormatError, InputError, MismatchError, StorageError, UnknownCorrection
from allograph.ink import ink_extent, ink_to_frame
from allograph.profiles import MemoryStore, Store, changes, open_store
from allograph.profiles.archive import pack, unpack
from allograph.profiles.changes import Relabel
from allograph.profiles.journal import Contents, Entry
from allograph.profiles.line_ids import LONGEST_LINE_ID, check_line_id, is_line_id, new_line_id
from allograph.profiles.sql import SqlStore
from allograph.profiles.sql_statements import BY_LINE
from allograph.profiles.tables import own_words
from allograph.profiles.words import LONGEST_WORD, Word, check_words
from allograph.samples.box import FARTHEST, Box
from boxes import BOXES
from test_profile_boxes import rewritten


@pytest.fixture
def store(store_url: str) -> Generator[Store]:
    with contextlib.closing(open_store(store_url)) as opened:
        yield opened


def line_of(text: str, **changes: Any) -> list[Entry]:
    """A line of samples, each of which is told by its place: another reading of it has other ids."""
    numbers = [entry(f"{i}", **changes) for i in range(len(text))]
    ids = np.random.default_rng().permutation(len(text)).tolist()
    return [replace(one, id=f"reading-{id}", label=label) for one, id, label in zip(numbers, ids, text, strict=True)]


def text_of(store: Store, line: str = LINE) -> str:
    """The labels of a line that stand, sorted."""
    return "".join(sorted(one.label for one in store.entries(ANA) if one.batch == line))


def said(entries: Sequence[Entry]) -> list[tuple[str, str]]:
    return [(one.id, one.label) for one in entries]


# --- what a line is ---


@pytest.mark.parametrize("image", [True, False])
def test_another_reading_of_a_line_counts_once_and_another_text_replaces_it(store: Store, image: bool) -> None:
    kept: dict[str, Any] = {} if image else {"image": None}
    first = changes.record_line(store, ANA, LINE, line_of("hello", **kept), None, MODEL).entries
    version = store.versions([ANA])
    nearly = [replace(one, doubt=0.75, outputs=replace(one.outputs, embeddings=one.outputs.embeddings + 1e-6)) for one in first]
    again = changes.record_line(store, ANA, LINE, nearly, None, MODEL).entries
    assert again == first
    assert store.versions([ANA]) == version
    third = changes.record_line(store, ANA, LINE, line_of("hallo", answer="z", **kept), None, MODEL).entries
    assert text_of(store) == "ahllo"
    assert [one.id for one in third] == [one.id for one in first]  # of the same samples
    assert {one.answer for one in third} == {"c"}  # from before either
    assert [one.doubt == 0 for one in third] == [False, True, False, False, False]
    assert len(changes.contents(store, ANA).tombstones) == 5
    fewer = changes.record_line(store, ANA, LINE, line_of("hal", **kept), None, MODEL).entries
    assert (text_of(store), [one.id for one in fewer]) == ("ahl", [one.id for one in first[:3]])
    assert changes.record_line(store, ANA, LINE, [], None, MODEL).entries == []
    assert text_of(store) == ""


def test_samples_that_look_alike_each_count(store: Store) -> None:
    dots = [entry("1", "."), replace(entry("1", "."), id="2"), replace(entry("1", ","), id="3")]
    done = changes.record_line(store, ANA, LINE, dots, None, MODEL).entries
    assert len({one.id for one in done}) == 3
    version = store.versions([ANA])
    assert [one.label for one in changes.record_line(store, ANA, LINE, dots[::-1], None, MODEL).entries] == [",", ".", "."]
    assert store.versions([ANA]) == version
    changes.record_line(store, ANA, LINE, dots[:2], None, MODEL)
    assert text_of(store) == ".."


def test_what_is_left_standing_replaces_nothing_that_was_given(store: Store) -> None:
    implicit = changes.record_line(store, ANA, LINE, line_of("helio", implicit=True), None, MODEL).entries
    assert {one.implicit for one in implicit} == {True}
    given = changes.record_line(store, ANA, LINE, line_of("hello"), {"hello"}, MODEL).entries
    assert {one.implicit for one in store.entries(ANA)} == {False}
    version = store.versions([ANA])
    assert {one.id for one in changes.record_line(store, ANA, LINE, line_of("helio", implicit=True), None, MODEL).entries} == {
        one.id for one in given
    }
    assert store.versions([ANA]) == version
    assert store.words(ANA) == {"hello": 1}


def test_one_correction_of_a_line_can_be_undone_and_relabelled(store: Store) -> None:
    done = changes.record_line(store, ANA, LINE, line_of("hello"), {"hello"}, MODEL).entries
    changes.record_line(store, ANA, OTHER_LINE, line_of("two"), {"two"}, MODEL)
    changes.record(store, ANA, [entry("alone")], MODEL)
    (again,) = changes.record(store, ANA, [Relabel(done[1].id, "a", False, "ordinary")], MODEL).entries
    assert (again.id, again.batch, again.label) == (done[1].id, LINE, "a")
    assert (text_of(store), store.words(ANA)) == ("ahllo", {"two": 1})
    changes.record(store, ANA, [replace(entry("1", "e", box=Box(500, 0, 501, 1)), id=done[1].id)], MODEL)
    assert text_of(store) == "ehllo"
    assert {one.box.left for one in store.entries(ANA) if one.box and is_line_id(one.batch)} == {0.0}
    changes.undo(store, ANA, done[4].id)
    assert text_of(store) == "ehll"
    with pytest.raises(UnknownCorrection):
        changes.undo(store, ANA, done[4].id)
    for _ in range(2):  # the whole line again
        assert len(changes.record_line(store, ANA, LINE, line_of("hello"), None, MODEL).entries) == 5
        assert text_of(store) == "ehllo"
    changes.undo(store, ANA, LINE)
    assert (text_of(store), text_of(store, OTHER_LINE), len(store.entries(ANA))) == ("", "otw", 4)
    with pytest.raises(UnknownCorrection):
        changes.undo(store, ANA, LINE)
    with pytest.raises(UnknownCorrection):  # the batch of a correction by itself is no line
        changes.undo(store, ANA, store.entries(ANA)[-1].batch + "x")


def test_a_line_that_is_sent_several_times_at_once_counts_once(store: Store) -> None:
    with ThreadPoolExecutor(4) as pool:
        done = list(pool.map(lambda _: changes.record_line(store, ANA, LINE, line_of("tobe"), ["to"], MODEL), range(8)))
    assert {tuple(said(one.entries)) for one in done} == {tuple(said(done[0].entries))}
    assert (text_of(store), store.words(ANA), store.taken_back(ANA)) == ("beot", {"to": 1}, 0)


def test_a_writer_who_forgot_a_word_is_not_learned_anew(store: Store) -> None:
    writers = Writers(store, adapter="lookup")
    model = writers.pipeline.recognizer.bundle.model_hash
    images = writers.pipeline.recognizer.bundle.styles.medoids[:4]  # type: ignore[union-attr]
    readings = writers["ana"].read(list(images))
    entries = [
        Entry(one.id, label, False, 0.0, one.base, one.personal, None, one.outputs, one.image, model, "", box=one.box)
        for one, label in zip(readings, "tobe", strict=True)
    ]
    changes.record_line(store, ANA, LINE, entries, ["to", "be"], model)
    ana = writers["ana"]
    before = ana.corrections, ana.state.to_bytes(ana.adapter)
    learned = ana.live.up_to_date().state
    changes.forget_words(store, ANA, ["to"])
    assert ana.live.up_to_date().state is learned
    assert (ana.corrections, ana.state.to_bytes(ana.adapter)) == before
    changes.undo(store, ANA, LINE)
    assert ana.corrections == []


def test_an_ordinary_batch_is_no_line(store: Store) -> None:
    changes.record(store, ANA, [entry("1", batch="0123456789abcdef"), entry("2", batch="0123456789abcdef")], MODEL)
    with pytest.raises(UnknownCorrection):
        changes.undo(store, ANA, "0123456789abcdef")
    assert len(store.entries(ANA)) == 2


def test_a_line_is_for_the_profiles_model_and_all_or_nothing(store: Store) -> None:
    assert changes.record_line(store, ANA, LINE, [], {"a"}, MODEL).entries == []
    assert store.versions([ANA]) == [None]
    changes.record_line(store, ANA, LINE, line_of("ab"), {"ab"}, MODEL)
    with pytest.raises(MismatchError):
        changes.record_line(store, ANA, LINE, line_of("ab", model_hash=OTHER_MODEL), None, OTHER_MODEL)
    for line, texts in ((LINE, {"a b"}), ("another", {"a"})):
        with pytest.raises(InputError):
            changes.record_line(store, ANA, line, line_of("xy"), texts, MODEL)
    assert (text_of(store), store.words(ANA)) == ("ab", {"ab": 1})


@pytest.mark.parametrize("wrong", ["", "line-", "line", "0123456789abcdef", "line-" + 12 * "x", "LINE-1", "line-\x00", None, 7])
def test_what_is_no_id_of_a_line_is_refused(wrong: object) -> None:
    with pytest.raises(InputError, match="line"):
        check_line_id(wrong)
    ids = {new_line_id() for _ in range(50)}
    assert len(ids) == 50
    assert {check_line_id(id) for id in ids} == ids
    assert {len(id) for id in ids} == {LONGEST_LINE_ID}
    assert not is_line_id(changes.__name__)


def test_a_line_is_found_by_its_index(lasting_url: str) -> None:
    with contextlib.closing(open_store(lasting_url)) as store:
        assert isinstance(store, SqlStore)
        changes.record_line(store, ANA, LINE, line_of("ab"), None, MODEL)
        with store._engine.connect() as connection:
            explain = "EXPLAIN QUERY PLAN" if connection.dialect.name == "sqlite" else "EXPLAIN"
            if explain == "EXPLAIN":
                connection.execute(sa.text("SET LOCAL enable_seqscan = off"))
            statement = str(BY_LINE.compile(connection)).replace("%(profile)s", ":profile").replace("%(line)s", ":line")
            statement = statement.replace("%(profile)s::BIGINT", ":profile").replace("%(line)s::VARCHAR", ":line")
            for name, value in (("?", "1"), ("?", f"'{LINE}'"), (":profile", "1"), (":line", f"'{LINE}'")):
                statement = statement.replace(name, value, 1)
            plan = connection.execute(sa.text(f"{explain} {statement}")).all()
        assert "allograph_journal_line" in str(plan), statement


# --- what nobody can read back ---


def order_told(numbers: Sequence[Any]) -> float:
    """How far something that is known of each character of a line, in the line's order, rises (1) or falls (−1) along it."""
    ranks = np.array([sorted(numbers).index(number) for number in numbers], np.float64)
    return 0.0 if np.ptp(ranks) == 0 else float(np.corrcoef(ranks, np.arange(len(ranks)))[0, 1])


def last_bit(number: float) -> int:
    """How many binary places a number has: a difference of large numbers has few."""
    return number.as_integer_ratio()[1].bit_length()


@pytest.fixture(scope="module")
def written(shared: Path) -> list[list[Entry]]:
    """Real lines in the order in which they were written, each character with its image and its box."""
    with np.load(shared / "data" / "unipen_lines.npz") as file:
        names = ("points", "stroke_start", "stroke_character", "line_start", "texts", "splits", "millimetres")
        points, strokes, characters, lines, texts, splits, known = (file[name] for name in names)
    found = []
    for i in np.flatnonzero((splits == "train") & known):
        text = str(texts[i]).replace(" ", "")
        if len(text) < 18:
            continue
        entries = []
        for place, label in enumerate(text):
            mine = lines[i] + np.flatnonzero(characters[lines[i] : lines[i + 1]] == place)
            paths = tuple(points[strokes[j] : strokes[j + 1]].astype(np.float64) for j in mine)
            left, top, right, bottom = ink_extent(paths)
            image = ink_to_frame(paths, "mnist", "the ink")
            entries.append(entry("1", label, image=image, box=Box(left + 100, top, right + 100, bottom, "millimetres")))
        found.append(entries)
        if len(found) == 16:
            break
    return found


def features(one: Entry, place: int) -> dict[str, Any]:
    """What somebody who wants to know where in its line a character stood would look at."""
    assert one.box is not None
    bits = {f"bits of {name}": last_bit(getattr(one.box, name)) for name in ("width", "top", "bottom")}
    return {"place": place, "seq": one.seq, "time": one.time, "id": one.id, "left": one.box.left, **bits}


def assert_no_order(lines: list[list[Entry]], stored: list[Entry]) -> None:
    """Of each line, as it was written, and all that is stored."""
    told: dict[str, list[float]] = {}
    for number, line in enumerate(lines):
        mine = [one for one in stored if one.batch == f"line-{number}"]
        by_image = {one.image.tobytes(): features(one, i) for i, one in enumerate(mine) if one.image is not None}
        pixels = [one.image.tobytes() for one in line if one.image is not None]
        assert sorted(pixels) == sorted(one.image.tobytes() for one in mine if one.image is not None)
        in_order = [by_image[image] for image in pixels if pixels.count(image) == 1]
        for name in in_order[0]:
            told.setdefault(name, []).append(order_told([one[name] for one in in_order]))
    means = {name: float(np.mean(values)) for name, values in told.items()}
    assert {name: mean for name, mean in means.items() if abs(mean) > 0.35} == {}


def test_nobody_reads_a_line_back_from_a_store_an_export_or_a_dump(written: list[list[Entry]], tmp_path: Path) -> None:
    raw = np.mean([order_told([last_bit(one.box.width) for one in line if one.box]) for line in written])
    assert abs(raw) > 0.5  # as it would be told
    with contextlib.closing(open_store(tmp_path / "w.db")) as store:
        for known in (0.3, 0.6, 1.0):  # corrected from left to right
            for number, line in enumerate(written):
                right = [one if i < known * len(line) else replace(one, label="?") for i, one in enumerate(line)]
                changes.record_line(store, ANA, f"line-{number}", right, None, MODEL)
        assert_no_order(written, store.entries(ANA))
        exported = unpack(pack(changes.contents(store, ANA)))
        assert_no_order(written, [replace(one, seq=i) for i, one in enumerate(exported.entries)])
        other = MemoryStore()
        changes.merge(other, BEN, exported)
        assert_no_order(written, other.entries(BEN))
    with contextlib.closing(sqlite3.connect(tmp_path / "w.db")) as connection:
        columns = "rowid, seq, id, time, batch, label, image, box"
        rows = connection.execute(f"SELECT {columns} FROM allograph_journal WHERE label IS NOT NULL ORDER BY rowid").fetchall()
        dump = "\n".join(connection.iterdump())
    dumped = []
    for rowid, _, id, time, batch, label, image, box in rows:
        pixels = np.frombuffer(image, np.uint8).reshape(28, 28)
        dumped.append(
            replace(entry("1", label), id=id, time=time, batch=batch, seq=rowid, image=pixels, box=Box(**json.loads(box)))
        )
    assert_no_order(written, dumped)
    told = []
    for line in written:  # nor do they follow one another in the dump's text
        places = [dump.find(one.image.tobytes().hex().upper()) for one in line if one.image is not None]
        assert -1 not in places
        told.append(order_told(places))
    assert abs(np.mean(told)) < 0.35


COARSE = st.integers(-1_000_000, 1_000_000).map(lambda number: number / 8)


@settings(deadline=None)
@given(st.lists(COARSE, min_size=2, max_size=2), st.lists(COARSE, min_size=2, max_size=2), st.none() | COARSE, COARSE, COARSE)
def test_a_box_at_the_origin_is_the_same_wherever_it_was(
    x: list[float], y: list[float], baseline: float | None, right: float, down: float
) -> None:
    (left, end), (top, bottom) = sorted(x), sorted(y)
    box = Box(left, top, end, bottom, "millimetres", "pen", baseline)
    moved_line = None if baseline is None else baseline + down
    moved = Box(left + right, top + down, end + right, bottom + down, "millimetres", "pen", moved_line)
    assert box.at_origin() == moved.at_origin()
    largest = max(box.width, abs(top - (top if baseline is None else baseline)), abs(bottom - (baseline or 0)), box.height)
    assert box.at_origin().height == pytest.approx(box.height, abs=largest / 500)


@settings(deadline=None)
@given(BOXES)
def test_every_box_has_one_at_the_origin_that_stays(box: Box) -> None:
    there = box.at_origin()
    assert there.at_origin() == there
    assert (there.left, there.baseline) == (0.0, None if box.baseline is None else 0.0)
    assert (there.unit, there.device) == (box.unit, box.device)
    assert there.top == 0 or box.baseline is not None
    assert -FARTHEST <= there.top <= there.bottom <= FARTHEST


# --- the writer's own words ---


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ("word", "list of strings, not str"),
        (7, "list of strings, not int"),
        ([""], "1–64 characters"),
        (["x" * (LONGEST_WORD + 1)], "1–64 characters; this one has 65"),
        (["two words"], "white space"),
        (["a\u00a0b"], "white space"),
        (["a\x00"], "control"),
        (["\ud800"], "surrogate"),
        (["fine", 7], "a word is a string, not int"),
    ],
)
def test_what_is_no_word_is_refused_and_not_repeated(wrong: Any, message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        check_words(wrong)
    assert "xxx" not in str(caught.value)
    assert check_words(["e\u0301t\u00e9", "\u00e9t\u00e9", "don’t", "می‌خواهم", "😀"]) == {"été", "don’t", "می‌خواهم", "😀"}


def test_words_stay_with_the_same_line_and_change_when_others_are_given(store: Store) -> None:
    changes.record_line(store, ANA, LINE, line_of("tobe"), None, MODEL)
    assert store.words(ANA) == {}
    changes.record_line(store, ANA, LINE, line_of("tobe"), ["to", "be", "to"], MODEL)
    assert store.words(ANA) == {"be": 1, "to": 1}
    version = store.versions([ANA])
    for same in (None, {"be", "to"}):
        changes.record_line(store, ANA, LINE, line_of("tobe"), same, MODEL)
        assert (store.versions([ANA]), store.words(ANA)) == (version, {"be": 1, "to": 1})
    assert changes.record_line(store, ANA, LINE, line_of("tobe"), [], MODEL)
    assert (text_of(store), store.words(ANA)) == ("beot", {})
    changes.record_line(store, ANA, LINE, line_of("tobe"), ["to", "be"], MODEL)
    changes.record_line(store, ANA, LINE, line_of("tone"), None, MODEL)
    assert (text_of(store), store.words(ANA)) == ("enot", {})


def test_words_are_forgotten_since_a_time_with_a_label_or_by_themselves(store: Store) -> None:
    changes.record_line(store, ANA, LINE, line_of("tobe"), ["to", "be"], MODEL)
    late = changes.record_line(store, ANA, OTHER_LINE, line_of("tosee"), ["to", "see"], MODEL).entries
    assert changes.forget_words(store, ANA, ["see", "nowhere"]) == 1
    assert store.words(ANA) == {"be": 1, "to": 2}
    assert changes.forget(store, ANA, None, min(one.time for one in late)) == 5
    assert store.words(ANA) == {"be": 1, "to": 1}
    assert changes.forget(store, ANA, "b", None) == 1
    assert store.words(ANA) == {}
    changes.record_line(store, ANA, LINE, line_of("tobe"), ["to", "be"], MODEL)
    assert changes.forget_words(store, ANA) == 2
    assert changes.forget_words(store, ANA) == 0
    assert changes.forget_words(store, BEN) == 0
    with pytest.raises(InputError):
        changes.forget_words(store, ANA, "be")


@pytest.mark.parametrize("act", ["forget words", "undo", "relabel", "replace", "forget", "merge", "erase"])
def test_nothing_is_left_in_the_table_of_words(lasting_url: str, act: str) -> None:
    with contextlib.closing(open_store(lasting_url)) as store:
        assert isinstance(store, SqlStore)
        done = changes.record_line(store, ANA, LINE, line_of("tobe"), ["SECRETWORD"], MODEL).entries
        changes.record_line(store, BEN, LINE, line_of("tobe"), ["kept"], MODEL)
        theirs = MemoryStore()
        changes.merge(theirs, ANA, changes.contents(store, ANA))
        if act == "forget words":
            changes.forget_words(store, ANA, ["SECRETWORD"])
        elif act == "undo":
            changes.undo(store, ANA, done[0].id)
        elif act == "relabel":
            changes.record(store, ANA, [Relabel(done[0].id, "x", False, "y")], MODEL)
        elif act == "replace":
            changes.record_line(store, ANA, LINE, line_of("tone"), None, MODEL)
        elif act == "forget":
            changes.forget(store, ANA, "o", None)
        elif act == "merge":
            changes.undo(theirs, ANA, LINE)
            changes.merge(store, ANA, changes.contents(theirs, ANA))
        else:
            store.erase(ANA)
        with store._engine.begin() as connection:
            rows = connection.execute(sa.select(own_words.c.line, own_words.c.word)).all()
        assert sorted(rows, key=str) == [(LINE, "kept")] + [(None, None)] * (act != "erase")


def test_a_word_that_cannot_be_what_was_stored_is_damage(lasting_url: str) -> None:
    with contextlib.closing(open_store(lasting_url)) as store:
        assert isinstance(store, SqlStore)
        changes.record_line(store, ANA, LINE, line_of("tobe"), ["to"], MODEL)
        with store._writer.begin() as connection:
            connection.execute(sa.update(own_words).values(line=None))
        for look in (store.words, store.contents):
            with pytest.raises(StorageError, match="damaged"):
                look(ANA)


STEP = st.one_of(
    st.tuples(st.just("line"), st.sampled_from("01"), st.sampled_from(["ab", "abc", "cab", "aab"])),
    st.tuples(st.just("words"), st.sampled_from("01"), st.sampled_from(["ab", "cab"])),
    st.tuples(st.just("undo"), st.sampled_from("01"), st.just("")),
    st.tuples(st.just("undo one"), st.sampled_from("01"), st.sampled_from("abc")),
    st.tuples(st.just("relabel"), st.sampled_from("01"), st.sampled_from("abc")),
    st.tuples(st.just("forget"), st.just(""), st.sampled_from("abc")),
    st.tuples(st.just("forget words"), st.just(""), st.sampled_from("abc")),
)
STEPS = st.lists(STEP, max_size=7)


def walk(store: Store, steps: list[tuple[str, str, str]], of: str = "") -> Store:
    """Take steps; `of` tells lines of one device from those of another."""
    for what, number, text in steps:
        line = f"line-{of}{number}"
        one = next((one for one in store.entries(ANA) if one.batch == line and one.label == text), None)
        if what in ("line", "words"):
            changes.record_line(store, ANA, line, line_of(text), set(text) if what == "words" else None, MODEL)
        elif what == "undo":
            with contextlib.suppress(UnknownCorrection):
                changes.undo(store, ANA, line)
        elif what == "undo one" and one:
            changes.undo(store, ANA, one.id)
        elif what == "relabel" and one:
            changes.record(store, ANA, [Relabel(one.id, "d", False, "x")], MODEL)
        elif what == "forget":
            changes.forget(store, ANA, text, None)
        elif what == "forget words":
            changes.forget_words(store, ANA, [text])
    return store


@settings(deadline=None, max_examples=15)
@given(STEPS)
def test_every_store_does_the_same_with_lines(steps: list[tuple[str, str, str]]) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder, contextlib.closing(open_store(Path(folder) / "s.db")) as lasting:
        found = []
        for store in (MemoryStore(), lasting):
            walk(store, steps)
            lines = sorted((one.batch, one.label) for one in store.entries(ANA))
            marks = len(changes.contents(store, ANA).words) if store.versions([ANA])[0] else 0
            found.append(
                (
                    lines,
                    store.words(ANA),
                    marks,
                    store.taken_back(ANA),
                    [version and version[1:] for version in store.versions([ANA])],
                )
            )
        assert found[0] == found[1]
        lines_with_words = {word.line for word in lasting.contents(ANA).words if word.line} if found[1][4] != [None] else set()
        assert lines_with_words <= {batch for batch, _ in found[1][0]}


def joined(*parts: Contents) -> tuple[bytes, dict[str, int]]:
    store = MemoryStore()
    for part in parts:
        changes.merge(store, ANA, part)
    return pack(changes.contents(store, ANA)), store.words(ANA)


@settings(deadline=None, max_examples=60)
@given(STEPS, STEPS, STEPS)
def test_lines_and_words_merge_to_the_same_in_any_order_and_twice(first: list, second: list, third: list) -> None:  # type: ignore[type-arg]
    begun = [("words", "0", "ab"), ("words", "1", "cab")]
    a = changes.contents(walk(MemoryStore(), begun + first), ANA)
    others = []
    for of, steps in (("p", second), ("q", third)):
        store = MemoryStore()
        changes.merge(store, ANA, a)
        walk(store, [step for step in steps if step[0] not in ("line", "words")])  # of the lines of both
        walk(store, steps, of)
        others.append(changes.contents(store, ANA))
    b, c = others
    assert joined(a, b, c) == joined(c, b, a) == joined(b, a, c, b, a)
    assert joined(b, a) == joined(a, b)
    for side in (b, c):
        gone = {word.id for word in side.words if not word.line}
        found = {word.id for word in unpack(joined(a, b, c)[0]).words if word.line}
        assert not found & gone
        assert found <= {word.id for one in (a, b, c) for word in one.words if word.line}


# --- archives ---


def test_a_profile_without_words_is_one_that_the_release_before_reads(store: Store) -> None:
    changes.record_line(store, ANA, LINE, line_of("tobe"), None, MODEL)
    blob = pack(changes.contents(store, ANA))
    assert rb"\"format\": 2," in blob
    assert b"words" not in blob
    assert pack(unpack(blob)) == blob
    changes.record_line(store, ANA, LINE, line_of("tobe"), ["to"], MODEL)
    changes.forget_words(store, ANA)
    blob = pack(changes.contents(store, ANA))
    assert rb"\"format\": 3," in blob  # else the mark would be lost, and the word come back
    assert pack(unpack(blob)) == blob
    assert changes.merge(store, BEN, unpack(blob)) == (4, 0)
    assert changes.contents(store, BEN).words == changes.contents(store, ANA).words
    blob = pack(changes.contents(store, BEN))
    assert changes.merge(store, BEN, unpack(blob)) == (0, 0)
    assert pack(changes.contents(store, BEN)) == blob


GOOD = ["id", LINE, "to"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (None, "words is no list"),
        ("to", "words is no list"),
        (["to"], "an id, a line and a text"),
        ([["id", LINE]], "an id, a line and a text"),
        ([GOOD, GOOD], "the id 'id' comes twice"),
        ([[7, LINE, "to"]], "the id of a word"),
        ([["id", None, "to"]], "line"),
        ([["id", LINE, None]], "a word is a string"),
        ([["id", "batch", "to"]], "the id of a line"),
        ([["id", [LINE], ["to"]]], "line"),
        ([["id", LINE, "to be"]], "white space"),
        ([["id", LINE, "e\u0301"]], "NFC"),
        ([["id", LINE, "x" * 65]], "1–64"),
    ],
)
def test_what_are_no_words_in_an_archive_is_refused(words: object, message: str) -> None:
    one = replace(entry("1", batch=LINE), time=1.0)
    blob = rewritten(pack(Contents([one], [], MODEL, [Word(*GOOD)])), lambda record: record.update(words=words))
    with pytest.raises(FormatError, match=f"the file: .*{message}"):
        unpack(blob, "the file")
    lacking = rewritten(blob, lambda record: record.pop("words"))
    with pytest.raises(FormatError, match="no words"):
        unpack(lacking)


def test_words_without_their_line_are_not_kept() -> None:
    store = MemoryStore()
    contents = Contents([replace(entry("1"), time=1.0)], [], MODEL, [Word(*GOOD)])
    assert changes.merge(store, ANA, contents) == (1, 0)
    assert list(changes.contents(store, ANA).words) == [Word("id", None, None)]
