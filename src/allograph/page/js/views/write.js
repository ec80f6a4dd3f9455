// Write one character, see what it reads, put it right.

import { say, tell } from "../announce.js";
import { showAnswer } from "../answer.js";
import { connection } from "../connection.js";
import { byId, fill, icon, make } from "../dom.js";
import { question } from "../doubt.js";
import * as drawings from "../drawing.js";
import { asLabel, nameOf } from "../labels.js";
import { labels, ownLabels } from "../model.js";
import { Pad } from "../pad.js";
import { patience, paused } from "../pause.js";
import { pickLabel } from "../picker.js";
import * as service from "../service.js";
import { drawingsOf } from "../shelf.js";
import { showTray } from "../tray.js";
import { current, isKnown, turns } from "../writers.js";

const KEPT = 24;
const JOINABLE = 5000;
const TRIES = [..."g917qIz&"];
/** A reading that is less probable says nothing by being left standing. */
const SURE = 0.8;
const AGAIN = "Learned. Now write the same character once more.";

const pad = new Pad(byId("write-pad"));
const answer = byId("write-answer");

let written = [];
let drawing = null;
let complete = true;
let before = null;
let note = null;
let pause = null;
let lifted = 0;
let reading = null;

/** Build the room, once. */
export async function open() {
    pad.addEventListener("down", down);
    pad.addEventListener("lift", lift);
    pad.addEventListener("label", ({ detail }) => drawing && choose(asLabel(detail)));
    pad.addEventListener("enter", () => drawing && confirm());
    pad.addEventListener("backspace", undoStroke);
    pad.addEventListener("escape", clear);
    byId("write-undo").addEventListener("click", undoStroke);
    byId("write-clear").addEventListener("click", clear);
    byId("write-join").addEventListener("click", join);
    connection.addEventListener("back", readWaiting);
    turns.addEventListener("change", load);
    drawings.doubts.addEventListener("doubted", ({ id }) => ask(written.find((other) => other.id === id)));
    await load();
}

/** What this writer wrote last, as it was left. */
async function load() {
    clearTimeout(pause);
    const kept = (await drawingsOf(current().name)).filter(({ room }) => room === "write");
    for (const old of kept.slice(0, -KEPT)) await drawings.discard(old);
    written = kept.slice(-KEPT);
    drawing = null;
    before = note = null;
    const last = written.at(-1);
    if (last && !drawings.isSettled(last)) select(last);
    else show();
    readWaiting();
}

/** A stroke begins: of this character, or of the next. */
function down() {
    byId("write-prompt").hidden = true;
    clearTimeout(pause);
    if (drawing && !complete) {
        paused(performance.now() - lifted);
        return;
    }
    const last = drawing;
    before = last && !drawings.isSettled(last) && performance.now() - lifted < JOINABLE ? last : null;
    if (last?.status === "read") leaveStanding(last);
    drawing = drawings.newDrawing(current().name);
    written = [...written, drawing].slice(-KEPT);
    complete = false;
    note = null;
    pad.show([]);
}

/** A stroke ends: keep it, read what is there so far. */
async function lift() {
    lifted = performance.now();
    drawings.draw(drawing, pad);
    complete = false;
    const here = drawing;
    pause = setTimeout(() => finish(here), patience());
    await readNow(here);
}

async function readNow(here) {
    answer.setAttribute("aria-busy", "true");
    reading?.abort();
    const own = (reading = new AbortController());
    try {
        await drawings.readDrawing(here, { beside: written, signal: own.signal });
    } catch (error) {
        if (error.name !== "AbortError") throw error;
    }
    if (reading !== own) return;
    if (here === drawing) show();
    answer.setAttribute("aria-busy", "false");
}

/** A pause: the character is complete, and the next stroke begins another. */
function finish(here) {
    if (here !== drawing || pad.drawing) return;
    complete = true;
    if (here.reading && !drawings.isSettled(here)) {
        say(`Reads ${nameOf(here.reading.label)}, ${Math.round(100 * here.reading.probability)} per cent sure.`);
    }
    show();
}

/** Moving on takes a reading as right that was sure. */
async function leaveStanding(last) {
    if (last.reading.probability < SURE) return;
    await drawings.acceptDrawing(last, { beside: written });
    showTray(written, drawing, select);
}

async function confirm() {
    if (drawing.reading) await choose(drawing.reading.label);
}

/** The writer says what it is. */
async function choose(label, isNew = false) {
    const here = drawing;
    clearTimeout(pause);
    complete = true;
    const wrong = here.reading && here.reading.label !== label;
    pad.focus();
    if (!(await drawings.correctDrawing(here, label, { isNew, beside: written }))) return show();
    if (!here.waits) await drawings.readDrawing(here, { beside: written }).catch(() => {});
    note = here.waits ? "Kept. I learn it when the service is back." : wrong ? AGAIN : "Confirmed.";
    if (here.doubtful) note = null;
    else say(`${note} It is ${nameOf(label)}.`);
    if (here === drawing) show();
}

