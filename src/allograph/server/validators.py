"""Answers that a client may keep, and asks whether they still hold (RFC 9110, section 13)."""

from __future__ import annotations

from collections.abc import Mapping

from fastapi import Request
from starlette.responses import Response

MEDIA_TYPE = "application/octet-stream"


def has_current(request: Request, tag: str) -> bool:
    """Whether the client has what this entity tag, without its quotes, names."""
    asked = request.headers.get("if-none-match", "")
    return asked.strip() == "*" or f'"{tag}"' in [one.strip().removeprefix("W/") for one in asked.split(",")]


def bytes_response(content: bytes | None, tag: str, headers: Mapping[str, str]) -> Response:
    """Bytes with their entity tag; None where the client has them: 304."""
    told = {**headers, "etag": f'"{tag}"'}
    return Response(status_code=304, headers=told) if content is None else Response(content, headers=told, media_type=MEDIA_TYPE)
