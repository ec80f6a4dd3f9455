"""From lines and their texts to a corpus of lines."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
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
from allograph.execution import Jobs
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
    jobs: Jobs = 1,
    *,
    origin: str = "",
    licence: str = "",
) -> LineCorpus:
    """Read lines, split their writers, write the corpus, and open it.

    `lines` is the path of an npz archive, or what `open_lines` opened. `split` is `paper` (by the number of a writer's
    characters), `all` or a CSV file; None is the archive's own, or `paper` where it has none. `origin` and `licence` are noted
    in the corpus. `jobs` says who makes the row groups (`execution.Jobs`): each worker reads the archive itself, and is sent the
    lines of any other source. An `output` that ends with a slash is a folder of parts, and may be a URL. Raises whatever
    `LineArchive` raises, and `InputError` where a file leaves out a writer.
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
        made = file.fill(_LinePreparation.make, _LinePreparation(archive, split_of), groups, jobs)
        for places, found in zip(groups, made, strict=True):
            split_lines.update(found.splits)
            units.update(found.units)
            known += found.known_cuts
            for digest, part in zip(found.digests, found.splits, strict=True):
                splits_with.setdefault(digest, set()).add(part)
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


@dataclass(frozen=True)
class _PreparedLines:
    """What the record needs to know of a row group."""

    splits: list[Split]
    """[n] of each line."""
    digests: list[bytes]
    """[n] likewise."""
    units: Counter[str]
    known_cuts: int


@dataclass(frozen=True)
class _LinePreparation:
    """What is the same for all row groups; each worker is sent it once."""

    source: LineSource
    split_of: Mapping[str, Split]

    def make(self, places: range) -> tuple[pa.Table, _PreparedLines]:
        """The lines of a row group as columns."""
        lines = [self.source.line(place, self.split_of[str(self.source.writers[place])]) for place in places]
        known = sum(line.characters is not None for line in lines)
        units = Counter[str](line.unit for line in lines)
        return lines_to_arrow(lines), _PreparedLines([line.split for line in lines], [*map(_digest, lines)], units, known)


def _digest(line: LabelledLine) -> bytes:
    """16 bytes that are equal for equal strokes, and never else."""
    digest = blake2b(digest_size=16)
    for stroke in line.strokes:
        digest.update(len(stroke).to_bytes(8, "little"))
        digest.update(stroke.tobytes())
    return digest.digest()
