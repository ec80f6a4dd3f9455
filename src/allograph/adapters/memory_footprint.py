"""How much memory values take, measured on what they hold."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping
from types import BuiltinFunctionType, FunctionType, MethodType, ModuleType
from typing import Any

import numpy as np


def memory_footprint(*values: Any) -> int:
    """Bytes that values take with all that they hold: arrays with the memory behind them, containers, objects, closures.

    What two of them share counts once. Adapters, and what these hold, do not count: all writers share them.
    """
    sizes, adapters = _sizes(values)
    shared, _ = _sizes([part for adapter in adapters for part in _parts(adapter)])
    return sum(size for place, size in sizes.items() if place not in shared)


def _sizes(values: Iterable[Any]) -> tuple[dict[int, int], list[Any]]:
    """The bytes of each object that values hold, by its id, and the adapters that they hold, which are not looked into."""
    sizes, adapters, waiting = dict[int, int](), list[Any](), list(values)
    while waiting:
        value = waiting.pop()
        if id(value) in sizes or isinstance(value, type | ModuleType | BuiltinFunctionType):
            continue
        if _is_adapter(value):
            adapters.append(value)
            continue
        sizes[id(value)] = sys.getsizeof(value)
        waiting += _parts(value)
    return sizes, adapters


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
