// The frozen base classifier: images in, embeddings, logits and features out. It runs the bundle's ONNX model by onnxruntime-
// web.

import { FormatError, ImageError, MismatchError } from "./errors.js";

/** The side of a sample, in pixels. */
const SIDE = 28;
const PIXELS = SIDE * SIDE;
/** Images in one call of the model, at most. */
const BATCH = 64;
/** What a bundle's model gives of each image, and what this package calls it; a model may lack the features. */
const OUTPUTS = { embedding: "embeddings", logits: "logits", features: "features" };

/**
 * Load a model (bytes of an ONNX file) with `ort`, the module of onnxruntime-web; `bundle` says which labels it knows.
 *
 * Throws `FormatError` where this is no model of a bundle, `MismatchError` where it knows other labels than the bundle.
 */
export async function createRecognizer({ modelBytes, bundle, ort }) {
    const session = await openSession(modelBytes, ort);
    const recognizer = new Recognizer(session, ort);
    try {
        await recognizer.check(bundle.alphabet.size);
    } catch (error) {
        await recognizer.release();
        throw error;
    }
    return recognizer;
}

async function openSession(modelBytes, ort) {
    let session;
    try {
        session = await ort.InferenceSession.create(modelBytes, { executionProviders: ["wasm"], logSeverityLevel: 4 });
    } catch (error) {
        throw new FormatError(`onnxruntime-web cannot load the model (${error.message})`);
    }
    const { inputNames, outputNames } = session;
    if (inputNames.join() === "images" && ["embedding", "logits"].every((name) => outputNames.includes(name))) return session;
    await session.release();
    throw new FormatError(
        `the model has the inputs ${inputNames.join(", ")} and the outputs ${outputNames.join(", ")}; ` +
            "a bundle's model has images, embedding and logits. Make it one with: allograph bundle",
    );
}

/** A bundle's model, ready to be called; calls are answered one after the other. */
class Recognizer {
    #session;
    #ort;
    #running = Promise.resolve();
    #names;

    constructor(session, ort) {
        this.#session = session;
        this.#ort = ort;
        this.#names = Object.keys(OUTPUTS).filter((name) => session.outputNames.includes(name));
    }

    /** Throws `MismatchError` unless the model gives so many logits. */
    async check(labels) {
        const { logits } = await this.#run(new Float32Array(PIXELS));
        if (logits.length !== labels) {
            throw new MismatchError(
                `the model knows ${logits.length} labels, its bundle ${labels}: they are not of one bundle`,
            );
        }
    }

    /**
     * What the model says of images, Uint8Array [n · 784], white ink on black: { count, embeddings [n · d], logits [n · C],
     * features [n · f] }, Float32Array; `features` is null where the model has none. Throws `ImageError` for what are no
     * images.
     */
    async outputs(images) {
        const count = checkImages(images);
        const pixels = Float32Array.from(images, (grey) => grey / 255);
        const parts = [];
        for (let first = 0; first < count; first += BATCH) {
            parts.push(await this.#run(pixels.subarray(first * PIXELS, (first + BATCH) * PIXELS)));
        }
        const all = Object.entries(OUTPUTS).map(([name, here]) => [
            here,
            this.#names.includes(name) ? joined(parts, name) : null,
        ]);
        return { count, ...Object.fromEntries(all) };
    }

    /** Free the memory of the model, which cannot be called any more. */
    release() {
        return this.#session.release();
    }

    #run(pixels) {
        const images = new this.#ort.Tensor("float32", pixels, [pixels.length / PIXELS, 1, SIDE, SIDE]);
        const answer = this.#running.then(() => this.#session.run({ images }, this.#names));
        this.#running = answer.catch(() => undefined);
        return answer.then((outputs) => Object.fromEntries(this.#names.map((name) => [name, outputs[name].data])));
    }
}

function checkImages(images) {
    if (!(images instanceof Uint8Array) || images.length === 0 || images.length % PIXELS !== 0) {
        throw new ImageError(
            `images are a Uint8Array of ${PIXELS} grey values each, 0 (paper) … 255 (ink), at least one image`,
        );
    }
    const count = images.length / PIXELS;
    for (let i = 0; i < count; i++) {
        if (images.subarray(i * PIXELS, (i + 1) * PIXELS).every((grey) => grey < 2)) {
            throw new ImageError(`image ${i} shows no ink: its grey values go up to 255 (ink)`);
        }
    }
    return count;
}

function joined(parts, name) {
    const numbers = new Float32Array(parts.reduce((length, part) => length + part[name].length, 0));
    let place = 0;
    for (const part of parts) {
        numbers.set(part[name], place);
        place += part[name].length;
    }
    return numbers;
}
