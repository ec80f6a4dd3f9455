"""Names that an address cannot hold: nobody is called so any more, and who was can be listed and erased."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path

import pytest

from allograph.checks.store import MODEL, entry
from allograph.client import Client
from allograph.errors import InputError
from allograph.profiles import changes, open_store
from allograph.profiles.journal import Key
from allograph.writers.writer import Writer
from allograph.writers.writers import Writers
from served import client, image, ok, problem, recognizer
from small import allograph


@pytest.mark.parametrize("name", [".", ".."])
def test_no_writer_is_called_a_step_of_an_address(name: str, tmp_path: Path) -> None:
    store = open_store("memory:")
    for attempt in (lambda: Writers(store, recognizer())[name], lambda: Writer(name, recognizer()), lambda: Key.of("ours", name)):
        with pytest.raises(InputError, match="choose another"):
            attempt()
    with pytest.raises(InputError, match="choose another"), Client("http://127.0.0.1:9") as elsewhere:
        elsewhere.erase(name)
    body = {"corrections": [{"id": "1", "image": image(40), "label": "a"}]}
    with client() as http:
        escaped = name.replace(".", "%2e")
        problem(http.post(f"/v1/writers/{escaped}/correct", json=body), 422, "choose another")
        ok(http.post("/v1/writers/.../correct", json=body))
    url = str(tmp_path / "w.db")
    with contextlib.closing(open_store(url)) as old:
        changes.record(old, Key("default", name), [entry("1")], MODEL)  # as a release before let it
        assert [one.name for one in old.profiles("default", "-")] == [name]
    listed = json.loads(allograph("writers", "list", "--store", "w.db", "--json", cwd=tmp_path).stdout)
    assert [one["name"] for one in listed["writers"]] == [name]
    allograph("writers", "export", name, "-o", "x", "--store", "w.db", cwd=tmp_path)
    allograph("writers", "erase", name, "--yes", "--store", "w.db", cwd=tmp_path)
    with contextlib.closing(open_store(url)) as old:
        assert old.count("default") == 0
