// What the service is told of a drawing: its size, and what lies beside it; and what it is asked when a label may be a slip.

import assert from "node:assert/strict";
import test from "node:test";
import { requests, setAnswer } from "./browser.js";

const drawings = await import("../../src/allograph/page/js/drawing.js");
const { found } = await import("../../src/allograph/page/js/connection.js");
const { deviceName, recall } = await import("../../src/allograph/page/js/device.js");
const { isToBeAsked, question } = await import("../../src/allograph/page/js/doubt.js");
const { erase, take } = await import("../../src/allograph/page/js/writers.js");
const { sendAll } = await import("../../src/allograph/page/js/post.js");
const { keepLetter } = await import("../../src/allograph/page/js/store.js");

const pad = (x, measure = { scale: 0.5, baseline: 360 }) => ({ strokes: [{ points: [[x, 2, 1]] }], measure });

function drawn(x, status = "read", writer = "ana", measure = pad(x).measure) {
    const drawing = drawings.newDrawing(writer);
    drawings.setStrokes(drawing, pad(x).strokes, measure);
    return Object.assign(drawing, { status });
}

const reads = (label = "a") => (method, path, { samples, corrections }) => ({
    status: 200,
    json: samples ? { readings: samples.map(({ id }) => ({ id, label, best: [] })) } : { corrections },
});

const settle = () => new Promise((resolve) => setTimeout(resolve, 20));

/** Read a drawing, and wait for the answer. */
async function readNow(drawing, beside = []) {
    drawings.read(drawing, () => beside);
    await settle();
}

/** The last body that was sent to the end of an address. */
const sent = (end) => requests.findLast(([, path]) => path.endsWith(end))[2];

test("ink is sent in CSS pixels, with its device and the line that it stands on", async () => {
    setAnswer(reads());
    const onSheet = drawn(10);
    await readNow(onSheet);
    const [{ ink, device, baseline, unit }] = sent("/read").samples;
    assert.deepEqual([ink, device, baseline, unit], [[[[5, 1]]], `${deviceName()} sheet`, 360, undefined]);
    assert.equal("context" in sent("/read"), false);
    const unruled = drawn(20, "open", "ana", { scale: 2, baseline: null });
    await readNow(unruled);
    assert.deepEqual(sent("/read").samples[0].ink, [[[40, 4]]]);
    assert.equal("baseline" in sent("/read").samples[0], false);
});

test("a drawing that an earlier page kept is sent as it was", async () => {
    setAnswer(reads());
    const old = { ...drawn(10), measure: undefined };
    await readNow(old);
    assert.deepEqual(sent("/read").samples, [{ id: old.id, ink: [[[10, 2]]] }]);
});

test("the context is what this writer drew, was read and not answered, the last 64", async () => {
    setAnswer(reads());
    const many = Array.from({ length: 80 }, (_, i) => drawn(i));
    const others = [drawn(1, "corrected"), drawn(1, "accepted"), drawn(1, "open"), drawn(1, "read", "ben")];
    await readNow(many[79], [...others, ...many]);
    const { context, samples } = sent("/read");
    assert.deepEqual(samples.map(({ id }) => id), [many[79].id]);
    assert.deepEqual(context.map(({ id }) => id), many.slice(15, 79).map(({ id }) => id));
    await drawings.correctDrawing(many[79], "a", { beside: many.slice(78) });
    assert.deepEqual(sent("/correct").context.map(({ id }) => id), [many[78].id]);
    await readNow(many[79]);
    await drawings.acceptDrawing(many[79], { beside: many.slice(77) });
    assert.equal(sent("/accept").context.length, 2);
});

test("a reading is only of the strokes that it was asked for", async () => {
    const answers = [];
    setAnswer(() => new Promise((resolve) => answers.push(resolve)));
    const drawing = drawn(1, "open");
    drawings.read(drawing);
    await settle();
    await drawings.setStrokes(drawing, [...pad(1).strokes, ...pad(7).strokes], pad(1).measure);
    drawings.read(drawing);
    await settle();
    answers[0](reads("r")("POST", "", { samples: [drawing] }));
    await settle();
    assert.deepEqual([drawing.reading, drawing.status, drawings.isRead(drawing)], [null, "open", false]);
    answers[1](reads("F")("POST", "", { samples: [drawing] }));
    await settle();
    assert.deepEqual([drawing.reading.label, drawing.status, drawings.isRead(drawing)], ["F", "read", true]);
    assert.equal(drawings.labelOf(drawing), "F");
});

