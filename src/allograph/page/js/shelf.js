// What must not be lost when the page closes or the service is away: drawings, and what was said of them. Kept in IndexedDB.

import { openDB } from "../vendor/idb.js";

const opened = openDB("allograph", 1, {
    upgrade(shelf) {
        shelf.createObjectStore("drawings", { keyPath: "id" }).createIndex("writer", "writer");
        shelf.createObjectStore("letters", { keyPath: "number", autoIncrement: true });
    },
}).catch(() => null);

/** Where a browser stores nothing (private windows of some), memory has to do. */
const memory = { drawings: new Map(), letters: new Map() };
let number = 0;

/** Write to the shelf, at once: a transaction that is not told to commit can still be lost when the window closes. */
async function put(shelf, store, value) {
    const change = shelf.transaction(store, "readwrite");
    const key = change.store.put(value);
    change.commit();
    await change.done;
    return key;
}

/** Keep a drawing, new or changed. */
export async function keepDrawing(drawing) {
    const shelf = await opened;
    const plain = JSON.parse(JSON.stringify(drawing));
    if (shelf) await put(shelf, "drawings", plain);
    else memory.drawings.set(plain.id, plain);
}

/** A writer's drawings, the oldest first. */
export async function drawingsOf(writer) {
    const shelf = await opened;
    const found = shelf
        ? await shelf.getAllFromIndex("drawings", "writer", writer)
        : [...memory.drawings.values()].filter((drawing) => drawing.writer === writer);
    return found.sort((one, other) => one.at - other.at);
}

/** A drawing is kept no longer. */
export async function dropDrawing(id) {
    const shelf = await opened;
    if (shelf) await shelf.delete("drawings", id);
    else memory.drawings.delete(id);
}

/** Keep what is to be sent; returns its number. */
export async function keepLetter(letter) {
    const shelf = await opened;
    if (shelf) return put(shelf, "letters", JSON.parse(JSON.stringify(letter)));
    memory.letters.set(++number, { ...letter, number });
    return number;
}

/** All that is to be sent, in order. */
export async function letters() {
    const shelf = await opened;
    return shelf ? shelf.getAll("letters") : [...memory.letters.values()];
}

/** It was sent, or never can be. */
export async function dropLetter(which) {
    const shelf = await opened;
    if (shelf) await shelf.delete("letters", which);
    else memory.letters.delete(which);
}

/** Nothing of a writer stays on this device. */
export async function clear(writer) {
    for (const drawing of await drawingsOf(writer)) await dropDrawing(drawing.id);
    for (const letter of await letters()) if (letter.writer === writer) await dropLetter(letter.number);
}
