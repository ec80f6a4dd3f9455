"""What is wrong with a request is told as a problem; nothing that is sent in breaks the service."""

from __future__ import annotations

import base64
import io
import json
import sqlite3
import struct
import threading
import time
import warnings
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import numpy as np
import pytest
from fastapi.exceptions import RequestValidationError
from pydantic import TypeAdapter
from sqlalchemy.exc import OperationalError
from starlette.exceptions import HTTPException

from allograph.checks.store import MODEL, entry
from allograph.errors import BusyError, FormatError, StorageError
from allograph.profiles import MemoryStore
from allograph.profiles.archive import pack
from allograph.profiles.journal import Contents
from allograph.server.requests import ReadRequest
from allograph.server.settings import Limits
from allograph.server.validation import check_body
from served import client, correct, image, image_text, ok, png, problem, sample, writers

MALFORMED = 1000


@pytest.fixture
def http() -> Iterator[httpx.Client]:
    with client() as found:
        yield found


def test_every_kind_of_error_is_a_problem(http: httpx.Client) -> None:
    problem(http.get("/nothing"), 404)
    problem(http.get("/v1/nothing"), 404)
    assert http.put("/v1/live").headers["allow"] == "GET"
    problem(http.put("/v1/live"), 405)
    read = "/v1/writers/ana/read"
    problem(http.post(read, content=b"{", headers={"content-type": "application/json"}), 400, "JSON")
    problem(http.post(read, content=b"\xff", headers={"content-type": "application/json"}), 400)
    problem(http.post(read, content=b"[" * 100_000, headers={"content-type": "application/json"}), 400)
    problem(http.post(read, content=b'{"samples": NaN}', headers={"content-type": "application/json"}), 400)
    problem(http.post(read, content=b"samples=1", headers={"content-type": "application/x-www-form-urlencoded"}), 415)
    problem(http.post(read), 422)
    problem(http.post(read, json={}), 422, "body.samples: Field required")
    problem(http.post(read, json={"samples": []}), 422)
    problem(http.post(read, json={"samples": [{}]}), 422, "one of image, png and ink")
    problem(http.post(read, json={"samples": [{"image": image(1), "png": ""}]}), 422, "one of")
    problem(http.post(read, json={"samples": [{"image": image(1)}], "more": 1}), 422, "body.more")
    problem(http.post(read, json={"samples": [{"image": image(1)}], "confidence": 2}), 422, "body.confidence")
    problem(http.post(read, json={"samples": [{"image": image(1)}], "alphabet": "runes"}), 422, "runes")
    problem(http.post(read, json={"samples": [{"image": image(1)}], "alphabet": ["ß"]}), 422, "ß")
    problem(http.post(read, json={"samples": [{"image": image(1), "id": "x\n"}]}), 422, "body.samples.0.id")
    problem(http.get("/v1/writers/" + "x" * 129), 422, "path.writer")
    problem(http.get("/v1/writers/a%00b"), 422, "path.writer")
    problem(http.get("/v1/writers/ana/corrections?after=-1"), 422, "query.after")
    problem(http.get("/v1/writers/ana/corrections?after=99999999999999999999"), 422)
    twice = {"corrections": [{"id": "1", "image": image(1), "label": "a"}] * 2}
    problem(http.post("/v1/writers/ana/correct", json=twice), 422, "twice")


def test_two_samples_may_not_have_one_id(http: httpx.Client) -> None:
    body = {"samples": [{"image": image(1), "id": "1"}, {"image": image(2), "id": "1"}]}
    problem(http.post("/v1/writers/ana/read", json=body), 422)


def test_a_profile_of_another_model_is_a_conflict(http: httpx.Client) -> None:
    correct(http, "ana", [("1", 40, "q")])
    other = pack(Contents([entry("1")], [], MODEL))
    assert problem(http.put("/v1/writers/ana/profile", content=other), 409)["type"] == "urn:allograph:mismatch"


SECRET = "/home/ana/writers.db of postgres@10.0.0.7: the label 'Ж' is damaged"


def damaged(kind: type[Exception]) -> Exception:
    """An error as a store raises it, or lets it through."""
    if kind is StorageError:
        error: Exception = StorageError(SECRET)
    elif kind is FormatError:
        error = FormatError(SECRET)
        error.__cause__ = sqlite3.DatabaseError("database disk image is malformed")
    elif kind is OperationalError:
        error = OperationalError("SELECT secret", {"secret": SECRET}, Exception(SECRET))
    else:
        error = sqlite3.DatabaseError(SECRET)
    return error


