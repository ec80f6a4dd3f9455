"""Whether a model reads a corpus far better with another preprocessing, tried on a few hundred samples."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import product
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from allograph.errors import ImageError
from allograph.images.frames import FRAMES, Frame, to_frame
from allograph.readings import log_softmax
from allograph.training.preprocessing import Preprocessing

Floats = NDArray[np.float32]
Read = Callable[[Floats, Floats, Floats], Floats]
"""Images float32 [n, 1, 28, 28], the factor and the offset of `Preprocessing.factors` → logits [n, C]."""

SAMPLES = 400
"""Images that are read."""
FIRST = 80
"""Of them so many are read with every setting, and all with the `FINALISTS` that read these best."""
FINALISTS = 5
RANGES: tuple[dict[str, Any], ...] = (
    {"scale": 1.0, "mean": (0.0,), "std": (1.0,)},
    {"scale": 255.0, "mean": (0.0,), "std": (1.0,)},
    {"scale": 1.0, "mean": (0.1307,), "std": (0.3081,)},
    {"scale": 1.0, "mean": (0.5,), "std": (0.5,)},
    {"scale": 1.0, "mean": (0.485, 0.456, 0.406), "std": (0.229, 0.224, 0.225)},
)
"""What full ink and white paper are to models: 0…1, 0…255, standardised as MNIST's, −1…1, standardised as ImageNet's."""
GAIN, CUT, CERTAINTY = 0.03, 0.25, 3.0
"""Far better is: so much more is right, so much of the errors is gone, and so many standard deviations is it from chance."""
ALIKE = 0.01
"""Settings whose accuracies differ by no more are told apart by the probabilities that they give to the true labels."""


class Setting(NamedTuple):
    """A way to prepare pictures."""

    preprocessing: Preprocessing
    frame: Frame


@dataclass(frozen=True, eq=False)
class Trial:
    """A setting, and what the model made of the samples with it."""

    setting: Setting
    logits: Floats
    """[n, C]"""
    right: NDArray[np.bool_]
    """[n]"""
    likelihood: float
    """The mean log-probability of the true labels."""

    @property
    def accuracy(self) -> float:
        """The share that is right."""
        return float(self.right.mean())


def judge(read: Read, setting: Setting, given: Setting, images: NDArray[np.uint8], labels: NDArray[np.int32]) -> Trial:
    """Read samples, uint8 [n, 28, 28] in the setting's frame, with labels (places) [n].

    What `read` calls already transposes where `given` does.
    """
    asked = setting.preprocessing
    if asked.transpose != given.preprocessing.transpose:
        images = images.transpose(0, 2, 1)
    inputs = images[:, np.newaxis].astype(np.float32) / np.float32(255)
    factor, offset = (np.array(np.broadcast_to(array, (1, asked.depth, 1, 1))) for array in asked.factors())
    logits = np.nan_to_num(read(inputs, factor, offset), nan=0, posinf=1e4, neginf=-1e4)
    true = log_softmax(logits)[np.arange(len(labels)), labels]
    return Trial(setting, logits, logits.argmax(axis=1) == labels, float(true.mean()))


def others(given: Setting, is_whole: bool) -> list[Setting]:
    """The other settings that are tried: ranges × inverted or not × transposed or not × frames."""
    asked = given.preprocessing
    ranges = [values for values in RANGES if len(values["mean"]) in (1, asked.depth) and not (is_whole and any(values["mean"]))]
    ranges.insert(0, {"scale": asked.scale, "mean": asked.mean, "std": asked.std})
    flags = product((given.frame, *(frame for frame in FRAMES if frame != given.frame)), (False, True), (False, True), ranges)
    found = [
        Setting(replace(asked, transpose=asked.transpose != turn, invert=asked.invert != inverse, **values), frame)
        for frame, turn, inverse, values in flags
    ]
    return [setting for setting in dict.fromkeys(found) if setting != given]


def find_better(
    read: Read, given: Setting, is_whole: bool, images: NDArray[np.uint8], labels: NDArray[np.int32]
) -> tuple[Trial, Trial | None]:
    """The given setting on samples in its frame, and another that reads them far better, where there is one.

    The samples are in random order: the first of them are read with every setting.
    """
    asked = judge(read, given, given, images, labels)
    if 1 - asked.accuracy < GAIN:
        return asked, None
    views = {frame: images if frame == given.frame else np.stack([_reframe(i, frame) for i in images]) for frame in FRAMES}
    first = [judge(read, setting, given, views[setting.frame][:FIRST], labels[:FIRST]) for setting in others(given, is_whole)]
    first.sort(key=lambda trial: (trial.accuracy, trial.likelihood), reverse=True)
    finalists = [judge(read, trial.setting, given, views[trial.setting.frame], labels) for trial in first[:FINALISTS]]
    best = max(trial.accuracy for trial in finalists)
    chosen = max((trial for trial in finalists if trial.accuracy >= best - ALIKE), key=lambda trial: trial.likelihood)
    return asked, chosen if is_far_better(chosen.right, asked.right) else None


def is_far_better(one: NDArray[np.bool_], other: NDArray[np.bool_]) -> bool:
    """Whether what is right [n] in one reading is far more than in the other of the same samples."""
    gained, lost = int((one & ~other).sum()), int((other & ~one).sum())
    more, wrong = gained - lost, int((~other).sum())
    return more >= GAIN * len(one) and more >= CUT * wrong and more > CERTAINTY * (gained + lost) ** 0.5


def is_near_chance(right: NDArray[np.bool_], labels: NDArray[np.int32]) -> bool:
    """Whether so many right answers [n] could be had without looking, by always naming the commonest label."""
    chance = np.bincount(labels).max() / len(labels)
    deviation = (chance * (1 - chance) / len(labels)) ** 0.5
    return bool(right.mean() <= max(1.5 * chance, chance + 3 * deviation))


def other_order(logits: Floats, labels: NDArray[np.int32]) -> tuple[float, dict[int, int]] | None:
    """Where the answers fit the labels in another order far better: their accuracy in it, and what the outputs stand for.

    None where they do not: where two outputs stand for one label, or too few answers would be right.
    """
    counts = np.zeros((logits.shape[1], logits.shape[1]), np.int64)
    np.add.at(counts, (logits.argmax(axis=1), labels), 1)
    common = np.flatnonzero(counts.sum(axis=1) >= 3)
    meant = counts[common].argmax(axis=1)
    accuracy = float(counts[common].max(axis=1).sum() / len(labels))
    is_one_to_one = len(common) > 1 and len(set(meant.tolist())) == len(meant)
    if not is_one_to_one or accuracy < max(0.6, 2 * np.trace(counts) / len(labels)):
        return None
    return accuracy, {int(output): int(label) for output, label in zip(common, meant, strict=True) if output != label}


def _reframe(image: NDArray[np.uint8], frame: Frame) -> NDArray[np.uint8]:
    try:
        return to_frame(image, frame, "light").image
    except ImageError:  # all ink
        return image
