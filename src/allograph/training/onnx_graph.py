"""From a model's graph to that of a bundle's: `images` [n, 1, 28, 28] in, `embedding`, `logits` and perhaps `features` out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from math import isqrt, prod
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from allograph.errors import InputError, MismatchError, missing_extra
from allograph.images.frames import SIDE
from allograph.training.preprocessing import LARGEST, Preprocessing, interpolation

try:
    import onnx
    from onnx import TensorProto, helper, numpy_helper
except ImportError as error:  # pragma: no cover
    raise missing_extra("onnx", "train") from error

PREFIX = "model/"
"""Stands before every name of the model that is wrapped, so that ours are free."""
NAMED = 12
"""Values that an error names, the last ones of the model."""
OLDEST, CONVERTED = 7, 13
"""The oldest opset that our nodes are valid in, and the one that older models are brought to."""
FACTOR, OFFSET = "allograph/factor", "allograph/offset"
PROBABILITIES = "allograph/probabilities"
ALMOST_0 = 1e-7
"""Added to probabilities before their odds are taken."""
FLOATS = (TensorProto.FLOAT, TensorProto.FLOAT16, TensorProto.DOUBLE, TensorProto.BFLOAT16)
WHOLE = (
    *(TensorProto.UINT8, TensorProto.UINT16, TensorProto.UINT32, TensorProto.UINT64),
    *(TensorProto.INT8, TensorProto.INT16, TensorProto.INT32, TensorProto.INT64, TensorProto.BOOL),
)
"""The element types of images that whole numbers are written in."""
CHANNELS = (1, 3, 4)
"""What an error takes for a number of channels."""
SAME = {"Identity", "Cast", "Reshape", "Flatten", "Squeeze", "Unsqueeze"}
"""Operators that leave every number as it is."""
CHOOSING = {"ArgMax", "ArgMin", "TopK"}
"""Operators that leave only the places of the largest numbers."""
LOOKING_UP = {"ArrayFeatureExtractor", "Gather", "LabelEncoder"}
"""Operators that turn places into labels."""


class Layout(NamedTuple):
    """How a model's input lies in memory: the shape after the batch, and whether the channels come last."""

    shape: tuple[int, ...]
    channels_last: bool = False


class Wrapped(NamedTuple):
    """A model in a bundle's form."""

    proto: onnx.ModelProto
    preprocessing: Preprocessing
    """With the scale that was taken."""
    whole: bool
    """Whether the model reads whole numbers."""


def layouts(model: onnx.ModelProto, path: Path, wanted: Preprocessing) -> list[Layout]:
    """The layouts that a model's input can have, the likeliest first; more than one where its shape leaves them open.

    Raises `InputError` where it has not one input for the images, `MismatchError` where its shape is another than `wanted`'s.
    """
    reads = _images_of(model.graph, path)
    (height, width), depth = wanted.size, wanted.depth
    known = [Layout((depth, height, width)), Layout((height, width, depth), channels_last=depth > 1)]
    if depth == 1:
        known += [Layout((height, width)), Layout((1, height * width)), Layout((height * width,))]
    if not reads.type.tensor_type.HasField("shape"):
        return known
    _, *shape = _sides(reads) or [0]
    fitting = [
        layout
        for layout in known
        if len(layout.shape) == len(shape) and all(d in (0, s) for d, s in zip(shape, layout.shape, strict=True))
    ]
    if not fitting and depth == 1 and prod(shape) == height * width and shape:
        fitting = [Layout(tuple(shape))]
    if fitting:
        return fitting
    become = f"; with these settings they become {list(known[0].shape)}" if known[0].shape != (1, SIDE, SIDE) else ""
    raise MismatchError(
        f"{path} reads images of the shape {shape} (0 where it is left open); allograph's samples have {SIDE}×{SIDE} pixels "
        f"of one channel{become}. {_advice(shape)}"
    )


