"""Nobody waits long for what another holds: locks, swallowed networks, other processes' transactions; the same on every store."""

from __future__ import annotations

import contextlib
import socket
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import pytest
import sqlalchemy as sa

from allograph.checks.store import ANA, BEN, MODEL, entry
from allograph.errors import StorageError
from allograph.profiles import changes, open_store
from allograph.profiles.journal import Key
from allograph.profiles.queues import STILL, Queues
from test_stores import labels

LONG = 20.0
"""Seconds within which everything ends, whatever happens; on a machine that is not busy it is a third of that."""


@contextlib.contextmanager
def held(url: str, key: Key) -> Iterator[None]:
    """Another program that holds a writer's row, or in SQLite the whole file, and does nothing."""
    if not url.startswith("postgresql"):
        with contextlib.closing(sqlite3.connect(url, isolation_level=None)) as connection:
            connection.execute("BEGIN IMMEDIATE")
            yield
            connection.execute("ROLLBACK")
        return
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    with engine.connect() as connection:
        connection.execute(sa.text("SELECT * FROM allograph_profiles WHERE name = :name FOR UPDATE"), {"name": key.name})
        yield
        connection.rollback()


def timed(act: Callable[[], Any]) -> tuple[float, object]:
    """How long a call took, and what came of it."""
    began = time.monotonic()
    try:
        found = act()
    except StorageError as error:
        found = error
    return time.monotonic() - began, found


@pytest.mark.slow
def test_one_writer_that_is_held_takes_nothing_from_others(lasting_url: str) -> None:
    with contextlib.closing(open_store(lasting_url)) as store, ThreadPoolExecutor(45) as pool:
        for key in (ANA, BEN):
            changes.record(store, key, [entry("0")], MODEL)
        with held(lasting_url, ANA):
            corrections = [pool.submit(timed, partial(changes.record, store, ANA, [entry(f"a{i}")], MODEL)) for i in range(45)]
            time.sleep(0.3)
            for _ in range(20):  # readings wait for nobody
                seconds, found = timed(lambda: (store.versions([ANA, BEN]), labels(store, ANA)))
                assert not isinstance(found, StorageError)
                assert seconds < 2
            store.check()
            if lasting_url.startswith("postgresql"):  # an SQLite file has one writer at a time
                seconds, found = timed(lambda: changes.record(store, BEN, [entry("b")], MODEL))
                assert not isinstance(found, StorageError)
                assert seconds < 2
            done = [correction.result() for correction in corrections]
        assert all(isinstance(found, StorageError) for _, found in done)
        assert max(seconds for seconds, _ in done) < LONG
        few = 4 if lasting_url.startswith("postgresql") else 24
        assert sorted(seconds for seconds, _ in done)[45 - few - 2] < LONG / 3  # all but few were refused soon
        changes.record(store, ANA, [entry("after")], MODEL)
        assert labels(store, ANA) == [("0", "a"), ("after", "a")]


def test_many_that_correct_one_writer_at_once_are_all_served(store_url: str) -> None:
    with contextlib.closing(open_store(store_url)) as store, ThreadPoolExecutor(45) as pool:
        list(pool.map(lambda i: changes.record(store, ANA, [entry(str(i))], MODEL), range(135)))
        assert sorted(labels(store)) == sorted((str(i), "a") for i in range(135))


def test_an_export_reads_beside_those_who_write(lasting_url: str) -> None:
    with contextlib.closing(open_store(lasting_url)) as store:
        changes.record(store, ANA, [entry("1")], MODEL)
        with held(lasting_url, ANA):
            seconds, found = timed(lambda: changes.contents(store, ANA))
            assert not isinstance(found, StorageError)
            assert seconds < 2
        with store.change(ANA, None) as change:
            change.add([entry("2")])
            assert [one.id for one in changes.contents(store, ANA).entries] == ["1"]
        assert [one.id for one in changes.contents(store, ANA).entries] == ["1", "2"]


