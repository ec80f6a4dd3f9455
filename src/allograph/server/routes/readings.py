"""Reading samples."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fastapi import APIRouter
from starlette.responses import Response

from allograph.readings import Reading
from allograph.server.problems import responses
from allograph.server.random_id import random_id
from allograph.server.reader import readings_json
from allograph.server.requests import ReadRequest, WriterName
from allograph.server.responses import ReadingsResponse
from allograph.server.routing import DirectRoute, json_response
from allograph.server.service import CallerDependency, in_thread
from allograph.writers import Request

MANY = 1000
"""Labels in a response from which on it is made beside the event loop: that takes 5 ms."""
router = APIRouter(prefix="/v1", route_class=DirectRoute, tags=["reading"])


@router.post("/writers/{writer}/read", response_model=ReadingsResponse, responses=responses(400, 409, 415, 422))
async def read(writer: WriterName, body: ReadRequest, caller: CallerDependency) -> Response:
    """Read samples with what the writer taught; a writer who taught nothing gets the base classifier's answers.

    Nothing is stored. The ids name the readings for later corrections; they are random unless given.
    """
    samples = body.samples
    caller.check_rate(len(samples))
    images = await caller.samples(samples)
    ids = [sample.id or random_id() for sample in samples]
    request = Request(writer, images, body.alphabet, body.confidence, ids, caller.tenant)
    readings = await caller.service.reader.read(request)
    caller.metrics.readings.inc(len(images))
    if body.why:
        content = await in_thread(_explanations, readings, body.best)
    elif len(readings) * body.best > MANY:
        content = await in_thread(readings_json, readings, body.best)
    else:
        content = readings_json(readings, body.best)
    return json_response({"readings": content})


def _explanations(readings: Sequence[Reading], count: int) -> list[dict[str, Any]]:
    """Readings as JSON has them, each with why it is what it is."""
    content = readings_json(readings, count)
    for reading, fields in zip(readings, content, strict=True):
        why = reading.why()
        fields["why"] = {"answerer": why.answerer, "base": why.base, "text": why.text, "evidence": why.evidence}
    return content
