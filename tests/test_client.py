"""The client of the service: against a real process, and its flow by hand."""

from __future__ import annotations

import importlib.util
import json
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest
from httpx import Headers

from allograph import errors
from allograph.client import AsyncClient, Client, Patience, operations, types
from allograph.client.exchange import KINDS, Attempt, Flow, Lost, Pause, Received, exchange
from allograph.server import problems
from conftest import lacking
from make_client_types import FILE, client_types, service_document
from served import INK, Process, image, process
from small import environment

SAMPLE: types.SampleRequest = {"id": "letter-1", "ink": INK}
TAUGHT: types.CorrectionRequest = {"id": "letter-1", "ink": INK, "label": "y"}
STROKES = [[[0, 0], [0, 90], [45, 90]], [[75, 0], [135, 0]], [[105, 0], [105, 90]], [[240, 0], [265, 90], [290, 0]]]


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    with process(tmp_path_factory.mktemp("service")) as served:
        yield served


@pytest.fixture
def client(service: Process) -> Iterator[Client]:
    with Client(service.url) as client:
        yield client


def test_a_conversation(client: Client, tmp_path: Path) -> None:
    reading = client.read("ana", samples=[SAMPLE], why=True)["readings"][0]
    assert reading["id"] == "letter-1"
    assert client.incarnations == {}
    (done,) = client.correct("ana", corrections=[TAUGHT])["corrections"]
    assert done["label"] == "y"
    assert not done["implicit"]
    assert set(client.incarnations) == {"ana"}
    assert client.read("ana", samples=[SAMPLE])["readings"][0]["label"] == "y"
    unseen: types.CorrectionRequest = {"id": "letter-2", "image": image(60), "label": "b"}
    assert client.accept("ana", keep_images=False, corrections=[unseen])["corrections"][0]["implicit"]
    page = client.corrections("ana", limit=1)
    assert [one["id"] for one in page["corrections"]] == ["letter-1"]
    rest = client.corrections("ana", after=page["next"] or 0)["corrections"]
    assert [(one["id"], "image" in one) for one in rest] == [("letter-2", False)]
    assert [one["id"] for one in client.corrections("ana", ids=["letter-2", "letter-9"])["corrections"]] == ["letter-2"]
    assert client.writer("ana")["corrections"] == 2
    assert {"name": "ana", "corrections": 2} in client.writers()["writers"]
    assert client.progress("ana")["points"][-1]["corrections"] == 2
    assert client.confusions("ana").keys() == {"pairs"}
    assert client.styles("ana")["styles"]
    assert len(client.suggestions("ana", count=3)["labels"]) == 3

    file = client.export_profile("ana", tmp_path / "ana.profile")
    assert file == tmp_path / "ana.profile"
    assert client.import_profile("other", file) == {"added": 2, "removed": 0}
    state = client.state("ana")
    assert state.content == client.state("other").content
    assert state.head > 0
    assert client.undo("ana", "letter-2") == {"undone": "letter-2"}
    assert client.forget("ana", label="y") == {"forgotten": 1}
    assert client.erase("other") == {"erased": True}
    assert "other" not in client.incarnations


def test_lines(client: Client) -> None:
    assert client.read_line("line writer", id="line-1", ink=STROKES)["id"] == "line-1"
    done = client.correct_line("line writer", id="line-1", ink=STROKES, text="LT V", keep_words=True)
    assert [one["label"] for one in done["corrections"]] == ["L", "T", "V"]
    assert client.read_line("line writer", id="line-1", ink=STROKES)["text"] == "LT V"
    assert client.words("line writer")["words"] == [{"word": "LT", "lines": 1}, {"word": "V", "lines": 1}]
    assert client.forget_words("line writer", ["LT"]) == {"forgotten": 1}
    assert client.forget_words("line writer") == {"forgotten": 1}
    assert client.accept_line("line writer", id="line-2", ink=STROKES, text="something else")["corrections"] == []


def test_what_the_service_says_of_itself(client: Client) -> None:
    assert client.live() == client.ready() == {"status": "ok"}
    assert "y" in client.model()["labels"]
    files = client.bundle()["files"]
    config = next(one for one in files if one["name"] == "config.json")
    assert len(client.bundle_file("config.json", config["sha256"])) == config["bytes"]
    assert "allograph" in client.metrics()


@pytest.mark.parametrize("loop", ["asyncio", "trio"])
def test_the_same_awaited(service: Process, tmp_path: Path, loop: str) -> None:
    ben = f"ben, by {loop}"
    if importlib.util.find_spec(loop) is None:
        lacking("trio", "trio is not installed (requirements/test.txt has it)")

    async def conversation() -> None:
        async with AsyncClient(service.url) as client:
            await client.correct(ben, corrections=[TAUGHT])
            assert (await client.read(ben, samples=[SAMPLE]))["readings"][0]["label"] == "y"
            file = await client.export_profile(ben, tmp_path / "ben.profile")
            assert await client.import_profile(f"{ben}, again", file) == {"added": 1, "removed": 0}
            with pytest.raises(errors.UnknownCorrection, match="letter-9"):
                await client.undo(ben, "letter-9")
            async with anyio.create_task_group() as tasks:
                for _ in range(8):
                    tasks.start_soon(client.ready)

    anyio.run(conversation, backend=loop)


