// The allograph service, in its own words. No label is ever part of an address.

import { incarnationOf, isKnown, nowKnown } from "./writers.js";

const KEY = "allograph-key";
const INCARNATION = "X-Allograph-Incarnation";
const PATIENCE = 15000;

/** The service did not answer, or cannot now: try again later. */
export class Unreachable extends Error {}

/** The service answered that it will not. */
export class Refused extends Error {
    constructor(status, detail) {
        super(detail);
        this.status = status;
    }
}

/** The hand that a request is of was erased: nothing of it is to be kept. */
export class Erased extends Refused {}

const LATER = new Set([408, 429, 502, 503, 504]);

/** How a key is asked for: a function that resolves to one, or to null where the person has none. */
let askForKey = async () => null;
let asking = null;

export function setAskForKey(ask) {
    askForKey = ask;
}

/** Tells of "admitted" when a key was given. */
export const admission = new EventTarget();

/** The key of this session, kept for this window's life; in memory where the browser stores nothing. */
let heldKey = null;

function key() {
    try {
        return sessionStorage.getItem(KEY) ?? heldKey;
    } catch {
        return heldKey;
    }
}

function holdKey(given) {
    heldKey = given;
    try {
        if (given === null) sessionStorage.removeItem(KEY);
        else sessionStorage.setItem(KEY, given);
    } catch {
        // it is held as long as the page is open
    }
}

/** Whether a key was given in this session; and to forget it. */
export const hasKey = () => key() !== null;
export const forgetKey = () => holdKey(null);

/** The key as a request carries it; nothing where there is none. */
export const keyHeaders = () => (hasKey() ? { Authorization: `Bearer ${key()}` } : {});

/** A signal that gives up after a while, or when `signal` does; and how to stop waiting. */
function within(milliseconds, signal) {
    const control = new AbortController();
    const stop = () => control.abort();
    const timer = setTimeout(stop, milliseconds);
    if (signal?.aborted) stop();
    signal?.addEventListener("abort", stop);
    return {
        signal: control.signal,
        done() {
            clearTimeout(timer);
            signal?.removeEventListener("abort", stop);
        },
    };
}

async function request(method, path, { json, body, headers = {}, signal } = {}) {
    const sent = { ...headers };
    if (json !== undefined) sent["Content-Type"] = "application/json";
    if (body !== undefined) sent["Content-Type"] = "application/octet-stream";
    if (hasKey()) sent.Authorization = `Bearer ${key()}`;
    const limit = within(PATIENCE, signal);
    try {
        const answer = await fetch(`/v1${path}`, {
            method,
            headers: sent,
            body: json === undefined ? body : JSON.stringify(json),
            signal: limit.signal,
        });
        if (answer.status === 401 && (await newKey(sent.Authorization))) {
            return await request(method, path, { json, body, headers, signal });
        }
        if (LATER.has(answer.status)) throw new Unreachable(`the service answers ${answer.status}`);
        if (!answer.ok) await refuse(answer);
        return { answer, content: await answer.blob() };
    } catch (error) {
        if (error instanceof Refused || error instanceof Unreachable) throw error;
        if (signal?.aborted) throw new DOMException("given up", "AbortError");
        throw new Unreachable("the service does not answer");
    } finally {
        limit.done();
    }
}

async function refuse(answer) {
    const problem = await answer.json().catch(() => ({}));
    const detail = problem.detail ?? problem.title ?? `the service answers ${answer.status}`;
    throw new (answer.status === 410 ? Erased : Refused)(answer.status, detail);
}

/** Ask for a key once, however many requests wait for it; false where there is none to be had. */
async function newKey(tried) {
    const held = key();
    if (held !== null && tried !== `Bearer ${held}`) return true;
    asking ??= askForKey(held !== null).finally(() => (asking = null));
    const given = await asking;
    if (given && key() !== given) {
        holdKey(given);
        setTimeout(() => admission.dispatchEvent(new Event("admitted")));
    }
    return Boolean(given);
}

const answered = async (...call) => JSON.parse(await (await request(...call)).content.text());
const at = (writer, room = "") => `/writers/${encodeURIComponent(writer)}${room}`;
const images = (kept) => (kept ? {} : { "X-Allograph-Keep-Images": "no" });

/** Something that is said of, or to, a writer's profile: of that incarnation of it which is known here, or was when it was said. */
async function told(writer, path, json, { headers = {}, signal, incarnation = incarnationOf(writer) } = {}) {
    const named = incarnation === null ? {} : { [INCARNATION]: incarnation };
    const { answer, content } = await request("POST", at(writer, path), { json, headers: { ...headers, ...named }, signal });
    const now = answer.headers.get(INCARNATION);
    if (now !== null) nowKnown(writer, now);
    return JSON.parse(await content.text());
}

/** What the service is: its labels, alphabets, adapter. */
export const model = () => answered("GET", "/model");

/** Ask something that needs a key, where the service has keys: then it is asked for now, and not at the first stroke. */
export const admitted = () => answered("GET", "/writers?limit=1");

/** Whether the service answers at all. */
export const alive = () => answered("GET", "/live");

/** Read samples; `signal` gives up on it. */
export const read = async (writer, samples, options = {}, signal = undefined) =>
    (await told(writer, "/read", { samples, ...options }, { signal })).readings;

/** Read a line, `{ id, ink, device }`. */
export const readLine = (writer, line, options = {}, signal = undefined) =>
    told(writer, "/lines/read", { ...line, ...options }, { signal });

/** Send a letter's content to a part of its writer's profile. */
const send = (path) => (letter, content) =>
    told(letter.writer, path, content, {
        headers: images(letter.keepImages),
        incarnation: letter.incarnation ?? incarnationOf(letter.writer),
    });

/** Teach, or accept what was read; the service keeps the images, or not. Take a correction, or all of a line, back. */
export const correct = send("/correct");
export const accept = send("/accept");
export const correctLine = send("/lines/correct");
export const acceptLine = send("/lines/accept");
export const undo = send("/undo");

/** What the service knows of a writer; null of one who never taught anything. */
export const writer = (name) => orNone(answered("GET", at(name)));

const ofKnown = (name, room) => (isKnown(name) ? orNone(answered("GET", at(name, room))) : Promise.resolve(null));
export const habits = (name) => ofKnown(name, "");
export const progress = (name) => ofKnown(name, "/progress");
export const confusions = (name) => ofKnown(name, "/confusions");
export const styles = (name) => ofKnown(name, "/styles");
export const suggestions = (name, count) => answered("GET", at(name, `/suggestions?count=${count}`));

/** A page of a writer's corrections: those `after` a place in the journal, those with `ids`; `images: "no"` leaves pictures out. */
export async function corrections(name, { ids = [], ...choice } = {}) {
    const query = new URLSearchParams(Object.entries(choice).filter(([, value]) => value !== null));
    for (const id of ids) query.append("ids", id);
    return (await ofKnown(name, `/corrections?${query}`)) ?? { corrections: [] };
}

/** A writer's profile as one file; and to merge one. */
export const exported = async (name) => (await request("GET", at(name, "/profile"))).content;
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
