"""`allograph demo`."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Annotated

import typer

from allograph.cli.terminal import AsJson, Jobs, print_json, print_table, print_text, progress_bar


def demo(
    report: Annotated[Path, typer.Option(help="The folder of the report.")] = Path("report"),
    jobs: Jobs = None,
    as_json: AsJson = False,
) -> None:
    """Adapt the shipped recognizer to the digits of 14 writers, and test it on other digits of theirs."""
    from allograph.corpora.digits import DigitsSource
    from allograph.corpora.preparation import prepare
    from allograph.evaluation import Resample, evaluate
    from allograph.evaluation.report.report_folder import check_folder
    from allograph.evaluation.report.table import percent, points
    from allograph.files.atomic import check_output

    check_output(report, folder=True)
    check_folder(report)
    with tempfile.TemporaryDirectory() as folder, progress_bar() as progress:
        corpus = Path(folder) / "digits.parquet"
        prepare(DigitsSource(), corpus, "all", jobs=1, progress=progress)
        methods, protocol = ("paper", "allograph"), Resample(alphabet="digits")
        done = evaluate(corpus, methods=methods, protocol=protocol, jobs=jobs, progress=progress)
        progress("writing the report", 0, 1)
        page = done.write_report(report)
    if as_json:
        print_json(done.results)
        return
    for table in done.tables:
        if table.name != "kinds":  # among digits, all errors are of one kind
            print_table(table)
    for name, method in done.figures.methods.items():
        harm = f"{method.better} better, {method.equal} equal, {method.worse} worse off"
        print_text(
            f"{len(done.figures.writers)} people, {done.figures.samples:,} digits tested: the base reads "
            f"{percent(done.figures.base)}, {name} {percent(method.accuracy)} ({points(method.gain)} points); {harm}."
        )
    print(f"report: {page}")
