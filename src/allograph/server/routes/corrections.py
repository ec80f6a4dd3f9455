"""Learning from corrections, and taking them back."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Header
from starlette.responses import Response

from allograph.errors import UnknownCorrection
from allograph.profiles.journal import Correction
from allograph.readings import Reading
from allograph.server.problems import responses
from allograph.server.requests import ForgetBody, Taught, TeachBody, UndoBody, WriterName
from allograph.server.responses import Corrected, Forgotten, Undone
from allograph.server.service import Called, Caller, FastRoute, answer, in_thread
from allograph.writers import Request

router = APIRouter(prefix="/v1", route_class=FastRoute, tags=["teaching"])
KeepImages = Annotated[
    Literal["yes", "no"], Header(alias="X-Allograph-Keep-Images", description="With `no`, these images are not stored.")
]


@router.post("/writers/{writer}/correct", response_model=Corrected, responses=responses(400, 404, 409, 415, 422))
async def correct(writer: WriterName, body: TeachBody, called: Called, keep_images: KeepImages = "yes") -> Response:
    """Learn what samples show. What is acknowledged is stored, and is in the next reading, of any replica.

    A correction comes with its sample, for the service keeps nothing between requests; without one, the stored correction of
    that id gets another label. The same id again counts once; another label replaces the first. All corrections of a request
    are learned together; a request that failed may be sent again.
    """
    return await _taught(called, writer, body.corrections, keep_images == "yes", implicit=False)


@router.post("/writers/{writer}/accept", response_model=Corrected, responses=responses(400, 404, 409, 415, 422))
async def accept(writer: WriterName, body: TeachBody, called: Called, keep_images: KeepImages = "yes") -> Response:
    """Learn that readings were left standing, with the labels that were shown: implicit corrections.

    An implicit correction replaces none that is there. Where the service has them switched off, nothing is learned.
    """
    if not called.service.writers.implicit:
        return answer({"corrections": []})
    return await _taught(called, writer, body.corrections, keep_images == "yes", implicit=True)


@router.post("/writers/{writer}/undo", response_model=Undone, responses=responses(400, 404, 409, 415, 422))
def undo(writer: WriterName, body: UndoBody, called: Called) -> Response:
    """Take a correction back, as if it had never been; its image and label are blanked."""
    called.known(writer).undo(body.id)
    return answer({"undone": body.id})


@router.post("/writers/{writer}/forget", response_model=Forgotten, responses=responses(400, 404, 409, 415, 422))
def forget(writer: WriterName, body: ForgetBody, called: Called) -> Response:
    """Take back all corrections to a label, or since a time, or both."""
    return answer({"forgotten": called.known(writer).forget(body.label, body.since)})


async def _taught(called: Caller, name: str, taught: Sequence[Taught], keep: bool, implicit: bool) -> Response:
    """Read what came with a sample, and store all of the request, in its order, or nothing."""
    began = time.time()
    called.check_rate(len(taught))
    shown = [one for one in taught if one.shown]
    await in_thread(called.check_room, name)
    readings = dict(zip((one.id for one in shown), await _readings(called, name, shown), strict=True))
    if not keep:
        for reading in readings.values():
            reading.image = None
    corrected = [readings.get(one.id, one.id) for one in taught]
    labels, new = [one.label for one in taught], [one.new for one in taught]
    try:
        done = await in_thread(called.writers[name].correct, corrected, labels, new, implicit)
    except UnknownCorrection as error:
        raise UnknownCorrection(f"{error}; send its sample along") from error
    for one in done:
        found = readings.get(one.id)
        if found and one.time >= began:  # a request that is sent again counts once
            called.metrics.corrected(found.base == one.label, found.personal == one.label, implicit)
    return answer({"corrections": [_told(one) for one in done]})


async def _readings(called: Caller, name: str, shown: Sequence[Taught]) -> list[Reading]:
    """What would be answered now, in the order of the samples; those with the same alphabet are read together."""
    if not shown:
        return []
    images = await called.samples(shown)
    groups: dict[Any, list[int]] = {}
    for i, one in enumerate(shown):
        offer = tuple(one.alphabet) if isinstance(one.alphabet, list) else one.alphabet
        groups.setdefault(offer, []).append(i)
    found: dict[int, Reading] = {}
    for offer, places in groups.items():
        request = Request(name, images[places], offer, 0.0, [shown[i].id for i in places], called.tenant)
        found.update(zip(places, (await called.service.reader.read(request)).readings, strict=True))
    return [found[i] for i in range(len(shown))]


def _told(one: Correction) -> dict[str, Any]:
    return {"id": one.id, "label": one.label, "implicit": one.implicit, "time": one.time}
