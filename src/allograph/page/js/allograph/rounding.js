// Numbers rounded as NumPy rounds them: to whole numbers and to half precision, ties to the even one.

const single = new Float32Array(1);
const bits = new Uint32Array(single.buffer);

/** The whole number nearest to `number`; of two as near, the even one. */
export function roundToEven(number) {
    const rounded = Math.round(number);
    return rounded - number === 0.5 && rounded % 2 !== 0 ? rounded - 1 : rounded;
}

/** The 16 bits of the half-precision number nearest to `number`, which is first brought to single precision. */
export function toHalf(number) {
    single[0] = number;
    const sign = (bits[0] >>> 16) & 0x8000;
    const size = bits[0] & 0x7fffffff;
    if (size > 0x7f800000) return sign | 0x7e00;
    if (size >= 0x47800000) return sign | 0x7c00;
    if (size < 0x38800000) return sign | roundToEven(Math.abs(single[0]) * 2 ** 24);
    return sign | ((size + 0xfff + ((size >> 13) & 1) - 0x38000000) >> 13);
}

/** The number that 16 bits of half precision stand for. */
export function fromHalf(half) {
    const sign = (half & 0x8000) << 16;
    const size = half & 0x7fff;
    if (size < 0x400) return (sign ? -1 : 1) * size * 2 ** -24;
    bits[0] = sign | (size < 0x7c00 ? (size << 13) + 0x38000000 : 0x7f800000 | (size << 13));
    return single[0];
}

/** The largest number of half precision. */
export const LARGEST_HALF = 65504;
/** The smallest number of half precision that has all its digits. */
export const SMALLEST_HALF = 2 ** -14;
