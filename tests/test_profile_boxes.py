"""Boxes and doubts in profiles: exact in every store and file, checked where they come from outside, gone when taken back."""

from __future__ import annotations

import contextlib
import json
import math
from collections.abc import Callable, Generator
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from allograph.checks.store import ANA, BEN, MODEL, entry
from allograph.errors import FormatError, InputError, StorageError
from allograph.profiles import MemoryStore, Store, changes, open_store
from allograph.profiles.archive import pack, unpack
from allograph.profiles.journal import Contents, Entry, Key, check_doubt, corrections_of
from allograph.profiles.sql import SqlStore
from allograph.profiles.tables import CONTENT, journal
from allograph.samples.box import LONGEST_DEVICE, Box
from boxes import BOXES, DOUBTS
from small import allograph as run

NUMBERS = count()


@pytest.fixture
def store(store_url: str) -> Generator[Store]:
    with contextlib.closing(open_store(store_url)) as opened:
        yield opened


def said(entries: list[Entry]) -> list[tuple[str, Box | None, float]]:
    return [(one.id, one.box, one.doubt) for one in entries]


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.none() | BOXES, DOUBTS), min_size=1, max_size=4))
def test_every_box_comes_back_to_the_last_bit_from_every_store_and_file(
    store: Store, given: list[tuple[Box | None, float]]
) -> None:
    key = Key("default", f"w{next(NUMBERS)}")
    entries = [entry(str(i), box=box, doubt=doubt) for i, (box, doubt) in enumerate(given)]
    changes.record(store, key, entries, MODEL)
    contents = changes.contents(store, key)
    assert said(contents.entries) == said(unpack(pack(contents)).entries) == said(entries)
    assert [(row.box, row.doubt) for row in store.rows(key)] == given
    boxes = corrections_of(contents.entries).boxes
    assert (boxes is None) is all(box is None for box, _ in given)


def rewritten(blob: bytes, change: Callable[[dict[str, Any]], object]) -> bytes:
    """An archive whose record was changed by somebody."""
    size = int.from_bytes(blob[:8], "little")
    header = json.loads(blob[8 : 8 + size])
    record = json.loads(header["__metadata__"]["allograph"])
    change(record)
    header["__metadata__"]["allograph"] = json.dumps(record)
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + blob[8 + size :]


def archive(*entries: Entry) -> bytes:
    return pack(Contents([replace(one, time=1.0 + i) for i, one in enumerate(entries)], [], MODEL))


GOOD = {"left": 0, "top": 0, "right": 1, "bottom": 1, "unit": "device", "device": "", "baseline": None}


@pytest.mark.parametrize(
    ("box", "message"),
    [
        (GOOD | {"left": math.nan}, "finite"),
        (GOOD | {"bottom": math.inf}, "finite"),
        (GOOD | {"baseline": -math.inf}, "finite"),
        (GOOD | {"right": 2e9}, "at most 1e\\+09"),
        (GOOD | {"right": 10**400}, "at most 1e\\+09"),
        (GOOD | {"right": -1}, "ends before it begins"),
        (GOOD | {"top": "0"}, "numbers, not str"),
        (GOOD | {"top": True}, "numbers, not bool"),
        (GOOD | {"left": None}, "numbers, not NoneType"),
        (GOOD | {"unit": "inches" * 100}, "unit of a box is millimetres or device, not 'inchesin.{0,40}'$"),
        (GOOD | {"unit": ["device"]}, "unit of a box"),
        (GOOD | {"device": "x" * (LONGEST_DEVICE + 1)}, "at most 200 printable characters"),
        (GOOD | {"device": "a\x00b"}, "printable"),
        (GOOD | {"device": 7}, "printable"),
        (GOOD | {"depth": 1}, "and nothing else"),
        ({"left": 0}, "has left, top, right, bottom, unit, device, baseline"),
        ([0, 0, 1, 1], "and nothing else"),
        ("box", "and nothing else"),
        (False, "and nothing else"),
    ],
)
def test_what_is_no_box_in_an_archive_is_refused_by_name(box: object, message: str) -> None:
    blob = rewritten(archive(entry("1")), lambda record: record["models"][0]["entries"][0].update(box=box))
    with pytest.raises(FormatError, match=f"the file: the box of the correction '1'.*{message}"):
        unpack(blob, "the file")


@pytest.mark.parametrize("doubt", [-0.1, 1.1, math.nan, math.inf, True, None, "0", [0], 10**400])
def test_what_is_no_doubt_in_an_archive_is_refused_by_name(doubt: object) -> None:
    blob = rewritten(archive(entry("1")), lambda record: record["models"][0]["entries"][0].update(doubt=doubt))
    with pytest.raises(FormatError, match="the doubt of the correction '1' is a number from 0 to 1, not "):
        unpack(blob)
    assert [check_doubt(fine, "it") for fine in (0, 1, 0.5)] == [0.0, 1.0, 0.5]


@pytest.mark.parametrize("name", ["box", "doubt"])
def test_an_archive_that_lacks_one_is_refused(name: str) -> None:
    blob = rewritten(archive(entry("1")), lambda record: record["models"][0]["entries"][0].pop(name))
    with pytest.raises(FormatError, match=f"the correction '1' has no {name}"):
        unpack(blob)


