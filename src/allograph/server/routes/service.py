"""The service itself: its model, its health, its numbers."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from allograph.alphabet.labels import NAMED
from allograph.server.metrics import CONTENT_TYPE
from allograph.server.problems import responses
from allograph.server.responses import HealthResponse, ModelResponse
from allograph.server.routing import json_response
from allograph.server.service import CallerDependency, ServiceDependency

router = APIRouter(prefix="/v1", tags=["service"])
TEXT: dict[str, Any] = {"text/plain": {"schema": {"type": "string"}}}


@router.get("/model", response_model=ModelResponse, responses=responses())
async def model(request: Request, service: ServiceDependency) -> Response:
    """The recognizer, and what the service is set to. Needs no key."""
    recognizer, limits = service.writers.pipeline.recognizer, asdict(service.settings.limits)
    limits["burst"] = service.settings.limits.burst
    labels = recognizer.alphabet.labels
    alphabets = {name: members for name, named in NAMED.items() if (members := [label for label in labels if label in named])}
    del limits["waiting"]
    return json_response(
        {
            "labels": labels,
            "frame": recognizer.frame,
            "model_hash": recognizer.bundle.model_hash,
            "alphabets": alphabets,
            "adapter": service.writers.pipeline.adapter.name,
            "implicit": service.writers.implicit,
            "keys": request.scope["allograph.keys"],
            "limits": limits,
        }
    )


@router.get("/live", response_model=HealthResponse, responses=responses())
async def live() -> Response:
    """That the process answers. Needs no key."""
    return json_response({"status": "ok"})


@router.get("/ready", response_model=HealthResponse, responses=responses())
async def ready(service: ServiceDependency) -> Response:
    """That the store would serve a request now; 503 where it would not, or does not say so in two seconds. Needs no key."""
    await service.readiness.check()
    return json_response({"status": "ok"})


@router.get(
    "/metrics",
    response_class=Response,
    responses={**responses(), 200: {"description": "Prometheus' text format.", "content": TEXT}},
)
def metrics(caller: CallerDependency) -> Response:
    """The service's numbers, of all its workers on this machine, and those of the caller's tenant."""
    text = (caller.service.shared or caller.service.metrics).text(caller.tenant)
    return Response(text, headers={"content-type": CONTENT_TYPE})
