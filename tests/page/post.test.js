// What a writer teaches reaches the service once, in order, also after it was away.

import assert from "node:assert/strict";
import test from "node:test";
import { element, requests, setAnswer } from "./browser.js";

const { learning, send, sendAll } = await import("../../src/allograph/page/js/post.js");
const { letters } = await import("../../src/allograph/page/js/store.js");
const { isLost } = await import("../../src/allograph/page/js/connection.js");
const { isKnown, take } = await import("../../src/allograph/page/js/writers.js");
const { remember } = await import("../../src/allograph/page/js/device.js");
const service = await import("../../src/allograph/page/js/service.js");

const correct = (id) => ({ kind: "correct", writer: "ana/b", corrections: [{ id, label: "<" }] });

test("a letter is sent, and the writer is known from then on", async () => {
    take("ana/b");
    assert.equal(await send(correct("1")), true);
    const [method, path, body, headers] = requests.pop();
    assert.deepEqual([method, path, body], ["POST", "/v1/writers/ana%2Fb/correct", { corrections: [{ id: "1", label: "<" }] }]);
    assert.equal(headers["X-Allograph-Keep-Images"], undefined);
    assert.ok(isKnown("ana/b"));
});

test("whether pictures are kept is decided when a letter is written", async () => {
    remember("keepImages", false);
    await send(correct("2"));
    remember("keepImages", true);
    assert.equal(requests.pop()[3]["X-Allograph-Keep-Images"], "no");
});

test("what cannot be sent waits, in order, and is sent once", async () => {
    for (const away of [null, { status: 503 }]) {
        setAnswer(() => away);
        assert.equal(await send(correct("3")), false);
        assert.equal(await send({ kind: "undo", writer: "ana/b", id: "3" }), false);
        assert.ok(isLost());
        assert.equal(element("offline").hidden, false);
        assert.equal((await letters()).length, 2);
        requests.length = 0;
        setAnswer(() => ({ status: 200 }));
        await Promise.all([sendAll(), sendAll()]);
        assert.deepEqual(requests.map(([, path]) => path.split("/").at(-1)), ["correct", "undo"]);
        assert.deepEqual(await letters(), []);
        assert.equal(isLost(), false);
    }
});

test("a refusal is told to whoever sent the letter, and it holds up no other", async () => {
    setAnswer((method, path, body) =>
        body.corrections?.[0].id === "bad" ? { status: 422, json: { detail: "no such label" } } : { status: 200 },
    );
    const [bad, good] = await Promise.allSettled([send(correct("bad")), send(correct("good"))]);
    assert.equal(bad.reason.message, "no such label");
    assert.ok(bad.reason instanceof service.Refused);
    assert.equal(good.value, true);
    assert.deepEqual(await letters(), []);
});

test("what the service did not learn of a line is told", async () => {
    const told = [];
    learning.addEventListener("unlike", ({ line, labels }) => told.push([line, labels]));
    setAnswer(() => ({ status: 200, json: { corrections: [], doubtful: [{ place: 1, label: "W" }] } }));
    await send({ kind: "correctLine", writer: "ana/b", line: { id: "line-1" }, text: "aW", vouched: [1] });
    assert.deepEqual(told, [["line-1", ["W"]]]);
});

test("taking back what is not there is no failure", async () => {
    setAnswer(() => ({ status: 404, json: { detail: "no such correction" } }));
    assert.equal(await send({ kind: "undo", writer: "ana/b", id: "9" }), true);
});

test("a key is asked for once, however many requests wait for it, and is then sent along", async () => {
    let times = 0;
    service.setAskForKey(async () => {
        times += 1;
        return "secret";
    });
    setAnswer(() => (requests.at(-1)[3].Authorization === "Bearer secret" ? { status: 200 } : { status: 401 }));
    await Promise.all([service.model(), service.alive(), service.admitted()]);
    assert.equal(times, 1);
    assert.ok(service.hasKey());
    service.forgetKey();
    assert.equal(service.hasKey(), false);
});

test("a letter waits where there is no key to be had", async () => {
    service.setAskForKey(async () => null);
    setAnswer(() => ({ status: 401 }));
    assert.equal(await send(correct("5")), false);
    assert.equal((await letters()).length, 1);
    setAnswer(() => ({ status: 200 }));
    await sendAll();
    assert.deepEqual(await letters(), []);
});
