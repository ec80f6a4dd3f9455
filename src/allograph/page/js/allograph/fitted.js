// The default method fitted to one writer: how it scores a sample.

import { countsOf, unseenFactor } from "./label_counts.js";
import { innerProduct, innerProducts, transpose } from "./matrix.js";
import { fromHalf } from "./rounding.js";
import { LENGTHS } from "./size_statistics.js";
import { highestPlace, logSoftmax } from "./softmax.js";
import { isSameOpinion, repairLogits } from "./validity.js";

/**
 * Inputs of the layer this near to one another, as a share of their length, may be of one image; packing moves them by less.
 */
const REPEAT_DISTANCE = 0.02;
/** With so many samples the memory has half of its share of the probabilities; with few, the nearest is seldom near. */
const HALF_SHARE_SAMPLES = 15;
/** What the recognizer's log-probabilities are divided by where sizes, and no corrections, are added to them. */
const BASE_TEMPERATURE = 1.5;
/** Probabilities are kept from this. */
const LEAST = Math.fround(1e-12);

/** One writer's layer and memory, unpacked. */
export class FittedAllograph {
    /** `sizes` are what is known of the writer's sizes; from the state's samples unless they are given. */
    constructor(adapter, state, sizes = adapter.writerSizes(state.arrays, state.labels.length)) {
        const own = state.labels.length;
        Object.assign(this, { adapter, state, sizes, size: adapter.alphabet.size + own, samples: [] });
        const { arrays } = state;
        if (!arrays.labels.data.length) return;
        const { width } = adapter;
        const { inputs } = adapter.unpack(arrays, own, sizes);
        /** The places of the samples that are valid. */
        this.samples = Array.from(arrays.units.data.keys()).filter((i) => fromHalf(arrays.units.data[i]) > 0);
        this.inputs = new Float64Array(this.samples.length * width);
        this.samples.forEach((row, i) => this.inputs.set(inputs.subarray(row * width, (row + 1) * width), i * width));
        this.change = transpose(Float64Array.from(arrays.change.data, fromHalf), this.size);
        this.square = Float64Array.from(arrays.square.data, fromHalf);
        this.excess = excessErrorRate(arrays, adapter.alphabet.size);
        const counts = countsOf(
            this.samples.map((row) => arrays.labels.data[row]),
            this.size,
        );
        const factor = unseenFactor(counts) ** adapter.parameters.unseen;
        this.unseen = Float64Array.from(counts, (count) => (count ? 1 : factor));
    }

    /** The same for samples that are read beside others of the writer: these tell how large the writer writes. */
    withContext(context) {
        if (!this.sizes || !context?.boxes) return this;
        const { adapter, state } = this;
        adapter.checkSamples(context);
        const logs = adapter.baseLogs(repairLogits(context.logits, adapter.alphabet.size), state.labels.length);
        const sizes = this.sizes.beside(
            context.boxes,
            logs.map((log) => log / BASE_TEMPERATURE),
        );
        const isAsBefore = [...sizes.devices].every(([scale, device]) => this.sizes.devices.get(scale) === device);
        if (isAsBefore) return Object.assign(Object.create(FittedAllograph.prototype), this, { sizes });
        return new FittedAllograph(adapter, state, sizes); // samples have moved with the sizes, or none would be known again
    }

    /**
     * The scores of samples (see `Allograph.checkSamples`), beside others of the writer where `context` has some:
     * log-probabilities up to a constant a sample, Float64Array [n · (C + m)], for the alphabet and then the writer's own
     * labels. The highest is the answer. −Infinity for every label that is not on offer; the recognizer's own where features
     * are invalid.
     */
    scores(samples, context = null) {
        return context ? this.withContext(context).scoresOf(samples) : this.scoresOf(samples);
    }

    scoresOf(samples) {
        const { adapter, size } = this;
        const [labels, own] = [adapter.alphabet.size, this.state.labels.length];
        const { count, features } = adapter.checkSamples(samples);
        const logits = repairLogits(samples.logits, labels);
        const logs = own ? adapter.baseLogs(logits, own) : Float64Array.from(logits);
        const judgement = this.sizes && samples.boxes ? this.sizes.judge(samples.boxes) : null;
        const values = new Float64Array(count * size);
        if (!this.samples.length) {
            for (let i = 0; i < count; i++) values.set(this.judgeAlone(logs, judgement, i), i * size);
            return values;
        }
        const { inputs, valid } = adapter.layerInputs(features);
        const opinions = logSoftmax(logits, labels);
        for (let i = 0; i < count; i++) {
            const row = logs.subarray(i * size, (i + 1) * size);
            // in single precision, as the service adds them: labels between which sizes do not tell are alike
            const likelihood = judgement ? Float32Array.from(judgement.likelihood.subarray(i * size, (i + 1) * size)) : null;
            const sized = likelihood ? likelihood.map((log, c) => Math.fround(row[c]) + log) : row;
            const input = new Float64Array(adapter.width);
            input.set(inputs.subarray(i * adapter.inputs, (i + 1) * adapter.inputs));
            if (judgement) {
                for (let k = 0; k < LENGTHS; k++) {
                    input[adapter.inputs + k] = judgement.relative[i * LENGTHS + k] * adapter.sizeWeight;
                }
            }
            const away = this.distances(input);
            const repeat = this.findRepeat(input, away, opinions.subarray(i * labels, (i + 1) * labels));
            const isValid = valid[i] && !repeat.isNearAll;
            values.set(isValid ? this.mix(row, likelihood, sized, input, away, repeat) : logSoftmax(sized, size), i * size);
        }
        return values;
    }

