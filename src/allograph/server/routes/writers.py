"""What the store knows of a tenant's writers, and taking it along or away."""

from __future__ import annotations

import base64
import io
from typing import Annotated, Any

import numpy as np
from fastapi import APIRouter, Query, Request
from numpy.typing import NDArray
from starlette.responses import Response

from allograph.profiles.journal import Key, Row, unknown_writer
from allograph.server.problems import responses
from allograph.server.requests import After, WriterName
from allograph.server.responses import About, Erased, Journal, Merged, Page
from allograph.server.service import Called, FastRoute, answer
from allograph.writers.habits import shares

router = APIRouter(prefix="/v1", route_class=FastRoute, tags=["writers"])
BYTES = {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}
Limit = Annotated[int, Query(ge=1, le=1000, description="How many at most.")]


@router.get("/writers", response_model=Page, response_model_exclude_unset=True, responses=responses(422))
def listed(
    called: Called,
    after: After = "",
    limit: Limit = 100,
) -> Response:
    """The tenant's writers in the order of their names."""
    found = called.writers.profiles(after, limit + 1)
    page: dict[str, Any] = {"writers": [{"name": one.name, "corrections": one.corrections} for one in found[:limit]]}
    if len(found) > limit:
        page["next"] = found[limit - 1].name
    return answer(page)


@router.get("/writers/{writer}", response_model=About, responses=responses(404, 409, 422))
def about(writer: WriterName, called: Called) -> Response:
    """A writer: how much was taught, the labels of their own, and how often reading them was right."""
    known = called.known(writer)
    rows = known.rows()
    samples, base, personal = shares(rows)
    return answer(
        {
            "name": known.name,
            "corrections": len(rows),
            "implicit": sum(row.implicit for row in rows),
            "labels": list(known.state.labels),
            "accuracy": {"samples": samples, "base": base, "personal": personal},
        }
    )


@router.get("/writers/{writer}/corrections", response_model=Journal, responses=responses(404, 422))
def corrections(
    writer: WriterName,
    called: Called,
    after: Annotated[int, Query(ge=0, le=2**53, description="Only those after this place in the journal.")] = 0,
    limit: Limit = 100,
) -> Response:
    """The journal: what was taught and not taken back, in order."""
    found = called.known(writer).rows(after, limit + 1, images=True)
    page: dict[str, Any] = {"corrections": [_told(row) for row in found[:limit]]}
    if len(found) > limit:
        page["next"] = found[limit - 1].seq
    return answer(page)


@router.get(
    "/writers/{writer}/profile",
    response_class=Response,
    responses={**responses(404, 422), 200: {"description": "The profile: one file.", "content": BYTES}},
)
async def exported(writer: WriterName, called: Called) -> Response:
    """All that a writer taught, as one file: to keep, or to import elsewhere."""
    return await called.service.archives.export(called.tenant, writer)


@router.put(
    "/writers/{writer}/profile",
    response_model=Merged,
    responses=responses(409, 415, 422),
    openapi_extra={"requestBody": {"required": True, "content": BYTES}},
)
async def imported(writer: WriterName, called: Called, request: Request) -> Response:
    """Join an exported profile to a writer's own, which need not exist; what is known already counts once."""
    return answer((await called.service.archives.merge(called.tenant, writer, request))._asdict())


@router.delete("/writers/{writer}", response_model=Erased, responses=responses(404, 422))
def erase(writer: WriterName, called: Called) -> Response:
    """Erase a writer: nothing of them is left in the store, nor in the memory of any replica for more than a few seconds."""
    if not called.writers.erase(writer):
        raise unknown_writer(Key(called.tenant, writer))
    return answer({"erased": True})


def png(image: NDArray[np.uint8]) -> str:
    """A sample as Base64 of a PNG."""
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(image).save(file, "PNG")
    return base64.b64encode(file.getvalue()).decode()


def _told(row: Row) -> dict[str, Any]:
    names = ("seq", "id", "label", "implicit", "time", "base", "answer")
    told = {name: getattr(row, name) for name in names}
    return told if row.image is None else {**told, "image": png(row.image)}
