"""nginx as deploy/nginx has it, before two replicas on one database: what it passes on, holds off, and covers up."""

from __future__ import annotations

import json
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest

from allograph.profiles import open_store
from deployed import DEPLOY, Proxy, established, free_ports, lay_out, nginx_command, proxy
from served import Process, correct, image, ok, problem, process, read
from test_server_process import connected

if TYPE_CHECKING:
    from playwright.sync_api import Browser

SLOW = 100
"""Slow clients of each kind; more than nginx keeps connections to a replica."""


@contextmanager
def client(front: Proxy, **headers: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=front.url, verify=front.trust, timeout=60, headers=headers) as http:
        yield http


@pytest.fixture
def ports() -> list[int]:
    return free_ports(2)


@contextmanager
def replica(folder: Path, port: int, store: str) -> Iterator[Process]:
    """A replica that serves already."""
    with process(folder, "--port", str(port), "--rate", "1000000", store=store) as served:
        assert served.url == f"http://127.0.0.1:{port}"
        yield served


@contextmanager
def deployed(nginx: str, folder: Path, ports: list[int], store: str) -> Iterator[Proxy]:
    """Two replicas and nginx before them."""
    with replica(folder, ports[0], store), replica(folder, ports[1], store), proxy(nginx, folder / "nginx", ports) as front:
        yield front


