"""Alphabets in files: every form in which one finds them is understood, or refused by name."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from allograph.alphabet.alphabet_file import read_alphabet
from allograph.errors import FormatError, InputError

PRINTABLE = [chr(point) for point in range(0x21, 0x7F)]
DIGITS = list("0123456789")


def read(path: Path, content: str | bytes) -> list[str]:
    (path / "labels.txt").write_bytes(content.encode() if isinstance(content, str) else content)
    return list(read_alphabet(path / "labels.txt"))


@pytest.mark.parametrize(
    ("content", "labels"),
    [
        ("a\nb\n", ["a", "b"]),
        ("a\nb", ["a", "b"]),
        ("\ufeffa\r\nb\r\n", ["a", "b"]),
        ("a\rb\r", ["a", "b"]),
        ("a  \n b\t\n\n\nc\n", ["a", "b", "c"]),
        ("a\n \nb\n", ["a", " ", "b"]),
        ("e\u0301\n", ["é"]),
        ("0 48\n1 49\n2 65\n", ["0", "1", "A"]),
        ("1 49\r\n0 48\r\n", ["0", "1"]),
        ("0\t48\n1\t97\n", ["0", "a"]),
        ("0,a\n1,b\n", ["a", "b"]),
        ("0: a\n1: b\n", ["a", "b"]),
        ("".join(f"{i} {i}\n" for i in range(10)), DIGITS),
        ("".join(f"{i}\n" for i in range(10)), DIGITS),
        ("".join(f"{i} {label}\n" for i, label in enumerate(PRINTABLE)), PRINTABLE),
        ("\n".join(PRINTABLE), PRINTABLE),
        ("[\n]\n", ["[", "]"]),
        ("{\n}\n", ["{", "}"]),
        ('["a", "b"]', ["a", "b"]),
        ('[\n  "0 48",\n  "b"\n]\n', ["0 48", "b"]),
        ('{"a": 0, "b": 1}', ["a", "b"]),
        ('{"1": "b", "0": "a"}', ["a", "b"]),
        (json.dumps(PRINTABLE), PRINTABLE),
    ],
)
def test_what_is_understood(tmp_path: Path, content: str, labels: list[str]) -> None:
    assert read(tmp_path, content) == labels


@pytest.mark.parametrize(
    ("content", "error", "message"),
    [
        ("", InputError, "at least one label"),
        ("a\nb\na \n", InputError, "come twice: a"),
        ("é\ne\u0301\n", InputError, "come twice: é"),
        ("1 65 97\n2 66 98\n", InputError, "'1 65 97' gives one class several characters"),
        ("1 65\n2 66\n", InputError, "the classes are not 0 … 1, each once"),
        ("0 65\n0 66\n", InputError, "the classes are not 0 … 1"),
        ("0 48\n1 49\n2 50\nx\n", InputError, "most lines are a class and its label, but 'x' is not"),
        ("0 48\n1 7\n", InputError, "not all numbers are code points"),
        ("0 48\n1 99999999\n", InputError, "not all numbers are code points"),
        ("0 48\n1 55296\n", InputError, "control or surrogate"),
        ("[1, 2]", InputError, "a label is a string"),
        ('{"a": "b"}', InputError, "no map from labels to classes"),
        ('{"a": 1, "b": 2}', InputError, "the classes are not 0 … 1"),
        ("abcdefghijklmnopqrstuvwxyz\n", InputError, "has 26"),
        (b"\xff\xfea\x00", FormatError, "not a readable text file .*save it as UTF-8"),
        (b"a\n" * 3_000_000, FormatError, "more than 4194304 bytes"),
    ],
)
def test_what_is_refused(tmp_path: Path, content: str | bytes, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=rf"(?s)labels\.txt.*{message}"):
        read(tmp_path, content)


@pytest.mark.parametrize("place", ["nowhere.txt", ".", "/dev/zero"])
def test_what_is_no_file(tmp_path: Path, place: str) -> None:
    with pytest.raises(FormatError):
        read_alphabet(tmp_path / place)


@given(st.text(max_size=200))
def test_any_text_is_an_alphabet_or_refused(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    path = tmp_path_factory.getbasetemp() / "any.txt"
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    with contextlib.suppress(InputError, FormatError):
        assert len(read_alphabet(path)) > 0
