// What the numbers of a writer's samples of each label say: how likely a new label is, and whether labels were chosen.

import { logSum } from "./softmax.js";

/** The share of new labels that the method allows for by itself. */
const RARE = 0.02;
/** So improbable may so few repeats be among labels that came as they come. */
const ORDINARY = 0.1;
/** Samples that each label is given beside those it has. */
const HALF = 0.5;

const sum = (counts) => counts.reduce((one, other) => one + other, 0);
const countIf = (counts, holds) => counts.reduce((found, count) => found + (holds(count) ? 1 : 0), 0);

/** How many of `places` are each of `size` places: Int32Array [size]. */
export function countsOf(places, size) {
    const counts = new Int32Array(size);
    for (const place of places) counts[place] += 1;
    return counts;
}

/**
 * By how much a label with no sample is likelier than the method thinks, from the number of samples of each label (Good, 1953).
 */
export function unseenFactor(counts) {
    const total = sum(counts);
    const once = countIf(counts, (count) => count === 1);
    const share = total ? ((1 - chosen(counts)) * (once + 1)) / (total + 2) : 0;
    return (share + RARE) / RARE;
}

/** By how much each label's log-probability [C] is higher among a writer's samples than where labels come as they come. */
export function chosenOdds(counts, frequencies) {
    const surely = chosen(counts);
    const total = sum(counts) + HALF * counts.length;
    return Float64Array.from(counts, (count, label) => surely * Math.log((count + HALF) / total / frequencies[label]));
}

/** How surely labels with these numbers of samples were chosen to be taught, 0…1: they repeat less than chance lets them. */
export function chosen(counts) {
    const total = sum(counts);
    if (!total) return 0;
    const repeats = total - countIf(counts, (count) => count > 0);
    const expected = total - counts.length * (1 - (1 - 1 / counts.length) ** total); // where all labels are equally frequent
    return Math.max(0, 1 - atMost(repeats, expected) / ORDINARY);
}

/** The probability of so many events or fewer, where so many are expected (Poisson). */
function atMost(events, expected) {
    if (events >= expected) return 1;
    const logs = [-expected];
    for (let i = 1; i <= events; i++) logs.push(logs[i - 1] + Math.log(expected) - Math.log(i));
    return Math.exp(logSum(logs));
}