@pytest.mark.parametrize("kind", [StorageError, FormatError, OperationalError, sqlite3.DatabaseError])
def test_a_store_that_fails_is_told_without_its_words_and_comes_back(
    kind: type[Exception], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def down(*_: object, **__: object) -> None:
        raise damaged(kind)

    with client() as http:
        correct(http, "ana", [("1", 1, "a")])
        with monkeypatch.context() as broken:
            for name in ("check", "versions", "tail", "change", "contents", "profiles", "erase", "had_keys"):
                broken.setattr(MemoryStore, name, down)
            answers = [
                http.get("/v1/ready"),
                http.get("/v1/writers"),
                http.get("/v1/writers/ana"),
                http.delete("/v1/writers/ana"),
                http.get("/v1/writers/ana/profile"),
                http.post("/v1/writers/ana/read", json={"samples": [{"image": image(1)}]}),
                http.post("/v1/writers/ana/correct", json={"corrections": [{"id": "2", "image": image(1), "label": "a"}]}),
            ]
            ok(http.get("/v1/live"))
        for response in answers:
            found = problem(response, 503, "the store does not answer as it should")
            assert found["type"] == "urn:allograph:storage"
            assert response.headers["retry-after"] == "1"
            assert not [word for word in ("home", "postgres", "10.0.0.7", "damaged", "malformed") if word in response.text]
        records = [record for record in caplog.records if record.msg == "storage"]
        told = [record.facts for record in records]  # type: ignore[attr-defined]
        assert [facts["id"] for facts in told] == [response.headers["x-request-id"] for response in answers]
        assert all(facts["reason"] and kind.__name__ in facts["error"] for facts in told)
        assert "Ж" not in json.dumps(told, ensure_ascii=False)
        ok(http.get("/v1/ready"))
        correct(http, "ana", [("2", 1, "a")])


def test_what_is_only_busy_says_so(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    def busy(*_: object, **__: object) -> None:
        raise BusyError("4096 samples wait already; come again in a moment")

    with client() as http:
        monkeypatch.setattr(MemoryStore, "versions", busy)
        response = http.get("/v1/writers/ana")
        assert problem(response, 503, "4096 samples wait")["type"] == "urn:allograph:storage"
        assert response.headers["retry-after"] == "1"
    assert not [record for record in caplog.records if record.name == "allograph.server"]


def test_a_profile_that_is_none_is_the_clients_fault(http: httpx.Client) -> None:
    assert problem(http.put("/v1/writers/ana/profile", content=b"x"), 422)["type"] == "urn:allograph:format"


def test_a_store_that_hangs_is_not_ready_in_time_and_all_who_ask_share_one_look(monkeypatch: pytest.MonkeyPatch) -> None:
    held, looks = threading.Event(), []

    def hang(self: MemoryStore) -> None:
        looks.append(1)
        held.wait(30)

    with client() as http, ThreadPoolExecutor(20) as pool:
        ok(http.get("/v1/ready"))
        with monkeypatch.context() as broken:
            broken.setattr(MemoryStore, "check", hang)
            began = time.monotonic()
            for response in pool.map(lambda _: http.get("/v1/ready"), range(60)):
                problem(response, 503)
            assert time.monotonic() - began < 5
            assert looks == [1]
            began = time.monotonic()
            problem(http.get("/v1/ready"), 503)
            assert time.monotonic() - began < 1
            ok(http.get("/v1/writers"))
        held.set()
        time.sleep(0.2)
        ok(http.get("/v1/ready"))


def test_ready_touches_what_requests_touch_and_writes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def down(*_: object, **__: object) -> None:
        raise StorageError("the database cannot be reached")

    served = writers()
    with client(served) as http:
        ok(http.get("/v1/ready"))
        assert ok(http.get("/v1/writers")) == {"writers": []}
        for name in ("check", "versions", "profiles", "change", "find_key"):
            with monkeypatch.context() as broken:
                broken.setattr(MemoryStore, name, down)
                problem(http.get("/v1/ready"), 503)
            ok(http.get("/v1/ready"))


def test_advice_is_in_the_words_of_a_request(http: httpx.Client) -> None:
    taught = {"id": "1", "image": image(1), "label": "Ѩ"}
    found = problem(http.post("/v1/writers/ana/correct", json={"corrections": [taught]}), 422, '"new": true')
    assert found["type"] == "urn:allograph:unknown-label"
    assert "=" not in found["detail"]
    ok(http.post("/v1/writers/ana/correct", json={"corrections": [taught | {"new": True}]}))


def test_what_nobody_foresaw_is_a_500_without_details(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("the secret label is Ж")

    log = io.StringIO()
    with client(log=log) as http:
        monkeypatch.setattr(MemoryStore, "versions", fail)
        body = problem(http.post("/v1/writers/ana/read", json={"samples": [{"image": image(1)}]}), 500)
        assert "Ж" not in body["detail"]
        problem(http.get("/v1/writers/ana"), 500)
    (line, _) = log.getvalue().splitlines()
    assert json.loads(line)["level"] == "error"
    records = [record for record in caplog.records if record.name == "allograph.server"]
    assert len(records) == 2
    facts = records[0].facts  # type: ignore[attr-defined]
    assert facts["error"] == ["RuntimeError"]
    assert "fail" in facts["where"][0]
    assert "Ж" not in json.dumps(facts, ensure_ascii=False)


def arrays(random: np.random.Generator) -> Any:
    """A value in place of an image that is none."""
    good: list[Any] = random.integers(0, 256, (28, 28)).tolist()
    row, column = (int(place) for place in random.integers(0, 28, 2))
    wrong: list[Any] = [256, -1, 1.5, True, None, "7", [], 10**30, 2**63, -(10**30), {}, 1e300, "NaN"]
    match int(random.integers(0, 8)):
        case 0:
            good[row][column] = wrong[int(random.integers(len(wrong)))]
        case 1:
            del good[row]
        case 2:
            del good[row][column]
        case 3:
            good[row].append(0)
        case 4:
            good = [good]
        case 5:
            good = [value for line in good for value in line]
        case 6:
            good[row] = "0" * 28
        case 7:
            return [[0] * 28] * 28
    return good


def header(width: int, height: int, depth: int = 8, kind: int = 0) -> bytes:
    """A PNG that says how large it is, with few data."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    start = struct.pack(">IIBBBBB", width, height, depth, kind, 0, 0, 0)
    body = zlib.compress(b"\0" * 1000)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", start) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


def pictures(random: np.random.Generator) -> Any:
    """A value in place of a picture that is none."""
    kind = ("PNG", "JPEG", "BMP", "GIF", "WEBP")[int(random.integers(5))]
    whole = base64.b64decode(png(np.kron(255 - sample(int(random.integers(400))), np.ones((3, 3), np.uint8)), kind))
    match int(random.integers(0, 9)):
        case 0:
            data = whole[: int(random.integers(0, len(whole) // 3))]
        case 1:
            data = random.bytes(int(random.integers(0, 3000)))
        case 2:
            data = header(*(int(side) for side in random.integers(2**13, 2**31 - 1, 2)))  # a bomb
        case 3:
            data = header(0, int(random.integers(0, 100)))
        case 4:
            data = base64.b64decode(png(np.full((40, 40), int(random.integers(256)), np.uint8)))  # no ink
        case 5:
            data = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 28 28\n" + random.bytes(50)
        case 6:
            return [7, None, {}, [], True, 1.5][int(random.integers(6))]
        case 7:
            return base64.b64encode(whole).decode()[:-1] + "*"
        case _:
            data = b"\0" * int(random.integers(1, 50)) + whole
    return base64.b64encode(data).decode()


def strokes(random: np.random.Generator) -> Any:
    """A value in place of ink that is none."""
    stroke: list[Any] = random.integers(0, 100, (5, 2)).tolist()
    wrong: list[Any] = [
        [],
        [1],
        [1, 2, 3, 4],
        "12",
        None,
        7,
        [None, 1],
        ["1", "2"],
        [True, 1],
        [1e300, 0],
        [10**400, 0],
        [[1], 2],
    ]
    match int(random.integers(0, 6)):
        case 0:
            stroke[int(random.integers(5))] = wrong[int(random.integers(len(wrong)))]
            return [stroke]
        case 1:
            return [[]] * int(random.integers(0, 5))
        case 2:
            return stroke
        case 3:
            return wrong[int(random.integers(len(wrong)))]
        case 4:
            return [stroke, "stroke"]
        case _:
            return {"strokes": [stroke]}


KINDS: dict[str, Callable[[np.random.Generator], Any]] = {"image": arrays, "png": pictures, "ink": strokes}


def test_a_thousand_malformed_images_are_all_refused() -> None:
    random = np.random.default_rng(7)
    names = list(KINDS)
    with client(limits=Limits(rate=1e9, pixels=2**22)) as http, warnings.catch_warnings():
        warnings.simplefilter("error")
        for i in range(MALFORMED):
            name = names[i % len(names)]
            value = KINDS[name](random)
            shown = {name: value, "id": "1"}
            if i % 5:
                path, body = "/v1/writers/ana/read", {"samples": [shown, {"image": image(1)}]}
            else:
                path, body = "/v1/writers/ana/correct", {"corrections": [shown | {"label": "a"}]}
            response = http.post(path, content=json.dumps(body), headers={"content-type": "application/json"})
            assert 400 <= response.status_code < 500, (i, name, str(value)[:200], response.text)
            assert response.headers["content-type"] == "application/problem+json"
        problem(http.get("/v1/writers/ana"), 404)


def image_of(value: str) -> bytes:
    """What the JSON of an image means."""
    (found,) = check_body(('{"samples": [{"image": ' + value + "}]}").encode(), TypeAdapter(ReadRequest), Limits()).samples
    assert found.image is not None
    return found.image


def test_images_come_as_base64_or_as_rows_of_numbers() -> None:
    pixels = sample(7)
    for separators in ((",", ":"), (", ", ": "), ("  ,", " : ")):
        assert image_of(json.dumps(pixels.tolist(), separators=separators)) == pixels.tobytes()
    assert image_of(json.dumps(pixels.tolist(), indent=1)) == pixels.tobytes()
    plain = image_text(pixels)
    for text in (plain, plain.rstrip("="), base64.encodebytes(pixels.tobytes()).decode(), f"data:;base64,{plain}"):
        assert image_of(json.dumps(text)) == pixels.tobytes()
    bright = np.full((28, 28), 255, np.uint8)
    assert image_of(json.dumps(base64.urlsafe_b64encode(bright.tobytes()).decode())) == bright.tobytes()


def test_rows_that_are_no_image_are_refused() -> None:
    text = json.dumps(sample(7).tolist())
    for wrong in ("256", "-1", "1.0", "1e1", "true", "null", '"1"', "9" * 30):
        with pytest.raises(RequestValidationError, match=r"'image'.+784 bytes"):
            image_of(text.replace("0", wrong, 1))
    for wrong in ("007", "1 2", "", "+1", "0x1", "00"):
        with pytest.raises(HTTPException):
            image_of(text.replace("0", wrong, 1))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "empty"),
        (image_text(np.zeros((28, 28), np.uint8)), "shows no ink"),
        (image_text(np.ones((28, 28), np.uint8)), "only 0 and 1"),
        (base64.b64encode(bytes(783)).decode(), "783 bytes"),
        (base64.b64encode(bytes(785)).decode(), "785 bytes"),
        (base64.b64encode(bytes(10**6)).decode(), "characters"),
        ("AAAA" * 200 + "!" + "AAAA" * 60, "'!'"),
        ("AAAA" * 200 + "=" + "AAAA" * 60, "'='"),
        ("A" * 1045, "in the middle"),
        ("data:image/png,AAAA", "not one of Base64"),
    ],
)
def test_base64_that_is_no_image_is_refused_by_its_place(text: str, words: str, http: httpx.Client) -> None:
    samples = [{"image": image(1)}, {"image": text}]
    detail = problem(http.post("/v1/writers/ana/read", json={"samples": samples}), 422, words)["detail"]
    assert "body.samples.1.image: " in detail
    assert len(detail) < 400
    corrections = [{"id": "1", "label": "a", "image": text}]
    assert (
        "body.corrections.0.image: "
        in problem(http.post("/v1/writers/ana/correct", json={"corrections": corrections}), 422)["detail"]
    )


def test_text_that_looks_like_an_image_stays_text() -> None:
    for value in ('"image": [[0]]', '"image":', "image", '\\"image": [[0]]', '[{"image": [[1]]}]'):
        body = {"samples": [{"id": value, "image": sample(1).tolist()}, {"id": f"{value}2", "image": image(2)}]}
        first, second = check_body(json.dumps(body).encode(), TypeAdapter(ReadRequest), Limits()).samples
        assert (first.id, first.image) == (value, sample(1).tobytes())
        assert (second.id, second.image) == (f"{value}2", sample(2).tobytes())
