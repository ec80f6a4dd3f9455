// The model runs by onnxruntime-web as it runs in the service, and what is no model or image is told.

import assert from "node:assert/strict";
import test from "node:test";
import { readBundle } from "../../src/allograph/page/js/allograph/bundle.js";
import { rasterize } from "../../src/allograph/page/js/allograph/rasterizer.js";
import { createRecognizer } from "../../src/allograph/page/js/allograph/recognizer.js";
import * as vectors from "./allograph/vectors.js";
import { inks, ort, shipped } from "./shipped.js";

const bundle = readBundle(shipped);
const recognizer = await createRecognizer({ modelBytes: shipped.model, bundle, ort });

/** Images, one after the other. */
function joined(images) {
    const all = new Uint8Array(images.length * 784);
    images.forEach((image, i) => all.set(image, i * 784));
    return all;
}

const farthest = (numbers, others) => numbers.reduce((most, number, i) => Math.max(most, Math.abs(number - others[i])), 0);

test("logits and features are those of the service, however many images are read at once", async () => {
    const images = [...vectors.inks, ...vectors.inks].map(({ image }) => image);
    assert.ok(images.length > 64);
    const { count, logits, embeddings, features } = await recognizer.outputs(joined(images));
    assert.deepEqual([count, logits.length, embeddings.length], [images.length, count * 94, count * 256]);
    images.forEach((_, i) => {
        const expected = vectors.inks[i % vectors.inks.length];
        const f = expected.features.length;
        assert.ok(farthest(expected.logits, logits.subarray(i * 94)) < 1e-4);
        assert.ok(farthest(expected.features, features.subarray(i * f)) < 1e-4);
    });
});

test("calls that are made at once are answered, each its own", async () => {
    const images = ["a", "g", "8"].map((label) => rasterize(inks[label]));
    const alone = [];
    for (const image of images) alone.push(await recognizer.outputs(image));
    const atOnce = await Promise.all(images.map((image) => recognizer.outputs(image)));
    assert.deepEqual(atOnce, alone);
});

test("what is no image, or shows no ink, is told", async () => {
    for (const images of [new Uint8Array(0), new Uint8Array(783), new Float32Array(784), null]) {
        await assert.rejects(recognizer.outputs(images), { name: "ImageError", message: /784/ });
    }
    const two = new Uint8Array(2 * 784);
    two.fill(200, 0, 784);
    await assert.rejects(recognizer.outputs(two), { name: "ImageError", message: /image 1 shows no ink/ });
});

test("what is no model, or another bundle's, is told", async () => {
    const open = (modelBytes, alphabet = bundle.alphabet) => createRecognizer({ modelBytes, bundle: { alphabet }, ort });
    await assert.rejects(open(shipped.model.subarray(0, 1000)), { name: "FormatError", message: /cannot load the model/ });
    await assert.rejects(open(shipped.config), { name: "FormatError" });
    await assert.rejects(open(shipped.model, { size: 10 }), { name: "MismatchError", message: /94 labels, its bundle 10/ });
});
