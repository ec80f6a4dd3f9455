"""The audit log: who exported, imported or erased a writer, who made or revoked a key or set a quota, and when."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

Action = Literal["export", "import", "erase", "add-key", "rotate-key", "revoke-key", "reopen", "set-quota"]
PROGRAM = "a program"
"""Who acts where nobody says who does: whoever uses the library."""


@dataclass(frozen=True)
class Event:
    """An act that an operator must be able to account for. It holds no handwriting, label or secret."""

    actor: str
    """Who: `key ID NAME`, `user NAME` at the command line, `anybody` where the service needs no keys, or `a program`."""
    tenant: str
    """Whose the subject is; empty for what is nobody's."""
    action: Action
    subject: str = ""
    """The writer's name, or the key's id."""
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
