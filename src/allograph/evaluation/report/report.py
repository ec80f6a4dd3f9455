"""The report of an evaluation: a page for people, Markdown for a paper or an issue, JSON for programs."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np

import allograph
from allograph.bundle import SHIPPED, Bundle
from allograph.errors import InputError, missing_extra
from allograph.evaluation.measures.figures import Figures, WriterFigures, confusions
from allograph.evaluation.protocols.labels import written_labels
from allograph.evaluation.protocols.replay import Replayed
from allograph.evaluation.report.charts import Chart, progress_charts, sureness_charts
from allograph.evaluation.report.paper_tables import Table, markdown, markdown_text, percent, points
from allograph.evaluation.report.plots import COLOURS, WIDTHS, gain_plot, methods_plot, style_sheet
from allograph.evaluation.report.results import write_results
from allograph.evaluation.report.wording import (
    METHODS,
    TERMS,
    headline,
    plan_in_words,
    run_in_words,
    shown_in_words,
    typeset,
    unicode_name,
    visible,
)
from allograph.evaluation.runs import Plan, Run
from allograph.files.atomic import atomic_folder

HTML, MARKDOWN, RESULTS = "report.html", "report.md", "results.json"
MOST_CONFUSED = 15
"""Pairs of labels in the list of confusions."""


@dataclass(frozen=True)
class ConfusedPair:
    """How often one label was read as another."""

    written: str
    read: str
    base: int
    methods: dict[str, int]


@dataclass(frozen=True)
class Content:
    """What the page and the Markdown both say."""

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


@dataclass(frozen=True)
class Gallery:
    """The styles of one label."""

    label: str
    count: int
    sheet: str
    """Their medoids as a data URI."""
    width: int
    height: int


def check_folder(folder: str | Path) -> None:
    """Raise `InputError` when a report would replace something else: a folder may be new, empty, or an older report."""
    folder = Path(folder)
    found = sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []
    if found and found != [HTML, MARKDOWN, RESULTS]:
        named = ", ".join(found[:3]) + (", …" if len(found) > 3 else "")
        raise InputError(
            f"{folder} holds {named} and is no report; a report replaces its whole folder: name a new or an empty one"
        )


def write_report(
    folder: str | Path,
    name: str,
    bundle: Bundle,
    plan: Plan,
    runs: Sequence[Run],
    tables: Sequence[Table],
    results: dict[str, Any],
) -> Path:
    """Write `report.html`, `report.md` and `results.json` into a folder, all or nothing; returns the path of the first.

    `name` is the corpus's; the last run is the one shown answer by answer. An older report in that folder is replaced.
    Raises `InputError` when the folder holds anything else.
    """
    check_folder(folder)
    replayed, figures = runs[-1].replayed, runs[-1].figures
    lead = best_method(figures)
    pairs = confused_pairs(replayed, bundle, list(figures.methods))
    content = Content(
        name=name,
        headline=headline(figures, lead, run_in_words(runs[-1])),
        protocol=" ".join(filter(None, (plan_in_words(plan), shown_in_words(runs)))),
        tables=tables,
        figures=figures,
        progress=progress_charts(runs),
        sureness=sureness_charts(runs[-1]),
        pairs=pairs[:MOST_CONFUSED],
        all_pairs=_sum(pairs, list(figures.methods)),
        writers=most_helped_first(figures),
        terms={**{f"“{method}”": METHODS[method] for method in figures.methods if method in METHODS}, **TERMS},
        command=_command(name, bundle, plan, figures.methods),
        facts=_facts(name, bundle, plan, figures.methods),
    )
    tested = {int(label) for writer in replayed for label in np.unique(writer.true)}
    page, text = _page(content, bundle, tested), _markdown(content)
    with atomic_folder(Path(folder).resolve()) as temporary:
        (temporary / HTML).write_text(page, encoding="utf-8")
        (temporary / MARKDOWN).write_text(text, encoding="utf-8")
        write_results(temporary / RESULTS, results)
    return Path(folder) / HTML


def best_method(figures: Figures) -> str:
    """The method with the most right answers, which headlines are about."""
    return max(figures.methods, key=lambda method: figures.methods[method].accuracy)


def most_helped_first(figures: Figures) -> list[WriterFigures]:
    """The writers by what the best method gave them."""
    lead = best_method(figures)
    return sorted(figures.writers, key=lambda writer: writer.base - writer.methods[lead])


def answer_tables(run: Run, bundle: Bundle) -> list[Table]:
    """How often each label was read as each other, and every writer's accuracy."""
    methods = list(run.figures.methods)
    pairs = confused_pairs(run.replayed, bundle, methods)
    return [
        _confusions_table("Confusions", pairs, _sum(pairs, methods), methods),
        _writers_table(most_helped_first(run.figures), methods),
    ]


def confused_pairs(replayed: Sequence[Replayed], bundle: Bundle, methods: Sequence[str]) -> list[ConfusedPair]:
    """All pairs (written, read as) that ever occurred, in order of the highest count that the base or a method has."""
    counted = {method: confusions(replayed, bundle.alphabet, method) for method in methods}
    base = counted[methods[0]][0]
    after = {method: counter for method, (_, counter) in counted.items()}
    pairs = [
        ConfusedPair(*pair, base[pair], {method: counter[pair] for method, counter in after.items()})
        for pair in set(base).union(*after.values())
    ]
    return sorted(pairs, key=lambda pair: (-max(pair.base, *pair.methods.values()), -pair.base, pair.written, pair.read))


