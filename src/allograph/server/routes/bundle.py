"""What reading on a device needs: the files of the bundle, and a writer's state."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from pathlib import Path
from typing import Any

from fastapi import APIRouter, Request
from starlette.exceptions import HTTPException
from starlette.responses import Response

from allograph.server.problems import responses
from allograph.server.requests import WriterName
from allograph.server.responses import BundleResponse
from allograph.server.routing import ValidatedRoute, json_response
from allograph.server.service import CallerDependency, ServiceDependency

router = APIRouter(prefix="/v1", route_class=ValidatedRoute, tags=["on a device"])
NEEDED = ("config.json", "model.onnx", "adapters.safetensors")
BYTES: dict[str, Any] = {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}


@router.get("/bundle", response_model=BundleResponse, responses=responses())
def bundle(service: ServiceDependency) -> Response:
    """The files of the model that the service reads with, as far as a device needs them to read by itself. Needs no key."""
    pipeline = service.writers.pipeline
    folder = pipeline.recognizer.bundle.path
    return json_response(
        {
            "model_hash": pipeline.recognizer.bundle.model_hash,
            "adapter": pipeline.adapter.name,
            "adapter_version": pipeline.adapter.version,
            "files": [
                {"name": name, "bytes": len(content), "sha256": digest}
                for name in NEEDED
                for content, digest in [_file(folder / name)]
            ],
        }
    )


@router.get(
    "/bundle/{name}",
    response_class=Response,
    responses={**responses(404), 200: {"description": "The file.", "content": BYTES}},
)
def bundle_file(name: str, request: Request, service: ServiceDependency) -> Response:
    """One of these files. Needs no key."""
    if name not in NEEDED:
        raise HTTPException(404, f"a bundle has {', '.join(NEEDED)} for a device, and no such file")
    content, digest = _file(service.writers.pipeline.recognizer.bundle.path / name)
    headers = {"etag": f'"{digest}"'}
    if request.headers.get("if-none-match") == headers["etag"]:
        return Response(status_code=304, headers=headers)
    return Response(content, media_type="application/octet-stream", headers=headers)


@router.get(
    "/writers/{writer}/state",
    response_class=Response,
    responses={**responses(404, 409, 422), 200: {"description": "The state: one safetensors file.", "content": BYTES}},
)
def state(writer: WriterName, caller: CallerDependency, request: Request) -> Response:
    """What the adapter knows of a writer by now, for a device that reads by itself. `X-Allograph-Head` tells how far it goes.

    With `If-None-Match` the same state is a 304.
    """
    snapshot = caller.writer(writer).live.up_to_date()
    blob = snapshot.state.to_bytes(caller.service.writers.pipeline.adapter)
    headers = {"x-allograph-head": str(snapshot.head), "etag": f'"{hashlib.sha256(blob).hexdigest()}"'}
    if request.headers.get("if-none-match") == headers["etag"]:
        return Response(status_code=304, headers=headers)
    return Response(blob, media_type="application/octet-stream", headers=headers)


@lru_cache(maxsize=8)
def _file(path: Path) -> tuple[bytes, str]:
    """A file's content and its SHA-256."""
    content = path.read_bytes()
    return content, hashlib.sha256(content).hexdigest()
