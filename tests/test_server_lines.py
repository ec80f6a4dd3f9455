"""Lines of hand print over HTTP: read, corrected, left standing, taken back; what cannot be one is refused."""

from __future__ import annotations

import base64
import io
import math
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from difflib import SequenceMatcher
from functools import lru_cache
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from allograph.corpora.lines.archive import LineArchive
from allograph.lines import LineInk
from allograph.profiles import open_store
from allograph.recognizer import Recognizer
from allograph.server import line_worker
from allograph.server.settings import Limits
from allograph.writers.line_reading import read_line
from allograph.writers.writers import Writers
from handwriting import our_ink
from served import client, correct, image, ok, png, problem, recognizer, writers
from small import tiny_bundle

TEXT = "cups 123 wad"
GAP, SPACE = 15.0, 60.0
ANA = "/v1/writers/ana"
Strokes = list[list[list[float]]]


def strokes_of(text: str) -> Strokes:
    """A line of our characters, side by side."""
    ink, left, strokes = our_ink(), 0.0, []
    for character in text:
        if character == " ":
            left += SPACE
            continue
        points = np.concatenate(ink[character])
        moved = np.array([left - points[:, 0].min(), 0])
        strokes += [(stroke + moved).round(2).tolist() for stroke in ink[character]]
        left += float(np.ptp(points[:, 0])) + GAP
    return strokes


LINE: dict[str, Any] = {"id": "line-1", "ink": strokes_of(TEXT), "device": "tablet"}


@lru_cache(maxsize=1)
def picture() -> np.ndarray:
    """The line as a picture, dark on light, uint8 [h, w]."""
    points = np.concatenate([np.array(stroke) for stroke in LINE["ink"]])
    width, height = (points.max(axis=0) + 40).astype(int).tolist()
    drawn = Image.new("L", (width, height), 255)
    for stroke in LINE["ink"]:
        ImageDraw.Draw(drawn).line([(x + 20, y + 20) for x, y in stroke], fill=0, width=5, joint="curve")
    return np.asarray(drawn)


@pytest.fixture
def served() -> Writers:
    return writers()


@pytest.fixture
def http(served: Writers) -> Iterator[httpx.Client]:
    with client(served) as found:
        yield found


def read(http: httpx.Client, **line: Any) -> dict[str, Any]:
    """The answer to a line."""
    found: dict[str, Any] = ok(http.post(f"{ANA}/lines/read", json={**LINE, **line}))
    return found


def teach(http: httpx.Client, text: str = TEXT, verb: str = "correct", **line: Any) -> dict[str, Any]:
    """What is learned of a line."""
    found: dict[str, Any] = ok(http.post(f"{ANA}/lines/{verb}", json={**LINE, "text": text, **line}))
    return found


def journal(http: httpx.Client) -> list[dict[str, Any]]:
    """The writer's corrections."""
    found: list[dict[str, Any]] = ok(http.get(f"{ANA}/corrections", params={"limit": 1000}))["corrections"]
    return found


def words(http: httpx.Client, name: str = "ana") -> dict[str, int]:
    """The words that were kept."""
    return {one["word"]: one["lines"] for one in ok(http.get(f"/v1/writers/{name}/words"))["words"]}


def spelled(answer: dict[str, Any]) -> str:
    """The text that a line's characters spell."""
    return "".join(" " * one["space_before"] + one["label"] for one in answer["characters"])


