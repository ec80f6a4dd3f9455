// What this device knows of each writer: a profile, with how much of the service's journal it holds. Kept in IndexedDB, and in
// step between windows: whoever changes a profile tells the others.

import { openDB } from "../../vendor/idb.js";

const NAME = "allograph-on-device";

let opening = null;

/** Where a browser stores nothing, memory has to do. */
const memory = new Map();

const channel = new BroadcastChannel(NAME);

/** Call `whenChanged(writer)` when another window changed what is kept of a writer; null is everybody. */
export const watchProfiles = (whenChanged) => channel.addEventListener("message", ({ data }) => whenChanged(data.writer));

const tell = (writer) => channel.postMessage({ writer });

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
    const shelf = await opened();
    if (shelf)
        await shelf.put("profiles", kept).then(
            () => tell(kept.writer),
            () => undefined,
        );
    else memory.set(kept.writer, kept);
}

/** What is kept of a writer, or null. */
export async function keptProfile(writer) {
    const shelf = await opened();
    return (shelf ? await shelf.get("profiles", writer).catch(() => null) : memory.get(writer)) ?? null;
}

/** Nothing of a writer stays. Throws where the browser cannot delete it. */
export async function dropProfile(writer) {
    memory.delete(writer);
    await (await opened())?.delete("profiles", writer);
    tell(writer);
}

/** Nothing of anybody stays. */
export async function dropProfiles() {
    memory.clear();
    await (await opened())?.clear("profiles");
    tell(null);
}
