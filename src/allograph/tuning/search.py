"""The search for every adapter's parameters on the validation writers; the bundle is given the best ones."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import allograph
from allograph.adapters import OURS, Adapter, Trial, best, build
from allograph.adapters.size_statistics import SizeStatistics
from allograph.adapters.statistics import PREFIXES, Statistics
from allograph.adapters.trials import replay_settings
from allograph.adapters.tunable_adapter import TunableAdapter
from allograph.alphabet.labels import Alphabet
from allograph.bundle import MODEL, Bundle, write_bundle
from allograph.corpora.place import Place
from allograph.embedding import EmbeddedCorpus
from allograph.errors import InputError
from allograph.evaluation.measures.figures import NO_TEST_SAMPLE
from allograph.evaluation.measures.learning_curve import learning_curve
from allograph.evaluation.measures.quality import calibration_error, reliability
from allograph.evaluation.protocols.replay import replay_stored
from allograph.evaluation.protocols.resample import Resample
from allograph.evaluation.protocols.sequential import Sequential
from allograph.evaluation.protocols.stored_writers import StoredWriters, WriterGroup
from allograph.execution import Jobs, Workers
from allograph.progress import Progress, silent
from allograph.readings import Corrections, Samples
from allograph.split import Split
from allograph.tuning.checkpoint import Candidate, Checkpoint, Parameters

PROTOCOLS = (
    Resample(resamples=4),
    Resample(adaptation=0.5, resamples=3),
    Resample(adaptation=0.2, resamples=4),
    Resample(per_label=1, resamples=6),
)
"""The protocols that candidates are measured under; their figures are summed."""
FOLD_PROTOCOLS = tuple(replace(protocol, resamples=1) for protocol in PROTOCOLS)
"""Those of a fold: it has more writers, for whom one resample each is enough."""
EFFORT = {"memory": 2.0, "means": 2.5, "transfer": 4.0, "head": 9.0, "allograph": 7.0}
"""About how much longer a candidate of a method takes than one of the quickest: for the time left that progress tells."""
KEPT = 32_768
"""Samples that a worker keeps in memory, at most, unless one writer has more."""


@dataclass(frozen=True)
class ValidationSet:
    """Writers whom a base was not trained on, with the statistics of those whom it was; its `len` is the number of writers."""

    alphabet: Alphabet
    statistics: Statistics
    writers: StoredWriters
    protocols: Sequence[Resample]

    def __len__(self) -> int:
        return len(self.writers)


@dataclass(frozen=True)
class Group:
    """Some writers of a validation set; its `len` is the number of their samples."""

    validation_set: int
    """Its place among the validation sets."""
    number: int
    """Its place among the groups of all."""
    writers: WriterGroup

    def __len__(self) -> int:
        return len(self.writers)


@dataclass(frozen=True)
class WriterTrials:
    """One writer's samples, and how each of the protocols parts them; its `len` is the number of samples."""

    samples: Corrections
    true: NDArray[np.int32]
    """[n] places in the alphabet."""
    trials: Sequence[Sequence[Trial]]
    """By protocol."""

    def __len__(self) -> int:
        return len(self.true)


@dataclass(frozen=True)
class CandidateTask:
    """Parameters of one method that are measured together on some writers."""

    group: Group
    method: type[TunableAdapter]
    parameters: Sequence[Parameters]


@dataclass(frozen=True)
class CandidateAnswers:
    """The answers to one writer's test samples [t], all trials one after the other; its `len` is their number."""

    base_right: int
    """How many of the base's answers are right."""
    right: Sequence[NDArray[np.bool_]]
    """[t] whether the answer is right, for each of the parameters."""
    probabilities: Sequence[NDArray[np.float32]]
    """[t] each answer's probability, likewise."""

    def __len__(self) -> int:
        return len(self.right[0])


