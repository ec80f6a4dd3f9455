"""Tenants' token buckets: of one process, and of several that share them."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from allograph.profiles import open_store
from allograph.server.access import Access, Refused
from allograph.server.buckets import OwnBuckets
from allograph.server.settings import Limits, Settings
from allograph.server.shared_buckets import WAYS, SharedBuckets
from small import environment

HOLDS = """
import signal, sys
from pathlib import Path
from allograph.server.shared_buckets import SharedBuckets
with SharedBuckets(Path(sys.argv[1])).of("ours"):
    print("holds", flush=True)
    signal.pause()
"""


@contextmanager
def shared(folder: Path) -> Iterator[tuple[SharedBuckets, SharedBuckets]]:
    """The same buckets, as two workers have them."""
    with closing(SharedBuckets(folder)) as one, closing(SharedBuckets(folder)) as two:
        yield one, two


def test_those_of_one_process_take_no_memory_without_end() -> None:
    buckets = OwnBuckets(10)
    for place in range(100):
        with buckets.of("always") as bucket:
            bucket.tokens = 3.0
        with buckets.of(f"tenant-{place}") as bucket:
            bucket.tokens = 1.0
    assert len(buckets) == 10
    with buckets.of("always") as bucket:
        assert bucket.tokens == 3.0


def test_what_one_worker_takes_the_other_lacks(tmp_path: Path) -> None:
    with shared(tmp_path) as (one, two):
        with one.of("ours") as bucket:
            bucket.tokens, bucket.time = 7.0, 1.0
        with two.of("ours") as bucket:
            assert (bucket.tokens, bucket.time) == (7.0, 1.0)
        with two.of("theirs") as bucket:
            assert bucket.tokens == float("inf")


def test_a_full_set_forgets_the_one_longest_not_taken_from(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("allograph.server.shared_buckets.SETS", 1)
    with shared(tmp_path) as (one, two):
        for place in range(WAYS + 1):
            with one.of(f"tenant-{place}") as bucket:
                bucket.tokens, bucket.time = float(place), 1.0 + place
        with two.of(f"tenant-{WAYS}") as bucket:
            assert bucket.tokens == WAYS
        with two.of("tenant-0") as bucket:
            assert bucket.tokens == float("inf")
            bucket.time = 100.0
        with two.of("tenant-2") as bucket:
            assert bucket.tokens == 2.0


def test_a_tenant_has_its_whole_rate_at_any_spread_and_no_more(tmp_path: Path) -> None:
    with shared(tmp_path) as both:
        now = [0.0]
        settings = Settings(limits=Limits(rate=40))
        one, two = (Access(open_store("memory:"), settings, lambda: now[0], buckets) for buckets in both)
        let_in = 0
        for place in range(1000):  # 100 requests a second for 10 seconds, nine of ten to one worker
            now[0] = place / 100
            try:
                (two if place % 10 == 0 else one).check_rate("ours")
                let_in += 1
            except Refused:
                pass
        assert let_in == pytest.approx(80 + 40 * 10, abs=2)


def test_a_worker_that_is_killed_holds_up_none(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLDS, str(tmp_path)], env=environment(), stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout
        assert holder.stdout.readline() == "holds\n"
        holder.send_signal(signal.SIGKILL)
        holder.wait()
    with shared(tmp_path) as (one, _), one.of("ours") as bucket:
        assert bucket.tokens == float("inf")
