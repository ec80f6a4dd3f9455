"""Embedded corpora: what is read back is what the recognizer says, row for row; what does not belong together is refused."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from allograph.corpora.corpus import SCHEMA, Corpus
from allograph.corpora.parquet import kind_of
from allograph.corpora.preparation import ROWS
from allograph.embedding import EmbeddedCorpus, EmbeddedSamples, embed
from allograph.errors import FormatError, InputError, MismatchError, UnknownLabel
from allograph.recognizer import Recognizer
from small import DIGITS, SIZE, contents, digits_corpus, digits_split, noise_corpus, tiny_bundle


@pytest.fixture(scope="module")
def recognizer(tmp_path_factory: pytest.TempPathFactory) -> Recognizer:
    return Recognizer(tiny_bundle(tmp_path_factory.mktemp("embedding") / "bundle"), threads=1)


@pytest.fixture(scope="module")
def digits(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    folder = tmp_path_factory.mktemp("digits")
    return digits_corpus(folder / "digits.parquet", digits_split(folder / "split.csv"))


@pytest.fixture
def embedded(digits: Corpus, recognizer: Recognizer, tmp_path: Path) -> EmbeddedCorpus:
    return embed(digits, recognizer, tmp_path / "embedded.parquet")


def same(samples: EmbeddedSamples, corpus: Corpus, recognizer: Recognizer, rows: Any) -> None:
    """Check that these samples are the corpus's at these rows, as the recognizer sees them."""
    batches = list(corpus.batches())
    images = np.concatenate([batch.images for batch in batches])[rows]
    expected = recognizer.embed(images)
    np.testing.assert_allclose(samples.embeddings, expected.embeddings, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(samples.logits, expected.logits, rtol=1e-4, atol=1e-4)
    np.testing.assert_array_equal(samples.images, images)
    np.testing.assert_array_equal(samples.labels, corpus.labels[rows])
    np.testing.assert_array_equal(samples.writers, corpus.writers[rows])
    np.testing.assert_array_equal(samples.rows, np.arange(len(corpus))[rows])
    orders = [batch.order for batch in batches if batch.order is not None]
    if orders:
        assert samples.order is not None
        np.testing.assert_array_equal(samples.order, np.concatenate(orders)[rows])
    else:
        assert samples.order is None


def test_what_is_read_back_is_what_the_recognizer_says(digits: Corpus, recognizer: Recognizer, tmp_path: Path) -> None:
    seen: list[tuple[str, int, int]] = []
    made = embed(digits, recognizer, tmp_path / "out.parquet", lambda *step: seen.append(step))
    corpus = EmbeddedCorpus.open(tmp_path / "out.parquet")
    assert corpus.record == made.record
    assert len(corpus) == len(digits) == 1797
    assert (corpus.frame, corpus.source, corpus.alphabet) == ("mnist", "digits", DIGITS)
    assert corpus.record.model_hash == recognizer.bundle.model_hash
    assert corpus.record.corpus.licence == "CC BY 4.0"
    for found, expected in zip(corpus.columns, (digits.labels, digits.writers, digits.splits), strict=True):
        np.testing.assert_array_equal(found, expected)
    same(corpus.samples(np.ones(1797, bool)), digits, recognizer, np.arange(1797))
    same(corpus.samples(), digits, recognizer, np.flatnonzero(digits.splits == "application"))
    same(corpus.samples(split="validation"), digits, recognizer, np.flatnonzero(digits.splits == "validation"))
    assert (seen[0], seen[-1]) == (("embedding", 0, 1797), ("embedding", 1797, 1797))
    assert os.listdir(tmp_path) == ["out.parquet"]


def test_a_corpus_of_several_row_groups_keeps_its_order(recognizer: Recognizer, tmp_path: Path) -> None:
    count = 2 * ROWS + 100
    labels, writers = [str(i % 10) for i in range(count)], [f"w{i % 7}" for i in range(count)]
    corpus = noise_corpus(tmp_path / "noise.parquet", labels, writers)
    embedded = embed(corpus, recognizer, tmp_path / "embedded.parquet")
    assert pq.ParquetFile(tmp_path / "embedded.parquet").num_row_groups == 3
    same(embedded.samples(), corpus, recognizer, np.arange(count))
    chosen = np.zeros(count, bool)
    chosen[[3, ROWS + 5, ROWS + 9, count - 1]] = True
    same(embedded.samples(chosen), corpus, recognizer, np.flatnonzero(chosen))
    assert [part.rows.tolist() for part in embedded.parts(chosen)] == [[3], [ROWS + 5, ROWS + 9], [count - 1]]


def test_no_samples_have_the_right_shapes(embedded: EmbeddedCorpus) -> None:
    none = embedded.samples(np.zeros(len(embedded), bool))
    assert (none.embeddings.shape, none.logits.shape, none.images.shape) == ((0, SIZE), (0, 10), (0, 28, 28))
    assert len(none.labels) == len(none.writers) == len(none.rows) == 0


def test_a_corpus_in_another_frame_is_refused_and_the_error_says_how_to_convert(digits: Corpus, tmp_path: Path) -> None:
    recognizer = Recognizer(tiny_bundle(tmp_path / "bundle", frame="paper"))
    before = contents(tmp_path)
    with pytest.raises(MismatchError) as caught:
        embed(digits, recognizer, tmp_path / "out.parquet")
    assert str(caught.value) == (
        f"{digits.path} is in the mnist frame and the model of {tmp_path / 'bundle'} reads the paper frame; "
        "convert it with: allograph prepare … --frame paper"
    )
    assert contents(tmp_path) == before


def test_embeddings_of_another_model_are_refused(embedded: EmbeddedCorpus, recognizer: Recognizer) -> None:
    embedded.check_model(recognizer.bundle.model_hash)
    with pytest.raises(MismatchError, match=r"embedded\.parquet was embedded by another model \(\w{12}…, not 0{12}…\)"):
        embedded.check_model("0" * 64)


def test_a_label_that_the_model_does_not_know_is_no_use_to_it(recognizer: Recognizer, tmp_path: Path) -> None:
    corpus = noise_corpus(tmp_path / "noise.parquet", ["1", "x", "2", "[", "x"], ["a", "a", "b", "b", "b"])
    embedded = embed(corpus, recognizer, tmp_path / "embedded.parquet")
    with pytest.raises(UnknownLabel, match=r"embedded\.parquet holds labels that the model does not know: 2, the first .* '\['"):
        embedded.samples()
    assert embedded.samples(embedded.columns[1] == "w") is not None
    known = np.isin(embedded.columns[0], list(DIGITS))
    assert embedded.samples(known).labels.tolist() == ["1", "2"]


@pytest.mark.parametrize("share", [0.0, 0.3, 0.9, 0.999])
def test_a_truncated_file_is_refused(embedded: EmbeddedCorpus, share: float) -> None:
    os.truncate(embedded.path, int(embedded.path.stat().st_size * share))
    with pytest.raises(FormatError, match=rf"{embedded.path} is not a readable Parquet file: it is truncated"):
        EmbeddedCorpus.open(embedded.path)


def test_a_damaged_page_is_found_when_it_is_read(embedded: EmbeddedCorpus) -> None:
    content = bytearray(embedded.path.read_bytes())
    content[2000:2100] = bytes(255 - byte for byte in content[2000:2100])
    embedded.path.write_bytes(content)
    with pytest.raises(FormatError, match=rf"{embedded.path} is damaged in row group 0 \(.*\); make it anew"):
        EmbeddedCorpus.open(embedded.path).samples(np.ones(1797, bool))


def rewritten(path: Path, **changes: Any) -> None:
    """Write the file again with other facts in its record; None removes one."""
    table = pq.read_table(path)
    record = json.loads(pq.ParquetFile(path).metadata.metadata[b"allograph"]) | changes
    record = {key: value for key, value in record.items() if value is not None}
    pq.write_table(table.replace_schema_metadata({b"allograph": json.dumps(record).encode()}), path)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"format": 3}, r"is an allograph embedded corpus of format 3; this release reads formats 1 and 2"),
        ({"format": None}, r"is not an allograph embedded corpus: it carries no format version"),
        (
            {"kind": "corpus"},
            r"is an allograph corpus, and an allograph embedded corpus was expected; make one",
        ),
        ({"kind": None}, r"is a Parquet file, but not one of allograph's: it carries no record"),
        ({"model_hash": None}, r"lacks model_hash; embed the corpus again"),
        ({"alphabet": list("012345678")}, r"has logits for another number of labels than its alphabet holds"),
    ],
)
def test_a_foreign_record_is_refused(embedded: EmbeddedCorpus, changes: dict[str, Any], message: str) -> None:
    rewritten(embedded.path, **changes)
    with pytest.raises(FormatError, match=message):
        EmbeddedCorpus.open(embedded.path)


