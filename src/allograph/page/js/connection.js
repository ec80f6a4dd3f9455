// Whether the service answers. While it does not, a banner says so, and the page asks again every two seconds.

import { say } from "./announce.js";
import { byId } from "./dom.js";
import { admission, alive, Unreachable } from "./service.js";

const AGAIN = 2000;

/** Tells of "lost" when the service does not answer; of "back" when it does again, or lets somebody in who gave a key. */
export const connection = new EventTarget();

let waiting = null;

export const isLost = () => waiting !== null;

/** The service did not answer. */
export function lost() {
    if (waiting !== null) return;
    byId("offline").hidden = false;
    say(byId("offline").textContent.trim());
    waiting = setTimeout(tryAgain, AGAIN);
    connection.dispatchEvent(new Event("lost"));
}

/** The service answered. */
export function found() {
    if (waiting === null) return;
    clearTimeout(waiting);
    waiting = null;
    byId("offline").hidden = true;
    say("The service is back.");
    connection.dispatchEvent(new Event("back"));
}

async function tryAgain() {
    try {
        await alive();
    } catch (error) {
        if (error instanceof Unreachable) {
            waiting = setTimeout(tryAgain, AGAIN);
            return;
        }
    }
    found();
}

addEventListener("online", () => isLost() && tryAgain());
admission.addEventListener("admitted", () => (isLost() ? found() : connection.dispatchEvent(new Event("back"))));

/** Wait for an answer, and know from it whether there is a connection. */
export async function heard(answer) {
    try {
        const value = await answer;
        found();
        return value;
    } catch (error) {
        if (error instanceof Unreachable) lost();
        else if (error.name !== "AbortError") found();
        throw error;
    }
}
