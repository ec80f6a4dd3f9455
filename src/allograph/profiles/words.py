"""A writer's own words: kept only where that is asked for, apart from the journal, and marked when they are forgotten."""

from __future__ import annotations

import secrets
import unicodedata
from collections.abc import Collection, Iterable
from typing import NamedTuple

from allograph.errors import InputError

LONGEST_WORD = 64
"""Code points in the longest word."""


class Word(NamedTuple):
    """A word of a line that the writer corrected; of one that was forgotten only the id is left.

    As with corrections, that mark makes a copy elsewhere forget it too, once the two are merged.
    """

    id: str
    """A random one."""
    line: str | None
    """The line's id."""
    text: str | None

    @property
    def blank(self) -> Word:
        """The mark that is left when it is forgotten."""
        return Word(self.id, None, None)


def words_of(line: str, texts: Collection[str]) -> list[Word]:
    """Words of a line, sorted: how they followed one another is not kept."""
    return [Word(secrets.token_hex(8), line, text) for text in sorted(texts)]


def count_lines(words: Iterable[Word]) -> dict[str, int]:
    """In how many lines each word was written, sorted by code point.

    >>> count_lines([Word("1", "line-a", "to"), Word("2", "line-b", "to"), Word("3", "line-b", "be"), Word("4", None, None)])
    {'be': 1, 'to': 2}
    """
    pairs = {(word.text, word.line) for word in words if word.text is not None}
    counts: dict[str, int] = {}
    for text in sorted(text for text, _ in pairs):
        counts[text] = counts.get(text, 0) + 1
    return counts


def check_word(word: object) -> str:
    """Return a word in NFC; raises `InputError`, which does not repeat it, for what is none.

    >>> check_word("naïve")
    'naïve'
    """
    if not isinstance(word, str):
        raise InputError(f"a word is a string, not {type(word).__name__}")
    word = unicodedata.normalize("NFC", word)
    if not 1 <= len(word) <= LONGEST_WORD:
        raise InputError(f"a word has 1–{LONGEST_WORD} characters; this one has {len(word)}")
    if any(point.isspace() or unicodedata.category(point) in ("Cc", "Cs", "Zs", "Zl", "Zp") for point in word):
        raise InputError("a word holds no white space, control or surrogate characters; part the text into words first")
    return word


def check_words(words: Collection[str]) -> set[str]:
    """The same for many, each counted once; one string, which is no list of words, is refused too."""
    if isinstance(words, str) or not isinstance(words, Collection):
        raise InputError(f"words are a list of strings, not {type(words).__name__}")
    return {check_word(word) for word in words}
