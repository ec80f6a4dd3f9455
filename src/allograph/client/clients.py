"""The clients: one that waits, and one for asyncio or trio."""

from __future__ import annotations

import functools
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Generic, ParamSpec, Self, TypeVar

from allograph.client import operations
from allograph.client.exchange import Attempt, Flow, Lost, Patience, Pause, Received, exchange
from allograph.client.operations import Operation
from allograph.errors import InputError, missing_extra
from allograph.files.atomic import atomic_file
from allograph.files.input import check_file

try:
    import anyio
    import anyio.to_thread
    import httpx
except ImportError:
    raise missing_extra("httpx", "client") from None

P = ParamSpec("P")
T = TypeVar("T")
TIMEOUT = 30.0
"""Seconds that a connection, or the next part of an answer, is waited for."""
PATIENT = Patience()
CHUNK = 2**18
"""Bytes of a file that are sent at a time."""


class Sent(Generic[P, T]):
    """An operation as a method of `Client`."""

    def __init__(self, operation: Callable[P, Operation[T]]) -> None:
        self._operation = operation
        self.__doc__ = operation.__doc__

    def __get__(self, client: Client, owner: type[Client]) -> Callable[P, T]:
        @functools.wraps(self._operation)
        def send(*arguments: P.args, **named: P.kwargs) -> T:
            return client.send(self._operation(*arguments, **named))

        return send


class Awaited(Generic[P, T]):
    """An operation as a method of `AsyncClient`."""

    def __init__(self, operation: Callable[P, Operation[T]]) -> None:
        self._operation = operation
        self.__doc__ = operation.__doc__

    def __get__(self, client: AsyncClient, owner: type[AsyncClient]) -> Callable[P, Coroutine[Any, Any, T]]:
        @functools.wraps(self._operation)
        def send(*arguments: P.args, **named: P.kwargs) -> Coroutine[Any, Any, T]:
            return client.send(self._operation(*arguments, **named))

        return send


class Client:
    """A client of a service. Close it, or use it as a context manager.

    `key` is sent as the service asks. `timeout` is in seconds. `patience` says how a busy service is asked again. `options`
    are those of `httpx.Client`, such as `verify` or `transport`. What the service says is wrong is raised as the library's own
    error; what came of no answer, as `ServiceError`.
    """

    def __init__(
        self, url: str, key: str | None = None, *, timeout: float = TIMEOUT, patience: Patience = PATIENT, **options: Any
    ) -> None:
        self._http = httpx.Client(base_url=_checked(url), headers=_authorization(key), timeout=timeout, **options)
        self._patience = patience
        self.incarnations: dict[str, str] = {}
        """By writer, the profile that the service named last; who keeps something of a writer may keep this too."""

    read = Sent(operations.read)
    correct = Sent(operations.correct)
    accept = Sent(operations.accept)
    undo = Sent(operations.undo)
    forget = Sent(operations.forget)
    read_line = Sent(operations.read_line)
    correct_line = Sent(operations.correct_line)
    accept_line = Sent(operations.accept_line)
    words = Sent(operations.words)
    forget_words = Sent(operations.forget_words)
    writers = Sent(operations.writers)
    writer = Sent(operations.writer)
    erase = Sent(operations.erase)
    corrections = Sent(operations.corrections)
    progress = Sent(operations.progress)
    confusions = Sent(operations.confusions)
    styles = Sent(operations.styles)
    suggestions = Sent(operations.suggestions)
    export_profile = Sent(operations.export_profile)
    import_profile = Sent(operations.import_profile)
    state = Sent(operations.state)
    bundle = Sent(operations.bundle)
    bundle_file = Sent(operations.bundle_file)
    model = Sent(operations.model)
    live = Sent(operations.live)
    ready = Sent(operations.ready)
    metrics = Sent(operations.metrics)

    def send(self, operation: Operation[T]) -> T:
        """Send an operation, and return what its answer holds."""
        flow: Flow[T] = exchange(operation, self.incarnations, self._patience)
        step, outcome = next(flow), None
        try:
            while True:
                if isinstance(step, Pause):
                    time.sleep(step.seconds)
                    outcome = None
                else:
                    outcome = self._attempt(operation, step)
                step = flow.send(outcome)
        except StopIteration as end:
            answer: T = end.value
            return answer

    def close(self) -> None:
        """Close its connections."""
        self._http.close()

    def _attempt(self, operation: Operation[Any], attempt: Attempt) -> Received | Lost:
        content = attempt.content if operation.upload is None else _chunks(operation.upload)
        request = _request(self._http, operation, attempt, content)
        try:
            response = self._http.send(request, stream=True)
            try:
                if operation.download is None or response.status_code != 200:
                    return Received(response.status_code, response.headers, response.read())
                with atomic_file(operation.download, private=True) as path, open(path, "wb") as file:
                    for chunk in response.iter_bytes():
                        file.write(chunk)
                return Received(response.status_code, response.headers)
            finally:
                response.close()
        except httpx.RequestError as error:
            return _lost(error)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()


