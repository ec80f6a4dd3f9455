// A handwriting recognizer that learns on the device, after the Web Handwriting Recognition API, with correct, undo and export.

import { HandwritingDrawing, checkHints, inkOf } from "./drawing.js";
import { ImageError, InputError } from "./errors.js";
import { loadBundle } from "./load_bundle.js";
import { Profile } from "./profile.js";
import { Reader } from "./reader.js";

/**
 * A recognizer of single characters, which learns from corrections.
 *
 * `bundle` is the address of a bundle's folder, or its files' bytes { config, model, adapters }; `ort` is the module of
 * onnxruntime-web; `profile` is what `export` gave before, or a writer's state as the service gives it. Throws `FormatError`
 * for what is no bundle or profile, `MismatchError` for a profile of another model.
 */
export async function createHandwritingRecognizer({ bundle, ort, profile = null } = {}) {
    if (!ort?.InferenceSession) throw new InputError("ort is the module of onnxruntime-web, which runs the model");
    const recognizer = new HandwritingRecognizer(await Reader.open(await loadBundle(bundle), ort));
    try {
        if (profile) recognizer.import(profile);
    } catch (error) {
        await recognizer.finish();
        throw error;
    }
    return recognizer;
}

/** Reads drawings, and learns one writer's hand. */
class HandwritingRecognizer {
    #reader;
    #profile;
    #ids = new WeakMap();
    #predicted = new WeakMap();

    constructor(reader) {
        this.#reader = reader;
        this.#profile = new Profile(reader.adapter);
    }

    /**
     * A new drawing of one character. Hints: alternatives (3), how many predictions beside the first; alphabet, a named one or
     * a list of labels; unit ("device" or "millimetres"), device and baseline, which say how large it is written, and where.
     */
    startDrawing(hints = {}) {
        this.#open();
        return new HandwritingDrawing(checkHints(hints), (drawing) => this.#predict(drawing));
    }

    /**
     * Learn what a drawing shows, or that a prediction was right or wrong: the very next prediction knows it. A label that the
     * bundle does not know is taught with { new: true }. Returns { id, label }. One more correction of the drawing replaces the
     * first. Throws `UnknownLabel` for a label that is not known.
     */
    async correct(target, label, { new: isNew = false } = {}) {
        this.#open();
        const { drawing, sample } =
            target instanceof HandwritingDrawing ? await this.#sample(target) : this.#samplePredicted(target);
        const { alphabet = null } = drawing.hints;
        const lesson = this.#reader.lesson(this.#profile, sample, label, { alphabet, isNew });
        if (!this.#ids.has(drawing)) this.#ids.set(drawing, newId());
        const id = this.#ids.get(drawing);
        this.#profile.learn([{ id, ...lesson }]);
        return { id, label: lesson.label };
    }

    /** Take a correction back, exactly: what is known is what it would be without it. Throws `InputError` for an unknown id. */
    undo(id) {
        this.#open();
        this.#profile.undo(id);
    }

    /** What was taught here and not taken back: [{ id, label }], the oldest first. */
    get corrections() {
        return this.#profile.corrections;
    }

    /** All that was learned, with its journal: bytes for `import`. */
    export() {
        return this.#profile.toBytes(this.#reader.bundle.modelHash);
    }

    /** The writer's state alone, as the service gives it: bytes for `import`, from which nothing can be undone. */
    exportState() {
        return this.#profile.state.toBytes(this.#reader.adapter);
    }

    /** Know what `export` or `exportState` gave, or a service's state of a writer, and nothing else. */
    import(bytes) {
        this.#open();
        this.#profile = Profile.fromBytes(bytes, this.#reader.adapter, this.#reader.bundle.modelHash);
    }

    /** Free the model; the recognizer cannot be used any more. */
    async finish() {
        const reader = this.#reader;
        this.#reader = null;
        await reader?.recognizer.release();
    }

    #open() {
        if (!this.#reader) throw new InputError("the recognizer is finished; make another one");
    }

    async #sample(drawing) {
        const { unit, device, baseline } = drawing.hints;
        const ink = inkOf(drawing);
        if (!ink.some((points) => points.length)) throw new ImageError("the drawing is empty: it has no points");
        return { drawing, sample: await this.#reader.samplesOf([{ ink, unit, device, baseline }]) };
    }

    #samplePredicted(prediction) {
        const found = this.#predicted.get(prediction);
        if (!found) throw new InputError("what is corrected is a drawing of this recognizer, or a prediction that it gave");
        return found;
    }

    async #predict(drawing) {
        this.#open();
        const { alphabet = null, alternatives } = drawing.hints;
        const found = await this.#sample(drawing);
        this.#open();
        const [reading] = this.#reader.read(this.#profile, found.sample, { alphabet });
        return reading.best(1 + alternatives).map(({ label, probability }) => {
            const prediction = {
                text: label,
                probability,
                base: reading.base,
                segmentationResult: [segmentOf(label, drawing)],
            };
            this.#predicted.set(prediction, found);
            return prediction;
        });
    }
}

/** The whole drawing is one grapheme. */
const segmentOf = (label, drawing) => ({
    grapheme: label,
    beginIndex: 0,
    endIndex: label.length,
    drawingSegments: drawing
        .getStrokes()
        .map((stroke, strokeIndex) => ({ strokeIndex, beginPointIndex: 0, endPointIndex: stroke.getPoints().length })),
});

function newId() {
    const bytes = crypto.getRandomValues(new Uint8Array(16));
    return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
