"""The folder of a bundle, written whole or not at all, and checked when it is opened."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load_file, save

from allograph.alphabet.labels import Alphabet
from allograph.bundle.config import BundleConfig, read_config
from allograph.errors import FormatError, InputError, MismatchError
from allograph.files.atomic import atomic_folder
from allograph.files.hashes import sha256
from allograph.files.json_files import write_json
from allograph.images.frames import SIDE, Frame
from allograph.samples.equality import by_content
from allograph.styles import Styles

SHIPPED = Path(__file__).parent.parent / "shipped"
"""The bundle that comes with the package, trained on UNIPEN."""

MODEL, CONFIG, STYLES, STATISTICS = "model.onnx", "config.json", "styles.safetensors", "adapters.safetensors"
LINES = "lines.safetensors"


@by_content
@dataclass(frozen=True, eq=False)
class Bundle:
    """A bundle that was opened and found sound; equal to another of the same place and content, and hashable."""

    path: Path
    config: BundleConfig
    styles: Styles | None
    """None where the bundle was made without a corpus; the paper's adapter needs them."""
    statistics: dict[str, NDArray[Any]]
    """Population statistics of adapters, by `name/array`."""
    lines: dict[str, NDArray[Any]] = field(default_factory=dict)
    """The line model's arrays; none where it reads no lines."""

    @classmethod
    def open(cls, path: str | Path | None = None) -> Bundle:
        """Open a bundle, the shipped one unless `path` is given.

        Raises `FormatError` when a file is missing, truncated, foreign or of another version, and `MismatchError` when the
        styles do not fit the model.
        """
        folder = SHIPPED if path is None else Path(path)
        if not folder.is_dir():
            raise InputError(f"there is no bundle at {folder}: a bundle is a folder with {MODEL} and {CONFIG}")
        config = read_config(folder / CONFIG)
        if not (folder / MODEL).is_file():
            raise FormatError(f"{folder} holds no {MODEL}; make the bundle anew")
        if sha256(folder / MODEL) != config.model_hash:
            raise FormatError(f"{folder / MODEL} is not the model that {CONFIG} describes: it is damaged or was exchanged")
        bundle = cls(folder, config, _styles(folder), _tensors(folder / STATISTICS), _tensors(folder / LINES))
        bundle._check()
        return bundle

    @classmethod
    def from_pretrained(
        cls, place: str | Path, *, revision: str | None = None, token: str | None = None, endpoint: str | None = None
    ) -> Bundle:
        """Open a bundle in a folder, or one of the Hugging Face hub (`OWNER/NAME`, extra `hub`), which is fetched first.

        `revision` is a branch, a tag or a commit; `endpoint` another hub's address. It is checked as by `open`. Raises
        `InputError` where there is no such folder or repository, `ServiceError` where the hub does not answer.
        """
        from allograph.bundle.hub import load

        return load(place, revision, token, endpoint)

    def save_pretrained(self, folder: str | Path) -> None:
        """Write the bundle's files and a model card into a folder; an older bundle there is replaced."""
        from allograph.bundle.hub import save

        save(self, folder)

    def push_to_hub(
        self,
        repository: str,
        *,
        private: bool | None = None,
        revision: str | None = None,
        token: str | None = None,
        endpoint: str | None = None,
    ) -> str:
        """Commit the bundle and a model card to a repository of the hub, which is made unless it is there.

        Returns the commit's address. Raises as `from_pretrained`.
        """
        from allograph.bundle.hub import push

        return push(self, repository, private, revision, token, endpoint)

    def __hash__(self) -> int:
        return hash((self.path, self.model_hash))

    @property
    def alphabet(self) -> Alphabet:
        """The labels that the model knows, in the order of its logits."""
        return self.config.alphabet

    @property
    def frame(self) -> Frame:
        """The frame of the samples that the model reads."""
        return self.config.frame

    @property
    def embedding_size(self) -> int:
        """Numbers in an embedding."""
        return self.config.embedding_size

    @property
    def model_hash(self) -> str:
        """SHA-256 of `model.onnx`: the identity that embedded corpora and journals name."""
        return self.config.model_hash

    @cached_property
    def statistics_hash(self) -> str:
        """SHA-256 of all that adapters take from the bundle besides the model: styles, statistics, tuned parameters."""
        digest = hashlib.sha256(json.dumps(self.config.adapters, sort_keys=True).encode())
        styles = {} if self.styles is None else {"centroids": self.styles.centroids, "labels": self.styles.labels}
        _add_arrays(digest, {**self.statistics, **styles})
        return digest.hexdigest()

    @cached_property
    def content_hash(self) -> str:
        """SHA-256 of all that changes an answer: model, labels, frame, what adapters take, and the line model."""
        digest = hashlib.sha256(f"{self.model_hash} {self.statistics_hash} {self.frame} {list(self.alphabet)}".encode())
        _add_arrays(digest, self.lines)
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


def _add_arrays(digest: Any, arrays: Mapping[str, NDArray[Any]]) -> None:
    for name, array in sorted(arrays.items()):
        digest.update(f"{name} {array.dtype} {array.shape}".encode())
        digest.update(np.ascontiguousarray(array).tobytes())


def check_place(path: str | Path) -> None:
    """Raise `InputError` unless a bundle may be written there: at a new name, in an empty folder, over an older bundle."""
    path = Path(path)
    if not path.absolute().parent.is_dir():
        raise InputError(f"cannot write {path}: the folder {path.absolute().parent} does not exist; make it first")
    if path.exists() and not path.is_dir():
        raise InputError(f"cannot write the bundle {path}: a file of that name is there; remove it or choose another name")
    names = sorted(file.name for file in path.iterdir()) if path.exists() else []
    if names and not {CONFIG, MODEL} <= set(names):
        named = ", ".join(names[:3]) + (", …" if len(names) > 3 else "")
        raise InputError(f"{path} holds {named} and is no bundle; a bundle replaces its whole folder: name a new or an empty one")


def write_bundle(
    path: str | Path,
    model: bytes,
    config: BundleConfig,
    styles: Styles | None = None,
    statistics: Mapping[str, NDArray[Any]] | None = None,
    lines: Mapping[str, NDArray[Any]] | None = None,
) -> Bundle:
    """Write a bundle, whole or not at all, and open it; the model's hash is filled in.

    An older bundle at `path` is replaced, but for files that are none of a bundle's, such as a model card. Raises `InputError`
    when something else is there.
    """
    check_place(path)
    with atomic_folder(Path(path).resolve()) as folder:
        (folder / MODEL).write_bytes(model)
        write_json(folder / CONFIG, replace(config, model_hash=sha256(folder / MODEL)).values())
        if styles is not None:
            arrays: dict[str, NDArray[Any]] = {"centroids": styles.centroids, "labels": styles.labels, "medoids": styles.medoids}
            (folder / STYLES).write_bytes(_blob(arrays))
        if statistics:
            (folder / STATISTICS).write_bytes(_blob(statistics))
        if lines:
            (folder / LINES).write_bytes(_blob(lines))
        Bundle.open(folder)  # what is not sound replaces nothing
        for file in Path(path).iterdir() if Path(path).exists() else ():
            if file.name not in (MODEL, CONFIG, STYLES, STATISTICS, LINES):
                shutil.copy2(file, folder) if file.is_file() else shutil.copytree(file, folder / file.name)
    return Bundle.open(path)


def _blob(arrays: Mapping[str, NDArray[Any]]) -> bytes:
    return save({name: np.ascontiguousarray(array) for name, array in arrays.items()})


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
