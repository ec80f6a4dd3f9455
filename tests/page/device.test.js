// What the browser remembers: values, pauses, writers.

import assert from "node:assert/strict";
import test from "node:test";
import "./browser.js";

const { deviceName, recall, remember } = await import("../../src/allograph/page/js/device.js");
const { patience, paused } = await import("../../src/allograph/page/js/pause.js");
const writers = await import("../../src/allograph/page/js/writers.js");

test("a value is remembered, beside others, until it is forgotten", () => {
    assert.equal(recall("one", 7), 7);
    remember("one", { a: 1 });
    remember("two", [2]);
    assert.deepEqual([recall("one"), recall("two")], [{ a: 1 }, [2]]);
    assert.deepEqual(JSON.parse(localStorage.getItem("allograph")).two, [2]);
    remember("one", undefined);
    assert.equal(recall("one", 7), 7);
});

test("a browser that stores nothing still remembers until it is closed", () => {
    const store = localStorage.setItem;
    localStorage.setItem = () => {
        throw new Error("full");
    };
    remember("three", 3);
    assert.equal(recall("three"), 3);
    localStorage.setItem = store;
});

test("a character ends after a pause longer than this person's within one", () => {
    assert.equal(patience(), 1000);
    for (let i = 0; i < 5; i++) paused(100);
    assert.equal(patience(), 700);
    for (let i = 0; i < 40; i++) paused(600.4);
    assert.equal(patience(), 1080);
    for (let i = 0; i < 40; i++) paused(3900);
    assert.equal(patience(), 3000);
    paused(5000);
    assert.equal(recall("pauses").length, 40);
    assert.ok(!recall("pauses").includes(5000));
});

test("there is always somebody who writes, and each change of turn is told", () => {
    const [first] = writers.writers();
    assert.match(first.name, /^me-[0-9a-f]{8}$/);
    assert.equal(writers.current().name, first.name);
    let changes = 0;
    writers.turns.addEventListener("change", () => (changes += 1));
    writers.take("ana");
    writers.take("ana");
    assert.deepEqual(writers.writers().map((writer) => writer.name), [first.name, "ana"]);
    assert.equal(writers.current().name, "ana");
    assert.equal(writers.isKnown("ana"), false);
    writers.nowKnown("ana");
    assert.equal(writers.isKnown("ana"), true);
    writers.leave("ana");
    writers.leave(first.name);
    assert.equal(writers.writers().length, 1);
    assert.equal(changes, 4);
});

test("a device has one random name", () => {
    const name = deviceName();
    assert.match(name, /^[0-9a-f]{32}$/);
    assert.equal(deviceName(), name);
    assert.equal(JSON.parse(localStorage.getItem("allograph")).device, name);
});
