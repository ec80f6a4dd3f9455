"""From a source to a corpus file (paper §4.2, §4.3)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from allograph.alphabet.labels import check_label
from allograph.corpora.box_columns import boxes_to_arrow, count_units
from allograph.corpora.corpus import LAYOUT, SCHEMA, Corpus, images_to_arrow
from allograph.corpora.parquet import pa
from allograph.corpora.place import Place
from allograph.corpora.record import CorpusRecord
from allograph.corpora.source import Listing, ReadFirst, Source
from allograph.corpora.sources import make_source
from allograph.corpora.table_output import table_output
from allograph.errors import InputError, MismatchError
from allograph.execution import Jobs
from allograph.files.records import record_values
from allograph.images.frames import PIXELS, Frame
from allograph.progress import Progress, silent
from allograph.samples.names import check_writer
from allograph.split import SPLITS, Split, assign

SHIPPED = "shipped"
"""The split that the shipped bundle was trained with."""
ROWS = 4096
"""Samples in a task of a worker and in a row group of the file."""


def prepare(
    source: Source | str,
    output: Place,
    split: str | None = None,
    frame: Frame | None = None,
    jobs: Jobs = 1,
    progress: Progress = silent,
    *,
    paths: Sequence[str | Path] = (),
) -> Corpus:
    """Render every sample of `source`, split its writers, write the corpus, and open it.

    `source` may be the name of one in `sources.SOURCES`, with the `paths` that it reads.

    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     corpus = prepare("digits", f"{folder}/digits.parquet", split="all")
    ...     corpus.record.writers, corpus.record.rows()[2]
    (14, {'split': 'application', 'samples': 1797, 'writers': 14})

    `split` is `paper`, `all`, `knn-per` or a CSV file (`split.assign`), or for unipen `shipped`, the samples, writers and split
    of the shipped bundle; None is the source's own split where it has one, else `paper`. `jobs` says who renders
    (`execution.Jobs`). An `output` that ends with a slash is a folder of parts, and may be a URL. Raises `MismatchError` when
    the source has no originals to render in another frame, `InputError` when it has no samples or no such split, and whatever
    its `listing` and `render` raise.
    """
    if isinstance(source, str):
        source = make_source(source, paths, **({"shipped": True} if source == "unipen" and split == SHIPPED else {}))
    frame = frame or source.frame
    if source.native and frame != source.frame:
        raise MismatchError(
            f"{source.name} holds finished images in the {source.frame} frame and no originals to render in the {frame} frame; "
            "leave out --frame, or prepare the originals with the folder source"
        )
    if isinstance(source, ReadFirst):
        source.read(progress)
    listing = source.listing()
    count = len(listing.labels)
    if not count:
        raise InputError(f"{source.name}: there are no samples in it")
    labels, label_of = _merge_spellings(listing.labels, check_label, source.name)
    writers, writer_of = _merge_spellings(listing.writers, check_writer, source.name)
    counts = np.bincount(writer_of)
    samples = dict(zip(writers.tolist(), counts.tolist(), strict=True))
    rule = split or ("paper" if listing.splits is None else SHIPPED)
    parts: Mapping[str, Split] = assign(rule, samples, source.name) if rule != SHIPPED else _own_split(listing, source.name)
    part_of = np.array([SPLITS.index(parts[writer]) for writer in writers.tolist()], dtype=np.int32)[writer_of]

    polarity, units = Counter[str](), Counter[str]()
    uneven = 0
    digests = np.empty(count, np.uint64)
    order = None if listing.order is None else listing.order.astype(np.int32)
    tasks = [
        _Rows(rows, label_of[here], writer_of[here], part_of[here], None if order is None else order[here])
        for rows in (range(start, min(start + ROWS, count)) for start in range(0, count, ROWS))
        for here in [slice(rows.start, rows.stop)]
    ]
    with table_output(output, LAYOUT) as file:
        progress("preparing", 0, count)
        made = file.fill(_Preparation.make, _Preparation(source, frame, labels, writers), tasks, jobs)
        for task, part in zip(tasks, made, strict=True):
            digests[task.rows.start : task.rows.stop] = part.digests
            polarity.update(part.polarity)
            uneven += part.uneven
            units.update(part.units)
            progress("preparing", task.rows.stop, count)
        record = CorpusRecord(
            source=source.name,
            frame=frame,
            samples=count,
            labels=len(labels),
            writers=len(writers),
            split_samples={part: int(np.count_nonzero(part_of == i)) for i, part in enumerate(SPLITS)},
            split_writers={part: sum(parts[writer] == part for writer in samples) for part in SPLITS},
            polarity=dict(polarity),
            boxes=dict(units),
            shared_images=_count_shared(digests, part_of),
            notes=(*listing.notes, *([f"{uneven:,} pictures were in uneven light, which was evened out"] if uneven else [])),
            origin=source.origin,
            licence=source.licence,
            split=Path(rule).name,
        )
        file.sign(record_values(record))
    return Corpus.open(output)


def _own_split(listing: Listing, source: str) -> Mapping[str, Split]:
    if listing.splits is None:
        raise InputError(f"{source} has no split of the shipped bundle; unipen has, where that is asked for")
    return listing.splits


@dataclass(frozen=True)
class _Rows:
    """A row group: which samples, and what the listing says of them, as places in what all share."""

    rows: range
    label_of: NDArray[np.intp]
    writer_of: NDArray[np.intp]
    part_of: NDArray[np.int32]
    order: NDArray[np.int32] | None


@dataclass(frozen=True)
class _Prepared:
    """What the record needs to know of a row group."""

    digests: NDArray[np.uint64]
    polarity: Counter[str]
    uneven: int
    units: Counter[str]


@dataclass(frozen=True)
class _Preparation:
    """What is the same for all row groups; each worker is sent it once."""

    source: Source
    frame: Frame
    labels: NDArray[np.str_]
    writers: NDArray[np.str_]

    def make(self, task: _Rows) -> tuple[pa.Table, _Prepared]:
        """The samples of a row group as columns."""
        rendered = self.source.render(task.rows, self.frame)
        columns = [
            images_to_arrow(rendered.images),
            _text(self.labels, task.label_of),
            _text(self.writers, task.writer_of),
            _text(np.array(SPLITS), task.part_of),
            pa.nulls(len(task.rows), pa.int32()) if task.order is None else pa.array(task.order),
            *boxes_to_arrow(rendered.boxes, len(task.rows)),
        ]
        known = _Prepared(_digests(rendered.images), rendered.polarity, rendered.uneven, count_units(rendered.boxes))
        return pa.table(columns, schema=SCHEMA), known


def _merge_spellings(
    texts: NDArray[np.str_], check: Callable[[str], str], source: str
) -> tuple[NDArray[np.str_], NDArray[np.intp]]:
    """The distinct texts in the form that `check` gives them, which may make one of two, and which of them each is, [n]."""
    distinct, place, which = np.unique(texts, return_index=True, return_inverse=True)
    forms = []
    for text, first in zip(distinct.tolist(), place.tolist(), strict=True):
        try:
            forms.append(check(text))
        except InputError as error:
            raise InputError(f"{source}, sample {first}: {error}") from None
    merged, place_of = np.unique(forms, return_inverse=True)
    return merged, place_of[which]


def _text(values: NDArray[np.str_], codes: NDArray[np.integer]) -> pa.Array:
    return pa.DictionaryArray.from_arrays(pa.array(codes, pa.int32()), pa.array(values.tolist(), pa.string())).cast(pa.string())


def _digests(images: NDArray[np.uint8]) -> NDArray[np.uint64]:
    """64 bits of each image, uint64 [n]: equal for equal images, and almost never else (a multilinear hash of the pixels)."""
    keys = np.random.default_rng(0).integers(1, 2**63, PIXELS, dtype=np.uint64)
    with np.errstate(over="ignore"):
        return (images.reshape(-1, PIXELS).astype(np.uint64) * keys).sum(axis=1, dtype=np.uint64)


def _count_shared(digests: NDArray[np.uint64], part_of: NDArray[np.int32]) -> int:
    """How many images occur in more than one split."""
    _, image_of = np.unique(digests, return_inverse=True)
    seen = np.zeros((image_of.max() + 1, len(SPLITS)), bool)
    seen[image_of, part_of] = True
    return int(np.count_nonzero(seen.sum(axis=1) > 1))
