"""Size, place, context and doubt over HTTP."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator
from typing import Any

import httpx
import numpy as np
import pytest
from PIL import Image

from allograph.profiles import open_store
from allograph.samples import Box, Sample
from allograph.server.settings import Limits
from allograph.writers import Writers
from relative import RelativeAdapter
from served import INK, client, image, ok, png, problem, recognizer, sample, writers

BOX = {"left": 1, "top": 2.5, "right": 7, "bottom": 30.25}
WITH_ALL = {**BOX, "unit": "millimetres", "device": "tablet Ä", "baseline": 28}


@pytest.fixture
def served() -> Writers:
    return Writers(open_store("memory:"), recognizer(), RelativeAdapter())


@pytest.fixture
def http(served: Writers) -> Iterator[httpx.Client]:
    with client(served) as found:
        yield found


def taught(http: httpx.Client, served: Writers, **shown: Any) -> Box | None:
    """The box in the journal of a correction that came with a sample."""
    ok(http.post("/v1/writers/eva/correct", json={"corrections": [{"id": "1", "label": "a", **shown}]}))
    (entry,) = served["eva"].entries()
    return entry.box


def test_an_image_or_a_picture_comes_with_its_box(http: httpx.Client, served: Writers) -> None:
    assert taught(http, served, image=image(), box=BOX) == Box(1, 2.5, 7, 30.25)
    ok(http.delete("/v1/writers/eva"))
    assert taught(http, served, png=png(255 - sample(7)), box=WITH_ALL) == Box(1, 2.5, 7, 30.25, "millimetres", "tablet Ä", 28)
    ok(http.delete("/v1/writers/eva"))
    assert taught(http, served, image=image(), box={**BOX, "baseline": None}) == Box(1, 2.5, 7, 30.25)


@pytest.mark.parametrize("dpi", [None, 300])
def test_a_picture_has_the_box_of_its_ink_in_millimetres_where_its_file_says_how_large_it_is(
    dpi: int | None, http: httpx.Client, served: Writers
) -> None:
    file, place = io.BytesIO(), {"device": "scan", "baseline": 150.0}
    Image.fromarray(np.kron(255 - sample(7), np.ones((8, 8), np.uint8))).save(
        file, "PNG", **({} if dpi is None else {"dpi": (dpi, dpi)})
    )
    expected = Sample.from_picture(file.getvalue(), **place).box  # type: ignore[arg-type]
    assert taught(http, served, png=base64.b64encode(file.getvalue()).decode(), **place) == expected
    assert expected is not None
    assert expected.unit == ("device" if dpi is None else "millimetres")
    assert expected.device == "scan"
    assert expected.baseline == pytest.approx(150 if dpi is None else 150 / 300 * 25.4, rel=1e-3)


def test_ink_brings_its_own_box(http: httpx.Client, served: Writers) -> None:
    assert taught(http, served, ink=INK) == Box(0, 0, 60, 90)
    ok(http.delete("/v1/writers/eva"))
    columns = [[[p[0] for p in stroke], [p[1] for p in stroke]] for stroke in INK]
    size = {"unit": "millimetres", "device": "pen", "baseline": 88.5}
    assert taught(http, served, ink=columns, ink_form="columns", **size) == Box(0, 0, 60, 90, "millimetres", "pen", 88.5)


def test_who_sends_no_box_is_served_as_before(http: httpx.Client, served: Writers) -> None:
    assert taught(http, served, image=image()) is None
    assert len(ok(http.post("/v1/writers/eva/read", json={"samples": [{"image": image()}]}))["readings"]) == 1


@pytest.mark.parametrize(
    ("shown", "words"),
    [
        ({"image": image(), "box": {**BOX, "left": "1"}}, "samples.0.box.left: this is a number"),
        ({"image": image(), "box": {**BOX, "top": True}}, "samples.0.box.top"),
        ({"image": image(), "box": {**BOX, "right": 1e10}}, "samples.0.box.right"),
        ({"image": image(), "box": {**BOX, "bottom": 2}}, "samples.0.box: a box is left, top, right, bottom, y down"),
        ({"image": image(), "box": {"left": 1, "top": 2, "right": 3}}, "samples.0.box.bottom"),
        ({"image": image(), "box": {**BOX, "unit": "inch"}}, "samples.0.box.unit"),
        ({"image": image(), "box": {**BOX, "device": "x" * 201}}, "samples.0.box.device"),
        ({"image": image(), "box": {**BOX, "device": "a\nb"}}, "samples.0.box.device: the name of a device"),
        ({"image": image(), "box": {**BOX, "baseline": -2e9}}, "samples.0.box.baseline"),
        ({"image": image(), "box": {**BOX, "height": 3}}, "samples.0.box.height"),
        ({"image": image(), "box": [1, 2, 3, 4]}, "samples.0.box: this is an object"),
        ({"ink": INK, "box": BOX}, "leave box out"),
        ({"ink": INK, "unit": "pixels"}, "samples.0.unit"),
        ({"ink": INK, "device": "x" * 201}, "samples.0.device"),
        ({"ink": INK, "device": "a\u2028b"}, "samples.0.device"),
        ({"ink": INK, "baseline": "low"}, "samples.0.baseline: this is a number"),
        ({"image": image(), "device": "pen"}, "device stands beside ink"),
        ({"image": image(), "baseline": 3}, "baseline stands beside ink"),
        ({"image": image(), "unit": "device"}, "unit stands beside ink"),
        ({"png": png(255 - sample(7)), "box": BOX, "device": "scan"}, "device stands beside ink"),
    ],
)
def test_what_is_wrong_with_a_size_is_said_of_its_field(shown: dict[str, Any], words: str, http: httpx.Client) -> None:
    problem(http.post("/v1/writers/eva/read", json={"samples": [shown]}), 422, words)
    body = {"samples": [{"image": image()}], "context": [shown]}
    problem(http.post("/v1/writers/eva/read", json=body), 422, words.replace("samples", "context"))


def test_a_box_without_a_sample_is_refused(http: httpx.Client) -> None:
    ok(http.post("/v1/writers/eva/correct", json={"corrections": [{"id": "1", "label": "a", "image": image()}]}))
    for size in ({"box": BOX}, {"device": "pen"}, {"baseline": 1}, {"unit": "device"}):
        body = {"corrections": [{"id": "1", "label": "b", **size}]}
        problem(http.post("/v1/writers/eva/correct", json=body), 422, next(iter(size)))


HEIGHTS = (5, 9, 14, 22, 31)
SAMPLES = [{"image": image(i), "box": {**BOX, "bottom": 2.5 + height}} for i, height in enumerate(HEIGHTS)]
OURS = [Sample.from_image(sample(i), Box(1, 2.5, 7, 2.5 + height)) for i, height in enumerate(HEIGHTS)]


def whys(http: httpx.Client, samples: Any, **more: Any) -> list[str]:
    """The sizes of samples against their context."""
    body = {"samples": samples, "why": True, **more}
    return [one["why"]["text"] for one in ok(http.post("/v1/writers/eva/read", json=body))["readings"]]


def test_a_context_counts_as_it_does_in_python(http: httpx.Client, served: Writers) -> None:
    eva = served["eva"]
    assert whys(http, SAMPLES[:1]) == [eva.read(OURS[0]).why().text] == ["0.5000"]
    assert whys(http, SAMPLES[:1], context=SAMPLES[1:3]) == [eva.read(OURS[0], context=OURS[1:3]).why().text]
    assert whys(http, SAMPLES[:2], context=SAMPLES[2:]) == [one.why().text for one in eva.read(OURS[:2], context=OURS[2:])]
    assert whys(http, SAMPLES, context=[]) == [one.why().text for one in eva.read(OURS)]
    named = [{**one, "id": "same"} for one in SAMPLES[1:3]]
    assert whys(http, SAMPLES[:1], context=named) == whys(http, SAMPLES[:1], context=SAMPLES[1:3])
    assert len(set(whys(http, SAMPLES * 12, context=SAMPLES))) == 5  # read in many parts, all beside the same


def test_a_correction_is_judged_beside_its_context(http: httpx.Client, served: Writers) -> None:
    """The adapter thinks that what is far larger than the context is the alphabet's first label."""
    first = recognizer().alphabet.labels[0]
    large = {"image": image(), "box": {**BOX, "bottom": 1e6}}
    answers = {}
    for id, context in (("1", []), ("2", SAMPLES), ("3", [large])):
        body = {"corrections": [{"id": id, "label": "q", **large}], "context": context}
        ok(http.post("/v1/writers/eva/correct", json=body))
        answers[id] = ok(http.get("/v1/writers/eva/corrections"))["corrections"][-1]["answer"]
    assert answers["1"] == answers["2"] == first
    assert answers["3"] != first


