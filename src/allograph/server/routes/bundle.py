"""What reading on a device needs: the bundle's files, and what the adapter knows of a writer."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Path, Query, Request
from starlette.exceptions import HTTPException
from starlette.responses import Response

from allograph.profiles.journal import Key, unknown_writer
from allograph.server.incarnation import HEADER, about_writer, incarnation_header
from allograph.server.problems import responses
from allograph.server.requests import Incarnation, WriterName
from allograph.server.responses import BundleResponse
from allograph.server.routing import ValidatedRoute, json_response
from allograph.server.service import CallerDependency, ServiceDependency, in_thread
from allograph.server.validators import MEDIA_TYPE, bytes_response, has_current

router = APIRouter(prefix="/v1", route_class=ValidatedRoute, tags=["devices"])
YEAR = 31_536_000
"""Seconds for which a file that is named by its content may be kept."""
BYTES = {MEDIA_TYPE: {"schema": {"type": "string", "format": "binary"}}}
TEXT = {"schema": {"type": "string"}}
KEPT: dict[int | str, dict[str, Any]] = {304: {"description": "The client has it: `If-None-Match` names its entity tag."}}


@router.get("/bundle", response_model=BundleResponse, responses=responses())
async def bundle(service: ServiceDependency) -> Response:
    """The files of the bundle that reading on a device needs, and the adapter that learns there. Needs no key."""
    pipeline, files = service.writers.pipeline, await in_thread(lambda: service.bundle_files)
    return json_response(
        {
            "model_hash": pipeline.recognizer.bundle.model_hash,
            "adapter": pipeline.adapter.name,
            "adapter_version": pipeline.adapter.version,
            "files": [{"name": one.name, "bytes": len(one.content), "sha256": one.sha256} for one in files.values()],
        }
    )


@router.get(
    "/bundle/{name}",
    response_class=Response,
    responses={
        **responses(404, 422),
        **KEPT,
        200: {"description": "The file.", "content": BYTES, "headers": {"ETag": {"description": "Its SHA-256.", **TEXT}}},
    },
)
async def bundle_file(
    service: ServiceDependency,
    request: Request,
    name: str = Path(examples=["config.json"]),
    v: str | None = Query(None, description="The file's SHA-256: then the answer may be kept for good."),
) -> Response:
    """A file of the bundle, as `/v1/bundle` names it. Needs no key."""
    files = await in_thread(lambda: service.bundle_files)
    file = files.get(name)
    if file is None or v not in (None, file.sha256):
        names = ", ".join(files)
        raise HTTPException(404, f"the bundle has no such file for devices; it has {names}, and /v1/bundle tells their hashes")
    keep = "no-cache" if v is None else f"public, max-age={YEAR}, immutable"
    content = None if has_current(request, file.sha256) else file.content
    return bytes_response(content, file.sha256, {"cache-control": keep})


@router.get(
    "/writers/{writer}/state",
    response_class=Response,
    responses={
        **responses(404, 409, 410, 422),
        **KEPT,
        200: {
            "description": "The state: a safetensors file.",
            "content": BYTES,
            "headers": {
                **about_writer()[200]["headers"],
                "X-Allograph-Head": {"description": "How far the journal goes that it is learned from.", **TEXT},
                "ETag": {"description": "Another one once the state is another.", **TEXT},
            },
        },
    },
)
async def state(writer: WriterName, caller: CallerDependency, request: Request, incarnation: Incarnation = None) -> Response:
    """What the adapter knows of a writer, all of the journal learned: with the bundle's files, a device reads alike."""
    pipeline = caller.service.writers.pipeline
    snapshot = await caller.service.reader.snapshot(caller.tenant, writer)
    key, version = Key(caller.tenant, writer), snapshot.version
    headers = incarnation_header(key, version, incarnation)
    if version is None:
        raise unknown_writer(key)
    headers["X-Allograph-Head"] = str(version.head)
    tag = f"{headers[HEADER]}-{version.edition}-{version.head}-{pipeline.fingerprint[:16]}"
    content = None
    if not has_current(request, tag):
        content = await in_thread(snapshot.state.to_bytes, pipeline.adapter)
        await in_thread(caller.note, "state", writer)
    return bytes_response(content, tag, headers)
