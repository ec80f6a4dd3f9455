// Lines are read: one request a line at a time, with its newest ink; what the service did not answer is asked again when it is back.

import { connection, heard } from "../connection.js";
import { erasedElsewhere } from "../post.js";
import * as service from "../service.js";
import { turns } from "../writers.js";
import { keepLine } from "./keeping.js";
import { asSent, describe, isRead, keepFirst } from "./line.js";

/** A reading that takes longer is given up for newer ink; a shorter one is waited for, for the service would go on with it. */
const PATIENCE = 1000;
const BEST = 5;

/** Tells of "read" with a `line` whose reading, or whose want of one, is new. */
export const readings = new EventTarget();

const asked = new Map();
const waiting = new Map();

/** Why a line was refused, in words for people. */
function reason({ status, message }) {
    if (status === 413) return "There is more on this line than can be read at once. Go on in the next row.";
    if (status === 422) return "This does not look like a line of characters. It is kept as it is.";
    return `It was not read: ${message}`;
}

/** Read a line, if its newest ink is not read; `anew` reads it also where it is, with what was learned since. */
export function readLine(line, anew = false) {
    if (!line.strokes.length || (isRead(line) && !anew)) return;
    const now = asked.get(line.id);
    if (!now) return void ask(line, anew && isRead(line));
    now.again = anew ? now.again || "anew" : "ink";
    clearTimeout(now.timer);
    now.timer = setTimeout(() => now.quit.abort(), Math.max(0, now.began + PATIENCE - performance.now()));
}

async function ask(line, anew) {
    const now = { quit: new AbortController(), began: performance.now(), again: null, timer: null };
    asked.set(line.id, now);
    const ids = line.strokes.map(({ id }) => id);
    try {
        const answer = await heard(service.readLine(line.writer, asSent(line), { best: BEST }, now.quit.signal));
        if (!now.dropped) take(line, ids, answer, anew);
    } catch (error) {
        if (error instanceof service.Erased) await erasedElsewhere(line.writer);
        else if (error instanceof service.Unreachable || error.status === 401) waiting.set(line.id, line);
        else if (error.name !== "AbortError" && !now.dropped) refuse(line, ids, error);
    }
    clearTimeout(now.timer);
    if (asked.get(line.id) === now) asked.delete(line.id);
    if (now.dropped) return;
    if (now.again && !waiting.has(line.id)) readLine(line, now.again === "anew");
    readings.dispatchEvent(Object.assign(new Event("read"), { line }));
}

function take(line, ids, answer, anew) {
    line.reading = answer;
    line.readStrokes = ids;
    line.refused = null;
    if (!anew && isRead(line)) keepFirst(line);
    describe(line);
    waiting.delete(line.id);
    if (line.strokes.length) keepLine(line);
}

function refuse(line, ids, error) {
    if (line.strokes.map(({ id }) => id).join() !== ids.join()) return;
    line.refused = reason(error);
    line.reading = null;
    line.readStrokes = [];
    keepLine(line);
}

/** Whether it waits for the service. */
export const isWaiting = (line) => waiting.has(line.id);

/** Nothing is asked about a line any more, and no answer about it counts. */
export function drop(line) {
    waiting.delete(line.id);
    const now = asked.get(line.id);
    if (!now) return;
    now.dropped = true;
    now.quit.abort();
    asked.delete(line.id);
}

connection.addEventListener("back", () => {
    const some = [...waiting.values()];
    waiting.clear();
    for (const line of some) readLine(line);
});

turns.addEventListener("erased", ({ name }) => {
    for (const [id, line] of waiting) if (line.writer === name) waiting.delete(id);
});
