"""From the torch network to ONNX, and the proof that both answer alike."""

from __future__ import annotations

import io
import logging
import warnings

import numpy as np
from numpy.typing import NDArray

from allograph.errors import AllographError, missing_extra
from allograph.images.frames import model_input
from allograph.recognizer import FEATURES_OUTPUT, OUTPUTS, open_session
from allograph.training.features import NetworkWithFeatures

try:
    import onnx
    import onnxscript  # noqa: F401  (torch's exporter needs it)
    import torch
except ImportError as error:  # pragma: no cover
    raise missing_extra("torch, onnx or onnxscript", "train") from error

TOLERANCE = 1e-4
"""Largest difference between the two models' numbers, relative to the larger of 1 and the number's size."""


def to_onnx(network: NetworkWithFeatures) -> bytes:
    """The network as an ONNX file: `images` float32 [n, 1, 28, 28] to `embedding` [n, d], `logits` [n, C], `features` [n, f]."""
    network = network.cpu().eval()
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter's own deprecations
        program = torch.onnx.export(
            network,
            (torch.zeros(2, 1, 28, 28),),
            input_names=["images"],
            output_names=[*OUTPUTS, FEATURES_OUTPUT],
            dynamic_shapes=({0: torch.export.Dim("n")},),
            dynamo=True,
            verbose=False,
        )
    assert program is not None
    buffer = io.BytesIO()
    program.save(buffer)
    return _without_notes(onnx.load_from_string(buffer.getvalue())).SerializeToString()


def _without_notes(model: onnx.ModelProto) -> onnx.ModelProto:
    """Remove what the exporter noted about each node: stack traces, with the paths of the machine that trained."""
    graph = model.graph
    for part in (*graph.node, *graph.input, *graph.output, *graph.initializer, *graph.value_info, graph, model):
        del part.metadata_props[:]
        part.doc_string = ""
    return model


def check(model: bytes, network: NetworkWithFeatures, images: NDArray[np.uint8]) -> float:
    """The largest difference between both models' answers to `images`, uint8 [n, 28, 28].

    Raises `AllographError` when it exceeds `TOLERANCE`.
    """
    inputs = model_input(images)
    with torch.no_grad():
        expected = [value.numpy() for value in network.cpu().eval()(torch.from_numpy(inputs))]
    found = open_session(model, 1).run([*OUTPUTS, FEATURES_OUTPUT], {"images": inputs})
    difference = max(float((np.abs(f - e) / np.maximum(1, np.abs(e))).max()) for f, e in zip(found, expected, strict=True))
    if difference > TOLERANCE:
        raise AllographError(f"the exported model differs from the trained one by {difference:.2g}; please report this")
    return difference
