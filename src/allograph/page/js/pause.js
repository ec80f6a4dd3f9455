// How long a pause ends a character: a little longer than this person's pauses within one.

import { recall, remember } from "./device.js";

const SHORTEST = 700;
const LONGEST = 2000;
const USUAL = 1000;
const KEPT = 40;

/** A pause within one character, in milliseconds. */
export function paused(milliseconds) {
    if (milliseconds < 4000) remember("pauses", [...recall("pauses", []), Math.round(milliseconds)].slice(-KEPT));
}

/** After how many milliseconds a character is complete. */
export function patience() {
    const pauses = [...recall("pauses", [])].sort((one, other) => one - other);
    if (pauses.length < 5) return USUAL;
    const long = pauses[Math.floor(0.9 * (pauses.length - 1))];
    return Math.min(Math.max(1.8 * long, SHORTEST), LONGEST);
}
