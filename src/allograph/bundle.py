"""A bundle: a folder with a model, its styles, its adapters' statistics and its configuration."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load_file, save

from allograph.alphabet.labels import Alphabet
from allograph.errors import FormatError, InputError, MismatchError
from allograph.files.output import check_version, read_json, sha256, write_json, written_folder
from allograph.images.frames import FRAMES, SIDE, Frame
from allograph.samples.equality import by_content
from allograph.styles import Styles

FORMAT = 1
SHIPPED = Path(__file__).parent / "shipped"
"""The bundle that comes with the package, trained on UNIPEN."""

MODEL, CONFIG, STYLES, STATISTICS = "model.onnx", "config.json", "styles.safetensors", "adapters.safetensors"


@by_content
@dataclass(frozen=True, eq=False)
class Bundle:
    """A bundle that was opened and found sound; equal to another of the same place and content, and hashable."""

    path: Path
    config: dict[str, Any]
    styles: Styles | None
    """None where the bundle was made without a corpus; the paper's adapter needs them."""
    statistics: dict[str, NDArray[Any]]
    """Population statistics of adapters, by `name/array`."""

    @classmethod
    def open(cls, path: str | Path | None = None) -> Bundle:
        """Open a bundle, the shipped one unless `path` is given.

        Raises `FormatError` when a file is missing, truncated, foreign or of another version, and `MismatchError` when the
        styles do not fit the model.
        """
        folder = SHIPPED if path is None else Path(path)
        if not folder.is_dir():
            raise InputError(f"there is no bundle at {folder}: a bundle is a folder with {MODEL} and {CONFIG}")
        config = _config(folder)
        if not (folder / MODEL).is_file():
            raise FormatError(f"{folder} holds no {MODEL}; make the bundle anew")
        found = sha256(folder / MODEL)
        if found != config["model_hash"]:
            raise FormatError(f"{folder / MODEL} is not the model that {CONFIG} describes: it is damaged or was exchanged")
        bundle = cls(folder, config, _styles(folder), _tensors(folder / STATISTICS))
        bundle._check()
        return bundle

    def __hash__(self) -> int:
        return hash((self.path, self.config.get("model_hash")))

    @cached_property
    def alphabet(self) -> Alphabet:
        """The labels that the model knows, in the order of its logits."""
        return Alphabet(self.config["alphabet"])

    @property
    def frame(self) -> Frame:
        """The frame of the samples that the model reads."""
        frame: Frame = self.config["frame"]
        return frame

    @property
    def embedding_size(self) -> int:
        """Numbers in an embedding."""
        return int(self.config["embedding_size"])

    @property
    def model_hash(self) -> str:
        """SHA-256 of `model.onnx`: the identity that embedded corpora and journals name."""
        return str(self.config["model_hash"])

    @cached_property
    def statistics_hash(self) -> str:
        """SHA-256 of all that adapters take from the bundle besides the model: styles, statistics, tuned parameters."""
        digest = hashlib.sha256(json.dumps(self.config.get("adapters", {}), sort_keys=True).encode())
        styles = {} if self.styles is None else {"centroids": self.styles.centroids, "labels": self.styles.labels}
        for name, array in sorted({**self.statistics, **styles}.items()):
            digest.update(f"{name} {array.dtype} {array.shape}".encode())
            digest.update(np.ascontiguousarray(array).tobytes())
        return digest.hexdigest()

    def check_frame(self, frame: str, what: str) -> None:
        """Raise `MismatchError` unless `what` is in this bundle's frame."""
        if frame != self.frame:
            raise MismatchError(
                f"{what} is in the {frame} frame and the model of {self.path} reads the {self.frame} frame; "
                f"convert it with: allograph prepare … --frame {self.frame}"
            )

    def _check(self) -> None:
        if self.styles is None:
            return
        size = self.styles.centroids.shape[1]
        if size != self.embedding_size:
            raise MismatchError(
                f"{self.path}: the model's embeddings have {self.embedding_size} numbers and the styles' {size}; "
                "make the bundle anew"
            )
        if len(self.styles) and not 0 <= self.styles.labels.min() <= self.styles.labels.max() < len(self.alphabet):
            raise MismatchError(f"{self.path}: a style's label is outside the alphabet of {len(self.alphabet)} labels")


def check_place(path: str | Path) -> None:
    """Raise `InputError` unless a bundle may be written there: at a new name, in an empty folder, over an older bundle."""
    path = Path(path)
    if not path.absolute().parent.is_dir():
        raise InputError(f"cannot write {path}: the folder {path.absolute().parent} does not exist; make it first")
    if path.exists() and not path.is_dir():
        raise InputError(f"cannot write the bundle {path}: a file of that name is there; remove it or choose another name")
    found = sorted(file.name for file in path.iterdir()) if path.exists() else []
    if found and not {CONFIG, MODEL} <= set(found):
        named = ", ".join(found[:3]) + (", …" if len(found) > 3 else "")
        raise InputError(f"{path} holds {named} and is no bundle; a bundle replaces its whole folder: name a new or an empty one")


