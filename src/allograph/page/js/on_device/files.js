// The files that reading on this device needs, 6 MB: the runtime and the service's bundle. Kept in the browser's cache, where
// it has one: without a network they come from there.

import { UnusableDevice } from "./errors.js";

const CACHE = "allograph-on-device";
const LIST = "/v1/bundle";
const VENDOR = "/static/vendor/onnxruntime-web";
/** The modules of the runtime, which are imported by address, and its WebAssembly. */
export const RUNTIME = { module: `${VENDOR}.js`, loader: `${VENDOR}-wasm.js`, wasm: `${VENDOR}.wasm.gz` };
/** Bytes of the WebAssembly, packed. */
const WASM_BYTES = 3659927;
/** A service that takes longer to say which bundle it has is not waited for, where a bundle is kept. */
const PATIENCE = 3000;

/** The browser's cache; null where it has none, as on plain HTTP, or denies it. */
const opened = async () => (await globalThis.caches?.open(CACHE).catch(() => null)) ?? null;

/**
 * The bytes { wasm, config, model, adapters } and the bundle's list; `tell({ loaded, total })` is told how many bytes there are
 * so far. What is kept is not fetched again unless the service has another bundle. Throws `UnusableDevice` where a file cannot
 * be had or is not what the list says.
 */
export async function loadFiles(tell = () => undefined) {
    const cache = await opened();
    const list = await bundleList(cache);
    let loaded = 0;
    const total = list.files.reduce((sum, { bytes }) => sum + bytes, WASM_BYTES);
    const grow = (bytes) => tell({ loaded: (loaded += bytes), total });
    const found = await Promise.all([
        ...list.files.map((file) => bundleFile(cache, file, grow)),
        fetchKept(cache, RUNTIME.wasm, grow),
        ...[RUNTIME.module, RUNTIME.loader].map((address) => fetchKept(cache, address, () => undefined)),
    ]);
    await keep(cache, LIST, new Response(JSON.stringify(list)));
    await dropOthers(cache, [LIST, ...Object.values(RUNTIME), ...list.files.map(addressOf)]);
    const byName = Object.fromEntries(list.files.map(({ name }, i) => [name, found[i]]));
    return {
        list,
        wasm: await unpack(found[list.files.length]),
        config: byName["config.json"],
        model: byName["model.onnx"],
        adapters: byName["adapters.safetensors"],
    };
}

/** Nothing of it stays on this device. */
export const dropFiles = () => globalThis.caches?.delete(CACHE);

const addressOf = ({ name, sha256 }) => `${LIST}/${name}?v=${sha256}`;

/** The hash of the model that the service reads with now; null where it does not answer. */
export async function currentModel() {
    const answer = await fetchWithin(LIST, PATIENCE);
    return answer?.ok ? (await answer.json()).model_hash : null;
}

/** What the service's bundle is made of; as it was kept, where the service does not answer. */
async function bundleList(cache) {
    const kept = await cache?.match(LIST);
    const answer = await fetchWithin(LIST, kept ? PATIENCE : 0);
    if (answer?.ok) return answer.json();
    if (kept) return kept.json();
    throw new UnusableDevice(
        answer
            ? `the service has nothing to read with on this device: it answers ${answer.status}`
            : "the service does not answer",
    );
}

async function bundleFile(cache, file, grow) {
    const address = addressOf(file);
    const bytes = await fetchKept(cache, address, grow);
    if (bytes.length === file.bytes && (await isOf(bytes, file.sha256))) return bytes;
    await cache?.delete(address);
    throw new UnusableDevice(`${file.name} came damaged: it is not what the service says of it; try again`);
}

/** What gzip packed. */
async function unpack(bytes) {
    try {
        const plain = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
        return new Uint8Array(await new Response(plain).arrayBuffer());
    } catch (error) {
        throw new UnusableDevice(`the runtime cannot be unpacked (${error.message}); try again, or with a newer browser`);
    }
}

/** Whether these bytes have this hash; a page on plain HTTP cannot know, and takes them: their formats are checked besides. */
async function isOf(bytes, sha256) {
    if (!globalThis.crypto?.subtle) return true;
    const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
    return Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("") === sha256;
}

/** The bytes at an address, from the cache or else from the service, and then kept. */
async function fetchKept(cache, address, grow) {
    const kept = await cache?.match(address);
    const answer = kept ?? (await fetchWithin(address, 0));
    if (!answer?.ok)
        throw new UnusableDevice(
            `${address} cannot be fetched: ${answer ? `the answer is ${answer.status}` : "no connection"}`,
        );
    const copy = kept ? null : answer.clone();
    const keeping = copy && keep(cache, address, copy);
    const bytes = await readAll(answer, address, grow);
    await keeping;
    return bytes;
}

async function readAll(answer, address, grow) {
    const parts = [];
    const reader = answer.body.getReader();
    try {
        for (;;) {
            const { done, value } = await reader.read();
            if (done) break;
            parts.push(value);
            grow(value.length);
        }
    } catch {
        throw new UnusableDevice(`${address} cannot be fetched: the connection was lost; try again`);
    }
    const bytes = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
    let place = 0;
    for (const part of parts) {
        bytes.set(part, place);
        place += part.length;
    }
    return bytes;
}

/** Keep an answer; a full or denied cache only means that it is fetched again. */
const keep = (cache, address, answer) => cache?.put(address, answer).catch(() => undefined);

async function dropOthers(cache, addresses) {
    if (!cache) return;
    const wanted = new Set(addresses.map((address) => new URL(address, self.location.origin).href));
    for (const { url } of await cache.keys()) if (!wanted.has(url)) await cache.delete(url);
}

/** The answer, or null where there is none, or not within so many milliseconds (0: however long it takes). */
async function fetchWithin(address, milliseconds) {
    const stop = new AbortController();
    const timer = milliseconds && setTimeout(() => stop.abort(), milliseconds);
    try {
        return await fetch(address, { signal: stop.signal });
    } catch {
        return null;
    } finally {
        clearTimeout(timer);
    }
}
