// The safetensors format: named arrays and a record of strings in one blob.
// An array is { dtype, shape, data }; `data` is a typed array, of half-precision numbers their bits (Uint16Array).

import { FormatError } from "./errors.js";
import { fromHalf, toHalf } from "./rounding.js";

const KINDS = {
    F64: Float64Array,
    F32: Float32Array,
    F16: Uint16Array,
    BF16: Uint16Array,
    I64: BigInt64Array,
    I32: Int32Array,
    I16: Int16Array,
    I8: Int8Array,
    U64: BigUint64Array,
    U32: Uint32Array,
    U16: Uint16Array,
    U8: Uint8Array,
    BOOL: Uint8Array,
};
const LARGEST_HEADER = 100_000_000;

/** Read a blob (Uint8Array or ArrayBuffer): { tensors, metadata }, both by name. Throws `FormatError` where it is damaged. */
export function readTensors(blob, name = "the blob") {
    const damaged = (what) =>
        new FormatError(`${name} is not a readable safetensors file: it is truncated or damaged (${what})`);
    if (!(blob instanceof ArrayBuffer || blob instanceof Uint8Array)) {
        throw new FormatError(`${name} is read from a Uint8Array or an ArrayBuffer`);
    }
    const bytes =
        blob instanceof ArrayBuffer ? new Uint8Array(blob) : new Uint8Array(blob.buffer, blob.byteOffset, blob.byteLength);
    if (bytes.length < 8) throw damaged("it has no header");
    const length = Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true));
    if (length > LARGEST_HEADER || 8 + length > bytes.length) throw damaged("its header ends beyond it");
    let header;
    try {
        header = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes.subarray(8, 8 + length)));
    } catch {
        throw damaged("its header is no JSON");
    }
    if (!isRecord(header)) throw damaged("its header is no JSON object");
    const { __metadata__: metadata = {}, ...entries } = header;
    if (!isRecord(metadata) || !Object.values(metadata).every((value) => typeof value === "string")) {
        throw damaged("its metadata are no strings");
    }
    const data = bytes.slice(8 + length); // from its first byte, as typed arrays need it
    const parts = Object.entries(entries).map(([key, entry]) => {
        if (!isRecord(entry) || !Array.isArray(entry.shape) || !entry.shape.every(isCount))
            throw damaged(`${key} has no shape`);
        if (!Object.keys(KINDS).includes(entry.dtype))
            throw damaged(`${key} has the unknown type ${String(entry.dtype).slice(0, 20)}`);
        const { dtype, shape, data_offsets: offsets } = entry;
        if (!Array.isArray(offsets) || offsets.length !== 2 || !offsets.every(isCount)) throw damaged(`${key} has no place`);
        return { key, dtype, shape, begin: offsets[0], end: offsets[1] };
    });
    let reached = 0;
    const tensors = {};
    for (const { key, dtype, shape, begin, end } of parts.sort(
        (one, other) => one.begin - other.begin || one.end - other.end,
    )) {
        const kind = KINDS[dtype];
        const count = shape.reduce((product, side) => product * side, 1);
        if (begin !== reached || end - begin !== count * kind.BYTES_PER_ELEMENT)
            throw damaged(`${key} is not as large as its shape`);
        if (end > data.length) throw damaged(`${key} ends beyond it`);
        tensors[key] = { dtype, shape, data: new kind(data.slice(begin, end).buffer) };
        reached = end;
    }
    if (reached !== data.length) throw damaged("more follows than its header names");
    return { tensors, metadata };
}

/** Write arrays by name, and strings by name, as one blob, Uint8Array. */
export function writeTensors(tensors, metadata = {}) {
    const widest = ([, { data }]) => data.BYTES_PER_ELEMENT;
    const parts = Object.entries(tensors).sort((one, other) => widest(other) - widest(one) || (one[0] < other[0] ? -1 : 1));
    const header = Object.keys(metadata).length ? { __metadata__: metadata } : {};
    let reached = 0;
    for (const [key, { dtype, shape, data }] of parts) {
        header[key] = { dtype, shape, data_offsets: [reached, reached + data.byteLength] };
        reached += data.byteLength;
    }
    const text = new TextEncoder().encode(JSON.stringify(header));
    const length = Math.ceil(text.length / 8) * 8; // the arrays begin at a multiple of 8
    const blob = new Uint8Array(8 + length + reached).fill(0x20, 8, 8 + length);
    new DataView(blob.buffer).setBigUint64(0, BigInt(length), true);
    blob.set(text, 8);
    let place = 8 + length;
    for (const [, { data }] of parts) {
        blob.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), place);
        place += data.byteLength;
    }
    return blob;
}

/** The numbers of an array, whatever their type: Float64Array. */
export function numbersOf({ dtype, data }) {
    if (dtype === "F16") return Float64Array.from(data, fromHalf);
    if (dtype === "BF16") return Float64Array.from(new Float32Array(Uint32Array.from(data, (half) => half << 16).buffer));
    return Float64Array.from(data, Number);
}

/** Numbers as an array of half precision. */
export const halves = (numbers, shape) => ({ dtype: "F16", shape, data: Uint16Array.from(numbers, toHalf) });

const isRecord = (value) => typeof value === "object" && value !== null && !Array.isArray(value);
const isCount = (value) => Number.isSafeInteger(value) && value >= 0;
