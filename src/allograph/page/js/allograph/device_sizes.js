// The sizes of one writer's labels on one device, as far as samples with labels tell them.

import { SIZES } from "./box.js";
import { cholesky, innerProduct, solveLower } from "./matrix.js";
import { LENGTHS, logLengths, meanOf, OFFSET, TYPICAL } from "./size_statistics.js";
import { logSum } from "./softmax.js";
import { logStudent, Students } from "./student.js";

/** The variance of the logarithm of a scale whose unit is not known, once it was brought to the typical height. */
const DEVICE_VARIANCE = 1;
/** The log-odds, before a sample is known, that a writer's sizes tell labels apart. */
const BELIEF = Math.log(20);
/** Samples without labels count for so many, at most: the labels that they are taken for go wrong together. */
export const ENOUGH = 30;
/** The standard deviation of the logarithm of how large a hand writes from one time to another. */
const TIMES_APART = 0.1;
/** The logarithms that are tried. */
const TIMES = Array.from({ length: 15 }, (_, i) => -0.35 + 0.05 * i);
/** Log-odds are kept within this. */
const SURE = 30;
/** Samples that the usual neatness counts for, when a writer's own is found: how far sizes scatter around what is expected. */
const USUAL = 20;
/** A squared distance in units of the variance counts for no more. */
const FARTHEST_SQUARE = 9;

const clip = (odds) => Math.min(Math.max(odds, -SURE), SURE);

/** What is known of the sizes on one device. */
export class DeviceSizes {
    /**
     * `factor` makes millimetres, or the like of them, of the device's unit; `shifts` [2] is by how much the writer's
     * logarithms of lengths lie above the population's; `means` and `variances` [k, C] are expected of a sample of each label;
     * `flatMeans` and `flatVariances` [k] if sizes do not tell labels apart; `logOdds` are those that they do.
     */
    constructor(parts) {
        Object.assign(this, parts);
        this.numbers = this.flatMeans.length;
        this.size = this.means.length / this.numbers;
        this.belief = 1 / (1 + Math.exp(-this.logOdds));
        this.middles = Array.from({ length: LENGTHS }, (_, k) =>
            meanOf(this.means.subarray(k * this.size, (k + 1) * this.size)),
        );
        this.students = new Students(this.means, this.variances, this.size);
        this.flat = new Students(this.flatMeans, this.flatVariances, 1);
    }

    /** What is judged of the size at a place of `sizes`, times `factor`: [k] numbers, NaN where one is not known. */
    measure(sizes, row, factor = 1) {
        const unit = this.factor * factor;
        const lengths = logLengths(sizes, row, unit);
        if (this.numbers === LENGTHS) return lengths;
        const distance = unit / (TYPICAL * Math.exp(this.shifts[0]));
        return [...lengths, sizes[row * SIZES + 2] * distance, sizes[row * SIZES + 3] * distance];
    }

    /**
     * What the size at a place of `sizes`, times `factor`, says: the log-likelihood of every label, put into `likelihood` from
     * `place`; and by how much it is larger than the writer's middle size, [2] logarithms, as far as sizes tell labels apart.
     */
    judge(sizes, row, factor, likelihood, place) {
        const numbers = this.measure(sizes, row, factor);
        const known = Number.isFinite(numbers[numbers.length - 1]) ? numbers : numbers.slice(0, LENGTHS);
        const flat = new Float64Array(1);
        this.students.logLikelihood(known, likelihood, place);
        this.flat.logLikelihood(known, flat, 0);
        const whatever = flat[0] - Math.log1p(Math.exp(this.logOdds));
        const told = -Math.log1p(Math.exp(-this.logOdds));
        for (let i = place; i < place + this.size; i++) {
            const log = likelihood[i] + told;
            likelihood[i] = Math.max(log, whatever) + Math.log1p(Math.exp(-Math.abs(log - whatever)));
        }
        return this.middles.map((middle, k) => this.belief * (numbers[k] - middle));
    }

    /** The log-likelihoods [n, C] of the sizes at some places, times `factor`. */
    logLikelihood(sizes, rows, factor = 1) {
        const likelihood = new Float64Array(rows.length * this.size);
        rows.forEach((row, i) => this.judge(sizes, row, factor, likelihood, i * this.size));
        return likelihood;
    }

    /**
     * What makes samples that were written at one time as large as the writer's others: the likeliest factor.
     *
     * Of the sizes at some places [n], whose labels have the log-probabilities `logs` [n, C].
     */
    occasion(sizes, rows, logs) {
        const weight = Math.min(1, ENOUGH / rows.length);
        let best = { chance: -Infinity, shift: 0 };
        for (const shift of TIMES) {
            const chances = this.logLikelihood(sizes, rows, Math.exp(-shift));
            for (let i = 0; i < chances.length; i++) chances[i] += logs[i];
            const total = rowSums(chances, this.size).reduce((sum, log) => sum + log, 0);
            const chance = weight * total - (shift / TIMES_APART) ** 2 / 2;
            if (chance > best.chance) best = { chance, shift };
        }
        return Math.exp(-best.shift);
    }