def test_a_line_reads_as_in_python(http: httpx.Client, served: Writers) -> None:
    found = read(http, best=5)
    line = served["ana"].read_line(LineInk.from_strokes([np.array(stroke) for stroke in LINE["ink"]], device="tablet"))
    assert found["id"] == "line-1"
    assert found["text"] == spelled(found) == line.text
    assert [one["text"] for one in found["best"]] == [text for text, _ in line.best(5)]
    assert [one["probability"] for one in found["best"]] == pytest.approx([share for _, share in line.best(5)])
    assert found["best"][0] == {"text": found["text"], "probability": found["probability"]}
    assert found["unsure"] == list(line.unsure)
    assert found["joined"] is False
    for one, other in zip(found["characters"], line.characters, strict=True):
        assert (one["label"], one["base"], one["personal"]) == (other.label, other.base, other.personal)
        assert (one["row"], one["space_before"], tuple(one["pieces"])) == (other.row, other.space_before, other.pieces)
        assert one["best"][0] == {"label": one["label"], "probability": one["probability"]}
        assert one["probability"] == pytest.approx(other.probability)
        assert one["sureness"] == pytest.approx(other.sureness)
        assert [label for label, _ in other.best(5)] == [best["label"] for best in one["best"]]
    pieces = [piece for one in found["characters"] for piece in one["pieces"]]
    assert sorted(pieces) == list(range(len(LINE["ink"])))
    assert journal_length(served) == 0


def journal_length(served: Writers) -> int:
    """How many corrections the writer has."""
    return len(served["ana"].rows())


def test_every_form_in_which_a_line_can_be_sent(http: httpx.Client, served: Writers) -> None:
    expected = read(http)
    columns = [[[x for x, _ in stroke], [y for _, y in stroke]] for stroke in LINE["ink"]]
    pressed = [[[x, y, 0.5] for x, y in stroke] for stroke in LINE["ink"]]
    assert read(http, ink=columns, ink_form="columns") == expected
    assert read(http, ink=pressed) == expected
    random = read(http, id=None)["id"]
    assert random != read(http, id=None)["id"]
    assert random.startswith("line-")
    shown: dict[str, Any] = {"id": "line-2", "png": png(picture())}
    seen = ok(http.post(f"{ANA}/lines/read", json=shown))
    assert seen["text"] == served["ana"].read_line(picture()).text
    assert SequenceMatcher(None, seen["text"].lower(), TEXT).ratio() >= 0.7
    url = "data:image/png;base64," + png(picture())
    assert ok(http.post(f"{ANA}/lines/read", json={**shown, "png": url})) == seen


def test_a_scan_is_as_large_as_its_file_says(http: httpx.Client, served: Writers) -> None:
    file = io.BytesIO()
    Image.fromarray(picture()).save(file, "PNG", dpi=(300, 300))
    shown = {"id": "line-3", "png": base64.b64encode(file.getvalue()).decode(), "device": "scan", "text": TEXT}
    ok(http.post(f"{ANA}/lines/correct", json=shown))
    boxes = [entry.box for entry in served["ana"].entries()]
    assert {(box.unit, box.device) for box in boxes if box} == {("millimetres", "scan")}
    teach(http, unit="millimetres")
    boxes = [entry.box for entry in served["ana"].entries()]
    assert {(box.unit, box.device) for box in boxes if box} == {("millimetres", "scan"), ("millimetres", "tablet")}


def test_an_alphabet_and_a_threshold_restrict_the_answers(http: httpx.Client) -> None:
    digits = read(http, alphabet="digits")
    assert digits["text"].replace(" ", "").isdigit()
    assert {best["label"] for one in digits["characters"] for best in one["best"]} <= set("0123456789")
    strict = read(http, confidence=0.999)["characters"]
    assert [one["abstains"] for one in strict] == [one["sureness"] < 0.999 for one in strict]
    assert not any(one["abstains"] for one in read(http)["characters"])
    none = read(http, best=0)
    assert none["best"] == []
    assert none["characters"][0]["best"] == []
    assert none["text"] == read(http, best=8)["text"]


def test_a_corrected_line_is_learned_once_and_taken_back_whole(http: httpx.Client, served: Writers) -> None:
    assert read(http)["text"] != TEXT
    done = teach(http, keep_words=True)
    assert done["id"] == "line-1"
    assert done["doubtful"] == []
    assert [one["label"] for one in done["corrections"]] == list(TEXT.replace(" ", ""))
    assert not any(one["implicit"] for one in done["corrections"])
    stands = journal(http)
    assert Counter(one["id"] for one in stands) == Counter(one["id"] for one in done["corrections"])
    assert read(http)["text"] == TEXT
    assert words(http) == {"123": 1, "cups": 1, "wad": 1}
    assert teach(http, keep_words=True) == done
    assert journal(http) == stands
    other = teach(http, "Cups 123 wad")
    assert Counter(one["label"] for one in journal(http)) == Counter("Cups123wad")
    assert {one["id"] for one in other["corrections"]} == {one["id"] for one in stands}
    assert words(http) == {}
    assert ok(http.post(f"{ANA}/undo", json={"id": "line-1"})) == {"undone": "line-1"}
    assert journal(http) == []
    problem(http.post(f"{ANA}/undo", json={"id": "line-1"}), 404)


