"""Tables as folders of parts, here and at URLs: the same rows as in one file, whole or not at all."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from allograph.bundle import Bundle
from allograph.corpora import Corpus, LineCorpus, prepare, prepare_lines
from allograph.corpora import preparation as preparing
from allograph.corpora import table_output as writing
from allograph.corpora.folds import fold
from allograph.corpora.npz.source import NpzSource
from allograph.embedding import EmbeddedCorpus, embed
from allograph.errors import FormatError, InputError, MismatchError
from line_archive import line_corpus
from small import allograph, contents, noise_archive, tiny_bundle


@pytest.fixture
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Row groups of ten samples, and parts of three row groups."""
    monkeypatch.setattr(preparing, "ROWS", 10)
    monkeypatch.setattr(writing, "PART_GROUPS", 3)


@pytest.fixture
def source(tmp_path: Path) -> NpzSource:
    return NpzSource(noise_archive(tmp_path / "noise.npz", list("0123456789") * 10, ["ana", "bo", "cy", "di"] * 25))


@pytest.fixture
def bundle(tmp_path: Path) -> Bundle:
    return tiny_bundle(tmp_path / "bundle")


@pytest.fixture
def memory() -> Iterator[str]:
    """A folder of fsspec's file system in memory."""
    fsspec = pytest.importorskip("fsspec", reason="fsspec is not installed")
    yield "memory://parts"
    fsspec.filesystem("memory").store.clear()


def rows(corpus: Corpus) -> list[object]:
    """All that a corpus holds."""
    batches = list(corpus.batches())
    return [
        np.concatenate([batch.images for batch in batches]).tobytes(),
        np.concatenate([batch.rows for batch in batches]).tolist(),
        corpus.labels.tolist(),
        corpus.writers.tolist(),
        corpus.splits.tolist(),
        len(corpus),
        corpus.record,
    ]


@pytest.mark.usefixtures("small_parts")
def test_a_folder_holds_what_a_file_does(source: NpzSource, bundle: Bundle, tmp_path: Path) -> None:
    file, folder = prepare(source, tmp_path / "a.parquet", "all"), prepare(source, f"{tmp_path}/a/", "all")
    assert sorted(contents(tmp_path / "a")) == [*(f"part-0000{place}.parquet" for place in range(4)), "record.json"]
    assert rows(folder) == rows(file)
    assert rows(Corpus.open(tmp_path / "a")) == rows(file)
    one, other = embed(file, bundle, tmp_path / "e.parquet"), embed(folder, bundle, f"{tmp_path}/e/")
    assert one.samples() == other.samples()
    assert one.record == other.record
    said = json.loads(allograph("info", "e", "--json", cwd=tmp_path).stdout)
    assert (said["kind"], said["samples"]) == ("embedded corpus", 100)
    prepare(source, f"{tmp_path}/a/", "all")  # a folder of parts replaces another
    assert rows(Corpus.open(tmp_path / "a")) == rows(file)


@pytest.mark.usefixtures("small_parts")
def test_a_url_holds_what_a_file_does(source: NpzSource, bundle: Bundle, tmp_path: Path, memory: str) -> None:
    train = tmp_path / "split.csv"
    train.write_text("writer,split\nana,train\nbo,train\ncy,validation\ndi,application\n")
    file, folder = (prepare(source, place, str(train)) for place in (tmp_path / "a.parquet", f"{memory}/a/"))
    assert rows(folder) == rows(file)
    assert rows(prepare(source, f"{memory}/a.parquet", str(train))) == rows(file)
    assert rows(fold(f"{memory}/a", 1, 2, f"{memory}/fold/")) == rows(fold(file, 1, 2, tmp_path / "fold.parquet"))
    one, other = embed(file, bundle, tmp_path / "e.parquet"), embed(folder, bundle, f"{memory}/e/")
    assert one.samples() == other.samples()
    assert EmbeddedCorpus.open(f"{memory}/e/").name == "e"
    with pytest.raises(InputError, match="has no path on this machine"):
        _ = other.path


def test_lines_may_be_a_folder(tmp_path: Path) -> None:
    file = line_corpus(tmp_path, [("ana", "he is 32"), ("bo", "a tree")])
    folder = prepare_lines(tmp_path / "lines.npz", f"{tmp_path}/lines/", "all")
    assert [line.text for line in folder.lines()] == [line.text for line in file.lines()]
    assert len(LineCorpus.open(tmp_path / "lines")) == 2


@pytest.mark.usefixtures("small_parts")
def test_what_is_damaged_is_said(source: NpzSource, tmp_path: Path) -> None:
    def made() -> Path:
        prepare(source, f"{tmp_path}/a/", "all")
        return tmp_path / "a"

    (made() / "record.json").unlink()
    with pytest.raises(FormatError, match=r"holds no record\.json: it is no table of allograph's, or was not finished"):
        Corpus.open(tmp_path / "a")
    (tmp_path / "a" / "record.json").write_text("{}")
    with pytest.raises(FormatError, match="carries no record"):
        Corpus.open(tmp_path / "a")
    part = made() / "part-00002.parquet"
    part.write_bytes(part.read_bytes()[:-9])
    with pytest.raises(FormatError, match=r"part-00002\.parquet is not a readable Parquet file"):
        list(Corpus.open(tmp_path / "a").batches())
    part.unlink()
    with pytest.raises(InputError, match=r"part-00002\.parquet does not exist"):
        list(Corpus.open(tmp_path / "a").batches())
    (made() / "part-00003.parquet").replace(part)
    with pytest.raises(FormatError, match=r"is not the part that record\.json describes"):
        list(Corpus.open(tmp_path / "a").batches())
    with pytest.raises(FormatError, match="is an allograph part, and an allograph corpus was expected"):
        Corpus.open(part)


