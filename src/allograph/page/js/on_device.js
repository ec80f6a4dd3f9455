// Reading on this device: the page's client of the worker that does it. Nothing is computed here, so the pen never waits; and
// nothing of it is loaded before it is switched on.

import { recall, remember } from "./device.js";

const WORKER = "/static/js/allograph/worker.js";
const NOT_STARTED =
    "reading on this device did not start: it could not be fetched, or this browser is too old for it; the service still reads";
const IS_ON = "readsOnDevice";

let worker = null;
let starting = null;
let number = 0;
let headers = () => ({});
const waiting = new Map();

/** An error of the kind that says: the service has to read. */
const unusable = (message) => Object.assign(new Error(message), { name: "UnusableDevice" });

/** What the service wants to be told with a request, such as a key: a function that gives the headers. */
export function setHeaders(give) {
    headers = give;
}

/** Whether this device reads by itself, as the person chose. */
export const isOn = () => recall(IS_ON, false);

/**
 * Read on this device from now on. Fetches the runtime and the bundle, or takes what was kept, and tells `tell({ loaded, total
 * })` in bytes. Throws an error named `UnusableDevice`, which says what to do, where the browser or the network does not allow
 * it.
 */
export async function switchOn(tell = () => undefined) {
    await started(tell);
    remember(IS_ON, true);
}

/** Read by the service alone again: what was fetched and what is known of the writers leaves this device. */
export async function switchOff() {
    await ask("stop");
    remember(IS_ON, false);
    end(unusable("reading on this device was switched off"));
}

/** The readings of samples, in the form of the service's; `options` as its (alphabet, best, confidence, why, context). */
export const read = (writer, samples, options = {}) => asked("read", writer, samples, options);

/** Learn corrections, in the service's form; the next reading knows them. They are sent to the service by the page's post. */
export const learn = (writer, corrections) => asked("learn", writer, corrections);

/** Take a correction back; false where only the service can, and `refresh` then brings it. */
export const undo = (writer, id) => asked("undo", writer, id);

/**
 * Take what the service knows of a writer, where that is new: { changed, head, incarnation }. Not while corrections are
 * `pending`, which the service has not been sent.
 */
export async function refresh(writer, { pending = false } = {}) {
    const told = await asked("refresh", writer, { pending, headers: headers() });
    if (!told.outdated) return told;
    starting = null; // the service has another model by now
    return asked("refresh", writer, { pending, headers: headers() });
}

/** Nothing of a writer stays on this device, also where the worker does not run. */
export async function forget(writer) {
    if (worker) await ask("forget", writer);
    else if (isOn()) await (await import("./on_device/states.js")).dropProfile(writer);
}

/** Ask the worker, which is started first where it is not. */
async function asked(call, ...values) {
    if (!isOn()) throw unusable("reading on this device is switched off; switch it on first");
    await started();
    return ask(call, ...values);
}

function started(tell = () => undefined) {
    starting ??= ask("start", tell).catch((error) => {
        starting = null;
        throw error;
    });
    return starting;
}

function ask(call, ...values) {
    worker ??= opened();
    number += 1;
    const [tell] = values;
    return new Promise((resolve, reject) => {
        waiting.set(number, { resolve, reject, tell });
        worker.postMessage({ number, call, values: call === "start" ? [] : values });
    });
}

function opened() {
    const found = new Worker(WORKER, { type: "module", name: "allograph" });
    found.addEventListener("message", ({ data }) => {
        const { resolve, reject, tell } = waiting.get(data.number) ?? {};
        if (!resolve) return; // another file of a start that failed
        if (data.progress) {
            tell(data.progress);
            return;
        }
        waiting.delete(data.number);
        if (data.error) reject(Object.assign(new Error(data.error.message), { name: data.error.name }));
        else resolve(data.value);
    });
    found.addEventListener("error", () => end(unusable(NOT_STARTED)));
    return found;
}

/** The worker is gone, and who waits for it is told why. */
function end(reason) {
    worker?.terminate();
    [worker, starting] = [null, null];
    for (const { reject } of waiting.values()) reject(reason);
    waiting.clear();
}
