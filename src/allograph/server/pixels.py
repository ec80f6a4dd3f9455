"""Images in a body of JSON, read by NumPy: most of a body is their numbers, and a general reader makes an object of each."""

from __future__ import annotations

import secrets
from typing import Any

import numpy as np
from pydantic_core import from_json

from allograph.images.frames import PIXELS, SIDE
from allograph.server.counts import check_size
from allograph.server.settings import Limits

USUAL = Limits()
KEY = b'"image"'
DIGITS = b"0123456789 "
FRAME = b"[" + b",".join([b"[" + b"," * (SIDE - 1) + b"]"] * SIDE) + b"]"
"""An image without its numbers."""
NEAR, LONGEST = 8, 8 * PIXELS
"""Bytes within which an image begins after its key, and ends; what is spread wider is left to the general reader."""
SLICE = 8
"""Images whose numbers are read by one call: more would keep other threads waiting."""
_PLACE = secrets.token_hex(16)
"""Stands where an image was taken out; nobody else can know it."""


def parsed(raw: bytes, limits: Limits = USUAL) -> Any:
    """The value that a body of JSON tells, with every well-made image in it as its 784 bytes; raises `ValueError` for no JSON.

    What is no such image stays what it is, for others to refuse. Raises `InputError` for a body that holds more values than any
    within the limits, before they are made.
    """
    # An image comes once a sample, and its key may be a sample's id besides; of more, no request is made.
    rest, texts = _lifted(raw) if raw.count(KEY) <= 2 * limits.images else (raw, [])
    slices = [_numbers(texts[start : start + SLICE]) for start in range(0, len(texts), SLICE)]
    if not slices or None in slices:
        return _read(raw, limits)
    numbers = b"".join(found for found in slices if found is not None)
    found = _read(rest, limits)
    for items in found.values() if isinstance(found, dict) else ():
        for item in items if isinstance(items, list) else ():
            place = item.get("image") if isinstance(item, dict) else None
            if isinstance(place, str) and place.startswith(_PLACE):
                start = PIXELS * int(place[len(_PLACE) :])
                item["image"] = numbers[start : start + PIXELS]
    return found


def _read(raw: bytes, limits: Limits) -> Any:
    check_size(raw, limits)
    return from_json(raw, allow_inf_nan=False, cache_strings="keys")  # what strings say is not kept


def _lifted(raw: bytes) -> tuple[bytes, list[bytes]]:
    """The body with a mark in place of each value of a key `image`, and these values.

    A quote within a string is escaped, so that the key's text cannot be part of a string and be followed by a colon.
    """
    parts: list[bytes] = []
    texts: list[bytes] = []
    done, key = 0, raw.find(KEY)
    while key >= 0:
        after = key + len(KEY)
        start = raw.find(b"[[", after, after + NEAR)
        end = raw.find(b"]]", start, start + LONGEST) + 2 if start > 0 else 0
        if end > start and raw[after:start].strip() == b":":
            parts += (raw[done:start], f'"{_PLACE}{len(texts)}"'.encode())
            texts.append(raw[start:end])
            done = after = end
        key = raw.find(KEY, after)
    parts.append(raw[done:])
    return b"".join(parts), texts


def _numbers(texts: list[bytes]) -> bytes | None:
    """The numbers of images side by side; None unless each is 28 rows of 28 numbers 0…255 as JSON spells them."""
    text = b",".join(texts)
    frames = b",".join([FRAME] * len(texts))
    if not texts or text.translate(None, DIGITS) != frames:
        return None
    try:
        values = np.fromstring(text.translate(None, b"[]"), np.int64, sep=",")
    except ValueError:  # older NumPys warn, and stop reading
        return None
    if values.size != PIXELS * len(texts) or values.max() > 255:
        return None
    digits = values.size + np.count_nonzero(values > 9) + np.count_nonzero(values > 99)
    if len(text) - len(frames) - text.count(b" ") != digits:  # a number begins with a zero, or two stand in one place
        return None
    return values.astype(np.uint8).tobytes()
