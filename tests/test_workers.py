"""`allograph serve --workers`: one service of several real processes."""

from __future__ import annotations

import json
import os
import re
import signal
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import pytest

from allograph.profiles import open_store
from served import Process, correct, image, ok, problem, process, read
from small import allograph

pytestmark = pytest.mark.slow  # each starts three processes
COUNT = 2


@contextmanager
def workers(folder: Path, store: str = "allograph.db", *options: str) -> Iterator[tuple[Process, dict[str, httpx.Client]]]:
    """A service of two workers, and a client that is connected to each, by the name of the worker."""
    with process(folder, "--workers", str(COUNT), *options, store=store) as served, ExitStack() as stack:
        clients: dict[str, httpx.Client] = {}
        late = time.monotonic() + 60
        while len(clients) < COUNT and time.monotonic() < late:
            client = stack.enter_context(httpx.Client(base_url=served.url, timeout=60))
            clients.setdefault(answerer(served, client.get("/v1/live")), client)
        assert sorted(clients) == ["0", "1"]
        yield served, clients


def answerer(served: Process, response: httpx.Response) -> str:
    """The worker that answered, as the log says."""
    lines = waited(lambda: [line for line in log(served) if line.get("id") == response.headers["x-request-id"]])
    return str(lines[0]["worker"])


def log(served: Process) -> list[dict[str, Any]]:
    return [json.loads(line) for line in list(served.log)]


def waited(find: Callable[[], Any], seconds: float = 60) -> Any:
    """What is found, once something is."""
    late = time.monotonic() + seconds
    while not (found := find()):
        assert time.monotonic() < late, "it did not come"
        time.sleep(0.05)
    return found


def children(served: Process) -> list[int]:
    """The workers' processes, the oldest first."""
    found = Path(f"/proc/{served.process.pid}/task/{served.process.pid}/children").read_text().split()
    return [int(id) for id in found if b"spawn_main" in Path(f"/proc/{id}/cmdline").read_bytes()]


def number(http: httpx.Client, name: str) -> float:
    """What a metric says, over all its labels."""
    lines = http.get("/v1/metrics").text.splitlines()
    return sum(float(line.rpartition(" ")[2]) for line in lines if re.match(rf"{name}[{{ ]", line))


def until(http: httpx.Client, name: str, count: int) -> None:
    """Wait until a metric says so much: what the others count is told a second later."""
    waited(lambda: number(http, name) == count)


def test_what_one_worker_learns_the_other_reads_and_their_metrics_add_up(tmp_path: Path, lasting_url: str) -> None:
    with workers(tmp_path, lasting_url) as (served, clients):
        one, two = clients["0"], clients["1"]
        before = read(two, "ana", 40)[0]["best"]
        for i, label in enumerate("qwer"):
            here, there = (one, two) if i % 2 else (two, one)
            correct(here, "ana", [("1", 40, label)])
            assert read(there, "ana", 40)[0]["label"] == label
        ok(one.post("/v1/writers/ana/undo", json={"id": "1"}))
        assert read(two, "ana", 40)[0]["best"] == before
        for http in clients.values():
            until(http, "allograph_readings_total", 6)
            assert number(http, "allograph_corrections_total") == 4
            text = http.get("/v1/metrics").text
            assert {'process_open_fds{worker="0"}', 'process_open_fds{worker="1"}'} <= {
                line.split(" ")[0] for line in text.splitlines()
            }
        requests = [line for line in log(served) if line["event"] == "request"]
        assert {line["worker"] for line in requests} == {"0", "1"}
        served.process.terminate()
        assert served.ended() == 0
    assert served.complaints == [f"allograph serves {served.url}\n"]


def test_each_takes_as_many_connections(tmp_path: Path) -> None:
    with process(tmp_path, "--workers", str(COUNT)) as served, ExitStack() as stack:
        clients = [stack.enter_context(httpx.Client(base_url=served.url, timeout=60)) for _ in range(16)]
        with ThreadPoolExecutor(len(clients)) as pool:  # all come at once
            answers = list(pool.map(lambda http: http.get("/v1/live"), clients))
        taken = Counter(answerer(served, answer) for answer in answers)
        assert min(taken["0"], taken["1"]) >= 4, taken


