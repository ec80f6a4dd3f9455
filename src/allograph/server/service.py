"""What all operations share, and how an operation finds the writers of its tenant."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Annotated, Any, TypeVar, get_type_hints

import numpy as np
from fastapi import Depends, Request
from fastapi.routing import APIRoute
from numpy.typing import NDArray
from pydantic import TypeAdapter
from pydantic_core import to_json
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from allograph.profiles.journal import Key, unknown_writer
from allograph.recognizer import Recognizer
from allograph.server.access import Access
from allograph.server.archives import Archives
from allograph.server.decoding import Drawing
from allograph.server.metrics import Metrics, TenantMetrics
from allograph.server.pool import FairPool
from allograph.server.reader import Reader
from allograph.server.readiness import Readiness
from allograph.server.requests import Picture
from allograph.server.settings import Limits, Settings
from allograph.server.validation import check, check_body
from allograph.writers.writer import Writer
from allograph.writers.writers import Writers

Value = TypeVar("Value")
LARGE = 96 * 2**10
"""Bytes of a body from which on it is looked at beside the event loop: for images it takes 1.5 ms, for ink 5 ms."""
PARSERS = 1
"""Large bodies that are looked at at a time in the process."""
PATIENCE = 20.0
"""Seconds that a request waits for its turn where work is done for few at a time."""


@dataclass(frozen=True)
class Service:
    """A running service."""

    writers: Writers
    """Of the settings' tenant; others' are `writers.of(tenant)`."""
    settings: Settings
    metrics: Metrics
    reader: Reader
    access: Access
    readiness: Readiness
    archives: Archives
    parsing: FairPool = field(default_factory=lambda: FairPool(PARSERS, PATIENCE, "allograph-bodies"))
    """Looks at large bodies."""
    drawing: Drawing = field(default_factory=lambda: Drawing(PATIENCE))
    """Decodes pictures and draws ink."""


@dataclass(frozen=True)
class Caller:
    """The tenant of a request, and all that is theirs."""

    tenant: str
    service: Service

    @property
    def writers(self) -> Writers:
        """The tenant's writers."""
        return self.service.writers.of(self.tenant)

    @property
    def recognizer(self) -> Recognizer:
        """What reads for everybody."""
        return self.service.writers.pipeline.recognizer

    @property
    def limits(self) -> Limits:
        """What a request may ask for."""
        return self.service.settings.limits

    @property
    def metrics(self) -> TenantMetrics:
        """The tenant's numbers."""
        return self.service.metrics.of(self.tenant)

    def check_rate(self, samples: int) -> None:
        """Let the tenant pay for a request's samples, before any work is done; raises `Refused` with 429 where it cannot."""
        if samples > 1:
            self.service.access.check_rate(self.tenant, samples - 1)  # the gate took one

    async def samples(self, pictures: Sequence[Picture]) -> NDArray[np.uint8]:
        """What the tenant shows as samples [n, 28, 28]; raises as `Drawing.samples` does."""
        return await self.service.drawing.samples(self.tenant, pictures, self.recognizer.frame, self.limits)

    def known(self, name: str) -> Writer:
        """A writer that has a profile; raises `UnknownWriter` for any other, other tenants' among them."""
        writers = self.writers
        if name not in writers:
            raise unknown_writer(Key(self.tenant, name))
        return writers[name]

    def check_room(self, name: str) -> None:
        """Raise a conflict where the writer is not known and the tenant may have no more."""
        writers = self.writers
        if name not in writers and len(writers) >= self.limits.writers:
            raise HTTPException(409, f"the tenant has {self.limits.writers} writers, as many as it may; erase one first")


async def caller(request: Request) -> Caller:
    """Whose request it is: the gate found out."""
    return Caller(request.scope["allograph.tenant"], request.app.state.service)


async def service(request: Request) -> Service:
    """The service itself."""
    found: Service = request.app.state.service
    return found


Called = Annotated[Caller, Depends(caller)]
Served = Annotated[Service, Depends(service)]
in_thread = run_in_threadpool


async def body_of(called: Caller, raw: bytes, adapter: TypeAdapter[Value]) -> Value:
    """What the body of a request means, as `check_body` has it; a large one is looked at beside the event loop."""
    if len(raw) < LARGE:
        return check_body(raw, adapter, called.limits)
    return await called.service.parsing.run(called.tenant, check_body, raw, adapter, called.limits)


class CheckedRequest(Request):
    """A request whose body was read and checked before."""

    def __init__(self, request: Request, raw: bytes, value: Any) -> None:
        super().__init__(request.scope, request.receive)
        self._raw, self._value = raw, value

    async def body(self) -> bytes:
        """The bytes of the body."""
        return self._raw

    async def json(self) -> Any:
        """What they mean; FastAPI sees that it is of the endpoint's type, and takes it as it is."""
        return self._value


class FastRoute(APIRoute):
    """A route whose requests have their bodies checked by `body_of`: at once, or beside the event loop."""

    def get_route_handler(self) -> Callable[[Request], Any]:
        """FastAPI's handler, given a request whose body is checked already."""
        handler = super().get_route_handler()
        if self.body_field is None:
            return handler
        adapter = TypeAdapter[Any](get_type_hints(self.endpoint, include_extras=True)["body"])

        async def handle(request: Request) -> Response:
            raw = await request.body()
            value = await body_of(await caller(request), raw, adapter)
            return await handler(CheckedRequest(request, raw, value))

        return handle


class LeanRoute(APIRoute):
    """A route to an operation on a writer that is asked thousands of times a second.

    It is declared, described and validated as any other, by the types of the endpoint's `writer` and `body`; but FastAPI's
    search for dependencies, which there are none, takes longer than all else that such a request needs.
    """

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request (ASGI)."""
        if scope["method"] not in (self.methods or ()):
            await super().handle(scope, receive, send)
            return
        name, body = self._types
        called = Caller(scope["allograph.tenant"], scope["app"].state.service)
        raw = await Request(scope, receive).body()
        writer = check(scope["path_params"]["writer"], name, ("path", "writer"))
        response: Response = await self.endpoint(writer, await body_of(called, raw, body), called)
        await response(scope, receive, send)

    @cached_property
    def _types(self) -> tuple[TypeAdapter[Any], TypeAdapter[Any]]:
        hints = get_type_hints(self.endpoint, include_extras=True)
        return TypeAdapter(hints["writer"]), TypeAdapter(hints["body"])


def answer(value: Any) -> Response:
    """A value as JSON: what is known to fit the answer's description is not checked again."""
    return Response(to_json(value), media_type="application/json")
