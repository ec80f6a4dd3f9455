"""A cluster: two workers against one on the same samples, and what a large corpus costs in memory and time.

The corpus is made here, of the shipped bundle's styles with noise, and prepared, folded, embedded and judged as folders of parts:
scheduler, workers and caller are processes of their own. `--samples 200000` makes a smaller one; what two workers are to one is
measured on `--few` of them, with workers that have been begun and have embedded before.
"""

from __future__ import annotations

import argparse
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from distributed import Client, SubprocessCluster

from allograph.corpora import prepare
from allograph.corpora.folds import fold
from allograph.embedding import embed
from allograph.evaluation import Resample, evaluate
from made_source import MadeSource
from outcomes import note
from timing import paired, seconds, show

TARGET, LIMIT = 1.7, 500
"""Two workers over one, and megabytes a worker."""
STATUS, CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")


@contextmanager
def workers(count: int, folder: Path) -> Iterator[str]:
    """The address of a scheduler with so many workers, one thread each."""
    with SubprocessCluster(
        n_workers=count, threads_per_worker=1, dashboard_address=None,
        worker_kwargs={"memory_limit": None, "local_directory": str(folder / "scratch")},
    ) as cluster:  # fmt: skip
        with Client(cluster.scheduler_address, set_as_default=False) as client:
            client.wait_for_workers(count)
        yield cluster.scheduler_address


def peak() -> float:
    """The most memory that this process has had since `forget_peak`, in megabytes."""
    return next(int(line.split()[1]) for line in STATUS.read_text().splitlines() if line.startswith("VmHWM:")) * 1024 / 1e6


def forget_peak() -> None:
    """Have `peak` begin anew, from what is in use now."""
    CLEAR.write_text("5")


def most_of_workers(address: str) -> float:
    """The most memory that a worker has had, in megabytes."""
    with Client(address, set_as_default=False) as client:
        return float(max(client.run(peak).values()))


def compare(few: int, rounds: int, folder: Path) -> None:
    """Show what two workers are to one, into one file and into folders of parts."""
    corpus = prepare(MadeSource(few), f"{folder}/few/", "all", jobs=2)
    rows = []
    with workers(1, folder) as one, workers(2, folder) as two:
        for what, end in (("one file", ".parquet"), ("a folder of parts", "/")):
            times = paired(
                lambda end=end: embed(corpus, None, f"{folder}/by-two{end}", jobs=two),  # type: ignore[misc]
                lambda end=end: embed(corpus, None, f"{folder}/by-one{end}", jobs=one),  # type: ignore[misc]
                rounds,
            )
            rows.append((what, "1", f"{few / times.peer:,.0f}", "1"))
            rows.append((what, "2", f"{few / times.ours:,.0f}", f"{1 / times.ratio:.2f} (target {TARGET})"))
            note(f"embedding into {what}: two workers / one", 1 / times.ratio, TARGET, "high")
    assert (folder / "by-one.parquet").read_bytes() == (folder / "by-two.parquet").read_bytes()
    for part in (folder / "by-one").iterdir():
        assert part.read_bytes() == (folder / "by-two" / part.name).read_bytes()
    show(
        f"Embedding {few:,} samples, median of {rounds} interleaved rounds",
        ("into", "workers", "samples a second", "times one worker"),
        rows,
    )


def main() -> None:
    paths = [str(Path(__file__).parent), *filter(None, [os.environ.get("PYTHONPATH")])]
    os.environ["PYTHONPATH"] = os.pathsep.join(paths)  # the workers are to find the source that is made here
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--samples", type=int, default=2_000_000)
    parser.add_argument("--few", type=int, default=262_144)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--method", default="memory", help="what judges")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if asked.rounds:
            compare(asked.few, asked.rounds, folder)
        corpus, embedded = f"{folder}/corpus/", f"{folder}/embedded/"
        protocol = Resample(resamples=1, split="all")
        steps: list[tuple[str, Callable[[str], object]]] = [
            ("prepare", lambda at: prepare(MadeSource(asked.samples), corpus, "paper", jobs=at)),
            ("fold", lambda at: fold(corpus, 1, 3, f"{folder}/fold/", at)),
            ("embed", lambda at: embed(corpus, None, embedded, jobs=at)),
            ("evaluate", lambda at: evaluate(embedded.rstrip("/"), asked.method, protocol, jobs=at)),
        ]
        rows = []
        for step, run in steps:
            with workers(2, folder) as address:
                forget_peak()
                took = seconds(lambda run=run, address=address: run(address))  # type: ignore[misc]
                here, most = peak(), most_of_workers(address)
            million = took / asked.samples * 1e6
            rows.append((step, f"{took:,.0f}", f"{million:,.0f}", f"{most:,.0f}", f"{most / LIMIT:.2f}", f"{here:,.0f}"))
            note(f"{step}, {asked.samples:,} samples: the largest worker", most, LIMIT, unit="MB")
            shutil.rmtree(folder / "fold", ignore_errors=True)
        show(
            f"{asked.samples:,} samples by two workers, into folders of parts; evaluate judges them all, by {asked.method}, once",
            ("step", "seconds", "seconds a million", "MB a worker, at most", f"of {LIMIT}", "MB of the caller, at most"),
            rows,
        )
        for what in ("corpus", "embedded"):
            size = sum(file.stat().st_size for file in (folder / what).iterdir())
            print(f"\n{what}: {size / asked.samples * 1e6 / 1e9:.2f} GB a million samples")


if __name__ == "__main__":
    main()
