// What this browser remembers beside the ink: who writes here, and how.

import { newId } from "./ids.js";

const PLACE = "allograph";

let remembered = read() ?? {};

function read() {
    try {
        return JSON.parse(localStorage.getItem(PLACE));
    } catch {
        return null;
    }
}

addEventListener("storage", () => (remembered = read() ?? remembered));

/** The value under a name, or `otherwise`. */
export const recall = (name, otherwise) => remembered[name] ?? otherwise;

/** Keep a value, beside what other windows keep; `undefined` forgets it. */
export function remember(name, value) {
    remembered = { ...(read() ?? remembered), [name]: value };
    try {
        localStorage.setItem(PLACE, JSON.stringify(remembered));
    } catch {
        // a browser that stores nothing still works until it is closed
    }
}

/** What this device is called where the size of writing is compared: a random name, made once. */
export function deviceName() {
    const known = recall("device");
    if (known) return known;
    const name = newId();
    remember("device", name);
    return name;
}
