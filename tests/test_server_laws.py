"""Laws of the service: requests are atomic, what was taken back is retained nowhere, readings carry their model."""

from __future__ import annotations

import gc
import random
import threading
import time
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import httpx
import pytest

from allograph.adapters import State
from allograph.profiles import open_store
from allograph.profiles.journal import Correction, Entry, Key, Row
from allograph.readings import Reading
from allograph.server.requests import CorrectionRequest
from allograph.writers.writers import Writers
from served import client, correct, image, ok, process, read, recognizer, sample, writers

OWN = "Ѩ"
"""A label that no model knows, and nobody else uses."""
WRONG: dict[str, dict[str, Any]] = {
    "a label that is not known": {"id": "wrong", "image": image(3), "label": OWN},
    "a label outside the alphabet": {"id": "wrong", "image": image(3), "label": "a", "alphabet": "digits"},
    "an id without a sample": {"id": "wrong", "label": "a"},
    "a damaged image": {"id": "wrong", "image": image(3)[:-4], "label": "a"},
    "an empty picture": {"id": "wrong", "png": "", "label": "a"},
    "an id that comes twice": {"id": "old", "image": image(3), "label": "a"},
}


@pytest.mark.parametrize("verb", ["correct", "accept"])
@pytest.mark.parametrize("fault", WRONG)
def test_a_request_of_which_one_correction_is_wrong_stores_none(fault: str, verb: str) -> None:
    with client() as http:
        correct(http, "ana", [("old", 1, "a")])
        before = everything(http, "ana")
        for place in (0, 2, 4):
            corrections: list[dict[str, Any]] = [{"id": f"{i}", "image": image(i), "label": "b"} for i in range(3)]
            corrections.insert(1, {"id": "old", "label": "c"})
            corrections.insert(place, WRONG[fault])
            answer = http.post(f"/v1/writers/ana/{verb}", json={"corrections": corrections})
            assert 400 <= answer.status_code < 500
        assert everything(http, "ana") == before
        corrections = [{"id": "7", "image": image(7), "label": "b"}, WRONG[fault], {"id": "old", "image": image(8), "label": "b"}]
        answer = http.post(f"/v1/writers/ben/{verb}", json={"corrections": corrections})
        assert 400 <= answer.status_code < 500
        assert http.get("/v1/writers/ben").status_code == 404


def everything(http: httpx.Client, name: str) -> list[Any]:
    """All that the service tells of a writer."""
    rooms = ("", "/corrections", "/progress", "/confusions", "/styles", "/suggestions")
    told = [ok(http.get(f"/v1/writers/{name}{room}")) for room in rooms]
    answers = [one["best"] for one in read(http, name, 1, 2, 3, best=100)]
    return [*told, answers, counts(http)]


def counts(http: httpx.Client) -> list[str]:
    """The corrections that the metrics count."""
    return [line for line in http.get("/v1/metrics").text.splitlines() if line.startswith("allograph_corrections")]


@pytest.mark.parametrize("kill", [0, *(pytest.param(kill, marks=pytest.mark.slow) for kill in range(1, 5))])
def test_a_request_is_stored_whole_or_not_at_all_when_the_service_is_killed(kill: int, tmp_path: Path) -> None:
    acknowledged: list[int] = []
    with process(tmp_path, "--rate", "100000") as served:
        url = served.url

        def send() -> None:
            with httpx.Client(base_url=url, timeout=60) as http, suppress(httpx.HTTPError):
                for turn in range(10_000):
                    correct(http, "ana", [(f"{turn}-{i}", i, "a") for i in range(8)])
                    acknowledged.append(turn)

        thread = threading.Thread(target=send)
        thread.start()
        until = time.monotonic() + 60
        while len(acknowledged) < 2 and time.monotonic() < until:
            time.sleep(0.01)
        time.sleep(random.Random(kill).uniform(0, 0.1))
        served.process.kill()
        thread.join()
    with closing(open_store(tmp_path / "allograph.db")) as store:
        stored = [entry.id for entry in store.entries(Key("default", "ana"), 0, None, False)]
    turns = list(dict.fromkeys(int(id.partition("-")[0]) for id in stored))
    assert stored == [f"{turn}-{i}" for turn in turns for i in range(8)]
    assert turns[: len(acknowledged)] == acknowledged
    assert len(acknowledged) >= 2


def retained(label: str) -> list[str]:
    """What in this process's memory knows of a label that was taught."""
    gc.collect()
    objects = [one for one in gc.get_objects() if isinstance(one, Correction | Entry | Row | Reading | CorrectionRequest | State)]
    return [type(one).__name__ for one in objects if label in (one.labels if isinstance(one, State) else [one.label])]


def is_forgotten(label: str) -> bool:
    """Whether nothing knows of it any more, once the thread that answered has let its own request go."""
    until = time.monotonic() + 30
    while retained(label) and time.monotonic() < until:
        time.sleep(0.01)
    return not retained(label)


