"""Errors as problem details (RFC 9457)."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field
from pydantic_core import to_json
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import Response

from allograph.errors import (
    AllographError,
    FormatError,
    ImageError,
    InputError,
    MismatchError,
    StorageError,
    TooManyWriters,
    UnknownCorrection,
    UnknownLabel,
    UnknownWriter,
)

MEDIA_TYPE = "application/problem+json"
RETRY = {"retry-after": "1"}
GONE = 499
"""The status, in logs and metrics only, of a request whose client went away."""
KINDS: tuple[tuple[type[AllographError], str, int], ...] = (
    (UnknownCorrection, "unknown-correction", 404),
    (UnknownWriter, "unknown-writer", 404),
    (MismatchError, "mismatch", 409),
    (TooManyWriters, "too-many-writers", 409),
    (UnknownLabel, "unknown-label", 422),
    (ImageError, "image", 422),
    (FormatError, "format", 422),
    (InputError, "input", 422),
    (StorageError, "storage", 503),
)
"""allograph's errors, the first that fits: the last word of the problem's type, and the status."""
MEANING = {
    400: "The body is not JSON.",
    401: "A key is needed: `Authorization: Bearer KEY`.",
    403: "The Host or Origin is not one that this service answers to.",
    404: "There is no such writer, correction or address.",
    405: "The address does not know this method.",
    409: "The profile was made for another model, or the tenant has as many writers as it may.",
    413: "The body is too large.",
    415: "The body is of another media type than this address takes.",
    422: "Something in the request cannot be used; the detail names it and says what would do.",
    429: "Too many requests; `Retry-After` says when to come again.",
    503: "The store does not answer, or too much is waiting; `Retry-After` says when to come again.",
}


class Problem(BaseModel):
    """What went wrong (RFC 9457)."""

    type: str = Field(
        examples=["urn:allograph:unknown-label"], description="What kind of problem; about:blank where the status says it all."
    )
    title: str = Field(examples=["Unprocessable Content"])
    status: int = Field(examples=[422])
    detail: str = Field(examples=["the bundle does not know the label 'ß'; teach it to this writer with new=true"])
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
    return {
        status: {"description": MEANING[status], "content": content} for status in sorted({*statuses, 401, 403, 413, 429, 503})
    }


def install(app: FastAPI) -> None:
    """Let an application answer every error with a problem."""
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(AllographError, _ours)
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


async def _ours(request: Request, error: Exception) -> Response:
    for kind, name, status in KINDS:
        if isinstance(error, kind):
            return problem(status, str(error), request_id(request), name, RETRY if status == 503 else None)
    return await _unforeseen(request, error)


async def _gone(request: Request, error: Exception) -> Response:
    """Nobody reads this; the log and the metrics tell it from what went wrong here."""
    return Response(status_code=GONE)


async def _unforeseen(request: Request, error: Exception) -> Response:
    return problem(500, "the service failed; its log tells more under this request's id", request_id(request))
