// A drawing of one character, and what became of it. Kept on the shelf from its first stroke on.
//
// status: "open" while it is drawn, "read", "accepted" (left standing), "corrected" (its label was given), "cleared".

import { tell } from "./announce.js";
import { heard, isLost } from "./connection.js";
import { deviceName } from "./device.js";
import { isToBeAsked } from "./doubt.js";
import { newId } from "./ids.js";
import { asInk } from "./ink.js";
import { learning, send } from "./post.js";
import * as service from "./service.js";
import { drawingsOf, dropDrawing, keepDrawing } from "./shelf.js";

/** Drawings that the service takes as a context. */
const CONTEXT = 64;

/** Tells of "doubted", with the drawing's id, when the label that was given may be a slip. */
export const doubts = new EventTarget();

/** A new one, of this writer. */
export const newDrawing = (writer, room = "write") => ({
    id: newId(),
    writer,
    room,
    at: Date.now(),
    strokes: [],
    measure: null,
    status: "open",
    label: null,
    doubtful: false,
    waits: false,
    reading: null,
});

/** Keep it as it is. */
export const keep = keepDrawing;

/** It was never meant, or is done with. */
export function discard(drawing) {
    settled.delete(drawing.id);
    return dropDrawing(drawing.id);
}

/** What was drawn on a sheet so far, and how large that is. */
export function draw(drawing, pad) {
    drawing.strokes = pad.strokes;
    drawing.measure = pad.measure;
}

/** What the service is told of it: ink in CSS pixels, on a sheet or in a box, which differ, for people write larger on a sheet. */
function sample({ id, room, strokes, measure }) {
    if (!measure) return { id, ink: asInk(strokes) }; // kept by an earlier page
    const { scale, baseline } = measure;
    const device = `${deviceName()} ${room === "line" ? "boxes" : "sheet"}`;
    return { id, ink: asInk(strokes, scale), device, ...(baseline === null ? {} : { baseline }) };
}

/** What this writer drew beside it, that was read and not answered: it tells the service how large they write. */
const context = (some, beside) =>
    beside
        .filter((other) => other.status === "read" && other.writer === some[0].writer && !some.includes(other))
        .slice(-CONTEXT)
        .map(sample);

const withContext = (found) => (found.length ? { context: found } : {});

/** Whether it has a label that was, or will be, learned. */
export const isSettled = (drawing) => drawing.status === "accepted" || drawing.status === "corrected";

/** What it shows, as far as is known. */
export const labelOf = (drawing) => drawing.label ?? drawing.reading?.label ?? null;

/** Keep it, and read it beside others; false where the service does not answer, and the drawing waits. */
export const readDrawing = (drawing, options) => readTogether([drawing], options);

/** Keep drawings of one writer, and read them together; `beside` are those that lie about, answered or not. */
export async function readTogether(some, { alphabet, why = true, beside = [], signal } = {}) {
    const shown = some.map(({ strokes }) => strokes);
    const unchanged = () => some.filter((drawing, i) => drawing.strokes === shown[i]);
    const kept = Promise.all(some.map(keep));
    try {
        const options = { why, ...(alphabet ? { alphabet } : {}), ...withContext(context(some, beside)) };
        const readings = await heard(service.read(some[0].writer, some.map(sample), options, signal));
        const found = new Map(some.map((drawing, i) => [drawing, readings[i]]));
        for (const drawing of unchanged()) drawing.reading = found.get(drawing);
    } catch (error) {
        await kept;
        if (error.name === "AbortError") throw error;
        if (!(error instanceof service.Unreachable)) tell(error.message);
        for (const drawing of unchanged()) drawing.reading = null;
        await Promise.all(some.map(keep));
        return false;
    }
    for (const drawing of some) if (drawing.status === "open" && drawing.reading) drawing.status = "read";
    kept.then(() => some.forEach(keep));
    return true;
}

/** The writer says what it is. */
export const correctDrawing = (drawing, label, { isNew = false, alphabet, beside = [] } = {}) =>
    settle(drawing, "corrected", label, {
        kind: "correct",
        beside,
        correction: { label, new: isNew, ...(alphabet ? { alphabet } : {}) },
    });

/** The reading was left standing. */
export const acceptDrawing = (drawing, { alphabet, beside = [] } = {}) =>
    settle(drawing, "accepted", drawing.reading.label, {
        kind: "accept",
        beside,
        correction: { label: drawing.reading.label, ...(alphabet ? { alphabet } : {}) },
    });

/** Drawings that were settled since the page was opened, by their ids. */
const settled = new Map();

async function settle(drawing, status, label, { kind, correction, beside }) {
    settled.set(drawing.id, drawing);
    drawing.doubtful = false;
    const before = [drawing.status, drawing.label];
    [drawing.status, drawing.label] = [status, label];
    await keep(drawing);
    try {
        const corrections = [{ ...sample(drawing), ...correction }];
        const letter = { kind, writer: drawing.writer, corrections, ...withContext(context([drawing], beside)) };
        drawing.waits = !(await send(letter));
    } catch (error) {
        [drawing.status, drawing.label] = before;
        await keep(drawing);
        tell(error.message);
        return false;
    }
    await keep(drawing);
    return true;
}

/** As if its label had never been given. */
export async function undoDrawing(drawing) {
    await send({ kind: "undo", writer: drawing.writer, id: drawing.id });
    [drawing.status, drawing.label, drawing.waits, drawing.doubtful] = ["read", null, false, false];
    await keep(drawing);
}

/** The writer was asked, and means it. */
export async function confirmDrawing(drawing) {
    drawing.doubtful = false;
    await keep(drawing);
}

/** Mark the drawing whose label may be a slip, also where it was drawn before the page was opened. */
learning.addEventListener("corrected", async ({ correction }) => {
    if (!isToBeAsked(correction)) return;
    const { id, writer } = correction;
    if (settled.has(id)) settled.get(id).doubtful = true;
    doubts.dispatchEvent(Object.assign(new Event("doubted"), { id }));
    const drawing = settled.get(id) ?? (await drawingsOf(writer)).find((kept) => kept.id === id);
    if (drawing) await keep({ ...drawing, doubtful: true });
});

export { isLost, learning };
