"""`allograph bundle`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from allograph.cli.terminal import AsJson, print_facts, print_json, progress_bar


def bundle(
    model: Annotated[Path, typer.Argument(help="An ONNX model that reads 28×28 images of one channel.")],
    embedding: Annotated[str, typer.Option(help="The name of its embedding: an output or any inner value.")],
    logits: Annotated[str, typer.Option(help="The name of its logits, or probabilities.")],
    alphabet: Annotated[Path, typer.Option(help="A text file with a label a line, in the order of the logits.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="The bundle to write: a folder.")],
    frame: Annotated[str | None, typer.Option(help="The frame it reads, paper or mnist; the corpus's unless said.")] = None,
    scale: Annotated[float, typer.Option(help="What full ink is to the model: 1, or 255 where it reads grey values.")] = 1.0,
    corpus: Annotated[Path | None, typer.Option(help="A corpus to find styles on, which the paper's method needs.")] = None,
    features: Annotated[
        str | None, typer.Option(help="What else adapters learn from, such as the flattened maps of an earlier layer.")
    ] = None,
    seed: Annotated[int, typer.Option(help="For finding the styles.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Make any ONNX model with an embedding and a logits output usable."""
    from allograph.alphabet_file import read_alphabet
    from allograph.corpora.corpus import Corpus
    from allograph.images import check_frame
    from allograph.training.adopt import adopt

    labels = read_alphabet(alphabet)
    opened = None if corpus is None else Corpus.open(corpus)
    chosen = check_frame(frame) if frame is not None else opened.frame if opened else "mnist"
    with progress_bar() as progress:
        made = adopt(model, output, labels, embedding, logits, chosen, scale, opened, seed, progress, features)
    facts = {
        "labels": len(made.alphabet),
        "embedding size": made.embedding_size,
        "frame": made.frame,
        "styles": 0 if made.styles is None else len(made.styles),
        "model": made.model_hash,
    }
    if as_json:
        print_json({"output": str(output), **facts})
    else:
        print_facts(str(output), facts)
