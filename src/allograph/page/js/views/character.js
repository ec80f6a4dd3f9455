// Write one character, see what it reads, put it right.

import { say, tell } from "../announce.js";
import { showAnswer } from "../answer.js";
import { connection, heard, isLost } from "../connection.js";
import { byId, fill, icon, make } from "../dom.js";
import { question } from "../doubt.js";
import {
    acceptDrawing,
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
import { History, listenForUndo } from "../history.js";
import { asInk } from "../ink.js";
import { asLabel, nameOf } from "../labels.js";
import { isHeard, labels, ownLabels } from "../model.js";
import { Pad } from "../pad.js";
import { chosenPause, patience, paused } from "../pause.js";
import { pickLabel } from "../picker.js";
import { learning, unsent } from "../post.js";
import { readings, readNever } from "../reader.js";
import * as service from "../service.js";
import { records, renew } from "../store.js";
import { showTray } from "../tray.js";
import { current, isKnown, turns } from "../writers.js";

const KEPT = 24;
const JOINABLE = 8000;
const TRIES = [..."g917qIz&"];
/** A reading that is less probable says nothing by being left standing. */
const SURE = 0.8;
/** Milliseconds for which a reading was to be seen before going on takes it as right. */
const SEEN = 300;
/** Ink that is so many times as wide as high may be several characters, written without a pause. */
const WIDE = 1.15;
const AGAIN = "Learned. Now write the same character once more.";

const pad = new Pad(byId("character-pad"));
const answer = byId("character-answer");
const history = new History();

let written = [];
let drawing = null;
let complete = true;
let before = null;
let note = null;
let pause = null;
let lifted = 0;
const shown = new WeakMap();

const isOpen = () => !byId("character").hidden;

/** Build the room, once. */
export async function open() {
    pad.addEventListener("down", down);
    pad.addEventListener("lift", lift);
    pad.addEventListener("label", ({ detail }) => drawing && choose(drawing, asLabel(detail)));
    pad.addEventListener("enter", () => drawing && confirm(drawing));
    pad.addEventListener("backspace", () => history.undo());
    pad.addEventListener("escape", clear);
    byId("character-undo").addEventListener("click", () => history.undo());
    byId("character-redo").addEventListener("click", () => history.redo());
    byId("character-clear").addEventListener("click", clear);
    byId("character-join").addEventListener("click", join);
    byId("character-next").addEventListener("click", () => drawing && finish(drawing));
    history.addEventListener("change", showTools);
    listenForUndo(history, isOpen);
    turns.addEventListener("change", () => drawing?.writer !== current().name && load());
    turns.addEventListener("erased", ({ name }) => (written = written.filter(({ writer }) => writer !== name)));
    readings.addEventListener("refused", ({ drawing: refused, reason }) => {
        refused.refused = reason;
        if (refused === drawing) show();
    });
    connection.addEventListener("back", sent);
    learning.addEventListener("learned", sent);
    connection.addEventListener("lost", show);
    drawings.addEventListener("change", ({ drawing: changed }) => wasRead(changed));
    records.addEventListener("elsewhere", ({ kind, id, record }) => kind === "drawings" && changedElsewhere(id, record));
    drawings.addEventListener("doubted", ({ id }) => ask(written.find((other) => other.id === id)));
    await load();
}

/** The room is opened again: the pause may have been chosen anew. */
export function enter() {
    showTools();
}

/** What this writer wrote last, as it was left. */
async function load() {
    const writer = current().name;
    const kept = await drawingsOf(writer, "write");
    if (current().name !== writer) return;
    clearTimeout(pause);
    history.clear();
    written = kept;
    for (const unread of kept.filter((other) => !isRead(other))) read(unread, beside);
    await sent();
    await trim();
    drawing = before = note = null;
    complete = true;
    const last = written.at(-1);
    if (last && !isSettled(last)) select(last);
    else {
        pad.show([]);
        show();
    }
}

const beside = () => written;

/** Of many only the last are kept; what was not read, or not sent, stays until it is. */
async function trim() {
    const done = written.filter((other) => isRead(other) && !other.waits && other !== drawing);
    const old = done.slice(0, Math.max(0, written.length - KEPT));
    written = written.filter((other) => !old.includes(other));
    for (const other of old) await putAway(other);
}

/** A stroke begins: of this character, or of the next. */
function down() {
    byId("character-prompt").hidden = true;
    clearTimeout(pause);
    if (drawing && !complete) {
        paused(performance.now() - lifted);
        return;
    }
    const last = drawing;
    before = last && performance.now() - lifted < JOINABLE ? last : null;
    if (last) leaveStanding(last);
    begin();
    pad.show([]);
}

/** Another character. */
function begin() {
    drawing = newDrawing(current().name);
    written = [...written, drawing];
    complete = false;
    note = null;
}

/** A stroke ends: keep it, read what is there so far. */
function lift() {
    lifted = performance.now();
    if (!drawing || complete) {
        // what it belonged to was taken away while the pen was down, or another character was looked at
        const stroke = pad.strokes.at(-1);
        begin();
        pad.show([stroke]);
    }
    change(drawing, drawing.strokes, pad.strokes);
}

/** Another step in what was drawn. */
function change(here, from, to) {
    apply(here, to);
    history.push({ undo: () => apply(here, from), redo: () => apply(here, to) });
}

/** These are a drawing's strokes now; without any, it was never meant. */
async function apply(here, strokes) {
    clearTimeout(pause);
    if (drawing !== here) {
        if (drawing) leaveStanding(drawing);
        before = null;
    }
    note = null;
    if (!strokes.length) {
        written = written.filter((other) => other !== here);
        if (drawing === here) drawing = null;
        complete = true;
        pad.show([]);
        show();
        await setStrokes(here, [], here.measure);
        if (!here.strokes.length) await discard(here); // unless it was brought back meanwhile
        return;
    }
    if (!written.includes(here)) written = [...written, here].sort((one, other) => one.at - other.at);
    drawing = here;
    complete = false;
    if (pad.strokes !== strokes) pad.show(strokes);
    const kept = setStrokes(here, strokes, pad.measure);
    read(here, beside);
    waitForMore(here);
    show();
    await kept;
}

function waitForMore(here) {
    clearTimeout(pause);
    const long = patience();
    if (long < Infinity) pause = setTimeout(() => finish(here), long);
}

/** A pause: the character is complete, and the next stroke begins another. */
function finish(here) {
    if (here !== drawing || pad.drawing) return;
    complete = true;
    before = null;
    if (isRead(here) && !isSettled(here)) {
        say(`Reads ${nameOf(here.reading.label)}, ${Math.round(100 * here.reading.probability)} per cent sure.`);
    }
    show();
    splitUp(here);
    trim();
}

/** A drawing was read. */
function wasRead(changed) {
    if (changed === drawing) {
        show();
        if (complete) splitUp(changed);
    } else if (written.includes(changed)) setTimeout(() => showTray(written, drawing, select));
}

/** Characters that were written without a pause are read as a line, and lie side by side from then on where it is surer. */
async function splitUp(here) {
    if (!isRead(here) || isSettled(here) || here.reading.probability >= SURE || here.strokes.length < 2 || here.whole) return;
    if (aspect(here.strokes) < WIDE) return;
    const { revision, strokes, measure, writer } = here;
    here.whole = true;
    let line = null;
    try {
        line = await heard(service.readLine(writer, { ink: asInk(strokes, measure?.scale ?? 1) }));
    } catch {
        return; // it stays one, and can be put right by hand
    }
    const { characters } = line;
    const surest = Math.min(...characters.map(({ sureness }) => sureness));
    if (characters.length < 2 || surest < here.reading.probability || here.revision !== revision || isSettled(here)) return;
    if (!written.includes(here)) return;
    const parts = characters.map(({ pieces }, i) => ({
        ...newDrawing(writer),
        at: here.at + i / 1000,
        strokes: pieces.map((piece) => strokes[piece]),
        measure,
        whole: true,
    }));
    written = written.flatMap((other) => (other === here ? parts : [other]));
    for (const part of parts) await keepDrawing(part);
    await discard(here);
    for (const part of parts) read(part, beside);
    if (drawing !== here) return;
    drawing = null;
    select(parts.at(-1));
    note = `You wrote without a pause: I take it for ${parts.length} characters.`;
    before = parts.at(-2);
    say(note);
    show();
}

function aspect(strokes) {
    const points = strokes.flatMap((stroke) => stroke.points);
    const extent = (axis) => Math.max(...points.map((point) => point[axis])) - Math.min(...points.map((point) => point[axis]));
    return extent(0) / Math.max(extent(1), 1);
}

/** Whether what is read of a drawing now was shown already: the same strokes may be read otherwise, once more is learned. */
function isShown(here) {
    const last = shown.get(here);
    return last?.revision === here.revision && last.label === here.reading.label;
}

/** Moving on takes a reading as right that was sure, and was to be seen. */
async function leaveStanding(last) {
    const since = isRead(last) && isShown(last) ? performance.now() - shown.get(last).at : 0;
    if (last.status !== "read" || !isRead(last) || last.reading.probability < SURE || since < SEEN) return;
    await acceptDrawing(last, { beside: written });
    showTray(written, drawing, select);
}

const confirm = (here) => isRead(here) && choose(here, here.reading.label);

/** The writer says what it is; only a label that was never heard of waits for the service. */
async function choose(here, label, isNew = false) {
    if (!isNew && !isHeard(label) && !(await ownLabels()).includes(label)) return pick(here, label);
    history.push(saying(here, label, isNew));
    await settle(here, label, isNew);
}

async function settle(here, label, isNew) {
    clearTimeout(pause);
    if (here === drawing) complete = true;
    const wrong = isRead(here) && here.reading.label !== label;
    here.isNew = isNew;
    const done = correctDrawing(here, label, { isNew, beside: written });
    note = wrong ? AGAIN : "Confirmed.";
    pad.focus();
    show();
    await done;
    if (!isSettled(here)) note = null;
    else if (here.waits) note = "Kept. I learn it when the service is back.";
    if (isSettled(here) && !here.doubtful) say(`${note} It is ${nameOf(label)}.`);
    if (isSettled(here)) read(here, beside);
    if (here === drawing) show();
}

/** A label may be a slip: say so beside it, whatever is being written meanwhile. */
function ask(here) {
    if (!here) return;
    here.doubtful = true;
    say(question(here.label));
    show();
}

async function mean(here) {
    note = "Then I learn it so.";
    say(note);
    await confirmDrawing(here);
    show();
    pad.focus();
}

async function pick(here, typed = "") {
    const chosen = await pickLabel(await labels(), await ownLabels(), "What is it?", typed);
    if (chosen) await choose(here, chosen.label, chosen.isNew);
    else pad.focus();
}

function undoLabel(here) {
    const { undo, redo } = saying(here, here.label, here.isNew ?? false);
    history.push({ undo: redo, redo: undo });
    return takeBack(here);
}

/** What is undone or done again is so at once: whether the service has heard of it holds up no further step. */
const saying = (here, label, isNew) => ({ undo: () => void takeBack(here), redo: () => void settle(here, label, isNew) });

/** As if it had never been said what it is. */
async function takeBack(here) {
    note = "Taken back, as if you had never said it.";
    say(note);
    const done = undoDrawing(here);
    show();
    try {
        await done;
    } catch (error) {
        tell(error.message);
    }
    read(here, beside);
}

/** It was never meant; undo brings it back. */
function clear() {
    if (!drawing) return;
    if (!isSettled(drawing) && drawing.strokes.length) return change(drawing, drawing.strokes, []);
    clearTimeout(pause);
    drawing = before = note = null;
    complete = true;
    pad.show([]);
    show();
}

/** The pause was too short: these strokes belong to the character before. */
async function join() {
    const [first, second] = [before, drawing];
    const [old, more] = [first.strokes, second.strokes];
    if (isSettled(first)) undoDrawing(first).catch((error) => tell(error.message));
    paused(Math.min(patience() * 1.5, 3900));
    first.whole = true;
    const together = () => Promise.all([apply(second, []), apply(first, [...old, ...more])]);
    const apart = () => Promise.all([apply(first, old), apply(second, more)]);
    history.push({ undo: apart, redo: together });
    await together();
    before = written[written.indexOf(first) - 1] ?? null;
    showTools();
    pad.focus();
}

/** Look again at a character that was written before. */
function select(chosen) {
    clearTimeout(pause);
    if (drawing && drawing !== chosen) leaveStanding(drawing);
    drawing = chosen;
    before = note = null;
    complete = true;
    pad.show(chosen.strokes);
    show();
}

/** Another window changed a drawing, or dropped it. */
function changedElsewhere(id, record) {
    const mine = written.find((other) => other.id === id);
    if (!mine || (mine === drawing && pad.drawing) || (record && !renew(mine, record, keepDrawing))) return;
    if (!record) {
        readNever(id);
        written = written.filter((other) => other !== mine);
    }
    if (mine === drawing) {
        if (!record) {
            drawing = before = note = null;
            complete = true;
        }
        pad.show(drawing?.strokes ?? []);
    }
    show();
}

/** Something was sent: what of it no longer waits. */
async function sent() {
    const still = await unsent();
    for (const waited of written.filter(({ id, waits }) => waits && !still.has(id))) {
        waited.waits = false;
        await keepDrawing(waited);
    }
    show();
}

function show() {
    byId("character-prompt").hidden = Boolean(drawing);
    byId("character-pad").classList.toggle("complete", complete && Boolean(drawing));
    showTools();
    const here = drawing;
    if (here) {
        const acts = {
            choose: (label) => choose(here, label),
            pick: () => pick(here),
            confirm: () => confirm(here),
            undo: () => undoLabel(here),
            mean: () => mean(here),
        };
        showAnswer(answer, here, acts, note ?? hint());
        if (isRead(here) && !isShown(here)) {
            shown.set(here, { revision: here.revision, label: here.reading.label, at: performance.now() });
        }
    } else showWelcome();
    answer.setAttribute("aria-busy", String(Boolean(here) && !isRead(here) && !here.refused && !isLost()));
    setTimeout(() => showTray(written, drawing, select));
}

function showTools() {
    byId("character-join").hidden = !(before && drawing?.strokes.length && !isSettled(drawing));
    byId("character-next").hidden = !(drawing && !complete && (chosenPause() === "never" || chosenPause() > 2000));
    byId("character-clear").disabled = !drawing;
    byId("character-undo").disabled = !history.canUndo;
    byId("character-redo").disabled = !history.canRedo;
}

function hint() {
    if (!isRead(drawing) || isSettled(drawing)) return null;
    const { reading: found } = drawing;
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
