"""Traces: what a collector on this machine gets from a service in a process of its own, and what it does not."""

from __future__ import annotations

import json
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest

from allograph.profiles import open_store
from allograph.server.stages import Stages, note, noted, spending_for, stage
from conftest import lacking
from served import INK, client, correct, ok, problem, process, read
from small import COMMAND, allograph, environment


@pytest.fixture(scope="module", autouse=True)
def telemetry_installed() -> None:
    """The extra is there."""
    try:
        import opentelemetry.exporter.otlp.proto.http  # noqa: F401
    except ModuleNotFoundError:
        lacking("telemetry", 'OpenTelemetry is not installed: pip install "allograph[telemetry]"')


class Collector:
    """What OTLP spans came in, by their names."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []

    @property
    def spans(self) -> list[tuple[dict[str, Any], Any]]:
        """Each with the attributes of its resource."""
        from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

        found = []
        for body in list(self.bodies):
            for group in ExportTraceServiceRequest.FromString(body).resource_spans:
                resource = {one.key: one.value.string_value for one in group.resource.attributes}
                found += [(resource, span) for scope in group.scope_spans for span in scope.spans]
        return found

    def trace(self, name: str) -> tuple[Any, list[Any]]:
        """The last request of this name, and its stages."""
        root = [span for _, span in self.spans if span.name == name][-1]
        return root, [span for _, span in self.spans if span.parent_span_id == root.span_id]


@contextmanager
def collector() -> Iterator[tuple[Collector, str]]:
    """A collector, and its address."""
    found = Collector()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            found.bodies.append(self.rfile.read(int(self.headers["content-length"])))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: Any) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield found, f"http://127.0.0.1:{server.server_port}/v1/traces"
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_request_and_its_stages_are_told_and_nothing_that_was_written(tmp_path: Path) -> None:
    name, label = "Fräulein Müller", "Ж"
    path = f"/v1/writers/{name}"
    with closing(open_store(tmp_path / "allograph.db")) as store:
        key = store.keys.add("acme", "a")
    with collector() as (found, url), process(tmp_path, "--traces", url) as served:
        with httpx.Client(base_url=served.url, timeout=60) as http:
            http.headers["authorization"] = f"Bearer {key}"
            body = {"corrections": [{"id": "letter-4711", "ink": INK, "label": label, "new": True}]}
            ok(http.post(f"{path}/correct", json=body))
            trace, parent = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
            asked = {"samples": [{"ink": INK}]}
            answer = http.post(f"{path}/read", json=asked, headers={"traceparent": f"00-{trace}-{parent}-01"})
            assert ok(answer)["readings"][0]["label"] == label
            ok(http.post(f"{path}/lines/read", json={"ink": INK}))
            problem(http.get("/v1/writers/nobody"), 404)
        served.process.terminate()
        assert served.ended() == 0
    root, stages = found.trace("POST /v1/writers/{writer}/read")
    assert (root.trace_id.hex(), root.parent_span_id.hex()) == (trace, parent)
    assert {"queue", "store", "model", "adapter"} <= {one.name for one in stages}
    for one in stages:
        assert root.start_time_unix_nano <= one.start_time_unix_nano <= one.end_time_unix_nano <= root.end_time_unix_nano
        assert one.trace_id == root.trace_id
    facts = {one.key: one.value.string_value or one.value.int_value for one in root.attributes}
    assert facts["http.route"] == "/v1/writers/{writer}/read"
    assert facts["http.response.status_code"] == 200
    assert facts["allograph.request"] == answer.headers["x-request-id"]
    assert facts["allograph.tenant"] == "acme"
    assert {one.name for one in found.trace("POST /v1/writers/{writer}/correct")[1]} >= {"queue", "model", "store"}
    assert {one.name for one in found.trace("POST /v1/writers/{writer}/lines/read")[1]} >= {"queue", "line", "store"}
    resources = {resource["service.name"] for resource, _ in found.spans}
    assert resources == {"allograph"}
    sent = b"".join(found.bodies)
    secrets = (name, "Fr%C3%A4", "ller", label, "letter-4711", "nobody", key, "SELECT", "allograph_journal")
    assert not [word for word in secrets if word.encode() in sent]


@pytest.mark.parametrize(
    "url", ["ftp://nowhere/v1/traces", "127.0.0.1:4318", "localhost:4318", "", "http://", "http://a:b/", "http:"]
)
def test_what_is_no_address_is_refused_at_the_start(tmp_path: Path, url: str) -> None:
    done = allograph("serve", "--port", "0", "--traces", url, cwd=tmp_path, status=2)
    assert f"http://127.0.0.1:4318/v1/traces, not to {url!r}" in " ".join(done.stderr.split())


def test_the_log_says_why_traces_are_not_taken(tmp_path: Path) -> None:
    class Refusing(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            self.send_error(404, "no such place")

        def log_message(self, *_: Any) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Refusing) as server:
        threading.Thread(target=server.serve_forever).start()
        with process(tmp_path, "--traces", f"http://127.0.0.1:{server.server_port}/v1/wrong") as served:
            with httpx.Client(base_url=served.url, timeout=60) as http:
                read(http, "Fräulein", 40)
            served.process.terminate()
            assert served.ended() == 0
        server.shutdown()
    said = [line["event"] for line in map(json.loads, served.log) if line["event"] != "request"]
    assert said
    assert "404" in said[0]
    assert not [event for event in said if "%" in event or "Fr" in event]


def test_a_collector_that_is_away_harms_nobody(tmp_path: Path) -> None:
    with process(tmp_path, "--traces", "http://127.0.0.1:9/v1/traces") as served:
        with httpx.Client(base_url=served.url, timeout=60) as http:
            correct(http, "ana", [("1", 40, "q")])
            assert read(http, "ana", 40)[0]["label"] == "q"
        began = time.monotonic()
        served.process.terminate()
        assert served.ended() == 0
        assert time.monotonic() - began < 25


def test_without_traces_nothing_is_noted_and_no_library_is_loaded(tmp_path: Path) -> None:
    with stage("model"):
        assert noted() is None
    note("store", 0)
    hidden = (
        "import sys; sys.modules |= dict.fromkeys(['opentelemetry.sdk', 'opentelemetry.exporter']); "
        "from allograph.cli.main import main; main()"
    )
    options = ["serve", "--port", "0", "--traces", "http://127.0.0.1:9/v1/traces"]
    command = [COMMAND[0], "-c", hidden, *options]
    done = subprocess.run(command, cwd=tmp_path, env=environment(), capture_output=True, text=True, timeout=120)
    assert done.returncode == 2
    assert 'pip install "allograph[telemetry]"' in done.stderr
    with client() as http:
        read(http, "ana", 40)


def test_a_stage_is_of_all_whom_it_is_done_for() -> None:
    one, other = Stages(), Stages()
    with spending_for([one, None, other]):
        with pytest.raises(ZeroDivisionError), stage("model"):
            _ = 1 / 0
        with spending_for([other]), stage("adapter"):
            assert noted() is other
    assert [found.name for found in one] == ["model"]
    assert [found.name for found in other] == ["model", "adapter"]
    assert all(found.began <= found.ended for found in other)
