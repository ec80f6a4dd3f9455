"""The page, end to end: real ink in a real browser, on a real service."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from allograph.ink import ink_to_frame
from allograph.writers.pipeline import shipped_recognizer
from allograph.writers.writer import Writer
from handwriting import (
    Ink,
    Service,
    known,
    open_page,
    our_ink,
    problems_of,
    reads,
    room,
    serve,
    serving,
    unlikely_label,
    varied,
    write,
    writer_of,
)

INK = our_ink()
G, Q, NINE = "small letter g", "small letter q", "digit 9"


@pytest.fixture(scope="module")
def service(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """One service for all; every test has a browser profile, and so a writer, of its own."""
    with serving(tmp_path_factory.mktemp("page") / "writers.db") as running:
        yield running


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    """A browser profile that nobody wrote in. At the end: no error, and no violation of the content security policy."""
    context = browser.new_context(viewport={"width": 1280, "height": 860})
    context.set_default_timeout(10_000)
    problems = problems_of(context)
    yield context
    context.close()
    assert problems == []


@pytest.fixture
def page(context: BrowserContext, service: Service) -> Page:
    """The page, ready to write on."""
    return open_page(context, service.address)


def journal(page: Page, service: Service, writer: str | None = None) -> list[dict[str, Any]]:
    """What the service knows of the writer."""
    answer = httpx.get(f"{service.address}/v1/writers/{writer or writer_of(page)}/corrections", params={"limit": 500})
    return answer.json()["corrections"] if answer.status_code == 200 else []


def taught(page: Page, service: Service, *expected: tuple[str, bool], writer: str | None = None) -> None:
    """Wait until the journal holds these labels, and which of them were left standing, in order."""
    found: list[tuple[str, bool]] = []
    for _ in range(50):
        found = [(one["label"], one["implicit"]) for one in journal(page, service, writer)]
        if found == list(expected):
            return
        time.sleep(0.1)
    assert found == list(expected)


def rest(page: Page) -> None:
    """Wait until the character counts as complete."""
    expect(page.locator("#character-pad.complete")).to_be_visible()


def read(page: Page, label: str, seed: int = 0) -> tuple[str, str]:
    """Write a character on the sheet and wait for the answer to all of its strokes."""
    write(page, varied(INK[label], seed) if seed else INK[label])
    return answered(page)


def answered(page: Page) -> tuple[str, str]:
    """What the answer says once it speaks of all that is on the sheet."""
    page.wait_for_selector("#character-answer[aria-busy=false]")
    return reads(page)


def test_a_wrong_reading_is_corrected_with_one_tap_and_the_next_is_right(page: Page, service: Service) -> None:
    began = time.monotonic()
    assert read(page, "g") == ("9", "9")
    page.get_by_role("button", name=f"No, it is {G}").click()
    expect(page.locator(".note")).to_contain_text("Now write the same character once more")
    assert reads(page) == ("g", "9")
    assert read(page, "g", seed=3) == ("g", "9")
    expect(page.locator("#character-answer .why img")).to_have_count(1)
    assert time.monotonic() - began < 60

    page.reload()
    room(page, "character")
    assert read(page, "g", seed=4) == ("g", "9")
    assert journal(page, service)[0]["label"] == "g"


@pytest.mark.slow
def test_real_ink_is_read_corrected_and_read_rightly_after_a_reload(page: Page, shared: Path) -> None:
    """A person of UNIPEN whose character the base misreads, all four times."""
    first, second, label = a_misread_character(shared)
    write(page, first)
    wrong = answered(page)[0]
    assert wrong != label
    page.locator("#character-pad").press(label)
    expect(page.locator("#character-answer .settled")).to_be_visible()
    page.reload()
    room(page, "character")
    write(page, second)
    assert answered(page) == (label, wrong)


def a_misread_character(shared: Path) -> tuple[Ink, Ink, str]:
    """Two samples of one label and writer, both misread by the base as the same and clearly, the second right once corrected."""
    with np.load(shared / "data" / "unipen.npz", allow_pickle=False) as data:
        labels, writers, starts = data["labels"], data["writers"], data["point_start"]
        points, lifts = data["points"], data["pen_lift"]
    ends = np.append(starts[1:], len(points))
    seen: dict[tuple[str, str], int] = {}
    for i in range(len(labels) - 1, len(labels) - 20_000, -1):
        key = (str(writers[i]), str(labels[i]))
        before = seen.setdefault(key, i)
        if before == i or not key[1].isalnum():
            continue
        inks = [strokes_of(points[starts[j] : ends[j]], lifts[starts[j] : ends[j]]) for j in (before, i)]
        writer = Writer("somebody", shipped_recognizer())
        one, other = (writer.read(ink_to_frame(ink)) for ink in inks)
        if key[1] != one.base == other.base and min(one.probability, other.probability) > 0.7:
            writer.correct(one, key[1])
            again = writer.read(ink_to_frame(inks[1]))
            if again.label == key[1] and again.probability > 0.7:
                return inks[0], inks[1], key[1]
    raise AssertionError("nobody of UNIPEN is misread twice alike")


def strokes_of(points: np.ndarray, lifts: np.ndarray) -> Ink:
    """A sample's strokes, on a sheet of 100 × 100."""
    places = (points - points.min(axis=0)) / 10 + (100 - np.ptp(points, axis=0) / 10) / 2
    return np.split(places, np.flatnonzero(lifts)[1:])