def test_errors_are_the_librarys_own(client: Client, tmp_path: Path) -> None:
    with pytest.raises(errors.UnknownWriter, match=r"nobody.*\(request [0-9a-f]+\)"):
        client.writer("nobody")
    with pytest.raises(errors.UnknownLabel, match='"new": true'):
        client.correct("ana", corrections=[{"id": "1", "ink": INK, "label": "ß"}])
    with pytest.raises(errors.InputError, match="a sample is one of"):
        client.read("ana", samples=[{}])
    foreign = tmp_path / "foreign"
    foreign.write_bytes(b"no profile")
    with pytest.raises(errors.FormatError):
        client.import_profile("ana", foreign)
    with pytest.raises(errors.InputError, match=r"absent"):
        client.import_profile("ana", tmp_path / "absent")
    with pytest.raises(errors.ServiceError, match="/v1/bundle tells their hashes") as caught:
        client.bundle_file("foreign")
    assert caught.value.status == 404
    with pytest.raises(errors.UnknownWriter):
        client.export_profile("nobody", tmp_path / "nobody.profile")
    assert not (tmp_path / "nobody.profile").exists()


def test_who_was_erased_elsewhere_is_not_brought_back(client: Client, service: Process) -> None:
    client.correct("cleo", corrections=[TAUGHT])
    with Client(service.url) as other:
        other.erase("cleo")
        other.correct("cleo", corrections=[TAUGHT])
    with pytest.raises(errors.ErasedWriter):
        client.correct("cleo", corrections=[{**TAUGHT, "id": "letter-3"}])
    assert "cleo" not in client.incarnations
    assert [one["id"] for one in client.corrections("cleo")["corrections"]] == ["letter-1"]


@pytest.mark.slow  # a process of its own
def test_a_busy_service_is_asked_again(tmp_path: Path) -> None:
    with process(tmp_path, "--rate", "2") as served, Client(served.url, patience=Patience(retries=0)) as client:
        statuses = {_status(client) for _ in range(20)}
        assert statuses == {200, 429}
        with Client(served.url) as patient:
            assert patient.read("ana", samples=[{"ink": INK}])["readings"]


def _status(client: Client) -> int | None:
    try:
        client.read("ana", samples=[{"ink": INK}])
    except errors.ServiceError as error:
        return error.status
    return 200


def test_nobody_there() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
    with Client(url, patience=Patience(retries=0)) as client, pytest.raises(errors.ServiceError, match="did not answer"):
        client.live()


