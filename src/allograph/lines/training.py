"""From a corpus of lines to what a bundle knows of lines: the cut model, the gap model, the grammar, and where labels stand."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from allograph.adapters.size import SizedSamples, WriterSizes
from allograph.adapters.size_statistics import FEW_WRITERS, LENGTHS, TYPICAL, SizeStatistics
from allograph.bundle import Bundle, write_bundle
from allograph.corpora.lines.corpus import LineCorpus
from allograph.corpora.lines.line import LabelledLine
from allograph.corpora.lines.text import place_characters
from allograph.errors import ImageError, InputError
from allograph.lines.baseline import LinePlace
from allograph.lines.drawing import INCH, MARGIN, Drawing, draw_line, in_millimetres
from allograph.lines.grammar import Grammar
from allograph.lines.line_ink import LineInk
from allograph.lines.line_model import InkModel, LineModel, cut_numbers
from allograph.lines.perceptron import Perceptron
from allograph.lines.reader import LineOutputs, line_outputs
from allograph.lines.spaces import gap_numbers
from allograph.lines.truth import true_runs, true_runs_in_picture
from allograph.progress import Progress, silent
from allograph.recognizer import Recognizer

CUT_HIDDEN, GAP_HIDDEN = 64, 32
"""Units in the hidden layer of a network."""
NETWORKS = 4
"""Networks that are trained from different beginnings, and joined to one: the mean of what they say."""
DECAY = 1e-2
"""Penalty on squared weights."""
EPOCHS = 40
"""Rounds over all numbers, at most."""
ENOUGH_TO_STOP = 1000
"""With so many answers, a tenth of them says when to stop."""
SCANS_A_LINE = 2
"""Pictures of a line that are drawn to train on."""
SCANS, PENS = (150, 200, 300, 300, 400), (0.25, 0.6)
"""Resolutions in pixels an inch, and the range of pens in millimetres, of the pictures that are drawn to train on."""
STEP = 0.15
"""Millimetres between the points at which the ink of a picture is compared with the strokes."""
PLACE_ROUNDS = 6
"""How often baselines are found by where labels stand, and where labels stand by the baselines."""
FIRST_ASCENT, FIRST_VARIANCES = 0.8, (0.1, 0.02)
"""Where labels are taken to stand at first, in the writer's scale: all on the line."""
FARTHEST = 1.0
"""A sample that lies so far off what is expected, in the writer's scale, is on another row."""


@dataclass(frozen=True, eq=False)
class _Seen:
    """A line that the recognizer looked at, with its truth."""

    line: LabelledLine
    outputs: LineOutputs
    runs: NDArray[np.int64]
    """[m] the hypothesis that is each character; −1 where none is."""
    labels: NDArray[np.int64]
    """[m] places in the alphabet; −1 for a label that the bundle does not know."""

    @property
    def pen(self) -> tuple[str, str, str]:
        """The writer, the device and its unit: what has one scale."""
        return self.line.writer, self.line.device, self.line.unit


def train_lines(corpus: LineCorpus | str | Path, bundle: Bundle | str | Path, progress: Progress = silent) -> Bundle:
    """Teach a bundle to read lines, from the train writers' lines whose cuts are known; returns the bundle, written anew.

    Written are `lines.safetensors` (`LineModel`) and, where the bundle has statistics of sizes, the place of labels against the
    baseline beside them; the recognizer stays as it is. The same corpus and bundle give the same files. Raises `InputError` where
    no train writer has a line with known cuts.
    """
    corpus = LineCorpus.of(corpus)
    bundle = bundle if isinstance(bundle, Bundle) else Bundle.open(bundle)
    recognizer = Recognizer(bundle)
    lines = [line for line in corpus.lines("train") if line.characters is not None]
    if not lines:
        raise InputError(f"{corpus.place} has no line of a train writer whose cuts are known; the cut model needs them")
    seen = []
    for count, line in enumerate(lines):
        seen.append(_see(line, recognizer))
        progress("looking at lines", count + 1, len(lines))
    scanned = []
    for count, line in enumerate(lines):
        for scan in range(SCANS_A_LINE):
            scanned += _see_scan(line, recognizer, count * SCANS_A_LINE + scan)
        progress("looking at pictures of lines", count + 1, len(lines))
    progress("training the cut models", 0, 1)
    strokes = _ink_model(seen)
    pictures = _ink_model(scanned) if any((one.runs >= 0).all() for one in scanned) else strokes
    grammar = Grammar.estimate(list(_with_spaces(line)) for line in lines)
    model = LineModel(strokes, pictures, grammar, _frequencies(seen, len(bundle.alphabet)))
    progress("finding where labels stand on the line", 0, 1)
    sizes = SizeStatistics.of(bundle)
    placed = None if sizes is None else _with_place(sizes, seen)
    statistics = bundle.statistics | ({} if placed is None else placed.arrays())
    content = (bundle.path / "model.onnx").read_bytes()
    return write_bundle(bundle.path, content, bundle.config, bundle.styles, statistics, model.arrays())


