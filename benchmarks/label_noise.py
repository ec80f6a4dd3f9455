"""What UNIPEN's train writers have left of samples that do not show their label, and whether a base is better without them.

Needs build/unipen.parquet and the three embedded folds beside it, which `make bundle` makes: in each a third of the train
writers is held out, so that every sample is read by a base that has not seen its writer. A sample is noise where that base gives
its label less than one per cent, nobody else's samples of the label are near it, and the writer's own are farther than the
writer's samples of other labels; or where the base gives its label less than ten per cent and no such label is so large or so
small. A writer's own form of a character, seen twice, is not noise; nor is one too small to have a form, as a full stop's.

Without options it prints what is left out. `--output` writes the corpus without it; `--train` (needs torch) trains bases with and
without, and compares them on the validation writers, whose samples all stay.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from allograph.adapters import build
from allograph.bundle import Bundle
from allograph.corpora.box_columns import boxes_to_arrow, count_units
from allograph.corpora.corpus import FORMAT, SCHEMA, Corpus, images_to_arrow
from allograph.corpora.parquet import atomic_parquet, pa, sign
from allograph.embedding import EmbeddedCorpus, EmbeddedSamples, embed
from allograph.errors import MismatchError
from allograph.evaluation.measures.figures import figures
from allograph.evaluation.protocols.replay import replay_writers
from allograph.evaluation.protocols.writer_samples import rows_by_writer, samples_by_writer
from allograph.files.records import record_values
from allograph.recognizer import Recognizer
from allograph.samples.box import Boxes
from allograph.split import SPLITS
from methods import PROTOCOLS
from strong_base import said
from timing import show

CORPUS = Path("build/unipen.parquet")
FOLDS = tuple(Path(f"build/unipen-fold-{part}.embedded.parquet") for part in (1, 2, 3))
STAGES = ((9, 256), (1, 1024))

UNREAD, MISSIZED = 0.01, 0.1
"""The label's probability below which a sample's shape may be noise, and its size."""
NEIGHBOURS = 20
"""Other writers' nearest samples, none of which may have the label."""
FARTHEST = 5.0
"""Robust standard deviations from the usual size of a label."""
DOT = 0.2
"""The share of the writer's median size below which a shape says nothing."""
ROWS = 1000
"""Rows of a matrix of distances that are made at once."""


class HeldOut(NamedTuple):
    """The samples of held-out writers, as a base that has not seen them reads them."""

    rows: NDArray[np.int64]
    """[n] their places in the corpus."""
    labels: NDArray[np.str_]
    writers: NDArray[np.str_]
    probabilities: NDArray[np.float64]
    """[n] what the base gives their label."""
    foreign: NDArray[np.bool_]
    """[n] whether they are nearer to other labels than to their own, of the same writer and of others."""
    boxes: Boxes


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--corpus", type=Path, default=CORPUS)
    parser.add_argument("--fold", type=Path, action="append", help="an embedded fold; all parts must be named")
    parser.add_argument("--output", type=Path, help="write the corpus without the noise")
    parser.add_argument("--train", type=Path, help="train bases with and without the noise into this folder")
    parser.add_argument("--seeds", type=int, nargs="+", default=(0, 1))
    given = parser.parse_args()
    folds: Sequence[Path] = given.fold or FOLDS
    for path in (given.corpus, *folds):
        if not path.exists():
            print(f"{path} is not there; make it with: make bundle")
            return
    corpus = Corpus.open(given.corpus)
    samples = joined([held_out(corpus, EmbeddedCorpus.open(path)) for path in folds])
    noise = is_noise(samples)
    show(
        f"Noise in the {len(noise):,} samples of {len(np.unique(samples.writers))} train writers",
        ("source", "samples", "left out", "share", "writers", "labels", "the labels most often left out"),
        [*rows_by_source(samples, noise), row("all", samples, noise, np.ones(len(noise), np.bool_))],
    )
    keep = np.ones(len(corpus), np.bool_)
    keep[samples.rows[noise]] = False
    if given.output:
        write(corpus, keep, given.output)
    if given.train:
        compare(corpus, keep, given.train, given.seeds)