    /**
     * The same after a look at whether the sizes at some places [n] go with labels that have the log-probabilities `logs` [n,
     * C].
     *
     * Expected is what writers of this scale write: what was learned from the labels in doubt would confirm itself.
     */
    judgeBelief(sizes, rows, logs, statistics, weight) {
        const { size } = this;
        const means = statistics.means.map((mean, i) => mean + (i < LENGTHS * size ? this.shifts[Math.floor(i / size)] : 0));
        const variances = statistics.variances.map((variance, i) => variance + statistics.within[i]);
        const students = new Students(means, variances, size);
        const byLabel = new Float64Array(size);
        const flat = new Float64Array(1);
        let evidence = 0;
        rows.forEach((row, i) => {
            const numbers = this.measure(sizes, row);
            const prior = logs.subarray(i * size, (i + 1) * size);
            students.logLikelihood(numbers, byLabel, 0);
            this.flat.logLikelihood(numbers, flat, 0);
            evidence += logSum(byLabel.map((log, c) => log + prior[c])) - logSum(prior) - flat[0];
        });
        const { factor, shifts, flatMeans, flatVariances } = this;
        const logOdds = clip(this.logOdds + weight * evidence);
        return new DeviceSizes({
            factor,
            shifts,
            means: this.means,
            variances: this.variances,
            flatMeans,
            flatVariances,
            logOdds,
        });
    }
}

/** The logarithm of the sum of the exponentials of each row of `size` numbers. */
export const rowSums = (logs, size) =>
    Array.from({ length: logs.length / size }, (_, i) => logSum(logs.subarray(i * size, (i + 1) * size)));

/**
 * What samples, on whatever devices, say of the sizes on one with this scale; the first `labelled` have labels that are known.
 *
 * The writer's means of all labels are one Gaussian, with a scale for each device: the posterior is a formula. `samples` are
 * { sizes [n, 4], scales [n], labels [n], weights [n] }, height and width known. `factor` makes millimetres where no sample
 * tells.
 */
export function fitDevice(statistics, samples, scale, labelled, factor = null) {
    const { size, numbers: count } = statistics;
    const n = samples.labels.length;
    const units = new Map([...new Set(samples.scales)].map((one) => [one, factorOf(statistics, samples, one)]));
    if (factor !== null) units.set(scale, factor);
    const numbers = new Float64Array(count * n);
    for (let i = 0; i < n; i++) {
        logLengths(samples.sizes, i, units.get(samples.scales[i])).forEach((log, k) => (numbers[k * n + i] = log));
    }
    const means = new Float64Array(count * size);
    const variances = new Float64Array(count * size);
    const latent = new Float64Array(count * size);
    let cells = cellsOf(
        samples,
        Array.from({ length: n }, (_, i) => i),
    );
    for (let k = 0; k < count; k++) {
        if (k === LENGTHS) {
            const hand = TYPICAL * Math.exp(shiftOf(means, statistics, 0));
            const standing = [];
            for (let i = 0; i < n; i++) {
                const distance = units.get(samples.scales[i]) / hand;
                for (let j = LENGTHS; j < count; j++) numbers[j * n + i] = samples.sizes[i * SIZES + j] * distance;
                if (Number.isFinite(numbers[LENGTHS * n + i] + numbers[(LENGTHS + 1) * n + i])) standing.push(i);
            }
            cells = cellsOf(samples, standing);
        }
        fitPosterior(statistics, k, numbers.subarray(k * n, (k + 1) * n), samples.weights, cells, scale, means, latent);
    }
    for (let i = 0; i < means.length; i++) variances[i] = latent[i] + statistics.within[i];
    const here = Array.from({ length: n }, (_, i) => i).filter((i) => samples.scales[i] === scale);
    const flat = fitFlat(statistics, numbers, here, samples.weights);
    const sure = here.filter((i) => i < labelled);
    let evidence = 0;
    for (let k = 0; k < count; k++) {
        let squares = 0;
        for (const i of sure) {
            // what is expected of each sample without itself
            const number = numbers[k * n + i];
            if (Number.isNaN(number)) {
                squares += 1;
                continue;
            }
            const cell = k * size + samples.labels[i];
            const within = statistics.within[cell];
            const left = Math.max(within - latent[cell], 1e-3 * within);
            const without = means[cell] - (latent[cell] * (number - means[cell])) / left;
            const spread = (latent[cell] * within) / left + within;
            squares += Math.min((number - without) ** 2 / spread, FARTHEST_SQUARE);
            evidence += logStudent(number, without, spread) - logStudent(number, flat.means[k], flat.variances[k]);
        }
        const neatness = (USUAL + squares) / (USUAL + sure.length);
        for (let c = 0; c < size; c++) variances[k * size + c] *= neatness;
    }
    return new DeviceSizes({
        factor: units.get(scale) ?? 1,
        shifts: [0, 1].map((k) => shiftOf(means, statistics, k)),
        means,
        variances,
        flatMeans: flat.means,
        flatVariances: flat.variances,
        logOdds: clip(BELIEF + evidence),
    });
}

