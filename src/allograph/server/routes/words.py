"""A writer's own words: those that were kept with corrected lines, and forgetting them."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import Response

from allograph.server.problems import responses
from allograph.server.requests import ForgetWordsRequest, WriterName
from allograph.server.responses import ForgetResponse, WordsResponse
from allograph.server.routing import ValidatedRoute, json_response
from allograph.server.service import CallerDependency

router = APIRouter(prefix="/v1", route_class=ValidatedRoute, tags=["lines"])


@router.get("/writers/{writer}/words", response_model=WordsResponse, responses=responses(404, 422))
def words(writer: WriterName, caller: CallerDependency) -> Response:
    """The words that were kept with corrected lines, where that was asked for."""
    return json_response({"words": [{"word": word, "lines": lines} for word, lines in caller.writer(writer).words.items()]})


@router.post("/writers/{writer}/words/forget", response_model=ForgetResponse, responses=responses(400, 404, 415, 422))
def forget_words(writer: WriterName, body: ForgetWordsRequest, caller: CallerDependency) -> Response:
    """Forget some of these words, or all; the corrections stay."""
    return json_response({"forgotten": caller.writer(writer).forget_words(body.words)})
