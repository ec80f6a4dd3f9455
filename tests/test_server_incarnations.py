"""What is meant for a profile that was erased does not begin it anew; and what a device takes along to read by itself."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import httpx
import pytest

from allograph.adapters.state import State
from allograph.errors import ErasedWriter
from allograph.profiles import open_store
from allograph.profiles.incarnation import expecting
from allograph.writers.writers import Writers
from served import client, correct, image, ok, problem, read, recognizer, sample, writers

HEADER = "X-Allograph-Incarnation"


def teach(http: httpx.Client, id: str = "1", **headers: str) -> httpx.Response:
    body = {"corrections": [{"id": id, "image": image(3), "label": "a"}]}
    return http.post("/v1/writers/ana/correct", json=body, headers=headers)


def test_what_names_the_incarnation_reaches_it_and_no_later_one() -> None:
    with client() as http:
        first = teach(http)
        assert first.status_code == 200
        named = {HEADER: first.headers[HEADER]}
        assert teach(http, "2", **named).headers[HEADER] == first.headers[HEADER]
        assert http.get("/v1/writers/ana").headers[HEADER] == first.headers[HEADER]
        http.delete("/v1/writers/ana").raise_for_status()
        for id in ("1", "3"):
            assert problem(teach(http, id, **named), 410, "was erased")["type"] == "urn:allograph:erased"
        problem(http.get("/v1/writers/ana"), 404)
        second = teach(http)
        assert second.headers[HEADER] != first.headers[HEADER]
        problem(teach(http, "4", **named), 410)
        problem(http.post("/v1/writers/ana/undo", json={"id": "1"}, headers=named), 410)
        problem(http.post("/v1/writers/ana/read", json={"samples": [{"ink": [[[0, 0]]]}]}, headers=named), 410)
        assert [one["id"] for one in ok(http.get("/v1/writers/ana/corrections"))["corrections"]] == ["1"]


@pytest.mark.parametrize("kind", ["memory", "sqlite"])
def test_an_erasure_between_the_look_and_the_writing_is_no_new_beginning(kind: str, tmp_path: Path) -> None:
    store = open_store("memory:" if kind == "memory" else str(tmp_path / "writers.db"))
    writer = Writers(store, recognizer())["ana"]
    reading = writer.read(sample(3))
    writer.correct(reading, "a")
    Writers(store, recognizer()).erase("ana")
    with expecting("p1"), pytest.raises(ErasedWriter, match="was erased"):
        writer.correct(reading, "a")
    assert "ana" not in Writers(store, recognizer())


def test_the_files_of_the_bundle_need_no_key_and_are_what_they_say() -> None:
    with client() as http:
        told = ok(http.get("/v1/bundle"))
        assert (told["adapter"], told["model_hash"]) == ("allograph", recognizer().bundle.model_hash)
        for file in told["files"]:
            got = http.get(f"/v1/bundle/{file['name']}")
            assert (len(got.content), hashlib.sha256(got.content).hexdigest()) == (file["bytes"], file["sha256"])
            again = http.get(f"/v1/bundle/{file['name']}", headers={"If-None-Match": got.headers["etag"]})
            assert again.status_code == 304
        problem(http.get("/v1/bundle/styles.safetensors"), 404, "no such file")


def test_a_writers_state_is_what_the_journal_says_now() -> None:
    found = writers()
    with client(found) as http:
        problem(http.get("/v1/writers/ana/state"), 404)
        correct(http, "ana", [("1", 3, "a"), ("2", 9, "b")])
        got = http.get("/v1/writers/ana/state")
        assert (got.status_code, got.headers["x-allograph-head"]) == (200, "2")
        assert HEADER in got.headers
        state = State.from_bytes(got.content, found.pipeline.adapter)
        assert len(state.arrays["labels"]) == 2


def test_the_journal_is_listed_without_images_and_by_ids() -> None:
    with client() as http:
        correct(http, "ana", [(str(i), i, "a") for i in range(5)])
        assert read(http, "ana", 1)

        def listed(**query: Any) -> list[dict[str, Any]]:
            return list(ok(http.get("/v1/writers/ana/corrections", params=query))["corrections"])

        assert all("image" not in one for one in listed(images="no"))
        assert all("image" in one for one in listed())
        some = listed(ids=["3", "1", "9"])
        assert [(one["id"], "image" in one) for one in some] == [("1", True), ("3", True)]
