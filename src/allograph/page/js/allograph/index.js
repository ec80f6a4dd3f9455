// The npm package: a handwriting recognizer that learns on the device. The page itself does not load this file.

import * as onnxruntime from "onnxruntime-web/wasm";
import { createHandwritingRecognizer as create } from "./handwriting.js";

export { HandwritingDrawing, HandwritingStroke } from "./drawing.js";
export { FormatError, ImageError, InputError, MismatchError, UnknownLabel } from "./errors.js";

onnxruntime.env.wasm.numThreads ??= 1; // a model this small is slower on several

/** As in handwriting.js; the model is run by the package's own onnxruntime-web unless `ort` is another one. */
export const createHandwritingRecognizer = (options = {}) => create({ ort: onnxruntime, ...options });
