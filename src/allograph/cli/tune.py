"""`allograph tune`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from allograph.cli.terminal import AsJson, Cluster, Jobs, jobs_of, print_json, print_table, progress_bar


def tune(
    corpus: Annotated[str, typer.Argument(help="An embedded corpus with train and validation writers; it may be a URL.")],
    model: Annotated[Path, typer.Option(help="The bundle that embedded it, which is given the parameters.")],
    method: Annotated[list[str] | None, typer.Option(help="An adapter; may be given several times. All unless named.")] = None,
    fold: Annotated[
        list[str] | None,
        typer.Option(
            help="A fold (`allograph fold`), trained and embedded: its held-out writers choose too. Several may be given."
        ),
    ] = None,
    jobs: Jobs = None,
    cluster: Cluster = None,
    as_json: AsJson = False,
) -> None:
    """Choose every adapter's parameters on the validation writers, and write them into the bundle.

    Each adapter's parameters are written as soon as they are chosen; a tuning that was stopped goes on when it is started again.
    """
    from allograph.evaluation.report.table import Table, percent
    from allograph.tuning import tune as run
    from allograph.tuning.search import PROTOCOLS, unfinished

    workers = jobs_of(jobs, cluster)
    try:
        with progress_bar() as progress:
            tuning = run(corpus, model, method or "all", folds=fold or (), jobs=workers, progress=progress)
    except BaseException:
        if unfinished(model).exists():
            print("what was judged so far is kept; the same command goes on from there", file=sys.stderr)
        raise
    if as_json:
        print_json(
            {
                name: {
                    "parameters": dict(one.parameters),
                    **{key: getattr(one, key) for key in ("error_cuts", "harmed", "calibration_errors")},
                }
                for name, one in tuning.methods.items()
            }
        )
        return
    heads = [f"{p.adaptation:.0%}" if p.per_label is None else f"{p.per_label} a label" for p in PROTOCOLS]
    rows = tuple(
        (name, *(f"{percent(cut, 1)}, {percent(harm, 0)}" for cut, harm in zip(one.error_cuts, one.harmed, strict=True)))
        for name, one in tuning.methods.items()
    )
    chosen = tuple(
        (name, ", ".join(f"{parameter} {value:g}" for parameter, value in one.parameters.items()))
        for name, one in tuning.methods.items()
    )
    print_table(Table("Errors cut, and writers harmed", ("method", *heads), rows))
    print_table(Table("What was chosen", ("method", "parameters"), chosen))
