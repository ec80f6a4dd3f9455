"""What comes in over HTTP is what was meant, or is refused; and no body costs more than an honest one of its size."""

from __future__ import annotations

import asyncio
import base64
import gc
import io
import json
import os
import statistics
import threading
import time
import tracemalloc
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from fastapi.exceptions import RequestValidationError
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from pydantic import TypeAdapter
from starlette.exceptions import HTTPException

from allograph.errors import BusyError, InputError
from allograph.ink import ink_to_frame
from allograph.server.body_limits import ALL_LABELS, LABELS
from allograph.server.fair_pool import FairPool
from allograph.server.requests import CorrectRequest, ReadRequest
from allograph.server.settings import Limits
from allograph.server.validation import check_body
from served import INK, client, correct, image, ok, png, problem, process, read, recognizer, sample

READ, TEACH = TypeAdapter[Any](ReadRequest), TypeAdapter[Any](CorrectRequest)
MIB = 2**20


@pytest.fixture
def http() -> Iterator[httpx.Client]:
    with client() as found:
        yield found


def reading(http: httpx.Client, **shown: Any) -> Any:
    """The likeliest labels of one sample."""
    (told,) = ok(http.post("/v1/writers/ana/read", json={"samples": [shown]}))["readings"]
    return told["best"]


def refused(http: httpx.Client, words: str = "", **shown: Any) -> str:
    """Why one sample is refused."""
    return str(problem(http.post("/v1/writers/ana/read", json={"samples": [shown]}), 422, words)["detail"])


# What is meant


def test_an_image_of_zeros_and_ones_is_refused(http: httpx.Client) -> None:
    binary = (sample(7) > 127).astype(int)
    assert "255" in refused(http, "only 0 and 1", image=binary.tolist())
    assert "empty" in refused(http, image=(binary * 0).tolist())
    reading(http, image=(binary * 255).tolist())
    binary[binary == 1] = 2
    reading(http, image=binary.tolist())
    for odd in (binary.astype(float), binary.astype(bool)):
        refused(http, "whole numbers", image=odd.tolist())


def columns(strokes: list[list[list[float]]], times: bool) -> list[list[list[float]]]:
    """Strokes of points as Quick, Draw! and ML Kit have them."""
    found = [[[point[0] for point in stroke], [point[1] for point in stroke]] for stroke in strokes]
    return [[*stroke, [10.0 * i for i in range(len(stroke[0]))]] for stroke in found] if times else found


LONG: Any = [[[0, 0], [10, 25], [20, 45], [30, 70], [40, 90]], [[20, 45], [40, 50], [50, 55], [60, 40]]]


@pytest.mark.parametrize("times", [False, True])
@pytest.mark.parametrize("strokes", [LONG, INK, LONG[:1] + INK, [[[5, 5]]]])
def test_ink_in_columns_is_read_when_it_is_said_to_be(strokes: Any, times: bool, http: httpx.Client) -> None:
    meant = reading(http, ink=strokes)
    assert reading(http, ink=strokes, ink_form="points") == meant
    assert reading(http, ink=columns(strokes, times), ink_form="columns") == meant


@pytest.mark.parametrize("times", [False, True])
@pytest.mark.parametrize("strokes", [LONG, LONG[:1] + INK, [*INK, *LONG], [[[5, 5]]], [[[1, 2], [30, 40], [50, 9]]]])
def test_columns_that_are_not_said_are_refused_wherever_they_can_be_told(strokes: Any, times: bool, http: httpx.Client) -> None:
    told = refused(http, "ink_form", ink=columns(strokes, times))
    assert "columns" in told
    assert "[[x" in told


def test_points_are_told_from_columns(http: httpx.Client) -> None:
    meant = reading(http, ink=INK)
    assert reading(http, ink=[[[*point, 0.5] for point in stroke] for stroke in INK]) == meant
    long = reading(http, ink=LONG)
    assert reading(http, ink=[[[*point, 700] for point in stroke] for stroke in LONG]) == long
    triples = [[[0, 0, 0.5], [40, 90, 1], [50, 60, 0]]]
    assert reading(http, ink=triples) == reading(http, ink=triples, ink_form="points")
    assert reading(http, ink=[[[0, 0, 300], [40, 90, 300], [50, 60, 9]]], ink_form="points") == reading(http, ink=triples)


