"""Profiles that come from elsewhere: whatever in one cannot be is refused, and the error names it."""

from __future__ import annotations

import hashlib
import json
import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from safetensors.numpy import load, save

from allograph import Recognizer, Writers, open_store
from allograph.checks.store import ANA, MODEL, entry
from allograph.checks.store import OTHER_MODEL as OTHER
from allograph.errors import FormatError
from allograph.profiles import MemoryStore, changes
from allograph.profiles.archive import pack, unpack
from small import allograph as run

Arrays = dict[str, NDArray[Any]]
DEEP = 100_000


def exported() -> bytes:
    """A profile of three corrections, one of another model, and a tombstone."""
    store = MemoryStore()
    changes.record(store, ANA, [entry("1", alphabet=("a", "b")), entry("2", image=None), entry("3"), entry("4")], MODEL)
    changes.undo(store, ANA, "4")
    with store.change(ANA, None) as change:
        change.rewrite([*change.find(ids=["1", "2"]), entry("5", model_hash=OTHER, time=time.time())], change.tombstones(), MODEL)
    return pack(changes.contents(store, ANA))


def opened(blob: bytes) -> tuple[dict[str, Any], Arrays]:
    header = json.loads(blob[8 : 8 + int.from_bytes(blob[:8], "little")])
    return json.loads(header["__metadata__"]["allograph"]), load(blob)


def closed(record: Any, arrays: Arrays) -> bytes:
    """An archive whose digest is right, whatever it says."""
    digest = hashlib.sha256()
    for name, array in sorted(arrays.items()):
        digest.update(f"{name} {array.dtype} {array.shape}".encode())
        digest.update(np.ascontiguousarray(array).tobytes())
    if isinstance(record, dict):
        record["sha256"] = digest.hexdigest()
    return save(arrays, {"allograph": record if isinstance(record, str) else json.dumps(record)})


def test_a_sound_one_is_taken() -> None:
    record, arrays = opened(exported())
    assert [one.id for one in unpack(closed(record, arrays)).entries] == ["1", "2", "5"]


WRONG_ARRAYS: dict[str, tuple[str, Callable[[NDArray[Any]], NDArray[Any] | None]]] = {
    "missing": ("0/embeddings", lambda a: None),
    "no logits": ("0/logits", lambda a: None),
    "no images": ("0/images", lambda a: None),
    "whole numbers": ("0/embeddings", lambda a: a.astype(np.int32)),
    "doubles": ("0/logits", lambda a: a.astype(np.float64)),
    "halves": ("0/features", lambda a: a.astype(np.float16)),
    "NaN": ("0/embeddings", lambda a: np.where(a == a[0, 0], np.nan, a).astype("f4")),
    "infinite": ("1/embeddings", lambda a: np.where(a == a[0, 0], np.inf, a).astype("f4")),
    "minus infinite": ("0/embeddings", lambda a: np.where(a == a[0, 0], -np.inf, a).astype("f4")),
    "NaN logits": ("0/logits", lambda a: np.where(a == a[0, 0], np.nan, a).astype("f4")),
    "infinite logits": ("0/logits", lambda a: np.where(a == a[0, 0], np.inf, a).astype("f4")),
    "nothing offered": ("0/logits", lambda a: np.full_like(a, -np.inf)),
    "NaN features": ("0/features", lambda a: np.full_like(a, np.nan)),
    "too few": ("0/embeddings", lambda a: a[:-1]),
    "too many": ("0/logits", lambda a: np.concatenate([a, a])),
    "flat": ("0/embeddings", lambda a: a.ravel()),
    "deep": ("0/logits", lambda a: a[:, :, None]),
    "of no size": ("0/embeddings", lambda a: a[:, :0]),
    "small images": ("0/images", lambda a: a[:, 1:]),
    "float images": ("0/images", lambda a: a.astype("f4")),
    "counted images": ("0/has_image", lambda a: a.astype(np.uint8)),
    "too few marks": ("0/has_image", lambda a: a[:1]),
}


@pytest.mark.parametrize("name", WRONG_ARRAYS)
def test_an_array_that_cannot_be_is_named(name: str) -> None:
    which, change = WRONG_ARRAYS[name]
    record, arrays = opened(exported())
    changed = change(arrays.pop(which))
    if changed is not None:
        arrays[which] = np.ascontiguousarray(changed)
    with pytest.raises(FormatError, match=which):
        unpack(closed(record, arrays))


def test_an_array_of_nobodys_is_named() -> None:
    record, arrays = opened(exported())
    with pytest.raises(FormatError, match="9/embeddings"):
        unpack(closed(record, {**arrays, "9/embeddings": np.zeros((1, 4), "f4")}))


