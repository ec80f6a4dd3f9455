// Half precision, safetensors, ink, boxes and labels: the values that the adapter is fed with.

import assert from "node:assert/strict";
import test from "node:test";

const { Boxes, checkBox, inkBox, isDevice, scaleNumber } = await import("../../../src/allograph/page/js/allograph/box.js");
const { Alphabet, checkLabel, offerOf } = await import("../../../src/allograph/page/js/allograph/labels.js");
const { chosen, unseenFactor } = await import("../../../src/allograph/page/js/allograph/label_counts.js");
const { inverse } = await import("../../../src/allograph/page/js/allograph/matrix.js");
const { rasterize } = await import("../../../src/allograph/page/js/allograph/rasterizer.js");
const { fromHalf, roundToEven, toHalf } = await import("../../../src/allograph/page/js/allograph/rounding.js");
const { numbersOf, readTensors, writeTensors } = await import("../../../src/allograph/page/js/allograph/safetensors.js");

test("every number of half precision is its own nearest, and ties go to the even one", () => {
    for (let half = 0; half < 65536; half++) {
        const number = fromHalf(half);
        if (!Number.isNaN(number)) assert.equal(toHalf(number), half);
    }
    const halves = [1, 1 + 2 ** -11, 1 + 3 * 2 ** -11, 65519, 65520, 2 ** -25, 3 * 2 ** -25, -0, NaN].map(toHalf);
    assert.deepEqual(halves, [0x3c00, 0x3c00, 0x3c02, 0x7bff, 0x7c00, 0, 2, 0x8000, 0x7e00]);
    assert.deepEqual([0.5, 1.5, 2.5, -0.5, -1.5, -2.5, 2.4, -2.6].map(roundToEven), [0, 2, 2, -0, -2, -2, 2, -3]);
});

test("arrays of every type go through a blob", () => {
    const tensors = {
        halves: { dtype: "F16", shape: [2], data: Uint16Array.of(0x3c00, 0xc000) },
        singles: { dtype: "F32", shape: [1, 3], data: Float32Array.of(1.5, NaN, -Infinity) },
        doubles: { dtype: "F64", shape: [], data: Float64Array.of(Math.PI) },
        longs: { dtype: "I64", shape: [1], data: BigInt64Array.of(-(2n ** 40n)) },
        words: { dtype: "U32", shape: [1], data: Uint32Array.of(4e9) },
        shorts: { dtype: "U16", shape: [0], data: new Uint16Array(0) },
        bytes: { dtype: "I8", shape: [3], data: Int8Array.of(-128, 0, 127) },
        octets: { dtype: "U8", shape: [1], data: Uint8Array.of(255) },
    };
    const blob = writeTensors(tensors, { note: "ä" });
    assert.deepEqual(readTensors(blob), { tensors, metadata: { note: "ä" } });
    assert.deepEqual(readTensors(Buffer.concat([Buffer.from("x"), blob]).subarray(1)), readTensors(blob.buffer));
    assert.deepEqual([...numbersOf(tensors.halves), ...numbersOf(tensors.longs)], [1, -2, -(2 ** 40)]);
});

test("a blob that is truncated, foreign or damaged is refused", () => {
    const blob = writeTensors({ a: { dtype: "F32", shape: [2], data: Float32Array.of(1, 2) } });
    const withHeader = (header) => {
        const text = new TextEncoder().encode(typeof header === "string" ? header : JSON.stringify(header));
        const damaged = new Uint8Array(8 + text.length + 8);
        damaged.set([text.length]);
        damaged.set(text, 8);
        return damaged;
    };
    const entry = { dtype: "F32", shape: [2], data_offsets: [0, 8] };
    assert.equal(readTensors(withHeader({ a: entry })).tensors.a.data.length, 2);
    const faults = [
        blob.subarray(0, blob.length - 1),
        new Uint8Array([...blob, 0]),
        new Uint8Array(100).fill(255),
        withHeader("no JSON at all"),
        withHeader([]),
        withHeader({ a: null }),
        withHeader({ a: { ...entry, shape: [3] } }),
        withHeader({ a: { ...entry, shape: [-2] } }),
        withHeader({ a: { ...entry, dtype: "F4" } }),
        withHeader({ a: { ...entry, dtype: "constructor" } }),
        withHeader({ a: { ...entry, data_offsets: [0, 16] } }),
        withHeader({ a: { ...entry, data_offsets: [4, 12] } }),
        withHeader({ a: entry, b: entry }),
        withHeader({ a: entry, __metadata__: { x: 1 } }),
    ];
    for (const fault of faults) assert.throws(() => readTensors(fault), { name: "FormatError", message: /damaged/ });
    assert.throws(() => readTensors("text"), { name: "FormatError" });
});

