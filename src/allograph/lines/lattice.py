"""All readings of a line at once: its hypotheses, with what speaks for each."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from allograph.lines.grammar import START, Grammar
from allograph.lines.label_class import CLASSES
from allograph.samples.equality import by_content

GRAMMAR_WEIGHT = 0.75
"""What the grammar's log-odds count for, against those of the labels and of the cuts."""


@by_content
@dataclass(frozen=True, eq=False)
class Lattice:
    """Hypotheses of a line of p pieces, their labels, and what connects them. A path is runs, the first piece's to the last's."""

    runs: NDArray[np.int64]
    """[q, 2] the first piece of each run and the one after its last, the first piece's first."""
    cuts: NDArray[np.float32]
    """[q] the log-odds that each is one whole character."""
    logs: NDArray[np.float32]
    """[q, L] the log-probabilities of the labels."""
    classes: NDArray[np.int64]
    """[L] the labels' classes."""
    space_odds: NDArray[np.float32]
    """[q] the log-odds of a space before each, by the gap alone; +inf where a row begins."""
    grammar: Grammar

    @property
    def pieces(self) -> int:
        """How many pieces the line has."""
        return int(self.runs[:, 1].max())

    @cached_property
    def joint(self) -> NDArray[np.float32]:
        """[q, 2, k + 1, k] the weight of a space, or none, and a class after each class."""
        return np.float32(GRAMMAR_WEIGHT) * self.grammar.joint(self.space_odds)

    @cached_property
    def links(self) -> NDArray[np.float32]:
        """[q, k + 1, k] the same, whether there is a space or not."""
        links: NDArray[np.float32] = np.logaddexp(self.joint[:, 0], self.joint[:, 1])
        return links

    @cached_property
    def best_of_class(self) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """[q, k] the highest log-probability of each class's labels, −inf where it has none, and that label (a place)."""
        highest = np.full((len(self.runs), len(CLASSES)), -np.inf, np.float32)
        labels = np.zeros(highest.shape, np.int64)
        for one in np.unique(self.classes).tolist():
            (places,) = np.nonzero(self.classes == one)
            chosen = self.logs[:, places].argmax(axis=1)
            labels[:, one] = places[chosen]
            highest[:, one] = self.logs[np.arange(len(self.runs)), labels[:, one]]
        return highest, labels

    def has_space(self, run: int, before: int, after: int) -> bool:
        """Whether there is a space before a run of a class, after one of the class `before`, `START` for none."""
        return before != START and bool(self.joint[run, 1, before, after] > self.joint[run, 0, before, after])
