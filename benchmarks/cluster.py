"""A cluster: two workers against one on the same samples, and what a large corpus costs in memory and time.

The corpus is made here, of the shipped bundle's styles, and written, folded and embedded as folders of parts. `--samples 200000`
makes a smaller one; the ratio is measured on `--few` of them, with workers that have been begun and have embedded before.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from distributed import Client, LocalCluster

from allograph.corpora import prepare
from allograph.corpora.folds import fold
from allograph.embedding import embed
from made_source import MadeSource
from timing import paired, show

TARGET, LIMIT = 1.7, 500
"""Two workers over one, and megabytes a worker."""


@contextmanager
def workers(count: int, folder: Path) -> Iterator[str]:
    """The address of a scheduler with so many workers, one thread each."""
    with LocalCluster(
        n_workers=count, threads_per_worker=1, host="127.0.0.1", dashboard_address="127.0.0.1:0", memory_limit=None,
        local_directory=str(folder),
    ) as cluster:  # fmt: skip
        yield cluster.scheduler_address


def peaks(address: str) -> list[float]:
    """The most memory that each worker has had, in megabytes."""
    with Client(address, set_as_default=False) as client:
        return sorted(client.run(_peak).values())


def _peak() -> float:
    lines = Path(f"/proc/{os.getpid()}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:")) * 1024 / 1e6


def timed(call: Callable[[], object]) -> float:
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--samples", type=int, default=2_000_000)
    parser.add_argument("--few", type=int, default=65_536)
    parser.add_argument("--rounds", type=int, default=3)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        few = prepare(MadeSource(asked.few), folder / "few.parquet", "all", jobs=2)
        with workers(1, folder) as one, workers(2, folder) as two:
            times = paired(
                lambda: embed(few, None, folder / "two.parquet", jobs=two),
                lambda: embed(few, None, folder / "one.parquet", jobs=one),
                asked.rounds,
            )
        assert (folder / "one.parquet").read_bytes() == (folder / "two.parquet").read_bytes()
        show(
            f"Embedding {asked.few:,} samples, median of {asked.rounds} interleaved rounds",
            ("workers", "samples a second", "times one worker"),
            [
                ("1", f"{asked.few / times.peer:,.0f}", "1"),
                ("2", f"{asked.few / times.ours:,.0f}", f"{1 / times.ratio:.2f} (target {TARGET})"),
            ],
        )
        rows = []
        corpus, embedded = f"{folder}/corpus/", f"{folder}/embedded/"
        steps: list[tuple[str, Callable[[str], object]]] = [
            ("prepare", lambda at: prepare(MadeSource(asked.samples), corpus, "paper", jobs=at)),
            ("fold", lambda at: fold(corpus, 1, 3, f"{folder}/fold/", at)),
            ("embed", lambda at: embed(corpus, None, embedded, jobs=at)),
        ]
        for step, run in steps:
            with workers(2, folder) as address:
                took = timed(lambda run=run, address=address: run(address))  # type: ignore[misc]
                most = peaks(address)[-1]
            share = f"{most / LIMIT:.2f} of the limit {LIMIT}"
            rows.append((step, f"{took:,.0f}", f"{took / asked.samples * 1e6:,.0f}", f"{most:,.0f}", share))
        show(
            f"{asked.samples:,} samples by two workers, into folders of parts",
            ("step", "seconds", "seconds a million", "MB a worker, at most", "ratio"),
            rows,
        )
        for what in ("corpus", "embedded"):
            size = sum(file.stat().st_size for file in (folder / what).iterdir())
            print(f"\n{what}: {size / asked.samples * 1e6 / 1e9:.2f} GB a million samples")
        print(f"\nThis process, which lists and joins: {_peak():,.0f} MB at most")


if __name__ == "__main__":
    main()
