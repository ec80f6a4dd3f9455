"""What a device needs to read by itself, the bundle's files and a writer's state: it reads with them as the service does."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import httpx
import numpy as np
import pytest

from allograph import Bundle, Recognizer, Writer
from allograph.adapters import State, WriterModel
from allograph.errors import BusyError, StorageError
from allograph.profiles import open_store
from allograph.server import reader
from allograph.server.bundle_files import read_bundle_files
from allograph.writers.writers import Writers
from served import client, correct, ok, problem, read, recognizer, sample, writers
from small import tiny_bundle

ANA = "/v1/writers/ana"


@pytest.fixture
def served() -> Writers:
    return writers()


@pytest.fixture
def http(served: Writers) -> Iterator[httpx.Client]:
    with client(served) as found:
        yield found


def test_the_bundle_is_told_and_given_without_a_key(tmp_path: Path) -> None:
    with closing(open_store(tmp_path / "writers.db")) as store:
        store.keys.add("default", "somebody")
        with client(writers(store)) as http:
            assert http.get(f"{ANA}/state").status_code == 401
            assert http.get("/v1/bundles").status_code == 401
            told = ok(http.get("/v1/bundle"))
            assert told["model_hash"] == recognizer().bundle.model_hash
            assert [one["name"] for one in told["files"]] == ["config.json", "model.onnx", "adapters.safetensors"]
            for one in told["files"]:
                given = http.get(f"/v1/bundle/{one['name']}")
                assert given.content == (recognizer().bundle.path / one["name"]).read_bytes()
                assert hashlib.sha256(given.content).hexdigest() == one["sha256"]
                assert len(given.content) == one["bytes"]
                assert given.headers["etag"] == f'"{one["sha256"]}"'
                assert given.headers["cache-control"] == "no-cache"
                assert given.headers["content-security-policy"].startswith("default-src 'none'")


def test_a_file_may_be_kept_for_good_by_its_hash_and_is_asked_for_anew_without(http: httpx.Client) -> None:
    tag = http.get("/v1/bundle/config.json").headers["etag"]
    kept = http.get("/v1/bundle/config.json", params={"v": tag.strip('"')})
    assert kept.headers["cache-control"] == "public, max-age=31536000, immutable"
    for asked in (tag, f"W/{tag}", f'"another", {tag}', "*"):
        again = http.get("/v1/bundle/config.json", headers={"if-none-match": asked})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
    for asked in ('"another"', tag.strip('"'), ""):
        assert http.get("/v1/bundle/config.json", headers={"if-none-match": asked}).status_code == 200
    problem(http.get("/v1/bundle/config.json", params={"v": "0" * 64}), 404, "tells their hashes")


@pytest.mark.parametrize(
    "name",
    [
        "",
        "x",
        "MODEL_CARD.md",
        "styles.safetensors",
        "..%2fconfig.json",
        "%2e%2e/%2e%2e/errors.py",
        "config.json%00",
        "CONFIG.JSON",
    ],
)
def test_nothing_else_is_given(name: str, http: httpx.Client) -> None:
    answer = http.get(f"/v1/bundle/{name}", follow_redirects=False)
    assert answer.status_code in (307, 404), answer.text
    assert answer.status_code == 307 or answer.headers["content-type"] == "application/problem+json"


def test_a_bundle_without_statistics_has_two_files_and_one_that_was_exchanged_none(tmp_path: Path) -> None:
    bundle = tiny_bundle(tmp_path / "bundle")
    files = read_bundle_files(bundle)
    assert {"config.json", "model.onnx"} <= set(files)
    assert ("adapters.safetensors" in files) == bool(bundle.statistics)
    model = bundle.path / "model.onnx"
    model.write_bytes(model.read_bytes() + b" ")
    with pytest.raises(StorageError, match="was exchanged"):
        read_bundle_files(bundle)
    model.unlink()
    with pytest.raises(StorageError, match="cannot be read any more"):
        read_bundle_files(bundle)


def test_a_device_reads_with_the_state_as_the_service_does(http: httpx.Client, served: Writers, tmp_path: Path) -> None:
    correct(http, "ana", [("1", 40, "x"), ("2", 41, "y"), ("3", 90, "x")])
    for one in ok(http.get("/v1/bundle"))["files"]:
        (tmp_path / one["name"]).write_bytes(http.get(f"/v1/bundle/{one['name']}").content)
    device = Writer("device", Recognizer(Bundle.open(tmp_path), threads=1))
    assert ok(http.get("/v1/bundle"))["adapter"] == device.adapter.name
    answer = http.get(f"{ANA}/state")
    state = State.from_bytes(answer.content, device.adapter)
    assert state == served["ana"].state
    outputs = device.read(sample(40)).outputs
    scores = np.exp(WriterModel(device.adapter, state).scores(outputs).values[0])
    scores /= scores.sum()
    shown = {one["label"]: one["probability"] for one in read(http, "ana", 40)[0]["best"]}
    labels = (*device.recognizer.alphabet.labels, *state.labels)
    assert {label: float(scores[labels.index(label)]) for label in shown} == pytest.approx(shown, abs=1e-5)


def test_a_state_goes_as_far_as_the_journal_and_is_told_apart_by_its_tag(http: httpx.Client, served: Writers) -> None:
    problem(http.get(f"{ANA}/state"), 404, "no writer")
    correct(http, "ana", [("1", 40, "a")])
    tags = set()
    for step in range(4):
        if step == 1:
            correct(http, "ana", [(str(i), 40 + i, "b") for i in range(2, 30)])  # more than a reading learns by itself
        if step == 2:
            ok(http.post(f"{ANA}/undo", json={"id": "1"}))
        if step == 3:
            ok(http.delete(ANA))
            correct(http, "ana", [("1", 40, "a")])
        answer = http.get(f"{ANA}/state")
        assert State.from_bytes(answer.content, served.pipeline.adapter) == served["ana"].state
        (version,) = served.store.versions([served["ana"].live.key])
        assert version is not None
        assert answer.headers["x-allograph-head"] == str(version.head)
        assert answer.headers["x-allograph-incarnation"] == served.incarnation("ana")
        assert answer.headers["cache-control"] == "no-store"
        again = http.get(f"{ANA}/state", headers={"if-none-match": answer.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["x-allograph-head"] == str(version.head)
        tags.add(answer.headers["etag"])
    assert len(tags) == 4


def test_the_state_of_an_erased_profile_is_gone(http: httpx.Client) -> None:
    correct(http, "ana", [("1", 40, "a")])
    named = {"X-Allograph-Incarnation": http.get(f"{ANA}/state").headers["x-allograph-incarnation"]}
    assert http.get(f"{ANA}/state", headers=named).status_code == 200
    ok(http.delete(ANA))
    problem(http.get(f"{ANA}/state", headers=named), 410, "erased")
    problem(http.get(f"{ANA}/state"), 404)
    correct(http, "ana", [("1", 40, "a")])
    problem(http.get(f"{ANA}/state", headers=named), 410, "erased")


def test_whoever_is_far_behind_may_be_told_to_come_again(http: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    async def never(*_: object) -> None:
        raise BusyError("the writer's corrections are still being learned; ask again in a moment")

    monkeypatch.setattr(reader.Reader, "learn", never)  # also what is begun as soon as somebody taught
    correct(http, "ana", [(str(i), 40 + i, "b") for i in range(30)])
    problem(http.get(f"{ANA}/state"), 503, "still being learned")


def test_what_the_files_say_is_what_is_served(http: httpx.Client) -> None:
    config = json.loads(http.get("/v1/bundle/config.json").content)
    assert config["model_hash"] == ok(http.get("/v1/model"))["model_hash"]
