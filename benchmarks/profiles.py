"""Stores: what a durable correction and a cold opening cost, and whether a store full of writers is slower than an empty one.

`python benchmarks/profiles.py [WRITERS]`, 100,000 unless said. PostgreSQL, where one answers on 127.0.0.1:5432 (database test),
gets a schema of its own, which is dropped again.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import sqlite3
import statistics
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import sqlalchemy as sa

from allograph import Recognizer, Writer, Writers, open_store
from allograph.adapters.allograph import Allograph
from allograph.profiles import Store
from allograph.profiles.tables import journal, profiles
from allograph.readings import Reading
from outcomes import note
from timing import paired, seconds, show

KNOWN, EACH, FEW, MANY = 400, 10, 100, 100_000
LIMIT, CYCLED = 32 * 2**20, 2000
POSTGRES = os.environ.get("ALLOGRAPH_POSTGRES", "postgresql+psycopg://postgres@127.0.0.1:5432/test")


def main() -> None:
    many = int(sys.argv[1]) if len(sys.argv) > 1 else MANY
    recognizer = Recognizer(threads=1)
    with places() as urls:
        show(
            f"One correction, durable, {KNOWN} known; and opening such a writer cold (targets: SQLite p50 1 ms and 5 ms)",
            ("store", "correction, ms", "peer, ms", "ratio", "peer", "opening, ms", "anew, ms", "the same state"),
            [durable(kind, url, recognizer) for kind, url in urls],
        )
    rows = []
    with places() as few, places() as full:
        for (kind, small), (_, large) in zip(few, full, strict=True):
            print(f"{kind}: filling a store with {many:,} writers …", file=sys.stderr, flush=True)
            rows += crowded(kind, small, large, many, recognizer)
    show(
        f"{FEW} writers in use among {many:,} of {EACH} corrections each, against a store of only these (target: 1.2 ×)",
        ("store", "what", f"of {many:,}, ms", f"of {FEW}, ms", "ratio"),
        rows,
    )


@contextlib.contextmanager
def places() -> Iterator[list[tuple[str, str]]]:
    """An empty place for a store of each kind that is there."""
    with tempfile.TemporaryDirectory() as folder:
        found = [("SQLite", str(Path(folder) / "writers.db"))]
        name = f"allograph_bench_{secrets.token_hex(6)}"
        engine = sa.create_engine(POSTGRES, poolclass=sa.NullPool, connect_args={"connect_timeout": 3})
        try:
            with engine.begin() as connection:
                connection.execute(sa.text(f"CREATE SCHEMA {name}"))
        except sa.exc.OperationalError:
            print("no PostgreSQL answers; SQLite alone", file=sys.stderr)
            yield found
            return
        try:
            yield [*found, ("PostgreSQL", f"{POSTGRES}?options=-csearch_path%3D{name}")]
        finally:
            with engine.begin() as connection:
                connection.execute(sa.text(f"DROP SCHEMA {name} CASCADE"))


def durable(kind: str, url: str, recognizer: Recognizer) -> tuple[str, ...]:
    """A correction against a bare insert of as many bytes by the driver, and an opening from the state against one anew."""
    readings = read(recognizer, KNOWN + 400)
    with contextlib.closing(open_store(url)) as store:
        with Writers(store, recognizer) as writers:
            ana = writers["ana"]
            for reading in readings[:KNOWN]:
                ana.correct(reading, "a")
            state = ana.state.to_bytes(ana.adapter)
        opened = Writers(store, recognizer)["ana"].state.to_bytes(ana.adapter)
        opening = statistics.median(seconds(lambda: Writers(store, recognizer, ana.adapter)["ana"].state) for _ in range(30))
        anew = seconds(lambda: learned_anew(store, recognizer))
        rest = iter(readings[KNOWN:])
        with bare(kind, url) as (peer, what):
            times = paired(lambda: ana.correct(next(rest), "a"), peer, 300, warmup=20)
    same = "yes" if state == opened else "NO"
    return (
        kind,
        f"{1e3 * times.ours:.2f}",
        f"{1e3 * times.peer:.2f}",
        f"{times.ratio:.1f} ×",
        what,
        f"{1e3 * opening:.1f}",
        f"{1e3 * anew:.0f}",
        same,
    )


def learned_anew(store: Store, recognizer: Recognizer) -> None:
    """Open the writer with an adapter of other parameters, which cannot use the stored state."""
    adapter = replace(Allograph.of(recognizer.bundle), window=10**6)
    _ = Writers(store, recognizer, adapter)["ana"].state


@contextlib.contextmanager
def bare(kind: str, url: str) -> Iterator[tuple[Callable[[], object], str]]:
    """The driver's own insert and commit of as many bytes, as durable."""
    blob = secrets.token_bytes(2900)
    if kind == "SQLite":
        with contextlib.closing(sqlite3.connect(f"{url}.bare", isolation_level=None)) as connection:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute("CREATE TABLE bare (id INTEGER PRIMARY KEY, blob BLOB)")
            yield lambda: connection.execute("INSERT INTO bare (blob) VALUES (?)", (blob,)), "sqlite3"
        return
    import psycopg

    with psycopg.connect(sa.engine.make_url(url).set(drivername="postgresql").render_as_string(), autocommit=True) as connection:
        connection.execute("CREATE TABLE bare (id SERIAL PRIMARY KEY, blob BYTEA)")
        yield lambda: connection.execute("INSERT INTO bare (blob) VALUES (%s)", (blob,)), "psycopg"


