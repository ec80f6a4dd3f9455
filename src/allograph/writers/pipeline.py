"""How samples are read and learned: a recognizer and an adapter, shared by all writers."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from allograph.adapters import Adapter, best, build
from allograph.adapters.fingerprint import fingerprint
from allograph.recognizer import Recognizer


@dataclass(frozen=True)
class Pipeline:
    """How a writer's samples are read and learned: a recognizer and an adapter, shared by all writers."""

    recognizer: Recognizer
    adapter: Adapter
    fingerprint: str
    """Of the adapter with all that it holds, of the model and its statistics: a state that was made by another is made anew.

    An adapter that has a `fingerprint` of its own, a string, answers for what it holds itself.
    """

    @classmethod
    def of(cls, recognizer: Recognizer | None, adapter: Adapter | str | None) -> Pipeline:
        """The shipped bundle's recognizer and the best method for it, unless given."""
        recognizer = recognizer or shipped_recognizer()
        bundle = recognizer.bundle
        if adapter is None or isinstance(adapter, str):
            adapter = build(adapter or best(bundle), bundle)
        own = getattr(adapter, "fingerprint", None)
        content = own if isinstance(own, str) else adapter
        record = (adapter.name, adapter.version, content, bundle.statistics_hash, bundle.model_hash)
        return cls(recognizer, adapter, fingerprint(record))


@lru_cache(maxsize=1)
def shipped_recognizer() -> Recognizer:
    """The shipped bundle's recognizer, opened once."""
    return Recognizer()
