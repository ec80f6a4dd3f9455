"""Reading on the device, in Chromium: a reading with few and with many corrections known, against its limit and the service's.

Readings by the worker and by the service are of the same samples, in turn; each counts from the call to the answer.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from outcomes import note
from timing import show

sys.path.append(str(Path(__file__).parent.parent / "tests"))
from handwriting import chromium_path, launched, open_page, our_ink, serving, varied

LIMIT = 40.0
"""Milliseconds."""
KNOWN, READINGS = 320, 120
TEACH = """async ([writer, corrections]) => {
    const service = await import("/static/js/service.js");
    await service.correct({ writer, keepImages: true }, { corrections });
}"""
READ = """async ([module, writer, samples]) => {
    const { read } = await import(module);
    const found = [];
    for (const sample of samples) {
        const began = performance.now();
        await read(writer, [sample], { why: true });
        found.push(performance.now() - began);
    }
    return found;
}"""
CALL = "async ([name, ...values]) => (await import('/static/js/on_device.js'))[name](...values)"
SOURCES = {"on the device": "/static/js/on_device.js", "by the service": "/static/js/service.js"}


def main() -> None:
    if chromium_path() is None:
        print("there is no Chromium on this machine ($CHROMIUM, or chromium on PATH)")
        return
    with (
        tempfile.TemporaryDirectory() as folder,
        serving(Path(folder) / "writers.db", "--rate", "100000") as service,
        sync_playwright() as playwright,
    ):
        browser = launched(playwright)
        page = open_page(browser.new_context(), service.address)
        page.evaluate(CALL, ["switchOn"])
        rows = [row for known in (0, KNOWN) for row in measured(page, known)]
        browser.close()
    show(f"Reading on the device: {READINGS} characters", ("what", "known", "median, ms", "p95, ms", "p95 / limit"), rows)


def measured(page: Page, known: int) -> list[tuple[str, ...]]:
    """The rows for a writer of whom so many corrections are known."""
    writer, labels = f"known-{known}", list(our_ink())
    for start in range(0, known, 64):
        chosen = [(i, labels[i % len(labels)]) for i in range(start, start + 64)]
        taught = [{**sample(label, i), "id": str(i), "label": label} for i, label in chosen]
        page.evaluate(TEACH, [writer, taught])
    page.evaluate(CALL, ["refresh", writer])
    times: dict[str, list[float]] = {what: [] for what in SOURCES}
    for i in range(-10, READINGS):
        shown = sample(labels[(7 * i) % len(labels)], 5000 + i)
        for what, module in SOURCES.items():
            (taken,) = page.evaluate(READ, [module, writer, [shown]])
            if i >= 0:
                times[what].append(taken)
    return [row(what, known, found) for what, found in times.items()]


def sample(label: str, seed: int) -> dict[str, object]:
    """A character as the page sends it."""
    return {"ink": [stroke.round(1).tolist() for stroke in varied(our_ink()[label], seed)], "device": "sheet", "baseline": 75.0}


def row(what: str, known: int, found: list[float]) -> tuple[str, ...]:
    """A row of the table."""
    slow = statistics.quantiles(found, n=20)[-1]
    note(f"on the device, {what}, {known} known: p95 / limit", slow / LIMIT, 1)
    return what, str(known), f"{statistics.median(found):.1f}", f"{slow:.1f}", f"{slow / LIMIT:.2f}"


if __name__ == "__main__":
    main()
