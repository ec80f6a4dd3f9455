"""Times and spans as one writes them at the command line."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from allograph.errors import InputError

_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}
_SPAN = re.compile(r"(\d{1,6})([smhdw])")


def parse_span(text: str) -> float:
    """Seconds in a span; raises `InputError` for what is none.

    >>> parse_span("90d"), parse_span("12h"), parse_span("0d")
    (7776000.0, 43200.0, 0.0)
    """
    found = _SPAN.fullmatch(text.strip())
    if found is None:
        raise InputError(f"{text!r} is no span of time; write a number and one of s, m, h, d, w: 90d")
    return float(found[1]) * _SECONDS[found[2]]


def parse_moment(text: str, now: float, forward: bool) -> float:
    """A date, a date and time (UTC unless it says otherwise), or a span from now on, or before now; raises `InputError`.

    >>> parse_moment("1970-01-02", 0.0, forward=True), parse_moment("1h", 7200.0, forward=False)
    (86400.0, 3600.0)
    >>> parse_moment("1970-01-01T00:01+00:00", 0.0, forward=True)
    60.0
    """
    if _SPAN.fullmatch(text.strip()):
        return now + parse_span(text) * (1 if forward else -1)
    try:
        found = datetime.fromisoformat(text.strip())
    except ValueError:
        raise InputError(f"{text!r} is no time; write 90d, 2027-01-31 or 2027-01-31T12:00") from None
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()


def told(moment: float | None) -> str:
    """A time in words, or "-" for none.

    >>> told(0.0), told(None)
    ('1970-01-01T00:00:00+00:00', '-')
    """
    return "-" if moment is None else datetime.fromtimestamp(moment, UTC).isoformat(timespec="seconds")
