"""Exports and imports profiles: small ones at once, large ones in a process of their own.

To pack or to check a profile of many corrections takes seconds, and holds Python's lock for longer at a time than the reading of
another tenant may wait.
"""

from __future__ import annotations

import asyncio
import json
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from io import BytesIO
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from allograph import errors
from allograph.errors import BusyError, StorageError
from allograph.profiles.changes import Merged
from allograph.profiles.journal import Key
from allograph.profiles.migration import sizes_of
from allograph.server.profile_transfer_process import carry_out
from allograph.writers.writers import Writers

LARGE = 2 * 2**20
"""Bytes from which on a file is large."""
LONG = 500
"""Places of a journal from which on its file is as large."""
PROCESSES = 4
"""Processes at a time; of one tenant only one."""
PATIENCE = 30.0
"""Seconds that a request waits for its turn."""
CHUNK = 2**18
"""Bytes that are passed on at a time."""
MEDIA_TYPE = "application/octet-stream"


class ProfileTransfer:
    """Exports and imports the profiles of a service's writers."""

    def __init__(self, writers: Writers) -> None:
        self._writers = writers
        self._places = asyncio.Semaphore(PROCESSES)
        self._tenants: dict[str, asyncio.Lock] = {}
        self._running: set[Process] = set()

    async def export(self, tenant: str, name: str) -> Response:
        """A profile as a response, which the caller logs; raises `UnknownWriter` where there is none."""
        store = self._writers.store
        (version,) = await run_in_threadpool(store.versions, [Key.of(tenant, name)])
        if version is None or version.head < LONG or store.url is None:
            _, blob = await run_in_threadpool(carry_out, store, self._task("export", tenant, name), BytesIO())
            return Response(blob, media_type=MEDIA_TYPE)
        async with AsyncExitStack() as stack:
            process = await stack.enter_async_context(self._process("export", tenant, name))
            assert process.stdin
            process.stdin.close()
            length = (await _head(process))["length"]
            return _ProcessResponse(process, length, stack.pop_all())

    async def merge(self, tenant: str, name: str, request: Request, incarnation: str | None = None) -> Merged:
        """Join a request's body, an exported profile, to a writer's own; raises as `Writers.merge` does, and logs nothing."""
        store = self._writers.store
        length = request.headers.get("content-length")
        if (length is not None and int(length) < LARGE) or store.url is None:
            task, body = self._task("import", tenant, name, incarnation), BytesIO(await request.body())
            return Merged(**(await run_in_threadpool(carry_out, store, task, body))[0])
        async with self._process("import", tenant, name, incarnation) as process:
            assert process.stdin
            with suppress(ConnectionError):  # it ended: what it says tells why
                async for chunk in request.stream():
                    process.stdin.write(chunk)
                    await process.stdin.drain()
            process.stdin.close()
            return Merged(**await _head(process))

    def close(self) -> None:
        """End what is still going on."""
        for process in self._running:
            with suppress(ProcessLookupError):
                process.kill()

    @asynccontextmanager
    async def _process(self, act: str, tenant: str, name: str, incarnation: str | None = None) -> AsyncIterator[Process]:
        """A process that does this, ended in any case, once it is the tenant's turn and there is a place."""
        async with AsyncExitStack() as stack:
            try:
                async with asyncio.timeout(PATIENCE):
                    await stack.enter_async_context(self._tenants.setdefault(tenant, asyncio.Lock()))
                    await stack.enter_async_context(self._places)
            except TimeoutError:
                raise BusyError("another large profile is being exported or imported; come again in a moment") from None
            command = (sys.executable, "-m", "allograph.server.profile_transfer_process")
            process = await asyncio.create_subprocess_exec(*command, stdin=PIPE, stdout=PIPE, stderr=DEVNULL, limit=CHUNK)
            self._running.add(process)
            try:
                assert process.stdin
                process.stdin.write(json.dumps(self._task(act, tenant, name, incarnation)).encode() + b"\n")
                yield process
            finally:
                self._running.discard(process)
                with suppress(ProcessLookupError):
                    process.kill()
                await process.wait()

    def _task(self, act: str, tenant: str, name: str, incarnation: str | None = None) -> dict[str, Any]:
        recognizer, store = self._writers.pipeline.recognizer, self._writers.store
        return {
            "act": act,
            "store": store.url,
            "most_writers": store.most_writers,
            **Key.of(tenant, name)._asdict(),
            "incarnation": incarnation,
            "model_hash": recognizer.bundle.model_hash,
            "sizes": sizes_of(recognizer),
        }


class _ProcessResponse(Response):
    """Sends the bytes that a process writes as they come; then the process is ended and its place is free."""

    def __init__(self, process: Process, length: int, stack: AsyncExitStack) -> None:
        super().__init__(media_type=MEDIA_TYPE)
        self.headers["content-length"] = str(length)
        self._process, self._stack = process, stack

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer (ASGI)."""
        async with self._stack:
            assert self._process.stdout
            await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
            while chunk := await self._process.stdout.read(CHUNK):
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
            await send({"type": "http.response.body", "body": b""})


async def _head(process: Process) -> dict[str, Any]:
    """What a process says first; raises the error that it tells of."""
    assert process.stdout
    line = await process.stdout.readline()
    if not line:
        raise StorageError("the process that exports and imports profiles ended before it was done; try again")
    head: dict[str, Any] = json.loads(line)
    if "error" in head:
        kind = getattr(errors, head["error"], StorageError)
        raise kind(head["text"])
    return head
