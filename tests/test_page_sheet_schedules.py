"""Random schedules on the sheet: short words, corrected at the spot, scratched out and written over, while everything fails.

Whoever writes looks at all rows as time passes, and puts right at once what is shown wrongly. At the end the service must know
only labels of what stands on the sheet, all that was said among them, and every stroke must be kept and read. How one is followed
again stands in `test_page_schedules`.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Browser, BrowserContext

from handwriting import our_ink, varied, writer_of
from schedules import Schedule, follow, journal, seeds
from troubled import Trouble

INK = our_ink()
LETTERS = "abcdeghlopsz2378"
OVER = "eoc3"
CHARACTERS = 20
ROWS = 4
SCALE, BASELINE, GAP, SPACE = 0.55, 80, 16, 55
GLANCE = 800
"""Milliseconds after which all rows are looked at: less than a reading has to be seen to be taken as right."""
LOOK = """() => [...document.querySelectorAll("#sheet-text .text-row")].map((row) => ({
    row: Number(row.getAttribute("aria-label").split(" ")[1]) - 1,
    notice: row.querySelector(".line-notice").textContent,
    characters: [...row.querySelectorAll(".char")].map((one) => ({
        label: one.textContent,
        stale: one.classList.contains("stale"),
        said: one.classList.contains("said"),
    })),
}))"""
KEPT = """async (writer) => {
    const { recordsOf, letters } = await import("/static/js/store.js");
    const { isRead, isWhole, textOf, charactersOf } = await import("/static/js/sheet/line.js");
    const lines = (await recordsOf("lines", writer)).map((one) => ({
        row: one.row,
        strokes: one.strokes.map(({ points }) => points[0][0]),
        isRead: isRead(one),
        isWhole: isWhole(one),
        text: textOf(charactersOf(one)),
        owes: one.owes,
        waits: one.waits,
        unlearned: one.unlearned,
        refused: one.refused,
    }));
    return { lines, letters: (await letters()).map(({ kind }) => kind) };
}"""


@dataclass
class Character:
    """One that stands on the sheet; its strokes are in the sheet's pixels, from the top of its row."""

    label: str
    strokes: list[Any]
    said: bool = False

    @property
    def box(self) -> tuple[Any, Any]:
        """Its least and greatest x and y."""
        points = np.concatenate(self.strokes)
        return points.min(axis=0), points.max(axis=0)


@dataclass
class Row:
    """A row of characters, from left to right."""

    characters: list[Character] = field(default_factory=list)

    @property
    def end(self) -> float:
        """Where its ink ends."""
        return float(max((one.box[1][0] for one in self.characters), default=20 - SPACE * SCALE))

    @property
    def labels(self) -> list[str]:
        """What it shows."""
        return [one.label for one in self.characters]