@dataclass(frozen=True)
class Tuning:
    """The parameters that were chosen, and what they reach on the validation writers."""

    methods: Mapping[str, Candidate]
    learning_curve: tuple[tuple[int, float], ...]
    """Of the bundle's best adapter; see `evaluation.measures.learning_curve`."""

    def rows(self) -> list[dict[str, Any]]:
        """Flat rows, one a method and protocol, as `pandas.DataFrame` takes them; shares are fractions.

        A row has `method`, the options of the protocol, `error_cut`, `harmed`, `calibration_error`, and the parameters.
        """
        return [
            {
                "method": name,
                "protocol": options.pop("name"),
                **options,
                "error_cut": one.error_cuts[i],
                "harmed": one.harmed[i],
                "calibration_error": one.calibration_errors[i],
                **one.parameters,
            }
            for name, one in self.methods.items()
            for i, options in enumerate(protocol.as_dict() for protocol in PROTOCOLS)
        ]


class Measuring:
    """What a worker keeps: the adapters built for each validation set, and the writers that it read last."""

    def __init__(self, sets: Sequence[ValidationSet]) -> None:
        self._sets = [(one.alphabet, one.statistics, one.protocols) for one in sets]
        self._adapters: dict[tuple[Any, ...], TunableAdapter] = {}
        self._writers: dict[int, list[WriterTrials]] = {}

    def answer(self, task: CandidateTask) -> list[list[CandidateAnswers]]:
        """Adapt to and test the writers with each of the parameters: for each protocol the answers, writer by writer."""
        adapters = [self._adapter(task.group.validation_set, task.method, parameters) for parameters in task.parameters]
        by_writer = [[_answers(adapters, one, trials) for trials in one.trials] for one in self._read(task.group)]
        return [list(of_protocol) for of_protocol in zip(*by_writer, strict=True)]

    def _adapter(self, validation_set: int, method: type[TunableAdapter], parameters: Parameters) -> TunableAdapter:
        """The adapter with these parameters, for the writers of a validation set."""
        key = (validation_set, method, *parameters.items())
        if key not in self._adapters:
            alphabet, known, _ = self._sets[validation_set]
            options = known.parameters({one.name for one in fields(method)})
            self._adapters[key] = method(alphabet, **(options | dict(parameters)))
        return self._adapters[key]

    def _read(self, group: Group) -> list[WriterTrials]:
        if group.number not in self._writers:
            while self._writers and sum(len(one) for some in self._writers.values() for one in some) + len(group) > KEPT:
                self._writers.pop(next(iter(self._writers)))
            alphabet, _, protocols = self._sets[group.validation_set]
            self._writers[group.number] = [
                WriterTrials(
                    one.samples,
                    alphabet.indices(one.samples.labels),
                    [protocol.trials(one.writer, np.array(one.samples.labels), one.order) for protocol in protocols],
                )
                for one in group.writers.read()
            ]
        return self._writers[group.number]


