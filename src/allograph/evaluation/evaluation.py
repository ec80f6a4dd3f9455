"""From an embedded corpus to figures, tables and a report (paper §4.5)."""

from __future__ import annotations

import pickle
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from allograph.adapters import Adapter, best, build, names
from allograph.alphabet.labels import Alphabet
from allograph.bundle import Bundle
from allograph.corpora.corpus import Corpus
from allograph.corpora.parquet import kind_of
from allograph.embedding import EmbeddedCorpus, EmbeddedSamples, embed
from allograph.errors import AllographError, FormatError, InputError, MismatchError
from allograph.evaluation.measures.figures import Figures
from allograph.evaluation.protocols.curve import CurvePoint
from allograph.evaluation.protocols.replay import method_error, replay_writers, writers_of
from allograph.evaluation.protocols.resample import Resample
from allograph.evaluation.report.other_tables import plan_tables
from allograph.evaluation.report.paper_tables import Table, corpus_facts, table_1, table_2, table_3
from allograph.evaluation.report.predictions import Tested, write_predictions
from allograph.evaluation.report.report import answer_tables, best_method, write_report
from allograph.evaluation.report.results import results, run_as_dict
from allograph.evaluation.report.typesetting import write_tables
from allograph.evaluation.report.wording import headline, run_in_words
from allograph.evaluation.runs import Plan, Run
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
    tested: Tested
    """On which samples."""
    left_out: dict[str, str]
    """Of `all` methods those that could not be built for the bundle, and why."""

    @property
    def figures(self) -> Figures:
        """Those of the last run."""
        return self.runs[-1].figures

    @property
    def headline(self) -> str:
        """What came of it, in one sentence that names the run that it is about."""
        return headline(self.figures, best_method(self.figures), run_in_words(self.runs[-1]))

    def write_report(self, folder: str | Path) -> Path:
        """Write `report.html`, `report.md` and `results.json` into a folder; returns the path of the first."""
        return write_report(folder, self.name, self.bundle, self.plan, self.runs, self.tables, self.results)

    def write_tables(self, folder: str | Path) -> None:
        """Write every table, those of confusions and writers too, as CSV and as LaTeX into a folder."""
        write_tables(folder, [*self.tables, *answer_tables(self.runs[-1], self.bundle)])

    def write_predictions(self, path: str | Path, progress: Progress = silent) -> None:
        """Write every answer of every run, sample by sample, as Parquet."""
        record = {"corpus": self.name, "model": self.bundle.model_hash}
        write_predictions(path, self.runs, self.tested, self.bundle.alphabet, record, progress)


def evaluate(
    corpus: str | Path,
    model: str | Path | None = None,
    methods: Sequence[str] = (),
    protocol: Plan | None = None,
    jobs: int | None = 1,
    progress: Progress = silent,
) -> Evaluation:
    """Judge methods on the application writers of a corpus or an embedded corpus.

    `model` is a bundle, the shipped one unless given; `methods` are names of adapters, or `all`, which leaves out what cannot be
    built for the bundle; the best one unless given. Raises `MismatchError` where model and corpus do not belong together,
    `InputError` where there is nobody to judge, `MethodError` where a method fails.
    """
    plan = protocol or Resample()
    bundle = Bundle.open(model)
    adapters, left_out = build_methods(methods, bundle)
    if jobs != 1:
        _check_sendable(adapters)
    if kind_of(corpus) == "corpus":
        with tempfile.TemporaryDirectory() as folder:
            embedded = embed(Corpus.open(corpus), Recognizer(bundle), Path(folder) / Path(corpus).name, progress)
            return _judge(embedded, Path(corpus).name, bundle, adapters, left_out, plan, jobs, progress)
    embedded = EmbeddedCorpus.open(corpus)
    return _judge(embedded, Path(corpus).name, bundle, adapters, left_out, plan, jobs, progress)


def build_methods(methods: Sequence[str], bundle: Bundle) -> tuple[dict[str, Adapter], dict[str, str]]:
    """The adapters of these names, and of what `all` leaves out the reason.

    Raises what building a method raises where it was asked for by its name, or where no method can be built.
    """
    named = [name for name in dict.fromkeys(methods) if name != "all"] or ([] if "all" in methods else [best(bundle)])
    adapters = {name: _build(name, bundle) for name in named}
    left_out: dict[str, AllographError] = {}
    for name in names() if "all" in methods else ():
        try:
            adapters[name] = adapters.get(name) or _build(name, bundle)
        except AllographError as error:
            left_out[name] = error
    if not adapters:
        raise next(iter(left_out.values()))
    return adapters, {name: str(error) for name, error in left_out.items()}


