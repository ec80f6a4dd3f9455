// What lines teach: letters to the service, each with the whole line, so that the last one is what counts.

import { countLine, uncount } from "../outcomes.js";
import { send } from "../post.js";
import { isErased } from "../writers.js";
import { keepLine } from "./keeping.js";
import { asSent, charactersOf, isRead, isWhole, outcomeOf, textOf, vouchedPlaces } from "./line.js";

/** A reading counts as seen after so many milliseconds. */
const SEEN = 1000;

/** Tells of "taught" with a `line` that the service has, or refused to learn. */
export const lessons = new EventTarget();

/** When a reading was first shown. */
const shown = new WeakMap();

/** A line's text is on the page now. */
export function see(line) {
    if (isRead(line) && !shown.has(line.reading)) shown.set(line.reading, performance.now());
}

const isSeen = ({ reading }) => shown.has(reading) && performance.now() - shown.get(reading) >= SEEN;

/** Letters of one line go one after the other. */
const last = new Map();

function inTurn(line, work) {
    const next = (last.get(line.id) ?? Promise.resolve()).then(work);
    last.set(line.id, next);
    next.finally(() => last.get(line.id) === next && last.delete(line.id));
    return next;
}

async function deliver(line, letter) {
    line.unlearned = null;
    try {
        line.waits = !(await send({ writer: line.writer, ...letter }));
    } catch (error) {
        line.waits = false;
        line.unlearned = /does not fit/.test(error.message)
            ? "Your text is kept, and not learned: it does not fit the ink."
            : "Your text is kept, and not learned: the service did not take it.";
    }
}

async function keep(line) {
    if (line.strokes.length) await keepLine(line);
    lessons.dispatchEvent(Object.assign(new Event("taught"), { line }));
}

/**
 * Let the service know what stands now: what the person said, or that the line was left standing. A line that is not read as a whole
 * owes that until it is.
 */
export function teach(line) {
    if (isErased(line.writer)) return Promise.resolve();
    if (line.strokes.length && !isWhole(line)) {
        line.owes = true;
        return Promise.resolve();
    }
    line.owes = false;
    const letters = lettersOf(line);
    return letters.length ? inTurn(line, () => post(line, letters)) : Promise.resolve();
}

async function post(line, letters) {
    for (const letter of letters) await deliver(line, letter);
    await keep(line);
}

function lettersOf(line) {
    const characters = charactersOf(line);
    const text = textOf(characters);
    const back = line.sent ? [{ kind: "undo", id: line.id }] : [];
    if (!line.strokes.length || !text) {
        line.sent = "";
        uncount(line.id);
        return back;
    }
    const left = line.status === "left";
    if (left) countLine(line.writer, { id: line.id, at: line.at, pairs: outcomeOf(line) });
    if (line.said.some(({ label }) => line.untaught.some((sign) => label.includes(sign)))) return [];
    if (line.said.length) {
        line.sent = "correct";
        const vouched = vouchedPlaces(characters);
        return [{ kind: "correctLine", line: asSent(line), text, vouched, left_standing: left, isNew: line.isNew }];
    }
    line.sent = left ? "accept" : "";
    return left ? [...back, { kind: "acceptLine", line: asSent(line), text }] : back;
}

/** The person went on from a line; true where it counts now, which it does once all of it was read and seen. */
export async function leave(line) {
    if (line.status === "left" || line.refused || !line.strokes.length || !isWhole(line)) return false;
    if (isRead(line) ? !isSeen(line) : !line.said.length) return false;
    line.status = "left";
    await keepLine(line);
    await teach(line);
    return true;
}
