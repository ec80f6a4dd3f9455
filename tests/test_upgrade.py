"""Tables of an older release are renewed while its processes, which do not know the new columns, go on writing and reading."""

from __future__ import annotations

import contextlib
import multiprocessing
import threading
import time
from collections.abc import Callable
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from allograph.checks.store import MODEL, entry
from allograph.errors import StorageError, UnknownCorrection
from allograph.profiles import changes, open_store, upgrade
from allograph.profiles.database import Database, connect
from allograph.profiles.journal import Key
from allograph.profiles.sql import SqlStore
from allograph.profiles.tables import CONTENT, journal, own_words
from allograph.profiles.upgrade import GIVE_WAY, make_tables

NAMES = ("w0", "w1")
LACKS = {"0002": ("box", "doubt"), "0003": ()}
"""The columns that releases before this one do not know, by their newest migrations."""
FIND = sa.text("SELECT profile, head FROM allograph_profiles WHERE tenant = 'default' AND name = :name")
HOLD = sa.text(f"{FIND.text} FOR UPDATE")
ADVANCE = sa.text("UPDATE allograph_profiles SET head = :seq, time = :time WHERE profile = :profile")


class OldRelease:
    """A process of a release of which this is the newest migration: the statements that it sends, column by column."""

    def __init__(self, url: str, newest: str = "0002") -> None:
        self.database = connect(url)
        self.columns = [column.name for column in journal.columns if column.name not in LACKS[newest]]
        names, values = ", ".join(self.columns), ", ".join(f":{name}" for name in self.columns)
        blank = ", ".join(f"{name} = NULL" for name in CONTENT if name not in LACKS[newest])
        its = "WHERE profile = :profile"
        self.append = sa.text(f"INSERT INTO allograph_journal ({names}) VALUES ({values})")
        self.blank = sa.text(f"UPDATE allograph_journal SET {blank} {its} AND seq = :seq")
        self.standing = sa.text(f"SELECT {names} FROM allograph_journal {its} AND label IS NOT NULL ORDER BY seq DESC")

    def correct(self, name: str, id: str) -> None:
        """Append a row."""
        with self.database.writing.begin() as connection:
            self._append(connection, name, id, 1e9, sample(id))

    def undo_newest(self, name: str) -> str | None:
        """Blank the newest row that stands, whichever release wrote it; returns its id."""
        with self.database.writing.begin() as connection:
            profile, _ = self._hold(connection, name)
            row = connection.execute(self.standing, {"profile": profile}).first()
            if row is None:
                return None
            connection.execute(self.blank, {"profile": profile, "seq": row.seq})
            self._append(connection, name, row.id, 1e9, {"undoes": row.seq})
        return str(row.id)

    def erase(self, name: str) -> None:
        """Remove all rows of a writer that it knows of."""
        with self.database.writing.begin() as connection:
            profile, _ = self._hold(connection, name)
            for table in ("states", "journal", "profiles"):
                connection.execute(sa.text(f"DELETE FROM allograph_{table} WHERE profile = :profile"), {"profile": profile})

    def rewrite(self, name: str, without: str) -> None:
        """Replace the journal, as an import does, by what stands but for one batch."""
        with self.database.writing.begin() as connection:
            profile, head = self._hold(connection, name)
            rows = [row for row in connection.execute(self.standing, {"profile": profile}).mappings() if row["batch"] != without]
            connection.execute(sa.text("DELETE FROM allograph_journal WHERE profile = :profile"), {"profile": profile})
            kept = [{**row, "seq": head + 1 + i} for i, row in enumerate(rows)]
            connection.execute(self.append, kept)
            anew = "UPDATE allograph_profiles SET edition = edition + 1, head = :head WHERE profile = :profile"
            connection.execute(sa.text(anew), {"profile": profile, "head": head + len(kept)})

    def read(self, name: str) -> int:
        """Look at what there is to learn."""
        with self.database.reading.begin() as connection:
            profile = connection.execute(FIND, {"name": name}).one().profile
            return len(connection.execute(self.standing, {"profile": profile}).all())

    def _hold(self, connection: Connection, name: str) -> tuple[int, int]:
        found = connection.execute(HOLD if connection.dialect.name == "postgresql" else FIND, {"name": name}).one()
        return found.profile, found.head

    def _append(self, connection: Connection, name: str, id: str, time: float, values: dict[str, Any]) -> None:
        profile, head = self._hold(connection, name)
        place = {"profile": profile, "seq": head + 1, "time": time + head}
        connection.execute(self.append, {**dict.fromkeys(self.columns), **values, **place, "id": id})
        connection.execute(ADVANCE, place)


