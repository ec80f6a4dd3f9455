// Labels and alphabets: which characters there are, and in what order.

import { FormatError, InputError, UnknownLabel } from "./errors.js";

/** Code points in the longest label. */
export const LONGEST_LABEL = 16;

const DIGITS = "0123456789";
const UPPER = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
const LOWER = UPPER.toLowerCase();
const NAMED = { digits: DIGITS, upper: UPPER, lower: LOWER, letters: UPPER + LOWER, alphanumeric: DIGITS + UPPER + LOWER };

/** The label in NFC; throws `InputError` unless it has 1–16 code points and no control characters. */
export function checkLabel(label) {
    if (typeof label !== "string") {
        throw new InputError(
            `a label is a string of 1–${LONGEST_LABEL} code points, not ${label === null ? "null" : typeof label}`,
        );
    }
    const composed = label.normalize("NFC");
    const { length } = [...composed];
    if (length < 1 || length > LONGEST_LABEL)
        throw new InputError(`a label has 1–${LONGEST_LABEL} code points; this one has ${length}`);
    if (/[\p{Cc}\p{Cs}]/u.test(composed)) throw new InputError("the label holds a control or surrogate character");
    return composed;
}

/** The ordered set of labels that a recognizer knows; a label is found in whatever form it is composed. */
export class Alphabet {
    #places;

    /** Of labels [C]; throws `InputError` where there is none, or one comes twice. */
    constructor(labels) {
        this.labels = Object.freeze(Array.from(labels, checkLabel));
        this.#places = new Map(this.labels.map((label, place) => [label, place]));
        if (!this.labels.length) throw new InputError("an alphabet has at least one label");
        if (this.#places.size !== this.labels.length)
            throw new InputError("an alphabet holds each label once, and one comes twice");
    }

    /** How many labels there are. */
    get size() {
        return this.labels.length;
    }

    /** The place of a label, −1 for one that is not in the alphabet. */
    find(label) {
        return this.#places.get(label) ?? this.#places.get(String(label).normalize("NFC")) ?? -1;
    }
}

/** The set of labels of a named alphabet (`digits`, `upper`, `lower`, `letters`, `alphanumeric`), or of a list of labels. */
export function labelsOf(alphabet) {
    if (typeof alphabet !== "string") return new Set(new Alphabet(alphabet).labels);
    const labels = Object.keys(NAMED).includes(alphabet) ? NAMED[alphabet] : null;
    if (labels) return new Set(labels);
    throw new InputError(
        `there is no alphabet of this name; there are ${Object.keys(NAMED).join(", ")}, or give a list of labels`,
    );
}

/**
 * The labels that may be answered, and which of the alphabet's [C] those are: { labels, mask }, null where nothing is
 * restricted. Throws `UnknownLabel` for one that is neither in the alphabet nor the writer's own, `InputError` where the model
 * knows none.
 */
export function offerOf(restriction, alphabet, own = []) {
    if (restriction === null || restriction === undefined) return null;
    const labels = labelsOf(restriction);
    const mask = new Uint8Array(alphabet.size);
    for (const label of labels) {
        if (own.includes(label)) continue;
        const place = alphabet.find(label);
        if (place < 0) throw new UnknownLabel(`the label “${label}” is not in the alphabet of ${alphabet.size} labels`);
        mask[place] = 1;
    }
    if (!mask.includes(1)) throw new InputError("a restricted alphabet needs at least one label that the bundle knows");
    return { labels, mask };
}

/** An alphabet that a file names; throws `FormatError`, naming the file, where it is none. */
export function readAlphabet(labels, file) {
    if (!Array.isArray(labels)) throw new FormatError(`${file}: the alphabet is a list of labels`);
    try {
        return new Alphabet(labels);
    } catch (error) {
        throw new FormatError(`${file}: ${error.message}`);
    }
}
