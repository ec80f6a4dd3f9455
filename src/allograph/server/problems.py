"""Errors as problem details (RFC 9457)."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field
from pydantic_core import to_json
from sqlalchemy.exc import SQLAlchemyError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import Response

from allograph.errors import (
    AllographError,
    BusyError,
    ErasedWriter,
    FormatError,
    ImageError,
    InputError,
    MismatchError,
    QuotaError,
    StorageError,
    TooManyWriters,
    UnknownCorrection,
    UnknownLabel,
    UnknownWriter,
)
from allograph.server.access import Refused
from allograph.server.log import LOGGER, storage_failure

MEDIA_TYPE = "application/problem+json"
FAILED = "the store does not answer as it should; try again in a moment. The service's log tells more under this request's id"
RETRY = {"retry-after": "1"}
GONE = 499
"""The status, in logs and metrics only, of a request whose client went away."""
KINDS: tuple[tuple[type[AllographError], str, int], ...] = (
    (UnknownCorrection, "unknown-correction", 404),
    (UnknownWriter, "unknown-writer", 404),
    (ErasedWriter, "erased", 410),
    (MismatchError, "mismatch", 409),
    (TooManyWriters, "too-many-writers", 409),
    (QuotaError, "quota", 403),
    (UnknownLabel, "unknown-label", 422),
    (ImageError, "image", 422),
    (FormatError, "format", 422),
    (InputError, "input", 422),
    (StorageError, "storage", 503),  # its text only where it is a `BusyError`'s
)
"""allograph's errors, the first that fits: the last word of the problem's type, and the status."""
MEANING = {
    400: "The body is not JSON, or the address is no text.",
    401: "A key is needed, and one that is valid: `Authorization: Bearer KEY`.",
    403: "The key's scope does not do, the tenant's quota is used up, or the Host or Origin is not one that is answered to.",
    404: "There is no such writer, correction or address.",
    405: "The address does not know this method.",
    408: "The request came too slowly to be waited for.",
    409: "The profile was made for another model, the model reads no lines, or the tenant has as many writers as it may.",
    410: "The writer's profile that `X-Allograph-Incarnation` names was erased; nothing was stored.",
    413: "The body is too large.",
    414: "The address is too long.",
    415: "The body is of another media type than this address takes.",
    422: "Something in the request cannot be used; the detail names it and says what would do.",
    429: "Too many samples or requests; `Retry-After` says when to come again.",
    431: "The head of the request is too large.",
    503: "The store does not answer, or too much is waiting; `Retry-After` says when to come again.",
}


class Problem(BaseModel):
    """What went wrong (RFC 9457)."""

    type: str = Field(
        examples=["urn:allograph:unknown-label"], description="What kind of problem; about:blank where the status says it all."
    )
    title: str = Field(examples=["Unprocessable Content"])
    status: int = Field(examples=[422])
    detail: str = Field(examples=["the model does not know the label 'ß'; teach it to this writer with \"new\": true"])
    instance: str = Field(
        examples=["5f0c1b9e3a7d2468"], description="The request's id, as in the header X-Request-Id and the logs."
    )


def problem(
    status: int, detail: str, instance: str, kind: str | None = None, headers: Mapping[str, str] | None = None
) -> Response:
    """A problem as a response."""
    found = {
        "type": f"urn:allograph:{kind}" if kind else "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "instance": instance,
    }
    return Response(to_json(found), status, headers, MEDIA_TYPE)


def responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """How an operation documents the problems that it may answer with, besides those that any may."""
    content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {status: {"description": MEANING[status], "content": content} for status in sorted({*statuses, *_ANYWHERE})}


_ANYWHERE = (400, 401, 403, 408, 413, 414, 429, 431, 503)
"""What the gate, or the connection, may answer to any request."""


def install(app: FastAPI) -> None:
    """Let an application answer every error with a problem."""
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(AllographError, _ours)
    for kind in (SQLAlchemyError, sqlite3.Error):  # no store lets one through; if one does, it is no less the store's
        app.add_exception_handler(kind, _stores)
    app.add_exception_handler(Refused, _refused)
    app.add_exception_handler(ClientDisconnect, _gone)
    app.add_exception_handler(Exception, _unforeseen)


def request_id(request: Request) -> str:
    """The request's id, which the gate gave it."""
    return str(request.scope.get("allograph.id", ""))


async def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    detail = "the body is not JSON" if error.status_code == 400 else str(error.detail)
    return problem(error.status_code, detail, request_id(request), headers=error.headers)


async def _invalid(request: Request, error: Exception) -> Response:
    """The first few faults, by their place in the request; what stands there is not repeated."""
    assert isinstance(error, RequestValidationError)
    faults = [f"{'.'.join(map(str, fault['loc']))}: {fault['msg'].removeprefix('Value error, ')}" for fault in error.errors()[:5]]
    return problem(422, "; ".join(faults), request_id(request), "input")


def storage_problem(error: Exception, instance: str) -> Response:
    """Tell the client that the store failed and nothing of it; the log gets the reason. What is only busy may say so."""
    if isinstance(error, BusyError):
        return problem(503, str(error), instance, "storage", RETRY)
    LOGGER.error("storage", extra={"facts": {"id": instance, **storage_failure(error)}})
    return problem(503, FAILED, instance, "storage", RETRY)


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, Refused)
    return problem(error.status, error.detail, request_id(request), error.kind, error.headers)


async def _stores(request: Request, error: Exception) -> Response:
    return storage_problem(error, request_id(request))


async def _ours(request: Request, error: Exception) -> Response:
    if isinstance(error, StorageError) or isinstance(error.__cause__, SQLAlchemyError | sqlite3.Error):
        return storage_problem(error, request_id(request))
    for kind, name, status in KINDS:
        if isinstance(error, kind):
            return problem(status, _words(error), request_id(request), name)
    return await _unforeseen(request, error)


def _words(error: Exception) -> str:
    """An error's message; what it advises is said as a request says it."""
    if isinstance(error, UnknownLabel) and error.teachable is not None:
        return f'the model does not know the label {error.teachable!r}; teach it to this writer with "new": true'
    return str(error)


async def _gone(request: Request, error: Exception) -> Response:
    """Nobody reads this; the log and the metrics tell it from what went wrong here."""
    return Response(status_code=GONE)


async def _unforeseen(request: Request, error: Exception) -> Response:
    return problem(500, "the service failed; its log tells more under this request's id", request_id(request))
