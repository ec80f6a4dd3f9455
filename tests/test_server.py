"""The service's operations, in this process."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator
from typing import Any

import httpx
import numpy as np
import pytest
from PIL import Image

from allograph.images.frames import to_frame
from allograph.ink import ink_to_frame
from served import INK, client, correct, image, ok, png, problem, read, recognizer, sample, writers


@pytest.fixture
def http() -> Iterator[httpx.Client]:
    with client() as found:
        yield found


def test_reading_says_what_python_says(http: httpx.Client) -> None:
    (told,) = read(http, "ana", 7, best=3, confidence=0.99, why=True)
    reading = writers()["ana"].read(sample(7), threshold=0.99)
    assert told["label"] == reading.label
    assert told["base"] == reading.base == told["personal"]
    assert told["probability"] == pytest.approx(reading.probability, abs=1e-4)
    assert told["abstains"] == reading.abstains
    assert [one["label"] for one in told["best"]] == [label for label, _ in reading.best(3)]
    assert [one["probability"] for one in told["best"]] == pytest.approx([share for _, share in reading.best(3)], abs=1e-4)
    assert told["why"] == {
        "answerer": "base",
        "base": reading.base,
        "text": reading.why().text,
        "evidence": reading.why().evidence,
    }


def test_image_picture_and_ink_are_the_same_sample(http: httpx.Client) -> None:
    sample = ink_to_frame(INK, recognizer().frame)
    picture = np.kron(255 - sample, np.ones((4, 4), np.uint8))
    samples = [{"image": sample.tolist()}, {"ink": INK}, {"ink": [[[*point, 0.5] for point in stroke] for stroke in INK]}]
    samples += [{"png": png(picture, kind)} for kind in ("PNG", "BMP", "GIF")]
    samples += [{"image": to_frame(picture, "mnist").image.tolist()}]
    told = [  # each by itself: together, they would tell of one another's size
        ok(http.post("/v1/writers/ana/read", json={"samples": [one], "best": 1}))["readings"][0]["best"] for one in samples
    ]
    assert told[0] == told[1] == told[2]
    assert told[3] == told[4] == told[5] == told[6]


def test_an_alphabet_restricts(http: httpx.Client) -> None:
    digits = read(http, "ana", *range(0, 400, 40), alphabet="digits", best=100)
    assert all(one["label"] in "0123456789" for one in digits)
    assert all(len(one["best"]) == 10 for one in digits)
    (told,) = read(http, "ana", 100, alphabet=["x", "y"], best=0)
    assert told["label"] in "xy"
    assert told["best"] == []


def test_ids_name_readings_or_are_made(http: httpx.Client) -> None:
    body = {"samples": [{"image": image(1), "id": "mine"}, {"image": image(2)}, {"image": image(2)}]}
    first, second, third = ok(http.post("/v1/writers/ana/read", json=body))["readings"]
    assert first["id"] == "mine"
    assert len({second["id"], third["id"], "mine"}) == 3


def test_a_correction_is_in_the_next_reading_and_undo_takes_it_back(http: httpx.Client) -> None:
    before = read(http, "ana", 40)[0]
    (done,) = correct(http, "ana", [("1", 40, "q")])
    assert done["label"] == "q"
    assert not done["implicit"]
    after = read(http, "ana", 40, why=True)[0]
    assert after["label"] == "q" != before["label"]
    assert after["base"] == before["base"]
    assert after["why"]["evidence"]["decided"][0]["id"] == "1"
    assert ok(http.post("/v1/writers/ana/undo", json={"id": "1"})) == {"undone": "1"}
    assert read(http, "ana", 40)[0]["best"] == before["best"]
    problem(http.post("/v1/writers/ana/undo", json={"id": "1"}), 404)


def test_a_correction_counts_once_and_another_label_replaces_it(http: httpx.Client) -> None:
    first, again = correct(http, "ana", [("1", 40, "q")]), correct(http, "ana", [("1", 40, "q")])
    assert first == again
    (other,) = correct(http, "ana", [("1", 40, "w")])
    assert other["label"] == "w"
    (relabelled,) = ok(http.post("/v1/writers/ana/correct", json={"corrections": [{"id": "1", "label": "e"}]}))["corrections"]
    assert relabelled["label"] == "e"
    assert read(http, "ana", 40)[0]["label"] == "e"
    assert ok(http.get("/v1/writers/ana"))["corrections"] == 1
    problem(http.post("/v1/writers/ana/correct", json={"corrections": [{"id": "2", "label": "e"}]}), 404, "sample")


def test_many_corrections_in_one_request_keep_their_order(http: httpx.Client) -> None:
    correct(http, "ana", [("old", 3, "a")])
    body = {
        "corrections": [
            {"id": "n", "image": image(1), "label": "ß", "new": True},
            {"id": "old", "label": "b"},
            {"id": "d", "ink": INK, "label": "7", "alphabet": "digits"},
            {"id": "e", "png": png(255 - sample(2)), "label": "x", "alphabet": ["x", "y"]},
            {"id": "f", "image": image(5), "label": "k"},
        ]
    }
    done = ok(http.post("/v1/writers/ana/correct", json=body))["corrections"]
    assert [(one["id"], one["label"]) for one in done] == [("n", "ß"), ("old", "b"), ("d", "7"), ("e", "x"), ("f", "k")]
    about = ok(http.get("/v1/writers/ana"))
    assert about["labels"] == ["ß"]
    assert about["corrections"] == 5
    kept = ok(http.get("/v1/writers/ana/corrections"))["corrections"]
    assert {one["id"] for one in kept} == {"n", "old", "d", "e", "f"}


def test_unknown_labels_are_refused_unless_new(http: httpx.Client) -> None:
    body = {"corrections": [{"id": "1", "image": image(1), "label": "ß"}]}
    assert problem(http.post("/v1/writers/ana/correct", json=body), 422, "ß")["type"] == "urn:allograph:unknown-label"
    body = {"corrections": [{"id": "1", "image": image(1), "label": "a", "alphabet": "digits"}]}
    assert problem(http.post("/v1/writers/ana/correct", json=body), 422, "'a'")["type"] == "urn:allograph:unknown-label"
    assert problem(http.get("/v1/writers/ana"), 404)["type"] == "urn:allograph:unknown-writer"


def test_accepting_is_implicit_and_can_be_switched_off(http: httpx.Client) -> None:
    (done,) = correct(http, "ana", [("1", 40, "q")], "accept")
    assert done["implicit"]
    assert correct(http, "ana", [("1", 40, "w")])[0]["label"] == "w"
    (stands,) = correct(http, "ana", [("1", 40, "q")], "accept")
    assert (stands["label"], stands["implicit"]) == ("w", False)
    stored = {"corrections": [{"id": "1", "label": "q"}]}
    assert ok(http.post("/v1/writers/ana/accept", json=stored))["corrections"][0]["label"] == "w"
    with client(writers(implicit=False)) as off:
        assert correct(off, "ana", [("1", 40, "q")], "accept") == []
        problem(off.get("/v1/writers/ana"), 404)


def test_forgetting(http: httpx.Client) -> None:
    first, *_ = correct(http, "ana", [("1", 1, "a")])
    correct(http, "ana", [("2", 2, "a"), ("3", 3, "b")])
    assert ok(http.post("/v1/writers/ana/forget", json={"label": "a", "since": first["time"] + 1e-6})) == {"forgotten": 1}
    assert ok(http.post("/v1/writers/ana/forget", json={"label": "b"})) == {"forgotten": 1}
    assert ok(http.post("/v1/writers/ana/forget", json={"since": 0})) == {"forgotten": 1}
    problem(http.post("/v1/writers/ana/forget", json={}), 422, "label")


def test_the_journal_in_pages_with_images(http: httpx.Client) -> None:
    correct(http, "ana", [(str(i), i, "a") for i in range(5)])
    found, after = [], 0
    while True:
        page = ok(http.get("/v1/writers/ana/corrections", params={"after": after, "limit": 2}))
        found += page["corrections"]
        if "next" not in page:
            break
        after = page["next"]
    assert [one["id"] for one in found] == list("01234")
    picture = Image.open(io.BytesIO(base64.b64decode(found[3]["image"])))
    assert (np.asarray(picture) == sample(3)).all()
    assert set(found[0]) == {"seq", "id", "label", "implicit", "time", "doubt", "base", "answer", "image"}


def test_the_journal_of_a_label_or_of_some_ids_with_images_or_without(http: httpx.Client) -> None:
    correct(http, "ana", [(str(i), i, "a" if i % 2 else "&") for i in range(6)])

    def listed(**query: Any) -> list[str]:
        page = ok(http.get("/v1/writers/ana/corrections", params=query))
        assert all(("image" in one) == (query.get("images") != "no") for one in page["corrections"])
        return [one["id"] for one in page["corrections"]] + (["next"] if "next" in page else [])

    assert listed(images="no") == list("012345")
    assert listed(label="&") == list("024")
    assert listed(label="&", limit=2) == ["0", "2", "next"]
    assert listed(label="ö") == []
    assert listed(ids=["4", "1", "x"], images="yes") == ["1", "4"]
    assert listed(ids=["4", "1"], label="a") == ["1"]
    for wrong in ({"images": "maybe"}, {"label": ""}, {"label": "\u0301" * 17}, {"ids": ["i"] * 101}, {"ids": [""]}):
        problem(http.get("/v1/writers/ana/corrections", params=wrong), 422, next(iter(wrong)))


def test_images_may_be_kept_from_the_store(http: httpx.Client) -> None:
    body = {"corrections": [{"id": "1", "image": image(1), "label": "a"}]}
    ok(http.post("/v1/writers/ana/correct", json=body, headers={"X-Allograph-Keep-Images": "no"}))
    (kept,) = ok(http.get("/v1/writers/ana/corrections"))["corrections"]
    assert "image" not in kept
    problem(http.post("/v1/writers/ana/correct", json=body, headers={"X-Allograph-Keep-Images": "maybe"}), 422)


def test_writers_in_pages(http: httpx.Client) -> None:
    for name in ("ana", "bo", "ćiril"):
        correct(http, name, [("1", 1, "a")])
    page = ok(http.get("/v1/writers", params={"limit": 2}))
    assert page == {"writers": [{"name": "ana", "corrections": 1}, {"name": "bo", "corrections": 1}], "next": "bo"}
    assert ok(http.get("/v1/writers", params={"after": "bo"})) == {"writers": [{"name": "ćiril", "corrections": 1}]}


def test_a_profile_moves_to_another_writer_and_back(http: httpx.Client) -> None:
    correct(http, "ana", [("1", 1, "a"), ("2", 2, "b")])
    exported = http.get("/v1/writers/ana/profile")
    assert exported.headers["content-type"] == "application/octet-stream"
    assert ok(http.put("/v1/writers/bo/profile", content=exported.content)) == {"added": 2, "removed": 0}
    assert ok(http.put("/v1/writers/bo/profile", content=exported.content)) == {"added": 0, "removed": 0}
    assert read(http, "bo", 1, 2, 3)[0]["best"] == read(http, "ana", 1, 2, 3)[0]["best"]
    problem(http.put("/v1/writers/bo/profile", content=b"nonsense"), 422)


def test_erasing(http: httpx.Client) -> None:
    before = read(http, "ana", 1)[0]["best"]
    correct(http, "ana", [("1", 1, "q")])
    assert ok(http.delete("/v1/writers/ana")) == {"erased": True}
    problem(http.delete("/v1/writers/ana"), 404)
    for path in ("", "/corrections", "/progress", "/confusions", "/styles", "/profile"):
        problem(http.get(f"/v1/writers/ana{path}"), 404)
    assert read(http, "ana", 1)[0]["best"] == before


def test_habits_over_http(http: httpx.Client) -> None:
    base = read(http, "ana", 1)[0]["base"]
    correct(http, "ana", [("1", 1, "q")])
    correct(http, "ana", [("2", 1, "q")])
    points = ok(http.get("/v1/writers/ana/progress"))["points"]
    assert points[-1] == {"corrections": 2, "base": 0.0, "personal": 0.5, "recent": {"base": 0.0, "personal": 0.5}}
    assert ok(http.get("/v1/writers/ana/confusions"))["pairs"] == [{"label": "q", "read_as": base, "times": 2, "still": 0}]
    (style,) = ok(http.get("/v1/writers/ana/styles"))["styles"]
    assert (style["label"], style["samples"]) == ("q", 2)
    assert ok(http.get("/v1/writers/ana"))["accuracy"] == {"samples": 2, "base": 0.0, "personal": 0.5}


def test_in_the_shadow_the_base_answers() -> None:
    with client(writers(shadow=True)) as http:
        before = read(http, "ana", 1)[0]
        correct(http, "ana", [("1", 1, "q")])
        after = read(http, "ana", 1)[0]
        assert after["label"] == before["label"]
        assert after["personal"] == "q"


def test_labels_that_mean_something_elsewhere_go_through(http: httpx.Client) -> None:
    labels = list(recognizer().alphabet)
    correct(http, "ana", [(label, i, label) for i, label in enumerate(labels)])
    assert [one["label"] for one in ok(http.get("/v1/writers/ana/corrections"))["corrections"]] == labels


def test_the_model_tells_of_itself(http: httpx.Client) -> None:
    model = ok(http.get("/v1/model"))
    assert model["labels"] == list(recognizer().alphabet)
    assert model["alphabets"]["digits"] == list("0123456789")
    assert model["model_hash"] == recognizer().bundle.model_hash
    assert (model["adapter"], model["frame"], model["keys"], model["implicit"]) == ("allograph", "mnist", False, True)
    assert model["limits"]["images"] == 256


def test_live_and_ready(http: httpx.Client) -> None:
    assert ok(http.get("/v1/live")) == ok(http.get("/v1/ready")) == {"status": "ok"}


def test_the_page_has_a_strict_policy(http: httpx.Client) -> None:
    page = http.get("/")
    assert page.status_code == 200
    assert page.headers["content-type"].startswith("text/html")
    assert page.headers["content-security-policy"].startswith("default-src 'none'; script-src 'self';")
    assert http.get("/static/index.html").status_code == 200
    problem(http.get("/static/nothing.js"), 404)
    problem(http.get("/static/../app.py"), 404)


def test_metrics_count_readings_corrections_and_how_often_they_were_right(http: httpx.Client) -> None:
    (told,) = read(http, "ana", 1)
    correct(http, "ana", [("1", 1, told["base"])])
    correct(http, "ana", [("2", 2, "q")])
    correct(http, "ana", [("2", 2, "q")])  # sent again: counts once
    correct(http, "ana", [("3", 2, "q")], "accept")
    text = http.get("/v1/metrics").text
    lines = dict(line.rsplit(" ", 1) for line in text.splitlines() if line and not line.startswith("#"))
    assert float(lines["allograph_readings_total"]) == 1
    assert float(lines['allograph_corrections_total{kind="given"}']) == 2
    assert float(lines['allograph_corrections_total{kind="implicit"}']) == 1
    assert float(lines['allograph_rolling_accuracy{reader="base"}']) == pytest.approx(1 / 3)
    assert float(lines['allograph_rolling_accuracy{reader="personal"}']) == pytest.approx(2 / 3)
    assert float(lines['allograph_requests_total{method="POST",route="/v1/writers/{writer}/read",status="200"}']) == 1
    assert float(lines["allograph_warm_writers"]) == 1
    assert "ana" not in text
