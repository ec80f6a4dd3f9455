// The default method, `allograph` version 4: a writer's own last layer and memory on the recognizer's features. From the same
// corrections it makes the same state as the service, and from the same state it reads the same.

import { FormatError, InputError, MismatchError } from "./errors.js";
import { FittedAllograph } from "./fitted.js";
import { checkLabel } from "./labels.js";
import { chosenOdds, countsOf } from "./label_counts.js";
import { residual } from "./logistic.js";
import { innerProduct, innerProducts, transpose } from "./matrix.js";
import { IMPOSSIBLE, OWN_LABEL, packLogs, packVectors, unpackLogs, unpackVectors } from "./quantization.js";
import { fromHalf, LARGEST_HALF } from "./rounding.js";
import { halves } from "./safetensors.js";
import { writerShapes } from "./shape.js";
import { WriterSizes } from "./size.js";
import { packSizes, unpackSizes } from "./size_packing.js";
import { LENGTHS } from "./size_statistics.js";
import { logSoftmax } from "./softmax.js";
import { State } from "./state.js";
import { isValidRow, LENGTH_RATIO, repairLogits } from "./validity.js";

/** Rounds of the solver for a writer who is new. */
const ROUNDS = 60;
/** Samples that the solver visits for one correction, about: several rounds over few, or one round over so many. */
const SAMPLES_A_CORRECTION = 800;

/** What is used where the bundle was not tuned; see the service's `Allograph` for what each means. */
const PARAMETERS = {
    window: null,
    weight: 16,
    bias: 1,
    temperature: 1.5,
    share: 0.3,
    scale: 14,
    guard: 0.3,
    size: 1,
    unseen: 0.2,
    means: 0.07,
    between: 0.25,
    sharpness: 1.1,
    doubt: 0,
};

/** Of each array of a state: the types that it may have, and how many sides. */
const ARRAYS = {
    labels: [["U16"], 1],
    seen: [["I64"], 1],
    vectors: [["I8"], 2],
    units: [["F16"], 1],
    likeliest: [["U8", "U16", "U32"], 2],
    logs: [["F16"], 2],
    rest: [["F16"], 1],
    change: [["F16"], 2],
    square: [["F16"], 1],
    sizes: [["F16"], 2],
    scales: [["U32"], 1],
};

/** The method, built once from what `readBundle` gives and shared by all writers; a writer's `State` is a value. */
export class Allograph {
    name = "allograph";
    version = 4;

    /** Of what `readBundle` gives. */
    static of(bundle) {
        return new Allograph(bundle);
    }

    constructor({ alphabet, parameters, population, shapes, sizes }) {
        const tuned = parameters.allograph ?? {};
        this.parameters = Object.fromEntries(Object.entries(PARAMETERS).map(([name, usual]) => [name, tuned[name] ?? usual]));
        Object.assign(this, { alphabet, population, shapes, sizes });
        const { space, f, r } = population;
        const strength = Math.sqrt(this.parameters.weight);
        this.turn = transpose(space.subarray(0, f * r), r).map((number) => number * strength);
        this.shift = space.subarray(f * r).map((number) => number * strength);
        /** What a size relative to the writer's others is multiplied by to be one of the layer's inputs. */
        this.sizeWeight = this.parameters.size * strength;
        /** How many numbers the layer takes of a sample whose size is not asked for: features, then the bias's. */
        this.inputs = r + 1;
        /** How many numbers the layer takes in all. */
        this.width = r + 1 + (sizes ? LENGTHS : 0);
    }

    /** The state of a writer without corrections. */
    start() {
        const seen = { dtype: "I64", shape: [1], data: new BigInt64Array(1) };
        return new State([], { labels: { dtype: "U16", shape: [0], data: new Uint16Array(0) }, seen });
    }

