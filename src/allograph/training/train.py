"""From a corpus to a bundle (paper §4.4, §3.2)."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from allograph.bundle import Bundle, write_bundle
from allograph.corpora.corpus import Corpus
from allograph.errors import InputError
from allograph.images import SIDE
from allograph.progress import Progress, silent
from allograph.recognizer import Recognizer
from allograph.split import Split
from allograph.training.export import check, to_onnx
from allograph.training.fit import Plan, fit
from allograph.training.network import EMBEDDING, Network, numbers
from allograph.training.population import LEARNED, population

CHECKED = 512
"""Validation images on which the exported model is compared with the trained one."""


def train(
    corpus: Corpus, output: str | Path, plan: Plan | None = None, resume: bool = False, progress: Progress = silent
) -> Bundle:
    """Train the paper's network on the train writers, find the styles of train and validation writers, write the bundle.

    A run that was killed leaves a checkpoint beside `output`; with `resume` the next one goes on from it. Raises `InputError`
    when the corpus has no train or no validation samples, and when a checkpoint is there and `resume` is not.
    """
    import torch

    plan = plan or Plan.for_source(corpus.source)
    for part in LEARNED:
        if not corpus.count(part):
            raise InputError(f"{corpus.path} has no {part} samples; prepare it with --split paper or a split file")
    output = Path(output)
    scratch = output.absolute().parent / f".{output.name}.training"
    checkpoint = scratch / "checkpoint.safetensors"
    if checkpoint.exists() and not resume:
        raise InputError(f"an unfinished training is kept in {scratch}; go on with --resume, or remove that folder")
    scratch.mkdir(exist_ok=True)

    alphabet = corpus.alphabet
    with tempfile.TemporaryDirectory(dir=scratch) as folder:
        images = {part: _images(corpus, part, Path(folder)) for part in LEARNED}
        labels = {part: alphabet.indices(corpus.labels[corpus.splits == part]) for part in LEARNED}
        torch.manual_seed(plan.seed)
        network = Network(len(alphabet))
        history = fit(
            network, plan, (images["train"], labels["train"]), (images["validation"], labels["validation"]), checkpoint, progress
        )
        model = to_onnx(network)
        training: dict[str, Any] = {
            "plan": asdict(plan),
            "epochs": len(history.losses),
            "best_epoch": history.best + 1,
            "validation_loss": history.losses[history.best],
            "numbers": numbers(network),
            "onnx_difference": check(model, network, images["validation"][:CHECKED]),
            "torch": torch.__version__,
        }
    write_bundle(scratch / "bundle", model, alphabet, corpus.frame, EMBEDDING)
    styles, found = population(Recognizer(scratch / "bundle"), corpus, scratch, plan.seed, progress)
    bundle = write_bundle(output, model, alphabet, corpus.frame, EMBEDDING, styles, record={"training": training, **found})
    shutil.rmtree(scratch)
    return bundle


def _images(corpus: Corpus, part: Split, folder: Path) -> NDArray[np.uint8]:
    """The images of a split, on disk, so that a corpus may be larger than memory."""
    return corpus.images(part, np.memmap(folder / part, np.uint8, "w+", shape=(corpus.count(part), SIDE, SIDE)))
