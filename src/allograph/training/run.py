"""From a corpus to a bundle (paper §4.4, §3.2)."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from allograph.bundle import Bundle, BundleConfig, check_place, write_bundle
from allograph.corpora.corpus import Corpus
from allograph.errors import AllographError, InputError, storage_error
from allograph.files.arrays import array_on_disk
from allograph.images.frames import SIDE
from allograph.progress import Progress, silent
from allograph.recognizer import Recognizer
from allograph.split import Split
from allograph.training.export import check, to_onnx
from allograph.training.features import describe
from allograph.training.fit import fit
from allograph.training.network import EMBEDDING, Network, numbers
from allograph.training.schedule import Schedule
from allograph.training.statistics import TrainWriters
from allograph.training.survey import LEARNED, survey

CHECKED = 512
"""Validation images on which the exported model is compared with the trained one."""


def train(
    corpus: Corpus | str | Path,
    output: str | Path,
    schedule: Schedule | None = None,
    resume: bool = False,
    progress: Progress = silent,
) -> Bundle:
    """Train the paper's network on the train writers, find the styles of train and validation writers, write the bundle.

    >>> bundle = train("corpus.parquet", "my-bundle", Schedule(stages=((40, 256),), augment=True))  # doctest: +SKIP
    >>> bundle.config.accuracy["application"]  # doctest: +SKIP
    0.94

    The bundle has the train writers' statistics, so that the default method works; `tune` chooses its parameters.

    A run that was killed leaves a checkpoint beside `output`; with `resume` the next one goes on from it, or begins where there
    is none. Raises `InputError` when the corpus has no train or no validation samples, when something else stands at `output`,
    and when a checkpoint is there and `resume` is not.
    """
    corpus = Corpus.of(corpus)
    schedule = schedule or Schedule.for_source(corpus.source)
    for part in LEARNED:
        if not corpus.count(part):
            raise InputError(f"{corpus.place} has no {part} samples; prepare it with --split paper or a split file")
    check_place(output)
    output = Path(output).resolve()
    checkpoint = checkpoint_of(output)
    if checkpoint.exists() and not resume:
        raise InputError(f"an unfinished training is kept in {checkpoint.parent}; go on with --resume, or remove that folder")
    with _working_folder(checkpoint):
        bundle = _train(corpus, output, schedule, checkpoint, progress)
        checkpoint.unlink()
    return bundle


def checkpoint_of(output: str | Path) -> Path:
    """Where a training of the bundle `output` keeps what it needs to go on."""
    output = Path(output).resolve()
    return output.parent / f".{output.name}.training" / "checkpoint.safetensors"


@contextmanager
def _working_folder(checkpoint: Path) -> Iterator[None]:
    """A folder to work in, of which nothing outlives the work but a checkpoint that is still there."""
    scratch = checkpoint.parent
    try:
        scratch.mkdir(exist_ok=True)
        _tidy(scratch)  # what a killed run left
        yield
    except OSError as error:
        if isinstance(error, AllographError):
            raise
        raise storage_error(error, scratch) from error
    finally:
        _tidy(scratch)
        with suppress(OSError):  # the checkpoint is in it
            scratch.rmdir()


def _tidy(scratch: Path) -> None:
    for folder in filter(Path.is_dir, scratch.glob("*")):
        shutil.rmtree(folder, ignore_errors=True)


def _train(corpus: Corpus, output: Path, schedule: Schedule, checkpoint: Path, progress: Progress) -> Bundle:
    import torch

    scratch, alphabet = checkpoint.parent, corpus.alphabet
    images = {part: _images(corpus, part, scratch / "images") for part in LEARNED}
    labels = {part: alphabet.indices(corpus.labels[corpus.splits == part]) for part in LEARNED}
    torch.manual_seed(schedule.seed)
    network = Network(len(alphabet))
    history = fit(
        network, schedule, (images["train"], labels["train"]), (images["validation"], labels["validation"]), checkpoint, progress
    )
    described = describe(network, images["train"], progress)
    model = to_onnx(described)
    training: dict[str, Any] = {
        "plan": asdict(schedule),
        "epochs": len(history.losses),
        "best_epoch": history.best + 1,
        "validation_loss": history.losses[history.best],
        "numbers": numbers(network),
        "onnx_difference": check(model, described, images["validation"][:CHECKED]),
        "torch": torch.__version__,
    }
    config = BundleConfig(alphabet, corpus.frame, EMBEDDING, training=training)
    recognizer = Recognizer(write_bundle(scratch / "bundle", model, config))
    writers = TrainWriters(corpus, recognizer, schedule.seed)
    styles, judged = survey(recognizer, corpus, scratch, schedule.seed, progress, writers)
    return write_bundle(output, model, replace(config, **judged), styles, writers.statistics())


def _images(corpus: Corpus, part: Split, folder: Path) -> NDArray[np.uint8]:
    """The images of a split, on disk, so that a corpus may be larger than memory."""
    folder.mkdir(exist_ok=True)
    return corpus.images(part, array_on_disk(folder / part, (corpus.count(part), SIDE, SIDE), np.uint8))