    /** The values of one sample of a writer without corrections: the recognizer's, and what its size says. */
    judgeAlone(logs, judgement, i) {
        const { size } = this;
        const row = logs.subarray(i * size, (i + 1) * size);
        const likelihood = judgement?.likelihood.subarray(i * size, (i + 1) * size);
        if (!likelihood?.some(Boolean)) return row; // nothing is known of its size
        return logSoftmax(row, size).map((log, c) => log / BASE_TEMPERATURE + likelihood[c]);
    }

    /** The values of one sample: the layer's probabilities and the memory's votes, the guard, and what was corrected before. */
    mix(logs, likelihood, sized, input, away, repeat) {
        const { adapter, size } = this;
        const { r } = adapter.population;
        const length = innerProduct(input, 0, input, 0, r) / adapter.parameters.weight;
        const values = innerProducts(this.change, input, adapter.width);
        for (let c = 0; c < size; c++) {
            values[c] += logs[c] / adapter.parameters.temperature + length * this.square[c] + (likelihood ? likelihood[c] : 0);
        }
        const share = (adapter.parameters.share * away.length) / (away.length + HALF_SHARE_SAMPLES);
        const votes = this.votes(away);
        const probabilities = logSoftmax(values, size);
        for (let c = 0; c < size; c++)
            values[c] = ((1 - share) * Math.exp(probabilities[c]) + share * votes[c]) * this.unseen[c];
        values[highestPlace(sized)] *= Math.exp(adapter.parameters.guard + adapter.parameters.doubt * this.excess ** 2);
        if (repeat.label >= 0) values[repeat.label] = 2 * values.reduce((one, other) => Math.max(one, other));
        for (let c = 0; c < size; c++) {
            values[c] =
                sized[c] === -Infinity ? -Infinity : Math.log(Math.max(values[c], LEAST)) * adapter.parameters.sharpness;
        }
        return values;
    }

    /** The distances [k] of one sample's inputs from those of the writer's samples. */
    distances(input) {
        const { width } = this.adapter;
        return this.samples.map((_, i) => {
            let square = 0;
            for (let t = 0, place = i * width; t < width; t++, place++) square += (input[t] - this.inputs[place]) ** 2;
            return Math.sqrt(square);
        });
    }

    /** The share [size] of the votes of the writer's samples, at these distances, that each label has. */
    votes(away) {
        const labels = this.state.arrays.labels.data;
        const nearest = away.reduce((one, other) => Math.min(one, other));
        const steepness = this.adapter.parameters.scale / Math.sqrt(this.adapter.parameters.weight);
        const votes = new Float64Array(this.size);
        let total = 0;
        this.samples.forEach((row, i) => {
            const vote = Math.exp((nearest - away[i]) * steepness);
            votes[labels[row]] += vote;
            total += vote;
        });
        return votes.map((vote) => vote / total);
    }

    /**
     * The label of the newest correction of the same image, −1 where there is none: it is near, and the recognizer had the same
     * opinion of it. Where one sample is near all and none has its opinion, the features are the same for all images.
     */
    findRepeat(input, away, opinion) {
        const limit = REPEAT_DISTANCE * Math.sqrt(innerProduct(input, 0, input, 0, input.length));
        const { labels, likeliest, logs } = this.state.arrays;
        const k = likeliest.shape[1];
        let [newest, near] = [-1, 0];
        away.forEach((distance, i) => {
            if (distance > limit) return;
            near += 1;
            const place = this.samples[i] * k;
            const known = Array.from(logs.data.subarray(place, place + k), fromHalf);
            const same = Array.from(likeliest.data.subarray(place, place + k), (label) => opinion[label]);
            if (isSameOpinion(same, known)) newest = Math.max(newest, this.samples[i]);
        });
        return { label: newest < 0 ? -1 : labels.data[newest], isNearAll: newest < 0 && near === away.length };
    }
}

/**
 * The recognizer's error rate on a state's samples of labels that it knows, less the rate that its probabilities predict: 0…1.
 */
function excessErrorRate({ labels, likeliest, logs }, size) {
    const k = likeliest.shape[1];
    let [sum, count] = [0, 0];
    labels.data.forEach((label, i) => {
        if (label >= size) return;
        const known = Float64Array.from(logs.data.subarray(i * k, (i + 1) * k), fromHalf);
        const best = highestPlace(known);
        sum += Number(likeliest.data[i * k + best] !== label) - (1 - Math.exp(known[best]));
        count += 1;
    });
    return count ? Math.max(0, sum / count) : 0;
}
