"""`allograph evaluate`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from allograph.cli.terminal import AsJson, Jobs, Model, print_json, print_table, progress_bar


def evaluate(
    corpus: Annotated[Path, typer.Argument(help="An embedded corpus, or a corpus that is embedded first.")],
    model: Model = None,
    split: Annotated[str | None, typer.Option(help="Judge by another split: paper, all, or a CSV file.")] = None,
    method: Annotated[list[str] | None, typer.Option(help="A method, or all; may be given several times.")] = None,
    protocol: Annotated[str, typer.Option(help="resample: split each label's samples at random, adapt, test.")] = "resample",
    adaptation: Annotated[float, typer.Option(help="The share of each label's samples to learn from.")] = 0.9,
    per_label: Annotated[int | None, typer.Option(help="This many samples of each label instead.")] = None,
    resamples: Annotated[int, typer.Option(help="How often each writer is split anew.")] = 10,
    feedback: Annotated[
        str,
        typer.Option(help="none: frozen after adaptation. all: each test label is revealed after its answer, as in the paper."),
    ] = "none",
    alphabet: Annotated[
        str | None, typer.Option(help="Restrict the answers: digits, letters, upper, lower, alphanumeric.")
    ] = None,
    shuffle: Annotated[bool, typer.Option("--shuffle", help="Mix the labels instead of running label by label.")] = False,
    seed: Annotated[int, typer.Option(help="The same seed gives the same splits.")] = 0,
    jobs: Jobs = None,
    report: Annotated[Path | None, typer.Option(help="Write a report into this folder: HTML, Markdown, results.json.")] = None,
    as_json: AsJson = False,
) -> None:
    """Judge methods on the application writers of a corpus, and fill the paper's tables."""
    from allograph.errors import InputError
    from allograph.evaluation.evaluate import evaluate as run
    from allograph.evaluation.protocol import FEEDBACKS, Resample
    from allograph.evaluation.report import check_folder

    if protocol != "resample":
        raise InputError(f"there is no protocol {protocol!r}; there is resample")
    if feedback not in FEEDBACKS:
        raise InputError(f"feedback is {' or '.join(FEEDBACKS)}, not {feedback!r}")
    plan = Resample(adaptation, per_label, resamples, seed, feedback, shuffle, alphabet, split)
    if report is not None:
        check_folder(report)
    with progress_bar() as progress:
        done = run(corpus, model, method or ["paper"], plan, jobs, progress)
        if report is not None:
            progress("writing the report", 0, 1)
            done.write_report(report)
    if as_json:
        print_json(done.results)
        return
    for table in done.tables:
        print_table(table)
    if report is not None:
        print(f"report: {report / 'report.html'}")