@given(st.lists(st.lists(st.tuples(*2 * [st.floats(-1e6, 1e6)]), min_size=4, max_size=9), min_size=1, max_size=4), st.booleans())
def test_a_stroke_in_columns_is_never_taken_for_points(strokes: Any, times: bool) -> None:
    body = {"samples": [{"ink": columns(strokes, times)}]}
    with pytest.raises(RequestValidationError, match="ink_form"):
        check_body(json.dumps(body).encode(), READ, Limits())
    body["samples"][0]["ink_form"] = "columns"  # type: ignore[assignment]
    (found,) = check_body(json.dumps(body).encode(), READ, Limits()).samples
    assert [stroke.tolist() for stroke in found.ink] == [[list(map(float, point)) for point in stroke] for stroke in strokes]


@pytest.mark.parametrize(
    "ink",
    [
        [[{"x": 1, "y": 2}, {"x": 3, "y": 4}]],
        [{"points": [{"x": 1, "y": 2, "t": 0}]}],
        {"strokes": INK},
        [[1, 2], [3, 4]],
        [[[1, 2], 3]],
        [[[1, "2"], [3, 4]]],
        [[[1, True], [3, 4]]],
        [[[1, None], [3, 4]]],
        [[[1, 2, 3, 4]]],
        [[[1, 2, 3, 4], [1, 2, 3, 4, 5]]],
        [LONG[0], columns(LONG, False)[1]],
        "0,0 40,90",
        7,
    ],
)
def test_other_forms_of_ink_are_refused_and_ours_are_named(ink: Any, http: httpx.Client) -> None:
    told = refused(http, "body.samples.0.ink", ink=ink)
    assert "[x, y]" in told
    assert '"columns"' in told


@pytest.mark.parametrize("number", ["1e999", "-1e999", "1e300", "9" * 400, "NaN", "Infinity"])
def test_coordinates_that_are_no_places_are_refused(number: str, http: httpx.Client) -> None:
    for form in ("points", "columns"):
        content = f'{{"samples": [{{"ink_form": "{form}", "ink": [[[0, {number}], [3, 4]]]}}]}}'
        answer = http.post("/v1/writers/ana/read", content=content, headers={"content-type": "application/json"})
        problem(answer, 400 if number[0] in "NI" else 422)


def test_columns_of_different_lengths_are_refused(http: httpx.Client) -> None:
    odd: list[Any] = [[[[1, 2], [3]]], [[[1, 2]]], [[[1], [2], [3], [4]]], [[]], [[[], [], []]]]
    for ink in odd:
        refused(http, "", ink=ink, ink_form="columns")
    refused(http, "'points' or 'columns'", ink=INK, ink_form="rows")


def test_base64_comes_in_every_way_it_is_written(http: httpx.Client) -> None:
    plain = png(255 - sample(7))
    meant = reading(http, png=plain)
    raw = base64.b64decode(plain)
    ways = [
        f"data:image/png;base64,{plain}",
        f"DATA:image/png;charset=utf-8;BASE64,{plain}",
        f"data:;base64,{plain}",
        base64.encodebytes(raw).decode(),
        base64.encodebytes(raw).decode().replace("\n", "\r\n"),
        f"  {plain}\n",
        base64.urlsafe_b64encode(raw).decode(),
        base64.urlsafe_b64encode(raw).decode().rstrip("="),
    ]
    assert all(reading(http, png=way) == meant for way in ways)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "empty"),
        ("data:image/png;base64,", "empty"),
        ("data:image/svg+xml,<svg/>", "not one of Base64"),
        ("data:", "not one of Base64"),
        ("iVBORw0KGg%3D%3D", "'%'"),
        ("iVBO*Rw0", "'*'"),
        ("iVBOéRw0", "'é'"),
        ("iV=BORw0", "'='"),
        ("iVBOR", "in the middle"),
        ("/tmp/picture.png", "'.'"),
        ("https://example.org/a.png", "':'"),
        (base64.b64encode(b"no picture at all").decode(), "unknown kind"),
    ],
)
def test_what_is_wrong_with_a_picture_is_said(text: str, words: str, http: httpx.Client) -> None:
    told = refused(http, words, png=text)
    assert "the picture of sample 0" in told
    assert "object at" not in told