def held_out(corpus: Corpus, fold: EmbeddedCorpus) -> HeldOut:
    """The held-out writers of a fold; raises `MismatchError` where it is of another corpus."""
    samples = fold.samples()
    places = rows_by_writer(corpus.writers)
    rows = np.empty(len(samples), np.int64)
    for writer, own in rows_by_writer(samples.writers).items():
        there = places.get(writer, np.empty(0, np.int64))
        if not np.array_equal(corpus.labels[there], samples.labels[own]):
            raise MismatchError(f"{fold.path} holds other samples of the writer {writer} than {corpus.path}; make it anew")
        rows[own] = there  # a fold keeps the order of the corpus
    logits = samples.logits.astype(np.float64)
    chances = np.exp(logits - logits.max(axis=1, keepdims=True))
    chances /= chances.sum(axis=1, keepdims=True)
    probabilities = chances[np.arange(len(rows)), fold.alphabet.indices(samples.labels)]
    boxes = Boxes.none(len(rows)) if samples.boxes is None else samples.boxes
    return HeldOut(rows, samples.labels, samples.writers, probabilities, np.concatenate(list(foreign(samples))), boxes)


def foreign(samples: EmbeddedSamples) -> Iterator[NDArray[np.bool_]]:
    """Whether samples are nearer to other labels than to their own, of the same writer and of others, so many at once."""
    shapes = samples.embeddings if samples.features is None else samples.features
    shapes = shapes - shapes.mean(axis=0)
    lengths = np.square(shapes).sum(axis=1)
    _, label_of = np.unique(samples.labels, return_inverse=True)
    _, writer_of = np.unique(samples.writers, return_inverse=True)
    for start in range(0, len(shapes), ROWS):
        here = np.arange(start, min(start + ROWS, len(shapes)))
        distances = lengths[here, None] + lengths - 2 * shapes[here] @ shapes.T
        distances[np.arange(len(here)), here] = np.inf
        same = label_of[here, None] == label_of
        own = writer_of[here, None] == writer_of
        nearest = np.argpartition(np.where(own, np.inf, distances), NEIGHBOURS, axis=1)[:, :NEIGHBOURS]
        like_others = np.take_along_axis(same, nearest, axis=1).any(axis=1)
        to_same = np.where(own & same, distances, np.inf).min(axis=1)
        to_other = np.where(own & ~same, distances, np.inf).min(axis=1)
        yield ~like_others & ~(to_same < to_other)


def joined(parts: Sequence[HeldOut]) -> HeldOut:
    """All folds together, in the order of the corpus."""
    boxes = Boxes.join([part.boxes for part in parts], [len(part.rows) for part in parts])
    assert boxes is not None
    rows, labels, writers, probabilities, strange = (np.concatenate(column) for column in list(zip(*parts, strict=True))[:-1])
    order = np.argsort(rows)
    return HeldOut(rows[order], labels[order], writers[order], probabilities[order], strange[order], boxes.at(order))


def is_noise(samples: HeldOut) -> NDArray[np.bool_]:
    """[n] whether a sample is left out, by the rule above."""
    sizes = relative_sizes(samples)
    shape = (samples.probabilities < UNREAD) & samples.foreign & ~(sizes < DOT)
    size = (samples.probabilities < MISSIZED) & (np.abs(standardized(sizes, samples.labels)) > FARTHEST)
    return shape | size


def relative_sizes(samples: HeldOut) -> NDArray[np.float64]:
    """[n] the longer side over the median of the writer's in that unit and device; NaN where there is no box."""
    sides = samples.boxes.sizes[:, :2].max(axis=1).astype(np.float64)
    hands = np.char.add(np.char.add(samples.writers, "\t"), samples.boxes.scales.astype(np.str_))
    for rows in rows_by_writer(hands).values():
        if not np.isnan(sides[rows]).all():
            sides[rows] /= np.nanmedian(sides[rows])
    return sides


def standardized(sizes: NDArray[np.float64], labels: NDArray[np.str_]) -> NDArray[np.float64]:
    """[n] how many robust standard deviations a size's logarithm is from the median of its label; NaN where that is not known."""
    logs = np.log(sizes + 0.05)
    for rows in rows_by_writer(labels).values():
        known = logs[rows][~np.isnan(logs[rows])]
        median = np.median(known) if len(known) else np.nan
        deviation = 1.4826 * np.median(np.abs(known - median)) if len(known) else 0
        logs[rows] = (logs[rows] - median) / deviation if deviation else np.nan
    return logs


def rows_by_source(samples: HeldOut, noise: NDArray[np.bool_]) -> list[tuple[str, ...]]:
    """A row for each contributor of UNIPEN: the letters before the number of a writer's name."""
    sources = np.array([writer.partition("-")[0] for writer in samples.writers.tolist()])
    return [row(source, samples, noise, sources == source) for source in np.unique(sources).tolist()]


