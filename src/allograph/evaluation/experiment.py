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
from allograph.corpora.text_column import TextColumn
from allograph.embedding import EmbeddedCorpus, embed
from allograph.errors import FormatError, InputError, MismatchError
from allograph.evaluation.methods import Methods, add_sizes, build_methods, check_sendable
from allograph.evaluation.outcome import Evaluation
from allograph.evaluation.protocols.curve import CurvePoint
from allograph.evaluation.protocols.kinds import EvaluationProtocol
from allograph.evaluation.protocols.knn_per import KnnPer
from allograph.evaluation.protocols.replay import replay_stored
from allograph.evaluation.protocols.resample import Resample
from allograph.evaluation.protocols.stored_writers import StoredWriters
from allograph.evaluation.protocols.unlabelled import UnlabelledPoint
from allograph.evaluation.report.corpus_tables import corpus_facts, table_1, table_2
from allograph.evaluation.report.kind_tables import error_kinds_table
from allograph.evaluation.report.method_tables import duels_table, quality_table, table_3
from allograph.evaluation.report.progress_tables import progress_tables
from allograph.evaluation.report.results import results, run_as_dict
from allograph.evaluation.report.wording import headline, run_in_words
from allograph.evaluation.runs import Run, Setup
from allograph.execution import Jobs, is_here, is_on_this_machine
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
        is_own = not isinstance(corpus, EmbeddedCorpus) and kind_of(corpus) == "corpus"
        if isinstance(corpus, EmbeddedCorpus):
            embedded = corpus
        elif is_own:
            embedded = embed(corpus, bundle, Path(folder) / name, progress, jobs if isinstance(jobs, str) else 1)
        else:
            embedded = EmbeddedCorpus.open(corpus)
        progress("reading the samples", 0, 1)
        facts, writers = _application_writers(embedded, setup)
        if writers.has_boxes:
            add_sizes(adapters, left_out, methods, bundle)
        if not is_here(jobs):
            check_sendable(adapters)
        offered, is_reachable = _offered_labels(setup, writers.labels.values), not is_own or is_on_this_machine(jobs)
        runs = []
        for run in protocol.runs():
            answers = replay_stored(writers, bundle.alphabet, adapters, run, offered, jobs, progress, is_reachable=is_reachable)
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
    return Evaluation(setup, runs, tables, record, writers, left_out)


def _application_writers(embedded: EmbeddedCorpus, setup: Setup) -> tuple[dict[str, object], StoredWriters]:
    """The numbers of tables 1 and 2, and the application writers with their samples of the labels that are judged."""
    bundle, protocol = setup.bundle, setup.protocol
    embedded.check_model(bundle.model_hash)
    if embedded.alphabet != bundle.alphabet:
        raise MismatchError(
            f"{setup.corpus} was embedded with other labels than the bundle {bundle.path} has; embed the corpus again"
        )
    if embedded.embedding_size != bundle.embedding_size:
        raise FormatError(
            f"{embedded.place} has embeddings of {embedded.embedding_size} numbers, and the model's have "
            f"{bundle.embedding_size}; embed the corpus again"
        )
    labels, owners, splits = embedded.texts
    if protocol.split is not None:
        counts = np.bincount(owners.codes, minlength=len(owners.values))
        parts = assign(protocol.split, dict(zip(owners.values.tolist(), counts.tolist(), strict=True)), embedded.source)
        names = list(dict.fromkeys(parts.values()))
        part_of = np.array([names.index(parts[writer]) for writer in owners.values.tolist()], np.int32)
        splits = TextColumn(np.array(names), part_of[owners.codes])
    chosen = np.full(len(labels), True) if protocol.labels is None else labels.isin(protocol.labels)
    writers = StoredWriters.of(embedded, chosen & splits.isin(["application"]))
    if protocol.labels is not None and not chosen.any():
        raise InputError(f"{setup.corpus} holds no sample of these labels: {' '.join(protocol.labels)}")
    return corpus_facts(*(column.at(chosen) for column in (labels, owners, splits))), writers


def _offered_labels(setup: Setup, labels: NDArray[np.str_]) -> NDArray[np.bool_] | None:
    """Which labels may be answered, bool [C], or None for all; raises `InputError` where one of `labels` is another."""
    protocol = setup.protocol
    offered = protocol.labels if protocol.alphabet is None else Alphabet.by_name(protocol.alphabet)
    if offered is None:
        return None
    outside = sorted(set(labels.tolist()) - set(offered))
    if outside:
        raise InputError(f"{setup.corpus} holds the label {outside[0]!r}, which is not in the alphabet {protocol.alphabet}")
    return setup.bundle.alphabet.mask(offered)
