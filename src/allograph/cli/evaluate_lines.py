"""`allograph evaluate-lines`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from allograph.cli.completion import one_of
from allograph.cli.terminal import AsJson, Cluster, Jobs, Model, jobs_of, print_json, print_table, print_text, progress_bar
from allograph.split import SPLITS


def evaluate_lines(
    corpus: Annotated[str, typer.Argument(help="A corpus of lines, from: allograph prepare lines; it may be a URL.")],
    model: Model = None,
    learn: Annotated[float, typer.Option(help="The share of each writer's lines that is corrected, the first ones.")] = 0.5,
    split: Annotated[
        str, typer.Option(help="Whose lines: train, validation or application.", autocompletion=one_of(lambda: SPLITS))
    ] = "application",
    words: Annotated[Path | None, typer.Option(help="Words that lines likely hold: a text file with a word a line.")] = None,
    only_words: Annotated[
        Path | None,
        typer.Option(help="Judge only lines whose every word, in lower case, is in this text file, a word a line."),
    ] = None,
    pictures: Annotated[bool, typer.Option("--pictures", help="Draw the lines at 300 dpi, and read the pictures.")] = False,
    pen: Annotated[float, typer.Option(help="The width of the pen of the pictures, in millimetres.")] = 0.5,
    late: Annotated[
        bool, typer.Option("--late", help="Move dots and bars to the end of their words first, as if written late.")
    ] = False,
    jobs: Jobs = None,
    cluster: Cluster = None,
    report: Annotated[
        Path | None, typer.Option(help="Write a report into this folder, with lines drawn: HTML, Markdown, results.json.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Judge how lines of hand print are read, before and after their writers corrected some.

    Each writer's first lines are corrected with their true text, and the rest read when 0, 1, 3, 10 and all of the first are
    learned: characters and words wrong (edit distance), and characters cut out right.
    """
    from allograph.corpora.place import local_path
    from allograph.evaluation.lines.experiment import evaluate_lines as run
    from allograph.evaluation.lines.wording import counts_in_words
    from allograph.evaluation.report.report_folder import check_folder
    from allograph.files.atomic import check_output

    if report is not None:
        check_folder(report)
        check_output(report, local_path(corpus), model, words, only_words, folder=True)
    with progress_bar() as progress:
        done = run(
            corpus,
            model,
            learn,
            split,  # type: ignore[arg-type]  # it is checked there
            words=words,
            only_words=only_words,
            pictures=pictures,
            pen=pen,
            late=late,
            jobs=jobs_of(jobs, cluster),
            progress=progress,
        )
        if report is not None:
            progress("writing the report", 0, 1)
            done.write_report(report)
    if as_json:
        print_json(done.results)
        return
    for table in done.tables:
        print_table(table)
    print_text(counts_in_words(done.figures))
    print_text(done.headline)
    if report is not None:
        print(f"report: {report / 'report.html'}")