def test_the_same_request_again_changes_nothing_though_much_was_learned_from_it(shared: Path) -> None:
    archive = LineArchive.open(shared / "data" / "unipen_lines.npz")
    lines = [archive.line(place, "train") for place in range(11, len(archive), 150)]
    doubtful = 0
    with client() as http:
        for place, line in enumerate(lines):
            body = {"id": f"line-{place}", "ink": [stroke.tolist() for stroke in line.strokes], "text": line.text}
            first, again = (http.post(f"/v1/writers/{line.writer}/lines/correct", json=body) for _ in range(2))
            assert first.json() | {"instance": ""} == again.json() | {"instance": ""}
            doubtful += bool(first.json().get("doubtful"))
    assert doubtful


def test_images_are_kept_unless_the_request_or_the_service_says_no(http: httpx.Client) -> None:
    kept = ok(http.post(f"{ANA}/lines/correct", json={**LINE, "text": TEXT}))
    assert all("image" in one for one in journal(http))
    ok(http.post(f"{ANA}/undo", json={"id": kept["id"]}))
    no = {"X-Allograph-Keep-Images": "no"}
    ok(http.post(f"{ANA}/lines/correct", json={**LINE, "text": TEXT}, headers=no))
    ok(http.post(f"{ANA}/lines/accept", json={**LINE, "id": "line-2", "text": TEXT}, headers=no))
    assert {one["implicit"] for one in journal(http)} == {True, False}
    assert not any("image" in one for one in journal(http))


def test_a_line_left_standing_teaches_what_was_shown_and_sure(http: httpx.Client) -> None:
    shown = read(http)
    sure = [one["label"] for one in shown["characters"] if one["sureness"] >= 0.8]
    assert teach(http, "something else", "accept") == {"id": "line-1", "corrections": [], "doubtful": []}
    done = teach(http, shown["text"], "accept")
    assert Counter(one["label"] for one in done["corrections"]) == Counter(sure)
    assert all(one["implicit"] for one in journal(http))
    assert teach(http, shown["text"], "accept") == done
    teach(http)
    assert not any(one["implicit"] for one in journal(http))
    before = journal(http)
    teach(http, read(http)["text"], "accept")
    assert journal(http) == before


def test_a_line_of_which_only_some_characters_were_said(http: httpx.Client) -> None:
    assert [one["label"] for one in teach(http, vouched=[0, 5])["corrections"]] == [TEXT[0], TEXT[5]]
    done = teach(http, vouched=[0, 5], left_standing=True)
    assert [one["label"] for one in done["corrections"] if not one["implicit"]] == [TEXT[0], TEXT[5]]
    assert any(one["implicit"] for one in done["corrections"])
    assert teach(http, vouched=[0, 5], left_standing=True) == done
    assert len(journal(http)) == len(done["corrections"])
    for wrong, words in (([], "nothing is vouched for"), ([4], "no character"), ([99], "no character")):
        problem(http.post(f"{ANA}/lines/correct", json={**LINE, "text": TEXT, "vouched": wrong}), 422, words)
    for odd in ([-1], [0.5], ["0"], [True], "0", 0):
        problem(http.post(f"{ANA}/lines/correct", json={**LINE, "text": TEXT, "vouched": odd}), 422, "vouched")
    with client(writers(implicit=False)) as strict:
        assert len(teach(strict, vouched=[0], left_standing=True)["corrections"]) == 1
        assert teach(strict, vouched=[], left_standing=True)["corrections"] == journal(strict) == []


def test_nothing_is_learned_implicitly_where_that_is_switched_off() -> None:
    with client(writers(implicit=False)) as http:
        assert teach(http, read(http)["text"], "accept")["corrections"] == []
        assert http.get(ANA).status_code == 404


