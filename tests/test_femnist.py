"""FEMNIST in both of its forms, small and of the true format, and kNN-Per's experiment on it."""

from __future__ import annotations

import io
import json
import random
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image
from sklearn.model_selection import train_test_split

from allograph.corpora import Corpus, prepare
from allograph.corpora.femnist.source import FemnistSource
from allograph.corpora.nist.source import LABELS
from allograph.errors import FormatError, InputError
from allograph.evaluation import KnnPer, Resample, evaluate
from allograph.recognizer import Recognizer
from allograph.split import assign, knn_per_split
from small import COMMAND, environment

NAMES = list(LABELS)


def scans(count: int) -> list[np.ndarray]:
    """Dark ink on white, 28×28: the shipped bundle's medoids, drawn smaller."""
    styles = Recognizer(threads=1).bundle.styles
    assert styles is not None
    found = []
    for medoid in styles.medoids[:count]:
        scan = np.full((28, 28), 255, np.uint8)
        scan[6:22, 5:21] = 255 - np.asarray(Image.fromarray(medoid).resize((16, 16), Image.Resampling.BICUBIC))
        found.append(scan)
    return found


def png(scan: np.ndarray) -> bytes:
    file = io.BytesIO()
    Image.fromarray(scan).save(file, "PNG")
    return file.getvalue()


def hub_file(path: Path, scans: Sequence[np.ndarray], writers: Sequence[str], classes: Sequence[Any], **columns: Any) -> Path:
    """As `datasets` writes it."""
    features = {
        "image": {"_type": "Image"},
        "writer_id": {"dtype": "string", "_type": "Value"},
        "hsf_id": {"dtype": "int64", "_type": "Value"},
        "character": {"names": NAMES, "_type": "ClassLabel"},
    }
    table = pa.table(
        {
            "image": [{"bytes": png(scan), "path": None} for scan in scans],
            "writer_id": list(writers),
            "hsf_id": [0] * len(scans),
            "character": list(classes),
            **columns,
        }
    )
    table = table.replace_schema_metadata({"huggingface": json.dumps({"info": {"features": features}})})
    pq.write_table(table, path, row_group_size=3)
    return path


def leaf_file(path: Path, scans: Sequence[np.ndarray], writers: Sequence[str], classes: Sequence[int]) -> Path:
    """As LEAF's preprocessing writes it."""
    users = list(dict.fromkeys(writers))
    rows = {user: [i for i, writer in enumerate(writers) if writer == user] for user in users}
    value = {
        "users": users,
        "num_samples": [len(rows[user]) for user in users],
        "user_data": {
            user: {"x": [(scans[i] / 255).reshape(-1).tolist() for i in rows[user]], "y": [classes[i] for i in rows[user]]}
            for user in users
        },
    }
    path.write_text(json.dumps(value))
    return path


WRITERS = ["f0000_14"] * 4 + ["f0001_41"] * 3
CLASSES = [0, 10, 36, 61, 5, 35, 40]


def test_both_forms_give_the_same_corpus(tmp_path: Path) -> None:
    shown = scans(7)
    hub = prepare(FemnistSource([hub_file(tmp_path / "a.parquet", shown, WRITERS, CLASSES)]), tmp_path / "hub.parquet", "all")
    leaf = prepare(FemnistSource([leaf_file(tmp_path / "a.json", shown, WRITERS, CLASSES)]), tmp_path / "leaf.parquet", "all")
    for corpus in (hub, leaf):
        assert corpus.writers.tolist() == WRITERS
        assert corpus.labels.tolist() == ["0", "A", "a", "z", "5", "Z", "e"]
        assert corpus.record.polarity == {"dark": 7}
        assert corpus.record.boxes == {"millimetres": 7}
    assert np.array_equal(hub.images("application"), leaf.images("application"))
    assert hub.images("application").max(axis=(1, 2)).min() > 200  # ink is white
    boxes = hub.boxes
    assert boxes is not None
    heights = boxes.edges[:, 3] - boxes.edges[:, 1]
    assert ((heights > 0.5) & (heights < 28 * 128 / 28 / 300 * 25.4)).all()


