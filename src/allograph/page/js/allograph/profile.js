// What one writer taught, kept on the device: a journal of corrections, and the adapter's state after all of them.

import { Boxes } from "./box.js";
import { FormatError, InputError, MismatchError } from "./errors.js";
import { checkLabel } from "./labels.js";
import { readTensors, writeTensors } from "./safetensors.js";
import { joinSamples, rowOf } from "./samples.js";
import { State } from "./state.js";

const FORMAT = 1;
/** Batches between two states that are kept to learn on from. */
const STRIDE = 16;

/**
 * A profile that learns. It goes on from a state `from`, whose corrections are in no journal here and cannot be undone here.
 *
 * The state is always the fold of `adapter.learn` over the journal's batches, in their order, from that state on.
 */
export class Profile {
    #adapter;
    #from;
    #journal = [];
    #states = [];
    #fitted = null;
    #revision = 0;

    constructor(adapter, from = null) {
        this.#adapter = adapter;
        this.#from = from ?? adapter.start();
        this.#states = [this.#from];
    }

    /** The adapter's state after all that was taught. */
    get state() {
        return this.#states[this.#journal.length];
    }

    /** A number that grows with every change. */
    get revision() {
        return this.#revision;
    }

    /** The writer's model: it scores samples. */
    get fitted() {
        this.#fitted ??= this.#adapter.fit(this.state);
        return this.#fitted;
    }

    /** What was taught here and not taken back, the oldest first: [{ id, label }]. */
    get corrections() {
        return this.#journal.flat().map(({ id, label }) => ({ id, label }));
    }

    /**
     * Learn a batch: [{ id, label, sample }], each sample's outputs and box. One with a known id and label changes nothing; one
     * with another label replaces the first.
     */
    learn(batch) {
        const known = new Map(this.corrections.map(({ id, label }) => [id, label]));
        const changed = batch
            .map((one) => ({ ...one, label: checkLabel(one.label) }))
            .filter(({ id, label }) => known.get(id) !== label);
        if (!changed.length) return;
        this.#drop(new Set(changed.map(({ id }) => id)));
        this.#append(changed);
    }

    /** Take a correction back: the state is what it would be without it. Throws `InputError` for an unknown id. */
    undo(id) {
        if (!this.has(id)) {
            throw new InputError(
                "no correction of this id was taught here, or it was taken back before; corrections lists them",
            );
        }
        this.#drop(new Set([id]));
    }

    /** Whether a correction of this id was taught here. */
    has(id) {
        return this.#journal.some((batch) => batch.some((one) => one.id === id));
    }

    /** The sample of a correction that was taught here; null for another id. */
    sampleOf(id) {
        return this.#journal.flat().find((one) => one.id === id)?.sample ?? null;
    }

    /** Take back all that was taught here. */
    clear() {
        this.#drop(new Set(this.corrections.map(({ id }) => id)));
    }

    /**
     * The journal and the state that it goes on from, as one blob of safetensors; `model` is the hash of the model that read.
     */
    toBytes(model) {
        const entries = this.#journal.flat();
        const tensors = { from: { dtype: "U8", shape: [0], data: this.#from.toBytes(this.#adapter) } };
        tensors.from.shape = [tensors.from.data.length];
        if (entries.length) {
            const { count, boxes, ...outputs } = joinSamples(entries.map(({ sample }) => sample));
            for (const [name, data] of Object.entries(outputs)) {
                if (data) tensors[name] = { dtype: "F32", shape: [count, data.length / count], data };
            }
            if (boxes) {
                tensors.sizes = { dtype: "F32", shape: [count, boxes.sizes.length / count], data: boxes.sizes };
                tensors.scales = { dtype: "U32", shape: [count], data: boxes.scales };
            }
        }
        const record = {
            format: FORMAT,
            model,
            ids: entries.map(({ id }) => id),
            labels: entries.map(({ label }) => label),
            batches: this.#journal.map((batch) => batch.length),
        };
        return writeTensors(tensors, { "allograph-profile": JSON.stringify(record) });
    }

    /**
     * Read what `toBytes` wrote, or the state of a writer as the service gives it. Throws `FormatError` for what is neither or
     * is damaged, `MismatchError` for one of another model, adapter or version.
     */
    static fromBytes(blob, adapter, model) {
        const { tensors, metadata } = readTensors(blob, "the profile");
        if (!("allograph-profile" in metadata)) return new Profile(adapter, State.fromBytes(blob, adapter));
        const { format, model: read, ids, labels, batches } = recordOf(metadata["allograph-profile"]);
        if (format !== FORMAT) throw new MismatchError(`the profile has format ${format}; this package reads format ${FORMAT}`);
        if (read !== model) {
            throw new MismatchError(
                `the profile is of another model (${String(read).slice(0, 12)}…, not ${model.slice(0, 12)}…)`,
            );
        }
        const whole = samplesOf(tensors, ids.length);
        const profile = new Profile(adapter, State.fromBytes(tensors.from?.data ?? new Uint8Array(), adapter));
        let place = 0;
        for (const length of batches) {
            const batch = ids.slice(place, place + length).map((id, i) => {
                const row = place + i;
                return { id, label: checkLabel(labels[row]), sample: rowOf(whole, row) };
            });
            profile.#append(batch);
            place += length;
        }
        return profile;
    }

    #append(batch) {
        const samples = joinSamples(batch.map(({ sample }) => sample));
        const state = this.#adapter.learn(this.state, { ...samples, labels: batch.map(({ label }) => label) });
        this.#journal.push(batch);
        this.#states.push(state);
        this.#revision += 1;
        const old = this.#states.length - 3;
        if (old > 0 && old % STRIDE) this.#states[old] = null;
        this.#fitted = null;
    }

    /** Drop these corrections, and learn what followed the first of them anew. */
    #drop(ids) {
        const first = this.#journal.findIndex((batch) => batch.some(({ id }) => ids.has(id)));
        if (first < 0) return;
        let start = first;
        while (!this.#states[start]) start -= 1;
        const again = this.#journal.slice(start).map((batch) => batch.filter(({ id }) => !ids.has(id)));
        this.#journal.length = start;
        this.#states.length = start + 1;
        this.#revision += 1;
        this.#fitted = null;
        for (const batch of again) if (batch.length) this.#append(batch);
    }
}

function recordOf(text) {
    try {
        const record = JSON.parse(text);
        const { ids, labels, batches } = record;
        const count = batches.reduce((sum, length) => sum + length, 0);
        if (![ids, labels].every((list) => Array.isArray(list) && list.length === count))
            throw new TypeError("its lists differ");
        if (new Set(ids).size !== count || !batches.every((length) => length > 0))
            throw new TypeError("its batches do not fit");
        return record;
    } catch (error) {
        throw new FormatError(`this is not a profile, or it is damaged (${error.message})`);
    }
}

function samplesOf(tensors, count) {
    const numbers = (name) => {
        const tensor = tensors[name];
        if (tensor && tensor.shape[0] !== count)
            throw new FormatError(`the profile is damaged: ${name} has ${tensor.shape[0]} rows`);
        return tensor?.data ?? null;
    };
    const [embeddings, logits, features] = ["embeddings", "logits", "features"].map(numbers);
    if (count && !(embeddings && logits))
        throw new FormatError("the profile is damaged: it lacks what the model said of its samples");
    const [sizes, scales] = ["sizes", "scales"].map(numbers);
    return { count, embeddings, logits, features, boxes: sizes && new Boxes(sizes, scales ?? new Uint32Array(count)) };
}
