"""The page on this machine, against its limits and a bare request: first paint, its size, a reading, a correction.

Chromium loads the page anew each time, with nothing cached, in turn with a bare picture from the same service. The ink is drawn
through pointer events, with a person's pauses between strokes; a reading counts from the event of the pen's lift until the answer
stands in the page and its next frame was made. The bare request is a fetch of the same body from the same page, in turn with it.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

from outcomes import note
from timing import show

sys.path.append(str(Path(__file__).parent.parent / "tests"))
from handwriting import chromium_path, known, launched, open_page, our_ink, serving, varied, write, writer_of
from taught import teach

PAINT, READING, CORRECTION, BYTES, KNOWING = 200.0, 60.0, 120.0, 100.0, 1.1
"""Limits: milliseconds; kB over the wire; a reading with many corrections known over one with few."""
LOADS, CHARACTERS, FEW, MANY = 20, 60, 20, 320
CLOCK = """() => {
    const pad = document.getElementById("character-pad");
    const answer = document.getElementById("character-answer");
    const fetched = fetch;
    Object.assign(window, { readings: [], shown: [], learned: [] });
    let lifted = 0, tapped = 0, said = 0, isLearned = false;
    const framed = (times, began) => requestAnimationFrame(() => setTimeout(() => times.push(performance.now() - began)));
    pad.addEventListener("pointerup", (event) => (lifted = event.timeStamp), { capture: true });
    const tap = ({ timeStamp }) => ([tapped, said, isLearned] = [timeStamp, timeStamp, false]);
    answer.addEventListener("click", tap, { capture: true });
    window.fetch = async (...request) => {
        const found = await fetched(...request);
        if (said && String(request[0].url ?? request[0]).endsWith("/read")) isLearned = true;
        return found;
    };
    new MutationObserver(() => {
        if (lifted && answer.getAttribute("aria-busy") === "false" && answer.querySelector(".alternatives")) {
            framed(readings, lifted);
            lifted = 0;
        }
        if (tapped && answer.querySelector(".settled")) {
            framed(shown, tapped);
            tapped = 0;
        }
        if (isLearned) {
            framed(learned, said);
            [isLearned, said] = [false, 0];
        }
    }).observe(answer, { attributes: true, childList: true, subtree: true });
}"""
BARE = """async (ink) => {
    const { writers } = JSON.parse(localStorage.getItem("allograph"));
    const body = JSON.stringify({ samples: [{ id: "bare", ink }], why: true });
    const began = performance.now();
    const answer = await fetch(`/v1/writers/${writers[0].name}/read`, {
        method: "POST", body, headers: { "Content-Type": "application/json" } });
    await answer.json();
    return performance.now() - began;
}"""


def main() -> None:
    if chromium_path() is None:
        print("there is no Chromium on this machine ($CHROMIUM, or chromium on PATH)")
        return
    with (
        tempfile.TemporaryDirectory() as folder,
        serving(Path(folder) / "writers.db") as service,
        sync_playwright() as playwright,
    ):
        browser = launched(playwright)
        open_page(browser.new_context(), service.address)  # the browser's own first start is not the page's
        times = [
            (painted(browser, service.address), painted(browser, f"{service.address}/static/icon.svg")) for _ in range(LOADS)
        ]
        wire = fetched(browser, service.address)
        few, many = (Writing(browser, service.address, count) for count in (FEW, MANY))
        for turn in range(CHARACTERS):  # in turn, so that a machine whose speed drifts harms neither
            few.write(turn)
            many.write(turn)
        paints, pictures = zip(*times, strict=True)
        reading, more, bare = (statistics.median(one) for one in (few.times("readings"), many.times("readings"), few.bare))
        rows: list[tuple[str, ...]] = [
            limited("first paint, median", statistics.median(paints), PAINT, "ms"),
            ("  a bare picture", f"{statistics.median(pictures):.0f} ms", "", ""),
            limited("fetched before the model", wire, BYTES, "kB"),
            *timed("pen lift → answer", few, many, "readings", READING),
            ("  a bare request, median", f"{bare:.0f} ms", f"page / bare {reading / bare:.2f} ×", ""),
            limited(f"{MANY} known / {FEW} known, medians of that", more / reading, KNOWING, "×"),
            *timed("correction → shown", few, many, "shown", CORRECTION),
            *timed("correction → learned, read anew", few, many, "learned", CORRECTION),
        ]
        browser.close()
    show(f"The page: {LOADS} loads, {CHARACTERS} characters each of two who taught {FEW} and {MANY}", HEAD, rows)


HEAD = ("what", "measured", "limit", "measured / limit")


class Writing:
    """Somebody who taught so many corrections, and writes on."""

    def __init__(self, browser: Browser, address: str, count: int) -> None:
        self.page = open_page(browser.new_context(viewport={"width": 1280, "height": 860}), address)
        labels = "".join(our_ink())
        each, more = divmod(count, len(labels))
        for some, times in ((labels[:more], each + 1), (labels[more:], each)):
            if some and times:
                teach(address, writer_of(self.page), some, times)
        known(self.page)
        self.page.evaluate(CLOCK)
        self.bare: list[float] = []

    def write(self, turn: int) -> None:
        """Write a character, wait for its answer, and tap the first that it offers instead."""
        labels, page = list(our_ink()), self.page
        label = labels[(7 * turn) % len(labels)]
        draw(page, label, 1000 + turn)
        self.bare.append(page.evaluate(BARE, [stroke.tolist() for stroke in varied(our_ink()[label], 1000 + turn)]))
        page.locator("#character-answer .alternatives button").first.click()
        page.wait_for_function("count => window.learned.length >= count", arg=turn + 1)
        page.get_by_role("button", name="Take it back").click()  # what is known stays as much
        page.wait_for_selector("#character-answer .alternatives")

    def times(self, name: str) -> list[float]:
        """Milliseconds of `readings` from a lift of the pen, of `shown` and `learned` from a tap."""
        found: list[float] = self.page.evaluate("name => window[name]", name)
        return found


def timed(what: str, few: Writing, many: Writing, name: str, limit: float) -> list[tuple[str, ...]]:
    """The rows of a time, for few and for many corrections known."""
    slowest = {count: statistics.quantiles(one.times(name), n=20)[-1] for count, one in ((FEW, few), (MANY, many))}
    return [limited(f"{what}, p95, {count} known", slow, limit, "ms") for count, slow in slowest.items()]


def limited(what: str, measured: float, limit: float, unit: str) -> tuple[str, ...]:
    """A row: what was measured, its limit, and the one as a share of the other."""
    note(f"the page, {what}", measured, limit, unit=unit)
    return what, f"{measured:.3g} {unit}", f"{limit:g} {unit}", f"{measured / limit:.2f}"


def fetched(browser: Browser, address: str) -> float:
    """Kilobytes over the wire until a first visit can write, without what the service worker stores for later."""
    context = browser.new_context(service_workers="block")
    page = context.new_page()
    devtools, sizes = context.new_cdp_session(page), []
    devtools.send("Network.enable")
    devtools.on("Network.loadingFinished", lambda event: sizes.append(event["encodedDataLength"]))
    page.goto(address)
    page.wait_for_selector("html[data-ready]")
    page.wait_for_load_state("networkidle")
    context.close()
    return float(sum(sizes) / 1000)


def painted(browser: Browser, address: str) -> float:
    """Milliseconds from asking for something to its first paint."""
    context = browser.new_context()
    page = context.new_page()
    page.goto(address)
    found: float = page.evaluate(
        """() => new Promise((done) => new PerformanceObserver((list) => {
            const paint = list.getEntriesByName("first-contentful-paint")[0];
            if (paint) done(paint.startTime);
        }).observe({ type: "paint", buffered: true }))"""
    )
    context.close()
    return found


def draw(page: Page, label: str, seed: int) -> None:
    """Write a character and wait for its answer."""
    for stroke in varied(our_ink()[label], seed):
        page.wait_for_timeout(150)
        write(page, [stroke])
    page.wait_for_selector("#character-answer[aria-busy=false]")


if __name__ == "__main__":
    main()
