"""A tenant's writers: the list of them, what is known of one, and erasing one."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from fastapi import APIRouter
from starlette.responses import Response

from allograph.profiles.journal import Key, unknown_writer
from allograph.server.incarnation import about_writer
from allograph.server.problems import responses
from allograph.server.requests import After, Limit, WriterName
from allograph.server.responses import EraseResponse, WriterResponse, WritersResponse
from allograph.server.routing import ValidatedRoute, json_response
from allograph.server.service import CallerDependency
from allograph.writers.habits import accuracy

router = APIRouter(prefix="/v1", route_class=ValidatedRoute, tags=["writers"])


@router.get("/writers", response_model=WritersResponse, response_model_exclude_unset=True, responses=responses(422))
def list_writers(caller: CallerDependency, after: After = "", limit: Limit = 100) -> Response:
    """The tenant's writers in the order of their names."""
    profiles = caller.writers.profiles(after, limit + 1)
    page: dict[str, Any] = {"writers": [{"name": one.name, "corrections": one.corrections} for one in profiles[:limit]]}
    if len(profiles) > limit:
        page["next"] = profiles[limit - 1].name
    return json_response(page)


@router.get("/writers/{writer}", response_model=WriterResponse, responses=about_writer(404, 409, 422))
def describe_writer(writer: WriterName, caller: CallerDependency) -> Response:
    """A writer: how much was taught, the labels of their own, and how often reading them was right."""
    profile, headers = caller.writer(writer)
    rows = profile.rows()
    return json_response(
        {
            "name": profile.name,
            "corrections": len(rows),
            "implicit": sum(row.implicit for row in rows),
            "labels": list(profile.state.labels),
            "accuracy": asdict(accuracy(rows)),
        },
        headers,
    )


@router.delete("/writers/{writer}", response_model=EraseResponse, responses=responses(404, 422))
def erase_writer(writer: WriterName, caller: CallerDependency) -> Response:
    """Erase a writer: nothing of them is left in the store, nor in the memory of any replica for more than a few seconds."""
    if not caller.writers.erase(writer, caller.actor):
        raise unknown_writer(Key(caller.tenant, writer))
    return json_response({"erased": True})