def test_a_context_is_limited_and_paid_for() -> None:
    one = {"image": image()}
    with client(limits=Limits(images=100, rate=50)) as http:
        told = problem(http.post("/v1/writers/eva/read", json={"samples": [one], "context": [one] * 65}), 422, "it may have 64")
        assert "65" in told["detail"]
        problem(http.post("/v1/writers/eva/read", json={"samples": [one] * 40, "context": [one] * 61}), 422, "together")
        ok(http.post("/v1/writers/eva/read", json={"samples": [one] * 40, "context": [one] * 56}))
        answer = http.post("/v1/writers/eva/read", json={"samples": [one], "context": [one] * 10})
        assert problem(answer, 429)
        assert int(answer.headers["retry-after"]) >= 1
        body = {"corrections": [{"id": "1", "label": "a", **one}], "context": [one] * 10}
        problem(http.post("/v1/writers/eva/correct", json=body), 429)


def test_the_model_reads_a_context_once_and_its_samples_are_no_readings() -> None:
    with client() as http:
        one = {"image": image()}
        ok(http.post("/v1/writers/eva/read", json={"samples": [one] * 3, "context": [one] * 10}))
        assert metrics(http) == {"allograph_batch_images_sum": 13.0, "allograph_readings_total": 3.0}
        alphabets = ["digits", "letters", ["a", "b"], None]
        corrections = [{"id": str(i), "label": "7" if i == 0 else "a", "alphabet": a, **one} for i, a in enumerate(alphabets)]
        ok(http.post("/v1/writers/eva/correct", json={"corrections": corrections, "context": [one] * 10}))
        assert metrics(http)["allograph_batch_images_sum"] == 13 + 10 + 4


