// Student distributions of k numbers, each given its share of the log-likelihood, as far as they can be computed once.

/** Degrees of freedom: how little a number says that lies far off what is expected. */
export const FREEDOM = 12;
/** The share of its log-likelihood that each number is given: height and diagonal say nearly the same, as do top and bottom. */
const SHARE = 0.5;
/** log Γ(6.5) − log Γ(6) − ½ log 12 π: the logarithm of the density at the mean, where the variance is 1. */
const AT_MEAN = Math.log((5.5 * 4.5 * 3.5 * 2.5 * 1.5 * 0.5 * Math.sqrt(Math.PI)) / 120) - 0.5 * Math.log(FREEDOM * Math.PI);

/** The log-likelihood of a number around a mean with a variance. */
export const logStudent = (number, mean, variance) =>
    SHARE *
    (AT_MEAN - 0.5 * Math.log(variance) - ((FREEDOM + 1) / 2) * Math.log(1 + (number - mean) ** 2 / (FREEDOM * variance)));

/** Distributions around means [k, C] with variances [k, C]. */
export class Students {
    constructor(means, variances, size) {
        this.means = means;
        this.size = size;
        this.nearness = variances.map((variance) => 1 / (FREEDOM * variance));
        this.highest = variances.map((variance) => SHARE * (AT_MEAN - 0.5 * Math.log(variance)));
    }

    /**
     * The log-likelihoods [C] of some numbers [at most k], summed, put into an array from a place; one that is NaN says
     * nothing.
     */
    logLikelihood(numbers, logs, place) {
        const { means, nearness, highest, size } = this;
        logs.fill(0, place, place + size);
        const products = new Float64Array(size).fill(1);
        numbers.forEach((number, k) => {
            if (Number.isNaN(number)) return;
            for (let c = 0, i = k * size; c < size; c++, i++) {
                const away = number - means[i];
                products[c] *= 1 + away * away * nearness[i];
                logs[place + c] += highest[i];
            }
        });
        for (let c = 0; c < size; c++) logs[place + c] -= ((SHARE * (FREEDOM + 1)) / 2) * Math.log(products[c]);
    }
}
