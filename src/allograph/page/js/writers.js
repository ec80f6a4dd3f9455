// The people who write on this device, and whose turn it is.

import { memory, recall, remember } from "./device.js";
import { newId } from "./ids.js";

const ERASED = 500;

/** Tells of "change" when somebody else writes or is called otherwise, and of "erased", with the `name`, when a hand is no more. */
export const turns = new EventTarget();

let turn = recall("current");
let gone = new Set(recall("erased", []));

/** Who is known here: { name, title, known, incarnation }; the service knows them by `name`, people by `title`. */
export function writers() {
    const known = recall("writers", []);
    if (known.length) return known;
    const first = [{ name: newName(), title: "Me" }];
    remember("writers", first);
    return first;
}

const newName = () => `me-${newId().slice(0, 8)}`;

/** Whose turn it is in this window. */
export function current() {
    const known = writers();
    return known.find((writer) => writer.name === turn) ?? known[0];
}

const find = (name) => writers().find((writer) => writer.name === name);

const change = (name, fields) =>
    remember(
        "writers",
        writers().map((writer) => (writer.name === name ? { ...writer, ...fields } : writer)),
    );

const changed = () => turns.dispatchEvent(new Event("change"));

const folded = (title) => title.normalize("NFC").toLowerCase();

/** Whether somebody else on this device is called so. */
export const isTitleTaken = (title, name = null) =>
    writers().some((writer) => writer.name !== name && folded(writer.title) === folded(title));

/** It is this writer's turn; one who is new here is added. */
export function take(name, known = false) {
    remember(
        "erased",
        recall("erased", []).filter((other) => other !== name),
    );
    gone.delete(name);
    if (!find(name)) remember("writers", [...writers(), { name, title: name, known }]);
    remember("current", (turn = name));
    changed();
}

/** Call a writer otherwise on this device; raises an error where somebody else is called so. */
export function rename(name, title) {
    if (isTitleTaken(title, name)) throw new Error(`Somebody here is called ${title} already`);
    change(name, { title: title.normalize("NFC") });
    changed();
}

/** Whether the service knows this writer, as far as this device can tell: one who never taught anything is not asked for. */
export const isKnown = (name) => Boolean(find(name)?.known);

/** Which of the profiles that ever had this name it is; null while that is not known. */
export const incarnationOf = (name) => find(name)?.incarnation ?? null;

/** The service knows this writer from now on, by this incarnation of the profile. */
export function nowKnown(name, incarnation = null) {
    const writer = find(name);
    if (!writer || (writer.known && (incarnation === null || writer.incarnation === incarnation))) return;
    change(name, { known: true, ...(incarnation === null ? {} : { incarnation }) });
}

/** The device no longer knows this writer; there is always somebody. */
export function leave(name) {
    remember(
        "writers",
        writers().filter((writer) => writer.name !== name),
    );
    remember("current", (turn = writers()[0].name));
    changed();
}

/** Whether a hand was erased, and is to stay so, in all windows. */
export const isErased = (name) => recall("erased", []).includes(name);

/** A hand was erased: nothing of it is sent or kept by any window from now on. */
export function erase(name) {
    gone.add(name);
    remember("erased", [...recall("erased", []).filter((other) => other !== name), name].slice(-ERASED));
    forget("asked", name);
    forget("rounds", name);
    turns.dispatchEvent(Object.assign(new Event("erased"), { name }));
    leave(name);
}

/** Nothing is remembered of a writer under this name. */
function forget(place, name) {
    const { [name]: _, ...others } = recall(place, {});
    remember(place, others);
}

let listed = null;

memory.addEventListener("elsewhere", () => {
    const now = recall("erased", []);
    for (const name of now.filter((other) => !gone.has(other))) {
        turns.dispatchEvent(Object.assign(new Event("erased"), { name }));
    }
    gone = new Set(now);
    const others = JSON.stringify(writers().map(({ name, title }) => [name, title]));
    if (others === listed) return;
    listed = others;
    if (!find(turn)) turn = writers()[0].name;
    changed();
});
