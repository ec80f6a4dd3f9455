"""What every request passes, on its way in and out: who asks, how much, how often; then its line in the log."""

from __future__ import annotations

import time
from collections.abc import MutableMapping
from typing import Any
from urllib.parse import unquote_to_bytes

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from allograph.errors import StorageError
from allograph.server.access import Access, Refused, is_loopback
from allograph.server.log import LOGGER, RequestLog, failure
from allograph.server.metrics import Metrics
from allograph.server.problems import GONE, problem, storage_problem
from allograph.server.random_id import random_id
from allograph.server.scopes import needed_scope
from allograph.server.settings import Limits
from allograph.server.stages import Stages, spending_for
from allograph.server.traces import Traces

OPEN = ("/v1/live", "/v1/ready", "/v1/model", "/v1/openapi.json")
"""What needs no key, besides the page and the bundle: it tells of no writer."""
BUNDLE = "/v1/bundle"
"""The bundle and its files, which are everybody's too."""
HEALTH = ("/v1/live", "/v1/ready")
"""What answers to whoever asks, and asks no key table first: it tells nothing."""
ADDRESS = 8192
"""Bytes that an address may have; 414 beyond."""
HEAD = 32768
"""Bytes that the headers of a request may have together; 431 beyond."""
HEADERS = 100
"""Headers that a request may have; 431 beyond."""
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src 'self'; font-src 'self'; "
    "manifest-src 'self'; worker-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
WORKER = "/static/js/allograph/worker.js"
"""Reads on the device: it alone may compile WebAssembly, for a worker has the policy of its own response."""
POLICIES = {WORKER: POLICY.replace("script-src 'self'", "script-src 'self' 'wasm-unsafe-eval'").encode()}
ALWAYS = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
)
UNSTORED = (b"cache-control", b"no-store")
"""What a writer taught stays in nobody's cache."""


