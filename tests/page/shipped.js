// The shipped bundle's files and the runtime that the page brings along, as node runs it; and our ink.

import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import * as ort from "../../src/allograph/page/vendor/onnxruntime-web.js";

const FOLDER = new URL("../../src/allograph/", import.meta.url);
const bytes = (path) => new Uint8Array(readFileSync(new URL(path, FOLDER)));

Object.assign(ort.env.wasm, {
    numThreads: 1,
    wasmBinary: gunzipSync(bytes("page/vendor/onnxruntime-web.wasm.gz")),
    wasmPaths: { mjs: new URL("page/vendor/onnxruntime-web-wasm.js", FOLDER).href },
});

export { ort };

/** The bytes of the shipped bundle's files. */
export const shipped = {
    config: bytes("shipped/config.json"),
    model: bytes("shipped/model.onnx"),
    adapters: bytes("shipped/adapters.safetensors"),
};

/** Strokes of characters that the tests write, by label. */
export const inks = Object.fromEntries(
    JSON.parse(readFileSync(new URL("../ink.json", import.meta.url), "utf8")).map(({ label, ink }) => [label, ink]),
);
