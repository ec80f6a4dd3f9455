// A writer's samples in few bytes: vectors in 8 bits a number, and log-probabilities of the likeliest labels alone.

import { fromHalf, LARGEST_HALF, roundToEven, SMALLEST_HALF, toHalf } from "./rounding.js";

/** The log-probability of what is as good as impossible. */
export const IMPOSSIBLE = -30;
/** The log-probability that a label of the writer's own has for the recognizer, which does not know it. */
export const OWN_LABEL = Math.log(1e-3);
/** Labels whose log-probability is kept; all others share the rest of the probability equally. */
const LIKELIEST = 8;
/** The largest number of a packed vector, in its unit. */
const LARGEST = 127;

/** Vectors [n, r] as arrays of a state: int8 `vectors` and half-precision `units` [n], 0 for a vector that is not valid. */
export function packVectors(vectors, r, valid) {
    const n = valid.length;
    const numbers = new Int8Array(n * r);
    const units = new Uint16Array(n);
    for (let i = 0; i < n; i++) {
        let largest = 0;
        for (let t = 0; t < r; t++) largest = Math.max(largest, Math.abs(vectors[i * r + t]));
        const half = toHalf(Math.min(Math.max(largest / LARGEST, SMALLEST_HALF), LARGEST_HALF));
        const unit = fromHalf(half);
        for (let t = 0; t < r; t++) {
            const number = roundToEven(Math.fround(vectors[i * r + t] / unit));
            numbers[i * r + t] = Math.min(Math.max(number, -LARGEST), LARGEST);
        }
        units[i] = valid[i] ? half : 0;
    }
    return { vectors: { dtype: "I8", shape: [n, r], data: numbers }, units: { dtype: "F16", shape: [n], data: units } };
}

/** Put the packed vectors [n, r] into the first r of the `width` numbers of each row. */
export function unpackVectors({ vectors, units }, rows, width) {
    const [n, r] = vectors.shape;
    for (let i = 0; i < n; i++) {
        const unit = fromHalf(units.data[i]);
        for (let t = 0; t < r; t++) rows[i * width + t] = vectors.data[i * r + t] * unit;
    }
}

/**
 * Finite log-probabilities [n, C] as arrays of a state: places `likeliest` and `logs` [n, k], and `rest` [n] for every other.
 */
export function packLogs(logs, size) {
    const n = logs.length / size;
    const k = Math.min(LIKELIEST, size);
    const kind = size <= 256 ? ["U8", Uint8Array] : size <= 65536 ? ["U16", Uint16Array] : ["U32", Uint32Array];
    const likeliest = new kind[1](n * k);
    const halves = new Uint16Array(n * k);
    const rest = new Uint16Array(n);
    for (let i = 0; i < n; i++) {
        const row = logs.subarray(i * size, (i + 1) * size);
        const order = Array.from(row.keys()).sort((one, other) => row[one] - row[other]);
        const others = order.slice(0, size - k);
        order.slice(size - k).forEach((place, t) => {
            likeliest[i * k + t] = place;
            halves[i * k + t] = toHalf(row[place]);
        });
        const left = others.reduce((sum, place) => sum + Math.exp(row[place]), 0) / Math.max(others.length, 1);
        rest[i] = toHalf(Math.log(Math.max(left, Math.exp(IMPOSSIBLE))));
    }
    return {
        likeliest: { dtype: kind[0], shape: [n, k], data: likeliest },
        logs: { dtype: "F16", shape: [n, k], data: halves },
        rest: { dtype: "F16", shape: [n], data: rest },
    };
}

/** The log-probabilities [n, size + own], with the writer's `own` labels at the end. */
export function unpackLogs({ likeliest, logs, rest }, size, own) {
    const [n, k] = likeliest.shape;
    const width = size + own;
    const unpacked = new Float64Array(n * width);
    for (let i = 0; i < n; i++) {
        const start = i * width;
        unpacked.fill(fromHalf(rest.data[i]), start, start + size);
        unpacked.fill(OWN_LABEL, start + size, start + width);
        for (let t = i * k; t < (i + 1) * k; t++) unpacked[start + likeliest.data[t]] = fromHalf(logs.data[t]);
    }
    return unpacked;
}
