"""Corrections: the journal of them, learning from them, and taking them back."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from fastapi import APIRouter
from starlette.responses import Response

from allograph.errors import UnknownCorrection
from allograph.profiles.journal import Correction, Row
from allograph.readings import Reading
from allograph.server.incarnation import about_writer, naming
from allograph.server.png_text import png_text
from allograph.server.requests import (
    CorrectionRequest,
    CorrectRequest,
    ForgetRequest,
    Incarnation,
    JournalPlace,
    KeepImages,
    Limit,
    ListedIds,
    ListedImages,
    ListedLabel,
    SampleRequest,
    UndoRequest,
    WriterName,
)
from allograph.server.responses import CorrectionsResponse, ForgetResponse, JournalResponse, UndoResponse
from allograph.server.routing import ValidatedRoute, json_response
from allograph.server.service import Caller, CallerDependency, in_thread
from allograph.writers import Request
from allograph.writers.context import Seen

router = APIRouter(prefix="/v1", route_class=ValidatedRoute, tags=["teaching"])


@router.get("/writers/{writer}/corrections", response_model=JournalResponse, responses=about_writer(404, 422))
def journal(
    writer: WriterName,
    caller: CallerDependency,
    after: JournalPlace = 0,
    limit: Limit = 100,
    images: ListedImages = "yes",
    label: ListedLabel = None,
    ids: ListedIds = None,
) -> Response:
    """The journal: what was taught and not taken back, in order; of a label, or of some ids, where they are given."""
    profile, headers = caller.writer(writer)
    rows = profile.rows(after, limit + 1, images == "yes", label, ids)
    if any(row.image is not None for row in rows):
        caller.note("read-images", writer)
    page: dict[str, Any] = {"corrections": [_row_json(row) for row in rows[:limit]]}
    if len(rows) > limit:
        page["next"] = rows[limit - 1].seq
    return json_response(page, headers)


@router.post(
    "/writers/{writer}/correct", response_model=CorrectionsResponse, responses=about_writer(400, 404, 409, 410, 415, 422)
)
async def correct(
    writer: WriterName,
    body: CorrectRequest,
    caller: CallerDependency,
    keep_images: KeepImages = "yes",
    incarnation: Incarnation = None,
) -> Response:
    """Learn what samples show. What is acknowledged is stored, and is in the next reading, of any replica.

    A correction comes with its sample, for the service keeps nothing between requests; without one, the stored correction of
    that id gets another label. The same id again counts once; another label replaces the first. All corrections of a request
    are learned together; a request that failed may be sent again. The context is that of the readings: it is not learned.
    """
    return await _learn(caller, writer, body, keep_images == "yes", incarnation, implicit=False)


@router.post("/writers/{writer}/accept", response_model=CorrectionsResponse, responses=about_writer(400, 404, 409, 410, 415, 422))
async def accept(
    writer: WriterName,
    body: CorrectRequest,
    caller: CallerDependency,
    keep_images: KeepImages = "yes",
    incarnation: Incarnation = None,
) -> Response:
    """Learn that readings were left standing, with the labels that were shown: implicit corrections.

    An implicit correction replaces none that is there. Where the service has them switched off, nothing is learned.
    """
    if not caller.service.writers.implicit:
        return json_response({"corrections": []}, await in_thread(caller.incarnation_header, writer, incarnation))
    return await _learn(caller, writer, body, keep_images == "yes", incarnation, implicit=True)


@router.post("/writers/{writer}/undo", response_model=UndoResponse, responses=about_writer(400, 404, 409, 410, 415, 422))
def undo(writer: WriterName, body: UndoRequest, caller: CallerDependency, incarnation: Incarnation = None) -> Response:
    """Take a correction back, as if it had never been, or with the id of a line all that was learned of it.

    Images and labels are blanked.
    """
    profile, headers = caller.writer(writer, incarnation)
    profile.undo(body.id)
    return json_response({"undone": body.id}, headers)


@router.post("/writers/{writer}/forget", response_model=ForgetResponse, responses=about_writer(400, 404, 409, 410, 415, 422))
def forget(writer: WriterName, body: ForgetRequest, caller: CallerDependency, incarnation: Incarnation = None) -> Response:
    """Take back all corrections to a label, or since a time, or both."""
    profile, headers = caller.writer(writer, incarnation)
    return json_response({"forgotten": profile.forget(body.label, body.since)}, headers)


async def _learn(
    caller: Caller, name: str, body: CorrectRequest, keep: bool, incarnation: str | None, *, implicit: bool
) -> Response:
    """Read what came with a sample, and store all of the request, in its order, or nothing."""
    began, corrections = time.time(), body.corrections
    caller.check_rate(len(corrections) + len(body.context))
    with_sample = [one for one in corrections if one.forms]
    await in_thread(caller.check_room, name, incarnation)
    found = await _readings(caller, name, with_sample, body.context)
    readings = dict(zip((one.id for one in with_sample), found, strict=True))
    if not keep:
        for one in readings.values():
            one.image = None
    samples = [readings.get(one.id, one.id) for one in corrections]
    labels, new = [one.label for one in corrections], [one.new for one in corrections]
    try:
        stored = await in_thread(caller.writers[name].only(incarnation).record, samples, labels, new, implicit)
    except UnknownCorrection as error:
        raise UnknownCorrection(f"{error}; send its sample along") from error
    for correction in stored.corrections:
        reading = readings.get(correction.id)
        if reading and correction.time >= began:  # a request that is sent again counts once
            caller.metrics.corrected(reading.base == correction.label, reading.personal == correction.label, implicit)
    if with_sample:
        caller.service.reader.learn_ahead(caller.tenant, name)
    content = {"corrections": [correction_json(correction) for correction in stored.corrections]}
    return json_response(content, naming(stored.incarnation))


async def _readings(
    caller: Caller, name: str, with_sample: Sequence[CorrectionRequest], context: Sequence[SampleRequest]
) -> list[Reading]:
    """What would be answered now, in the order of the samples; those with the same alphabet are read together."""
    if not with_sample:
        return []
    found, unread = await caller.samples(with_sample, context)
    groups: dict[Any, list[int]] = {}
    for i, one in enumerate(with_sample):
        offer = tuple(one.alphabet) if isinstance(one.alphabet, list) else one.alphabet
        groups.setdefault(offer, []).append(i)
    beside: Seen | None = unread
    if unread is not None and len(groups) > 1:  # so that the model reads it once
        beside = await caller.service.reader.read(Request(name, unread, tenant=caller.tenant))
    readings: dict[int, Reading] = {}
    for offer, places in groups.items():
        request = Request(name, found.at(places), offer, 0.0, [with_sample[i].id for i in places], caller.tenant, beside)
        readings.update(zip(places, await caller.service.reader.read(request), strict=True))
    return [readings[i] for i in range(len(with_sample))]


def correction_json(one: Correction) -> dict[str, Any]:
    """A stored correction as JSON has it."""
    return {"id": one.id, "label": one.label, "implicit": one.implicit, "time": one.time, "doubt": one.doubt}


def _row_json(row: Row) -> dict[str, Any]:
    names = ("seq", "id", "label", "implicit", "time", "doubt", "base", "answer")
    fields = {name: getattr(row, name) for name in names}
    return fields if row.image is None else {**fields, "image": png_text(row.image)}
