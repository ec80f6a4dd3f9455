// What the adapter does with odd samples, states and bundles.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";
import { adapter, blobs, bundle, samplesOf, stateOf } from "./vectors.js";

const { Allograph } = await import("../../../src/allograph/page/js/allograph/adapter.js");
const { Boxes } = await import("../../../src/allograph/page/js/allograph/box.js");
const { readBundle } = await import("../../../src/allograph/page/js/allograph/bundle.js");
const { readTensors, writeTensors } = await import("../../../src/allograph/page/js/allograph/safetensors.js");
const { logSoftmax } = await import("../../../src/allograph/page/js/allograph/softmax.js");
const { State } = await import("../../../src/allograph/page/js/allograph/state.js");

const size = adapter.alphabet.size;
const shipped = (name) => new Uint8Array(readFileSync(new URL(`../../../src/allograph/shipped/${name}`, import.meta.url)));

test("nothing learned and no size known: the recognizer's own scores", () => {
    const samples = samplesOf([5, 6], { sized: false });
    assert.deepEqual(adapter.scores(adapter.start(), samples), Float64Array.from(samples.logits));
});

test("a sample of unknown size reads as one without boxes", () => {
    const state = stateOf("sixty");
    const [unknown, without] = [{ ...samplesOf([5]), boxes: Boxes.none(1) }, samplesOf([5], { sized: false })];
    assert.deepEqual(adapter.scores(state, unknown), adapter.scores(state, without));
});

test("samples that are no character's are read by the recognizer alone, and teach nothing", () => {
    const state = stateOf("sixty");
    for (const fill of [NaN, Infinity, 3, 1e30]) {
        const odd = { ...samplesOf([5], { sized: false }), features: new Float32Array(bundle.population.f).fill(fill) };
        const wide = size + state.labels.length;
        const scores = adapter.scores(state, odd);
        assert.ok(scores.every((score) => Number.isFinite(score)));
        const own = adapter.baseLogs(odd.logits, state.labels.length);
        assert.deepEqual(scores, logSoftmax(own, wide));
        const taught = adapter.learn(adapter.start(), { ...odd, labels: ["x"] });
        assert.ok(taught.arrays.change.data.every((half) => half === 0));
    }
});

test("labels that are not on offer stay impossible, and where none is all are alike", () => {
    const few = samplesOf([5], { alphabet: ["5", "S"] });
    const logs = logSoftmax(adapter.scores(stateOf("two hundred"), few), size);
    assert.deepEqual(
        logs.reduce((places, log, i) => (log > -Infinity ? [...places, adapter.alphabet.labels[i]] : places), []),
        ["5", "S"],
    );
    const none = samplesOf([5], { alphabet: [] });
    assert.ok(adapter.scores(stateOf("two hundred"), none).every(Number.isFinite));
});

test("only so many corrections are kept as the window holds, and labels that none of them has are dropped", () => {
    const narrow = new Allograph({ ...bundle, parameters: { allograph: { ...bundle.parameters.allograph, window: 3 } } });
    let state = narrow.start();
    for (const [place, label] of [
        [5, "eins"],
        [6, "zwei"],
        [7, "a"],
        [8, "b"],
        [9, "zwei"],
    ]) {
        state = narrow.learn(state, { ...samplesOf([place]), labels: [label] });
    }
    assert.deepEqual([state.labels, [...state.arrays.labels.data], state.arrays.seen.data[0]], [["zwei"], [64, 65, 94], 5n]);
    assert.deepEqual(state.arrays.sizes.shape, [3, 4]);
});

test("a bundle without statistics of sizes and shapes is read without them", () => {
    const plain = new Allograph({ ...bundle, sizes: null, shapes: null });
    const state = plain.learn(plain.start(), { ...samplesOf([5]), labels: ["q"] });
    assert.deepEqual(state.arrays.change.shape, [bundle.population.r + 1, size]);
    const [sized, without] = [samplesOf([6]), samplesOf([6], { sized: false })];
    assert.deepEqual(plain.scores(state, sized), plain.scores(state, without));
    assert.throws(() => State.fromBytes(state.toBytes(plain), adapter), { name: "FormatError" });
});

