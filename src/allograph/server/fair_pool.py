"""A thread pool that serves tenants in turn."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from typing import ParamSpec, TypeVar

from allograph.errors import BusyError
from allograph.server.fair_queue import FairQueue
from allograph.server.threads import lower_priority

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")


class FairPool:
    """Runs calls in a few threads, which bounds how many run, and take memory, at a time.

    Calls that wait are taken from tenants in turn; one that has waited for `seconds` is refused. All methods are for the event
    loop's thread.
    """

    def __init__(self, threads: int, seconds: float, name: str) -> None:
        self._free = threads
        self._seconds = seconds
        self._threads = ThreadPoolExecutor(threads, name, initializer=lower_priority)
        self._waiting: FairQueue[asyncio.Future[None]] = FairQueue()

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
        self._waiting.put(tenant, turn)
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
            turn = self._waiting.take()
            if not turn.done():  # else its request waits no more
                turn.set_result(None)
                return
        self._free += 1