/** A label may be a slip: say so beside it, whatever is being written meanwhile. */
function ask(here) {
    if (!here) return;
    here.doubtful = true;
    say(question(here.label));
    show();
}

async function mean() {
    await drawings.confirmDrawing(drawing);
    note = "Then I learn it so.";
    say(note);
    show();
    pad.focus();
}

async function pick() {
    const here = drawing;
    const chosen = await pickLabel(await labels(), await ownLabels());
    if (chosen && here === drawing) await choose(chosen.label, chosen.isNew);
}

async function undo() {
    const here = drawing;
    try {
        await drawings.undoDrawing(here);
    } catch (error) {
        return tell(error.message);
    }
    note = "Taken back, as if you had never said it.";
    say(note);
    await readNow(here);
}

function undoStroke() {
    if (!drawing?.strokes.length) return;
    if (drawings.isSettled(drawing)) return undo();
    pad.undo();
    drawings.draw(drawing, pad);
    if (!pad.strokes.length) return clear();
    complete = false;
    clearTimeout(pause);
    pause = setTimeout(() => finish(drawing), patience());
    readNow(drawing);
}

/** It was never meant. */
function clear() {
    clearTimeout(pause);
    reading?.abort();
    if (drawing && !drawings.isSettled(drawing)) {
        drawings.discard(drawing);
        written = written.filter((other) => other !== drawing);
    }
    drawing = before = note = null;
    complete = true;
    pad.show([]);
    show();
}

/** The pause was too short: these strokes belong to the character before. */
async function join() {
    const [first, second] = [before, drawing];
    before = null;
    if (first.status === "accepted") await drawings.undoDrawing(first);
    paused(Math.min(patience() * 1.5, 3000));
    first.strokes = [...first.strokes, ...second.strokes];
    written = written.filter((other) => other !== second);
    await drawings.discard(second);
    drawing = first;
    pad.show(first.strokes);
    await readNow(first);
    pad.focus();
}

/** Look again at a character that was written before. */
function select(chosen) {
    clearTimeout(pause);
    if (drawing && drawing !== chosen && drawing.status === "read") leaveStanding(drawing);
    drawing = chosen;
    before = note = null;
    complete = true;
    pad.show(chosen.strokes);
    show();
}

/** What was drawn while the service was away. */
async function readWaiting() {
    for (const waiting of written.filter((other) => !other.reading && other.strokes.length)) {
        if (!(await drawings.readDrawing(waiting, { beside: written }))) return;
    }
    for (const sent of written.filter((other) => other.waits)) {
        sent.waits = false;
        await drawings.keep(sent);
    }
    show();
}

function show() {
    byId("write-prompt").hidden = Boolean(drawing);
    byId("write-pad").classList.toggle("complete", complete && Boolean(drawing));
    byId("write-join").hidden = !(before && drawing?.strokes.length && !drawings.isSettled(drawing));
    byId("write-undo").disabled = byId("write-clear").disabled = !drawing;
    if (drawing) showAnswer(answer, drawing, { choose, pick, confirm, undo, mean }, note ?? hint());
    else showWelcome();
    setTimeout(() => showTray(written, drawing, select));
}

function hint() {
    const { reading: found } = drawing;
    if (!found || drawings.isSettled(drawing)) return null;
    const learned = found.label === found.base ? "" : "I know this one from you. ";
    if (found.probability < SURE) return `${learned}I am not sure: tell me, and I learn it.`;
    return `${learned}Go on writing, and I take it as right.`;
}

const step = (what, how, ...picture) =>
    make("li", {}, make("span", {}, make("b", {}, what), how), make("span", { class: "shown", "aria-hidden": "true" }, picture));

const typed = (label, look) => make("b", { class: `glyph ${look}` }, label);

/** What to do first. */
function showWelcome() {
    const tries = make("p", { class: "tries" });
    fill(
        answer,
        make(
            "ol",
            { class: "steps" },
            step("Write", " one character on the sheet: any letter, digit or sign.", icon("written")),
            step("Correct", " my reading with one tap, where it is wrong.", typed("9", "wrong"), icon("arrow"), typed("g", "")),
            step("Write it again", ": now I know it, in your hand.", icon("written"), icon("arrow"), typed("g", "known")),
        ),
        tries,
    );
    showTries(tries, "Good to try: ", TRIES);
    if (!isKnown(current().name)) return;
    service.suggestions(current().name, TRIES.length).then(
        ({ labels: hard }) => {
            const confused = hard.filter(({ reason }) => reason === "confused").map(({ label }) => label);
            if (confused.length) showTries(tries, "Still hard for me in your hand: ", confused);
        },
        () => {},
    );
}

const showTries = (place, text, some) =>
    fill(
        place,
        text,
        some.map((label) => typed(label, "")),
    );
