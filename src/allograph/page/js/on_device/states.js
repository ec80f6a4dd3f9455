// What this device knows of each writer: a profile, with how much of the service's journal it holds. Kept in IndexedDB.

import { openDB } from "../../vendor/idb.js";

const NAME = "allograph-on-device";

let opening = null;

/** Where a browser stores nothing, memory has to do. */
const memory = new Map();

function opened() {
    opening ??= openDB(NAME, 1, {
        upgrade(shelf) {
            shelf.createObjectStore("profiles", { keyPath: "writer" });
        },
        blocking() {
            opening?.then((shelf) => shelf?.close());
            opening = null;
        },
    }).catch(() => null);
    return opening;
}

/** Keep `{ writer, bytes, tag, head, incarnation }`; a failure costs only what a reload loses. */
export async function keepProfile(kept) {
    memory.set(kept.writer, kept);
    const shelf = await opened();
    await shelf?.put("profiles", kept).catch(() => undefined);
}

/** What is kept of a writer, or null. */
export async function keptProfile(writer) {
    if (memory.has(writer)) return memory.get(writer);
    const shelf = await opened();
    return (await shelf?.get("profiles", writer).catch(() => null)) ?? null;
}

/** Nothing of a writer stays. Throws where the browser cannot delete it. */
export async function dropProfile(writer) {
    memory.delete(writer);
    await (await opened())?.delete("profiles", writer);
}

/** Nothing of anybody stays. */
export async function dropProfiles() {
    memory.clear();
    await (await opened())?.clear("profiles");
}
