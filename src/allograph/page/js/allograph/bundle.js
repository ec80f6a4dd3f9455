// What the adapter takes of a bundle: the alphabet, the tuned parameters, the statistics of the writers it was made with.

import { FormatError, InputError, MismatchError } from "./errors.js";
import { readAlphabet } from "./labels.js";
import { numbersOf, readTensors } from "./safetensors.js";
import { SizeStatistics } from "./size_statistics.js";

const FORMAT = 1;

/**
 * Read the files of a bundle, `config` (config.json: its bytes, or the object it holds) and `adapters` (the bytes of
 * adapters.safetensors): { alphabet, frame, modelHash, embeddingSize, learningCurve, parameters, population, shapes, sizes }.
 *
 * `parameters` are the adapters', by name; `population` is { space [f + 1, r], f, r }; `shapes` and `sizes` are null where the
 * bundle has none. Throws `FormatError` for what is no bundle's, `InputError` where it has no statistics yet.
 */
export function readBundle({ config, adapters }) {
    const values = ArrayBuffer.isView(config) || config instanceof ArrayBuffer ? parse(config) : config;
    if (typeof values !== "object" || values === null || Array.isArray(values))
        throw new FormatError("config.json is no bundle's");
    if (values.format !== FORMAT) {
        throw new FormatError(
            `config.json is of format ${String(values.format).slice(0, 10)}, and format ${FORMAT} is read here`,
        );
    }
    const alphabet = readAlphabet(values.alphabet, "config.json");
    const { tensors } = readTensors(adapters, "adapters.safetensors");
    if (!tensors["population/space"])
        throw new InputError("the bundle has no population statistics; make them with: allograph tune");
    return {
        alphabet,
        frame: values.frame,
        modelHash: values.model_hash ?? "",
        embeddingSize: values.embedding_size,
        learningCurve: values.learning_curve ?? null,
        parameters: values.adapters ?? {},
        population: populationOf(tensors),
        shapes: shapesOf(tensors, alphabet.size),
        sizes: sizesOf(tensors, alphabet.size),
    };
}

function parse(bytes) {
    try {
        return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
    } catch (error) {
        throw new FormatError(`config.json is no JSON: it is truncated or damaged (${error.message})`);
    }
}

/** The numbers of an array of the statistics, of this shape where one is given; throws where it is missing or of another. */
function take(tensors, name, shape = null) {
    const tensor = tensors[name];
    if (!tensor) throw new FormatError(`adapters.safetensors lacks the array ${name}; make the bundle anew`);
    if (shape && String(tensor.shape) !== String(shape)) {
        throw new MismatchError(
            `adapters.safetensors: ${name} is [${tensor.shape}], and [${shape}] was expected; make the bundle anew`,
        );
    }
    return numbersOf(tensor);
}

function populationOf(tensors) {
    const [rows, r] = tensors["population/space"].shape;
    return { space: take(tensors, "population/space", [rows, r]), f: rows - 1, r };
}

function shapesOf(tensors, size) {
    if (!tensors["shape/means"]) return null;
    const { r } = populationOf(tensors);
    const [within, between] = take(tensors, "shape/variances", [2]);
    return {
        means: take(tensors, "shape/means", [size, r]),
        within,
        between,
        frequencies: take(tensors, "shape/frequencies", [size]),
    };
}

function sizesOf(tensors, size) {
    if (!tensors["size/means"]) return null;
    const scale = take(tensors, "size/scale");
    const k = scale.length;
    const covariance = take(tensors, "size/covariance");
    return new SizeStatistics({
        means: take(tensors, "size/means", [k, size]),
        scale,
        deviation: take(tensors, "size/deviation", [k]),
        covariance: covariance.length ? take(tensors, "size/covariance", [k, size, size]) : null,
        within: take(tensors, "size/within", [k, size]),
    });
}
