"""Labels and alphabets: which characters there are, and in what order."""

from __future__ import annotations

import string
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from allograph.errors import InputError, UnknownLabel

LONGEST_LABEL = 16
"""Code points in the longest label."""
NAMED_AT_MOST = 10
"""Labels that a message names."""

NAMED = {
    "digits": string.digits,
    "upper": string.ascii_uppercase,
    "lower": string.ascii_lowercase,
    "letters": string.ascii_uppercase + string.ascii_lowercase,
    "alphanumeric": string.digits + string.ascii_uppercase + string.ascii_lowercase,
}
"""Alphabets that have a name: `alphabet="digits"`."""


def check_label(label: object) -> str:
    """Return `label` in NFC; raise `InputError` unless it has 1–16 code points and no control characters.

    >>> check_label("e\\u0301") == "é"
    True
    """
    if not isinstance(label, str):
        raise InputError(f"a label is a string of 1–{LONGEST_LABEL} code points, not {type(label).__name__}")
    label = unicodedata.normalize("NFC", label)
    if not 1 <= len(label) <= LONGEST_LABEL:
        raise InputError(f"a label has 1–{LONGEST_LABEL} code points; {label!r} has {len(label)}")
    if any(unicodedata.category(point) in ("Cc", "Cs") for point in label):
        raise InputError(f"the label {label!r} holds a control or surrogate character")
    return label


class Alphabet(Sequence[str]):
    """The ordered set of labels that a recognizer knows; a label is found in whatever form it is composed.

    >>> digits = Alphabet("0123456789")
    >>> digits.index("7"), "x" in digits, len(digits)
    (7, False, 10)
    """

    def __init__(self, labels: Iterable[str]) -> None:
        self.labels = tuple(check_label(label) for label in _each(labels))
        self._index = {label: i for i, label in enumerate(self.labels)}
        if not self.labels:
            raise InputError("an alphabet has at least one label")
        if len(self._index) != len(self.labels):
            twice = sorted(label for label, count in Counter(self.labels).items() if count > 1)
            more = f" and {len(twice) - NAMED_AT_MOST} more" if len(twice) > NAMED_AT_MOST else ""
            named = " ".join(twice[:NAMED_AT_MOST])
            raise InputError(f"an alphabet holds each label once; these come twice: {named}{more}")

    @classmethod
    def of(cls, labels: Iterable[str]) -> Alphabet:
        """The alphabet of these labels in code-point order, each once."""
        return cls(sorted({check_label(label) for label in _each(labels)}))

    @classmethod
    def by_name(cls, name: str | Iterable[str]) -> Alphabet:
        """An alphabet by its name in `NAMED`, or of the given labels."""
        if isinstance(name, str):
            if name not in NAMED:
                raise InputError(f"there is no alphabet named {name!r}; there are {', '.join(NAMED)}, or give a list of labels")
            return cls(NAMED[name])
        return name if isinstance(name, Alphabet) else cls(name)

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index):  # type: ignore[no-untyped-def]
        return self.labels[index]

    def __iter__(self) -> Iterator[str]:
        return iter(self.labels)

    def __contains__(self, label: object) -> bool:
        return isinstance(label, str) and self._place(label) is not None

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Alphabet) and self.labels == other.labels

    def __hash__(self) -> int:
        return hash(self.labels)

    def __repr__(self) -> str:
        return f"Alphabet({list(self.labels)!r})"

    def index(self, label: str, start: int = 0, stop: int | None = None) -> int:
        """The position of `label`; raises `UnknownLabel` when it is not in the alphabet."""
        place = self._place(label) if isinstance(label, str) else None
        if place is None:
            raise UnknownLabel(f"the label {label!r} is not in the alphabet of {len(self)} labels")
        return place

    def count(self, label: object) -> int:
        """1 for a label of the alphabet, else 0."""
        return int(label in self)

    def indices(self, labels: Iterable[str]) -> np.ndarray:
        """The positions of many labels, int32 [n]."""
        return np.fromiter((self.index(str(label)) for label in _each(labels)), dtype=np.int32)

    def mask(self, labels: Iterable[str]) -> np.ndarray:
        """True, bool [C], where a label is among `labels`; labels that the alphabet does not hold raise `UnknownLabel`."""
        mask = np.zeros(len(self), dtype=bool)
        mask[self.indices(labels)] = True
        return mask

    def _place(self, label: str) -> int | None:
        place = self._index.get(label)
        return self._index.get(unicodedata.normalize("NFC", label)) if place is None else place


def _each(labels: Iterable[str]) -> Iterable[str]:
    """The labels; those of a string are its characters, composed."""
    return unicodedata.normalize("NFC", labels) if isinstance(labels, str) else labels
