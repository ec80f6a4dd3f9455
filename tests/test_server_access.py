"""Who may come in: keys and tenants, hosts and origins, limits."""

from __future__ import annotations

import io
import json
import threading
import time
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait

import httpx
import numpy as np
import pytest
from anyio.from_thread import start_blocking_portal
from hypothesis import example, given
from hypothesis import strategies as st

from allograph.profiles import open_store
from allograph.profiles.keys import ApiKey, Keys
from allograph.server.access import Access, Refused
from allograph.server.app import application
from allograph.server.settings import Limits, Settings
from served import FREE, INK, InProcess, client, correct, image, ok, png, problem, read, writers

OPERATIONS = [
    ("POST", "/v1/writers/ana/read", {"samples": [{"ink": INK}]}),
    ("POST", "/v1/writers/ana/undo", {"id": "1"}),
    ("POST", "/v1/writers/ana/forget", {"label": "a"}),
    ("GET", "/v1/writers/ana", None),
    ("GET", "/v1/writers/ana/corrections", None),
    ("GET", "/v1/writers/ana/progress", None),
    ("GET", "/v1/writers/ana/confusions", None),
    ("GET", "/v1/writers/ana/styles", None),
    ("GET", "/v1/writers/ana/profile", None),
    ("DELETE", "/v1/writers/ana", None),
]


def bearer(key: str) -> dict[str, str]:
    return {"authorization": f"Bearer {key}"}


def test_no_key_sees_touches_or_learns_of_another_tenants_writers() -> None:
    store = open_store("memory:")
    ours, theirs = bearer(store.keys.add("ours", "a")), bearer(store.keys.add("theirs", "b"))
    with client(writers(store)) as http:
        http.headers.update(ours)
        correct(http, "ana", [("1", 40, "q")])
        before = read(http, "ana", 40)[0]["best"]
        http.headers.update(theirs)
        for method, path, body in OPERATIONS:
            there = http.request(method, path, json=body)
            absent = http.request(method, path.replace("ana", "eva"), json=body)
            assert there.status_code == absent.status_code, path
            told, missing = there.json(), absent.json()
            for answer in (told, missing):
                answer.pop("instance", None)
                for reading in answer.get("readings", ()):
                    reading.pop("id")
            assert told == json.loads(json.dumps(missing).replace("eva", "ana")), path
        assert ok(http.get("/v1/writers")) == {"writers": []}
        metrics = http.get("/v1/metrics").text
        assert "allograph_readings_total 2.0" in metrics
        assert 'allograph_corrections_total{kind="given"} 0.0' in metrics
        assert "allograph_warm_writers 0.0" in metrics
        correct(http, "ana", [("1", 40, "w")])  # a writer of the same name is another
        http.headers.update(ours)
        assert read(http, "ana", 40)[0]["best"] == before
        assert 'allograph_corrections_total{kind="given"} 1.0' in http.get("/v1/metrics").text


def test_everything_but_the_page_health_and_model_needs_a_key() -> None:
    store = open_store("memory:")
    key = store.keys.add("ours", "a")
    with client(writers(store)) as http:
        document = ok(http.get("/v1/openapi.json"))
        for path, operations in document["paths"].items():
            for method, operation in operations.items():
                response = http.request(method, path.replace("{writer}", "ana").replace("{name}", "model.onnx"))
                if operation["security"]:
                    assert problem(response, 401, "key")
                    assert response.headers["www-authenticate"] == "Bearer"
                else:
                    assert response.status_code == 200
        assert http.get("/").status_code == 200
        for wrong in ("", key[:-1], key + "x", key.partition(".")[0], "Basic " + key, "é" * 40):
            header = {"authorization": f"Bearer {wrong}".encode()}
            problem(http.get("/v1/writers", headers=header), 401)  # type: ignore[arg-type]
        assert ok(http.get("/v1/writers", headers={"authorization": f"bearer {key}"})) == {"writers": []}
        assert ok(http.get("/v1/model"))["keys"]