    /** Throws `FormatError` unless a state's arrays are such as `learn` makes. */
    check({ labels, arrays }) {
        const fail = (what) => new FormatError(`this is not the state of an adapter, or it is damaged (${what})`);
        for (const [name, { dtype, shape }] of Object.entries(arrays)) {
            const [kinds, sides] = ARRAYS[name] ?? [[], 0];
            if (!kinds.includes(dtype) || shape.length !== sides) throw fail(`${name} is ${dtype} [${shape}]`);
        }
        const missing = ["labels", "seen"].find((name) => !arrays[name]);
        if (missing) throw fail(`${missing} is missing`);
        if (arrays.seen.data.length !== 1) throw fail("it does not say how many corrections it has seen");
        const count = arrays.labels.data.length;
        const size = this.alphabet.size + labels.length;
        if (!count) return;
        const k = Math.min(arrays.likeliest?.shape[1] ?? 0, this.alphabet.size);
        const shapes = {
            vectors: [count, this.population.r],
            units: [count],
            likeliest: [count, k],
            logs: [count, k],
            rest: [count],
            change: [this.width, size],
            square: [size],
        };
        for (const [name, shape] of Object.entries(shapes)) {
            if (String(arrays[name]?.shape) !== String(shape)) throw fail(`${name} is not [${shape}]`);
        }
        if (Boolean(arrays.sizes) !== Boolean(arrays.scales)) throw fail("of sizes and scales one is missing");
        if (arrays.sizes && !(arrays.sizes.shape[0] === count && [LENGTHS, 4].includes(arrays.sizes.shape[1]))) {
            throw fail(`sizes are not [${count}, ${LENGTHS} or 4]`);
        }
        if (arrays.scales && ![1, count].includes(arrays.scales.shape[0])) throw fail(`scales are not [1 or ${count}]`);
        if (arrays.labels.data.some((place) => place >= size)) throw fail("a sample's label is none of its labels");
        if (arrays.likeliest.data.some((place) => place >= this.alphabet.size))
            throw fail("a likely label is none of the alphabet's");
    }

    /**
     * A new state that also knows a batch of corrections: samples with their true `labels` [n].
     *
     * Keeps the batch, drops what lies beyond the window, and solves for the change of the layer that fits best; one correction
     * more is solved for from the change before it, in one or a few rounds over all samples.
     */
    learn(state, { labels: taught, ...samples }) {
        const size = this.alphabet.size;
        const { count: added, features } = this.checkSamples(samples);
        if (taught.length !== added) throw new InputError(`${added} samples need as many labels; these are ${taught.length}`);
        if (!added) return state;
        const before = state.arrays;
        const old = before.labels.data.length;
        const named = this.placesOf(state.labels, taught.map(checkLabel));
        const logs = logSoftmax(repairLogits(samples.logits, size), size).map((log) => Math.max(log, IMPOSSIBLE));
        const { inputs, valid } = this.layerInputs(features);
        const vectors = withoutLast(inputs, this.inputs).map(Math.fround);
        const fresh = {
            ...packVectors(vectors, this.population.r, valid),
            ...packLogs(logs, size),
            labels: { dtype: "U16", shape: [added], data: Uint16Array.from(named.places) },
        };
        const arrays = {};
        for (const [name, rows] of Object.entries(fresh)) arrays[name] = newestRows(before[name], rows, this.parameters.window);
        const count = arrays.labels.data.length;
        const { own, stay } = this.dropUnusedLabels(named.own, arrays.labels.data);
        arrays.labels.data = arrays.labels.data.map((place) => stay.indexOf(place));
        Object.assign(arrays, packSizes(before, old, samples.boxes, added, count));
        const width = size + state.labels.length;
        const change = old ? columnsAt(numbersOfHalves(before.change.data), width, stay) : null;
        const seen = Number(before.seen.data[0]);
        const turn = Math.max(Math.floor(count / SAMPLES_A_CORRECTION), 1);
        let solution;
        if (!change || 4 * added >= count) {
            solution = this.solve(arrays, own.length, ROUNDS, change);
        } else if (Math.floor(seen / turn) < Math.floor((seen + added) / turn)) {
            const rounds = Math.min(Math.max(Math.floor(SAMPLES_A_CORRECTION / count), 1), ROUNDS);
            solution = this.solve(arrays, own.length, rounds, change);
        } else {
            solution = { change, square: columnsAt(numbersOfHalves(before.square.data), width, stay) };
        }
        return new State(own, {
            ...arrays,
            change: halves(solution.change.map(withinHalf), [solution.change.length / stay.length, stay.length]),
            square: halves(solution.square.map(withinHalf), [stay.length]),
            seen: { dtype: "I64", shape: [1], data: BigInt64Array.of(BigInt(seen + added)) },
        });
    }

    /** The model of the writer whose state this is: what is computed once for many readings. */
    fit(state) {
        return new FittedAllograph(this, state);
    }

    /** As `fit(state).scores(samples, context)`. */
    scores(state, samples, context = null) {
        return this.fit(state).scores(samples, context);
    }

