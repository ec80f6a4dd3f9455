"""`allograph train-lines`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from allograph.cli.terminal import AsJson, print_facts, print_json, progress_bar


def train_lines(
    corpus: Annotated[Path, typer.Argument(help="A corpus of lines, some of whose train writers' cuts are known.")],
    model: Annotated[Path, typer.Option("--model", help="The bundle to teach; it is written anew, its recognizer as it is.")],
    as_json: AsJson = False,
) -> None:
    """Teach a bundle to read lines of hand print.

    From the train writers' lines it learns which strokes are one character, which gaps are spaces, what follows what, and where
    labels stand on the line.
    """
    from allograph.bundle import Bundle
    from allograph.corpora.lines.corpus import LineCorpus
    from allograph.lines.training import train_lines as run

    opened, bundle = LineCorpus.open(corpus), Bundle.open(model)
    with progress_bar() as progress:
        run(opened, bundle, progress)
    rows = [row for row in opened.writer_rows() if row["split"] == "train"]
    facts = {"lines": sum(row["lines"] for row in rows), "writers": len(rows), "labels": len(bundle.alphabet)}
    if as_json:
        print_json({"output": str(model), **facts})
    else:
        print_facts(f"{model} reads lines", facts)
