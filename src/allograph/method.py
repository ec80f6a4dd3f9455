"""How samples are read and learned: a recognizer and an adapter, shared by all writers."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, fields, is_dataclass
from functools import lru_cache

from allograph.adapters import Adapter, best, build
from allograph.recognizer import Recognizer


@dataclass(frozen=True)
class Method:
    """How a writer's samples are read and learned: a recognizer and an adapter, shared by all writers."""

    recognizer: Recognizer
    adapter: Adapter
    fingerprint: str
    """Of the adapter, its parameters and its statistics: a state that was made by another is made anew."""

    @classmethod
    def of(cls, recognizer: Recognizer | None, adapter: Adapter | str | None) -> Method:
        """The shipped bundle's recognizer and the best method for it, unless given."""
        recognizer = recognizer or shipped_recognizer()
        bundle = recognizer.bundle
        if adapter is None or isinstance(adapter, str):
            adapter = build(adapter or best(bundle), bundle)
        values: dict[str, object] = {}
        if is_dataclass(adapter):
            values = {field.name: getattr(adapter, field.name) for field in fields(adapter)}
        settings = [(name, value) for name, value in values.items() if isinstance(value, int | float | str | None)]
        record = repr((adapter.name, adapter.version, settings, bundle.statistics_hash, bundle.model_hash))
        return cls(recognizer, adapter, hashlib.sha256(record.encode()).hexdigest())


@lru_cache(maxsize=1)
def shipped_recognizer() -> Recognizer:
    """The shipped bundle's recognizer, opened once."""
    return Recognizer()
