"""Whether the store would serve a request now, found out quickly, whatever the store does."""

from __future__ import annotations

from contextlib import suppress

from allograph.errors import UnknownWriter
from allograph.profiles import Store
from allograph.profiles.journal import Key
from allograph.server.store_lookups import StoreLookups

PATIENCE = 2.0
"""Seconds that the store has to prove itself."""
NOBODY = "nobody: is the store ready?"


class Readiness:
    """Touches what requests touch: keys, how far a journal goes, the list of writers, the right to write. It writes nothing.

    All who ask at the same time share one look, and a look that hangs is not begun anew.
    """

    def __init__(self, store: Store, tenant: str) -> None:
        self._store = store
        self._key = Key(tenant, NOBODY)
        self._lookups: StoreLookups[None] = StoreLookups("allograph-ready", PATIENCE, 1)

    async def check(self) -> None:
        """Raise `StorageError`, or what the store raised, unless it would serve a request; within `PATIENCE`."""
        await self._lookups.get(b"", self._touch)

    def _touch(self) -> None:
        store = self._store
        store.check()
        store.keys.tenant_of("ready.ready")
        store.versions([self._key])
        store.profiles(self._key.tenant, "", 1)
        with suppress(UnknownWriter), store.change(self._key, None):
            pass
