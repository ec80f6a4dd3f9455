"""Which lines a writer corrects, which are judged, and what comes of it."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from allograph.bundle import BundleReference
from allograph.corpora.lines.corpus import LineCorpus
from allograph.corpora.lines.line import LabelledLine
from allograph.corpora.place import Place
from allograph.errors import ImageError, InputError
from allograph.evaluation.lines.late import late_dots
from allograph.evaluation.lines.measures import LineCounts, count_line
from allograph.images.frames import model_input
from allograph.lines.drawing import HEIGHT, Drawing, Stroke, heights, scan_line
from allograph.lines.line import Line
from allograph.lines.line_ink import LineInk
from allograph.lines.truth import true_runs
from allograph.lines.words import Words
from allograph.recognizer import Recognizer
from allograph.split import Split
from allograph.writers.pipeline import Pipeline
from allograph.writers.writer import Writer

FEW = (0, 1, 3, 10)
"""So many corrected lines are judged by, besides the share."""
SHOWN = 2
"""Lines of each writer that a report may draw."""
Result = TypeVar("Result")


PEN, WIDEST_PEN = 0.5, 5.0
"""Millimetres: the pen of pictures unless another is asked for, and the widest."""


@dataclass(frozen=True)
class LineProtocol:
    """How lines are judged: each writer's in the order of the corpus, the first corrected, the rest read.

    Raises `InputError` for a share that leaves nothing to judge.
    """

    learn: float = 0.5
    """The share of a writer's lines that is corrected, at most."""
    split: Split = "application"
    """Whose lines."""
    words: Words | None = None
    """Words that lines likely hold, as of `Writer.read_line`; None for none."""
    only_words: frozenset[str] | None = None
    """Only lines are judged whose every token, lower-cased, is among these; all are learned."""
    pictures: bool = False
    """Whether lines are drawn at 300 dpi, and read from the pictures."""
    pen: float = PEN
    """The width of the pen of the pictures, in millimetres."""
    late: bool = False
    """Whether dots and bars are first moved to the end of their words."""

    def __post_init__(self) -> None:
        if not 0 <= self.learn < 1:
            raise InputError(f"the share of the lines to learn is at least 0 and below 1, not {self.learn}")
        if not 0 < self.pen <= WIDEST_PEN:
            raise InputError(f"a pen is wider than 0 and at most {WIDEST_PEN:g} mm wide, not {self.pen}")

    def lines(self, corpus: LineCorpus, places: NDArray[np.int64]) -> list[LabelledLine]:
        """The lines at these places of the corpus, as they are shown."""
        lines = corpus.lines_at(places)
        return [late_dots(line) for line in lines] if self.late else list(lines)

    def takes(self, text: str) -> bool:
        """Whether a line of this text is judged."""
        return self.only_words is None or self.only_words.issuperset(text.lower().split())

    def stages(self, count: int) -> list[int]:
        """How many of `count` lines are corrected at each stage: few, as far as the share reaches, and the share."""
        share = int(count * self.learn)
        return sorted({*(min(few, share) for few in FEW), share})


@dataclass(frozen=True)
class DrawnLine:
    """A line as a report draws it."""

    writer: str
    truth: str
    before: str
    """What was read when nothing was learned."""
    read: str
    """What was read in the end."""
    characters: tuple[tuple[Stroke, ...], ...]
    """The paths of each character, as the line was cut in the end."""


@dataclass(frozen=True)
class Seconds:
    """How long something took, line by line, and the network alone on the same hypotheses right after it."""

    ours: list[float] = field(default_factory=list)
    network: list[float] = field(default_factory=list)


@dataclass(frozen=True)
class WriterLines:
    """What came of one writer's lines."""

    writer: str
    everything: LineCounts
    """All lines that may be judged, nothing learned."""
    stages: dict[int, LineCounts]
    """By how many lines were corrected: the lines after the share, the same at each stage."""
    doubtful: int
    """Characters of the corrected lines that the ink did not bear out, and that were not learned."""
    refused: int
    """Lines whose true text was refused, none of which was learned."""
    unread: int
    """Lines that were refused as no writing."""
    reading: Seconds
    """From strokes or picture to text, nothing learned."""
    reading_again: Seconds
    """The same when the share is learned."""
    correcting: Seconds
    """From text to a state that has learned it."""
    drawn: tuple[DrawnLine, ...]

    @property
    def learned(self) -> int:
        """How many lines were corrected in the end."""
        return max(self.stages)

    def at(self, corrected: int) -> LineCounts:
        """The counts after so many corrected lines, or all that there are."""
        return self.stages[min(corrected, self.learned)]

    @property
    def before(self) -> LineCounts:
        """Of the lines that are judged, nothing learned."""
        return self.stages[0]

    @property
    def after(self) -> LineCounts:
        """The same when the share is learned."""
        return self.stages[self.learned]