@pytest.mark.slow
def test_keys_correct_confirm_and_undo(page: Page, service: Service) -> None:
    sheet = page.locator("#character-pad")
    assert read(page, "g")[0] == "9"
    sheet.press("g")
    expect(page.locator("#character-answer .settled")).to_contain_text("You said it is g")
    page.get_by_role("button", name="Take it back").click()
    expect(page.locator(".note")).to_contain_text("Taken back")
    expect(page.locator("#character-answer .reading > .glyph")).to_have_text(["9", "9"])
    taught(page, service)
    sheet.press("Escape")
    assert read(page, "a")[0] == "a"
    sheet.press("Enter")
    expect(page.locator("#character-answer .settled")).to_be_visible()
    taught(page, service, ("a", False))


@pytest.mark.slow
def test_moving_on_takes_a_sure_reading_as_right_and_the_tray_mends_any(page: Page, service: Service) -> None:
    read(page, "9")
    expect(page.locator("#character-answer .note")).to_have_text("Go on writing, and I take it as right.")
    rest(page)
    assert read(page, "q", seed=2)[0] == "9"
    expect(page.locator("#character-answer .note")).to_contain_text("I am not sure")
    rest(page)
    read(page, "b")
    rest(page)
    read(page, "a")
    rest(page)
    taught(page, service, ("9", True), ("b", True))
    page.get_by_role("button", name=f"{NINE}, not confirmed yet").click()
    page.get_by_role("button", name=f"No, it is {Q}").click()
    expect(page.locator("#character-answer .settled")).to_contain_text("You said it is q")
    taught(page, service, ("9", True), ("b", True), ("a", True), ("q", False))
    page.get_by_role("button", name=f"{NINE}, left standing").click()
    page.get_by_role("button", name="It is something else").click()
    page.get_by_role("dialog").get_by_role("button", name=G, exact=True).click()
    expect(page.locator("#character-answer .settled")).to_contain_text("You said it is g")
    taught(page, service, ("b", True), ("a", True), ("q", False), ("g", False))


@pytest.mark.slow
def test_two_windows_know_the_same_people(context: BrowserContext, page: Page, service: Service) -> None:
    """Somebody who is added in one window is there in the other, whose writer stays."""
    other = open_page(context, service.address, "data")
    other.get_by_role("button", name="Add somebody").click()
    other.get_by_label("Name").fill("ulla-elsewhere")
    other.get_by_role("button", name="Add", exact=True).click()
    expect(other.locator("#turn")).to_have_text("ulla-elsewhere")
    expect(page.locator("#turn")).to_have_text("Me")
    read(page, "a")
    page.locator("#character-pad").press("a")
    expect(page.locator("#character-answer .settled")).to_be_visible()
    assert journal(page, service, "ulla-elsewhere") == []
    for one in (page, other):
        one.reload()
        room(one, "data")
        expect(one.locator(".people li")).to_have_count(2)
    other.close()