def test_several_files_and_processes(tmp_path: Path) -> None:
    folder = tmp_path / "shards"
    folder.mkdir()
    shown = scans(7)
    hub_file(folder / "train-00000-of-00002.parquet", shown[:4], WRITERS[:4], CLASSES[:4])
    hub_file(folder / "train-00001-of-00002.parquet", shown[4:], WRITERS[4:], CLASSES[4:])
    whole = prepare(FemnistSource([hub_file(tmp_path / "a.parquet", shown, WRITERS, CLASSES)]), tmp_path / "one.parquet", "all")
    parts = prepare(FemnistSource([folder]), tmp_path / "two.parquet", "all", jobs=2)
    assert np.array_equal(whole.images("application"), parts.images("application"))
    assert parts.labels.tolist() == whole.labels.tolist()


def test_characters_may_be_texts(tmp_path: Path) -> None:
    path = hub_file(tmp_path / "a.parquet", scans(2), WRITERS[:2], ["q", "7"])
    assert FemnistSource([path]).listing().labels.tolist() == ["q", "7"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda text: text[:-200], "truncated"),
        (lambda text: text.replace('"user_data"', '"data"'), "user_data"),
        (lambda text: text.replace('"num_samples": [4, 3]', '"num_samples": [4, 2]'), "num_samples"),
        (lambda text: text.replace('"y": [0, 10', '"y": [0, 62'), "62"),
        (lambda text: text.replace('"y": [0, 10', '"y": [0, "A"'), "whole numbers"),
        (lambda text: text.replace('"y": [0, 10, 36, 61]', '"y": [0, 10, 36]').replace("[4, 3]", "[3, 3]"), "not as many"),
        (lambda text: text.replace("1.0", "1.5", 1), "not as many"),
        (lambda text: text.replace("1.0", "NaN", 1), "not as many"),
        (lambda text: text.replace("1.0", '{"a": 1}', 1), "has no classes y"),
        (lambda text: "", "cannot be read"),
        (lambda text: text.replace('"f0001_41": {', '"f0000_14": {'), "has the user 'f0000_14' twice"),
        (lambda text: text.replace('"f0001_41": {', '"\\u12": {'), "the name of the user at byte"),
    ],
)
def test_leaf_files_that_are_damaged(tmp_path: Path, change: Any, said: str) -> None:
    path = leaf_file(tmp_path / "a.json", scans(7), WRITERS, CLASSES)
    path.write_text(change(path.read_text()))
    with pytest.raises(FormatError, match=said):
        prepare(FemnistSource([path]), tmp_path / "corpus.parquet", "all")
    assert not (tmp_path / "corpus.parquet").exists()


def test_pictures_may_be_plain_bytes(tmp_path: Path) -> None:
    shown = scans(2)
    plain = hub_file(tmp_path / "a.parquet", shown, WRITERS[:2], [0, 1], image=[png(scan) for scan in shown])
    told = hub_file(tmp_path / "b.parquet", shown, WRITERS[:2], [0, 1])
    one, other = (prepare(FemnistSource([path]), path.with_suffix(".out"), "all") for path in (plain, told))
    assert np.array_equal(one.images("application"), other.images("application"))


def test_hub_files_that_are_damaged(tmp_path: Path) -> None:
    shown = scans(2)
    beyond = hub_file(tmp_path / "beyond.parquet", shown, WRITERS[:2], [0, 62])
    with pytest.raises(FormatError, match="none of the 62 classes"):
        FemnistSource([beyond]).listing()
    missing = hub_file(tmp_path / "missing.parquet", shown, ["f0000_14", None], [0, 1])  # type: ignore[list-item]
    with pytest.raises(FormatError, match="1 entries are missing"):
        FemnistSource([missing]).listing()
    linked = hub_file(tmp_path / "linked.parquet", shown, WRITERS[:2], [0, 1], image=[{"bytes": None, "path": "a.png"}] * 2)
    with pytest.raises(FormatError, match=r"row 0 holds no picture"):
        prepare(FemnistSource([linked]), tmp_path / "corpus.parquet", "all")
    pq.write_table(pa.table({"image": [1]}), tmp_path / "foreign.parquet")
    with pytest.raises(FormatError, match="lacks the column"):
        FemnistSource([tmp_path / "foreign.parquet"]).listing()
    (tmp_path / "cut.parquet").write_bytes(beyond.read_bytes()[:-20])
    with pytest.raises(FormatError, match="truncated"):
        FemnistSource([tmp_path / "cut.parquet"]).listing()
    nameless = tmp_path / "nameless.parquet"
    pq.write_table(pq.read_table(beyond).replace_schema_metadata(None), nameless)
    with pytest.raises(FormatError, match="does not name the classes"):
        FemnistSource([nameless]).listing()