    /**
     * How many samples there are, and their `features` [n · f], which are the embeddings where the model has no others. Samples
     * are { logits [n · C], embeddings [n · d], features [n · f], boxes [n] }, typed arrays row by row, with −Infinity for
     * labels that are not on offer; `features` and `boxes` (`Boxes`) may be missing. Throws `MismatchError` where their numbers
     * do not fit.
     */
    checkSamples(samples) {
        const size = this.alphabet.size;
        const count = samples.logits.length / size;
        const features = samples.features ?? samples.embeddings;
        if (!Number.isInteger(count))
            throw new MismatchError(`a sample has ${size} logits; these are ${samples.logits.length} in all`);
        if (features?.length !== count * this.population.f) {
            const given = `these are ${features?.length ?? 0} of ${count} samples`;
            throw new MismatchError(`a sample has ${this.population.f} features, as the bundle has it; ${given}`);
        }
        if (samples.boxes && samples.boxes.length !== count) {
            throw new InputError(`${count} samples have as many boxes; these are ${samples.boxes.length}`);
        }
        return { count, features };
    }

    /**
     * What the layer takes [n, r + 1] for features [n, f], and which of them are `valid` [n]; the others are 0, the bias's
     * aside.
     */
    layerInputs(features) {
        const { f, r } = this.population;
        const count = features.length / f;
        const rows = Float64Array.from(features);
        const valid = Array.from({ length: count }, (_, i) => isValidRow(rows.subarray(i * f, (i + 1) * f)));
        valid.forEach((isValid, i) => isValid || rows.fill(0, i * f, (i + 1) * f));
        const moved = innerProducts(rows, this.turn, f);
        const inputs = new Float64Array(count * this.inputs);
        for (let i = 0; i < count; i++) {
            const row = inputs.subarray(i * this.inputs, (i + 1) * this.inputs);
            for (let t = 0; t < r; t++) row[t] = moved[i * r + t] + this.shift[t];
            row[r] = Math.sqrt(this.parameters.bias);
            const length = innerProduct(row, 0, row, 0, row.length);
            const way = innerProduct(moved, i * r, moved, i * r, r);
            valid[i] &&=
                length <= this.parameters.weight * LENGTH_RATIO ** 2 && way >= this.parameters.weight / LENGTH_RATIO ** 2;
            if (!valid[i]) row.fill(0, 0, r);
        }
        return { inputs, valid };
    }

    /** What a state's samples say of the writer's sizes; null without statistics of sizes. */
    writerSizes(arrays, own) {
        if (!this.sizes) return null;
        const labels = arrays.labels.data;
        return WriterSizes.of(this.sizes.withOwnLabels(own), unpackSizes(arrays, labels.length), labels);
    }

    /**
     * Of a state's samples, the oldest first: what the layer takes [n, width], and what its change is added to [n, C + own].
     */
    unpack(arrays, own, sizes) {
        const count = arrays.labels.data.length;
        const inputs = new Float64Array(count * this.width);
        unpackVectors(arrays, inputs, this.width);
        const logs = unpackLogs(arrays, this.alphabet.size, own);
        for (let i = 0; i < logs.length; i++) logs[i] /= this.parameters.temperature;
        for (let i = 0; i < count; i++) inputs[i * this.width + this.inputs - 1] = Math.sqrt(this.parameters.bias);
        const judgement = sizes && sizes.atAllTimes().judge(unpackSizes(arrays, count));
        if (judgement) {
            for (let i = 0; i < logs.length; i++) logs[i] += judgement.likelihood[i];
            judgement.relative.forEach((relative, i) => {
                inputs[Math.floor(i / LENGTHS) * this.width + this.inputs + (i % LENGTHS)] = relative * this.sizeWeight;
            });
        }
        return { inputs, logs };
    }

    /** The log-probabilities [n, C + own] of the recognizer, which gives each of the writer's own labels a little. */
    baseLogs(logits, own) {
        const size = this.alphabet.size;
        const logs = logSoftmax(logits, size);
        if (!own) return logs;
        const count = logs.length / size;
        const wide = new Float64Array(count * (size + own)).fill(OWN_LABEL);
        for (let i = 0; i < count; i++) wide.set(logs.subarray(i * size, (i + 1) * size), i * (size + own));
        return wide;
    }

    /**
     * The writer's own labels, new ones among `labels` included, and the places [n] of `labels`: the alphabet's, then those.
     */
    placesOf(own, labels) {
        const all = [...own];
        const places = labels.map((label) => {
            const place = this.alphabet.find(label);
            if (place >= 0) return place;
            if (!all.includes(label)) all.push(label);
            return this.alphabet.size + all.indexOf(label);
        });
        return { own: all, places };
    }

