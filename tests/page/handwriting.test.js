// The npm package's recognizer: drawings, predictions, corrections, what is undone and exported.

import assert from "node:assert/strict";
import test from "node:test";
import { HandwritingStroke } from "../../src/allograph/page/js/allograph/drawing.js";
import { createHandwritingRecognizer } from "../../src/allograph/page/js/allograph/handwriting.js";
import { inks, ort, shipped } from "./shipped.js";

const open = (profile = null) => createHandwritingRecognizer({ bundle: shipped, ort, profile });
const texts = async (drawing) => (await drawing.getPrediction()).map(({ text }) => text);

function strokeOf(points) {
    const stroke = new HandwritingStroke();
    for (const [x, y] of points) stroke.addPoint({ x, y });
    return stroke;
}

/** A drawing of our ink. */
function draw(recognizer, label, hints = {}) {
    const drawing = recognizer.startDrawing({ device: "sheet", baseline: 75, ...hints });
    for (const points of inks[label]) drawing.addStroke(strokeOf(points));
    return drawing;
}

const recognizer = await open();

test("a drawing is read, the likeliest first", async () => {
    const predictions = await draw(recognizer, "A", { alternatives: 4 }).getPrediction();
    assert.equal(predictions.length, 5);
    assert.equal(predictions[0].text, "A");
    const probabilities = predictions.map(({ probability }) => probability);
    assert.deepEqual(
        probabilities,
        [...probabilities].sort((one, other) => other - one),
    );
    assert.ok(probabilities[0] > 0.5 && probabilities[0] <= 1);
    const [{ grapheme, beginIndex, endIndex, drawingSegments }] = predictions[0].segmentationResult;
    assert.deepEqual([grapheme, beginIndex, endIndex], ["A", 0, 1]);
    assert.deepEqual(
        drawingSegments.map(({ endPointIndex }) => endPointIndex),
        inks.A.map((points) => points.length),
    );
});

test("strokes are added, taken out, and cleared", async () => {
    const drawing = recognizer.startDrawing();
    assert.deepEqual(await drawing.getPrediction(), []);
    const [down, across] = [
        strokeOf([
            [50, 10],
            [50, 90],
        ]),
        strokeOf([
            [10, 50],
            [90, 50],
        ]),
    ];
    drawing.addStroke(down);
    drawing.addStroke(across);
    assert.deepEqual(drawing.getStrokes(), [down, across]);
    const both = await texts(drawing);
    drawing.removeStroke(down);
    assert.deepEqual(drawing.getStrokes(), [across]);
    assert.notDeepEqual(await texts(drawing), both);
    across.clear();
    assert.deepEqual(await drawing.getPrediction(), []);
    drawing.clear();
    assert.deepEqual(drawing.getStrokes(), []);
});

test("a correction is known at the next prediction, and undone exactly", async () => {
    const drawing = draw(recognizer, "g");
    const before = await drawing.getPrediction();
    assert.equal(before[0].text, "9");
    const { id, label } = await recognizer.correct(before[0], "g");
    assert.equal(label, "g");
    const [after] = await drawing.getPrediction();
    assert.deepEqual([after.text, after.base], ["g", "9"]);
    assert.deepEqual(recognizer.corrections, [{ id, label: "g" }]);
    const again = await recognizer.correct(drawing, "q");
    assert.equal(again.id, id);
    assert.deepEqual(recognizer.corrections, [{ id, label: "q" }]);
    recognizer.undo(id);
    assert.deepEqual(await drawing.getPrediction(), before);
    assert.throws(() => recognizer.undo(id), { name: "InputError" });
});

test("a label of the writer's own is taught on purpose only", async () => {
    const drawing = draw(recognizer, "A");
    await assert.rejects(recognizer.correct(drawing, "×"), { name: "UnknownLabel", message: /new: true/ });
    const { id } = await recognizer.correct(drawing, "×", { new: true });
    assert.equal((await texts(drawing))[0], "×");
    assert.equal((await texts(draw(recognizer, "A", { alphabet: "upper" })))[0], "A");
    assert.equal((await texts(draw(recognizer, "A", { alphabet: ["A", "×"] })))[0], "×");
    recognizer.undo(id);
});

test("what was learned is exported, and known where it is brought in", async () => {
    const one = await open();
    const { id } = await one.correct(draw(one, "g"), "g");
    await one.correct(draw(one, "q"), "q");
    const other = await open(one.export());
    assert.deepEqual(await draw(other, "g").getPrediction(), await draw(one, "g").getPrediction());
    assert.deepEqual(other.corrections, one.corrections);
    other.undo(id);
    one.undo(id);
    assert.deepEqual(other.export(), one.export());
    const third = await open(one.exportState());
    assert.deepEqual(await draw(third, "q").getPrediction(), await draw(one, "q").getPrediction());
    assert.deepEqual(third.corrections, []);
    for (const each of [one, other, third]) await each.finish();
    await assert.rejects(async () => one.startDrawing(), { name: "InputError", message: /finished/ });
});

test("what cannot be used is told, and what to do", async () => {
    assert.throws(() => recognizer.startDrawing({ recognitionType: "text" }), { name: "InputError", message: /one character/ });
    assert.throws(() => recognizer.startDrawing({ languages: ["en"] }), { name: "InputError", message: /no hint languages/ });
    assert.throws(() => recognizer.startDrawing({ alternatives: -1 }), { name: "InputError" });
    assert.throws(() => new HandwritingStroke().addPoint({ x: NaN, y: 0 }), { name: "ImageError" });
    assert.throws(() => recognizer.startDrawing().addStroke([[0, 0]]), { name: "InputError", message: /HandwritingStroke/ });
    await assert.rejects(recognizer.correct(recognizer.startDrawing(), "a"), { name: "ImageError", message: /empty/ });
    await assert.rejects(recognizer.correct({ text: "a" }, "a"), { name: "InputError" });
    await assert.rejects(recognizer.correct(draw(recognizer, "A"), ""), { name: "InputError", message: /1–16/ });
    await assert.rejects(draw(recognizer, "A", { alphabet: "runes" }).getPrediction(), {
        name: "InputError",
        message: /digits/,
    });
    await assert.rejects(createHandwritingRecognizer({ bundle: shipped }), { name: "InputError", message: /onnxruntime-web/ });
    await assert.rejects(createHandwritingRecognizer({ ort, bundle: { ...shipped, model: "model.onnx" } }), {
        message: /model is the bytes/,
    });
    await assert.rejects(createHandwritingRecognizer({ ort }), { name: "InputError", message: /bundle/ });
    await assert.rejects(open(new Uint8Array(100)), { name: "FormatError" });
});
