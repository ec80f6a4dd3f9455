"""Real people on the page: 60 characters each of 12 application writers, drawn by pointer events, every error put right by a tap.

What is read rightly is left standing, as people do. The characters come in random order, as large against one another as they
were written; their place on a line is not known, so the sheet shows none. Before the first correction the reading is everybody's.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import numpy as np
from playwright.sync_api import Browser, Page, sync_playwright

from allograph.evaluation.measures.figures import interval
from timing import show

sys.path.append(str(Path(__file__).parent.parent / "tests"))
from handwriting import chromium_path, launched, open_page, reads, serving
from real_ink import DATA, RealCharacter, application_writers, real_characters, thinned

WRITERS, CHARACTERS, THIRDS = 12, 60, 3
LIMITS = (0.0, None, 6.0)
"""Points above the base that each third is to reach."""
APART = 4.0
"""CSS pixels between the points of a stroke."""
HIGH = 0.45
"""Of the sheet's height: how large the writer's largest characters but one in twenty are drawn."""
SEEN = 350
"""Milliseconds for which a reading is looked at: the page takes nothing as right that was not to be seen."""


def main() -> None:
    if chromium_path() is None:
        print("there is no Chromium on this machine ($CHROMIUM, or chromium on PATH)")
        return
    if not DATA.is_dir():
        print(f"there is no real ink on this machine ({DATA})")
        return
    everybody = application_writers()
    chosen = real_characters(everybody[:: max(1, len(everybody) // (2 * WRITERS))], CHARACTERS)
    chosen = dict(list(chosen.items())[:WRITERS])
    right = np.zeros((len(chosen), 2, CHARACTERS), np.bool_)
    with (
        tempfile.TemporaryDirectory() as folder,
        serving(Path(folder) / "writers.db") as service,
        sync_playwright() as playwright,
    ):
        browser = launched(playwright)
        for number, characters in enumerate(chosen.values()):
            print(f"writer {number + 1} of {len(chosen)}", file=sys.stderr)
            right[number] = write_all(browser, service.address, characters)
        browser.close()
    thirds = 100 * right.reshape(len(chosen), 2, THIRDS, -1).mean(axis=3)
    rows = []
    for third, limit in enumerate(LIMITS):
        page, base = thirds[:, 0, third], thirds[:, 1, third]
        gain = page - base
        draws = np.random.default_rng(0).integers(len(gain), size=(10_000, len(gain)))
        low, high = interval(gain[draws].mean(axis=1))
        reached = "" if limit is None else f"at least {limit:+.0f}"
        figures = (f"{page.mean():.1f} %", f"{base.mean():.1f} %", f"{gain.mean():+.1f} [{low:+.1f}, {high:+.1f}]", reached)
        rows.append((f"{('first', 'second', 'last')[third]} third", *figures))
    head = ("characters", "page", "base", "points above it [95 % by writer]", "limit")
    show(f"Through the page: {len(chosen)} application writers, {CHARACTERS} characters each", head, rows)


def write_all(browser: Browser, address: str, characters: list[RealCharacter]) -> np.ndarray[tuple[int, int], np.dtype[np.bool_]]:
    """Whether each was read rightly for this writer, and for everybody [2, n]."""
    context = browser.new_context(viewport={"width": 1280, "height": 860})
    page = open_page(context, address)
    page.evaluate("import('/static/js/pause.js').then(({ choosePause }) => choosePause('never'))")
    page.evaluate("document.getElementById('character-pad').style.setProperty('--baseline', 'none')")
    box = page.locator("#character-pad").bounding_box()
    assert box is not None
    heights = [max(stroke.max() for stroke in one.strokes) for one in characters]
    scale = HIGH * box["height"] / float(np.quantile(heights, 0.95))
    found = np.zeros((2, len(characters)), np.bool_)
    for place, one in enumerate(characters):
        draw(page, one, scale, box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        page.wait_for_selector("#character-answer[aria-busy=false] .alternatives")
        personal, base = reads(page)
        found[:, place] = personal == one.label, base == one.label
        page.locator("#character-next").click()
        if personal == one.label:
            page.wait_for_timeout(SEEN)
        else:
            correct(page, one.label)
    context.close()
    return found


def draw(page: Page, one: RealCharacter, scale: float, x: float, y: float) -> None:
    """Draw a character about a point of the window."""
    width, height = np.concatenate(list(one.strokes)).max(axis=0)
    corner = np.array([x - scale * width / 2, y - scale * height / 2])
    for stroke in one.strokes:
        points = thinned(corner + scale * stroke, APART).tolist()
        page.mouse.move(*points[0])
        page.mouse.down()
        for point in points[1:]:
            page.mouse.move(*point)
        page.mouse.up()


def correct(page: Page, label: str) -> None:
    """Tap the right label where it is offered, or choose it from all."""
    offered = page.locator("#character-answer .alternatives button:not(.other) .glyph")
    texts = offered.all_inner_texts()
    if label in texts:
        offered.nth(texts.index(label)).click()
    else:
        page.locator("#character-answer .other").click()
        page.get_by_label("Type it, or a sign of your own").fill(label)
        page.keyboard.press("Enter")
    page.wait_for_selector("#character-answer .settled")


if __name__ == "__main__":
    main()
