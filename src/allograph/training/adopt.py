"""From anyone's ONNX model to a bundle."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from allograph.alphabet import Alphabet
from allograph.bundle import Bundle, check_place, write_bundle
from allograph.corpora.corpus import Corpus
from allograph.errors import FormatError, InputError, MismatchError, missing_extra
from allograph.images import PIXELS, SIDE, Frame
from allograph.progress import Progress, silent
from allograph.recognizer import FEATURES, OUTPUTS, Recognizer, open_session
from allograph.training.population import population

try:
    import onnx
    from onnx import TensorProto, compose, helper, numpy_helper
except ImportError as error:  # pragma: no cover
    raise missing_extra("onnx", "train") from error

PREFIX = "model/"
"""Stands before every name of the model that is wrapped."""
NAMED = 12
"""Values that an error names, the last ones of the model."""


def adopt(
    model: str | Path,
    output: str | Path,
    alphabet: Alphabet,
    embedding: str,
    logits: str,
    frame: Frame = "mnist",
    scale: float = 1.0,
    corpus: Corpus | None = None,
    seed: int = 0,
    progress: Progress = silent,
    features: str | None = None,
) -> Bundle:
    """Make a bundle of a model that has an embedding and a logits output, or any inner value of such a name.

    The model reads one channel of 28×28 in any layout ([n, 1, 28, 28], [n, 28, 28, 1], [n, 784] …), white ink high; `scale` is
    what full ink is to it (255 where it reads grey values). `features` may name what else the default adapter is to learn from,
    such as the flattened maps of an earlier layer; else it learns from the embedding. Probabilities in place of logits are turned
    into logarithms, and a model that was exported for one batch size is freed of it, where it can be. With a corpus the bundle
    gets styles, which the paper's adapter needs.

    Raises `FormatError` for a file that is no ONNX model, `InputError` when it lacks a named value or cannot read many images
    at once, `MismatchError` when its images have not 28×28 numbers or the number of logits is not that of the labels.
    """
    check_place(output)
    if not (np.isfinite(scale) and scale > 0):
        raise InputError(f"the scale is a number above 0, such as 1 or 255, not {scale}")
    path = Path(model)
    try:
        proto = onnx.load(path)
        onnx.checker.check_model(proto)
    except FileNotFoundError:
        raise InputError(f"there is no model at {path}") from None
    except Exception as error:  # protobuf and onnx raise errors of many kinds for bytes that are no model
        raise FormatError(f"{path} is not an ONNX model: it is truncated, damaged or foreign ({error})") from error

    values = dict(zip(OUTPUTS, (embedding, logits), strict=True)) | ({} if features is None else {FEATURES: features})
    proto = _rewired(proto, path, values, scale)
    embedded, read, *_ = _answers(_session(proto, path), path, list(values))
    if read.shape[1] != len(alphabet):
        raise MismatchError(
            f"{path} has {read.shape[1]} logits and the alphabet {len(alphabet)} labels; they must be as many, in the same order"
        )
    if _sums_to_one(read):
        _take_logarithm(proto)
    wired, size = proto.SerializeToString(), embedded.shape[1]
    if corpus is None:
        return write_bundle(output, wired, alphabet, frame, size)
    with tempfile.TemporaryDirectory(dir=Path(output).absolute().parent, prefix=".bundle.") as scratch:
        plain = write_bundle(Path(scratch) / "bundle", wired, alphabet, frame, size)
        styles, record = population(Recognizer(plain), corpus, Path(scratch), seed, progress)
    return write_bundle(output, wired, alphabet, frame, size, styles, record=record)


def _rewired(original: onnx.ModelProto, path: Path, values: Mapping[str, str], scale: float) -> onnx.ModelProto:
    """The model with the input `images` [n, 1, 28, 28] and the outputs that `values` name, all float32 [n, …]."""
    names = [name for node in original.graph.node for name in node.output if name]
    for name in values.values():
        if name not in names:
            known = ", ".join(dict.fromkeys([*(value.name for value in original.graph.output), *names[: -NAMED - 1 : -1]]))
            raise InputError(f"{path} has no value named {name!r}; its last ones are {known}")
    proto = compose.add_prefix(original, PREFIX)  # so that our names are free
    graph = proto.graph
    constants = {initializer.name for initializer in graph.initializer}
    inputs = [value for value in graph.input if value.name not in constants]
    if len(inputs) != 1:
        raise InputError(f"{path} has {len(inputs)} inputs; a recognizer has one, the images")
    (reads,) = inputs
    batch, *shape = [dimension.dim_value for dimension in reads.type.tensor_type.shape.dim] or [0]
    if int(np.prod(shape)) != PIXELS:
        raise MismatchError(
            f"{path} reads images of the shape {shape} (0 where it is left open); allograph's samples have {SIDE}×{SIDE} pixels "
            "of one channel"
        )
    if batch:
        _free(graph, batch)

    before = [
        helper.make_node("Mul", ["images", "allograph/scale"], ["allograph/scaled"]),
        helper.make_node("Cast", ["allograph/scaled"], ["allograph/cast"], to=reads.type.tensor_type.elem_type),
        helper.make_node("Reshape", ["allograph/cast", "allograph/shape"], [reads.name]),
    ]
    after = [
        node
        for name, value in values.items()
        for node in (
            helper.make_node("Cast", [PREFIX + value], [f"allograph/{name}"], to=TensorProto.FLOAT),
            helper.make_node("Flatten", [f"allograph/{name}"], [name], axis=1),
        )
    ]
    nodes = [*before, *graph.node, *after]
    del graph.node[:], graph.output[:]
    graph.node.extend(nodes)
    graph.initializer.append(numpy_helper.from_array(np.array(scale, np.float32), "allograph/scale"))
    graph.initializer.append(numpy_helper.from_array(np.array([-1, *shape], np.int64), "allograph/shape"))
    graph.input.remove(reads)
    graph.input.append(helper.make_tensor_value_info("images", TensorProto.FLOAT, ["n", 1, SIDE, SIDE]))
    graph.output.extend(helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", None]) for name in values)
    del graph.value_info[:]
    return proto


def _free(graph: onnx.GraphProto, batch: int) -> None:
    """Let every reshaping keep the batch that comes in, where the exporter wrote its size down."""
    tensors = {tensor.name: tensor for tensor in graph.initializer}
    weights = set(tensors)
    for node in graph.node:
        for attribute in node.attribute:
            if node.op_type == "Constant" and attribute.name == "value":
                tensors[node.output[0]] = attribute.t
    for node in graph.node:
        if node.op_type != "Reshape" or node.input[0] in weights or node.input[-1] not in tensors:
            continue
        shape = numpy_helper.to_array(tensors[node.input[-1]]).copy()
        if shape.size and shape[0] == batch:
            shape[0] = 0  # as many as come in
            del node.attribute[:]  # its only one, allowzero, says that 0 means none
            freed = f"allograph/free {node.input[1]}"
            if freed not in {tensor.name for tensor in graph.initializer}:
                graph.initializer.append(numpy_helper.from_array(shape, freed))
            node.input[1] = freed


def _take_logarithm(proto: onnx.ModelProto) -> None:
    graph = proto.graph
    (last,) = [node for node in graph.node if "logits" in node.output]
    last.output[0] = "allograph/probabilities"
    tiny = numpy_helper.from_array(np.array(np.finfo(np.float32).tiny, np.float32), "allograph/tiny")
    graph.initializer.append(tiny)
    graph.node.extend(
        [
            helper.make_node("Max", ["allograph/probabilities", "allograph/tiny"], ["allograph/positive"]),
            helper.make_node("Log", ["allograph/positive"], ["logits"]),
        ]
    )


def _session(proto: onnx.ModelProto, path: Path) -> onnxruntime.InferenceSession:
    try:
        return open_session(proto.SerializeToString())
    except FormatError as error:
        raise FormatError(f"{path}: {error}") from error


def _answers(session: onnxruntime.InferenceSession, path: Path, outputs: list[str]) -> list[NDArray[np.float32]]:
    """The outputs for some noise; raises `InputError` unless many images give what each of them gives alone."""
    noise = np.random.default_rng(0).random((4, 1, SIDE, SIDE), np.float32)
    advice = "export it with a batch dimension that is left open (dynamic)"
    try:
        alone = [session.run(outputs, {"images": image[np.newaxis]}) for image in noise]
        together: list[NDArray[np.float32]] = session.run(outputs, {"images": noise})
    except Exception as error:  # onnxruntime's exceptions have no public names
        raise InputError(f"{path} cannot read {len(noise)} images at once; {advice} ({error})") from error
    for found, parts in zip(together, zip(*alone, strict=True), strict=True):
        expected = np.concatenate(parts)
        if found.shape != expected.shape or not np.allclose(found, expected, atol=1e-3 * np.abs(expected).max(initial=1)):
            raise InputError(f"{path} answers otherwise when it reads {len(noise)} images at once than one by one; {advice}")
    return together


def _sums_to_one(values: NDArray[np.float32]) -> bool:
    return bool((values >= 0).all() and np.allclose(values.sum(axis=1), 1, atol=1e-3))
