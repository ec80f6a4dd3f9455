// Teach: the service names the characters that help this writer most, and each is written once.

import { say, tell } from "../announce.js";
import { heard } from "../connection.js";
import { recall, remember } from "../device.js";
import { byId, counted, fill, icon, make, percent } from "../dom.js";
import { question } from "../doubt.js";
import * as drawings from "../drawing.js";
import { nameOf } from "../labels.js";
import { Pad } from "../pad.js";
import { patience, paused } from "../pause.js";
import * as service from "../service.js";
import { drawingsOf } from "../shelf.js";
import { current, turns } from "../writers.js";

const ROUND = 12;

let round = null;
let pad = null;
let drawing = null;
let pause = null;
let lifted = 0;

/** Build the room, once. */
export async function open() {
    turns.addEventListener("change", enter);
    await enter();
}

/** A round that was stopped goes on; else the service is asked what to teach. */
export async function enter() {
    clearTimeout(pause);
    drawing = null;
    for (const left of await drawingsOf(current().name)) if (left.room === "teach") await drawings.discard(left);
    round = recall("rounds", {})[current().name] ?? null;
    if (round) return showStart();
    fill(byId("teach-body"), make("p", { class: "hush" }, "One moment …"));
    await newRound();
}

async function newRound() {
    try {
        const { labels, expected } = await heard(service.suggestions(current().name, ROUND));
        round = { labels, expected, done: [], last: null };
    } catch (error) {
        fill(
            byId("teach-body"),
            make("p", {}, `I cannot say yet what to teach: ${error.message}.`),
            make("button", { type: "button", onclick: enter }, "Try again"),
        );
        return;
    }
    showStart();
}

function keepRound() {
    const rounds = { ...recall("rounds", {}) };
    if (round?.labels.length && round.done.length) rounds[current().name] = round;
    else delete rounds[current().name];
    remember("rounds", rounds);
}

const total = () => round.done.length + round.labels.length;

function showStart() {
    const resumed = round.done.length > 0;
    fill(
        byId("teach-body"),
        make(
            "div",
            { class: "card teach-start" },
            expectation(),
            make("h2", {}, resumed ? `${counted(round.labels.length, "character")} left` : "I would ask for these"),
            make("ul", { class: "wanted" }, round.labels.map(wanted)),
            make("button", { type: "button", class: "primary", id: "teach-go", onclick: ask }, resumed ? "Go on" : "Begin"),
            resumed && make("button", { type: "button", onclick: restart }, "Ask for others"),
        ),
    );
}

function wanted({ label, reason, with: other }) {
    const text = {
        confused: `I take yours for ${other}`,
        alike: `looks like ${other}`,
        unseen: "not seen yet",
        few: "seldom seen",
    }[reason];
    return make("li", {}, make("b", { class: "glyph" }, label), make("small", {}, text));
}

const asks = (reason, other) =>
    ({
        confused: `I took yours for ${nameOf(other ?? "")}.`,
        alike: `It looks like ${nameOf(other ?? "")}: one is learned by the other.`,
        unseen: "I have not seen yours yet.",
        few: "I have seen few of yours.",
    })[reason];

/** The accuracy now and after the round, in words and as a bar. */
function expectation() {
    const { now, after } = round.expected ?? {};
    if (typeof now !== "number") return null;
    const bar = make(
        "div",
        { class: "expected-bar", "aria-hidden": "true" },
        make("span", { class: "after" }),
        make("span", { class: "now" }),
    );
    bar.firstChild.style.inlineSize = `${100 * after}%`;
    bar.lastChild.style.inlineSize = `${100 * Math.min(now, after)}%`;
    const grows = percent(after) !== percent(now) && after > now;
    const then = grows
        ? [", and ", make("b", {}, percent(after)), " afterwards."]
        : [". The first few lay the ground; after them it grows."];
    return make(
        "div",
        { class: "expected" },
        make("p", {}, "I expect to read ", make("b", {}, percent(now)), " of your characters now", then),
        bar,
    );
}

async function restart() {
    round = null;
    keepRound();
    await newRound();
}

