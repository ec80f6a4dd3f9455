"""`allograph fold`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from allograph.cli.terminal import AsJson, print_facts, print_json


def fold(
    corpus: Annotated[Path, typer.Argument(help="A corpus with train writers.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="The corpus to write.")],
    part: Annotated[str, typer.Option(help="Which part of them is held out: 1/3 is the first of three.")],
    as_json: AsJson = False,
) -> None:
    """Hold train writers out: a base trained on the new corpus has not seen them, and `allograph tune --fold` judges on them."""
    from allograph.corpora.corpus import Corpus
    from allograph.corpora.folds import fold as run
    from allograph.errors import InputError
    from allograph.files.atomic import check_output

    check_output(output, corpus)
    which, _, of = part.partition("/")
    if not (which.isdecimal() and of.isdecimal()):
        raise InputError(f"--part is a number of a number, such as 1/3, not {part!r}")
    record = run(Corpus.open(corpus), int(which), int(of), output).record
    facts = {name: getattr(record, name) for name in ("fold", "split_samples", "split_writers")}
    if as_json:
        print_json({"output": str(output), **facts})
    else:
        print_facts(str(output), facts)
