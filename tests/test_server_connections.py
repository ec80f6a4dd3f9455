"""Clients that keep the service waiting, send without end, or send what is no request: others notice nothing of it."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import httpx
import pytest

from served import Process, image, ok, process
from small import COMMAND, environment
from test_server_process import connected, request, until

POST = b"POST /v1/writers/ana/read HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
LIVE = b"GET /v1/live HTTP/1.1\r\nHost: localhost\r\n"
UNFINISHED = {
    "heads": LIVE + b"X-Slow: a",
    "bodies": POST + b"Content-Length: 1000\r\n\r\n{",
    "idle": b"",
    "answered": LIVE + b"\r\n",
    "unread bodies": b"POST /v1/nothing HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9999999\r\n\r\n{",
}
AT_ONCE = 3.0
"""Seconds; the machine that tests run on has other work."""


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    """A service that may open 256 files."""
    folder = tmp_path_factory.mktemp("served")
    script = f"ulimit -n 256; exec {' '.join(COMMAND)} serve --port 0"
    with running(["bash", "-c", script], folder) as found:
        yield found


@contextmanager
def running(command: list[str], folder: Path) -> Iterator[Process]:
    """A service that a command starts."""
    started = subprocess.Popen(command, cwd=folder, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    found = Process(started)
    try:
        yield found
    finally:
        with suppress(ProcessLookupError):
            started.kill()
        found.ended()


def answered(url: str, data: bytes, seconds: float = 30) -> bytes:
    """What comes back for these bytes, until the service ends the connection; raises `TimeoutError` where it does not."""
    with connected(url) as connection:
        connection.settimeout(seconds)
        with suppress(ConnectionError):
            connection.sendall(data)
        return rest(connection)


def rest(connection: socket.socket) -> bytes:
    """What comes until the service ends the connection."""
    return b"".join(iter(lambda: connection.recv(2**16), b""))


@pytest.mark.slow
@pytest.mark.parametrize("kind", UNFINISHED)
def test_three_hundred_that_never_finish_shut_nobody_out(kind: str, served: Process) -> None:
    with ExitStack() as stack:
        waiting = []
        for _ in range(300):
            connection = stack.enter_context(connected(served.url))
            connection.sendall(UNFINISHED[kind])
            waiting.append(connection)
        for _ in range(5):
            began = time.monotonic()
            with connected(served.url) as honest:
                honest.settimeout(10)
                honest.sendall(request("POST", "/v1/writers/ana/read", json.dumps({"samples": [{"image": image(1)}]}).encode()))
                assert until(honest, b"]}").startswith(b"HTTP/1.1 200")
            assert time.monotonic() - began < AT_ONCE
        assert len(os.listdir(f"/proc/{served.process.pid}/fd")) < 200


@pytest.mark.slow
def test_a_client_that_does_not_go_on_is_told_and_let_go(served: Process) -> None:
    with ExitStack() as stack:
        waiting = {kind: stack.enter_context(connected(served.url)) for kind in UNFINISHED}
        for kind, connection in waiting.items():
            connection.sendall(UNFINISHED[kind])
        trickle = stack.enter_context(connected(served.url))
        trickle.sendall(POST + b"Content-Length: 1000\r\n\r\n")
        until_then = time.monotonic() + 20
        with suppress(ConnectionError):
            while time.monotonic() < until_then and not trickling(trickle):
                time.sleep(0.5)
        assert time.monotonic() < until_then
        found = {}
        for kind, connection in waiting.items():
            connection.settimeout(10)
            found[kind] = rest(connection)
        assert found["heads"].startswith(b"HTTP/1.1 408")
        assert found["bodies"].startswith(b"HTTP/1.1 408")
        assert found["idle"] == b""
        assert found["answered"].count(b"HTTP/1.1 ") == 1


def trickling(connection: socket.socket) -> bool:
    """Send one more byte; whether the service has ended the connection."""
    connection.sendall(b" ")
    connection.setblocking(False)
    try:
        return connection.recv(2**16) is not None
    except BlockingIOError:
        return False
    finally:
        connection.setblocking(True)


@pytest.mark.slow
def test_a_slow_body_that_comes_is_waited_for(served: Process) -> None:
    body = json.dumps({"samples": [{"image": image(1)}]}).encode()
    with connected(served.url) as connection:
        whole = request("POST", "/v1/writers/ana/read", body)
        for start in range(0, len(whole), len(whole) // 8):
            connection.sendall(whole[start : start + len(whole) // 8])
            time.sleep(0.3)
        assert until(connection, b"]}").startswith(b"HTTP/1.1 200")


@pytest.mark.slow
def test_an_answer_that_nobody_reads_is_not_kept(served: Process) -> None:
    document = b"GET /v1/openapi.json HTTP/1.1\r\nHost: localhost\r\n\r\n"
    with connected(served.url) as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.sendall(document * 60)
        time.sleep(1)
        before = len(os.listdir(f"/proc/{served.process.pid}/fd"))
        until_then = time.monotonic() + 30
        while len(os.listdir(f"/proc/{served.process.pid}/fd")) >= before:
            assert time.monotonic() < until_then
            time.sleep(0.5)


MALFORMED = {
    "a header of 1 MB": (LIVE + b"X: " + b"a" * 10**6 + b"\r\n\r\n", 431),
    "a header of 40 kB": (LIVE + b"X: " + b"a" * 40_000 + b"\r\n\r\n", 431),
    "thousands of headers": (LIVE + b"X: a\r\n" * 5000 + b"\r\n", 431),
    "an address of 20 kB": (b"GET /v1/writers?after=" + b"a" * 20_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n", 414),
    "an address of 1 MB": (b"GET /v1/writers?after=" + b"a" * 10**6 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n", 431),
    "an address of bytes": (b"GET /v1/writers/\xff HTTP/1.1\r\nHost: localhost\r\n\r\n", 400),
    "TLS": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" * 9, 400),
    "another protocol": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
    "two lengths": (POST + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\n", 400),
    "a length and chunks": (POST + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    "a negative length": (POST + b"Content-Length: -5\r\n\r\n", 400),
    "a length without end": (POST + b"Content-Length: " + b"9" * 40 + b"\r\n\r\n", 400),
    "a large length": (POST + b"Content-Length: 999999999999\r\n\r\n", 413),
    "what was asked for first": (POST + b"Expect: 100-continue\r\nContent-Length: 999999999\r\n\r\n", 413),
    "a chunk that is none": (POST + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n", 400),
    "chunks without end": (POST + b"Transfer-Encoding: chunked\r\n\r\n" + (b"10000\r\n" + b" " * 2**16 + b"\r\n") * 200, 413),
    "an extension without end": (POST + b"Transfer-Encoding: chunked\r\n\r\n1;" + b"a" * 10**6, 400),
    "trailers without end": (POST + b"Transfer-Encoding: chunked\r\n\r\n0\r\n" + b"X: aaaaaaaa\r\n" * 10**5, 400),
}


@pytest.mark.parametrize("what", MALFORMED)
def test_what_is_too_much_or_no_request_gets_one_bounded_answer(what: str, served: Process) -> None:
    data, status = MALFORMED[what]
    began = time.monotonic()
    found = answered(served.url, data)
    assert time.monotonic() - began < 5
    head, _, body = found.partition(b"\r\n\r\n")
    assert head.startswith(f"HTTP/1.1 {status} ".encode()), found[:200]
    assert b"content-type: application/problem+json" in head
    assert json.loads(body)["status"] == status


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/v1/writers/%ff", 400),
        ("/v1/writers/%ed%a0%80", 400),
        ("/v1/writers/%ef%bf%bd", 404),
        ("/v1/writers/a%00b", 422),
        ("/v1/writers?after=%00", 400),
        ("/v1/writers?after=%ff", 400),
        ("/static/%00", 404),
        ("/static/%ff", 400),
        ("/static/%2e%2e/run.py", 404),
        ("/static/" + "a" * 5000, 404),
        ("*", 404),
    ],
)
def test_addresses_that_name_nothing(path: str, status: int, served: Process) -> None:
    found = answered(served.url, f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
    assert found.startswith(f"HTTP/1.1 {status} ".encode())


def test_requests_that_come_before_they_are_answered_are_answered_in_turn_up_to_a_bound(served: Process) -> None:
    with connected(served.url) as connection:
        connection.sendall((LIVE + b"\r\n") * 20)
        found = b""
        while found.count(b'{"status":"ok"}') < 20 and (more := connection.recv(2**16)):
            found += more
    assert found.count(b"HTTP/1.1 200") == 20
    found = answered(served.url, (LIVE + b"\r\n") * 5000)
    assert 20 <= found.count(b"HTTP/1.1 200") < 100
    assert found.count(b"connection: close") == 1
    found = answered(served.url, (LIVE + b"\r\n") * 2 + b"garbage\r\n\r\n")
    assert found.count(b"HTTP/1.1 200") == 2


def test_continue_is_said_where_the_body_is_wanted(served: Process) -> None:
    with connected(served.url) as connection:
        connection.sendall(POST + b"Expect: 100-continue\r\nContent-Length: 2\r\n\r\n")
        assert until(connection, b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(b"{}")
        assert connection.recv(1000).startswith(b"HTTP/1.1 422")  # its body may come with its head


def test_an_upgrade_that_is_not_wanted_ends_the_connection_after_the_answer(served: Process) -> None:
    upgrade = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n"
    assert answered(served.url, LIVE + upgrade + b"\r\n", 5).startswith(b"HTTP/1.1 200")
    assert answered(served.url, POST + upgrade + b"Content-Length: 2\r\n\r\n{}", 5).startswith(b"HTTP/1.1 422")


def test_more_connections_than_there_may_be_take_no_place_from_those_in_work(tmp_path: Path) -> None:
    with process(tmp_path, "--connections", "4") as served, ExitStack() as stack:
        working = stack.enter_context(connected(served.url))
        body = json.dumps({"samples": [{"image": image(i)} for i in range(250)]}).encode()
        working.sendall(request("POST", "/v1/writers/ana/read", body))
        ok(httpx.get(f"{served.url}/v1/live"))  # the service has seen what came before
        time.sleep(0.5)
        for _ in range(20):
            stack.enter_context(connected(served.url)).sendall(LIVE)
        assert until(working, b"]}").startswith(b"HTTP/1.1 200")
        ok(httpx.get(f"{served.url}/v1/live"))