def metrics(http: httpx.Client) -> dict[str, float]:
    """How many samples the model read, and how many readings were given."""
    lines = [line.rsplit(" ", 1) for line in http.get("/v1/metrics").text.splitlines() if not line.startswith("#")]
    names = ("allograph_batch_images_sum", "allograph_readings_total")
    return {name.partition("{")[0]: float(value) for name, value in lines if name.partition("{")[0] in names}


def test_a_label_against_all_that_is_known_comes_back_doubtful_and_its_confirmation_does_not() -> None:
    with client(writers()) as http:
        (reading,) = ok(http.post("/v1/writers/eva/read", json={"samples": [{"image": image()}], "best": 94}))["readings"]
        unlikely = reading["best"][-1]

        def correct(verb: str, id: str, label: str, **shown: Any) -> float:
            body = {"corrections": [{"id": id, "label": label, **shown}]}
            (found,) = ok(http.post(f"/v1/writers/eva/{verb}", json=body))["corrections"]
            return float(found["doubt"])

        slip = 0.02 / 94
        doubt = correct("correct", "1", unlikely["label"], image=image())
        assert doubt == pytest.approx(slip / (slip + 0.98 * unlikely["probability"]), rel=0.05)
        assert doubt > 0.5
        assert correct("correct", "1", unlikely["label"], image=image()) == doubt  # sent again, it counts once
        assert correct("correct", "1", reading["label"], image=image()) == 0
        assert correct("correct", "1", unlikely["label"]) == 0
        assert correct("accept", "2", unlikely["label"], image=image()) == 0
        rows = ok(http.get("/v1/writers/eva/corrections"))["corrections"]
        assert [row["doubt"] for row in rows] == [0, 0]
