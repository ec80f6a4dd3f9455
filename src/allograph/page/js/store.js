// What must not be lost when the page closes or the service is away, in IndexedDB; in memory where the browser stores nothing.

import { openDB } from "../vendor/idb.js";

/** The kinds of records that a writer has; "letters", which wait to be sent, are numbered instead. */
const KINDS = ["drawings", "lines", "documents", "outcomes"];
const OPENING = 3000;

/** Tells of "failing" when the browser stores nothing, so that what is kept is lost when the window closes. */
export const storage = new EventTarget();
let failing = false;

export const isFailing = () => failing;

function fail() {
    if (failing) return;
    failing = true;
    storage.dispatchEvent(new Event("failing"));
}

/** Tells of "elsewhere", with its `kind`, its `id` and the `record`, null for one that is gone, when another window changed one. */
export const records = new EventTarget();

/**
 * Another window kept a record that this one has too: of both the one with more turns, acts of the person, is right. True where that
 * is the other's, which `mine` becomes; else `keep` keeps this one again.
 */
export function renew(mine, kept, keep) {
    const isNewer = (kept.turn ?? 0) >= (mine.turn ?? 0);
    if (isNewer) Object.assign(mine, kept);
    else keep(mine);
    return isNewer;
}

const windows = new BroadcastChannel("allograph-records");
windows.addEventListener("message", ({ data }) => records.dispatchEvent(Object.assign(new Event("elsewhere"), data)));
const tellWindows = (kind, id, record) => windows.postMessage({ kind, id, record });

let opened = null;

/** The database; null where there is none. One that does not open in a few seconds is as good as none. */
function database() {
    opened ??= Promise.race([late(), open()]).catch(() => {
        fail();
        return null;
    });
    return opened;
}

const late = () => new Promise((_, reject) => setTimeout(() => reject(new Error("the database does not open")), OPENING));

const open = async () =>
    openDB("allograph", 2, {
        upgrade(stored) {
            for (const kind of KINDS) {
                if (!stored.objectStoreNames.contains(kind)) {
                    stored.createObjectStore(kind, { keyPath: "id" }).createIndex("writer", "writer");
                }
            }
            if (!stored.objectStoreNames.contains("letters")) {
                stored.createObjectStore("letters", { keyPath: "number", autoIncrement: true });
            }
        },
        blocking: (_, __, event) => close(event.target),
        terminated: () => (opened = null),
    });

/** Another window needs a newer form of the database: let it have it, and open anew when something is to be stored. */
function close(stored) {
    stored.close();
    opened = null;
}

/** What could not be stored, by kind and key; null marks what could not be dropped. */
const memory = Object.fromEntries([...KINDS, "letters"].map((kind) => [kind, new Map()]));
let number = 2 ** 50;

/** Do something with the database; `otherwise` where there is none, or it fails. */
async function attempt(work, otherwise) {
    const stored = await database();
    if (stored === null) return otherwise();
    try {
        return await work(stored);
    } catch {
        fail();
        return otherwise();
    }
}

/** Write at once: a transaction that is not told to commit can still be lost when the window closes. */
async function put(stored, kind, value) {
    const change = stored.transaction(kind, "readwrite");
    const key = change.store.put(value);
    change.commit?.();
    await change.done;
    return key;
}

const copy = (value) => JSON.parse(JSON.stringify(value));

/** What is stored of a kind, with what memory has to add. */
function withMemory(kind, found, key) {
    const missing = [...memory[kind].values()].filter((value) => value !== null);
    return [...found.filter((value) => !memory[kind].has(value[key])), ...missing];
}

/** Keep a record, new or changed: { id, writer, at, … }. */
export async function keepRecord(kind, record) {
    const plain = copy(record);
    await attempt(
        async (stored) => {
            await put(stored, kind, plain);
            memory[kind].delete(plain.id);
        },
        () => memory[kind].set(plain.id, plain),
    );
    tellWindows(kind, plain.id, plain);
}

/** A writer's records, the oldest first. */
export async function recordsOf(kind, writer) {
    const found = await attempt(
        (stored) => stored.getAllFromIndex(kind, "writer", writer),
        () => [],
    );
    return withMemory(kind, found, "id")
        .filter((record) => record.writer === writer)
        .sort((one, other) => one.at - other.at);
}

/** A record is kept no longer. */
export async function dropRecord(kind, id) {
    memory[kind].delete(id);
    await attempt(
        (stored) => stored.delete(kind, id),
        () => memory[kind].set(id, null),
    );
    tellWindows(kind, id, null);
}

/** Keep what is to be sent; returns its number. */
export const keepLetter = (letter) =>
    attempt(
        (stored) => put(stored, "letters", copy(letter)),
        () => {
            memory.letters.set(++number, { ...copy(letter), number });
            return number;
        },
    );

/** All that is to be sent, in order. */
export async function letters() {
    const found = await attempt(
        (stored) => stored.getAll("letters"),
        () => [],
    );
    return withMemory("letters", found, "number").sort((one, other) => one.number - other.number);
}

/** It was sent, or never can be. */
export async function dropLetter(which) {
    const known = memory.letters.delete(which);
    if (known) return;
    await attempt(
        (stored) => stored.delete("letters", which),
        () => memory.letters.set(which, null),
    );
    tellWindows("letters", which, null);
}

/** Nothing of a writer stays on this device. */
export async function clear(writer) {
    for (const kind of KINDS) for (const { id } of await recordsOf(kind, writer)) await dropRecord(kind, id);
    for (const letter of await letters()) if (letter.writer === writer) await dropLetter(letter.number);
}
