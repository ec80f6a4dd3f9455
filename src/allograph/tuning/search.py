"""Choosing every adapter's parameters on the validation writers, and writing them into the bundle."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

import allograph
from allograph.adapters import OURS, Trial
from allograph.adapters.population import PREFIX, Population
from allograph.adapters.trials import replay_settings
from allograph.adapters.tunable_adapter import TunableAdapter
from allograph.alphabet.labels import Alphabet
from allograph.bundle import MODEL, Bundle, write_bundle
from allograph.embedding import EmbeddedCorpus
from allograph.errors import InputError
from allograph.evaluation.measures.figures import NO_TEST_SAMPLE
from allograph.evaluation.measures.quality import calibration_error, reliability
from allograph.evaluation.protocols.replay import WriterSamples, writers_of
from allograph.evaluation.protocols.resample import Resample
from allograph.execution import ProcessMap
from allograph.files.hashes import sha256
from allograph.progress import Progress, silent
from allograph.readings import Corrections, Samples
from allograph.split import Split
from allograph.tuning.record import Judged, Parameters, Tuned

PROTOCOLS = (
    Resample(resamples=4),
    Resample(adaptation=0.5, resamples=3),
    Resample(adaptation=0.2, resamples=4),
    Resample(per_label=1, resamples=6),
)
"""What a parameter has to be good at. Of a fold, which has more writers, one resample each is enough."""
FOLD_PROTOCOLS = tuple(replace(protocol, resamples=1) for protocol in PROTOCOLS)
EFFORT = {"memory": 2.0, "means": 2.5, "transfer": 4.0, "head": 9.0, "allograph": 7.0}
"""About how long one choice of a method's parameters takes to judge, next to one of the quickest; to say what is left."""


class Ground(NamedTuple):
    """Writers whom a base has not seen, and what is known of those whom it has."""

    alphabet: Alphabet
    population: Population
    writers: list[WriterSamples]
    protocols: Sequence[Resample]


class Task(NamedTuple):
    """One writer under one protocol: what is adapted to and tested with every choice of parameters."""

    ground: int
    protocol: int
    """Places among the grounds, and in `PROTOCOLS`."""
    samples: Corrections
    true: NDArray[np.int32]
    """[n] places in the alphabet."""
    trials: Sequence[Trial]

    @property
    def size(self) -> int:
        """About how much work it is."""
        return len(self.true) * len(self.trials)


class Line(NamedTuple):
    """Choices of parameters that are judged together."""

    task: Task
    method: type[TunableAdapter]
    choices: Sequence[Parameters]


class Answered(NamedTuple):
    """What was answered to one task's test samples, all trials one after the other."""

    base: int
    """How many of the base's answers are right."""
    right: list[NDArray[np.bool_]]
    """[t] whether the answer is right, for each choice of parameters."""
    probabilities: list[NDArray[np.float32]]
    """[t] each answer's probability, likewise."""


class Methods:
    """The methods built on each ground: each choice once in a process, so that what it works out for itself is there for all."""

    def __init__(self, grounds: Sequence[Ground]) -> None:
        self._known = [(ground.alphabet, ground.population) for ground in grounds]
        self._built: dict[tuple[Any, ...], TunableAdapter] = {}

    def build(self, ground: int, method: type[TunableAdapter], choice: Parameters) -> TunableAdapter:
        """A method with these parameters, for the writers of a ground."""
        key = (ground, method, *choice.items())
        if key not in self._built:
            alphabet, known = self._known[ground]
            given: dict[str, Any] = {"population": known} if "population" in {field.name for field in fields(method)} else {}
            self._built[key] = method(alphabet, **(given | dict(choice)))
        return self._built[key]


