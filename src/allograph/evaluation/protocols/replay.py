"""Replaying writers: every adapter adapts to and is tested on each writer's trials."""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from allograph.adapters import Adapter, Trial, TrialAnswers, replay
from allograph.alphabet.labels import Alphabet
from allograph.errors import AllographError, InputError, MethodError
from allograph.evaluation.protocols.answers import Doubts, MethodAnswers, WriterAnswers
from allograph.evaluation.protocols.kinds import RunProtocol
from allograph.evaluation.protocols.resample import Resample
from allograph.evaluation.protocols.sequential import Sequential, replay_in_turn
from allograph.evaluation.protocols.stored_writers import StoredWriters, WriterGroup
from allograph.evaluation.protocols.unlabelled import UnlabelledPoint, replay_calls
from allograph.evaluation.protocols.writer_samples import WriterSamples
from allograph.evaluation.protocols.wrong_labels import doubt_in_turn, replace_labels
from allograph.execution import Jobs, Workers
from allograph.progress import Progress, silent
from allograph.readings import Corrections, highest_probability


def replay_writers(
    writers: Sequence[WriterSamples],
    alphabet: Alphabet,
    adapters: Mapping[str, Adapter],
    protocol: RunProtocol,
    jobs: Jobs = 1,
    progress: Progress = silent,
) -> list[WriterAnswers]:
    """The answers about every writer, in order; `jobs` says who replays (`execution.Jobs`), and changes no answer.

    Raises `InputError` where there is no writer, `MethodError` where an adapter fails.
    """
    replayer = _Replayer(alphabet, adapters, protocol)
    return _replay_groups(replayer, lambda workers: ([one] for one in writers), len(writers), jobs, progress)


def replay_stored(
    writers: StoredWriters,
    alphabet: Alphabet,
    adapters: Mapping[str, Adapter],
    protocol: RunProtocol,
    offered: NDArray[np.bool_] | None = None,
    jobs: Jobs = 1,
    progress: Progress = silent,
    *,
    is_reachable: bool = True,
) -> list[WriterAnswers]:
    """The same about writers whose samples stand in an embedded corpus, some of whom are in memory at a time.

    Of the labels only those `offered` (bool [C]) may be answered, all where it is None. Each worker reads the samples where they
    stand; where that is not reachable from there, they are read here and sent. Raises `FormatError` also where the samples are
    damaged.
    """

    def tasks(workers: int) -> Iterator[WriterGroup | Sequence[WriterSamples]]:
        groups = writers.groups(workers, offered)
        return groups if is_reachable else (group.read() for group in groups)

    return _replay_groups(_Replayer(alphabet, adapters, protocol), tasks, len(writers), jobs, progress)


def _replay_groups(
    replayer: _Replayer,
    tasks: Callable[[int], Iterator[WriterGroup | Sequence[WriterSamples]]],
    count: int,
    jobs: Jobs,
    progress: Progress,
) -> list[WriterAnswers]:
    """The answers about so many writers, who come as tasks for a number of workers."""
    if not count:
        raise InputError("there is no application writer to judge; prepare the corpus with --split all, or name a split file")
    answers: list[WriterAnswers] = []
    with Workers(replayer, 1 if count == 1 else jobs) as workers:
        for some in workers.map(_Replayer.replay, tasks(workers.size())):
            answers += some
            progress("adapting and testing writers", len(answers), count)
    return answers


def method_error(name: str, what: str, error: Exception) -> MethodError:
    """An error that names the method, what it did, and what it said; it can be sent between processes."""
    place = traceback.extract_tb(error.__traceback__)[-1]
    where = f"{place.filename}, line {place.lineno}"
    return MethodError(f"the method {name} {what}: {type(error).__name__}: {error} ({where})")


