"""docs/formats.md says what the code writes: versions, columns, sources, arrays."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest

from allograph import Sample, Writer
from allograph.adapters import ADAPTERS
from allograph.bundle import config
from allograph.corpora import corpus
from allograph.corpora.lines import corpus as lines
from allograph.corpora.preparation import SHIPPED
from allograph.corpora.sources import SOURCES
from allograph.embedding import FORMAT as EMBEDDED
from allograph.evaluation.lines import outcome
from allograph.evaluation.report import predictions, results
from allograph.profiles import archive, backup_file
from allograph.profiles.tables import metadata
from allograph.split import RULES

PAGE = (Path(__file__).parent.parent / "docs" / "formats.md").read_text(encoding="utf-8")
VERSIONS = {
    "corpus": corpus.FORMAT,
    "corpus of lines": lines.FORMAT,
    "embedded corpus": EMBEDDED,
    "bundle": config.FORMAT,
    "results": results.FORMAT,
    "results of lines": outcome.FORMAT,
    "predictions": predictions.FORMAT,
    "exported profile": archive.FORMAT,
    "backup": backup_file.FORMAT,
}
STROKES = [[(0, 0), (40, 90)], [(20, 45), (60, 40)]]


def section(title: str) -> str:
    """The text below a heading."""
    return re.split(r"^## ", PAGE.partition(f"\n## {title}\n")[2], maxsplit=1, flags=re.MULTILINE)[0]


def rows(text: str, count: int) -> Iterator[list[str]]:
    """The cells of the rows of all tables of so many columns."""
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split(" | ")]
        if line.startswith("| ") and not line.startswith("| ---") and len(cells) == count:
            yield cells


def quoted(text: str) -> list[str]:
    return re.findall(r"`([^`]+)`", text)


@pytest.mark.parametrize("name", VERSIONS)
def test_versions(name: str) -> None:
    versions = {cells[0].partition("]")[0][1:]: cells[3] for cells in rows(PAGE, 4)}
    assert re.match(r"\d+", versions[name].strip())[0] == str(VERSIONS[name])  # type: ignore[index]
    said = [cells[1] for cells in rows(section(name.capitalize()), 2) if "`format`" in cells[0]]
    assert all(str(VERSIONS[name]) in quoted(text) + quoted(text.replace('`"', "")) for text in said)


@pytest.mark.parametrize(
    ("title", "schema"),
    [("Corpus", corpus.SCHEMA), ("Corpus of lines", lines.SCHEMAS[lines.FORMAT]), ("Predictions", pa.schema(predictions.FIXED))],
)
def test_columns_of_parquet_files(title: str, schema: pa.Schema) -> None:
    told = [name for cells in rows(section(title), 3) for name in quoted(cells[0]) if not name.startswith("NAME")]
    assert told == schema.names


def test_sources_and_splits() -> None:
    told = {cells[0]: set(quoted(cells[1])) for cells in rows(section("Corpus"), 2)}
    assert told["`source`"] == set(SOURCES)
    assert told["`split`"] == {*RULES, SHIPPED}


@pytest.mark.parametrize("table", metadata.tables.values(), ids=str)
def test_columns_of_the_store(table: object) -> None:
    name = str(table)
    (cell,) = [cells[2] for cells in rows(section("Store"), 3) if quoted(cells[0]) == [name]]
    assert set(quoted(cell)) == set(metadata.tables[name].columns.keys())


@pytest.mark.parametrize("name", [*ADAPTERS, "memory+size"])
def test_arrays_of_states(name: str) -> None:
    writer = Writer("ana", adapter=name)
    for label, new in (("y", False), ("v", False), ("Ж", True)):
        writer.correct(writer.read(Sample.from_ink(STROKES, unit="millimetres")), label, new=new)
    parts = re.split(r"^The state of ", section("State"), flags=re.MULTILINE)[1:]
    told = {quoted(part.partition(",")[0])[0] if part.startswith("`") else "": part for part in parts}
    part = told.get("allograph" if name.startswith("allograph") else name, told[""])
    assert re.search(rf"version (is )?{writer.adapter.version},", part)
    types = dict(pair for cells in rows(part, 3) if quoted(cells[0]) for pair in pairs(*cells[:2]))
    if name.endswith("+size"):
        types |= {"sizes": {"float16"}, "scales": {"uint32"}}
    arrays = writer.state.arrays
    assert set(arrays) == set(types)
    assert all(str(arrays[array].dtype) in kinds for array, kinds in types.items())


def pairs(names: str, types: str) -> list[tuple[str, set[str]]]:
    """Each array of a row, with the types that it may have."""
    arrays, kinds = quoted(names), [part for part in re.split(r"(?<=\]), ", types) if part]
    if len(kinds) < len(arrays):
        kinds *= len(arrays)
    return [(array, set(re.findall(r"u?int\d+|float\d+|bool", kind))) for array, kind in zip(arrays, kinds, strict=True)]
