// Reading and learning on this device, with the service's bundle and what the service knows of a writer.

import { Profile } from "../allograph/profile.js";
import { checkContext, Reader } from "../allograph/reader.js";
import { joinSamples, samplesAt } from "../allograph/samples.js";
import { UnusableDevice } from "./errors.js";
import { currentModel, dropFiles, loadFiles, RUNTIME } from "./files.js";
import { dropProfile, dropProfiles, keepProfile, keptProfile, watchProfiles } from "./states.js";

/** Characters of which it is remembered what the model said: a context, what is read beside it, and then some. */
const REMEMBERED = 256;

let reader = null;
let modelHash = "";
let profiles = new Map();
const outputs = new Map();

watchProfiles((writer) => {
    if (writer === null) profiles.clear();
    else profiles.delete(writer); // it is read anew
});

/** Load what is needed; `tell({ loaded, total })` is told of the progress. */
export async function start(tell) {
    const { list, wasm, ...files } = await loadFiles(tell);
    const ort = await runtime(wasm);
    const started = await Reader.open(files, ort);
    delete ort.env.wasm.wasmBinary; // it is compiled
    await reader?.recognizer.release();
    [reader, modelHash, profiles] = [started, list.model_hash, new Map()];
    outputs.clear();
    return { modelHash };
}

/** Delete all that this device keeps to read by itself. */
export async function stop() {
    await reader?.recognizer.release();
    [reader, profiles] = [null, new Map()];
    outputs.clear();
    await Promise.all([dropFiles(), dropProfiles()]);
}

/**
 * The readings of samples, as the service answers them; `options` are alphabet, best, confidence, why and context, as it takes
 * them. A writer of whom nothing is known gets the base classifier's answers.
 */
export async function read(writer, samples, { alphabet = null, best = 5, confidence = 0, why = false, context = [] } = {}) {
    const { profile } = await profileOf(writer);
    const characters = [...checkContext(context), ...samples];
    const all = await samplesOf(characters);
    const places = Array.from(characters.keys());
    const beside = context.length ? samplesAt(all, places.slice(0, context.length)) : null;
    const readings = reader.read(profile, samplesAt(all, places.slice(context.length)), { alphabet, context: beside });
    return readings.map((reading, i) => ({
        id: samples[i].id ?? null,
        label: reading.label,
        probability: reading.probability,
        abstains: reading.probability < confidence,
        base: reading.base,
        personal: reading.label,
        best: reading.best(best),
        ...(why ? { why: reasonOf(reading) } : {}),
    }));
}

/**
 * Learn corrections `[{ id, label, ink or image, new, alphabet, … }]`, as the service takes them, in one batch: the next
 * reading knows them. One without a sample gives the sample of its id another label, where it was taught on this device.
 */
export async function learn(writer, corrections) {
    const drawn = corrections.filter(hasSample);
    const all = drawn.length ? await samplesOf(drawn) : null;
    const held = await profileOf(writer);
    const batch = corrections.flatMap((one) => {
        const known = hasSample(one) ? samplesAt(all, [drawn.indexOf(one)]) : held.profile.sampleOf(one.id);
        if (!known) return []; // of a correction that the service alone has
        return [{ id: one.id, ...reader.lesson(held.profile, known, one.label, { alphabet: one.alphabet, isNew: one.new }) }];
    });
    held.profile.learn(batch);
    await keep(writer, held);
    return held.profile.corrections;
}

/**
 * Take a correction back; false where the state came from the service with it: then only the service can, and `refresh` brings
 * it.
 */
export async function undo(writer, id) {
    const held = await profileOf(writer);
    if (!held.profile.has(id)) return false;
    held.profile.undo(id);
    await keep(writer, held);
    return true;
}

/**
 * Take what the service knows of a writer, where that is new; not while corrections are `pending`, which the service does not
 * know yet. `{ changed, head, incarnation }`; a writer of whom the service knows nothing has head 0. `outdated` says that the
 * service has another model by now: start again.
 */
export async function refresh(writer, { pending = false, headers = {} } = {}) {
    const held = await profileOf(writer);
    const known = { changed: false, head: held.head, incarnation: held.incarnation };
    if (pending) return known;
    const { revision } = held.profile;
    const model = await currentModel();
    if (model !== null && model !== modelHash) return { ...known, outdated: true };
    const answer = await stateOf(writer, held.tag ? { ...headers, "If-None-Match": held.tag } : headers);
    const isLast = (await profiles.get(writer)) === held && held.profile.revision === revision;
    if (!answer || !isLast) return known; // something was taught or forgotten meanwhile, which this state may not know
    if (answer.status === 304 || (answer.head === held.head && answer.incarnation === held.incarnation)) {
        if (!held.profile.corrections.length) return known;
        held.profile.clear(); // they were sent, and the service has no such corrections
    } else {
        held.profile = answer.bytes ? Profile.fromBytes(answer.bytes, reader.adapter, modelHash) : new Profile(reader.adapter);
        Object.assign(held, { tag: answer.tag, head: answer.head, incarnation: answer.incarnation });
    }
    await keep(writer, held);
    return { changed: true, head: held.head, incarnation: held.incarnation };
}

