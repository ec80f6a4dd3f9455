"""From a corpus to a bundle (paper §4.4, §3.2)."""

from __future__ import annotations

import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from allograph.alphabet import Alphabet
from allograph.bundle import Bundle, write_bundle
from allograph.corpora.corpus import Corpus
from allograph.errors import InputError
from allograph.files import sha256
from allograph.images import SIDE
from allograph.progress import Progress, silent
from allograph.recognizer import Recognizer
from allograph.split import SPLITS, Split
from allograph.styles import find_styles, quality
from allograph.training.export import check, to_onnx
from allograph.training.fit import Plan, fit
from allograph.training.network import Network, numbers

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
    for part in ("train", "validation"):
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
        images = {part: _images(corpus, part, Path(folder)) for part in SPLITS}
        labels = {part: alphabet.indices(corpus.labels[corpus.splits == part]) for part in SPLITS}
        torch.manual_seed(plan.seed)
        network = Network(len(alphabet))
        history = fit(
            network, plan, (images["train"], labels["train"]), (images["validation"], labels["validation"]), checkpoint, progress
        )
        model = to_onnx(network)
        difference = check(model, network, images["validation"][:CHECKED])
        record: dict[str, Any] = {
            "training": {
                "corpus": {key: corpus.record.get(key) for key in ("source", "origin", "licence", "split")}
                | {"sha256": sha256(corpus.path), "samples": corpus.record.get("split_samples")},
                "plan": asdict(plan),
                "epochs": len(history.losses),
                "best_epoch": history.best + 1,
                "validation_loss": history.losses[history.best],
                "numbers": numbers(network),
                "onnx_difference": difference,
                "torch": torch.__version__,
            }
        }
        write_bundle(scratch / "bundle", model, alphabet, corpus.frame, network.embedding.out_features)
        recognizer = Recognizer(scratch / "bundle")
        count = sum(len(labels[part]) for part in SPLITS)
        size = network.embedding.out_features
        embeddings = np.memmap(Path(folder) / "embeddings", np.float32, "w+", shape=(max(count, 1), size))
        start, accuracy = 0, {}
        for part in ("train", "validation", "application"):
            here = embeddings[start : start + len(labels[part])]
            accuracy[part] = _embed(recognizer, images[part], labels[part], here, progress, f"embedding the {part} set")
            start += len(labels[part])
        learned = len(labels["train"]) + len(labels["validation"])
        pictures = (images["train"], images["validation"])
        styles = find_styles(
            embeddings[:learned],
            np.concatenate([labels["train"], labels["validation"]]),
            lambda row: pictures[row >= len(labels["train"])][row - (row >= len(labels["train"])) * len(labels["train"])],
            plan.seed,
            progress,
        )
        record["training"]["accuracy"] = accuracy
        record["styles"] = {"count": len(styles)}
        if len(labels["application"]):
            best, neighbours = quality(styles, embeddings[learned:], labels["application"])
            record["styles"] |= {"application_accuracy": best, "neighbours": neighbours}
        bundle = write_bundle(output, model, alphabet, corpus.frame, size, styles, record=record)
        del embeddings
    _remove(scratch)
    return bundle


def _images(corpus: Corpus, part: Split, folder: Path) -> NDArray[np.uint8]:
    """The images of a split, on disk, so that a corpus may be larger than memory."""
    count = corpus.count(part)
    if not count:
        return np.empty((0, SIDE, SIDE), np.uint8)
    return corpus.images(part, np.memmap(folder / part, np.uint8, "w+", shape=(count, SIDE, SIDE)))


def _embed(
    recognizer: Recognizer,
    images: NDArray[np.uint8],
    labels: NDArray[np.int32],
    into: NDArray[np.float32],
    progress: Progress,
    what: str,
) -> float | None:
    """Fill `into` with the images' embeddings and return the base's accuracy, None where there are no samples."""
    right = 0
    for start in range(0, len(images), 4096):
        samples = recognizer.embed(images[start : start + 4096])
        into[start : start + len(samples.embeddings)] = samples.embeddings
        right += int((samples.logits.argmax(axis=1) == labels[start : start + 4096]).sum())
        progress(what, min(start + 4096, len(images)), len(images))
    return right / len(images) if len(images) else None


def _remove(folder: Path) -> None:
    import shutil

    shutil.rmtree(folder, ignore_errors=True)