@pytest.mark.slow
def test_what_is_unlike_the_one_character_that_was_taught_is_read_as_before(page: Page) -> None:
    """The first correction moves what is like it, not everything that the base is unsure of."""
    read(page, "g")
    page.get_by_role("button", name=f"No, it is {G}").click()
    expect(page.locator(".note")).to_contain_text("Learned")
    for label in "lpy":
        mine, base = read(page, label)
        assert mine == base
        page.locator("#character-clear").click()


@pytest.mark.slow
def test_going_back_closes_what_was_asked(page: Page) -> None:
    room(page, "data")
    page.get_by_role("button", name="Add somebody").click()
    expect(page.get_by_role("dialog")).to_be_visible()
    page.go_back()
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page.locator("#character")).to_be_visible()


@pytest.mark.slow
def test_a_pause_that_was_too_short_is_mended(page: Page, service: Service) -> None:
    stem, dot = INK["i"]
    write(page, [stem])
    rest(page)
    write(page, [dot])
    page.get_by_role("button", name="Join with the last").click()
    expect(page.locator("#character-answer .reading .glyph").first).to_have_text("i")
    expect(page.locator("#recent-list li")).to_have_count(1)
    assert journal(page, service) == []


def test_a_stroke_is_undone_and_the_sheet_cleared(page: Page) -> None:
    write(page, INK["i"])
    assert answered(page)[0] == "i"
    page.get_by_role("button", name="Undo", exact=True).click()
    expect(page.locator("#character-answer .reading .glyph").first).not_to_have_text("i")
    page.get_by_role("button", name="Clear").click()
    expect(page.locator("#character-answer .steps")).to_be_visible()
    expect(page.locator("#recent")).to_be_hidden()


@pytest.mark.slow
def test_a_finger_writes_and_a_pens_pressure_is_kept(page: Page) -> None:
    devtools = page.context.new_cdp_session(page)
    box = page.locator("#character-pad").bounding_box()
    assert box is not None
    stem, dot = INK["i"]

    def at(place: np.ndarray) -> dict[str, float]:
        return {"x": box["x"] + place[0] / 100 * box["width"], "y": box["y"] + place[1] / 100 * box["height"]}

    for stroke in (stem, dot):
        devtools.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [at(stroke[0])]})
        for place in stroke[1:]:
            devtools.send("Input.dispatchTouchEvent", {"type": "touchMove", "touchPoints": [at(place)]})
        devtools.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    assert answered(page)[0] == "i"
    page.get_by_role("button", name="Clear").click()

    pen = {"pointerType": "pen", "button": "left", "buttons": 1, "clickCount": 1}
    devtools.send("Input.dispatchMouseEvent", {"type": "mousePressed", "force": 0.2, **pen, **at(stem[0])})
    for i, place in enumerate(stem[1:]):
        devtools.send("Input.dispatchMouseEvent", {"type": "mouseMoved", "force": 0.2 + 0.6 * i / len(stem), **pen, **at(place)})
    devtools.send("Input.dispatchMouseEvent", {"type": "mouseReleased", **pen, **at(stem[-1])})
    answered(page)
    (stroke,) = drawings_of(page)[-1]["strokes"]
    assert stroke["pen"]
    pressures = [point[2] for point in stroke["points"]]
    assert pressures[0] == pytest.approx(0.2, abs=0.05)
    assert max(pressures) > 0.6


def drawings_of(page: Page) -> list[dict[str, Any]]:
    """What the browser keeps, the oldest first."""
    found: list[dict[str, Any]] = page.evaluate(
        """() => new Promise((done) => {
            const asked = indexedDB.open("allograph");
            asked.onsuccess = () => {
                const all = asked.result.transaction("drawings").objectStore("drawings").getAll();
                all.onsuccess = () => { asked.result.close(); done(all.result); };
            };
        })"""
    )
    return sorted(found, key=lambda drawing: drawing["at"])


@pytest.mark.slow
def test_a_sign_of_the_writers_own_is_taught(page: Page, service: Service) -> None:
    read(page, "&")
    page.get_by_role("button", name="No, it is another").click()
    page.get_by_label("Type it, or a sign of your own").fill("☂")
    page.get_by_role("button", name="Teach this sign").click()
    expect(page.locator("#character-answer .settled")).to_contain_text("☂")
    assert read(page, "&", seed=2)[0] == "☂"
    about = httpx.get(f"{service.address}/v1/writers/{writer_of(page)}").json()
    assert about["labels"] == ["☂"]


