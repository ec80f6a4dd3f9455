"""What a tenant may have and ask for at most, beside what the service allows everybody."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

from allograph.errors import InputError


@dataclass(frozen=True)
class Quota:
    """A tenant's bounds; None for no bound of its own. A tenant that has more than a lowered bound keeps it, and adds nothing."""

    writers: int | None = None
    corrections: int | None = None
    """Corrections that stand, of all its writers."""
    bytes: int | None = None
    """Bytes of their numbers and images, ids and own words, and 256 for each row, of corrections that were taken back too."""
    rate: float | None = None
    """Samples a second, instead of the service's own rate."""

    def __post_init__(self) -> None:
        for name in ("writers", "corrections", "bytes"):
            most = getattr(self, name)
            if most is not None and most < 0:
                raise InputError(f"a quota of {name} is a number from 0 on, not {most}")
        if self.rate is not None and not (math.isfinite(self.rate) and self.rate >= 0.1):
            raise InputError(f"a quota's rate is 0.1 samples a second or more, not {self.rate}")


@dataclass(frozen=True)
class Usage:
    """What a tenant has."""

    writers: int
    corrections: int
    bytes: int


class Quotas(Protocol):
    """The quotas of a store. What is stored is counted with each change, within its transaction, in any process."""

    def set(self, tenant: str, quota: Quota, actor: str) -> None:
        """Bound a tenant from now on; the first time, what it has is counted, while others wait to write."""
        ...

    def get(self, tenant: str) -> Quota | None:
        """A tenant's bounds; None where it never had one."""
        ...

    def usage(self, tenant: str) -> Usage | None:
        """What a tenant has that has or had a quota; None for others, who are not counted."""
        ...

    def tenants(self) -> list[str]:
        """The tenants that have or had a quota, by name."""
        ...


class NoQuotas:
    """Those of a store that keeps none, as one that lives in memory does."""

    def set(self, tenant: str, quota: Quota, actor: str) -> None:
        """Refuse; raises `InputError`."""
        raise InputError("a store in memory keeps no quotas; use one in a file or in PostgreSQL")

    def get(self, tenant: str) -> Quota | None:
        """No tenant has one."""
        return None

    def usage(self, tenant: str) -> Usage | None:
        """No tenant is counted."""
        return None

    def tenants(self) -> list[str]:
        """None."""
        return []
