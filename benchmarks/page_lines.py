"""Real lines on the page: those of 6 application writers, drawn on the ruled sheet by pointer events, against the library alone.

Each line is written in a document of its own, as large as it fits; the library reads the very points that were drawn. On both
sides a line is left standing when the next is written, so both learn the same. Lines that wrap into rows are left out.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from playwright.sync_api import Browser, Page, expect, sync_playwright

from allograph.corpora.lines.archive import LineArchive
from allograph.corpora.lines.line import LabelledLine
from allograph.evaluation.lines.measures import edits
from allograph.evaluation.measures.figures import interval
from allograph.lines.line_ink import LineInk
from allograph.writers import Writer
from timing import show

sys.path.append(str(Path(__file__).parent.parent / "tests"))
from handwriting import chromium_path, launched, open_page, serving
from real_ink import DATA, thinned

WRITERS, LINES, LIMIT = 6, 10, 1.0
"""The limit in points of the character error rate."""
LEFT, BASELINE, HIGH, WIDE, TALL, APART = 24, 80, 46, 1080, 104, 2.5
"""CSS pixels: where a line begins; its baseline below its rule's top; a tall stroke; most width and height; between points."""
SEEN = 1200
"""Milliseconds for which a line that was read is looked at before it is left."""


class Judged(NamedTuple):
    """Wrong characters of one writer's lines, and how many there are."""

    page: int
    library: int
    same: int
    """Lines that both read alike."""
    lines: int
    characters: int


def main() -> None:
    if chromium_path() is None:
        print("there is no Chromium on this machine ($CHROMIUM, or chromium on PATH)")
        return
    if not DATA.is_dir():
        print(f"there are no real lines on this machine ({DATA})")
        return
    chosen = single_rows()
    found = []
    with (
        tempfile.TemporaryDirectory() as folder,
        serving(Path(folder) / "writers.db") as service,
        sync_playwright() as playwright,
    ):
        browser = launched(playwright)
        for number, lines in enumerate(chosen.values()):
            print(f"writer {number + 1} of {len(chosen)}", file=sys.stderr)
            found.append(judge(browser, service.address, lines))
        browser.close()
    numbers = np.array(found)
    wrong_page, wrong_library, same, count, characters = numbers.T
    apart = 100 * (wrong_page - wrong_library) / characters
    draws = np.random.default_rng(0).integers(len(found), size=(10_000, len(found)))
    low, high = interval(100 * ((wrong_page - wrong_library)[draws].sum(axis=1) / characters[draws].sum(axis=1)))
    rows = [
        ("the page", f"{100 * wrong_page.sum() / characters.sum():.1f} %", ""),
        ("the library", f"{100 * wrong_library.sum() / characters.sum():.1f} %", ""),
        (
            "apart, points [95 % by writer]",
            f"{100 * (wrong_page - wrong_library).sum() / characters.sum():+.2f} [{low:+.2f}, {high:+.2f}]",
            f"within {LIMIT:g}",
        ),
        ("apart, the worst writer", f"{apart[np.abs(apart).argmax()]:+.2f}", ""),
        ("lines that both read alike", f"{same.sum()} of {count.sum()}", ""),
    ]
    title = f"Lines through the page: {len(found)} application writers, {count.sum()} lines, {characters.sum()} characters"
    show(title, ("wrong characters", "measured", "limit"), rows)


def single_rows() -> dict[str, list[LabelledLine]]:
    """The first lines of each writer that are one row, of those writers who have enough of them."""
    archive, found = LineArchive.open(DATA / "unipen_lines.npz"), dict[str, list[LabelledLine]]()
    splits = archive.splits()
    for place in range(len(archive)):
        line = archive.line(place, "application")
        if splits is None or splits.get(line.writer) != "application" or not is_one_row(line):
            continue
        found.setdefault(line.writer, []).append(line)
    enough = {writer: lines[:LINES] for writer, lines in found.items() if len(lines) >= LINES}
    return dict(list(enough.items())[:WRITERS])


def is_one_row(line: LabelledLine) -> bool:
    """Whether the ink of a line is not much higher than its high strokes."""
    points = np.concatenate(line.strokes)
    tall = np.quantile([np.ptp(stroke[:, 1]) for stroke in line.strokes], 0.9)
    return bool(np.ptp(points[:, 1]) < 3 * tall)


def judge(browser: Browser, address: str, lines: list[LabelledLine]) -> Judged:
    """Have one writer's lines read by the page, one below the other, and by the library."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    page, alone = open_page(context, address, "sheet"), Writer("alone")
    wrong, same, characters = [0, 0], 0, 0
    for line in lines:
        strokes = on_sheet(line)
        draw(page, strokes)
        expect(page.get_by_role("group", name="Line 1", exact=True)).to_be_visible()
        expect(page.locator(".char.stale")).to_have_count(0)
        read = alone.read_line(LineInk.from_strokes(strokes, device="mouse lines"))
        alone.accept_line(read)
        texts, truth = (text_of(page), read.text), line.text
        for side, text in enumerate(texts):
            wrong[side] += edits(text.replace(" ", ""), truth.replace(" ", "")).distance
        same += texts[0] == texts[1]
        characters += len(truth.replace(" ", ""))
        page.wait_for_timeout(SEEN)
        page.locator("#sheet-new").click()
        expect(page.locator(".char")).to_have_count(0)
    context.close()
    return Judged(wrong[0], wrong[1], same, len(lines), characters)


def on_sheet(line: LabelledLine) -> list[NDArray[np.float64]]:
    """A line's strokes in CSS pixels from the left end and the top of its rule."""
    points = np.concatenate(line.strokes)
    width, height = np.ptp(points, axis=0)
    tall = np.quantile([np.ptp(stroke[:, 1]) for stroke in line.strokes], 0.9)
    scale = min(HIGH / max(tall, 1e-9), WIDE / max(width, 1e-9), TALL / max(height, 1e-9))
    foot = np.median([stroke[:, 1].max() for stroke in line.strokes])
    top = points[:, 1].min()
    down = min(max(BASELINE - scale * (foot - top), 4), 112 - scale * height)
    moved = [(stroke - [points[:, 0].min(), top]) * scale + [LEFT, down] for stroke in line.strokes]
    return [np.round(thinned(stroke, APART), 2) for stroke in moved]


def draw(page: Page, strokes: list[NDArray[np.float64]]) -> None:
    """Draw strokes on the first rule of the sheet."""
    box = page.locator("#sheet-page").bounding_box()
    assert box is not None
    for stroke in strokes:
        points = (stroke + np.array([box["x"], box["y"]])).tolist()
        page.mouse.move(*points[0])
        page.mouse.down()
        for point in points[1:]:
            page.mouse.move(*point)
        page.mouse.up()


def text_of(page: Page) -> str:
    """What the first rule reads, its spaces included."""
    text: str = page.get_by_role("group", name="Line 1", exact=True).evaluate(
        """(line) => [...line.querySelectorAll(".char")]
            .map((one) => (one.classList.contains("after-space") ? " " : "") + one.innerText).join("")"""
    )
    return text


if __name__ == "__main__":
    main()
