"""The page for everybody: no violation that axe finds, in light and dark, on a phone and a desk; large enough to touch."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page, expect

from handwriting import Service, open_page, our_ink, problems_of, room, serving, unlikely_label, varied, write

pytestmark = pytest.mark.slow
INK = our_ink()
ROOMS = ("sheet", "teach", "progress", "data")
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
TOUCH = 44
LOOKS = [(width, scheme) for width in (360, 1280) for scheme in ("light", "dark")]


@pytest.fixture(scope="module")
def service(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """One service for all."""
    with serving(tmp_path_factory.mktemp("page") / "writers.db") as running:
        yield running


@pytest.fixture(params=LOOKS, ids=lambda look: f"{look[1]}-{look[0]}")
def page(request: pytest.FixtureRequest, browser: Browser, service: Service) -> Iterator[Page]:
    """The page in one of its looks, by a person who wants no motion."""
    width, scheme = request.param
    context: BrowserContext = browser.new_context(
        viewport={"width": width, "height": 800}, color_scheme=scheme, reduced_motion="reduce"
    )
    problems = problems_of(context)
    yield open_page(context, service.address)
    context.close()
    assert problems == []


def check(page: Page, where: str) -> None:
    """No violation, nothing wider than the window, and all that is touched is large enough."""
    found = Axe().run(page, options=RULES).response["violations"]
    told = [(one["id"], [node["html"][:200] for node in one["nodes"]]) for one in found]
    assert told == [], where
    assert page.evaluate("document.scrollingElement.scrollWidth - innerWidth") <= 0, where
    assert small(page) == [], where
    assert page.evaluate("document.getAnimations().length") == 0, where


def small(page: Page) -> list[Any]:
    """Buttons, fields and links that are not in a sentence, smaller than a finger."""
    found: list[Any] = page.evaluate(
        """least => [...document.querySelectorAll("button, nav a, .button, summary, input[type=text], label:has(input), canvas")]
            .map(element => [element.outerHTML.slice(0, 120), element.getBoundingClientRect()])
            .filter(([, { width, height }]) => width && height && Math.min(width, height) < least - 0.5)
            .map(([html, { width, height }]) => [html, width, height])""",
        TOUCH,
    )
    return found


def test_every_room_is_open_to_everybody(page: Page, service: Service) -> None:
    check(page, "start")
    write(page, INK["g"])
    page.wait_for_selector("#character-answer[aria-busy=false]")
    check(page, "read")
    page.locator("#character-pad").press("g")
    expect(page.locator("#character-answer .settled")).to_be_visible()
    check(page, "corrected")
    write(page, varied(INK["g"], 3))
    expect(page.locator("#character-answer .why img")).to_be_visible()
    check(page, "read in this hand")
    page.get_by_role("button", name="No, it is another").click()
    check(page, "choosing")
    page.keyboard.press("Escape")
    page.locator("#character-pad").press("Enter")
    expect(page.locator("#character-answer .settled")).to_be_visible()
    for name in ROOMS:
        room(page, name)
        page.wait_for_load_state("networkidle")
        check(page, name)
    page.get_by_role("button", name="Erase everything").click()
    check(page, "erasing")
    page.keyboard.press("Escape")
    room(page, "teach")
    page.get_by_role("button", name="Begin").click()
    check(page, "asking")
    room(page, "progress")
    page.locator(".shelves .label").first.click()
    page.locator(".own-sample").first.click()
    check(page, "a sample")
    page.keyboard.press("Escape")
    room(page, "character")
    with page.expect_request("**/read") as asked:
        write(page, INK["a"])
    page.wait_for_selector("#character-answer[aria-busy=false]")
    body: Any = asked.value.post_data_json
    page.locator("#character-pad").press(unlikely_label(service, body["samples"][0]))
    expect(page.locator("#character-answer .doubt")).to_be_visible()
    check(page, "a doubt")
