"""The service for tests: in this process without a socket, or as a process of its own on a free port."""

from __future__ import annotations

import base64
import io
import subprocess
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import lru_cache
from pathlib import Path
from typing import Any, TextIO

import httpx
import numpy as np
from anyio.from_thread import BlockingPortal, start_blocking_portal
from PIL import Image

from allograph.profiles import Store, open_store
from allograph.recognizer import Recognizer
from allograph.server.app import application
from allograph.server.log import RequestLog
from allograph.server.middleware import Gate
from allograph.server.settings import Limits, Settings
from allograph.writers.writers import Writers
from small import COMMAND, environment

HERE = "http://127.0.0.1"
INK = [[[0, 0], [40, 90]], [[20, 45], [60, 40]]]
FREE = Limits(rate=1e9)
"""Limits that do not hold a test back."""


@lru_cache(maxsize=1)
def recognizer() -> Recognizer:
    """The shipped one, on one core."""
    return Recognizer(threads=1)


def image(place: int = 40) -> str:
    """A sample as it goes over the wire."""
    return image_text(sample(place))


def image_text(image: np.ndarray) -> str:
    """Base64 of an image's pixels."""
    return base64.b64encode(image.tobytes()).decode()


def sample(place: int = 40) -> np.ndarray:
    """A style's medoid."""
    styles = recognizer().bundle.styles
    assert styles is not None
    return styles.medoids[place]


def png(picture: np.ndarray, kind: str = "PNG") -> str:
    """Base64 of a picture, uint8 [h, w]."""
    file = io.BytesIO()
    Image.fromarray(picture).save(file, kind)
    return base64.b64encode(file.getvalue()).decode()


def writers(store: Store | None = None, **options: Any) -> Writers:
    """Writers in memory, unless a store is given."""
    return Writers(open_store("memory:") if store is None else store, recognizer(), **options)


class InProcess(httpx.BaseTransport):
    """Calls an application in this process, from a loop in a thread of its own."""

    def __init__(self, app: Gate, portal: BlockingPortal) -> None:
        self._inner = httpx.ASGITransport(app, raise_app_exceptions=False)
        self._portal = portal

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Answer a request."""
        whole = httpx.Request(request.method, request.url, headers=request.headers, content=request.read())
        return self._portal.call(self._answer, whole)

    async def _answer(self, request: httpx.Request) -> httpx.Response:
        answer = await self._inner.handle_async_request(request)
        content = b"".join([part async for part in answer.aiter_raw()])  # as it was sent, compressed or not
        return httpx.Response(answer.status_code, headers=answer.headers, stream=httpx.ByteStream(content))


@contextmanager
def client(
    served: Writers | None = None, limits: Limits = FREE, log: TextIO | None = None, **settings: Any
) -> Iterator[httpx.Client]:
    """A client of a service in this process; what fails in there is a status 500, as for any client."""
    found = writers() if served is None else served
    lines = RequestLog(stream=io.StringIO() if log is None else log)
    app = application(found, Settings(limits=limits, **settings), lines)
    with start_blocking_portal() as portal, httpx.Client(transport=InProcess(app, portal), base_url=HERE) as http:
        yield http
    lines.flush()


class Process:
    """A service in a process of its own."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.log: list[str] = []
        self._url = ""
        self.complaints: list[str] = []
        assert process.stdout
        assert process.stderr
        self._readers = [
            threading.Thread(target=lambda: self.log.extend(process.stdout or ())),
            threading.Thread(target=lambda: self.complaints.extend(process.stderr or ())),
        ]
        for reader in self._readers:
            reader.start()

    @property
    def url(self) -> str:
        """Where it serves; waits until it says so."""
        until = time.monotonic() + 60
        while not self._url and time.monotonic() < until and self.process.poll() is None:
            for line in list(self.complaints):
                if line.startswith("allograph serves "):
                    self._url = line.split()[-1]
            time.sleep(0.02)
        if self._url:
            return self._url
        raise AssertionError(f"the service did not start: {self.complaints}")

    def ended(self, seconds: float = 60) -> int:
        """Its exit status, once it has one, with all that it wrote."""
        status = self.process.wait(seconds)
        for reader in self._readers:
            reader.join()
        return status


@contextmanager
def process(folder: Path, *options: str, store: str = "allograph.db") -> Iterator[Process]:
    """`allograph serve` on a free port."""
    command = [*COMMAND, "serve", "--port", "0", "--store", store, *options]
    started = subprocess.Popen(command, cwd=folder, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    found = Process(started)
    try:
        yield found
    finally:
        with suppress(ProcessLookupError):
            started.kill()
        found.ended()


def read(http: httpx.Client, name: str, *places: int, **rest: Any) -> list[dict[str, Any]]:
    """Readings of medoids."""
    body = {"samples": [{"image": image(place)} for place in places], **rest}
    return ok(http.post(f"/v1/writers/{name}/read", json=body))["readings"]


def correct(http: httpx.Client, name: str, taught: Sequence[tuple[str, int, str]], verb: str = "correct") -> list[dict[str, Any]]:
    """Corrections: id, medoid, label."""
    body = {"corrections": [{"id": id, "image": image(place), "label": label} for id, place, label in taught]}
    return ok(http.post(f"/v1/writers/{name}/{verb}", json=body))["corrections"]


def ok(response: httpx.Response) -> Any:
    """The body of an answer that is all right."""
    assert response.status_code == 200, response.text
    return response.json()


def problem(response: httpx.Response, status: int, words: str = "") -> dict[str, Any]:
    """The body of an answer that tells of a problem."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    body: dict[str, Any] = response.json()
    assert set(body) == {"type", "title", "status", "detail", "instance"}
    assert body["status"] == status
    assert body["instance"] == response.headers["x-request-id"]
    assert words in body["detail"], body
    return body
