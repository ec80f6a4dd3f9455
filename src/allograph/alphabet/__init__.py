"""Alphabets: which labels there are, in what order, and the files that list them."""

from __future__ import annotations

from allograph.alphabet.alphabet_file import read_alphabet
from allograph.alphabet.labels import NAMED, Alphabet, check_label

__all__ = ["NAMED", "Alphabet", "check_label", "read_alphabet"]
