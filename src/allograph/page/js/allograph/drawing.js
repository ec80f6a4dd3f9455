// Drawings of one character each, after the Web Handwriting Recognition API.

import { ImageError, InputError } from "./errors.js";

/** Predictions that getPrediction gives unless a hint says otherwise, as the Web Handwriting Recognition API has it. */
const ALTERNATIVES = 3;
/** What may be hinted, and what of it is known here. */
const HINTS = ["recognitionType", "inputType", "textContext", "alternatives", "alphabet", "unit", "device", "baseline"];

/** A stroke of the pen: points { x, y, t? } in its order, y down. */
export class HandwritingStroke {
    #points = [];

    /** Add a point; throws `ImageError` unless x and y are finite numbers. The time t is kept and not used. */
    addPoint(point) {
        if (!Number.isFinite(point?.x) || !Number.isFinite(point?.y))
            throw new ImageError("a point is { x, y, t }, x and y finite numbers");
        this.#points.push({ ...point });
    }

    /** A copy of its points. */
    getPoints() {
        return this.#points.map((point) => ({ ...point }));
    }

    /** Without points. */
    clear() {
        this.#points = [];
    }
}

/** The hints of a drawing, checked; throws `InputError` for what is not known here. */
export function checkHints(hints = {}) {
    const unknown = Object.keys(hints).filter((name) => !HINTS.includes(name));
    if (unknown.length) throw new InputError(`there is no hint ${unknown.join(", ")}; there are ${HINTS.join(", ")}`);
    const { recognitionType = "per-character", alternatives = ALTERNATIVES } = hints;
    if (recognitionType !== "per-character") {
        throw new InputError(
            'a drawing is one character: recognitionType is "per-character"; alphabet says which labels it may be',
        );
    }
    if (!Number.isInteger(alternatives) || alternatives < 0)
        throw new InputError("alternatives is how many further predictions to give");
    return { ...hints, alternatives };
}

/** A character as it is drawn; `read` reads its strokes. */
export class HandwritingDrawing {
    #strokes = [];
    #read;

    constructor(hints, read) {
        this.hints = Object.freeze(hints);
        this.#read = read;
    }

    /** Add a stroke, which may still grow. */
    addStroke(stroke) {
        if (!(stroke instanceof HandwritingStroke)) throw new InputError("a stroke is a HandwritingStroke, filled by addPoint");
        this.#strokes.push(stroke);
    }

    /** Take a stroke out. */
    removeStroke(stroke) {
        this.#strokes = this.#strokes.filter((one) => one !== stroke);
    }

    /** Its strokes, in their order. */
    getStrokes() {
        return [...this.#strokes];
    }

    /** Without strokes. */
    clear() {
        this.#strokes = [];
    }

    /**
     * What it may show, the likeliest first: [{ text, probability, segmentationResult }]; nothing for a drawing without points.
     * The first also says what it would be for everybody (base).
     */
    async getPrediction() {
        return this.#strokes.some((stroke) => stroke.getPoints().length) ? this.#read(this) : [];
    }
}

/** A drawing's strokes as points [x, y], with where each was in it. */
export const inkOf = (drawing) => drawing.getStrokes().map((stroke) => stroke.getPoints().map(({ x, y }) => [x, y]));
