"""Reading a file that is said to be an ONNX model, and saying what it is where it is none. Nothing is ever unpickled."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from allograph.errors import FormatError, InputError, missing_extra
from allograph.recognizer import start_session

try:
    import onnx
    from onnx import TensorProto
    from onnx.external_data_helper import ExternalDataInfo, uses_external_data
except ImportError as error:  # pragma: no cover
    raise missing_extra("onnx", "train") from error

LARGEST = 2**31 - 2**20
"""Bytes of a model with its weights: no protobuf holds more than 2 GiB, and our own nodes need a little."""
HEAD = 512
"""Bytes that are looked at to tell what a file is."""

TORCH = (
    "export it in PyTorch: torch.onnx.export(model.eval(), (torch.zeros(1, 1, 28, 28),), 'model.onnx', "
    "dynamic_shapes=({0: torch.export.Dim('n')},), dynamo=True)"
)
KERAS = "export it in Keras: model.export('model.onnx', format='onnx')"
SKLEARN = "a scikit-learn model is exported with skl2onnx.to_onnx(model, X[:1], options={'zipmap': False})"
ANY = "export the model to ONNX with the library that trained it"
BEGINNINGS: tuple[tuple[int, bytes | tuple[bytes, ...], str, str], ...] = (
    (0, b"\x89HDF\r\n\x1a\n", "an HDF5 file, as Keras writes it", KERAS),
    (4, b"TFL3", "a TensorFlow Lite model", "convert it: python -m tf2onnx.convert --tflite FILE --output model.onnx"),
    (4, b"ORTM", "a model in onnxruntime's own format", "name the .onnx file that it was made of"),
    (0, b"GGUF", "a GGUF file", ANY),
    (0, b"version https://git-lfs", "a Git LFS pointer, not the file itself", "fetch it: git lfs pull"),
    (0, b"\x1f\x8b", "a gzip archive", "unpack it, and name the .onnx file inside"),
    (0, b"\x89PNG", "a picture", ANY),
    (0, b"PAR1", "a Parquet file", "name the model first, and the corpus with --corpus"),
    (
        0,
        (b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05"),
        "a pickle",
        f"it is not opened, because a pickle can run any code; {TORCH}; {SKLEARN}",
    ),
)
"""Where a file of a kind has which bytes, what it is, and what to do."""


def read_model(path: Path) -> onnx.ModelProto:
    """Read an ONNX model with all its weights, those in files of their own too; links are followed, as in a hub's cache.

    Raises `InputError` when there is none, or when it is larger than a bundle's model can be, and `FormatError` when the file is
    truncated, damaged or foreign; the message says what it seems to be.
    """
    if not path.exists():
        raise InputError(f"there is no model at {path}")
    if path.is_dir():
        raise InputError(f"{path} is a folder, not an ONNX model: {_folder_advice(path)}")
    if not path.is_file():
        raise InputError(f"{path} is a device or a pipe, not an ONNX model: name a file")
    try:
        with open(path, "rb") as file:
            head = file.read(HEAD)
        kind, advice = _kind(path, head)
        if kind:
            raise FormatError(f"{path} is not an ONNX model but seems to be {kind}: {advice}")
        if path.stat().st_size > LARGEST:
            raise _too_large(path)
        content = path.read_bytes()
    except OSError as error:
        if isinstance(error, FormatError | InputError):
            raise
        raise InputError(f"{path} cannot be read: {error.strerror or error}") from error
    try:
        model = onnx.load_model_from_string(content)
    except Exception as error:  # protobuf's errors are of many kinds
        raise _damaged(path, "") from error
    if not model.graph.node:
        raise _damaged(path, "it holds no graph")
    if not _is_named(model.graph):
        raise _damaged(path, "it holds names that are no text")
    _read_weights(model, path)
    _check(model, path)
    return model


def reason(error: BaseException) -> str:
    """The first line of what a library says, not too long, and without its own number for it."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()] or [type(error).__name__]
    said = re.sub(r"^\[ONNXRuntimeError\] : \d+ : \w+ : ", "", lines[0])
    return said if len(said) <= 200 else said[:199] + "…"


