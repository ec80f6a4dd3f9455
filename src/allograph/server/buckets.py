"""The token buckets of tenants: how many samples each may send now."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Protocol


@dataclass
class Bucket:
    """A bucket that nobody has taken from yet holds as much as any can."""

    tokens: float = math.inf
    time: float = 0.0
    """When it held them, in seconds of a clock that all who take from it share."""


class Buckets(Protocol):
    """Gives each tenant's bucket."""

    def of(self, tenant: str) -> AbstractContextManager[Bucket]:
        """A tenant's bucket. Nobody else has it meanwhile; what it holds in the end is kept."""
        ...


class OwnBuckets:
    """Those of one process. Of more than `most` the ones longest not taken from are forgotten."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._buckets: OrderedDict[str, Bucket] = OrderedDict()

    @contextmanager
    def of(self, tenant: str) -> Iterator[Bucket]:
        """A tenant's bucket."""
        bucket = self._buckets.setdefault(tenant, Bucket())
        self._buckets.move_to_end(tenant)
        if len(self._buckets) > self._most:
            self._buckets.popitem(last=False)
        yield bucket

    def __len__(self) -> int:
        """How many are remembered."""
        return len(self._buckets)
