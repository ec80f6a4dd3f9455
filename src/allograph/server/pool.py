"""Threads that do the heavy work of all tenants, each tenant in turn."""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from typing import ParamSpec, TypeVar

from allograph.errors import BusyError
from allograph.server.threads import step_back

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")


class FairPool:
    """A few threads: as much is done at a time, and so takes memory, as there are threads.

    What waits is served a tenant at a time, so that one tenant's flood is that tenant's own wait; after `seconds` it is refused.
    All methods are for the event loop's thread.
    """

    def __init__(self, threads: int, seconds: float, name: str) -> None:
        self._free = threads
        self._seconds = seconds
        self._threads = ThreadPoolExecutor(threads, name, initializer=step_back)
        self._waiting: OrderedDict[str, deque[asyncio.Future[None]]] = OrderedDict()

    async def run(
        self, tenant: str, work: Callable[Parameters, Result], *args: Parameters.args, **kwargs: Parameters.kwargs
    ) -> Result:
        """What `work` returns or raises, once it is the tenant's turn; raises `BusyError` where that takes too long."""
        if self._free:
            self._free -= 1
        else:
            await self._turn(tenant)
        loop = asyncio.get_running_loop()
        done = self._threads.submit(work, *args, **kwargs)

        def free(_: Future[Result]) -> None:
            with suppress(RuntimeError):  # the loop has ended meanwhile
                loop.call_soon_threadsafe(self._pass_on)

        done.add_done_callback(free)  # not when the request ends: its thread may go on
        return await asyncio.wrap_future(done)

    async def _turn(self, tenant: str) -> None:
        """Wait for a thread, which is then this request's."""
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(tenant, deque()).append(turn)
        try:
            async with asyncio.timeout(self._seconds):
                await turn
        except (TimeoutError, asyncio.CancelledError) as error:
            if turn.done() and not turn.cancelled():  # it came just too late
                self._pass_on()
            if isinstance(error, TimeoutError):
                raise BusyError("too many large requests are being worked on; come again in a moment") from None
            raise

    def _pass_on(self) -> None:
        """Give a thread that is free to the next tenant's oldest request."""
        while self._waiting:
            tenant, turns = self._waiting.popitem(last=False)
            while turns:
                turn = turns.popleft()
                if turn.done():  # it waits no more
                    continue
                turn.set_result(None)
                if turns:
                    self._waiting[tenant] = turns  # behind the others
                return
        self._free += 1
