// What happened, for those who listen and, where it matters, for those who look.

import { byId } from "./dom.js";

/** Say it to screen readers. */
export function say(text) {
    byId("said").textContent = text;
}

let hiding;

/** Show it at the foot of the page for a while, and say it. */
export function tell(text) {
    const toast = byId("toast");
    toast.textContent = text;
    toast.hidden = false;
    say(text);
    clearTimeout(hiding);
    hiding = setTimeout(() => (toast.hidden = true), 6000);
}