def write_bundle(
    path: str | Path,
    model: bytes,
    alphabet: Alphabet,
    frame: Frame,
    embedding_size: int,
    styles: Styles | None = None,
    statistics: Mapping[str, NDArray[Any]] | None = None,
    record: Mapping[str, Any] | None = None,
) -> Bundle:
    """Write a bundle, whole or not at all, and open it; `record` joins the configuration (training, licences, parameters).

    An older bundle at `path` is replaced, but for files that are none of a bundle's, such as a model card. Raises `InputError`
    when something else is there.
    """
    check_place(path)
    with written_folder(Path(path).resolve()) as folder:
        (folder / MODEL).write_bytes(model)
        config = {
            "format": FORMAT,
            "frame": frame,
            "embedding_size": embedding_size,
            "model_hash": sha256(folder / MODEL),
            **(record or {}),
            "alphabet": list(alphabet),
        }
        write_json(folder / CONFIG, config)
        if styles is not None:
            arrays: dict[str, NDArray[Any]] = {"centroids": styles.centroids, "labels": styles.labels, "medoids": styles.medoids}
            (folder / STYLES).write_bytes(_blob(arrays))
        if statistics:
            (folder / STATISTICS).write_bytes(_blob(statistics))
        Bundle.open(folder)  # what is not sound replaces nothing
        for file in Path(path).iterdir() if Path(path).exists() else ():
            if file.name not in (MODEL, CONFIG, STYLES, STATISTICS):
                shutil.copy2(file, folder) if file.is_file() else shutil.copytree(file, folder / file.name)
    return Bundle.open(path)


def _blob(arrays: Mapping[str, NDArray[Any]]) -> bytes:
    return save({name: np.ascontiguousarray(array) for name, array in arrays.items()})


def _config(folder: Path) -> dict[str, Any]:
    """The configuration, with all that the bundle's properties need."""
    path = folder / CONFIG
    config = read_json(path)
    if not isinstance(config, dict):
        raise FormatError(f"{path} is not a bundle's configuration")
    check_version(folder, "bundle", config.get("format"), FORMAT)
    missing = [key for key in ("alphabet", "frame", "embedding_size", "model_hash") if key not in config]
    if missing:
        raise FormatError(f"{path} lacks {', '.join(missing)}; make the bundle anew")
    if config["frame"] not in FRAMES:
        raise FormatError(f"{path} names the frame {config['frame']!r}; there are {', '.join(FRAMES)}")
    if not isinstance(config["embedding_size"], int) or config["embedding_size"] < 1:
        raise FormatError(f"{path} names the embedding size {config['embedding_size']!r}; it is a whole number above 0")
    if not isinstance(config["alphabet"], list):
        raise FormatError(f"{path}: the alphabet is a list of labels")
    try:
        Alphabet(config["alphabet"])
    except InputError as error:
        raise FormatError(f"{path}: {error}") from error
    return config


def _tensors(path: Path) -> dict[str, NDArray[Any]]:
    if not path.exists():
        return {}
    try:
        return dict(load_file(path))
    except (SafetensorError, OSError, ValueError) as error:
        raise FormatError(f"{path} is not a readable safetensors file: it is truncated or damaged ({error})") from error


def _styles(folder: Path) -> Styles | None:
    path = folder / STYLES
    if not path.exists():
        return None
    arrays = _tensors(path)
    try:
        styles = Styles(arrays["centroids"], arrays["labels"], arrays["medoids"])
    except KeyError as error:
        raise FormatError(f"{path} lacks the array {error}; make the bundle anew") from None
    kinds = {"centroids": np.float32, "labels": np.int32, "medoids": np.uint8}
    wrong = [
        f"{name} is {arrays[name].dtype} and not {np.dtype(kind)}" for name, kind in kinds.items() if arrays[name].dtype != kind
    ]
    if wrong:
        raise FormatError(f"{path}: the array {wrong[0]}; make the bundle anew")
    count = styles.labels.size
    if styles.centroids.shape[:-1] != (count,) or styles.labels.ndim != 1 or styles.medoids.shape != (count, SIDE, SIDE):
        raise FormatError(f"{path}: centroids, labels and medoids differ in number; make the bundle anew")
    if not np.isfinite(styles.centroids).all():
        raise FormatError(f"{path}: a centroid holds numbers that are not finite; make the bundle anew")
    return styles