@pytest.mark.slow
def test_teaching_asks_for_what_helps_stops_and_goes_on(page: Page, service: Service) -> None:
    read(page, "g")
    page.locator("#character-pad").press("g")
    expect(page.locator("#character-answer .settled")).to_be_visible()
    room(page, "teach")
    expect(page.locator("#teach-body .expected")).to_contain_text("I expect to read")
    wanted = page.locator("#teach-body .wanted li")
    expect(wanted).to_have_count(12)
    expect(wanted.first).to_have_text("gI take yours for 9")
    page.get_by_role("button", name="Begin").click()
    expect(page.locator("#teach-label")).to_have_text("g")
    expect(page.locator("#teach-left")).to_have_text("1 of 12")
    write(page, varied(INK["g"], 5), "#teach-pad")
    expect(page.locator("#teach-left")).to_have_text("2 of 12")
    second = page.locator("#teach-label").inner_text()
    write(page, INK["z"], "#teach-pad")
    page.get_by_role("button", name="Done").click()
    expect(page.locator("#teach-left")).to_have_text("3 of 12")
    expect(page.locator("#teach-last")).to_contain_text("This looks like capital Z. Is it your")
    taught(page, service, ("g", False), ("g", False))
    page.get_by_role("button", name="Yes, it is").click()
    taught(page, service, ("g", False), ("g", False), (second, False))
    page.get_by_role("button", name="Undo the last").click()
    expect(page.locator("#teach-label")).to_have_text(second)
    taught(page, service, ("g", False), ("g", False))
    page.get_by_role("button", name="Skip").click()
    page.get_by_role("button", name="Stop for now").click()
    page.reload()
    room(page, "teach")
    expect(page.get_by_role("heading", name="10 characters left")).to_be_visible()
    page.get_by_role("button", name="Go on").click()
    for _ in range(10):
        page.get_by_role("button", name="Skip").click()
    expect(page.get_by_role("heading", name="Thank you. I learned 1 character of yours.")).to_be_visible()


def teach(service: Service, writer: str, labels: str, times: int = 1, **headers: str) -> None:
    """Teach a writer samples that the recognizer was made from, so that a page can be looked at that shows many."""
    styles, alphabet = shipped_recognizer().bundle.styles, shipped_recognizer().alphabet
    assert styles is not None
    rows = [np.flatnonzero(styles.labels == alphabet.index(label))[:times] for label in labels]
    taught = [
        {"id": f"{label}-{i}", "label": label, "image": styles.medoids[row].tolist()}
        for label, some in zip(labels, rows, strict=True)
        for i, row in enumerate(some.tolist())
    ]
    for start in range(0, len(taught), 100):
        body = {"corrections": taught[start : start + 100]}
        httpx.post(f"{service.address}/v1/writers/{writer}/correct", json=body, headers=headers).raise_for_status()


@pytest.mark.slow
def test_progress_shows_the_curve_the_pairs_and_every_sample(page: Page, service: Service) -> None:
    room(page, "progress")
    expect(page.get_by_text("Nothing yet")).to_be_visible()
    for seed in range(1, 5):
        room(page, "character")
        rest(page) if seed > 1 else None
        read(page, "g", seed)
        page.locator("#character-pad").press("g")
        expect(page.locator("#character-answer .settled")).to_be_visible()
    room(page, "progress")
    expect(page.locator("#progress-chart canvas")).to_be_visible()
    expect(page.locator(".pairs tbody tr")).to_contain_text(["no longer"])
    page.locator(".shelves .label").first.click()
    samples = page.locator(".own-sample")
    expect(samples).to_have_count(4)
    expect(page.locator(".styles img").first).to_be_visible()

    samples.first.click()
    page.get_by_role("button", name="Forget it").click()
    page.get_by_role("dialog", name="Forget this one?").get_by_role("button", name="Forget it").click()
    expect(samples).to_have_count(3)
    samples.first.click()
    page.get_by_role("button", name="It is something else").click()
    page.get_by_role("dialog").get_by_role("button", name="small letter q", exact=True).click()
    for _ in range(50):
        if any(one["label"] == "q" for one in journal(page, service)):
            break
        time.sleep(0.1)
    assert sorted(one["label"] for one in journal(page, service)) == ["g", "g", "q"]


