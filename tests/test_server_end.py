"""A service that is asked to stop ends in time, whatever hangs."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import httpx
import pytest
from sqlalchemy.engine import make_url

from served import correct, image, ok, problem, process
from small import environment
from test_server_connections import POST
from test_server_process import connected, request

HUNG = """
import sys, threading, time
from concurrent.futures import ThreadPoolExecutor
from allograph.server import run as running
running.END = 2

async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        while True:
            message = await receive()
            if message["type"] == "lifespan.shutdown":
                {hang}
            await send({{"type": message["type"] + ".complete"}})
    else:
        await send({{"type": "http.response.start", "status": 204, "headers": []}})
        await send({{"type": "http.response.body"}})

pool = ThreadPoolExecutor(1)
running.run(app, running.listening("127.0.0.1", 0))
"""
HANGING = {
    "a thread of an executor": "pool.submit(time.sleep, 1000)",
    "the loop": "time.sleep(1000)",
    "a lock": "threading.Lock().acquire(); lock = threading.Lock(); lock.acquire(); lock.acquire()",
    "a task": "import asyncio; await asyncio.sleep(1000)",
    "who lets no thread have a turn": "import re; re.match('(a+)+$', 'a' * 60 + 'b')",
}


@pytest.mark.slow
@pytest.mark.parametrize("what", HANGING)
def test_what_hangs_is_cut_off(what: str, tmp_path: Path) -> None:
    script = HUNG.format(hang=HANGING[what])
    with subprocess.Popen([sys.executable, "-c", script], env=environment(), stderr=subprocess.PIPE, text=True) as hung:
        try:
            assert hung.stderr
            assert "serves" in hung.stderr.readline()
            hung.terminate()
            began = time.monotonic()
            status = hung.wait(30)
            assert time.monotonic() - began < 10
            if what == "who lets no thread have a turn":
                assert status == -signal.SIGALRM
            else:
                assert status == 1
                assert "allograph: asked to stop, it had not ended after 2 s and was cut off" in hung.stderr.read()
        finally:
            hung.kill()


@pytest.mark.slow
def test_clients_that_neither_send_nor_read_hold_no_end_up(tmp_path: Path) -> None:
    with process(tmp_path) as served, ExitStack() as stack:
        correct(httpx.Client(base_url=served.url), "ana", [("1", 1, "a")])
        half = stack.enter_context(connected(served.url))
        half.sendall(POST + b"Content-Length: 1000\r\n\r\n{")
        unread = stack.enter_context(connected(served.url))
        unread.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        unread.sendall(b"GET /v1/openapi.json HTTP/1.1\r\nHost: localhost\r\n\r\n" * 60)
        trickle = stack.enter_context(connected(served.url))
        trickle.sendall(POST + b"Content-Length: 1000\r\n\r\n")
        time.sleep(0.5)
        served.process.terminate()
        began = time.monotonic()
        while served.process.poll() is None and time.monotonic() - began < 40:
            with suppress(OSError):
                trickle.sendall(b" ")
            time.sleep(0.5)
        assert time.monotonic() - began < 30
        assert served.ended() == 0


class Line:
    """A line to a server that can be cut so that neither end hears of it."""

    def __init__(self, host: str, port: int) -> None:
        self._there = (host, port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.swallowing = threading.Event()
        self._ends: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                here, _ = self._listener.accept()
                there = socket.create_connection(self._there)
                self._ends += [here, there]
                for one, other in ((here, there), (there, here)):
                    threading.Thread(target=self._carry, args=(one, other), daemon=True).start()

    def _carry(self, one: socket.socket, other: socket.socket) -> None:
        with suppress(OSError):
            while data := one.recv(2**16):
                if not self.swallowing.is_set():
                    other.sendall(data)

    def close(self) -> None:
        """Cut it for good."""
        for end in (self._listener, *self._ends):
            end.close()


@contextmanager
def line_to(schema: str) -> Iterator[tuple[Line, str]]:
    """A line to a database, and the address at its end."""
    url = make_url(schema)
    line = Line(url.host or "127.0.0.1", url.port or 5432)
    try:
        yield line, url.set(host="127.0.0.1", port=line.port).render_as_string(hide_password=False)
    finally:
        line.close()


@pytest.mark.slow
def test_a_database_that_is_swallowed_holds_up_neither_health_nor_end(tmp_path: Path, schema: str) -> None:
    with line_to(schema) as (line, url), process(tmp_path, store=url) as served:
        with httpx.Client(base_url=served.url, timeout=60) as http, ExitStack() as stack:
            correct(http, "ana", [("1", 1, "a")])
            ok(http.get("/v1/ready"))
            ok(http.get("/v1/openapi.json"))
            line.swallowing.set()
            time.sleep(2.1)  # what the service knows of keys is no longer fresh
            waiting = stack.enter_context(connected(served.url))
            waiting.sendall(request("POST", "/v1/writers/ana/read", json.dumps({"samples": [{"image": image(1)}]}).encode()))
            for turn in range(3):
                began = time.monotonic()
                found = problem(http.get("/v1/ready"), 503, "the store")
                assert time.monotonic() - began < (5 if turn == 0 else 2)
                assert found["type"] == "urn:allograph:storage"
                began = time.monotonic()
                ok(http.get("/v1/live"))
                ok(http.get("/v1/openapi.json"))
                assert http.get("/").status_code == 200
                assert http.get("/static/icon.svg").status_code == 200
                assert time.monotonic() - began < 2
            began = time.monotonic()
            problem(http.get("/v1/writers/ana"), 503, "the store")
            assert time.monotonic() - began < 12
        served.process.terminate()
        began = time.monotonic()
        assert served.ended(40) in (0, 1)
        assert time.monotonic() - began < 30
        text = "".join(served.log + served.complaints)
        assert "Traceback" not in text
        assert [json.loads(log) for log in served.log if '"storage"' in log]
