"""`allograph export`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from allograph.cli.terminal import AsJson, print_facts, print_json, progress_bar

export = typer.Typer(help="Write a corpus in a form that other programs read.", no_args_is_help=True)


@export.callback()
def forms() -> None:
    """Write a corpus in a form that other programs read."""


@export.command()
def hf(
    corpus: Annotated[Path, typer.Argument(help="A corpus, as prepare writes it.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="The folder to write: a new one, or an empty one.")],
    as_json: AsJson = False,
) -> None:
    """Write a data set for Hugging Face: datasets.load_dataset(FOLDER) reads it, and the hub shows it, without a script."""
    from allograph.corpora.corpus import Corpus
    from allograph.corpora.hugging_face import export_hugging_face

    opened = Corpus.open(corpus)
    with progress_bar() as progress:
        export_hugging_face(opened, output, progress)
    facts = {"samples": len(opened), "splits": {name: count for name, count in opened.record.split_samples.items() if count}}
    if as_json:
        print_json({"output": str(output), **facts})
    else:
        print_facts(str(output), facts)