def sample(id: str) -> dict[str, Any]:
    """What the old release stores of a sample."""
    one = entry(id)
    assert one.image is not None
    arrays = {name.rstrip("s") if name == "embeddings" else name: array for name, array in one.outputs.arrays.items()}
    said = {name: getattr(one, name) for name in ("label", "implicit", "base", "answer", "model_hash", "batch")}
    blobs = {name: None if array is None else array.tobytes() for name, array in arrays.items()}
    return {**said, **blobs, "image": one.image.tobytes()}


def make_old_tables(url: str, newest: str = "0002") -> Database:
    """The tables as the old release leaves them, with the writers' rows."""
    database = connect(url)
    with database.writing.begin() as connection:
        make_tables(connection, newest)
        for name in NAMES:
            profile = {"tenant": "default", "name": name, "model_hash": MODEL, "edition": 0, "head": 0, "time": 0.0}
            keys = ", ".join(profile)
            values = ", ".join(f":{key}" for key in profile)
            connection.execute(sa.text(f"INSERT INTO allograph_profiles ({keys}) VALUES ({values})"), profile)
    return database


def say(acts: Path, what: str) -> None:
    """Note an act that is done."""
    with acts.open("a") as file:
        file.write(f"{what}\n")


def work_as_before(url: str, number: int, acts: Path, ends: Event) -> None:
    """Correct, read and take back as the old release does, and say of each act that it is done."""
    old = OldRelease(url)
    for i in range(100_000):
        if ends.is_set():
            break
        name = NAMES[i % len(NAMES)]
        old.correct(name, f"old-{number}-{i}")
        say(acts, f"+ {name} old-{number}-{i}")
        old.read(name)
        if i % 4 == 3 and (undone := old.undo_newest(name)):
            say(acts, f"- {name} {undone}")
    say(acts, "well")


def work_anew(url: str, number: int, acts: Path, ends: Event) -> None:
    """Renew the tables, and do the same as this release does."""
    with contextlib.closing(open_store(url)) as store:
        say(acts, "renewed")
        for i in range(100_000):
            if ends.is_set():
                break
            key, id = Key("default", NAMES[i % len(NAMES)]), f"new-{number}-{i}"
            changes.record(store, key, [entry(id)], MODEL)
            say(acts, f"+ {key.name} {id}")
            store.entries(key)
            if i % 4 == 3:
                with contextlib.suppress(UnknownCorrection):  # the old release may have taken it back already
                    changes.undo(store, key, id)
                say(acts, f"- {key.name} {id}")
    say(acts, "well")


@pytest.mark.slow
def test_old_processes_go_on_while_new_ones_renew_the_tables(lasting_url: str, tmp_path: Path) -> None:
    make_old_tables(lasting_url).close()  # of 0002, and so through all migrations since
    fork = multiprocessing.get_context("fork")
    ends, started = fork.Event(), []
    noted = [tmp_path / f"acts-{number}" for number in range(4)]
    for number, (work, acts) in enumerate(zip([work_as_before] * 2 + [work_anew] * 2, noted, strict=True)):
        acts.touch()
        process = fork.Process(target=work, args=(lasting_url, number, acts, ends), daemon=True)
        process.start()
        started.append(process)
        if number == 1:
            wait_for_acts(noted[:2], 10)  # the old ones are under load before the new ones come
    wait_for_acts(noted, 40)
    ends.set()
    for process in started:
        process.join(30)
    said = [acts.read_text().splitlines() for acts in noted]
    assert [lines[-1] for lines in said] == ["well"] * 4
    assert [lines[0] for lines in said[2:]] == ["renewed"] * 2
    done = [tuple(line.split()) for lines in said for line in lines if line[0] in "+-"]
    added, gone = ({act[1:] for act in done if act[0] == sign} for sign in "+-")
    with contextlib.closing(open_store(lasting_url)) as store:
        found = {name: store.entries(Key("default", name)) for name in NAMES}
        assert {(name, one.id) for name, entries in found.items() for one in entries} == added - gone
        for one in [one for entries in found.values() for one in entries]:
            given = entry(one.id)
            expected = (given.box, given.doubt) if one.id.startswith("new") else (None, 0.0)
            assert (one.box, one.doubt) == expected
    assert blanked_rows(lasting_url) > 10


