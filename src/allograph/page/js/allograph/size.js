// How likely each label is by the size and place of a sample, for one writer on all devices.

import { SIZES } from "./box.js";
import { ENOUGH, fitDevice, rowSums } from "./device_sizes.js";
import { LENGTHS, TYPICAL } from "./size_statistics.js";

/** With so many corrections on a device, samples without labels tell nothing more of the writer's sizes there. */
const KNOWN = 100;
/** A label so many times less probable than the likeliest takes no part of a sample without a label. */
const UNLIKELY = 1e-3;
/** How often samples without labels are given labels by what is known so far. */
const EXPECTATIONS = 4;

/** What is known of the sizes of one writer on every device. */
export class WriterSizes {
    /** `devices` are `DeviceSizes` by scale; `occasions` say by which factor samples that are read together are too small. */
    constructor(statistics, samples, devices, occasions = new Map()) {
        Object.assign(this, { statistics, samples, devices, occasions });
    }

    /** From the boxes of a writer's samples with labels (places); `statistics` have the writer's own labels. */
    static of(statistics, boxes, labels) {
        const samples = sizedSamples(boxes, labels);
        const scales = [...new Set(samples.scales)];
        const devices = new Map(scales.map((scale) => [scale, fitDevice(statistics, samples, scale, samples.labels.length)]));
        return new WriterSizes(statistics, samples, devices);
    }

    /**
     * The same for samples that are read beside others without labels, with these boxes and log-probabilities `logs` [n, C].
     *
     * Expectation and maximization: the others are given labels by what is known so far, and what is known is found anew. On a
     * device with `KNOWN` samples that have labels, others only tell how large this time is against the other times.
     */
    beside(boxes, logs) {
        const { size } = this.statistics;
        const devices = new Map(this.devices);
        const occasions = new Map(this.occasions);
        for (const [scale, rows] of rowsByScale(boxes)) {
            const priors = new Float64Array(rows.length * size);
            rows.forEach((row, i) => priors.set(logs.subarray(row * size, (row + 1) * size), i * size));
            if (this.samples.scales.reduce((count, one) => count + (one === scale), 0) >= KNOWN) {
                occasions.set(scale, this.devices.get(scale).occasion(boxes.sizes, rows, priors));
                continue;
            }
            let device = this.device(scale, boxes.sizes, rows);
            for (let i = 0; i < EXPECTATIONS; i++) {
                const chances = device.logLikelihood(boxes.sizes, rows).map((log, place) => log + priors[place]);
                const guessed = this.samplesWith(guess(chances, size, boxes.sizes, rows, scale));
                device = fitDevice(this.statistics, guessed, scale, this.samples.labels.length);
            }
            devices.set(
                scale,
                device.judgeBelief(boxes.sizes, rows, priors, this.statistics, Math.min(1, ENOUGH / rows.length)),
            );
        }
        return new WriterSizes(this.statistics, this.samples, devices, occasions);
    }

    /** The same, whatever samples are read together. */
    atAllTimes() {
        return this.occasions.size ? new WriterSizes(this.statistics, this.samples, this.devices) : this;
    }

    /** What is known of a device; of one that nothing is known of, all that the sizes at some places alone can tell. */
    device(scale, sizes, rows) {
        const known = this.devices.get(scale);
        if (known) return known;
        const heights = Float64Array.from(rows, (row) => sizes[row * SIZES]).sort();
        const middle = (heights[Math.floor((heights.length - 1) / 2)] + heights[Math.floor(heights.length / 2)]) / 2;
        const factor = scale % 2 ? 1 : TYPICAL / Math.max(middle, 1e-9);
        return fitDevice(this.statistics, this.samples, scale, this.samples.labels.length, factor);
    }

    /**
     * What boxes [n] say: the log-likelihood of every label, `likelihood` [n, C], and by how much each is larger than the
     * writer's middle size, `relative` [n, 2]; 0 where nothing is known, null if nothing is of any of them.
     */
    judge(boxes) {
        const { size } = this.statistics;
        let judgement = null;
        for (const [scale, rows] of rowsByScale(boxes)) {
            if (!this.devices.has(scale) && scale % 2 === 0) continue; // in a unit of its own, one sample alone has no size
            judgement ??= {
                likelihood: new Float64Array(boxes.length * size),
                relative: new Float64Array(boxes.length * LENGTHS),
            };
            const device = this.device(scale, boxes.sizes, rows);
            const factor = this.occasions.get(scale) ?? 1;
            for (const row of rows) {
                judgement.relative.set(device.judge(boxes.sizes, row, factor, judgement.likelihood, row * size), row * LENGTHS);
            }
        }
        return judgement;
    }

    /** The writer's samples, and then others. */
    samplesWith(others) {
        const join = (name) => {
            const [one, other] = [this.samples[name], others[name]];
            const joined = new one.constructor(one.length + other.length);
            joined.set(one);
            joined.set(other, one.length);
            return joined;
        };
        return { sizes: join("sizes"), scales: join("scales"), labels: join("labels"), weights: join("weights") };
    }
}

/** Each scale, ascending, and the places of its samples whose height and width are known. */
function rowsByScale(boxes) {
    const rows = new Map();
    boxes.scales.forEach((scale, i) => {
        if (!Number.isFinite(boxes.sizes[i * SIZES] + boxes.sizes[i * SIZES + 1])) return;
        if (!rows.has(scale)) rows.set(scale, []);
        rows.get(scale).push(i);
    });
    return [...rows].sort(([one], [other]) => one - other);
}

/** Those of some samples whose size is known, each with the weight 1. */
function sizedSamples(boxes, labels) {
    const rows = rowsByScale(boxes)
        .flatMap(([, places]) => places)
        .sort((one, other) => one - other);
    const { sizes, scales } = boxes.at(rows);
    const weights = new Float64Array(rows.length).fill(1);
    return { sizes: Float64Array.from(sizes), scales, labels: Int32Array.from(rows, (row) => labels[row]), weights };
}

/** Samples once for each label that they may have, with weights, from the log-probabilities `chances` [n, size]. */
function guess(chances, size, sizes, rows, scale) {
    const guessed = [];
    const share = Math.min(1, ENOUGH / rows.length);
    rowSums(chances, size).forEach((total, i) => {
        const logs = chances.subarray(i * size, (i + 1) * size).map((chance) => chance - total);
        const least = logs.reduce((one, other) => Math.max(one, other)) + Math.log(UNLIKELY);
        logs.forEach((log, label) => {
            if (log >= least) guessed.push({ row: rows[i], label, weight: Math.exp(log) * share });
        });
    });
    return {
        sizes: Float64Array.from(guessed.flatMap(({ row }) => [...sizes.subarray(row * SIZES, (row + 1) * SIZES)])),
        scales: new Uint32Array(guessed.length).fill(scale),
        labels: Int32Array.from(guessed, ({ label }) => label),
        weights: Float64Array.from(guessed, ({ weight }) => weight),
    };
}
