// The figures of what was read rightly: by hand, and against the truth.

import assert from "node:assert/strict";
import test from "node:test";
import "./browser.js";

const { countLine, countOne, curveOf, figuresOf, outcomesOf, pairsOf, RECENT, recount, uncount } = await import(
    "../../src/allograph/page/js/outcomes.js"
);

const near = (one, other) => assert.ok(Math.abs(one - other) < 1e-12, `${one} is not ${other}`);
const [right, mended, learned] = [
    { label: "a", personal: "a", base: "a" }, // left standing, and right
    { label: "g", personal: "9", base: "9" }, // corrected
    { label: "g", personal: "g", base: "9" }, // right for this writer only
];

test("shares, what was named and what was left standing are as counted by hand", () => {
    assert.deepEqual(figuresOf([right, mended, learned, right]), { count: 4, personal: 0.75, base: 0.5, named: 1, standing: 3 });
    assert.deepEqual(figuresOf([{ ...right, named: true }, mended]), { count: 2, personal: 0.5, base: 0.5, named: 2, standing: 0 });
    assert.equal(figuresOf([]).count, 0);
});

test("a label that is corrected judges both readings: the base may be right where the personal one is wrong", () => {
    const { personal, base } = figuresOf([{ label: "l", personal: "1", base: "l" }]);
    assert.deepEqual([personal, base], [0, 1]);
});

test("the curve has the shares of the last and of all", () => {
    const points = curveOf([mended, learned, right, mended], 2);
    assert.deepEqual(points.map(({ count }) => count), [1, 2, 3, 4]);
    assert.deepEqual(points.map(({ personal }) => personal), [0, 0.5, 1, 0.5]);
    assert.deepEqual(points.map(({ base }) => base), [0, 0, 0.5, 0.5]);
    [0, 1 / 2, 2 / 3, 1 / 2].forEach((share, i) => near(points[i].all.personal, share));
    [0, 0, 1 / 3, 1 / 4].forEach((share, i) => near(points[i].all.base, share));
    assert.deepEqual(curveOf([]), []);
    const long = curveOf([...Array(RECENT).fill(mended), ...Array(RECENT).fill(right)]);
    assert.deepEqual([long[RECENT - 1].personal, long.at(-1).personal, long.at(-1).all.personal], [0, 1, 0.5]);
});

test("characters come in the order in which they were written, those of a line together", () => {
    const outcomes = [
        { id: "2", at: 20, pairs: [mended, right] },
        { id: "1", at: 10, pairs: [learned] },
    ];
    assert.deepEqual(pairsOf(outcomes), [learned, mended, right]);
});

test("whoever corrects every error and nothing else sees the truth, however unsure the readings are", () => {
    let seed = 1;
    const random = () => (seed = (seed * 48271) % 2147483647) / 2147483647;
    for (let writer = 0; writer < 40; writer += 1) {
        const [mine, everybody] = [0.5 + random() / 2, 0.5 + random() / 2];
        const truth = { personal: 0, base: 0 };
        const pairs = Array.from({ length: RECENT }, () => {
            const said = "abcdefgh"[Math.floor(8 * random())];
            const read = (share) => (random() < share ? said : "x");
            const [personal, base] = [read(mine), read(everybody)];
            truth.personal += personal === said;
            truth.base += base === said;
            const left = personal === said; // only an error is corrected; what is right stands
            return { label: left ? personal : said, personal, base };
        });
        const found = figuresOf(pairs);
        near(found.personal, truth.personal / RECENT);
        near(found.base, truth.base / RECENT);
        near(curveOf(pairs).at(-1).personal, found.personal);
    }
});

test("what is counted is kept: a label that changes, a line, and what was never meant", async () => {
    await countOne("ana", { id: "1", at: 2, label: "9", personal: "9", base: "9" });
    await countOne("ben", { id: "2", at: 1, label: "b", personal: "b", base: "b" });
    await countLine("ana", { id: "line-1", at: 1, pairs: [right, right] });
    assert.equal(figuresOf(pairsOf(await outcomesOf("ana"))).personal, 1);
    await countOne("ana", { id: "1", at: 2, label: "g", personal: "9", base: "9" });
    assert.deepEqual(pairsOf(await outcomesOf("ana")), [right, right, { label: "g", personal: "9", base: "9" }]);
    await recount("ana", "1", "q");
    await recount("ana", "line-1", "q");
    await recount("ana", "nothing", "q");
    const last = { label: "q", personal: "9", base: "9", named: true };
    assert.deepEqual(await outcomesOf("ana"), [
        { id: "line-1", writer: "ana", at: 1, pairs: [right, right] },
        { id: "1", writer: "ana", at: 2, pairs: [last] },
    ]);
    await uncount("line-1");
    await uncount("1");
    assert.deepEqual(await outcomesOf("ana"), []);
    assert.equal((await outcomesOf("ben")).length, 1);
});
