"""From a source to a corpus file (paper §4.2, §4.3)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from allograph.alphabet.labels import check_label
from allograph.corpora.box_columns import boxes_to_arrow, count_units
from allograph.corpora.corpus import FORMAT, SCHEMA, Corpus, images_to_arrow
from allograph.corpora.parquet import atomic_parquet, pa, sign
from allograph.corpora.record import CorpusRecord
from allograph.corpora.source import Rendered, Source
from allograph.corpora.sources import make_source
from allograph.errors import InputError, MismatchError
from allograph.execution import ordered_map
from allograph.files.records import record_values
from allograph.images.frames import PIXELS, Frame
from allograph.progress import Progress, silent
from allograph.samples.names import check_writer
from allograph.split import SPLITS, assign

ROWS = 4096
"""Samples in a task of a worker and in a row group of the file."""


def prepare(
    source: Source | str,
    output: str | Path,
    split: str = "paper",
    frame: Frame | None = None,
    jobs: int | None = 1,
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

    `split` is `paper`, `all` or a CSV file; `jobs` as in `execution.ordered_map`. Raises `MismatchError` when the source has no
    originals to render in another frame, `InputError` when it has no samples, and whatever its `listing` and `render` raise.
    """
    source = make_source(source, paths) if isinstance(source, str) else source
    frame = frame or source.frame
    if source.native and frame != source.frame:
        raise MismatchError(
            f"{source.name} holds finished images in the {source.frame} frame and no originals to render in the {frame} frame; "
            "leave out --frame, or prepare the originals with the folder source"
        )
    listing = source.listing()
    count = len(listing.labels)
    if not count:
        raise InputError(f"{source.name}: there are no samples in it")
    labels, label_of = _merge_spellings(listing.labels, check_label, source.name)
    writers, writer_of = _merge_spellings(listing.writers, check_writer, source.name)
    counts = np.bincount(writer_of)
    samples = dict(zip(writers.tolist(), counts.tolist(), strict=True))
    parts = (
        assign(split, samples, source.name) if listing.splits is None else {writer: listing.splits[writer] for writer in samples}
    )
    part_of = np.array([SPLITS.index(parts[writer]) for writer in writers.tolist()], dtype=np.int32)[writer_of]

    polarity, units = Counter[str](), Counter[str]()
    uneven = 0
    digests = np.empty(count, np.uint64)
    tasks = [range(start, min(start + ROWS, count)) for start in range(0, count, ROWS)]
    with atomic_parquet(output, SCHEMA) as file:
        progress("preparing", 0, count)
        for rows, rendered in zip(tasks, ordered_map(_render, (source, frame), tasks, jobs), strict=True):
            here = slice(rows.start, rows.stop)
            digests[here] = _digests(rendered.images)
            polarity.update(rendered.polarity)
            uneven += rendered.uneven
            units.update(count_units(rendered.boxes))
            order = None if listing.order is None else listing.order[here].astype(np.int32)
            columns = [
                images_to_arrow(rendered.images),
                _text(labels, label_of[here]),
                _text(writers, writer_of[here]),
                _text(np.array(SPLITS), part_of[here]),
                pa.nulls(len(rows), pa.int32()) if order is None else pa.array(order),
                *boxes_to_arrow(rendered.boxes, len(rows)),
            ]
            file.write_table(pa.table(columns, schema=SCHEMA), row_group_size=ROWS)
            progress("preparing", rows.stop, count)
        record = CorpusRecord(
            source=source.name,
            frame=frame,
            samples=count,
            labels=len(labels),
            writers=len(writers),
            split_samples={part: int(np.count_nonzero(part_of == i)) for i, part in enumerate(SPLITS)},
            split_writers={part: sum(1 for other in parts.values() if other == part) for part in SPLITS},
            polarity=dict(polarity),
            boxes=dict(units),
            shared_images=_count_shared(digests, part_of),
            notes=(*listing.notes, *([f"{uneven:,} pictures were in uneven light, which was evened out"] if uneven else [])),
            origin=source.origin,
            licence=source.licence,
            split=Path(split).name if listing.splits is None else "shipped",
        )
        sign(file, "corpus", FORMAT, record_values(record))
    return Corpus.open(output)


def _render(shared: tuple[Source, Frame], rows: range) -> Rendered:
    source, frame = shared
    return source.render(rows, frame)


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
