"""What a second worker brings: samples a second of `allograph serve --workers N` against one process, and the memory of each.

All services run all the time and are asked in turn, by clients that send 32 samples at a time, so that the clients take little of
the cores. The limit is the number of cores. Then: how connections that are kept are spread over the workers, and how much of its
rate a tenant gets over so many connections.

    python benchmarks/workers.py [WORKERS]
"""

from __future__ import annotations

import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from base64 import b64encode
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx

from allograph.bundle import Bundle
from timing import show

CLIENTS, SAMPLES = 16, 32
SECONDS, ROUNDS = 3.0, 6
KEPT = (8, 32)
RATE, PACED = 40, 6.0


def main() -> None:
    most = int(sys.argv[1]) if len(sys.argv) > 1 else 2
    with tempfile.TemporaryDirectory() as folder, served(Path(folder), 1) as one, served(Path(folder), most) as several:
        for url in (one, several):
            load(url)
        rounds = [(load(one), load(several)) for _ in range(ROUNDS)]
        memories = [memory(one), memory(several)]
    medians = [statistics.median(found) for found in zip(*rounds, strict=True)]
    ratio = statistics.median(many / single for single, many in rounds)
    rows = [
        [str(count), f"{median:,.0f}", f"{share:.2f} ×", f"{megabytes:.0f}"]
        for count, median, share, megabytes in zip((1, most), medians, (1.0, ratio), memories, strict=True)
    ]
    cores = len(os.sched_getaffinity(0))
    title = f"{CLIENTS} clients, {SAMPLES} samples a request, {cores} cores, the clients' too; medians of {ROUNDS} rounds"
    show(title, ("workers", "samples/s", "ratio", "MB a worker"), rows)
    with tempfile.TemporaryDirectory() as folder, served(Path(folder), most) as url:
        spread = [[str(count), *connections(url, Path(folder), count)] for count in KEPT]
    show(f"{ROUNDS} rounds, as many connections opened at once", ("connections", "the most and the fewest of a worker"), spread)
    with tempfile.TemporaryDirectory() as folder, served(Path(folder), most, rate=RATE) as url:
        rates = [[str(count), f"{let_in(url, count):.1f}"] for count in (1, *KEPT)]
    show(f"--rate {RATE}, for {PACED:g} s after the burst", ("connections", "requests/s"), rates)


@contextmanager
def served(folder: Path, workers: int, rate: int = 1_000_000) -> Iterator[str]:
    """A service on a free port; its address. It logs into `log` in the folder."""
    command = [sys.executable, "-m", "allograph.cli.main", "serve", "--port", "0", "--rate", str(rate), "--workers", str(workers)]
    command += ["--store", str(folder / f"{workers}.db")]
    settings = {**os.environ, "OMP_NUM_THREADS": "1"}
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(command, env=settings, stdout=log, stderr=subprocess.PIPE, text=True)
    try:
        assert process.stderr
        yield process.stderr.readline().split()[-1]
    finally:
        process.terminate()
        process.wait()


def load(url: str) -> float:
    """Samples a second that all clients get read, each on a connection of its own."""
    styles = Bundle.open().styles
    assert styles is not None
    samples = [{"image": b64encode(styles.medoids[place].tobytes()).decode()} for place in range(SAMPLES)]
    body, counts = json.dumps({"samples": samples}).encode(), [0] * CLIENTS
    until = time.perf_counter() + SECONDS

    def ask(place: int) -> None:
        with httpx.Client(base_url=url, headers={"content-type": "application/json"}, timeout=60) as http:
            while time.perf_counter() < until:
                http.post(f"/v1/writers/writer-{place}/read", content=body).raise_for_status()
                counts[place] += SAMPLES

    threads = [threading.Thread(target=ask, args=(place,)) for place in range(CLIENTS)]
    began = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(counts) / (time.perf_counter() - began)


def connections(url: str, folder: Path, count: int) -> list[str]:
    """The most and the fewest connections that a worker took, of each round."""
    found = []
    for _ in range(ROUNDS):
        with ExitStack() as stack, ThreadPoolExecutor(count) as pool:
            clients = [stack.enter_context(httpx.Client(base_url=url, timeout=60)) for _ in range(count)]
            answers = list(pool.map(lambda http: http.get("/v1/live"), clients))
        time.sleep(1)  # until the log is written and the workers know who left
        logged = [json.loads(line) for line in (folder / "log").read_text().splitlines()]
        workers = {line["id"]: line["worker"] for line in logged if line["event"] == "request"}
        taken = Counter(workers[answer.headers["x-request-id"]] for answer in answers)
        found.append(f"{max(taken.values())}:{count - max(taken.values())}")
    return [" ".join(found)]


def let_in(url: str, count: int) -> float:
    """Requests a second that are not turned away, of clients on as many connections which ask all the time."""
    counts, begin = [0] * count, time.perf_counter() + 4  # by then the bucket is empty
    until = begin + PACED

    def ask(place: int) -> None:
        with httpx.Client(base_url=url, timeout=60) as http:
            while (now := time.perf_counter()) < until:
                counts[place] += http.get("/v1/writers").status_code == 200 and now >= begin
                time.sleep(0.005 * count)

    with ThreadPoolExecutor(count) as pool:
        list(pool.map(ask, range(count)))
    return sum(counts) / PACED


def memory(url: str) -> float:
    """Megabytes that each worker holds, on average."""
    text = httpx.get(f"{url}/v1/metrics", timeout=60).text
    found = re.findall(r"^process_resident_memory_bytes\S* (\S+)$", text, re.MULTILINE)
    return statistics.mean(map(float, found)) / 1e6


if __name__ == "__main__":
    main()
