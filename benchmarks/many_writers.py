"""What many writers cost in PostgreSQL: bytes each, opening one cold, correcting, listing; measured, and drawn on from there.

`python benchmarks/many_writers.py [--writers 1000 10000 100000] [--rounds 300] [--backup]`. Each number of writers gets a
database of its own on the server that ALLOGRAPH_POSTGRES names (127.0.0.1:5432 unless said), which is dropped again; 100,000
need about 7 GB there for some ten minutes. The first hundred writers are taught through the API, ten corrections each with their
images, and grow cold as in a service; the others are copies of their rows with other names and ids, made by the server.
Everything is timed in turn with the same on the smallest database, pair by pair.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import secrets
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import sqlalchemy as sa

from allograph import Recognizer, Writer, Writers, open_store
from allograph.profiles import Store, changes
from allograph.profiles.backup import back_up, restore
from allograph.profiles.journal import Key
from allograph.profiles.tables import journal, metadata, own_words, profiles, states
from outcomes import note
from timing import paired, seconds, show

TAUGHT, EACH = 100, 10
WARMUP = 20
MEMORY = 32 * 2**20
CYCLED = 3000
FARTHER = (1_000_000, 100_000_000)
POSTGRES = os.environ.get("ALLOGRAPH_POSTGRES", "postgresql+psycopg://postgres@127.0.0.1:5432/test")
TENANT = "default"


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--writers", type=int, nargs="+", default=[1_000, 10_000, 100_000])
    parser.add_argument("--rounds", type=int, default=300)
    parser.add_argument("--backup", action="store_true", help="also back each up, and restore it into another database")
    options = parser.parse_args()
    counts = sorted(options.writers)
    recognizer = Recognizer(threads=1)
    with contextlib.ExitStack() as stack:
        sizes, stores, saved = [], [], []
        for count in counts:
            url = stack.enter_context(database())
            print(f"{count:,} writers …", file=sys.stderr, flush=True)
            took = fill(url, count, recognizer)
            check_copies(url, count, recognizer)
            sizes.append((count, *disk(url), took))
            if options.backup:
                saved.append(backed_up(url, count))
            stores.append(stack.enter_context(contextlib.closing(open_store(url))))
        show(
            f"Writers of {EACH} corrections each, with images and checkpoints, in PostgreSQL",
            ("writers", "bytes, all", "of them indexes", "bytes a writer", "filled in, s"),
            [(f"{n:,}", f"{size:,}", f"{indexes:,}", f"{size / n:,.0f}", f"{took:.1f}") for n, size, indexes, took in sizes],
        )
        if saved:
            head = ("writers", "backed up in, s", "MiB", "restored in, s", "the process grew by, MiB")
            show("Backup into a file, and from it into another database", head, saved)
        ratios = measure(counts, stores, recognizer, options.rounds)
        if len(counts) > 1:
            draw_on(sizes, ratios)
        show(
            f"Memory: {CYCLED:,} writers read in turn, {MEMORY / 2**20:.0f} MiB allowed for warm ones",
            ("writers", "stay warm", "in, MiB", "the process grew by, MiB"),
            [cycled(n, store, recognizer) for n, store in zip(counts, stores, strict=True)],
        )


@contextlib.contextmanager
def database() -> Iterator[str]:
    """The address of a database of its own, dropped afterwards."""
    name = f"allograph_bench_{secrets.token_hex(6)}"
    server = sa.create_engine(POSTGRES, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
    with server.connect() as connection:
        connection.execute(sa.text(f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8'"))
    try:
        yield server.url.set(database=name).render_as_string(hide_password=False)
    finally:
        with server.connect() as connection:
            connection.execute(sa.text(f"DROP DATABASE {name} WITH (FORCE)"))


def fill(url: str, count: int, recognizer: Recognizer) -> float:
    """Teach the first hundred writers through the API, and let the server copy their rows; seconds that the copying took."""
    with contextlib.closing(open_store(url)) as store, Writers(store, recognizer) as writers:
        for i in range(TAUGHT):
            writer = writers[f"w{i}"]
            writer.correct(writer.read(samples(recognizer, i)), list("abcdefghij"[:EACH]))
            _ = writer.state
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    copied = {profiles: "name", journal: "id", states: None, own_words: "id"}
    with engine.begin() as connection:
        first, last = connection.execute(sa.select(sa.func.min(profiles.c.profile), sa.func.max(profiles.c.profile))).one()
        stride, copies = last - first + 1, count // TAUGHT - 1

    def copy() -> None:
        for table, renamed in copied.items():
            columns = ", ".join(column.name for column in table.columns)
            values = {column.name: column.name for column in table.columns} | {"profile": f"profile + n * {stride}"}
            if renamed:
                values[renamed] = f"{renamed} || '-' || n"
            chosen = f"SELECT {', '.join(values.values())} FROM {table.name}, generate_series(1, {copies}) AS n ORDER BY n"
            with engine.begin() as connection:
                connection.execute(sa.text(f"INSERT INTO {table.name} ({columns}) {chosen}"))

    took = seconds(copy)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        next_one = sa.text(
            "SELECT setval(pg_get_serial_sequence('allograph_profiles', 'profile'), max(profile)) FROM allograph_profiles"
        )
        for statement in (next_one, sa.text("VACUUM ANALYZE"), sa.text("CHECKPOINT")):
            connection.execute(statement)
    return took


def check_copies(url: str, count: int, recognizer: Recognizer) -> None:
    """A copied writer must be what the API would have made: the same corrections, and the state that they lead to."""
    with contextlib.closing(open_store(url)) as store:
        assert store.count(TENANT) == count, store.count(TENANT)
        writers = Writers(store, recognizer)
        for name, other in (("w7", f"w7-{count // TAUGHT - 1}"), ("w99", f"w99-{max(1, count // TAUGHT // 2)}")):
            one, copy = writers[name], writers[other]
            said = [[(row.label, row.base, row.answer, row.has_image) for row in writer.rows()] for writer in (one, copy)]
            assert said[0] == said[1]
            assert one.state.to_bytes(one.adapter) == copy.state.to_bytes(copy.adapter)
            anew = Writers(taught_anew(store, other), recognizer)[other]
            assert anew.state.to_bytes(anew.adapter) == copy.state.to_bytes(copy.adapter)


def taught_anew(store: Store, name: str) -> Store:
    """A store in memory in which a writer was taught the same corrections, through the API."""
    anew, key = open_store("memory:"), Key(TENANT, name)
    found = store.contents(key)
    changes.record(anew, key, found.entries, found.model_hash)
    return anew


def samples(recognizer: Recognizer, number: int) -> list[np.ndarray]:
    """What a writer wrote: medoids, each a little elsewhere."""
    styles = recognizer.bundle.styles
    assert styles is not None
    random = np.random.default_rng(number)
    chosen = random.choice(len(styles), EACH, replace=False)
    return [np.roll(styles.medoids[i], random.integers(-2, 3, 2), (0, 1)) for i in chosen]


def disk(url: str) -> tuple[int, int]:
    """Bytes of the tables with their indexes, and of the indexes alone."""
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    totals = [0, 0]
    with engine.connect() as connection:
        for table in metadata.sorted_tables:
            for i, function in enumerate(("pg_total_relation_size", "pg_indexes_size")):
                totals[i] += connection.execute(sa.text(f"SELECT {function}('{table.name}')")).scalar_one()
    return totals[0], totals[1]


def measure(counts: Sequence[int], stores: Sequence[Store], recognizer: Recognizer, rounds: int) -> dict[str, list[float]]:
    """Time each database in turn with the smallest; the ratios to it by what was done, for each number of writers."""
    random = np.random.default_rng(0)
    adapter = Writers(stores[0], recognizer).pipeline.adapter
    image = samples(recognizer, 0)[0]
    readings = iter(Writer("x", recognizer).read([image] * (2 * len(counts) * (rounds + WARMUP))))
    rows: list[tuple[str, ...]] = []
    ratios: dict[str, list[float]] = {}

    def name(count: int) -> str:
        i = int(random.integers(count))
        return f"w{i % TAUGHT}" + (f"-{i // TAUGHT}" if i >= TAUGHT else "")

    def opened(store: Store, count: int) -> None:
        _ = Writers(store, recognizer, adapter)[name(count)].state

    def corrected(store: Store, count: int) -> None:
        Writers(store, recognizer, adapter)[name(count)].correct(next(readings), "a")

    def listed(store: Store, count: int) -> None:
        store.profiles(TENANT, name(count), 100)

    acts: dict[str, Callable[[Store, int], None]] = {
        "opening, cold": opened,
        "correcting a cold writer": corrected,
        "a page of 100 writers": listed,
        "whether it is ready": lambda store, count: store.check(),
    }
    for what, act in acts.items():
        ratios[what] = []
        for count, store in zip(counts, stores, strict=True):
            pair = paired(lambda: act(store, count), lambda: act(stores[0], counts[0]), rounds, WARMUP)  # noqa: B023
            ratios[what].append(pair.ratio)
            if act is opened and count != counts[0]:
                note(f"opening a cold writer among {count:,} / {counts[0]:,}", pair.ratio, 1.2)
            rows.append((what, f"{count:,}", f"{1e3 * pair.ours:.2f}", f"{1e3 * pair.peer:.2f}", f"{pair.ratio:.2f} ×"))
    show(
        f"Among so many writers, any of them each time, in turn with {counts[0]:,} (target of opening: 1.2 ×)",
        ("what", "writers", "ms", f"of {counts[0]:,}, ms", "ratio"),
        rows,
    )
    return ratios


def draw_on(sizes: Sequence[tuple[int, int, int, float]], ratios: dict[str, list[float]]) -> None:
    """Lines through what was measured: bytes by writers, the ratio of openings by the logarithm of writers, as an index grows."""
    counts = [n for n, *_ in sizes]
    slope, base = np.polyfit(counts, [size for _, size, *_ in sizes], 1)
    steps, first = np.polyfit(np.log10(counts), ratios["opening, cold"], 1)
    show(
        f"Drawn on, not measured: {slope:,.0f} bytes a writer; an opening {steps:+.3f} × for ten times as many writers",
        ("writers", "GiB", f"opening, cold, of {counts[0]:,}"),
        [(f"{n:,}", f"{(base + slope * n) / 2**30:,.0f}", f"{first + steps * np.log10(n):.2f} ×") for n in FARTHER],
    )


def cycled(count: int, store: Store, recognizer: Recognizer) -> tuple[str, ...]:
    """Read one sample of many writers in turn, of whom few may stay warm."""
    image = samples(recognizer, 0)[0]
    writers = Writers(store, recognizer, memory=MEMORY)
    names = [key.name for key in store.every_key(TENANT, limit=CYCLED)]
    for name in names[:50]:
        writers[name].read(image)
    before = resident()
    for name in names:
        writers[name].read(image)
    grown, (warm, size) = resident() - before, writers.warm
    return f"{count:,}", f"{warm:,}", f"{size / 2**20:.0f}", f"{grown / 2**20:.0f}"


def backed_up(url: str, count: int) -> tuple[str, ...]:
    """Back up a database, and fill another one from the file."""
    with tempfile.TemporaryDirectory() as folder, database() as other:
        file, before = Path(folder) / "backup", resident()
        out = seconds(lambda: back_up(url, file))
        back = seconds(lambda: restore(file, other))
        grown = (resident() - before) / 2**20
        return f"{count:,}", f"{out:.1f}", f"{file.stat().st_size / 2**20:,.0f}", f"{back:.1f}", f"{grown:.0f}"


def resident() -> int:
    """Bytes of memory that this process holds (Linux)."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


if __name__ == "__main__":
    main()
