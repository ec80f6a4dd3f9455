// Labels, ids, ink, and numbers in words.

import assert from "node:assert/strict";
import test from "node:test";
import "./browser.js";

const { asLabel, KINDS, kindOf, nameOf } = await import("../../src/allograph/page/js/labels.js");
const { newId } = await import("../../src/allograph/page/js/ids.js");
const { asInk } = await import("../../src/allograph/page/js/ink.js");
const { counted, percent } = await import("../../src/allograph/page/js/dom.js");

test("labels that look alike have different names", () => {
    assert.deepEqual(["l", "I", "1", "|"].map(nameOf), ["small letter l", "capital I", "digit 1", "vertical bar"]);
    const printable = Array.from({ length: 94 }, (_, i) => String.fromCharCode(33 + i));
    assert.equal(new Set(printable.map(nameOf)).size, 94);
    assert.ok(printable.every((label) => KINDS.includes(kindOf(label))));
    assert.equal(nameOf("Ѩ"), "capital Ѩ");
    assert.equal(nameOf("→"), "→");
});

test("what is typed becomes one composed label", () => {
    assert.equal(asLabel(" e\u0301 "), "é");
    assert.equal(asLabel("  "), "");
});

test("ids are 32 hexadecimal digits and differ", () => {
    const ids = Array.from({ length: 1000 }, newId);
    assert.ok(ids.every((id) => /^[0-9a-f]{32}$/.test(id)));
    assert.equal(new Set(ids).size, 1000);
});

test("ink goes to the service without pressure", () => {
    assert.deepEqual(asInk([{ points: [[1, 2, 0.5], [3, 4, 1]], pen: true }, { points: [[5, 6, 0]] }]), [[[1, 2], [3, 4]], [[5, 6]]]);
    assert.deepEqual(asInk([]), []);
});

test("ink is sent in CSS pixels where it is known how many a unit has", () => {
    assert.deepEqual(asInk([{ points: [[100, 33.3, 0.5], [1000, 0, 1]] }], 0.4567), [[[45.67, 15.21], [456.7, 0]]]);
});

test("shares never round to all or nothing unless they are", () => {
    assert.deepEqual([0, 0.001, 0.5, 0.999, 1].map(percent), ["0 %", "1 %", "50 %", "99 %", "100 %"]);
    assert.deepEqual([counted(1, "sample"), counted(2, "sample"), counted(0, "box", "boxes")], ["1 sample", "2 samples", "0 boxes"]);
});
