"""How a writer's labels spell the words of a list: as they stand, with a capital, or in upper case."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from allograph.lines.trie import Trie

OTHER_CASE = 1.0
"""What a word loses, in nats, that is written with a capital or in upper case where its list has it otherwise."""


class Letters(NamedTuple):
    """Characters that may come next in words."""

    places: NDArray[np.int64]
    """[m] the beginning that each goes on from, a place among those that were asked for."""
    nodes: NDArray[np.int32]
    """[m] where in the trie it leads to."""
    upper: NDArray[np.bool_]
    """[m] whether all of the word is in upper case."""
    labels: NDArray[np.int64]
    """[m] what is written."""
    costs: NDArray[np.float64]
    """[m] what the word loses for its case, in nats."""

    def at(self, chosen: NDArray[np.integer]) -> Letters:
        """Some of them."""
        return Letters(self.places[chosen], self.nodes[chosen], self.upper[chosen], self.labels[chosen], self.costs[chosen])


@dataclass(frozen=True, eq=False)
class Spelling:
    """The labels that may show each letter of a word. A capital of the list stays one."""

    plain: NDArray[np.int64]
    """[u] the label that is each code point, −1 where none is; the last for all code points from there on."""
    upper: NDArray[np.int64]
    """[u] the label that is its capital, or itself where it has none."""
    longer: list[tuple[int, str, bool]]
    """Labels of several code points: a place, the letters that it may show, and whether in a word in upper case."""

    @classmethod
    def of(cls, labels: Sequence[str]) -> Spelling:
        """Of labels in NFC."""
        size = max((ord(label) for label in labels if len(label) == 1), default=-1) + 2
        plain, upper, longer = np.full(size, -1, np.int64), np.full(size, -1, np.int64), []
        for place, label in enumerate(labels):
            for letters, is_upper in _letters_of(label):
                if len(letters) > 1 or len(label) > 1:
                    longer.append((place, letters, is_upper))
                elif ord(letters) < size - 1:
                    (upper if is_upper else plain)[ord(letters)] = place
        return cls(plain, upper, longer)

    def begin(self, trie: Trie) -> Letters:
        """The first characters of words; `places` are those of the roots."""
        count = len(trie.roots)
        plain = self.go_on(trie, trie.roots, np.zeros(count, np.bool_))
        upper = self.go_on(trie, trie.roots, np.ones(count, np.bool_))
        standing = set(zip(plain.nodes.tolist(), plain.labels.tolist(), strict=True))
        pairs = zip(upper.nodes.tolist(), upper.labels.tolist(), strict=True)
        (new,) = np.nonzero([pair not in standing for pair in pairs])
        upper = upper._replace(costs=np.full(len(upper.nodes), OTHER_CASE))
        ways = plain, upper.at(new)._replace(upper=np.zeros(len(new), np.bool_)), upper
        return Letters(*(np.concatenate([way[column] for way in ways]) for column in range(len(plain))))

    def go_on(self, trie: Trie, nodes: NDArray[np.int32], upper: NDArray[np.bool_]) -> Letters:
        """The characters after beginnings of words: nodes [n], `upper` [n] those in upper case."""
        places, children = trie.expand(nodes)
        points = np.minimum(trie.letters[children], len(self.plain) - 1)
        ways: list[tuple[NDArray[Any], NDArray[Any], NDArray[Any]]]
        ways = [(places, children, np.where(upper[places], self.upper[points], self.plain[points]))]
        for label, letters, is_upper in self.longer:
            (chosen,) = np.nonzero(upper == is_upper)
            ends = trie.follow(nodes[chosen], letters)
            ways.append((chosen, ends, np.where(ends >= 0, label, -1)))
        places, ends, labels = (np.concatenate(column) for column in zip(*ways, strict=True))
        every = Letters(places, ends.astype(np.int32), upper[places], labels, np.zeros(len(places)))
        return every.at(np.flatnonzero(labels >= 0))


def _letters_of(label: str) -> list[tuple[str, bool]]:
    """What of a word a label may show, and whether in a word in upper case."""
    shown, lower = [(label, False)], label.lower()
    if label == label.upper():
        shown.append((label, True))
        if lower != label and lower.upper() == label:
            shown.append((lower, True))
    return shown
