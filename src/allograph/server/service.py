"""What all operations share, and how an operation finds the writers of its tenant."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Any, get_type_hints

from fastapi import Depends, Request
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from pydantic import TypeAdapter, ValidationError
from pydantic_core import to_json
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from allograph.profiles.journal import Key, unknown_writer
from allograph.recognizer import Recognizer
from allograph.server.access import Access
from allograph.server.bodies import FastRequest
from allograph.server.metrics import Metrics, TenantMetrics
from allograph.server.pixels import parsed
from allograph.server.readiness import Readiness
from allograph.server.reader import Reader
from allograph.server.settings import Limits, Settings
from allograph.writer import Writer
from allograph.writers import Writers


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
        return self.service.writers.method.recognizer

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


class FastRoute(APIRoute):
    """A route whose requests are `FastRequest`s."""

    def get_route_handler(self) -> Callable[[Request], Any]:
        """FastAPI's handler, given a request that reads JSON faster."""
        handler = super().get_route_handler()

        async def handle(request: Request) -> Response:
            return await handler(FastRequest(request.scope, request.receive))

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
        raw = await FastRequest(scope, receive).body()
        try:
            value = parsed(raw) if raw else None
        except ValueError:
            raise HTTPException(400) from None
        writer = _checked(name, scope["path_params"]["writer"], ("path", "writer"))
        response: Response = await self.endpoint(writer, _checked(body, value, ("body",)), called)
        await response(scope, receive, send)

    @cached_property
    def _types(self) -> tuple[TypeAdapter[Any], TypeAdapter[Any]]:
        hints = get_type_hints(self.endpoint, include_extras=True)
        return TypeAdapter(hints["writer"]), TypeAdapter(hints["body"])


def _checked(adapter: TypeAdapter[Any], value: Any, place: tuple[str, ...]) -> Any:
    try:
        return adapter.validate_python(value)
    except ValidationError as error:
        faults = error.errors(include_url=False, include_input=False)
        raise RequestValidationError([{**fault, "loc": (*place, *fault["loc"])} for fault in faults]) from None


def answer(value: Any) -> Response:
    """A value as JSON: what is known to fit the answer's description is not checked again."""
    return Response(to_json(value), media_type="application/json")
