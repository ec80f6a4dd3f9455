// How likely each label is by a writer's own way with it: a two-covariance model of features (PLDA).

import { innerProduct } from "./matrix.js";

/** The variance of a writer's way with all labels, as a share of that with one label. */
const COMMON = 0.5;

/**
 * What labels' log-likelihoods gain by what is known of a writer: y·linear + |y|² square + constant, for features y [r].
 *
 * From the writer's samples in space, `points` [n, r], with their labels (places) [n]; 0 for the writer's `own` labels. Gives
 * `linear` [C + own, r], `square` and `constant` [C + own]. `statistics` are the shapes of a bundle. The gain is multiplied by
 * `strength`; `between` weighs how far writers' means differ.
 */
export function writerShapes({ statistics, points, labels, own, between, strength }) {
    const { means: mu, within, frequencies } = statistics;
    const size = frequencies.length;
    const r = mu.length / size;
    const centres = centresOf(points, labels, size, r);
    const seen = [...centres.keys()].sort((one, other) => one - other);
    const way = statistics.between * between;
    const common = COMMON * way;
    const certain = new Map(seen.map((label) => [label, 1 / (way + 1 / centres.get(label).count)]));
    const left = 1 / (1 / common + seen.reduce((total, label) => total + certain.get(label), 0));
    const shift = new Float64Array(r); // the writer's way with all labels
    for (const label of seen) {
        const { mean } = centres.get(label);
        for (let t = 0; t < r; t++) shift[t] += left * certain.get(label) * (mean[t] - mu[label * r + t]);
    }
    const linear = new Float64Array((size + own) * r);
    const square = new Float64Array(size + own);
    const constant = new Float64Array(size + own);
    for (let label = 0; label < size; label++) {
        const population = mu.subarray(label * r, (label + 1) * r);
        if (!population.some(Boolean)) continue; // nothing is known of how the label looks
        const expected = population.map((number, t) => number + shift[t]);
        let variance = way + left + 1;
        if (centres.has(label)) {
            const gain = way * certain.get(label);
            const { mean } = centres.get(label);
            for (let t = 0; t < r; t++) expected[t] += gain * (mean[t] - population[t] - shift[t]);
            variance = way * (1 - gain) + (1 - gain) ** 2 * left + 1;
        }
        const after = within * variance;
        const before = within * (way + common + 1);
        const lengths = [population, expected].map((vector) => innerProduct(vector, 0, vector, 0, r));
        for (let t = 0; t < r; t++) linear[label * r + t] = strength * (expected[t] / after - population[t] / before);
        square[label] = (strength / 2) * (1 / before - 1 / after);
        constant[label] = (strength / 2) * (lengths[0] / before - lengths[1] / after - r * Math.log(after / before));
    }
    return { linear, square, constant };
}

/** The mean of the points of each label of the alphabet that has some, and how many they are. */
function centresOf(points, labels, size, r) {
    const centres = new Map();
    labels.forEach((label, i) => {
        if (label >= size) return;
        if (!centres.has(label)) centres.set(label, { mean: new Float64Array(r), count: 0 });
        const centre = centres.get(label);
        centre.count += 1;
        for (let t = 0; t < r; t++) centre.mean[t] += points[i * r + t];
    });
    for (const { mean, count } of centres.values()) for (let t = 0; t < r; t++) mean[t] /= count;
    return centres;
}
