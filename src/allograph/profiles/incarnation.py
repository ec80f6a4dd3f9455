"""Which of the profiles that ever had a writer's name is meant: what was meant for an erased one does not begin it anew."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from allograph.errors import ErasedWriter
from allograph.profiles.journal import Key

_EXPECTED: ContextVar[str | None] = ContextVar("expected incarnation", default=None)


@contextmanager
def expecting(incarnation: str) -> Iterator[None]:
    """All changes in the block are meant for this incarnation of a profile; stores raise `ErasedWriter` where it is no more."""
    token = _EXPECTED.set(incarnation)
    try:
        yield
    finally:
        _EXPECTED.reset(token)


def incarnation_of(profile: int) -> str:
    """The incarnation that has this number in `Version.profile`, as text that says nothing else."""
    return f"p{profile}"


def check_incarnation(key: Key, profile: int | None) -> None:
    """Raise `ErasedWriter` where another incarnation is expected than that with this number; None where there is no profile."""
    expected = _EXPECTED.get()
    if expected is not None and (profile is None or incarnation_of(profile) != expected):
        raise erased_writer(key)


def erased_writer(key: Key) -> ErasedWriter:
    """What says that the profile that was meant is gone."""
    return ErasedWriter(
        f"the profile of {key.name!r} that this was meant for was erased; forget what is kept of it, and send nothing more"
    )
