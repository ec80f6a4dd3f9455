"""Records: JSON objects in files that carry a format version and are checked against a dataclass when they are read."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from allograph.errors import FormatError

Record = TypeVar("Record")

KINDS: dict[Any, str] = {str: "text", int: "a whole number", float: "a number", bool: "true or false", Mapping: "an object"}
"""What a value of a type is called in a message; all others are lists."""


def read_record(kind: type[Record], values: Mapping[str, Any], where: str, advice: str = "make it anew") -> Record:
    """A dataclass of a JSON object: each field by its name, or by the key in its metadata, and of its type.

    Keys that are none of its fields go to the field `unknown`, where it has one. Lists become tuples. Raises `FormatError`, which
    begins with `where`, for a field that is missing and has no default, and for a value of another type.
    """
    hints, rest = get_type_hints(kind), dict(values)
    content: dict[str, Any] = {}
    missing = []
    for field in fields(kind):  # type: ignore[arg-type]
        if field.name == "unknown":
            continue
        key = field.metadata.get("key", field.name)
        if key in rest:
            content[field.name] = _value(rest.pop(key), hints[field.name], key, where, advice)
        elif field.default is MISSING and field.default_factory is MISSING:
            missing.append(key)
    if missing:
        raise FormatError(f"{where} lacks {', '.join(missing)}; {advice}")
    return kind(**content, **({"unknown": rest} if "unknown" in hints else {}))


def record_values(record: Any) -> dict[str, Any]:
    """The JSON object of a record: its fields that are not None, in their order, then what was unknown when it was read."""
    values = {}
    for field in fields(record):
        value = getattr(record, field.name)
        if value is not None and field.name != "unknown":
            values[field.metadata.get("key", field.name)] = record_values(value) if is_dataclass(value) else value
    return values | {key: value for key, value in getattr(record, "unknown", {}).items() if key not in values}


def check_version(path: str | Path, what: str, version: Any, *known: int) -> None:
    """Raise `FormatError` unless the format `version` in a file is one that this release reads."""
    if version is None:
        raise FormatError(f"{path} is not an allograph {what}: it carries no format version")
    if version not in known:
        read = " and ".join(map(str, known))
        raise FormatError(
            f"{path} is an allograph {what} of format {version}; this release reads format{'s' * (len(known) > 1)} {read}. "
            "Make it anew, or use the release that wrote it"
        )


def _value(value: Any, hint: Any, key: str, where: str, advice: str) -> Any:
    """A value of JSON as its type has it."""
    origin, arguments = get_origin(hint), get_args(hint)
    if hint is Any or (hint is float and _is_number(value)) or (hint is not float and type(value) is hint):
        return value
    if origin in (Union, UnionType):
        others = [each for each in arguments if each is not NoneType]
        return None if value is None and len(others) < len(arguments) else _value(value, others[0], key, where, advice)
    if origin is Literal:
        if value in arguments:
            return value
        raise FormatError(f"{where} names the {_words(key)} {value!r}; there are {', '.join(arguments)}")
    if origin is Mapping and isinstance(value, dict):
        return {name: _value(each, arguments[1], f"{key} {name}", where, advice) for name, each in value.items()}
    if origin is tuple and isinstance(value, list):
        kinds = arguments[:1] * len(value) if arguments[-1] is ... else arguments
        if len(kinds) == len(value):
            return tuple(
                _value(each, one, f"{key} {i}", where, advice) for i, (each, one) in enumerate(zip(value, kinds, strict=True))
            )
    if is_dataclass(hint) and isinstance(value, dict):
        return read_record(hint, value, f"{where}, {_words(key)}:", advice)  # type: ignore[arg-type]
    expected = "an object" if is_dataclass(hint) else KINDS.get(origin or hint, "a list")
    raise FormatError(f"{where} names the {_words(key)} {value!r}; it is {expected}: {advice}")


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _words(key: str) -> str:
    return key.replace("_", " ")