@dataclass(frozen=True)
class _Replayer:
    """What is the same for all writers of a run; each process is sent it once."""

    alphabet: Alphabet
    adapters: Mapping[str, Adapter]
    protocol: RunProtocol

    def replay(self, task: WriterGroup | Sequence[WriterSamples]) -> list[WriterAnswers]:
        """The answers about some writers."""
        return [self._replay(writer) for writer in (task.read() if isinstance(task, WriterGroup) else task)]

    def _replay(self, writer: WriterSamples) -> WriterAnswers:
        """The answers of every adapter about one writer."""
        true = self.alphabet.indices(writer.samples.labels)
        trials = self.protocol.trials(writer.writer, np.array(writer.samples.labels), writer.order)
        rows = _concatenated([trial.test for trial in trials], np.int64)
        methods = {name: self._answers(name, writer, true, trials) for name in self.adapters}
        logits = writer.samples.logits[rows]
        base = logits.argmax(axis=1).astype(np.int32)
        boxed = None if writer.samples.boxes is None else ~np.isnan(writer.samples.boxes.edges[rows, 0])
        return WriterAnswers(writer.writer, rows, true[rows], base, methods, highest_probability(logits), boxed)

    def _answers(self, name: str, writer: WriterSamples, true: NDArray[np.int32], trials: Sequence[Trial]) -> MethodAnswers:
        start = time.perf_counter()
        try:
            replays, corrections = self._replays(self.adapters[name], writer, trials)
            seconds = time.perf_counter() - start
            doubts = self._doubts(self.adapters[name], writer, trials)
        except AllographError:
            raise
        except Exception as error:  # another package's code: it may fail in any way
            raise method_error(name, f"failed on the writer {writer.writer}", error) from error
        _check(name, replays, trials, len(self.alphabet))
        any_right = [
            (one.proposals == true[trial.test, None]).any(axis=1)
            for trial, one in zip(trials, replays, strict=True)
            if one.proposals is not None
        ]
        probabilities = [one.probabilities for one in replays if one.probabilities is not None]
        return MethodAnswers(
            _concatenated([one.answers for one in replays], np.int32),
            np.concatenate(any_right) if any_right else None,
            seconds,
            _concatenated(probabilities, np.float32) if len(probabilities) == len(replays) else None,
            _concatenated(corrections, np.int64),
            doubts,
        )

    def _replays(
        self, adapter: Adapter, writer: WriterSamples, trials: Sequence[Trial]
    ) -> tuple[list[TrialAnswers], list[NDArray[np.int64]]]:
        """The answers to each trial, and how many corrections were learned before each answer."""
        protocol = self.protocol
        if isinstance(protocol, Sequential) and protocol.feedback != "all":
            missed = protocol.missed_turns(writer.writer, len(trials), len(writer))
            pairs = [
                replay_in_turn(adapter, writer.samples, self.alphabet, trial, None if missed is None else missed[i])
                for i, trial in enumerate(trials)
            ]
            return [answers for answers, _ in pairs], [corrections for _, corrections in pairs]
        reveal = protocol.feedback == "all"
        if isinstance(protocol, UnlabelledPoint):
            replays = [replay_calls(adapter, writer.samples, calls) for calls in protocol.calls(writer.writer, len(writer))]
        elif isinstance(protocol, Resample) and protocol.wrong_labels:
            taught = [self._taught(writer, trial, number)[0] for number, trial in enumerate(trials)]
            replays = [one for pair in zip(taught, trials, strict=True) for one in replay(adapter, pair[0], [pair[1]], reveal)]
        else:
            replays = list(replay(adapter, writer.samples, trials, reveal))
        return replays, [len(trial.adaptation) + np.arange(len(trial.test)) * reveal for trial in trials]

    def _taught(self, writer: WriterSamples, trial: Trial, number: int) -> tuple[Corrections, NDArray[np.bool_]]:
        """The writer's samples as they are taught in one resample, and which of its adaptation samples have a wrong label."""
        assert isinstance(self.protocol, Resample)
        random = self.protocol.random_slips(writer.writer, number)
        return replace_labels(writer.samples, trial.adaptation, self.protocol.wrong_labels, self.alphabet, random)

    def _doubts(self, adapter: Adapter, writer: WriterSamples, trials: Sequence[Trial]) -> Doubts | None:
        """The doubt of the corrections of the first resample, in random order; None unless some labels are wrong."""
        protocol = self.protocol
        if not (isinstance(protocol, Resample) and protocol.wrong_labels):
            return None
        taught, wrong = self._taught(writer, trials[0], 0)
        order = protocol.random_slips(writer.writer, len(trials)).permutation(len(wrong))
        return doubt_in_turn(adapter, taught, trials[0].adaptation[order], wrong[order], self.alphabet)


def _check(name: str, replays: Sequence[TrialAnswers], trials: Sequence[Trial], labels: int) -> None:
    """Raise `MethodError` unless every test sample has one answer among the labels, and every probability is finite."""
    for trial, one in zip(trials, replays, strict=False):
        answers, probabilities = one.answers, one.probabilities
        if answers.shape != trial.test.shape or (len(answers) and not 0 <= answers.min() <= answers.max() < labels):
            raise MethodError(f"the method {name} gave no answer among the {labels} labels for some of the test samples")
        if one.proposals is not None and (one.proposals.ndim != 2 or len(one.proposals) != len(answers)):
            raise MethodError(f"the method {name} gave no proposals for some of the test samples")
        if probabilities is not None and (probabilities.shape != answers.shape or not np.isfinite(probabilities).all()):
            raise MethodError(f"the method {name} gave a probability that is no number")
    if len(replays) != len(trials):
        raise MethodError(f"the method {name} answered {len(replays)} of {len(trials)} resamples")


def _concatenated(parts: Sequence[NDArray[Any]], kind: type) -> NDArray[Any]:
    return np.concatenate(parts) if parts else np.empty(0, kind)
