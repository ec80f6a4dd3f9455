// Which features can be learned from, and logits made finite: constant, infinite or huge numbers must spoil nothing.

/** Features so many times longer or shorter than is usual are no character's. */
export const LENGTH_RATIO = 1e4;
/** Numbers beyond this, and below its inverse, have squares that single precision cannot hold. */
const LARGEST_NUMBER = 1e15;
/** Numbers that differ by less than this share of the largest are constant. */
const CONSTANT_RATIO = 1e-6;
/** Features of fewer numbers than this may be constant, or 0. */
const FEW_NUMBERS = 3;
/** Log-probabilities below this do not count when two opinions of the recognizer are compared. */
const NO_OPINION = -25;
/** Log-probabilities of the same opinion differ by no more, a constant aside; half precision changes them by less. */
const OPINION_TOLERANCE = 0.05;

/** Whether one row of features can be learned from: it is finite and not constant. */
export function isValidRow(row) {
    if (!row.length) return false;
    let [high, low] = [-Infinity, Infinity];
    for (const number of row) {
        if (Number.isNaN(number)) return false;
        high = Math.max(high, number);
        low = Math.min(low, number);
    }
    const peak = Math.max(high, -low);
    const few = row.length < FEW_NUMBERS;
    return peak <= LARGEST_NUMBER && (few || (peak >= 1 / LARGEST_NUMBER && high - low > CONSTANT_RATIO * peak));
}

/**
 * Logits [n, size] whose every row has a finite maximum; `logits` itself where they have it already.
 *
 * NaN becomes −Infinity, a label that is not on offer. An infinite logit is the answer. Where no label is on offer, all are
 * equally likely.
 */
export function repairLogits(logits, size) {
    const rows = Array.from({ length: logits.length / size }, (_, i) => logits.subarray(i * size, (i + 1) * size));
    if (rows.every((row) => Number.isFinite(row.reduce((one, other) => Math.max(one, other))))) return logits;
    const repaired = Float64Array.from(logits, (logit) => (Number.isNaN(logit) ? -Infinity : logit));
    for (let start = 0; start < repaired.length; start += size) {
        const row = repaired.subarray(start, start + size);
        const highest = row.reduce((one, other) => Math.max(one, other));
        if (highest === Infinity) row.forEach((logit, i) => (row[i] = logit === Infinity ? 0 : -LARGEST_NUMBER));
        if (highest === -Infinity) row.fill(0);
    }
    return repaired;
}

/**
 * Whether log-probabilities `logs` [k] are the same opinion as `others` [k], a constant aside; labels that were as good as
 * impossible, or not on offer, for one of two do not count.
 */
export function isSameOpinion(logs, others) {
    let [high, low] = [-Infinity, Infinity];
    for (let i = 0; i < logs.length; i++) {
        if (!(logs[i] > NO_OPINION && others[i] > NO_OPINION)) continue;
        high = Math.max(high, logs[i] - others[i]);
        low = Math.min(low, logs[i] - others[i]);
    }
    return high - low <= OPINION_TOLERANCE;
}