@pytest.mark.slow
def test_two_writers_do_not_mix(page: Page, service: Service) -> None:
    first = writer_of(page)
    read(page, "g")
    page.locator("#character-pad").press("g")
    expect(page.locator("#character-answer .settled")).to_be_visible()
    add_writer(page, f"Ana {first}")
    room(page, "character")
    expect(page.locator("#turn")).to_contain_text("Ana")
    expect(page.locator("#recent")).to_be_hidden()
    assert read(page, "g", seed=3) == ("9", "9")
    page.locator("#character-pad").press("q")
    expect(page.locator("#character-answer .settled")).to_be_visible()
    taught(page, service, ("q", False), writer=f"Ana {first}")
    taught(page, service, ("g", False), writer=first)
    room(page, "data")
    page.get_by_role("button", name=re.compile("^Me ")).click()
    room(page, "character")
    assert read(page, "g", seed=4) == ("g", "9")


def add_writer(page: Page, name: str) -> None:
    """Somebody else writes; the browser tells in its console that the service did not know them."""
    room(page, "data")
    page.get_by_role("button", name="Add somebody").click()
    page.get_by_label("Name", exact=True).fill(name)
    page.get_by_role("button", name="Add", exact=True).click()
    expect(page.locator("#turn")).to_have_text(name)


@pytest.mark.slow
def test_a_profile_is_saved_erased_and_brought_in_again(page: Page, service: Service, tmp_path: Path) -> None:
    read(page, "g")
    page.locator("#character-pad").press("g")
    expect(page.locator("#character-answer .settled")).to_be_visible()
    name = writer_of(page)
    room(page, "data")
    with page.expect_download() as download:
        page.get_by_role("button", name="Save as a file").click()
    file = tmp_path / "me.allograph"
    download.value.save_as(file)

    page.get_by_role("button", name="Erase everything").click()
    page.get_by_role("button", name="Keep it").click()
    assert len(journal(page, service)) == 1
    page.get_by_role("button", name="Erase everything").click()
    page.get_by_role("dialog").get_by_role("button", name="Erase everything").click()
    expect(page.locator("#toast")).to_contain_text("is erased")
    assert journal(page, service, name) == []
    assert writer_of(page) != name
    room(page, "character")
    expect(page.locator("#recent")).to_be_hidden()
    assert read(page, "g", seed=3)[0] == "9"

    room(page, "data")
    page.locator("#import-file").set_input_files(file)
    expect(page.locator("#toast")).to_contain_text("1 character brought in")
    room(page, "character")
    page.locator("#character-pad").press("Escape")
    assert read(page, "g", seed=4)[0] == "g"


@pytest.mark.slow
def test_pictures_are_not_kept_where_the_writer_does_not_want_it(page: Page, service: Service) -> None:
    room(page, "data")
    page.get_by_label("Keep the pictures of my characters").uncheck()
    room(page, "character")
    read(page, "g")
    page.locator("#character-pad").press("g")
    expect(page.locator("#character-answer .settled")).to_be_visible()
    assert ["image" in one for one in journal(page, service)] == [False]
    expect(page.locator("#character-answer .kin")).to_contain_text("no picture")


@pytest.mark.slow
def test_a_key_is_asked_for_once_and_kept_for_the_session_only(browser: Browser, tmp_path: Path) -> None:
    from allograph.profiles import open_store

    store = f"sqlite:///{tmp_path / 'keys.db'}"
    opened = open_store(store)
    key = opened.keys.add("default", "page")
    opened.close()
    secret = key if isinstance(key, str) else key[0]
    with serving(store) as service:
        context = browser.new_context()
        page = open_page(context, service.address)
        page.get_by_label("Key", exact=True).fill("wrong")
        page.get_by_role("button", name="Go on").click()
        expect(page.get_by_text("That key is not known here")).to_be_visible()
        page.get_by_label("Key", exact=True).fill(secret)
        page.get_by_role("button", name="Go on").click()
        expect(page.get_by_role("dialog")).to_have_count(0)
        assert read(page, "g")[0] == "9"
        page.reload()
        room(page, "character")
        assert read(page, "a")[0] == "a"
        assert page.evaluate("Object.values(sessionStorage)") == [secret]
        assert secret not in page.evaluate("JSON.stringify(localStorage)")
        context.close()