test("an adapter of one label learns and reads", () => {
    const one = new Allograph({
        ...bundle,
        alphabet: { size: 1, labels: ["a"], find: (label) => (label === "a" ? 0 : -1) },
        sizes: null,
        shapes: null,
    });
    const samples = { logits: new Float32Array([2]), features: samplesOf([5]).features };
    const state = one.learn(one.start(), { ...samples, labels: ["ö"] });
    const [known, own] = one.scores(state, samples);
    assert.ok(own > known);
});

test("samples whose numbers do not fit are refused", () => {
    const samples = samplesOf([5]);
    assert.throws(() => adapter.scores(adapter.start(), { ...samples, logits: new Float32Array(93) }), {
        name: "MismatchError",
        message: /94 logits/,
    });
    assert.throws(() => adapter.scores(adapter.start(), { ...samples, features: new Float32Array(3) }), {
        name: "MismatchError",
        message: /features/,
    });
    assert.throws(() => adapter.scores(adapter.start(), { ...samples, boxes: Boxes.none(2) }), {
        name: "InputError",
        message: /boxes/,
    });
    assert.throws(() => adapter.learn(adapter.start(), { ...samples, labels: [] }), { name: "InputError", message: /labels/ });
    assert.throws(() => adapter.learn(adapter.start(), { ...samples, labels: ["a\nb"] }), {
        name: "InputError",
        message: /control/,
    });
});

test("a state of another adapter or version, and one that is damaged, is refused by name", () => {
    const blob = blobs.sixty;
    const { tensors, metadata } = readTensors(blob);
    const renamed = (record) =>
        writeTensors(tensors, { allograph: JSON.stringify({ ...JSON.parse(metadata.allograph), ...record }) });
    assert.throws(() => State.fromBytes(renamed({ version: 3 }), adapter), {
        name: "MismatchError",
        message: /version 3, not of allograph version 4/,
    });
    assert.throws(() => State.fromBytes(renamed({ adapter: "paper" }), adapter), {
        name: "MismatchError",
        message: /of paper/,
    });
    assert.throws(() => State.fromBytes(renamed({ labels: [7] }), adapter), { name: "FormatError" });
    for (const length of [0, 7, 8, 200, blob.length - 1]) {
        assert.throws(() => State.fromBytes(blob.subarray(0, length), adapter), { name: "FormatError", message: /damaged/ });
    }
    assert.throws(() => State.fromBytes(shipped("adapters.safetensors"), adapter), { name: "FormatError" });
    for (const [name, array] of Object.entries(tensors)) {
        const data = array.data.slice(0, array.data.length - 1);
        const cut = writeTensors({ ...tensors, [name]: { ...array, shape: [data.length], data } }, metadata);
        assert.throws(() => State.fromBytes(cut, adapter), { name: "FormatError" }, name);
    }
});

test("a bundle that is none, or of another format, is refused", () => {
    const [config, adapters] = [shipped("config.json"), shipped("adapters.safetensors")];
    const changed = (values) => ({ ...JSON.parse(new TextDecoder().decode(config)), ...values });
    assert.equal(readBundle({ config, adapters }).modelHash.length, 64);
    assert.throws(() => readBundle({ config: config.subarray(0, 100), adapters }), { name: "FormatError", message: /JSON/ });
    assert.throws(() => readBundle({ config: changed({ format: 2 }), adapters }), { name: "FormatError", message: /format 2/ });
    assert.throws(() => readBundle({ config: changed({ alphabet: ["a", "a"] }), adapters }), {
        name: "FormatError",
        message: /twice/,
    });
    assert.throws(() => readBundle({ config: changed({ alphabet: ["a", "b"] }), adapters }), {
        name: "MismatchError",
        message: /shape\/means/,
    });
    assert.throws(() => readBundle({ config, adapters: adapters.subarray(0, 5000) }), {
        name: "FormatError",
        message: /adapters\.safetensors/,
    });
    assert.throws(() => readBundle({ config, adapters: writeTensors({}) }), { name: "InputError", message: /allograph tune/ });
});
