"""Progress of somebody whom the service knows 1,000 samples of: from the tap on its link to all of it on the screen.

The page is loaded anew each time, so that the room's own files are in it; the time ends with the frame after the figures, the
chart, the confused pairs and every label are there.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import BrowserContext, Page, sync_playwright

from outcomes import note
from timing import show

sys.path.append(str(Path(__file__).parent.parent / "tests"))
from handwriting import chromium_path, known, launched, open_page, serving, writer_of
from taught import teach

LIMIT = 300.0
"""Milliseconds."""
ROUNDS, SAMPLES = 11, 1000
LABELS = "".join(map(chr, range(33, 127)))
COUNT = """async (count) => {
    const { countOne } = await import("/static/js/outcomes.js");
    const { current } = await import("/static/js/writers.js");
    for (let i = 0; i < count; i += 1) {
        const label = String.fromCharCode(97 + (i % 26));
        await countOne(current().name, { id: `c${i}`, at: i, label, personal: i % 9 ? label : "x", base: i % 5 ? label : "x" });
    }
}"""
OPEN = """() => new Promise((done) => {
    const isThere = () => document.querySelectorAll(".shelves .label").length === 94
        && document.querySelector("#progress-chart canvas") && document.querySelector("#progress .figure");
    const began = performance.now();
    const watch = new MutationObserver(() => {
        if (!isThere()) return;
        watch.disconnect();
        requestAnimationFrame(() => setTimeout(() => done(performance.now() - began)));
    });
    watch.observe(document.getElementById("progress"), { childList: true, subtree: true });
    document.querySelector(".rooms a[href='#progress']").click();
})"""


def progress_times(context: BrowserContext, address: str, rounds: int = ROUNDS) -> list[float]:
    """Milliseconds of each opening; the first, which warms the service and the browser, is left out."""
    page: Page = open_page(context, address, "data")
    each, more = divmod(SAMPLES, len(LABELS))
    teach(address, writer_of(page), LABELS[:more], each + 1)
    teach(address, writer_of(page), LABELS[more:], each)
    known(page)
    page.evaluate(COUNT, SAMPLES)
    times = []
    for _ in range(rounds + 1):
        page.goto(f"{address}/#data")
        page.reload()
        page.wait_for_selector("html[data-ready=data]")
        page.wait_for_load_state("networkidle")
        times.append(page.evaluate(OPEN))
    return times[1:]


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
        times = progress_times(browser.new_context(viewport={"width": 1280, "height": 860}), service.address)
        browser.close()
    middle, slow = statistics.median(times), max(times)
    head = ("what", "median, ms", f"slowest of {ROUNDS}, ms", "limit, ms", "median / limit")
    note("the page, Progress: median / limit", middle / LIMIT, 1)
    row = ("Progress", f"{middle:.0f}", f"{slow:.0f}", f"{LIMIT:.0f}", f"{middle / LIMIT:.2f}")
    show(f"The page: Progress at {SAMPLES} samples and as many characters counted", head, [row])


if __name__ == "__main__":
    main()
