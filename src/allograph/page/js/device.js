// What this browser remembers beside the ink: who writes here, and how. In memory where the browser stores nothing.

import { newId } from "./ids.js";

const PLACE = "allograph";

/** Tells of "elsewhere" when another window changed something. */
export const memory = new EventTarget();

let remembered = read() ?? {};

function read() {
    try {
        return JSON.parse(localStorage.getItem(PLACE));
    } catch {
        return null;
    }
}

addEventListener("storage", ({ key }) => {
    if (key !== PLACE && key !== null) return;
    remembered = read() ?? {};
    memory.dispatchEvent(new Event("elsewhere"));
});

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

/** Whether the browser keeps what it is to remember. */
export function isRemembering() {
    try {
        localStorage.setItem(`${PLACE}-test`, "");
        localStorage.removeItem(`${PLACE}-test`);
        return true;
    } catch {
        return false;
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
