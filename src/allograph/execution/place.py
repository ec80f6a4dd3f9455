"""What a worker knows of itself: its name, what it was sent for its tasks, and that it takes one core."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

_name: str | None = None
_wanted: Callable[[], bool] | None = None


def worker_name() -> str:
    """What to call this worker in a message: its address in a cluster, else its process."""
    return _name or f"process {os.getpid()}"


def set_worker_name(name: str) -> None:
    """Have this process called so."""
    global _name
    _name = name


def wanted() -> bool:
    """Whether anybody waits still for the result of the task at hand; a long one asks now and then, and stops."""
    return _wanted is None or _wanted()


def set_wanted(ask: Callable[[], bool]) -> None:
    """Have `wanted` ask this."""
    global _wanted
    _wanted = ask


def thread_limits() -> Callable[[], AbstractContextManager[Any]]:
    """What makes blocks in which products of matrices stay in one thread, where that can be asked for."""
    try:
        from threadpoolctl import ThreadpoolController  # it comes with scikit-learn
    except ImportError:
        return nullcontext
    controller = ThreadpoolController()
    return lambda: controller.limit(limits=1)
