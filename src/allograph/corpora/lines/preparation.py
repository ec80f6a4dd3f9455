"""From lines and their texts to a corpus of lines."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from hashlib import blake2b
from pathlib import Path

from allograph.corpora.lines.archive import LineArchive
from allograph.corpora.lines.columns import lines_to_arrow
from allograph.corpora.lines.corpus import LAYOUT, LineCorpus
from allograph.corpora.lines.line import LabelledLine
from allograph.corpora.lines.record import LineCorpusRecord
from allograph.corpora.lines.source import LineSource
from allograph.corpora.lines.text import characters_of
from allograph.corpora.parquet import pa
from allograph.corpora.place import Place
from allograph.corpora.table_output import table_output
from allograph.files.records import record_values
from allograph.progress import Progress, silent
from allograph.split import SPLITS, Split, assign

ROWS = 256
"""Lines in a row group of the file."""


def prepare_lines(
    lines: LineSource | str | Path,
    output: Place,
    split: str | None = None,
    progress: Progress = silent,
    *,
    origin: str = "",
    licence: str = "",
) -> LineCorpus:
    """Read lines, split their writers, write the corpus, and open it.

    `lines` is the path of an npz archive, or what `open_lines` opened. `split` is `paper` (by the number of a writer's
    characters), `all` or a CSV file; None is the archive's own, or `paper` where it has none. `origin` and `licence` are noted
    in the corpus. Raises whatever `LineArchive` raises, and `InputError` where a file leaves out a writer.
    """
    archive = LineArchive.open(lines) if isinstance(lines, str | Path) else lines
    counts, labels = Counter[str](), set[str]()
    for text, writer in zip(archive.texts.tolist(), archive.writers.tolist(), strict=True):
        characters = characters_of(text)
        counts[writer] += len(characters)
        labels.update(characters)
    own = archive.splits() if split is None else None
    rule = split or "paper"
    split_of = own or assign(rule, counts, "lines")

    split_lines, units, known = Counter[str](), Counter[str](), 0
    splits_with: dict[bytes, set[str]] = {}
    groups = [range(start, min(start + ROWS, len(archive))) for start in range(0, len(archive), ROWS)]
    with table_output(output, LAYOUT) as file:
        progress("preparing", 0, len(archive))
        for places, batch in zip(groups, file.fill(_read, (archive, split_of), groups, 1), strict=True):
            for line in batch:
                split_lines[line.split] += 1
                units[line.unit] += 1
                known += line.characters is not None
                splits_with.setdefault(_digest(line), set()).add(line.split)
            progress("preparing", places.stop, len(archive))
        record = LineCorpusRecord(
            source=archive.name,
            lines=len(archive),
            characters=counts.total(),
            labels=len(labels),
            writers=len(counts),
            split_lines={part: split_lines[part] for part in SPLITS},
            split_writers={part: sum(1 for other in split_of.values() if other == part) for part in SPLITS},
            known_cuts=known,
            units=dict(units),
            shared_lines=sum(1 for parts in splits_with.values() if len(parts) > 1),
            notes=archive.notes,
            origin=origin or archive.origin,
            licence=licence or archive.licence,
            split=Path(rule).name if own is None else archive.name,
        )
        file.sign(record_values(record))
    return LineCorpus.open(output)


def _read(shared: tuple[LineSource, Mapping[str, Split]], places: range) -> tuple[pa.Table, list[LabelledLine]]:
    """The lines of a row group, as columns and as they are."""
    archive, split_of = shared
    lines = [archive.line(place, split_of[str(archive.writers[place])]) for place in places]
    return lines_to_arrow(lines), lines


def _digest(line: LabelledLine) -> bytes:
    """16 bytes that are equal for equal strokes, and never else."""
    digest = blake2b(digest_size=16)
    for stroke in line.strokes:
        digest.update(len(stroke).to_bytes(8, "little"))
        digest.update(stroke.tobytes())
    return digest.digest()