def row(name: str, samples: HeldOut, noise: NDArray[np.bool_], here: NDArray[np.bool_]) -> tuple[str, ...]:
    """How much of some of the samples is noise."""
    left = noise & here
    labels, counts = np.unique(samples.labels[left], return_counts=True)
    often = np.argsort(-counts, kind="stable")[:8]
    return (
        name,
        f"{here.sum():,}",
        f"{left.sum():,}",
        f"{100 * left.sum() / here.sum():.1f} %",
        str(len(np.unique(samples.writers[left]))),
        str(len(labels)),
        " ".join(f"{labels[i]} {counts[i]}" for i in often.tolist()),
    )


def write(corpus: Corpus, keep: NDArray[np.bool_], output: Path) -> Corpus:
    """The corpus with only those of its samples where `keep` [n] is true."""
    splits, writers = corpus.splits[keep], corpus.writers[keep]
    record = replace(
        corpus.record,
        samples=int(keep.sum()),
        split_samples={name: int((splits == name).sum()) for name in SPLITS},
        split_writers={name: len(np.unique(writers[splits == name])) for name in SPLITS},
        boxes=dict(count_units(None if corpus.boxes is None else corpus.boxes.at(keep))),
        notes=(*corpus.record.notes, f"{np.count_nonzero(~keep):,} samples that do not show their label are left out"),
    )
    with atomic_parquet(output, SCHEMA) as file:
        for samples in corpus.batches():
            batch = samples.where(keep[samples.rows])
            order = pa.nulls(len(batch), pa.int32()) if batch.order is None else pa.array(batch.order)
            texts = (pa.array(batch.labels), pa.array(batch.writers), pa.array(batch.splits))
            columns = [images_to_arrow(batch.images), *texts, order, *boxes_to_arrow(batch.boxes, len(batch))]
            if len(batch):
                file.write_table(pa.table(columns, schema=SCHEMA))
        sign(file, "corpus", FORMAT, record_values(record))
    return Corpus.open(output)


def compare(corpus: Corpus, keep: NDArray[np.bool_], folder: Path, seeds: Sequence[int]) -> None:
    """Train a base of every seed on both corpora, and show how they read the validation writers."""
    folder.mkdir(parents=True, exist_ok=True)
    cleaned = folder / "without.parquet"
    corpora = {"with": corpus, "without": Corpus.open(cleaned) if cleaned.exists() else write(corpus, keep, cleaned)}
    rows = [judged(made(corpora[name], folder / f"{name}-{seed}"), corpus, name, seed) for seed in seeds for name in corpora]
    head = ("noise", "seed", "validation loss", "base", *(f"errors cut, {protocol}" for protocol in PROTOCOLS))
    show(f"{corpus.record.split_writers['validation']} validation writers, bases of 10 epochs", head, rows)


def made(corpus: Corpus, model: Path) -> Bundle:
    """The base at `model`; it is trained where it is not there."""
    if not model.exists():
        from allograph.training.run import train
        from allograph.training.schedule import Schedule

        seed = int(model.name.rpartition("-")[2])
        train(corpus, model, Schedule(STAGES, augment=True, seed=seed), resume=True, progress=said)
    return Bundle.open(model)


def judged(bundle: Bundle, corpus: Corpus, name: str, seed: int) -> tuple[str, ...]:
    """How a base reads the validation writers, and how the default method with the shipped parameters adapts it to them."""
    path = bundle.path.with_suffix(".embedded.parquet")
    if not path.exists() or EmbeddedCorpus.open(path).record.model_hash != bundle.model_hash:
        embed(corpus, Recognizer(bundle), path)
    writers = samples_by_writer(EmbeddedCorpus.open(path).samples(split="validation"))
    adapted = replace(bundle, config=replace(bundle.config, adapters=Bundle.open().config.adapters))
    methods = {"allograph": build("allograph", adapted)}
    cuts = [
        figures(replay_writers(writers, bundle.alphabet, methods, plan, 2)).methods["allograph"].error_cut or 0.0
        for plan in PROTOCOLS.values()
    ]
    loss, base = bundle.config.training["validation_loss"], bundle.config.accuracy["validation"] or 0.0
    return (name, str(seed), f"{loss:.4f}", f"{100 * base:.2f} %", *(f"{100 * cut:.1f} %" for cut in cuts))


if __name__ == "__main__":
    main()