def test_a_corpus_is_no_embedded_corpus_nor_the_reverse(digits: Corpus, embedded: EmbeddedCorpus, tmp_path: Path) -> None:
    assert (kind_of(digits.path), kind_of(embedded.path)) == ("corpus", "embedded corpus")
    with pytest.raises(FormatError, match=r"is an allograph corpus, and .* was expected; make one with: allograph embed"):
        EmbeddedCorpus.open(digits.path)
    with pytest.raises(FormatError, match=r"is an allograph embedded corpus, and .* was expected; .*: allograph prepare"):
        Corpus.open(embedded.path)
    with pytest.raises(InputError, match=r"nowhere\.parquet does not exist"):
        EmbeddedCorpus.open(tmp_path / "nowhere.parquet")


def test_an_empty_image_stops_the_work_and_is_named(recognizer: Recognizer, tmp_path: Path) -> None:
    corpus = noise_corpus(tmp_path / "noise.parquet", ["1"] * (ROWS + 20), ["a"] * (ROWS + 20))
    table = pq.read_table(corpus.path)
    images = table["image"].to_pylist()
    images[ROWS + 3] = bytes(784)
    table = table.set_column(0, SCHEMA.field("image"), pa.array(images, pa.binary(784)))
    record = pq.ParquetFile(corpus.path).metadata.metadata
    pq.write_table(table.replace_schema_metadata(record), corpus.path, row_group_size=ROWS)
    before = contents(tmp_path)
    with pytest.raises(FormatError, match=rf"noise\.parquet: the sample in row {ROWS + 3} is empty: it shows no ink"):
        embed(Corpus.open(corpus.path), recognizer, tmp_path / "embedded.parquet")
    assert contents(tmp_path) == before


def test_what_stood_there_stays_until_the_new_one_is_whole(
    digits: Corpus, embedded: EmbeddedCorpus, recognizer: Recognizer, tmp_path: Path
) -> None:
    def stop(what: str, done: int, total: int) -> None:
        if done == total:
            raise KeyboardInterrupt

    before = contents(tmp_path)
    for path in (embedded.path, tmp_path / "new.parquet"):
        with pytest.raises(KeyboardInterrupt):
            embed(digits, recognizer, path, stop)
    assert contents(tmp_path) == before