function shiftOf(means, { means: usual, size }, k) {
    let sum = 0;
    for (let i = k * size; i < (k + 1) * size; i++) sum += means[i] - usual[i];
    return sum / size;
}

/** What makes millimetres of a device's unit; where that is not known, by how much samples are smaller than is usual. */
function factorOf(statistics, { sizes, scales, labels, weights }, scale) {
    if (scale % 2) return 1;
    const ratios = [];
    labels.forEach((label, i) => {
        if (scales[i] !== scale) return;
        const usual = Math.max(Math.exp(statistics.means[label]) - OFFSET, OFFSET);
        ratios.push({ ratio: Math.log(usual) - Math.log(Math.max(sizes[i * SIZES], 1e-9)), weight: weights[i] });
    });
    ratios.sort((one, other) => one.ratio - other.ratio);
    const half = ratios.reduce((sum, { weight }) => sum + weight, 0) / 2;
    let reached = 0;
    return Math.exp(ratios.find(({ weight }) => (reached += weight) >= half).ratio);
}

/** The samples at some places, those of one label on one device together: [{ rows, label, scale, count }], count the weight. */
function cellsOf({ scales, labels, weights }, rows) {
    const cells = new Map();
    for (const i of rows) {
        const key = `${scales[i]} ${labels[i]}`;
        if (!cells.has(key)) cells.set(key, { rows: [], label: labels[i], scale: scales[i], count: 0 });
        const cell = cells.get(key);
        cell.rows.push(i);
        cell.count += weights[i];
    }
    return [...cells.values()];
}

/** Put mean and variance of the writer's own mean of each label on a device, of number k [n], into `means` and `latent`. */
function fitPosterior(statistics, k, numbers, weights, cells, scale, means, latent) {
    const { size } = statistics;
    const place = k * size;
    const hand = scaleVariance(statistics, k, scale);
    for (let c = 0; c < size; c++) {
        means[place + c] = statistics.means[place + c];
        latent[place + c] = statistics.variances[place + c] + hand;
    }
    const a = cells.length;
    if (!a) return;
    const known = new Float64Array(a * a);
    const across = new Float64Array((size + 1) * a); // the covariances with all labels; then how far the cells lie off
    for (let i = 0; i < a; i++) {
        const { label, scale: device, count, rows } = cells[i];
        const common = scaleVariance(statistics, k, device);
        for (let j = 0; j < a; j++) {
            const other = cells[j];
            known[i * a + j] = statistics.covarianceOf(k, label, other.label) + (device === other.scale ? common : 0);
        }
        known[i * a + i] += statistics.within[place + label] / count;
        const more = device === scale ? hand : 0;
        for (let c = 0; c < size; c++) across[c * a + i] = statistics.covarianceOf(k, label, c) + more;
        let sum = 0;
        for (const row of rows) sum += weights[row] * numbers[row];
        across[size * a + i] = sum / count - statistics.means[place + label];
    }
    solveLower(cholesky(known, a), across, a);
    for (let c = 0; c < size; c++) {
        means[place + c] += innerProduct(across, c * a, across, size * a, a);
        latent[place + c] -= innerProduct(across, c * a, across, c * a, a);
    }
    for (let c = 0; c < size; c++) latent[place + c] = Math.max(latent[place + c], 1e-6);
}

/** The variance of the scale of a hand on a device; place is measured in the writer's scale, and has none. */
const scaleVariance = (statistics, k, scale) => statistics.scale[k] + (k < LENGTHS && scale % 2 === 0 ? DEVICE_VARIANCE : 0);

/**
 * Mean and variance [k] of the numbers [k, n] at some places, whatever the labels; the population's count for a few samples.
 */
function fitFlat(statistics, numbers, rows, weights) {
    const n = weights.length;
    const means = new Float64Array(statistics.numbers);
    const variances = new Float64Array(statistics.numbers);
    for (let k = 0; k < statistics.numbers; k++) {
        const known = rows.filter((row) => Number.isFinite(numbers[k * n + row]));
        const own = Float64Array.from(known, (row) => weights[row]);
        const values = Float64Array.from(known, (row) => numbers[k * n + row]);
        const count = own.reduce((sum, weight) => sum + weight, 0);
        means[k] = (0.5 * statistics.middle[k] + innerProduct(own, 0, values, 0, own.length)) / (0.5 + count);
        const squares = values.map((value) => (value - means[k]) ** 2);
        variances[k] = (2 * statistics.spread[k] + innerProduct(own, 0, squares, 0, own.length)) / (2 + count);
        if (!(count > 0)) variances[k] = statistics.spread[k] + statistics.scale[k];
    }
    return { means, variances };
}