@pytest.mark.slow
def test_while_the_service_is_away_no_stroke_is_lost(context: BrowserContext, tmp_path: Path) -> None:
    store = tmp_path / "writers.db"
    service = serve(store)
    port = int(service.address.rsplit(":", 1)[1])
    page = open_page(context, service.address)
    try:
        assert read(page, "a")[0] == "a"
        service.stop()
        rest(page)
        write(page, INK["b"])
        expect(page.locator("#offline")).to_be_visible()
        expect(page.get_by_text("I read it when the service is back")).to_be_visible()
        rest(page)
        write(page, INK["g"])
        page.locator("#character-pad").press("g")
        expect(page.locator("#character-answer")).to_contain_text("you can say now what it is")
        rest(page)
        write(page, INK["e"])
        rest(page)
        expect(page.locator("#recent-list li")).to_have_count(4)
        name = writer_of(page)

        service = serve(store, port=port)
        expect(page.locator("#offline")).to_be_hidden(timeout=20_000)
        expect(page.get_by_role("button", name="not read yet")).to_have_count(0)
        taught(page, service, ("a", True), ("g", False), writer=name)
        tray = page.locator("#recent-list .glyph")
        expect(tray).to_have_text(["e", "g", "b", "a"])

        service.stop()
        write(page, INK["h"])
        expect(page.locator("#offline")).to_be_visible()
        page.wait_for_selector("#character-answer[aria-busy=false]")
        page.close()
        service = serve(store, port=port)
        page = open_page(context, service.address)
        expect(tray_of(page).first).to_have_text("h")
    finally:
        with suppress(ProcessLookupError):
            service.stop()
        forgive_the_network(context)


def tray_of(page: Page) -> Any:
    """The labels of the characters written last, the newest first."""
    return page.locator("#recent-list .glyph")


def forgive_the_network(context: BrowserContext) -> None:
    """A service that is away is in the browser's console; no fault of the page."""
    problems: list[str] = context.problems  # type: ignore[attr-defined]
    problems[:] = [problem for problem in problems if "net::ERR" not in problem]


@pytest.mark.slow
def test_what_may_be_a_slip_is_asked_about_once_and_in_nobodys_way(page: Page, service: Service) -> None:
    """The ink is sent as large as it was drawn; what contradicts all that is known is asked about, and nobody has to answer."""
    with page.expect_request("**/read") as asked:
        assert read(page, "a")[0] == "a"
    body: Any = asked.value.post_data_json
    sheet = page.locator("#character-pad").bounding_box()
    assert sheet is not None
    (sent,) = body["samples"]
    places = np.concatenate([np.array(stroke) for stroke in sent["ink"]])
    ink = np.concatenate(list(INK["a"]))
    assert np.ptp(places[:, 1]) == pytest.approx(np.ptp(ink[:, 1]) / 100 * 0.86 * min(sheet["width"], sheet["height"]), abs=1.5)
    assert sent["baseline"] == pytest.approx(0.72 * sheet["height"], abs=2)
    assert re.fullmatch("[0-9a-f]{32} sheet", sent["device"])
    unlikely = unlikely_label(service, sent)

    question = page.locator("#character-answer .doubt")
    page.locator("#character-pad").press(unlikely)
    expect(question).to_contain_text("Is it really")
    expect(page.locator("#said")).to_contain_text("Is it really")
    expect(page.locator("#character-pad")).to_be_focused()
    with page.expect_request("**/read") as asked:
        assert read(page, "l", seed=1)[0] == "l"  # nobody has to answer; too unsure to be learned as it stands
    assert "context" not in str(asked.value.post_data)  # what was corrected is learned, and no context
    rest(page)
    with page.expect_request("**/read") as asked:
        read(page, "b")
    body = asked.value.post_data_json
    assert len(body["context"]) == 1
    rest(page)

    page.get_by_role("button", name="is it really?").press("Enter")
    expect(question).to_be_visible()
    page.get_by_role("button", name="Yes, it is").press("Enter")
    expect(question).to_be_hidden()
    taught(page, service, (unlikely, False), ("b", True))
    page.get_by_role("button", name="Take it back").press("Enter")
    expect(page.locator(".note")).to_contain_text("Taken back")
    page.locator("#character-pad").press(unlikely)
    expect(page.locator("#character-answer .settled")).to_contain_text(f"You said it is {unlikely}")
    taught(page, service, ("b", True), (unlikely, False))
    expect(question).to_be_hidden()


