"""Learning from corrections, and taking them back."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Header
from starlette.responses import Response

from allograph.errors import UnknownCorrection
from allograph.profiles.journal import Correction
from allograph.readings import Reading
from allograph.server.answers import Corrected, Forgotten, Undone
from allograph.server.bodies import ForgetBody, Taught, TeachBody, UndoBody, WriterName
from allograph.server.problems import responses
from allograph.server.questions import Question
from allograph.server.service import Called, Caller, FastRoute, answer, in_thread
from allograph.writer import Writer
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
    """Read what came with a sample, store it, and give what came without one its new label."""
    began = time.time()
    shown = [one for one in taught if one.shown]
    await in_thread(_check_room, called, name, [one.id for one in taught if not one.shown])
    readings = await _readings(called, name, shown)
    if not keep:
        for reading in readings:
            reading.sample = None
    by_id = dict(zip((one.id for one in shown), readings, strict=True))
    done = await in_thread(_stored, called.writers[name], taught, by_id, implicit)
    for id, reading in by_id.items():
        if done[id].time >= began:  # a request that is sent again counts once
            called.metrics.corrected(reading.base == done[id].label, reading.personal == done[id].label, implicit)
    return answer({"corrections": [_told(done[one.id]) for one in taught]})


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
        ids = [shown[i].id for i in places]
        question = Question(Request(name, images[places], offer, 0.0, ids, called.tenant))
        answered = await called.service.batcher.ask(question, len(places))
        found.update(zip(places, answered.readings, strict=True))
    return [found[i] for i in range(len(shown))]


def _check_room(called: Caller, name: str, stored: Sequence[str]) -> None:
    """Raise unless the writer is known or may begin, and has the corrections that are to get another label."""
    if stored:
        known = {one.id for one in called.writers[name].corrections}
        for id in stored:
            if id not in known:
                raise UnknownCorrection(f"the writer {name!r} has no correction with the id {id!r}; send its sample along")
    called.check_room(name)


def _stored(writer: Writer, taught: Sequence[Taught], readings: Mapping[str, Reading], implicit: bool) -> dict[str, Correction]:
    """What stands of each id afterwards."""
    done: dict[str, Correction] = {}
    for new in (False, True):  # a label is new or not for all of a batch
        batch = [one for one in taught if one.shown and one.new == new]
        if batch:
            stood = writer.correct([readings[one.id] for one in batch], [one.label for one in batch], new, implicit)
            done.update(zip((one.id for one in batch), stood, strict=True))
    for one in taught:
        if not one.shown:
            done[one.id] = _standing(writer, one.id) if implicit else writer.relabel(one.id, one.label, one.new)
    return done


def _standing(writer: Writer, id: str) -> Correction:
    """What an implicit correction, which replaces none, leaves standing."""
    for one in writer.corrections:
        if one.id == id:
            return one
    raise UnknownCorrection(f"the writer {writer.name!r} has no correction with the id {id!r}")


def _told(one: Correction) -> dict[str, Any]:
    return {"id": one.id, "label": one.label, "implicit": one.implicit, "time": one.time}
