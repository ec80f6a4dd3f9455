"""The audit log: who took what out of a store or erased it, who made or revoked a key or set a quota, and when."""

from __future__ import annotations

import getpass
import os
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

Action = Literal[
    "export",
    "read-images",
    "state",
    "backup",
    "import",
    "erase",
    "restore",
    "add-key",
    "rotate-key",
    "revoke-key",
    "reopen",
    "set-quota",
]
"""What is logged; the first four take out of the store what writers taught."""


def user() -> str:
    """The user whose this process is, as the operating system has it: by name, or by number where there is none.

    >>> user().isprintable()
    True
    """
    try:
        import pwd
    except ImportError:  # Windows has none
        return getpass.getuser()
    number = os.getuid()
    try:
        name = pwd.getpwuid(number).pw_name
    except KeyError:  # as in many containers
        name = ""
    return name if name and name.isprintable() else f"number {number}"


def program() -> str:
    """Who acts where nobody says who does: a program that uses the library, as some user."""
    return f"program of {user()}"


@dataclass(frozen=True)
class Event:
    """An act that an operator must be able to account for. It holds no handwriting, label or secret."""

    actor: str
    """Who: `key ID NAME`, `user NAME` at the command line, `anybody` where the service needs no keys, or `program of NAME`."""
    tenant: str
    """Whose the subject is; empty for what is nobody's."""
    action: Action
    subject: str = ""
    """The writer's name, the key's id, or the SHA-256 of the backup that was restored; empty where all of a store is meant."""
    time: float = field(default_factory=time.time)
    """Seconds since 1970, UTC."""


class AuditLog(Protocol):
    """Where a store keeps events; none is ever changed or removed."""

    def add(self, event: Event) -> None:
        """Keep an event; it is on disk when this returns."""
        ...

    def events(self, since: float = 0.0, tenant: str | None = None, after: int = 0, limit: int | None = None) -> list[Event]:
        """The events since a time, of one tenant or of all, the oldest first; `after` skips so many of them."""
        ...


class MemoryAuditLog:
    """Events for one process."""

    def __init__(self) -> None:
        self._events: list[Event] = []
        self._lock = threading.Lock()

    def add(self, event: Event) -> None:
        """Keep an event."""
        with self._lock:
            self._events.append(event)

    def events(self, since: float = 0.0, tenant: str | None = None, after: int = 0, limit: int | None = None) -> list[Event]:
        """The events."""
        found: Sequence[Event] = [one for one in self._events if one.time >= since and tenant in (None, one.tenant)]
        return list(found[after : None if limit is None else after + limit])
