// Teach: the service names the characters that help this writer most, and each is written once.

import { say, tell } from "../announce.js";
import { connection, heard } from "../connection.js";
import { recall, remember } from "../device.js";
import { byId, counted, fill, icon, make, percent } from "../dom.js";
import { question } from "../doubt.js";
import {
    confirmDrawing,
    correctDrawing,
    discard,
    drawings,
    drawingsOf,
    isRead,
    isSettled,
    keepDrawing,
    newDrawing,
    putAway,
    read,
    setStrokes,
    undoDrawing,
} from "../drawing.js";
import { picture } from "../ink.js";
import { nameOf } from "../labels.js";
import { Pad } from "../pad.js";
import { patience, paused } from "../pause.js";
import * as service from "../service.js";
import { current, turns } from "../writers.js";

const ROUND = 12;
/** A sample whose label is so improbable, while another is so probable, looks like nothing of its label. */
const UNLIKE = 0.005;
const CLEAR = 0.6;
const ALL = 200;

let round = null;
let drawing = null;
let pause = null;
let lifted = 0;
/** Drawings of this round that are read, learned or asked about, in the order in which they were finished. */
let finished = [];
let view = null;

/** Build the room, once. */
export async function open() {
    turns.addEventListener("change", () => round?.writer !== current().name && enter());
    drawings.addEventListener("change", ({ drawing: changed }) => changed.wish !== null && consider(changed));
    drawings.addEventListener("doubted", ({ id }) => {
        const doubted = finished.find((other) => other.id === id);
        if (doubted) doubted.doubtful = true;
        showLast();
    });
    connection.addEventListener("back", () => !byId("teach").hidden && !round && enter());
    await enter();
}

/** A round that was stopped goes on; else the service is asked what to teach. */
export async function enter() {
    clearTimeout(pause);
    const writer = current().name;
    const kept = await drawingsOf(writer, "teach");
    if (current().name !== writer) return;
    drawing = null;
    finished = [];
    for (const left of kept) {
        if (left.wish && left.isFinished) {
            finished.push(left);
            if (isRead(left)) consider(left);
            else read(left, () => [], { best: ALL });
        } else await discard(left);
    }
    round = recall("rounds", {})[writer] ?? null;
    if (round) return showStart();
    fill(byId("teach-body"), make("p", { class: "hush" }, "One moment …"));
    await newRound();
}

