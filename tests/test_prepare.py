from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from numpy.typing import NDArray

from allograph.corpora import make_source
from allograph.corpora.corpus import FORMAT, SCHEMA, Corpus
from allograph.corpora.digits import DigitsSource
from allograph.corpora.npz.source import NpzSource
from allograph.corpora.parquet import atomic_parquet, sign
from allograph.corpora.preparation import ROWS, prepare
from allograph.errors import FormatError, ImageError, InputError, MismatchError
from allograph.split import SPLITS
from small import noise_archive

LABELS = ["<", "&", "|", "[", "`", "\\", '"', ",", " ", "é", "ffi", "字", "👍🏽", "a"]


def source(place: Path, count: int = 60, **changes: Any) -> NpzSource:
    """Random images by ten writers, `w0` with the fewest."""
    rng = np.random.default_rng(1)
    content = {
        "images": rng.integers(0, 256, (count, 28, 28), dtype=np.uint8),
        "labels": np.array([LABELS[i % len(LABELS)] for i in range(count)]),
        "writers": np.array([f"w{int(10 * (i / count) ** 0.7)}" for i in range(count)]),
        **changes,
    }
    np.savez(place / "source.npz", **content)
    return NpzSource(place / "source.npz", origin="a test", licence="CC0")


def everything(corpus: Corpus) -> dict[str, NDArray[Any]]:
    batches = list(corpus.batches())
    names = ("rows", "images", "labels", "writers", "splits")
    return {name: np.concatenate([getattr(batch, name) for batch in batches]) for name in names}


def test_what_is_prepared_is_read_again(tmp_path: Path) -> None:
    count = 2 * ROWS + 7
    given = source(tmp_path, count, order=np.arange(count)[::-1])
    seen: list[tuple[str, int, int]] = []
    done = prepare(given, tmp_path / "out.parquet", jobs=1, progress=lambda *step: seen.append(step)).record
    corpus = Corpus.open(tmp_path / "out.parquet")
    content = everything(corpus)
    with np.load(given.path) as archive:
        np.testing.assert_array_equal(content["images"], archive["images"])
        np.testing.assert_array_equal(content["labels"], archive["labels"])
        np.testing.assert_array_equal(content["writers"], archive["writers"])
    np.testing.assert_array_equal(content["rows"], np.arange(count))
    orders = [batch.order for batch in corpus.batches()]
    assert [order[0] for order in orders if order is not None] == [count - 1, count - 1 - ROWS, count - 1 - 2 * ROWS]

    assert len(corpus) == count == done.samples
    assert (corpus.frame, corpus.source) == ("mnist", "npz")
    assert list(corpus.alphabet) == sorted(LABELS)
    assert Counter(corpus.writers.tolist()) == Counter(content["writers"].tolist())
    assert {part: corpus.count(part) for part in SPLITS} == done.split_samples
    assert sum(done.split_writers.values()) == done.writers == 10
    assert done.split_samples["application"] >= count / 10
    assert (corpus.record.origin, corpus.record.licence, corpus.record.split) == ("a test", "CC0", "paper")
    assert seen[0] == ("preparing", 0, count)
    assert seen[-1] == ("preparing", count, count)
    for part in SPLITS:
        mine = content["splits"] == part
        np.testing.assert_array_equal(corpus.images(part), content["images"][mine])
        assert len(set(content["writers"][mine])) == done.split_writers[part]
    assert sorted(os.listdir(tmp_path)) == ["out.parquet", "source.npz"]


@pytest.mark.slow
def test_two_processes_write_the_same_file_as_one(tmp_path: Path) -> None:
    for jobs in (1, 2):
        done = prepare(DigitsSource(), tmp_path / f"{jobs}.parquet", "all", jobs=jobs).record
        assert (done.samples, done.labels, done.writers) == (1797, 10, 14)
        assert done.split_writers == {"train": 0, "validation": 0, "application": 14}
        assert any("13 writers" in note for note in done.notes)
    assert (tmp_path / "1.parquet").read_bytes() == (tmp_path / "2.parquet").read_bytes()


