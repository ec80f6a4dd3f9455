"""ONNX models that read digits as data/tiny.onnx does, but want their pictures otherwise, as the models of others do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from small import TINY


def wanting(
    path: Path,
    *,
    scale: float = 1.0,
    mean: tuple[float, ...] = (0.0,),
    std: tuple[float, ...] = (1.0,),
    invert: bool = False,
    transpose: bool = False,
    size: int = 28,
    channels: int = 1,
    kind: int = 1,
    shape: list[str | int | None] | None = None,
    end: str = "logits",
    opset: int = 13,
    ir_version: int = 8,
    flag: bool = False,
) -> Path:
    """Write a model that undoes these steps, and reads on as the tiny one does; `end` is what becomes of the logits.

    It reads `shape`, [n, channels, size, size] unless said (the channels may be last), of the element type `kind`.
    """
    from onnx import TensorProto, helper, load, numpy_helper, save

    from allograph.training.preprocessing import interpolation

    tiny = load(TINY)
    shape = shape or ["n", channels, size, size]
    nodes: list[Any] = []
    constants = list(tiny.graph.initializer)
    value = "pixels"

    def constant(name: str, array: Any) -> str:
        constants.append(numpy_helper.from_array(np.array(array), name))
        return name

    def node(operator: str, *inputs: str, to: str, **attributes: Any) -> str:
        nodes.append(helper.make_node(operator, list(inputs), [to], **attributes))
        return to

    if kind != TensorProto.FLOAT:
        value = node("Cast", value, to="cast")
        nodes[-1].attribute.append(helper.make_attribute("to", TensorProto.FLOAT))
    if channels > 1 and shape[-1] == channels:
        value = node("Transpose", value, to="first", perm=[0, 3, 1, 2])
    elif len(shape) != 4 or shape[1] not in (channels, "c", None):
        value = node("Reshape", value, constant("planes", np.array([-1, channels, size, size])), to="shaped")
    if size != 28:
        back = np.linalg.pinv(interpolation(size).astype(np.float64)).astype(np.float32)
        value = node("MatMul", constant("back", back), value, to="short")
        value = node("MatMul", value, constant("back turned", back.T), to="narrow")
    value = node("Mul", value, constant("std", np.array(std, np.float32).reshape(1, -1, 1, 1)), to="spread")
    value = node("Add", value, constant("mean", np.array(mean, np.float32).reshape(1, -1, 1, 1)), to="centred")
    if channels > 1:
        value = node("ReduceMean", value, to="grey", axes=[1], keepdims=1)
    value = node("Div", value, constant("scale", np.float32(scale)), to="unit")
    if invert:
        value = node("Sub", constant("one", np.float32(1)), value, to="light")
    if transpose:
        value = node("Transpose", value, to="turned", perm=[0, 1, 3, 2])
    node("Identity", value, to="images")
    nodes += tiny.graph.node
    outputs = [helper.make_tensor_value_info("embedding", TensorProto.FLOAT, [None, 8])]
    if end == "logits":
        outputs.append(helper.make_tensor_value_info("logits", TensorProto.FLOAT, [None, 10]))
    elif end == "Sigmoid by hand":
        node("Neg", "logits", to="negative")
        node("Exp", "negative", to="exponential")
        node("Add", "exponential", constant("unit one", np.float32(1)), to="sum")
        node("Reciprocal", "sum", to="answer")
        outputs.append(helper.make_tensor_value_info("answer", TensorProto.FLOAT, [None, 10]))
    else:
        attributes = {"Softmax": {"axis": 1}, "LogSoftmax": {"axis": 1}, "ArgMax": {"axis": 1}}.get(end, {})
        node(end, "logits", to="answer", **attributes)
        element = TensorProto.INT64 if end == "ArgMax" else TensorProto.FLOAT
        outputs.append(helper.make_tensor_value_info("answer", element, [None, 1 if end == "ArgMax" else 10]))
    inputs = [helper.make_tensor_value_info("pixels", kind, shape)]
    if flag:
        inputs.insert(0, helper.make_tensor_value_info("training", TensorProto.BOOL, []))
        node("Cast", "training", to="as number")
        nodes[-1].attribute.append(helper.make_attribute("to", TensorProto.FLOAT))
        outputs.append(helper.make_tensor_value_info("as number", TensorProto.FLOAT, []))
    if ir_version < 4:  # where weights are inputs too
        inputs += [helper.make_tensor_value_info(tensor.name, tensor.data_type, tensor.dims) for tensor in constants]
    graph = helper.make_graph(nodes, "wanting", inputs, outputs, constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=ir_version)
    save(model, path)
    return path
