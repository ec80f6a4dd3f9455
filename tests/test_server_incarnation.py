"""A writer who was erased stays erased: what was meant for the profile that is gone is refused, and told to be deleted."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from allograph.profiles import MemoryStore, open_store
from allograph.profiles.memory import MemoryChange
from allograph.server import profile_transfer
from allograph.writers.writers import Writers
from served import INK, client, correct, image, ok, problem, process, writers

ANA = "/v1/writers/ana"
HEADER = "X-Allograph-Incarnation"
LINE = {"id": "line-1", "ink": [[[0, 0], [0, 90], [45, 90]], [[75, 0], [135, 0]], [[105, 0], [105, 90]]], "device": "tablet"}
SAMPLE = {"id": "9", "ink": INK, "label": "a"}
WRITES: dict[str, tuple[str, dict[str, Any]]] = {
    "correct": ("/correct", {"corrections": [SAMPLE]}),
    "another label": ("/correct", {"corrections": [{"id": "1", "label": "b"}]}),
    "accept": ("/accept", {"corrections": [SAMPLE]}),
    "undo": ("/undo", {"id": "1"}),
    "forget": ("/forget", {"label": "a"}),
    "lines/correct": ("/lines/correct", {**LINE, "text": "LT"}),
    "lines/accept": ("/lines/accept", {**LINE, "text": "LT"}),
    "words/forget": ("/words/forget", {}),
}
READS: dict[str, tuple[str, dict[str, Any]]] = {
    "read": ("/read", {"samples": [{"ink": INK}]}),
    "lines/read": ("/lines/read", LINE),
}
EVERY = [*READS, *WRITES]


@pytest.fixture
def served() -> Writers:
    return writers()


@pytest.fixture
def http(served: Writers) -> Iterator[httpx.Client]:
    with client(served) as found:
        yield found


def post(http: httpx.Client, act: str, incarnation: str | None = None) -> httpx.Response:
    path, body = (READS | WRITES)[act]
    return http.post(ANA + path, json=body, headers={} if incarnation is None else {HEADER: incarnation})


def taught(http: httpx.Client) -> str:
    """Somebody is taught; the name of the profile."""
    body = {"corrections": [{"id": "1", "image": image(), "label": "a"}]}
    return str(http.post(f"{ANA}/correct", json=body).headers[HEADER])


def is_erased(response: httpx.Response) -> None:
    told = problem(response, 410, "erased")
    assert told["type"] == "urn:allograph:erased"


@pytest.mark.parametrize("act", EVERY)
def test_every_answer_names_the_profile_and_takes_its_name(act: str, http: httpx.Client, served: Writers) -> None:
    named = taught(http)
    assert named == served.incarnation("ana")
    assert named.isascii()
    assert named != taught_elsewhere(http)
    for incarnation in (None, named):
        answer = post(http, act, incarnation)
        assert answer.status_code in (200, 404), answer.text  # what is undone a second time is not there
        assert answer.status_code == 404 or answer.headers[HEADER] == named


def taught_elsewhere(http: httpx.Client) -> str:
    body = {"corrections": [{"id": "1", "image": image(), "label": "a"}]}
    return str(http.post("/v1/writers/ben/correct", json=body).headers[HEADER])


@pytest.mark.parametrize("room", ["", "/corrections", "/progress", "/confusions", "/styles", "/words"])
def test_what_is_told_of_a_writer_names_the_profile(room: str, http: httpx.Client) -> None:
    named = taught(http)
    assert http.get(ANA + room).headers[HEADER] == named


def test_nobody_who_was_never_taught_has_a_name(http: httpx.Client) -> None:
    for act in READS:
        assert HEADER not in post(http, act).headers


@pytest.mark.parametrize("act", EVERY)
def test_what_was_meant_for_an_erased_profile_is_refused(act: str, http: httpx.Client, served: Writers) -> None:
    named = taught(http)
    ok(http.delete(ANA))
    is_erased(post(http, act, named))
    assert served.incarnation("ana") is None
    again = taught(http)
    assert again != named
    before = ok(http.get(f"{ANA}/corrections"))
    is_erased(post(http, act, named))
    assert ok(http.get(f"{ANA}/corrections")) == before
    is_erased(post(http, act, "nonsense"))


class Erasing(MemoryStore):
    """A store in which the writer is erased after every look and before every change: the worst of all orders."""

    armed = False

    @contextmanager
    def change(self, key: Any, model_hash: str | None, incarnation: str | None = None) -> Iterator[MemoryChange]:
        if self.armed:
            self.erase(key)
        with super().change(key, model_hash, incarnation) as change:
            yield change


@pytest.mark.parametrize("act", WRITES)
def test_an_erasure_after_the_look_and_before_the_write_brings_nobody_back(act: str) -> None:
    store = Erasing()
    served = writers(store)
    with client(served) as http:
        named = taught(http)
        store.armed = True
        answer = post(http, act, named)
        if act == "lines/accept" and answer.status_code == 200:  # the line reads otherwise: nothing was to be written
            assert answer.json()["corrections"] == []
            return
        is_erased(answer)
        assert served.incarnation("ana") is None


class BegunAnew(MemoryStore):
    """A store in which another window erases and begins the writer anew, between each write and all that follows it."""

    armed = False

    @contextmanager
    def change(self, key: Any, model_hash: str | None, incarnation: str | None = None) -> Iterator[MemoryChange]:
        with super().change(key, model_hash, incarnation) as change:
            yield change
        if self.armed:
            self.erase(key)
            with super().change(key, "another", None):
                pass


@pytest.mark.parametrize("act", ["correct", "accept", "lines/correct"])
def test_an_answer_names_the_profile_that_learned(act: str) -> None:
    store = BegunAnew()
    served = writers(store)
    with client(served) as http:
        store.armed = True
        named = post(http, act).headers[HEADER]
        store.armed = False
        assert served.incarnation("ana") not in (None, named)
        is_erased(post(http, "correct", named))


def test_a_new_database_takes_nothing_meant_for_a_lost_one(lasting_url: str, tmp_path: Path) -> None:
    with closing(open_store(lasting_url)) as store, closing(open_store(tmp_path / "another.db")) as other:
        with client(writers(store)) as http:
            named = taught(http)
        with client(writers(other)) as http:
            assert taught(http) != named
            is_erased(post(http, "correct", named))


def test_accepting_is_refused_also_where_nothing_is_learned_implicitly() -> None:
    with client(writers(implicit=False)) as http:
        named = taught(http)
        assert post(http, "accept", named).headers[HEADER] == named
        ok(http.delete(ANA))
        for act in ("accept", "lines/accept"):
            is_erased(post(http, act, named))


def imported(http: httpx.Client, blob: bytes, incarnation: str | None) -> httpx.Response:
    return http.put(f"{ANA}/profile", content=blob, headers={} if incarnation is None else {HEADER: incarnation})


def test_an_import_goes_to_the_profile_that_is_meant(http: httpx.Client, served: Writers) -> None:
    named = taught(http)
    blob = http.get(f"{ANA}/profile").content
    assert imported(http, blob, named).headers[HEADER] == named
    ok(http.delete(ANA))
    is_erased(imported(http, blob, named))
    assert served.incarnation("ana") is None
    assert imported(http, blob, None).headers[HEADER] == served.incarnation("ana")


def test_a_large_import_does_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(profile_transfer, "LARGE", 0)  # in a process of its own
    with closing(open_store(tmp_path / "writers.db")) as store, client(writers(store)) as http:
        test: Callable[[httpx.Client, Writers], None] = test_an_import_goes_to_the_profile_that_is_meant
        test(http, writers(store))


def test_every_process_names_a_profile_alike(tmp_path: Path) -> None:
    names = set()
    for _ in range(2):
        with process(tmp_path) as served, httpx.Client(base_url=served.url) as http:
            correct(http, "ana", [("1", 40, "a")])
            names.add(http.get(ANA).headers[HEADER])
    assert len(names) == 1
