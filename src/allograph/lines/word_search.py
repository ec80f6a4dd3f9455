"""The best path through a lattice where words of a list are likelier than other strings of letters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from allograph.lines.grammar import START
from allograph.lines.label_class import CLASSES
from allograph.lines.lattice import Lattice
from allograph.lines.search import Path
from allograph.lines.trie import Trie
from allograph.lines.words import Words

CHARACTER = 2.5
"""What a word of a list gains for each character, in nats."""
RARITY = 1.0
"""What it loses for each nat of the number of words of its length: one of many is the less likely."""
WORD = 0.0
"""What it gains besides, whatever it is."""
HIGHEST = 20.0
"""It never gains more."""
WIDTH = 300
"""Beginnings of words that are followed at each piece, at most."""
SLACK = 4.0
"""Beginnings of words that are worse than the best path by more than this are not followed,"""
SLACK_BY_CHARACTER = 2.5
"""and this for each of their characters."""
MARKS = (3, 4)
"""The classes of marks: a word may begin after one, and end before one, without a space."""


class Found(NamedTuple):
    """A word of a list, in a path."""

    first: int
    """The place of its first character in the path."""
    after: int
    """The place after its last."""
    changed: tuple[int, ...]
    """The places of its characters that are not read, or not cut, so without the list."""


class _Beginnings(NamedTuple):
    """Beginnings of words that end at one piece: how each was reached."""

    nodes: NDArray[np.int32]
    """[s] in the trie."""
    upper: NDArray[np.bool_]
    """[s] whether all is written in upper case."""
    scores: NDArray[np.float64]
    """[s] of the best path that ends so."""
    back: NDArray[np.int64]
    """[s] the place among the beginnings where the last run begins; −1 where the word does."""
    runs: NDArray[np.int64]
    """[s] the last run, """
    labels: NDArray[np.int64]
    """[s] and its label."""

    def at(self, places: NDArray[np.int64]) -> _Beginnings:
        """Some of them."""
        return _Beginnings(*(column[places] for column in self))


@dataclass(frozen=True)
class _Spelling:
    """How labels spell words: as they stand in the list, with a capital, or in upper case."""

    plain: NDArray[np.int64]
    """[u] the label of each code point, −1 where none has just that; the last for all that are higher."""
    upper: NDArray[np.int64]
    """[u] the label of its capital, or its own where it has none."""
    longer: list[tuple[int, str, bool]]
    """Labels of several code points: the letters of a word that each may show, and whether in upper case."""

    @classmethod
    def of(cls, labels: Sequence[str]) -> _Spelling:
        points = [ord(label) for label in labels if len(label) == 1]
        plain = np.full(max(points, default=0) + 2, -1, np.int64)
        upper, longer = plain.copy(), []
        for place, label in enumerate(labels):
            for letters, is_upper in _shown(label):
                if len(letters) > 1 or len(label) > 1:
                    longer.append((place, letters, is_upper))
                elif ord(letters) < len(plain) - 1:
                    (upper if is_upper else plain)[ord(letters)] = place
        return cls(plain, upper, longer)

    def grow(self, trie: Trie, nodes: NDArray[np.int32], upper: NDArray[np.bool_]) -> tuple[NDArray[np.int64], ...]:
        """All ways on from nodes [n]: the place among them [m], the node that follows [m], and the label that is written [m]."""
        places, children = trie.expand(nodes)
        letters = np.minimum(trie.letters[children], len(self.plain) - 1)
        labels = np.where(upper[places], self.upper[letters], self.plain[letters])
        ways = [(places, children, labels)]
        for label, text, is_upper in self.longer:
            (chosen,) = np.nonzero(upper == is_upper)
            ends = trie.follow(nodes[chosen], text)
            ways.append((chosen, ends, np.where(ends >= 0, label, -1)))
        joined = [np.concatenate(column) for column in zip(*ways, strict=True)]
        known = joined[2] >= 0
        return tuple(column[known] for column in joined)


def _shown(label: str) -> list[tuple[str, bool]]:
    """The letters of a word that a label may show, and whether where all is in upper case."""
    shown, lower = [(label, False)], label.lower()
    if label == label.upper():
        shown.append((label, True))
        if lower != label and lower.upper() == label:
            shown.append((lower, True))
    return shown


class _Search:
    """One sweep over the pieces of a line, from left to right."""

    def __init__(self, lattice: Lattice, labels: Sequence[str], words: Words) -> None:
        self.lattice, self.trie, self.spelling = lattice, words.trie, _Spelling.of(labels)
        count, kinds = lattice.pieces, len(CLASSES)
        self.best = np.full((count + 1, 2, kinds + 1), -np.inf)
        """The best path to each piece, by whether a word of the list ends there, and by the class of the last character."""
        self.best[0, 0, START] = 0
        self.back = np.zeros((count + 1, 2, kinds + 1, 2), np.int64)
        """Of a word, its place among the beginnings; else the run, and what was before it (as one number)."""
        self.entered = np.zeros((len(lattice.runs), kinds), np.int64)
        """What was before a word that begins with a run and a class (as one number)."""
        self.begun: list[_Beginnings | None] = [None] * (count + 1)
        self.arrived: list[list[_Beginnings]] = [[] for _ in range(count + 1)]
        spaced, links = lattice.joint[:, 1], lattice.links
        marks = np.isin(np.arange(kinds + 1), (*MARKS, START))
        starts = np.where(marks[:, None], links, spaced)
        self.into_word = np.stack([starts, starts], axis=1)
        self.onward = np.stack([links, np.where(marks[:kinds], links, spaced)], axis=1)
        self.highest, self.label_of_class = lattice.best_of_class
        self.gains = self.highest + lattice.cuts[:, None]
        self.logs = lattice.logs + lattice.cuts[:, None]
        self.within = lattice.joint[:, 0]
        self.seeds = self._seeds()
        firsts = np.searchsorted(lattice.runs[:, 0], np.arange(count + 1))
        for piece in range(count):
            self._close(piece)
            self._advance(piece, slice(int(firsts[piece]), int(firsts[piece + 1])))
        self._close(count)

    def _seeds(self) -> tuple[NDArray[np.int32], NDArray[np.bool_], NDArray[np.int64]]:
        """The first letters of words: nodes, whether all is in upper case, and labels."""
        roots = self.trie.roots
        _, plain, plain_labels = self.spelling.grow(self.trie, roots, np.zeros(len(roots), np.bool_))
        _, upper, upper_labels = self.spelling.grow(self.trie, roots, np.ones(len(roots), np.bool_))
        nodes = np.concatenate([plain, upper, upper]).astype(np.int32)
        return nodes, np.arange(len(nodes)) >= len(plain) + len(upper), np.concatenate([plain_labels, upper_labels, upper_labels])

    def _close(self, piece: int) -> None:
        """Let words end before a piece, and keep the best beginnings of others."""
        arrived = self.arrived[piece]
        if not arrived:
            return
        all_of = _Beginnings(*(np.concatenate(column) for column in zip(*arrived, strict=True)))
        kinds = self.lattice.classes[all_of.labels]
        keys = (all_of.nodes.astype(np.int64) * 2 + all_of.upper) * len(CLASSES) + kinds
        order = np.lexsort((-all_of.scores, keys))
        keys = keys[order]
        order = order[np.append(True, keys[1:] != keys[:-1])]
        depths = self.trie.depths[all_of.nodes[order]]
        bonus = word_bonus(depths, self.trie.alike[all_of.nodes[order]])
        scores = all_of.scores[order]
        margins = scores + np.minimum(SLACK + SLACK_BY_CHARACTER * depths, HIGHEST)
        chosen = np.flatnonzero(margins >= max((scores + bonus).max(), self.best[piece].max()))
        if len(chosen) > WIDTH:
            chosen = chosen[np.argpartition(-margins[chosen], WIDTH)[:WIDTH]]
        kept = self.begun[piece] = all_of.at(order[chosen])
        kinds, ends = kinds[order[chosen]], scores[chosen] + bonus[chosen]
        for kind in np.unique(kinds).tolist():
            place = int(np.where(kinds == kind, ends, -np.inf).argmax())
            if ends[place] > -np.inf:
                self.best[piece, 1, kind] = ends[place]
                self.back[piece, 1, kind, 0] = place
        self.arrived[piece] = []
        del kept

    def _advance(self, piece: int, here: slice) -> None:
        """Add the runs that begin with a piece, as any character, as the first of a word, and as the next of one."""
        lattice = self.lattice
        afters = lattice.runs[here, 1]
        before = self.best[piece][None, :, :, None]
        every = len(CLASSES)
        ways = (before + self.onward[here]).reshape(len(afters), -1, every)
        chosen = ways.argmax(axis=1)
        scores = np.take_along_axis(ways, chosen[:, None], axis=1)[:, 0] + self.gains[here]
        rows, kinds = np.nonzero(scores > self.best[afters, 0, :every])
        self.best[afters[rows], 0, kinds] = scores[rows, kinds]
        self.back[afters[rows], 0, kinds, 0] = here.start + rows
        self.back[afters[rows], 0, kinds, 1] = chosen[rows, kinds]
        limits = self.best[afters].max(axis=(1, 2))
        ways = (before + self.into_word[here]).reshape(len(afters), -1, every)
        self.entered[here] = ways.argmax(axis=1)
        nodes, upper, labels = self.seeds
        scores = ways.max(axis=1)[:, lattice.classes[labels]] + self.logs[here][:, labels]
        self._arrive(here.start, afters, limits, scores, nodes, upper, np.full(len(nodes), -1), labels)
        begun = self.begun[piece]
        if begun is None or not len(begun.nodes):
            return
        places, nodes, labels = self.spelling.grow(self.trie, begun.nodes, begun.upper)
        kinds = lattice.classes[begun.labels[places]]
        scores = begun.scores[places] + self.within[here][:, kinds, lattice.classes[labels]] + self.logs[here][:, labels]
        self._arrive(here.start, afters, limits, scores, nodes, begun.upper[places], places, labels)

    def _arrive(
        self,
        first: int,
        afters: NDArray[np.int64],
        limits: NDArray[np.float64],
        scores: NDArray[np.float64],
        nodes: NDArray[np.int32],
        upper: NDArray[np.bool_],
        back: NDArray[np.int64],
        labels: NDArray[np.int64],
    ) -> None:
        slack = np.minimum(SLACK + SLACK_BY_CHARACTER * self.trie.depths[nodes], HIGHEST)
        near = scores + slack >= np.maximum(limits, -1e30)[:, None]
        for row, after in enumerate(afters.tolist()):
            (kept,) = np.nonzero(near[row])
            if len(kept):
                found = _Beginnings(
                    nodes[kept], upper[kept], scores[row, kept], back[kept], np.full(len(kept), first + row), labels[kept]
                )
                self.arrived[after].append(found)

    def path(self) -> tuple[Path, list[tuple[int, int]]]:
        """The best path, and the first character of each word in it and the one after its last."""
        lattice, kinds = self.lattice, len(CLASSES) + 1
        end = lattice.pieces
        state = int(self.best[end].argmax())
        score = float(self.best[end].max())
        runs: list[int] = []
        labels: list[int] = []
        spaces: list[bool] = []
        words: list[tuple[int, int]] = []
        while end:
            word, kind = divmod(state, kinds)
            if word:
                place, size = int(self.back[end, 1, kind, 0]), len(runs)
                while place >= 0:
                    begun = self.begun[end]
                    assert begun is not None
                    runs.append(int(begun.runs[place]))
                    labels.append(int(begun.labels[place]))
                    spaces.append(False)
                    end, place = int(lattice.runs[runs[-1], 0]), int(begun.back[place])
                words.append((size, len(runs)))
                kind = int(lattice.classes[labels[-1]])
                state = int(self.entered[runs[-1], kind])
                before = state % kinds
                spaces[-1] = before != START and (before not in MARKS or lattice.has_space(runs[-1], before, kind))
            else:
                run, state = self.back[end, 0, kind].tolist()
                closed, before = divmod(state, kinds)
                runs.append(run)
                labels.append(int(self.label_of_class[run, kind]))
                spaces.append(bool(closed and kind not in MARKS) or lattice.has_space(run, before, kind))
                end = int(lattice.runs[run, 0])
        count = len(runs)
        return Path(runs[::-1], labels[::-1], score, tuple(spaces[::-1])), [(count - b, count - a) for a, b in words[::-1]]


def word_bonus(lengths: NDArray[np.integer], alike: NDArray[np.floating]) -> NDArray[np.float64]:
    """[n] what words of `lengths` code points gain, where the logarithms of how many are of their length are `alike`."""
    return np.minimum(CHARACTER * lengths - RARITY * alike + WORD, HIGHEST)


def read_words(lattice: Lattice, labels: Sequence[str], path: Path, words: Words) -> tuple[Path, tuple[Found, ...]]:
    """The best path where words of a list count for more, and those words; `path` is the best without them."""
    better, places = _Search(lattice, labels, words).path()
    if not places:
        return path, ()
    known = set(zip(path.runs, path.labels, strict=True))
    pairs = list(zip(better.runs, better.labels, strict=True))
    return better, tuple(
        Found(first, after, tuple(place for place in range(first, after) if pairs[place] not in known)) for first, after in places
    )