def _sum(pairs: Sequence[ConfusedPair], methods: Sequence[str]) -> ConfusedPair:
    totals = {method: sum(pair.methods[method] for pair in pairs) for method in methods}
    return ConfusedPair("all pairs", "", sum(pair.base for pair in pairs), totals)


def _page(content: Content, bundle: Bundle, tested: set[int]) -> str:
    try:
        from jinja2 import Environment, StrictUndefined
        from markupsafe import Markup
    except ImportError as error:  # pragma: no cover
        raise missing_extra("jinja2", "research") from error

    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    for function in (percent, points, visible, typeset, unicode_name):
        environment.filters[function.__name__] = function
    template = environment.from_string(
        files("allograph.evaluation.report").joinpath("report.html.j2").read_text(encoding="utf-8")
    )
    figures = content.figures
    comparable = len(figures.methods) > 1 and all(method.error_cut is not None for method in figures.methods.values())
    galleries = _galleries(bundle)
    return template.render(
        **{**vars(content), "progress": _charts(content.progress), "sureness": _charts(content.sureness)},
        colours=COLOURS,
        gains={method: [Markup(gain_plot(figures, method, width)) for width in WIDTHS] for method in figures.methods},
        compared=[Markup(methods_plot(figures, width)) for width in WIDTHS] if comparable else [],
        tested=[gallery for label, gallery in galleries.items() if label in tested],
        untested=[gallery for label, gallery in galleries.items() if label not in tested],
    )


def _charts(charts: Sequence[Chart]) -> list[dict[str, Any]]:
    """The charts as the template takes them."""
    from markupsafe import Markup

    return [{"caption": chart.caption, "plots": [Markup(plot) for plot in chart.plots]} for chart in charts]


def _galleries(bundle: Bundle) -> dict[int, Gallery]:
    """The styles of each label that has any, by its place in the alphabet."""
    if bundle.styles is None:
        return {}
    galleries = {}
    for label in np.unique(bundle.styles.labels).tolist():
        medoids = bundle.styles.medoids[bundle.styles.labels == label]
        galleries[label] = Gallery(bundle.alphabet[label], len(medoids), *style_sheet(medoids))
    return galleries


def _markdown(content: Content) -> str:
    methods = list(content.figures.methods)
    blocks = [
        f"# {markdown_text(content.name)}: evaluation",
        f"**{markdown_text(content.headline)}**",
        markdown_text(content.protocol),
        "## Tables",
        *(markdown(table) for table in content.tables),
        "## Confusions",
        "How often a written label was read as another, in this direction, all resamples together.",
        markdown(_confusions_table(f"The {len(content.pairs)} most confused pairs", content.pairs, content.all_pairs, methods)),
        "## Writers",
        markdown(_writers_table(content.writers, methods)),
        "## What the words mean",
        _markdown_list(content.terms),
        "## To reproduce",
        f"~~~~\n{content.command}\n~~~~",
        _markdown_list(content.facts),
    ]
    return "\n\n".join(blocks) + "\n"


def _confusions_table(title: str, pairs: Sequence[ConfusedPair], total: ConfusedPair, methods: list[str]) -> Table:
    rows = tuple(
        (visible(pair.written), visible(pair.read), f"{pair.base:,}", *(f"{count:,}" for count in pair.methods.values()))
        for pair in pairs
    )
    last = ("all pairs", "", *(f"{count:,}" for count in (total.base, *total.methods.values())))
    return Table(title, ("written", "read as", "base", *methods), (*rows, last), "confusions", texts=2)


def _writers_table(writers: Sequence[WriterFigures], methods: list[str]) -> Table:
    rows = tuple(
        (
            " ".join(writer.id.split()),
            f"{writer.samples:,}",
            percent(writer.base),
            *(f"{percent(share)} ({points(share - writer.base)})" for share in writer.methods.values()),
        )
        for writer in writers
    )
    title = "Accuracy of each writer, the most helped first, and the gain in points"
    return Table(title, ("writer", "samples", "base", *methods), rows, "writers")


def _markdown_list(items: dict[str, str]) -> str:
    return "\n".join(f"- **{markdown_text(term)}**: {markdown_text(meaning)}" for term, meaning in items.items())


def _facts(name: str, bundle: Bundle, plan: Plan, methods: Iterable[str]) -> dict[str, str]:
    model = "the shipped bundle" if bundle.path == SHIPPED else bundle.path.name
    styles = "no" if bundle.styles is None else len(bundle.styles)
    return {
        "corpus": name,
        "model": f"{model}: {len(bundle.alphabet)} labels, {styles} styles, {bundle.frame} frame",
        "model hash (SHA-256)": bundle.model_hash,
        "methods": ", ".join(methods),
        "protocol": ", ".join(
            f"{key.replace('_', ' ')} {' '.join(value) if isinstance(value, list) else value}"
            for key, value in plan.as_dict().items()
            if key != "name" and value is not None
        ),
        "allograph": allograph.__version__,
    }


def _command(name: str, bundle: Bundle, plan: Plan, methods: Iterable[str]) -> str:
    words = [
        f"allograph evaluate {shlex.quote(name)}",
        *([] if bundle.path == SHIPPED else [f"--model {shlex.quote(bundle.path.name)}"]),
        *(f"--method {shlex.quote(method)}" for method in methods),
        *plan.options(),
        f"--seed {plan.seed}",
        *([] if plan.alphabet is None else [f"--alphabet {plan.alphabet}"]),
        *([] if plan.split is None else [f"--split {shlex.quote(Path(plan.split).name)}"]),
        *([] if plan.labels is None else [f"--labels {shlex.quote(written_labels(plan.labels))}"]),
    ]
    return " ".join(words)
