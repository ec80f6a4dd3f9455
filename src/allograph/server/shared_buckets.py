"""The token buckets of tenants that all workers of a service share, so that each tenant has its whole rate at any of them."""

from __future__ import annotations

import fcntl
import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import blake2b
from pathlib import Path

from allograph.server.buckets import Bucket

SETS, WAYS = 4096, 8
"""Buckets lie in sets of `WAYS`; a tenant's set is given by its hash. Where that is full, the one longest not taken from goes."""
_BUCKET = struct.Struct("=16sdd")
"""Whose (a hash), its tokens, and the time: seconds of the system's monotonic clock, which is the same for all processes."""


class SharedBuckets:
    """Buckets in a file in a folder, of a fixed size.

    Who takes from one holds the system's lock on the file, for microseconds. A process that is killed holds it no longer.
    """

    def __init__(self, folder: Path) -> None:
        self._file = os.open(folder / "rates", os.O_RDWR | os.O_CREAT, 0o600)
        with self._locked():
            if not os.fstat(self._file).st_size:
                os.pwrite(self._file, bytes(SETS * WAYS * _BUCKET.size), 0)

    @contextmanager
    def of(self, tenant: str) -> Iterator[Bucket]:
        """A tenant's bucket."""
        whose = blake2b(tenant.encode(), digest_size=16).digest()
        place = int.from_bytes(whose[:4], "big") % SETS * WAYS * _BUCKET.size
        with self._locked():
            found = list(_BUCKET.iter_unpack(os.pread(self._file, WAYS * _BUCKET.size, place)))
            way = next((way for way in range(WAYS) if found[way][0] == whose), None)
            bucket = Bucket() if way is None else Bucket(*found[way][1:])
            if way is None:
                way = min(range(WAYS), key=lambda way: found[way][2])
            try:
                yield bucket
            finally:
                os.pwrite(self._file, _BUCKET.pack(whose, bucket.tokens, bucket.time), place + way * _BUCKET.size)

    def close(self) -> None:
        """Let the file go."""
        os.close(self._file)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        fcntl.flock(self._file, fcntl.LOCK_EX)
        try:
            yield
        finally:
            fcntl.flock(self._file, fcntl.LOCK_UN)
