// Sizes in a state: few bytes a sample, and none where no sample has a size.
// `sizes` are half-precision numbers [n, 2 or 4], inverse hyperbolic sines of `Boxes.sizes`; `scales` are uint32 [n], or [1]
// where all sizes have the same scale.

import { Boxes, SIZES } from "./box.js";
import { fromHalf, toHalf } from "./rounding.js";
import { LENGTHS } from "./size_statistics.js";

/** The arrays of a state that had `old` samples, of which the newest are kept, and now has `count`; none without sizes. */
export function packSizes(before, old, boxes, added, count) {
    if (!boxes && !before.sizes) return {};
    const all = Boxes.join([unpackSizes(before, old), boxes ?? Boxes.none(added)]);
    const first = all.length - count;
    const halves = new Uint16Array(count * SIZES);
    for (let i = 0; i < halves.length; i++) {
        const place = first * SIZES + i;
        const isOld = place < old * SIZES;
        halves[i] = isOld ? halfOf(before, place) : toHalf(Math.asinh(all.sizes[place]));
    }
    const isKnown = (i) => Number.isFinite(fromHalf(halves[i]));
    const rows = Array.from({ length: count }, (_, i) => i);
    const sized = rows.filter((row) => isKnown(row * SIZES) && isKnown(row * SIZES + 1));
    if (!sized.length) return {};
    const width = rows.some((row) => isKnown(row * SIZES + 2) || isKnown(row * SIZES + 3)) ? SIZES : LENGTHS;
    const scales = all.scales.slice(first);
    const isOne = sized.every((row) => scales[row] === scales[sized[0]]);
    return {
        sizes: { dtype: "F16", shape: [count, width], data: halves.filter((_, i) => i % SIZES < width) },
        scales: { dtype: "U32", shape: [isOne ? 1 : count], data: isOne ? scales.slice(sized[0], sized[0] + 1) : scales },
    };
}

/** The sizes and scales of all `count` samples of a state as `Boxes`, NaN where they are not known. */
export function unpackSizes(arrays, count) {
    const boxes = new Boxes(new Float32Array(count * SIZES).fill(NaN), new Uint32Array(count));
    for (let i = 0; arrays.sizes && i < boxes.sizes.length; i++) boxes.sizes[i] = Math.sinh(fromHalf(halfOf(arrays, i)));
    if (arrays.scales)
        arrays.scales.data.length === 1 ? boxes.scales.fill(arrays.scales.data[0]) : boxes.scales.set(arrays.scales.data);
    return boxes;
}

const UNKNOWN = toHalf(NaN);

/** The bits of the number at a place of [n, 4], whichever of the four the state keeps. */
function halfOf({ sizes }, place) {
    if (!sizes) return UNKNOWN;
    const width = sizes.shape[1];
    const column = place % SIZES;
    return column < width ? sizes.data[Math.floor(place / SIZES) * width + column] : UNKNOWN;
}
