"""The numbers of several workers, added up: in this process, from files as workers write them."""

from __future__ import annotations

import math
import os
import threading
from contextlib import ExitStack
from pathlib import Path
from select import PIPE_BUF
from typing import TextIO

from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from allograph.server.log_writer import LogWriter
from allograph.server.metrics import ACCURACY, Metrics
from allograph.server.shared_metrics import Family, Part, SharedMetrics, add_up

Numbers = dict[tuple[str, frozenset[tuple[str, str]]], float]


def worker(folder: Path, name: str) -> tuple[Metrics, SharedMetrics]:
    metrics = Metrics(lambda tenant: 1.0)
    return metrics, SharedMetrics(metrics, folder, name)


def told(shared: SharedMetrics, tenant: str = "ours") -> Numbers:
    """What Prometheus would read."""
    families = text_string_to_metric_families(shared.text(tenant).decode())
    return {(one.name, frozenset(one.labels.items())): one.value for family in families for one in family.samples}


def count(shared: SharedMetrics, name: str, tenant: str = "ours", **labels: str) -> float:
    return told(shared, tenant)[name, frozenset(labels.items())]


def test_counters_add_up_and_each_process_is_told_by_itself(tmp_path: Path) -> None:
    (first, one), (second, two) = worker(tmp_path, "0"), worker(tmp_path, "1")
    for metrics, times in ((first, 3), (second, 4)):
        for _ in range(times):
            metrics.answered("GET", "/v1/live", 200, 0.002)
            metrics.of("ours").readings.inc(2)
    second.of("theirs").readings.inc(100)
    assert count(one, "allograph_requests_total", method="GET", route="/v1/live", status="200") == 3  # the other told nothing yet
    two.keep()
    assert count(one, "allograph_requests_total", method="GET", route="/v1/live", status="200") == 7
    assert count(one, "allograph_request_seconds_count", route="/v1/live") == 7
    assert count(one, "allograph_readings_total") == 14
    assert count(one, "allograph_readings_total", "theirs") == 100
    assert count(one, "allograph_warm_writers") == 2
    numbers = told(one)
    assert {("process_open_fds", frozenset({("worker", name)})) for name in "01"} <= set(numbers)
    assert math.isnan(numbers[ACCURACY, frozenset({("reader", "base")})])


def test_rolling_accuracy_is_of_all_corrections(tmp_path: Path) -> None:
    (first, one), (second, two) = worker(tmp_path, "0"), worker(tmp_path, "1")
    for right in (True, True, False):
        first.of("ours").corrected(right, True, False)
    second.of("ours").corrected(False, True, True)
    second.answered("POST", "other", 200, 0.1)
    two.keep()
    assert count(one, ACCURACY, reader="base") == 0.5
    assert count(one, ACCURACY, reader="personal") == 1.0
    assert count(one, "allograph_corrections_total", kind="given") == 3


def test_who_comes_in_a_dead_ones_place_goes_on_counting(tmp_path: Path) -> None:
    (_, one), (second, two) = worker(tmp_path, "0"), worker(tmp_path, "1")
    second.answered("GET", "/v1/live", 200, 0.002)
    second.of("ours").readings.inc(5)
    two.keep()
    began = count(one, "allograph_readings_created")
    for again in range(3):
        third, three = worker(tmp_path, "1")
        three.keep()  # before the tenant comes again
        assert count(one, "allograph_readings_total") == count(three, "allograph_readings_total") == 5 + again
        third.answered("GET", "/v1/live", 200, 0.002)
        third.of("ours").readings.inc()
        three.keep()
        assert count(one, "allograph_readings_total") == 6 + again
        assert count(one, "allograph_requests_total", method="GET", route="/v1/live", status="200") == 2 + again
        assert count(one, "allograph_readings_created") <= began
        assert len([name for name, _ in told(one) if name == "process_open_fds"]) == 2


def test_a_folder_that_is_gone_is_no_failure(tmp_path: Path) -> None:
    metrics, shared = worker(tmp_path / "gone", "0")
    metrics.answered("GET", "/v1/live", 200, 0.002)
    shared.keep()
    assert count(shared, "allograph_requests_total", method="GET", route="/v1/live", status="200") == 1


@given(st.lists(st.dictionaries(st.sampled_from("abc"), st.integers(0, 1000), min_size=1), min_size=1, max_size=5))
def test_sums_are_sums_in_any_order_and_grouping(counts: list[dict[str, int]]) -> None:
    parts = [Part([Family("x", "text", "counter", [("x_total", {"l": key}, n) for key, n in one.items()])]) for one in counts]

    def totals(some: list[Part]) -> dict[str, float]:
        (family,) = add_up(some)
        return {labels["l"]: value for _, labels, value in family.samples}

    expected = {key: sum(one.get(key, 0) for one in counts) for one in counts for key in one}
    assert totals(parts) == totals(parts[::-1]) == expected
    assert totals([Part(list(add_up(parts[:1]))), *parts[1:]]) == expected


def test_lines_of_several_writers_to_one_pipe_stay_whole() -> None:
    source, sink = os.pipe()
    expected = {f"{name}{i} " + name * (i % (PIPE_BUF - 100)) for name in "abcd" for i in range(0, 8000, 13)}

    def write(end: TextIO, name: str) -> None:
        log = LogWriter(end)
        for line in sorted(one for one in expected if one[0] == name):
            log.put(line)
        log.flush(30)

    with ExitStack() as stack, open(source, "rb") as pipe:
        ends = [stack.enter_context(open(os.dup(sink), "w")) for _ in "abcd"]
        os.close(sink)
        threads = [threading.Thread(target=write, args=one) for one in zip(ends, "abcd", strict=True)]
        for thread in threads:
            thread.start()
        found = {pipe.readline().decode().rstrip("\n") for _ in expected}
        for thread in threads:
            thread.join()
    assert found == expected
