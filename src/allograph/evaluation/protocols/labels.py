"""Labels to judge, as a person names them on the command line."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from allograph.alphabet.labels import NAMED, Alphabet
from allograph.errors import FormatError, InputError
from allograph.files.input import check_file


def parse_labels(texts: Sequence[str]) -> tuple[str, ...]:
    """The labels that the texts name together, each once, in their order.

    A text is the name of an alphabet, a file with a label a line, or the labels themselves: parted by blanks, else by commas,
    else one a character. Raises `InputError` where one is no label, `FormatError` where a file is not readable.

    >>> parse_labels(["cC", "digits"])
    ('c', 'C', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9')
    >>> parse_labels(["fi, fl"]), parse_labels(["fi,fl"]), parse_labels([","])
    (('fi,', 'fl'), ('fi', 'fl'), (',',))
    """
    return tuple(dict.fromkeys(label for text in texts for label in Alphabet(dict.fromkeys(_labels(text)))))


def labels_as_text(labels: Sequence[str]) -> str:
    """One text from which `parse_labels` reads these labels again.

    >>> parse_labels([labels_as_text(["fi"])]), labels_as_text("abc")
    (('fi',), 'a b c')
    """
    joined = " ".join(labels)
    return joined if len(labels) > 1 or len(joined) == 1 else f"{joined} "


def _labels(text: str) -> Sequence[str]:
    if text in NAMED:
        return NAMED[text]
    words = text.split()
    if os.path.isfile(text) or (words == [text] and Path(text).suffix):
        return _lines(text)
    if words and words != [text]:
        return words
    parts = text.split(",")
    return parts if len(parts) > 1 and all(parts) else text


def _lines(path: str) -> list[str]:
    check_file(path)
    try:
        lines = [line for line in Path(path).read_text(encoding="utf-8-sig").splitlines() if line]
    except (OSError, UnicodeDecodeError) as error:
        raise FormatError(f"{path} is not a readable text file ({error})") from error
    if not lines:
        raise InputError(f"{path} holds no label; it is a text file with a label a line")
    return lines
