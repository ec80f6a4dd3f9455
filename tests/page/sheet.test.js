// The sheet without a browser: rows, gestures, what a line reads, documents and their files.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";
import "./browser.js";

const PATH = "../../src/allograph/page/js/sheet";
const { BAND, TEXT, pitchAt, placeOf, rowOf } = await import(`${PATH}/rows.js`);
const { isZigzag, scratchedOut, writtenOver } = await import(`${PATH}/gestures.js`);
const line = await import(`${PATH}/line.js`);
const { found, textOfDocument, titleOf } = await import(`${PATH}/documents.js`);
const { asInkml, asSvg, asText, fileName } = await import(`${PATH}/export.js`);

const INK = JSON.parse(readFileSync(new URL("../ink.json", import.meta.url)));

/** A character's strokes, as high as people write, 200 ms from one to the next; or slowly, 3 s. */
function written({ ink }, { scale = 0.6, x = 0, y = 0, pause = 200, from = 0 } = {}) {
    return ink.map((points, i) => ({
        id: `${x}-${i}`,
        points: points.map(([u, v]) => [x + u * scale, y + v * scale, 0.5]),
        pen: false,
        began: from + i * (pause + 300),
        at: from + i * (pause + 300) + 300,
    }));
}

const zigzag = (left, right, top, bottom, ways = 7) => ({
    id: "z",
    points: Array.from({ length: ways * 8 + 1 }, (_, i) => {
        const way = Math.floor(i / 8);
        const share = (i % 8) / 8;
        return [left + (right - left) * (way % 2 ? 1 - share : share), top + ((bottom - top) * i) / (ways * 8), 0.5];
    }),
});

test("no stroke of any character scratches out or replaces those before it, written fast or slowly", () => {
    for (const one of INK) {
        for (const scale of [0.3, 0.6, 1]) {
            const strokes = written(one, { scale, pause: 3000 });
            strokes.forEach((stroke, i) => {
                const before = strokes.slice(0, i);
                assert.deepEqual(scratchedOut(stroke, before), [], `${one.label} stroke ${i + 1}`);
                const characters = before.map((other) => ({ label: "?", strokes: [other] }));
                const whole = i ? [{ label: "?", strokes: before }] : [];
                assert.equal(writtenOver(stroke, [...characters, ...whole]), null, `${one.label} stroke ${i + 1}`);
            });
        }
    }
});

test("a zigzag over ink scratches out what lies below it, and no more", () => {
    const [one, other] = [written(INK.find(({ label }) => label === "h")), written(INK.find(({ label }) => label === "o"), { x: 120 })];
    const stroke = zigzag(10, 55, 5, 55);
    assert.ok(isZigzag(stroke.points));
    assert.deepEqual(scratchedOut(stroke, [...one, ...other]), one);
    assert.deepEqual(scratchedOut(zigzag(300, 350, 0, 50), [...one, ...other]), []);
});

test("a character that is written over another, after a while, replaces it", () => {
    const closed = INK.filter(({ label, ink }) => ink.length === 1 && "aceos0689".includes(label));
    const old = { strokes: written(closed[0]) };
    const [late] = written(closed[1], { from: 300 + 1600 });
    const [soon] = written(closed[1], { from: 300 + 1000 });
    const [beside] = written(closed[1], { from: 5000, x: 40 });
    assert.equal(writtenOver(late, [old]), old);
    assert.equal(writtenOver(soon, [old]), null);
    assert.equal(writtenOver(beside, [old]), null);
});

test("a stroke belongs to the row in which most of it lies, a tail and a dot to the ink that they are near", () => {
    for (const zoom of [1, 0.4]) {
        const pitch = pitchAt(zoom);
        const at = (y) => [[50 * zoom, y], [60 * zoom, y + 2]];
        const none = new Map();
        assert.equal(rowOf(at(60 * zoom), none, zoom), 0);
        assert.equal(rowOf(at(2 * pitch + 60 * zoom), none, zoom), 2);
        const comma = at(BAND * zoom + 3);
        const box = { left: 40 * zoom, right: 48 * zoom, top: 30 * zoom, bottom: BAND * zoom - 8 };
        assert.equal(rowOf(comma, new Map([[0, [box]]]), zoom), 0);
        const dot = at(pitch - 4);
        const below = { left: 50 * zoom, right: 56 * zoom, top: pitch + 10 * zoom, bottom: pitch + 80 * zoom };
        assert.equal(rowOf(dot, new Map([[1, [below]]]), zoom), 1);
    }
    assert.equal(pitchAt(1), BAND + TEXT);
});

test("what is added further left stands in the order of writing where it is seen", () => {
    const [i, stem, after] = [0, 100, 200].map((x) => ({ id: `${x}`, points: [[x, 20], [x, 80]] }));
    const dot = { id: "dot", points: [[1, 5]] };
    const between = { id: "b", points: [[50, 20], [60, 80]] };
    assert.equal(placeOf(after, [i, stem]), 2);
    assert.equal(placeOf(dot, [i, stem, after]), 1);
    assert.equal(placeOf(between, [i, stem, after]), 1);
});