def tune(
    embedded: EmbeddedCorpus | Place,
    bundle: Bundle | str | Path,
    methods: str | Sequence[str] = ("all",),
    *,
    folds: Sequence[EmbeddedCorpus | Place] = (),
    jobs: Jobs = 1,
    progress: Progress = silent,
) -> Tuning:
    """Gather the training writers' statistics, choose every adapter's parameters, and write both into the bundle's folder.

    Parameters are chosen on the validation writers, and on the application writers of `folds`, each of which another base
    embedded that had not seen them (`corpora.folds`); of `embedded` only train and validation writers are looked at. A parameter
    is tried value by value while the others stand still, in the order of the adapter's `grid`; of methods that are not named,
    what was chosen before stays. The best adapter's learning curve on the validation writers is written too. `jobs` says
    who measures (`execution.Jobs`); it changes no figure.

    Each method is written when it is finished. A checkpoint beside the bundle (`unfinished`) holds what was measured until all is
    done; the same call after one that was stopped goes on from there. Raises `MismatchError` where the corpus was embedded by
    another model, `InputError` where writers are missing, or where a fold holds application writers of `embedded`.

    >>> import shutil, tempfile
    >>> from allograph.bundle import SHIPPED
    >>> from allograph.corpora.digits import DigitsSource
    >>> from allograph.corpora.preparation import prepare
    >>> from allograph.embedding import embed
    >>> from allograph.corpora.corpus import Corpus
    >>> from allograph.recognizer import Recognizer
    >>> from allograph.tuning import tune
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     digits, bundle = Path(folder) / "digits.parquet", Path(shutil.copytree(SHIPPED, Path(folder) / "bundle"))
    ...     report = prepare(DigitsSource(), digits, "paper", jobs=1)
    ...     embedded = embed(Corpus.open(digits), Recognizer(bundle), Path(folder) / "embedded.parquet")
    ...     tuning = tune(embedded, bundle, "lookup")
    >>> sorted(tuning.methods), [row["protocol"] for row in tuning.rows()]
    (['lookup'], ['resample', 'resample', 'resample', 'resample'])
    """
    embedded, bundle = _opened_corpus(embedded), bundle if isinstance(bundle, Bundle) else Bundle.open(bundle)
    others = [_opened_corpus(fold) for fold in folds]
    embedded.check_model(bundle.model_hash)
    names = (methods,) if isinstance(methods, str) else tuple(methods)
    unknown = sorted({*names} - {"all", *(method.name for method in OURS)})
    if unknown:
        raise InputError(f"there is no method {unknown[0]!r} to tune; there are {', '.join(method.name for method in OURS)}")
    chosen = [method for method in OURS if "all" in names or method.name in names]
    checkpoint = _checkpoint(embedded, bundle, others)
    what = "gathering statistics"
    if checkpoint.stale:
        what += f" (an earlier tuning is not gone on with: {checkpoint.stale})"
    elif len(checkpoint):
        what += f" (going on with {len(checkpoint)} choices judged before)"
    progress(what, 0, 1 + len(others))
    sets = [_validation_set(embedded, "validation", PROTOCOLS)]
    for other in others:
        progress(what, len(sets), 1 + len(others))
        _check_apart(other, embedded)
        sets.append(_validation_set(other, "application", FOLD_PROTOCOLS))
    best_candidates = {}
    with Workers(Measuring(sets), jobs) as workers:
        search = _Search(_groups(sets, workers.size()), sum(map(len, sets)), workers, checkpoint, chosen, progress)
        for method in chosen:
            best_candidates[method.name] = search.choose(method)
            bundle = _write(bundle, sets[0].statistics, {method.name: best_candidates[method.name]})
    bundle = _write(bundle, sets[0].statistics, {})
    curve = measure_learning_curve(embedded, build(best(bundle), bundle), "validation", jobs, progress)
    _write(bundle, sets[0].statistics, {}, curve)
    checkpoint.remove(best_candidates)
    return Tuning(best_candidates, curve)


def measure_learning_curve(
    embedded: EmbeddedCorpus, adapter: Adapter, split: Split, jobs: Jobs = 1, progress: Progress = silent
) -> tuple[tuple[int, float], ...]:
    """`evaluation.measures.learning_curve` of an adapter on the writers of a split, each label revealed after its answer."""
    writers, protocol = _stored_writers(embedded, split), Sequential(feedback="all")
    answers = replay_stored(writers, embedded.alphabet, {adapter.name: adapter}, protocol, None, jobs, progress)
    return learning_curve(answers, adapter.name)


def _opened_corpus(corpus: EmbeddedCorpus | Place) -> EmbeddedCorpus:
    return corpus if isinstance(corpus, EmbeddedCorpus) else EmbeddedCorpus.open(corpus)


def unfinished(bundle: str | Path) -> Path:
    """The checkpoint file of a tuning of this bundle."""
    path = Path(bundle).resolve()
    return path.parent / f".{path.name}.tuning"


def _checkpoint(embedded: EmbeddedCorpus, bundle: Bundle, folds: Sequence[EmbeddedCorpus]) -> Checkpoint:
    """The checkpoint that an earlier run left of the same matter: everything that changes a figure."""
    matter = {
        "release": allograph.__version__,
        "model": bundle.model_hash,
        "corpora": [corpus.content_hash for corpus in (embedded, *folds)],
        "protocols": [[one.as_dict() for one in protocols] for protocols in (PROTOCOLS, FOLD_PROTOCOLS)],
        "methods": {method.name: method.version for method in OURS},
    }
    return Checkpoint(unfinished(bundle.path), matter)


