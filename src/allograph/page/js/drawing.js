// A drawing of one character, and what became of it. Kept from its first stroke on.
//
// status: "open" while it is drawn or unread, "read", "accepted" (left standing), "corrected" (its label was given).
// A reading is of one `revision` of the strokes; only one that covers them all can be accepted, corrected, or counted.
// Each act of the person is a `turn`: of two windows' drawings that have the same id, the one with more turns is right.

import { tell } from "./announce.js";
import { deviceName } from "./device.js";
import { isToBeAsked } from "./doubt.js";
import { newId } from "./ids.js";
import { asInk } from "./ink.js";
import { countOne, uncount } from "./outcomes.js";
import { learning, send } from "./post.js";
import { readings, readNever, readSoon } from "./reader.js";
import { dropRecord, keepRecord, recordsOf } from "./store.js";
import { isErased } from "./writers.js";

/** Drawings that the service takes as a context. */
const CONTEXT = 64;

/** Tells of "doubted", with the drawing's id, when the label that was given may be a slip; of "change" when a drawing was read. */
export const drawings = new EventTarget();

/** A new one, of this writer; `wish` is what it is to be, in Teach. */
export const newDrawing = (writer, room = "write", wish = null) => ({
    id: newId(),
    writer,
    room,
    wish,
    at: Date.now(),
    strokes: [],
    revision: 0,
    turn: 0,
    measure: null,
    status: "open",
    label: null,
    doubtful: false,
    waits: false,
    reading: null,
    readRevision: null,
    first: null,
});

/** Keep it as it is, unless its hand was erased, whoever still waits for an answer about it. */
export const keepDrawing = async (drawing) => {
    if (!isErased(drawing.writer)) await keepRecord("drawings", drawing);
};

/** A writer's drawings of a room, the oldest first. */
export const drawingsOf = async (writer, room) =>
    (await recordsOf("drawings", writer)).filter((drawing) => drawing.room === room).map(asNow);

/** A drawing as this page knows it, kept by whichever page. */
const asNow = (drawing) => ({ ...newDrawing(drawing.writer), readRevision: drawing.reading ? 0 : null, ...drawing });

/** It is done with: it stays counted, and is kept no longer. */
export async function putAway(drawing) {
    settled.delete(drawing.id);
    readNever(drawing.id);
    await dropRecord("drawings", drawing.id);
}

/** It was never meant. */
export async function discard(drawing) {
    await putAway(drawing);
    await uncount(drawing.id);
}

/** These are its strokes from now on; what was read of others no longer counts. */
export function setStrokes(drawing, strokes, measure) {
    drawing.strokes = strokes;
    drawing.measure = measure;
    drawing.revision += 1;
    drawing.turn += 1;
    if (!isSettled(drawing)) [drawing.status, drawing.first] = ["open", null];
    return keepDrawing(drawing);
}

/** Whether it has a label that was, or will be, learned. */
export const isSettled = (drawing) => drawing.status === "accepted" || drawing.status === "corrected";

/** Whether the reading that it has is of all its strokes. */
export const isRead = (drawing) => drawing.reading !== null && drawing.readRevision === drawing.revision;

/** What it shows, as far as is known. */
export const labelOf = (drawing) => drawing.label ?? (isRead(drawing) ? drawing.reading.label : null);

/** What the service is told of it: ink in CSS pixels. */
function sample({ id, strokes, measure }) {
    if (!measure) return { id, ink: asInk(strokes) }; // kept by an earlier page
    const { scale, baseline } = measure;
    return { id, ink: asInk(strokes, scale), device: `${deviceName()} sheet`, ...(baseline === null ? {} : { baseline }) };
}

/** What this writer drew beside it, that was read and not answered: it tells the service how large they write. */
function contextOf(drawing, beside) {
    const others = beside.filter((other) => other.status === "read" && other.writer === drawing.writer && other !== drawing);
    return others.length ? { context: others.slice(-CONTEXT).map(sample) } : {};
}

/** Have it read, at once or when the service is back; `beside()` are those that lie about. */
export function read(drawing, beside = () => [], options = {}) {
    if (!drawing.strokes.length) return;
    readSoon(drawing, () => [[sample(drawing)], { why: true, ...options, ...contextOf(drawing, beside()) }]);
}

readings.addEventListener("read", ({ drawing, reading }) => {
    drawing.reading = reading;
    drawing.readRevision = drawing.revision;
    if (drawing.status === "open") drawing.status = "read";
    drawing.first ??= { label: reading.label, base: reading.base };
    keepDrawing(drawing);
    count(drawing);
    drawings.dispatchEvent(Object.assign(new Event("change"), { drawing }));
});

/** Count it among what was read rightly or not, but for what was asked for because it is hard. */
function count({ id, at, writer, room, label, first }) {
    if (room === "teach" || !first) return;
    countOne(writer, { id, at, label: label ?? first.label, personal: first.label, base: first.base });
}

/** The writer says what it is. Shown at once; true where it is learned by now, false where it waits or was refused. */
export const correctDrawing = (drawing, label, { isNew = false, beside = [] } = {}) =>
    settle(drawing, "corrected", label, "correct", { label, new: isNew }, beside);

/** The reading was left standing. */
export const acceptDrawing = (drawing, { beside = [] } = {}) =>
    settle(drawing, "accepted", drawing.reading.label, "accept", { label: drawing.reading.label }, beside);

/** Drawings that were settled since the page was opened, by their ids. */
const settled = new Map();

async function settle(drawing, status, label, kind, correction, beside) {
    const before = [drawing.status, drawing.label];
    settled.set(drawing.id, drawing);
    drawing.turn += 1;
    [drawing.status, drawing.label, drawing.doubtful] = [status, label, false];
    count(drawing);
    const kept = keepDrawing(drawing);
    const letter = {
        kind,
        writer: drawing.writer,
        corrections: [{ ...sample(drawing), ...correction }],
        ...contextOf(drawing, beside),
    };
    try {
        await kept;
        drawing.waits = !(await send(letter));
    } catch (error) {
        [drawing.status, drawing.label] = before;
        count(drawing);
        tell(error.message);
    }
    await keepDrawing(drawing);
    return drawing.status === status && !drawing.waits;
}

/** As if its label had never been given. */
export async function undoDrawing(drawing) {
    drawing.turn += 1;
    [drawing.status, drawing.label, drawing.waits, drawing.doubtful] = [isRead(drawing) ? "read" : "open", null, false, false];
    count(drawing);
    await keepDrawing(drawing);
    await send({ kind: "undo", writer: drawing.writer, id: drawing.id });
}

/** The writer was asked, and means it. */
export async function confirmDrawing(drawing) {
    drawing.doubtful = false;
    await keepDrawing(drawing);
}

/** Mark the drawing whose label may be a slip, also where it was drawn before the page was opened. */
learning.addEventListener("corrected", async ({ correction }) => {
    if (!isToBeAsked(correction)) return;
    const { id, writer } = correction;
    if (settled.has(id)) settled.get(id).doubtful = true;
    drawings.dispatchEvent(Object.assign(new Event("doubted"), { id }));
    const drawing = settled.get(id) ?? (await recordsOf("drawings", writer)).find((kept) => kept.id === id);
    if (drawing) await keepDrawing({ ...drawing, doubtful: true });
});
