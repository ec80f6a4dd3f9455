"""Corrections as rows of the tables, and rows as corrections."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from allograph.errors import InputError
from allograph.images.frames import SIDE
from allograph.profiles.database_errors import Damage
from allograph.profiles.journal import (
    Entry,
    Row,
    check_doubt,
)
from allograph.profiles.tables import journal
from allograph.profiles.words import Word
from allograph.readings import Samples
from allograph.samples.box import Box

BLANK: dict[str, Any] = dict.fromkeys(column.name for column in journal.columns)
"""A row without content."""


def row_of(profile: int, entry: Entry) -> dict[str, Any]:
    """A correction as a row of a profile's journal."""
    return {
        **BLANK,
        **arrays_of(entry.outputs),
        "profile": profile,
        "seq": entry.seq,
        "id": entry.id,
        "time": entry.time,
        "batch": entry.batch,
        "label": entry.label,
        "implicit": entry.implicit,
        "base": entry.base,
        "answer": entry.answer,
        "alphabet": None if entry.alphabet is None else json.dumps(entry.alphabet, ensure_ascii=False),
        "model_hash": entry.model_hash,
        "image": None if entry.image is None else _bytes(entry.image, "u1"),
        "box": None if entry.box is None else json.dumps(asdict(entry.box), ensure_ascii=False),
        "doubt": entry.doubt,
    }


def arrays_of(samples: Samples) -> dict[str, Any]:
    """The outputs of one sample, as columns."""
    features = samples.features
    return {
        "embedding": _bytes(samples.embeddings, "<f4"),
        "logits": _bytes(samples.logits, "<f4"),
        "features": None if features is None else _bytes(features, "<f4"),
    }


def listed_row(row: Any) -> Row:
    """A row that is only shown: its columns, in their order, the image last where it was asked for."""
    id, label, implicit, time, base, answer, model_hash, has_image, seq, box, doubt, *images = row
    image = _image(images[0]) if images else None
    plain = (id, label, implicit, time, base, answer, model_hash, bool(has_image), seq)
    return Row(*plain, image, box=_box(box), doubt=doubt_of(doubt))


def entry_of(row: Any) -> Entry:
    """A row with all that is learned from it; raises `Damage` where it cannot be what was stored."""
    try:
        embeddings, logits = _floats(row.embedding), _floats(row.logits)
        if not np.isfinite(embeddings).all():
            raise ValueError("an embedding is not finite")
        return Entry(
            row.id,
            row.label,
            row.implicit,
            row.time,
            row.base,
            row.answer,
            None if row.alphabet is None else tuple(json.loads(row.alphabet)),
            Samples(embeddings, logits, None if row.features is None else _floats(row.features)),
            _image(getattr(row, "image", None)),
            row.model_hash,
            row.batch,
            row.seq,
            _box(row.box),
            doubt=doubt_of(row.doubt),
        )
    except (ValueError, TypeError) as error:
        raise Damage(f"a row of the journal is not what was stored: {type(error).__name__}") from error


def word_of(row: Any) -> Word:
    """A word as it was stored, or the mark that is left of it."""
    word = Word(*row)
    if {type(word.line), type(word.text)} not in ({str}, {type(None)}):
        raise Damage("a word is not what was stored")
    return word


def _image(blob: bytes | None) -> NDArray[np.uint8] | None:
    try:
        return None if blob is None else np.frombuffer(blob, np.uint8).reshape(SIDE, SIDE)
    except (ValueError, TypeError) as error:
        raise Damage("an image of the journal is not what was stored") from error


def _box(text: str | None) -> Box | None:
    try:
        return None if text is None else Box(**json.loads(text))
    except (ValueError, TypeError) as error:
        raise Damage("a box of the journal is not what was stored") from error


def doubt_of(number: float | None) -> float:
    """What is stored, or 0: releases that know no doubt store none."""
    try:
        return 0.0 if number is None else check_doubt(number, "a doubt")
    except InputError as error:
        raise Damage("a doubt of the journal is not what was stored") from error


def _bytes(array: NDArray[Any], kind: str) -> bytes:
    return np.ascontiguousarray(array, kind).tobytes()


def _floats(blob: bytes) -> NDArray[np.float32]:
    return np.frombuffer(blob, "<f4").reshape(1, -1)
