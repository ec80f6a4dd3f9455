"""How much a body may hold, found out before its content is looked at: each fault ends it, however many there are."""

from __future__ import annotations

from typing import Any

from allograph.errors import ImageError, InputError
from allograph.images.frames import PIXELS, SIDE
from allograph.profiles.journal import LONGEST_NAME
from allograph.server.settings import Limits
from allograph.writers.context import LONGEST

LIKELY_WORDS = 2_000
"""Words of a list that comes with a line; longer lists belong beside the service."""
LABELS = 10_000
"""Labels in one alphabet: more than there are characters in the largest sets of handwriting (CASIA-HWDB has 7,356)."""
ALL_LABELS = 32_768
"""Labels in all alphabets of a request: 128 for each of 256 corrections, where the shipped model has 94."""
FIELDS = 16
"""Fields of one object; none has as many."""
_POINT = 4
"""Values in a point: its array, x, y and pressure."""


def check_size(raw: bytes, limits: Limits) -> None:
    """Raise `InputError` for JSON that holds more values, arrays, fields or strings than any request within the limits.

    Each value begins an array or an object, or follows one's beginning or a comma; each field has a colon, each string two
    quotes. So these marks bound what a reader of JSON would make, and counting them takes no memory. Where they stand in ids
    and labels they are counted too, so there is room for that.
    """
    fields = limits.images * FIELDS + FIELDS
    room = limits.images * LONGEST_NAME + ALL_LABELS
    values = limits.images * (PIXELS + SIDE) + limits.points * _POINT + ALL_LABELS + fields
    arrays = limits.images * (SIDE + FIELDS) + 2 * limits.points
    strings = 2 * fields + ALL_LABELS
    for marks, most in (((b",", b"[", b"{"), values), ((b"[",), arrays), ((b":", b"{"), fields), ((b'"',), 2 * strings)):
        if len(raw) > most + room and sum(map(raw.count, marks)) > most + room:
            raise InputError(
                f"the body holds more than a request may, with {limits.images} samples, {limits.points} points of ink and "
                f"{ALL_LABELS} labels. Send less at once"
            )


def check_counts(body: Any, limits: Limits) -> None:
    """Raise `InputError` or `ImageError` for a body, as read from JSON, with more of anything than a request may have.

    Only what is there is counted; whether it is what it should be is not asked.
    """
    if not isinstance(body, dict):
        return
    _check_fields(body, "the body")
    labels, points = _labels(body), _points(body)
    lists = {key: body[key] for key in ("samples", "corrections", "context") if isinstance(body.get(key), list)}
    beside = len(lists.get("context", ()))
    if beside > LONGEST:
        raise InputError(f"the context has {beside} samples; it may have {LONGEST}. Send those that were written last")
    for key, items in lists.items():
        if len(items) > limits.images:
            raise InputError(f"the request has {len(items)} {key}; it may have {limits.images}. Send them in several requests")
        if len(items) + beside > limits.images and key != "context":
            raise InputError(
                f"the request has {len(items)} {key} and {beside} in its context; together it may have {limits.images}. "
                "Send them in several requests"
            )
        for i, item in enumerate(items):
            if isinstance(item, dict):
                _check_fields(item, f"{key}.{i}")
                if isinstance(item.get("box"), dict):
                    _check_fields(item["box"], f"{key}.{i}.box")
                labels += _labels(item)
                points += _points(item)
    if points > limits.points:
        raise ImageError(
            f"the ink has {points} points; a request may have {limits.points}. Send less at once, or coarser strokes"
        )
    if labels > ALL_LABELS:
        raise InputError(f"the alphabets have {labels} labels; those of a request may have {ALL_LABELS}. Send less at once")


def _check_fields(found: dict[str, Any], place: str) -> None:
    if len(found) > FIELDS:
        raise InputError(f"{place} has {len(found)} fields, more than there are names for")


def _labels(item: dict[str, Any]) -> int:
    alphabet = item.get("alphabet")
    return len(alphabet) if isinstance(alphabet, list) else 0


def _points(item: dict[str, Any]) -> int:
    """Points of ink, or numbers in the longest column where strokes are columns; an empty stroke counts as one."""
    ink = item.get("ink")
    if not isinstance(ink, list):
        return 0
    if item.get("ink_form") == "columns":
        return sum(max(1, *map(_length, stroke)) if isinstance(stroke, list) and stroke else 1 for stroke in ink)
    return sum(max(1, _length(stroke)) for stroke in ink)


def _length(found: Any) -> int:
    return len(found) if isinstance(found, list) else 1
