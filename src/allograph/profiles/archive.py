"""A profile as one file: arrays and a JSON record in a safetensors file, without pickles."""

from __future__ import annotations

import hashlib
import json
from itertools import groupby
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load, save

from allograph.alphabet import check_label
from allograph.errors import FormatError, InputError
from allograph.files import check_version
from allograph.images import SIDE
from allograph.profiles.journal import Entry, Tombstone, check_name
from allograph.profiles.profile import Contents
from allograph.readings import Samples

FORMAT = 1
PLAIN = ("id", "label", "implicit", "time", "base", "answer", "alphabet", "batch")
"""What the record says of an entry, by the entry's own names."""


def packed(contents: Contents) -> bytes:
    """A profile's journal as the bytes of a file."""
    ordered = sorted(enumerate(contents.entries), key=lambda item: item[1].model_hash)
    arrays: dict[str, NDArray[Any]] = {}
    models = []
    for number, (model_hash, group) in enumerate(groupby(ordered, key=lambda item: item[1].model_hash)):
        entries = list(group)
        models.append({"model_hash": model_hash, "entries": [{"place": i} | _plain(entry) for i, entry in entries]})
        arrays |= {f"{number}/{name}": array for name, array in _arrays([entry for _, entry in entries]).items()}
    record = {
        "kind": "profile",
        "format": FORMAT,
        "model_hash": contents.model_hash,
        "models": models,
        "tombstones": [list(stone) for stone in contents.tombstones],
        "sha256": _digest(arrays),
    }
    return save(arrays, {"allograph": json.dumps(record, ensure_ascii=False)})


def unpacked(blob: bytes, name: str = "the profile") -> Contents:
    """Read a file's bytes; raises `FormatError` for what is truncated, damaged, foreign or of another version."""
    try:
        arrays = load(blob)
        record = json.loads(json.loads(blob[8 : 8 + int.from_bytes(blob[:8], "little")])["__metadata__"]["allograph"])
    except (SafetensorError, ValueError, KeyError, TypeError) as error:
        raise FormatError(f"{name} is not an exported profile: it is truncated, damaged or another file") from error
    if not isinstance(record, dict) or record.get("kind") != "profile":
        raise FormatError(f"{name} is not an exported profile")
    check_version(name, "profile", record.get("format"), FORMAT)
    try:
        if record["sha256"] != _digest(arrays):
            raise FormatError(f"{name} is damaged: its arrays are not those that were exported")
        placed = [
            (plain["place"], _entry(plain, model["model_hash"], {key: arrays.get(f"{number}/{key}") for key in _ARRAYS}, row))
            for number, model in enumerate(record["models"])
            for row, plain in enumerate(model["entries"])
        ]
        stones = [Tombstone(check_name(id, "correction"), float(time)) for id, time in record["tombstones"]]
        return Contents([entry for _, entry in sorted(placed, key=lambda item: item[0])], stones, _hash(record["model_hash"]))
    except FormatError:
        raise
    except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
        raise FormatError(f"{name} is damaged: {error!r} is amiss in its record") from error


_ARRAYS = ("embeddings", "logits", "features", "images", "has_image")


def _arrays(entries: list[Entry]) -> dict[str, NDArray[Any]]:
    blank = np.zeros((SIDE, SIDE), np.uint8)
    arrays: dict[str, NDArray[Any]] = {
        "embeddings": np.concatenate([entry.samples.embeddings for entry in entries]),
        "logits": np.concatenate([entry.samples.logits for entry in entries]),
        "images": np.stack([blank if entry.image is None else entry.image for entry in entries]),
        "has_image": np.array([entry.image is not None for entry in entries]),
    }
    features = [entry.samples.features for entry in entries if entry.samples.features is not None]
    return arrays | ({"features": np.concatenate(features)} if len(features) == len(entries) else {})


def _plain(entry: Entry) -> dict[str, Any]:
    return {name: getattr(entry, name) for name in PLAIN}


def _entry(plain: dict[str, Any], model_hash: str, arrays: dict[str, NDArray[Any] | None], row: int) -> Entry:
    embeddings, logits = _floats(arrays["embeddings"], row), _floats(arrays["logits"], row)
    features = None if arrays["features"] is None else _floats(arrays["features"], row)
    images, has_image = arrays["images"], arrays["has_image"]
    if images is None or images.dtype != np.uint8 or images.shape[1:] != (SIDE, SIDE) or has_image is None:
        raise TypeError("images")
    alphabet = plain["alphabet"]
    return Entry(
        check_name(plain["id"], "correction"),
        check_label(plain["label"]),
        bool(plain["implicit"]),
        float(plain["time"]),
        check_label(plain["base"]),
        check_label(plain["answer"]),
        None if alphabet is None else tuple(check_label(label) for label in alphabet),
        Samples(embeddings, logits, features),
        images[row] if has_image[row] else None,
        _hash(model_hash),
        check_name(plain["batch"], "batch"),
    )


def _floats(array: NDArray[Any] | None, row: int) -> NDArray[np.float32]:
    if array is None or array.dtype != np.float32 or array.ndim != 2:
        raise TypeError("an array of numbers")
    if np.isnan(array[row]).any() or np.isposinf(array[row]).any():
        raise InputError("numbers that are not finite")
    return array[row : row + 1]


def _hash(value: Any) -> str:
    if not isinstance(value, str) or len(value) != 64:
        raise TypeError("model_hash")
    return value


def _digest(arrays: dict[str, NDArray[Any]]) -> str:
    digest = hashlib.sha256()
    for name, array in sorted(arrays.items()):
        digest.update(f"{name} {array.dtype} {array.shape}".encode())
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()
