"""A hash of all that an adapter holds, so that a state is not used by an adapter that would have learned another."""

from __future__ import annotations

import copyreg
import hashlib
import os
import secrets
import weakref
from collections.abc import Iterable, Mapping
from functools import cached_property
from types import CodeType, FunctionType, MethodType, ModuleType
from typing import Any

import numpy as np

_opaque: dict[int, tuple[object, bytes]] = {}
"""A random name for each object that cannot be hashed by content, by its id, and a weak reference to it, by which the name goes
when the object goes: another may get the same id. An object without weak references is kept itself."""


def fingerprint(value: object) -> str:
    """64 hexadecimal digits that are the same for equal content, in every process, and differ where anything in it does.

    Arrays count by type, shape and bytes; objects by their class and all that they hold, cached properties aside; functions by
    their name, code and closure. What cannot be looked into, such as a lock or a session of another library, is equal to
    itself alone, in this process alone.
    """
    try:
        return _digest(value, ()).hex()
    except RecursionError:
        return _random_name(value).hex()


def _digest(value: Any, path: tuple[int, ...]) -> bytes:
    """The hash of one value; `path` are the ids of all that it lies in, so that a circle ends."""
    if id(value) in path:
        return _hash("circle", [str(len(path) - path.index(id(value))).encode()])
    kind, within = type(value), (*path, id(value))

    def of(parts: Iterable[Any]) -> list[bytes]:
        return [_digest(part, within) for part in parts]

    if value is None or kind in (bool, int, float, complex, str, bytes, bytearray):
        content = value if kind in (bytes, bytearray) else repr(value).encode("utf-8", "surrogatepass")
        return _hash(kind.__name__, [content])
    if isinstance(value, np.ma.MaskedArray):
        return _hash("masked", of([value.data, np.ma.getmaskarray(value)]))
    if isinstance(value, np.ndarray | np.generic):
        array = np.asarray(value)
        record = repr((array.dtype.descr, array.shape)).encode()
        return _hash("array", [record, *(of(array.flat) if array.dtype.hasobject else [array.tobytes()])])
    if isinstance(value, os.PathLike):
        return _hash("path", of([os.fspath(value)]))
    if isinstance(value, ModuleType):
        return _hash("module", of([value.__name__]))
    if isinstance(value, CodeType):
        return _hash("code", of([value.co_code, value.co_consts, value.co_names, value.co_varnames, value.co_freevars]))
    if isinstance(value, FunctionType):
        closure = [cell.cell_contents for cell in value.__closure__ or ()]
        return _hash("function", of([*_place(value), value.__code__, value.__defaults__, value.__kwdefaults__, closure]))
    if isinstance(value, MethodType):
        return _hash("method", of([value.__func__, value.__self__]))
    if isinstance(value, type):
        return _hash("class", of([*_place(value), *_class_values(value)]))
    parts: list[Any] = []
    if isinstance(value, Mapping):
        parts = [item for pair in value.items() for item in pair]
    elif isinstance(value, set | frozenset):
        parts = [b"".join(sorted(of(value)))]
    elif isinstance(value, list | tuple):
        parts = list(value)
    else:
        parts = _reduction(value)
    return _hash("object", of([*_place(kind), *_class_values(kind), len(parts), *parts, *_attributes(value)]))


def _attributes(value: object) -> list[Any]:
    """The names and values of an object's own attributes, without what it only keeps to be quick."""
    kinds = type(value).__mro__
    cached = _cached_names(type(value))
    slots = {name for kind in kinds for name in _slots(kind) if hasattr(value, name)}
    attributes = {**getattr(value, "__dict__", {}), **{name: getattr(value, name) for name in slots}}
    return [part for name in sorted(attributes) if name not in cached for part in (name, attributes[name])]


def _slots(kind: type) -> Iterable[str]:
    names = vars(kind).get("__slots__", ())
    return [name for name in ([names] if isinstance(names, str) else names) if name not in ("__dict__", "__weakref__")]


def _class_values(kind: type) -> list[Any]:
    """The names and values of what a class gives its objects; what it does is in its name and version."""
    values: dict[str, Any] = {}
    for base in reversed(kind.__mro__):
        if base.__module__ not in ("builtins", "abc", "typing"):
            values |= {name: value for name, value in vars(base).items() if _is_value(name, value)}
    return [part for pair in sorted(values.items(), key=lambda pair: pair[0]) for part in pair]


def _is_value(name: str, value: object) -> bool:
    return not name.startswith(("__", "_abc_", "_is_")) and not callable(value) and not hasattr(value, "__get__")


def _reduction(value: object) -> list[Any]:
    """What an object says of itself to be copied, besides its attributes; nothing is ever built from it.

    Objects that are written in another language hold what no attribute shows.
    """
    kind: Any = type(value)
    special = copyreg.dispatch_table.get(kind)
    try:
        reduction = special(value) if special else value.__reduce_ex__(4)
    except Exception:  # whatever it raises: it cannot be copied
        return [_random_name(value)]
    if isinstance(reduction, str):
        return [getattr(value, "__module__", None), reduction]
    build, arguments, state, *items = (*reduction, *[None] * (5 - len(reduction)))[:5]
    default = not special and all(getattr(kind, name) is getattr(object, name) for name in COPYING)
    if isinstance(state, dict):
        state = {name: part for name, part in state.items() if name not in _cached_names(kind)}
    return [build, arguments, None if default else state, *(list(part or ()) for part in items)]


COPYING = ("__reduce_ex__", "__reduce__", "__getstate__")
"""The methods by which a class may say how its objects are copied."""


def _cached_names(kind: type) -> set[str]:
    """The names of what objects of a class only keep to be quick."""
    return {name for base in kind.__mro__ for name, member in vars(base).items() if isinstance(member, cached_property)}


def _random_name(value: object) -> bytes:
    """The same 32 random bytes for this object as long as it lives."""
    place = id(value)
    try:
        holder: object = weakref.ref(value, lambda _: _opaque.pop(place, None))
    except TypeError:
        holder = value
    return _opaque.setdefault(place, (holder, secrets.token_bytes(32)))[1]


def _place(value: Any) -> tuple[str, str]:
    return str(value.__module__), str(value.__qualname__)


def _hash(kind: str, parts: Iterable[bytes | bytearray]) -> bytes:
    digest = hashlib.sha256(kind.encode())
    for part in parts:
        digest.update(len(part).to_bytes(8, "little"))
        digest.update(part)
    return digest.digest()
