"""Access control: API keys, allowed hosts and origins, and the rate limit."""

from __future__ import annotations

import hashlib
import math
import time
from collections.abc import Callable
from ipaddress import ip_address

from allograph.profiles import Store
from allograph.server.settings import Settings
from allograph.server.store_lookups import StoreLookups

REMEMBERED = 10_000
"""Keys, and tenants' buckets, that are remembered at most."""
PATIENCE = 5.0
"""Seconds that the store has to say whose a key is."""
WAITING = 100
"""Keys never seen before that wait to be looked up at most."""


class Refused(Exception):  # noqa: N818  (no error of allograph's)
    """A request that goes no further: status, what to tell the client, and headers."""

    def __init__(self, status: int, detail: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(detail)
        self.status, self.detail, self.headers = status, detail, headers


class Access:
    """Finds the tenant of each request.

    While the store never held a key, this machine may come in, and its tenant is the settings'. Once it held one, a key is
    needed for as long as this process lives. What the store said of a key is remembered for `key_seconds`, under the key's
    hash. Keys that were never found are looked up apart, so that who makes keys up holds up none who has one.
    """

    def __init__(self, store: Store, settings: Settings, clock: Callable[[], float] = time.monotonic) -> None:
        self._store = store
        self._settings = settings
        self._clock = clock
        self._keyed = not settings.loopback  # others than this machine are listened to only where there are keys
        self._open_until = 0.0
        self._tenants: dict[bytes, tuple[float, str]] = {}
        self._buckets: dict[str, tuple[float, float]] = {}
        self._known: StoreLookups[str | None] = StoreLookups("allograph-keys", PATIENCE, REMEMBERED)
        self._unknown: StoreLookups[str | None] = StoreLookups("allograph-unknown-keys", PATIENCE, WAITING)

    async def tenant(self, authorization: str | None) -> str:
        """Whose the request is. Raises `Refused` with 401 for a missing or unknown key, `StorageError` without an answer."""
        now, known = self._clock(), False
        key = authorization[7:].strip() if authorization and authorization[:7].lower() == "bearer " else None
        if key:
            digest = hashlib.sha256(key.encode("utf-8", "replace")).digest()
            until, remembered = self._tenants.get(digest, (0.0, ""))
            if now < until:
                return remembered
            known = bool(remembered)
        if not await self.keys():
            return self._settings.tenant
        if not key:
            raise Refused(401, "a key is needed, in the header Authorization: Bearer KEY", {"www-authenticate": "Bearer"})
        tenant = await (self._known if known else self._unknown).get(digest, lambda: self._store.keys.tenant_of(key))
        if tenant is None:
            self._tenants.pop(digest, None)
            raise Refused(401, "the key is unknown or was revoked", {"www-authenticate": "Bearer"})
        if len(self._tenants) >= REMEMBERED:
            self._tenants.clear()
        self._tenants[digest] = (now + self._settings.key_seconds, tenant)
        return tenant

    @property
    def keyed(self) -> bool:
        """Whether keys are known to be needed, without asking the store."""
        return self._keyed

    async def keys(self) -> bool:
        """Whether keys are needed: whether the store holds or held one. It never comes to be false again."""
        if not self._keyed:
            now = self._clock()
            if now >= self._open_until:
                self._keyed |= bool(await self._known.get(b"", lambda: "yes" if self._store.keys else None))
                self._open_until = now + self._settings.key_seconds
        return self._keyed

    def check_origin(self, host: str | None, origin: str | None, keys: bool) -> None:
        """Raise `Refused` with 403 for a page of another site, and without keys for a name that is not this machine's."""
        if not keys and not (host and is_loopback(host)):
            raise Refused(403, "without keys this service answers to localhost only; make a key with: allograph keys add")
        if origin is not None and (host is None or origin.partition("://")[2].lower() != host.lower()):
            raise Refused(403, "a page of another origin may not call this service")

    def check_rate(self, tenant: str, samples: int = 1, again: int = 0) -> None:
        """Take so many tokens from the tenant's bucket (token bucket), or none and raise `Refused` with 429.

        A request takes one when it comes in, and one for each further sample once they are counted. `again` is how many it has
        taken already and takes again when it is sent again, so that Retry-After is long enough for all of them. What exceeds a
        full bucket is paid by the tokens that flow in next.
        """
        limits, now = self._settings.limits, self._clock()
        burst = limits.burst
        tokens, last = self._buckets.get(tenant) or self._full(burst, now)
        tokens = min(burst, tokens + (now - last) * limits.rate)
        needed = min(samples, burst - 1)
        if tokens + 1e-6 < needed:  # what flows in is not counted exactly
            self._buckets[tenant] = (tokens, now)
            after = max(1, math.ceil((needed + again - tokens) / limits.rate))
            raise Refused(
                429,
                f"more than {limits.rate:g} samples a second, after {burst:g} at once; come again in {after} s",
                {"retry-after": str(after)},
            )
        self._buckets[tenant] = (tokens - samples, now)

    def close(self) -> None:
        """Let the threads go."""
        self._known.close()
        self._unknown.close()

    def _full(self, burst: float, now: float) -> tuple[float, float]:
        """A new bucket; those that are full again are forgotten where there are too many."""
        if len(self._buckets) >= REMEMBERED:
            rate = self._settings.limits.rate
            for tenant, (tokens, last) in list(self._buckets.items()):
                if tokens + (now - last) * rate >= burst:
                    del self._buckets[tenant]
        return burst, now


def is_loopback(host: str) -> bool:
    """Whether a Host names this machine and no other.

    >>> [is_loopback(host) for host in ("localhost:8000", "127.0.0.1", "[::1]:80", "example.org", "127.0.0.1.example.org")]
    [True, True, True, False, False]
    """
    name = host.rpartition("]")[0][1:] if host.startswith("[") else host.partition(":")[0]
    if name.lower() == "localhost":
        return True
    try:
        return ip_address(name).is_loopback
    except ValueError:
        return False