test("ink of another form is refused, and says why", () => {
    const refused = (ink, message) => assert.throws(() => rasterize(ink), { name: "ImageError", message });
    refused(7, /list of strokes.*number/);
    refused(null, /list of strokes.*null/);
    refused("ink", /list of strokes.*string/);
    refused([], /no points/);
    refused([[]], /no points/);
    refused([7], /pairs/);
    refused([[[1, 2, 3]]], /another form/);
    refused(
        [
            [
                [1, 2, 3, 4],
                [5, 6, 7, 8],
            ],
        ],
        /columns/,
    );
    refused([[["1", 2]]], /pairs of numbers/);
    refused([[[NaN, 2]]], /not finite/);
    refused([[[1, 2e9]]], /beyond/);
});

test("a dot is drawn in the middle, as wide as the pen", () => {
    const image = rasterize([[[1234.5, 3]]]);
    const inked = Array.from(image.keys()).filter((place) => image[place] > 127);
    assert.deepEqual(inked, [13 * 28 + 13, 13 * 28 + 14, 14 * 28 + 13, 14 * 28 + 14]);
});

test("boxes are checked and measured", () => {
    assert.throws(() => checkBox({ left: 1, top: 0, right: 0, bottom: 1 }), { name: "InputError", message: /ends before/ });
    assert.throws(() => checkBox({ left: 0, top: NaN, right: 0, bottom: 1 }), { name: "InputError", message: /finite/ });
    assert.throws(() => checkBox({ left: 0, top: 0, right: 1, bottom: 1, unit: "inch" }), {
        name: "InputError",
        message: /unit/,
    });
    assert.throws(() => inkBox([[[0, 0]]], { device: "a\tb" }), { name: "InputError", message: /device/ });
    const boxes = Boxes.of([null, { left: 1, top: 2, right: 4, bottom: 9, unit: "millimetres", baseline: 8 }]);
    assert.deepEqual([...boxes.sizes], [NaN, NaN, NaN, NaN, 7, 3, 6, -1]);
    assert.deepEqual([...boxes.at([1, 0]).scales], [1, 0]);
    assert.deepEqual(Boxes.join([boxes.at([1]), Boxes.none(1)]), boxes.at([1, 0]));
    assert.deepEqual(
        [scaleNumber("pad", false), scaleNumber("pad", true), scaleNumber("Stift ü", true)],
        [2643021540, 2643021541, 1630865675],
    );
    assert.ok(isDevice("a pen, 日本") && !isDevice("a\u00a0b") && !isDevice("x".repeat(201)));
});

test("labels are composed, and found in whatever form they come", () => {
    assert.equal(checkLabel("e\u0301"), "é");
    assert.equal(checkLabel("𝒜".repeat(16)), "𝒜".repeat(16));
    for (const label of ["", "a".repeat(17), "\u0007", "\ud800", 5, null])
        assert.throws(() => checkLabel(label), { name: "InputError" });
    const alphabet = new Alphabet(["a", "é", "1"]);
    assert.deepEqual([alphabet.find("e\u0301"), alphabet.find("x"), alphabet.size], [1, -1, 3]);
    assert.throws(() => new Alphabet([]), { name: "InputError" });
    assert.equal(offerOf(null, alphabet), null);
    assert.deepEqual([...offerOf(["é", "own"], alphabet, ["own"]).mask], [0, 1, 0]);
    assert.throws(() => offerOf(["x"], alphabet), { name: "UnknownLabel" });
    assert.throws(() => offerOf(["own"], alphabet, ["own"]), { name: "InputError", message: /at least one/ });
    assert.throws(() => offerOf("greek", alphabet), { name: "InputError", message: /digits, upper/ });
});

test("labels that were chosen to be taught are told from those that came", () => {
    assert.equal(unseenFactor([3, 1, 0, 0]).toFixed(1), "17.7");
    assert.equal(chosen(new Array(94).fill(1)).toFixed(3), "1.000");
    assert.equal(chosen([3, 1, 0, 0]), 0);
});

test("a matrix times its inverse is the unit matrix", () => {
    const inverted = inverse(Float64Array.of(4, 1, 0, 1, 3, 1, 0, 1, 2), 3);
    const expected = [5, -2, 1, -2, 8, -4, 1, -4, 11].map((number) => number / 18);
    inverted.forEach((number, i) => assert.ok(Math.abs(number - expected[i]) < 1e-15));
});
