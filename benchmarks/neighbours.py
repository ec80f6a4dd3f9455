"""One tenant's readings while another does its worst: how late they come, against how late they come when all is quiet.

A small tenant asks for 10 single readings a second, each at its time whether or not the last was answered, and is late by what
its answer comes after that time. Meanwhile another tenant imports 20,000 corrections and reads with them, takes the first
of them back, floods the service with large batches and with lines, exports, and erases. SQLite, and PostgreSQL where one answers.

    python benchmarks/neighbours.py [SECONDS for each] [CORRECTIONS]
"""

from __future__ import annotations

import http.client
import json
import multiprocessing
import os
import secrets
import subprocess
import sys
import tempfile
import time
from base64 import b64encode
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from functools import lru_cache
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import NamedTuple

import numpy as np
import sqlalchemy as sa

from allograph.profiles import open_store
from allograph.profiles.archive import pack
from allograph.profiles.journal import Contents, Entry, new_batch
from allograph.recognizer import Recognizer
from allograph.writers.writers import Writers
from outcomes import note
from timing import show

RATE = 10
"""Readings of the small tenant a second."""
TAUGHT = 50
"""Corrections of the small tenant's writer."""
FIRST = "large-1"
"""The first correction of the imported profile."""
CLIENTS, BATCH = 32, 256
"""Connections of the flood, and samples in each of its requests."""
TEXT = "the brown fox jumps 1234 times"
"""What a line says: as long as most are."""
GAP, SPACE = 15.0, 60.0
"""Between characters and between words, where a character is about 80 high."""
INK = Path(__file__).parent.parent / "tests" / "ink.json"
POSTGRES = "postgresql+psycopg://postgres@127.0.0.1:5432/test"


def main() -> None:
    lasts, corrections = float(sys.argv[1]) if len(sys.argv) > 1 else 60.0, int(sys.argv[2]) if len(sys.argv) > 2 else 20_000
    exported = large_profile(corrections)
    for kind, store in stores():
        with store as (url, folder), served(url, folder) as (port, small, big):
            (folder / "large.allograph").write_bytes(exported)
            rows = measured(Service(port, small), Service(port, big), folder / "large.allograph", lasts)
        heads = ("meanwhile another tenant", "readings", "not answered", "p50, ms", "p99, ms", "slowest, ms", "p99 against quiet")
        show(f"{RATE} readings a second of a small tenant, {lasts:g} s each, on {kind} (target: 3 ×, all answered)", heads, rows)


class Late(NamedTuple):
    """What came of the small tenant's readings."""

    seconds: list[float]
    failed: int
    """Answers that were no 200."""