def test_a_revoked_key_is_void_and_the_last_one_opens_no_door_to_others() -> None:
    store = open_store("memory:")
    first, second = store.keys.add("ours", "a"), store.keys.add("ours", "b")
    with client(writers(store), key_seconds=0.0, loopback=False) as http:
        ok(http.get("/v1/writers", headers=bearer(first)))
        assert store.keys.revoke(first.partition(".")[0])
        problem(http.get("/v1/writers", headers=bearer(first)), 401)
        ok(http.get("/v1/writers", headers=bearer(second)))
        store.keys.revoke(second.partition(".")[0])
        problem(http.get("/v1/writers", headers=bearer(second)), 401)
        problem(http.get("/v1/writers"), 401)


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8000", "127.0.0.1.evil.example", "localhost.evil", "10.0.0.1", ""]
)
def test_without_keys_a_foreign_host_is_refused(host: str) -> None:
    with client() as http:
        for path in ("/", "/v1/model", "/v1/writers"):
            problem(http.get(path, headers={"host": host}), 403)


@pytest.mark.parametrize(
    "origin", ["http://evil.example", "http://127.0.0.1:81", "null", "http://127.0.0.1.evil", "https://localhost"]
)
def test_a_foreign_origin_is_refused_with_keys_or_without(origin: str) -> None:
    store = open_store("memory:")
    with client(writers(store), key_seconds=0.0) as http:
        problem(http.get("/v1/writers", headers={"origin": origin}), 403)
        key = store.keys.add("ours", "a")
        problem(http.get("/v1/writers", headers={"origin": origin, **bearer(key)}), 403)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "LOCALHOST:8000", "[::1]:80", "127.0.0.2"])
def test_the_own_origin_is_welcome(host: str) -> None:
    with client() as http:
        ok(http.get("/v1/writers", headers={"host": host, "origin": f"http://{host}"}))


def test_with_keys_any_host_will_do() -> None:
    store = open_store("memory:")
    key = store.keys.add("ours", "a")
    with client(writers(store), loopback=False) as http:
        headers = {"host": "letters.example", "origin": "https://letters.example", **bearer(key)}
        ok(http.get("/v1/writers", headers=headers))


def test_too_many_requests_wait_and_other_tenants_do_not() -> None:
    store = open_store("memory:")
    ours, theirs = bearer(store.keys.add("ours", "a")), bearer(store.keys.add("theirs", "b"))
    with client(writers(store), Limits(rate=5)) as http:
        statuses = [http.get("/v1/writers", headers=ours).status_code for _ in range(15)]
        assert statuses[:10] == [200] * 10
        assert 429 in statuses
        refused = http.get("/v1/writers", headers=ours)
        problem(refused, 429)
        assert int(refused.headers["retry-after"]) >= 1
        ok(http.get("/v1/writers", headers=theirs))


def test_a_bucket_fills_again() -> None:
    now = [0.0]
    access = Access(open_store("memory:"), Settings(limits=Limits(rate=2)), lambda: now[0])
    for _ in range(4):
        access.check_rate("ours")
    with pytest.raises(Refused):
        access.check_rate("ours")
    now[0] = 0.5
    access.check_rate("ours")
    with pytest.raises(Refused):
        access.check_rate("ours")


def ask(access: Access, samples: int) -> float:
    """Send a request of so many samples; 0 where it is let in, else the seconds until it will be."""
    try:
        access.check_rate("ours")
        if samples > 1:
            access.check_rate("ours", samples - 1, again=1)
    except Refused as refused:
        return float((refused.headers or {})["retry-after"])
    return 0.0


@given(
    rate=st.floats(0.1, 1000),
    requests=st.lists(st.tuples(st.floats(0, 5), st.integers(1, 256)), max_size=60),
)
@example(rate=0.1, requests=[(0.0, 2), (0.0, 2)])
@example(rate=1.5, requests=[(0.0, 3), (0.0, 2)])
def test_no_more_samples_come_in_than_the_rate_lets_and_who_comes_when_told_is_let_in(
    rate: float, requests: list[tuple[float, int]]
) -> None:
    now = [0.0]
    limits = Limits(rate=rate)
    access = Access(open_store("memory:"), Settings(limits=limits), lambda: now[0])
    let_in: list[tuple[float, int]] = []
    for pause, samples in requests:
        now[0] += pause
        turns = 0
        while after := ask(access, samples):
            now[0] += after
            turns += 1
            assert turns <= 2  # one refused before its samples are counted is told when a single sample is let in
        let_in.append((now[0], samples))
    for first in range(len(let_in)):
        for last in range(first, len(let_in)):
            # all but the last, which may go beyond what the bucket holds, fit the burst and what flowed in
            came = sum(samples for _, samples in let_in[first:last])
            assert came <= limits.burst + rate * (let_in[last][0] - let_in[first][0]) + 1e-6


