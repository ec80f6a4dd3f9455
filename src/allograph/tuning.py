"""Choosing every adapter's parameters on the validation writers, and writing them into the bundle."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np

from allograph.adapters import OURS
from allograph.adapters.population import PREFIX, Population, population
from allograph.adapters.tunable import Tunable
from allograph.alphabet import Alphabet
from allograph.bundle import MODEL, Bundle, write_bundle
from allograph.embedding import EmbeddedCorpus
from allograph.errors import InputError
from allograph.evaluation.measures import figures
from allograph.evaluation.protocol import Resample
from allograph.evaluation.replay import WriterSamples, replay_writers, writers_of
from allograph.progress import Progress, silent
from allograph.readings import Samples

PROTOCOLS = (
    Resample(resamples=4),
    Resample(adaptation=0.5, resamples=3),
    Resample(adaptation=0.2, resamples=4),
    Resample(per_label=1, resamples=6),
)
"""What a parameter has to be good at: the mean error cut over these decides."""


@dataclass(frozen=True)
class Tuned:
    """What was chosen for one adapter."""

    parameters: Mapping[str, float]
    error_cuts: tuple[float, ...]
    """On the validation writers, one for each of `PROTOCOLS`."""


def tune(
    embedded: EmbeddedCorpus,
    bundle: Bundle,
    methods: Sequence[str] = ("all",),
    jobs: int | None = 1,
    progress: Progress = silent,
) -> dict[str, Tuned]:
    """Gather the training writers' statistics, choose every adapter's parameters, and write both into the bundle's folder.

    Only train and validation writers are looked at. A parameter is tried value by value while the others stand still, in the
    order of the adapter's `tried`; of methods that are not named, what was chosen before stays. Raises `MismatchError` where the
    corpus was embedded by another model, `InputError` where it has no train or no validation writers.
    """
    embedded.check_model(bundle.model_hash)
    train, validation = (embedded.samples(split=part) for part in ("train", "validation"))
    if not len(train.labels) or not len(validation.labels):
        raise InputError(f"{embedded.path} has no train or no validation samples; tuning needs both")
    progress("gathering statistics", 0, 1)
    known = population(
        Samples(train.embeddings, train.logits, train.features), bundle.alphabet.indices(train.labels), train.writers
    )
    rounded = Population(*(array.astype(np.float32) for array in known.arrays().values()))  # as it will be read again
    writers = writers_of(validation)
    tuned = {}
    unknown = sorted({*methods} - {"all", *(method.name for method in OURS)})
    if unknown:
        raise InputError(f"there is no method {unknown[0]!r} to tune; there are {', '.join(method.name for method in OURS)}")
    chosen = [method for method in OURS if "all" in methods or method.name in methods]
    steps, done = sum(len(values) for method in chosen for values in method.tried.values()), 0
    for method in chosen:
        adapter = _built(method, bundle.alphabet, rounded)
        best = _cuts(adapter, writers, bundle.alphabet, jobs)
        for name, values in method.tried.items():
            for value in values:
                progress(f"tuning {method.name}", done, steps)
                done += 1
                if value == getattr(adapter, name):
                    continue
                changed: dict[str, Any] = {name: value}
                other = replace(adapter, **changed)
                cuts = _cuts(other, writers, bundle.alphabet, jobs)
                if sum(cuts) > sum(best):
                    adapter, best = other, cuts
        tuned[method.name] = Tuned({name: getattr(adapter, name) for name in method.tried}, best)
    _write(bundle, rounded, tuned)
    return tuned


def _built(method: type[Tunable], alphabet: Alphabet, known: Population) -> Tunable:
    wanted: dict[str, Any] = {"population": known} if "population" in {field.name for field in fields(method)} else {}
    return method(alphabet, **wanted)


def _cuts(adapter: Tunable, writers: list[WriterSamples], alphabet: Alphabet, jobs: int | None) -> tuple[float, ...]:
    cuts = []
    for protocol in PROTOCOLS:
        method = figures(replay_writers(writers, alphabet, {adapter.name: adapter}, protocol, jobs)).methods[adapter.name]
        cuts.append(method.error_cut or 0.0)
    return tuple(cuts)


def _write(bundle: Bundle, known: Population, tuned: Mapping[str, Tuned]) -> None:
    ours = {"format", "frame", "embedding_size", "model_hash", "alphabet"}
    record: dict[str, Any] = {key: value for key, value in bundle.config.items() if key not in ours}
    before = record.get("tuning", {}).get("error_cuts", {})
    record["adapters"] = record.get("adapters", {}) | {name: dict(found.parameters) for name, found in tuned.items()}
    record["tuning"] = {
        "protocols": [protocol.as_dict() for protocol in PROTOCOLS],
        "error_cuts": before | {name: list(found.error_cuts) for name, found in tuned.items()},
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
