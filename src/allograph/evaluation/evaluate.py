"""From an embedded corpus to figures, tables and a report (paper §4.5)."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from allograph.adapters import Adapter, best, build, names
from allograph.alphabet import Alphabet
from allograph.bundle import Bundle
from allograph.corpora.corpus import Corpus
from allograph.corpora.parquet import kind_of
from allograph.embedding import EmbeddedCorpus, embed
from allograph.errors import InputError
from allograph.evaluation.curve import CurvePoint
from allograph.evaluation.measures import Figures
from allograph.evaluation.more_tables import plan_tables
from allograph.evaluation.protocol import Resample
from allograph.evaluation.replay import replay_writers, writers_of
from allograph.evaluation.report import write_report
from allograph.evaluation.results import results, run_as_dict
from allograph.evaluation.run import Plan, Run
from allograph.evaluation.tables import Table, corpus_facts, table_1, table_2, table_3
from allograph.progress import Progress, silent
from allograph.recognizer import Recognizer
from allograph.split import assign


@dataclass(frozen=True)
class Evaluation:
    """What an evaluation found."""

    name: str
    """The corpus's."""
    bundle: Bundle
    plan: Plan
    runs: list[Run]
    """One for `Resample`, one a mode for `Sequential`, one a point for `Curve`; the last is the one shown in detail."""
    tables: list[Table]
    """The paper's tables 1 to 3, then those beyond the paper."""
    results: dict[str, Any]
    """As in `results.json`."""

    @property
    def figures(self) -> Figures:
        """Those of the last run."""
        return self.runs[-1].figures

    def write_report(self, folder: str | Path) -> Path:
        """Write `report.html`, `report.md` and `results.json` into a folder; returns the path of the first."""
        return write_report(folder, self.name, self.bundle, self.plan, self.runs, self.tables, self.results)


def evaluate(
    corpus: str | Path,
    model: str | Path | None = None,
    methods: Sequence[str] = (),
    protocol: Plan | None = None,
    jobs: int | None = 1,
    progress: Progress = silent,
) -> Evaluation:
    """Judge methods on the application writers of a corpus or an embedded corpus.

    `model` is a bundle, the shipped one unless given; `methods` are names of adapters, or `all`; the best one unless
    given. Raises `MismatchError` where model and corpus do not belong together, `InputError` where there is nobody to judge.
    """
    plan = protocol or Resample()
    bundle = Bundle.open(model)
    chosen = names() if "all" in methods else list(dict.fromkeys(methods)) or [best(bundle)]
    adapters = {name: build(name, bundle) for name in chosen}
    if kind_of(corpus) == "corpus":
        with tempfile.TemporaryDirectory() as folder:
            embedded = embed(Corpus.open(corpus), Recognizer(bundle), Path(folder) / Path(corpus).name, progress)
            return _judge(embedded, Path(corpus).name, bundle, adapters, plan, jobs, progress)
    return _judge(EmbeddedCorpus.open(corpus), Path(corpus).name, bundle, adapters, plan, jobs, progress)


def _judge(
    embedded: EmbeddedCorpus,
    name: str,
    bundle: Bundle,
    adapters: dict[str, Adapter],
    plan: Plan,
    jobs: int | None,
    progress: Progress,
) -> Evaluation:
    embedded.check_model(bundle.model_hash)
    labels, owners, splits = embedded.columns
    if plan.split is not None:
        ids, writer_of, counts = np.unique(owners, return_inverse=True, return_counts=True)
        parts = assign(plan.split, dict(zip(ids.tolist(), counts.tolist(), strict=True)), embedded.source)
        splits = np.array([parts[writer] for writer in ids.tolist()])[writer_of]
    samples = embedded.samples(splits == "application")
    offered = None
    if plan.alphabet is not None:
        offered = bundle.alphabet.mask(Alphabet.named(plan.alphabet))
        outside = sorted(set(samples.labels.tolist()) - set(Alphabet.named(plan.alphabet)))
        if outside:
            raise InputError(f"{embedded.name} holds the label {outside[0]!r}, which is not in the alphabet {plan.alphabet}")
    writers, runs = writers_of(samples, offered), []
    for run in plan.runs():
        replayed = replay_writers(writers, bundle.alphabet, adapters, run, jobs, progress)
        if isinstance(run, CurvePoint) and not any(len(writer.rows) for writer in replayed):
            continue  # no writer has so many samples
        runs.append(Run.of(run, replayed, bundle.alphabet))
    if not runs:
        raise InputError("no writer has a test sample: every writer has too few samples of each label")
    facts = corpus_facts(labels, owners, splits)
    last = runs[-1]
    tables = [
        table_1(facts, embedded.source),
        table_2(facts, embedded.source),
        table_3(last.figures, embedded.source if isinstance(plan, Resample) else "", last.protocol.feedback or ""),
        *plan_tables(runs),
    ]
    record = results(name, bundle.model_hash, [run_as_dict(run) for run in runs], facts)
    return Evaluation(name, bundle, plan, runs, tables, record)