def test_a_request_pays_for_its_samples_or_is_refused_as_a_whole() -> None:
    with client(limits=Limits(rate=10)) as http:
        body = {"corrections": [{"id": str(i), "image": image(i), "label": "a"} for i in range(12)]}
        ok(http.post("/v1/writers/ana/correct", json=body))
        refused = http.post("/v1/writers/bo/correct", json=body)
        problem(refused, 429, "10 samples a second")
        assert int(refused.headers["retry-after"]) >= 1
        problem(http.post("/v1/writers/ana/read", json={"samples": [{"image": image(1)}] * 12}), 429)
        problem(http.get("/v1/writers/bo"), 404)
        limits = ok(http.get("/v1/model"))["limits"]
        assert (limits["rate"], limits["burst"]) == (10, 20)
        time.sleep(float(refused.headers["retry-after"]))
        ok(http.post("/v1/writers/bo/correct", json=body))


class Untouched:
    """A store that may not be asked."""

    def __getattr__(self, name: str) -> object:
        raise AssertionError(f"the store was asked: {name}")


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost:8000"])
def test_what_is_the_same_for_everybody_asks_nothing_of_the_store(host: str) -> None:
    served = writers()
    served.store = Untouched()  # type: ignore[assignment]
    app = application(served, Settings(limits=FREE))
    with start_blocking_portal() as portal, httpx.Client(transport=InProcess(app, portal), base_url=f"http://{host}") as http:
        ok(http.get("/v1/live"))
        ok(http.get("/v1/openapi.json"))
        assert http.get("/").status_code == 200
        assert http.get("/static/icon.svg").status_code == 200
        problem(http.get("/static/nothing"), 404)


def test_health_is_told_to_whoever_asks() -> None:
    with client() as http:
        for path in ("/v1/live", "/v1/ready"):
            ok(http.get(path, headers={"host": "10.0.0.7:8000"}))


def test_once_keyed_always_keyed() -> None:
    store = open_store("memory:")
    with client(writers(store), key_seconds=0.0) as http:
        ok(http.get("/v1/writers"))
        key = store.keys.add("ours", "a")
        problem(http.get("/v1/writers"), 401)
        store.keys.revoke(key.partition(".")[0])
        problem(http.get("/v1/writers"), 401)
        problem(http.get("/v1/writers", headers=bearer(key)), 401)
        store.keys.reopen()
        problem(http.get("/v1/writers"), 401)  # this process was keyed
        assert ok(http.get("/v1/model"))["keys"]
    with client(writers(store)) as http:
        ok(http.get("/v1/writers"))


def test_a_store_whose_last_key_was_revoked_is_closed_to_new_processes_too() -> None:
    store = open_store("memory:")
    store.keys.revoke(store.keys.add("ours", "a").partition(".")[0])
    with client(writers(store)) as http:
        problem(http.get("/v1/writers"), 401)


def test_made_up_keys_hold_up_nobody_who_has_one(monkeypatch: pytest.MonkeyPatch) -> None:
    store = open_store("memory:")
    key = store.keys.add("ours", "a")
    held = threading.Event()
    real = Keys.find

    def find(self: Keys, asked: str) -> ApiKey | None:
        if asked != key:
            held.wait(20)
        return real(self, asked)

    with client(writers(store), key_seconds=0.0) as http, ThreadPoolExecutor(110) as pool:
        ok(http.get("/v1/writers", headers=bearer(key)))
        monkeypatch.setattr(Keys, "find", find)
        made_up = [pool.submit(http.get, "/v1/writers", headers=bearer(f"x.{i}")) for i in range(110)]
        wait(made_up, 15, FIRST_COMPLETED)  # one is turned away: as many as may wait do
        for _ in range(5):
            ok(http.get("/v1/writers", headers=bearer(key)))
        held.set()
        found = [one.result() for one in made_up]
        assert {one.status_code for one in found} == {401, 503}
        assert [one for one in found if one.status_code == 503 and "come again in a moment" in one.json()["detail"]]


