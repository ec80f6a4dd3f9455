"""The incarnation of a writer's profile in the headers of requests and answers: who was erased is not brought back unawares."""

from __future__ import annotations

from typing import Any

from allograph.profiles.journal import Key, Version, check_incarnation, incarnation_of
from allograph.server.problems import responses

HEADER = "X-Allograph-Incarnation"


def incarnation_header(key: Key, version: Version | None, meant: str | None = None) -> dict[str, str]:
    """The header of an answer about a profile of this version, empty where there is none.

    Raises `ErasedWriter` where a request meant an incarnation that is not this profile.
    """
    check_incarnation(key, version and version.profile, meant)
    return naming(None if version is None else incarnation_of(key, version.profile))


def naming(incarnation: str | None) -> dict[str, str]:
    """The header of an answer about this profile, empty where there is none."""
    return {} if incarnation is None else {HEADER: incarnation}


def about_writer(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """How an operation documents its answer about a writer, with these problems."""
    described = {"description": "Names the writer's profile, where there is one.", "schema": {"type": "string"}}
    return {**responses(*statuses), 200: {"headers": {HEADER: described}}}