    /** The writer's own labels that samples still have, and which places stay: the alphabet's, and theirs. */
    dropUnusedLabels(own, places) {
        const size = this.alphabet.size;
        const used = own.map((_, i) => size + i).filter((place) => places.includes(place));
        return { own: used.map((place) => own[place - size]), stay: [...Array(size).keys(), ...used] };
    }

    /** The change [width, C + own] that fits a state's samples best, sought from `change`, and the square terms [C + own]. */
    solve(arrays, own, rounds, change) {
        const { r } = this.population;
        const [size, width] = [this.alphabet.size + own, this.width];
        const unpacked = this.unpack(arrays, own, this.writerSizes(arrays, own));
        const rows = Array.from(arrays.units.data.keys()).filter((i) => fromHalf(arrays.units.data[i]) > 0);
        const n = rows.length;
        const nothing = { change: new Float64Array(width * size), square: new Float64Array(size) };
        if (!n) return nothing;
        const features = new Float64Array(n * width);
        const logs = new Float64Array(size * n);
        const labels = Int32Array.from(rows, (row) => arrays.labels.data[row]);
        const { around, square, odds } = this.prior(unpacked.inputs, rows, labels, own);
        rows.forEach((row, i) => {
            features.set(unpacked.inputs.subarray(row * width, (row + 1) * width), i * width);
            const length = innerProduct(features, i * width, features, i * width, r) / this.parameters.weight;
            for (let c = 0; c < size; c++) logs[c * n + i] = unpacked.logs[row * size + c] + length * square[c] + odds[c];
        });
        const start = change && transpose(change, size);
        const found = residual({ features, logs, labels, rounds, start, around, r: width });
        const isFinite = [found, square].every((numbers) => numbers.every(Number.isFinite));
        return isFinite ? { change: transpose(found, width), square } : nothing;
    }

    /**
     * The change's prior mean [C + own, width], the square terms [C + own], and what chosen labels add to their logits [C +
     * own].
     */
    prior(inputs, rows, labels, own) {
        const { r } = this.population;
        const size = this.alphabet.size;
        const around = new Float64Array((size + own) * this.width);
        const odds = new Float64Array(size + own);
        if (this.shapes)
            odds.set(
                chosenOdds(
                    countsOf(
                        labels.filter((label) => label < size),
                        size,
                    ),
                    this.shapes.frequencies,
                ),
            );
        if (!this.shapes || !this.parameters.means) return { around, square: new Float64Array(size + own), odds };
        const unit = Math.sqrt(this.parameters.weight);
        const points = new Float64Array(rows.length * r);
        rows.forEach((row, i) => points.set(inputs.subarray(row * this.width, row * this.width + r), i * r));
        for (let i = 0; i < points.length; i++) points[i] /= unit;
        const { between, means: strength } = this.parameters;
        const { linear, square, constant } = writerShapes({ statistics: this.shapes, points, labels, own, between, strength });
        for (let c = 0; c < size + own; c++) {
            for (let t = 0; t < r; t++) around[c * this.width + t] = linear[c * r + t] / unit;
            around[c * this.width + r] = constant[c] / Math.sqrt(this.parameters.bias);
        }
        return { around, square, odds };
    }
}

const numbersOfHalves = (bits) => Float64Array.from(bits, fromHalf);
const withinHalf = (number) => Math.min(Math.max(number, -LARGEST_HALF), LARGEST_HALF);

/** Rows of `width` numbers without the last of each. */
const withoutLast = (rows, width) => rows.filter((_, i) => i % width !== width - 1);

/** The columns of a matrix of `width` columns at these places; a place beyond them is a column of zeros. */
function columnsAt(matrix, width, places) {
    const rows = matrix.length / width;
    const picked = new Float64Array(rows * places.length);
    for (let i = 0; i < rows; i++) {
        places.forEach((place, j) => (picked[i * places.length + j] = place < width ? matrix[i * width + place] : 0));
    }
    return picked;
}

/** The rows of both arrays that fit the window, the newest. */
function newestRows(before, more, window) {
    const width = more.shape.slice(1).reduce((product, side) => product * side, 1);
    const data = new more.data.constructor((before?.data.length ?? 0) + more.data.length);
    if (before) data.set(before.data);
    data.set(more.data, before?.data.length ?? 0);
    const count = Math.min(data.length / width, window ?? Infinity);
    return { dtype: more.dtype, shape: [count, ...more.shape.slice(1)], data: data.slice(data.length - count * width) };
}
