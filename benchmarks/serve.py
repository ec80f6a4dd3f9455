"""The service against the endpoint that one would write without it: FastAPI around onnxruntime, the same body, one core each.

Ours reads with what each writer taught, with keys, metrics and logs on. The bare endpoint knows no writer, no key and no limit.
Both run all the time on the first core, and are asked in turn from another one by 32 clients. The last row is the limit: what the
model alone reads on such a core, without any service.
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import numpy as np

from allograph.bundle import MODEL, Bundle
from allograph.images.frames import model_input
from allograph.profiles import open_store
from allograph.recognizer import Recognizer
from allograph.writers.writers import Writers
from outcomes import note
from timing import seconds, show

CLIENTS, WRITERS, CORRECTIONS = 32, 32, 50
SECONDS, ROUNDS = 2.0, 8
MANY = 32
"""Samples in a larger request."""
BARE = "bare"


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        key = taught(Path(folder))
        ours_command = [sys.executable, "-m", "allograph.cli.main", "serve", "--port", "0", "--rate", "1000000"]
        bare_command = [sys.executable, __file__, BARE]
        with served(ours_command, Path(folder)) as ours, served(bare_command, Path(folder)) as bare:
            pin(1)
            rows = compared(ours, bare, key)
    heads = ("request", "ours, samples/s", "p50, ms", "p99, ms", "bare, samples/s", "p50, ms", "p99, ms", "ratio")
    title = (
        f"Adapted readings over HTTP: {CLIENTS} clients, {WRITERS} writers with {CORRECTIONS} corrections each, one core, "
        f"with keys, metrics and logs, against a bare endpoint; medians of {ROUNDS} interleaved rounds (targets: 0.8 × and 3 ×)"
    )
    show(title, heads, rows)


class Load(NamedTuple):
    """What a round of requests gave."""

    samples: float
    """A second."""
    times: list[float]
    """Seconds of each request."""


def compared(ours: int, bare: int, key: str) -> list[tuple[str, ...]]:
    """The table: single samples; many a request against the bare endpoint's single ones, and against its many."""
    calls: dict[str, Callable[[], Load]] = {
        "one": lambda: load(ours, "/v1/writers/writer-%d/read", 1, key),
        "bare one": lambda: load(bare, "/read", 1),
        "many": lambda: load(ours, "/v1/writers/writer-%d/read", MANY, key),
        "bare many": lambda: load(bare, "/read", MANY),
        "model": model_alone,
    }
    for call in calls.values():
        call()
    rounds = [{name: call() for name, call in calls.items()} for _ in range(ROUNDS)]
    pairs = (
        ("1 sample", "one", "bare one"),
        (f"{MANY} samples; bare: 1", "many", "bare one"),
        (f"{MANY} samples; bare: {MANY}", "many", "bare many"),
        (f"the model alone, {MANY} a call; bare: 1", "model", "bare one"),
    )
    rows: list[tuple[str, ...]] = []
    for title, mine, theirs in pairs:
        ratio = statistics.median(turn[mine].samples / turn[theirs].samples for turn in rounds)
        note(f"the service, {title}: samples a second / a bare endpoint's", ratio, 0.8, "high")
        rows.append((title, *told([turn[mine] for turn in rounds]), *told([turn[theirs] for turn in rounds]), f"{ratio:.2f} ×"))
    return rows


def told(loads: Sequence[Load]) -> tuple[str, str, str]:
    """Samples a second, and the latency that half and 99 % of the requests keep."""
    times = np.concatenate([one.times for one in loads]) * 1000
    return f"{statistics.median(one.samples for one in loads):.0f}", f"{np.median(times):.0f}", f"{np.percentile(times, 99):.0f}"


class Client(asyncio.Protocol):
    """Sends one request after the other over one connection; all is prepared, so that the client costs next to nothing."""

    def __init__(self, requests: Sequence[bytes], first: int, times: list[float]) -> None:
        self._requests, self._turn, self._times = requests, first, times
        self._found = b""
        self._began = 0.0
        self.ended = asyncio.get_running_loop().create_future()
        self.ending = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask for the first time."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._ask()

    def data_received(self, data: bytes) -> None:
        """Once the answer is whole, ask again."""
        self._found += data
        head, end, body = self._found.partition(b"\r\n\r\n")
        if end and len(body) >= int(head.lower().partition(b"content-length:")[2].split(b"\r", 1)[0]):
            if not head.startswith(b"HTTP/1.1 200") or not body.startswith(b'{"readings":[{'):
                self.ended.set_exception(AssertionError(self._found[:500]))
                return
            self._found = b""
            self._times.append(time.perf_counter() - self._began)
            self._ask()

    def connection_lost(self, error: Exception | None) -> None:
        """That nothing more comes is not foreseen."""
        if not self.ended.done():
            self.ended.set_exception(error or ConnectionError("the server closed the connection"))

    def _ask(self) -> None:
        if self.ending:  # no work is left behind for the next who asks
            self.ended.set_result(None)
            self._transport.close()
            return
        self._turn += 1
        self._began = time.perf_counter()
        self._transport.write(self._requests[self._turn % len(self._requests)])