def _damaged(path: Path, why: str) -> FormatError:
    return FormatError(
        f"{path} is not an ONNX model: it is truncated, damaged or foreign{why and f' ({why})'}. Fetch it again, or {ANY}"
    )


def _too_large(path: Path) -> InputError:
    return InputError(
        f"{path} with its weights is larger than 2 GiB; a bundle's model is one ONNX file, which holds no more. "
        "Export it in half precision (float16), or quantised"
    )


def _check(model: onnx.ModelProto, path: Path) -> None:
    if model.ir_version > onnx.IR_VERSION:
        raise InputError(
            f"{path} is written in version {model.ir_version} of ONNX's file format; the onnx that is installed reads up to "
            f"{onnx.IR_VERSION}. Update onnx and onnxruntime, or export it for an older version (opset 17, for instance)"
        )
    newest = onnx.defs.onnx_opset_version()
    for used in model.opset_import:
        if used.domain in ("", "ai.onnx") and used.version > newest:
            raise InputError(
                f"{path} uses opset {used.version}; the onnx that is installed knows up to {newest}. Update onnx and "
                "onnxruntime, or export it with opset 17, for instance"
            )
    try:
        onnx.checker.check_model(model)
    except Exception as refused:  # of several kinds
        try:  # onnx is stricter than what runs the model: it refuses an output whose shape is left open, for instance
            start_session(model.SerializeToString())
        except Exception:  # onnxruntime's exceptions have no public names
            nodes = [node for node in model.graph.node if node.domain in ("", "ai.onnx")]
            unknown = [node.op_type for node in nodes if not onnx.defs.has(node.op_type, "")]
            if unknown:
                raise InputError(
                    f"{path} uses {unknown[0]!r}, which is no operator of ONNX; export it with standard operators"
                ) from refused
            raise _damaged(path, reason(refused)) from refused


def _kind(path: Path, head: bytes) -> tuple[str, str]:
    """What a file seems to be and what to do; two empty texts where it may be an ONNX model."""
    for place, beginning, kind, advice in BEGINNINGS:
        if head[place:].startswith(beginning):
            return kind, advice
    if head.startswith(b"PK\x03\x04"):
        return _archive_kind(path)
    if len(head) > 8 and head[8:9] == b"{" and 2 <= int.from_bytes(head[:8], "little") <= path.stat().st_size - 8:
        return "a safetensors file", f"it holds weights without the network; load them into it, and {TORCH}"
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if text.startswith((b"<!doctype html", b"<html")):
        return "a web page, as a failed download leaves it", "fetch the model itself"
    if text.startswith(b"<"):
        return "an XML file, such as OpenVINO's", ANY
    if text.startswith(b"{"):
        return "a JSON file", ANY
    return "", ""


