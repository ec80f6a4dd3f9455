// How large writers write each label, where it stands on its line, and how much writers differ: what sizes are judged by.
// Of each of k numbers (logarithms of height and diagonal, then top and bottom against the baseline in the writer's scale), a
// sample of label c by writer w on a device is m_c + b + d_wc + e: b is the scale of the writer's hand on that device, d the
// writer's own way with the label.

import { SIZES } from "./box.js";

/** How many of the k numbers are logarithms of lengths. */
export const LENGTHS = 2;
/** Millimetres added to a length before its logarithm is taken: a dot has none. */
export const OFFSET = 0.3;
/** The typical height of a character in millimetres: what a scale without millimetres is brought to. */
export const TYPICAL = 5;

/** The logarithms of height and diagonal of the size at a place of `sizes`, times a factor that makes millimetres. */
export function logLengths(sizes, row, factor) {
    const height = sizes[row * SIZES] * factor;
    return [Math.log(height + OFFSET), Math.log(Math.hypot(height, sizes[row * SIZES + 1] * factor) + OFFSET)];
}

/** Statistics of `numbers` numbers of `size` labels, which a bundle gives, or which were made for a writer's own labels. */
export class SizeStatistics {
    /**
     * `means` [k, C] are m; `scale` [k] the variance of b between writers; `deviation` [k] that of d; `covariance` [k, C, C]
     * that of the d of all labels, null where d are independent; `within` [k, C] the variance of e.
     */
    constructor({ means, scale, deviation, covariance, within }) {
        Object.assign(this, { means, scale, deviation, covariance, within });
        this.numbers = scale.length;
        this.size = means.length / scale.length;
        this.variances = new Float64Array(means.length); // [k, C] of d
        for (let k = 0; k < this.numbers; k++) {
            for (let c = 0; c < this.size; c++) this.variances[k * this.size + c] = this.covarianceOf(k, c, c);
        }
        this.middle = new Float64Array(this.numbers); // mean and variance of all samples, whatever their labels, scales aside
        this.spread = new Float64Array(this.numbers);
        for (let k = 0; k < this.numbers; k++) {
            const row = means.subarray(k * this.size, (k + 1) * this.size);
            this.middle[k] = meanOf(row);
            const noise = meanOf(within.subarray(k * this.size, (k + 1) * this.size));
            this.spread[k] = varianceOf(row) + noise + deviation[k];
        }
    }

    /** The covariance of a writer's d of two labels (places), of number k. */
    covarianceOf(k, one, other) {
        if (this.covariance) return this.covariance[(k * this.size + one) * this.size + other];
        return one === other ? this.deviation[k] : 0;
    }

    /** The same with so many labels of the writer's own at the end, which may be of any size that a label is of. */
    withOwnLabels(count) {
        if (!count) return this;
        const [numbers, size] = [this.numbers, this.size];
        const wide = size + count;
        const means = new Float64Array(numbers * wide);
        const within = new Float64Array(numbers * wide);
        const covariance = this.covariance && new Float64Array(numbers * wide * wide);
        for (let k = 0; k < numbers; k++) {
            for (const [from, to] of [
                [this.means, means],
                [this.within, within],
            ]) {
                const row = from.subarray(k * size, (k + 1) * size);
                to.set(row, k * wide);
                to.fill(meanOf(row), k * wide + size, (k + 1) * wide);
            }
            if (!covariance) continue;
            for (let c = 0; c < size; c++) {
                const start = (k * size + c) * size;
                covariance.set(this.covariance.subarray(start, start + size), (k * wide + c) * wide);
            }
            const spread = varianceOf(this.means.subarray(k * size, (k + 1) * size)) + this.deviation[k];
            for (let c = size; c < wide; c++) covariance[(k * wide + c) * wide + c] = spread;
        }
        return new SizeStatistics({ means, scale: this.scale, deviation: this.deviation, covariance, within });
    }
}

/** The mean of numbers. */
export const meanOf = (numbers) => numbers.reduce((sum, number) => sum + number, 0) / numbers.length;

function varianceOf(numbers) {
    const mean = meanOf(numbers);
    return meanOf(numbers.map((number) => (number - mean) ** 2));
}
