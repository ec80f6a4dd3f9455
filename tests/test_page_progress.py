"""Progress, end to end: what is counted, what is shown and whose, and what becomes of it when the service goes and comes."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Route, expect

from handwriting import Service, known, open_page, our_ink, problems_of, room, serving, varied, write, writer_of
from taught import known_labels, teach

INK = our_ink()
LABEL = ".shelves .label"


@pytest.fixture(scope="module")
def service(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """One service for all; every test has a browser profile, and so a writer, of its own."""
    with serving(tmp_path_factory.mktemp("progress") / "writers.db") as running:
        yield running


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    """A browser profile that nobody wrote in. At the end: no error, but for a network that a test took away."""
    context = browser.new_context(viewport={"width": 1280, "height": 860})
    context.set_default_timeout(10_000)
    problems = problems_of(context)
    yield context
    context.close()
    assert [problem for problem in problems if "net::ERR_FAILED" not in problem] == []


@pytest.fixture
def page(context: BrowserContext, service: Service) -> Page:
    """The page, where single characters are written."""
    return open_page(context, service.address)


def settle(page: Page, label: str, said: str | None, seed: int = 0) -> None:
    """Write a character; say what it is, or leave it standing."""
    write(page, varied(INK[label], seed) if seed else INK[label])
    expect(page.locator("#character-answer .readings")).to_be_visible()
    if said is not None:
        page.locator("#character-pad").press(said)
        expect(page.locator("#character-answer .settled")).to_be_visible()
    expect(page.locator("#character-pad.complete")).to_be_visible()


def taught_page(page: Page, service: Service, labels: str, times: int = 1) -> str:
    """Progress of somebody who was taught elsewhere; their name."""
    name = writer_of(page)
    teach(service.address, name, labels, times)
    known(page)
    room(page, "progress")
    return name


def take_away(page: Page, what: str = "**/v1/**") -> None:
    """Requests of this kind do not reach the service from now on."""
    page.route(what, lambda route: route.abort())


def come_back(page: Page, what: str = "**/v1/**") -> None:
    """They do again."""
    page.unroute(what)
    page.evaluate("dispatchEvent(new Event('online'))")


@pytest.mark.slow
def test_what_is_left_standing_counts_as_right_and_what_is_corrected_as_wrong(page: Page) -> None:
    settle(page, "g", "g")
    settle(page, "b", None)
    settle(page, "l", None, seed=1)  # too unsure to be learned
    settle(page, "a", "a")
    room(page, "progress")
    figures = page.locator(".figure strong")
    expect(figures).to_have_text(["75 %", "75 %", "4"])
    expect(page.locator("#progress-body")).to_contain_text("you left 3 standing and named 1")
    expect(page.get_by_role("img", name=re.compile("A chart of the share"))).to_be_visible()
    page.get_by_text("As a table").click()
    expect(page.locator("details tbody tr").last).to_have_text("475 %75 %")


def test_where_nothing_was_counted_there_is_no_share(page: Page, service: Service) -> None:
    room(page, "progress")
    expect(page.get_by_text("Nothing yet")).to_be_visible()
    taught_page(page, service, "ab", 3)
    expect(page.get_by_text("on this device nothing that you wrote was counted yet")).to_be_visible()
    expect(page.locator(".figure")).to_have_count(0)
    expect(page.locator("#progress-chart")).to_have_count(0)
    expect(page.locator(LABEL)).to_have_text(["a3", "b3"])


def test_pictures_are_asked_for_where_a_label_is_opened(page: Page, service: Service) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "/corrections" in request.url else None)
    taught_page(page, service, "abc", 30)
    expect(page.locator(LABEL)).to_have_count(3)
    assert all("images=no" in url for url in asked)
    page.get_by_role("button", name="small letter b, 30 samples").click()
    expect(page.locator(".own-sample img")).to_have_count(24)
    expect(page.locator(".styles img").first).to_be_visible()
    page.get_by_role("button", name="6 more").click()
    expect(page.locator(".own-sample img")).to_have_count(30)
    assert page.evaluate("document.activeElement.matches('.own-sample')")
    assert len([url for url in asked if "ids=" in url]) == 2
    page.get_by_role("button", name="small letter b, 30 samples").click()
    expect(page.locator(".own-sample")).to_have_count(0)


def test_a_sample_is_relabelled_and_forgotten_in_place(page: Page, service: Service) -> None:
    name = taught_page(page, service, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ", 2)
    page.set_viewport_size({"width": 360, "height": 500})
    z = page.get_by_role("button", name="small letter z, 2 samples")
    z.click()
    expect(page.locator(".own-sample img")).to_have_count(2)
    page.locator(".own-sample").first.scroll_into_view_if_needed()
    before = page.evaluate("scrollY")
    assert before > 0
    page.locator(".own-sample").first.press("Enter")
    page.get_by_role("button", name="It is something else").click()
    page.get_by_role("dialog").get_by_role("button", name="small letter q", exact=True).click()
    expect(page.get_by_role("button", name="small letter q, 3 samples")).to_be_visible()
    expect(page.locator(".own-sample")).to_be_focused()
    assert abs(page.evaluate("scrollY") - before) < 60
    page.locator(".own-sample").press("Enter")
    page.get_by_role("button", name="Forget it").click()
    page.get_by_role("dialog", name="Forget this one?").get_by_role("button", name="Forget it").click()
    expect(page.locator(".own-sample")).to_have_count(0)
    expect(page.locator("#toast")).to_have_text("Forgotten.")
    assert page.evaluate("document.activeElement.matches('.shelves .label')")
    labels = known_labels(service.address, name)
    assert (labels.count("q"), labels.count("z")) == (3, 0)


@pytest.mark.slow
def test_nobodys_characters_are_shown_under_another_name(page: Page, service: Service) -> None:
    """The first writer's answer comes when the second writes."""
    first = writer_of(page)
    teach(service.address, first, "XYZ", 2)
    teach(service.address, f"other-{first}", "ab", 1)
    known(page)
    room(page, "data")
    page.get_by_role("button", name="Add somebody").click()
    page.get_by_label("Name", exact=True).fill(f"other-{first}")
    page.get_by_role("button", name="Add", exact=True).click()
    page.get_by_role("button", name="It is me").click()
    expect(page.locator("#turn")).to_have_text(f"other-{first}")
    page.get_by_role("button", name=re.compile("^Me")).click()

    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    page.route(f"**/writers/{first}/corrections*", hold)
    page.locator(".rooms a[href='#progress']").click()
    expect(page.locator("#progress")).to_be_visible()
    page.wait_for_timeout(300)
    assert held
    page.locator(".rooms a[href='#data']").click()
    page.get_by_role("button", name=re.compile("^other-")).click()
    page.locator(".rooms a[href='#progress']").click()
    expect(page.locator(LABEL)).to_have_text(["a1", "b1"])
    for route in held:
        route.continue_()
    page.wait_for_timeout(500)
    expect(page.locator(LABEL)).to_have_text(["a1", "b1"])