def of_format_1(blob: bytes) -> bytes:
    """The archive as the release before writes it."""

    def change(record: dict[str, Any]) -> None:
        record["format"] = 1
        for plain in record["models"][0]["entries"]:
            del plain["box"], plain["doubt"]

    return rewritten(blob, change)


def test_an_archive_of_format_1_has_no_boxes_and_takes_none_away(store: Store) -> None:
    changes.record(store, ANA, [entry("1"), entry("2")], MODEL)
    newer = pack(changes.contents(store, ANA))
    older = of_format_1(newer)
    assert said(unpack(older).entries) == [("1", None, 0.0), ("2", None, 0.0)]
    assert changes.merge(store, ANA, unpack(older)) == (0, 0)
    assert pack(changes.contents(store, ANA)) == newer
    assert changes.merge(store, BEN, unpack(older)) == (2, 0)
    assert changes.merge(store, BEN, unpack(newer)) == (0, 0)  # nothing was taught, and yet the boxes are here now
    assert pack(changes.contents(store, BEN)) == newer


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(st.none() | BOXES, DOUBTS), min_size=3, max_size=3))
def test_journals_that_differ_only_in_box_and_doubt_merge_alike_in_any_order(given: list[tuple[Box | None, float]]) -> None:
    parts = [Contents([entry("1", time=1.0, box=box, doubt=doubt)], [], MODEL) for box, doubt in given]
    found = []
    for order in ((0, 1, 2), (2, 1, 0), (1, 0, 2, 1)):
        store = MemoryStore()
        for i in order:
            changes.merge(store, ANA, parts[i])
        found.append(said(changes.contents(store, ANA).entries))
    assert found[0] == found[1] == found[2]
    assert found[0][0][1:] in given
    assert (found[0][0][1] is None) is all(box is None for box, _ in given)


@pytest.mark.parametrize("act", ["undo", "forget", "relabel", "merge"])
def test_nothing_is_left_in_a_row_that_is_taken_back(lasting_url: str, act: str) -> None:
    with contextlib.closing(open_store(lasting_url)) as store:
        assert isinstance(store, SqlStore)
        changes.record(store, ANA, [entry("1"), entry("2", "b")], MODEL)
        if act == "undo":
            changes.undo(store, ANA, "2")
        elif act == "forget":
            changes.forget(store, ANA, "b", None)
        elif act == "relabel":
            changes.record(store, ANA, [changes.Relabel("2", "c", False, "x")], MODEL)
        else:
            theirs = MemoryStore()
            changes.merge(theirs, ANA, changes.contents(store, ANA))
            changes.undo(theirs, ANA, "2")
            changes.merge(store, ANA, changes.contents(theirs, ANA))
        with store._engine.begin() as connection:
            rows = connection.execute(sa.select(journal).where(journal.c.label.is_(None))).all()
            kept = connection.execute(sa.select(journal.c.box).where(journal.c.label.is_not(None))).scalars().all()
        assert {getattr(row, name) for row in rows for name in CONTENT} == {None}
        assert {row.id for row in rows} == {"2"}
        assert len(kept) == (2 if act == "relabel" else 1)
        assert store.erase(ANA)
        with store._engine.begin() as connection:
            assert connection.execute(sa.select(journal)).all() == []


@pytest.mark.parametrize(
    ("column", "value"), [("box", "{"), ("box", '{"left": 0}'), ("box", "[]"), ("doubt", 7.0), ("doubt", -1.0)]
)
def test_a_row_that_cannot_be_what_was_stored_is_damage(lasting_url: str, column: str, value: object) -> None:
    with contextlib.closing(open_store(lasting_url)) as store:
        assert isinstance(store, SqlStore)
        changes.record(store, ANA, [entry("1")], MODEL)
        with store._writer.begin() as connection:
            connection.execute(sa.update(journal).values({column: value}))
        for look in (store.entries, store.rows, store.tail, store.contents):
            with pytest.raises(StorageError, match="damaged"):
                look(ANA)


def test_numbers_of_numpy_are_the_same_as_pythons() -> None:
    import numpy as np

    one = Box(np.float32(0.5), np.int64(1), np.float64(2), 3, baseline=np.float32(2))  # type: ignore[arg-type]
    assert one == Box(0.5, 1, 2, 3, baseline=2)
    assert {type(number) for number in (one.left, one.top, one.right, one.bottom, one.baseline)} == {float}
    with pytest.raises(InputError, match="at most"):
        Box(0, 0, 10**400, 0)


def test_the_command_line_counts_boxes_and_doubts(tmp_path: Path) -> None:
    with contextlib.closing(open_store(tmp_path / "w.db")) as store:
        doubts = (0.0, 0.5, 0.6, 1.0)
        entries = [entry(str(i), doubt=doubt, image=None) for i, doubt in enumerate(doubts)]
        changes.record(store, ANA, [*entries, entry("old", box=None, doubt=0.0)], MODEL)
    shown = json.loads(run("writers", "show", "ana", "--store", "w.db", "--json", cwd=tmp_path).stdout)
    assert {name: shown[name] for name in ("corrections", "with an image", "with a box", "doubtful")} == {
        "corrections": 5,
        "with an image": 1,
        "with a box": 4,
        "doubtful": 2,
    }
    assert "with a box" in run("writers", "show", "ana", "--store", "w.db", cwd=tmp_path).stdout
