"""A writer's own words: those that were kept with corrected lines, and forgetting them."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import Response

from allograph.server.incarnation import about_writer
from allograph.server.requests import ForgetWordsRequest, Incarnation, WriterName
from allograph.server.responses import ForgetResponse, WordsResponse
from allograph.server.routing import ValidatedRoute, json_response
from allograph.server.service import CallerDependency

router = APIRouter(prefix="/v1", route_class=ValidatedRoute, tags=["lines"])


@router.get("/writers/{writer}/words", response_model=WordsResponse, responses=about_writer(404, 422))
def words(writer: WriterName, caller: CallerDependency) -> Response:
    """The words that were kept with corrected lines, where that was asked for."""
    profile, headers = caller.writer(writer)
    return json_response({"words": [{"word": word, "lines": lines} for word, lines in profile.words.items()]}, headers)


@router.post("/writers/{writer}/words/forget", response_model=ForgetResponse, responses=about_writer(400, 404, 410, 415, 422))
def forget_words(
    writer: WriterName, body: ForgetWordsRequest, caller: CallerDependency, incarnation: Incarnation = None
) -> Response:
    """Forget some of these words, or all; the corrections stay."""
    profile, headers = caller.writer(writer, incarnation)
    return json_response({"forgotten": profile.forget_words(body.words)}, headers)
