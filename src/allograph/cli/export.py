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


@export.command()
def inkml(
    corpus: Annotated[Path, typer.Argument(help="A corpus of lines, as allograph prepare lines writes it.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="The InkML document to write.")],
    writer: Annotated[str | None, typer.Option(help="The lines of this writer alone.")] = None,
    as_json: AsJson = False,
) -> None:
    """Write the lines of a corpus as InkML (W3C 2011): traces in groups, with text, writer, and characters where they are known.

    Coordinates are kept to the last bit; `allograph prepare inkml --lines` reads them again. Splits and devices are not written.
    """
    from allograph.corpora.inkml.writing import Written, write_inkml
    from allograph.corpora.lines.corpus import LineCorpus
    from allograph.errors import InputError
    from allograph.files.atomic import check_output

    check_output(output, corpus)
    opened = LineCorpus.open(corpus)
    total = len(opened) if writer is None else int((opened.writers == writer).sum())
    if not total:
        raise InputError(f"{corpus} holds no line" + ("" if writer is None else f" of the writer {writer!r}"))
    with progress_bar() as progress:

        def told(count: int, one: Written) -> Written:
            progress("exporting", count, total)
            return one

        count = write_inkml(output, (told(n, Written.of(line)) for n, line in enumerate(opened.lines(writer=writer), 1)))
    if as_json:
        print_json({"output": str(output), "lines": count})
    else:
        print_facts(str(output), {"lines": count})
