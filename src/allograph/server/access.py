"""Who may come in, and how often."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from ipaddress import ip_address

from allograph.profiles import Store
from allograph.server.settings import Settings

REMEMBERED = 10_000
"""Keys that are remembered at most."""


class Refused(Exception):  # noqa: N818  (no error of allograph's)
    """A request that goes no further: status, what to tell the client, and headers."""

    def __init__(self, status: int, detail: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(detail)
        self.status, self.detail, self.headers = status, detail, headers


class Access:
    """Finds the tenant of each request.

    While the store holds no key, this machine may come in, and its tenant is the settings'. As soon as it holds one, a key is
    needed. What the store said of a key is remembered for `key_seconds`, under the key's hash.
    """

    def __init__(self, store: Store, settings: Settings, clock: Callable[[], float] = time.monotonic) -> None:
        self._store = store
        self._settings = settings
        self._clock = clock
        self._open: tuple[float, bool] = (0.0, False)
        self._tenants: dict[bytes, tuple[float, str]] = {}
        self._asking: dict[bytes, asyncio.Task[str | None]] = {}
        self._buckets: dict[str, tuple[float, float]] = {}
        self._thread = ThreadPoolExecutor(2, "allograph-keys")

    async def tenant(self, authorization: str | None) -> str:
        """Whose the request is. Raises `Refused` with 401 for a missing or unknown key, and with 403 for a stranger."""
        now = self._clock()
        key = authorization[7:].strip() if authorization and authorization[:7].lower() == "bearer " else None
        if key:
            digest = hashlib.sha256(key.encode("utf-8", "replace")).digest()
            until, found = self._tenants.get(digest, (0.0, ""))
            if now < until:
                return found
        if not await self.keys():
            if self._settings.loopback:
                return self._settings.tenant
            raise Refused(401, "the store holds no keys any more; make one with: allograph keys add")
        if not key:
            raise Refused(401, "a key is needed, in the header Authorization: Bearer KEY", {"www-authenticate": "Bearer"})
        tenant = await self._once(digest, lambda: self._store.keys.tenant_of(key))
        if tenant is None:
            raise Refused(401, "the key is unknown or was revoked", {"www-authenticate": "Bearer"})
        if len(self._tenants) >= REMEMBERED:
            self._tenants.clear()
        self._tenants[digest] = (now + self._settings.key_seconds, tenant)
        return tenant

    async def keys(self) -> bool:
        """Whether the store holds keys."""
        now = self._clock()
        until, found = self._open
        if now >= until:
            found = bool(await self._once(b"", lambda: "yes" if self._store.keys else None))
            self._open = (now + self._settings.key_seconds, found)
        return found

    def check_origin(self, host: str | None, origin: str | None, keys: bool) -> None:
        """Raise `Refused` with 403 for a page of another site, and without keys for a name that is not this machine's."""
        if not keys and not (host and is_loopback(host)):
            raise Refused(403, "without keys this service answers to localhost only; make a key with: allograph keys add")
        if origin is not None and (host is None or origin.partition("://")[2].lower() != host.lower()):
            raise Refused(403, "a page of another origin may not call this service")

    def check_rate(self, tenant: str) -> None:
        """Take a token from the tenant's bucket, or raise `Refused` with 429."""
        rate, now = self._settings.limits.rate, self._clock()
        tokens, last = self._buckets.get(tenant, (2 * rate, now))
        tokens = min(2 * rate, tokens + (now - last) * rate)
        if tokens < 1:
            self._buckets[tenant] = (tokens, now)
            after = max(1, round((1 - tokens) / rate))
            raise Refused(429, f"more than {rate:g} requests a second; come again later", {"retry-after": str(after)})
        self._buckets[tenant] = (tokens - 1, now)

    def close(self) -> None:
        """Let the threads go."""
        self._thread.shutdown()

    async def _once(self, what: bytes, ask: Callable[[], str | None]) -> str | None:
        """Ask the store, in a thread; who asks the same meanwhile waits for the same answer."""
        task = self._asking.get(what)
        if task is None:

            async def asked() -> str | None:
                try:
                    return await asyncio.get_running_loop().run_in_executor(self._thread, ask)
                finally:
                    del self._asking[what]

            task = self._asking[what] = asyncio.create_task(asked())
        return await asyncio.shield(task)


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