def _archive_kind(path: Path) -> tuple[str, str]:
    """The same for a zip archive, by the names of what it holds; nothing in it is opened."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        return "a zip archive that is truncated or damaged, such as PyTorch's and Keras's files are", "fetch or write it again"
    last = {PurePosixPath(name).name for name in names}
    models = [name for name in names if name.endswith(".onnx")]
    if models:
        return "a zip archive with an ONNX model in it", f"unpack it, and name {models[0]}"
    if "constants.pkl" in last:
        return "a TorchScript file of PyTorch", f"it is not opened, because it can run any code; {TORCH}"
    if "data.pkl" in last:
        return "a PyTorch file, which is a pickle", f"it is not opened, because a pickle can run any code; {TORCH}"
    if "archive_format" in last or any(name.startswith("serialized_exported_program") for name in last):
        return "an exported program of PyTorch", TORCH
    if "model.weights.h5" in last or {"config.json", "metadata.json"} <= last:
        return "a Keras model", KERAS
    if names and all(name.endswith(".npy") for name in names):
        return "a NumPy archive", ANY
    return "a zip archive", ANY


def _folder_advice(path: Path) -> str:
    names = sorted(entry.name for entry in path.iterdir())
    models = [name for name in names if name.endswith(".onnx")]
    if models:
        return f"name {path / models[0]}"
    if "saved_model.pb" in names:
        return "it is a SavedModel of TensorFlow; convert it: python -m tf2onnx.convert --saved-model FOLDER --output model.onnx"
    return f"name the .onnx file; {ANY}"


def _read_weights(model: onnx.ModelProto, path: Path) -> None:
    """Bring in the weights that a model keeps in files beside it, which may be links to files beside the linked model."""
    total, folder = 0, path.absolute().parent
    allowed = {folder.resolve(), path.resolve().parent}
    for tensor in _tensors(model):
        if not uses_external_data(tensor):
            continue
        try:
            info = ExternalDataInfo(tensor)
            place, start = PurePosixPath(info.location), int(info.offset or 0)
            count = int(info.length) if info.length else None
        except (ValueError, TypeError) as error:
            raise _damaged(path, "it does not say where its weights are") from error
        file = folder / place
        if place.is_absolute() or ".." in place.parts or "\\" in info.location:
            raise FormatError(f"{path} is not an ONNX model: it keeps weights outside its folder, in {info.location!r}")
        if not file.is_file():
            raise FormatError(
                f"{path} is not an ONNX model: it lacks the file with its weights, {info.location!r}, which must stand beside it"
            )
        if not any(file.resolve().is_relative_to(parent) for parent in allowed):
            raise FormatError(
                f"{path} is not an ONNX model: the file with its weights, {info.location!r}, is a link to another folder; "
                "put the file itself beside the model"
            )
        size = file.stat().st_size
        count = max(size - start, 0) if count is None else count
        total += count
        if total + path.stat().st_size > LARGEST:
            raise _too_large(path)
        if start < 0 or count < 0 or start + count > size:
            raise FormatError(f"{path} is not an ONNX model: the file with its weights, {info.location!r}, is truncated")
        try:
            with open(file, "rb") as opened:
                opened.seek(start)
                tensor.raw_data = opened.read(count)
        except OSError as error:
            raise InputError(f"{file} cannot be read: {error.strerror or error}") from error
        del tensor.external_data[:]
        tensor.data_location = TensorProto.DEFAULT


def _is_named(graph: onnx.GraphProto) -> bool:
    """Whether every name in a graph is text: protobuf gives bytes where it is no UTF-8."""
    values = (*graph.input, *graph.output, *graph.value_info, *graph.initializer)
    names = [value.name for value in values]
    for node in graph.node:
        names += [node.op_type, node.domain, *node.input, *node.output]
        for attribute in node.attribute:
            names.append(attribute.name)
            inner = [*attribute.graphs, *([attribute.g] if attribute.HasField("g") else [])]
            if not all(map(_is_named, inner)):
                return False
    return all(isinstance(name, str) for name in names)


def _tensors(model: onnx.ModelProto) -> Iterator[TensorProto]:
    """Every tensor of a model that may be kept elsewhere."""
    yield from _tensors_of(model.graph)
    for function in model.functions:
        yield from _tensors_of_nodes(function.node)


def _tensors_of(graph: onnx.GraphProto) -> Iterator[TensorProto]:
    yield from graph.initializer
    for sparse in graph.sparse_initializer:
        yield from (sparse.values, sparse.indices)
    yield from _tensors_of_nodes(graph.node)


def _tensors_of_nodes(nodes: list[onnx.NodeProto]) -> Iterator[TensorProto]:
    for node in nodes:
        for attribute in node.attribute:
            if attribute.HasField("t"):
                yield attribute.t
            yield from attribute.tensors
            if attribute.HasField("g"):
                yield from _tensors_of(attribute.g)
            for inner in attribute.graphs:
                yield from _tensors_of(inner)