@pytest.mark.parametrize("learn", ["catch_up", "soon_at"])
def test_what_is_taken_back_while_it_is_learned_is_not_put_back(learn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    store, own = open_store("memory:"), f"{OWN}{learn}"
    ana = Writers(store, recognizer())["ana"]
    ana.correct(ana.read(sample(41)), "q")
    assert ana.state
    ana.correct(ana.read(sample(40)), own, new=True)
    asked = store.tail

    def tail(*about: Any, **more: Any) -> Any:
        found = asked(*about, **more)
        if found is not None and found.entries:
            monkeypatch.undo()
            ana.forget(own)
        return found

    (version,) = store.versions([ana.live.key])
    monkeypatch.setattr(store, "tail", tail)
    if learn == "catch_up":
        assert len(list(ana.live.catch_up())) == 1
    else:
        assert ana.live.soon_at(version) is None
    del version
    assert not retained(own)
    assert [done.label for done in ana.corrections] == ["q"]


@pytest.mark.parametrize("kind", ["memory", "sqlite"])
@pytest.mark.parametrize("act", ["erase", "undo", "forget", "relabel"])
def test_nothing_of_what_was_taken_back_is_retained(act: str, kind: str, tmp_path: Path) -> None:
    store = open_store("memory:" if kind == "memory" else tmp_path / "writers.db")
    with closing(store), Writers(store, recognizer()) as served, client(served) as http:
        plain = read(http, "ana", 40, 41, best=100)
        correct(http, "ana", [("2", 41, "q")])
        own = f"{OWN}{act}{kind}"  # no other test's journal holds it
        new = {"id": "1", "image": image(40), "label": own, "new": True}
        ok(http.post("/v1/writers/ana/correct", json={"corrections": [new]}))
        assert read(http, "ana", 40)[0]["label"] == own
        read(http, "ana", 40, why=True)
        until = time.monotonic() + 30
        while not retained(own) and time.monotonic() < until:  # learning ahead may end late, with an older snapshot
            read(http, "ana", 40)
        assert retained(own)
        if act == "erase":
            ok(http.delete("/v1/writers/ana"))
        elif act == "undo":
            ok(http.post("/v1/writers/ana/undo", json={"id": "1"}))
        elif act == "forget":
            ok(http.post("/v1/writers/ana/forget", json={"label": own}))
        else:
            correct(http, "ana", [("1", 40, "q")])
            read(http, "ana", 40)
        assert is_forgotten(own)
        answers = read(http, "ana", 40, 41, best=100)
        assert is_forgotten(own)
        assert own not in str([answers, read(http, "ana", 40, why=True)])
        if act == "erase":
            assert [one["best"] for one in answers] == [one["best"] for one in plain]
            assert http.get("/v1/writers/ana").status_code == 404
        else:
            about = [ok(http.get(f"/v1/writers/ana{room}")) for room in ("", "/corrections", "/confusions", "/suggestions")]
            assert own not in str(about)
            with client(writers()) as fresh:  # as if it had never been
                correct(fresh, "ana", [("2", 41, "q")])
                if act == "relabel":
                    correct(fresh, "ana", [("1", 40, "q")])
                assert [one["label"] for one in read(fresh, "ana", 40, 41)] == [one["label"] for one in answers]


@pytest.mark.parametrize("act", ["erase", "undo", "forget", "replace"])
def test_nothing_of_a_line_that_was_taken_back_is_retained(act: str, tmp_path: Path) -> None:
    own = f"{OWN}\u0301"
    line = {"id": "line-1", "ink": [[[0, 0], [0, 90]], [[25, 50], [55, 50]], [[80, 0], [80, 90]]]}
    store = open_store(tmp_path / "writers.db")
    with closing(store), Writers(store, recognizer()) as served, client(served) as http:

        def teach(text: str) -> None:
            body = {**line, "text": text, "new": True, "keep_words": True}
            ok(http.post("/v1/writers/ana/lines/correct", json=body))
            ok(http.post("/v1/writers/ana/lines/read", json=line))

        teach(f"l-{own}")
        assert retained(own)
        assert own in http.get("/v1/writers/ana/words").text
        if act == "erase":
            ok(http.delete("/v1/writers/ana"))
        elif act == "undo":
            ok(http.post("/v1/writers/ana/undo", json={"id": "line-1"}))
        elif act == "forget":
            ok(http.post("/v1/writers/ana/forget", json={"label": own}))
        else:
            teach("l-l")
        ok(http.post("/v1/writers/ana/lines/read", json=line))
        assert is_forgotten(own)
        for room in ("words", "corrections", "profile"):
            assert own.encode() not in http.get(f"/v1/writers/ana/{room}").content
    for file in tmp_path.iterdir():
        assert own.encode() not in file.read_bytes()


def test_readings_carry_the_model_that_made_them() -> None:
    served = writers()
    with client(served) as http:
        model = ok(http.get("/v1/model"))["model_hash"]
        correct(http, "ana", [("1", 40, "q"), ("2", 41, "w")])
        ok(http.post("/v1/writers/ana/accept", json={"corrections": [{"id": "3", "image": image(5), "label": "k"}]}))
        assert {entry.model_hash for entry in served["ana"].entries()} == {model}
        assert {reading.model_hash for reading in served["ana"].read([sample(place) for place in range(3)])} == {model}
        assert model == recognizer().bundle.model_hash
