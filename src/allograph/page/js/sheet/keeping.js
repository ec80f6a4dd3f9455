// Lines and their documents on this device. Nothing is kept of a line that is gone, or of a hand that was erased, whoever still
// waits for an answer about it.

import { dropRecord, keepRecord } from "../store.js";
import { isErased } from "../writers.js";

const gone = new Set();

const isKept = ({ id, writer }) => !gone.has(id) && !isErased(writer);

/** Keep a line as it is now. */
export async function keepLine(line) {
    if (isKept(line)) await keepRecord("lines", line);
}

/** A line, or a document with its lines, is kept no longer; `keepAgain` for one that is done again. */
export async function dropLine({ id }) {
    gone.add(id);
    await dropRecord("lines", id);
}

export const keepAgain = ({ id }) => gone.delete(id);

/** Keep a document that was changed now. */
export async function keepDocument(document) {
    document.changed = Date.now();
    if (isKept(document)) await keepRecord("documents", document);
}

/** A document and its lines are kept no longer. */
export async function dropDocument({ document, lines }) {
    gone.add(document.id);
    for (const line of lines) await dropLine(line);
    await dropRecord("documents", document.id);
}
