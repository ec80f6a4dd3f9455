"""A hand that writes on the page: real ink through pointer events, on a real service in a process of its own."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import numpy as np
from numpy.typing import NDArray
from playwright.sync_api import Browser, BrowserContext, Locator, Page, Playwright

from small import COMMAND, environment

Ink = Sequence[NDArray[np.float64]]
INK = Path(__file__).parent / "ink.json"
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
SERVES = re.compile(r"allograph serves (http://\S+)")


def chromium_path() -> str | None:
    """`$CHROMIUM`, or chromium on PATH."""
    return os.environ.get("CHROMIUM") or shutil.which("chromium")


def launched(playwright: Playwright) -> Browser:
    """The machine's own Chromium, headless."""
    return playwright.chromium.launch(executable_path=chromium_path(), args=list(FLAGS))


def our_ink() -> dict[str, Ink]:
    """Each character of ours, by its label; the sheet is 100 × 100."""
    characters = json.loads(INK.read_text(encoding="utf-8"))
    return {one["label"]: [np.array(stroke, np.float64) for stroke in one["ink"]] for one in characters}


def varied(ink: Ink, seed: int) -> Ink:
    """The same character, written another time: leaning, stretched and trembling a little otherwise."""
    random = np.random.default_rng(seed)
    lean, turn = random.normal(0, 0.05), random.normal(0, 0.04)
    wide, high = 1 + random.normal(0, 0.06, 2)
    matrix = np.array([[wide, lean + turn], [-turn, high]])
    return [(stroke - 50) @ matrix.T * 0.9 + 50 + random.normal(0, 0.4, stroke.shape) for stroke in ink]


class Service(NamedTuple):
    """A service that runs."""

    address: str
    process: subprocess.Popen[str]

    def stop(self) -> None:
        """Ask it to end, and wait."""
        self.process.terminate()
        self.process.wait(timeout=30)


def serve(store: str | Path, *options: str, port: int = 0) -> Service:
    """Start `allograph serve` on this machine, any free port unless said; wait until it answers."""
    command = [*COMMAND, "serve", "--port", str(port), "--store", str(store), "--log-level", "error", *options]
    process = subprocess.Popen(command, env=environment(), stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    said = ""
    for line in process.stderr:
        said += line
        if found := SERVES.search(line):
            return Service(found[1], process)
    raise RuntimeError(f"the service did not start: {said}")


@contextmanager
def serving(store: str | Path, *options: str, port: int = 0) -> Iterator[Service]:
    """A service for as long as the block lasts."""
    service = serve(store, *options, port=port)
    try:
        yield service
    finally:
        if service.process.poll() is None:
            service.stop()


def write(page: Page, ink: Ink, sheet: Locator | str = "#character-pad", share: float = 0.86) -> None:
    """Draw strokes (on a sheet of 100 × 100) with the mouse; each stroke ends with the pen lifted."""
    locator = page.locator(sheet) if isinstance(sheet, str) else sheet
    locator.scroll_into_view_if_needed()
    box = locator.bounding_box()
    assert box is not None
    side = share * min(box["width"], box["height"])
    left, top = box["x"] + (box["width"] - side) / 2, box["y"] + (box["height"] - side) / 2
    for stroke in ink:
        places = [(left + x / 100 * side, top + y / 100 * side) for x, y in stroke.tolist()]
        page.mouse.move(*places[0])
        page.mouse.down()
        for place in places[1:]:
            page.mouse.move(*place)
        page.mouse.up()


def reads(page: Page, room: str = "character") -> tuple[str, str]:
    """What the answer says: for this writer, and for everybody."""
    glyphs = page.locator(f"#{room}-answer .reading > .glyph")
    return glyphs.nth(0).inner_text(), glyphs.nth(1).inner_text()


def problems_of(context: BrowserContext) -> list[str]:
    """What the browser complains of from now on: errors, warnings, and violations of the content security policy.

    That the service does not know somebody who was asked for is no complaint.
    """
    found: list[str] = []

    def heard(message: Any) -> None:
        unknown = "404" in message.text and "/v1/writers/" in message.location["url"]
        asked_for_key = "401" in message.text
        if message.type in ("error", "warning") and not (unknown or asked_for_key):
            found.append(f"{message.type}: {message.text} ({message.location['url']})")

    context.on("console", heard)
    context.on("weberror", lambda error: found.append(f"exception: {error.error}"))
    context.problems = found  # type: ignore[attr-defined]
    return found


def open_page(context: BrowserContext, address: str, name: str = "character") -> Page:
    """The page in a new window, ready."""
    page = context.new_page()
    page.goto(f"{address}/#{name}")
    page.wait_for_selector(f"html[data-ready={name}]")
    return page


def unlikely_label(service: Service, sample: dict[str, Any]) -> str:
    """The letter or digit that a sample, as the page sent it, is least likely to show."""
    answer = httpx.post(f"{service.address}/v1/writers/nobody/read", json={"samples": [sample], "best": 94}).json()
    return [str(one["label"]) for one in answer["readings"][0]["best"] if one["label"].isalnum()][-1]


def room(page: Page, name: str) -> None:
    """Go to a room of the page."""
    page.locator(f".rooms a[href='#{name}']").click()
    page.wait_for_selector(f"html[data-ready={name}]")


def writer_of(page: Page) -> str:
    """The name under which the service knows who writes."""
    found: str = page.evaluate(
        """() => {
            const { writers, current } = JSON.parse(localStorage.getItem("allograph"));
            return (writers.find(({ name }) => name === current) ?? writers[0]).name;
        }"""
    )
    return found


def known(page: Page) -> None:
    """The writer's journal was written by the test: the page cannot know of it."""
    page.evaluate(
        """() => {
            const device = JSON.parse(localStorage.getItem("allograph"));
            device.writers[0].known = true;
            localStorage.setItem("allograph", JSON.stringify(device));
        }"""
    )
    page.reload()
    page.wait_for_selector("html[data-ready]")
