// Multinomial logistic regression around a prior, as a residual on the recognizer's logits.

import { gram, innerProduct, innerProducts, inverse, transpose } from "./matrix.js";

/**
 * The change W [C, r] that makes Σ cross-entropy(logs + features Wᵀ, labels) + ½ ‖W − V‖² least, sought from `start` (or V).
 *
 * `features` are [n, r], `logs` are [C, n], `labels` are places [n]; V [C, r] is `around`. Each round minimises Böhning's
 * quadratic bound of the cross-entropy (1992), whose matrix ½ FᵀF + 1 never changes, from where Nesterov's momentum has carried
 * it (restarted where it leads uphill). With fewer samples than features, and nowhere to start from, the same is done for
 * A [C, n], W being A F.
 */
export function residual({ features, logs, labels, rounds, start, around, r }) {
    const n = labels.length;
    if (n >= r || start)
        return minimize({ spread: features, metric: null, logs, labels, rounds, start: start ?? around, around, k: r });
    const metric = gram(features, r);
    const moved = innerProducts(around, features, r);
    for (let i = 0; i < moved.length; i++) moved[i] += logs[i];
    const nothing = new Float64Array(moved.length);
    const weights = minimize({ spread: metric, metric, logs: moved, labels, rounds, start: nothing, around: nothing, k: n });
    const change = innerProducts(weights, transpose(features, r), n);
    for (let i = 0; i < change.length; i++) change[i] += around[i];
    return change;
}

/**
 * The rounds of `residual`: for W [C, k] where there is no `metric`, for A in the metric of the Gram matrix [k, k] where there
 * is one. `spread` [n, k] carries what is sought to logits.
 */
function minimize({ spread, metric, logs, labels, rounds, start, around, k }) {
    const n = labels.length;
    const turned = metric ? null : transpose(spread, k);
    const multiply = metric ? inverseOfBound(metric, k) : stepOf(spread, turned, n, k);
    let [point, ahead, pace] = [start, start, 1];
    for (let left = rounds - 1; left >= 0; left--) {
        const shares = softmaxOfColumns(innerProducts(ahead, spread, k), logs, n);
        for (let i = 0; i < n; i++) shares[labels[i] * n + i] -= 1;
        const slope = metric ? shares : innerProducts(shares, turned, n);
        for (let i = 0; i < slope.length; i++) slope[i] += ahead[i] - around[i];
        const nearer = multiply(slope);
        for (let i = 0; i < nearer.length; i++) nearer[i] = ahead[i] - nearer[i];
        if (!left) return nearer;
        const moved = new Float64Array(nearer.length);
        for (let i = 0; i < moved.length; i++) moved[i] = nearer[i] - point[i];
        const uphill = metric ? innerProducts(slope, metric, k) : slope;
        if (innerProduct(uphill, 0, moved, 0, moved.length) > 0) pace = 1;
        const faster = (1 + Math.sqrt(1 + 4 * pace * pace)) / 2;
        const momentum = (pace - 1) / faster;
        ahead = moved;
        for (let i = 0; i < moved.length; i++) ahead[i] = nearer[i] + momentum * moved[i];
        [point, pace] = [nearer, faster];
    }
    return point;
}

/** Multiplies rows of k numbers by (½ bound + 1)⁻¹, for a symmetric `bound` [k, k]. */
function inverseOfBound(bound, k) {
    const matrix = bound.map((number) => number / 2);
    for (let i = 0; i < k; i++) matrix[i * k + i] += 1;
    const step = inverse(matrix, k);
    return (rows) => innerProducts(rows, step, k);
}

/** Multiplies rows of k numbers by (½ FᵀF + 1)⁻¹, F being `spread` [n, k]; with few samples n by Woodbury's identity. */
function stepOf(spread, turned, n, k) {
    if (2 * n > k) return inverseOfBound(gram(turned, n), k);
    const multiply = inverseOfBound(gram(spread, k), n);
    return (rows) => {
        const along = innerProducts(multiply(innerProducts(rows, spread, k)), turned, n);
        for (let i = 0; i < along.length; i++) along[i] = rows[i] - along[i] / 2;
        return along;
    };
}

/** The probabilities [C, n] of the sums of two arrays of logits [C, n], in the place of the first. */
function softmaxOfColumns(logits, more, n) {
    const highest = new Float64Array(n).fill(-Infinity);
    const sums = new Float64Array(n);
    for (let start = 0; start < logits.length; start += n) {
        for (let i = 0; i < n; i++) {
            const logit = logits[start + i] + more[start + i];
            logits[start + i] = logit;
            if (logit > highest[i]) highest[i] = logit;
        }
    }
    for (let start = 0; start < logits.length; start += n) {
        for (let i = 0; i < n; i++) sums[i] += logits[start + i] = Math.exp(logits[start + i] - highest[i]);
    }
    for (let start = 0; start < logits.length; start += n) for (let i = 0; i < n; i++) logits[start + i] /= sums[i];
    return logits;
}
