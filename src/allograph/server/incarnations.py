"""Requests that name the incarnation of a writer's profile: they reach that one, or are told that it is gone."""

from __future__ import annotations

import re

from starlette.concurrency import run_in_threadpool
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from allograph.errors import InputError
from allograph.profiles.incarnation import erased_writer, expecting, incarnation_of
from allograph.profiles.journal import Key
from allograph.profiles.store import Store
from allograph.server.problems import problem

HEADER = b"x-allograph-incarnation"
_WRITER = re.compile(r"/v1/writers/([^/]+)(/.*)?")
_TELLING = ("/correct", "/accept", "/undo", "/lines/correct", "/lines/accept", "/lines/read", "/state")
"""What answers with the incarnation, unasked: whoever corrects, or takes the state along, is to know it."""


class Incarnations:
    """Lets a request through that names no incarnation, or the one that there is; answers 410 to any other.

    Within a request that names one, the store checks it once more as it writes: nothing is written for a profile that was erased
    in between.
    """

    def __init__(self, app: ASGIApp, store: Store) -> None:
        self._app = app
        self._store = store

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request (ASGI)."""
        found = _WRITER.fullmatch(scope.get("path", "")) if scope["type"] == "http" else None
        named = dict(scope["headers"]).get(HEADER) if found else None
        telling = found is not None and (found[2] in _TELLING or (found[2] is None and scope["method"] == "GET"))
        if found is None or not (named or telling):
            await self._app(scope, receive, send)
            return
        try:
            key = Key.of(scope["allograph.tenant"], found[1])
        except InputError:  # the endpoint says what is wrong with the name
            await self._app(scope, receive, send)
            return

        async def answer(message: Message) -> None:
            if telling and message["type"] == "http.response.start" and message["status"] < 300:
                now = await run_in_threadpool(self._incarnation, key)
                if now is not None:
                    message["headers"] = [*message.get("headers", ()), (HEADER, now.encode())]
            await send(message)

        if not named:
            await self._app(scope, receive, answer)
            return
        expected = named.decode("latin-1")
        if await run_in_threadpool(self._incarnation, key) != expected:
            await problem(410, str(erased_writer(key)), scope["allograph.id"], "erased")(scope, receive, send)
            return
        with expecting(expected):
            await self._app(scope, receive, answer)

    def _incarnation(self, key: Key) -> str | None:
        (version,) = self._store.versions([key])
        return None if version is None else incarnation_of(version.profile)