SOON = time.time() + 3 * 86400
WRONG_FIELDS: dict[str, list[Any]] = {
    "time": [math.inf, -math.inf, math.nan, 1e300, -1.0, SOON, time.time() * 1000, "0", None, True, [], 10**400],
    "id": ["", "2", "e\u0301", "x" * 129, "a\x00b", "\ud800", 1, None, ["1"]],
    "label": ["", "e\u0301", "x" * 17, "\n", "\x00", 1, None, ["a"], {"a": 1}, math.nan],
    "base": ["", "e\u0301", 5, None],
    "answer": ["", "e\u0301", 5, None],
    "implicit": [0, 1, "true", None, []],
    "alphabet": ["abc", [], [1], [["a"]], [""], ["e\u0301"], 3, {"a": 1}],
    "batch": ["", "x" * 17, "\x00", 1, None],
    "place": [-1, 3, 10**30, 1.0, "0", None, True, 1],
}


WRONG = [
    pytest.param(field, value, id=f"{field}-{place}")
    for field, values in WRONG_FIELDS.items()
    for place, value in enumerate(values)
]


@pytest.mark.parametrize(("field", "value"), WRONG)
def test_a_field_that_cannot_be_is_named(field: str, value: Any) -> None:
    record, arrays = opened(exported())
    record["models"][0]["entries"][0][field] = value
    with pytest.raises(FormatError, match=field):
        unpack(closed(record, arrays))


@pytest.mark.parametrize("field", WRONG_FIELDS)
def test_a_field_that_is_missing_is_named(field: str) -> None:
    record, arrays = opened(exported())
    del record["models"][0]["entries"][0][field]
    with pytest.raises(FormatError, match=field):
        unpack(closed(record, arrays))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda record: record.update(model_hash="x"), "model_hash"),
        (lambda record: record["models"][1].update(model_hash=MODEL), "twice"),
        (lambda record: record["models"][1].update(model_hash=None), "model_hash"),
        (lambda record: record.pop("models"), "models"),
        (lambda record: record.update(models={}), "models"),
        (lambda record: record["models"].append(3), "model"),
        (lambda record: record["models"][0].update(entries=None), "entries"),
        (lambda record: record["models"][0]["entries"].append({}), "0/"),
        (lambda record: record.pop("tombstones"), "tombstones"),
        (lambda record: record.update(tombstones=[["x"]]), "tombstone"),
        (lambda record: record.update(tombstones=[["x", math.nan]]), "tombstone"),
        (lambda record: record.update(tombstones=[["x", SOON]]), "tombstone"),
        (lambda record: record.update(tombstones=[["e\u0301", 1.0]]), "NFC"),
        (lambda record: record.update(tombstones=[[None, 1.0]]), "correction"),
        (lambda record: record.update(tombstones=[None]), "tombstone"),
        (lambda record: record.update(format=4), "format 4"),
        (lambda record: record.update(kind="other"), "not an exported profile"),
    ],
)
def test_a_record_that_cannot_be_is_refused(change: Callable[[dict[str, Any]], Any], words: str) -> None:
    record, arrays = opened(exported())
    change(record)
    with pytest.raises(FormatError, match=words):
        unpack(closed(record, arrays))


@pytest.mark.parametrize(
    "text",
    [
        "[" * DEEP,
        "[" * DEEP + "]" * DEEP,
        '{"kind": "profile", "x": ' + '{"a":' * DEEP + "1" + "}" * DEEP + "}",
        "9" * 100_000,
        "null",
        "3",
        '"profile"',
        "[]",
        "{}",
        "NaN",
        "",
        "\x00",
    ],
)
def test_json_that_is_no_record_is_refused(text: str) -> None:
    with pytest.raises(FormatError):
        unpack(closed(text, {}))


def test_a_record_beyond_all_measure_is_refused_at_once() -> None:
    record, arrays = opened(exported())
    record["more"] = "x" * 40_000_000
    blob = closed(record, arrays)
    began = time.monotonic()
    with pytest.raises(FormatError, match="bytes"):
        unpack(blob)
    assert time.monotonic() - began < 5


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)
PATHS: list[tuple[Any, ...]] = [
    ("models",),
    ("models", 0),
    ("models", 0, "entries"),
    ("models", 0, "entries", 0),
    ("models", 0, "model_hash"),
    ("tombstones",),
    ("tombstones", 0),
    ("tombstones", 0, 0),
    ("tombstones", 0, 1),
    ("model_hash",),
    *(("models", 0, "entries", 0, field) for field in WRONG_FIELDS),
]
SOUND = exported()


