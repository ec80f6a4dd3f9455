// The page's own adapter answers as the Python package does: the same image, box, scores, and what it learns.

import assert from "node:assert/strict";
import test from "node:test";
import { adapter, blobs, inks, largestDifference, learned, samplesOf, scored, stateOf } from "./vectors.js";

const { Boxes, inkBox } = await import("../../../src/allograph/page/js/allograph/box.js");
const { rasterize } = await import("../../../src/allograph/page/js/allograph/rasterizer.js");
const { highestPlace } = await import("../../../src/allograph/page/js/allograph/softmax.js");
const { State } = await import("../../../src/allograph/page/js/allograph/state.js");

const answersOf = (values, size) =>
    Array.from({ length: values.length / size }, (_, i) => highestPlace(values.subarray(i * size, (i + 1) * size)));

test("ink gives the same image", () => {
    assert.ok(inks.length >= 60);
    for (const { ink, image } of inks) {
        const apart = rasterize(ink).map((grey, i) => Math.abs(grey - image[i]));
        assert.ok(Math.max(...apart) <= 2);
    }
});

test("ink has the same size and scale", () => {
    for (const { ink, unit, device, baseline, size, scale } of inks) {
        const boxes = Boxes.of([inkBox(ink, { unit, device, baseline })]);
        assert.deepEqual([...boxes.sizes], size);
        assert.equal(boxes.scales[0], scale);
    }
});

test("samples have the same scores, with sizes and without, beside others, and of a few labels", () => {
    for (const { state, samples, sized, alphabet, context, values } of scored) {
        const beside = context.length ? samplesOf(context) : null;
        const ours = adapter.fit(stateOf(state)).scores(samplesOf(samples, { sized, alphabet }), beside);
        const size = values.length / samples.length;
        assert.ok(largestDifference(ours, values, size) < 2e-5, state);
        assert.deepEqual(answersOf(ours, size), answersOf(values, size));
        assert.deepEqual(
            ours.map((value) => Number(value === -Infinity)),
            Float64Array.from(values, (value) => Number(value === -Infinity)),
        );
    }
});

test("the same corrections teach the same", () => {
    for (const { state, batch, labels, sized, samples, values } of learned) {
        const before = stateOf(state);
        const after = adapter.learn(before, { ...samplesOf(batch, { sized }), labels });
        const ours = adapter.fit(after).scores(samplesOf(samples));
        const size = values.length / samples.length;
        assert.ok(largestDifference(ours, values, size) < 2e-3, state);
        assert.deepEqual(answersOf(ours, size), answersOf(values, size));
        assert.deepEqual(before.toBytes(adapter), stateOf(state).toBytes(adapter), "a state is never changed");
    }
});

test("a state goes through bytes unchanged, and what was learned here can be read again", () => {
    for (const [name, blob] of Object.entries(blobs)) {
        const state = State.fromBytes(blob, adapter);
        const again = State.fromBytes(state.toBytes(adapter), adapter);
        assert.deepEqual(again, state, name);
        const after = adapter.learn(state, { ...samplesOf([7]), labels: ["ﬀ"] });
        assert.deepEqual(State.fromBytes(after.toBytes(adapter), adapter), after);
        assert.deepEqual(after.labels, [...state.labels, "ﬀ"]);
    }
});

test("an image that was corrected reads as it was corrected, at once and to a label of one's own", () => {
    const asked = samplesOf([12, 30]);
    let state = adapter.learn(adapter.start(), { ...asked, labels: ["~", "naïve"] });
    state = adapter.learn(state, { ...samplesOf([13]), labels: ["{"] });
    const size = adapter.alphabet.size + 1;
    assert.deepEqual(answersOf(adapter.scores(state, asked), size), [adapter.alphabet.find("~"), size - 1]);
});
