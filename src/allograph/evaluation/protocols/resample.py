"""The paper's protocol: each label's samples are parted at random into adaptation and test samples (paper §4.5)."""

from __future__ import annotations

import zlib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from allograph.adapters import Trial
from allograph.alphabet.labels import Alphabet
from allograph.errors import InputError

Feedback = Literal["none", "all"]
"""`none`: what was learned stays frozen during the test. `all`: each test label is revealed and learned after its answer."""
FEEDBACKS: tuple[Feedback, ...] = get_args(Feedback)


@dataclass(frozen=True)
class Resample:
    """The paper's protocol: each label's samples are split at random, `resamples` times, from an empty profile each time."""

    adaptation: float = 0.9
    """The share of each label's samples to learn from."""
    per_label: int | None = None
    """This many samples instead, of every label that has more."""
    resamples: int = 10
    seed: int = 0
    feedback: Feedback = "none"
    shuffle: bool = False
    """Mix the labels, instead of one label after the other in code-point order."""
    alphabet: str | None = None
    """The name of the only labels that may be answered, such as `digits`; None for all."""
    split: str | None = None
    """A rule or file that says who the application writers are (see `split.assign`); None for the corpus's own."""
    in_order: bool = False
    """Learn from the first part of each writer's samples in order of time and test the rest, once."""
    labels: tuple[str, ...] | None = None
    """The labels whose samples are judged, which are the only ones on offer unless `alphabet` says otherwise; None for all."""
    wrong_labels: float = 0.0
    """The share of the adaptation samples that are learned with a wrong label (see `wrong_labels.replace_labels`)."""

    def __post_init__(self) -> None:
        if not 0 <= self.adaptation < 1:
            raise InputError(f"the adaptation share is at least 0 and less than 1, not {self.adaptation}")
        if self.per_label is not None and self.per_label < 1:
            raise InputError(f"at least one sample a label is learned from, not {self.per_label}")
        if self.resamples < 1:
            raise InputError(f"there is at least one resample, not {self.resamples}")
        if self.feedback not in FEEDBACKS:
            raise InputError(f"feedback is {' or '.join(FEEDBACKS)}, not {self.feedback!r}")
        if not 0 <= self.wrong_labels < 1:
            raise InputError(f"the share of wrong labels is at least 0 and less than 1, not {self.wrong_labels}")
        if self.in_order and (self.per_label is not None or self.shuffle):
            raise InputError("in order of time there is a share to learn from, no samples a label, and nothing is shuffled")
        if self.alphabet is not None:
            Alphabet.by_name(self.alphabet)
        if self.labels is not None:
            Alphabet(self.labels)

    def runs(self) -> list[Resample]:
        """The one run that it is; where labels are wrong, one before it in which all are right."""
        return [replace(self, wrong_labels=0.0), self] if self.wrong_labels else [self]

    def options(self) -> list[str]:
        """Its options on the command line."""
        share = f"--adaptation {self.adaptation:g}" if self.per_label is None else f"--per-label {self.per_label}"
        wrong = [f"--wrong-labels {self.wrong_labels:g}"] if self.wrong_labels else []
        often = "--in-order" if self.in_order else f"--resamples {self.resamples}"
        return [f"{share} {often} --feedback {self.feedback}", *(["--shuffle"] if self.shuffle else []), *wrong]

    def as_dict(self) -> dict[str, Any]:
        """For `results.json`."""
        share = {"adaptation": self.adaptation} if self.per_label is None else {"per_label": self.per_label}
        return {
            "name": "resample",
            **share,
            "resamples": 1 if self.in_order else self.resamples,
            "seed": self.seed,
            "feedback": self.feedback,
            "shuffle": self.shuffle,
            "in_order": self.in_order,
            "alphabet": self.alphabet,
            "split": None if self.split is None else Path(self.split).name,
            **({} if self.labels is None else {"labels": list(self.labels)}),
            **({"wrong_labels": self.wrong_labels} if self.wrong_labels else {}),
        }

    def trials(self, writer: str, labels: NDArray[np.str_], order: NDArray[np.int32] | None = None) -> list[Trial]:
        """The resamples of one writer, whose samples have these labels [n]; the same on every call and in every process.

        `order` [n] is the order in time; raises `InputError` where it is asked for and not known.
        """
        if self.in_order:
            if order is None:
                raise InputError("this corpus does not say in which order its samples were written; leave out --in-order")
            rows = np.argsort(order, kind="stable")
            return [Trial(*np.split(rows, [int(round(len(rows) * self.adaptation, 9))]))]
        return [self._trial(writer, labels, number) for number in range(self.resamples)]

    def random_slips(self, writer: str, number: int) -> np.random.Generator:
        """What decides which labels are wrong in one resample of a writer, alike for all methods."""
        return self._random(writer, number, 1)

    def _random(self, writer: str, *numbers: int) -> np.random.Generator:
        return np.random.default_rng([self.seed, zlib.crc32(writer.encode()), *numbers])

    def _trial(self, writer: str, labels: NDArray[np.str_], number: int) -> Trial:
        random = self._random(writer, number)
        adaptation, test = [], []
        for label in sorted(set(labels.tolist())):
            rows = random.permutation(np.flatnonzero(labels == label))
            count = self._adaptation_count(len(rows), random.random())
            adaptation.append(np.sort(rows[:count]))
            test.append(np.sort(rows[count:]))
        trial = Trial(np.concatenate(adaptation), np.concatenate(test))
        return Trial(random.permutation(trial.adaptation), random.permutation(trial.test)) if self.shuffle else trial

    def _adaptation_count(self, samples: int, chance: float) -> int:
        """How many of a label's samples are learned from: ⌊n·a + u⌋; at nine tenths this tests one of every full ten."""
        if self.per_label is not None:
            return self.per_label if samples > self.per_label else 0
        return int(round(samples * self.adaptation, 9) + chance)
