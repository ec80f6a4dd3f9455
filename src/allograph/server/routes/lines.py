"""Lines of hand print: read, corrected, left standing.

The verbs are those of single samples, below `lines`. What was learned of a line is taken back as any correction is: by `undo`.
"""

from __future__ import annotations

import unicodedata
from typing import Any

from fastapi import APIRouter
from starlette.responses import Response

from allograph.profiles.journal import Key
from allograph.server.incarnation import about_writer, incarnation_header, naming
from allograph.server.line_worker import LineTask, ReadLine, line_json
from allograph.server.requests import (
    Incarnation,
    KeepImages,
    LineAcceptRequest,
    LineCorrectRequest,
    LineReadRequest,
    WriterName,
)
from allograph.server.responses import LineCorrectionResponse, LineResponse
from allograph.server.routes.corrections import correction_json
from allograph.server.routing import ValidatedRoute, json_response
from allograph.server.service import Caller, CallerDependency, in_thread
from allograph.writers.line_reading import LineCorrection, accept_line, correct_line

router = APIRouter(prefix="/v1", route_class=ValidatedRoute, tags=["lines"])


@router.post("/writers/{writer}/lines/read", response_model=LineResponse, responses=about_writer(400, 409, 410, 415, 422))
async def read(writer: WriterName, body: LineReadRequest, caller: CallerDependency, incarnation: Incarnation = None) -> Response:
    """Read a line of hand print, in one row or a few, with what the writer taught. Nothing is stored.

    Letters are to be unjoined: a line that looks joined up is marked, and nothing of its text is sure. The id names the line
    for a later correction; it is random unless given. A line counts as as many samples as it has strokes, or pieces of ink.
    """
    task = LineTask(writer, await caller.line(body), body.alphabet, body.confidence, body.id, body.words)

    def answer(found: ReadLine) -> Response:
        headers = incarnation_header(Key(caller.tenant, writer), found.version, incarnation)
        return json_response(line_json(found.line, body.best), headers)

    response = await caller.service.lines.read(caller.tenant, task, answer)
    caller.metrics.lines.inc()
    return response


@router.post(
    "/writers/{writer}/lines/correct", response_model=LineCorrectionResponse, responses=about_writer(400, 404, 409, 410, 415, 422)
)
async def correct(
    writer: WriterName,
    body: LineCorrectRequest,
    caller: CallerDependency,
    keep_images: KeepImages = "yes",
    incarnation: Incarnation = None,
) -> Response:
    """Learn what a line says: the text is laid over the ink, and each character is learned.

    Where `vouched` says which characters the person said, only these are learned as given; with `left_standing` the others are
    learned as readings left standing. The line comes along again, for the service keeps nothing between requests. The same line
    and text again change nothing; another text, or other characters vouched for, replace the first. Characters that the ink
    does not bear out are not learned, and named; a text that is not what the ink shows is refused. The journal keeps the
    characters in shuffled order, so that the text cannot be read back. All of it is taken back by `undo` with the line's id.
    """
    await in_thread(caller.check_room, writer, incarnation)
    found = await _read(caller, writer, body)
    profile = caller.writers[writer]
    keep = keep_images == "yes" and profile.keep_images
    learned = (body.text, body.new, keep, body.keep_words, body.vouched, body.left_standing, profile.implicit, incarnation)
    done = await in_thread(correct_line, profile.live, found.line, *learned)
    await in_thread(_count, caller, writer, found, done)
    return json_response(_line_correction_json(done), naming(done.incarnation))


@router.post(
    "/writers/{writer}/lines/accept", response_model=LineCorrectionResponse, responses=about_writer(400, 404, 409, 410, 415, 422)
)
async def accept(
    writer: WriterName,
    body: LineAcceptRequest,
    caller: CallerDependency,
    keep_images: KeepImages = "yes",
    incarnation: Incarnation = None,
) -> Response:
    """Learn that a line was left standing, with the text that was shown: implicit corrections of its sure characters.

    They replace none that is there. Where the line reads otherwise by now, nobody saw what it would teach, and nothing is
    learned; nor where the service has implicit corrections switched off.
    """
    if not caller.service.writers.implicit:
        headers = await in_thread(caller.incarnation_header, writer, incarnation)
        return json_response(_line_correction_json(LineCorrection(body.id, (), ())), headers)
    headers = await in_thread(caller.check_room, writer, incarnation)
    found = await _read(caller, writer, body)
    done = LineCorrection(body.id, (), ())
    if unicodedata.normalize("NFC", found.line.text) == body.text:
        profile = caller.writers[writer]
        keep = keep_images == "yes" and profile.keep_images
        done = await in_thread(accept_line, profile.live, found.line, keep, incarnation)
        await in_thread(_count, caller, writer, found, done)
        headers = naming(done.incarnation)
    return json_response(_line_correction_json(done), headers)


async def _read(caller: Caller, name: str, body: LineCorrectRequest | LineAcceptRequest) -> ReadLine:
    """The line that is to be learned."""
    task = LineTask(name, await caller.line(body), body.alphabet, body.confidence, body.id, body.words, is_taught=True)
    return await caller.service.lines.read(caller.tenant, task, lambda found: found)


def _count(caller: Caller, name: str, found: ReadLine, done: LineCorrection) -> None:
    """Count the characters that are new in the journal: a request that is sent again counts once."""
    learned = {one.id for one in done.corrections}
    for row in caller.writers[name].rows(found.head):
        if row.id in learned:
            caller.metrics.corrected(row.base == row.label, row.answer == row.label, row.implicit)


def _line_correction_json(done: LineCorrection) -> dict[str, Any]:
    return {
        "id": done.id,
        "corrections": [correction_json(one) for one in done.corrections],
        "doubtful": [{"place": one.place, "label": one.label} for one in done.doubtful],
    }