def test_in_shadow_the_base_answers_a_line(http: httpx.Client) -> None:
    plain = read(http)["text"]
    with client(writers(shadow=True)) as shadow:
        teach(shadow)
        found = read(shadow)
        assert found["text"] == plain
        assert "".join(one["personal"] for one in found["characters"]) != plain.replace(" ", "")


def test_labels_that_the_model_does_not_know(http: httpx.Client) -> None:
    text = "cups 123 wađ"
    problem(http.post(f"{ANA}/lines/correct", json={**LINE, "text": text}), 422, 'teach it to this writer with "new": true')
    done = teach(http, text, new=True)
    assert "đ" in [one["label"] for one in done["corrections"]]
    assert ok(http.get(ANA))["labels"] == ["đ"]
    problem(http.post(f"{ANA}/lines/correct", json={**LINE, "text": TEXT, "alphabet": "digits"}), 422, "restricted to 10 labels")


def test_words_are_forgotten_exported_and_erased(http: httpx.Client) -> None:
    assert http.get(f"{ANA}/words").status_code == 404
    teach(http, keep_words=True)
    profile = http.get(f"{ANA}/profile").content
    ok(http.put("/v1/writers/eva/profile", content=profile))
    assert words(http, "eva") == words(http) == {"123": 1, "cups": 1, "wad": 1}
    assert ok(http.post(f"{ANA}/words/forget", json={"words": ["cups", "coat"]})) == {"forgotten": 1}
    assert words(http) == {"123": 1, "wad": 1}
    assert ok(http.post(f"{ANA}/words/forget", json={"words": []})) == {"forgotten": 0}
    assert ok(http.post(f"{ANA}/words/forget", json={})) == {"forgotten": 2}
    assert words(http) == {}
    assert len(journal(http)) == len(TEXT.replace(" ", ""))
    ok(http.delete("/v1/writers/eva"))
    problem(http.get("/v1/writers/eva/words"), 404)
    problem(http.post("/v1/writers/eva/words/forget", json={}), 404)
    correct(http, "eva", [("1", 40, "a")])
    assert words(http, "eva") == {}
    problem(http.post(f"{ANA}/words/forget", json={"words": ["two words"]}), 422, "a word holds no white space")


def test_numbers_count_lines_and_characters(http: httpx.Client) -> None:
    def numbers() -> dict[str, float]:
        lines = [line.rpartition(" ") for line in http.get("/v1/metrics").text.splitlines() if not line.startswith("#")]
        return {name: float(value) for name, _, value in lines}

    read(http)
    read(http)
    done = teach(http)
    teach(http)
    found, taught = numbers(), len(done["corrections"])
    assert found["allograph_lines_total"] == 2
    assert found['allograph_corrections_total{kind="given"}'] == taught
    assert 0 < found['allograph_rolling_accuracy{reader="base"}'] <= 1
    teach(http, read(http)["text"], "accept", id="line-2")
    assert numbers()['allograph_corrections_total{kind="implicit"}'] > 0


def test_the_log_holds_nothing_of_a_line() -> None:
    log = io.StringIO()
    with client(log=log) as http:
        teach(http, "cups 123 wađ", new=True, keep_words=True, id="line-secret")
        http.post(f"{ANA}/lines/correct", json={**LINE, "text": "qqqq wwww zzzz kkkk qqqq", "id": "line-secret"})
    told = log.getvalue()
    assert "/v1/writers/{writer}/lines/correct" in told
    for content in ("cups", "wađ", "đ", "\\u0111", "qqqq", "secret", "tablet"):
        assert content not in told