def _with_spaces(line: LabelledLine) -> Iterator[str]:
    """A line's characters and the spaces between them."""
    for one in place_characters(line.text):
        if one.space_before:
            yield " "
        yield one.label


def _see(line: LabelledLine, recognizer: Recognizer) -> _Seen:
    ink = LineInk.from_strokes(line.strokes, unit=line.unit, device=line.device)
    return _Seen(line, line_outputs(ink, recognizer), true_runs(ink, _characters(line)), _places(line, recognizer))


def _see_scan(line: LabelledLine, recognizer: Recognizer, seed: int) -> list[_Seen]:
    """The same line as a picture, of some pen and resolution; none where it cannot be read as one."""
    random = np.random.default_rng(seed)
    drawing = Drawing(float(random.choice(SCANS)), random.uniform(*PENS))
    strokes = in_millimetres(line.strokes, _characters(line), line.unit)
    try:
        ink = LineInk.from_picture(draw_line(strokes, drawing))
    except ImageError:  # writing too small for the pen, for one
        return []
    corner, resolution = np.concatenate(strokes).min(axis=0) - MARGIN, drawing.dpi / INCH
    placed = [(stroke - corner) * resolution for stroke in strokes]
    runs = true_runs_in_picture(ink, placed, _characters(line), STEP * resolution)
    return [_Seen(line, line_outputs(ink, recognizer), runs, _places(line, recognizer))]


def _characters(line: LabelledLine) -> NDArray[np.int16]:
    assert line.characters is not None
    return line.characters


def _places(line: LabelledLine, recognizer: Recognizer) -> NDArray[np.int64]:
    known = {label: place for place, label in enumerate(recognizer.alphabet.labels)}
    return np.array([known.get(label, -1) for label in line.labels], np.int64)


def _ink_model(seen: Sequence[_Seen]) -> InkModel:
    return InkModel(_cut_model(seen), _gap_model(seen))


def _frequencies(seen: Sequence[_Seen], size: int) -> NDArray[np.float32]:
    """[C] log-probabilities of the labels in the lines, each as if it had been seen once more."""
    labels = np.concatenate([one.labels for one in seen])
    counts = np.bincount(labels[labels >= 0], minlength=size) + 1
    return np.asarray(np.log(counts / counts.sum()), np.float32)


def _cut_model(seen: Sequence[_Seen]) -> Perceptron:
    numbers = [cut_numbers(one.outputs.ink.hypotheses, one.outputs.samples.logits) for one in seen]
    answers = [np.isin(np.arange(len(one.outputs.images)), one.runs) for one in seen]
    return fit_perceptron(np.concatenate(numbers), np.concatenate(answers), CUT_HIDDEN)


def _gap_model(seen: Sequence[_Seen]) -> Perceptron:
    """From the gaps between true characters, where all of a line were found; rows begin where nothing is to be learned."""
    numbers, answers = [], []
    for one in seen:
        if (one.runs < 0).any():
            continue
        space = np.array([character.space_before for character in place_characters(one.line.text)])
        inside = ~np.isnan(one.outputs.ink.hypotheses.gap_before[one.runs])
        numbers.append(gap_numbers(one.outputs.ink.hypotheses, one.runs)[one.runs][inside])
        answers.append(space[inside])
    if not numbers:
        raise InputError(
            "no train line's strokes are all in order; the gap model needs lines whose every character is a run of strokes"
        )
    return fit_perceptron(np.concatenate(numbers), np.concatenate(answers), GAP_HIDDEN)


