"""Traces for OpenTelemetry: a span a request, and one for each of its stages. They hold no handwriting, label, name or key."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

import sqlalchemy as sa
from starlette.types import Scope

import allograph
from allograph.errors import InputError, missing_extra
from allograph.server.stages import Stages, note

FLUSH = 2000
"""Milliseconds that the spans which wait have to go out when the service ends."""
TIMEOUT = 3.0
"""Seconds that the collector has for an answer."""
_BEGAN = "allograph_began"


class Traces:
    """Makes spans and sends them to a collector that speaks OTLP over HTTP.

    Raises `InputError` where the address cannot be one, `MissingExtraError` without the library.

    A request that comes with a `traceparent` goes on with that trace. What OpenTelemetry's own variables say, of sampling and of
    the resource, holds.
    """

    def __init__(self, url: str, worker: str | None) -> None:
        _check(url)
        try:
            from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
            from opentelemetry.sdk.resources import Resource
            from opentelemetry.sdk.trace import TracerProvider
            from opentelemetry.sdk.trace.export import BatchSpanProcessor
        except ModuleNotFoundError as error:
            raise missing_extra("opentelemetry", "telemetry") from error
        instance = {} if worker is None else {"service.instance.id": worker}
        resource = Resource.create({"service.name": "allograph", "service.version": allograph.__version__, **instance})
        self._provider = TracerProvider(resource=resource)
        self._provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=url, timeout=TIMEOUT)))
        self._tracer = self._provider.get_tracer("allograph", allograph.__version__)
        for name, heard in _HEARD.items():
            sa.event.listen(sa.engine.Engine, name, heard)

    def record(self, scope: Scope, stages: Stages, began: int, method: str, route: str, status: int) -> None:
        """Send the spans of a request that was answered; `began` is in nanoseconds since 1970."""
        from opentelemetry.trace import SpanKind, Status, StatusCode, set_span_in_context
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

        headers = {
            name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"] if name.startswith(b"trace")
        }
        facts: dict[str, Any] = {
            "http.request.method": method,
            "http.route": route,
            "http.response.status_code": status,
            "allograph.request": scope["allograph.id"],
        }
        if "allograph.tenant" in scope:
            facts["allograph.tenant"] = scope["allograph.tenant"]
        parent = TraceContextTextMapPropagator().extract(headers)
        span = self._tracer.start_span(f"{method} {route}", parent, SpanKind.SERVER, facts, start_time=began)
        if status >= 500:
            span.set_status(Status(StatusCode.ERROR))
        if span.is_recording():
            inside = set_span_in_context(span)
            for one in stages:
                self._tracer.start_span(one.name, inside, start_time=one.began).end(one.ended)
        span.end(time.time_ns())

    def close(self) -> None:
        """Send what waits, as far as the collector takes it."""
        for name, heard in _HEARD.items():
            with suppress(sa.exc.InvalidRequestError):  # another has done so
                sa.event.remove(sa.engine.Engine, name, heard)
        self._provider.force_flush(FLUSH)
        self._provider.shutdown()


def _check(url: str) -> None:
    """Raise `InputError` for what is no address of HTTP."""
    try:
        parts = urlsplit(url)
        is_one = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_one = False
    if not is_one:
        raise InputError(f"traces go to an address of HTTP, such as http://127.0.0.1:4318/v1/traces, not to {url!r}")


def _statement_begins(connection: Any, *_: Any) -> None:
    connection.info[_BEGAN] = time.time_ns()


def _statement_ends(connection: Any, *_: Any) -> None:
    began = connection.info.pop(_BEGAN, None)
    if began is not None:
        note("store", began)


_HEARD = {"before_cursor_execute": _statement_begins, "after_cursor_execute": _statement_ends}
"""What SQLAlchemy tells of each statement, whatever store it is of."""
