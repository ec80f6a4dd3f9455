"""Names of writers, tenants and corrections: one form for each, wherever it comes from."""

from __future__ import annotations

import unicodedata

from allograph.errors import InputError

LONGEST_NAME = 128
"""Characters in the longest name of a writer, a tenant or a correction."""
MISSING = frozenset(("nan", "NaN", "None", "NaT", "<NA>"))
"""What other programs write where a value is missing."""


def check_name(name: object, what: str) -> str:
    """Return a name of a writer, a tenant or a correction, in NFC; raises `InputError` unless it can be one.

    >>> check_name("ana", "writer")
    'ana'
    """
    if not isinstance(name, str):
        raise InputError(f"the name of a {what} is a string, not {type(name).__name__}")
    if name.isascii() and name.isprintable() and 1 <= len(name) <= LONGEST_NAME:
        return name  # as most are, and each reading has one
    name = unicodedata.normalize("NFC", name)
    if not 1 <= len(name) <= LONGEST_NAME:
        raise InputError(f"the name of a {what} has 1–{LONGEST_NAME} characters; this one has {len(name)}")
    if any(unicodedata.category(point) in ("Cc", "Cs") for point in name):
        raise InputError(f"the name of a {what} holds a control or surrogate character")
    return name


def check_address(name: str) -> str:
    """Return a writer's name; raises `InputError` for `.` and `..`: in a URL they are steps, and lead to something else.

    >>> check_address("...")
    '...'
    """
    if name in (".", ".."):
        raise InputError(f"a writer cannot be called {name!r}: in an address that is a step and no name; choose another")
    return name


def check_writer(name: str) -> str:
    """A writer's name as a file of data gives it: as `check_name` has it, without the blanks around it.

    Raises `InputError` where nothing is left, or only what stands for a missing value.

    >>> check_writer(" Jose\\u0301") == "José"
    True
    """
    name = name.strip()
    if not name:
        raise InputError("the writer is empty")
    check_present(name, "writer")
    return check_name(name, "writer")


def check_present(value: str, what: str) -> None:
    """Raise `InputError` where a text is what other programs write for a missing value, such as `nan`."""
    if value in MISSING:
        raise InputError(f"the {what} is missing: {value!r} stands for no value; fill it in, or leave the sample out")