@dataclass(frozen=True)
class LineJudge:
    """What is the same for all writers; each process is sent it once."""

    corpus: Place
    bundle: BundleReference
    protocol: LineProtocol

    def judge(self, writer: tuple[str, NDArray[np.int64]]) -> WriterLines:
        """Have one writer, whose lines are at these places, correct lines, and judge the rest at each stage."""
        pipeline, protocol = _pipeline(self.bundle), self.protocol
        name, places = writer
        lines = protocol.lines(LineCorpus.open(self.corpus), places)
        show = [_ink_of(line) for line in lines] if not protocol.pictures else _scans_of(lines, protocol.pen)
        stages = protocol.stages(len(lines))
        taken = [place for place, line in enumerate(lines) if protocol.takes(line.text)]
        judged = [place for place in taken if place >= stages[-1]]
        hand = _Hand(Writer(name, pipeline=pipeline), protocol.words)
        hand.read(show[0])  # the first reading of a process is slow
        reading, again, correcting = Seconds(), Seconds(), Seconds()
        first = {place: hand.read(show[place], reading) for place in taken}
        counts = {place: self._count(line, lines[place]) for place, line in first.items()}
        found = {0: _sum([counts[place] for place in judged])}
        last, doubtful, refused = {place: first[place] for place in judged}, 0, 0
        for place in range(stages[-1]):
            line = hand.read(show[place])
            if line is not None:
                done = hand.correct(line, lines[place].text, correcting)
                refused += done is None
                doubtful += done or 0
            if place + 1 in stages:
                is_last = place + 1 == stages[-1]
                last = {one: hand.read(show[one], again if is_last else None) for one in judged}
                found[place + 1] = _sum([self._count(line, lines[one]) for one, line in last.items()])
        return WriterLines(
            name,
            _sum(list(counts.values())),
            found,
            doubtful,
            refused,
            sum(line is None for line in first.values()),
            reading,
            again,
            correcting,
            tuple(_draw(lines[place], first[place], last[place]) for place in judged[:SHOWN]),
        )

    def _count(self, line: Line | None, truth: LabelledLine) -> LineCounts:
        if self.protocol.pictures or truth.characters is None:
            return count_line(line, truth.text)
        if line is None:
            return count_line(line, truth.text, np.full(len(truth.labels), -1))
        return count_line(line, truth.text, true_runs(line.ink, truth.characters))


@dataclass(frozen=True)
class _Hand:
    """A writer who reads and corrects, by the clock."""

    writer: Writer
    words: Words | None

    def read(self, show: Callable[[], LineInk], seconds: Seconds | None = None) -> Line | None:
        """Read a line; None where it is refused as no writing."""

        def read() -> Line | None:
            try:
                line = self.writer.read_line(show(), words=self.words)
            except ImageError:
                return None
            assert line.text is not None  # it is found when it is asked for
            return line

        line, took = _timed(read)
        self._note(line, took, seconds)
        return line

    def correct(self, line: Line, text: str, seconds: Seconds) -> int | None:
        """Correct a line and learn it; returns how many characters are doubtful, None where the text is refused."""

        def correct() -> int | None:
            try:
                done = self.writer.correct_line(line, text, new=True)
            except InputError:
                return None
            assert self.writer.state is not None  # it is learned when it is asked for
            return len(done.doubtful)

        doubtful, took = _timed(correct)
        if doubtful is not None:
            self._note(line, took, seconds)
        return doubtful

    def _note(self, line: Line | None, took: float, seconds: Seconds | None) -> None:
        if line is not None and seconds is not None:
            seconds.ours.append(took)
            images = line.reading.outputs.images
            seconds.network.append(_timed(lambda: self.writer.recognizer.run(model_input(images)))[1])


def _timed(call: Callable[[], Result]) -> tuple[Result, float]:
    began = time.perf_counter()
    result = call()
    return result, time.perf_counter() - began


def _ink_of(line: LabelledLine) -> Callable[[], LineInk]:
    """What makes the ink of a line of strokes."""
    return lambda: LineInk.from_strokes(line.strokes, unit=line.unit, device=line.device)


def _scans_of(lines: Sequence[LabelledLine], pen: float) -> list[Callable[[], LineInk]]:
    """What makes the ink of one writer's lines from pictures; those in no unit are brought to a usual size, all alike."""
    factors = {unit: _millimetres([line for line in lines if line.unit == unit]) for unit in {line.unit for line in lines}}

    def scan(line: LabelledLine) -> Callable[[], LineInk]:
        picture = scan_line([stroke * factors[line.unit] for stroke in line.strokes], Drawing(pen=pen))
        return lambda: LineInk.from_picture(picture, device=line.device)

    return [scan(line) for line in lines]


def _millimetres(lines: Sequence[LabelledLine]) -> float:
    """What lines of one unit are to be multiplied by."""
    if lines[0].unit == "millimetres":
        return 1.0
    every = [heights(line.strokes, _characters(line)) for line in lines]
    return HEIGHT / max(float(np.median(np.concatenate(every))), 1e-9)


def _characters(line: LabelledLine) -> NDArray[np.integer]:
    """The character of each stroke; where that is not known, each stroke is taken for one."""
    return np.arange(len(line.strokes)) if line.characters is None else line.characters


def _draw(line: LabelledLine, before: Line | None, after: Line | None) -> DrawnLine:
    if after is None:
        return DrawnLine(line.writer, line.text, _text(before), "", (line.strokes,))
    look, pieces = after.reading, after.ink.pieces
    runs = (look.lattice.runs[run].tolist() for run in look.path.runs)
    characters = tuple(tuple(path for piece in pieces[first:end] for path in piece.paths) for first, end in runs)
    return DrawnLine(line.writer, line.text, _text(before), after.text, characters)


def _text(line: Line | None) -> str:
    return "" if line is None else line.text


def _sum(counts: Sequence[LineCounts]) -> LineCounts:
    return sum(counts, LineCounts())


@lru_cache(maxsize=2)
def _pipeline(bundle: BundleReference) -> Pipeline:
    """The bundle's recognizer and best method, made once in each process; one thread."""
    return Pipeline.of(Recognizer(bundle.open(), threads=1), None)
