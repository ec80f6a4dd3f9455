"""Random schedules of somebody who writes on the page while everything fails, each known by its seed."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any, TypeVar

import httpx
import numpy as np
from numpy.typing import NDArray
from playwright.sync_api import Browser, BrowserContext, Page

from handwriting import open_page, problems_of
from troubled import TROUBLES, Trouble

DRAW = """([id, points]) => {
    const pad = document.getElementById(id);
    points.forEach(([clientX, clientY], i) => {
        const kinds = [i === 0 && "pointerdown", i > 0 && "pointermove", i === points.length - 1 && "pointerup"].filter(Boolean);
        const where = { pointerId: 1, pointerType: "mouse", clientX, clientY, button: 0, pressure: 0.5, bubbles: true };
        for (const kind of kinds) pad.dispatchEvent(new PointerEvent(kind, { ...where, cancelable: true }));
    });
}"""


class Schedule:
    """Random steps of somebody who writes in a room of the page; its clock goes on only as the test lets it."""

    room: str

    def __init__(self, context: BrowserContext, trouble: Trouble, random: Random) -> None:
        self.context, self.trouble, self.random = context, trouble, random
        self.steps: list[str] = []
        context.clock.install()
        self.page = self.open()
        self.page.evaluate("navigator.serviceWorker.ready.then(() => true)")
        context.clock.pause_at(self.page.evaluate("Date.now() + 1000"))

    def run(self) -> None:
        """All steps."""
        raise NotImplementedError

    def come_to_rest(self) -> None:
        """Everything works again, and time passes until all is read and sent."""
        raise NotImplementedError

    def open(self) -> Page:
        """Another window."""
        return open_page(self.context, self.trouble.address, self.room)

    def stroke(self, sheet: str, points: NDArray[np.float64]) -> None:
        """Draw a stroke, in the window's pixels, on a sheet."""
        self.page.evaluate(DRAW, [sheet, points.tolist()])

    def note(self, step: str) -> None:
        """A step, told where the schedule fails."""
        self.steps.append(f"{self.context.pages.index(self.page)}: {step}")

    def pass_time(self, milliseconds: int) -> None:
        """The page's clock goes on, and what was answered meanwhile arrives."""
        self.context.clock.run_for(milliseconds)
        if milliseconds >= 50:
            self.page.wait_for_timeout(15)
            self.context.clock.run_for(20)

    def wait(self, condition: Callable[[], bool], what: str, step: int = 50, times: int = 400) -> None:
        """Let time pass until something is so."""
        for _ in range(times):
            if condition():
                return
            self.pass_time(step)
        raise AssertionError(f"never came: {what}")

    def reload(self) -> None:
        """The page, from whoever has it."""
        self.note("reload")
        self.page.reload()
        self.page.wait_for_selector(f"html[data-ready={self.room}]")

    def trouble_begins(self) -> None:
        """The network is another from now on."""
        mode = self.random.choice(TROUBLES)
        self.note(f"network: {mode}")
        self.trouble.begin(mode)

    def trouble_ends(self) -> None:
        """What is late goes on, and requests arrive again."""
        share = self.random.choice([0.5, 1.0])
        self.note(f"network: {share:.0%} of what is late goes on")
        self.trouble.let_go(share)
        if share == 1.0:
            self.trouble.begin("fine")
        self.pass_time(60)

    def kill(self) -> None:
        """The service ends, and is there again after a while."""
        if not self.trouble.is_up:
            self.note("start the service")
            self.trouble.start()
        else:
            self.note("kill the service")
            self.trouble.kill()


def seeds(usual: int) -> list[int]:
    """The schedules that are to run."""
    if one := os.environ.get("ALLOGRAPH_SCHEDULE"):
        first, _, last = one.partition("-")
        return list(range(int(first), int(last or first) + 1))
    return list(range(int(os.environ.get("ALLOGRAPH_SCHEDULES", usual))))


def journal(address: str, writer: str) -> list[dict[str, Any]]:
    """What the service knows of a writer."""
    answer = httpx.get(f"{address}/v1/writers/{writer}/corrections", params={"limit": 500, "images": "no"})
    return answer.json()["corrections"] if answer.status_code == 200 else []


Of = TypeVar("Of", bound=Schedule)


def follow(browser: Browser, folder: Path, seed: int, schedule: type[Of], check: Callable[[Of], None]) -> None:
    """Follow one schedule in a browser profile that nobody wrote in, and check what came of it."""
    random = Random(seed)
    context = browser.new_context(viewport={"width": 1280, "height": 860}, reduced_motion="reduce")
    context.set_default_timeout(10_000)
    context.add_init_script("Element.prototype.setPointerCapture = () => {}")  # made-up pointers cannot be captured
    problems = problems_of(context)
    trouble = Trouble(context, folder / "writers.db", random)
    try:
        hand = schedule(context, trouble, random)
        try:
            hand.run()
            hand.come_to_rest()
            check(hand)
        except Exception as error:
            steps = "\n".join(hand.steps)
            raise AssertionError(f"ALLOGRAPH_SCHEDULE={seed}: {error}\n{steps}") from error
        assert [one for one in problems if "Failed to load resource" not in one] == []
    finally:
        context.close()
        trouble.close()
