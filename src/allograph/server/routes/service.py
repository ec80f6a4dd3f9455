"""The service itself: its model, its health, its numbers."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from allograph.alphabet.labels import NAMED
from allograph.server.metrics import CONTENT_TYPE
from allograph.server.problems import responses
from allograph.server.responses import Health, Model
from allograph.server.service import Called, Served, answer

router = APIRouter(prefix="/v1", tags=["service"])
TEXT: dict[str, Any] = {"text/plain": {"schema": {"type": "string"}}}


@router.get("/model", response_model=Model, responses=responses())
async def model(request: Request, served: Served) -> Response:
    """The recognizer, and what the service is set to. Needs no key."""
    recognizer, limits = served.writers.pipeline.recognizer, asdict(served.settings.limits)
    limits["burst"] = served.settings.limits.burst
    labels = recognizer.alphabet.labels
    alphabets = {name: found for name, named in NAMED.items() if (found := [label for label in labels if label in named])}
    del limits["waiting"]
    return answer(
        {
            "labels": labels,
            "frame": recognizer.frame,
            "model_hash": recognizer.bundle.model_hash,
            "alphabets": alphabets,
            "adapter": served.writers.pipeline.adapter.name,
            "implicit": served.writers.implicit,
            "keys": request.scope["allograph.keys"],
            "limits": limits,
        }
    )


@router.get("/live", response_model=Health, responses=responses())
async def live() -> Response:
    """That the process answers. Needs no key."""
    return answer({"status": "ok"})


@router.get("/ready", response_model=Health, responses=responses())
async def ready(served: Served) -> Response:
    """That the store would serve a request now; 503 where it would not, or does not say so in two seconds. Needs no key."""
    await served.readiness.check()
    return answer({"status": "ok"})


@router.get(
    "/metrics",
    response_class=Response,
    responses={**responses(), 200: {"description": "Prometheus' text format.", "content": TEXT}},
)
async def metrics(called: Called) -> Response:
    """This process's numbers, and those of the caller's tenant."""
    return Response(called.service.metrics.text(called.tenant), headers={"content-type": CONTENT_TYPE})
