"""Yours, end to end: names, leaving and erasing, two windows, settings, and the questions that labels of one's own raise."""

from __future__ import annotations

import re
from collections.abc import Iterator

import httpx
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page, expect

from handwriting import Service, open_page, our_ink, problems_of, room, serving, write, writer_of
from taught import known_labels, teach

INK = our_ink()
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}


@pytest.fixture(scope="module")
def service(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """One service for all; every test has a browser profile, and so a writer, of its own."""
    with serving(tmp_path_factory.mktemp("yours") / "writers.db") as running:
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
    """The page, in this room."""
    return open_page(context, service.address, "data")


def call(page: Page, button: str, name: str) -> None:
    """Give a name where a button asks for one."""
    page.get_by_role("button", name=button, exact=True).click()
    page.get_by_label("Name", exact=True).fill(name)
    page.get_by_label("Name", exact=True).press("Enter")
    expect(page.get_by_role("dialog")).to_have_count(0)


def learn(page: Page) -> str:
    """Teach a g by hand; the writer's name."""
    room(page, "character")
    write(page, INK["g"])
    expect(page.locator("#character-answer .readings")).to_be_visible()
    page.locator("#character-pad").press("g")
    expect(page.locator("#character-answer .settled")).to_be_visible()
    name = writer_of(page)
    room(page, "data")
    expect(page.get_by_role("button", name=re.compile("1 character known"))).to_be_visible()
    return name


def kept(page: Page, kind: str) -> int:
    """How many records of a kind the browser keeps."""
    found: int = page.evaluate(
        """kind => new Promise((done) => {
            const asked = indexedDB.open("allograph");
            asked.onsuccess = () => {
                const count = asked.result.transaction(kind).objectStore(kind).count();
                count.onsuccess = () => { asked.result.close(); done(count.result); };
            };
        })""",
        kind,
    )
    return found


def test_a_writer_is_called_otherwise_and_no_two_alike(page: Page) -> None:
    name = writer_of(page)
    call(page, "Rename", "Åsa")
    expect(page.locator("#turn")).to_have_text("Åsa")
    expect(page.locator(".person")).to_contain_text(name)
    expect(page.locator("#rename")).to_be_focused()
    call(page, "Add somebody", "A\u030aSA")
    expect(page.locator("#toast")).to_have_text("Somebody here is called ÅSA already. Choose another name.")
    expect(page.locator(".person")).to_have_count(1)
    call(page, "Add somebody", "Ben")
    expect(page.locator("#turn")).to_have_text("Ben")
    call(page, "Rename", "åsa")
    expect(page.locator("#toast")).to_contain_text("is called åsa already")
    call(page, "Rename", "Bengt")
    call(page, "Add somebody", "Ben")  # the service knows Bengt's hand as Ben: this one is another
    expect(page.locator(".person")).to_have_count(3)
    assert writer_of(page).startswith("Ben-")
    call(page, "Add somebody", "a/b")
    expect(page.locator("#toast")).to_contain_text("no slash")


def test_somebody_whom_the_service_knows_is_asked_whether_it_is_them(page: Page, service: Service) -> None:
    teach(service.address, "Kim", "ab")
    call_for = page.get_by_role("button", name="Add somebody")
    call_for.click()
    page.get_by_label("Name", exact=True).fill("Kim")
    page.get_by_label("Name", exact=True).press("Enter")
    page.get_by_role("button", name="It is not").click()
    expect(page.locator(".person")).to_have_count(1)
    call_for.click()
    page.get_by_label("Name", exact=True).fill("Kim")
    page.get_by_label("Name", exact=True).press("Enter")
    page.get_by_role("button", name="It is me").click()
    expect(page.get_by_role("button", name=re.compile("^Kim.*2 characters known"))).to_be_visible()


def test_while_the_service_is_away_somebody_is_added_who_cannot_be_another(page: Page) -> None:
    page.route("**/v1/**", lambda route: route.abort())
    call(page, "Add somebody", "Ida")
    expect(page.locator("#turn")).to_have_text("Ida")
    assert re.fullmatch("Ida-[0-9a-f]{6}", writer_of(page))
    page.get_by_role("button", name="Save as a file").click()
    expect(page.locator("#toast")).to_contain_text("the service does not answer now")


@pytest.mark.slow
def test_who_leaves_the_device_stays_known_to_the_service(page: Page, service: Service) -> None:
    name = learn(page)
    call(page, "Rename", "Ana")
    page.get_by_role("button", name="Leave this device").click()
    dialog = page.get_by_role("dialog", name="Shall Ana leave this device?")
    expect(dialog).to_contain_text(f"by the name {name}")
    expect(dialog).to_contain_text("how much was read rightly")
    dialog.get_by_role("button", name="Keep it").click()
    expect(page.locator("#leave")).to_be_focused()
    page.get_by_role("button", name="Leave this device").click()
    dialog.get_by_role("button", name="Leave", exact=True).click()
    expect(page.locator("#toast")).to_have_text("Ana no longer writes on this device.")
    assert writer_of(page) != name
    assert (kept(page, "drawings"), kept(page, "outcomes")) == (0, 0)
    assert known_labels(service.address, name) == ["g"]
    assert page.evaluate("document.activeElement !== document.body")


def test_what_would_be_lost_is_said_and_documents_can_be_saved_first(page: Page) -> None:
    page.evaluate(
        """async () => {
            const { keepRecord } = await import("/static/js/store.js");
            const { current } = await import("/static/js/writers.js");
            const writer = current().name;
            await keepRecord("documents", { id: "d", writer, title: "Letter", at: 1, changed: 1 });
            const points = [[1, 2, 0.5], [3, 4, 0.5]];
            await keepRecord("lines", { id: "line-1", writer, document: "d", row: 0, at: 1, strokes: [{ points }], text: "l",
                said: [], touched: [], reading: null, measure: { scale: 1 } });
        }"""
    )
    page.get_by_role("button", name="Erase everything").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("1 document, kept on this device alone")
    with page.expect_download() as saved:
        dialog.get_by_role("button", name="Save the documents first").click()
    assert "<trace" in saved.value.path().read_text(encoding="utf-8")
    dialog.get_by_role("button", name="Erase everything").click()
    expect(page.locator("#toast")).to_contain_text("is erased")
    assert (kept(page, "documents"), kept(page, "lines")) == (0, 0)


@pytest.mark.slow
def test_an_erased_hand_stays_erased_in_the_other_window(context: BrowserContext, page: Page, service: Service) -> None:
    name = learn(page)
    other = open_page(context, service.address, "progress")
    other.get_by_role("button", name="small letter g, 1 sample").click()
    other.locator(".own-sample").click()
    page.get_by_role("button", name="Erase everything").click()
    page.get_by_role("dialog").get_by_role("button", name="Erase everything").click()
    expect(page.locator("#toast")).to_contain_text("is erased")
    expect(other.locator(".own-sample")).to_have_count(0)
    expect(other.locator(".shelves")).to_have_count(0)
    other.get_by_role("button", name="It is something else").click()
    if other.get_by_role("dialog").get_by_role("button", name="small letter q", exact=True).count():
        other.get_by_role("dialog").get_by_role("button", name="small letter q", exact=True).click()
    other.wait_for_timeout(500)
    assert httpx.get(f"{service.address}/v1/writers/{name}").status_code == 404


def test_settings_are_kept(page: Page) -> None:
    pause = page.get_by_label("A pause ends a character after")
    pause.select_option("4 seconds")
    expect(page.locator("#pen-only")).to_have_count(0)
    page.evaluate("dispatchEvent(new PointerEvent('pointerdown', { pointerType: 'pen' }))")
    only = page.get_by_label("Only the pen draws")
    expect(only).to_be_checked()
    only.uncheck()
    page.reload()
    page.wait_for_selector("html[data-ready=data]")
    expect(pause).to_have_value("4 seconds")
    expect(only).not_to_be_checked()


def test_a_sign_that_nobody_knows_is_offered_as_ones_own(page: Page) -> None:
    asked = """text => import("/static/js/picker.js").then(({ labelToTeach }) => labelToTeach(text))"""
    assert page.evaluate(asked, " g ") == {"label": "g", "isNew": False}
    assert page.evaluate(asked, "  ") is None
    page.locator("#rename").focus()
    for answer, expected in (("Teach it", {"label": "ö", "isNew": True}), ("Do not teach it", None)):
        page.evaluate(f"""text => {{ window.answer = ({asked})(text); }}""", "o\u0308")
        dialog = page.get_by_role("dialog", name="Teach ö as a sign of your own?")
        dialog.get_by_role("button", name=answer, exact=True).click()
        assert page.evaluate("window.answer") == expected
        expect(page.locator("#rename")).to_be_focused()


@pytest.mark.slow
@pytest.mark.parametrize("width", [320, 850, 1920])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_is_wider_than_the_window_and_axe_finds_nothing(
    browser: Browser, service: Service, width: int, scheme: str
) -> None:
    context = browser.new_context(
        viewport={"width": width, "height": 800},
        color_scheme="dark" if scheme == "dark" else "light",
        reduced_motion="reduce",
    )
    page = open_page(context, service.address, "data")
    found = Axe().run(page, options=RULES).response["violations"]
    assert [(one["id"], [node["html"][:200] for node in one["nodes"]]) for one in found] == []
    wide = page.evaluate(
        "[...document.querySelectorAll('#data *')].filter(one => one.getBoundingClientRect().right > innerWidth + 0.5)"
        ".map(one => one.outerHTML.slice(0, 80))"
    )
    assert wide == []
    context.close()
