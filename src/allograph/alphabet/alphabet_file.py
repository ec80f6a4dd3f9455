"""Alphabets in files, in the forms in which they lie about."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from allograph.alphabet.labels import Alphabet
from allograph.errors import FormatError, InputError

LONGEST = 4 * 2**20
"""Bytes in a file, at most."""
PAIR = re.compile(r"(\d+)\s*[\s,;:=]\s*(\S+)")
"""A class and its label, or its code point."""
FORMS = "give a label a line in the order of the logits, or a JSON list of them"


def read_alphabet(path: str | Path) -> Alphabet:
    """The labels in a file, in the order of a model's logits.

    Taken are a label a line (white space around it is not part of it; a line of one space is the label space); a JSON list of
    labels, or an object from labels to classes or from classes to labels; lines of a class, from 0 on, and its label; and
    EMNIST's mapping, lines of a class and the code point of its character. The file is UTF-8. Raises `FormatError` for a file
    that cannot be read, `InputError` for one that holds no alphabet or one that could be meant in two ways.
    """
    path = Path(path)
    try:
        with path.open("rb") as file:
            content = file.read(LONGEST + 1)
        if len(content) > LONGEST:
            raise FormatError(f"{path} is no alphabet: it has more than {LONGEST} bytes")
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise FormatError(f"{path} is not a readable text file ({error}); save it as UTF-8") from error
    except OSError as error:
        raise FormatError(f"{path} is not a readable text file ({error})") from error
    try:
        return Alphabet(_labels(text))
    except InputError as error:
        raise InputError(f"{path}: {error}") from error


def _labels(text: str) -> list[str]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        value = None
    if isinstance(value, list | dict) and value:  # [ and ] on lines of their own are two labels
        return _of_json(value)
    lines = [line if line.isspace() and len(line) == 1 else line.strip() for line in re.split(r"\r\n|\r|\n", text)]
    lines = [line for line in lines if line]
    pairs = [match.groups() for match in map(PAIR.fullmatch, lines) if match]
    if 2 * len(pairs) <= len(lines):
        several = [line for line in lines if re.fullmatch(r"\d+(\s+\d+){2,}", line)]
        if several:
            raise InputError(f"the line {several[0]!r} gives one class several characters, which is no label; {FORMS}")
        return lines
    if len(pairs) < len(lines):
        odd = next(line for line in lines if not PAIR.fullmatch(line))
        raise InputError(f"most lines are a class and its label, but {odd!r} is not; {FORMS}")
    return _in_order({int(place): label for place, label in pairs}, len(pairs), all(label.isdecimal() for _, label in pairs))


def _of_json(value: list[Any] | dict[str, Any]) -> list[str]:
    if isinstance(value, list):
        return value
    if all(type(place) is int for place in value.values()):
        return _in_order({place: label for label, place in value.items()}, len(value), False)
    if all(place.isdecimal() for place in value):
        return _in_order({int(place): label for place, label in value.items()}, len(value), False)
    raise InputError(f"the JSON object is no map from labels to classes or from classes to labels; {FORMS}")


def _in_order(labels: dict[int, Any], count: int, numbers: bool) -> list[str]:
    """The labels of the classes 0, 1, …; where they are `numbers`, those are code points, unless they are single digits."""
    if sorted(labels) != list(range(count)):
        raise InputError(f"the classes are not 0 … {count - 1}, each once; {FORMS}")
    texts = [labels[place] for place in range(count)]
    if not numbers or all(len(label) == 1 for label in texts):
        return texts
    points = [int(label) for label in texts]
    if not all(0x20 <= point < 0x110000 for point in points):
        raise InputError(f"the lines are a class and a number, but not all numbers are code points of characters; {FORMS}")
    return [chr(point) for point in points]
