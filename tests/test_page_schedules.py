"""Random schedules: 20 characters of real ink in one or two windows, while the network and the service fail in every way.

Whoever writes always knows what they wrote and says nothing else, and puts right what is shown wrongly before they go on. At the
end the service must know just what was said or rightly left standing, and the page every character, read and counted. The page's
clock is the test's. `ALLOGRAPH_SCHEDULES=200` follows that many; `ALLOGRAPH_SCHEDULE=17` follows one, `=17-40` some; where one
fails, its steps are told.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext

from handwriting import Ink, our_ink, varied, writer_of
from schedules import Schedule, follow, journal, seeds
from troubled import Trouble

INK = our_ink()
LABELS = sorted(set(INK) - {"m"})  # a wide character of several strokes is asked about as a line of them
CHARACTERS = 20
COMPLETE = 3100
"""Milliseconds after which a character is complete, however slowly its writer writes."""
WITHIN = 600
"""The longest pause within one."""

LOOK = """() => {
    const card = document.getElementById("character-answer");
    const text = (what) => card.querySelector(what)?.textContent ?? null;
    return {
        picture: card.querySelector(".whose canvas")?.toDataURL() ?? null,
        reads: text(".verdict .right .glyph"),
        settled: text(".settled p b"),
        doubted: card.querySelector(".doubt") !== null,
        offered: [...card.querySelectorAll(".alternatives .glyph")].map(({ textContent }) => textContent),
    };
}"""
KEPT = """async (writer) => {
    const { recordsOf, letters } = await import("/static/js/store.js");
    const { picture } = await import("/static/js/ink.js");
    const drawings = (await recordsOf("drawings", writer)).map((one) => ({
        id: one.id,
        picture: picture(one.strokes).toDataURL(),
        status: one.status,
        label: one.label,
        waits: one.waits,
        reads: one.reading?.label ?? null,
        isRead: one.reading !== null && one.readRevision === one.revision,
        first: one.first?.label ?? null,
    }));
    const outcomes = await recordsOf("outcomes", writer);
    return { drawings, outcomes, letters: (await letters()).map(({ kind, writer }) => [kind, writer]) };
}"""
TRAY = """() => [...document.querySelectorAll("#recent-list button canvas")].map((canvas) => canvas.toDataURL())"""


@dataclass
class Character:
    """One that was written, and what its writer said of it."""

    label: str
    ink: Ink
    said: bool = False
    gone: bool = False
    pictures: list[str] = field(default_factory=list)
    """As the card shows it, after each stroke."""


class Hand(Schedule):
    """Somebody who writes in windows of one browser, and remembers everything."""

    room = "character"

    def __init__(self, context: BrowserContext, trouble: Trouble, random: Random) -> None:
        super().__init__(context, trouble, random)
        self.written: list[Character] = []
        self.erased: list[str] = []

    # What is seen

    def of_picture(self, picture: str | None) -> Character | None:
        """Whose ink is shown."""
        return next((one for one in self.written if picture in one.pictures), None)

    def look(self) -> tuple[Character | None, dict[str, Any]]:
        """The card: which character, and what is said of it."""
        card = self.page.evaluate(LOOK)
        shown = self.of_picture(card["picture"])
        assert shown or card["picture"] is None, "the card shows ink that nobody wrote"
        return shown, card

    def put_right(self) -> None:
        """Before going on, say what is shown wrongly; a person who said it already does not look again."""
        shown, card = self.look()
        if shown is None or shown.said:
            return
        if (card["settled"] or card["reads"] or shown.label) != shown.label:
            self.say()

    # What is done

    def write(self, at_once: bool = False) -> None:
        """The next character, stroke by stroke, once the one before is complete."""
        label = self.random.choice(LABELS)
        one = Character(label, varied(INK[label], self.random.randrange(10**6)))
        joins = len(one.ink) > 1 and not at_once and self.random.random() < 0.15
        self.note(f"write {label}" + (" with too long a pause" if joins else ""))
        self.pass_time(COMPLETE)
        self.put_right()
        self.written.append(one)
        for i, stroke in enumerate(one.ink):
            if i:
                self.pass_time(COMPLETE if joins and i == 1 else self.random.randrange(30, WITHIN))
            self.draw(stroke)
            one.pictures.append(self.page.evaluate(LOOK)["picture"])
            if joins and i == 1:
                self.page.locator("#character-join").click()
                self.wait(lambda: self.page.evaluate(LOOK)["picture"] not in one.pictures, "the joined character")
                one.pictures.append(self.page.evaluate(LOOK)["picture"])
        if not at_once:
            self.pass_time(self.random.choice([40, 400, COMPLETE]))

    def draw(self, stroke: Any) -> None:
        """A stroke on the sheet, all of its events at once."""
        box = self.page.locator("#character-pad").bounding_box()
        assert box is not None
        side = 0.86 * min(box["width"], box["height"])
        left, top = box["x"] + (box["width"] - side) / 2, box["y"] + (box["height"] - side) / 2
        self.stroke("character-pad", stroke * side / 100 + [left, top])

    def say(self) -> None:
        """What the character on the card is, in one of the ways that there are."""
        shown, card = self.look()
        if shown is None or card["picture"] != shown.pictures[-1]:
            return
        label = shown.label
        ways = ["key", "other"]
        if card["reads"] == label:
            ways += ["confirm", "enter"]
        elif label in card["offered"]:
            ways += ["tap"] * 3
        way = self.random.choice(ways)
        self.note(f"say {label} by {way}")
        page, answer = self.page, self.page.locator("#character-answer")
        if way == "key":
            page.locator("#character-pad").focus()
            page.keyboard.type(label)
        elif way == "enter":
            page.locator("#character-pad").press("Enter")
        elif way == "confirm":
            answer.locator(".right").click()
        elif way == "tap":
            answer.locator(".alternatives button", has=page.locator(f"b:text-is({label!r})")).click()
        else:
            answer.get_by_role("button", name="Other").or_(answer.get_by_role("button", name="What is it?")).or_(
                answer.get_by_role("button", name="It is something else")
            ).click()
            self.wait(lambda: page.locator("dialog.picker").count() > 0, "the labels to choose from")
            page.locator("#picker-typed").fill(label)
            page.locator("dialog.picker button[type=submit]").click()
        shown.said = True
        self.wait(lambda: self.page.evaluate(LOOK)["settled"] == label, "the label that was said", 10, 20)

    def choose(self) -> None:
        """Look again at a character that was written before."""
        self.put_right()
        self.pass_time(30)
        self.put_right()
        tray = self.page.evaluate(TRAY)
        if not tray:
            return
        at = self.random.randrange(len(tray))
        chosen = self.of_picture(tray[at])
        assert chosen, "the tray shows ink that nobody wrote"
        self.note(f"look at {chosen.label} again")
        self.page.locator("#recent-list button").nth(at).click()
        if self.random.random() < 0.5:
            self.say()

    def take_back(self) -> None:
        """As if it had never been said, and perhaps said again."""
        shown, card = self.look()
        if shown is None or card["settled"] is None:
            return
        way = self.random.choice(["button", "button and again"])
        self.note(f"take {shown.label} back by {way}")
        self.page.locator("#character-answer [data-act=undo]").click()
        shown.said = False
        if way == "button and again":
            self.pass_time(self.random.randrange(0, 400))
            self.say()

    def say_and_undo(self) -> None:
        """Say it, undo that, and perhaps redo it."""
        shown, card = self.look()
        if shown is None or shown.said or card["settled"] or card["picture"] != shown.pictures[-1]:
            return
        self.say()
        self.pass_time(self.random.choice([0, 300]))
        redo = self.random.random() < 0.5
        self.note("undo" + (" and redo" if redo else ""))
        self.page.keyboard.press("Control+z")
        self.wait(lambda: self.page.evaluate(LOOK)["settled"] is None, "that it is undone")
        shown.said = False
        if redo:
            self.page.keyboard.press("Control+y")
            self.wait(lambda: self.page.evaluate(LOOK)["settled"] == shown.label, "that it is done again")
            shown.said = True

    def undo_strokes(self) -> None:
        """Undo the last stroke, and draw it again; the whole character is on the sheet in the end."""
        self.write(at_once=True)
        one = self.written[-1]
        self.note("undo a stroke and retype it")
        self.page.keyboard.press("Control+z")
        if len(one.ink) > 1:
            self.wait(lambda: self.page.evaluate(LOOK)["picture"] == one.pictures[-2], "that a stroke is undone", 5)
            self.draw(one.ink[-1])
            one.pictures.append(self.page.evaluate(LOOK)["picture"])
        else:
            self.wait(lambda: self.page.evaluate(LOOK)["picture"] is None, "that a stroke is undone", 5)
            self.page.keyboard.press("Control+Shift+z")
            self.wait(lambda: self.page.evaluate(LOOK)["picture"] == one.pictures[-1], "that a stroke is done again", 5)

    def clear(self) -> None:
        """It was never meant; perhaps it is brought back."""
        shown, card = self.look()
        if shown is None or shown.said or card["settled"]:
            return
        back = self.random.random() < 0.5
        self.note(f"clear {shown.label}" + (" and bring it back" if back else ""))
        self.page.locator("#character-clear").click()
        if back:
            self.page.keyboard.press("Control+z")
            self.wait(lambda: self.page.evaluate(LOOK)["picture"] == shown.pictures[-1], "what was brought back")
        else:
            shown.gone = True

    def visit(self) -> None:
        """Another room, and back."""
        name = self.random.choice(["progress", "data", "sheet", "teach"])
        self.note(f"visit {name}")
        for room in (name, "character"):
            self.page.locator(f".rooms a[href='#{room}']").click()
            self.wait(lambda room=room: self.page.locator(f"html[data-room={room}]").count() > 0, room)  # type: ignore[misc]
            self.pass_time(100)

    def rename(self) -> None:
        """Be called otherwise."""
        self.note("rename")
        self.put_right()
        self.page.locator(".rooms a[href='#data']").click()
        self.wait(lambda: self.page.locator("#rename").is_visible(), "the room")
        self.page.locator("#rename").click()
        self.page.locator("#answered-input").fill(f"Ö{self.random.randrange(10**6)}")
        self.page.keyboard.press("Enter")
        self.page.locator(".rooms a[href='#character']").click()
        self.pass_time(50)

    def go_over(self) -> None:
        """To the other window, or a second one."""
        if len(self.context.pages) < 2:
            self.page = self.open() if self.trouble.is_up else self.page
        else:
            self.page = next(other for other in self.context.pages if other is not self.page)
        self.page.bring_to_front()
        self.note("go to this window")

    def toast(self) -> str:
        """What the page tells now."""
        place = self.page.locator("#toast")
        return place.inner_text() if place.is_visible() else ""

    def erase(self) -> None:
        """Everything of this hand; it is tried until it is done."""
        self.note("erase everything")
        name = writer_of(self.page)
        shown = self.page.locator("#erase")
        question = self.page.locator("dialog .danger")
        self.page.locator(".rooms a[href='#data']").click()
        for _ in range(5):
            self.wait(shown.is_visible, "the room")
            if writer_of(self.page) != name:
                break
            shown.click()
            self.wait(question.is_visible, "the question")
            question.click()
            self.wait(lambda: self.toast().endswith("erased.") or "Nothing was erased" in self.toast(), "what became of it", 200)
            self.trouble.heal()
            self.pass_time(3000)
        assert writer_of(self.page) != name, "it was not erased"
        self.erased.append(name)
        for one in self.written:
            one.gone = True
        self.page.locator(".rooms a[href='#character']").click()
        self.pass_time(50)

    # What fails

    def offline(self) -> None:
        """No network for one character."""
        self.note("offline")
        self.trouble.offline(True)
        self.write()
        self.say_sometimes()
        self.note("online")
        self.trouble.offline(False)

    def stall(self) -> None:
        """The service takes requests and does nothing, for one character."""
        self.note("the service stands still")
        self.trouble.stop_for_a_while()
        self.write()
        self.say_sometimes()
        self.note("it goes on")
        self.trouble.go_on()

    def say_sometimes(self) -> None:
        """Of the character on the card."""
        if self.random.random() < 0.6:
            self.say()

    def long_pause(self) -> None:
        """Longer than a request may take."""
        self.note("a long pause")
        self.put_right()
        self.pass_time(16_000)

    # All of it

    def run(self) -> None:
        """Random steps, until all characters are written."""
        others = {
            self.trouble_begins: 5,
            self.trouble_ends: 4,
            self.kill: 1,
            self.offline: 0.5,
            self.stall: 0.5,
            self.choose: 2,
            self.take_back: 1,
            self.say_and_undo: 1,
            self.undo_strokes: 1,
            self.clear: 0.7,
            self.reload: 1,
            self.visit: 1,
            self.rename: 0.3,
            self.go_over: 2,
            self.long_pause: 0.7,
            self.erase: 0.15,
        }
        while len(self.written) < CHARACTERS:
            for step in self.random.choices(list(others), list(others.values()), k=self.random.randrange(3)):
                step()
            self.write()
            self.say_sometimes()

    def come_to_rest(self) -> None:
        """Everything works again, and time passes until all is read and sent."""
        self.note("the end: everything works again")
        self.put_right()
        self.trouble.heal()
        name = writer_of(self.page)

        def rests() -> bool:
            kept = self.page.evaluate(KEPT, name)
            return not kept["letters"] and all(one["isRead"] and not one["waits"] for one in kept["drawings"])

        for _ in range(2):
            self.wait(rests, "that all is read and sent", 500, 150)
            self.pass_time(3000)


def check(hand: Hand) -> None:
    """Nothing wrong is learned, and nothing is lost."""
    name, address = writer_of(hand.page), hand.trouble.address
    kept = hand.page.evaluate(KEPT, name)
    drawings = {one["id"]: (one, hand.of_picture(one["picture"])) for one in kept["drawings"]}
    learned = {one["id"]: one for one in journal(address, name)}
    counted = {one["id"]: one for one in kept["outcomes"]}
    problems = []
    for id in learned.keys() - drawings.keys():
        problems.append(f"learned {learned[id]['label']}, which is not there")
    for id, (drawing, one) in drawings.items():
        if one is None or drawing["picture"] != one.pictures[-1]:
            problems.append(f"ink that nobody wrote is kept, as {drawing['label']}, {drawing['status']}")
            continue
        entry = learned.get(id)
        status = "read" if entry is None else "accepted" if entry["implicit"] else "corrected"
        if one.gone:
            problems.append(f"{one.label} was cleared or erased, and is there")
        if entry and entry["label"] != one.label:
            problems.append(f"{one.label} was learned as {entry['label']}, {status}")
        if one.said and status != "corrected":
            problems.append(f"{one.label} was said, and is {status}")
        if not one.said and status == "corrected":
            problems.append(f"{one.label} was taken back or never said, and is learned")
        if drawing["status"] != status:
            problems.append(f"{one.label} is shown as {drawing['status']}, and is {status}")
        pairs = counted[id]["pairs"] if id in counted else []
        expected = [(drawing["label"] or drawing["first"], drawing["first"])]
        if [(pair["label"], pair["personal"]) for pair in pairs] != expected:
            problems.append(f"{one.label} is counted as {pairs}, not as {expected}")
    for id in counted.keys() - drawings.keys():
        problems.append(f"{counted[id]['pairs']} is counted, and not there")
    for one in hand.written:
        times = sum(other is one for _, other in drawings.values())
        if times != (0 if one.gone else 1):
            problems.append(f"{one.label} is there {times} times")
    for gone in hand.erased:
        left = hand.page.evaluate(KEPT, gone)
        if journal(address, gone) or left["drawings"] or left["outcomes"]:
            problems.append(f"{gone} was erased, and is there")
    if hand.page.locator("#unstored").is_visible():
        problems.append("the page says that nothing is stored")
    assert problems == []


@pytest.mark.slow
@pytest.mark.parametrize("seed", seeds(10))
def test_nothing_wrong_is_learned_and_nothing_is_lost(browser: Browser, tmp_path: Path, seed: int) -> None:
    follow(browser, tmp_path, seed, Hand, check)
