"""Boxes in research files: from an archive through corpus, fold and embedded corpus, row for row; older files have none."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, cast

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from allograph.cli.info import describe
from allograph.corpora.box_columns import FIELDS, NAMES, boxes_of, boxes_to_arrow, count_units
from allograph.corpora.corpus import Corpus
from allograph.corpora.folds import fold
from allograph.corpora.npz.source import NpzSource
from allograph.corpora.preparation import ROWS, prepare
from allograph.embedding import EmbeddedCorpus, embed
from allograph.errors import FormatError, InputError
from allograph.evaluation.protocols import samples_by_writer
from allograph.readings import Samples
from allograph.recognizer import Recognizer
from allograph.samples import Box, Boxes
from allograph.training.statistics import TrainWriters
from allograph.training.survey import survey
from small import allograph, noise_archive, noise_corpus, tiny_bundle

SAMPLES = 2 * ROWS + 100
LABELS, WRITERS = [str(i % 10) for i in range(SAMPLES)], [f"w{i % 7}" for i in range(SAMPLES)]

edges = st.floats(-1e9, 1e9, width=32)
one_box = st.builds(
    lambda x, y, unit, device, baseline: Box(*(min(x), min(y), max(x), max(y)), unit, device, baseline),
    st.tuples(edges, edges),
    st.tuples(edges, edges),
    st.sampled_from(["millimetres", "device"]),
    st.text(st.characters(categories=["L", "Nd"]), max_size=200),
    st.none() | edges,
)


@settings(deadline=None)
@given(st.lists(st.none() | one_box))
def test_boxes_come_back_from_a_file_as_they_went_in(given_boxes: list[Box | None]) -> None:
    table = pa.table(boxes_to_arrow(Boxes.of(given_boxes), len(given_boxes)), schema=pa.schema(FIELDS))
    file = pa.BufferOutputStream()
    pq.write_table(table, file, row_group_size=3)
    found = boxes_of(pq.read_table(pa.BufferReader(file.getvalue())), "it")
    if found is None:
        assert not any(given_boxes)
    else:
        assert [found.box(i) for i in range(len(found))] == given_boxes
    units = [box.unit for box in given_boxes if box]
    assert count_units(found) == {unit: units.count(unit) for unit in set(units)}


def some_boxes(count: int = SAMPLES) -> dict[str, Any]:
    """The arrays of an archive: every fifth box is missing, every third is in millimetres."""
    corner = np.random.default_rng(1).normal(size=(count, 2)).astype(np.float32)
    box = np.concatenate([corner, corner + np.arange(count)[:, None] % 9], axis=1).astype(np.float32)
    box[::5] = np.nan
    return {
        "box": box,
        "millimetres": np.arange(count) % 3 == 0,
        "device": np.array(["pen", "tablet é"])[np.arange(count) % 2],
        "baseline": np.where(np.arange(count) % 4 == 0, np.nan, corner[:, 1] + 3).astype(np.float32),
    }


def expected(rows: Any) -> Boxes:
    """Those boxes as a corpus has them: what is missing has nothing."""
    arrays = some_boxes()
    known = ~np.isnan(arrays["box"][:, 0])
    every = Boxes(
        arrays["box"],
        np.where(known, arrays["baseline"], np.float32(np.nan)),
        arrays["millimetres"] & known,
        np.where(known, arrays["device"], ""),
    )
    return every.at(rows)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    folder = tmp_path_factory.mktemp("boxes")
    archive = noise_archive(folder / "noise.npz", LABELS, WRITERS, **some_boxes())
    (folder / "split.csv").write_text(
        "writer,split\n" + "".join(f"w{i},{'train' if i < 4 else 'validation' if i == 4 else 'application'}\n" for i in range(7))
    )
    return prepare(NpzSource(archive), folder / "noise.parquet", str(folder / "split.csv"), jobs=2)


@pytest.fixture(scope="module")
def recognizer(tmp_path_factory: pytest.TempPathFactory) -> Recognizer:
    return Recognizer(tiny_bundle(tmp_path_factory.mktemp("bundle") / "bundle"), threads=1)


def test_a_corpus_has_the_boxes_of_its_source(corpus: Corpus) -> None:
    assert corpus.boxes == expected(slice(None))
    assert corpus.boxes is not None
    assert corpus.record.boxes == count_units(corpus.boxes)
    assert sum(corpus.record.boxes.values()) == np.count_nonzero(~np.isnan(some_boxes()["box"][:, 0]))
    for samples in corpus.batches("application"):
        assert samples.boxes == expected(samples.rows)
    assert Corpus.open(corpus.path).record.boxes == corpus.record.boxes
    assert describe(corpus.path)[1]["boxes"] == corpus.record.boxes


def test_boxes_cost_little(corpus: Corpus, tmp_path: Path) -> None:
    """Random numbers do not shrink; the unit and the device cost next to nothing beside them."""
    bare = noise_corpus(tmp_path / "bare.parquet", LABELS, WRITERS)
    assert corpus.path.stat().st_size - bare.path.stat().st_size < SAMPLES * (4 * 5 + 1)


def test_a_fold_keeps_the_boxes(corpus: Corpus, tmp_path: Path) -> None:
    held = fold(corpus, 1, 2, tmp_path / "fold.parquet")
    assert held.boxes == expected(np.flatnonzero(corpus.splits != "application"))
    assert held.record.boxes == count_units(held.boxes)


def test_an_embedded_corpus_has_the_boxes_of_its_corpus(corpus: Corpus, recognizer: Recognizer, tmp_path: Path) -> None:
    embedded = embed(corpus, recognizer, tmp_path / "embedded.parquet")
    assert embedded.boxes == corpus.boxes
    samples = embedded.samples(split="validation")
    assert samples.boxes == expected(samples.rows)
    chosen = np.zeros(len(corpus), bool)
    chosen[[0, 5, ROWS, ROWS + 1]] = True
    parts = list(embedded.parts(chosen))
    assert [part.boxes for part in parts] == [None, expected([ROWS, ROWS + 1])]
    assert embedded.samples(chosen).boxes == expected([0, 5, ROWS, ROWS + 1])
    assert describe(embedded.path)[1]["corpus"]["boxes"] == corpus.record.boxes
    for writer in samples_by_writer(samples):
        assert writer.samples.boxes == expected(samples.rows[samples.writers == writer.writer])


def test_a_corpus_without_boxes_says_nothing_of_them(recognizer: Recognizer, tmp_path: Path) -> None:
    bare = noise_corpus(tmp_path / "bare.parquet", ["1", "2"], ["ana", "ben"])
    assert bare.boxes is None
    assert bare.record.boxes == {}
    assert [samples.boxes for samples in bare.batches()] == [None]
    assert "boxes" not in describe(bare.path)[1]
    embedded = embed(bare, recognizer, tmp_path / "embedded.parquet")
    assert embedded.boxes is None
    assert embedded.samples().boxes is None


def as_format_1(path: Path) -> None:
    """Write a file again as the release before wrote it: without boxes, in its columns and in its record."""
    table, record = pq.read_table(path), json.loads(pq.ParquetFile(path).metadata.metadata[b"allograph"])
    record["format"] = 1
    record.get("corpus", record).pop("boxes")
    older = table.drop_columns(list(NAMES)).replace_schema_metadata({b"allograph": json.dumps(record).encode()})
    pq.write_table(older, path, row_group_size=ROWS)


def test_files_of_format_1_open_without_boxes(corpus: Corpus, recognizer: Recognizer, tmp_path: Path) -> None:
    older = tmp_path / "older.parquet"
    older.write_bytes(corpus.path.read_bytes())
    as_format_1(older)
    opened = Corpus.open(older)
    assert opened.boxes is None
    assert opened.record.boxes == {}
    assert opened.labels.tolist() == LABELS
    assert all(samples.boxes is None for samples in opened.batches())
    assert fold(opened, 1, 2, tmp_path / "fold.parquet").boxes is None
    embedded = embed(opened, recognizer, tmp_path / "embedded.parquet")
    before = embedded.samples()
    as_format_1(embedded.path)
    again = EmbeddedCorpus.open(embedded.path)
    assert again.boxes is None
    assert again.samples() == before


def test_a_file_of_format_2_lacks_no_column_of_boxes(corpus: Corpus, tmp_path: Path) -> None:
    record = pq.ParquetFile(corpus.path).metadata.metadata
    pq.write_table(pq.read_table(corpus.path).drop_columns(["device"]).replace_schema_metadata(record), tmp_path / "it.parquet")
    with pytest.raises(FormatError, match=r"it\.parquet has no column device"):
        Corpus.open(tmp_path / "it.parquet")


@pytest.mark.parametrize(
    ("column", "value", "said"),
    [
        ("box", [3.0, 0, 2, 1], "ends before it begins"),
        ("box", [0.0, 0, float("inf"), 1], "finite"),
        ("unit", "inches", "the unit 'inches' is none"),
        ("device", "a\nb", "printable"),
        ("baseline", float("inf"), "finite"),
    ],
)
def test_a_box_in_a_file_that_cannot_be_one_is_refused(tmp_path: Path, column: str, value: Any, said: str) -> None:
    row = {"box": [0.0, 0, 1, 1], "unit": "device", "device": "", "baseline": None, column: value}
    table = pa.Table.from_pylist([row], pa.schema(FIELDS))
    with pytest.raises(FormatError, match=rf"^it holds a box that cannot be one \(.*{said}"):
        boxes_of(table, "it")


def boxed(folder: Path, beside: bool = False, **changes: Any) -> NpzSource:
    """Five samples with boxes, in the archive or in one beside it, some arrays exchanged, or left out where they are None."""
    arrays = {name: array for name, array in {**some_boxes(5), **changes}.items() if array is not None}
    here: dict[str, Any] = {} if beside else arrays
    noise_archive(folder / "some.npz", list("abcde"), ["w"] * 5, **here)
    if beside:
        np.savez(folder / "beside.npz", **arrays)
    return NpzSource(folder / "some.npz", boxes=folder / "beside.npz" if beside else None)


@pytest.mark.parametrize("beside", [False, True])
def test_an_archive_may_have_no_more_than_boxes(tmp_path: Path, beside: bool) -> None:
    source = boxed(tmp_path, beside, millimetres=None, device=None, baseline=None)
    found = source.render(range(1, 4), "mnist").boxes
    assert found is not None
    boxes = [tuple(row) for row in some_boxes(5)["box"][1:4].tolist()]
    assert [found.box(i) for i in range(3)] == [Box(*box) for box in boxes]


def changed(place: int, *edges: float) -> dict[str, Any]:
    box = some_boxes(5)["box"]
    box[place] = edges
    return {"box": box}


@pytest.mark.parametrize(
    ("changes", "error", "said"),
    [
        (changed(2, 0, 0, -1, 3), InputError, r"box\[2\]: .*ends before it begins"),
        (changed(3, 0, 4, 1, 3), InputError, r"box\[3\]: .*ends before it begins"),
        (changed(1, 0, 0, np.inf, 3), InputError, r"box\[1\]: .*finite"),
        (changed(4, np.nan, 0, 1, 1), InputError, r"box\[4\]: .*finite"),
        ({"box": some_boxes(4)["box"]}, FormatError, "box has 4 entries and labels has 5"),
        ({"box": np.zeros((5, 3), "f4")}, FormatError, r"box is numbers \[n, 4\]; this is float32 \[5, 3\]"),
        ({"box": np.zeros((5, 4), "U1")}, FormatError, r"box is numbers \[n, 4\]; this is <U1"),
        ({"box": np.full((5, 4), 1e300)}, InputError, r"box\[0\]: .*finite"),
        ({"millimetres": np.ones(6, bool)}, FormatError, "millimetres has 6 entries"),
        ({"millimetres": np.arange(5)}, FormatError, "millimetres is true or false"),
        ({"millimetres": np.ones(5)}, FormatError, r"millimetres is true or false \[n\]; this is float64"),
        ({"device": np.array(["x"] * 4 + ["a\nb"])}, InputError, r"box\[4\]: a device is named by"),
        ({"baseline": np.array([0, np.inf, 0, 0, 0])}, InputError, r"box\[1\]: .*finite"),
    ],
)
@pytest.mark.parametrize("beside", [False, True])
def test_boxes_that_cannot_be_are_refused_with_their_place(
    tmp_path: Path, beside: bool, changes: dict[str, Any], error: type[Exception], said: str
) -> None:
    with pytest.raises(error, match=rf"{'beside' if beside else 'some'}\.npz: {said}"):
        boxed(tmp_path, beside, **changes).listing()


def test_an_archive_of_boxes_has_boxes(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match=r"beside\.npz holds no array box; boxes are box \[n, 4\], in the order of .*some\.npz"):
        boxed(tmp_path, beside=True, box=None).listing()


def test_the_command_takes_boxes_for_npz_alone(tmp_path: Path) -> None:
    boxed(tmp_path, beside=True)
    done = allograph("prepare", "npz", "some.npz", "--boxes", "beside.npz", "--split", "all", "--json", cwd=tmp_path)
    corpus = Corpus.open(tmp_path / "corpus.parquet")
    assert json.loads(done.stdout)["boxes"] == corpus.record.boxes == {"millimetres": 1, "device": 3}
    done = allograph("prepare", "digits", "--boxes", "beside.npz", cwd=tmp_path, status=2)
    assert "--boxes is for npz" in done.stderr


def test_the_boxes_of_unipen(shared: Path) -> None:
    source = NpzSource(shared / "data" / "unipen.npz", boxes=shared / "data" / "unipen_size.npz")
    count = len(source.listing().labels)
    boxes = source.render(range(count), "mnist").boxes
    with np.load(shared / "data" / "unipen_size.npz") as given_arrays:
        assert boxes is not None
        np.testing.assert_array_equal(boxes.edges, given_arrays["box"])
        np.testing.assert_array_equal(boxes.millimetres, given_arrays["millimetres"])


class Heard:
    """What a survey tells of the samples of train writers."""

    def __init__(self) -> None:
        self.rows: list[int] = []
        self.boxes: list[Boxes | None] = []
        self.record: dict[str, int] = {}

    def add(self, rows: NDArray[np.int64], embedded: Samples) -> None:
        """As `TrainWriters.add`."""
        self.rows += rows.tolist()
        self.boxes.append(embedded.boxes)


def test_statistics_are_told_the_boxes(recognizer: Recognizer, tmp_path: Path) -> None:
    archive = noise_archive(tmp_path / "noise.npz", LABELS[:60], WRITERS[:60], **some_boxes(60))
    (tmp_path / "split.csv").write_text("writer,split\n" + "".join(f"w{i},train\n" for i in range(7)))
    corpus, heard = prepare(NpzSource(archive), tmp_path / "noise.parquet", str(tmp_path / "split.csv")), Heard()
    survey(recognizer, corpus, tmp_path, train_writers=cast("TrainWriters", heard))
    assert heard.rows == list(range(60))
    assert heard.boxes == [corpus.boxes]
    assert corpus.boxes is not None
