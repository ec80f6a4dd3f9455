"""What a bundle knows of lines: which runs are characters, which gaps are spaces, and what follows what."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from allograph.bundle import Bundle
from allograph.errors import FormatError, MismatchError
from allograph.lines.grammar import Grammar
from allograph.lines.hypotheses import GEOMETRY, Hypotheses
from allograph.lines.line_ink import LineInk
from allograph.lines.perceptron import Perceptron
from allograph.lines.spaces import NUMBERS, gap_numbers
from allograph.readings import log_softmax
from allograph.samples.equality import by_content

VERSION = 1
"""Raised when the numbers that the perceptrons are given change: a model that was trained for others is refused."""
SUMMARY = 5
"""Numbers that sum up what the recognizer says of a run."""
LEAST_LOG = -12.0
"""A log-probability of a label is no lower for the cut model."""


@by_content
@dataclass(frozen=True, eq=False)
class InkModel:
    """Two perceptrons for one kind of ink: strokes of a pen, or the ink of a picture."""

    cut: Perceptron
    """Whether a run is one whole character, from `cut_numbers`."""
    gap: Perceptron
    """Whether a gap is a space, from `gap_numbers`."""

    @classmethod
    def read(cls, arrays: Mapping[str, NDArray[Any]], prefix: str) -> InkModel:
        """From what `arrays` gave; raises `KeyError` for an array that is missing."""
        return cls(Perceptron.read(arrays, prefix + "cut/"), Perceptron.read(arrays, prefix + "gap/"))

    def arrays(self, prefix: str) -> dict[str, NDArray[Any]]:
        """By name, for a bundle."""
        return {**self.cut.arrays(prefix + "cut/"), **self.gap.arrays(prefix + "gap/")}

    def is_sound(self, labels: int) -> bool:
        """Whether the arrays are those of a model for so many labels."""
        if not (self.cut.is_sound and self.gap.is_sound):
            return False
        return (len(self.cut.means), len(self.gap.means)) == (GEOMETRY + SUMMARY + labels, NUMBERS)

    def cut_odds(self, hypotheses: Hypotheses, logits: NDArray[np.float32]) -> NDArray[np.float32]:
        """[q] the log-odds that each run is one whole character, from the recognizer's logits [q, C] of all labels."""
        return self.cut.log_odds(cut_numbers(hypotheses, logits))

    def space_odds(self, hypotheses: Hypotheses, path: NDArray[np.int64]) -> NDArray[np.float32]:
        """[q] the log-odds of a space before each run, by gaps alone, from a first path; +inf where a row begins."""
        odds = self.gap.log_odds(gap_numbers(hypotheses, path))
        odds[np.isnan(hypotheses.gap_before)] = np.inf
        return odds


@by_content
@dataclass(frozen=True, eq=False)
class LineModel:
    """What is trained on lines with their truth; kept in a bundle as arrays."""

    strokes: InkModel
    pictures: InkModel
    grammar: Grammar
    frequencies: NDArray[np.float32]
    """[C] log-probabilities of the labels in lines."""

    @classmethod
    def of(cls, bundle: Bundle) -> LineModel:
        """A bundle's; raises `MismatchError` where it has none, and `FormatError` where it is damaged or of another version."""
        arrays = bundle.lines
        if not arrays:
            raise MismatchError(f"the bundle {bundle.path} reads no lines yet; teach it with: allograph train-lines")
        version = ", ".join(map(str, arrays["version"].ravel().tolist())) if "version" in arrays else "none"
        if version != str(VERSION):
            raise FormatError(
                f"the line model of {bundle.path} is of version {version} and not {VERSION}; make it anew: allograph train-lines"
            )
        try:
            grammar = Grammar(arrays["grammar/transitions"], arrays["grammar/spaces"], arrays["grammar/frequencies"])
            inks = InkModel.read(arrays, "strokes/"), InkModel.read(arrays, "pictures/")
            model = cls(*inks, grammar, arrays["frequencies"])
        except KeyError as error:
            raise FormatError(
                f"the line model of {bundle.path} is damaged: it has no {error}; make it anew: allograph train-lines"
            ) from None
        if not model._is_sound(len(bundle.alphabet)):
            raise FormatError(
                f"the line model of {bundle.path} is damaged, or not for its alphabet; make it anew: allograph train-lines"
            )
        return model

    def _is_sound(self, labels: int) -> bool:
        known = self.frequencies
        are_logs = known.dtype == np.float32 and known.shape == (labels,) and bool(np.isfinite(known).all())
        return are_logs and self.grammar.is_sound and self.strokes.is_sound(labels) and self.pictures.is_sound(labels)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """By name, for a bundle."""
        grammar: Mapping[str, NDArray[Any]] = {
            "grammar/transitions": self.grammar.transitions,
            "grammar/spaces": self.grammar.spaces,
            "grammar/frequencies": self.grammar.frequencies,
        }
        inks = {**self.strokes.arrays("strokes/"), **self.pictures.arrays("pictures/")}
        return {"version": np.array([VERSION]), "frequencies": self.frequencies, **inks, **grammar}

    def of_ink(self, ink: LineInk) -> InkModel:
        """The model for strokes, or for pictures."""
        return self.pictures if ink.is_picture else self.strokes


def cut_numbers(hypotheses: Hypotheses, logits: NDArray[np.float32]) -> NDArray[np.float32]:
    """[q, 29 + 5 + C] the geometry of runs, and what the recognizer says of them: how sure it is, and of what."""
    logs = log_softmax(logits)
    top = -np.partition(-logs, 1, axis=1)[:, :2] if logs.shape[1] > 1 else np.repeat(logs, 2, axis=1)
    entropy = -np.where(np.isfinite(logs), np.exp(logs) * logs, 0).sum(axis=1)
    highest = logits.max(axis=1)
    total = highest - logs.max(axis=1)
    summary = np.stack([top[:, 0], top[:, 1], entropy, highest / 10, total / 10], axis=1)
    return np.concatenate([hypotheses.geometry, summary, np.maximum(logs, LEAST_LOG) / 6], axis=1).astype(np.float32)
