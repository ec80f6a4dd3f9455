"""The text of a line: one form for each, and the characters in it."""

from __future__ import annotations

import unicodedata
from typing import NamedTuple

from allograph.alphabet.labels import LONGEST_LABEL, check_label
from allograph.errors import InputError

MOST_CHARACTERS = 1 << 15
"""Characters of the longest text: their places are counted in 16 bits."""
UNWRITABLE = ("Cc", "Cs", "Zl", "Zp")
"""The categories of code points that no line holds: control characters, surrogates, ends of lines and paragraphs."""


def check_text(text: object) -> str:
    """Return the text of a line in NFC, with one space between words and none around them.

    Raises `InputError`, which does not repeat the text, unless it has 1–32,768 characters besides spaces, each of which can be
    a label.

    >>> check_text("  Cafe\\u0301  noir") == "Café noir"
    True
    """
    if not isinstance(text, str):
        raise InputError(f"the text of a line is a string, not {type(text).__name__}")
    for place, point in enumerate(text):
        if unicodedata.category(point) in UNWRITABLE:
            raise InputError(
                f"the text holds U+{ord(point):04X} at place {place}, which nobody can write; a line has no line ends"
            )
    text = " ".join(unicodedata.normalize("NFC", text).split())
    characters = characters_of(text)
    if not 1 <= len(characters) <= MOST_CHARACTERS:
        raise InputError(f"the text of a line has 1–{MOST_CHARACTERS} characters besides spaces; this one has {len(characters)}")
    for place, character in enumerate(characters):
        if _follows(character[0]):
            raise InputError(f"a word of the text begins with U+{ord(character[0]):04X}, which needs a character before it")
        try:
            check_label(character)
        except InputError:
            raise InputError(
                f"character {place} of the text, counted from 0 without spaces, can be no label: it has more than "
                f"{LONGEST_LABEL} code points"
            ) from None
    return text


def characters_of(text: str) -> tuple[str, ...]:
    """The characters of a text in NFC without its spaces; combining marks and format characters belong to the one before.

    >>> characters_of("a q\\u0303!") == ("a", "q\\u0303", "!")
    True
    """
    characters: list[str] = []
    for word in text.split():
        for place, point in enumerate(word):
            if place and _follows(point):
                characters[-1] += point
            else:
                characters.append(point)
    return tuple(characters)


class PlacedCharacter(NamedTuple):
    """A character of a text."""

    label: str
    space_before: bool
    place: int
    """Where it stands in the text, in code points."""


def place_characters(text: str) -> list[PlacedCharacter]:
    """The characters of a text as `check_text` gives it, with where each stands and whether a space is before it.

    >>> [tuple(one) for one in place_characters("a bc")]
    [('a', False, 0), ('b', True, 2), ('c', False, 3)]
    """
    found, place = [], 0
    for label in characters_of(text):
        space = text[place] == " "
        found.append(PlacedCharacter(label, space, place + space))
        place += space + len(label)
    return found


def _follows(point: str) -> bool:
    """Whether a code point is part of the character before it."""
    return not point.isascii() and unicodedata.category(point) in ("Mn", "Mc", "Me", "Cf")
