// What an adapter knows about one writer: labels of the writer's own and arrays; the service reads and writes the same blobs.

import { FormatError, MismatchError } from "./errors.js";
import { checkLabel } from "./labels.js";
import { readTensors, writeTensors } from "./safetensors.js";

/** A value that nobody changes. */
export class State {
    /**
     * `labels` [m] are the writer's own, in the order in which they were first learned; `arrays` are by the adapter's names.
     */
    constructor(labels = [], arrays = {}) {
        this.labels = Object.freeze([...labels]);
        this.arrays = Object.freeze({ ...arrays });
        Object.freeze(this);
    }

    /** One safetensors blob, Uint8Array, that names the adapter and its version. */
    toBytes({ name, version }) {
        return writeTensors(this.arrays, { allograph: JSON.stringify({ adapter: name, version, labels: this.labels }) });
    }

    /** Read a blob; throws `FormatError` where it is damaged, `MismatchError` where another adapter or version wrote it. */
    static fromBytes(blob, adapter) {
        const { tensors, metadata } = readTensors(blob, "the state");
        const record = readRecord(metadata.allograph);
        if (record.adapter !== adapter.name || record.version !== adapter.version) {
            const its = `${String(record.adapter).slice(0, 40)} version ${String(record.version).slice(0, 10)}`;
            throw new MismatchError(`this state is of ${its}, not of ${adapter.name} version ${adapter.version}`);
        }
        const state = new State(record.labels, tensors);
        adapter.check(state);
        return state;
    }
}

function readRecord(text) {
    try {
        const { adapter, version, labels } = JSON.parse(text);
        return { adapter, version, labels: labels.map(checkLabel) };
    } catch {
        throw new FormatError(
            "this is not the state of an adapter, or it is damaged (it names no adapter, version and labels)",
        );
    }
}