def wrap(
    model: onnx.ModelProto,
    path: Path,
    values: Mapping[str, str],
    wanted: Preprocessing,
    layout: Layout,
    open_factors: bool = False,
) -> Wrapped:
    """A copy of the model with the input `images` [n, 1, 28, 28] and the outputs that `values` name, all float32 [n, …].

    A sigmoid at the end of the logits is left out; a flag, such as one for training, is false. With `open_factors` the factor
    and the offset of `Preprocessing.factors` may be given when the model is run. Raises `InputError` where a value is not there
    or holds no numbers for the labels.
    """
    proto = onnx.ModelProto()
    proto.CopyFrom(model)
    proto = _modern(proto, path)
    graph = proto.graph
    reads = _images_of(graph, path)
    kind = reads.type.tensor_type.elem_type
    wanted = _with_scale(wanted, kind, path)
    sources = {name: _source(graph, value, path, name == "logits") for name, value in values.items()}
    batch, *_ = _sides(reads) or [0]
    if batch:
        _free(graph, batch)
    flags = [value for value in _inputs(graph) if value.name != reads.name]
    _prefix(graph)
    for flag in flags:  # they were given the prefix too
        graph.initializer.append(numpy_helper.from_array(np.zeros(_sides(flag), np.bool_), flag.name))

    added = _Added()
    _preprocess(added, wanted, kind, layout, reads.name, open_factors)
    nodes = [*added.nodes, *graph.node]
    for name, value in sources.items():
        nodes.append(helper.make_node("Cast", [PREFIX + value], [f"allograph/{name}"], to=TensorProto.FLOAT))
        nodes.append(helper.make_node("Flatten", [f"allograph/{name}"], [name], axis=1))
    del graph.node[:], graph.input[:], graph.output[:], graph.value_info[:], graph.quantization_annotation[:]
    graph.node.extend(nodes)
    graph.initializer.extend(added.constants)
    graph.input.append(helper.make_tensor_value_info("images", TensorProto.FLOAT, ["n", 1, SIDE, SIDE]))
    if open_factors:
        shape = [1, wanted.depth, 1, 1]
        graph.input.extend(helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name in (FACTOR, OFFSET))
    graph.output.extend(helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", None]) for name in values)
    return Wrapped(proto, wanted, kind in WHOLE)


def take_logarithm(proto: onnx.ModelProto) -> None:
    """Let the output `logits` be the logarithms of the probabilities that it was."""
    added = _Added()
    positive = added.node("Add", "positive", PROBABILITIES, added.constant("tiny", np.finfo(np.float32).tiny))
    _replace_logits(proto, added, positive)


def take_log_odds(proto: onnx.ModelProto) -> None:
    """Let the output `logits` be the log-odds of the probabilities that it was, each label's for itself."""
    added = _Added()
    supporting = added.node("Add", "supporting", PROBABILITIES, added.constant("least", np.float32(ALMOST_0)))
    opposing = added.node("Sub", "opposing", added.constant("most", np.float32(1 + ALMOST_0)), PROBABILITIES)
    _replace_logits(proto, added, added.node("Div", "odds", supporting, opposing))


def _replace_logits(proto: onnx.ModelProto, added: _Added, value: str) -> None:
    """Let the logits be the logarithm of a value that `added` computes from what they were."""
    (last,) = [node for node in proto.graph.node if "logits" in node.output]
    last.output[0] = PROBABILITIES
    proto.graph.node.extend([*added.nodes, helper.make_node("Log", [value], ["logits"])])
    proto.graph.initializer.extend(added.constants)


class _Added:
    """Nodes and constants of ours, whose names begin with `allograph/`; all are valid from opset `OLDEST` on."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[TensorProto] = []

    def constant(self, name: str, value: ArrayLike) -> str:
        self.constants.append(numpy_helper.from_array(np.array(value), f"allograph/{name}"))
        return f"allograph/{name}"

    def node(self, operator: str, name: str, *inputs: str, **attributes: object) -> str:
        self.nodes.append(helper.make_node(operator, list(inputs), [f"allograph/{name}"], **attributes))
        return f"allograph/{name}"


def _preprocess(added: _Added, wanted: Preprocessing, kind: int, layout: Layout, target: str, open_factors: bool) -> None:
    """From `images` to the model's own input, `target`."""
    value, depth = "images", 1
    if wanted.transpose:
        value = added.node("Transpose", "transposed", value, perm=[0, 1, 3, 2])
    factor, offset = wanted.factors()
    if open_factors:
        factor, offset = (np.broadcast_to(array, (1, wanted.depth, 1, 1)) for array in (factor, offset))
    if open_factors or (factor != 1).any() or (offset != 0).any():
        value = added.node("Mul", "scaled", value, added.constant("factor", factor))
        value = added.node("Add", "shifted", value, added.constant("offset", offset))
        depth = factor.shape[1]
    if wanted.size[0] != SIDE:
        value = added.node("MatMul", "rows", added.constant("row weights", interpolation(wanted.size[0])), value)
    if wanted.size[1] != SIDE:
        value = added.node("MatMul", "columns", value, added.constant("column weights", interpolation(wanted.size[1]).T))
    if depth < wanted.depth:
        value = added.node("Concat", "channels", *[value] * wanted.depth, axis=1)
    if kind in WHOLE:
        value = added.node("Floor", "rounded", added.node("Add", "raised", value, added.constant("half", np.float32(0.5))))
    if kind != TensorProto.FLOAT:
        value = added.node("Cast", "cast", value, to=kind)
    if layout.channels_last:
        value = added.node("Transpose", "last", value, perm=[0, 2, 3, 1])
    shape = added.constant("shape", np.array([-1, *layout.shape], np.int64))
    added.nodes.append(helper.make_node("Reshape", [value, shape], [target]))


def _modern(proto: onnx.ModelProto, path: Path) -> onnx.ModelProto:
    """The model in an opset that our nodes are valid in, and in a file format in which weights are no inputs."""
    versions = {used.domain or "ai.onnx": used.version for used in proto.opset_import}
    version = versions.get("ai.onnx", 0 if versions else 1)
    if version == 0:  # all its operators are of other domains, such as a tree of scikit-learn
        proto.opset_import.append(helper.make_opsetid("", CONVERTED))
    elif version < OLDEST:
        try:
            proto = onnx.version_converter.convert_version(proto, CONVERTED)
        except Exception as error:  # of several kinds
            raise InputError(
                f"{path} uses opset {version}, which is too old, and cannot be converted; export it anew, with "
                f"opset {CONVERTED} or later"
            ) from error
    proto.ir_version = max(proto.ir_version, 4)
    inputs = _inputs(proto.graph)
    del proto.graph.input[:]
    proto.graph.input.extend(inputs)
    return proto


def _inputs(graph: onnx.GraphProto) -> list[onnx.ValueInfoProto]:
    """The inputs that have no value of their own."""
    constants = {tensor.name for tensor in graph.initializer} | {tensor.values.name for tensor in graph.sparse_initializer}
    return [value for value in graph.input if value.name not in constants]


def _images_of(graph: onnx.GraphProto, path: Path) -> onnx.ValueInfoProto:
    """The input for the images: the only one that is no flag."""
    inputs = [value for value in _inputs(graph) if not _is_flag(value)]
    if len(inputs) != 1:
        names = ", ".join(value.name for value in inputs)
        raise InputError(
            f"{path} has {len(inputs)} inputs; a recognizer has one, the images. There are {names or 'only flags'}: give the "
            "others their value when you export it"
        )
    (reads,) = inputs
    kind = reads.type.tensor_type.elem_type
    if not reads.type.HasField("tensor_type") or kind not in (*FLOATS, *WHOLE):
        raise InputError(f"{path}: its input {reads.name!r} holds no numbers; a recognizer reads images")
    return reads


def _is_flag(value: onnx.ValueInfoProto) -> bool:
    """Whether an input is a single truth value, such as whether the model is being trained."""
    tensor = value.type.tensor_type
    return (
        value.type.HasField("tensor_type")
        and tensor.elem_type == TensorProto.BOOL
        and tensor.HasField("shape")
        and all(side == 1 for side in _sides(value))
    )


def _sides(value: onnx.ValueInfoProto) -> list[int]:
    """The shape of an input, 0 where a side is left open."""
    return [max(dimension.dim_value, 0) for dimension in value.type.tensor_type.shape.dim]


def _with_scale(wanted: Preprocessing, kind: int, path: Path) -> Preprocessing:
    """The preprocessing with its scale; raises `InputError` where pixels do not fit the type of the model's input."""
    if wanted.scale is None:
        wanted = replace(wanted, scale=255.0 if kind in WHOLE and kind != TensorProto.BOOL else 1.0)
    if kind in WHOLE:
        factor, offset = wanted.factors()
        pixels = float(min(offset.min(), (factor + offset).min())), float(max(offset.max(), (factor + offset).max()))
        number = np.dtype(helper.tensor_dtype_to_np_dtype(kind))
        low, high = (0, 1) if number.kind == "b" else (np.iinfo(number).min, np.iinfo(number).max)
        if pixels[0] < low - 0.5 or pixels[1] >= high + 0.5:
            raise InputError(
                f"{path} reads {number} numbers, {low} to {high}, and with these settings pixels become {pixels[0]:g} to "
                f"{pixels[1]:g}; choose --scale, --mean and --std so that they fit (--scale 255 --mean 128 gives -128 to 127)"
            )
    return wanted


def _source(graph: onnx.GraphProto, name: str, path: Path, is_logits: bool) -> str:
    """The inner value that a named value is taken from; raises `InputError` where it holds labels or is no tensor."""
    producers = {output: node for node in graph.node for output in node.output if output}
    if name not in producers:
        last = list(producers)[: -NAMED - 1 : -1]
        known = ", ".join(dict.fromkeys([*(value.name for value in graph.output), *last]))
        raise InputError(f"{path} has no value named {name!r}; its last ones are {known}")
    value, looked_up = name, False
    while (node := producers.get(value)) is not None and node.op_type in SAME | LOOKING_UP:
        looked_up = looked_up or node.op_type in LOOKING_UP
        value = next((each for each in node.input if each in producers), "")
    if node is not None:
        if node.op_type == "ZipMap":
            raise InputError(
                f"{path}: {name!r} is a list of dictionaries (a ZipMap, as skl2onnx writes it), no array; name what goes into "
                f"it instead: {node.input[0]}"
            )
        is_classifier = node.op_type.endswith("Classifier") and value == node.output[0] and len(node.output) > 1
        if node.op_type in CHOOSING or is_classifier:
            better = node.output[1] if is_classifier else node.input[0]
            raise InputError(
                f"{path}: {name!r} is the label that was chosen ({node.op_type}), not a number for each label; name what it was "
                f"chosen by instead: {better}"
            )
        if is_logits and node.op_type == "Sigmoid" and not looked_up:
            return str(node.input[0])
    if any(output.name == name and not output.type.HasField("tensor_type") for output in graph.output):
        raise InputError(f"{path}: {name!r} is no array of numbers; name a value that is one, {list(producers)[-1]} perhaps")
    return name


def _advice(shape: list[int]) -> str:
    """The options for a model that reads this shape, 0 where it is open."""
    guess: tuple[int, int, int] | None = None
    match shape:
        case [depth, height, width] if depth in CHANNELS:
            guess = depth, height, width
        case [height, width, depth] if depth in CHANNELS:
            guess = depth, height, width
        case [height, width]:
            guess = 1, height, width
        case [count] if isqrt(count) ** 2 == count:
            guess = 1, isqrt(count), isqrt(count)
    if guess is None or max(guess) > LARGEST:
        return "Export it for one image a row: [n, channels, height, width] or [n, height, width, channels]"
    options = Preprocessing(size=(guess[1] or SIDE, guess[2] or SIDE), channels=guess[0]).options()
    return f"Give {' '.join(options)}" if options else "Leave out --size and --channels"


def _prefix(graph: onnx.GraphProto) -> None:
    """Put `PREFIX` before the name of every value, in inner graphs too, which may refer to outer values."""
    sparse = [tensor for each in graph.sparse_initializer for tensor in (each.values, each.indices)]
    for value in (*graph.input, *graph.output, *graph.value_info, *graph.initializer, *sparse):
        value.name = PREFIX + value.name
    for node in graph.node:
        for names in (node.input, node.output):
            names[:] = [PREFIX + name if name else "" for name in names]
        for attribute in node.attribute:
            for inner in ([attribute.g] if attribute.HasField("g") else []) + list(attribute.graphs):
                _prefix(inner)


def _free(graph: onnx.GraphProto, batch: int) -> None:
    """Let every reshaping keep the batch that comes in, where the exporter wrote its size down."""
    weights = {tensor.name for tensor in graph.initializer}
    shapes = (tensor for tensor in graph.initializer if tensor.data_type == TensorProto.INT64)
    tensors = {tensor.name: numpy_helper.to_array(tensor) for tensor in shapes}
    for node in graph.node:
        for attribute in node.attribute:
            if node.op_type == "Constant" and attribute.name == "value":
                tensors[node.output[0]] = numpy_helper.to_array(attribute.t)
            elif node.op_type == "Constant" and attribute.name == "value_ints":
                tensors[node.output[0]] = np.array(attribute.ints, np.int64)
    freed: set[str] = set()
    for node in graph.node:
        if node.op_type != "Reshape" or node.input[0] in weights or node.input[-1] not in tensors:
            continue
        shape = tensors[node.input[-1]].copy()
        if shape.size and shape[0] == batch:
            shape[0] = 0  # as many as come in
            del node.attribute[:]  # its only one, allowzero, says that 0 means none
            name = f"free {node.input[1]}"
            if name not in freed:
                graph.initializer.append(numpy_helper.from_array(shape, name))
            freed.add(name)
            node.input[1] = name
