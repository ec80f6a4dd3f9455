"""What to teach next."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field
from starlette.responses import Response

from allograph.bundle import Bundle
from allograph.server.problems import responses
from allograph.server.requests import WriterName
from allograph.server.service import Called, FastRoute, answer
from allograph.writers.suggestions import Errors, Suggestion, suggestions

router = APIRouter(prefix="/v1", route_class=FastRoute, tags=["habits"])
Count = Annotated[int, Query(ge=1, le=100, description="How many labels at most.")]


class Suggested(BaseModel):
    """A label to teach a sample of."""

    label: str
    reason: Literal["confused", "alike", "unseen", "few"] = Field(
        description="It was misread lately; it looks like the one before it; it was never taught; or little of it was."
    )
    other: str | None = Field(None, alias="with", description="What it was misread as, or looks like.")


class Expected(BaseModel):
    """Shares of the writer's characters that are expected to be read right."""

    now: float
    after: float = Field(description="Once a sample of each of these labels is taught.")


class Suggestions(BaseModel):
    """What to teach, the most helpful first."""

    labels: list[Suggested]
    expected: Expected


@router.get("/writers/{writer}/suggestions", response_model=Suggestions, responses=responses(422))
def suggest(writer: WriterName, called: Called, count: Count = 12) -> Response:
    """The labels whose samples would help this writer most; of a writer who taught nothing, those that the base misreads most."""
    found = suggestions(called.writers[writer].rows(), _errors(called.recognizer.bundle), count)
    return answer(
        {
            "labels": [_told(one) for one in found.labels],
            "expected": {"now": found.now, "after": found.after},
        }
    )


def _told(one: Suggestion) -> dict[str, str]:
    told = {"label": one.label, "reason": one.reason}
    return told if one.other is None else {**told, "with": one.other}


def _errors(bundle: Bundle) -> Errors:
    """The base's errors, worked out once for each model."""
    found = _worked_out.get(bundle.model_hash)
    if found is None:
        found = _worked_out[bundle.model_hash] = Errors.of(bundle)
    return found


_worked_out: dict[str, Errors] = {}