def test_ids_and_names_have_one_form_everywhere(http: httpx.Client) -> None:
    composed = "é-Å-각"
    decomposed = unicodedata.normalize("NFD", composed)
    assert composed != decomposed
    for mine, theirs in ((composed, decomposed), (decomposed, composed)):
        (told,) = ok(http.post(f"/v1/writers/{mine}/read", json={"samples": [{"id": mine, "image": image(1)}]}))["readings"]
        assert told["id"] == composed
        correct(http, mine, [(mine, 40, "q")])
        path, relabel = f"/v1/writers/{theirs}", {"corrections": [{"id": theirs, "label": "w"}]}
        assert ok(http.post(f"{path}/correct", json=relabel))["corrections"][0]["id"] == composed
        assert ok(http.post(f"{path}/accept", json=relabel))["corrections"][0]["id"] == composed
        assert ok(http.get(path))["name"] == composed
        assert ok(http.get("/v1/writers", params={"after": theirs}))["writers"] == []
        assert ok(http.post(f"{path}/undo", json={"id": theirs})) == {"undone": composed}
        problem(http.post(f"{path}/undo", json={"id": theirs}), 404)
        ok(http.delete(path))
    twice = [{"id": composed, "image": image(1)}, {"id": decomposed, "image": image(2)}]
    problem(http.post("/v1/writers/ana/read", json={"samples": twice}), 422, "twice")
    taught = [{**one, "label": "a"} for one in twice]
    problem(http.post("/v1/writers/ana/correct", json={"corrections": taught}), 422, "twice")


def test_a_label_is_the_same_label_however_it_is_composed(http: httpx.Client) -> None:
    for label in ("é", "é"):
        body = {"corrections": [{"id": label, "image": image(1), "label": label, "new": True}]}
        assert ok(http.post("/v1/writers/ana/correct", json=body))["corrections"][0]["label"] == "é"
    assert ok(http.get("/v1/writers/ana"))["labels"] == ["é"]
    assert ok(http.post("/v1/writers/ana/forget", json={"label": "é"})) == {"forgotten": 1}


@pytest.mark.parametrize("after", ["%00", "a%00", "%1f", "%7f", "a" * 129])
def test_a_page_begins_after_a_name(after: str, http: httpx.Client) -> None:
    status, words = (400, "NUL") if "%00" in after else (422, "query.after")
    problem(http.get(f"/v1/writers?after={after}"), status, words)


def test_faults_are_told_in_the_words_of_json(http: httpx.Client) -> None:
    odd = [0, 1.5, True, "x", [], {}, [0], {"a": 0}, None]
    fields: dict[str, list[str]] = {
        "read": ["samples", "alphabet", "confidence", "best", "why"],
        "correct": ["corrections"],
        "undo": ["id"],
        "forget": ["label", "since"],
    }
    shown = ["id", "image", "png", "ink", "ink_form", "label", "new", "alphabet"]
    bodies: list[tuple[str, Any]] = [(verb, value) for verb in fields for value in odd]
    for value in odd:
        bodies += [(verb, {"samples": [{"image": image(1)}], name: value}) for verb, names in fields.items() for name in names]
        bodies += [("read", {"samples": [{name: value}]}) for name in shown]
        bodies += [("correct", {"corrections": [{"id": "1", "label": "a", name: value}]}) for name in shown]
        bodies += [("read", {"samples": [value]}), ("correct", {"corrections": [value]})]
    said = set()
    for verb, body in bodies:
        answer = http.post(f"/v1/writers/ana/{verb}", json=body)
        if answer.status_code != 200:
            said.add(problem(answer, answer.status_code)["detail"])
    python = ("dictionary", "instance", "list[", "valid list", "str_", "NoneType", "None", "True", "False", "Value error", "bool")
    assert not [detail for detail in said for word in python if word in detail]
    assert any("this is an object" in detail for detail in said)


