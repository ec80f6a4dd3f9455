"""From the ink of a line to all that is known of it: what its hypotheses show, for one writer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from allograph.adapters.protocol import WriterModel
from allograph.adapters.size_statistics import SizeStatistics
from allograph.images.area_rasterizer import rasterize_areas
from allograph.images.frames import SIDE, Frame, model_input
from allograph.images.rasterizer import rasterize
from allograph.ink import ink_to_frame
from allograph.lines.baseline import LinePlace
from allograph.lines.label_class import label_classes
from allograph.lines.lattice import Lattice
from allograph.lines.line_ink import LineInk
from allograph.lines.line_model import LineModel
from allograph.lines.search import Path, best_cuts, best_path
from allograph.lines.word_search import FoundWord, find_words
from allograph.lines.words import Words
from allograph.readings import Samples, log_softmax
from allograph.recognizer import Recognizer
from allograph.samples.box import Boxes

MOST_SURER = 3.0
"""Nats that what a writer taught may add to the log-odds of a cut, or take away."""
DOT = 2.0
"""Ink of a picture that is no longer, in widths of the pen, is drawn from its middle line."""
UNSEEN_TEXT = 100.0
"""Corrections that the frequencies of labels in all writers' lines count for, before a writer's own count."""


@dataclass(frozen=True, eq=False)
class LineReader:
    """A recognizer with the line model of its bundle: shared by all writers."""

    recognizer: Recognizer
    model: LineModel
    place: LinePlace | None

    @classmethod
    def of(cls, recognizer: Recognizer) -> LineReader:
        """Raises `MismatchError` where the recognizer's bundle reads no lines."""
        return _reader(recognizer)

    def outputs(self, ink: LineInk) -> LineOutputs:
        """What the recognizer says of each hypothesis: one call of the model."""
        return line_outputs(ink, self.recognizer)

    def read(
        self,
        outputs: LineOutputs,
        writer: WriterModel,
        counts: Mapping[str, int],
        hidden: NDArray[np.bool_] | None = None,
        words: Words | None = None,
    ) -> LineReading:
        """How the writer's hypotheses read, and the best path through them.

        `counts` are the writer's corrections by label; `hidden` [C + m] are labels that are not on offer; `words` are likelier
        than other characters.
        """
        labels = [*self.recognizer.alphabet.labels, *writer.state.labels]
        classes, hypotheses, ink = label_classes(labels), outputs.ink.hypotheses, outputs.ink
        odds = label_odds(self.model.frequencies, counts, labels)
        if hidden is not None:
            odds = np.where(hidden, -np.inf, odds)
        samples = outputs.samples
        if hidden is not None:
            samples = samples.within(~hidden[: len(self.recognizer.alphabet)])
        taught = log_softmax(writer.scores(samples).values)
        logs = log_softmax(taught + odds)
        model = self.model.of_ink(ink)
        cuts = model.cut_odds(hypotheses, outputs.samples.logits) + surer(taught, samples.logits)
        first = best_cuts(hypotheses.runs, cuts + logs.max(axis=1))
        lattice = Lattice(hypotheses.runs, cuts, logs, classes, model.space_odds(hypotheses, first), self.model.grammar)
        path = best_path(lattice)
        boxes = self._boxes(ink, path, logs)
        samples = replace(samples, boxes=boxes)
        values = writer.scores(samples, samples.at(np.array(path.runs))).values
        lattice = replace(lattice, logs=log_softmax(log_softmax(values) + odds))
        path, found = find_words(lattice, labels, best_path(lattice), words)
        return LineReading(outputs, labels, lattice, path, boxes, samples, found)

    def _boxes(self, ink: LineInk, path: Path, logs: NDArray[np.floating]) -> Boxes:
        """[q] the boxes of the hypotheses, with the baselines that a first path tells."""
        edges, runs = ink.hypotheses.edges, np.array(path.runs)
        boxes = ink.boxes(edges)
        if self.place is None:
            return boxes
        scale = self.place.scale(boxes.at(runs), logs[runs, : len(self.recognizer.alphabet)])
        return ink.boxes(edges, self.place.baselines(ink.hypotheses, runs, np.array(path.labels), scale))


