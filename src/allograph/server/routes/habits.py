"""A writer's habits: progress, confusions, styles, and what to teach next."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict

from fastapi import APIRouter
from starlette.responses import Response

from allograph.profiles.journal import Entry
from allograph.server.incarnation import about_writer
from allograph.server.png_text import png_text
from allograph.server.problems import responses
from allograph.server.requests import SuggestionCount, WriterName
from allograph.server.responses import ConfusionsResponse, ProgressResponse, StylesResponse, SuggestionsResponse
from allograph.server.routing import ValidatedRoute, json_response
from allograph.server.service import CallerDependency
from allograph.writers import habits
from allograph.writers.suggestions import Suggestion, suggest
from allograph.writers.writer import Writer

PAGE = 1000
"""Entries that are looked through at a time."""
router = APIRouter(prefix="/v1", route_class=ValidatedRoute, tags=["habits"])


@router.get("/writers/{writer}/progress", response_model=ProgressResponse, responses=about_writer(404, 422))
def progress(writer: WriterName, caller: CallerDependency) -> Response:
    """How the share of samples that were read right went, by the base and with what the writer taught."""
    profile, headers = caller.writer(writer)
    points = [
        {
            "corrections": point.corrections,
            "base": point.base,
            "personal": point.personal,
            "recent": {"base": point.recent_base, "personal": point.recent_personal},
        }
        for point in habits.progress(profile.rows())
    ]
    return json_response({"points": points}, headers)


@router.get("/writers/{writer}/confusions", response_model=ConfusionsResponse, responses=about_writer(404, 422))
def confusions(writer: WriterName, caller: CallerDependency) -> Response:
    """What the base takes for what in this hand, and how often that is still answered."""
    profile, headers = caller.writer(writer)
    return json_response({"pairs": [asdict(pair) for pair in habits.confusions(profile.rows())]}, headers)


@router.get("/writers/{writer}/styles", response_model=StylesResponse, responses=about_writer(404, 422))
def styles(writer: WriterName, caller: CallerDependency) -> Response:
    """In which of each label's styles the writer writes; none where the model has no styles."""
    (profile, headers), bundle = caller.writer(writer), caller.recognizer.bundle
    matched = [] if bundle.styles is None else habits.match_styles(_entries(profile), bundle.styles, bundle.alphabet)
    content = [
        {"label": one.label, "style": one.style, "samples": one.samples, "image": png_text(bundle.styles.medoids[one.row])}
        for one in matched
        if bundle.styles is not None
    ]
    return json_response({"styles": content}, headers)


@router.get("/writers/{writer}/suggestions", response_model=SuggestionsResponse, responses=responses(422))
def suggestions(writer: WriterName, caller: CallerDependency, count: SuggestionCount = 12) -> Response:
    """The labels whose samples would help this writer most; of a writer who taught nothing, those that the base misreads most."""
    advice = suggest(caller.writers[writer].rows(), caller.service.base_errors, count)
    return json_response(
        {
            "labels": [_suggestion_json(one) for one in advice.labels],
            "expected": {"now": advice.now, "after": advice.after},
        }
    )


def _suggestion_json(one: Suggestion) -> dict[str, str]:
    fields = {"label": one.label, "reason": one.reason}
    return fields if one.other is None else {**fields, "with": one.other}


def _entries(writer: Writer) -> Iterator[Entry]:
    """The journal's entries, never all of them at once."""
    after = 0
    while page := writer.entries(after, PAGE, images=False):
        yield from page
        after = page[-1].seq