def test_a_source_with_originals_is_rendered_in_either_frame(tmp_path: Path) -> None:
    for frame in ("mnist", "paper"):
        prepare(DigitsSource(), tmp_path / f"{frame}.parquet", "all", frame, jobs=1)
    mnist, paper = (Corpus.open(tmp_path / f"{frame}.parquet") for frame in ("mnist", "paper"))
    assert (mnist.frame, paper.frame) == ("mnist", "paper")
    assert mnist.images("application")[:, 1].any(axis=1).mean() < 0.2
    assert paper.images("application")[:, 1].any(axis=1).mean() > 0.9


def test_finished_images_have_no_other_frame(tmp_path: Path) -> None:
    with pytest.raises(MismatchError, match=r"finished images in the mnist frame.*leave out --frame"):
        prepare(source(tmp_path), tmp_path / "out.parquet", frame="paper")


def test_labels_that_are_equal_in_nfc_are_one(tmp_path: Path) -> None:
    given = source(tmp_path, 4, labels=np.array(["é", "e\u0301", "a", "é"]))
    assert prepare(given, tmp_path / "out.parquet", jobs=1).record.labels == 2
    corpus = Corpus.open(tmp_path / "out.parquet")
    assert corpus.labels.tolist() == ["é", "é", "a", "é"]
    assert list(corpus.alphabet) == ["a", "é"]


def test_a_corpus_of_one_sample(tmp_path: Path) -> None:
    done = prepare(source(tmp_path, 1), tmp_path / "out.parquet", jobs=1).record
    assert done.split_samples == {"train": 0, "validation": 0, "application": 1}
    corpus = Corpus.open(tmp_path / "out.parquet")
    assert corpus.images("application").shape == (1, 28, 28)
    assert corpus.images("train").shape == (0, 28, 28)
    assert list(corpus.batches("train")) == []


def test_a_writer_with_one_sample_is_kept(tmp_path: Path) -> None:
    given = source(tmp_path, 5, writers=np.array(["ana", "bo", "bo", "bo", "bo"]))
    prepare(given, tmp_path / "out.parquet", jobs=1)
    corpus = Corpus.open(tmp_path / "out.parquet")
    assert Counter(corpus.writers.tolist()) == {"ana": 1, "bo": 4}
    assert dict(zip(corpus.writers.tolist(), corpus.splits.tolist(), strict=True)) == {"ana": "train", "bo": "application"}


def test_images_in_several_splits_are_counted_once_each(tmp_path: Path) -> None:
    images = np.random.default_rng(0).integers(1, 256, (7, 28, 28), dtype=np.uint8)
    images[3] = images[0]  # train and application
    images[4] = images[5] = images[1]  # train, validation and application
    images[6] = images[2]  # train twice
    given = source(tmp_path, 7, images=images, writers=np.array(["t", "t", "t", "a", "a", "v", "t"]))
    (tmp_path / "split.csv").write_text("writer,split\nt,train\nv,validation\na,application\n")
    done = prepare(given, tmp_path / "out.parquet", str(tmp_path / "split.csv"), jobs=1).record
    assert done.shared_images == 2
    assert done.split_samples == {"train": 4, "validation": 1, "application": 2}
    assert Corpus.open(tmp_path / "out.parquet").record.split == "split.csv"


def test_bad_input_leaves_no_output(tmp_path: Path) -> None:
    (tmp_path / "split.csv").write_text("writer,split\nw0,train\n")
    with pytest.raises(InputError, match=r"split\.csv names no split for 9 of 10 writers, the first of them 'w1'"):
        prepare(source(tmp_path), tmp_path / "out.parquet", str(tmp_path / "split.csv"), jobs=1)
    with pytest.raises(InputError, match="has 17"):
        prepare(source(tmp_path, 2, labels=np.array(["a", "x" * 17])), tmp_path / "out.parquet", jobs=1)
    with pytest.raises(InputError, match="no samples"):
        prepare(source(tmp_path, 0, labels=np.array([], str)), tmp_path / "out.parquet", jobs=1)
    images = np.ones((ROWS + 3, 28, 28), np.uint8)
    images[ROWS + 1] = 0
    with pytest.raises(ImageError, match=f"place {ROWS + 1} is empty"):
        prepare(source(tmp_path, ROWS + 3, images=images), tmp_path / "out.parquet", jobs=1)
    assert sorted(os.listdir(tmp_path)) == ["source.npz", "split.csv"]


