"""Access control: API keys and their scopes, allowed hosts and origins, and the rate limit."""

from __future__ import annotations

import hashlib
import math
import time
from collections.abc import Callable
from ipaddress import ip_address
from typing import NamedTuple

from allograph.profiles import Store
from allograph.profiles.keys import ApiKey, Scope
from allograph.profiles.quotas import Quota
from allograph.server.buckets import Buckets, OwnBuckets
from allograph.server.settings import Settings, burst_of
from allograph.server.store_lookups import StoreLookups

REMEMBERED = 10_000
"""Keys, and tenants' buckets, that are remembered at most."""
PATIENCE = 5.0
"""Seconds that the store has to say whose a key is."""
WAITING = 100
"""Keys never seen before that wait to be looked up at most."""


class Refused(Exception):  # noqa: N818  (no error of allograph's)
    """A request that goes no further: status, what to tell the client, headers, and the last word of the problem's type."""

    def __init__(self, status: int, detail: str, headers: dict[str, str] | None = None, kind: str | None = None) -> None:
        super().__init__(detail)
        self.status, self.detail, self.headers, self.kind = status, detail, headers, kind


class Admitted(NamedTuple):
    """Who makes a request that was let in."""

    tenant: str
    actor: str
    """As the audit log names who acts."""


class _Known(NamedTuple):
    """What the store said of a key."""

    key: ApiKey | None
    quota: Quota | None


class Access:
    """Finds who makes each request, and whether they may.

    While the store never held a key, this machine may come in and do all, and its tenant is the settings'. Once it held one, a
    key is needed for as long as this process lives. What the store said of a key is remembered for `key_seconds`, under the
    key's hash. Keys that were never found are looked up apart, so that who makes keys up holds up none who has one. Tenants'
    buckets are this process's own unless others are given.
    """

    def __init__(
        self, store: Store, settings: Settings, clock: Callable[[], float] = time.monotonic, buckets: Buckets | None = None
    ) -> None:
        self._store = store
        self._settings = settings
        self._clock = clock
        self._keyed = not settings.loopback  # others than this machine are listened to only where there are keys
        self._open_until = 0.0
        self._callers: dict[bytes, tuple[float, ApiKey]] = {}
        self._rates: dict[str, float] = {}
        """Of the tenants that have one of their own."""
        self._buckets = buckets or OwnBuckets(REMEMBERED)
        self._known: StoreLookups[_Known] = StoreLookups("allograph-keys", PATIENCE, REMEMBERED)
        self._open: StoreLookups[tuple[bool, Quota | None]] = StoreLookups("allograph-open", PATIENCE, REMEMBERED)
        self._unknown: StoreLookups[_Known] = StoreLookups("allograph-unknown-keys", PATIENCE, WAITING)

    async def admit(self, authorization: str | None, scope: Scope) -> Admitted:
        """Who makes a request, for which a key of this scope is needed.

        Raises `Refused` with 401 for a missing, unknown or expired key and with 403 for one of less scope, `StorageError`
        without an answer of the store.
        """
        text = authorization[7:].strip() if authorization and authorization[:7].lower() == "bearer " else None
        key = await self._find(text) if text else None
        if key is None:
            if not await self.keys():
                return Admitted(self._settings.tenant, "anybody")
            raise _unauthorized(
                "the key is unknown or was revoked" if text else "a key is needed, in the header Authorization: Bearer KEY"
            )
        if not key.is_valid(time.time()):
            raise _unauthorized(
                "the key has expired; ask whoever gave it to you for a new one (allograph keys rotate)", "expired"
            )
        if not key.may(scope):
            raise Refused(403, f"this key may {key.scope}; what is asked for needs a key of the scope {scope}", kind="scope")
        return Admitted(key.tenant, f"key {key.id} {key.name}")

    async def _find(self, text: str) -> ApiKey | None:
        """The key that this is; None where it is none, or where no keys are needed."""
        now, digest = self._clock(), hashlib.sha256(text.encode("utf-8", "replace")).digest()
        until, remembered = self._callers.get(digest, (0.0, None))
        if now < until:
            return remembered
        if not await self.keys():
            return None
        key, quota = await (self._known if remembered else self._unknown).get(digest, lambda: self._look_up(text))
        if key is None:
            self._callers.pop(digest, None)
            return None
        if len(self._callers) >= REMEMBERED:
            self._callers.clear()
        self._callers[digest] = (now + self._settings.key_seconds, key)
        self._note_rate(key.tenant, quota)
        return key

    def _look_up(self, text: str) -> _Known:
        key = self._store.keys.find(text)
        return _Known(key, None if key is None else self._store.quotas.get(key.tenant))

    def _note_rate(self, tenant: str, quota: Quota | None) -> None:
        """Remember the rate of a tenant's own, or that it has none."""
        self._rates.pop(tenant, None)
        if quota is not None and quota.rate is not None:
            if len(self._rates) >= REMEMBERED:
                self._rates.clear()  # each comes back when its key is looked up next
            self._rates[tenant] = quota.rate

    @property
    def keyed(self) -> bool:
        """Whether keys are known to be needed, without asking the store."""
        return self._keyed

    async def keys(self) -> bool:
        """Whether keys are needed: whether the store holds or held one. It never comes to be false again."""
        if not self._keyed:
            now = self._clock()
            if now >= self._open_until:
                tenant = self._settings.tenant
                found = await self._open.get(b"", lambda: (bool(self._store.keys), self._store.quotas.get(tenant)))
                self._keyed |= found[0]
                self._note_rate(tenant, found[1])
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
        rate = self._rates.get(tenant, self._settings.limits.rate)
        burst = burst_of(rate)
        needed = min(samples, burst - 1)
        with self._buckets.of(tenant) as bucket:
            now = self._clock()
            bucket.tokens = min(burst, bucket.tokens + (now - bucket.time) * rate)
            bucket.time = now
            if bucket.tokens + 1e-6 < needed:  # what flows in is not counted exactly
                after = max(1, math.ceil((needed + again - bucket.tokens) / rate))
                raise Refused(
                    429,
                    f"more than {rate:g} samples a second, after {burst:g} at once; come again in {after} s",
                    {"retry-after": str(after)},
                )
            bucket.tokens -= samples

    def close(self) -> None:
        """Let the threads go."""
        self._open.close()
        self._known.close()
        self._unknown.close()


def _unauthorized(detail: str, kind: str | None = None) -> Refused:
    return Refused(401, detail, {"www-authenticate": "Bearer"}, kind)


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