class Hand(Schedule):
    """Somebody who writes lines, and remembers everything."""

    room = "sheet"

    def __init__(self, context: BrowserContext, trouble: Trouble, random: Random) -> None:
        super().__init__(context, trouble, random)
        self.rows = [Row() for _ in range(ROWS)]
        self.count = 0

    def draw(self, row: int, strokes: list[Any]) -> None:
        """Strokes in a row; what is shown is looked at when they are a character."""
        box = self.page.locator("#sheet-page").bounding_box()
        pitch = self.page.evaluate(
            "parseFloat(getComputedStyle(document.querySelector('#sheet-page')).getPropertyValue('--pitch'))"
        )
        assert box is not None
        for stroke in strokes:
            self.stroke("sheet-pad", stroke + np.array([box["x"], box["y"] + row * pitch]))
            super().pass_time(40)

    def pass_time(self, milliseconds: int) -> None:
        """Time passes, and whatever is shown wrongly meanwhile is put right at once."""
        while milliseconds > 0:
            super().pass_time(min(milliseconds, GLANCE))
            milliseconds -= GLANCE
            self.put_right()

    def put_right(self) -> None:
        """Say what is shown wrongly, until nothing is."""
        for _ in range(2 * CHARACTERS):
            if (shown := self.shown_wrongly()) is None:
                return
            row, read = self.rows[shown["row"]], shown["characters"]
            if len(read) == len(row.labels):
                self.correct(shown["row"], next(i for i, one in enumerate(read) if one["label"] != row.labels[i]))
            else:
                self.type_all(shown["row"])
        raise AssertionError(f"what is said does not stand: {shown}")

    def shown_wrongly(self) -> dict[str, Any] | None:
        """A row whose text is not what stands there, if all of it is read."""
        for shown in self.page.evaluate(LOOK):
            row = self.rows[shown["row"]]
            read = "".join(one["label"] for one in shown["characters"])
            is_whole = not any(one["stale"] for one in shown["characters"])
            if read != "".join(row.labels) and is_whole and not shown["notice"].startswith("Your text"):
                return dict(shown)
        return None

    def correct(self, row: int, place: int) -> None:
        """A character, at the spot."""
        one = self.rows[row].characters[place]
        self.note(f"say {one.label} in {''.join(self.rows[row].labels)}")
        chars = self.page.get_by_role("group", name=f"Line {row + 1}", exact=True).locator(".char")
        chars.nth(place).click()
        offered = self.page.locator(".mend-others button").filter(
            has_text=re.compile(f"^{re.escape(one.label)}")
        )  # a text alone would find c for C
        if offered.count() == 1 and self.random.random() < 0.7:
            offered.click()
        else:
            self.page.get_by_label("It is", exact=True).fill(one.label)
            self.page.keyboard.press("Enter")
        one.said = True
        shown = chars.all_inner_texts()
        assert shown[place] == one.label, f"what was said is not shown at once, but {shown}"

    def type_all(self, row: int) -> None:
        """All of a row, that was cut wrongly."""
        self.note(f"type {''.join(self.rows[row].labels)}")
        line = self.page.get_by_role("group", name=f"Line {row + 1}", exact=True)
        line.get_by_role("button", name="Type the whole line").click()
        self.page.get_by_label("This line says", exact=True).fill("".join(self.rows[row].labels))
        self.page.keyboard.press("Enter")
        super().pass_time(50)

    # What is done

    def write(self) -> None:
        """A word, in a new row or behind another."""
        at = self.random.choice([i for i, row in enumerate(self.rows) if row.end < 700])
        row = self.rows[at]
        word = "".join(self.random.choices(LETTERS, k=self.random.randrange(1, 5)))
        self.note(f"write {word} in row {at}")
        x = row.end + SPACE * SCALE
        for label in word:
            ink = [stroke * SCALE for stroke in varied(INK[label], self.random.randrange(10**6))]
            points = np.concatenate(ink)
            moved = [stroke + np.array([x - points[:, 0].min(), BASELINE - 88 * SCALE]) for stroke in ink]
            self.draw(at, moved)
            row.characters.append(Character(label, moved))
            x = row.end + GAP * SCALE
            self.count += 1
        self.pass_time(self.random.choice([100, 800, 3000]))

    def last(self) -> tuple[int, Row] | None:
        """A row that has a last character, all of it read and shown rightly."""
        shown = {one["row"]: one["characters"] for one in self.page.evaluate(LOOK)}
        some = [
            (at, row)
            for at, row in enumerate(self.rows)
            if row.characters and [(one["label"], one["stale"]) for one in shown.get(at, [])] == [(x, False) for x in row.labels]
        ]
        return self.random.choice(some) if some else None

    def scratch(self) -> None:
        """The last character of a row goes; perhaps it is brought back."""
        if (found := self.last()) is None:
            return
        at, row = found
        one = row.characters[-1]
        self.note(f"scratch {one.label} out in row {at}")
        low, high = one.box
        ways = [[low[0] - 4 if i % 2 else high[0] + 4, low[1] + (high[1] - low[1]) * i / 7] for i in range(8)]
        row.characters.pop()
        self.draw(at, [np.concatenate([np.linspace(here, there, 8) for here, there in pairwise(ways)])])
        self.undo_perhaps(lambda: row.characters.append(one), row.characters.pop)

    def write_over(self) -> None:
        """Another character in place of the last of a row."""
        if (found := self.last()) is None:
            return
        at, row = found
        old = row.characters[-1]
        low, high = old.box
        if high[0] - low[0] < 12:
            return
        label = self.random.choice(OVER)
        self.note(f"write {label} over {old.label} in row {at}")
        self.pass_time(2000)
        (ink,) = varied(INK[label], self.random.randrange(10**6))
        new = Character(label, [(ink - ink.min(axis=0)) / np.ptp(ink, axis=0) * (high - low) + low])
        row.characters[-1] = new
        self.draw(at, new.strokes)
        self.undo_perhaps(lambda: row.characters.__setitem__(-1, old), lambda: row.characters.__setitem__(-1, new))

    def undo_perhaps(self, undone: Any, redone: Any) -> None:
        """Undo the last gesture, and perhaps do it again."""
        for key, work in [("Control+z", undone), ("Control+y", redone)]:
            if self.random.random() < 0.6:
                return
            self.note(key)
            self.page.locator("#sheet-pad").focus()
            self.page.keyboard.press(key)
            work()
            self.pass_time(100)

    def visit(self) -> None:
        """Another room, and back."""
        name = self.random.choice(["progress", "data", "character"])
        self.note(f"visit {name}")
        for room in (name, "sheet"):
            self.page.locator(f".rooms a[href='#{room}']").click()
            self.page.wait_for_selector(f"html[data-room={room}]")
            super().pass_time(100)

    def long_pause(self) -> None:
        """Longer than a request may take, and than a line is held open."""
        self.note("a long pause")
        self.pass_time(self.random.choice([5_000, 25_000]))

    def run(self) -> None:
        """Random steps, until all characters are written."""
        others = {
            self.trouble_begins: 5,
            self.trouble_ends: 4,
            self.kill: 1,
            self.scratch: 2,
            self.write_over: 2,
            self.reload: 2,
            self.visit: 1,
            self.long_pause: 1,
        }
        while self.count < CHARACTERS:
            for step in self.random.choices(list(others), list(others.values()), k=self.random.randrange(4)):
                step()
            self.write()

    def come_to_rest(self) -> None:
        """Everything works again, and time passes until all is read and sent."""
        self.note("the end: everything works again")
        self.trouble.heal()
        name = writer_of(self.page)

        def rests() -> bool:
            kept = self.page.evaluate(KEPT, name)
            return not kept["letters"] and all(
                (one["isRead"] or one["refused"]) and not one["waits"] and not one["owes"] for one in kept["lines"]
            )

        self.pass_time(25_000)  # until what was changed last is left, too
        self.wait(rests, "that all is read and sent", 400, 150)


