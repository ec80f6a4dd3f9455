"""How much memory values take, measured on what they hold."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from types import BuiltinFunctionType, FunctionType, MethodType, ModuleType
from typing import Any

import numpy as np


def memory_footprint(*values: Any) -> int:
    """Bytes that values take with all that they hold: arrays with the memory behind them, containers, objects, closures.

    What two of them share counts once. Adapters do not count: all writers share them.
    """
    size, seen, waiting = 0, set[int](), list(values)
    while waiting:
        value = waiting.pop()
        if id(value) in seen or isinstance(value, type | ModuleType | BuiltinFunctionType) or _is_adapter(value):
            continue
        seen.add(id(value))
        size += sys.getsizeof(value)
        waiting += _parts(value)
    return size


def _parts(value: Any) -> Iterator[Any]:
    """What a value holds."""
    if isinstance(value, np.ndarray):
        if value.base is not None:
            yield value.base
        if value.dtype.hasobject:
            yield from value.flat
    elif isinstance(value, Mapping):
        yield from value.keys()
        yield from value.values()
    elif isinstance(value, list | tuple | set | frozenset):
        yield from value
    elif isinstance(value, FunctionType):
        yield from (cell.cell_contents for cell in value.__closure__ or ())
        yield from value.__defaults__ or ()
    elif isinstance(value, MethodType):
        yield value.__self__
    elif not isinstance(value, str | bytes | int | float | complex | np.generic | None):
        yield from getattr(value, "__dict__", {}).values()
        slots = [name for kind in type(value).__mro__ for name in getattr(kind, "__slots__", ())]
        yield from (getattr(value, name) for name in slots if hasattr(value, name))


def _is_adapter(value: Any) -> bool:
    return all(callable(getattr(value, name, None)) for name in ("start", "learn", "scores"))
