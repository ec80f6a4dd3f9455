"""The page never learns what was not said, and loses nothing that was drawn: late, lost, in two windows, without storage."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, BrowserContext, Route, expect

from handwriting import Service, open_page, our_ink, problems_of, reads, room, serve, serving, varied, write, writer_of

INK = our_ink()


@pytest.fixture(scope="module")
def service(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """One service for all."""
    with serving(tmp_path_factory.mktemp("trust") / "writers.db") as running:
        yield running


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    """A browser profile that nobody wrote in; at the end no script has failed."""
    context = browser.new_context(viewport={"width": 1280, "height": 860})
    context.set_default_timeout(10_000)
    problems = problems_of(context)
    yield context
    context.close()
    assert [problem for problem in problems if "exception" in problem] == []


def journal(service: Service, writer: str) -> list[tuple[str, bool]]:
    """The labels that the service knows of a writer, and which were left standing."""
    answer = httpx.get(f"{service.address}/v1/writers/{writer}/corrections", params={"images": "no"})
    return [(one["label"], one["implicit"]) for one in answer.json()["corrections"]] if answer.status_code == 200 else []


@pytest.mark.slow
def test_what_hangs_while_another_stroke_was_drawn_is_never_taken_as_right(context: BrowserContext, service: Service) -> None:
    page = open_page(context, service.address)
    hanging: list[Route] = []

    def hold(route: Route) -> None:
        body: Any = route.request.post_data_json
        strokes = len(body["samples"][0]["ink"])
        if strokes == 1:
            route.continue_()
        else:
            hanging.append(route)

    page.route("**/read", hold)
    first, *others = INK["E"]
    write(page, [first])
    expect(page.locator("#character-answer[aria-busy=false]")).to_be_visible()
    write(page, others)
    page.wait_for_selector("#character-pad.complete")
    assert page.get_by_role("button", name="Right, it is").count() == 0
    write(page, INK["l"])
    page.wait_for_timeout(600)
    assert journal(service, writer_of(page)) == []
    for route in hanging:
        route.abort()
    page.unroute("**/read")
    expect(page.get_by_role("button", name="not read yet")).to_have_count(0, timeout=20_000)
    assert journal(service, writer_of(page)) == []


@pytest.mark.slow
def test_a_card_is_of_one_character_however_late_its_reading_comes(context: BrowserContext, service: Service) -> None:
    page = open_page(context, service.address)
    held: list[Route] = []
    page.route("**/read", lambda route: held.append(route))
    write(page, INK["E"])
    page.wait_for_selector("#character-pad.complete")
    write(page, INK["m"])
    page.locator("#character-pad").press("m")
    expect(page.locator("#character-answer .settled")).to_contain_text("You said it is m")
    page.locator("#recent-list button").last.click()
    page.locator("#character-pad").press("E")
    expect(page.locator("#character-answer .settled")).to_contain_text("You said it is E")
    for route in held:
        route.abort()
    page.unroute("**/read")
    for _ in range(100):
        if len(journal(service, writer_of(page))) == 2:
            break
        page.wait_for_timeout(100)
    assert sorted(journal(service, writer_of(page))) == [("E", False), ("m", False)]


@pytest.mark.slow
def test_who_is_erased_in_one_window_stays_erased_in_the_other(context: BrowserContext, service: Service) -> None:
    page = open_page(context, service.address)
    name = writer_of(page)
    write(page, INK["g"])
    page.wait_for_selector("#character-answer[aria-busy=false]")
    page.locator("#character-pad").press("g")
    expect(page.locator("#character-answer .settled")).to_be_visible()
    other = open_page(context, service.address, "data")
    other.get_by_role("button", name="Erase everything").click()
    other.get_by_role("dialog").get_by_role("button", name="Erase everything").click()
    expect(other.locator("#toast")).to_contain_text("is erased")
    expect(page.locator("#recent")).to_be_hidden()
    write(page, varied(INK["g"], 2))
    page.wait_for_selector("#character-answer[aria-busy=false]")
    page.locator("#character-pad").press("q")
    expect(page.locator("#character-answer .settled")).to_be_visible()
    assert writer_of(page) != name
    assert httpx.get(f"{service.address}/v1/writers/{name}").status_code == 404


@pytest.mark.slow
def test_who_is_erased_on_another_device_is_erased_on_this_one(context: BrowserContext, service: Service) -> None:
    page = open_page(context, service.address)
    name = writer_of(page)
    write(page, INK["g"])
    page.wait_for_selector("#character-answer[aria-busy=false]")
    page.locator("#character-pad").press("g")
    expect(page.locator(".note")).to_contain_text("Learned")
    httpx.delete(f"{service.address}/v1/writers/{name}").raise_for_status()
    write(page, varied(INK["g"], 2))
    expect(page.locator("#toast")).to_contain_text("erased on another device")
    assert httpx.get(f"{service.address}/v1/writers/{name}").status_code == 404
    assert writer_of(page) != name


@pytest.mark.slow
@pytest.mark.parametrize(
    ("broken", "is_told"),
    [
        ("Object.defineProperty(window, 'indexedDB', { value: { open() { throw new Error('blocked'); } } })", True),
        (
            "Object.defineProperty(window, 'localStorage', { get() { throw new DOMException('blocked', 'SecurityError'); } })",
            True,
        ),
        ("delete AbortSignal.any; delete AbortSignal.timeout", False),
    ],
    ids=["no database", "no local storage", "an older browser"],
)
def test_the_page_works_where_a_browser_lacks_something(
    context: BrowserContext, service: Service, broken: str, is_told: bool
) -> None:
    context.add_init_script(broken)
    page = open_page(context, service.address)
    write(page, INK["g"])
    page.wait_for_selector("#character-answer[aria-busy=false]")
    assert reads(page)[0] == "9"
    page.locator("#character-pad").press("g")
    expect(page.locator(".note")).to_contain_text("Learned")
    assert page.locator("#unstored").is_visible() == is_told
    assert not page.locator("#offline").is_visible()


def test_a_pen_draws_and_the_palm_beside_it_does_not(context: BrowserContext, service: Service) -> None:
    page = open_page(context, service.address)
    devtools = context.new_cdp_session(page)
    box = page.locator("#character-pad").bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    pen = {"pointerType": "pen", "button": "left", "buttons": 1, "clickCount": 1, "force": 0.5}
    devtools.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [{"x": x + 60, "y": y + 90}]})
    for dx in (0, 60):
        devtools.send("Input.dispatchMouseEvent", {"type": "mousePressed", "x": x + dx, "y": y - 80, **pen})
        for dy in range(-70, 70, 10):
            devtools.send("Input.dispatchMouseEvent", {"type": "mouseMoved", "x": x + dx, "y": y + dy, **pen})
        devtools.send("Input.dispatchMouseEvent", {"type": "mouseReleased", "x": x + dx, "y": y + 70, **pen})
    devtools.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    page.wait_for_selector("#character-answer[aria-busy=false]")
    kept = page.evaluate(
        """async () => {
            const { recordsOf } = await import("/static/js/store.js");
            const { current } = await import("/static/js/writers.js");
            return (await recordsOf("drawings", current().name)).at(-1).strokes.map(({ by }) => by);
        }"""
    )
    assert kept == ["pen", "pen"]


@pytest.mark.slow
def test_every_step_is_undone_and_done_again(context: BrowserContext, service: Service) -> None:
    page = open_page(context, service.address)
    write(page, INK["a"])
    page.wait_for_selector("#character-answer[aria-busy=false]")
    page.get_by_role("button", name="Clear").click()
    expect(page.locator("#character-answer .steps")).to_be_visible()
    page.keyboard.press("Control+z")
    expect(page.locator("#character-answer .reading .glyph").first).to_have_text("a")
    page.keyboard.press("Control+Shift+z")
    expect(page.locator("#character-answer .steps")).to_be_visible()
    page.keyboard.press("Control+z")
    expect(page.locator("#character-answer .reading .glyph").first).to_have_text("a")
    page.locator("#character-pad").press("o")
    expect(page.locator("#character-answer .settled")).to_contain_text("You said it is o")
    page.keyboard.press("Control+z")
    expect(page.locator(".note")).to_contain_text("Taken back")
    page.keyboard.press("Control+y")
    expect(page.locator("#character-answer .settled")).to_contain_text("You said it is o")


@pytest.mark.slow
@pytest.mark.parametrize("taken_away", ["Escape", "Control+z"])
def test_a_stroke_is_kept_whose_character_was_taken_away_under_the_pen(
    taken_away: str, context: BrowserContext, service: Service
) -> None:
    page = open_page(context, service.address)
    write(page, INK["E"])
    expect(page.locator("#character-answer .reading")).to_have_count(2)
    box = page.locator("#character-pad").bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 4
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x, y + 60, steps=4)
    page.keyboard.press(taken_away)
    page.mouse.move(x, y + 160, steps=4)
    page.mouse.up()
    page.wait_for_selector("#character-answer[aria-busy=false] .reading")
    if taken_away == "Escape":
        assert reads(page)[1] in ".|lI1'"  # a stroke from top to bottom, and no E


@pytest.mark.slow
def test_characters_are_read_on_the_device_without_the_service(
    browser: Browser, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Switched on in Yours; then without the service, also after a reload; what is taught meanwhile is known, and sent later."""
    store = tmp_path_factory.mktemp("nearby") / "writers.db"
    service = serve(store)
    port = int(service.address.rsplit(":", 1)[1])
    context = browser.new_context(viewport={"width": 1280, "height": 860})
    try:
        page = open_page(context, service.address, "data")
        page.locator("#read-here").check()
        expect(page.locator("#on-device")).to_contain_text("Characters are read here now", timeout=60_000)
        room(page, "character")
        service.stop()
        write(page, INK["g"])
        expect(page.locator("#character-answer .reading .glyph").first).to_have_text("9", timeout=20_000)
        page.locator("#character-pad").press("g")
        expect(page.locator("#offline")).to_be_visible()
        page.wait_for_timeout(600)
        page.reload()
        page.wait_for_selector("html[data-ready=character]")
        write(page, varied(INK["g"], 3))
        expect(page.locator("#character-answer .reading .glyph").first).to_have_text("g", timeout=30_000)
        service = serve(store, port=port)
        expect(page.locator("#offline")).to_be_hidden(timeout=20_000)
        name = writer_of(page)
        for _ in range(50):
            if journal(service, name):
                break
            page.wait_for_timeout(100)
        assert journal(service, name) == [("g", False)]
    finally:
        context.close()
        if service.process.poll() is None:
            service.stop()