def test_folders_and_files_of_other_kinds(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="neither Parquet and JSON"):
        FemnistSource([tmp_path]).listing()
    with pytest.raises(InputError, match="neither a Parquet file"):
        FemnistSource([tmp_path / "femnist.zip"]).listing()


# kNN-Per's experiment


def test_a_fifth_of_the_writers_by_hand() -> None:
    names = [f"f{i:04}_00" for i in range(23)]
    shuffled = list(names)
    random.Random(12345).shuffle(shuffled)  # as their generate_data.py
    split = knn_per_split(reversed(names))
    assert {writer for writer in names if split[writer] == "application"} == set(shuffled[:4])
    assert [writer for writer in names if split[writer] == "validation"] == [shuffled[4 + 9]]
    assert assign("knn-per", dict.fromkeys(names, 3), "femnist") == split


@pytest.mark.parametrize("count", [1, 2, 5, 10, 37, 226])
def test_the_split_within_a_writer_is_scikit_learns(count: int) -> None:
    (trial,) = KnnPer().trials("ana", np.array(["a"] * count))
    if count == 1:  # theirs has no writer with one sample
        assert (trial.adaptation.tolist(), trial.test.tolist()) == ([], [0])
        return
    learned, tested = train_test_split(np.arange(count), train_size=0.8, random_state=12345)
    assert trial.adaptation.tolist() == learned.tolist()
    assert trial.test.tolist() == tested.tolist()


def femnist_corpus(folder: Path) -> Corpus:
    """Ten writers with ten samples each."""
    styles = Recognizer(threads=1).bundle.styles
    assert styles is not None
    alphabet = Recognizer(threads=1).alphabet
    chosen = [i for i, label in enumerate(styles.labels.tolist()) if alphabet[label] in NAMES][:100]
    shown = [scans(max(chosen) + 1)[i] for i in chosen]
    classes = [NAMES.index(alphabet[int(styles.labels[i])]) for i in chosen]
    writers = [f"f{i % 10:04}_00" for i in range(len(chosen))]
    path = hub_file(folder / "hub.parquet", shown, writers, classes)
    return prepare(FemnistSource([path]), folder / "femnist.parquet", "knn-per")


def test_their_row_and_ours(tmp_path: Path) -> None:
    corpus = femnist_corpus(tmp_path)
    assert corpus.record.split_writers["application"] == 2
    done = evaluate(corpus.path, ["memory", "allograph"], KnnPer())
    assert {row["method"] for row in done.rows()} >= {"memory", "allograph"}
    assert all(row["samples"] == 4 for row in done.rows())  # a fifth of ten samples by two writers
    table = next(table for table in done.tables if table.title.startswith("Table 3"))
    published = [row[-1] for row in table.rows]
    assert table.head[-1] == "kNN-Per, published"
    assert len(set(map(len, table.rows))) == 1
    assert dict(zip([row[0] for row in table.rows], published, strict=True))["Base accuracy"] == "83.40 %"
    other = evaluate(corpus.path, ["memory"], Resample(resamples=1))
    assert "published" not in " ".join(next(table for table in other.tables if table.title.startswith("Table 3")).head)


@pytest.mark.slow  # seven processes
def test_on_the_command_line(tmp_path: Path) -> None:
    femnist_corpus(tmp_path)

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([*COMMAND, *words], cwd=tmp_path, env=environment(), capture_output=True, text=True)

    made = run("prepare", "femnist", "hub.parquet", "-o", "made.parquet", "--split", "knn-per", "--json")
    assert made.returncode == 0, made.stderr
    assert json.loads(made.stdout)["samples"] == 100
    shown = run("evaluate", "made.parquet", "--preset", "knn-per", "--report", "report")
    assert shown.returncode == 0, shown.stderr
    assert "kNN-Per, published" in shown.stdout
    assert "88.20 %" in shown.stdout
    markdown = (tmp_path / "report" / "report.md").read_text(encoding="utf-8")
    assert "--method memory --method allograph --preset knn-per\n" in markdown.replace("`", "\n")
    for option in (("--seed", "1"), ("--protocol", "curve"), ("--adaptation", "0.5")):
        refused = run("evaluate", "made.parquet", "--preset", "knn-per", *option)
        assert refused.returncode == 2
        assert f"{option[0]} is fixed" in refused.stderr
    assert run("evaluate", "made.parquet", "--preset", "other").returncode == 2
