"""Writers who are read where their samples stand: the same as if all samples were in memory, whoever reads them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from allograph.adapters.lookup import Lookup
from allograph.corpora import preparation as preparing
from allograph.corpora.text_column import TextColumn
from allograph.embedding import EmbeddedCorpus, embed
from allograph.errors import FormatError, UnknownLabel
from allograph.evaluation import Resample
from allograph.evaluation.protocols import replay_writers, samples_by_writer, stored_writers
from allograph.evaluation.protocols.answers import MethodAnswers, WriterAnswers
from allograph.evaluation.protocols.replay import replay_stored
from allograph.evaluation.protocols.stored_writers import StoredWriters
from allograph.recognizer import Recognizer
from allograph.samples.equality import equal
from small import DIGITS, noise_corpus, tiny_bundle

COUNT = 90
WRITERS = ["ana", "bo", "cy"]


@pytest.fixture
def embedded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> EmbeddedCorpus:
    """Three writers, `ana` and `bo` in turn and then `cy`, in row groups of ten; the last thirty samples have boxes."""
    monkeypatch.setattr(preparing, "ROWS", 10)
    labels = [str(place // 2 % 10) for place in range(COUNT)]
    writers = [WRITERS[place % 2] if place < 60 else "cy" for place in range(COUNT)]
    box = np.full((COUNT, 4), np.nan, np.float32)
    box[60:] = (1, 2, 3, 5)
    corpus = noise_corpus(tmp_path / "noise.parquet", labels, writers, order=np.arange(COUNT)[::-1], box=box)
    return embed(corpus, Recognizer(tiny_bundle(tmp_path / "bundle"), threads=1), tmp_path / "embedded.parquet")


def everyone(embedded: EmbeddedCorpus) -> StoredWriters:
    return StoredWriters.of(embedded, np.ones(len(embedded), np.bool_))


@pytest.mark.parametrize("workers", [1, 2, 50])
@pytest.mark.parametrize("most", [1, 30, 45, 8_192])
def test_groups_hold_what_all_samples_in_memory_hold(
    embedded: EmbeddedCorpus, workers: int, most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stored_writers, "GROUP", most)
    offered = np.arange(10) < 7
    expected = samples_by_writer(embedded.samples(), offered)
    stored = everyone(embedded)
    groups = list(stored.groups(workers, offered))
    assert sum(map(len, groups)) == COUNT
    found = [one for group in groups for one in group.read()]
    assert len(found) == len(stored) == 3
    for one, other, known in zip(expected, found, stored, strict=True):
        assert one.writer == other.writer == known.writer
        assert equal(one.samples, other.samples)
        assert equal(one.order, other.order)
        assert equal(one.order, known.order)
        assert known.labels.tolist() == list(one.samples.labels)
    assert sorted(np.concatenate([one.rows for one in stored]).tolist()) == list(range(COUNT))


def test_a_corpus_whose_writers_are_scattered_is_read_as_seldom_as_may_be(
    embedded: EmbeddedCorpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stored_writers, "SCATTERED_SHARES", 1)
    assert not everyone(embedded).are_scattered
    assert len(list(everyone(embedded).groups(1))) == 3
    monkeypatch.setattr(stored_writers, "FEW", 0)
    assert everyone(embedded).are_scattered
    (group,) = everyone(embedded).groups(1)
    assert [one.writer for one in group.read()] == WRITERS


def test_writers_without_a_box_have_missing_ones_where_others_have_boxes(embedded: EmbeddedCorpus) -> None:
    ana = next(everyone(embedded).groups(50)).read()[0]
    assert ana.writer == "ana"
    assert ana.samples.boxes is not None
    assert np.isnan(ana.samples.boxes.edges).all()
    without = StoredWriters.of(embedded, embedded.texts[1].isin(["ana", "bo"]))
    assert not without.has_boxes
    assert next(without.groups(1)).read()[0].samples.boxes is None


def test_no_writer_has_an_order_where_one_sample_has_none(embedded: EmbeddedCorpus, tmp_path: Path) -> None:
    table = pq.read_table(embedded.path)
    order = pa.array([None, *range(1, COUNT)], pa.int32())
    changed = table.set_column(table.schema.get_field_index("order"), "order", order)
    pq.write_table(changed.replace_schema_metadata(_record(embedded)), tmp_path / "some.parquet", row_group_size=10)
    stored = everyone(EmbeddedCorpus.open(tmp_path / "some.parquet"))
    assert stored.order is None
    assert all(one.order is None for group in stored.groups(50) for one in group.read())


@pytest.mark.parametrize("jobs", [1, 2])
@pytest.mark.parametrize("is_reachable", [True, False])
def test_who_reads_the_samples_changes_no_answer(embedded: EmbeddedCorpus, jobs: int, is_reachable: bool) -> None:
    adapters, protocol = {"it": Lookup(DIGITS)}, Resample(adaptation=0.5, resamples=2)
    expected = replay_writers(samples_by_writer(embedded.samples()), DIGITS, adapters, protocol)
    found = replay_stored(everyone(embedded), DIGITS, adapters, protocol, None, jobs, is_reachable=is_reachable)
    assert [_without_seconds(one) for one in found] == [_without_seconds(one) for one in expected]


def test_samples_that_cannot_be_judged_are_refused(embedded: EmbeddedCorpus, tmp_path: Path) -> None:
    table = pq.read_table(embedded.path)
    numbers = np.array(table["logits"].combine_chunks().flatten())
    numbers[-1] = np.nan
    column = pa.FixedSizeListArray.from_arrays(pa.array(numbers), 10)
    changed = table.set_column(table.schema.get_field_index("logits"), "logits", column)
    pq.write_table(changed.replace_schema_metadata(_record(embedded)), tmp_path / "nan.parquet", row_group_size=10)
    first, *_, last = everyone(EmbeddedCorpus.open(tmp_path / "nan.parquet")).groups(50)
    assert first.read()[0].writer == "ana"
    with pytest.raises(FormatError, match=r"nan\.parquet holds embeddings or logits that are not finite"):
        last.read()
    labels = pa.array(["x"] * COUNT)
    changed = table.set_column(table.schema.get_field_index("label"), "label", labels)
    pq.write_table(changed.replace_schema_metadata(_record(embedded)), tmp_path / "x.parquet")
    with pytest.raises(UnknownLabel, match="the first of them 'x'"):
        everyone(EmbeddedCorpus.open(tmp_path / "x.parquet"))


def test_a_column_of_text_has_each_value_once(embedded: EmbeddedCorpus) -> None:
    texts = np.array(["b", "a", "b", "c"])
    column = TextColumn.of(texts)
    assert (column.values.tolist(), column.texts().tolist(), len(column)) == (["a", "b", "c"], texts.tolist(), 4)
    assert column.isin(["b", "z"]).tolist() == [True, False, True, False]
    assert column.at(np.array([0, 3])).values.tolist() == ["b", "c"]
    none = column.at(np.array([], np.int64))
    assert (len(none), none.texts().tolist(), none.isin(["a"]).tolist()) == (0, [], [])
    for stored, read in zip(embedded.texts, embedded.columns, strict=True):
        assert equal(TextColumn.of(read).codes, stored.codes)
        assert TextColumn.of(read).values.tolist() == stored.values.tolist()


def _record(embedded: EmbeddedCorpus) -> dict[bytes, bytes]:
    return {b"allograph": pq.ParquetFile(embedded.path).metadata.metadata[b"allograph"]}


def _without_seconds(answers: WriterAnswers) -> list[object]:
    it: MethodAnswers = answers.methods["it"]
    parts = (answers.rows, answers.true, answers.base, answers.base_probabilities, it.labels, it.probabilities, answers.boxed)
    return [answers.writer, *(None if part is None else part.tolist() for part in parts)]
