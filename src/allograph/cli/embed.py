"""`allograph embed`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from allograph.cli.terminal import AsJson, Model, print_facts, print_json, progress_bar


def embed(
    corpus: Annotated[Path, typer.Argument(help="A corpus, in the model's frame.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="The embedded corpus to write.")],
    model: Model = None,
    engine: Annotated[
        str,
        typer.Option(help="What computes the model: onnxruntime, or openvino (extra openvino), whose last digits are others."),
    ] = "onnxruntime",
    as_json: AsJson = False,
) -> None:
    """Send a corpus through a model, once, so that evaluations replay it without the model."""
    from allograph.corpora.corpus import Corpus
    from allograph.embedding import embed as run
    from allograph.files.atomic import check_output
    from allograph.recognizer import Recognizer, check_engine

    chosen = check_engine(engine)
    check_output(output, corpus, model)
    with progress_bar() as progress:
        done = run(Corpus.open(corpus), Recognizer(model, engine=chosen), output, progress)
    facts = {"samples": len(done), "model": done.record.model_hash, "engine": done.record.engine}
    if as_json:
        print_json({"output": str(output), **facts})
    else:
        print_facts(str(output), facts)
