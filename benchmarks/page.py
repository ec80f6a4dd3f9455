"""The page on this machine: first paint, and a reading after the pen's lift, against their limits and a bare request.

Chromium loads the page anew each time, with nothing cached, in turn with a bare picture from the same service. The ink is drawn
through pointer events, with a person's pauses between strokes; a reading counts from the event of the pen's lift until the answer
stands in the page and its next frame was made. The bare request is a fetch of the same body from the same page, in turn with it.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from outcomes import note
from timing import show

sys.path.append(str(Path(__file__).parent.parent / "tests"))
from handwriting import chromium_path, launched, open_page, our_ink, serving, varied, write

PAINT, READING = 200.0, 60.0
"""Milliseconds."""
LOADS, CHARACTERS, KNOWN = 15, 40, 20
CLOCK = """() => {
    const pad = document.getElementById("character-pad");
    const answer = document.getElementById("character-answer");
    window.taken = [];
    let lifted = 0;
    pad.addEventListener("pointerup", (event) => (lifted = event.timeStamp), { capture: true });
    new MutationObserver(() => {
        if (lifted && answer.getAttribute("aria-busy") === "false") {
            const began = lifted;
            lifted = 0;
            requestAnimationFrame(() => setTimeout(() => window.taken.push(performance.now() - began)));
        }
    }).observe(answer, { attributes: true });
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
        paints, pictures = zip(*times, strict=True)
        context = browser.new_context(viewport={"width": 1280, "height": 860})
        readings, bare = read(context, service.address)
        browser.close()
    rows = [
        row("first paint", paints, PAINT, statistics.median(pictures)),
        row("bare picture", pictures, PAINT, None),
        row("reading", readings, READING, statistics.median(bare)),
        row("bare request", bare, READING, None),
    ]
    show(f"The page: {LOADS} loads, {CHARACTERS} characters of somebody who taught {KNOWN}", HEAD, rows)


HEAD = ("what", "median, ms", "slowest of 20, ms", "limit, ms", "median / limit", "median / bare")


def row(what: str, times: Sequence[float], limit: float, bare: float | None) -> tuple[str, ...]:
    """A row of the table."""
    middle, slow = statistics.median(times), sorted(times)[int(0.95 * (len(times) - 1))]
    note(f"the page, {what}: median / limit", middle / limit, 1)
    ratio = "" if bare is None else f"{middle / bare:.2f} ×"
    return what, f"{middle:.0f}", f"{slow:.0f}", f"{limit:.0f}", f"{middle / limit:.2f}", ratio


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


def read(context: BrowserContext, address: str) -> tuple[list[float], list[float]]:
    """Milliseconds of each reading, and of a bare request after it."""
    page, ink = open_page(context, address), our_ink()
    labels, bare = list(ink), []
    for i in range(KNOWN):
        draw(page, labels[i % len(labels)], i)
        page.locator("#character-pad").press(labels[i % len(labels)])
        page.wait_for_selector("#character-answer .settled")
    page.evaluate(CLOCK)
    for i in range(CHARACTERS):
        label = labels[(7 * i) % len(labels)]
        draw(page, label, 1000 + i)
        bare.append(page.evaluate(BARE, [stroke.tolist() for stroke in varied(ink[label], 1000 + i)]))
        page.locator("#character-pad").press("Escape")
    return page.evaluate("window.taken"), bare


def draw(page: Page, label: str, seed: int) -> None:
    """Write a character and wait for its answer."""
    for stroke in varied(our_ink()[label], seed):
        page.wait_for_timeout(150)
        write(page, [stroke])
    page.wait_for_selector("#character-answer[aria-busy=false]")


if __name__ == "__main__":
    main()
