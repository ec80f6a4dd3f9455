// How long a pause ends a character: as the person chose or, where they did not, a little longer than their pauses within one.

import { recall, remember } from "./device.js";

const SHORTEST = 700;
const LONGEST = 3000;
const USUAL = 1000;
const KEPT = 40;

/** What may be chosen, in milliseconds or by name. */
export const PAUSES = [
    { value: "mine", text: "as I write: a little longer than my own pauses" },
    { value: 1000, text: "1 second" },
    { value: 2000, text: "2 seconds" },
    { value: 4000, text: "4 seconds" },
    { value: 8000, text: "8 seconds" },
    { value: "never", text: "never: I say when it is done" },
];

export const chosenPause = () => recall("pause", "mine");
export const choosePause = (value) => remember("pause", value);

/** A pause within one character, in milliseconds. */
export function paused(milliseconds) {
    if (milliseconds < 4000) remember("pauses", [...recall("pauses", []), Math.round(milliseconds)].slice(-KEPT));
}

/** After how many milliseconds a character is complete; infinitely many where the person says when. */
export function patience() {
    const chosen = chosenPause();
    if (chosen === "never") return Infinity;
    if (chosen !== "mine") return chosen;
    const pauses = [...recall("pauses", [])].sort((one, other) => one - other);
    if (pauses.length < 5) return USUAL;
    const long = pauses[Math.floor(0.9 * (pauses.length - 1))];
    return Math.min(Math.max(1.8 * long, SHORTEST), LONGEST);
}
