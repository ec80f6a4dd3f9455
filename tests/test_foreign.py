"""A file that is no ONNX model says what it seems to be and what to do; links and weights in files of their own are read."""

from __future__ import annotations

import io
import os
import pickle
import zipfile
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.numpy import save as safetensors

from allograph.errors import AllographError, FormatError, InputError
from small import DIGITS, TINY, contents, tiny_bundle

pytestmark = pytest.mark.usefixtures("torch_installed")


class Bomb:
    """Unpickled, it ends the process."""

    def __reduce__(self) -> tuple[Any, tuple[int]]:
        return os._exit, (77,)


def read(path: Path) -> Any:
    from allograph.training.onnx_file import read_model

    return read_model(path)


def archive(*names: str) -> bytes:
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w") as file:
        for name in names:
            file.writestr(name, pickle.dumps(Bomb()))
    return written.getvalue()


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("old.pt", pickle.dumps(Bomb(), 2), r"a pickle: it is not opened, because .*; export it in PyTorch: torch\.onnx\.export"),
        ("model.joblib", pickle.dumps(Bomb(), 4), r"a pickle: .* skl2onnx\.to_onnx\(.*'zipmap': False"),
        ("model.pt", archive("m/data.pkl", "m/data/0"), r"a PyTorch file, which is a pickle: .*torch\.onnx\.export"),
        ("script.pt", archive("m/data.pkl", "m/constants.pkl"), r"a TorchScript file of PyTorch: .*torch\.onnx\.export"),
        ("model.pt2", archive("m/archive_format"), r"an exported program of PyTorch: export it in PyTorch"),
        ("model.keras", archive("metadata.json", "config.json", "model.weights.h5"), r"a Keras model: .*model\.export\("),
        ("arrays.npz", archive("a.npy"), r"a NumPy archive: export"),
        (
            "all.zip",
            archive("a/model.onnx", "readme"),
            r"a zip archive with an ONNX model in it: .* name a/model\.onnx",
        ),
        ("cut.zip", archive("m/data.pkl")[:50], r"a zip archive that is truncated or damaged"),
        ("model.h5", b"\x89HDF\r\n\x1a\n" + bytes(99), r"an HDF5 file, as Keras writes it: export it in Keras"),
        ("model.tflite", b"\x1c\0\0\0TFL3" + bytes(99), r"a TensorFlow Lite model: convert it: python -m tf2onnx\.convert"),
        ("model.ort", b"\0\0\0\0ORTM" + bytes(99), r"a model in onnxruntime's own format: name the \.onnx file"),
        ("model.safetensors", safetensors({"a": np.ones(3)}), r"a safetensors file: it holds weights without the network"),
        ("model.onnx", b"version https://git-lfs.github.com/spec/v1\noid x", r"a Git LFS pointer.*: fetch it: git lfs pull"),
        ("model.onnx", b"\n<!DOCTYPE html><html>", r"a web page, as a failed download leaves it"),
        ("model.xml", b'<?xml version="1.0"?><net>', r"an XML file, such as OpenVINO's"),
        ("model.json", b'{"format": "layers-model"}', r"a JSON file"),
        ("model.tgz", b"\x1f\x8b\x08", r"a gzip archive: unpack it"),
        ("model.gguf", b"GGUF\x03\0\0\0", r"a GGUF file"),
        ("corpus.parquet", b"PAR1\x15\0", r"a Parquet file: name the model first, and the corpus with --corpus"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",  # the bytes of an archive tell the time
)
def test_what_a_file_seems_to_be_and_what_to_do(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(FormatError, match=rf"{name} is not an ONNX model but seems to be {message}"):
        read(tmp_path / name)


@given(st.binary(max_size=300), st.integers(0, 2328), st.integers(0, 2328))
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_bytes_are_a_traceback(tmp_path: Path, noise: bytes, start: int, end: int) -> None:
    """Noise, a truncated model, a model with noise in it: an error of ours, or a model."""
    whole, path = TINY.read_bytes(), tmp_path / "model.onnx"
    before, after = whole[:start], whole[start:]
    for content in (noise, whole[:end], before + noise + after, before + noise + after[len(noise) :]):
        path.write_bytes(content)
        with suppress(AllographError):
            read(path)


def test_folders_devices_and_pipes_are_no_models(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "saved").mkdir()
    (tmp_path / "saved" / "saved_model.pb").write_bytes(b"x")
    (tmp_path / "empty").mkdir()
    tiny_bundle(tmp_path / "bundle")
    for path, message in (
        ("/dev/zero", r"/dev/zero is a device or a pipe, not an ONNX model"),
        (tmp_path / "pipe", r"pipe is a device or a pipe"),
        (tmp_path / "bundle", r"bundle is a folder, not an ONNX model: name .*bundle/model\.onnx"),
        (tmp_path / "saved", r"saved is a folder.*SavedModel of TensorFlow; convert it: python -m tf2onnx"),
        (tmp_path / "empty", r"empty is a folder.*name the \.onnx file"),
        (tmp_path / "nowhere", r"there is no model at .*nowhere"),
    ):
        with pytest.raises(InputError, match=message):
            read(Path(path))


def test_a_model_of_tomorrow_says_so(tmp_path: Path) -> None:
    import onnx

    model = onnx.load(TINY)
    model.ir_version = 99
    onnx.save(model, tmp_path / "format.onnx")
    model = onnx.load(TINY)
    model.opset_import[0].version = 999
    onnx.save(model, tmp_path / "opset.onnx")
    model = onnx.load(TINY)
    model.graph.node[0].op_type = "Frobnicate"
    onnx.save(model, tmp_path / "operator.onnx")
    for name, message in (
        (
            "format",
            r"is written in version 99 of ONNX's file format; .*\. Update onnx and onnxruntime, or export",
        ),
        ("opset", r"uses opset 999; the onnx that is installed knows up to \d+\. Update onnx"),
        ("operator", r"uses 'Frobnicate', which is no operator of ONNX; export it with standard operators"),
    ):
        with pytest.raises(InputError, match=message):
            read(tmp_path / f"{name}.onnx")


# Links, and weights in files of their own


@pytest.fixture
def hub(tmp_path: Path) -> Path:
    """A hub's cache: a snapshot with links to blobs whose names are hashes; the weights are in a file of their own."""
    import onnx

    for folder in ("blobs", "snapshot"):
        (tmp_path / folder).mkdir()
    onnx.save(onnx.load(TINY), tmp_path / "blobs" / "0aa", save_as_external_data=True, location="weights", size_threshold=0)
    (tmp_path / "blobs" / "weights").rename(tmp_path / "blobs" / "0bb")
    for name, blob in (("model.onnx", "0aa"), ("weights", "0bb")):
        (tmp_path / "snapshot" / name).symlink_to(f"../blobs/{blob}")
    return tmp_path


def test_links_are_followed_as_in_a_hubs_cache(hub: Path) -> None:
    from onnx import numpy_helper

    from allograph.recognizer import Recognizer
    from allograph.training.own_model import adopt

    (hub / "link.onnx").symlink_to(TINY)
    images = np.random.default_rng(0).integers(0, 256, (5, 28, 28), dtype=np.uint8)
    expected = Recognizer(tiny_bundle(hub / "tiny")).embed(images).logits
    for model in (hub / "link.onnx", hub / "snapshot" / "model.onnx"):
        bundle = adopt(model, hub / "bundle", DIGITS, "embedding", "logits", warn=lambda text: None)
        np.testing.assert_allclose(Recognizer(bundle).embed(images).logits, expected, rtol=1e-5, atol=1e-5)
    whole = read(hub / "snapshot" / "model.onnx").graph.initializer
    kept = {tensor.name: numpy_helper.to_array(tensor) for tensor in whole}
    assert all(np.array_equal(numpy_helper.to_array(tensor), kept[tensor.name]) for tensor in read(TINY).graph.initializer)


def test_weights_come_from_nowhere_but_beside_the_model(hub: Path) -> None:
    import onnx

    place = hub / "place"
    place.mkdir()

    def write(**entries: str) -> Path:
        model = onnx.load(hub / "blobs" / "0aa", load_external_data=False)
        for tensor in model.graph.initializer:
            for entry in tensor.external_data:
                entry.value = entries.get(entry.key, entry.value)
        (place / "model.onnx").write_bytes(model.SerializeToString())
        return place / "model.onnx"

    with open(place / "huge", "wb") as file:
        file.truncate(3 << 30)
    (place / "cut").write_bytes(b"x" * 10)
    (place / "link").symlink_to(hub / "blobs" / "0bb")
    before = contents(hub / "blobs")
    for entries, message in (
        ({"location": "../blobs/0bb"}, r"it keeps weights outside its folder, in '\.\./blobs/0bb'"),
        ({"location": "/etc/passwd"}, r"it keeps weights outside its folder"),
        ({"location": "nowhere"}, r"it lacks the file with its weights, 'nowhere', which must stand beside it"),
        ({"location": "link"}, r"'link', is a link to another folder; put the file itself beside the model"),
        ({"location": "cut"}, r"'cut', is truncated"),
        ({"location": "huge", "length": "x"}, r"it does not say where its weights are"),
        ({"location": "huge", "offset": "-4"}, r"it does not say where its weights are"),
        ({"location": "huge", "offset": "0", "length": str(3 << 30)}, r"with its weights is larger than 2 GiB; .*float16"),
    ):
        with pytest.raises(InputError, match=message):
            read(write(**entries))
    with pytest.raises(InputError, match=r"huge with its weights is larger than 2 GiB"):
        read(place / "huge")
    assert contents(hub / "blobs") == before
