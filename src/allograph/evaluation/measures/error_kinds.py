"""Errors by kind: whether what was written and what was read are told apart by size, by place, or by neither."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Sequence
from typing import Literal, get_args

from allograph.alphabet.labels import Alphabet
from allograph.evaluation.measures.figures import confusions
from allograph.evaluation.protocols.answers import WriterAnswers

ErrorKind = Literal["case", "zero", "one", "punctuation", "rest"]
"""`case`: the same letter in the other case. `zero`: 0 for o or O, or the reverse. `one`: two of 1, l, I and |. `punctuation`:
what was written or what was read is no letter and no digit. `rest`: all other errors. An error is of the first kind that fits
it."""
ERROR_KINDS: tuple[ErrorKind, ...] = get_args(ErrorKind)
_ZERO, _ONE = set("0oO"), set("1lI|")


def error_kind(written: str, read: str) -> ErrorKind:
    """Of which kind it is to take one label for another.

    >>> [error_kind(*pair) for pair in ("oO", "0O", "1|", "|.", "ab")]
    ['case', 'zero', 'one', 'punctuation', 'rest']
    """
    if written.casefold() == read.casefold():
        return "case"
    if {written, read} <= _ZERO:
        return "zero"
    if {written, read} <= _ONE:
        return "one"
    return "punctuation" if _is_punctuation(written) or _is_punctuation(read) else "rest"


def error_kinds(answers: Sequence[WriterAnswers], alphabet: Alphabet) -> dict[str, dict[ErrorKind, int]]:
    """How many errors of each kind the base, under the name `base`, and every method made; together they are all its errors."""
    return {
        "base": _count(confusions(answers, alphabet)),
        **{name: _count(confusions(answers, alphabet, name)) for name in answers[0].methods},
    }


def _count(pairs: Counter[tuple[str, str]]) -> dict[ErrorKind, int]:
    counts: dict[ErrorKind, int] = dict.fromkeys(ERROR_KINDS, 0)
    for pair, count in pairs.items():
        counts[error_kind(*pair)] += count
    return counts


def _is_punctuation(label: str) -> bool:
    """Whether a label is all punctuation and symbols, as Unicode has them."""
    return all(unicodedata.category(point)[0] in "PS" for point in label)
