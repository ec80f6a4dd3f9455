// Of each character that was written here and read: what it is, what was read, and what everybody's reading would have been.
//
// The service's journal cannot tell how well one is read. It holds every reading that was wrong, for those are corrected, but
// not every one that was right: what is left standing is learned only where it was sure. So each character is counted here,
// once, by what was read first, however unsure; but not those of Teach, which are asked for because they are hard.

import { dropRecord, keepRecord, recordsOf } from "./store.js";
import { isErased } from "./writers.js";

/** How many characters "lately" is. */
export const RECENT = 50;

/**
 * Count a character, or count it otherwise: the same id again replaces what was counted. `label` is what it is said to be or,
 * left standing, what was read; `personal` and `base` are what was read first, for this writer and for everybody. `named` says
 * that the writer gave the label; unless said, that is so where it is not what was read.
 */
export const countOne = (writer, { id, at, ...pair }) => countLine(writer, { id, at, pairs: [pair] });

/** Count the characters of a line, or count them otherwise: pairs of { label, personal, base, named }; nothing of an erased hand. */
export const countLine = async (writer, { id, at, pairs }) => {
    if (!isErased(writer)) await keepRecord("outcomes", { id, writer, at, pairs });
};

/** It was never meant. */
export const uncount = (id) => dropRecord("outcomes", id);

/** All that was counted of a writer, the oldest first. */
export const outcomesOf = (writer) => recordsOf("outcomes", writer);

/** A character that was counted by itself has another label, which the writer gave; others are left alone. */
export async function recount(writer, id, label) {
    const counted = (await outcomesOf(writer)).find((outcome) => outcome.id === id);
    if (counted?.pairs.length === 1)
        await countLine(writer, { ...counted, pairs: [{ ...counted.pairs[0], label, named: true }] });
}

/** The characters of outcomes, one after the other as they were written. */
export const pairsOf = (outcomes) => [...outcomes].sort((one, other) => one.at - other.at).flatMap(({ pairs }) => pairs);

const isNamed = ({ label, personal, named }) => named ?? label !== personal;
const count = (pairs, is) => pairs.filter(is).length;

/** How many pairs there are, which share was read rightly in either way, and how many the writer named and left standing. */
export function figuresOf(pairs) {
    const named = count(pairs, isNamed);
    return {
        count: pairs.length,
        personal: count(pairs, ({ label, personal }) => personal === label) / pairs.length,
        base: count(pairs, ({ label, base }) => base === label) / pairs.length,
        named,
        standing: pairs.length - named,
    };
}

/** The shares read rightly after each pair: of the last `recent` as `{ personal, base }`, and of all in `all`. */
export function curveOf(pairs, recent = RECENT) {
    const right = { personal: [0], base: [0] }; // how many of the first n were read rightly
    for (const pair of pairs)
        for (const way of ["personal", "base"]) right[way].push(right[way].at(-1) + (pair[way] === pair.label));
    const shares = (from, to) => ({
        personal: (right.personal[to] - right.personal[from]) / (to - from),
        base: (right.base[to] - right.base[from]) / (to - from),
    });
    return pairs.map((_, i) => ({ count: i + 1, ...shares(Math.max(0, i + 1 - recent), i + 1), all: shares(0, i + 1) }));
}