def _build(name: str, bundle: Bundle) -> Adapter:
    try:
        return build(name, bundle)
    except AllographError:
        raise
    except Exception as error:  # another package's code: it may fail in any way
        raise method_error(name, "could not be built", error) from error


def _check_sendable(adapters: Mapping[str, Adapter]) -> None:
    """Raise `MethodError` where an adapter cannot be sent to another process."""
    for name, adapter in adapters.items():
        try:
            pickle.dumps(adapter)
        except Exception as error:  # whatever an adapter's parts raise
            raise method_error(name, "cannot be sent to another process (use --jobs 1)", error) from error


def _judge(
    embedded: EmbeddedCorpus,
    name: str,
    bundle: Bundle,
    adapters: dict[str, Adapter],
    left_out: dict[str, str],
    plan: Plan,
    jobs: int | None,
    progress: Progress,
) -> Evaluation:
    embedded.check_model(bundle.model_hash)
    if embedded.alphabet != bundle.alphabet:
        raise MismatchError(f"{name} was embedded with other labels than the bundle {bundle.path} has; embed the corpus again")
    progress("reading the samples", 0, 1)
    labels, owners, splits = embedded.columns
    if plan.split is not None:
        ids, writer_of, counts = np.unique(owners, return_inverse=True, return_counts=True)
        parts = assign(plan.split, dict(zip(ids.tolist(), counts.tolist(), strict=True)), embedded.source)
        splits = np.array([parts[writer] for writer in ids.tolist()])[writer_of]
    wanted = np.full(len(labels), True) if plan.labels is None else np.isin(labels, plan.labels)
    samples = _samples(embedded, wanted & (splits == "application"), bundle.embedding_size)
    if plan.labels is not None and not wanted.any():
        raise InputError(f"{name} holds no sample of these labels: {' '.join(plan.labels)}")
    offered = _offered(plan, bundle.alphabet, samples.labels, name)
    writers, runs = writers_of(samples, offered), []
    for run in plan.runs():
        replayed = replay_writers(writers, bundle.alphabet, adapters, run, jobs, progress)
        if isinstance(run, CurvePoint) and not any(len(writer.rows) for writer in replayed):
            continue  # no writer has so many samples
        runs.append(Run.of(run, replayed, bundle.alphabet))
    if not runs:
        raise InputError("no writer has a test sample: every writer has too few samples of each label")
    facts = corpus_facts(labels[wanted], owners[wanted], splits[wanted])
    last = runs[-1]
    when = run_in_words(last)
    tables = [
        table_1(facts, embedded.source),
        table_2(facts, embedded.source),
        table_3(last.figures, embedded.source if isinstance(plan, Resample) else "", last.protocol.feedback or "", when),
        *plan_tables(runs),
    ]
    said = headline(last.figures, best_method(last.figures), when)
    record = results(name, bundle.model_hash, [run_as_dict(run) for run in runs], facts, said, left_out)
    return Evaluation(name, bundle, plan, runs, tables, record, Tested.of(samples), left_out)


def _samples(embedded: EmbeddedCorpus, keep: NDArray[np.bool_], size: int) -> EmbeddedSamples:
    """The samples that are judged; raises `FormatError` where their embeddings are none of a model with that embedding size."""
    try:
        samples = embedded.samples(keep)
    except (ValueError, IndexError, TypeError) as error:
        if isinstance(error, AllographError):
            raise
        raise FormatError(f"{embedded.path} is damaged: its columns do not fit together; embed the corpus again") from error
    if samples.embeddings.shape[1] != size:
        raise FormatError(
            f"{embedded.path} has embeddings of {samples.embeddings.shape[1]} numbers, and the model's have {size}; "
            "embed the corpus again"
        )
    if not (np.isfinite(samples.embeddings).all() and np.isfinite(samples.logits).all()):
        raise FormatError(f"{embedded.path} holds embeddings or logits that are not finite; embed the corpus again")
    return samples


def _offered(plan: Plan, alphabet: Alphabet, labels: NDArray[np.str_], name: str) -> NDArray[np.bool_] | None:
    """Which labels may be answered, bool [C], or None for all; raises `InputError` where a sample shows another."""
    among = plan.labels if plan.alphabet is None else Alphabet.by_name(plan.alphabet)
    if among is None:
        return None
    outside = sorted(set(labels.tolist()) - set(among))
    if outside:
        raise InputError(f"{name} holds the label {outside[0]!r}, which is not in the alphabet {plan.alphabet}")
    return alphabet.mask(among)
