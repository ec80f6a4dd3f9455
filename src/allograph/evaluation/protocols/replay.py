"""Replaying writers: adapt, test, and note every answer."""

from __future__ import annotations

import time
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from allograph.adapters import Adapter, Trial, TrialAnswers, replay
from allograph.alphabet.labels import Alphabet
from allograph.embedding import EmbeddedSamples
from allograph.errors import AllographError, InputError, MethodError
from allograph.evaluation.protocols.curve import CurvePoint
from allograph.evaluation.protocols.resample import Resample
from allograph.evaluation.protocols.sequential import Sequential, replay_in_turn
from allograph.execution import ordered_map
from allograph.progress import Progress, silent
from allograph.readings import Corrections, highest_probability

Protocol = Resample | Sequential | CurvePoint
"""What one run follows."""


@dataclass(frozen=True)
class WriterSamples:
    """The samples of one application writer."""

    writer: str
    samples: Corrections
    order: NDArray[np.int32] | None = None
    """[n] the order in time, where it is known."""


class Answers(NamedTuple):
    """What one method said about every test sample of a writer, all resamples one after the other."""

    labels: NDArray[np.int32]
    """[t] the answer, a place in the alphabet."""
    any_right: NDArray[np.bool_] | None
    """[t] whether any answerer was right, the base among them; None where there is but one."""
    seconds: float
    """Adapting and answering."""
    probabilities: NDArray[np.float32] | None = None
    """[t] the answer's probability; None where the method gives none."""
    seen: NDArray[np.int64] | None = None
    """[t] how many corrections the method had learned."""


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
    base_probabilities: NDArray[np.float32] | None = None
    """[t] how probable the base's answer is to the base."""


def writers_of(samples: EmbeddedSamples, offered: NDArray[np.bool_] | None = None) -> list[WriterSamples]:
    """Part samples by writer, in the writers' order by id; `offered` [C] restricts the alphabet."""
    logits = samples.logits if offered is None else np.where(offered, samples.logits, np.float32(-np.inf))
    parts = []
    order = np.argsort(samples.writers, kind="stable")
    names, starts = np.unique(samples.writers[order], return_index=True)
    for name, rows in zip(names.tolist(), np.split(order, starts)[1:], strict=True):
        features = None if samples.features is None else samples.features[rows]
        own = Corrections(samples.embeddings[rows], logits[rows], samples.labels[rows].tolist(), features=features)
        parts.append(WriterSamples(name, own, None if samples.order is None else samples.order[rows]))
    return parts


def replay_writers(
    writers: Sequence[WriterSamples],
    alphabet: Alphabet,
    adapters: Mapping[str, Adapter],
    protocol: Protocol,
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
    for replayed in ordered_map(_replay_writer, (alphabet, adapters, protocol), writers, jobs):
        done.append(replayed)
        progress("adapting and testing writers", len(done), len(writers))
    return done


def _replay_writer(shared: tuple[Alphabet, Mapping[str, Adapter], Protocol], task: WriterSamples) -> Replayed:
    alphabet, adapters, protocol = shared
    true = alphabet.indices(task.samples.labels)
    trials = protocol.trials(task.writer, np.array(task.samples.labels), task.order)
    rows = _joined([trial.test for trial in trials], np.int64)
    methods = {name: _answers(name, adapter, task, alphabet, true, trials, protocol) for name, adapter in adapters.items()}
    base = task.samples.logits.argmax(axis=1).astype(np.int32)
    return Replayed(task.writer, rows, true[rows], base[rows], methods, highest_probability(task.samples.logits[rows]))


def _answers(
    name: str,
    adapter: Adapter,
    task: WriterSamples,
    alphabet: Alphabet,
    true: NDArray[np.int32],
    trials: Sequence[Trial],
    protocol: Protocol,
) -> Answers:
    began = time.perf_counter()
    try:
        replays, seen = _replays(adapter, task, alphabet, trials, protocol)
    except AllographError:
        raise
    except Exception as error:  # another package's code: it may fail in any way
        raise method_error(name, f"failed on the writer {task.writer}", error) from error
    seconds = time.perf_counter() - began
    _check(name, replays, trials, len(alphabet))
    any_right = [
        (found.proposals == true[trial.test, None]).any(axis=1)
        for trial, found in zip(trials, replays, strict=True)
        if found.proposals is not None
    ]
    probabilities = [found.probabilities for found in replays if found.probabilities is not None]
    return Answers(
        _joined([found.answers for found in replays], np.int32),
        np.concatenate(any_right) if any_right else None,
        seconds,
        _joined(probabilities, np.float32) if len(probabilities) == len(replays) else None,
        _joined(seen, np.int64),
    )


def method_error(name: str, what: str, error: Exception) -> MethodError:
    """An error that names the method, what it did, and what it said; it can be sent between processes."""
    place = traceback.extract_tb(error.__traceback__)[-1]
    where = f"{place.filename}, line {place.lineno}"
    return MethodError(f"the method {name} {what}: {type(error).__name__}: {error} ({where})")


def _check(name: str, replays: Sequence[TrialAnswers], trials: Sequence[Trial], labels: int) -> None:
    """Raise `MethodError` unless every test sample has one answer among the labels, and no probability is none."""
    for trial, found in zip(trials, replays, strict=False):
        answers, sure = found.answers, found.probabilities
        if answers.shape != trial.test.shape or (len(answers) and not 0 <= answers.min() <= answers.max() < labels):
            raise MethodError(f"the method {name} gave no answer among the {labels} labels for some of the test samples")
        if found.proposals is not None and (found.proposals.ndim != 2 or len(found.proposals) != len(answers)):
            raise MethodError(f"the method {name} gave no proposals for some of the test samples")
        if sure is not None and (sure.shape != answers.shape or not np.isfinite(sure).all()):
            raise MethodError(f"the method {name} gave a probability that is no number")
    if len(replays) != len(trials):
        raise MethodError(f"the method {name} answered {len(replays)} of {len(trials)} resamples")


def _replays(
    adapter: Adapter, task: WriterSamples, alphabet: Alphabet, trials: Sequence[Trial], protocol: Protocol
) -> tuple[list[TrialAnswers], list[NDArray[np.int64]]]:
    """The answers to each trial, and how many corrections had been learned before each answer."""
    if isinstance(protocol, Sequential) and protocol.feedback != "all":
        missed = protocol.missed_turns(task.writer, len(trials), len(task.samples.labels))
        in_turn = [
            replay_in_turn(adapter, task.samples, alphabet, trial, None if missed is None else missed[i])
            for i, trial in enumerate(trials)
        ]
        return [found for found, _ in in_turn], [seen for _, seen in in_turn]
    reveal = protocol.feedback == "all"
    found = replay(adapter, task.samples, trials, reveal)
    return list(found), [len(trial.adaptation) + np.arange(len(trial.test)) * reveal for trial in trials]


def _joined(parts: Sequence[NDArray[Any]], kind: type) -> NDArray[Any]:
    return np.concatenate(parts) if parts else np.empty(0, kind)