@pytest.mark.slow
def test_a_room_that_was_opened_while_the_service_is_away_fills_itself(page: Page, service: Service) -> None:
    settle(page, "g", "g")
    room(page, "progress")
    expect(page.locator(LABEL)).to_have_text(["g1"])
    room(page, "character")
    page.reload()
    page.wait_for_selector("html[data-ready=character]")
    take_away(page)
    room(page, "progress")
    expect(page.locator(".figure")).to_have_count(3)  # what this device counted needs no service
    expect(page.get_by_text("Your characters appear here when it is back")).to_be_visible()
    come_back(page)
    expect(page.locator(LABEL)).to_have_text(["g1"])
    take_away(page, "**/corrections?*ids=*")
    page.locator(LABEL).click()
    expect(page.locator(".own-sample")).to_have_text("not there now")
    come_back(page, "**/corrections?*ids=*")
    expect(page.locator(".own-sample img")).to_be_visible()


@pytest.mark.slow
def test_nothing_is_wider_than_the_window_and_the_chart_is_as_wide_as_its_place(page: Page, service: Service) -> None:
    for seed, label in enumerate("gab"):
        settle(page, label, label, seed)
    taught_page(page, service, "".join(map(chr, range(33, 127))), 2)
    page.locator(LABEL).first.click()
    for width in (1920, 1280, 880, 850, 833, 768, 480, 320, 1280):
        page.set_viewport_size({"width": width, "height": 800})
        chart, place = page.locator("#progress-chart canvas"), page.locator("#progress-chart")
        expect(chart).to_be_visible()
        page.wait_for_timeout(100)
        boxes = chart.bounding_box(), place.bounding_box()
        assert boxes[0] is not None
        assert boxes[1] is not None
        assert abs(boxes[0]["width"] - boxes[1]["width"]) <= 1, width
        wide = page.evaluate(
            "[...document.querySelectorAll('#progress *')].filter(one => one.getBoundingClientRect().right > innerWidth + 0.5)"
            ".map(one => one.outerHTML.slice(0, 80))"
        )
        assert wide == [], width
    assert page.evaluate("document.querySelector('#progress').getBoundingClientRect().height") < 3000


@pytest.mark.slow
def test_what_takes_long_says_how_far_it_is(page: Page, service: Service) -> None:
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    page.route("**/corrections?*images=no*", hold)
    name = writer_of(page)
    teach(service.address, name, "ab")
    known(page)
    page.locator(".rooms a[href='#progress']").click()
    expect(page.get_by_role("progressbar", name="Loading")).to_be_visible()
    for route in held:
        route.continue_()
    expect(page.locator(LABEL)).to_have_count(2)
    expect(page.get_by_role("progressbar", name="Loading")).to_have_count(0)