def test_a_tenant_has_one_rate_at_all_of_them(tmp_path: Path) -> None:
    with workers(tmp_path, "allograph.db", "--rate", "0.1") as (_, clients):
        for http in clients.values():  # two at once, and the next after ten seconds
            ok(http.get("/v1/writers"))
        for http in clients.values():
            problem(http.get("/v1/writers"), 429, "0.1 samples a second")


def test_a_worker_that_dies_is_replaced_and_its_counts_stay(tmp_path: Path) -> None:
    with workers(tmp_path) as (served, clients):
        correct(clients["0"], "ana", [("1", 40, "q")])
        correct(clients["1"], "ana", [("2", 41, "w")])
        until(clients["1"], "allograph_corrections_total", 2)
        first, second = children(served)
        os.kill(first, signal.SIGKILL)
        waited(lambda: first not in children(served))
        for _ in range(10):  # the other takes whoever comes meanwhile
            with httpx.Client(base_url=served.url, timeout=60) as http:
                assert read(http, "ana", 40)[0]["label"] == "q"
        waited(lambda: len(children(served)) == COUNT)
        assert second in children(served)
        waited(lambda: [line["serves"] for line in log(served) if "serves" in line] == ["0", "1", "0"])
        (died,) = waited(lambda: [line for line in log(served) if "died" in line])
        assert (died["worker"], died["died"], died["status"]) == ("watch", "0", -signal.SIGKILL)

        def by_new() -> httpx.Client | None:
            http = httpx.Client(base_url=served.url, timeout=60)
            if answerer(served, http.get("/v1/live")) == "0":
                return http
            http.close()
            return None

        with closing(waited(by_new)) as http:
            assert number(http, "allograph_corrections_total") == 2
        served.process.terminate()
        assert served.ended() == 0
    assert not list(Path(tempfile.gettempdir()).glob(f"allograph-metrics-{served.process.pid}-*"))


def test_all_finish_what_they_answer_and_end(tmp_path: Path) -> None:
    with workers(tmp_path) as (served, clients), ThreadPoolExecutor(2) as pool:
        body = {"samples": [{"image": image(i)} for i in range(250)]}
        asked = [pool.submit(http.post, "/v1/writers/ana/read", json=body) for http in clients.values()]
        time.sleep(0.05)
        served.process.send_signal(signal.SIGINT)
        for one in asked:
            with suppress(httpx.ConnectError):  # it came when the door was closed already
                assert len(ok(one.result())["readings"]) == 250
        assert served.ended() == 0


def test_no_client_is_cut_off_when_they_end(tmp_path: Path) -> None:
    def ask_on(http: httpx.Client) -> None:
        with suppress(httpx.ConnectError):  # nobody listens any more
            while True:
                ok(http.get("/v1/writers"))

    with workers(tmp_path, "allograph.db", "--rate", "1000000") as (served, _), ExitStack() as stack:
        clients = [stack.enter_context(httpx.Client(base_url=served.url, timeout=60)) for _ in range(8)]
        with ThreadPoolExecutor(len(clients)) as pool:
            asked = [pool.submit(ask_on, http) for http in clients]
            time.sleep(0.5)
            served.process.terminate()
            for one in asked:
                one.result()
        assert served.ended() == 0


def test_workers_end_with_the_one_that_watches(tmp_path: Path) -> None:
    with workers(tmp_path) as (served, _):
        ids = children(served)
        served.process.kill()
        waited(lambda: not any(alive(id) for id in ids))
    store = open_store(tmp_path / "allograph.db")
    store.close()


def alive(id: int) -> bool:
    try:
        return Path(f"/proc/{id}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_what_keeps_them_from_serving_is_said_once(tmp_path: Path) -> None:
    done = allograph("serve", "--workers", "2", "--port", "0", "--adapter", "nonsense", cwd=tmp_path, status=2)
    assert done.stderr.count("nonsense") == 1
    done = allograph("serve", "--workers", "2", "--port", "0", "--store", "memory:", cwd=tmp_path, status=2)
    assert "--store" in done.stderr


def test_only_one_worker_migrates(tmp_path: Path) -> None:
    with workers(tmp_path, "allograph.db", "--migrate") as (served, _):
        lines = waited(lambda: [line for line in log(served) if line["event"] == "migrate"])
        time.sleep(1)
        assert [line["worker"] for line in log(served) if line["event"] == "migrate"] == ["0"], lines
