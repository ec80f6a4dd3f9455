"""`allograph bundle`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from allograph.cli.terminal import AsJson, print_facts, print_json, progress_bar

NUMBERS = "numbers parted by commas, one or one a channel"


def bundle(
    model: Annotated[Path, typer.Argument(help="An ONNX model that reads images of single characters.")],
    embedding: Annotated[str, typer.Option(help="The name of its embedding: an output or any inner value.")],
    logits: Annotated[str, typer.Option(help="The name of its logits, or probabilities.")],
    alphabet: Annotated[Path, typer.Option(help="A text file with a label a line, in the order of the logits.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="The bundle to write: a folder.")],
    frame: Annotated[str | None, typer.Option(help="The frame it reads, paper or mnist; the corpus's unless said.")] = None,
    transpose: Annotated[bool, typer.Option("--transpose", help="It reads rows as columns, as in EMNIST's files.")] = False,
    invert: Annotated[bool, typer.Option("--invert", help="It reads dark ink on white: x becomes 1 − x.")] = False,
    scale: Annotated[
        float | None,
        typer.Option(help="What full ink is to the model: 1, or 255 where it reads grey values or whole numbers, unless said."),
    ] = None,
    mean: Annotated[str, typer.Option(help=f"What is then subtracted: {NUMBERS}.")] = "0",
    std: Annotated[str, typer.Option(help=f"What it is then divided by: {NUMBERS}.")] = "1",
    size: Annotated[str, typer.Option(help="The pixels it reads, a side or HEIGHTxWIDTH; resized linearly.")] = "28",
    channels: Annotated[
        int | None, typer.Option(help="The channels it reads, all alike; as many as there are means or deviations unless said.")
    ] = None,
    corpus: Annotated[
        Path | None, typer.Option(help="A corpus to judge it on, and to find what the methods need: styles, statistics.")
    ] = None,
    features: Annotated[
        str | None, typer.Option(help="What else adapters learn from, such as the flattened maps of an earlier layer.")
    ] = None,
    seed: Annotated[int, typer.Option(help="For finding the styles.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Make an ONNX model with an embedding and logits usable, whatever its layout and preprocessing."""
    from allograph.adapters import best
    from allograph.alphabet.alphabet_file import read_alphabet
    from allograph.corpora.corpus import Corpus
    from allograph.images.frames import check_frame
    from allograph.training.own_model import adopt
    from allograph.training.preprocessing import parse_numbers, parse_size

    labels = read_alphabet(alphabet)
    opened = None if corpus is None else Corpus.open(corpus)
    chosen = check_frame(frame) if frame is not None else opened.frame if opened else "mnist"
    warnings: list[str] = []
    with progress_bar() as progress:
        made = adopt(
            model,
            output,
            labels,
            embedding,
            logits,
            chosen,
            scale,
            opened,
            seed,
            progress,
            features,
            mean=parse_numbers(mean, "--mean"),
            std=parse_numbers(std, "--std"),
            invert=invert,
            transpose=transpose,
            size=parse_size(size),
            channels=channels,
            warn=warnings.append,
        )
    for text in warnings:
        print(f"allograph: warning: {text}", file=sys.stderr)
    facts = {
        "labels": len(made.alphabet),
        "embedding size": made.embedding_size,
        "frame": made.frame,
        "styles": 0 if made.styles is None else len(made.styles),
        "model": made.model_hash,
        "method": best(made),
    }
    accuracy = made.config.accuracy or None
    if as_json:
        print_json({"output": str(output), **facts, "accuracy": accuracy, "warnings": warnings})
    else:
        parts = {part: "–" if share is None else f"{100 * share:.2f} %" for part, share in (accuracy or {}).items()}
        print_facts(str(output), {**facts, "accuracy": parts or "not known: there was no corpus"})
