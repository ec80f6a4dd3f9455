"""A segment: the stretch of ink, in components and points, that shows a label."""

from __future__ import annotations

import re
from typing import NamedTuple

from allograph.errors import FormatError

LIGATURE = r"\@"
"""What the `kai` sets write, as a label, for strokes that are no character: joins, delayed strokes, noise."""

_FORM = re.compile(r'\s*(\S+)\s+([\d:]+(?:\s*[,\-]\s*[\d:]+)*,?)\s+(?:(\S+)\s+)?"(.*)"\s*', re.DOTALL)
_RANGE = re.compile(r"(\d{1,9})(?::(\d{1,9}))?(?:-(\d{1,9})(?::(\d{1,9}))?)?")
_SECOND = re.compile(r'(?<!\\)"\s+"')
_ESCAPES = {"n": " ", "t": " "}


class Span(NamedTuple):
    """Points `start` up to, not including, `stop` of a component; None is its beginning or end."""

    component: int
    start: int | None
    stop: int | None


class Segment(NamedTuple):
    """What a `.SEGMENT` states."""

    level: str
    """Such as `CHARACTER` or `TEXT`."""
    delineation: str
    """As it is written, such as `14:76-15:32,18`."""
    label: str
    """Without the escapes."""
    ligature: bool
    line: int

    @classmethod
    def parse(cls, text: str, line: int) -> Segment:
        """The segment in a statement's text; raises `FormatError`, without a place, where it is none or has no label."""
        match = _FORM.fullmatch(text)
        if match is None:
            raise FormatError("segments without a label or of another form")
        level, delineation, _, label = match.groups()
        if level.upper() == "CHARACTER" and _SECOND.search(label):
            raise FormatError("segments with several labels")
        return cls(level.upper(), delineation, unescape(label), label == LIGATURE, line)

    def spans(self) -> list[Span]:
        """The stretches of components, in the order in which they are written; raises `FormatError` where they are none."""
        found: list[Span] = []
        for part in re.sub(r"\s", "", self.delineation).split(","):
            match = _RANGE.fullmatch(part)
            if match is None:
                raise FormatError("delineations that cannot be read")
            first, start, last, stop = (None if number is None else int(number) for number in match.groups())
            assert first is not None
            if last is None:  # one component, or one point of it
                found.append(Span(first, start, None if start is None else start + 1))
                continue
            if last < first or last - first > 1 << 20:
                raise FormatError("delineations that end before they begin")
            for component in range(first, last + 1):
                begin = start if component == first else None
                end = stop + 1 if component == last and stop is not None else None
                found.append(Span(component, begin, end))
        return found


def unescape(label: str) -> str:
    r"""A label as it is meant.

    >>> unescape(r'\"'), unescape(r'\\'), unescape('two\nwords')
    ('"', '\\', 'two words')
    """
    plain = re.sub(r"\\(.)", lambda match: _ESCAPES.get(match[1], match[1]), label, flags=re.DOTALL)
    return re.sub(r"[\r\n\t]+", " ", plain)
