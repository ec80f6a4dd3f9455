"""The sheet, end to end: lines written with real ink in a real browser, read and learned by a real service."""

from __future__ import annotations

import os
import re
import signal
import time
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from numpy.typing import NDArray
from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect

from handwriting import Service, open_page, problems_of, serve, serving, writer_of
from written_lines import write_line

Strokes = Sequence[NDArray[np.float64]]
BASELINE = 80
"""Of a row, in CSS pixels below its top; the ink of `write_line` stands on 88."""
SCALE = 0.55
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
INKML = "{http://www.w3.org/2003/InkML}"
KEPT = "name => import('/static/js/store.js').then(({ recordsOf }) => recordsOf('lines', name))"
"""The lines of a writer that the browser keeps."""
SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def service(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """One service for all; every test has a browser profile, and so a writer, of its own."""
    with serving(tmp_path_factory.mktemp("sheet") / "writers.db") as running:
        yield running


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    """A browser profile that nobody wrote in."""
    context = browser.new_context(viewport={"width": 1280, "height": 860})
    context.set_default_timeout(10_000)
    problems = problems_of(context)
    yield context
    context.close()
    assert problems == []


@pytest.fixture
def page(context: BrowserContext, service: Service) -> Page:
    """The sheet, ready to write on."""
    return open_page(context, service.address, "sheet")


def place(page: Page, row: int = 0) -> tuple[float, float]:
    """Where a row's left end and top are in the window."""
    box = page.locator("#sheet-page").bounding_box()
    assert box is not None
    pitch = page.evaluate("parseFloat(getComputedStyle(document.querySelector('#sheet-page')).getPropertyValue('--pitch'))")
    return box["x"], box["y"] + row * pitch


def draw(page: Page, strokes: Strokes) -> None:
    """Draw strokes, given in the window's pixels, with the mouse."""
    for stroke in strokes:
        points = stroke.tolist()
        page.mouse.move(*points[0])
        page.mouse.down()
        for point in points[1:]:
            page.mouse.move(*point)
        page.mouse.up()


def ink(page: Page, text: str, row: int = 0, *, left: float = 20, scale: float = SCALE, seed: int | None = None) -> Strokes:
    """A line of text in our hand, where a row of the sheet is."""
    x, y = place(page, row)
    return [stroke + np.array([x + left, y + BASELINE - 88 * scale]) for stroke in write_line(text, seed, scale=scale).strokes]


def write(page: Page, text: str, row: int = 0, **how: Any) -> Strokes:
    """Write a line, and wait until all of it is read."""
    strokes = ink(page, text, row, **how)
    draw(page, strokes)
    expect(page.locator(".char.stale")).to_have_count(0)
    return strokes


def line(page: Page, row: int = 0) -> Locator:
    """The text below a row."""
    return page.get_by_role("group", name=f"Line {row + 1}", exact=True)


def text_of(page: Page, row: int = 0) -> str:
    """What a row reads, its spaces included."""
    buttons = line(page, row).locator(".char")
    return "".join(
        (" " if "after-space" in (one.get_attribute("class") or "") else "") + one.inner_text() for one in buttons.all()
    )


def char(page: Page, at: int, row: int = 0) -> Locator:
    """The button of a character."""
    return line(page, row).locator(".char").nth(at)


def correct(page: Page, at: int, label: str, row: int = 0) -> None:
    """Tap a character, and type what it is."""
    char(page, at, row).click()
    page.get_by_label("It is", exact=True).fill(label)
    page.keyboard.press("Enter")


def journal(page: Page, service: Service) -> list[tuple[str, bool]]:
    """The labels that the service knows of the writer, and whether each was left standing; a line's are shuffled."""
    answer = httpx.get(f"{service.address}/v1/writers/{writer_of(page)}/corrections", params={"limit": 500})
    found = answer.json()["corrections"] if answer.status_code == 200 else []
    return sorted((one["label"], one["implicit"]) for one in found)


def sent(page: Page) -> None:
    """Wait until nothing waits to be sent, and nothing more came for a while."""
    rests = 0
    for _ in range(100):
        waiting = page.evaluate("import('/static/js/store.js').then(({ letters }) => letters())")
        rests = 0 if waiting else rests + 1
        if rests == 5:
            return
        time.sleep(0.1)
    raise AssertionError("letters wait")


def learned(page: Page, service: Service, label: str) -> None:
    """Wait until the journal holds a label that the person gave."""
    for _ in range(80):
        if (label, False) in journal(page, service):
            return
        time.sleep(0.1)
    raise AssertionError(f"{label} was not learned: {journal(page, service)}")


def test_a_line_is_read_below_its_ink_and_corrected_at_the_spot(page: Page, service: Service) -> None:
    strokes = write(page, "hello big")
    assert text_of(page) == "hello big"
    first = char(page, 0).bounding_box()
    assert first is not None
    assert abs(first["x"] + first["width"] / 2 - np.concatenate(strokes[:2])[:, 0].mean()) < 15
    began = time.monotonic()
    correct(page, 2, "1")
    expect(char(page, 2)).to_have_text("1", timeout=1000)
    assert time.monotonic() - began < 2
    expect(char(page, 2)).to_be_focused()
    expect(char(page, 2)).to_have_attribute("aria-label", "digit 1, as you said")
    learned(page, service, "1")


@pytest.mark.slow
def test_a_correction_shows_within_100_ms_whatever_the_service_does(page: Page, service: Service) -> None:
    write(page, "hello")
    os.kill(service.process.pid, signal.SIGSTOP)
    try:
        char(page, 2).click()
        page.get_by_label("It is", exact=True).fill("1")
        passed = page.evaluate(
            """() => new Promise((resolve) => {
                const button = document.querySelectorAll(".char")[2];
                const began = performance.now();
                new MutationObserver(() => resolve(performance.now() - began)).observe(button, { childList: true });
                document.querySelector(".mend-field").requestSubmit();
            })"""
        )
        assert passed < 100
        assert text_of(page) == "he1lo"
    finally:
        os.kill(service.process.pid, signal.SIGCONT)
    learned(page, service, "1")


@pytest.mark.slow
def test_a_line_that_is_left_is_accepted_and_one_that_is_written_is_not(page: Page, service: Service) -> None:
    write(page, "hello")
    time.sleep(2)
    assert journal(page, service) == []
    write(page, "big", 1)
    for _ in range(80):
        if journal(page, service):
            break
        time.sleep(0.1)
    found = journal(page, service)
    assert found
    assert all(implicit and label in "hello" for label, implicit in found)


@pytest.mark.slow
def test_what_was_drawn_stays_without_the_service_and_over_a_reload(context: BrowserContext, tmp_path: Path) -> None:
    service = serve(tmp_path / "writers.db")
    port = int(service.address.rsplit(":", 1)[1])
    try:
        page = open_page(context, service.address, "sheet")
        service.stop()
        draw(page, ink(page, "hello"))
        expect(line(page).locator(".line-notice")).to_contain_text("when the service is back")
        service = serve(tmp_path / "writers.db", port=port)
        expect(page.locator(".char.stale")).to_have_count(0)
        assert text_of(page) == "hello"
        page.reload()
        page.wait_for_selector("html[data-ready=sheet]")
        expect(page.locator(".char")).to_have_count(5)
        assert text_of(page) == "hello"
        draw(page, ink(page, "big", left=220))
        page.reload()
        expect(page.locator(".char")).to_have_count(8)
        expect(page.locator(".char.stale")).to_have_count(0)
        assert text_of(page) == "hello big"
    finally:
        if service.process.poll() is None:
            service.stop()
        context.problems.clear()  # type: ignore[attr-defined]


@pytest.mark.slow
def test_undo_and_redo_of_strokes_and_corrections(page: Page, service: Service) -> None:
    write(page, "big")
    correct(page, 1, "j")
    assert text_of(page) == "bjg"
    page.keyboard.press("Control+z")
    expect(char(page, 1)).to_have_text("i")
    page.keyboard.press("Control+Shift+Z")
    expect(char(page, 1)).to_have_text("j")
    page.keyboard.press("Control+z")
    expect(char(page, 1)).to_have_text("i")
    sent(page)
    assert journal(page, service) == []
    page.locator("#sheet-undo").click()
    expect(page.locator(".char")).to_have_count(3)
    for _ in range(8):
        page.keyboard.press("Control+z")
    expect(page.locator(".char")).to_have_count(0)
    expect(page.locator("#sheet-undo")).to_be_disabled()
    page.locator("#sheet-redo").focus()
    for _ in range(8):
        page.keyboard.press("Control+y")
    expect(page.locator(".char")).to_have_count(3)


@pytest.mark.slow
def test_scratching_out_deletes_and_writing_over_replaces(page: Page) -> None:
    strokes = write(page, "hello")
    last = strokes[-1]
    low, high = last.min(axis=0), last.max(axis=0)
    ways = [[low[0] - 4 if i % 2 else high[0] + 4, low[1] + (high[1] - low[1]) * i / 7] for i in range(8)]
    draw(page, [np.concatenate([np.linspace(one, other, 8) for one, other in pairwise(ways)])])
    expect(page.locator(".char")).to_have_count(4)
    expect(page.locator(".char.stale")).to_have_count(0)
    assert text_of(page) == "hell"
    page.keyboard.press("Control+z")
    expect(page.locator(".char")).to_have_count(5)
    expect(page.locator(".char.stale")).to_have_count(0)
    assert text_of(page) == "hello"
    time.sleep(1.6)
    (new,) = write_line("e", scale=SCALE).strokes
    new = (new - new.min(axis=0)) / np.ptp(new, axis=0) * np.ptp(last, axis=0) + low
    draw(page, [new])
    expect(char(page, 4)).to_have_text("e")
    expect(page.locator(".char.stale")).to_have_count(0)
    assert text_of(page) == "helle"


@pytest.mark.slow
def test_a_word_and_a_whole_line_are_typed(page: Page, service: Service) -> None:
    write(page, "hello big")
    char(page, 7).click()
    page.get_by_label("Word", exact=True).fill("b1g")
    page.keyboard.press("Enter")
    expect(char(page, 6)).to_have_text("1")
    assert text_of(page) == "hello b1g"
    line(page).get_by_role("button", name="Type the whole line").click()
    page.get_by_label("This line says", exact=True).fill("hello6ig")
    page.keyboard.press("Enter")
    expect(char(page, 5)).to_have_text("6")
    assert text_of(page) == "hello6ig"


@pytest.mark.slow
def test_a_sign_of_ones_own_is_asked_about(page: Page, service: Service) -> None:
    write(page, "big")
    correct(page, 2, "ğ")
    expect(page.get_by_role("heading", name="Teach ğ as a sign of your own?")).to_be_visible()
    page.get_by_role("button", name="Teach it").click()
    learned(page, service, "ğ")


@pytest.mark.slow
def test_a_text_that_does_not_fit_stays_and_is_not_learned(page: Page, service: Service) -> None:
    write(page, "big")
    line(page).get_by_role("button", name="Type the whole line").click()
    page.get_by_label("This line says", exact=True).fill("something else")
    page.keyboard.press("Enter")
    expect(line(page).locator(".line-notice")).to_contain_text("not learned")
    page.context.problems.clear()  # type: ignore[attr-defined]
    assert journal(page, service) == []
    page.reload()
    expect(line(page).locator(".line-notice")).to_contain_text("not learned")
    assert text_of(page) == "something else"


@pytest.mark.slow
def test_what_the_ink_does_not_bear_out_is_kept_and_told_not_to_be_learned(page: Page, service: Service) -> None:
    write(page, "hello big")
    correct(page, 2, "W")
    expect(line(page).locator(".line-notice")).to_contain_text("I do not learn capital W from it")
    assert text_of(page) == "heWlo big"
    sent(page)
    assert "W" not in [label for label, _ in journal(page, service)]


@pytest.mark.slow
def test_documents_are_searched_opened_renamed_deleted_and_taken_along(page: Page, tmp_path: Path) -> None:
    write(page, "hello big")
    write(page, "bag", 2)
    page.locator("#sheet-new").click()
    expect(page.locator(".char")).to_have_count(0)
    write(page, "eel")
    page.locator("#sheet-documents").click()
    expect(page.locator(".open-document")).to_have_count(2)
    page.get_by_label("Search").fill("BIG bag")
    expect(page.locator(".open-document")).to_have_count(1)
    page.locator(".open-document").click()
    expect(page.locator(".char")).to_have_count(11)
    assert (text_of(page), text_of(page, 2)) == ("hello big", "bag")
    files = {}
    for ending in ("txt", "svg", "inkml"):
        page.locator(".take summary").click()
        with page.expect_download() as saved:
            page.locator(f"#sheet-{ending}").click()
        assert saved.value.suggested_filename.endswith(ending)
        files[ending] = Path(saved.value.path()).read_text(encoding="utf-8")
    assert files["txt"] == "hello big\n\nbag\n"
    drawing = ElementTree.fromstring(files["svg"])
    assert [one.text for one in drawing.iter(f"{SVG}text")] == ["hello big", "bag"]
    digital = ElementTree.fromstring(files["inkml"])
    assert [one.text for one in digital.iter(f"{INKML}annotation")] == ["hello big", "bag"]
    traces = list(digital.iter(f"{INKML}trace"))
    assert len(traces) == len(write_line("hello big").strokes) + len(write_line("bag").strokes)
    assert all(re.fullmatch(r"(-?[\d.]+ -?[\d.]+(, |$))+", one.text or "") for one in traces)
    assert writer_of(page) not in files["inkml"] + files["svg"]
    page.locator("#sheet-documents").click()
    page.get_by_role("button", name="Rename hello big bag").click()
    page.get_by_label("Title").fill("Notes <b>")
    page.keyboard.press("Enter")
    expect(page.locator(".open-document b").first).to_have_text("Notes <b>")
    page.get_by_role("button", name="Delete Notes <b>").click()
    page.get_by_role("button", name="Delete it").click()
    expect(page.locator(".open-document")).to_have_count(1)
    page.keyboard.press("Escape")
    expect(page.locator(".char")).to_have_count(0)
    page.reload()
    expect(page.locator(".char")).to_have_count(3)


def test_by_keyboard_alone(page: Page) -> None:
    """An l is drawn by arrows, read, and corrected."""
    pad = page.locator("#sheet-pad")
    for _ in range(40):
        page.keyboard.press("Tab")
        if pad.evaluate("element => element === document.activeElement"):
            break
    expect(pad).to_be_focused()
    page.keyboard.press("Space")
    for _ in range(4):
        page.keyboard.press("ArrowDown")
    page.keyboard.press("Space")
    expect(page.locator(".char.stale")).to_have_count(0)
    expect(page.locator(".char")).to_have_count(1)
    page.keyboard.press("Tab")
    expect(char(page, 0)).to_be_focused()
    page.keyboard.press("Enter")
    page.get_by_label("It is", exact=True).focus()
    page.keyboard.type("l")
    page.keyboard.press("Enter")
    expect(char(page, 0)).to_have_text("l")
    expect(char(page, 0)).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.press("Escape")
    expect(char(page, 0)).to_be_focused()
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Backspace")
    page.keyboard.press("Backspace")
    expect(page.locator(".char")).to_have_count(0)


@pytest.mark.slow
def test_a_first_visit_is_guided(page: Page) -> None:
    guide = page.locator("#sheet-guide")
    expect(guide).to_contain_text("1 of 4")
    top = page.locator("#sheet-frame").bounding_box()
    write(page, "hello")
    expect(guide).to_contain_text("2 of 4")
    correct(page, 2, "1")
    expect(guide).to_contain_text("3 of 4")
    write(page, "bib", 1)
    expect(guide).to_contain_text("4 of 4")
    assert page.locator("#sheet-frame").bounding_box() == top, "the paper stays where it is"
    page.get_by_role("button", name="Done").click()
    expect(guide).to_be_hidden()
    page.reload()
    page.wait_for_selector("html[data-ready=sheet]")
    expect(guide).to_be_hidden()


@pytest.mark.slow
def test_each_writer_has_documents_and_an_erased_one_none(page: Page, context: BrowserContext) -> None:
    write(page, "hello")
    first = writer_of(page)
    page.evaluate("import('/static/js/writers.js').then(({ take }) => take('ulla'))")
    expect(page.locator(".char")).to_have_count(0)
    write(page, "big")
    page.evaluate("name => import('/static/js/writers.js').then(({ take }) => take(name))", first)
    expect(page.locator(".char")).to_have_count(5)
    assert text_of(page) == "hello"
    page.evaluate("name => import('/static/js/writers.js').then(({ erase }) => erase(name))", first)
    expect(page.locator(".char")).to_have_count(3)
    assert text_of(page) == "big"
    for _ in range(20):
        if not page.evaluate(KEPT, first):
            break
        time.sleep(0.1)
    assert page.evaluate(KEPT, first) == []
    assert len(page.evaluate(KEPT, "ulla")) == 1


def test_a_palm_that_comes_before_the_pen_is_no_ink(page: Page) -> None:
    x, y = place(page)
    send = """([kind, id, pointerType, x, y]) => document.getElementById("sheet-pad").dispatchEvent(new PointerEvent(kind,
        { pointerId: id, pointerType, clientX: x, clientY: y, button: 0, pressure: 0.6, bubbles: true, cancelable: true }))"""
    page.evaluate("Element.prototype.setPointerCapture = () => {}")  # made-up pointers cannot be captured
    page.evaluate(send, ["pointerdown", 7, "touch", x + 300, y + 90])
    (stroke,) = [one + np.array([x + 60, y + 30]) for one in write_line("l", scale=SCALE).strokes]
    page.evaluate(send, ["pointerdown", 8, "pen", *stroke[0].tolist()])
    for point in stroke[1:].tolist():
        page.evaluate(send, ["pointermove", 8, "pen", *point])
    page.evaluate(send, ["pointerup", 8, "pen", *stroke[-1].tolist()])
    page.evaluate(send, ["pointerup", 7, "touch", x + 300, y + 90])
    expect(page.locator(".char.stale")).to_have_count(0)
    expect(page.locator(".char")).to_have_count(1)
    kept = page.evaluate(KEPT, writer_of(page))
    assert [[stroke["pen"] for stroke in one["strokes"]] for one in kept] == [[True]]


@pytest.mark.slow
def test_a_sign_that_is_not_taught_is_kept_and_never_sent(page: Page, service: Service) -> None:
    write(page, "big")
    correct(page, 2, "ğ")
    page.get_by_role("button", name="Only keep the text").click()
    expect(line(page).locator(".line-notice")).to_contain_text("a sign that I do not know")
    write(page, "hello", 1)
    time.sleep(2.5)
    assert text_of(page) == "biğ"
    assert all(label in "hello" for label, _ in journal(page, service))


@pytest.mark.slow
@pytest.mark.parametrize(("width", "scheme"), [(360, "light"), (360, "dark"), (1280, "light"), (1280, "dark")])
def test_it_is_open_to_everybody(browser: Browser, service: Service, width: int, scheme: Any) -> None:
    context = browser.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme, reduced_motion="reduce")
    page = open_page(context, service.address, "sheet")
    check(page, "empty")
    write(page, "hello", scale=0.45)
    check(page, "read")
    char(page, 1).click()
    check(page, "correcting")
    page.keyboard.press("Escape")
    correct(page, 1, "c")
    check(page, "corrected")
    page.locator(".take summary").click()
    check(page, "taking along")
    page.locator("#sheet-documents").click()
    check(page, "documents")
    context.close()


def check(page: Page, where: str) -> None:
    """No violation, nothing wider than the window, and all that is touched is large enough."""
    found = Axe().run(page, options=RULES).response["violations"]
    assert [(one["id"], [node["html"][:200] for node in one["nodes"]]) for one in found] == [], where
    assert page.evaluate("document.scrollingElement.scrollWidth - innerWidth") <= 0, where
    small = page.evaluate(
        """[...document.querySelectorAll("#sheet button, #sheet summary, #sheet canvas, dialog button, dialog input")]
            .map((element) => [element.outerHTML.slice(0, 120), element.getBoundingClientRect()])
            .filter(([, { width, height }]) => width && height && Math.min(width, height) < 24)
            .map(([html]) => html)"""
    )
    assert small == [], where
