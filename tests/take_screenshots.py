"""Takes the pictures of docs/images: the page, as somebody sees it who writes the ink of tests/ink.json. Run: make screenshots"""

from __future__ import annotations

import io
import tempfile
from pathlib import Path
from typing import Any

import httpx
import numpy as np
from PIL import Image
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from handwriting import known, launched, open_page, our_ink, room, serving, varied, write, writer_of

IMAGES = Path(__file__).parent.parent / "docs" / "images"
INK = our_ink()
SHAPED = {label: label for label in INK} | {label.upper(): label for label in "cosvwxz"}
"""What can be drawn of each label: some capitals are only larger."""
DESK, PHONE = (1180, 880), (390, 780)
TIMES = 4
"""How often each character of ours is written before the pictures of a hand that is known are taken."""


def main() -> None:
    IMAGES.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory() as folder,
        serving(Path(folder) / "writers.db") as service,
        sync_playwright() as playwright,
    ):
        browser = launched(playwright)
        story(browser, service.address)
        for scheme in ("light", "dark"):
            rooms(browser, service.address, scheme)
        browser.close()


def story(browser: Browser, address: str) -> None:
    """A wrong reading, one tap, and the next is right: three windows side by side."""
    context = opened(browser, PHONE, "light")
    page = open_page(context, address)
    shots = []
    written(page, "g", 0)
    page.wait_for_timeout(300)
    shots.append(page.screenshot())
    page.get_by_role("button", name="No, it is small letter g").click()
    expect(page.locator("#character-answer .settled")).to_be_visible()
    page.wait_for_timeout(300)
    shots.append(page.screenshot())
    written(page, "g", 3)
    expect(page.locator("#character-answer .why img")).to_be_visible()
    page.wait_for_timeout(300)
    shots.append(page.screenshot())
    kept("page-story", side_by_side(shots))
    context.close()


def rooms(browser: Browser, address: str, scheme: str) -> None:
    """Every room, by somebody whose hand is known."""
    context = opened(browser, DESK, scheme)
    page = open_page(context, address)
    teach(address, writer_of(page))
    known(page)
    for i, label in enumerate("a5eHz2"):
        written(page, label, 70 + i)
        page.locator("#character-pad").press(label)
        expect(page.locator("#character-answer .settled")).to_be_visible()
    written(page, "g", 82)
    expect(page.locator("#character-answer .why img").first).to_be_visible()
    taken(page, "page-character", scheme)
    room(page, "sheet")
    write_words(page, "go to zurich")
    page.wait_for_timeout(1500)
    taken(page, "page-sheet", scheme)
    room(page, "teach")
    page.get_by_role("button", name="Begin").click()
    while (shape := SHAPED.get(page.locator("#teach-label").inner_text())) is None:
        page.get_by_role("button", name="Skip").click()
    write(page, varied(INK[shape], 7), "#teach-pad")
    taken(page, "page-teach", scheme)
    page.get_by_role("button", name="Stop for now").click()
    room(page, "progress")
    expect(page.locator("#progress-chart canvas")).to_be_visible()
    page.wait_for_timeout(500)
    taken(page, "page-progress", scheme)
    room(page, "data")
    taken(page, "page-yours", scheme)
    context.close()


def write_words(page: Page, text: str, height: float = 64.0) -> None:
    """Words on the first rule of the sheet, character beside character."""
    box = page.locator("#sheet-pad").bounding_box()
    assert box is not None
    left = box["x"] + 40
    for i, label in enumerate(text):
        if label == " ":
            left += height / 2
            continue
        ink = varied(INK[label], 90 + i)
        edges = np.concatenate(list(ink))
        for stroke in ink:
            places = (stroke - [edges[:, 0].min(), 0]) / 100 * height + [left, box["y"] + 14]
            page.mouse.move(*places[0].tolist())
            page.mouse.down()
            for place in places[1:].tolist():
                page.mouse.move(*place)
            page.mouse.up()
        left += np.ptp(edges[:, 0]) / 100 * height + 12


def opened(browser: Browser, size: tuple[int, int], scheme: Any) -> BrowserContext:
    """A window of somebody new."""
    return browser.new_context(
        viewport={"width": size[0], "height": size[1]}, color_scheme=scheme, reduced_motion="reduce", device_scale_factor=1
    )


def written(page: Page, label: str, seed: int) -> None:
    """One character, and its answer."""
    write(page, varied(INK[label], seed) if seed else INK[label])
    page.wait_for_selector("#character-answer[aria-busy=false]")
    page.wait_for_timeout(150)


def teach(address: str, writer: str) -> None:
    """What somebody taught over a few days: every character a few times, each answered first."""
    labels = np.random.default_rng(1).permutation([*INK] * TIMES).tolist()
    for i, label in enumerate(labels):
        strokes = [stroke.tolist() for stroke in varied(INK[label], i + 1)]
        body = {"corrections": [{"id": f"taught-{i}", "ink": strokes, "label": label}]}
        httpx.post(f"{address}/v1/writers/{writer}/correct", json=body).raise_for_status()


def taken(page: Page, name: str, scheme: str) -> None:
    """One picture of the window."""
    page.mouse.move(0, 0)
    page.evaluate("scrollTo(0, 0)")
    page.wait_for_timeout(200)
    kept(f"{name}-{scheme}", Image.open(io.BytesIO(page.screenshot())))


def side_by_side(shots: list[bytes]) -> Image.Image:
    """Pictures of one size in a row, an arrow's breadth apart."""
    pictures = [Image.open(io.BytesIO(shot)).convert("RGB") for shot in shots]
    gap = 24
    wide = sum(picture.width for picture in pictures) + gap * (len(pictures) - 1)
    whole = Image.new("RGB", (wide, pictures[0].height), "white")
    for i, picture in enumerate(pictures):
        whole.paste(picture, (i * (picture.width + gap), 0))
    return whole


def kept(name: str, picture: Image.Image) -> None:
    """A small file: a palette is enough for a page of few colours."""
    picture.convert("RGB").quantize(96, dither=Image.Dither.NONE).save(IMAGES / f"{name}.png", optimize=True)


if __name__ == "__main__":
    main()
