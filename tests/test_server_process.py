"""The service as processes on real sockets: its start and its end, its log, replicas that share a store."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from allograph.profiles import open_store
from served import correct, image, ok, problem, process, read
from small import allograph, environment


def test_it_finishes_what_it_answers_stores_what_it_learned_and_ends_well(tmp_path: Path) -> None:
    with process(tmp_path) as served, httpx.Client(base_url=served.url, timeout=60) as http:
        correct(http, "ana", [(str(i), i, "a") for i in range(3)])
        read(http, "ana", 1)
        with connected(served.url) as asking:
            asking.sendall(request("GET", "/v1/live"))
            assert until(asking, b'"ok"}').startswith(b"HTTP/1.1 200")
            body = json.dumps({"samples": [{"image": image(i)} for i in range(250)]}).encode()
            asking.sendall(request("POST", "/v1/writers/ana/read", body))
            ok(http.get("/v1/live"))  # the service has seen what came before
            served.process.terminate()
            answer = b"".join(iter(lambda: asking.recv(2**16), b""))
        assert answer.startswith(b"HTTP/1.1 200")
        assert len(json.loads(answer.partition(b"\r\n\r\n")[2])["readings"]) == 250
        assert served.ended() == 0
        assert served.complaints == [f"allograph serves {served.url}\n"]
    store = open_store(tmp_path / "allograph.db")
    (stored,) = store.profiles("default")
    assert (stored.name, stored.corrections) == ("ana", 3)
    store.close()


def test_its_log_is_a_line_of_json_a_request_and_clients_that_go_away_harm_nobody(tmp_path: Path) -> None:
    with process(tmp_path, "--tenant", "acme") as served, httpx.Client(base_url=served.url, timeout=60) as http:
        correct(http, "Fräulein Müller", [("reading-4711", 1, "Q")])
        problem(http.get("/v1/writers/nobody-there"), 404)
        problem(http.post("/v1/writers/x/read", content=b"{", headers={"content-type": "application/json"}), 400)
        whole = request("POST", "/v1/writers/x/read", json.dumps({"samples": [{"image": image(i)} for i in range(64)]}).encode())
        for length in (0, 40, 500, len(whole)):
            for _ in range(5):
                with connected(served.url) as gone:
                    gone.sendall(whole[:length])
        assert len(read(http, "ana", 1)) == 1
        with connected(served.url) as idle:
            idle.sendall(request("GET", "/v1/live"))
            assert until(idle, b'"ok"}').startswith(b"HTTP/1.1 200")
            served.process.send_signal(signal.SIGINT)
            assert served.ended() == 0
    lines = [json.loads(line) for line in served.log]
    assert [(line["status"], line["level"], line["route"], line["tenant"]) for line in lines[:3]] == [
        (200, "info", "/v1/writers/{writer}/correct", "acme"),
        (404, "warning", "/v1/writers/{writer}", "acme"),
        (400, "warning", "/v1/writers/{writer}/read", "acme"),
    ]
    assert {line["status"] for line in lines} <= {200, 404, 400, 499}
    text = "".join(served.log + served.complaints)
    assert not [word for word in ("ller", "4711", "nobody", '"Q"') if word in text]


@pytest.mark.slow
def test_without_keys_it_listens_to_this_machine_only(tmp_path: Path) -> None:
    done = allograph("serve", "--host", "0.0.0.0", "--port", "0", cwd=tmp_path, status=2)
    assert "allograph keys add" in done.stderr


def connected(url: str) -> socket.socket:
    """A connection without a client's help."""
    host, port = url.removeprefix("http://").split(":")
    return socket.create_connection((host, int(port)), timeout=60)


def until(connection: socket.socket, end: bytes) -> bytes:
    """What comes up to this end."""
    found = b""
    while not found.endswith(end):
        more = connection.recv(1000)
        assert more, f"the connection ended after {found!r}"
        found += more
    return found


def request(method: str, path: str, body: bytes = b"") -> bytes:
    """A request as it goes over the wire."""
    lines = [f"{method} {path} HTTP/1.1", "Host: localhost", "Content-Type: application/json", f"Content-Length: {len(body)}"]
    return "\r\n".join([*lines, "", ""]).encode() + body


def replicas(folder: Path, store: str) -> None:
    """Two processes on one store know each other's corrections at once, and keep all that both learn at the same time."""
    with (
        process(folder, store=store) as first,
        process(folder, store=store) as second,
        httpx.Client(base_url=first.url, timeout=60) as one,
        httpx.Client(base_url=second.url, timeout=60) as two,
    ):
        before = read(two, "ana", 40)[0]["best"]
        for i, label in enumerate("qwertz"):
            here, there = (one, two) if i % 2 else (two, one)
            correct(here, "ana", [("1", 40, label)])
            assert read(there, "ana", 40)[0]["label"] == label
            assert read(here, "ana", 40)[0]["label"] == label
        ok(one.post("/v1/writers/ana/undo", json={"id": "1"}))
        assert read(two, "ana", 40)[0]["best"] == before

        def teach(turn: int) -> None:
            correct(one if turn % 2 else two, "ana", [(f"both-{turn}", turn, "abc"[turn % 3])])

        with ThreadPoolExecutor(8) as pool:
            list(pool.map(teach, range(24)))
        assert ok(one.get("/v1/writers/ana"))["corrections"] == 24
        assert ok(one.get("/v1/writers/ana/corrections")) == ok(two.get("/v1/writers/ana/corrections"))
        places = range(0, 400, 25)
        assert told(read(one, "ana", *places)) == told(read(two, "ana", *places))

        ok(one.delete("/v1/writers/ana"))
        assert read(two, "ana", 40)[0]["best"] == before
        problem(two.get("/v1/writers/ana"), 404)


def told(readings: list[dict[str, object]]) -> list[object]:
    return [(one["label"], one["best"]) for one in readings]


@pytest.mark.slow
def test_two_replicas_on_one_file(tmp_path: Path) -> None:
    replicas(tmp_path, "allograph.db")


@pytest.mark.slow
def test_two_replicas_on_one_database(tmp_path: Path, schema: str) -> None:
    replicas(tmp_path, schema)


def test_serving_is_no_part_of_the_command_line(tmp_path: Path) -> None:
    code = "import sys, allograph.cli.main; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], check=True, env=environment(), cwd=tmp_path, capture_output=True, text=True
    )
    assert not {"fastapi", "starlette", "uvicorn", "pydantic", "prometheus_client", "sqlalchemy"} & set(done.stdout.split())