def crowded(kind: str, small: str, large: str, many: int, recognizer: Recognizer) -> list[tuple[str, ...]]:
    """What the same writers' readings, corrections and openings cost in two stores, taken in turn."""
    readings = read(recognizer, 900)
    image = readings[0].image
    assert image is not None
    chosen = np.random.default_rng(1).choice(many, FEW, replace=False).tolist()
    names = [f"writer {i}" for i in chosen]
    with contextlib.closing(open_store(small)) as few, contextlib.closing(open_store(large)) as full:
        fill(small, names, readings, recognizer)
        fill(large, [f"writer {i}" for i in range(many)], readings, recognizer)
        rows: list[tuple[str, ...]] = []
        for what in ("reading, warm", "correction", "opening, cold"):
            turns = [iter(range(10**6)), iter(range(10**6))]
            warm = [Writers(store, recognizer) for store in (full, few)]
            if what == "reading, warm":
                for writers in warm:
                    for name in names:
                        writers[name].read(image)

            def act(which: int, what: str = what, turns: Sequence[Iterator[int]] = turns, warm: Sequence[Writers] = warm) -> None:
                i = next(turns[which])
                if what == "opening, cold":
                    _ = Writers((full, few)[which], recognizer, warm[0].pipeline.adapter)[names[i % FEW]].state
                elif what == "correction":
                    warm[which][names[i % FEW]].correct(readings[100 + i % 800], "a")
                else:
                    warm[which][names[i % FEW]].read(image)

            times = paired(lambda act=act: act(0), lambda act=act: act(1), 400, warmup=20)  # type: ignore[misc]
            note(f"{kind}, {what}: a full store / one of few writers", times.ratio, 1.2)
            rows.append((kind, what, f"{1e3 * times.ours:.2f}", f"{1e3 * times.peer:.2f}", f"{times.ratio:.2f} ×"))
        before = resident()
        writers = Writers(full, recognizer, warm[0].pipeline.adapter, memory=LIMIT)
        for i in range(min(many, CYCLED)):
            writers[f"writer {i}"].read(image)
        count, size = writers.warm
        grown = (resident() - before) / 2**20
        print(
            f"{kind}: {min(many, CYCLED):,} writers read in turn, {LIMIT / 2**20:.0f} MiB allowed: {count} stay warm in "
            f"{size / 2**20:.0f} MiB; the process grew by {grown:.0f} MiB"
        )
        return rows


def resident() -> int:
    """Bytes of memory that this process holds (Linux)."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def fill(url: str, names: Sequence[str], readings: Sequence[Reading], recognizer: Recognizer) -> None:
    """Write many profiles at once, as `Writers` would have written them one by one, without images."""
    engine = sa.create_engine(url if "://" in url else f"sqlite:///{url}")
    rows = [row_of(reading, recognizer) for reading in readings[:100]]
    for start in range(0, len(names), 1000):
        some = names[start : start + 1000]
        made = [
            {"profile": start + i + 1, "tenant": "default", "name": name, "model_hash": recognizer.bundle.model_hash}
            | {"edition": 0, "head": EACH, "time": float(EACH)}
            for i, name in enumerate(some)
        ]
        entries = [
            rows[(start + i + j) % 100] | {"profile": start + i + 1, "seq": j + 1, "time": float(j + 1), "id": f"{start + i}-{j}"}
            for i in range(len(some))
            for j in range(EACH)
        ]
        with engine.begin() as connection:
            connection.execute(sa.insert(profiles), made)
            connection.execute(sa.insert(journal), entries)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(sa.text("ANALYZE"))
        if engine.dialect.name == "postgresql":
            connection.execute(sa.text("CHECKPOINT"))
    engine.dispose()


def row_of(reading: Reading, recognizer: Recognizer) -> dict[str, object]:
    """The columns of a journal row that a reading fills."""
    features = reading.outputs.features
    return {
        "batch": secrets.token_hex(8),
        "label": reading.base,
        "implicit": False,
        "base": reading.base,
        "answer": reading.label,
        "model_hash": recognizer.bundle.model_hash,
        "embedding": reading.outputs.embeddings.tobytes(),
        "logits": reading.outputs.logits.tobytes(),
        "features": None if features is None else features.tobytes(),
    }


def read(recognizer: Recognizer, count: int) -> list[Reading]:
    """Readings of so many samples, each another."""
    styles = recognizer.bundle.styles
    assert styles is not None
    random = np.random.default_rng(0)
    rolled = [
        np.roll(styles.medoids[i % len(styles)], random.integers(-2, 3, 2), (0, 1)) + np.uint8(random.integers(0, 3))
        for i in range(count)
    ]
    return Writer("x", recognizer).read(rolled)


if __name__ == "__main__":
    main()
