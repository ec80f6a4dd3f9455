"""Standard output and error as a shell may hand them over: closed, broken, full, or without most characters."""

from __future__ import annotations

import codecs
import os
import sys
import unicodedata
from contextlib import suppress

PLAIN = {
    "…": "...", "–": "-", "—": "-", "−": "-", "“": '"', "”": '"', "‘": "'", "’": "'", "×": "x", "·": ".", "␣": "_", "─": "-",
    "\N{NO-BREAK SPACE}": " ",
}  # fmt: skip
"""What stands for our own signs where they cannot be shown."""
UNSEEN = ("Cc", "Cs", "Zl", "Zp")
"""Unicode's categories of what a terminal would obey or could not show: controls, surrogates, separators."""
ERRORS = "allograph.plain"
"""The name under which Python finds `_plain_signs`."""


def open_streams() -> None:
    """Let anything be printed: what is closed goes nowhere, and what cannot be encoded is shown as plain signs or escapes."""
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is None:  # closed by the shell: the next file opened would take its number, and its output
            _open_nowhere(number)
            setattr(sys, name, open(number, "w" if number else "r", encoding="utf-8", closefd=False))  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        with suppress(AttributeError):  # a program that calls us may have put something of its own there
            stream.reconfigure(errors=ERRORS)  # type: ignore[union-attr]


def close_stdout() -> None:
    """Let go of what standard output could not take: it is not tried again when the process ends."""
    with suppress(OSError, ValueError):
        _open_nowhere(sys.stdout.fileno())


def encodable(text: str) -> str:
    """A text as standard output will show it, without control characters.

    >>> encodable("a\\x1b[2J")
    'a\\\\x1b[2J'
    """
    encoding = sys.stdout.encoding or "utf-8"
    return _visible(text).encode(encoding, ERRORS).decode(encoding)


def is_utf8() -> bool:
    """Whether standard output takes every character."""
    return (sys.stdout.encoding or "utf-8").lower().replace("_", "-") in ("utf-8", "utf8")


def say(text: str) -> None:
    """A line on standard error, or nowhere where that is broken."""
    with suppress(OSError, ValueError):
        print("\n".join(_visible(line) for line in text.split("\n")), file=sys.stderr, flush=True)


def _visible(text: str) -> str:
    return "".join(_escape(point) if unicodedata.category(point) in UNSEEN else point for point in text)


def _open_nowhere(number: int) -> None:
    nowhere = os.open(os.devnull, os.O_RDWR)
    if nowhere != number:
        os.dup2(nowhere, number)
        os.close(nowhere)


def _plain_signs(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return "".join(PLAIN.get(point) or _escape(point) for point in error.object[error.start : error.end]), error.end


def _escape(point: str) -> str:
    return point.encode("ascii", "backslashreplace").decode() if ord(point) > 127 else f"\\x{ord(point):02x}"


codecs.register_error(ERRORS, _plain_signs)
