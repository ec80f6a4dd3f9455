// The box of a sample's ink: how large it was written, and where, before it was brought into the frame.

import { InputError } from "./errors.js";
import { inkExtent, inkPaths } from "./ink.js";

/** What a box can be measured in. */
export const UNITS = ["millimetres", "device"];
/** Code points in a device's name, at most. */
const LONGEST_DEVICE = 200;
/** The largest coordinate of a box. */
const FARTHEST = 1e9;
/** Numbers in a sample's size: height, width, and how far its top and its bottom lie above the baseline. */
export const SIZES = 4;

/**
 * A box { left, top, right, bottom, unit, device, baseline }, y down; boxes of one writer, unit and device have one scale.
 * `baseline` is the y of the line that the character stands on, null where that is not known. Throws `InputError` for what is
 * no box.
 */
export function checkBox({ left, top, right, bottom, unit = "device", device = "", baseline = null }) {
    const numbers = baseline === null ? [left, top, right, bottom] : [left, top, right, bottom, baseline];
    if (!numbers.every((number) => Number.isFinite(number) && Math.abs(number) <= FARTHEST)) {
        throw new InputError(`the edges and the baseline of a box are finite numbers and at most ${FARTHEST}`);
    }
    if (right < left || bottom < top)
        throw new InputError("a box is left, top, right, bottom, y down: this one ends before it begins");
    if (!UNITS.includes(unit)) throw new InputError(`the unit of a box is ${UNITS.join(" or ")}`);
    if (!isDevice(device)) throw new InputError(`a device is named by at most ${LONGEST_DEVICE} printable characters`);
    return { left, top, right, bottom, unit, device, baseline };
}

/** The box of strokes [[[x, y], …], …]; their points and the baseline are in `unit`. */
export const inkBox = (strokes, { unit, device, baseline } = {}) =>
    checkBox({ ...inkExtent(inkPaths(strokes)), unit, device, baseline });

/** The boxes of many samples, each of which may be missing, as what is judged of them. */
export class Boxes {
    /** `sizes` is Float32Array [n · 4], NaN where a number is not known; `scales` is Uint32Array [n]. */
    constructor(sizes, scales) {
        this.sizes = sizes;
        this.scales = scales;
    }

    /** Of a list of boxes; null is a missing one. */
    static of(boxes) {
        const sizes = new Float32Array(boxes.length * SIZES).fill(NaN);
        const scales = new Uint32Array(boxes.length);
        boxes.forEach((given, i) => {
            scales[i] = scaleNumber("", false);
            if (!given) return;
            const { unit, device, ...numbers } = checkBox(given);
            const [left, top, right, bottom] = ["left", "top", "right", "bottom"].map((edge) => Math.fround(numbers[edge]));
            const baseline = numbers.baseline === null ? NaN : Math.fround(numbers.baseline);
            sizes.set([bottom - top, right - left, baseline - top, baseline - bottom], i * SIZES);
            scales[i] = scaleNumber(device, unit === "millimetres");
        });
        return new Boxes(sizes, scales);
    }

    /** So many missing boxes. */
    static none(count) {
        return Boxes.of(Array(count).fill(null));
    }

    get length() {
        return this.scales.length;
    }

    /** The boxes at these places. */
    at(rows) {
        const boxes = Boxes.none(rows.length);
        rows.forEach((row, i) => {
            boxes.sizes.set(this.sizes.subarray(row * SIZES, (row + 1) * SIZES), i * SIZES);
            boxes.scales[i] = this.scales[row];
        });
        return boxes;
    }

    /** One after the other. */
    static join(parts) {
        const boxes = Boxes.none(parts.reduce((count, part) => count + part.length, 0));
        let place = 0;
        for (const part of parts) {
            boxes.sizes.set(part.sizes, place * SIZES);
            boxes.scales.set(part.scales, place);
            place += part.length;
        }
        return boxes;
    }
}

/** A number for each unit and device: samples of one writer with the same one have the same scale. Odd in millimetres. */
export const scaleNumber = (device, inMillimetres) =>
    ((crc32(new TextEncoder().encode(device)) & ~1) | Number(inMillimetres)) >>> 0;

/** Whether this can be a device's name. */
export const isDevice = (name) =>
    typeof name === "string" && [...name].length <= LONGEST_DEVICE && !/[\p{C}\p{Zl}\p{Zp}]|(?! )\p{Zs}/u.test(name);

function crc32(bytes) {
    let sum = ~0;
    for (const byte of bytes) {
        sum ^= byte;
        for (let i = 0; i < 8; i++) sum = sum & 1 ? (sum >>> 1) ^ 0xedb88320 : sum >>> 1;
    }
    return ~sum;
}
