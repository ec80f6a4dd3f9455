"""Adapters: methods that turn corrections into better answers for one writer."""

from __future__ import annotations

from collections.abc import Callable

from allograph.adapters.paper import PaperAdapter
from allograph.adapters.protocol import Adapter, Replay, Replays, State, Trial, replay
from allograph.bundle import Bundle
from allograph.errors import InputError

ADAPTERS: dict[str, Callable[[Bundle], Adapter]] = {"paper": PaperAdapter.of}
"""Every adapter by its name, built from a bundle."""

DEFAULT = "paper"

__all__ = ["ADAPTERS", "DEFAULT", "Adapter", "Replay", "Replays", "State", "Trial", "build", "replay"]


def build(name: str, bundle: Bundle) -> Adapter:
    """Build an adapter by its name; raises `InputError` for an unknown one, or when the bundle lacks what it needs."""
    if name not in ADAPTERS:
        raise InputError(f"there is no method {name!r}; there are {', '.join(ADAPTERS)}")
    return ADAPTERS[name](bundle)