def wait_for_acts(noted: list[Path], count: int) -> None:
    """Until each process has done so many."""
    until = time.monotonic() + 60
    while min(acts.read_text().count("\n") for acts in noted) < count:
        assert time.monotonic() < until
        time.sleep(0.05)


def blanked_rows(url: str) -> int:
    """How many rows were blanked; none of them may hold anything."""
    with contextlib.closing(connect(url)) as database, database.reading.begin() as connection:
        rows = connection.execute(sa.select(journal).where(journal.c.label.is_(None), journal.c.undoes.is_(None))).all()
    assert {getattr(row, name) for row in rows for name in CONTENT} <= {None}
    return len(rows)


def test_what_the_old_release_takes_back_leaves_no_box(lasting_url: str) -> None:
    make_old_tables(lasting_url).close()
    old, key = OldRelease(lasting_url), Key("default", "w0")
    old.correct("w0", "before")
    with contextlib.closing(open_store(lasting_url)) as store:
        changes.record(store, key, [entry("1"), entry("2")], MODEL)
        assert old.read("w0") == 3
        assert old.undo_newest("w0") == "2"
        assert [(one.id, one.box) for one in store.entries(key)] == [("before", None), ("1", entry("1").box)]
        assert blanked_rows(lasting_url) == 1
        changes.undo(store, key, "1")
        assert blanked_rows(lasting_url) == 2
        old.correct("w0", "after")
        assert [one.id for one in store.entries(key)] == ["before", "after"]
    old.database.close()


def test_what_the_old_release_takes_back_or_erases_leaves_no_words(lasting_url: str) -> None:
    make_old_tables(lasting_url, "0003").close()
    old, key = OldRelease(lasting_url, "0003"), Key("default", "w0")
    old.correct("w0", "before")
    with contextlib.closing(open_store(lasting_url)) as store:
        assert isinstance(store, SqlStore)
        for number in range(3):
            changes.record_line(store, key, f"line-{number}", [entry("1"), entry("2")], [f"w{number}", "all"], MODEL)
        assert old.read("w0") == 7
        old.correct("w0", "after")
        assert old.undo_newest("w0") == "after"
        assert store.words(key) == {"all": 3, "w0": 1, "w1": 1, "w2": 1}
        assert old.undo_newest("w0")
        assert store.words(key) == {"all": 2, "w0": 1, "w1": 1}
        old.rewrite("w0", without="line-0")
        assert store.words(key) == {"all": 1, "w1": 1}
        assert {one.batch for one in store.entries(key)} == {"before", "line-1", "line-2"}
        with store._engine.begin() as connection:
            rows = connection.execute(sa.select(own_words)).all()
            assert len(rows) == 6
            assert sum((row.line, row.word) == (None, None) for row in rows) == 4
        changes.undo(store, key, "line-1")
        assert store.words(key) == {}
        old.erase("w0")
        with store._engine.begin() as connection:
            assert connection.execute(sa.select(own_words)).all() == []
    old.database.close()


@pytest.mark.slow
def test_a_reader_who_never_ends_holds_up_the_upgrade_and_nobody_else(schema: str, monkeypatch: pytest.MonkeyPatch) -> None:
    make_old_tables(schema).close()
    old = OldRelease(schema)
    opened: list[SqlStore] = []
    tried = threading.Event()

    def try_once(database: Database, once: Callable[[Database], None] = upgrade._upgrade) -> None:
        tried.set()
        once(database)

    monkeypatch.setattr(upgrade, "_upgrade", try_once)
    with sa.create_engine(schema, poolclass=sa.NullPool).connect() as reader:
        reader.execute(sa.text("SELECT count(*) FROM allograph_journal")).one()
        opening = threading.Thread(target=lambda: opened.append(SqlStore(schema)))
        opening.start()
        assert tried.wait(60)
        began, longest = time.monotonic(), 0.0
        for i in range(1000):
            if time.monotonic() - began > 4 * GIVE_WAY:
                break
            at = time.monotonic()
            old.correct("w0", str(i))
            longest = max(longest, time.monotonic() - at)
        assert not opened
        assert longest < 2 * GIVE_WAY  # it stood behind the upgrade once or twice, and not for long
        monkeypatch.setattr("allograph.profiles.upgrade.TRIES", 2)
        with pytest.raises(StorageError, match="busy"):
            SqlStore(schema)
    opening.join(30)
    (store,) = opened
    assert len(store.entries(Key("default", "w0"))) == i
    store.close()
    old.database.close()
