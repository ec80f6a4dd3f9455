"""How long the stages of a request take, for its trace: noted where they happen, in whichever thread; nowhere without one."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Literal, NamedTuple

Name = Literal["queue", "store", "model", "adapter", "line"]


class Stage(NamedTuple):
    """What a request was at: waiting for its turn (`queue`), the store, the model, the adapter, or a whole line."""

    name: Name
    began: int
    """Nanoseconds since 1970, as the time when it ended."""
    ended: int


class Stages(list[Stage]):
    """The stages of a request that is traced."""


_NOTED: ContextVar[tuple[Stages, ...]] = ContextVar("allograph_stages", default=())
"""Whose time is being spent: one request's, or that of all who share a call of the model."""


def noted() -> Stages | None:
    """Those of the request that is being answered here; None where it is not traced."""
    found = _NOTED.get()
    return found[0] if found else None


@contextmanager
def spending_for(requests: Iterable[Stages | None]) -> Iterator[None]:
    """What is done meanwhile, here, is done for these requests."""
    before = _NOTED.set(tuple(one for one in requests if one is not None))
    try:
        yield
    finally:
        _NOTED.reset(before)


@contextmanager
def stage(name: Name) -> Iterator[None]:
    """What is done meanwhile is a stage of the requests that it is done for."""
    if not _NOTED.get():
        yield
        return
    began = time.time_ns()
    try:
        yield
    finally:
        note(name, began)


def note(name: Name, began: int) -> None:
    """A stage ends now, of the requests that it was done for."""
    ended = time.time_ns()
    for request in _NOTED.get():
        request.append(Stage(name, began, ended))
