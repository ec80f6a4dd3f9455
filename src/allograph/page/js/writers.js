// The people who write on this device, and whose turn it is.

import { recall, remember } from "./device.js";
import { newId } from "./ids.js";

/** Tells of "change" when somebody else writes. */
export const turns = new EventTarget();

let turn = recall("current");

/** Who is known here: { name, title }; the service knows them by `name`, people by `title`. */
export function writers() {
    const known = recall("writers", []);
    if (known.length) return known;
    const first = [{ name: `me-${newId().slice(0, 6)}`, title: "Me" }];
    remember("writers", first);
    return first;
}

/** Whose turn it is in this window. */
export function current() {
    const known = writers();
    return known.find((writer) => writer.name === turn) ?? known[0];
}

/** It is this writer's turn; one who is new here is added. */
export function take(name, known = false) {
    if (!writers().some((writer) => writer.name === name)) remember("writers", [...writers(), { name, title: name, known }]);
    remember("current", (turn = name));
    turns.dispatchEvent(new Event("change"));
}

/** Whether the service knows this writer, as far as this device can tell: one who never taught anything is not asked for. */
export const isKnown = (name) => writers().some((writer) => writer.name === name && writer.known);

/** The service knows this writer from now on. */
export function nowKnown(name) {
    if (!isKnown(name))
        remember(
            "writers",
            writers().map((writer) => (writer.name === name ? { ...writer, known: true } : writer)),
        );
}

/** The device no longer knows this writer; there is always somebody. */
export function leave(name) {
    remember(
        "writers",
        writers().filter((writer) => writer.name !== name),
    );
    remember("current", (turn = writers()[0].name));
    turns.dispatchEvent(new Event("change"));
}