test("what could not be read is read when the service is back, each once", async () => {
    setAnswer(() => null);
    const some = [drawn(1, "open"), drawn(2, "open"), drawn(3, "open")];
    for (const one of some) drawings.read(one);
    await settle();
    assert.deepEqual(some.map(({ reading }) => reading), [null, null, null]);
    requests.length = 0;
    setAnswer(reads("b"));
    found();
    await settle();
    assert.deepEqual(some.map(({ reading }) => reading.label), ["b", "b", "b"]);
    assert.equal(requests.filter(([, path]) => path.endsWith("/read")).length, 3);
});

const doubtful = (doubt) => (method, path, body) =>
    body.samples ? reads("g")(method, path, body) : { status: 200, json: { corrections: body.corrections?.map((one) => ({ ...one, doubt })) } };

async function corrected(label, doubt = 0.9) {
    setAnswer(doubtful(doubt));
    const drawing = drawn(1);
    await readNow(drawing);
    await drawings.correctDrawing(drawing, label);
    await settle();
    return drawing;
}

/** The ids that were told of since. */
const told = [];
drawings.drawings.addEventListener("doubted", ({ id }) => told.push(id));

test("a label that may be a slip is asked about once, and kept where the writer means it", async () => {
    const drawing = await corrected("q");
    assert.equal(drawing.doubtful, true);
    assert.deepEqual(told.splice(0), [drawing.id]);
    assert.match(question("q"), /^Is it really small letter q\?/);
    requests.length = 0;
    await drawings.confirmDrawing(drawing);
    assert.deepEqual([drawing.doubtful, drawing.status, drawing.label, requests], [false, "corrected", "q", []]);
    await drawings.correctDrawing(drawing, "p");
    await settle();
    assert.deepEqual([drawing.doubtful, told.length], [false, 0]);
});

test("what is probable is not asked about", async () => {
    assert.equal((await corrected("q", 0.5)).doubtful, false);
    assert.deepEqual(told, []);
});

test("a slip that is taken back, or given another label, is doubted no more", async () => {
    const [one, other] = [await corrected("q"), await corrected("7")];
    await drawings.undoDrawing(one);
    assert.equal(sent("/undo").id, one.id);
    setAnswer(doubtful(0));
    await drawings.correctDrawing(other, "1");
    await settle();
    assert.deepEqual([one.doubtful, other.doubtful], [false, false]);
    const kept = await drawings.drawingsOf("ana", "write");
    assert.deepEqual([one, other].map(({ id }) => kept.find((other) => other.id === id).doubtful), [false, false]);
    assert.equal(told.splice(0).length, 2);
});

test("what waited for the service is asked about when it was sent, also where the page was closed meanwhile", async () => {
    setAnswer(() => null);
    const [open, closed] = [drawn(1), drawn(2)];
    await drawings.correctDrawing(open, "z");
    await keepLetter({ kind: "correct", writer: "ana", corrections: [{ id: closed.id, label: "z" }] });
    await drawings.keepDrawing({ ...closed, label: "z", status: "corrected" });
    assert.equal(open.doubtful, false);
    setAnswer(doubtful(0.9));
    await sendAll();
    await settle();
    assert.equal(open.doubtful, true);
    assert.deepEqual(told.splice(0), [open.id, closed.id]);
    assert.ok((await drawings.drawingsOf("ana", "write")).find(({ id }) => id === closed.id).doubtful);
});

test("whoever is erased is not remembered as asked", () => {
    assert.equal(isToBeAsked({ id: "1", doubt: 0.6, writer: "eva" }), true);
    assert.equal(isToBeAsked({ id: "1", doubt: 0.6, writer: "eva" }), false);
    assert.equal(isToBeAsked({ id: "1", doubt: 0.6, writer: "ida" }), true);
    take("eva");
    erase("eva");
    assert.deepEqual(Object.keys(recall("asked")).sort(), ["ana", "ida"]);
});
