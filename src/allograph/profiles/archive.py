"""A profile as one file: arrays and a JSON record in a safetensors file, without pickles."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import asdict, fields
from itertools import groupby
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load, save

from allograph.alphabet.labels import check_label
from allograph.errors import FormatError, InputError
from allograph.files.records import check_version
from allograph.images.frames import SIDE
from allograph.profiles.journal import Contents, Entry, Tombstone, check_doubt, check_name, check_time
from allograph.profiles.line_ids import check_line_id
from allograph.profiles.words import Word, check_word
from allograph.readings import Samples
from allograph.samples.box import Box

FORMAT = 3
"""Raised for what an older release would lose or misread; the one before then goes to `UNSAID`."""
WITHOUT_WORDS = 2
"""The format of a profile without words, of which the release before loses nothing."""
UNSAID: dict[int, dict[str, Any]] = {1: {"box": None, "doubt": 0.0}, WITHOUT_WORDS: {}}
"""The older formats that are read as well, and what their entries do not say."""
PLAIN = ("id", "label", "implicit", "time", "base", "answer", "alphabet", "batch", "doubt")
"""What the record says of an entry, by the entry's own names."""
PLAIN_BYTES = 16 * 2**20
"""Bytes that a record may have beyond twice those of its arrays: for what was taken back, and has none."""
LONGEST_BATCH = 16
"""Characters in a batch's name."""


def pack(contents: Contents) -> bytes:
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
        "format": FORMAT if contents.words else WITHOUT_WORDS,
        "model_hash": contents.model_hash,
        "models": models,
        "tombstones": [list(stone) for stone in contents.tombstones],
        "sha256": _digest(arrays),
    }
    if contents.words:
        record["words"] = [list(word) for word in contents.words]
    return save(arrays, {"allograph": json.dumps(record, ensure_ascii=False)})


def unpack(blob: bytes, name: str = "the profile") -> Contents:
    """Read a file's bytes.

    Raises `FormatError`, which names the array or the field, for what is truncated, damaged, foreign, of another version, or
    says what no writer can have taught.
    """
    foreign = f"{name} is not an exported profile: it is truncated, damaged or another file"
    size = int.from_bytes(blob[:8], "little")
    if not 0 < size <= len(blob) - 8:
        raise FormatError(foreign)
    if size > PLAIN_BYTES + 2 * (len(blob) - 8 - size):
        raise FormatError(f"{name} is no profile of ours: its record has {size:,} bytes, far more than its corrections need")
    try:
        arrays = load(blob)
        record = json.loads(json.loads(blob[8 : 8 + size])["__metadata__"]["allograph"])
    except (SafetensorError, ValueError, LookupError, TypeError, RecursionError) as error:
        raise FormatError(foreign) from error
    if not isinstance(record, dict) or record.get("kind") != "profile":
        raise FormatError(f"{name} is not an exported profile")
    if record.get("format") not in list(UNSAID):
        check_version(name, "profile", record.get("format"), FORMAT)
    if record.get("sha256") != _digest(arrays):
        raise FormatError(f"{name} is damaged: its arrays are not those that were exported")
    try:
        return _contents(record, arrays)
    except InputError as error:
        raise FormatError(f"{name}: {error}") from error


def check_model(contents: Contents, model_hash: str, sizes: Sizes) -> None:
    """Raise `FormatError` where entries are said to be of a model, and do not fit it."""
    for entry in contents.entries:
        if entry.model_hash == model_hash:
            for (what, array), size in zip(entry.outputs.arrays.items(), sizes, strict=True):
                found = None if array is None else array.shape[1]
                if found != size:
                    raise FormatError(
                        f"the {what} of the correction {entry.id!r} have {found or 'no'} numbers, and the model that it names "
                        f"gives {size or 'none'}; the profile was not exported from that model"
                    )


class Sizes(NamedTuple):
    """How many numbers a model says of a sample."""

    embeddings: int
    logits: int
    features: int | None
    """None where it says none."""


