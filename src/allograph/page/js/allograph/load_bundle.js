// The files of a bundle that reading on a device needs: from an address, or as the app has them.

import { FormatError, InputError } from "./errors.js";

const FILES = { config: "config.json", model: "model.onnx", adapters: "adapters.safetensors" };

/**
 * The bytes of a bundle's files, { config, model, adapters }, Uint8Array each. `bundle` is that already, or the address of a
 * folder that holds config.json, model.onnx and adapters.safetensors, as a service has at /v1/bundle.
 */
export async function loadBundle(bundle) {
    if (typeof bundle === "string" || bundle instanceof URL) {
        const folder = String(bundle).replace(/\/+$/, "");
        const found = await Promise.all(Object.values(FILES).map((file) => fetchBytes(`${folder}/${file}`)));
        return Object.fromEntries(Object.keys(FILES).map((name, i) => [name, found[i]]));
    }
    if (typeof bundle !== "object" || bundle === null)
        throw new InputError("bundle is the address of a bundle's folder, or its files");
    return Object.fromEntries(Object.entries(FILES).map(([name, file]) => [name, bytesOf(bundle[name], name, file)]));
}

async function fetchBytes(address) {
    let answer;
    try {
        answer = await fetch(address);
    } catch (error) {
        throw new InputError(`${address} cannot be fetched (${error.message}); in node, pass the files' bytes`);
    }
    if (!answer.ok) throw new FormatError(`${address} cannot be fetched: the answer is ${answer.status}`);
    return new Uint8Array(await answer.arrayBuffer());
}

function bytesOf(given, name, file) {
    if (given instanceof ArrayBuffer) return new Uint8Array(given);
    if (given instanceof Uint8Array) return given;
    throw new InputError(`a bundle given as files is { config, model, adapters }; ${name} is the bytes of its ${file}`);
}