def test_nginx_takes_the_configuration_without_a_warning(nginx: str, tmp_path: Path, ports: list[int]) -> None:
    lay_out(tmp_path, ports)
    done = subprocess.run(nginx_command(nginx, tmp_path, "-t"), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "[warn]" not in done.stderr


def test_the_configuration_bounds_bodies_as_the_service_does() -> None:
    from allograph.server.settings import MIB, Limits

    text = (DEPLOY / "nginx" / "allograph.conf").read_text(encoding="utf-8")
    assert f"client_max_body_size {Limits().profile // MIB}m;" in text


@pytest.mark.slow
def test_host_and_origin_are_passed_on(nginx: str, tmp_path: Path, ports: list[int], schema: str) -> None:
    store = open_store(schema)
    key = store.keys.add("app", "acme")
    store.close()
    with deployed(nginx, tmp_path, ports, schema) as front, client(front, authorization=f"Bearer {key}") as http:
        page = {"host": "writers.example:8443", "origin": "https://writers.example:8443"}
        body = {"samples": [{"image": image()}]}
        for _ in ports:  # nginx takes them in turn
            answer = http.post("/v1/writers/ana/read", json=body, headers=page)
            assert len(ok(answer)["readings"]) == 1
            assert answer.headers["strict-transport-security"] == "max-age=31536000"
            assert "content-security-policy" in answer.headers
            foreign = {**page, "origin": "https://elsewhere.example"}
            problem(http.post("/v1/writers/ana/read", json=body, headers=foreign), 403, "another origin")
            other_port = {**page, "origin": "https://writers.example"}
            problem(http.post("/v1/writers/ana/read", json=body, headers=other_port), 403, "another origin")
        problem(http.get("/v1/writers", headers={"authorization": ""}), 401)
        with httpx.Client() as plain:
            moved = plain.get(f"http://127.0.0.1:{front.plain}/v1/live?x=1", headers={"host": "writers.example"})
        assert (moved.status_code, moved.headers["location"]) == (308, "https://writers.example/v1/live?x=1")


@pytest.mark.slow
def test_the_page_reads_through_it_over_http_2(
    nginx: str, browser: Browser, tmp_path: Path, ports: list[int], schema: str
) -> None:
    with deployed(nginx, tmp_path, ports, schema) as front:
        page = browser.new_page(ignore_https_errors=True)  # the certificate is signed by itself
        page.goto(f"{front.url}/")
        call = """async body => {
            const answer = await fetch("/v1/writers/ana/read",
                {method: "POST", headers: {"Content-Type": "application/json"}, body})
            const [timing] = performance.getEntriesByType("navigation")
            return [answer.status, timing.nextHopProtocol, (await answer.json()).readings.length]
        }"""
        assert page.evaluate(call, json.dumps({"samples": [{"image": image()}]})) == [200, "h2", 1]
        page.close()


@pytest.mark.slow
def test_slow_clients_hold_no_replica(nginx: str, tmp_path: Path, ports: list[int], schema: str) -> None:
    body = json.dumps({"samples": [{"image": image()}]}).encode()
    head = b"POST /v1/writers/ana/read HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: %d\r\n"
    half = head % len(body) + b"\r\n" + body[: len(body) // 2]
    with deployed(nginx, tmp_path, ports, schema) as front, client(front) as http, ExitStack() as stack:
        with ExitStack() as direct:  # without nginx each of them would hold a connection of the replica
            for _ in range(SLOW):
                direct.enter_context(connected(f"http://127.0.0.1:{ports[0]}")).sendall(half)
            assert established(ports[0]) >= SLOW
        bodies = [stack.enter_context(secured(front)) for _ in range(SLOW)]
        heads = [stack.enter_context(secured(front)) for _ in range(SLOW)]
        for slow in bodies:
            slow.sendall(half)
        for slow in heads:
            slow.sendall(half[:20])
        trickling, rest = stack.enter_context(secured(front)), body[len(body) // 2 :]
        trickling.sendall(half)
        for place in range(10):
            trickling.sendall(rest[place : place + 1])
            assert len(read(http, "ana", 1)) == 1
        assert sum(map(established, ports)) <= 10  # those that others' requests left open for the next
        trickling.sendall(rest[10:])
        assert trickling.recv(12) == b"HTTP/1.1 200"
        assert b"".join(iter(lambda: heads[0].recv(2**16), b"")) == b""  # nginx ends it after ten seconds
        assert len(read(http, "ana", 1)) == 1


def secured(front: Proxy) -> ssl.SSLSocket:
    """A connection to nginx that speaks TLS and HTTP/1.1."""
    plain = socket.create_connection(("127.0.0.1", front.port), timeout=60)
    return front.trust.wrap_socket(plain, server_hostname="localhost")


@pytest.mark.slow
def test_a_rolling_restart_costs_nobody_an_error_or_a_correction(
    nginx: str, tmp_path: Path, ports: list[int], schema: str
) -> None:
    over = threading.Event()
    writers = [f"writer-{number}" for number in range(6)]

    def work(front: Proxy, writer: str) -> list[str]:
        """Correct and read until it is over; tells the ids of what was acknowledged."""
        acknowledged: list[str] = []
        with client(front) as http:
            while not over.is_set():
                id = f"{writer}-{len(acknowledged)}"
                correct(http, writer, [(id, len(acknowledged) % 200, "a")])
                acknowledged.append(id)
                assert len(read(http, writer, 1)) == 1
        return acknowledged

    with ExitStack() as stack:
        running = [stack.enter_context(replica(tmp_path, port, schema)) for port in ports]
        front = stack.enter_context(proxy(nginx, tmp_path / "nginx", ports))
        pool = stack.enter_context(ThreadPoolExecutor(len(writers)))
        stack.callback(over.set)  # whatever fails: the pool is to end
        workers = [pool.submit(work, front, writer) for writer in writers]
        with client(front) as http:
            for place in (0, 1, 0, 1):
                running[place].process.terminate()
                assert running[place].ended() == 0
                ok(http.get("/v1/ready"))
                running[place] = stack.enter_context(replica(tmp_path, ports[place], schema))
                ok(httpx.get(f"{running[place].url}/v1/ready"))
                for worker in workers:
                    if worker.done():  # before it is over: a client had an error, which this raises
                        worker.result()
            over.set()
            for writer, worker in zip(writers, workers, strict=True):
                acknowledged = worker.result()
                assert len(acknowledged) > 10
                assert corrections(http, writer) == acknowledged
        answered = [sum('"status": 200' in line or '"status":200' in line for line in one.log) for one in running]
        assert min(answered) > 0, "both replicas answered after their restart"


def corrections(http: httpx.Client, writer: str) -> list[str]:
    """The ids of a writer's journal, in its order."""
    found: list[str] = []
    after: object = None
    while True:
        asked = {"images": "no", "limit": "500", **({} if after is None else {"after": str(after)})}
        page = ok(http.get(f"/v1/writers/{writer}/corrections", params=asked))
        found += [one["id"] for one in page["corrections"]]
        after = page.get("next")
        if after is None:
            return found
