"""`allograph fold`."""

from __future__ import annotations

from typing import Annotated

import typer

from allograph.cli.terminal import AsJson, Cluster, OneJob, jobs_of, print_facts, print_json, progress_bar


def fold(
    corpus: Annotated[str, typer.Argument(help="A corpus with train writers; it may be a URL.")],
    output: Annotated[
        str,
        typer.Option("--output", "-o", help="The corpus to write. With / at its end a folder of parts; it may be a URL."),
    ],
    part: Annotated[str, typer.Option(help="Which part of them is held out: 1/3 is the first of three.")],
    jobs: OneJob = None,
    cluster: Cluster = None,
    as_json: AsJson = False,
) -> None:
    """Hold train writers out: a base trained on the new corpus has not seen them, and `allograph tune --fold` judges on them."""
    from allograph.corpora.folds import fold as run
    from allograph.corpora.place import check_table_output
    from allograph.errors import InputError

    workers = jobs_of(jobs, cluster) or 1
    check_table_output(output, corpus)
    which, _, of = part.partition("/")
    if not (which.isdecimal() and of.isdecimal()):
        raise InputError(f"--part is a number of a number, such as 1/3, not {part!r}")
    with progress_bar() as progress:
        record = run(corpus, int(which), int(of), output, workers, progress).record
    facts = {name: getattr(record, name) for name in ("fold", "split_samples", "split_writers")}
    if as_json:
        print_json({"output": output, **facts})
    else:
        print_facts(output, facts)
