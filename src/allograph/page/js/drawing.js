// A drawing of one character, and what became of it. Kept on the shelf from its first stroke on.
//
// status: "open" while it is drawn, "read", "accepted" (left standing), "corrected" (its label was given), "cleared".

import { tell } from "./announce.js";
import { heard, isLost } from "./connection.js";
import { newId } from "./ids.js";
import { asInk } from "./ink.js";
import { learning, send } from "./post.js";
import * as service from "./service.js";
import { dropDrawing, keepDrawing } from "./shelf.js";

/** A new one, of this writer. */
export const newDrawing = (writer, room = "write") => ({
    id: newId(),
    writer,
    room,
    at: Date.now(),
    strokes: [],
    status: "open",
    label: null,
    waits: false,
    reading: null,
});

/** Keep it as it is. */
export const keep = keepDrawing;

/** It was never meant. */
export const discard = (drawing) => dropDrawing(drawing.id);

/** What the service is told of it. */
const sample = (drawing) => ({ id: drawing.id, ink: asInk(drawing.strokes) });

/** Whether it has a label that was, or will be, learned. */
export const isSettled = (drawing) => drawing.status === "accepted" || drawing.status === "corrected";

/** What it shows, as far as is known. */
export const labelOf = (drawing) => drawing.label ?? drawing.reading?.label ?? null;

/** Keep it, and read it; false where the service does not answer, and the drawing waits. */
export async function readDrawing(drawing, { alphabet, why = true, signal } = {}) {
    const kept = keep(drawing);
    try {
        const options = { why, ...(alphabet ? { alphabet } : {}) };
        [drawing.reading] = await heard(service.read(drawing.writer, [sample(drawing)], options, signal));
    } catch (error) {
        await kept;
        if (error.name === "AbortError") throw error;
        if (!(error instanceof service.Unreachable)) tell(error.message);
        drawing.reading = null;
        await keep(drawing);
        return false;
    }
    if (drawing.status === "open") drawing.status = "read";
    kept.then(() => keep(drawing));
    return true;
}

/** The writer says what it is. */
export const correctDrawing = (drawing, label, { isNew = false, alphabet } = {}) =>
    settle(drawing, "corrected", label, {
        kind: "correct",
        correction: { label, new: isNew, ...(alphabet ? { alphabet } : {}) },
    });

/** The reading was left standing. */
export const acceptDrawing = (drawing, { alphabet } = {}) =>
    settle(drawing, "accepted", drawing.reading.label, {
        kind: "accept",
        correction: { label: drawing.reading.label, ...(alphabet ? { alphabet } : {}) },
    });

async function settle(drawing, status, label, { kind, correction }) {
    const before = [drawing.status, drawing.label];
    [drawing.status, drawing.label] = [status, label];
    await keep(drawing);
    try {
        drawing.waits = !(await send({ kind, writer: drawing.writer, corrections: [{ ...sample(drawing), ...correction }] }));
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
    [drawing.status, drawing.label, drawing.waits] = ["read", null, false];
    await keep(drawing);
}

export { isLost, learning };