/** Ask for the next character. */
function ask() {
    keepRound();
    if (!round.labels.length) return showEnd();
    const [{ label, reason, with: other }] = round.labels;
    const canvas = make("canvas", {
        id: "teach-pad",
        tabIndex: 0,
        role: "application",
        "aria-label": `Sheet to write ${nameOf(label)} on`,
        "aria-describedby": "write-keys",
    });
    fill(
        byId("teach-body"),
        make(
            "div",
            { class: "card asking" },
            make(
                "div",
                { class: "ask" },
                make("p", { class: "hush", id: "teach-left" }, `${round.done.length + 1} of ${total()}`),
                make("progress", { max: total(), value: round.done.length, "aria-labelledby": "teach-left" }),
                make("h2", {}, "Write ", make("b", { class: "glyph wanted-label", id: "teach-label" }, label)),
                make("p", { class: "name" }, nameOf(label)),
                make("p", { class: "hush" }, asks(reason, other)),
                make("p", { class: "last", id: "teach-last" }, last()),
            ),
            make("div", { class: "paper" }, canvas),
            make(
                "div",
                { class: "tools" },
                make("button", { type: "button", onclick: clear }, icon("clear"), "Clear"),
                make(
                    "button",
                    { type: "button", id: "teach-undo", disabled: !round.last, onclick: undo },
                    icon("undo"),
                    "Undo the last",
                ),
                make("button", { type: "button", id: "teach-skip", onclick: skip }, "Skip"),
                make(
                    "button",
                    { type: "button", id: "teach-done", class: "primary", onclick: () => drawing && taught() },
                    "Done",
                ),
                make("button", { type: "button", id: "teach-stop", onclick: stop }, "Stop for now"),
            ),
            expectation(),
        ),
    );
    scrollTo(0, 0);
    pad = new Pad(canvas);
    drawing = null;
    pad.addEventListener("down", down);
    pad.addEventListener("lift", lift);
    pad.addEventListener("enter", () => drawing && taught());
    pad.addEventListener("backspace", clear);
    pad.addEventListener("escape", clear);
    pad.focus();
    say(`${round.last?.doubtful ? last() : ""} Write ${nameOf(label)}.`.trim());
}

function last() {
    if (!round.last) return "";
    const { label, read, was, doubtful } = round.last;
    if (doubtful) return `${question(label)} If not, undo the last.`;
    if (was === null) return `Kept your ${nameOf(label)}.`;
    return was === label
        ? `I read your ${nameOf(label)} rightly.`
        : `I had read ${nameOf(was)}; now I know ${read ?? nameOf(label)}.`;
}

function down() {
    clearTimeout(pause);
    if (drawing) paused(performance.now() - lifted);
    drawing ??= drawings.newDrawing(current().name, "teach");
}

async function lift() {
    lifted = performance.now();
    drawings.draw(drawing, pad);
    await drawings.keep(drawing);
    clearTimeout(pause);
    pause = setTimeout(() => drawing && !pad.drawing && taught(), patience() + 300);
}

/** The pause ended the character: learn it, and ask for the next. */
async function taught() {
    clearTimeout(pause);
    const [here, wish] = [drawing, round.labels[0]];
    drawing = null;
    await drawings.readDrawing(here, { why: false });
    if (!(await drawings.correctDrawing(here, wish.label))) return ask();
    round.labels = round.labels.slice(1);
    round.last = { id: here.id, label: wish.label, was: here.reading?.label ?? null, doubtful: here.doubtful, wish };
    round.done = [...round.done, wish];
    await drawings.discard(here);
    ask();
}

async function undo() {
    const { id, wish } = round.last;
    try {
        await drawings.undoDrawing({ ...drawings.newDrawing(current().name, "teach"), id });
        await drawings.discard({ id });
    } catch (error) {
        return tell(error.message);
    }
    round.last = null;
    round.done = round.done.slice(0, -1);
    round.labels = [wish, ...round.labels];
    ask();
}

function skip() {
    clearTimeout(pause);
    clear();
    round.labels = round.labels.slice(1);
    ask();
}

function clear() {
    clearTimeout(pause);
    if (drawing) drawings.discard(drawing);
    drawing = null;
    pad.show([]);
    pad.focus();
}

function stop() {
    clear();
    keepRound();
    showStart();
    byId("teach-go").focus();
}

async function showEnd() {
    const count = round.done.length;
    const { now } = round.expected ?? {};
    round = null;
    keepRound();
    const next = make("div", { class: "expected" });
    fill(
        byId("teach-body"),
        make(
            "div",
            { class: "card teach-end" },
            make("h2", { tabIndex: -1, id: "teach-over" }, `Thank you. I learned ${counted(count, "character")} of yours.`),
            next,
            make(
                "div",
                { class: "tools" },
                make("button", { type: "button", class: "primary", onclick: enter }, "Teach me more"),
                make("a", { class: "button", href: "#write" }, "Write freely"),
                make("a", { class: "button", href: "#progress" }, "See what I learned"),
            ),
        ),
    );
    byId("teach-over").focus();
    say(`Thank you. I learned ${counted(count, "character")} of yours.`);
    try {
        const { expected } = await heard(service.suggestions(current().name, ROUND));
        if (typeof now === "number") {
            fill(
                next,
                make(
                    "p",
                    {},
                    "I expect to read ",
                    make("b", {}, percent(expected.now)),
                    ` of your characters now; it was ${percent(now)}.`,
                ),
            );
        }
    } catch {
        next.remove();
    }
}
