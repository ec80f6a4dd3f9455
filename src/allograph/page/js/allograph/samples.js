// Samples as the recognizer describes them: { count, embeddings, logits, features, boxes }, arrays of one row a sample.

import { Boxes } from "./box.js";

const ARRAYS = ["embeddings", "logits", "features"];

/** The samples at these places. */
export function samplesAt(samples, places) {
    const taken = Object.fromEntries(
        ARRAYS.map((name) => [name, samples[name] ? rowsOf(samples[name], samples.count, places) : null]),
    );
    return { count: places.length, ...taken, boxes: samples.boxes?.at(places) ?? null };
}

/** The sample at a place. */
export const rowOf = (samples, place) => samplesAt(samples, [place]);

/** Samples of one recognizer, one after the other; at least one part. */
export function joinSamples(parts) {
    if (parts.length === 1) return parts[0];
    const whole = Object.fromEntries(
        ARRAYS.map((name) => [name, parts[0][name] ? joined(parts.map((part) => part[name])) : null]),
    );
    const boxed = parts.some(({ boxes }) => boxes);
    return {
        count: parts.reduce((count, part) => count + part.count, 0),
        ...whole,
        boxes: boxed ? Boxes.join(parts.map(({ boxes, count }) => boxes ?? Boxes.none(count))) : null,
    };
}

function rowsOf(numbers, count, places) {
    const width = numbers.length / count;
    const taken = new Float32Array(places.length * width);
    places.forEach((place, i) => taken.set(numbers.subarray(place * width, (place + 1) * width), i * width));
    return taken;
}

function joined(parts) {
    const whole = new Float32Array(parts.reduce((length, part) => length + part.length, 0));
    let place = 0;
    for (const part of parts) {
        whole.set(part, place);
        place += part.length;
    }
    return whole;
}
