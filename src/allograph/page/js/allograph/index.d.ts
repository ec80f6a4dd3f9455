// What the npm package allograph offers.

/** A bundle's files, as bytes. */
export interface BundleFiles {
    /** config.json */
    config: Uint8Array | ArrayBuffer;
    /** model.onnx */
    model: Uint8Array | ArrayBuffer;
    /** adapters.safetensors */
    adapters: Uint8Array | ArrayBuffer;
}

export interface HandwritingRecognizerOptions {
    /** The address of a folder with config.json, model.onnx and adapters.safetensors (a service has one at /v1/bundle), or its files. */
    bundle: string | URL | BundleFiles;
    /** What `export` or `exportState` gave, or a writer's state as the service gives it. */
    profile?: Uint8Array | ArrayBuffer | null;
    /** The module of onnxruntime-web that runs the model; the package's own dependency unless given. */
    ort?: object;
}

export interface HandwritingHints {
    /** Only single characters are read. */
    recognitionType?: "per-character";
    inputType?: string;
    textContext?: string;
    /** How many predictions to give beside the first; 3 unless given. */
    alternatives?: number;
    /** Which labels it may be: a named alphabet, or a list; all of them unless given. */
    alphabet?: "digits" | "upper" | "lower" | "letters" | "alphanumeric" | string[];
    /** What the coordinates count; "device" unless given. */
    unit?: "device" | "millimetres";
    /** What it is written on: samples of one device have one scale. */
    device?: string;
    /** The y of the line that the character stands on. */
    baseline?: number;
}

export interface HandwritingPoint {
    x: number;
    /** Downwards. */
    y: number;
    /** Milliseconds; kept and not used. */
    t?: number;
}

export class HandwritingStroke {
    addPoint(point: HandwritingPoint): void;
    getPoints(): HandwritingPoint[];
    clear(): void;
}

export interface HandwritingDrawingSegment {
    strokeIndex: number;
    beginPointIndex: number;
    endPointIndex: number;
}

export interface HandwritingSegment {
    grapheme: string;
    beginIndex: number;
    endIndex: number;
    drawingSegments: HandwritingDrawingSegment[];
}

export interface HandwritingPrediction {
    /** The label. */
    text: string;
    /** 0…1, calibrated. */
    probability: number;
    /** What the drawing would be read as for everybody. */
    base: string;
    segmentationResult: HandwritingSegment[];
}

/** A character as it is drawn; a recognizer starts it. */
export class HandwritingDrawing {
    private constructor();
    readonly hints: Readonly<HandwritingHints>;
    addStroke(stroke: HandwritingStroke): void;
    removeStroke(stroke: HandwritingStroke): void;
    getStrokes(): HandwritingStroke[];
    clear(): void;
    /** The likeliest first; nothing for a drawing without points. */
    getPrediction(): Promise<HandwritingPrediction[]>;
}

export interface Correction {
    id: string;
    label: string;
}

export interface HandwritingRecognizer {
    startDrawing(hints?: HandwritingHints): HandwritingDrawing;
    /** Learn what a drawing, or the drawing of a prediction, shows; one more correction of a drawing replaces the first. */
    correct(target: HandwritingDrawing | HandwritingPrediction, label: string, options?: { new?: boolean }): Promise<Correction>;
    /** Take a correction back, exactly. */
    undo(id: string): void;
    /** What was taught here and not taken back. */
    readonly corrections: Correction[];
    /** All that was learned, with its journal. */
    export(): Uint8Array;
    /** The writer's state alone, in the format of the service. */
    exportState(): Uint8Array;
    /** Know what was exported, and nothing else. */
    import(bytes: Uint8Array | ArrayBuffer): void;
    /** Free the model. */
    finish(): Promise<void>;
}

export function createHandwritingRecognizer(options: HandwritingRecognizerOptions): Promise<HandwritingRecognizer>;

/** Something handed in cannot be used; the other errors are kinds of it. */
export class InputError extends Error {}
export class FormatError extends InputError {}
export class ImageError extends InputError {}
export class MismatchError extends InputError {}
export class UnknownLabel extends InputError {}
