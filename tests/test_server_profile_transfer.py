"""Profiles as files over HTTP: large ones go through a process of their own, and come out the same."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

import numpy as np
import pytest

from allograph import Writers, open_store
from allograph.profiles.archive import unpack
from allograph.server import profile_transfer
from allograph.server.settings import Limits
from served import client, correct, ok, problem, recognizer, writers


@pytest.mark.slow
def test_a_large_profile_goes_out_and_in_as_by_the_library(lasting_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    medoids = recognizer().bundle.styles.medoids  # type: ignore[union-attr]
    many = list(np.resize(medoids, (profile_transfer.LONG, 28, 28)))
    with contextlib.closing(open_store(lasting_url)) as store, client(served := Writers(store, recognizer())) as http:
        ana = served["ana"]
        ana.correct(ana.read(many), ["a"] * len(many))
        answer = http.get("/v1/writers/ana/profile")
        assert answer.status_code == 200
        assert answer.headers["content-type"] == "application/octet-stream"
        assert int(answer.headers["content-length"]) == len(answer.content)
        assert unpack(answer.content) == unpack(served.export("ana"))
        monkeypatch.setattr(profile_transfer, "LARGE", 1000)
        assert ok(http.put("/v1/writers/eva/profile", content=answer.content)) == {"added": len(many), "removed": 0}
        assert ok(http.put("/v1/writers/eva/profile", content=answer.content)) == {"added": 0, "removed": 0}
        assert len(served["eva"].corrections) == len(many)
        problem(http.put("/v1/writers/eva/profile", content=answer.content[:-9]), 422, "truncated")
        problem(http.put("/v1/writers/eva/profile", content=os.urandom(10_000)), 422, "not an exported profile")
        problem(http.get("/v1/writers/nobody/profile"), 404)
        chunks = (answer.content[start : start + 50_000] for start in range(0, len(answer.content), 50_000))
        assert ok(http.put("/v1/writers/zoe/profile", content=chunks))["added"] == len(many)


def test_a_small_one_and_one_in_memory_need_no_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(profile_transfer.sys, "executable", str(tmp_path / "none"))  # type: ignore[attr-defined]
    monkeypatch.setattr(profile_transfer, "LONG", 0)
    with client(writers()) as http:
        correct(http, "ana", [("1", 40, "a")])
        blob = http.get("/v1/writers/ana/profile").content
        assert ok(http.put("/v1/writers/eva/profile", content=blob))["added"] == 1


def test_a_process_that_ends_is_a_failure_of_the_service(lasting_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(profile_transfer, "LONG", 1)
    with contextlib.closing(open_store(lasting_url)) as store, client(Writers(store, recognizer())) as http:
        correct(http, "ana", [("1", 40, "a")])
        monkeypatch.setattr(profile_transfer.sys, "executable", "/bin/true")  # type: ignore[attr-defined]
        problem(http.get("/v1/writers/ana/profile"), 503)
        monkeypatch.undo()
        assert http.get("/v1/writers/ana/profile").status_code == 200


def test_the_bound_on_writers_holds_there_too(lasting_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(profile_transfer, "LARGE", 1)
    limits = Limits(rate=1e9, writers=1)
    with contextlib.closing(open_store(lasting_url)) as store, client(Writers(store, recognizer()), limits) as http:
        correct(http, "ana", [("1", 40, "a")])
        blob = http.get("/v1/writers/ana/profile").content
        problem(http.put("/v1/writers/eva/profile", content=blob), 409, "may have 1")