def test_a_part_of_another_corpus_with_as_many_rows_is_refused(source: NpzSource, tmp_path: Path) -> None:
    for name, split in (("a", "all"), ("b", "paper")):
        prepare(source, f"{tmp_path}/{name}/", split)
    part = "part-00000.parquet"
    (tmp_path / "b" / part).replace(tmp_path / "a" / part)
    with pytest.raises(MismatchError, match=r"part-00000\.parquet is a part of another table"):
        Corpus.open(tmp_path / "a")
    record = json.loads((tmp_path / "b" / "record.json").read_text())
    (tmp_path / "a" / part).replace(tmp_path / "b" / part)
    (tmp_path / "b" / "record.json").write_text(json.dumps({key: value for key, value in record.items() if key != "footers"}))
    assert len(Corpus.open(tmp_path / "b")) == record["samples"]  # of a release that noted none


def test_info_says_that_a_folder_of_parts_was_not_finished(source: NpzSource, tmp_path: Path) -> None:
    prepare(source, f"{tmp_path}/a/", "all")
    (tmp_path / "a" / "record.json").unlink()
    said = allograph("info", "a", cwd=tmp_path, status=2).stderr
    assert "holds no record.json: it is no table of allograph's, or was not finished" in said


@pytest.mark.parametrize(
    "parts", [None, {}, {"../../secret.parquet": [1]}, {"part-00000.parquet": ["x"]}, {"part-00000.parquet": [0]}]
)
def test_a_record_that_names_what_can_be_no_parts_is_refused(source: NpzSource, tmp_path: Path, parts: object) -> None:
    prepare(source, f"{tmp_path}/a/", "all")
    record = json.loads((tmp_path / "a" / "record.json").read_text())
    (tmp_path / "a" / "record.json").write_text(json.dumps(record | {"parts": parts}))
    with pytest.raises(FormatError, match="names no parts, or such as cannot be"):
        Corpus.open(tmp_path / "a")


def test_what_stands_there_is_not_harmed(source: NpzSource, tmp_path: Path, memory: str) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("dear")
    with pytest.raises(InputError, match=r"holds letter\.txt and is no folder of parts"):
        prepare(source, f"{tmp_path}/mine/", "all")
    before = rows(prepare(source, f"{memory}/a/", "all"))
    with pytest.raises(InputError, match="something is there already"):
        prepare(source, f"{memory}/a/", "all")
    assert rows(Corpus.open(f"{memory}/a")) == before


@pytest.mark.parametrize("output", ["out/", "out.parquet"])
@pytest.mark.parametrize("at", ["here", "file", "memory"])
@pytest.mark.usefixtures("small_parts")
def test_work_that_fails_leaves_nothing(tmp_path: Path, memory: str, at: str, output: str) -> None:
    import fsspec

    images = np.full((100, 28, 28), 255, np.uint8)
    images[77] = 0
    archive = noise_archive(tmp_path / "noise.npz", ["a"] * 100, ["ana"] * 100, images=images)
    (tmp_path / "there").mkdir()
    places = {"here": f"{tmp_path}/there", "file": f"file://{tmp_path}/there", "memory": memory}
    with pytest.raises(InputError, match="the image at place 77 is empty"):
        prepare(NpzSource(archive), f"{places[at]}/{output}", "all")
    assert not contents(tmp_path / "there")
    assert not fsspec.filesystem("memory").store


@pytest.mark.parametrize(
    ("place", "said"),
    [
        ("nowhere://a/b", "is no place that is known"),
        ("memory://nothing.parquet", r"memory://nothing\.parquet does not exist"),
    ],
)
def test_a_url_that_leads_nowhere_is_said(place: str, said: str) -> None:
    pytest.importorskip("fsspec", reason="fsspec is not installed")
    with pytest.raises(InputError, match=said):
        Corpus.open(place)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--jobs", "2", "--cluster", "local:2"], "--jobs and --cluster exclude each other"),
        (["--cluster", "10.0.0.1"], "'10.0.0.1' is no cluster; name its scheduler"),
        (["--cluster", "local:x"], "'local:x' is no cluster; say how many workers"),
        (["--cluster", "local:0"], "'local:0' is no cluster; say how many workers"),
        (["--cluster", "local:200000"], "'local:200000' is too many processes for this machine"),
    ],
)
def test_what_is_no_cluster_is_refused(tmp_path: Path, options: list[str], said: str) -> None:
    if options[0] == "--cluster":
        pytest.importorskip("distributed", reason="distributed is not installed")
    assert said in allograph("prepare", "digits", *options, cwd=tmp_path, status=2).stderr
    assert not list(tmp_path.iterdir())