async function newRound() {
    const writer = current().name;
    try {
        const { labels, expected } = await heard(service.suggestions(writer, ROUND));
        if (current().name !== writer) return;
        round = { writer, labels, expected, done: [] };
    } catch (error) {
        if (current().name !== writer) return;
        round = null;
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
    view ??= askingView();
    if (!view.place.isConnected) fill(byId("teach-body"), view.place);
    const [{ label, reason, with: other }] = round.labels;
    view.left.textContent = `${round.done.length + 1} of ${total()}`;
    [view.bar.max, view.bar.value] = [total(), round.done.length];
    view.label.textContent = label;
    view.name.textContent = nameOf(label);
    view.reason.textContent = asks(reason, other);
    view.canvas.setAttribute("aria-label", `Sheet to write ${nameOf(label)} on`);
    drawing = null;
    view.pad.show([]);
    view.pad.focus();
    showLast();
    say(`Write ${nameOf(label)}.`);
}

/** The sheet and what stands beside it; made once. */
function askingView() {
    const canvas = make("canvas", {
        id: "teach-pad",
        tabIndex: 0,
        role: "application",
        "aria-describedby": "character-keys",
    });
    const left = make("p", { class: "hush", id: "teach-left" });
    const bar = make("progress", { "aria-labelledby": "teach-left" });
    const label = make("b", { class: "glyph wanted-label", id: "teach-label" });
    const name = make("p", { class: "name" });
    const reason = make("p", { class: "hush" });
    const last = make("div", { class: "last", id: "teach-last", role: "status" });
    const undo = make("button", { type: "button", id: "teach-undo", onclick: undoLast }, icon("undo"), "Undo the last");
    const act = (id, text, onclick, look = "") => make("button", { type: "button", id, class: look, onclick }, text);
    const place = make(
        "div",
        { class: "card asking" },
        make("div", { class: "ask" }, left, bar, make("h2", {}, "Write ", label), name, reason, last),
        make("div", { class: "paper" }, canvas),
        make(
            "div",
            { class: "tools" },
            act("teach-clear", "Clear", clear),
            undo,
            act("teach-skip", "Skip", skip),
            act("teach-done", "Done", () => drawing && finish(drawing), "primary"),
            act("teach-stop", "Stop for now", stop),
        ),
    );
    const pad = new Pad(canvas);
    pad.addEventListener("down", down);
    pad.addEventListener("lift", lift);
    pad.addEventListener("enter", () => drawing && finish(drawing));
    pad.addEventListener("backspace", clear);
    pad.addEventListener("escape", clear);
    return { place, canvas, pad, left, bar, label, name, reason, last, undo };
}

function down() {
    clearTimeout(pause);
    if (drawing) paused(performance.now() - lifted);
    drawing ??= newDrawing(current().name, "teach", round.labels[0].label);
}

async function lift() {
    lifted = performance.now();
    const here = drawing;
    if (!here) return view.pad.show([]); // the round ended while the pen was down
    clearTimeout(pause);
    const long = patience() + 300;
    if (long < Infinity) pause = setTimeout(() => here === drawing && !view.pad.drawing && finish(here), long);
    await setStrokes(here, view.pad.strokes, view.pad.measure);
}

/** The character is complete: ask for the next at once, and learn this one when it was read. */
function finish(here) {
    clearTimeout(pause);
    here.isFinished = true;
    keepDrawing(here);
    finished.push(here);
    const [wish] = round.labels;
    round.labels = round.labels.slice(1);
    round.done = [...round.done, { ...wish, id: here.id }];
    read(here, () => [], { best: ALL });
    ask();
}

/** It was read: learn it, unless it looks like nothing of its label; then ask once whether it is meant. */
async function consider(here) {
    if (!here.isFinished || isSettled(here) || here.isAsked) return showLast();
    const { best, label, probability } = here.reading;
    const own = best.find((other) => other.label === here.wish)?.probability ?? 0;
    if (label !== here.wish && own < UNLIKE && probability > CLEAR) {
        here.isAsked = true;
        await keepDrawing(here);
        say(`${doubtOf(here)} Tell me beside the sheet.`);
        return showLast();
    }
    await learn(here);
}

async function learn(here) {
    const done = correctDrawing(here, here.wish);
    showLast();
    await done;
    if (isSettled(here)) await putAway(here);
    showLast();
}

const doubtOf = (here) => `This looks like ${nameOf(here.reading.label)}. Is it your ${nameOf(here.wish)}?`;

/** It was a slip: the character is asked for again. */
async function again(here) {
    finished = finished.filter((other) => other !== here);
    await discard(here);
    const wish = round?.done.find(({ id }) => id === here.id);
    if (wish) {
        round.done = round.done.filter((other) => other !== wish);
        round.labels = [wish, ...round.labels];
    }
    if (round) ask();
}

/** What became of the last ones; and questions, which wait for an answer. */
function showLast() {
    if (!view?.place.isConnected && !byId("teach-questions")) return;
    const place = byId("teach-questions") ?? view.last;
    const asked = finished.filter((here) => here.isAsked && !isSettled(here));
    fill(place, asked.length ? asked.map(questionOf) : lastOf(finished.at(-1)));
    if (view) view.undo.disabled = !finished.length;
}

const questionOf = (here) =>
    make(
        "div",
        { class: "doubt" },
        picture(here.strokes),
        make("p", {}, doubtOf(here)),
        make("button", { type: "button", onclick: () => learn(here).then(() => view.pad.focus()) }, "Yes, it is"),
        make("button", { type: "button", onclick: () => again(here) }, "No, write it again"),
    );

function lastOf(here) {
    if (!here) return "";
    if (here.doubtful) {
        const mean = () => confirmDrawing(here).then(showLast);
        return [
            make("p", {}, `${question(here.wish)} If not, undo the last.`),
            make("button", { type: "button", onclick: mean }, "Yes, it is"),
        ];
    }
    if (!isSettled(here)) return here.reading ? "" : `Kept your ${nameOf(here.wish)}.`;
    if (here.waits || !here.first) return `Kept your ${nameOf(here.wish)}.`;
    return here.first.label === here.wish
        ? `I read your ${nameOf(here.wish)} rightly.`
        : `I had read ${nameOf(here.first.label)}; now I know ${nameOf(here.wish)}.`;
}

async function undoLast() {
    const here = finished.at(-1);
    if (!here) return;
    clear();
    if (isSettled(here)) undoDrawing(here).catch((error) => tell(error.message));
    await again(here);
}

function skip() {
    clear();
    round.labels = round.labels.slice(1);
    ask();
}

function clear() {
    clearTimeout(pause);
    if (drawing) discard(drawing);
    drawing = null;
    view.pad.show([]);
    view.pad.focus();
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
    const { writer } = round;
    round.labels = [];
    keepRound();
    const next = make("div", { class: "expected" });
    fill(
        byId("teach-body"),
        make(
            "div",
            { class: "card teach-end" },
            make("h2", { tabIndex: -1, id: "teach-over" }, `Thank you. I learned ${counted(count, "character")} of yours.`),
            make("div", { id: "teach-questions", class: "last" }),
            next,
            make(
                "div",
                { class: "tools" },
                make("button", { type: "button", class: "primary", onclick: enter }, "Teach me more"),
                make("a", { class: "button", href: "#sheet" }, "Write freely"),
                make("a", { class: "button", href: "#progress" }, "See what I learned"),
            ),
        ),
    );
    showLast();
    byId("teach-over").focus();
    say(`Thank you. I learned ${counted(count, "character")} of yours.`);
    try {
        const { expected } = await heard(service.suggestions(writer, ROUND));
        if (current().name !== writer) return;
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
