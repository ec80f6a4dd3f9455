// A label that contradicts all that is known of a hand may be a slip: the page asks once, and goes on whatever is answered.

import { say } from "./announce.js";
import { recall, remember } from "./device.js";
import { byId } from "./dom.js";
import { nameOf } from "./labels.js";

/** A slip is more probable than not. */
const LIKELY = 0.5;
const REMEMBERED = 500;

let answer = () => {};

/** Whether to ask about a correction: one that is doubtful, and was not asked about before. It counts as asked from now on. */
export function isToBeAsked({ id, doubt, writer }) {
    const { [writer]: ids = [], ...others } = recall("asked", {});
    if (!(doubt > LIKELY) || ids.includes(id)) return false;
    remember("asked", { ...others, [writer]: [...ids, id].slice(-REMEMBERED) });
    return true;
}

/** Nothing is remembered of what this writer was asked. */
export function forgetAsked(writer) {
    const { [writer]: _, ...others } = recall("asked", {});
    remember("asked", others);
}

/** Ask, beside the writing; resolves to "keep", "undo" or "other". A question that nobody answered is kept when the next one comes. */
export function asked(label) {
    answer("keep");
    const place = byId("doubt");
    const question = `Is it really “${label}”, ${nameOf(label)}?`;
    byId("doubt-title").textContent = question;
    place.hidden = false;
    say(question);
    return new Promise((resolve) => {
        answer = (given) => {
            const held = place.contains(document.activeElement);
            place.hidden = true;
            answer = () => {};
            if (held) byId("content").focus({ preventScroll: true });
            resolve(given);
        };
        for (const given of ["keep", "undo", "other"]) byId(`doubt-${given}`).onclick = () => answer(given);
        place.onkeydown = ({ key }) => key === "Escape" && answer("keep");
    });
}

/** Nobody is asked any more: somebody else writes. */
export const withdraw = () => answer("keep");
