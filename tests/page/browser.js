// As much of a browser as the page's modules without a DOM need: storage, an empty document, and a service that the test plays.

import { webcrypto } from "node:crypto";

class Storage {
    #items = new Map();
    getItem = (name) => this.#items.get(name) ?? null;
    setItem = (name, value) => this.#items.set(name, String(value));
    removeItem = (name) => this.#items.delete(name);
}

const elements = new Map();

/** The element with an id, as plain as it gets. */
export const element = (id) => {
    if (!elements.has(id)) elements.set(id, { hidden: true, textContent: "" });
    return elements.get(id);
};

/** Requests that the service got: [method, path, body]. */
export const requests = [];

/** What the service answers to the next requests; `null` is a service that does not answer. */
let answer = () => ({ status: 200, json: {} });

/** Let the service answer with `{ status, json }`, or null, made from method, path and body. */
export const setAnswer = (next) => (answer = next);

/** To other windows, of which there are none. */
class BroadcastChannel extends EventTarget {
    postMessage() {}
}

class IDBRequest extends EventTarget {
    error = new Error("this browser stores nothing");
}

Object.assign(globalThis, {
    localStorage: new Storage(),
    sessionStorage: new Storage(),
    addEventListener: () => undefined,
    document: { getElementById: element },
    BroadcastChannel,
    IDBRequest,
    indexedDB: {
        open() {
            const request = new IDBRequest();
            queueMicrotask(() => request.dispatchEvent(new Event("error")));
            return request;
        },
    },
    async fetch(path, { method, body, headers }) {
        const json = headers["Content-Type"] === "application/json" ? JSON.parse(body) : body;
        requests.push([method, path, json, headers]);
        const found = await answer(method, path, json);
        if (found === null) throw new TypeError("no connection");
        return new Response(JSON.stringify(found.json ?? {}), { status: found.status });
    },
});
globalThis.crypto ??= webcrypto; // before node 20
Object.defineProperty(globalThis, "navigator", { value: {}, configurable: true });
