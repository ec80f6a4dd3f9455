// A label that contradicts all that is known of a hand may be a slip: it is asked about once, where it was given.

import { recall, remember } from "./device.js";
import { nameOf } from "./labels.js";

/** A slip is more probable than not. */
const LIKELY = 0.5;
const REMEMBERED = 500;

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

/** The question, in words. */
export const question = (label) =>
    `Is it really ${nameOf(label)}? From all that I know of your hand I would not have thought so.`;
