"""How kinds of characters follow one another: lower case after lower case, digits after digits, a space after a comma."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from allograph.lines.label_class import CLASSES, label_class
from allograph.samples.equality import by_content

START = len(CLASSES)
"""Before the first character of a line there is no class but this."""
PRIOR = 20.0
"""Transitions that the classes' own frequencies count for."""


@by_content
@dataclass(frozen=True, eq=False)
class Grammar:
    """Transitions between classes of characters, with or without a space, in whatever language."""

    transitions: NDArray[np.float32]
    """[2, k + 1, k] log-probabilities of a space (0 no, 1 yes) and the next class after each of k classes, or at the start."""
    spaces: NDArray[np.float32]
    """[2] log-probabilities of no space and of a space between two characters."""
    frequencies: NDArray[np.float32]
    """[k] log-probabilities of the classes."""

    @classmethod
    def estimate(cls, texts: Iterable[Sequence[str]]) -> Grammar:
        """From texts as characters and spaces, a space at neither end."""
        counts = np.zeros((2, START + 1, START))
        for text in texts:
            before, space = START, 1
            for character in text:
                if character == " ":
                    space = 1
                    continue
                after = label_class(character)
                counts[space, before, after] += 1
                before, space = after, 0
        between = counts[:, :START].sum(axis=(1, 2)) + 1
        spaces = between / between.sum()
        seen = counts.sum(axis=(0, 1)) + 1
        frequencies = seen / seen.sum()
        prior = np.multiply.outer(spaces, frequencies)[:, None]
        joint = (counts + PRIOR * prior) / (counts.sum(axis=(0, 2), keepdims=True) + PRIOR)
        joint[:, START] = np.stack([np.zeros(START), joint[:, START].sum(axis=0)])
        with np.errstate(divide="ignore"):
            return cls(*(np.log(array).astype(np.float32) for array in (joint, spaces, frequencies)))

    @property
    def is_sound(self) -> bool:
        """Whether the arrays are of the right shapes and types, and hold log-probabilities."""
        shapes = ((2, START + 1, START), (2,), (START,))
        arrays = (self.transitions, self.spaces, self.frequencies)
        return all(
            array.dtype == np.float32 and array.shape == shape and not np.isnan(array).any() and (array <= 1e-5).all()
            for array, shape in zip(arrays, shapes, strict=True)
        )

    def joint(self, space_odds: NDArray[np.floating]) -> NDArray[np.float32]:
        """[q, 2, k + 1, k] log-probabilities of a space and a class after a class, over the classes' frequencies.

        `space_odds` [q] are the log-odds of a space by the gap alone; +inf where a row or the line begins.
        """
        odds = np.asarray(space_odds, np.float64)
        by_gap = np.stack([-np.logaddexp(0, odds), -np.logaddexp(0, -odds)], axis=1) - self.spaces
        by_gap[np.isposinf(odds)] = (-np.inf, 0.0)
        return np.asarray(by_gap[:, :, None, None] + self.transitions - self.frequencies, np.float32)