def test_ctrl_c_leaves_the_old_corpus(tmp_path: Path) -> None:
    def interrupt(what: str, done: int, total: int) -> None:
        if done:
            raise KeyboardInterrupt

    prepare(source(tmp_path), tmp_path / "out.parquet", jobs=1)
    before = (tmp_path / "out.parquet").read_bytes()
    with pytest.raises(KeyboardInterrupt):
        prepare(source(tmp_path, 90), tmp_path / "out.parquet", jobs=1, progress=interrupt)
    assert (tmp_path / "out.parquet").read_bytes() == before
    assert sorted(os.listdir(tmp_path)) == ["out.parquet", "source.npz"]


FULL = """
import resource, signal, sys
from allograph.corpora.npz.source import NpzSource
from allograph.corpora.preparation import prepare
from allograph.errors import StorageError
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))
try:
    prepare(NpzSource(sys.argv[1]), sys.argv[2], jobs=1)
except StorageError as error:
    sys.exit(f"{error.exit_status} {error}")
"""


def test_a_full_disk_leaves_the_old_corpus(tmp_path: Path) -> None:
    output = tmp_path / "out.parquet"
    prepare(source(tmp_path), output, jobs=1)
    before = output.read_bytes()
    given = source(tmp_path, 1000)
    done = subprocess.run([sys.executable, "-c", FULL, str(given.path), str(output)], capture_output=True, text=True, timeout=60)
    assert done.stderr.startswith(f"1 cannot write {output}: the file size limit is reached"), done.stderr
    assert output.read_bytes() == before
    assert sorted(os.listdir(tmp_path)) == ["out.parquet", "source.npz"]


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    place = tmp_path_factory.mktemp("prepared")
    prepare(source(place, 300), place / "out.parquet", jobs=1)
    return (place / "out.parquet").read_bytes()


