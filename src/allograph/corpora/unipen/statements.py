"""The form of UNIPEN 1.0: a keyword that begins with a full stop at the beginning of a line, and what belongs to it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from allograph.errors import FormatError

_DEFINED = (
    "KEYWORD RESERVE COMMENT INCLUDE VERSION DATA_SOURCE DATA_ID COORD HIERARCHY DATA_CONTACT DATA_INFO SETUP "
    "PAD ALPHABET ALPHABET_FREQ LEXICON_SOURCE LEXICON_ID LEXICON_CONTACT LEXICON_INFO LEXICON LEXICON_FREQ "
    "X_DIM Y_DIM H_LINE V_LINE X_POINTS_PER_INCH Y_POINTS_PER_INCH Z_POINTS_PER_INCH X_POINTS_PER_MM "
    "Y_POINTS_PER_MM Z_POINTS_PER_MM POINTS_PER_GRAM POINTS_PER_SECOND PEN_DOWN PEN_UP DT DATE STYLE WRITER_ID "
    "COUNTRY HAND AGE SEX SKILL WRITER_INFO SEGMENT START_SET START_BOX REC_SOURCE REC_ID REC_CONTACT REC_INFO "
    "IMPLEMENTATION TRAINING_SET TEST_SET REC_TIME REC_LABELS REC_SCORES "
)
KEYWORDS = frozenset(_DEFINED.split())
"""The keywords of the format's definition (I. Guyon, 1994)."""

_KEYWORD = re.compile(r"^[ \t]*\.([A-Z][A-Z0-9_]*)", re.MULTILINE)
_POINTS = re.compile(r"\s*\n\s*[-+]?\d[-+.\deE]*(?:[ \t]+[-+]?\d[-+.\deE]*)+[ \t]*(?:\r?\n|$)")


class Statement(NamedTuple):
    """A keyword and its text."""

    keyword: str
    """Without the full stop."""
    text: str
    line: int
    """Of the file, from 1 on."""


def statements(text: str, where: str) -> Iterator[Statement]:
    """Yield what a file states, in its order, without keywords that the format does not have; lines end with `\\n`.

    Raises `FormatError`, which begins with `where`, for a text that is not of this form, and for an unknown keyword that points
    follow: left out, it would shift the numbers of all components after it.
    """
    found = list(_KEYWORD.finditer(text))
    if "\0" in text or not any(match[1] in KEYWORDS for match in found):
        raise FormatError(f"{where} is not of the format UNIPEN 1.0: no line begins with one of its keywords, such as .PEN_DOWN")
    line, before = 1, 0
    defined = {match[1] for match in re.finditer(r"^[ \t]*\.KEYWORD\s+\.([A-Z][A-Z0-9_]*)", text, re.MULTILINE)}
    for match, end in zip(found, [*(match.start() for match in found[1:]), len(text)], strict=True):
        line, before = line + text.count("\n", before, match.start(1)), match.start(1)
        content = text[match.end() : end]
        if match[1] in KEYWORDS:
            yield Statement(match[1], content, line)
        elif match[1] not in defined and _POINTS.match(content):
            raise FormatError(f"{where}, line {line}: the format has no keyword .{match[1]}, and points follow it")