class Service:
    """The service as one tenant sees it."""

    def __init__(self, port: int, key: str) -> None:
        self._port, self._key = port, key

    def ask(self, method: str, path: str, body: bytes | None = None, kind: str = "application/json") -> tuple[int, bytes]:
        """Status and body of an answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=120)
        try:
            headers = {"authorization": f"Bearer {self._key}"} | ({"content-type": kind} if body is not None else {})
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()


def measured(small: Service, big: Service, profile: Path, lasts: float) -> list[tuple[str, ...]]:
    """A row for each thing that the other tenant does."""
    single = body(1)
    readings(small, single, 3)
    quiet = readings(small, single, lasts)
    level = float(np.percentile(quiet.seconds, 99))
    rows = [told("does nothing", quiet, level)]
    for deed in DEEDS:
        with going_on(deed, big, profile):
            rows.append(told(deed, readings(small, single, lasts), level))
    return rows


def imports(big: Service, profile: Path) -> None:
    big.ask("PUT", "/v1/writers/large/profile", profile.read_bytes(), "application/octet-stream")
    learned(big)


def takes_back(big: Service, profile: Path) -> None:
    big.ask("POST", "/v1/writers/large/undo", json.dumps({"id": FIRST}).encode())
    learned(big)


def learned(big: Service) -> None:
    """Read until all is learned; who asks before is told to come again."""
    while big.ask("POST", "/v1/writers/large/read", body(1))[0] == 503:
        time.sleep(0.2)


def floods(big: Service, profile: Path) -> None:
    many = body(BATCH)
    with ThreadPoolExecutor(CLIENTS) as pool:
        list(pool.map(lambda i: big.ask("POST", f"/v1/writers/flood-{i}/read", many), range(4 * CLIENTS)))


def floods_with_lines(big: Service, profile: Path) -> None:
    line = json.dumps({"ink": ink_of(TEXT)}).encode()
    with ThreadPoolExecutor(CLIENTS) as pool:
        list(pool.map(lambda i: big.ask("POST", f"/v1/writers/flood-{i}/lines/read", line), range(2 * CLIENTS)))


def exports(big: Service, profile: Path) -> None:
    big.ask("GET", "/v1/writers/large/profile")


def erases(big: Service, profile: Path) -> None:
    big.ask("PUT", "/v1/writers/gone/profile", profile.read_bytes(), "application/octet-stream")
    big.ask("DELETE", "/v1/writers/gone")


DEEDS: dict[str, tuple[Callable[[Service, Path], None], bool]] = {
    "imports 20,000 corrections, and reads": (imports, False),
    "takes the first of them back, and reads": (takes_back, False),
    f"floods: {CLIENTS} × {BATCH} samples at a time": (floods, True),
    f"floods: {CLIENTS} lines at a time": (floods_with_lines, True),
    "exports, again and again": (exports, True),
    "imports and erases, again and again": (erases, True),
}
"""What the other tenant does, and whether again and again."""


def readings(service: Service, body: bytes, lasts: float) -> Late:
    """Ask at each time, whether or not the last was answered."""
    late: list[float] = []
    failed = 0
    began = time.perf_counter() + 0.1

    def one(turn: int) -> None:
        nonlocal failed
        due = began + turn / RATE
        time.sleep(max(0.0, due - time.perf_counter()))
        status, _ = service.ask("POST", "/v1/writers/small/read", body)
        late.append(time.perf_counter() - due)
        failed += status != 200

    with ThreadPoolExecutor(64) as pool:
        list(pool.map(one, range(round(lasts * RATE))))
    return Late(late, failed)


@contextmanager
def going_on(deed: str, big: Service, profile: Path) -> Iterator[None]:
    """Meanwhile the other tenant does this, from a process of its own; what is under way at the end is waited for."""
    context = multiprocessing.get_context("spawn")
    over = context.Event()
    process = context.Process(target=work, args=(deed, big, profile, over))
    process.start()
    try:
        yield
    finally:
        over.set()
        process.join()


def work(deed: str, big: Service, profile: Path, over: Event) -> None:
    """Do it once, or until it is over; as if from another machine, for what it computes here is not to be measured."""
    os.nice(19)
    act, again = DEEDS[deed]
    act(big, profile)
    while again and not over.is_set():
        act(big, profile)


def told(title: str, late: Late, level: float) -> tuple[str, ...]:
    """A row of the table."""
    p50, p99 = (float(np.percentile(late.seconds, share)) for share in (50, 99))
    milliseconds = (f"{1000 * value:.1f}" for value in (p50, p99, max(late.seconds)))
    note(f"a small tenant's readings while another {title}: p99 / quiet", p99 / level, 3)
    return (title, str(len(late.seconds)), str(late.failed), *milliseconds, f"{p99 / level:.2f} ×")


def body(count: int) -> bytes:
    """A request of so many samples."""
    medoids = recognizer().bundle.styles.medoids  # type: ignore[union-attr]
    return json.dumps({"samples": [{"image": b64encode(medoids[i % len(medoids)]).decode()} for i in range(count)]}).encode()


def ink_of(text: str) -> list[list[list[float]]]:
    """Strokes of a line: characters of our own side by side."""
    drawn = {one["label"]: one["ink"] for one in json.loads(INK.read_text(encoding="utf-8"))}
    left, strokes = 0.0, []
    for character in text:
        ink = drawn.get(character, [])
        edges = [x for stroke in ink for x, _ in stroke]
        strokes += [[[x - min(edges) + left, y] for x, y in stroke] for stroke in ink]
        left += max(edges) - min(edges) + GAP if ink else SPACE
    return strokes


@lru_cache(maxsize=1)
def recognizer() -> Recognizer:
    """The shipped one."""
    return Recognizer(threads=2)


def large_profile(count: int) -> bytes:
    """An exported profile of so many corrections, one a batch."""
    model = recognizer()
    styles = model.bundle.styles
    assert styles is not None
    random = np.random.default_rng(0)
    rows = random.integers(len(styles.medoids), size=count)
    images = np.stack([np.roll(styles.medoids[row], random.integers(-2, 3, 2), (0, 1)) for row in rows])
    samples, labels = model.embed(images), model.alphabet.labels
    read = samples.logits.argmax(axis=1)
    entries = [
        Entry(
            f"large-{i + 1}", labels[styles.labels[rows[i]]], False, 1.7e9 + i, labels[read[i]], labels[read[i]], None,
            samples.at(slice(i, i + 1)), images[i], model.bundle.model_hash, new_batch(), i + 1,
        )
        for i in range(count)
    ]  # fmt: skip
    return pack(Contents(entries, [], model.bundle.model_hash))


@contextmanager
def served(url: str, folder: Path) -> Iterator[tuple[int, str, str]]:
    """A service with two tenants, the small one of which has a writer: its port, and their keys."""
    store = open_store(url)
    small, big = (store.keys.add(tenant, "benchmark") for tenant in ("small", "big"))
    with Writers(store, recognizer(), tenant="small") as writers:
        writer, styles = writers["small"], writers["small"].recognizer.bundle.styles
        assert styles is not None
        for i in range(TAUGHT):
            writer.correct(writer.read(styles.medoids[3 * i]), "a")
    store.close()
    options = ("--port", "0", "--store", url, "--log-level", "error", "--rate", "1000000")  # what is asked for is done
    command = [sys.executable, "-m", "allograph.cli.main", "serve", *options]
    process = subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    try:
        assert process.stderr
        line = process.stderr.readline()
        assert "serves" in line, line
        yield int(line.rsplit(":", 1)[1]), small, big
    finally:
        process.terminate()
        process.wait(60)


def stores() -> Iterator[tuple[str, AbstractContextManager[tuple[str, Path]]]]:
    """The kinds of stores there are, each an empty one to open."""
    yield "SQLite", on_sqlite()
    try:
        with sa.create_engine(os.environ.get("ALLOGRAPH_POSTGRES", POSTGRES), connect_args={"connect_timeout": 3}).connect():
            pass
    except (sa.exc.OperationalError, ModuleNotFoundError):
        print("no PostgreSQL answers on 127.0.0.1:5432 (ALLOGRAPH_POSTGRES names another): left out")
        return
    yield "PostgreSQL", on_postgres()


@contextmanager
def on_sqlite() -> Iterator[tuple[str, Path]]:
    with tempfile.TemporaryDirectory() as folder:
        yield str(Path(folder) / "writers.db"), Path(folder)


@contextmanager
def on_postgres() -> Iterator[tuple[str, Path]]:
    address = os.environ.get("ALLOGRAPH_POSTGRES", POSTGRES)
    schema = f"allograph_bench_{secrets.token_hex(6)}"
    engine = sa.create_engine(address, poolclass=sa.NullPool)
    with engine.begin() as connection:
        connection.execute(sa.text(f"CREATE SCHEMA {schema}"))
    try:
        with tempfile.TemporaryDirectory() as folder:
            yield f"{address}?options=-csearch_path%3D{schema}", Path(folder)
    finally:
        with engine.begin() as connection:
            connection.execute(sa.text(f"DROP SCHEMA {schema} CASCADE"))


if __name__ == "__main__":
    main()