class Gate:
    """The outermost application: it lets a request through to the inner one, or answers it with a problem.

    Everything under /v1 needs a key, but for what `needs_key` leaves out: no operation can forget to ask. What the inner
    application needs of all this stands in the scope: `allograph.tenant`, `allograph.actor`, `allograph.keys` and `allograph.id`.
    """

    def __init__(
        self, app: ASGIApp, access: Access, limits: Limits, metrics: Metrics, log: RequestLog, traces: Traces | None = None
    ) -> None:
        self._app = app
        self._access = access
        self._limits = limits
        self._metrics = metrics
        self._log = log
        self._traces = traces
        metrics.watch_log(lambda: log.lost)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request (ASGI)."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
        elif scope["type"] == "http" and self._traces:
            stages, began = Stages(), time.time_ns()
            with spending_for([stages]):
                method, route, status = await self._serve(scope, receive, send)
            self._traces.record(scope, stages, began, method, route, status)
        elif scope["type"] == "http":
            await self._serve(scope, receive, send)

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> tuple[str, str, int]:
        """Answer a request; returns its method, the template of its address, and the status."""
        began = time.perf_counter()
        id = scope["allograph.id"] = random_id()[:16]
        policy = POLICIES.get(scope["path"], POLICY.encode())
        always = [*ALWAYS, (b"content-security-policy", policy), (b"x-request-id", id.encode())]
        if scope["path"].startswith("/v1") and not scope["path"].startswith(f"{BUNDLE}/"):
            always.append(UNSTORED)
        status = 0

        async def answer(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", ()), *always]
            await send(message)

        try:
            try:
                await self._admit(scope)
                await self._app(scope, self._measured(scope, receive), answer)
            except Refused as refused:
                await problem(refused.status, refused.detail, id, refused.kind, refused.headers)(scope, receive, answer)
            except StorageError as error:
                await storage_problem(error, id)(scope, receive, answer)
        except Exception as error:  # the inner application has answered with a problem already
            LOGGER.error("failure", extra={"facts": {"id": id, **failure(error)}})
            if not status:
                await problem(500, "the service failed; its log tells more under this request's id", id)(scope, receive, answer)
        finally:
            method, route = self._record(scope, status or GONE, time.perf_counter() - began)
        return method, route, status or GONE

    async def _admit(self, scope: Scope) -> None:
        """Find the tenant, or raise `Refused`."""
        path, headers = scope["path"], _headers(scope)
        _check_address(scope)
        host = headers.get(b"host")
        if path in HEALTH:
            keys = True
        elif path.startswith("/v1") and path != "/v1/openapi.json":
            keys = await self._access.keys()
        else:  # what is the same for everybody asks the store only before it turns somebody away
            keys = self._access.keyed or (not (host and is_loopback(host)) and await self._access.keys())
        self._access.check_origin(host, headers.get(b"origin"), keys)
        scope["allograph.keys"] = keys
        if needs_key(path):
            needed = needed_scope(scope["method"], path)
            tenant, scope["allograph.actor"] = await self._access.admit(headers.get(b"authorization"), needed)
            scope["allograph.tenant"] = tenant
            self._access.check_rate(tenant)
        length = headers.get(b"content-length", "0")
        if not (length.isascii() and length.isdigit() and len(length) < 20) or int(length) > self._most(scope):
            raise _too_large(self._most(scope))
        if scope["method"] == "POST" and b"transfer-encoding" not in headers and length == "0":
            return
        if scope["method"] == "POST" and headers.get(b"content-type", "").partition(";")[0].strip().lower() != "application/json":
            raise Refused(415, "the body of a POST is application/json")

    def _most(self, scope: Scope) -> int:
        """Bytes that the body may have."""
        return self._limits.profile if scope["method"] == "PUT" else self._limits.body

    def _measured(self, scope: Scope, receive: Receive) -> Receive:
        """Where the length of the body is not told, count what comes."""
        if any(name == b"content-length" for name, _ in scope["headers"]):
            return receive
        most, count = self._most(scope), 0

        async def counted() -> Message:
            nonlocal count
            message: MutableMapping[str, Any] = await receive()
            count += len(message.get("body", b""))
            if count > most:
                raise HTTPException(413, f"the body has more than {most} bytes", {"connection": "close"})
            return message

        return counted

    def _record(self, scope: Scope, status: int, seconds: float) -> tuple[str, str]:
        """Count the request and write its line. The address is told by its template, which it returns: it may hold a name."""
        route = getattr(scope.get("route"), "path", "other")
        method = "other" if route == "other" or scope["method"] not in _METHODS else scope["method"]
        self._metrics.answered(method, route, status, seconds)
        self._log.request(route, method, status, seconds, scope["allograph.id"], scope.get("allograph.tenant"))
        return method, route


def needs_key(path: str) -> bool:
    """Whether an address tells or changes something that is a tenant's."""
    return path.startswith("/v1") and path not in OPEN and path != BUNDLE and not path.startswith(f"{BUNDLE}/")


def _headers(scope: Scope) -> dict[bytes, str]:
    """The headers that matter here; raises `Refused` where there are too many or too large ones."""
    found: dict[bytes, str] = {}
    size = 0
    for name, value in scope["headers"]:
        size += len(name) + len(value)
        if name in _WANTED:
            found[name] = value.decode("latin-1")
    if size > HEAD or len(scope["headers"]) > HEADERS:
        detail = f"the head of a request may have {HEADERS} headers of {HEAD} bytes together; send fewer or shorter ones"
        raise Refused(431, detail, {"connection": "close"})
    return found


_WANTED = frozenset((b"host", b"origin", b"authorization", b"content-length", b"content-type", b"transfer-encoding"))
_METHODS = frozenset(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"))


def _check_address(scope: Scope) -> None:
    """Raise `Refused` for an address that is too long, or that is no text: what comes of bytes that are none is a guess."""
    path, query = scope["path"], scope["query_string"]
    if len(path) + len(query) > ADDRESS:
        raise Refused(414, f"an address may have {ADDRESS} bytes; what is longer goes into a body", {"connection": "close"})
    if query or "\ufffd" in path:
        try:
            asked = unquote_to_bytes(query).decode()
            unquote_to_bytes(scope.get("raw_path") or b"").decode()
        except UnicodeDecodeError:
            raise Refused(400, "the address is no UTF-8 text; encode what it names as UTF-8 before it is quoted") from None
        if "\0" in asked:
            raise Refused(400, "the address has a NUL character in its query; leave it out")


def _too_large(most: int) -> Refused:
    return Refused(413, f"the body may have {most} bytes; send less at once", {"connection": "close"})
