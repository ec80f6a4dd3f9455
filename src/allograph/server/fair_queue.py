"""A queue that serves tenants in turn (round robin), so that no tenant waits for all that another has queued."""

from __future__ import annotations

from collections import OrderedDict, deque
from typing import Generic, TypeVar

Item = TypeVar("Item")


class FairQueue(Generic[Item]):
    """Items by tenant. The tenant whose turn it is goes to the end once its oldest item is taken.

    >>> queue = FairQueue[str]()
    >>> for tenant, item in [("a", "a1"), ("a", "a2"), ("a", "a3"), ("b", "b1")]:
    ...     queue.put(tenant, item)
    >>> [queue.take() for _ in range(4)], len(queue)
    (['a1', 'b1', 'a2', 'a3'], 0)
    """

    def __init__(self) -> None:
        self._queues: OrderedDict[str, deque[Item]] = OrderedDict()

    def put(self, tenant: str, item: Item) -> None:
        """Queue an item."""
        self._queues.setdefault(tenant, deque()).append(item)

    def next(self) -> Item:
        """The item whose turn it is, left where it is; there is one."""
        return next(iter(self._queues.values()))[0]

    def take(self) -> Item:
        """The same, taken out."""
        tenant, queue = next(iter(self._queues.items()))
        item = queue.popleft()
        if queue:
            self._queues.move_to_end(tenant)
        else:
            del self._queues[tenant]
        return item

    def __len__(self) -> int:
        return sum(map(len, self._queues.values()))
