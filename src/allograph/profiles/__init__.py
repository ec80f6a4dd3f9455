"""Profiles: what each writer taught, and where it is kept."""

from __future__ import annotations

from pathlib import Path

from allograph.profiles.memory import MemoryStore
from allograph.profiles.store import Store

__all__ = ["MemoryStore", "Store", "open_store"]


def open_store(where: str | Path, existing: bool = False) -> Store:
    """Open a store: a path or `sqlite:///PATH` for a file, `postgresql://USER@HOST/DATABASE`, or `memory:`.

    Tables are made where there are none; with `existing` that is an `InputError`, and a file that cannot be written is opened
    all the same, to be read. Raises `InputError` for anything else, `FormatError` for a file that is no store, or one of a later
    release, `StorageError` where the place cannot be written or reached, or is damaged.

    >>> open_store("memory:").profiles("default")
    []
    """
    if str(where) == "memory:":
        return MemoryStore()
    from allograph.profiles.sql import SqlStore

    return SqlStore(str(where), existing=existing)
