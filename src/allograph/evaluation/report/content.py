"""What a report says, whether as a page or as Markdown."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import allograph
from allograph.bundle import SHIPPED
from allograph.evaluation.measures.figures import Figures, WriterFigures
from allograph.evaluation.protocols.knn_per import KnnPer
from allograph.evaluation.protocols.labels import labels_as_text
from allograph.evaluation.report.answer_tables import (
    ConfusedPair,
    confused_pairs,
    confusions_table,
    most_helped_first,
    sum_of_pairs,
    writers_table,
)
from allograph.evaluation.report.charts import Chart, progress_charts, sureness_charts
from allograph.evaluation.report.markdown import markdown, markdown_text
from allograph.evaluation.report.table import Table
from allograph.evaluation.report.wording import TERMS, headline, method_in_words, protocol_in_words, run_in_words, runs_in_words
from allograph.evaluation.runs import Run, Setup

MOST_CONFUSED = 15
"""Pairs of labels in the list of confusions."""


@dataclass(frozen=True)
class Content:
    """The texts, tables, charts and figures of a report."""

    name: str
    headline: str
    protocol: str
    tables: Sequence[Table]
    figures: Figures
    progress: Sequence[Chart]
    """Accuracy against what was learned."""
    sureness: Sequence[Chart]
    """How far an answer's probability can be believed."""
    pairs: Sequence[ConfusedPair]
    """The most confused pairs."""
    all_pairs: ConfusedPair
    """The sum over all pairs."""
    writers: Sequence[WriterFigures]
    """The most helped first."""
    terms: dict[str, str]
    command: str
    facts: dict[str, str]
    """What else someone needs to get the same figures."""


def report_content(setup: Setup, runs: Sequence[Run], tables: Sequence[Table]) -> Content:
    """The content of the report about these runs; the last run is shown answer by answer."""
    figures = runs[-1].figures
    pairs = confused_pairs(runs[-1].answers, setup.bundle.alphabet)
    return Content(
        name=setup.corpus,
        headline=headline(figures, run_in_words(runs[-1])),
        protocol=" ".join(filter(None, (protocol_in_words(setup.protocol), runs_in_words(runs)))),
        tables=tables,
        figures=figures,
        progress=progress_charts(runs),
        sureness=sureness_charts(runs[-1]),
        pairs=pairs[:MOST_CONFUSED],
        all_pairs=sum_of_pairs(pairs, figures),
        writers=most_helped_first(figures),
        terms={**{f"“{method}”": words for method in figures.methods if (words := method_in_words(method)) is not None}, **TERMS},
        command=_command(setup, figures.methods),
        facts=_facts(setup, figures.methods),
    )


def markdown_report(content: Content) -> str:
    """The report in Markdown: for a paper, or an issue."""
    blocks = [
        f"# {markdown_text(content.name)}: evaluation",
        f"**{markdown_text(content.headline)}**",
        markdown_text(content.protocol),
        "## Tables",
        *(markdown(table) for table in content.tables),
        "## Confusions",
        "How often a written label was read as another, in this direction, all resamples together.",
        markdown(confusions_table(f"The {len(content.pairs)} most confused pairs", content.pairs, content.all_pairs)),
        "## Writers",
        markdown(writers_table(content.figures)),
        "## What the words mean",
        _markdown_list(content.terms),
        "## To reproduce",
        f"~~~~\n{content.command}\n~~~~",
        _markdown_list(content.facts),
    ]
    return "\n\n".join(blocks) + "\n"


def _markdown_list(items: dict[str, str]) -> str:
    return "\n".join(f"- **{markdown_text(term)}**: {markdown_text(meaning)}" for term, meaning in items.items())


def _facts(setup: Setup, methods: Iterable[str]) -> dict[str, str]:
    bundle = setup.bundle
    model = "the shipped bundle" if bundle.path == SHIPPED else bundle.path.name
    styles = "no" if bundle.styles is None else len(bundle.styles)
    return {
        "corpus": setup.corpus,
        "model": f"{model}: {len(bundle.alphabet)} labels, {styles} styles, {bundle.frame} frame",
        "model hash (SHA-256)": bundle.model_hash,
        "methods": ", ".join(methods),
        "protocol": ", ".join(
            f"{key.replace('_', ' ')} {' '.join(value) if isinstance(value, list) else value}"
            for key, value in setup.protocol.as_dict().items()
            if key != "name" and value is not None
        ),
        "allograph": allograph.__version__,
    }


def _command(setup: Setup, methods: Iterable[str]) -> str:
    bundle, protocol = setup.bundle, setup.protocol
    words = [
        f"allograph evaluate {shlex.quote(setup.corpus)}",
        *([] if bundle.path == SHIPPED else [f"--model {shlex.quote(bundle.path.name)}"]),
        *(f"--method {shlex.quote(method)}" for method in methods),
        *protocol.options(),
    ]
    if not isinstance(protocol, KnnPer):  # a preset says all of these
        words += [
            f"--seed {protocol.seed}",
            *([] if protocol.alphabet is None else [f"--alphabet {protocol.alphabet}"]),
            *([] if protocol.split is None else [f"--split {shlex.quote(Path(protocol.split).name)}"]),
            *([] if protocol.labels is None else [f"--labels {shlex.quote(labels_as_text(protocol.labels))}"]),
        ]
    return " ".join(words)
