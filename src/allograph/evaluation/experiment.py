"""From an embedded corpus to figures, tables and a report (paper §4.5)."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from allograph.alphabet.labels import Alphabet
from allograph.bundle import Bundle
from allograph.corpora.parquet import kind_of
from allograph.corpora.place import Place, name_of
from allograph.embedding import EmbeddedCorpus, EmbeddedSamples, embed
from allograph.errors import AllographError, FormatError, InputError, MismatchError
from allograph.evaluation.methods import Methods, add_sizes, build_methods, check_sendable
from allograph.evaluation.outcome import Evaluation
from allograph.evaluation.protocols.curve import CurvePoint
from allograph.evaluation.protocols.kinds import EvaluationProtocol
from allograph.evaluation.protocols.knn_per import KnnPer
from allograph.evaluation.protocols.replay import replay_writers
from allograph.evaluation.protocols.resample import Resample
from allograph.evaluation.protocols.unlabelled import UnlabelledPoint
from allograph.evaluation.protocols.writer_samples import samples_by_writer
from allograph.evaluation.report.corpus_tables import corpus_facts, table_1, table_2
from allograph.evaluation.report.kind_tables import error_kinds_table
from allograph.evaluation.report.method_tables import duels_table, quality_table, table_3
from allograph.evaluation.report.predictions import SampleIndex
from allograph.evaluation.report.progress_tables import progress_tables
from allograph.evaluation.report.results import results, run_as_dict
from allograph.evaluation.report.wording import headline, run_in_words
from allograph.evaluation.runs import Run, Setup
from allograph.execution import Jobs, is_here
from allograph.progress import Progress, silent
from allograph.split import assign


def evaluate(
    corpus: Place | EmbeddedCorpus,
    methods: Methods = (),
    protocol: EvaluationProtocol | None = None,
    *,
    model: str | Path | Bundle | None = None,
    jobs: Jobs = 1,
    progress: Progress = silent,
) -> Evaluation:
    """Judge methods on the application writers of an embedded corpus; a corpus that is not embedded is embedded first.

    `methods` are names of adapters, adapters, or a mapping of names to adapters; `all` names every adapter that can be built for
    the bundle, and the best one is judged where none is named; either way, where samples have boxes, the best is also judged
    without size, and `memory` with it. `protocol` is `Resample()` unless given, `model` a bundle or its
    path, the shipped one unless given. `jobs` says who replays (`execution.Jobs`); it changes no answer. Raises
    `MismatchError` where model and corpus do not belong together, `InputError` where there is no writer to test, `MethodError`
    where a method fails, or cannot be sent to another process.

    >>> from allograph.corpora.digits import DigitsSource
    >>> from allograph.corpora.preparation import prepare
    >>> from allograph.evaluation import Resample, evaluate
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     report = prepare(DigitsSource(), Path(folder) / "digits.parquet", "all", jobs=1)
    ...     protocol = Resample(per_label=1, resamples=1, alphabet="digits")
    ...     evaluation = evaluate(Path(folder) / "digits.parquet", ["memory", "allograph"], protocol)
    >>> for row in evaluation.rows():  # pandas.DataFrame takes them
    ...     print(row["method"], row["writers"], row["samples"], row["accuracy"] > row["base"])
    memory 14 1657 True
    allograph 14 1657 True
    """
    protocol = protocol or Resample()
    bundle = model if isinstance(model, Bundle) else Bundle.open(model)
    adapters, left_out = build_methods(methods, bundle)
    name = corpus.name if isinstance(corpus, EmbeddedCorpus) else name_of(corpus)
    setup = Setup(name, bundle, protocol)
    with tempfile.TemporaryDirectory() as folder:
        if isinstance(corpus, EmbeddedCorpus):
            embedded = corpus
        elif kind_of(corpus) == "corpus":
            embedded = embed(corpus, bundle, Path(folder) / name, progress, jobs if isinstance(jobs, str) else 1)
        else:
            embedded = EmbeddedCorpus.open(corpus)
        progress("reading the samples", 0, 1)
        facts, samples = _application_samples(embedded, setup)
    if samples.boxes is not None:
        add_sizes(adapters, left_out, methods, bundle)
    if not is_here(jobs):
        check_sendable(adapters)
    writers = samples_by_writer(samples, _offered_labels(setup, samples.labels))
    runs = []
    for run in protocol.runs():
        answers = replay_writers(writers, bundle.alphabet, adapters, run, jobs, progress)
        if isinstance(run, CurvePoint | UnlabelledPoint) and not any(map(len, answers)):
            continue  # no writer has so many samples
        runs.append(Run.of(run, answers, bundle.alphabet))
    if not runs:
        raise InputError("no writer has a test sample: every writer has too few samples of each label")
    last, source = runs[-1], embedded.source
    beside_knn_per = isinstance(protocol, KnnPer) and source == "femnist"
    when = run_in_words(last)
    tables = [
        table_1(facts, source),
        table_2(facts, source),
        table_3(
            last.figures, source if isinstance(protocol, Resample) else "", last.protocol.feedback or "", when, beside_knn_per
        ),
        *progress_tables(runs),
        quality_table(last),
        error_kinds_table(last),
        *([duels_table(last)] if last.duels else []),
    ]
    sentence = headline(last.figures, when)
    record = results(name, bundle.model_hash, [run_as_dict(run) for run in runs], facts, sentence, left_out)
    return Evaluation(setup, runs, tables, record, SampleIndex.of(samples), left_out)


def _application_samples(embedded: EmbeddedCorpus, setup: Setup) -> tuple[dict[str, object], EmbeddedSamples]:
    """The numbers of tables 1 and 2, and the samples of the application writers with the labels that are judged."""
    bundle, protocol = setup.bundle, setup.protocol
    embedded.check_model(bundle.model_hash)
    if embedded.alphabet != bundle.alphabet:
        raise MismatchError(
            f"{setup.corpus} was embedded with other labels than the bundle {bundle.path} has; embed the corpus again"
        )
    labels, owners, splits = embedded.columns
    if protocol.split is not None:
        ids, writer_of, counts = np.unique(owners, return_inverse=True, return_counts=True)
        parts = assign(protocol.split, dict(zip(ids.tolist(), counts.tolist(), strict=True)), embedded.source)
        splits = np.array([parts[writer] for writer in ids.tolist()])[writer_of]
    chosen = np.full(len(labels), True) if protocol.labels is None else np.isin(labels, protocol.labels)
    samples = _samples(embedded, chosen & (splits == "application"), bundle.embedding_size)
    if protocol.labels is not None and not chosen.any():
        raise InputError(f"{setup.corpus} holds no sample of these labels: {' '.join(protocol.labels)}")
    return corpus_facts(labels[chosen], owners[chosen], splits[chosen]), samples


def _samples(embedded: EmbeddedCorpus, keep: NDArray[np.bool_], size: int) -> EmbeddedSamples:
    """The samples where `keep` is true; raises `FormatError` unless all have finite embeddings of that size."""
    try:
        samples = embedded.samples(keep)
    except (ValueError, IndexError, TypeError) as error:
        if isinstance(error, AllographError):
            raise
        raise FormatError(f"{embedded.place} is damaged: its columns do not fit together; embed the corpus again") from error
    if samples.embeddings.shape[1] != size:
        raise FormatError(
            f"{embedded.place} has embeddings of {samples.embeddings.shape[1]} numbers, and the model's have {size}; "
            "embed the corpus again"
        )
    if not (np.isfinite(samples.embeddings).all() and np.isfinite(samples.logits).all()):
        raise FormatError(f"{embedded.place} holds embeddings or logits that are not finite; embed the corpus again")
    return samples


def _offered_labels(setup: Setup, labels: NDArray[np.str_]) -> NDArray[np.bool_] | None:
    """Which labels may be answered, bool [C], or None for all; raises `InputError` where a sample shows another."""
    protocol = setup.protocol
    offered = protocol.labels if protocol.alphabet is None else Alphabet.by_name(protocol.alphabet)
    if offered is None:
        return None
    outside = sorted(set(labels.tolist()) - set(offered))
    if outside:
        raise InputError(f"{setup.corpus} holds the label {outside[0]!r}, which is not in the alphabet {protocol.alphabet}")
    return setup.bundle.alphabet.mask(offered)
