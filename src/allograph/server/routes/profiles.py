"""Profiles as files: export and import."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import Response

from allograph.profiles.journal import Key, unknown_writer
from allograph.server.incarnation import about_writer
from allograph.server.problems import responses
from allograph.server.requests import Incarnation, WriterName
from allograph.server.responses import ImportResponse
from allograph.server.routing import ValidatedRoute, json_response
from allograph.server.service import Caller, CallerDependency, in_thread

router = APIRouter(prefix="/v1", route_class=ValidatedRoute, tags=["writers"])
BYTES = {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}


@router.get(
    "/writers/{writer}/profile",
    response_class=Response,
    responses={**responses(404, 422), 200: {"description": "The profile: one file.", "content": BYTES}},
)
async def export_profile(writer: WriterName, caller: CallerDependency) -> Response:
    """All that a writer taught, as one file: to keep, or to import elsewhere."""
    await in_thread(_note_export, caller, writer)
    return await caller.service.transfer.export(caller.tenant, writer)


def _note_export(caller: Caller, name: str) -> None:
    """Before the first byte goes out, and for nobody who is not there."""
    if not caller.incarnation_header(name):
        raise unknown_writer(Key(caller.tenant, name))
    caller.note("export", name)


@router.put(
    "/writers/{writer}/profile",
    response_model=ImportResponse,
    responses=about_writer(409, 410, 415, 422),
    openapi_extra={"requestBody": {"required": True, "content": BYTES}},
)
async def import_profile(
    writer: WriterName, caller: CallerDependency, request: Request, incarnation: Incarnation = None
) -> Response:
    """Join an exported profile to a writer's own, which need not exist; what is known already counts once."""
    merged = await caller.service.transfer.merge(caller.tenant, writer, request, incarnation)
    await in_thread(caller.note, "import", writer)
    return json_response(merged._asdict(), await in_thread(caller.incarnation_header, writer))