@pytest.mark.slow
def test_everything_works_with_the_keyboard_alone(page: Page, service: Service) -> None:
    """Tab, arrows, Space, Enter: write, read, correct, walk through every room, and open and close a dialog."""

    def reach(what: str, backwards: bool = False) -> None:
        for _ in range(60):
            page.keyboard.press("Shift+Tab" if backwards else "Tab")
            if page.evaluate("what => document.activeElement.matches(what)", what):
                ring = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
                assert ring != "none", what
                return
        raise AssertionError(f"{what} cannot be reached with Tab")

    reach(".skip")
    reach("#character-pad")
    page.keyboard.press("ArrowUp")
    for _ in range(6):
        page.keyboard.press("ArrowUp")
    page.keyboard.press("Space")
    for _ in range(14):
        page.keyboard.press("ArrowDown")
    page.keyboard.press("Space")
    expect(page.locator("#character-answer .reading")).to_have_count(2)
    expect(page.locator("#said")).to_contain_text("Reads")
    page.keyboard.press("i")
    expect(page.locator("#character-answer .settled")).to_contain_text("You said it is i")
    expect(page.locator("#said")).to_contain_text("small letter i")
    reach("#character-answer .settled .tools button")
    page.keyboard.press("Enter")
    expect(page.locator(".note")).to_contain_text("Taken back")
    reach("#character-answer .other")
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.type("7")
    page.keyboard.press("Enter")
    expect(page.locator("#character-answer .settled")).to_contain_text("You said it is 7")
    for name, inside in (
        ("sheet", "#sheet-pad"),
        ("teach", "#teach-go"),
        ("progress", ".shelves .label"),
        ("data", "#keep-images"),
    ):
        reach(f".rooms a[href='#{name}']", backwards=True)
        page.keyboard.press("Enter")
        page.wait_for_selector(f"html[data-ready={name}]")
        reach(inside)
    reach("#erase", backwards=True)
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    taught(page, service, ("7", False))


@pytest.mark.slow
def test_all_94_labels_show(page: Page, service: Service) -> None:
    labels = "".join(shipped_recognizer().alphabet)
    assert len(labels) == 94
    teach(service, writer_of(page), labels)
    known(page)
    room(page, "progress")
    expect(page.locator(".shelves .label .glyph")).to_have_count(94)
    assert sorted(page.locator(".shelves .label .glyph").all_text_contents()) == sorted(labels)
    room(page, "character")
    read(page, "a")
    page.get_by_role("button", name="No, it is another").click()
    page.get_by_role("dialog").wait_for()
    shown = page.locator(".picker .glyphs button")
    assert sorted(shown.all_text_contents()) == sorted(labels)
    names = [shown.nth(i).get_attribute("aria-label") for i in range(94)]
    assert len(set(names)) == 94
    page.get_by_role("button", name="Close").click()
    for label in "<&|[`\"\\'":
        page.locator("#character-pad").press(label)
        expect(page.locator("#character-answer .settled b")).to_have_text(label)
        expect(page.locator("#character-answer .reading > .glyph").first).to_have_text(label)


@pytest.mark.slow
def test_nothing_comes_from_another_host_and_no_label_is_in_an_address(context: BrowserContext, service: Service) -> None:
    asked: list[str] = []
    context.on("request", lambda request: asked.append(request.url))
    page = open_page(context, service.address)
    read(page, "g")
    page.locator("#character-pad").press("<")
    expect(page.locator("#character-answer .settled")).to_be_visible()
    for name in ("sheet", "teach", "progress", "data"):
        room(page, name)
    page.wait_for_load_state("networkidle")
    assert len(asked) > 30
    assert {url for url in asked if not url.startswith((service.address + "/", "data:", "blob:"))} == set()
    assert not [url for url in asked if "%3C" in url or "<" in url]