def load(port: int, path: str, samples: int, key: str = "") -> Load:
    """Ask for `SECONDS`, with so many samples a request."""
    medoids = images()
    requests = []
    for turn in range(4 * CLIENTS):
        chosen = [b64encode(medoids[(turn * samples + i) % len(medoids)]).decode() for i in range(samples)]
        body = json.dumps({"samples": [{"image": image} for image in chosen]}, separators=(",", ":")).encode()
        head = [
            f"POST {path % (turn % WRITERS) if '%' in path else path} HTTP/1.1",
            "Host: 127.0.0.1",
            "Content-Type: application/json",
        ]
        head += [f"Content-Length: {len(body)}", *([f"Authorization: Bearer {key}"] if key else [])]
        requests.append("\r\n".join([*head, "", ""]).encode() + body)

    async def ask() -> Load:
        loop, times = asyncio.get_running_loop(), list[float]()
        clients = [Client(requests, i, times) for i in range(CLIENTS)]
        for client in clients:
            await loop.create_connection(lambda client=client: client, "127.0.0.1", port)  # type: ignore[misc]
        await asyncio.sleep(0.3)
        times.clear()
        began = time.perf_counter()
        await asyncio.sleep(SECONDS)
        found = Load(len(times) * samples / (time.perf_counter() - began), list(times))
        for client in clients:
            client.ending = True
        await asyncio.gather(*(client.ended for client in clients))
        return found

    return asyncio.run(ask())


def model_alone() -> Load:
    """Call the model for `SECONDS`, in this process, by one thread."""
    recognizer, times = Recognizer(threads=1), list[float]()
    inputs = model_input(images()[:MANY])
    while sum(times) < SECONDS:
        times.append(seconds(lambda: recognizer.run(inputs)))
    return Load(len(times) * MANY / sum(times), times)


def images() -> np.ndarray:
    """Samples to be read."""
    styles = Bundle.open().styles
    assert styles is not None
    return styles.medoids


def taught(folder: Path) -> str:
    """A store with writers who taught something, and a key to it."""
    store, random = open_store(folder / "allograph.db"), np.random.default_rng(0)
    recognizer = Recognizer(threads=1)
    styles, alphabet = recognizer.bundle.styles, recognizer.alphabet
    assert styles is not None
    with Writers(store, recognizer) as writers:
        for i in range(WRITERS):
            writer, places = writers[f"writer-{i}"], random.integers(0, len(styles), CORRECTIONS).tolist()
            writer.correct(
                writer.read([styles.medoids[place] for place in places]), [alphabet[styles.labels[place]] for place in places]
            )
    key = store.keys.add("default", "benchmark")
    store.close()
    return key


@contextmanager
def served(command: Sequence[str], folder: Path) -> Iterator[int]:
    """A server on the first core; its port."""
    with open(folder / f"{len(command)}.log", "w") as log:
        settings = {**os.environ, "OMP_NUM_THREADS": "1"}
        process = subprocess.Popen(
            command, cwd=folder, env=settings, stdout=log, stderr=subprocess.PIPE, text=True, preexec_fn=lambda: pin(0)
        )
    try:
        assert process.stderr
        yield int(process.stderr.readline().rpartition(":")[2])
    finally:
        process.terminate()
        process.wait()


def pin(core: int) -> None:
    """Run on this one of our cores, where there is a choice."""
    if hasattr(os, "sched_setaffinity"):
        cores = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(0, {cores[core % len(cores)]})


def bare() -> None:
    """The endpoint that one would write: FastAPI, pydantic, NumPy, onnxruntime."""
    import onnxruntime
    import uvicorn
    from fastapi import FastAPI
    from pydantic import BaseModel

    class Sample(BaseModel):
        image: str

    class Body(BaseModel):
        samples: list[Sample]

    class Reading(BaseModel):
        label: str
        probability: float

    class Answer(BaseModel):
        readings: list[Reading]

    bundle = Bundle.open()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(bundle.path / MODEL, options)
    app = FastAPI()

    async def read(body: Body) -> Answer:
        images = np.frombuffer(b"".join(b64decode(sample.image) for sample in body.samples), np.uint8)
        inputs = images.reshape(-1, 1, 28, 28).astype(np.float32) / 255
        (logits,) = session.run(["logits"], {"images": inputs})
        shares = np.exp(logits - logits.max(axis=1, keepdims=True))
        shares /= shares.sum(axis=1, keepdims=True)
        places = shares.argmax(axis=1)
        return Answer(
            readings=[
                Reading(label=bundle.alphabet[place], probability=float(row[place]))
                for place, row in zip(places.tolist(), shares, strict=True)
            ]
        )

    read.__annotations__.update(body=Body)
    read.__annotations__["return"] = Answer
    app.post("/read")(read)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        print(f"bare endpoint on http://127.0.0.1:{listener.getsockname()[1]}", file=sys.stderr, flush=True)
        uvicorn.Server(uvicorn.Config(app, access_log=False, log_level="critical")).run(sockets=[listener])


if __name__ == "__main__":
    bare() if BARE in sys.argv[1:] else main()
