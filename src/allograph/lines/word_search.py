"""The best path through a lattice where words of a list are likelier than other characters."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from allograph.lines.grammar import START
from allograph.lines.label_class import CLASSES
from allograph.lines.lattice import Lattice
from allograph.lines.search import Path
from allograph.lines.spelling import Letters, Spelling
from allograph.lines.words import Words

CHARACTER = 2.5
"""What a word of a list gains for each of its code points, in nats: so much less is left to choose among."""
RARITY = 0.7
"""What it loses for each nat of the number of words of its length: it is one of many."""
HIGHEST = 15.0
"""No word gains more: clear ink is read as it stands."""
SLACK = 4.0
"""Beginnings of words are followed that are worse than the best path by no more than this and what they may gain."""
WIDTH = 150
"""And no more of them than this, at each piece."""
MARKS = (CLASSES.index("end mark"), CLASSES.index("other mark"))
"""A word may follow a mark, or come before one, without a space."""
KINDS = len(CLASSES)


class FoundWord(NamedTuple):
    """A word of a list, in a path."""

    first: int
    """The place of its first character in the path."""
    after: int
    """The place after its last."""
    changed: tuple[int, ...]
    """The places of those of its characters that would be read, or cut, otherwise without the list."""


def word_gains(lengths: NDArray[np.integer], alike: NDArray[np.floating]) -> NDArray[np.float64]:
    """[n] what words gain, in nats, from how many code points they have, and of how many words of that length each is one.

    `alike` [n] is the logarithm of the latter; +inf is no word, which gains −inf.
    """
    gains: NDArray[np.float64] = np.minimum(CHARACTER * lengths - RARITY * alike.astype(np.float64), HIGHEST)
    return gains


def find_words(lattice: Lattice, labels: Sequence[str], path: Path, words: Words | None) -> tuple[Path, tuple[FoundWord, ...]]:
    """The best path where words gain what `word_gains` says, and its words; `path` is the best without them.

    A word is written as its list has it, with a capital, or in upper case. It stands between spaces, marks and the ends of the
    line, has no space in it, and may be cut otherwise than `path`. What is no word is read as without a list.
    """
    if words is None or not words.count:
        return path, ()
    search = _Search(lattice, labels, words)
    better, places = search.trace()
    if not places:
        return path, ()
    known = set(zip(path.runs, path.labels, strict=True))
    changed = [pair not in known for pair in zip(better.runs, better.labels, strict=True)]
    found = (FoundWord(first, after, tuple(place for place in range(first, after) if changed[place])) for first, after in places)
    return better, tuple(found)


class _Beginnings(NamedTuple):
    """Beginnings of words that end with the same piece."""

    nodes: NDArray[np.int32]
    """[s] in the trie."""
    upper: NDArray[np.bool_]
    """[s] whether in upper case."""
    scores: NDArray[np.float64]
    """[s] of the best path from the start of the line."""
    back: NDArray[np.int64]
    """[s] the place of the one that is a character shorter, among those before the last run; −1 where that is the first."""
    runs: NDArray[np.int64]
    """[s] the last run, and"""
    labels: NDArray[np.int64]
    """[s] its label."""

    def at(self, chosen: NDArray[np.integer]) -> _Beginnings:
        """Some of them."""
        nodes, upper, scores, back, runs, labels = self
        return _Beginnings(nodes[chosen], upper[chosen], scores[chosen], back[chosen], runs[chosen], labels[chosen])


class _Search:
    """Dynamic programming over the pieces of a line: outside of words as `best_path`, and inside along the trie.

    Outside, a state is the class of the last character, and whether a word of the list has just ended, after which a space or a
    mark must come: as one number, `ended * (KINDS + 1) + class`.
    """

    def __init__(self, lattice: Lattice, labels: Sequence[str], words: Words) -> None:
        self.lattice, self.trie, self.spelling = lattice, words.trie, Spelling.of(labels)
        count, size = lattice.pieces, len(lattice.runs)
        self.best = np.full((count + 1, 2 * (KINDS + 1)), -np.inf)
        """The best score at each piece in each state."""
        self.best[0, START] = 0
        self.back = np.zeros((count + 1, 2 * (KINDS + 1), 2), np.int64)
        """The last run and the state before it; where a word ends, its place among the beginnings."""
        self.entered = np.zeros((size, KINDS), np.int64)
        """The best state before a word that begins with a run and a class."""
        self.begun: list[_Beginnings | None] = [None] * (count + 1)
        self.arrived: list[list[_Beginnings]] = [[] for _ in range(count + 1)]
        marks = np.isin(np.arange(KINDS + 1), (*MARKS, START))
        links, spaced = lattice.links, lattice.joint[:, 1]
        into_word = np.where(marks[:, None], links, spaced)
        self.into_word = np.concatenate([into_word, into_word], axis=1)
        self.onward = np.concatenate([links, np.where(marks[:KINDS], links, spaced)], axis=1)
        self.gains = lattice.best_of_class[0] + lattice.cuts[:, None]
        self.logs = lattice.logs + lattice.cuts[:, None]
        self.first_letters = self.spelling.begin(self.trie)
        firsts = np.searchsorted(lattice.runs[:, 0], np.arange(count + 1)).tolist()
        for piece in range(count):
            self._end_words(piece)
            self._advance(piece, slice(firsts[piece], firsts[piece + 1]))
        self._end_words(count)

    def _end_words(self, piece: int) -> None:
        """Of the beginnings before a piece keep the best of each kind, and let those end that are words."""
        if not self.arrived[piece]:
            return
        arrived = _Beginnings(*(np.concatenate(column) for column in zip(*self.arrived[piece], strict=True)))
        self.arrived[piece] = []
        classes = self.lattice.classes[arrived.labels]
        kinds = (arrived.nodes.astype(np.int64) * 2 + arrived.upper) * KINDS + classes
        order = np.lexsort((-arrived.scores, kinds))
        order = order[np.diff(kinds[order], prepend=-1) != 0]
        nodes, scores = arrived.nodes[order], arrived.scores[order]
        ends = scores + word_gains(self.trie.depths[nodes], self.trie.alike[nodes])
        hopes = scores + self._prospects(nodes)
        (chosen,) = np.nonzero(hopes >= max(float(ends.max()), float(self.best[piece].max())))
        if len(chosen) > WIDTH:
            chosen = chosen[np.argpartition(-hopes[chosen], WIDTH)[:WIDTH]]
        self.begun[piece] = arrived.at(order[chosen])
        ends, classes = ends[chosen], classes[order[chosen]]
        for kind in np.unique(classes[ends > -np.inf]).tolist():
            place = int(np.where(classes == kind, ends, -np.inf).argmax())
            self.best[piece, KINDS + 1 + kind] = ends[place]
            self.back[piece, KINDS + 1 + kind, 0] = place

    def _advance(self, piece: int, here: slice) -> None:
        """Read the runs `here`, which begin with a piece: outside of words, as the first of one, and as the next of one."""
        afters, before = self.lattice.runs[here, 1], self.best[piece][:, None]
        ways = before + self.onward[here]
        states = ways.argmax(axis=1)
        scores = np.take_along_axis(ways, states[:, None], axis=1)[:, 0] + self.gains[here]
        rows, kinds = np.nonzero(scores > self.best[afters, :KINDS])
        self.best[afters[rows], kinds] = scores[rows, kinds]
        self.back[afters[rows], kinds] = np.stack([here.start + rows, states[rows, kinds]], axis=1)
        ways = before + self.into_word[here]
        self.entered[here] = ways.argmax(axis=1)
        letters = self.first_letters
        scores = ways.max(axis=1)[:, self.lattice.classes[letters.labels]]
        self._arrive(here, letters._replace(places=np.full(len(letters.places), -1)), scores)
        begun = self.begun[piece]
        if begun is not None and len(begun.nodes):
            letters = self.spelling.go_on(self.trie, begun.nodes, begun.upper)
            classes = self.lattice.classes[begun.labels[letters.places]], self.lattice.classes[letters.labels]
            self._arrive(here, letters, begun.scores[letters.places] + self.lattice.joint[here, 0][:, *classes])

    def _arrive(self, here: slice, letters: Letters, scores: NDArray[np.float64]) -> None:
        """Note where letters [m] of words lead to, with the scores [runs, m] of what is before them, unless it is far worse."""
        afters = self.lattice.runs[here, 1]
        scores = scores + self.logs[here][:, letters.labels] - letters.costs
        least = np.maximum(self.best[afters].max(axis=1), np.finfo(np.float64).min)
        near = scores + self._prospects(letters.nodes) >= least[:, None]
        for row, after in enumerate(afters.tolist()):
            (kept,) = np.nonzero(near[row])
            if len(kept):
                runs = np.full(len(kept), here.start + row)
                near_by = letters.at(kept)
                self.arrived[after].append(
                    _Beginnings(near_by.nodes, near_by.upper, scores[row, kept], near_by.places, runs, near_by.labels)
                )

    def _prospects(self, nodes: NDArray[np.int32]) -> NDArray[np.float64]:
        """[n] what beginnings of words may lack against the best path, and still be followed."""
        prospects: NDArray[np.float64] = np.minimum(SLACK + CHARACTER * self.trie.depths[nodes], HIGHEST)
        return prospects

    def trace(self) -> tuple[Path, list[tuple[int, int]]]:
        """The best path, and of each word in it the place of the first character and that after the last."""
        end = self.lattice.pieces
        state, score = int(self.best[end].argmax()), float(self.best[end].max())
        read: list[tuple[int, int, bool]] = []  # runs, labels, and spaces before them, the last first
        words: list[tuple[int, int]] = []
        while end:
            if state > KINDS:
                found, state = self._trace_word(end, state)
                words.append((len(read), len(read) + len(found)))
            else:
                run, before = self.back[end, state].tolist()
                kind, state = state, before
                found = [(run, int(self.lattice.best_of_class[1][run, kind]), self._is_apart(run, before, kind))]
            read += found
            end = int(self.lattice.runs[read[-1][0], 0])
        runs, labels, spaces = zip(*read[::-1], strict=True)
        count = len(read)
        return Path(list(runs), list(labels), score, spaces), [(count - last, count - first) for first, last in words[::-1]]

    def _trace_word(self, end: int, state: int) -> tuple[list[tuple[int, int, bool]], int]:
        """The characters of a word that ends before a piece, as in `trace`, and the state before it."""
        found, place = [], int(self.back[end, state, 0])
        while place >= 0:
            begun = self.begun[end]
            assert begun is not None
            run, label = int(begun.runs[place]), int(begun.labels[place])
            found.append((run, label, False))
            end, place = int(self.lattice.runs[run, 0]), int(begun.back[place])
        kind = int(self.lattice.classes[label])
        before = int(self.entered[run, kind])
        last = before % (KINDS + 1)
        is_apart = last != START and (last not in MARKS or self.lattice.has_space(run, last, kind))
        return [*found[:-1], (run, label, is_apart)], before

    def _is_apart(self, run: int, before: int, kind: int) -> bool:
        """Whether there is a space before a character that is in no word, after a state."""
        ended, last = divmod(before, KINDS + 1)
        return bool(ended and kind not in MARKS) or self.lattice.has_space(run, last, kind)
