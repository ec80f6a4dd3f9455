"""A list of words as a tree in arrays: which letters may follow the beginning of a word."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from allograph.samples.equality import by_content

Nodes = NDArray[np.int32]
LETTER_BITS = np.int64(21)
"""A code point has no more."""


@by_content
@dataclass(frozen=True, eq=False)
class Trie:
    """Trees of one or more lists of words: a node is the beginning of a word, its children are one code point longer.

    The children of a node are consecutive, sorted by code point.

    >>> trie = Trie.of(["a", "an", "and"])
    >>> trie.follow(trie.roots, "an"), trie.follow(trie.roots, "at")
    (array([2], dtype=int32), array([-1], dtype=int32))
    """

    roots: Nodes
    """[r] the root of each list."""
    letters: Nodes
    """[v] the code point that leads to each node; 0 for a root."""
    children: Nodes
    """[v, 2] the first child of each node, and the one after its last."""
    depths: Nodes
    """[v] code points from the root."""
    alike: NDArray[np.float32]
    """[v] where a word ends: how many words of its length its list has, as a logarithm; +inf where none ends."""
    keys: NDArray[np.int64] = field(repr=False)
    """[v] each node's parent and letter as one number, ascending: `follow` looks nodes up by it."""

    @classmethod
    def of(cls, words: Sequence[str]) -> Trie:
        """Of words that are sorted by code point, each once and none empty."""
        lengths = np.array([len(word) for word in words], np.int64)
        points = np.frombuffer("".join(words).encode("utf-32-le"), np.uint32).astype(np.int64)
        starts = np.cumsum(lengths) - lengths
        with np.errstate(divide="ignore"):
            counts = np.log(np.bincount(lengths, minlength=1)).astype(np.float32)
        letters, parents, ends = [np.zeros(1, np.int64)], [np.full(1, -1, np.int64)], [np.full(1, np.inf, np.float32)]
        here, first = np.zeros(len(words), np.int64), 1  # the node of each word that is longer than the depth
        for depth in range(int(lengths.max(initial=0))):
            longer = lengths > depth
            here, starts, lengths = here[longer], starts[longer], lengths[longer]
            letter = points[starts + depth]
            new = np.append(True, (np.diff(here) != 0) | (np.diff(letter) != 0))
            letters.append(letter[new])
            parents.append(here[new])
            here = first + np.cumsum(new) - 1
            end = np.full(int(new.sum()), np.inf, np.float32)
            end[here[lengths == depth + 1] - first] = counts[depth + 1]
            ends.append(end)
            first += len(end)
        depths = np.repeat(np.arange(len(letters)), [len(level) for level in letters])
        letter, parent = np.concatenate(letters), np.concatenate(parents)
        after = np.searchsorted(parent, np.arange(first), side="right")
        children = np.stack([np.append(0, after[:-1]), after], axis=1)
        children[0, 0] = 1
        return cls(
            np.zeros(1, np.int32),
            letter.astype(np.int32),
            children.astype(np.int32),
            depths.astype(np.int32),
            np.concatenate(ends),
            (parent << LETTER_BITS) | letter,
        )

    def join(self, other: Trie) -> Trie:
        """The lists of both."""
        count = len(self.letters)
        shift = np.int64(count) << LETTER_BITS
        keys = np.append(shift - 1, other.keys[1:] + shift)  # its first root lies between the nodes of the one and the other
        return Trie(
            np.append(self.roots, other.roots + np.int32(count)),
            np.append(self.letters, other.letters),
            np.concatenate([self.children, other.children + np.int32(count)]),
            np.append(self.depths, other.depths),
            np.append(self.alike, other.alike),
            np.append(self.keys, keys),
        )

    def follow(self, nodes: Nodes, letters: str) -> Nodes:
        """[n] where letters lead to from nodes [n], −1 where no word goes on so."""
        for letter in letters:
            keys = (nodes.astype(np.int64) << LETTER_BITS) | ord(letter)
            places = np.minimum(np.searchsorted(self.keys, keys), len(self.keys) - 1)
            nodes = np.where((nodes >= 0) & (self.keys[places] == keys), places, -1).astype(np.int32)
        return nodes

    def expand(self, nodes: Nodes) -> tuple[NDArray[np.int64], Nodes]:
        """Every child of nodes [n]: the place of its parent among them [m], and the child [m]."""
        first, after = self.children[nodes].T.astype(np.int64)
        counts = after - first
        places = np.repeat(np.arange(len(nodes)), counts)
        within = np.arange(len(places)) - np.repeat(np.cumsum(counts) - counts, counts)
        return places, (first[places] + within).astype(np.int32)