def test_bodies_have_a_limit_told_or_not() -> None:
    with client(limits=Limits(body=3000, profile=4000, rate=1e9)) as http:
        body = json.dumps({"samples": [{"image": image(1)}]})
        ok(http.post("/v1/writers/ana/read", content=body.replace(" ", ""), headers={"content-type": "application/json"}))
        problem(http.post("/v1/writers/ana/read", content=body + " " * 3000, headers={"content-type": "application/json"}), 413)

        def pieces() -> Iterator[bytes]:
            for _ in range(100):
                yield b" " * 100

        problem(http.post("/v1/writers/ana/read", content=pieces(), headers={"content-type": "application/json"}), 413)
        problem(http.put("/v1/writers/ana/profile", content=b"x" * 3500), 422)
        problem(http.put("/v1/writers/ana/profile", content=b"x" * 4500), 413)
        problem(http.put("/v1/writers/ana/profile", content=pieces()), 413)


def test_samples_pixels_and_points_have_limits() -> None:
    with client(limits=Limits(images=2, pixels=100 * 100, points=10, rate=1e9)) as http:

        def status(*samples: dict[str, object]) -> int:
            return http.post("/v1/writers/ana/read", json={"samples": samples}).status_code

        picture = np.full((90, 90), 255, np.uint8)
        picture[20:60, 40:50] = 0
        assert status({"image": image(1)}, {"image": image(1)}) == 200
        assert status({"image": image(1)}, {"image": image(1)}, {"image": image(1)}) == 422
        assert status({"png": png(picture)}) == 200
        assert status({"png": png(picture)}, {"png": png(picture)}) == 422
        assert status({"png": png(np.zeros((101, 100), np.uint8))}) == 422
        assert status({"ink": [[[i, i] for i in range(10)]]}) == 200
        assert status({"ink": [[[i, i] for i in range(5)]]}, {"ink": [[[i, i] for i in range(6)]]}) == 422
        assert status({"ink": [[[0, 0], [1, 1]], *[[]] * 10]}) == 422
        body = {"corrections": [{"id": str(i), "image": image(i), "label": "a"} for i in range(3)]}
        problem(http.post("/v1/writers/ana/correct", json=body), 422)


def test_a_tenant_has_so_many_writers() -> None:
    with client(limits=Limits(writers=2, rate=1e9)) as http:
        correct(http, "ana", [("1", 1, "a")])
        correct(http, "bo", [("1", 1, "a")])
        body = {"corrections": [{"id": "1", "image": image(1), "label": "a"}]}
        problem(http.post("/v1/writers/eva/correct", json=body), 409, "2 writers")
        blob = http.get("/v1/writers/ana/profile").content
        problem(http.put("/v1/writers/eva/profile", content=blob), 409)
        correct(http, "bo", [("2", 2, "a")])
        ok(http.delete("/v1/writers/ana"))
        correct(http, "eva", [("1", 1, "a")])


def test_logs_hold_no_handwriting_label_name_path_or_key() -> None:
    store, log = open_store("memory:"), io.StringIO()
    key = store.keys.add("acme", "a")
    label, name, id = "Ж", "Fräulein Müller", "reading-4711"
    with client(writers(store), FREE, log) as http:
        http.headers.update(bearer(key))
        body = {"corrections": [{"id": id, "image": image(1), "label": label, "new": True}]}
        path = f"/v1/writers/{name}"
        ok(http.post(f"{path}/correct", json=body))
        ok(http.get(f"{path}/corrections?after=0&limit=77"))
        problem(http.post(f"{path}/correct", json={"corrections": [{"id": "x", "image": image(1), "label": "Ѩ"}]}), 422)
        problem(http.get(f"{path}/nonsense"), 404)
        problem(http.get("/v1/writers", headers=bearer(key + "x")), 401)
    lines = [json.loads(line) for line in log.getvalue().splitlines()]
    assert [line["status"] for line in lines] == [200, 200, 422, 404, 401]
    assert [line["route"] for line in lines][:3] == [
        f"/v1/writers/{{writer}}/{verb}" for verb in ("correct", "corrections", "correct")
    ]
    assert {line["tenant"] for line in lines} == {"acme", None}
    assert all(set(line) == {"time", "level", "event", "route", "method", "status", "ms", "id", "tenant"} for line in lines)
    text = log.getvalue()
    secret = (key, key.partition(".")[2], label, "\\u0416", "Fr", "ller", id, "nonsense", "limit", "Bearer", "255, 255")
    assert not [word for word in secret if word in text]