class Swallowing:
    """A line to PostgreSQL that at some point takes all bytes and carries none on."""

    def __init__(self, port: int) -> None:
        self._to, self.swallows = port, threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._open: list[socket.socket] = [self._listener]
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """End all connections."""
        for one in self._open:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                far = socket.create_connection(("127.0.0.1", self._to))
                self._open += [near, far]
                for one, other in ((near, far), (far, near)):
                    threading.Thread(target=self._carry, args=(one, other), daemon=True).start()

    def _carry(self, one: socket.socket, other: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := one.recv(65536):
                if not self.swallows.is_set():
                    other.sendall(data)
        with contextlib.suppress(OSError):
            other.shutdown(socket.SHUT_RDWR)


@pytest.fixture
def swallowing(schema: str) -> Iterator[tuple[Swallowing, str]]:
    from sqlalchemy.engine import make_url

    url = make_url(schema)
    line = Swallowing(url.port or 5432)
    yield line, url.set(host="127.0.0.1", port=line.port).render_as_string(hide_password=False)
    line.close()


@pytest.mark.slow
def test_a_network_that_swallows_everything_is_an_error_soon_and_is_got_over(swallowing: tuple[Swallowing, str]) -> None:
    line, url = swallowing
    with contextlib.closing(open_store(url)) as store:
        changes.record(store, ANA, [entry("1")], MODEL)
        acts: list[Callable[[], Any]] = [
            store.check,
            lambda: store.versions([ANA]),
            lambda: store.tail(ANA),
            lambda: changes.record(store, ANA, [entry("2")], MODEL),
        ]
        line.swallows.set()
        with ThreadPoolExecutor(len(acts)) as pool:
            done = list(pool.map(timed, acts))
        assert all(isinstance(found, StorageError) for _, found in done), done
        assert max(seconds for seconds, _ in done) < LONG
        assert timed(store.check)[0] < LONG / 2  # now there is not even a connection
        line.swallows.clear()
        assert labels(store) == [("1", "a")]
        changes.record(store, ANA, [entry("3")], MODEL)
        assert labels(store) == [("1", "a"), ("3", "a")]


def test_what_a_process_that_no_longer_moves_holds_is_freed(schema: str) -> None:
    with contextlib.closing(open_store(schema)) as store, store._writer.connect() as connection:  # type: ignore[attr-defined]
        shown = connection.execute(sa.text("SHOW idle_in_transaction_session_timeout")).scalar_one()
        assert shown == "15s"


def test_a_line_is_served_one_by_one_and_forgotten() -> None:
    lines, most, inside = Queues(2, 5.0), 0, 0
    lock = threading.Lock()

    def act(what: str) -> None:
        nonlocal most, inside
        with lines.turn(what):
            with lock:
                inside += 1
                most = max(most, inside)
            time.sleep(0.002)
            with lock:
                inside -= 1

    with ThreadPoolExecutor(20) as pool:
        list(pool.map(act, ["x"] * 60))
    assert most == 1
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(act, ["x", "y"]))
    assert lines._lines == {}


def test_a_line_that_stands_still_is_short() -> None:
    lines = Queues(2, 3.0)
    with lines.turn("x"), ThreadPoolExecutor(10) as pool:
        waiting = [pool.submit(timed, lambda: lines.turn("x").__enter__()) for _ in range(10)]
        done = sorted(one.result()[0] for one in waiting)
    assert done[7] < STILL + 1
    assert done[8] >= 2.9
    with lines.turn("x"):
        pass


def test_checking_is_quick_and_touches_what_a_reading_touches(lasting_url: str) -> None:
    with contextlib.closing(open_store(lasting_url)) as store:
        store.check()
        changes.record(store, ANA, [entry("1")], MODEL)
        store.check()
        changes.undo(store, ANA, "1")
        store.check()
        name = "allograph_journal"
        if lasting_url.startswith("postgresql"):
            with sa.create_engine(lasting_url).begin() as connection:
                connection.execute(sa.text(f"DROP TABLE {name}"))
        else:
            with contextlib.closing(sqlite3.connect(lasting_url)) as connection:
                connection.execute(f"DROP TABLE {name}")
        with pytest.raises(StorageError):
            store.check()
