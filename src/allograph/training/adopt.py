"""From anyone's ONNX model to a bundle."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from allograph.alphabet import Alphabet
from allograph.bundle import Bundle, write_bundle
from allograph.corpora.corpus import Corpus
from allograph.errors import FormatError, InputError, MismatchError, missing_extra
from allograph.images import SIDE, Frame
from allograph.progress import Progress, silent
from allograph.recognizer import OUTPUTS, Recognizer, open_session, output_size
from allograph.training.population import population

try:
    import onnx
    from onnx import TensorProto, compose, helper, numpy_helper
except ImportError as error:  # pragma: no cover
    raise missing_extra("onnx", "train") from error

PREFIX = "model/"
"""Stands before every name of the model that is wrapped."""


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
) -> Bundle:
    """Make a bundle of a model that has an embedding and a logits output, or any inner value of such a name.

    The model reads one channel of 28×28 in any layout ([n, 1, 28, 28], [n, 28, 28, 1], [n, 784] …), white ink high; `scale` is
    what full ink is to it (255 where it reads grey values). Probabilities in place of logits are turned into logarithms. With
    a corpus the bundle gets styles, which the paper's adapter needs.

    Raises `FormatError` for a file that is no ONNX model, `InputError` when it lacks a named value, `MismatchError` when the
    number of logits is not that of the labels.
    """
    path = Path(model)
    try:
        proto = onnx.load(path)
        onnx.checker.check_model(proto)
    except FileNotFoundError:
        raise InputError(f"there is no model at {path}") from None
    except Exception as error:  # protobuf and onnx raise errors of many kinds for bytes that are no model
        raise FormatError(f"{path} is not an ONNX model: it is truncated, damaged or foreign ({error})") from error

    _rewire(proto, path, embedding, logits, scale)
    wired = proto.SerializeToString()
    session = open_session(wired)
    found = output_size(session, "logits")
    if found != len(alphabet):
        raise MismatchError(
            f"{path} has {found} logits and the alphabet {len(alphabet)} labels; they must be as many, in the same order"
        )
    if _sums_to_one(session.run(["logits"], {"images": _probe()})[0]):
        _take_logarithm(proto)
        wired = proto.SerializeToString()
    size = output_size(open_session(wired), "embedding")
    if corpus is None:
        return write_bundle(output, wired, alphabet, frame, size)
    with tempfile.TemporaryDirectory(dir=Path(output).absolute().parent, prefix=".bundle.") as scratch:
        plain = write_bundle(Path(scratch) / "bundle", wired, alphabet, frame, size)
        styles, record = population(Recognizer(plain), corpus, Path(scratch), seed, progress)
    return write_bundle(output, wired, alphabet, frame, size, styles, record=record)


def _rewire(proto: onnx.ModelProto, path: Path, embedding: str, logits: str, scale: float) -> None:
    """Give the graph the input `images` [n, 1, 28, 28] and the outputs `embedding` and `logits`, both [n, …]."""
    graph = proto.graph
    names = {name for node in graph.node for name in node.output}
    for name in (embedding, logits):
        if name not in names:
            known = ", ".join(sorted(value.name for value in graph.output))
            raise InputError(f"{path} has no value named {name!r}; its outputs are {known}")
    proto.CopyFrom(compose.add_prefix(proto, PREFIX))  # so that our names are free
    constants = {initializer.name for initializer in graph.initializer}
    inputs = [value for value in graph.input if value.name not in constants]
    if len(inputs) != 1:
        raise InputError(f"{path} has {len(inputs)} inputs; a recogniser has one, the images")
    shape = [dimension.dim_value for dimension in inputs[0].type.tensor_type.shape.dim]
    if int(np.prod(shape[1:])) != SIDE * SIDE:
        raise MismatchError(
            f"{path} reads images of the shape {shape[1:]}; allograph's samples have {SIDE}×{SIDE} pixels of one channel"
        )

    before = [
        helper.make_node("Mul", ["images", "allograph/scale"], ["allograph/scaled"]),
        helper.make_node("Reshape", ["allograph/scaled", "allograph/shape"], [inputs[0].name]),
    ]
    after = [
        helper.make_node("Flatten", [PREFIX + embedding], ["embedding"], axis=1),
        helper.make_node("Flatten", [PREFIX + logits], ["logits"], axis=1),
    ]
    nodes = [*before, *graph.node, *after]
    del graph.node[:], graph.output[:]
    graph.node.extend(nodes)
    graph.initializer.append(numpy_helper.from_array(np.array(scale, np.float32), "allograph/scale"))
    graph.initializer.append(numpy_helper.from_array(np.array([-1, *shape[1:]], np.int64), "allograph/shape"))
    graph.input.remove(inputs[0])
    graph.input.append(helper.make_tensor_value_info("images", TensorProto.FLOAT, ["n", 1, SIDE, SIDE]))
    graph.output.extend(helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", None]) for name in OUTPUTS)
    del graph.value_info[:]


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


def _probe() -> NDArray[np.float32]:
    return np.random.default_rng(0).random((4, 1, SIDE, SIDE), np.float32)


def _sums_to_one(values: NDArray[np.float32]) -> bool:
    return bool((values >= 0).all() and np.allclose(values.sum(axis=1), 1, atol=1e-3))