def _contents(record: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> Contents:
    """The journal of a record and its arrays; raises `InputError` for whatever in it cannot be."""
    places: dict[int, Entry] = {}
    ids: set[str] = set()
    known: set[str] = set()
    unsaid = UNSAID.get(record["format"], {})
    for number, model in enumerate(_list(record, "models")):
        model_hash = _hash(_field(model, "model_hash", "a model"))
        if model_hash in known:
            raise InputError(f"the model {model_hash[:12]}… comes twice")
        known.add(model_hash)
        plains = _list(model, "entries")
        samples, images = _samples(arrays, number, len(plains))
        for row, plain in enumerate(plains):
            entry = _entry(plain, unsaid, model_hash, samples.at(slice(row, row + 1)), images[row])
            place = _field(plain, "place", "an entry")
            if type(place) is not int or place in places:
                raise InputError(f"the place of the correction {entry.id!r} is not one of its own: {_short(place)}")
            if entry.id in ids:
                raise InputError(f"the id {entry.id!r} comes twice")
            places[place] = entry
            ids.add(entry.id)
    if places and not 0 <= min(places) <= max(places) < len(places):
        raise InputError(f"the places of {len(places)} corrections are not 0 to {len(places) - 1}")
    surplus = set(arrays) - {f"{number}/{name}" for number in range(len(known)) for name in _ARRAYS}
    if surplus:
        raise InputError(f"the array {_short(min(surplus))} belongs to no model of the record")
    stones = []
    for stone in _list(record, "tombstones"):
        if not isinstance(stone, list) or len(stone) != 2:
            raise InputError("a tombstone is an id and a time")
        stones.append(Tombstone(_name(stone[0], "correction"), check_time(stone[1], "the time of a tombstone")))
    words = _words(_list(record, "words")) if record["format"] == FORMAT else []
    return Contents([places[place] for place in sorted(places)], stones, _hash(_field(record, "model_hash", "the record")), words)


_ARRAYS: dict[str, tuple[Any, tuple[Any, ...]]] = {
    "embeddings": (np.float32, (...,)),
    "logits": (np.float32, (...,)),
    "features": (np.float32, (...,)),
    "images": (np.uint8, (SIDE, SIDE)),
    "has_image": (np.bool_, ()),
}
"""The arrays of a model, their types, and their shapes behind the number of entries."""


def _arrays(entries: list[Entry]) -> dict[str, NDArray[Any]]:
    blank = np.zeros((SIDE, SIDE), np.uint8)
    arrays: dict[str, NDArray[Any]] = {
        "embeddings": np.concatenate([entry.outputs.embeddings for entry in entries]),
        "logits": np.concatenate([entry.outputs.logits for entry in entries]),
        "images": np.stack([blank if entry.image is None else entry.image for entry in entries]),
        "has_image": np.array([entry.image is not None for entry in entries]),
    }
    features = [entry.outputs.features for entry in entries if entry.outputs.features is not None]
    return arrays | ({"features": np.concatenate(features)} if len(features) == len(entries) else {})


def _plain(entry: Entry) -> dict[str, Any]:
    return {name: getattr(entry, name) for name in PLAIN} | {"box": entry.box and asdict(entry.box)}


def _samples(arrays: dict[str, NDArray[Any]], number: int, count: int) -> tuple[Samples, list[NDArray[np.uint8] | None]]:
    """What one model says of its entries, and their images."""
    found = {name: arrays.get(f"{number}/{name}") for name in _ARRAYS}
    for name, (dtype, shape) in _ARRAYS.items():
        array = found[name]
        if array is None:
            if name == "features":
                continue
            raise InputError(f"the array {number}/{name} is missing")
        if array.dtype != dtype or array.ndim != 1 + len(shape) or array.shape[0] != count or 0 in array.shape[1:]:
            wanted = [count, *shape]
            raise InputError(
                f"the array {number}/{name} is {array.dtype} {list(array.shape)}; {np.dtype(dtype)} {wanted} was expected"
            )
        if any(size is not ... and size != has for size, has in zip(shape, array.shape[1:], strict=True)):
            raise InputError(f"the array {number}/{name} is {list(array.shape)}; {[count, *shape]} was expected")
    embeddings, logits, features = (found[name] for name in ("embeddings", "logits", "features"))
    images, has_image = found["images"], found["has_image"]
    assert embeddings is not None
    assert logits is not None
    assert images is not None
    assert has_image is not None
    for name, array in (("embeddings", embeddings), ("features", features)):
        if array is not None and not np.isfinite(array).all():
            raise InputError(f"the array {number}/{name} holds numbers that are not finite")
    if np.isnan(logits).any() or np.isposinf(logits).any() or not np.isfinite(logits).any(axis=1).all():
        raise InputError(f"the array {number}/logits holds NaN or infinity, or −infinity for every label of a sample")
    pictures = [image if has else None for image, has in zip(images, has_image.tolist(), strict=True)]
    return Samples(embeddings, logits, features), pictures


def _entry(plain: Any, unsaid: dict[str, Any], model_hash: str, samples: Samples, image: NDArray[np.uint8] | None) -> Entry:
    plain = plain | unsaid if isinstance(plain, dict) else plain
    id = _name(_field(plain, "id", "an entry"), "correction")
    what = f"the correction {id!r}"
    implicit, alphabet = _field(plain, "implicit", what), _field(plain, "alphabet", what)
    if not isinstance(implicit, bool):
        raise InputError(f"implicit of {what} is true or false, not {_short(implicit)}")
    if alphabet is not None and not (isinstance(alphabet, list) and alphabet):
        raise InputError(f"the alphabet of {what} is a list of labels, or null")
    label, base, answer = (_label(_field(plain, name, what), f"{name} of {what}") for name in ("label", "base", "answer"))
    return Entry(
        id,
        label,
        implicit,
        check_time(_field(plain, "time", what), f"the time of {what}"),
        base,
        answer,
        None if alphabet is None else tuple(_label(one, f"the alphabet of {what}") for one in alphabet),
        samples,
        image,
        model_hash,
        _batch(_field(plain, "batch", what), what),
        box=_box(_field(plain, "box", what), f"the box of {what}"),
        doubt=check_doubt(_field(plain, "doubt", what), f"the doubt of {what}"),
    )


def _words(listed: list[Any]) -> list[Word]:
    """The writer's own words, and the marks of those that were forgotten, by their ids."""
    words: dict[str, Word] = {}
    for values in listed:
        if not isinstance(values, list) or len(values) != 3:
            raise InputError("a word is an id, a line and a text, which are both null where it was forgotten")
        word = Word(_name(values[0], "word"), *values[1:])
        if word != word.blank and (check_line_id(word.line), check_word(word.text)) != (word.line, word.text):
            raise InputError(f"the word {word.id!r} or its line is not in NFC")
        if word.id in words:
            raise InputError(f"the id {word.id!r} comes twice")
        words[word.id] = word
    return [words[id] for id in sorted(words)]


def _field(record: Any, name: str, what: str) -> Any:
    if not isinstance(record, dict) or name not in record:
        raise InputError(f"{what} has no {name}")
    return record[name]


def _list(record: Any, name: str) -> list[Any]:
    found = _field(record, name, "the record")
    if not isinstance(found, list):
        raise InputError(f"{name} is no list")
    return found


def _name(value: Any, what: str) -> str:
    try:
        if check_name(value, what) == value:
            return str(value)
    except InputError as error:
        raise InputError(f"the id of a {what} cannot be: {error}") from error
    raise InputError(f"the id {_short(value)} is not in NFC")


def _label(value: Any, what: str) -> str:
    try:
        if check_label(value) == value:
            return str(value)
    except InputError as error:
        raise InputError(f"{what}: {error}") from error
    raise InputError(f"{what}: the label {value!r} is not in NFC")


def _batch(value: Any, what: str) -> str:
    if check_name(value, "batch") != value or len(value) > LONGEST_BATCH:
        raise InputError(f"the batch of {what} has at most {LONGEST_BATCH} characters, in NFC; this is {_short(value)}")
    return str(value)


def _box(values: Any, what: str) -> Box | None:
    try:
        return None if values is None else Box(**values)
    except TypeError as error:
        names = ", ".join(field.name for field in fields(Box))
        raise InputError(f"{what} is null, or has {names}, and nothing else") from error
    except InputError as error:
        raise InputError(f"{what}: {error}") from error


def _hash(value: Any) -> str:
    if not isinstance(value, str) or not re.fullmatch("[0-9a-f]{64}", value):
        raise InputError(f"model_hash is 64 hexadecimal digits, not {_short(value)}")
    return value


def _short(value: Any) -> str:
    """A value that somebody else wrote, short enough for an error."""
    if isinstance(value, int) and abs(value) > 2**64:
        return "a very large number"
    if isinstance(value, int | float | str | None):
        text = repr(value)
        return text if len(text) <= 80 else f"{text[:77]}…"
    return f"a {type(value).__name__}"


def _digest(arrays: dict[str, NDArray[Any]]) -> str:
    digest = hashlib.sha256()
    for name, array in sorted(arrays.items()):
        digest.update(f"{name} {array.dtype} {array.shape}".encode())
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()