def fit_perceptron(numbers: NDArray[np.float32], answers: NDArray[np.bool_], hidden: int) -> Perceptron:
    """Train networks with scikit-learn and join them to a perceptron, from numbers [n, f] and the answers [n]."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.neural_network import MLPClassifier
    from threadpoolctl import threadpool_limits

    if answers.all() or not answers.any():
        raise InputError("the lines have characters of one stroke alone, or no spaces: there is nothing to tell apart")
    means, spreads = numbers.mean(axis=0), numbers.std(axis=0) + np.float32(1e-3)
    standard = (numbers - means) / spreads
    networks = [
        MLPClassifier((hidden,), alpha=DECAY, max_iter=EPOCHS, early_stopping=len(answers) >= ENOUGH_TO_STOP, random_state=seed)
        for seed in range(NETWORKS)
    ]
    with warnings.catch_warnings(), threadpool_limits(1):  # products this small only wait for other threads
        warnings.simplefilter("ignore", ConvergenceWarning)
        for network in networks:
            network.fit(standard, answers)
    inner = np.concatenate([network.coefs_[0] for network in networks], axis=1)
    inner_bias = np.concatenate([network.intercepts_[0] for network in networks])
    outer = np.concatenate([network.coefs_[1][:, 0] for network in networks]) / NETWORKS
    outer_bias = np.mean([network.intercepts_[1] for network in networks], axis=0)
    arrays = (means, spreads, inner, inner_bias, outer, outer_bias)
    return Perceptron(*(np.ascontiguousarray(array, np.float32) for array in arrays))


def _with_place(sizes: SizeStatistics, seen: Sequence[_Seen]) -> SizeStatistics | None:
    """The statistics with where labels stand; None where too few writers have lines."""
    known = [one for one in seen if _sound(one).any()]
    names = sorted({one.line.writer for one in known})
    if len(names) < FEW_WRITERS:
        return None
    scales = {pen: _scale(sizes, [one for one in known if one.pen == pen]) for pen in {one.pen for one in known}}
    size = sizes.means.shape[1]
    shape = (LENGTHS, size)
    means = np.concatenate([sizes.means[:LENGTHS], np.stack([np.full(size, FIRST_ASCENT), np.zeros(size)])])
    within = np.concatenate([sizes.within[:LENGTHS], np.broadcast_to(np.array(FIRST_VARIANCES)[:, None], shape)])
    covariance = sizes.covariance[:LENGTHS]
    covariance = np.concatenate([covariance, np.zeros_like(covariance)])
    pair = np.zeros(LENGTHS)
    placed = replace(
        sizes,
        means=means,
        within=within,
        covariance=covariance,
        scale=np.concatenate([sizes.scale[:LENGTHS], pair]),
        deviation=np.concatenate([sizes.deviation[:LENGTHS], pair]),
    )
    hands = np.concatenate([np.full(np.count_nonzero(_sound(one)), names.index(one.line.writer)) for one in known])
    labels = np.concatenate([one.labels[_sound(one)] for one in known])
    for _ in range(PLACE_ROUNDS):
        place = LinePlace(placed)
        distances = np.concatenate([_distances(place, one, scales[one.pen]) for one in known], axis=1)
        near = (np.abs(distances - placed.means[LENGTHS:, labels]) < FARTHEST).all(axis=0)
        placed = placed.with_place(distances[:, near], labels[near], hands[near])
        seen_labels = np.unique(labels[near])
        stand = np.median(placed.means[-1, seen_labels])  # most labels stand on the line: that is what a baseline is
        placed = replace(placed, means=np.concatenate([placed.means[:LENGTHS], placed.means[LENGTHS:] - stand]))
    return placed


def _sound(one: _Seen) -> NDArray[np.bool_]:
    """[m] whose run and label are known."""
    return (one.runs >= 0) & (one.labels >= 0)


def _scale(sizes: SizeStatistics, lines: Sequence[_Seen]) -> float:
    """The typical height of a writer's hand on one device, in the unit of the lines, from the characters' true labels."""
    boxes = [one.outputs.ink.boxes(one.outputs.ink.hypotheses.edges[one.runs[_sound(one)]]) for one in lines]
    labels = np.concatenate([one.labels[_sound(one)] for one in lines])
    samples = SizedSamples.of(np.concatenate([box.sizes for box in boxes]), np.concatenate([box.scales for box in boxes]), labels)
    (device,) = WriterSizes.of(sizes, samples).devices.values()
    return float(TYPICAL * math.exp(device.shifts[0]) / device.factor)


def _distances(place: LinePlace, one: _Seen, scale: float) -> NDArray[np.float64]:
    """[2, m] of top and bottom above the baseline, in the writer's scale, of the characters that are known."""
    sound = _sound(one)
    hypotheses, runs = one.outputs.ink.hypotheses, one.runs[sound]
    baselines = place.baselines(hypotheses, runs, one.labels[sound], scale)[runs]
    return np.stack([(baselines - hypotheses.edges[runs, edge]) / scale for edge in (1, 3)])
