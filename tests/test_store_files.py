"""An SQLite store as a file: damaged, exchanged, another program's, read-only, and with nothing left of what was taken back."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import shutil
import sqlite3
import struct
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from allograph.checks.store import ANA, MODEL, entry
from allograph.cli.main import main
from allograph.errors import FormatError, InputError, StorageError, UnknownCorrection, UnknownWriter
from allograph.profiles import Store, changes, open_store
from allograph.profiles.archive import pack
from allograph.profiles.journal import Key
from allograph.profiles.store import Change
from small import allograph as run
from small import environment
from test_stores import labels


@pytest.fixture
def where(tmp_path: Path) -> Path:
    return tmp_path / "w.db"


@pytest.fixture
def store(where: Path) -> Iterator[Store]:
    with contextlib.closing(open_store(where)) as opened:
        yield opened


def teach(store: Store, count: int, key: Key = ANA) -> None:
    for i in range(count):
        changes.record(store, key, [entry(f"id-{i}")], MODEL)


def exchange(where: Path) -> None:
    other = where.with_name("other.db")
    open_store(other).close()
    other.replace(where)


def truncate(where: Path) -> None:
    os.truncate(where, 4096)


def drop_log(where: Path) -> None:
    where.with_name("w.db-wal").unlink()


def exchange_log(where: Path) -> None:
    log = where.with_name("w.db-wal")
    shutil.copy(log, where.with_name("copy"))
    where.with_name("copy").replace(log)


@pytest.mark.parametrize("act", [exchange, Path.unlink, drop_log, exchange_log])
def test_a_file_that_is_no_longer_the_one_that_was_opened_is_noticed(
    store: Store, where: Path, act: Callable[[Path], None]
) -> None:
    teach(store, 3)
    act(where)
    for call in (
        store.check,
        lambda: store.versions([ANA]),
        lambda: changes.record(store, ANA, [entry("void")], MODEL),
        lambda: changes.undo(store, ANA, "id-0"),
        lambda: store.erase(ANA),
        lambda: store.keys.add("t", "n"),
        store.check,
    ):
        with pytest.raises(StorageError, match="replaced or deleted"):
            call()
    store.close()
    with contextlib.closing(open_store(where)) as again:
        again.check()
        changes.record(again, ANA, [entry("new")], MODEL)
        assert ("new", "a") in labels(again)


def test_a_file_that_goes_while_it_is_written_acknowledges_nothing(store: Store, where: Path) -> None:
    teach(store, 1)

    def go(change: Change) -> None:
        change.add([entry("void")])
        where.unlink()

    with pytest.raises(StorageError, match="replaced or deleted"), store.change(ANA, None) as change:
        go(change)


@pytest.mark.slow
@settings(deadline=None, max_examples=40)
@given(st.integers(1, 30), st.binary(min_size=1, max_size=64), st.booleans())
def test_damage_is_the_stores_fault_whatever_was_damaged(page: int, noise: bytes, cut: bool) -> None:
    with tempfile.TemporaryDirectory() as folder:
        where = Path(folder) / "w.db"
        with contextlib.closing(open_store(where)) as store:
            teach(store, 20)
        with contextlib.closing(open_store(where)) as store:
            data = bytearray(where.read_bytes())
            start = min(page * 4096, len(data) - 4096)
            data[start : start + 4096] = (noise * 4096)[:4096]
            with where.open("r+b") as file:  # the same file, other bytes
                file.write(data)
                if cut:
                    file.truncate(start)
            met = 0
            for act in (
                lambda: store.versions([ANA]),
                lambda: store.tail(ANA),
                lambda: store.rows(ANA, images=True),
                lambda: store.state(ANA),
                lambda: store.profiles("default"),
                lambda: changes.contents(store, ANA),
                lambda: changes.record(store, ANA, [entry("x")], MODEL),
                lambda: changes.undo(store, ANA, "id-3"),
                lambda: store.keys.list(),
            ):
                try:
                    act()
                except StorageError as error:
                    met += "damaged" in str(error)
                except (UnknownWriter, UnknownCorrection):  # a page of nothing says that there is nothing
                    continue
            if met:
                with pytest.raises(StorageError, match="damaged"):
                    store.check()


def foreign(path: Path, statement: str) -> bytes:
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute(statement)
        connection.execute("CREATE TABLE theirs (x)") if "application" not in statement else None
        connection.commit()
    return path.read_bytes()


@pytest.mark.parametrize(
    "statement", ["CREATE TABLE songs (name TEXT)", "PRAGMA application_id = 42", "PRAGMA journal_mode = WAL"]
)
def test_another_programs_file_is_refused_and_left_as_it_is(where: Path, statement: str) -> None:
    before = foreign(where, statement)
    for existing in (False, True):
        with pytest.raises(FormatError, match="another program"):
            open_store(where, existing=existing)
    assert where.read_bytes() == before
    if statement == "CREATE TABLE songs (name TEXT)":
        run("keys", "add", "x", "--store", where, cwd=where.parent, status=2)
    assert where.read_bytes() == before
    assert sorted(path.name for path in where.parent.iterdir()) == [where.name]


def test_an_empty_file_becomes_a_store_and_no_reader_makes_one(where: Path) -> None:
    where.touch()
    for url in (str(where), f"sqlite:///{where}"):
        with pytest.raises(InputError, match="does not exist"):
            open_store(url, existing=True)
    open_store(where).close()
    missing = where.with_name("none.db")
    commands = (["writers", "list"], ["keys", "list"], ["writers", "migrate"], ["writers", "erase", "a", "--yes"])
    for i, command in enumerate(commands):
        url = str(missing) if i % 2 else f"sqlite:///{missing}"
        assert "does not exist" in run(*command, "--store", url, cwd=where.parent, status=2).stderr
    assert not missing.exists()


def test_a_database_without_tables_gets_none_from_a_reader(schema: str) -> None:
    import sqlalchemy as sa

    with pytest.raises(InputError, match="does not exist"):
        open_store(schema, existing=True)
    with sa.create_engine(schema).connect() as connection:
        assert sa.inspect(connection).get_table_names() == []


def as_nobody(said: Path, *arguments: str) -> None:
    """Run the command line as somebody who may not write what is not theirs."""
    os.setgid(65534)
    os.setuid(65534)
    with said.open("w") as file:
        sys.stdout = sys.stderr = file
        sys.argv = ["allograph", *arguments]
        main()


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become somebody who may not write")
def test_what_may_not_be_written_can_be_read() -> None:
    fork = multiprocessing.get_context("fork")  # which has loaded what nobody may not read
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        where = Path(folder) / "media" / "w 100%?#.db"
        where.parent.mkdir()
        with contextlib.closing(open_store(where)) as store:
            teach(store, 3)
            assert pack(changes.contents(store, ANA))
        where.chmod(0o444)
        where.parent.chmod(0o555)
        Path(folder).chmod(0o777)

        def act(*arguments: str) -> tuple[int | None, str]:
            said = Path(folder) / "said"
            process = fork.Process(target=as_nobody, args=(said, *arguments, "--store", str(where)))
            process.start()
            process.join(60)
            text = said.read_text()
            said.unlink()
            return process.exitcode, text

        assert act("writers", "list") == (0, "1 writers\n  ana  3 corrections\n")
        assert act("writers", "show", "ana")[0] == 0
        assert act("writers", "export", "ana", "-o", f"{folder}/ana.allograph")[0] == 0
        status, text = act("writers", "erase", "ana", "--yes")
        assert (status, "cannot be written" in text) == (1, True), text
        assert [path.name for path in where.parent.iterdir()] == [where.name]


def test_a_place_with_a_per_cent_sign_works(tmp_path: Path) -> None:
    """Alembic reads its settings with ConfigParser, to which a per cent sign is markup."""
    source = Path(__file__).parent.parent / "src" / "allograph"
    shutil.copytree(source, tmp_path / "50%(x)s" / "allograph", ignore=shutil.ignore_patterns("__pycache__", "page"))
    script = "import allograph; s = allograph.open_store('100%s.db'); s.check(); print(allograph.__file__)"
    environ = {**environment(), "PYTHONPATH": str(tmp_path / "50%(x)s")}
    done = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, env=environ, check=True)
    assert "50%(x)s" in done.stdout
    assert (tmp_path / "100%s.db").exists()


def remains(folder: Path, needles: list[bytes]) -> list[bytes]:
    held = b"".join(path.read_bytes() for path in folder.iterdir() if path.is_file())
    return [needle for needle in needles if needle in held]


def needles_of(store: Store, id: str) -> list[bytes]:
    (row,) = [row for row in store.entries(ANA) if row.id == id]
    assert row.image is not None
    assert row.box is not None
    box = [repr(row.box.left).encode(), row.box.device.encode(), struct.pack(">d", row.doubt)]
    return [row.label.encode(), row.image.tobytes()[100:300], row.outputs.embeddings.tobytes(), *box]


@contextlib.contextmanager
def readers_come_and_go(where: Path) -> Iterator[None]:
    """Other connections that read all the time, each for a while, so that at any moment somebody reads."""
    ends = threading.Event()

    def read(wait: float) -> None:
        with contextlib.closing(sqlite3.connect(where, isolation_level=None)) as connection:
            time.sleep(wait)
            while not ends.is_set():
                connection.execute("BEGIN")
                connection.execute("SELECT count(*) FROM allograph_journal").fetchone()
                time.sleep(0.03)
                connection.execute("COMMIT")

    threads = [threading.Thread(target=read, args=(i * 0.01,)) for i in range(3)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        ends.set()
        for thread in threads:
            thread.join()


@pytest.mark.parametrize(
    "act",
    [
        "erase",
        *(
            pytest.param(act, marks=pytest.mark.slow)
            for act in ("forget words", "undo the line", "replace the line", "purge by closing")
        ),
    ],
)
def test_the_writers_own_words_are_gone_from_file_and_log_while_others_read(store: Store, where: Path, act: str) -> None:
    teach(store, 3)
    line = [entry("secret", "s"), entry("other", "o")]
    done = changes.record_line(store, ANA, "line-0", line, ["SECRETWORD"], MODEL).entries
    needles = [b"SECRETWORD"]
    assert remains(where.parent, needles) == needles
    with readers_come_and_go(where) if act != "purge by closing" else contextlib.nullcontext():
        if act == "forget words":
            changes.forget_words(store, ANA, ["SECRETWORD"])
        elif act == "replace the line":
            changes.record_line(store, ANA, "line-0", line[:1], None, MODEL)
        elif act == "erase":
            store.erase(ANA)
        elif act == "purge by closing":
            changes.undo(store, ANA, done[0].id)
            store.close()
        else:
            needles += [one.outputs.embeddings.tobytes() for one in line] + [b"line-0"]
            changes.undo(store, ANA, "line-0")
        until = time.monotonic() + 60
        while remains(where.parent, needles) and time.monotonic() < until:
            time.sleep(0.2)
    assert remains(where.parent, needles) == []


@pytest.mark.parametrize("act", ["undo", "forget", "relabel", "erase"])
def test_what_was_taken_back_is_gone_from_file_and_log_while_others_read(store: Store, where: Path, act: str) -> None:
    teach(store, 30)
    changes.record(store, ANA, [entry("secret", "SECRETLABEL")], MODEL)
    needles = needles_of(store, "secret")
    if act == "relabel":
        needles = needles[:1]  # the sample stays
    assert remains(where.parent, needles) == needles
    with readers_come_and_go(where):
        began = time.monotonic()
        if act == "undo":
            changes.undo(store, ANA, "secret")
        elif act == "forget":
            changes.forget(store, ANA, "SECRETLABEL", None)
        elif act == "relabel":
            changes.record(store, ANA, [entry("secret", "b")], MODEL)
        else:
            store.erase(ANA)
        assert time.monotonic() - began < 5
        while remains(where.parent, needles) and time.monotonic() - began < 60:
            began_other = time.monotonic()
            changes.record(store, Key("default", "ben"), [entry(f"{began_other}"[:16])], MODEL)
            assert time.monotonic() - began_other < 5  # nobody waits for it
            time.sleep(0.2)
    assert remains(where.parent, needles) == []


def test_erasing_waits_for_no_reader_and_is_finished_when_that_has_gone(store: Store, where: Path) -> None:
    changes.record(store, ANA, [entry("secret", "SECRETLABEL")], MODEL)
    needles = needles_of(store, "secret")
    with contextlib.closing(sqlite3.connect(where, isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM allograph_journal").fetchone()
        began = time.monotonic()
        assert store.erase(ANA)
        changes.record(store, Key("default", "ben"), [entry("1")], MODEL)
        assert store.versions([ANA]) == [None]
        assert time.monotonic() - began < 5
        reader.execute("COMMIT")
        until = time.monotonic() + 60
        while remains(where.parent, needles) and time.monotonic() < until:
            time.sleep(0.2)
    assert remains(where.parent, needles) == []


def test_a_command_that_erases_leaves_nothing_even_while_another_process_has_the_store_open(store: Store, where: Path) -> None:
    teach(store, 3)
    changes.record(store, ANA, [entry("secret", "SECRETLABEL")], MODEL)
    needles = needles_of(store, "secret")
    run("writers", "erase", "ana", "--yes", "--store", where, cwd=where.parent)
    assert remains(where.parent, needles) == []


def test_closing_empties_the_log(where: Path) -> None:
    with contextlib.closing(open_store(where)) as other:
        with contextlib.closing(open_store(where)) as store:
            changes.record(store, ANA, [entry("secret", "SECRETLABEL")], MODEL)
            needles = needles_of(store, "secret")
            changes.undo(store, ANA, "secret")
        assert remains(where.parent, needles) == []
        other.check()
