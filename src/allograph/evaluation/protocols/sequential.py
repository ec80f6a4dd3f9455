"""Test, then learn: every sample is answered in order of time, then perhaps corrected, as in an app."""

from __future__ import annotations

import zlib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from allograph.adapters import Adapter, Trial, TrialAnswers, WriterModel
from allograph.alphabet.labels import Alphabet
from allograph.errors import InputError
from allograph.readings import Corrections

Mode = Literal["silence", "mistakes", "all"]
"""`all`: every label is revealed. `mistakes`: wrong answers are corrected, and silence teaches nothing. `silence`: wrong answers
are corrected but for a share that is missed, and whatever is left standing is learned as right."""
MODES: tuple[Mode, ...] = get_args(Mode)


@dataclass(frozen=True)
class Sequential:
    """Test, then learn: from an empty profile through all of a writer's samples, each answered before it is learned."""

    feedback: Mode | None = None
    """None for one run of each."""
    missed: float = 0.5
    """In the mode `silence`, the chance of a wrong answer to be left standing."""
    resamples: int = 1
    """Random orders of each writer's samples, where their order in time is not known; where it is, there is but that one."""
    seed: int = 0
    alphabet: str | None = None
    """The name of the only labels that may be answered; None for all."""
    split: str | None = None
    """Who the application writers are; None for the corpus's own."""
    labels: tuple[str, ...] | None = None
    """The labels whose samples are judged, which are the only ones on offer unless `alphabet` says otherwise; None for all."""

    def __post_init__(self) -> None:
        if self.feedback is not None and self.feedback not in MODES:
            raise InputError(f"feedback in turn is {', '.join(MODES)}, not {self.feedback!r}")
        if not 0 <= self.missed <= 1:
            raise InputError(f"the share of wrong answers that are missed is at least 0 and at most 1, not {self.missed}")
        if self.resamples < 1:
            raise InputError(f"there is at least one order of the samples, not {self.resamples}")
        if self.alphabet is not None:
            Alphabet.by_name(self.alphabet)
        if self.labels is not None:
            Alphabet(self.labels)

    def runs(self) -> list[Sequential]:
        """One run a mode of feedback, every label revealed (`all`) last."""
        return [self] if self.feedback else [replace(self, feedback=mode) for mode in MODES]

    def as_dict(self) -> dict[str, Any]:
        """For `results.json`."""
        return {
            "name": "sequential",
            "resamples": self.resamples,
            "seed": self.seed,
            "feedback": self.feedback,
            **({"missed": self.missed} if self.feedback == "silence" else {}),
            "alphabet": self.alphabet,
            "split": None if self.split is None else Path(self.split).name,
            **({} if self.labels is None else {"labels": list(self.labels)}),
        }

    def options(self) -> list[str]:
        """Its options on the command line."""
        return [
            f"--protocol sequential --resamples {self.resamples} --missed {self.missed:g}",
            *([] if self.feedback is None else [f"--feedback {self.feedback}"]),
        ]

    def trials(self, writer: str, labels: NDArray[np.str_], order: NDArray[np.int32] | None = None) -> list[Trial]:
        """Nothing to adapt to, and all of a writer's samples in order of time, or else in random orders."""
        nothing = np.empty(0, np.int64)
        if order is not None:
            return [Trial(nothing, np.argsort(order, kind="stable"))]
        return [Trial(nothing, self._random(writer, number).permutation(len(labels))) for number in range(self.resamples)]

    def missed_turns(self, writer: str, trials: int, turns: int) -> NDArray[np.bool_] | None:
        """Where a wrong answer is left standing, bool [trials, turns], alike for all methods; None where silence says nothing."""
        if self.feedback != "silence":
            return None
        return np.stack([self._random(writer, number, 1).random(turns) < self.missed for number in range(trials)])

    def _random(self, writer: str, *numbers: int) -> np.random.Generator:
        return np.random.default_rng([self.seed, zlib.crc32(writer.encode()), *numbers])


def replay_in_turn(
    adapter: Adapter, samples: Corrections, alphabet: Alphabet, trial: Trial, missed: NDArray[np.bool_] | None
) -> tuple[TrialAnswers, NDArray[np.int64]]:
    """Answer and learn sample by sample: mistakes alone where `missed` [t] is None, else also what is left standing.

    Returns the answers, and how many corrections were learned before each [t].
    """
    model = WriterModel(adapter, adapter.learn(adapter.start(), samples.take(trial.adaptation)))
    count, corrections, parts = len(trial.adaptation), [], []
    for turn, row in enumerate(trial.test):
        one = samples.take([row])
        part = TrialAnswers.of(model.scores(one.samples))
        parts.append(part)
        corrections.append(count)
        answer, (true,) = alphabet[int(part.answers[0])], one.labels
        if missed is None and answer == true:
            continue
        unnoticed = missed is not None and missed[turn]
        model = WriterModel(adapter, adapter.learn(model.state, replace(one, labels=[answer if unnoticed else true])))
        count += 1
    return TrialAnswers.join(parts), np.array(corrections, np.int64)