def noise(height: int, width: int) -> str:
    """A photograph, so to speak."""
    random = np.random.default_rng(0)
    hills = np.cumsum(np.cumsum(random.normal(size=(height, width)), axis=0), axis=1)
    return png(((hills - hills.min()) / np.ptp(hills) * 255).astype(np.uint8))


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "no ink": ({"ink": []}, "the line is empty"),
    "strokes without points": ({"ink": [[], []]}, "the line is empty"),
    "neither ink nor picture": ({"ink": None}, "a line is one of ink and png"),
    "both": ({"png": png(255 - np.eye(28, dtype=np.uint8) * 255)}, "a line is one of ink and png"),
    "too many strokes": ({"ink": [[[i, 0], [i, 9]] for i in range(257)]}, "the line has 257 strokes; it may have 256"),
    "too many points": ({"ink": [[[i, 0] for i in range(20_001)]]}, "the ink has 20001 points"),
    "too far": ({"ink": [[[0, 0], [2e9, 0]]]}, "scale the ink down"),
    "columns that do not say so": ({"ink": [[[1, 2, 3, 4], [1, 2, 3, 4]]]}, "say so with"),
    "an empty picture": ({"ink": None, "png": png(np.full((40, 200), 255, np.uint8))}, "the picture of the line is empty"),
    "no picture": ({"ink": None, "png": base64.b64encode(b"GIF89a").decode()}, "is not a readable picture"),
    "a photograph": ({"ink": None, "png": noise(300, 400)}, "does not look like a line of writing"),
    "a unit beside a picture": ({"ink": None, "png": noise(9, 9), "unit": "device"}, "unit stands beside ink"),
    "an id that is no line's": ({"id": "letter-1"}, "the id of a line is 'line-'"),
    "an id that is too long": ({"id": "line-" + "x" * 12}, "the id of a line"),
    "an alphabet with a label nobody knows": ({"alphabet": ["đ"]}, "label"),
    "an unknown field": ({"samples": []}, "body.samples"),
    "a confidence that is none": ({"confidence": 2}, "body.confidence"),
}


@pytest.mark.parametrize("fault", WRONG)
def test_what_is_no_line_is_refused_with_a_reason(fault: str, http: httpx.Client) -> None:
    body, reason = WRONG[fault]
    problem(http.post(f"{ANA}/lines/read", json={**LINE, **body}), 422, reason)
    problem(http.post(f"{ANA}/lines/correct", json={**LINE, "text": TEXT, **body}), 422, reason)
    assert http.get(ANA).status_code == 404


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "the text of a line has 1"),
        ("  ", "the text of a line has 1"),
        ("cups\n123", "a line has no line ends"),
        ("x" * 200, "the text does not fit the ink: it has 200 characters"),
        ("x" * 20_000, "has 1–4096 characters; this one has 20000"),
        ("x" * 5_000, "has 1–4096 characters; this one has 5000"),
        ("qwop; zxzx &&&&", "the text does not fit the ink"),
        (7, "the text of a line is a string"),
    ],
)
def test_a_text_that_the_ink_cannot_show_is_refused(text: Any, reason: str, http: httpx.Client) -> None:
    problem(http.post(f"{ANA}/lines/correct", json={**LINE, "text": text}), 422, reason)
    assert http.get(ANA).status_code == 404


def test_how_many_texts_are_named_is_bounded(http: httpx.Client) -> None:
    problem(http.post(f"{ANA}/lines/read", json={**LINE, "best": 9}), 422, "body.best")
    problem(http.post(f"{ANA}/lines/correct", json={"ink": LINE["ink"], "text": TEXT}), 422, "body.id")
    problem(http.post(f"{ANA}/lines/accept", json={"ink": LINE["ink"], "id": "line-1"}), 422, "body.text")


def test_pictures_have_as_many_pixels_and_pieces_as_a_request_may() -> None:
    with client(limits=Limits(rate=1e9, pixels=10_000)) as http:
        problem(http.post(f"{ANA}/lines/read", json={"png": png(picture())}), 422, "those of a request may have 10000")
    with client(limits=Limits(rate=1e9, images=5)) as http:
        problem(http.post(f"{ANA}/lines/read", json={"png": png(picture())}), 422, "pieces of ink; it may have 5")


def test_a_bundle_without_a_line_model_is_a_conflict(tmp_path: Path) -> None:
    bundle = tiny_bundle(tmp_path / "tiny")
    with closing(open_store("memory:")) as store, client(Writers(store, Recognizer(bundle, threads=1))) as http:
        assert problem(http.post(f"{ANA}/lines/read", json=LINE), 409, "line")["type"] == "urn:allograph:mismatch"