def check(hand: Hand) -> None:
    """Nothing wrong is learned, and nothing is lost."""
    name = writer_of(hand.page)
    kept = {one["row"]: one for one in hand.page.evaluate(KEPT, name)["lines"]}
    problems = []
    for at, row in enumerate(hand.rows):
        drawn = sorted(round(float(stroke[0][0]), 1) for one in row.characters for stroke in one.strokes)
        there = sorted(round(x, 1) for x in kept[at]["strokes"]) if at in kept else []
        if len(drawn) != len(there) or any(abs(one - other) > 1 for one, other in zip(drawn, there, strict=True)):
            problems.append(f"row {at} has strokes at {there}, not at {drawn}")
        if at in kept and kept[at]["text"].replace(" ", "") != "".join(row.labels):
            problems.append(f"row {at} is kept as {kept[at]['text']}, not as {''.join(row.labels)}")
    learned = journal(hand.trouble.address, name)
    stand = Counter(label for row in hand.rows for label in row.labels)
    if wrong := Counter(one["label"] for one in learned) - stand:
        problems.append(f"learned and not there: {dict(wrong)}")
    taught = [row for at, row in enumerate(hand.rows) if at in kept and not kept[at]["unlearned"]]
    said = Counter(one.label for row in taught for one in row.characters if one.said)
    if lost := said - Counter(one["label"] for one in learned if not one["implicit"]):
        problems.append(f"said and not learned: {dict(lost)}")
    assert problems == []


@pytest.mark.slow
@pytest.mark.parametrize("seed", seeds(5))
def test_nothing_wrong_is_learned_of_lines_and_nothing_is_lost(browser: Browser, tmp_path: Path, seed: int) -> None:
    follow(browser, tmp_path, seed, Hand, check)
