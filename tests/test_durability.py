"""What was acknowledged is there: after kill -9, on a full disk, when the database goes away."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import random
import resource
import signal
import socket
import sqlite3
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

import served
from allograph import Recognizer, Writer, Writers, open_store
from allograph.errors import AllographError, StorageError
from allograph.profiles.sql import SqlStore
from allograph.readings import Reading

KILLS = 200


@pytest.fixture(scope="module")
def recognizer() -> Recognizer:
    return Recognizer(threads=1)


@pytest.fixture(scope="module")
def images(recognizer: Recognizer) -> NDArray[np.uint8]:
    assert recognizer.bundle.styles is not None
    return recognizer.bundle.styles.medoids


def under_load(where: str, recognizer: Recognizer, readings: list[Reading], round: int, acknowledged: int) -> None:
    """Correct, relabel, take back, learn and store states in two threads, and say of each act that it is done, until killed."""
    store = open_store(where)
    writers = Writers(store, recognizer)

    def work(thread: int) -> None:
        for i in range(10_000):
            name = f"w{(i + thread) % 3}"
            reading = Reading.__new__(Reading)
            for slot in Reading.__slots__:
                setattr(reading, slot, getattr(readings[(i + thread * 7) % len(readings)], slot))
            reading.id = f"{round}-{thread}-{i}"
            writers[name].correct(reading, "a")
            os.write(acknowledged, f"+ {name} {reading.id}\n".encode())
            if i % 5 == 4:
                os.write(acknowledged, f"? {name} {reading.id}\n".encode())
                writers[name].undo(reading.id)
                os.write(acknowledged, f"- {name} {reading.id}\n".encode())
            if i % 7 == 6:
                writers[name].live.up_to_date()
                writers[name].live.save_checkpoint()

    for thread in range(2):
        threading.Thread(target=work, args=(thread,), daemon=True).start()
    time.sleep(60)


@pytest.mark.slow
def test_no_kill_loses_what_was_acknowledged(lasting_url: str, recognizer: Recognizer, images: NDArray[np.uint8]) -> None:
    chance = random.Random(0)
    readings = Writer("x", recognizer).read(list(images[:40]))
    fork = multiprocessing.get_context("fork")  # so that a process is under load within milliseconds
    stands: set[tuple[str, str]] = set()
    gone: set[tuple[str, str]] = set()
    acts = 0
    for round in range(KILLS):
        receive, send = os.pipe()
        process = fork.Process(target=under_load, args=(lasting_url, recognizer, readings, round, send), daemon=True)
        process.start()
        os.close(send)
        with os.fdopen(receive) as said:
            lines = [said.readline()]  # it has begun
            time.sleep(chance.uniform(0, 0.12))
            assert process.pid is not None
            os.kill(process.pid, signal.SIGKILL)
            process.join()
            lines += said.readlines()
        doubtful = set()
        for line in filter(lambda line: line.endswith("\n"), lines):
            sign, name, id = line.split()
            acts += sign != "?"
            if sign == "+":
                stands.add((name, id))
            elif sign == "?":  # it may have been taken back, or not
                stands.discard((name, id))
                doubtful.add((name, id))
            else:
                gone.add((name, id))
        if round % 20 == 19 or round == KILLS - 1:
            with contextlib.closing(open_store(lasting_url)) as store:
                writers = Writers(store, recognizer)
                found = {(name, entry.id) for name in writers for entry in writers[name].entries()}
            assert stands - found == set()
            assert gone & found == set()
    assert acts > 5 * KILLS
    with contextlib.closing(open_store(lasting_url)) as store:
        kept, anew = Writers(store, recognizer), Writers(store, recognizer, "lookup")
        for name in kept:
            writer = kept[name]
            assert writer.corrections == anew[name].corrections
            assert len({done.id for done in writer.corrections}) == len(writer.corrections)
    if lasting_url.endswith(".db"):
        with contextlib.closing(sqlite3.connect(lasting_url)) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


def test_a_store_that_is_full_says_so_loses_nothing_and_goes_on_when_there_is_room(
    tmp_path: Path, recognizer: Recognizer, images: NDArray[np.uint8]
) -> None:
    where = str(tmp_path / "w.db")
    with contextlib.closing(SqlStore(where, page_limit=60)) as store:
        ana = Writers(store, recognizer)["ana"]
        done = []
        with pytest.raises(StorageError, match="full"):  # noqa: PT012
            for i in range(500):
                done.append(ana.correct(ana.read(images[i % len(images)]), "a").id)
        assert len(done) > 5
        with pytest.raises(StorageError, match=f"the disk of {where} is full"):
            store.check()
        assert [one.id for one in ana.corrections] == done
        assert ana.read(images[0]).label == "a"
    with contextlib.closing(open_store(where)) as store:
        ana = Writers(store, recognizer)["ana"]
        assert [one.id for one in ana.corrections] == done
        ana.correct(ana.read(images[0]), "b")
        assert len(ana.corrections) == len(done) + 1


def fill(where: str, recognizer: Recognizer, readings: list[Reading], said: str) -> None:
    """Correct until a file may not grow further; then again without that limit."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    store = open_store(where)
    ana = Writers(store, recognizer)["ana"]
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (800_000, hard))
    lines = []
    try:
        for reading in readings:
            ana.correct(reading, "a")
            lines.append(reading.id)
    except StorageError as error:
        lines.append(f"StorageError {error}")
    resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
    ana.correct(readings[-1], "b")
    lines.append(f"stands {len(ana.corrections)}")
    Path(said).write_text("\n".join(lines))


