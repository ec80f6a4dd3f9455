"""A writer's habits."""

from __future__ import annotations

from collections.abc import Iterator

from fastapi import APIRouter
from starlette.responses import Response

from allograph.profiles.journal import Entry
from allograph.server.problems import responses
from allograph.server.requests import WriterName
from allograph.server.responses import Confusions, Progress, Styles
from allograph.server.routes.writers import png
from allograph.server.service import Called, FastRoute, answer
from allograph.writers import habits
from allograph.writers.writer import Writer

PAGE = 1000
"""Entries that are looked through at a time."""
router = APIRouter(prefix="/v1", route_class=FastRoute, tags=["habits"])


@router.get("/writers/{writer}/progress", response_model=Progress, responses=responses(404, 422))
def progress(writer: WriterName, called: Called) -> Response:
    """How the share of samples that were read right went, by the base and with what the writer taught."""
    points = [
        {
            "corrections": point.corrections,
            "base": point.base,
            "personal": point.personal,
            "recent": {"base": point.recent_base, "personal": point.recent_personal},
        }
        for point in habits.progress(called.known(writer).rows())
    ]
    return answer({"points": points})


@router.get("/writers/{writer}/confusions", response_model=Confusions, responses=responses(404, 422))
def confusions(writer: WriterName, called: Called) -> Response:
    """What the base takes for what in this hand, and how often that is still answered."""
    return answer({"pairs": [pair._asdict() for pair in habits.confusions(called.known(writer).rows())]})


@router.get("/writers/{writer}/styles", response_model=Styles, responses=responses(404, 422))
def styles(writer: WriterName, called: Called) -> Response:
    """In which of each label's styles the writer writes; none where the model has no styles."""
    known, bundle = called.known(writer), called.recognizer.bundle
    matched = [] if bundle.styles is None else habits.matched_styles(_entries(known), bundle.styles, bundle.alphabet)
    found = [
        {"label": one.label, "style": one.style, "samples": one.samples, "image": png(bundle.styles.medoids[one.row])}
        for one in matched
        if bundle.styles is not None
    ]
    return answer({"styles": found})


def _entries(known: Writer) -> Iterator[Entry]:
    """The journal's entries, never all of them at once."""
    after = 0
    while page := known.entries(after, PAGE, images=False):
        yield from page
        after = page[-1].seq