def _check_apart(fold: EmbeddedCorpus, embedded: EmbeddedCorpus) -> None:
    """Raise `InputError` where an application writer of `embedded` is in a fold, be it only to train its base."""
    if set(fold.texts[1].values.tolist()) & set(_writers_of(embedded, "application")):
        raise InputError(f"{fold.place} holds application writers of {embedded.place}; make it with: allograph fold")


def _validation_set(embedded: EmbeddedCorpus, split: Split, protocols: Sequence[Resample]) -> ValidationSet:
    """The train writers' statistics as a bundle gives them back, and the writers of a split."""
    train, others = embedded.samples(split="train", images=False), _stored_writers(embedded, split)
    if not len(train) or not len(others):
        raise InputError(f"{embedded.place} has no train or no {split} samples; tuning needs both")
    samples = Samples(train.embeddings, train.logits, train.features, train.boxes)
    known = Statistics.estimate(samples, embedded.alphabet.indices(train.labels), train.writers)
    return ValidationSet(embedded.alphabet, known.rounded, others, protocols)


def _stored_writers(embedded: EmbeddedCorpus, split: Split) -> StoredWriters:
    return StoredWriters.of(embedded, embedded.texts[2].isin([split]))


def _writers_of(embedded: EmbeddedCorpus, split: Split) -> list[str]:
    _, writers, splits = embedded.texts
    names: list[str] = writers.at(splits.isin([split])).values.tolist()
    return names


def _groups(sets: Sequence[ValidationSet], workers: int) -> list[Group]:
    """The writers of all sets, for so many workers; those who take long come first."""
    parts = [(place, group) for place, one in enumerate(sets) for group in one.writers.groups(workers)]
    groups = [Group(place, number, group) for number, (place, group) in enumerate(parts)]
    return sorted(groups, key=lambda one: -len(one) * sum(protocol.resamples for protocol in sets[one.validation_set].protocols))


class _Search:
    """The search for each method's parameters, one after the other."""

    def __init__(
        self,
        groups: Sequence[Group],
        writers: int,
        workers: Workers,
        checkpoint: Checkpoint,
        methods: Sequence[type[TunableAdapter]],
        progress: Progress,
    ) -> None:
        self._groups = groups
        self._writers = writers
        self._workers = workers
        self._checkpoint = checkpoint
        self._methods = methods
        self._progress = progress
        self._spent = self._effort = 0.0

    def choose(self, method: type[TunableAdapter]) -> Candidate:
        """The best parameters, sought value by value while the others stand still; those in the checkpoint are not measured."""
        best: Parameters = {name: getattr(method, name) for name in method.grid}
        for name, values in method.grid.items():
            line = [best, *({**best, name: value} for value in values if value != best[name])]
            new = [parameters for parameters in line if self._checkpoint.get(method.name, parameters) is None]
            if new:
                self._checkpoint.add(method.name, self._measure(method, name, new))
            candidates = [one for parameters in line if (one := self._checkpoint.get(method.name, parameters))]
            chosen = max(candidates, key=lambda one: one.merit)
            best = chosen.parameters
        return chosen

    def _measure(self, method: type[TunableAdapter], parameter: str, choices: Sequence[Parameters]) -> list[Candidate]:
        """What each of these choices of parameters reaches on all writers together."""
        start, what = time.monotonic(), self._where(method, parameter)
        self._progress(what, 0, self._writers)
        by_protocol: list[list[CandidateAnswers]] = [[] for _ in PROTOCOLS]
        tasks = (CandidateTask(one, method, choices) for one in self._groups)
        for of_group in self._workers.map(Measuring.answer, tasks, ahead=len(self._groups)):
            for answers, more in zip(by_protocol, of_group, strict=True):
                answers += more
            self._progress(what, len(by_protocol[0]), self._writers)
        self._spent += time.monotonic() - start
        self._effort += EFFORT.get(method.name, 1.0) * len(choices)
        figures = [_figures(one) for one in by_protocol]
        return [
            Candidate(choice, *zip(*of_choice, strict=True))
            for choice, of_choice in zip(choices, zip(*figures, strict=True), strict=True)
        ]

    def _where(self, method: type[TunableAdapter], parameter: str) -> str:
        """The step of the search, and the time that is left."""
        names = list(method.grid)
        place = self._methods.index(method)
        where = f"method {place + 1} of {len(self._methods)}, parameter {names.index(parameter) + 1} of {len(names)}"
        if self._effort:
            left = _effort(method, names[names.index(parameter) :]) + sum(map(_effort, self._methods[place + 1 :]))
            where += f", about {_duration(left * self._spent / self._effort)} left"
        return f"tuning {method.name}: {parameter} ({where})"


