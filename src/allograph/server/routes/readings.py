"""Reading samples."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import Response

from allograph.server.problems import responses
from allograph.server.random_id import random_id
from allograph.server.reader import ReadJob
from allograph.server.requests import ReadRequest, WriterName
from allograph.server.responses import ReadingsResponse
from allograph.server.routing import DirectRoute, json_response
from allograph.server.service import CallerDependency, in_thread
from allograph.writers import Request

router = APIRouter(prefix="/v1", route_class=DirectRoute, tags=["reading"])


@router.post("/writers/{writer}/read", response_model=ReadingsResponse, responses=responses(400, 409, 410, 415, 422))
async def read(writer: WriterName, body: ReadRequest, caller: CallerDependency) -> Response:
    """Read samples with what the writer taught; a writer who taught nothing gets the base classifier's answers.

    Nothing is stored. The ids name the readings for later corrections; they are random unless given. The samples, and those of
    the context, are read beside one another, which tells how large this hand writes: each is still judged by itself.
    """
    samples = body.samples
    caller.check_rate(len(samples) + len(body.context))
    found, context = await caller.samples(samples, body.context)
    ids = [sample.id or random_id() for sample in samples]
    shown = found.at(range(len(samples)))
    request = Request(writer, shown, body.alphabet, body.confidence, ids, caller.tenant, context)
    job = await caller.service.reader.answer(request, body.best)
    caller.metrics.readings.inc(len(samples))
    if body.why:
        await in_thread(_explain, job)
    return json_response({"readings": job.content})


def _explain(job: ReadJob) -> None:
    """Add to each reading's JSON why it is what it is."""
    for reading, fields in zip(job.readings, job.content, strict=True):
        why = reading.why()
        fields["why"] = {"answerer": why.answerer, "base": why.base, "text": why.text, "evidence": why.evidence}
