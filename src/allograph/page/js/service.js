// The allograph service, in its own words. No label is ever part of an address.

import { isKnown } from "./writers.js";

const KEY = "allograph-key";

/** The service did not answer, or cannot now: try again later. */
export class Unreachable extends Error {}

/** The service answered that it will not. */
export class Refused extends Error {
    constructor(status, detail) {
        super(detail);
        this.status = status;
    }
}

const LATER = new Set([429, 502, 503, 504]);

/** How a key is asked for: a function that resolves to one, or to null where the person has none. */
let askForKey = async () => null;
let asking = null;

export function setAskForKey(ask) {
    askForKey = ask;
}

/** Whether a key was given in this session; and to forget it. */
export const hasKey = () => sessionStorage.getItem(KEY) !== null;
export const forgetKey = () => sessionStorage.removeItem(KEY);

async function request(method, path, { json, body, headers = {}, signal } = {}) {
    const sent = { ...headers };
    if (json !== undefined) sent["Content-Type"] = "application/json";
    if (body !== undefined) sent["Content-Type"] = "application/octet-stream";
    if (hasKey()) sent.Authorization = `Bearer ${sessionStorage.getItem(KEY)}`;
    let answer;
    try {
        const limit = AbortSignal.timeout(15000);
        answer = await fetch(`/v1${path}`, {
            method,
            headers: sent,
            body: json === undefined ? body : JSON.stringify(json),
            signal: signal ? AbortSignal.any([signal, limit]) : limit,
        });
    } catch (error) {
        if (signal?.aborted) throw error;
        throw new Unreachable("the service does not answer");
    }
    if (answer.status === 401 && (await newKey(sent.Authorization))) {
        return request(method, path, { json, body, headers, signal });
    }
    if (LATER.has(answer.status)) throw new Unreachable(`the service answers ${answer.status}`);
    if (!answer.ok) {
        const problem = await answer.json().catch(() => ({}));
        throw new Refused(answer.status, problem.detail ?? problem.title ?? `the service answers ${answer.status}`);
    }
    return answer;
}

/** Ask for a key once, however many requests wait for it; false where there is none to be had. */
async function newKey(tried) {
    const held = sessionStorage.getItem(KEY);
    if (held !== null && tried !== `Bearer ${held}`) return true;
    asking ??= askForKey(held !== null).finally(() => (asking = null));
    const key = await asking;
    if (key) sessionStorage.setItem(KEY, key);
    return Boolean(key);
}

const answered = async (...call) => (await request(...call)).json();
const at = (writer, room = "") => `/writers/${encodeURIComponent(writer)}${room}`;
const images = (kept) => (kept ? {} : { "X-Allograph-Keep-Images": "no" });

/** What the service is: its labels, alphabets, adapter. */
export const model = () => answered("GET", "/model");

/** Ask something that needs a key, where the service has keys: then it is asked for now, and not at the first stroke. */
export const admitted = () => answered("GET", "/writers?limit=1");

/** Whether the service answers at all. */
export const alive = () => answered("GET", "/live");

/** Read samples; `signal` gives up on it. */
export const read = async (writer, samples, options = {}, signal = undefined) =>
    (await answered("POST", at(writer, "/read"), { json: { samples, ...options }, signal })).readings;

/** Teach, or accept what was read; the service keeps the images, or not. */
export const correct = (writer, corrections, keepImages, context) =>
    answered("POST", at(writer, "/correct"), { json: { corrections, context }, headers: images(keepImages) });
export const accept = (writer, corrections, keepImages, context) =>
    answered("POST", at(writer, "/accept"), { json: { corrections, context }, headers: images(keepImages) });

/** Take one correction back. */
export const undo = (writer, id) => answered("POST", at(writer, "/undo"), { json: { id } });

/** What the service knows of a writer; null of one who never taught anything. */
export const writer = (name) => orNone(answered("GET", at(name)));

const ofKnown = (name, room) => (isKnown(name) ? orNone(answered("GET", at(name, room))) : Promise.resolve(null));
export const habits = (name) => ofKnown(name, "");
export const progress = (name) => ofKnown(name, "/progress");
export const confusions = (name) => ofKnown(name, "/confusions");
export const styles = (name) => ofKnown(name, "/styles");
export const suggestions = (name, count) => answered("GET", at(name, `/suggestions?count=${count}`));

/** A page of a writer's corrections, those after a place in the journal. */
export const corrections = async (name, after = null, limit = 100) =>
    (await ofKnown(name, `/corrections?limit=${limit}${after === null ? "" : `&after=${after}`}`)) ?? { corrections: [] };

/** A writer's profile as one file; and to merge one. */
export const exported = async (name) => (await request("GET", at(name, "/profile"))).blob();
export const imported = (name, file) => answered("PUT", at(name, "/profile"), { body: file });

/** Forget the writer altogether; false where the service knew nothing of them. */
export const erase = async (name) => (await orNone(answered("DELETE", at(name)))) !== null;

async function orNone(answer) {
    try {
        return await answer;
    } catch (error) {
        if (error instanceof Refused && error.status === 404) return null;
        throw error;
    }
}
