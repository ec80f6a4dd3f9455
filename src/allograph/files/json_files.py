"""JSON in files: written whole or not at all, and read with limits on its size and depth."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

from allograph.errors import AllographError, FormatError
from allograph.files.atomic import atomic_file
from allograph.files.input import check_file

LARGEST_JSON = 2**26
"""Bytes of JSON that are read at most."""
DEEPEST_JSON = 64
"""How deep lists and objects of JSON may lie in each other."""


def write_json(path: str | Path, value: Any) -> None:
    """Write `value` as indented UTF-8 JSON, whole or not at all."""
    with atomic_file(path) as temporary:
        temporary.write_text(json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n", encoding="utf-8")


def read_json(path: str | Path) -> Any:
    """Read a JSON file; raise `FormatError` when it is none, is too large, or is nested too deeply."""
    try:
        check_file(path)
        with open(path, "rb") as file:
            return parse_json(file.read(LARGEST_JSON + 1))
    except FormatError:
        raise
    except (ValueError, OSError) as error:
        if isinstance(error, AllographError):
            raise FormatError(str(error)) from error
        raise FormatError(f"{path} is not readable JSON ({error}); it is truncated or not what it claims to be") from error


def parse_json(text: str | bytes) -> Any:
    """The value of a JSON text that somebody else may have written.

    Raises `ValueError` where it is none, is longer than `LARGEST_JSON`, is nested deeper than `DEEPEST_JSON`, or holds a number
    that is not finite.
    """
    if len(text) > LARGEST_JSON:
        raise ValueError(f"it is larger than {LARGEST_JSON >> 20} MiB")
    too_deep = ValueError(f"it is nested deeper than {DEEPEST_JSON} levels")
    try:
        value = json.loads(text, parse_float=_finite, parse_constant=_finite)
    except RecursionError:
        raise too_deep from None
    if _deeper(value, DEEPEST_JSON):
        raise too_deep
    return value


def _finite(number: str) -> float:
    value = float(number.replace("Infinity", "inf"))
    if not math.isfinite(value):
        raise ValueError(f"it holds the number {number[:20]}, which is not finite")
    return value


def _deeper(value: Any, depth: int) -> bool:
    """Whether lists and objects are nested deeper than that."""
    level = [value]
    for _ in range(depth):
        level = [
            inner for one in level if isinstance(one, dict | list) for inner in (one.values() if isinstance(one, dict) else one)
        ]
        if not level:
            return False
    return any(isinstance(one, dict | list) for one in level)
