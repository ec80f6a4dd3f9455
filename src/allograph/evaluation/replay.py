"""Replaying writers: adapt, test, and note every answer."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from allograph.adapters import Adapter, Replays, Trial, replay
from allograph.alphabet import Alphabet
from allograph.embedding import EmbeddedSamples
from allograph.errors import InputError
from allograph.evaluation.protocol import Feedback, Resample
from allograph.parallel import in_order
from allograph.progress import Progress, silent
from allograph.readings import Corrections


@dataclass(frozen=True)
class WriterSamples:
    """The samples of one application writer."""

    writer: str
    samples: Corrections


class Answers(NamedTuple):
    """What one method said about every test sample of a writer, all resamples one after the other."""

    labels: NDArray[np.int32]
    """[t] the answer, a place in the alphabet."""
    any_right: NDArray[np.bool_] | None
    """[t] whether any answerer was right, the base among them; None where there is but one."""
    seconds: float
    """Adapting and answering."""


@dataclass(frozen=True)
class Replayed:
    """All answers about one writer."""

    writer: str
    rows: NDArray[np.int64]
    """[t] places among the writer's samples."""
    true: NDArray[np.int32]
    """[t] places in the alphabet."""
    base: NDArray[np.int32]
    """[t] what the base classifier said."""
    methods: Mapping[str, Answers]


def writers_of(samples: EmbeddedSamples, offered: NDArray[np.bool_] | None = None) -> list[WriterSamples]:
    """Part samples by writer, in the writers' order by id; `offered` [C] restricts the alphabet."""
    logits = samples.logits if offered is None else np.where(offered, samples.logits, np.float32(-np.inf))
    parts = []
    order = np.argsort(samples.writers, kind="stable")
    names, starts = np.unique(samples.writers[order], return_index=True)
    for name, rows in zip(names.tolist(), np.split(order, starts)[1:], strict=True):
        parts.append(WriterSamples(name, Corrections(samples.embeddings[rows], logits[rows], samples.labels[rows].tolist())))
    return parts


def replay_writers(
    writers: Sequence[WriterSamples],
    alphabet: Alphabet,
    adapters: Mapping[str, Adapter],
    protocol: Resample,
    jobs: int | None = 1,
    progress: Progress = silent,
) -> list[Replayed]:
    """Replay every writer with every adapter, by `jobs` processes; how many changes nothing but the time it takes.

    Raises `InputError` when there is no writer.
    """
    if not writers:
        raise InputError("there is no application writer to judge; prepare the corpus with --split all, or name a split file")
    done: list[Replayed] = []
    jobs = 1 if len(writers) == 1 else jobs
    for replayed in in_order(_replay_writer, (alphabet, adapters, protocol), writers, jobs):
        done.append(replayed)
        progress("adapting and testing writers", len(done), len(writers))
    return done


def _replay_writer(shared: tuple[Alphabet, Mapping[str, Adapter], Resample], task: WriterSamples) -> Replayed:
    alphabet, adapters, protocol = shared
    true = alphabet.indices(task.samples.labels)
    trials = protocol.trials(task.writer, np.array(task.samples.labels))
    rows = np.concatenate([trial.test for trial in trials])
    methods = {name: _answers(adapter, task.samples, true, trials, protocol.feedback) for name, adapter in adapters.items()}
    base = task.samples.logits.argmax(axis=1).astype(np.int32)
    return Replayed(task.writer, rows, true[rows], base[rows], methods)


def _answers(
    adapter: Adapter, samples: Corrections, true: NDArray[np.int32], trials: Sequence[Trial], feedback: Feedback
) -> Answers:
    began = time.perf_counter()
    reveal = feedback == "all"
    trial_by_trial = (
        adapter.replay(samples, trials, reveal) if isinstance(adapter, Replays) else replay(adapter, samples, trials, reveal)
    )
    replays = list(trial_by_trial)
    seconds = time.perf_counter() - began
    any_right = [
        (found.proposals == true[trial.test, None]).any(axis=1)
        for trial, found in zip(trials, replays, strict=True)
        if found.proposals is not None
    ]
    return Answers(
        np.concatenate([found.answers for found in replays]), np.concatenate(any_right) if any_right else None, seconds
    )