def test_likely_words_come_with_a_line_and_are_checked() -> None:
    with client() as http:
        plain, helped = (http.post(f"{ANA}/lines/read", json=LINE | more).json() for more in ({}, {"words": ["cups", "wad"]}))
        assert not plain["text"].startswith("cups ")
        assert helped["text"].startswith("cups 123 ")
        problem(http.post(f"{ANA}/lines/read", json=LINE | {"words": ["two words"]}), 422, "words")


def test_a_line_costs_its_strokes_and_one_that_is_refused_nothing() -> None:
    strokes = len(LINE["ink"])
    with client(limits=Limits(rate=1.5 * strokes / 2)) as http:  # so a burst is one and a half lines
        answers = (http.post(f"{ANA}/lines/read", json=LINE) for _ in range(10))
        answer = next(one for one in answers if one.status_code != 200)  # a slow machine fills the bucket meanwhile
        problem(answer, 429)
        assert 0 < int(answer.headers["retry-after"]) <= 2
        correct(http, "ana", [("1", 40, "a"), ("2", 41, "a")])


def test_a_writer_who_is_behind_is_learned_first_and_the_request_may_be_told_to_come_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with client() as http:
        correct(http, "eva", [(f"{place}", place, "a") for place in range(30)])
        profile = http.get("/v1/writers/eva/profile").content
    served = writers()
    with client(served) as http:
        ok(http.put(f"{ANA}/profile", content=profile))
        monkeypatch.setattr(line_worker, "PATIENCE", -1.0)
        problem(http.post(f"{ANA}/lines/read", json=LINE), 503, "still being learned; ask again")
        monkeypatch.undo()
        found = read(http)
        assert len(served["ana"].live._current.corrections) == 30
    fresh = writers()
    fresh.merge("ana", profile)
    line = fresh["ana"].read_line(LineInk.from_strokes([np.array(stroke) for stroke in LINE["ink"]], device="tablet"))
    assert found["text"] == line.text


def test_nobody_waits_for_another_ones_line(monkeypatch: pytest.MonkeyPatch) -> None:
    begun, may = threading.Event(), threading.Event()

    def slow(*args: Any) -> Any:
        begun.set()
        assert may.wait(30)
        return read_line(*args)

    monkeypatch.setattr(line_worker, "read_line", slow)
    with client() as http, ThreadPoolExecutor(2) as pool:
        waiting = [pool.submit(read, http, id=f"line-{place}") for place in range(2)]
        assert begun.wait(30)
        ok(http.post("/v1/writers/eva/read", json={"samples": [{"image": image()}]}))
        correct(http, "eva", [("1", 40, "a")])
        assert not any(one.done() for one in waiting)
        may.set()
        assert {one.result()["text"] for one in waiting} == {waiting[0].result()["text"]}


COORDINATES = st.one_of(st.integers(-9, 300).map(float), st.sampled_from((0.0, 1e-12, -1e8, 1e8)), st.floats(-1e8, 1e8))
INK = st.lists(st.lists(st.tuples(COORDINATES, COORDINATES), max_size=4), max_size=6)


@pytest.fixture(scope="module")
def shared_http() -> Iterator[httpx.Client]:
    with client() as found:
        yield found


@given(ink=INK)
@settings(max_examples=15, deadline=None)
def test_any_strokes_are_read_or_refused(shared_http: httpx.Client, ink: Sequence[Any]) -> None:
    answer = shared_http.post(f"{ANA}/lines/read", json={"ink": ink, "id": "line-1"})
    if not any(ink):
        problem(answer, 422, "empty")
        return
    found = ok(answer)
    assert spelled(found) == found["text"]
    assert all(math.isfinite(one["sureness"]) and 0 <= one["sureness"] <= 1 for one in found["characters"])
    assert sorted(piece for one in found["characters"] for piece in one["pieces"]) == [i for i, one in enumerate(ink) if one]
    assert recognizer().alphabet.mask([one["label"] for one in found["characters"]]).any()