def tune(
    embedded: EmbeddedCorpus,
    bundle: Bundle,
    methods: Sequence[str] = ("all",),
    jobs: int | None = 1,
    progress: Progress = silent,
    folds: Sequence[EmbeddedCorpus] = (),
) -> dict[str, Tuned]:
    """Gather the training writers' statistics, choose every adapter's parameters, and write both into the bundle's folder.

    Parameters are chosen on the validation writers, and on the application writers of `folds`, each of which another base
    embedded that had not seen them (`corpora.fold`); of `embedded` only train and validation writers are looked at. A parameter
    is tried value by value while the others stand still, in the order of the adapter's `grid`; of methods that are not named,
    what was chosen before stays. By how many `jobs` (None: one a core) changes nothing but the time it takes.

    Each method is written when it is finished. What was judged is kept beside the bundle until all is done (`unfinished`), and
    the same call after one that was stopped goes on from there. Raises `MismatchError` where the corpus was embedded by another
    model, `InputError` where writers are missing, or where a fold holds application writers of `embedded`.
    """
    embedded.check_model(bundle.model_hash)
    unknown = sorted({*methods} - {"all", *(method.name for method in OURS)})
    if unknown:
        raise InputError(f"there is no method {unknown[0]!r} to tune; there are {', '.join(method.name for method in OURS)}")
    chosen = [method for method in OURS if "all" in methods or method.name in methods]
    judged = _judged_before(embedded, bundle, folds)
    what = "gathering statistics"
    if judged.stale:
        what += f" (an earlier tuning is not gone on with: {judged.stale})"
    elif len(judged):
        what += f" (going on with {len(judged)} choices judged before)"
    progress(what, 0, 1 + len(folds))
    grounds = [_ground(embedded, "validation", PROTOCOLS)]
    for other in folds:
        progress(what, len(grounds), 1 + len(folds))
        _check_apart(other, embedded)
        grounds.append(_ground(other, "application", FOLD_PROTOCOLS))
    tasks = sorted(_tasks(grounds), key=lambda task: -task.size)  # who takes long begins first
    tuned = {}
    with ProcessMap(Methods(grounds), jobs) as workers:
        search = _Search(tasks, workers, judged, chosen, progress)
        for method in chosen:
            tuned[method.name] = search.choose(method)
            bundle = _write(bundle, grounds[0].population, {method.name: tuned[method.name]})
    judged.forget(tuned)
    return tuned


def unfinished(bundle: str | Path) -> Path:
    """The file in which a tuning of this bundle keeps what it has judged, until it is done."""
    path = Path(bundle).resolve()
    return path.parent / f".{path.name}.tuning"


def _judged_before(embedded: EmbeddedCorpus, bundle: Bundle, folds: Sequence[EmbeddedCorpus]) -> Judged:
    """What an earlier run judged of the same; in words, everything that changes what is found."""
    matter = {
        "release": allograph.__version__,
        "model": bundle.model_hash,
        "corpora": [sha256(corpus.path) for corpus in (embedded, *folds)],
        "protocols": [[one.as_dict() for one in protocols] for protocols in (PROTOCOLS, FOLD_PROTOCOLS)],
        "methods": {method.name: method.version for method in OURS},
    }
    return Judged(unfinished(bundle.path), matter)


def _check_apart(fold: EmbeddedCorpus, embedded: EmbeddedCorpus) -> None:
    """Raise `InputError` where an application writer of `embedded` is in a fold, be it only to train its base."""
    _, writers, splits = embedded.columns
    if np.isin(fold.columns[1], writers[splits == "application"]).any():
        raise InputError(f"{fold.path} holds application writers of {embedded.path}; make it with: allograph fold")


def _ground(embedded: EmbeddedCorpus, judges: Split, protocols: Sequence[Resample]) -> Ground:
    """The train writers' statistics as a bundle gives them back, and the writers of the split `judges`."""
    train, others = embedded.samples(split="train"), embedded.samples(split=judges)
    if not len(train.labels) or not len(others.labels):
        raise InputError(f"{embedded.path} has no train or no {judges} samples; tuning needs both")
    samples = Samples(train.embeddings, train.logits, train.features)
    known = Population.estimate(samples, embedded.alphabet.indices(train.labels), train.writers)
    rounded = Population(*(array.astype(np.float32) for array in known.arrays().values()))
    return Ground(embedded.alphabet, rounded, writers_of(others), protocols)


def _tasks(grounds: Sequence[Ground]) -> Iterator[Task]:
    for number, ground in enumerate(grounds):
        for writer in ground.writers:
            labels = np.array(writer.samples.labels)
            true = ground.alphabet.indices(writer.samples.labels)
            for place, protocol in enumerate(ground.protocols):
                trials = protocol.trials(writer.writer, labels, writer.order)
                yield Task(number, place, writer.samples, true, trials)


