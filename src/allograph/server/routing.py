"""Routes whose requests are validated before the endpoint is called: large bodies beside the event loop."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any, TypeVar, get_type_hints

from fastapi import Request
from fastapi.routing import APIRoute
from pydantic import TypeAdapter
from pydantic_core import to_json
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from allograph.server.incarnation import HEADER
from allograph.server.service import Caller, caller
from allograph.server.validation import check, check_body

Value = TypeVar("Value")
LARGE = 96 * 2**10
"""Bytes of a body from which on it is parsed beside the event loop: rows of numbers take 3 ms, ink 5 ms."""


async def parse_body(caller: Caller, raw: bytes, adapter: TypeAdapter[Value]) -> Value:
    """The value of a request's body, as `check_body` has it; a large one is parsed beside the event loop."""
    if len(raw) < LARGE:
        return check_body(raw, adapter, caller.limits)
    return await caller.service.parsing.run(caller.tenant, check_body, raw, adapter, caller.limits)


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


class ValidatedRoute(APIRoute):
    """A route whose requests have their bodies checked by `parse_body`: at once, or beside the event loop."""

    def get_route_handler(self) -> Callable[[Request], Any]:
        """FastAPI's handler, given a request whose body is checked already."""
        handler = super().get_route_handler()
        if self.body_field is None:
            return handler
        adapter = TypeAdapter[Any](get_type_hints(self.endpoint, include_extras=True)["body"])

        async def handle(request: Request) -> Response:
            raw = await request.body()
            value = await parse_body(await caller(request), raw, adapter)
            return await handler(CheckedRequest(request, raw, value))

        return handle


class DirectRoute(APIRoute):
    """A route to a writer's endpoint that is called thousands of times a second, past FastAPI's resolution of dependencies.

    It is declared, described and validated as any other, by the types of the endpoint's `writer` and `body`; it gets the header
    `X-Allograph-Incarnation` too.
    """

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request (ASGI)."""
        if scope["method"] not in (self.methods or ()):
            await super().handle(scope, receive, send)
            return
        name, body = self._types
        called = Caller(scope["allograph.tenant"], scope["app"].state.service)
        request = Request(scope, receive)
        raw = await request.body()
        writer = check(scope["path_params"]["writer"], name, ("path", "writer"))
        value, incarnation = await parse_body(called, raw, body), request.headers.get(HEADER)
        response: Response = await self.endpoint(writer, value, called, incarnation)
        await response(scope, receive, send)

    @cached_property
    def _types(self) -> tuple[TypeAdapter[Any], TypeAdapter[Any]]:
        hints = get_type_hints(self.endpoint, include_extras=True)
        return TypeAdapter(hints["writer"]), TypeAdapter(hints["body"])


def json_response(value: Any, headers: Mapping[str, str] | None = None) -> Response:
    """A value as JSON, without the validation against its model that FastAPI would add: tests do that."""
    return Response(to_json(value), headers=headers, media_type="application/json")
