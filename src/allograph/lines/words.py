"""Words that a line likely holds: a language's list, a form's own terms, what a writer corrected before."""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from allograph.errors import FormatError, InputError
from allograph.lines.trie import Trie
from allograph.profiles.words import LONGEST_WORD, check_word

MOST_WORDS = 2_000_000
"""A list has no more."""
MOST_BYTES = 64 * 2**20
"""A file of words is no larger."""


@dataclass(frozen=True, eq=False)
class Words:
    """Lists of words; equal to others of the same lists.

    >>> words = Words.of(["violet", "Ana"]).with_more(["ultraviolet"])
    >>> len(words), "Ana" in words, "ana" in words
    (3, True, False)
    """

    trie: Trie
    digest: str
    """SHA-256 of the lists."""
    count: int
    """Words of all lists; one that stands in two lists counts twice."""

    @classmethod
    def of(cls, words: Iterable[str] | str | Path | Words) -> Words:
        """Words, or the path of a UTF-8 file with a word a line, which is kept in memory until it changes.

        A word has 1–64 code points in NFC, without white space and control characters. Empty lines of a file, and words that
        come twice, are passed over. Raises `InputError`, which repeats no word, for what is none and for too many; `FormatError`
        for a file that cannot be read, or holds no word or too many.
        """
        if isinstance(words, Words):
            return words
        if isinstance(words, str | Path):
            return _read(Path(words))
        if not isinstance(words, Iterable) or isinstance(words, bytes):
            raise InputError(f"words are a list of strings or the path of a file, not {type(words).__name__}")
        given = []
        for word in words:
            given.append(word)
            if len(given) > MOST_WORDS:
                raise InputError(f"there are more than {MOST_WORDS:,} words; leave out the rare ones")
        return cls._of_list([_check(word, f"word {place}, counted from 0") for place, word in enumerate(given)])

    @classmethod
    def _of_list(cls, words: Iterable[str]) -> Words:
        """Of sound words."""
        listed = sorted(set(words))
        digest = hashlib.sha256("\n".join(listed).encode()).hexdigest()
        return cls(Trie.of(listed), digest, len(listed))

    def with_more(self, words: Iterable[str] | str | Path | Words) -> Words:
        """These and further words, a list of its own: the shorter a list, the likelier is each of its words."""
        more = Words.of(words)
        if not more.count:
            return self
        if not self.count:
            return more
        digest = hashlib.sha256(f"{self.digest} {more.digest}".encode()).hexdigest()
        return Words(self.trie.join(more.trie), digest, self.count + more.count)

    def __len__(self) -> int:
        return self.count

    def __contains__(self, word: object) -> bool:
        if not isinstance(word, str):
            return False
        ends = self.trie.follow(self.trie.roots, unicodedata.normalize("NFC", word))
        return any(end >= 0 and self.trie.alike[end] < float("inf") for end in ends.tolist())

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Words) and self.digest == other.digest

    def __hash__(self) -> int:
        return hash(self.digest)


def _read(path: Path) -> Words:
    try:
        status = path.stat()
    except (OSError, ValueError) as error:
        raise _unreadable(path, error) from error
    return _read_version(path.absolute(), status.st_mtime_ns, status.st_size)


@lru_cache(maxsize=8)
def _read_version(path: Path, changed: int, size: int) -> Words:
    """The words of a file as it is at one time."""
    if size > MOST_BYTES:
        raise FormatError(f"{path} has {size:,} bytes; a file of words has at most {MOST_BYTES:,}: leave out the rare ones")
    try:
        with path.open("rb") as file:
            text = file.read(MOST_BYTES).decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise _unreadable(path, error) from error
    lines = [line.strip() for line in text.replace("\r\n", "\n").replace("\r", "\n").split("\n")]
    if len(lines) - lines.count("") > MOST_WORDS:
        raise FormatError(f"{path} has more than {MOST_WORDS:,} words; leave out the rare ones")
    if not any(lines):
        raise FormatError(f"{path} holds no word; a file of words has one a line")
    if not _all_sound(text, lines):
        lines = [line and _check(line, f"{path}, line {place}") for place, line in enumerate(lines, 1)]
    return Words._of_list(line for line in lines if line)


def _all_sound(text: str, lines: list[str]) -> bool:
    """Whether lines without white space around them are words as they stand: seen at once, since files are long."""
    used = set(text) - set("\n\r")
    spaced = any(point.isspace() or not point.isprintable() for point in used)
    return not spaced and unicodedata.is_normalized("NFC", text) and max(map(len, lines)) <= LONGEST_WORD


def _check(word: object, where: str) -> str:
    try:
        return check_word(word)
    except InputError as error:
        raise InputError(f"{where}: {error}") from None


def _unreadable(path: Path, error: Exception) -> FormatError:
    reason = f"not UTF-8 at byte {error.start}" if isinstance(error, UnicodeDecodeError) else getattr(error, "strerror", None)
    return FormatError(f"{path} is no readable file of words ({reason or error}); save it as UTF-8 text, a word a line")