def test_a_file_that_may_not_grow_is_an_error_and_no_loss(
    tmp_path: Path, recognizer: Recognizer, images: NDArray[np.uint8]
) -> None:
    readings = Writer("x", recognizer).read(list(images[:300]))
    where, said = str(tmp_path / "w.db"), tmp_path / "said"
    process = multiprocessing.get_context("fork").Process(target=fill, args=(where, recognizer, readings, str(said)))
    process.start()
    process.join(60)
    assert process.exitcode == 0
    *done, error, stands = said.read_text().splitlines()
    assert error.startswith("StorageError")
    assert "full" in error
    assert 5 < len(done) < 300
    assert stands == f"stands {len(done) + 1}"
    with contextlib.closing(open_store(where)) as store:
        assert {one.id for one in Writers(store, recognizer)["ana"].corrections} == {*done, readings[-1].id}


class Line:
    """A line to PostgreSQL that can be cut and mended."""

    def __init__(self, port: int) -> None:
        self._listener: socket.socket | None = None
        self._to = port
        self._open: list[socket.socket] = []
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]

    def mend(self) -> None:
        """Take connections."""
        self._listener = socket.create_server(("127.0.0.1", self.port))
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def cut(self) -> None:
        """End all connections and take no more."""
        assert self._listener is not None
        for one in (self._listener, *self._open):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()
        self._open.clear()

    def _accept(self, listener: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = listener.accept()
                far = socket.create_connection(("127.0.0.1", self._to))
                self._open += [near, far]
                for one, other in ((near, far), (far, near)):
                    threading.Thread(target=self._carry, args=(one, other), daemon=True).start()

    @staticmethod
    def _carry(one: socket.socket, other: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := one.recv(65536):
                other.sendall(data)
        with contextlib.suppress(OSError):
            other.shutdown(socket.SHUT_RDWR)


@pytest.fixture
def line(schema: str) -> Iterator[tuple[Line, str]]:
    from sqlalchemy.engine import make_url

    url = make_url(schema)
    made = Line(url.port or 5432)
    made.mend()
    yield made, url.set(host="127.0.0.1", port=made.port).render_as_string(hide_password=False)
    made.cut()


def test_a_lost_database_is_an_error_and_is_found_again(
    line: tuple[Line, str], recognizer: Recognizer, images: NDArray[np.uint8]
) -> None:
    cable, url = line
    with contextlib.closing(open_store(url)) as store:
        ana = Writers(store, recognizer)["ana"]
        reading = ana.read(images[0])
        ana.correct(reading, "a")
        cable.cut()
        for act in (lambda: ana.read(images[0]), lambda: ana.correct(reading, "b"), store.check, lambda: ana.undo(reading.id)):
            with pytest.raises(StorageError, match="try again"):
                act()
        cable.mend()
        assert [done.label for done in ana.corrections] == ["a"]
        ana.correct(reading, "b")
        assert ana.read(images[0]).label == "b"


def test_a_connection_that_the_server_ends_is_made_anew(schema: str, recognizer: Recognizer, images: NDArray[np.uint8]) -> None:
    import sqlalchemy as sa

    name = schema.rpartition("_")[2]
    with contextlib.closing(open_store(f"{schema}&application_name={name}")) as store:
        ana = Writers(store, recognizer)["ana"]
        ana.correct(ana.read(images[0]), "a")
        with sa.create_engine(schema).connect() as connection:
            end = sa.text("SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name = :name")
            ended = connection.execute(end, {"name": name}).scalar_one()
        assert ended >= 1
        ana.correct(ana.read(images[1]), "b")
        assert len(ana.corrections) == 2


def test_a_damaged_file_is_an_error(tmp_path: Path, recognizer: Recognizer, images: NDArray[np.uint8]) -> None:
    where = tmp_path / "w.db"
    with contextlib.closing(open_store(where)) as store:
        ana = Writers(store, recognizer)["ana"]
        for image in images[:30]:
            ana.correct(ana.read(image), "a")
    data = bytearray(where.read_bytes())
    data[4096 * 3 : 4096 * 12] = os.urandom(4096 * 9)
    where.write_bytes(data)
    with pytest.raises(AllographError, match=r"damaged|not an SQLite database"), contextlib.closing(open_store(where)) as store:
        _ = Writers(store, recognizer)["ana"].corrections


def test_a_service_is_not_ready_while_there_is_no_room_and_ready_again_once_there_is(tmp_path: Path) -> None:
    with contextlib.closing(open_store(tmp_path / "w.db")) as store, served.client(Writers(store, served.recognizer())) as http:
        served.correct(http, "ana", [("1", 40, "q")])
        served.ok(http.get("/v1/ready"))
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (Path(tmp_path / "w.db-wal").stat().st_size + 4096, hard))
        try:
            body = {"corrections": [{"id": "2", "image": served.image(41), "label": "w"}]}
            served.problem(http.post("/v1/writers/ana/correct", json=body), 503)
            for _ in range(2):
                served.problem(http.get("/v1/ready"), 503)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
            signal.signal(signal.SIGXFSZ, handler)
        served.ok(http.get("/v1/ready"))  # without a correction in between
        served.ok(http.post("/v1/writers/ana/correct", json=body))
        assert [key.tenant for key in store.every_key()] == ["default"]


def test_that_there_is_room_again_is_seen_by_a_write_that_leaves_nothing(lasting_url: str) -> None:
    with contextlib.closing(SqlStore(lasting_url)) as store:
        store._full = True  # as after a change that found no room
        store.check()
        assert not store._full
        assert store.every_key() == []
