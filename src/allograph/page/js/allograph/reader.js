// A bundle at work: its model and its adapter, which read samples with what a writer's profile knows.

import { Allograph } from "./adapter.js";
import { Boxes, checkBox, inkBox } from "./box.js";
import { readBundle } from "./bundle.js";
import { InputError, MismatchError, UnknownLabel } from "./errors.js";
import { checkLabel, offerOf } from "./labels.js";
import { rasterize } from "./rasterizer.js";
import { Reading } from "./reading.js";
import { createRecognizer } from "./recognizer.js";
import { joinSamples, samplesAt } from "./samples.js";

const PIXELS = 784;
/** How characters lie in their images. */
const FRAME = "mnist";
/** Samples that are read together are parted into so many groups, each of which is read beside the others. */
const GROUPS = 4;
/** Samples in a context, at most. */
const LONGEST_CONTEXT = 64;

/** Reads samples for all writers. */
export class Reader {
    constructor(bundle, adapter, recognizer) {
        this.bundle = bundle;
        this.adapter = adapter;
        this.recognizer = recognizer;
    }

    /** Of a bundle's files, the bytes { config, model, adapters }; `ort` is the module of onnxruntime-web. */
    static async open({ config, model, adapters }, ort) {
        const bundle = readBundle({ config, adapters });
        if (bundle.frame !== FRAME) {
            throw new MismatchError(
                `the bundle reads samples in the frame ${String(bundle.frame)}; ink is drawn in the frame ${FRAME}`,
            );
        }
        return new Reader(bundle, Allograph.of(bundle), await createRecognizer({ modelBytes: model, bundle, ort }));
    }

    /**
     * What the model says of characters, with their boxes. A character is { ink: strokes [[[x, y], …], …], unit, device,
     * baseline } or { image: Uint8Array [784], box }.
     */
    async samplesOf(characters) {
        const images = new Uint8Array(characters.length * PIXELS);
        characters.forEach(({ ink, image }, i) => images.set(ink ? rasterize(ink) : checkImage(image), i * PIXELS));
        return { ...(await this.recognizer.outputs(images)), boxes: Boxes.of(characters.map(boxOf)) };
    }

    /**
     * The readings of samples, each judged by itself: several are one another's context, as the service has it. `alphabet`
     * restricts the labels; `context` are samples that the writer wrote lately and did not correct.
     */
    read(profile, samples, { alphabet = null, context = null } = {}) {
        const own = profile.state.labels;
        const offer = offerOf(alphabet, this.bundle.alphabet, own);
        const restricted = within(samples, offer);
        const labels = [...this.bundle.alphabet.labels, ...own];
        const values = this.#scores(profile.fitted, restricted, context);
        const [width, size] = [labels.length, this.bundle.alphabet.size];
        return Array.from({ length: samples.count }, (_, i) => {
            const row = values.slice(i * width, (i + 1) * width);
            if (offer) own.forEach((label, place) => offer.labels.has(label) || (row[size + place] = -Infinity));
            return new Reading(labels, row, restricted.logits.subarray(i * size, (i + 1) * size));
        });
    }

    /**
     * What is to be learned of a sample: { label, sample }, the label in NFC. `alphabet` is what was offered when it was read.
     * Throws `UnknownLabel` for a label that is neither the bundle's nor the writer's, nor `isNew`, `InputError` for one that
     * was not offered.
     */
    lesson(profile, sample, label, { alphabet = null, isNew = false } = {}) {
        const [checked, own] = [checkLabel(label), profile.state.labels];
        if (!isNew && this.bundle.alphabet.find(checked) < 0 && !own.includes(checked)) {
            throw new UnknownLabel(
                `the bundle does not know the label “${checked}”; teach it to this writer with { new: true }`,
            );
        }
        const offer = offerOf(alphabet, this.bundle.alphabet, own);
        if (offer && !offer.labels.has(checked))
            throw new InputError(`the label “${checked}” is not in the alphabet that was offered`);
        return { label: checked, sample: within(sample, offer) };
    }

    #scores(fitted, samples, context) {
        if (samples.count < 2) return fitted.scores(samples, context);
        const width = this.bundle.alphabet.size + fitted.state.labels.length;
        const values = new Float64Array(samples.count * width);
        const places = Array.from({ length: samples.count }, (_, i) => i);
        for (let group = 0; group < Math.min(GROUPS, samples.count); group++) {
            const rows = places.filter((place) => place % GROUPS === group);
            const others = samplesAt(
                samples,
                places.filter((place) => place % GROUPS !== group),
            );
            const beside = joinSamples(context ? [context, others] : [others]);
            const part = fitted.scores(samplesAt(samples, rows), beside);
            rows.forEach((row, i) => values.set(part.subarray(i * width, (i + 1) * width), row * width));
        }
        return values;
    }
}

/** A context that is not too long; throws `InputError` for a longer one. */
export function checkContext(context) {
    if (context.length <= LONGEST_CONTEXT) return context;
    throw new InputError(
        `a context has at most ${LONGEST_CONTEXT} samples, and this one has ${context.length}: give those seen last`,
    );
}

const boxOf = ({ ink, box, unit, device, baseline }) =>
    ink ? inkBox(ink, { unit, device, baseline: baseline ?? null }) : box ? checkBox(box) : null;

function checkImage(image) {
    if (image instanceof Uint8Array && image.length === PIXELS) return image;
    throw new InputError(`a character is { ink } or { image }, a Uint8Array of ${PIXELS} grey values, white ink on black`);
}

/** The samples with logits of −∞ for every label that is not offered. */
function within(samples, offer) {
    if (!offer) return samples;
    const { mask } = offer;
    return { ...samples, logits: samples.logits.map((logit, i) => (mask[i % mask.length] ? logit : -Infinity)) };
}