def _effort(method: type[TunableAdapter], parameters: Sequence[str] | None = None) -> float:
    """About how much work these parameters of a method are; all of them where none are named."""
    names = method.grid if parameters is None else parameters
    return EFFORT.get(method.name, 1.0) * sum(len(method.grid[name]) - 1 for name in names)


def _duration(seconds: float) -> str:
    return f"{seconds / 60:.0f} min" if seconds > 90 else f"{seconds:.0f} s"


def _answers(adapters: Sequence[TunableAdapter], writer: WriterTrials, trials: Sequence[Trial]) -> CandidateAnswers:
    """Adapt to and test one writer with each of the adapters."""
    replays = replay_settings(adapters, writer.samples, trials)
    rows = np.concatenate([trial.test for trial in trials])
    true = writer.true[rows]
    base = writer.samples.logits.argmax(axis=1)[rows]
    return CandidateAnswers(
        int(np.count_nonzero(base == true)),
        [np.concatenate([one.answers for one in each]) == true for each in replays],
        [np.concatenate([one.probabilities for one in each if one.probabilities is not None]) for each in replays],
    )


def _figures(answers: Sequence[CandidateAnswers]) -> list[tuple[float, float, float]]:
    """For each of the parameters the error cut, the share of writers harmed, and the calibration error, over all writers."""
    base = np.array([one.base_right for one in answers])
    if not any(map(len, answers)):
        raise InputError(NO_TEST_SAMPLE)
    errors = sum(map(len, answers)) - int(base.sum())
    figures = []
    for k in range(len(answers[0].right)):
        hits = np.array([np.count_nonzero(one.right[k]) for one in answers])
        right = np.concatenate([one.right[k] for one in answers])
        probabilities = np.concatenate([one.probabilities[k] for one in answers])
        cut = int((hits - base).sum()) / errors if errors else 0.0
        harmed = int(np.count_nonzero(hits < base)) / len(base)
        figures.append((cut, harmed, calibration_error(reliability(right, probabilities))))
    return figures


def _write(
    bundle: Bundle, statistics: Statistics, chosen: Mapping[str, Candidate], curve: tuple[tuple[int, float], ...] | None = None
) -> Bundle:
    """The bundle with these statistics and parameters, and with a learning curve where one is given, written over itself."""
    before = bundle.config.tuning
    adapters = {**bundle.config.adapters, **{name: dict(one.parameters) for name, one in chosen.items()}}
    tuning = {
        "protocols": [protocol.as_dict() for protocol in PROTOCOLS],
        **{
            figure: before.get(figure, {}) | {name: list(getattr(one, figure)) for name, one in chosen.items()}
            for figure in ("error_cuts", "harmed", "calibration_errors")
        },
    }
    others = {name: array for name, array in bundle.statistics.items() if not name.startswith(PREFIXES)}
    if statistics.sizes is not None:  # where labels stand on the line, train_lines has found
        statistics = replace(statistics, sizes=statistics.sizes.with_place_of(SizeStatistics.of(bundle)))
    curve = curve or bundle.config.learning_curve
    config = replace(bundle.config, adapters=adapters, tuning=tuning, learning_curve=curve)
    model = (bundle.path / MODEL).read_bytes()
    return write_bundle(bundle.path, model, config, bundle.styles, {**others, **statistics.arrays()}, bundle.lines)
