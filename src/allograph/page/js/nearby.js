// Reading on this device, where the person switched it on: characters are read here, also without the service, and what is taught is
// known here at once. The service stays what counts: where it knows more, this device takes that over.

import { connection, heard, isLost } from "./connection.js";
import * as onDevice from "./on_device.js";
import { learning } from "./post.js";
import { setSource } from "./reader.js";
import { keyHeaders, read } from "./service.js";
import { letters } from "./store.js";
import { current, isErased, turns } from "./writers.js";

const PATIENCE = 10000;

/** Until the service worker keeps what is fetched: on a first visit it begins a moment after the page. */
async function isKept() {
    const keeper = navigator.serviceWorker;
    if (!keeper || keeper.controller) return;
    const late = new Promise((resolve) => setTimeout(resolve, PATIENCE));
    await Promise.race([late, new Promise((resolve) => keeper.addEventListener("controllerchange", resolve, { once: true }))]);
}

const fromService = { isReady: () => !isLost(), read: (...request) => heard(read(...request)) };

const here = {
    isReady: () => true,
    async read(writer, samples, options, signal) {
        try {
            return await onDevice.read(writer, samples, options);
        } catch (error) {
            if (error.name !== "UnusableDevice") throw error;
            return fromService.read(writer, samples, options, signal);
        }
    },
};

/** Read here from now on, as was chosen before. */
export function begin() {
    onDevice.setHeaders(keyHeaders);
    if (!onDevice.isOn()) return;
    setSource(here);
    refresh();
}

/** The person switches it on; `tell({ loaded, total })` is told of the bytes that have come. */
export async function switchOn(tell) {
    await isKept();
    await onDevice.switchOn(tell);
    begin();
}

/** The person switches it off: what was fetched, and what is known here of the writers, goes. */
export async function switchOff() {
    setSource(fromService);
    await onDevice.switchOff();
}

export const isOn = onDevice.isOn;

/** Take over what the service knows of whose turn it is, unless something is still to be sent. */
async function refresh() {
    if (!onDevice.isOn() || isLost()) return;
    const { name, known } = current();
    if (!known) return;
    const pending = (await letters()).some(({ writer }) => writer === name);
    await onDevice.refresh(name, { pending }).catch(() => {}); // it reads on with what it knows
}

learning.addEventListener("written", async ({ letter: { kind, writer, corrections, id } }) => {
    if (!onDevice.isOn() || isErased(writer)) return;
    if (kind === "undo") await onDevice.undo(writer, id).catch(() => {});
    else if (corrections) await onDevice.learn(writer, corrections).catch(() => {}); // the service tells of what it refuses
});
learning.addEventListener("learned", refresh);
connection.addEventListener("back", refresh);
turns.addEventListener("change", refresh);
turns.addEventListener("erased", ({ name }) => onDevice.forget(name).catch(() => {}));
