"""Tuning: every adapter's parameters, chosen on writers that the recognizer was not trained on, and written into the bundle.

`tune` searches the parameters and measures how fast the best adapter learns a label; it returns a `Tuning`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from allograph.tuning.search import Tuning as Tuning
    from allograph.tuning.search import tune as tune

__all__ = ["Tuning", "tune"]


def __getattr__(name: str) -> Any:
    """Import what is asked for only now: it needs the research extra."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from allograph.tuning import search

    return getattr(search, name)
