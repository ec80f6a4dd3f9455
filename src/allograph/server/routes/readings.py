"""Reading samples."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import Response

from allograph.server.names import new_id
from allograph.server.problems import responses
from allograph.server.questions import Answer
from allograph.server.requests import ReadBody, WriterName
from allograph.server.responses import Readings
from allograph.server.service import Called, LeanRoute, answer, in_thread
from allograph.writers import Request

router = APIRouter(prefix="/v1", route_class=LeanRoute, tags=["reading"])


@router.post("/writers/{writer}/read", response_model=Readings, responses=responses(400, 409, 415, 422))
async def read(writer: WriterName, body: ReadBody, called: Called) -> Response:
    """Read samples with what the writer taught; a writer who taught nothing gets the base classifier's answers.

    Nothing is stored. The ids name the readings for later corrections; they are random unless given.
    """
    samples = body.samples
    called.check_rate(len(samples))
    images = await called.samples(samples)
    ids = [sample.id or new_id() for sample in samples]
    request = Request(writer, images, body.alphabet, body.confidence, ids, called.tenant)
    found = await called.service.reader.read(request, body.best)
    called.metrics.readings.inc(len(images))
    if body.why:
        await in_thread(_explain, found)
    return answer({"readings": found.told})


def _explain(found: Answer) -> None:
    """Add to each reading why it is what it is."""
    for reading, told in zip(found.readings, found.told, strict=True):
        why = reading.why()
        told["why"] = {"answerer": why.answerer, "base": why.base, "text": why.text, "evidence": why.evidence}
