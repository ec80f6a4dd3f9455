"""What a line was read as."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from allograph.lines.line_ink import LineInk
from allograph.lines.reader import LineReading
from allograph.lines.search import Path, best_paths
from allograph.readings import Explanation, Reading

CONSIDERED = 8
"""Texts among which the probability of each is shared, at least."""
UNSURE = 0.5
"""A character that is less sure than this is said to be unsure."""
SCRIBBLE = 0.6
"""A line whose characters are less sure on average is unsure as a whole: 1 of 69 real lines is, 19 of 24 scribbles are."""


class LineCharacter(Reading):
    """The reading of one character of a line, with the ink that it is."""

    __slots__ = ("pieces", "row", "run", "space_before", "whole")

    def __init__(
        self, id: str, label: str, *, pieces: tuple[int, ...], row: int, run: int, space_before: bool, whole: float, **others: Any
    ) -> None:
        super().__init__(id, label, **others)
        self.pieces = pieces
        """The strokes that it is made of, counted as they were given; of a picture, the pieces of its ink."""
        self.row = row
        """The row of the line, from 0."""
        self.run = run
        """The hypothesis that it is, a place in the line's lattice."""
        self.space_before = space_before
        """Whether a space is before it."""
        self.whole = whole
        """The probability, 0…1, that this ink is one whole character."""

    @property
    def sureness(self) -> float:
        """The probability, 0…1, that it is cut right and read right."""
        return self.probability * self.whole

    @property
    def abstains(self) -> bool:
        """Whether it is less sure than the threshold."""
        return self.threshold > 0 and self.sureness < self.threshold


@dataclass(frozen=True)
class LineExplanation:
    """Why a line reads as it does."""

    text: str
    """For a person, a sentence or a few."""
    characters: tuple[Explanation, ...]
    """Of each character."""


@dataclass(frozen=True, eq=False)
class Line:
    """One line as it was read for a writer. It keeps the state that it was read with, so `why()` stays true."""

    id: str
    """Names the line, and so its correction."""
    reading: LineReading
    character: Callable[[int, int, bool], LineCharacter]
    """Makes the reading of a hypothesis as a label (places), with a space before it or not."""
    threshold: float = 0.0
    """Characters that are less sure abstain, 0…1."""
    model_hash: str = ""
    """The model that read it: only a writer of the same model can learn from it."""

    @property
    def ink(self) -> LineInk:
        """What was read."""
        return self.reading.outputs.ink

    @cached_property
    def characters(self) -> tuple[LineCharacter, ...]:
        """The reading of each character, spaces left out."""
        path = self.reading.path
        return tuple(self.character(*one) for one in zip(path.runs, path.labels, path.spaces(self.reading.lattice), strict=True))

    @cached_property
    def text(self) -> str:
        """What it says, with spaces."""
        return self._text(self.reading.path)

    @cached_property
    def joined(self) -> bool:
        """Whether it looks like joined-up writing, which is not read: do not rely on the text."""
        return self.ink.is_joined

    @property
    def unsure(self) -> tuple[int, ...]:
        """The characters (places in `characters`) that are less sure than one half; all of joined-up writing and of scribbles."""
        sureness = [one.sureness for one in self.characters]
        every = self.joined or sum(sureness) < SCRIBBLE * len(sureness)
        return tuple(place for place, sure in enumerate(sureness) if every or sure < UNSURE)

    @property
    def probability(self) -> float:
        """The probability of the text, among the likeliest."""
        return self.best(1)[0][1]

    def best(self, count: int = 3) -> list[tuple[str, float]]:
        """The `count` likeliest texts with their probabilities among the likeliest, the text itself first."""
        texts = self._likeliest
        if count > len(texts):
            texts = self._texts(count)
        return texts[:count]

    @cached_property
    def _likeliest(self) -> list[tuple[str, float]]:
        return self._texts(CONSIDERED)

    def _texts(self, count: int) -> list[tuple[str, float]]:
        paths = best_paths(self.reading.lattice, max(count, CONSIDERED))
        scores: dict[str, float] = {}
        for path in paths:
            scores.setdefault(self._text(path), path.score)
        best = max([self.reading.path.score, *scores.values()])
        scores = {self.text: best} | {text: score for text, score in scores.items() if text != self.text}
        chances = np.exp(np.array(list(scores.values())) - best)
        return list(zip(scores, (chances / chances.sum()).tolist(), strict=True))

    def _text(self, path: Path) -> str:
        spaces = path.spaces(self.reading.lattice)
        return "".join(" " * space + self.reading.labels[label] for label, space in zip(path.labels, spaces, strict=True))

    def why(self) -> LineExplanation:
        """Whose answers these are, how surely the line was cut, and what of it is unsure."""
        characters = tuple(one.why() for one in self.characters)
        changed = [f"{one.label!r} (the base classifier reads {one.base!r})" for one in self.characters if one.label != one.base]
        sentences = [f"{len(self.characters)} characters were found in {len(self.ink.pieces)} pieces of ink."]
        if changed:
            others = "what surrounds them, their size and the writer's corrections"
            sentences.append(f"{len(changed)} read otherwise than alone, by {others}: {_some(changed)}.")
        words = [
            repr("".join(one.label for one in self.characters[word.first : word.after]))
            for word in self.reading.words
            if word.changed
        ]
        if words:
            sentences.append(f"The list of words decided: {_some(words)}.")
        doubtful = [repr(self.characters[place].label) for place in self.unsure]
        if self.joined:
            sentences.append("It looks like joined-up writing, which is not read: nothing of the text is sure.")
        elif doubtful:
            sentences.append(f"Unsure: {_some(doubtful)}.")
        return LineExplanation(" ".join(sentences), characters)

    def __repr__(self) -> str:
        return f"Line({self.text!r}, id={self.id!r})"


def _some(parts: Sequence[str], most: int = 8) -> str:
    """A list in words, the first of many.

    >>> _some(["a", "b"]), _some(["a", "b", "c"], 2)
    ('a, b', 'a, b and 1 more')
    """
    shown = ", ".join(parts[:most])
    return shown if len(parts) <= most else f"{shown} and {len(parts) - most} more"
