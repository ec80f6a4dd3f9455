"""Who may come in: keys and tenants, hosts and origins, limits."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator

import numpy as np
import pytest

from allograph.profiles import open_store
from allograph.server.access import Access, Refused
from allograph.server.settings import Limits, Settings
from served import FREE, INK, client, correct, image, ok, png, problem, read, writers

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
                response = http.request(method, path.replace("{writer}", "ana"))
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
