// What the Python package answers, as `make vectors` wrote it, and the shipped bundle: what the page's own adapter is compared
// with.

import { readFileSync } from "node:fs";
import { inflateSync } from "node:zlib";

const { Allograph } = await import("../../../src/allograph/page/js/allograph/adapter.js");
const { Boxes } = await import("../../../src/allograph/page/js/allograph/box.js");
const { readBundle } = await import("../../../src/allograph/page/js/allograph/bundle.js");
const { State } = await import("../../../src/allograph/page/js/allograph/state.js");
const { logSoftmax } = await import("../../../src/allograph/page/js/allograph/softmax.js");

const shipped = (name) => readFileSync(new URL(`../../../src/allograph/shipped/${name}`, import.meta.url));
const bytesOf = (text) => Uint8Array.from(inflateSync(Buffer.from(text, "base64")));
const floatsOf = (text) => new Float32Array(bytesOf(text).buffer);

export const bundle = readBundle({ config: shipped("config.json"), adapters: shipped("adapters.safetensors") });
export const adapter = Allograph.of(bundle);

const file = JSON.parse(readFileSync(new URL("../vectors.json", import.meta.url), "utf8"));

/** Inks, with their `image`, `size` and `scale`, and the model's `logits` and `features`. */
export const inks = file.inks.map((ink) => ({
    ...ink,
    image: bytesOf(ink.image),
    size: ink.size.map((number) => number ?? NaN),
    logits: floatsOf(ink.logits),
    features: floatsOf(ink.features),
}));

/** The blobs of states, by name. */
export const blobs = Object.fromEntries(Object.entries(file.states).map(([name, blob]) => [name, bytesOf(blob)]));

/** A state that Python made. */
export const stateOf = (name) => State.fromBytes(blobs[name], adapter);

/** What was asked and what Python answered: { state, samples, sized, alphabet, context, values }. */
export const scored = file.scores.map((task) => ({ ...task, values: floatsOf(task.values) }));

/** What was taught and what Python then answered: { state, batch, labels, sized, samples, values }. */
export const learned = file.learned.map((lesson) => ({ ...lesson, values: floatsOf(lesson.values) }));

/** The samples at some places of `inks`. */
export function samplesOf(places, { sized = true, alphabet = null } = {}) {
    const join = (name) => Float32Array.from(places.flatMap((place) => [...inks[place][name]]));
    const isOffered = bundle.alphabet.labels.map((label) => !alphabet || alphabet.includes(label));
    const boxes = new Boxes(
        Float32Array.from(places.flatMap((i) => inks[i].size)),
        Uint32Array.from(places, (i) => inks[i].scale),
    );
    return {
        logits: join("logits").map((logit, i) => (isOffered[i % isOffered.length] ? logit : -Infinity)),
        features: join("features"),
        boxes: sized ? boxes : null,
    };
}

/** How far log-probabilities lie from Python's, at most, where one of the two gives a label more than 1e-4. */
export function largestDifference(values, expected, size) {
    const [ours, theirs] = [logSoftmax(values, size), logSoftmax(expected, size)];
    const apart = ours.map((log, i) => (Math.max(log, theirs[i]) > Math.log(1e-4) ? Math.abs(log - theirs[i]) : 0));
    return apart.reduce((one, other) => Math.max(one, other));
}
