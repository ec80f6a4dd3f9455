"""Equality of values that hold arrays: by what is in them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from typing import Any, TypeVar

import numpy as np

Value = TypeVar("Value")


def by_content(value: type[Value]) -> type[Value]:
    """A class decorator: a dataclass or named tuple is equal to one of its own class whose fields are `equal`.

    What Python gives them raises where a field is an array. Such values have no hash, unless the class defines one: arrays can be
    changed in place. A dataclass is declared with `eq=False`.
    """

    def compared(one: Any, other: object) -> Any:
        if type(other) is not type(one):
            return False if isinstance(other, tuple) else NotImplemented
        return equal(_fields(one), _fields(other))

    def differs(one: Any, other: object) -> Any:
        found = compared(one, other)
        return found if found is NotImplemented else not found

    value.__eq__, value.__ne__ = compared, differs  # type: ignore[method-assign]
    if "__hash__" not in vars(value):
        value.__hash__ = None  # type: ignore[assignment,method-assign]
    return value


def equal(one: Any, other: Any) -> bool:
    """Whether two values are the same: arrays in type, shape and every number (NaN is NaN), containers in all that they hold."""
    if one is other:
        return True
    if isinstance(one, np.ndarray) or isinstance(other, np.ndarray):
        if not (isinstance(one, np.ndarray) and isinstance(other, np.ndarray)):
            return False
        return one.dtype == other.dtype and np.array_equal(one, other, equal_nan=one.dtype.kind in "fc")
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(equal(value, other[key]) for key, value in one.items())
    if isinstance(one, list | tuple) and type(one) is type(other):
        return len(one) == len(other) and all(map(equal, one, other))
    return bool(one == other)


def _fields(value: Any) -> Sequence[Any]:
    """What of a value counts."""
    if is_dataclass(value):
        return [getattr(value, field.name) for field in fields(value) if field.compare]
    return list(value)