class AsyncClient:
    """The same for asyncio or trio: every method is awaited."""

    def __init__(
        self, url: str, key: str | None = None, *, timeout: float = TIMEOUT, patience: Patience = PATIENT, **options: Any
    ) -> None:
        self._http = httpx.AsyncClient(base_url=_checked(url), headers=_authorization(key), timeout=timeout, **options)
        self._patience = patience
        self.incarnations: dict[str, str] = {}
        """By writer, the profile that the service named last; who keeps something of a writer may keep this too."""

    read = Awaited(operations.read)
    correct = Awaited(operations.correct)
    accept = Awaited(operations.accept)
    undo = Awaited(operations.undo)
    forget = Awaited(operations.forget)
    read_line = Awaited(operations.read_line)
    correct_line = Awaited(operations.correct_line)
    accept_line = Awaited(operations.accept_line)
    words = Awaited(operations.words)
    forget_words = Awaited(operations.forget_words)
    writers = Awaited(operations.writers)
    writer = Awaited(operations.writer)
    erase = Awaited(operations.erase)
    corrections = Awaited(operations.corrections)
    progress = Awaited(operations.progress)
    confusions = Awaited(operations.confusions)
    styles = Awaited(operations.styles)
    suggestions = Awaited(operations.suggestions)
    export_profile = Awaited(operations.export_profile)
    import_profile = Awaited(operations.import_profile)
    state = Awaited(operations.state)
    bundle = Awaited(operations.bundle)
    bundle_file = Awaited(operations.bundle_file)
    model = Awaited(operations.model)
    live = Awaited(operations.live)
    ready = Awaited(operations.ready)
    metrics = Awaited(operations.metrics)

    async def send(self, operation: Operation[T]) -> T:
        """Send an operation, and return what its answer holds."""
        flow: Flow[T] = exchange(operation, self.incarnations, self._patience)
        step, outcome = next(flow), None
        try:
            while True:
                if isinstance(step, Pause):
                    await anyio.sleep(step.seconds)
                    outcome = None
                else:
                    outcome = await self._attempt(operation, step)
                step = flow.send(outcome)
        except StopIteration as end:
            answer: T = end.value
            return answer

    async def close(self) -> None:
        """Close its connections."""
        await self._http.aclose()

    async def _attempt(self, operation: Operation[Any], attempt: Attempt) -> Received | Lost:
        content = attempt.content if operation.upload is None else _aiter(_chunks(operation.upload))
        request = _request(self._http, operation, attempt, content)
        try:
            response = await self._http.send(request, stream=True)
            try:
                if operation.download is None or response.status_code != 200:
                    return Received(response.status_code, response.headers, await response.aread())
                with atomic_file(operation.download, private=True) as path, open(path, "wb") as file:
                    async for chunk in response.aiter_bytes():
                        await anyio.to_thread.run_sync(file.write, chunk)
                return Received(response.status_code, response.headers)
            finally:
                await response.aclose()
        except httpx.RequestError as error:
            return _lost(error)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self.close()


def _checked(url: str) -> str:
    try:
        scheme = httpx.URL(url).scheme
    except httpx.InvalidURL:
        scheme = ""
    if scheme not in ("http", "https"):
        raise InputError(f"the address of a service begins with http:// or https://; this is {url!r}")
    return url


def _authorization(key: str | None) -> dict[str, str]:
    return {} if key is None else {"authorization": f"Bearer {key}"}


def _request(http: httpx.Client | httpx.AsyncClient, operation: Operation[Any], attempt: Attempt, content: Any) -> httpx.Request:
    size = {}
    if operation.upload is not None:
        check_file(operation.upload)
        size["content-length"] = str(operation.upload.stat().st_size)
    headers = {**attempt.headers, **size}
    return http.build_request(operation.method, operation.path, params=dict(operation.query), headers=headers, content=content)


def _lost(error: httpx.RequestError) -> Lost:
    if isinstance(error, httpx.UnsupportedProtocol):
        raise InputError(str(error)) from error
    reason = str(error) or type(error).__name__
    return Lost(reason, isinstance(error, httpx.ConnectError | httpx.ConnectTimeout | httpx.PoolTimeout))


def _chunks(path: Path) -> Iterator[bytes]:
    with open(path, "rb") as file:
        while chunk := file.read(CHUNK):
            yield chunk


async def _aiter(chunks: Iterator[bytes]) -> AsyncIterator[bytes]:
    while chunk := await anyio.to_thread.run_sync(next, chunks, b""):
        yield chunk