/** Nothing of a writer stays on this device. */
export async function forget(writer) {
    outputs.clear();
    profiles.delete(writer);
    await dropProfile(writer);
}

const hasSample = ({ ink, image }) => Boolean(ink ?? image);

/** The smallest module that uses SIMD. */
const SIMD = [0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 10, 1, 8, 0, 65, 0, 253, 15, 253, 98, 11];

async function runtime(wasm) {
    if (!globalThis.WebAssembly?.validate(Uint8Array.from(SIMD))) {
        throw new UnusableDevice(
            "this browser is too old to read on the device: it has no WebAssembly with SIMD; the service still reads",
        );
    }
    try {
        const ort = await import(/* the runtime's own address */ RUNTIME.module);
        Object.assign(ort.env.wasm, { numThreads: 1, proxy: false, wasmBinary: wasm, wasmPaths: { mjs: RUNTIME.loader } });
        return ort;
    } catch (error) {
        throw new UnusableDevice(`this browser cannot run the recognizer (${error.message}); the service still reads`);
    }
}

/**
 * What the model says of characters of a request; what it said lately it need not say again, as of a context, which comes
 * often.
 */
async function samplesOf(characters) {
    const keys = characters.map(({ ink, image, box, unit, device, baseline }) =>
        JSON.stringify([ink, image, box, unit, device, baseline]),
    );
    const places = Array.from(keys.keys()).filter((place) => !outputs.has(keys[place]));
    if (places.length) {
        const fresh = await reader.samplesOf(places.map((place) => character(characters[place])));
        places.forEach((place, i) => outputs.set(keys[place], samplesAt(fresh, [i])));
    }
    const found = keys.map((key) => outputs.get(key));
    for (const key of outputs.keys()) {
        if (outputs.size <= REMEMBERED) break;
        outputs.delete(key);
    }
    return joinSamples(found);
}

/** A sample of a request, as a reader takes it: of a point, the pressure is ignored. */
function character({ ink, image, box, unit, device, baseline }) {
    if (Array.isArray(ink)) return { ink: ink.map(withoutPressure), unit, device, baseline };
    return { image: pixelsOf(image), box };
}

const withoutPressure = (stroke) =>
    Array.isArray(stroke) ? stroke.map((point) => (Array.isArray(point) ? point.slice(0, 2) : point)) : stroke;

/** The pixels of an image of a request, Base64 or rows of numbers; what is neither is left to the reader to refuse. */
function pixelsOf(image) {
    if (Array.isArray(image)) return Uint8Array.from(image.flat());
    if (typeof image !== "string") return image;
    try {
        return Uint8Array.from(atob(image), (one) => one.charCodeAt(0));
    } catch {
        return null;
    }
}

function reasonOf({ label, base }) {
    const own = label !== base;
    const text = own
        ? `For everybody this would be ${base}; with what you taught on this device it is ${label}.`
        : `This is what it is for everybody, and what you taught says nothing else.`;
    return { answerer: own ? "allograph" : "base", base, text, evidence: {} };
}

async function profileOf(writer) {
    if (!reader) throw new UnusableDevice("reading on this device is switched off");
    if (!profiles.has(writer)) profiles.set(writer, opened(writer));
    return profiles.get(writer);
}

async function opened(writer) {
    const kept = await keptProfile(writer);
    const unknown = { profile: new Profile(reader.adapter), tag: null, head: 0, incarnation: null };
    if (!kept) return unknown;
    try {
        const { bytes, tag, head, incarnation } = kept;
        return { profile: Profile.fromBytes(bytes, reader.adapter, modelHash), tag, head, incarnation };
    } catch {
        return unknown; // of another model or version: the service has it anew
    }
}

const keep = (writer, { profile, tag, head, incarnation }) =>
    keepProfile({ writer, bytes: profile.toBytes(modelHash), tag, head, incarnation });

/** The service's state of a writer; null where the service does not answer. */
async function stateOf(writer, headers) {
    const answer = await fetch(`/v1/writers/${encodeURIComponent(writer)}/state`, { headers, cache: "no-store" }).catch(
        () => null,
    );
    if (answer?.status === 304) return { status: 304 };
    if (answer?.status === 404) return { status: 404, bytes: null, tag: null, head: 0, incarnation: null };
    if (!answer?.ok) return null;
    const bytes = new Uint8Array(await answer.arrayBuffer());
    const head = Number(answer.headers.get("X-Allograph-Head"));
    return {
        status: 200,
        bytes,
        tag: answer.headers.get("ETag"),
        head,
        incarnation: answer.headers.get("X-Allograph-Incarnation"),
    };
}
