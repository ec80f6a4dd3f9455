"""How long-running work reports its progress to its caller."""

from __future__ import annotations

from collections.abc import Callable

Progress = Callable[[str, int, int], None]
"""Called with the name of the step, how many of its parts are done, and how many there are."""


def silent(what: str, done: int, total: int) -> None:
    """Report nothing."""