def test_what_was_sent_is_not_sent_back_at_length(http: httpx.Client) -> None:
    long = "k" * 10**6
    some = {"image": image(1)}
    for verb, body in (
        ("read", {"samples": [{long: 1}]}),
        ("read", {"samples": [some], long: 1}),
        ("read", {"samples": [some], "alphabet": long}),
        ("read", {"samples": [some], "alphabet": [long]}),
        ("read", {"samples": [{**some, "id": long}]}),
        ("read", {"samples": [{"png": "*" * 10**6}]}),
        ("correct", {"corrections": [{**some, "id": "1", "label": long}]}),
        ("forget", {"label": long}),
        ("undo", {"id": long}),
    ):
        answer = http.post(f"/v1/writers/ana/{verb}", json=body)
        problem(answer, 422)
        assert len(answer.content) < 1000


def test_alphabets_have_bounds(http: httpx.Client) -> None:
    def with_labels(count: int) -> Any:
        return {"samples": [{"image": image(1)}], "alphabet": [f"{i}" for i in range(count)]}

    problem(http.post("/v1/writers/ana/read", json=with_labels(LABELS + 1)), 422, str(LABELS))
    problem(http.post("/v1/writers/ana/read", json={**with_labels(1), "alphabet": []}), 422, "alphabet")
    problem(http.post("/v1/writers/ana/read", json={**with_labels(1), "best": 1001}), 422, "best")
    taught = {"image": image(1), "label": "a", "alphabet": ["a"] * (ALL_LABELS // 4 + 1)}
    body = {"corrections": [{**taught, "id": str(i)} for i in range(4)]}
    problem(http.post("/v1/writers/ana/correct", json=body), 422, str(ALL_LABELS))


# What it costs

PIXELS = json.dumps(sample(7).tolist())
SHOWN = '{"id": "1", "label": "a", "image": ' + PIXELS + "}"
ITEMS = {
    "zeros": "0",
    "nulls": "null",
    "floats": "1.5e300",
    "digits": "9" * 4000,
    "strings": '""',
    "ids": '"abcdef"',
    "objects": "{}",
    "arrays": "[]",
    "nested": "[[[[0]]]]",
    "objects of an id": '{"id": "abcdefgh"}',
    "empty strokes": '{"ink": [[]]}',
    "no images": '{"image": 0}',
    "image, image": '"image"',
    "images": SHOWN,
    "images of Base64": json.dumps({"id": "1", "label": "a", "image": image(7)}),
}


def repeated(head: str, item: str, tail: str, size: int) -> bytes:
    """JSON of this size."""
    return (head + ",".join([item] * ((size - len(head) - len(tail)) // (len(item) + 1))) + tail).encode()


def odd_bodies(verb: str, size: int) -> dict[str, bytes]:
    """Bodies of many kinds, of this size, that no honest client sends."""
    head = f'{{"{verb}": ['
    bodies = {name: repeated(head, item, "]}", size) for name, item in ITEMS.items()}
    one = head + SHOWN[:-1]
    bodies["deep arrays"] = (head + "[" * (size - 20)).encode()
    bodies["deep objects"] = (head + '{"a":' * (size // 5 - 20)).encode()
    bodies["fields"] = (head + "{" + ",".join(f'"{i}":0' for i in range(size // 10)) + "}]}").encode()
    bodies["fields of the body"] = ("{" + ",".join(f'"{i}":0' for i in range(size // 10)) + "}").encode()
    bodies["keys and no commas"] = b'"image"' * (size // 7)
    for name, text in (("letters", "k"), ("commas", ","), ("escapes", "\\u0041"), ("marks", "\u0301\u0327")):
        long = text * (size // len(text.encode()) - 1000)
        bodies[f"a field's name of {name}"] = f'{one}, "{long}": 0}}]}}'.encode()
        bodies[f"an image of {name}"] = f'{head}{{"id": "1", "label": "a", "image": "{long}"}}]}}'.encode()
        bodies[f"an id of {name}"] = (head + SHOWN.replace('"1"', f'"{long}"') + "]}").encode()
    many = repeated(head + '{"id": "1", "label": "a", "ink": [[', "[1,2]", "]]}]}", size)
    bodies["points"], bodies["strokes"] = many, many.replace(b"[1,2]", b"[]")
    bodies["numbers of a point"] = many.replace(b"[[[1,2]", b"[[[1,2").replace(b"],[", b",")
    bodies["rows of an image"] = repeated(head + '{"id": "1", "label": "a", "image": [', "[]", "]}]}", size)
    bodies["numbers of an image"] = repeated(head + '{"id": "1", "label": "a", "image": [[', "0", "]]}]}", size)
    bodies["an image of spaces"] = (head + '{"id": "1", "label": "a", "image": "' + " " * (size - 100) + '"}]}').encode()
    bodies["labels"] = repeated(one + ', "alphabet": [', '"ab"', "]}]}", size)
    bodies["labels of all"] = repeated(f'{head}{SHOWN}], "alphabet": [', '"ab"', "]}", size)
    return bodies


def cost(raw: bytes, adapter: TypeAdapter[Any]) -> tuple[float, int, str]:
    """Seconds (the better of two), bytes at their most, and what came of it.

    As in the service, the garbage collector looks at nothing that was there before, and never again: this process has more
    objects than it has, and to look through them for each body would take most of the test's time.
    """
    seconds, outcome = [], "taken"
    gc.collect()
    gc.freeze()
    for turn in range(3):
        if turn == 2:
            tracemalloc.start()
        began = time.thread_time()
        try:
            check_body(raw, adapter, Limits())
        except (InputError, RequestValidationError, HTTPException) as error:
            outcome = type(error).__name__
        seconds.append(time.thread_time() - began)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return min(seconds[:2]), peak, outcome


@pytest.mark.parametrize("size", [MIB // 2, *(pytest.param(size, marks=pytest.mark.slow) for size in (3 * MIB, 8 * MIB - 2000))])
@pytest.mark.parametrize(("verb", "adapter"), [("samples", READ), ("corrections", TEACH)])
def test_no_body_costs_more_than_an_honest_one_of_its_size(verb: str, adapter: TypeAdapter[Any], size: int) -> None:
    label = {"label": "a"} if adapter is TEACH else {}
    honest = json.dumps({verb: [{"id": str(i), "image": sample(i).tolist()} | label for i in range(256)]}, indent=1).encode()
    seconds, _, outcome = cost(honest, adapter)  # 2 MiB
    assert outcome == "taken"
    times = max(3, size / MIB)
    for name, raw in odd_bodies(verb, size).items():
        assert abs(len(raw) - size) < size / 2 + 1000, name
        found, peak, outcome = cost(raw, adapter)
        assert outcome != "taken", name
        if found >= times * seconds:  # both anew, in turn: the machine may have been busy with something else
            ratios = [cost(raw, adapter)[0] / cost(honest, adapter)[0] for _ in range(5)]
            assert statistics.median(ratios) < times, (name, ratios)
        assert peak < 5 * size + 8 * MIB, (name, peak)


def test_as_much_as_the_limits_allow_is_taken() -> None:
    limits = Limits()
    labels = [f"{i:x}," for i in range(128)]
    full = [
        {"id": '":{[,' * 25 + str(i), "label": ":", "image": sample(i).tolist(), "alphabet": labels}
        for i in range(limits.images - 1)
    ]
    stroke = [[i, 0.5, 0.25] for i in range(limits.points)]
    body = {"corrections": [*full, {"id": "x" * 128, "label": "a", "ink": [stroke]}]}
    assert len(check_body(json.dumps(body).encode(), TEACH, limits).corrections) == limits.images
    body["corrections"][0]["image"][0] = [float(x) for x in body["corrections"][0]["image"][0]]
    with pytest.raises(RequestValidationError, match=r"corrections.+0.+image"):
        check_body(json.dumps(body, indent=1).encode(), TEACH, limits)


def test_limits_are_the_settings() -> None:
    with client(limits=Limits(images=2, points=5, rate=1e9)) as http:
        path = "/v1/writers/ana/read"
        problem(http.post(path, json={"samples": [{"image": image(1)}] * 3}), 422, "it may have 2")
        problem(http.post("/v1/writers/ana/correct", json={"corrections": [0] * 3}), 422, "it may have 2")
        problem(http.post(path, json={"samples": [{"ink": [[[1, 2]] * 6]}]}), 422, "may have 5")
        problem(http.post(path, json={"samples": [{"ink": [[[1] * 6] * 2], "ink_form": "columns"}]}), 422, "may have 5")
        ok(http.post(path, json={"samples": [{"ink": [[[1, 2, 3, 4, 5]] * 2], "ink_form": "columns"}]}))


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=4)
            | st.dictionaries(
                st.sampled_from(["samples", "corrections", "image", "ink", "ink_form", "png", "id", "label", "alphabet", "best"]),
                inner,
                max_size=4,
            )
        ),
    ),
    st.sampled_from([READ, TEACH]),
)
def test_whatever_is_sent_is_taken_or_refused(body: Any, adapter: TypeAdapter[Any]) -> None:
    with suppress(InputError, RequestValidationError, HTTPException):
        check_body(json.dumps(body).encode(), adapter, Limits())


# Beside others


def test_a_flood_is_its_own_tenants_wait() -> None:
    done: list[str] = []

    async def run() -> None:
        pool = FairPool(1, 10, "test")
        hold = threading.Event()

        def work(name: str) -> None:
            hold.wait()
            done.append(name)

        tasks = [asyncio.create_task(pool.run(name, work, name)) for name in ["flood"] * 5 + ["other"] * 2 + ["third"]]
        await asyncio.sleep(0.05)
        hold.set()
        await asyncio.gather(*tasks)

    asyncio.run(run())
    assert done == ["flood", "flood", "other", "third", "flood", "other", "flood", "flood"]


def test_who_waits_too_long_or_goes_away_holds_no_place() -> None:
    async def run() -> None:
        pool = FairPool(1, 0.1, "test")
        hold = threading.Event()
        running = asyncio.create_task(pool.run("a", hold.wait))
        await asyncio.sleep(0)
        gone = asyncio.create_task(pool.run("b", hold.wait))
        await asyncio.sleep(0)
        gone.cancel()
        with pytest.raises(BusyError, match="come again"):
            await pool.run("b", hold.wait)
        hold.set()
        assert await running
        assert await pool.run("b", lambda: 7) == 7
        with pytest.raises(ZeroDivisionError):
            await pool.run("b", lambda: 1 // 0)
        hold.clear()
        cancelled = asyncio.create_task(pool.run("a", hold.wait))
        await asyncio.sleep(0.01)
        cancelled.cancel()  # its thread goes on, and keeps the place
        with pytest.raises(BusyError):
            await pool.run("b", hold.wait)
        hold.set()
        assert await pool.run("b", lambda: 8) == 8

    asyncio.run(run())


def resident(pid: int, peak: bool = False) -> float:
    """MiB of memory that a process has, or had at its most."""
    status = Path(f"/proc/{pid}/status")
    if not status.exists():
        pytest.skip("the memory of a process is looked up in /proc")
    word = "VmHWM:" if peak else "VmRSS:"
    return next(int(line.split()[1]) for line in status.read_text().splitlines() if line.startswith(word)) / 1024


def processor(pid: int) -> float:
    """Seconds of processor time that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def picture(kind: str, side: int = 4096) -> str:
    """A large picture in a small file."""
    grey = np.full((side, side), 255, np.uint8)
    grey[side // 8 : side // 2, side // 3 : side // 3 + 99] = 0
    found = Image.fromarray(grey.astype(np.uint16) * 257) if kind == "16" else Image.fromarray(grey).convert("RGBA")
    file = io.BytesIO()
    found.save(file, "PNG" if kind == "16" else "WEBP", **({} if kind == "16" else {"lossless": True}))
    return base64.b64encode(file.getvalue()).decode()


def during(
    url: str, work: Sequence[Callable[[], httpx.Response]], ask: Callable[[httpx.Client], None]
) -> tuple[list[int], float]:
    """The statuses of work done at once, and the longest that somebody else, who asks all the while, has to wait."""
    slowest = 0.0
    with ThreadPoolExecutor(len(work)) as pool, httpx.Client(base_url=url, timeout=60) as other:
        answers = [pool.submit(one) for one in work]
        while not all(answer.done() for answer in answers):
            began = time.perf_counter()
            ask(other)
            slowest = max(slowest, time.perf_counter() - began)
            time.sleep(0.02)
    return [answer.result().status_code for answer in answers], slowest


@pytest.mark.slow
def test_pictures_and_odd_bodies_take_bounded_memory_and_hold_nobody_up(tmp_path: Path) -> None:
    with process(tmp_path, "--rate", "100000") as served, httpx.Client(base_url=served.url, timeout=120) as http:
        url, pid = f"{served.url}/v1/writers/ana/read", served.process.pid
        headers = {"content-type": "application/json"}
        read(http, "ana", 1)
        ok(http.post(url, json={"samples": [{"ink": INK}]}))

        def posts(bodies: Sequence[bytes]) -> list[Callable[[], httpx.Response]]:
            return [partial(httpx.post, url, content=raw, headers=headers, timeout=120) for raw in bodies]

        honest = json.dumps({"samples": [{"image": sample(i).tolist()} for i in range(256)]}).encode()
        resident(pid)  # or skip
        before = processor(pid)
        statuses, usual = during(served.url, posts([honest] * 12), lambda other: ok(other.get("/v1/live")))
        assert set(statuses) == {200}
        most, start, before = processor(pid) - before, resident(pid), processor(pid)

        odd = odd_bodies("samples", 3 * MIB)
        some = [odd[name] for name in ("zeros", "objects", "ids", "empty strokes", "fields", "points")]
        statuses, slowest = during(served.url, posts(some * 2), lambda other: ok(other.get("/v1/live")))
        assert set(statuses) == {422}
        assert processor(pid) - before < most + 0.5
        assert slowest < 2 * usual + 1
        assert resident(pid, peak=True) < start + 150

        large = [json.dumps({"samples": [{"png": picture(kind)}]}).encode() for kind in ("16", "webp")]
        statuses, slowest = during(
            served.url, posts(large * 4), lambda other: ok(other.post(url, json={"samples": [{"ink": INK}]}))
        )
        assert set(statuses) <= {200, 503}
        assert statuses.count(200) >= 2
        assert slowest < 2 * usual + 2
        assert resident(pid, peak=True) < start + 700
        read(http, "ana", 1)
        assert resident(pid) < start + 250


def test_pictures_that_cost_more_than_they_show_are_refused(http: httpx.Client) -> None:
    file = io.BytesIO()
    Image.fromarray(sample(7)).save(file, "JPEG", progressive=True)
    raw = file.getvalue()
    reading(http, png=base64.b64encode(raw).decode())
    scan = raw[raw.rindex(b"\xff\xda") : -2]
    refused(http, "scans", png=base64.b64encode(raw[:-2] + 200 * scan + raw[-2:]).decode())
    for shape in ((1, 2**22), (2**22, 1)):
        line = np.full(shape, 255, np.uint8)
        line[0, 0] = 0
        refused(http, "pixels", png=png(line))
    long = np.full((3, 4000), 255, np.uint8)
    long[1, 10:-10] = 0
    reading(http, png=png(long))


def test_ink_is_drawn_as_the_library_draws_it(http: httpx.Client) -> None:
    assert reading(http, ink=LONG) == reading(http, image=ink_to_frame(LONG, recognizer().frame).tolist())