def test_an_answer_that_is_cut_off_leaves_no_file(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf")

        thread = threading.Thread(target=answer)
        thread.start()
        url = f"http://127.0.0.1:{server.getsockname()[1]}"
        with Client(url, patience=Patience(retries=0)) as client, pytest.raises(errors.ServiceError, match="did not answer"):
            client.export_profile("ana", tmp_path / "ana.profile")
        thread.join()
    assert list(tmp_path.iterdir()) == []


def test_a_service_that_is_silent() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"http://127.0.0.1:{server.getsockname()[1]}"
        patience = Patience(retries=0)
        with Client(url, timeout=0.05, patience=patience) as client, pytest.raises(errors.ServiceError, match="timed out"):
            client.live()


@pytest.mark.parametrize("url", ["localhost:8000", "", "http://[::1", "ftp://localhost", "http://localhost:port"])
def test_an_address_that_is_none(url: str) -> None:
    with pytest.raises(errors.InputError, match="https://"):
        Client(url)


def test_an_answer_that_cannot_be_decompressed() -> None:
    garbled = httpx.MockTransport(lambda _: httpx.Response(200, headers={"content-encoding": "gzip"}, stream=Garbled()))
    with (
        Client("http://service", patience=Patience(retries=0), transport=garbled) as client,
        pytest.raises(errors.ServiceError, match="did not answer"),
    ):
        client.live()


class Garbled(httpx.SyncByteStream):
    """What is no gzip."""

    def __iter__(self) -> Iterator[bytes]:
        yield b"no gzip"


# the flow, by hand


def received(status: int, body: dict[str, Any] | None = None, **headers: str) -> Received:
    return Received(
        status, Headers({name.replace("_", "-"): value for name, value in headers.items()}), json.dumps(body).encode()
    )


PROBLEM = {"type": "about:blank", "detail": "too many", "instance": "1"}


def test_a_pause_is_as_long_as_the_service_says() -> None:
    flow = exchange(operations.live(), {}, Patience(retries=2, longest=5))
    assert isinstance(next(flow), Attempt)
    assert flow.send(received(429, PROBLEM, retry_after="3")) == Pause(3)
    assert isinstance(flow.send(None), Attempt)
    assert flow.send(received(503, PROBLEM)) == Pause(1)  # twice the first half second
    assert isinstance(flow.send(None), Attempt)
    with pytest.raises(StopIteration) as end:
        flow.send(received(200, {"status": "ok"}))
    assert end.value.value == {"status": "ok"}


def test_too_long_a_pause_is_not_waited_for() -> None:
    flow = exchange(operations.live(), {}, Patience(retries=2, longest=5))
    next(flow)
    with pytest.raises(errors.ServiceError, match="too many"):
        flow.send(received(429, PROBLEM, retry_after="6"))


def test_what_may_have_been_done_is_not_sent_again() -> None:
    again = exchange(operations.correct("ana", corrections=[TAUGHT]), {}, Patience())
    next(again)
    assert again.send(Lost("reset", unsent=False)) == Pause(0.5)
    unsent = exchange(operations.undo("ana", "1"), {}, Patience())
    next(unsent)
    assert unsent.send(Lost("refused", unsent=True)) == Pause(0.5)
    once: Flow[Any] = exchange(operations.undo("ana", "1"), {}, Patience())
    next(once)
    with pytest.raises(errors.ServiceError, match="reset"):
        once.send(Lost("reset", unsent=False))


def test_the_incarnation_is_sent_where_the_service_takes_it() -> None:
    known = {"ana": "one"}
    said = next(exchange(operations.undo("ana", "1"), known, Patience()))
    assert isinstance(said, Attempt)
    assert said.headers["x-allograph-incarnation"] == "one"
    others: list[operations.Operation[Any]] = [operations.undo("ben", "1"), operations.words("ana")]
    for operation in others:
        unsaid = next(exchange(operation, known, Patience()))
        assert isinstance(unsaid, Attempt)
        assert "x-allograph-incarnation" not in unsaid.headers


@pytest.mark.parametrize("content", [b"", b"<html>", b"[]", b'{"type": "about:blank"}'])
def test_an_answer_of_something_else(content: bytes) -> None:
    flow = exchange(operations.live(), {}, Patience())
    next(flow)
    with pytest.raises(errors.ServiceError, match="status 500 and no problem"):
        flow.send(Received(500, Headers(), content))


@pytest.mark.parametrize("operation", [operations.live(), operations.state("ana")])
def test_a_page_in_place_of_an_answer(operation: operations.Operation[Any]) -> None:
    flow = exchange(operation, {}, Patience())
    next(flow)
    with pytest.raises(errors.ServiceError, match="the address of the service"):
        flow.send(Received(200, Headers(), b"<html>"))


# the contract


def test_the_types_are_those_of_the_service() -> None:
    assert FILE.read_text(encoding="utf-8") == client_types(service_document()), "run: make client-types"


def test_every_error_of_the_service_is_the_librarys() -> None:
    assert {f"urn:allograph:{name}": kind for kind, name, _ in problems.KINDS} == dict(KINDS)


def test_every_operation_of_the_service_has_its_method() -> None:
    writer, path = "w", Path("p")
    all_of_them: list[operations.Operation[Any]] = [
        operations.read(writer, samples=[]), operations.correct(writer, corrections=[]),
        operations.accept(writer, corrections=[]),
        operations.undo(writer, "1"), operations.forget(writer), operations.read_line(writer),
        operations.correct_line(writer, id="line-1", text="a"), operations.accept_line(writer, id="line-1", text="a"),
        operations.words(writer), operations.forget_words(writer), operations.writers(), operations.writer(writer),
        operations.erase(writer), operations.corrections(writer), operations.progress(writer), operations.confusions(writer),
        operations.styles(writer), operations.suggestions(writer), operations.export_profile(writer, path),
        operations.import_profile(writer, path), operations.state(writer), operations.bundle(), operations.bundle_file("name"),
        operations.model(), operations.live(), operations.ready(), operations.metrics(),
    ]  # fmt: skip
    document = service_document()
    described = {
        (method.upper(), path.replace("{writer}", "w").replace("{name}", "name")): described
        for path, methods in document["paths"].items()
        for method, described in methods.items()
    }
    assert {(one.method, one.path) for one in all_of_them} == set(described)
    for one in all_of_them:
        parameters = {each["name"].lower() for each in described[one.method, one.path].get("parameters", ())}
        assert set(one.query) <= parameters
        assert one.says_incarnation == ("x-allograph-incarnation" in parameters), one
    names = [name for name in vars(operations) if name in vars(Client) and not name.startswith("_")]
    assert len(names) == len(all_of_them)
    assert set(names) <= set(vars(AsyncClient))


def test_the_client_loads_nothing_of_the_service() -> None:
    code = "import sys, allograph.client; print({'fastapi', 'onnxruntime', 'allograph.server', 'sqlalchemy'} & set(sys.modules))"
    found = subprocess.run([sys.executable, "-c", code], env=environment(), capture_output=True, text=True, check=True)
    assert found.stdout == "set()\n"
