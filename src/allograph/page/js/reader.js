// Every drawing is read in the end: at once where the service answers, else when it is back. The newest come first; what is drawn
// on is read anew; none makes another wait for it.

import { tell } from "./announce.js";
import { connection, heard, isLost } from "./connection.js";
import { erasedElsewhere } from "./post.js";
import { Erased, read, Unreachable } from "./service.js";
import { turns } from "./writers.js";

const TOGETHER = 4;
const AGAIN = 1000;

/** Tells of "read", with the `drawing` and its `reading`, once that covers all that was drawn; of "refused", with a `reason`. */
export const readings = new EventTarget();

const waiting = new Map();
const flying = new Map();

/** How samples are read: by the service, unless something nearer can. */
let source = { isReady: () => !isLost(), read: (...request) => heard(read(...request)) };

export function setSource(next) {
    source = next;
    run();
}

/** Read a drawing; `request()` makes `[samples, options]` from what is then drawn. */
export function readSoon(drawing, request) {
    const now = flying.get(drawing.id);
    if (now && now.revision !== drawing.revision) now.control.abort();
    if (!now || now.revision !== drawing.revision) waiting.set(drawing.id, { drawing, request });
    run();
}

/** A drawing is gone. */
export function readNever(id) {
    waiting.delete(id);
    flying.get(id)?.control.abort();
}

/** Whether a drawing is being read at this moment. */
export const isReading = ({ id }) => flying.has(id);

function run() {
    while (source.isReady() && flying.size < TOGETHER) {
        const next = [...waiting.values()].reverse().find(({ drawing }) => !flying.has(drawing.id));
        if (!next) return;
        waiting.delete(next.drawing.id);
        fly(next);
    }
}

async function fly({ drawing, request }) {
    const { id, revision, writer } = drawing;
    const control = new AbortController();
    flying.set(id, { revision, control });
    let pause = 0;
    const tellOf = (kind, fields) => readings.dispatchEvent(Object.assign(new Event(kind), { drawing, ...fields }));
    try {
        const [reading] = await source.read(writer, ...request(), control.signal);
        if (drawing.revision === revision && !control.signal.aborted) tellOf("read", { reading });
    } catch (error) {
        if (error instanceof Erased) await erasedElsewhere(writer);
        else if (error instanceof Unreachable || error.status === 401) {
            pause = AGAIN; // what reads may be another by then, as when this device begins to read
            if (!waiting.has(id) && !control.signal.aborted) waiting.set(id, { drawing, request });
        } else if (error.name !== "AbortError") {
            tell(error.message);
            if (drawing.revision === revision) tellOf("refused", { reason: error.message });
        }
    } finally {
        flying.delete(id);
        setTimeout(run, pause);
    }
}

connection.addEventListener("back", run);
turns.addEventListener("erased", ({ name }) => {
    for (const { drawing } of waiting.values()) if (drawing.writer === name) waiting.delete(drawing.id);
});