class _Search:
    """The search for each method's parameters, one after the other."""

    def __init__(
        self,
        tasks: Sequence[Task],
        workers: ProcessMap,
        judged: Judged,
        methods: Sequence[type[TunableAdapter]],
        progress: Progress,
    ) -> None:
        self._tasks = tasks
        self._workers = workers
        self._judged = judged
        self._methods = methods
        self._progress = progress
        self._spent = self._effort = 0.0

    def choose(self, method: type[TunableAdapter]) -> Tuned:
        """The best parameters, sought value by value while the others stand still; what was judged before is not again."""
        best: Parameters = {name: getattr(method, name) for name in method.grid}
        for name, values in method.grid.items():
            line = [best, *({**best, name: value} for value in values if value != best[name])]
            new = [choice for choice in line if self._judged.find(method.name, choice) is None]
            if new:
                self._judged.keep(method.name, self._judge(method, name, new))
            reached = [found for choice in line if (found := self._judged.find(method.name, choice))]
            chosen = max(reached, key=lambda found: found.merit)
            best = chosen.parameters
        return chosen

    def _judge(self, method: type[TunableAdapter], parameter: str, choices: Sequence[Parameters]) -> list[Tuned]:
        """What each of these choices reaches on all writers together."""
        began, what = time.monotonic(), self._where(method, parameter)
        writers = len(self._tasks) // len(PROTOCOLS)
        self._progress(what, 0, writers)
        answered: list[list[Answered]] = [[] for _ in PROTOCOLS]
        lines = (Line(task, method, choices) for task in self._tasks)
        found = self._workers.map(_answer, lines, ahead=len(self._tasks))
        for done, (task, answers) in enumerate(zip(self._tasks, found, strict=True), start=1):
            answered[task.protocol].append(answers)
            self._progress(what, done // len(PROTOCOLS), writers)
        self._spent += time.monotonic() - began
        self._effort += EFFORT.get(method.name, 1.0) * len(choices)
        reached = [_reached(one) for one in answered]
        return [
            Tuned(choice, *zip(*figures, strict=True))
            for choice, figures in zip(choices, zip(*reached, strict=True), strict=True)
        ]

    def _where(self, method: type[TunableAdapter], parameter: str) -> str:
        """What is being done, of how much, and how long all of it will take from here."""
        names = list(method.grid)
        place = self._methods.index(method)
        where = f"method {place + 1} of {len(self._methods)}, parameter {names.index(parameter) + 1} of {len(names)}"
        if self._effort:
            left = _effort(method, names[names.index(parameter) :]) + sum(map(_effort, self._methods[place + 1 :]))
            where += f", about {_duration(left * self._spent / self._effort)} left"
        return f"tuning {method.name}: {parameter} ({where})"


def _effort(method: type[TunableAdapter], parameters: Sequence[str] | None = None) -> float:
    """About how much work is left in a method, when these of its parameters are; all unless said."""
    names = method.grid if parameters is None else parameters
    return EFFORT.get(method.name, 1.0) * sum(len(method.grid[name]) - 1 for name in names)


def _duration(seconds: float) -> str:
    return f"{seconds / 60:.0f} min" if seconds > 90 else f"{seconds:.0f} s"


def _answer(methods: Methods, line: Line) -> Answered:
    """Adapt and test one writer with every choice of parameters."""
    task = line.task
    adapters = [methods.build(task.ground, line.method, choice) for choice in line.choices]
    replays = replay_settings(adapters, task.samples, task.trials)
    rows = np.concatenate([trial.test for trial in task.trials])
    true = task.true[rows]
    base = task.samples.logits.argmax(axis=1)[rows]
    return Answered(
        int(np.count_nonzero(base == true)),
        [np.concatenate([found.answers for found in each]) == true for each in replays],
        [np.concatenate([found.probabilities for found in each if found.probabilities is not None]) for each in replays],
    )


def _reached(answered: Sequence[Answered]) -> list[tuple[float, float, float]]:
    """For each choice of parameters the error cut, the share of writers harmed, and the calibration error, over all writers."""
    base = np.array([one.base for one in answered])
    errors = sum(len(one.right[0]) for one in answered) - int(base.sum())
    if not any(len(one.right[0]) for one in answered):
        raise InputError(NO_TEST_SAMPLE)
    found = []
    for k in range(len(answered[0].right)):
        hits = np.array([np.count_nonzero(one.right[k]) for one in answered])
        right = np.concatenate([one.right[k] for one in answered])
        sure = np.concatenate([one.probabilities[k] for one in answered])
        cut = int((hits - base).sum()) / errors if errors else 0.0
        found.append((cut, int(np.count_nonzero(hits < base)) / len(base), calibration_error(reliability(right, sure))))
    return found


def _write(bundle: Bundle, known: Population, tuned: Mapping[str, Tuned]) -> Bundle:
    before = bundle.config.tuning
    adapters = {**bundle.config.adapters, **{name: dict(found.parameters) for name, found in tuned.items()}}
    tuning = {
        "protocols": [protocol.as_dict() for protocol in PROTOCOLS],
        **{
            figure: before.get(figure, {}) | {name: list(getattr(found, figure)) for name, found in tuned.items()}
            for figure in ("error_cuts", "harmed", "calibration_errors")
        },
    }
    others = {name: array for name, array in bundle.statistics.items() if not name.startswith(PREFIX)}
    config = replace(bundle.config, adapters=adapters, tuning=tuning)
    model = (bundle.path / MODEL).read_bytes()
    return write_bundle(bundle.path, model, config, bundle.styles, {**others, **known.arrays()})