@dataclass(frozen=True, eq=False)
class LineOutputs:
    """A line as the recognizer sees it, whoever wrote it."""

    ink: LineInk
    images: NDArray[np.uint8]
    """[q, 28, 28] the hypotheses."""
    samples: Samples
    """[q]"""


def line_outputs(ink: LineInk, recognizer: Recognizer) -> LineOutputs:
    """Draw the hypotheses and run the recognizer on them, once."""
    images = _draw(ink, recognizer.frame)
    return LineOutputs(ink, images, recognizer.run(model_input(images)))


def _draw(ink: LineInk, frame: Frame) -> NDArray[np.uint8]:
    """[q, 28, 28] the hypotheses: from their pixels where they are a picture's and larger than a dot; else from paths."""
    runs = [ink.pieces[first:after] for first, after in ink.hypotheses.runs.tolist()]
    paths = [[path for piece in run for path in piece.paths] for run in runs]
    if frame != "mnist":
        return np.stack([ink_to_frame(one, frame) for one in paths])
    areas = [[piece.area for piece in run if piece.area is not None] for run in runs]
    edges = ink.hypotheses.edges
    extents = (edges[:, 2:] - edges[:, :2]).max(axis=1)
    large = np.array([bool(run) and extent > DOT * run[0].pen for run, extent in zip(areas, extents.tolist(), strict=True)])
    images = np.empty((len(runs), SIDE, SIDE), np.uint8)
    images[large] = rasterize_areas([areas[place] for place in np.flatnonzero(large).tolist()])
    images[~large] = rasterize([paths[place] for place in np.flatnonzero(~large).tolist()])
    return images


@dataclass(frozen=True, eq=False)
class LineReading:
    """A line as one writer's: all its readings, and the best."""

    outputs: LineOutputs
    labels: Sequence[str]
    """[L] what the lattice's labels are."""
    lattice: Lattice
    path: Path
    boxes: Boxes
    """[q] with baselines."""
    samples: Samples
    """[q] as they were scored."""
    words: tuple[FoundWord, ...] = ()
    """The words of a list that the path holds, and what of them would be read otherwise without it."""


@lru_cache(maxsize=16)
def _reader(recognizer: Recognizer) -> LineReader:
    bundle = recognizer.bundle
    return LineReader(recognizer, LineModel.of(bundle), LinePlace.of(SizeStatistics.of(bundle)))


def surer(taught: NDArray[np.float32], logits: NDArray[np.float32]) -> NDArray[np.float32]:
    """[q] by how much surer a writer's corrections make the best label of each run, in nats: so they tell how to cut, too.

    From the log-probabilities [q, L] of the writer's labels, and the recognizer's logits [q, C].
    """
    gain: NDArray[np.float32] = taught.max(axis=1) - log_softmax(logits).max(axis=1)
    return np.clip(gain, -MOST_SURER, MOST_SURER)


def label_odds(frequencies: NDArray[np.float32], counts: Mapping[str, int], labels: Sequence[str]) -> NDArray[np.float32]:
    """[L] what makes up for a writer's corrections having been of other texts than a line may be.

    An adapter learns how often each label comes, and a page of letters says nothing of the digits on the next. So how often each
    label was corrected is taken out, against `frequencies`, the log-probabilities [C] of labels in lines; the line's own
    characters say what kind of text it is. The writer's own labels stay as they are.
    """
    shares = np.exp(frequencies.astype(np.float64))
    seen = np.array([counts.get(label, 0) for label in labels[: len(shares)]])
    odds = np.zeros(len(labels), np.float32)
    odds[: len(shares)] = frequencies - np.log((seen + UNSEEN_TEXT * shares) / (seen.sum() + UNSEEN_TEXT))
    return odds