def test_a_truncated_corpus(tmp_path: Path, prepared: bytes) -> None:
    path = tmp_path / "corpus.parquet"
    for length in (0, 4, 100, len(prepared) // 2, len(prepared) - 1):
        path.write_bytes(prepared[:length])
        with pytest.raises(FormatError, match=r"corpus\.parquet is not a readable Parquet file: it is truncated"):
            Corpus.open(path)


def test_a_damaged_corpus_is_noticed_when_it_is_read(tmp_path: Path, prepared: bytes) -> None:
    path = tmp_path / "corpus.parquet"
    for place in range(200, 200_000, 20_011):  # inside the images
        path.write_bytes(prepared[:place] + bytes([prepared[place] ^ 0x10]) + prepared[place + 1 :])
        with pytest.raises(FormatError, match=r"corpus\.parquet is damaged in row group 0"):
            list(Corpus.open(path).batches())


def test_files_that_are_no_corpus(tmp_path: Path) -> None:
    path = tmp_path / "other.parquet"
    with pytest.raises(InputError, match=r"other\.parquet does not exist"):
        Corpus.open(path)
    path.write_bytes(b"path,label,writer\n")
    with pytest.raises(FormatError, match="not a readable Parquet file"):
        Corpus.open(path)
    pq.write_table(pa.table({"label": ["a"]}), path)
    with pytest.raises(FormatError, match="not one of allograph's"):
        Corpus.open(path)


@pytest.mark.parametrize(
    ("kind", "version", "schema", "record", "said"),
    [
        ("corpus", FORMAT + 1, SCHEMA, {"frame": "mnist"}, f"format {FORMAT + 1}; this release reads formats 1 and {FORMAT}"),
        (
            "embedded corpus",
            FORMAT,
            SCHEMA,
            {"frame": "mnist"},
            "embedded corpus, and an allograph corpus was expected; make one with: allograph prepare",
        ),
        ("corpus", FORMAT, SCHEMA, {"frame": "square"}, "names the frame 'square'"),
        ("corpus", FORMAT, SCHEMA, {}, "lacks frame; make it anew"),
        ("corpus", FORMAT, pa.schema([f for f in SCHEMA if f.name != "writer"]), {"frame": "mnist"}, "no column writer"),
        ("corpus", FORMAT, SCHEMA.set(0, pa.field("image", pa.binary(9))), {"frame": "mnist"}, "no column image"),
    ],
)
def test_files_of_another_kind_or_version(
    tmp_path: Path, kind: str, version: int, schema: pa.Schema, record: dict[str, Any], said: str
) -> None:
    with atomic_parquet(tmp_path / "it.parquet", schema) as writer:
        sign(writer, kind, version, record)
    with pytest.raises(FormatError, match=rf"it\.parquet.* {said}"):
        Corpus.open(tmp_path / "it.parquet")


def test_a_split_that_is_none_is_refused(tmp_path: Path) -> None:
    with atomic_parquet(tmp_path / "it.parquet", SCHEMA) as writer:
        row = {"image": bytes(784), "label": "a", "writer": "w", "split": "test", "order": None}
        writer.write_table(pa.Table.from_pylist([row], SCHEMA))
        sign(writer, "corpus", FORMAT, {"frame": "mnist"})
    with pytest.raises(FormatError, match="samples of the split 'test'"):
        _ = Corpus.open(tmp_path / "it.parquet").splits


def test_unipen_with_its_own_split(shared: Path, tmp_path: Path) -> None:
    data = shared / "data"
    done = prepare(NpzSource(data / "unipen.npz"), tmp_path / "unipen.parquet", str(data / "unipen_split.csv"), jobs=1).record
    assert (done.samples, done.labels, done.writers) == (113_304, 94, 318)
    assert done.split_samples == {"train": 77_091, "validation": 7_138, "application": 29_075}
    assert done.split_writers == {"train": 249, "validation": 27, "application": 42}
    assert done.shared_images == 40
    corpus = Corpus.open(tmp_path / "unipen.parquet")
    with np.load(data / "unipen.npz") as archive:
        np.testing.assert_array_equal(corpus.labels, archive["labels"])
        np.testing.assert_array_equal(corpus.writers, archive["writers"])
        mine = corpus.splits == "application"
        np.testing.assert_array_equal(corpus.images("application"), archive["images"][mine])


def test_one_person_is_one_writer_however_the_name_is_composed(tmp_path: Path) -> None:
    names = ["José", "Jose\u0301", " José", "ana", "Ana"]
    given = source(tmp_path, 5, writers=np.array(names))
    (tmp_path / "split.csv").write_text("writer,split\nJose\u0301,train\nana , validation\nAna,application\n", encoding="utf-8")
    done = prepare(given, tmp_path / "out.parquet", str(tmp_path / "split.csv"), jobs=1).record
    assert done.split_samples == {"train": 3, "validation": 1, "application": 1}
    assert Corpus.open(tmp_path / "out.parquet").writers.tolist() == ["José"] * 3 + ["ana", "Ana"]
    for number in range(3):  # by the rule, too, one person is in one split
        some = source(tmp_path, 60, writers=np.array(names * 12)[np.random.default_rng(number).permutation(60)])
        prepare(some, tmp_path / "out.parquet", jobs=1)
        corpus = Corpus.open(tmp_path / "out.parquet")
        assert len(set(corpus.splits[corpus.writers == "José"].tolist())) == 1


def test_a_source_s_missing_writer_is_refused_with_its_place(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"writers\[3\]: the writer is missing: 'nan'"):
        prepare(source(tmp_path, 5, writers=np.array(["a", "b", "c", "nan", "d"])), tmp_path / "out.parquet", jobs=1)


def test_a_pipe_or_a_device_is_no_corpus(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.parquet")
    for path in (tmp_path / "pipe.parquet", Path("/dev/zero"), tmp_path):
        with pytest.raises(InputError, match=r"is a (pipe|device|folder)"):
            Corpus.open(path)


def test_sources_by_name(tmp_path: Path) -> None:
    archive = noise_archive(tmp_path / "noise.npz", ["a", "b"], ["ana", "bo"])
    by_name = prepare("npz", tmp_path / "name.parquet", "all", paths=[archive])
    by_object = prepare(NpzSource(archive), tmp_path / "object.parquet", "all")
    assert by_name.record == by_object.record
    assert by_name.path.read_bytes() == by_object.path.read_bytes()
    for name, paths, options, said in (
        ("papyri", [], {}, "there is no source 'papyri'; there are nist, deepwriting, unipen, inkml, digits, npz, folder"),
        ("npz", [], {}, "npz reads exactly one archive; 0 were given"),
        ("nist", [], {}, "nist needs the path of what to read"),
        ("digits", [archive], {}, "no path is needed"),
        ("digits", [], {"square": 2}, "the source digits has no square; its options are none"),
    ):
        with pytest.raises(InputError, match=said):
            make_source(name, paths, **options)