@settings(deadline=None, max_examples=150)
@given(st.sampled_from(PATHS), JSON)
def test_whatever_stands_there_is_taken_and_comes_back_the_same_or_is_refused(path: tuple[Any, ...], value: Any) -> None:
    record, arrays = opened(SOUND)
    place = record
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    try:
        found = unpack(closed(record, arrays))
    except FormatError:
        return
    again = unpack(pack(found))
    assert [one.correction for one in again.entries] == [one.correction for one in found.entries]
    store = MemoryStore()
    changes.merge(store, ANA, found)
    assert all(0 <= one.time <= time.time() + 86_400 for one in store.entries(ANA, waiting=True))


@settings(deadline=None, max_examples=100)
@given(st.binary(max_size=300), st.integers(0, 5000))
def test_bytes_that_are_none_are_refused(noise: bytes, at: int) -> None:
    for blob in (noise, SOUND[:at] + noise, len(noise).to_bytes(8, "little") + noise):
        if blob != SOUND:
            with pytest.raises(FormatError):
                unpack(blob)


@pytest.fixture(scope="module")
def recognizer() -> Recognizer:
    return Recognizer(threads=1)


def taught(recognizer: Recognizer) -> tuple[dict[str, Any], Arrays]:
    """The real export of a real writer."""
    with Writers(open_store("memory:"), recognizer) as writers:
        assert recognizer.bundle.styles is not None
        for image in recognizer.bundle.styles.medoids[:3]:
            writers["ana"].correct(writers["ana"].read(image), "a")
        return opened(writers.export("ana"))


NOT_OF_THE_MODEL: dict[str, Callable[[Arrays], Any]] = {
    "embeddings": lambda arrays: arrays.update({"0/embeddings": arrays["0/embeddings"][:, :-1].copy()}),
    "logits": lambda arrays: arrays.update({"0/logits": arrays["0/logits"][:, :-1].copy()}),
    "features": lambda arrays: arrays.pop("0/features", None) or arrays.update({"0/features": np.zeros((3, 2), "f4")}),
}


@pytest.mark.parametrize("which", NOT_OF_THE_MODEL)
def test_what_does_not_fit_the_model_is_refused_and_reading_goes_on(recognizer: Recognizer, which: str) -> None:
    record, arrays = taught(recognizer)
    if which == "features" and recognizer.feature_size is not None:
        del arrays["0/features"]
    else:
        NOT_OF_THE_MODEL[which](arrays)
    with Writers(open_store("memory:"), recognizer) as writers:
        for name in ("ana", "ben"):
            writers["ben"].corrections  # noqa: B018
            with pytest.raises(FormatError, match=which):
                writers.merge(name, closed(record, arrays))
        assert list(writers) == []
        assert recognizer.bundle.styles is not None
        assert writers["ana"].read(recognizer.bundle.styles.medoids[0]).label


def test_entries_of_one_foreign_model_fit_one_another(recognizer: Recognizer) -> None:
    record, arrays = taught(recognizer)
    record["model_hash"] = record["models"][0]["model_hash"] = OTHER
    with Writers(open_store("memory:"), recognizer) as writers:
        writers.merge("ana", closed(record, arrays))
        for one in record["models"][0]["entries"]:
            one["id"] += "-again"
        arrays["0/embeddings"] = arrays["0/embeddings"][:, :-1].copy()
        with pytest.raises(FormatError, match="embeddings"):
            writers.merge("ana", closed(record, arrays))


@pytest.mark.slow
def test_the_command_line_refuses_it_without_a_traceback(recognizer: Recognizer, tmp_path: Path) -> None:
    record, arrays = taught(recognizer)
    NOT_OF_THE_MODEL["logits"](arrays)
    (tmp_path / "x.allograph").write_bytes(closed(record, arrays))
    (tmp_path / "deep.allograph").write_bytes(closed("[" * DEEP, {}))
    assert "logits" in run("writers", "import", "x.allograph", "--as", "x", "--store", "s.db", cwd=tmp_path, status=2).stderr
    for command in (["writers", "import", "deep.allograph", "--as", "x", "--store", "no.db"], ["info", "deep.allograph"]):
        run(*command, cwd=tmp_path, status=2)
    assert not (tmp_path / "no.db").exists()


def test_over_http_it_is_the_callers_fault(recognizer: Recognizer) -> None:
    from served import client, problem

    record, arrays = taught(recognizer)
    record["models"][0]["entries"][0]["time"] = math.inf
    with client() as http:
        problem(http.put("/v1/writers/ana/profile", content=closed(record, arrays)), 422, "time")
        problem(http.put("/v1/writers/ana/profile", content=closed("[" * DEEP, {})), 422)
        assert http.get("/v1/writers").json() == {"writers": []}
