"""Ids of lines: in the journal they are the batches that a line's corrections make up."""

from __future__ import annotations

import secrets

from allograph.errors import InputError
from allograph.samples.names import check_name

PREFIX = "line-"
"""What they begin with, and no other batch does."""
LONGEST_LINE_ID = 16
"""Characters in one, at most: as many as a batch may have."""


def new_line_id() -> str:
    """A random id for a line: 64 random bits.

    >>> is_line_id(new_line_id()), len(new_line_id())
    (True, 16)
    """
    return PREFIX + secrets.token_urlsafe(8)


def is_line_id(name: str) -> bool:
    """Whether a batch is that of a line."""
    return name.startswith(PREFIX)


def check_line_id(id: object) -> str:
    """Return the id of a line; raises `InputError` for what can be none.

    >>> check_line_id("line-7cZ0_o1bYzE")
    'line-7cZ0_o1bYzE'
    """
    name = check_name(id, "line")
    if not is_line_id(name) or not len(PREFIX) < len(name) <= LONGEST_LINE_ID:
        most = LONGEST_LINE_ID - len(PREFIX)
        raise InputError(f"the id of a line is {PREFIX!r} and 1–{most} characters more, as the reading has it; not {name[:40]!r}")
    return name