/** A line that was read as a text, a stroke each character. */
function readAs(text) {
    const one = line.newLine("ana", "doc", 0, 1);
    one.strokes = [...text.replace(/ /g, "")].map((_, i) => ({ id: `s${i}`, points: [[i * 30, 20, 0.5], [i * 30 + 12, 80, 0.5]] }));
    answer(one, text);
    return one;
}

function answer(one, text) {
    let space = false;
    const characters = [];
    for (const label of text) {
        if (label === " ") space = true;
        else {
            characters.push({ label, space_before: space, sureness: 0.9, base: label, best: [{ label }, { label: "x" }], pieces: [characters.length] });
            space = false;
        }
    }
    one.reading = { characters };
    one.readStrokes = one.strokes.map(({ id }) => id);
    line.describe(one);
}

test("what the person said stands whatever is read later, and says which places were vouched for", () => {
    const one = readAs("he11o you");
    line.keepFirst(one);
    const characters = line.charactersOf(one);
    line.sayCharacter(one, characters[2], "l");
    line.sayCharacter(one, line.charactersOf(one)[7], "u");
    line.describe(one);
    assert.equal(one.text, "hel1o you");
    assert.deepEqual(one.touched, [2, 8]);
    answer(one, "hexxo yox");
    assert.equal(one.text, "helxo you");
    assert.deepEqual(line.outcomeOf(one)[2], { label: "l", personal: "1", base: "1" });
});

test("a word that is typed keeps what is the same, and names together what is cut otherwise", () => {
    const cases = [
        ["cat", "cut", "cut", [1]],
        ["cl0g", "dog", "dog", [0, 1]],
        ["modem", "modern", "modern", [4, 5]],
        ["ab", "aab", "aab", [0, 1]],
        ["aab", "ab", "ab", [0]],
        ["ab cd", "abcd", "abcd", [2]],
        ["abcd", "ab cd", "ab cd", [3]],
        ["hello", "HELLO WORLD", "HELLO WORLD", null],
    ];
    for (const [before, typed, after, places] of cases) {
        const one = readAs(before);
        line.sayText(one, line.charactersOf(one), typed);
        line.describe(one);
        assert.equal(one.text, after, `${before} → ${typed}`);
        if (places) assert.deepEqual(one.touched, places, `${before} → ${typed}`);
        assert.ok(line.isWhole(one));
        const owned = line.charactersOf(one).flatMap(({ strokes }) => strokes);
        assert.deepEqual([...owned].sort(), one.strokes.map(({ id }) => id).sort(), "every stroke belongs to one character");
    }
});

test("with new ink a reading is stale, and covers nothing that it was not asked for", () => {
    const one = readAs("ab");
    assert.ok(line.isRead(one) && line.isWhole(one));
    one.strokes = [...one.strokes, { id: "new", points: [[100, 20], [110, 80]] }];
    line.describe(one);
    assert.equal(one.text, "ab…");
    assert.ok(!line.isRead(one) && !line.isWhole(one));
    assert.ok(line.charactersOf(one).every(({ stale }) => stale));
    line.removeStrokes(one, ["new", "s0"]);
    line.describe(one);
    assert.equal(one.text, "b");
    assert.ok(!line.isRead(one));
});

const documents = () => {
    const some = ['a < b & "c"', "Über alles"].map(readAs);
    some[1].row = 3;
    some[0].strokes[0].pen = true;
    return { document: { id: "doc", writer: "ana", title: "", at: 1, changed: 1 }, lines: some };
};

test("a document's text has a line a row, one empty line for rows left free, and is found by its words", () => {
    const one = documents();
    assert.equal(textOfDocument(one.lines), 'a < b & "c"\n\nÜber alles');
    assert.equal(titleOf(one), 'a < b & "c" Über');
    assert.equal(asText([one, one]).split("Über").length, 3);
    assert.deepEqual(found([one], "uber ALL"), [one]);
    assert.deepEqual(found([one], "ende"), []);
    assert.equal(fileName("a/b: \\c?", "txt"), "ab c.txt");
});

test("files escape what is markup, and name nobody", () => {
    const one = documents();
    for (const file of [asSvg(one), asInkml([one])]) {
        assert.ok(file.includes("a &#60; b &#38; &#34;c&#34;"));
        assert.ok(!file.includes("ana"));
        assert.ok(file.includes("Über alles"));
    }
    assert.match(asInkml([one]), /<trace contextRef="#pen">0 20 0\.5, 12 80 0\.5<\/trace>/);
    assert.equal(asSvg(one).match(/<path d="M[^H]*?"\/>/g).length, one.lines.flatMap(({ strokes }) => strokes).length);
});
