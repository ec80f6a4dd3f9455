"""`allograph train`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from allograph.cli.output import say
from allograph.cli.terminal import AsJson, Interrupted, print_facts, print_json, progress_bar


def train(
    corpus: Annotated[Path, typer.Argument(help="A corpus with train and validation writers.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="The bundle to write: a folder.")],
    augment: Annotated[bool, typer.Option("--augment", help="Change each image a little, to read other hands and pens.")] = False,
    schedule: Annotated[
        str | None,
        typer.Option(help="EPOCHSxBATCH, several parted by commas; the authors' for nist and deepwriting, else 40x256."),
    ] = None,
    patience: Annotated[int | None, typer.Option(min=1, help="Epochs without a better validation loss before it stops.")] = None,
    seed: Annotated[int, typer.Option(help="The same seed on the same machine gives the same model.")] = 0,
    resume: Annotated[bool, typer.Option("--resume", help="Go on from the last epoch of a run that was stopped.")] = False,
    as_json: AsJson = False,
) -> None:
    """Train the paper's network on a corpus, find the styles, and write a bundle."""
    from dataclasses import replace

    from allograph.corpora.corpus import Corpus
    from allograph.training.fit import Schedule, parse_stages
    from allograph.training.run import checkpoint_of
    from allograph.training.run import train as run

    opened = Corpus.open(corpus)
    plan = Schedule.for_source(opened.source, None if schedule is None else parse_stages(schedule), augment, seed)
    if patience is not None:
        plan = replace(plan, patience=patience)
    try:
        with progress_bar() as progress:
            bundle = run(opened, output, plan, resume, progress)
    except Interrupted:
        if checkpoint_of(output).exists():
            say("the epochs that were finished are kept; go on with --resume")
        raise
    config = bundle.config
    facts = {"training": config.training, "accuracy": config.accuracy, "styles": config.styles}
    if as_json:
        print_json({"output": str(output), **facts})
    else:
        shares = {part: "–" if share is None else f"{100 * share:.2f} %" for part, share in config.accuracy.items()}
        print_facts(str(output), {**facts, "accuracy": shares})
