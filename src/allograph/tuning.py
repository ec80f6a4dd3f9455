"""Choosing every adapter's parameters on the validation writers, and writing them into the bundle."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, NamedTuple

import numpy as np

from allograph.adapters import OURS
from allograph.adapters.population import PREFIX, Population, population
from allograph.adapters.tunable import Tunable
from allograph.alphabet import Alphabet
from allograph.bundle import MODEL, Bundle, write_bundle
from allograph.embedding import EmbeddedCorpus
from allograph.errors import InputError
from allograph.evaluation.measures import MethodFigures, figures
from allograph.evaluation.protocol import Resample
from allograph.evaluation.quality import calibration_error, reliability
from allograph.evaluation.replay import Replayed, WriterSamples, replay_writers, writers_of
from allograph.progress import Progress, silent
from allograph.readings import Samples
from allograph.split import Split

PROTOCOLS = (
    Resample(resamples=4),
    Resample(adaptation=0.5, resamples=3),
    Resample(adaptation=0.2, resamples=4),
    Resample(per_label=1, resamples=6),
)
"""What a parameter has to be good at. Of a fold, which has more writers, one resample each is enough."""
HARM = 0.25
"""What one writer in a hundred who is harmed costs, in errors in a hundred cut; at a higher price the timid win."""


@dataclass(frozen=True)
class Tuned:
    """What was chosen for one adapter, and what it reaches on the writers who chose it, each for one of `PROTOCOLS`."""

    parameters: Mapping[str, float]
    error_cuts: tuple[float, ...]
    harmed: tuple[float, ...]
    """The share of these writers who are read worse than by the base."""
    calibration_errors: tuple[float, ...]
    """How far probabilities are from the shares that were right."""

    @property
    def merit(self) -> float:
        """What is made as large as may be: errors cut, less the calibration error, less a little for writers harmed."""
        return sum(self.error_cuts) - sum(self.calibration_errors) - HARM * sum(self.harmed)


class Ground(NamedTuple):
    """Writers whom a base has not seen, and what is known of those whom it has."""

    alphabet: Alphabet
    population: Population
    writers: list[WriterSamples]
    protocols: Sequence[Resample]


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
    is tried value by value while the others stand still, in the order of the adapter's `tried`; of methods that are not named,
    what was chosen before stays. Raises `MismatchError` where the corpus was embedded by another model, `InputError` where
    writers are missing, or where a fold holds application writers of `embedded`.
    """
    embedded.check_model(bundle.model_hash)
    unknown = sorted({*methods} - {"all", *(method.name for method in OURS)})
    if unknown:
        raise InputError(f"there is no method {unknown[0]!r} to tune; there are {', '.join(method.name for method in OURS)}")
    progress("gathering statistics", 0, 1 + len(folds))
    grounds = [_ground(embedded, "validation", PROTOCOLS)]
    for other in folds:
        progress("gathering statistics", len(grounds), 1 + len(folds))
        _check_apart(other, embedded)
        grounds.append(_ground(other, "application", [replace(protocol, resamples=1) for protocol in PROTOCOLS]))
    chosen = [method for method in OURS if "all" in methods or method.name in methods]
    steps, done, tuned = sum(len(method.tried) for method in chosen), 0, {}
    for method in chosen:
        best: Mapping[str, float] = {name: getattr(method, name) for name in method.tried}
        for name, values in method.tried.items():
            progress(f"tuning {method.name}", done, steps)
            done += 1
            others = [{**best, name: value} for value in values if value != best[name]]
            tuned[method.name] = max(_judged(method, [best, *others], grounds, jobs), key=lambda found: found.merit)
            best = tuned[method.name].parameters
    _write(bundle, grounds[0].population, tuned)
    return tuned


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
    known = population(samples, embedded.alphabet.indices(train.labels), train.writers)
    rounded = Population(*(array.astype(np.float32) for array in known.arrays().values()))
    return Ground(embedded.alphabet, rounded, writers_of(others), protocols)


def _judged(
    method: type[Tunable], candidates: Sequence[Mapping[str, float]], grounds: Sequence[Ground], jobs: int | None
) -> list[Tuned]:
    """What each of these choices of parameters reaches on all grounds' writers together."""
    found: list[list[tuple[MethodFigures, float]]] = []
    count = sum(len(ground.writers) for ground in grounds)
    wants_population = "population" in {field.name for field in fields(method)}
    for i in range(len(PROTOCOLS)):
        replayed: list[Replayed] = []
        for ground in grounds:
            known: dict[str, Any] = {"population": ground.population} if wants_population else {}
            adapters = {str(k): method(ground.alphabet, **(known | dict(chosen))) for k, chosen in enumerate(candidates)}
            replayed += replay_writers(ground.writers, ground.alphabet, adapters, ground.protocols[i], jobs)
        found.append([(one, _calibration(replayed, name)) for name, one in figures(replayed).methods.items()])
    return [
        Tuned(
            chosen,
            tuple(one.error_cut or 0.0 for one, _ in reached),
            tuple(one.worse / count for one, _ in reached),
            tuple(error for _, error in reached),
        )
        for chosen, reached in zip(candidates, zip(*found, strict=True), strict=True)
    ]


def _calibration(replayed: Sequence[Replayed], name: str) -> float:
    """A method's calibration error over all answers; 0 where it gives no probabilities."""
    right = np.concatenate([writer.methods[name].labels == writer.true for writer in replayed])
    parts = [writer.methods[name].probabilities for writer in replayed]
    sure = [part for part in parts if part is not None]
    return calibration_error(reliability(right, np.concatenate(sure))) if len(sure) == len(parts) else 0.0


def _write(bundle: Bundle, known: Population, tuned: Mapping[str, Tuned]) -> None:
    ours = {"format", "frame", "embedding_size", "model_hash", "alphabet"}
    record: dict[str, Any] = {key: value for key, value in bundle.config.items() if key not in ours}
    before = record.get("tuning", {})
    record["adapters"] = record.get("adapters", {}) | {name: dict(found.parameters) for name, found in tuned.items()}
    record["tuning"] = {
        "protocols": [protocol.as_dict() for protocol in PROTOCOLS],
        **{
            figure: before.get(figure, {}) | {name: list(getattr(found, figure)) for name, found in tuned.items()}
            for figure in ("error_cuts", "harmed", "calibration_errors")
        },
    }
    others = {name: array for name, array in bundle.statistics.items() if not name.startswith(PREFIX)}
    write_bundle(
        bundle.path,
        (bundle.path / MODEL).read_bytes(),
        bundle.alphabet,
        bundle.frame,
        bundle.embedding_size,
        bundle.styles,
        {**others, **known.arrays()},
        record,
    )
