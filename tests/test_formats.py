"""Files of every released format open, and say what they said."""

from __future__ import annotations

import contextlib
import shutil
from pathlib import Path

import numpy as np
import pytest

from allograph import Box, Recognizer, Writers, open_store
from allograph.corpora.corpus import Corpus
from allograph.profiles import Store
from allograph.profiles.backup import restore
from allograph.profiles.journal import Entry, Key
from allograph.profiles.tables import metadata
from allograph.profiles.upgrade import NEWEST

RELEASED = sorted((Path(__file__).parent / "data" / "formats").iterdir())
LABELS = list("01256789")
LINE = "line-7cZ0_o1bYzE"
"""Since format 3 the two that were taken back come once more, as a line."""


@pytest.fixture(params=RELEASED, ids=lambda path: path.name)
def released(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A copy, which opening may renew."""
    return Path(shutil.copytree(request.param, tmp_path / "released"))


def test_a_corpus(released: Path) -> None:
    corpus = Corpus.open(released / "corpus.parquet")
    assert corpus.labels.tolist() == list("0123456789")
    assert sum(len(samples.rows) for samples in corpus.batches()) == 10
    if corpus.boxes is not None:
        assert corpus.boxes.box(1) == Box(1, 2, 4, 9, "millimetres")
        assert (corpus.boxes.box(8), corpus.boxes.box(9)) == (Box(8, 2, 11, 9), None)


def test_a_store(released: Path) -> None:
    recognizer = Recognizer(released / "bundle", threads=1)
    with contextlib.closing(open_store(released / "writers.db")) as store, Writers(store, recognizer) as writers:
        ana = writers["ana"]
        in_line = check_line(released, store, "ana")
        assert [done.label for done in ana.corrections[:8]] == LABELS
        ids = {"reading-0", "reading-1", "reading-2", "reading-5", "reading-6", "reading-7", "reading-8", "reading-9"}
        assert {entry.id for entry in ana.entries() if entry.batch != LINE} == ids
        assert ana.adapter.name == "paper"
        assert ana.state.arrays["count"].sum() == 8 + in_line
        check_boxes(released, ana.entries(limit=8))


@pytest.mark.parametrize("folder", [path for path in RELEASED if (path / "writers.backup").exists()], ids=lambda path: path.name)
def test_a_backup(folder: Path, tmp_path: Path) -> None:
    """It fills a new store with what the store beside it holds."""
    copy, filled = Path(shutil.copy(folder / "writers.db", tmp_path)), tmp_path / "filled.db"
    assert restore(folder / "writers.backup", str(filled)).backup.format == 1
    with contextlib.closing(open_store(copy)) as store, contextlib.closing(open_store(filled)) as other:
        (key,) = store.every_key()
        assert list(other.every_key()) == [key] == [Key("default", "ana")]
        assert other.contents(key) == store.contents(key)
        assert other.words(key) == store.words(key) == {"34": 1, "4": 1}
        assert len(other.entries(key)) == 10


def test_a_profile(released: Path) -> None:
    recognizer = Recognizer(released / "bundle", threads=1)
    blob = (released / "ana.allograph").read_bytes()
    with contextlib.closing(open_store(released / "writers.db")) as store, Writers(store, recognizer) as writers:
        assert writers.merge("ana", blob) == (0, 0)
        in_line = check_line(released, store, "ana")
        assert writers.merge("ben", blob) == (8 + in_line, 0)
        assert check_line(released, store, "ben") == in_line
        assert [done.label for done in writers["ben"].corrections[:8]] == LABELS
        images = np.random.default_rng(0).integers(1, 256, (10, 28, 28), dtype=np.uint8)
        found = [entry.image for entry in writers["ben"].entries(limit=8) if entry.image is not None]
        assert len(found) == 8
        assert np.array_equal(np.stack(found), images[[0, 1, 2, 5, 6, 7, 8, 9]])
        check_boxes(released, writers["ben"].entries(limit=8))


def check_line(released: Path, store: Store, name: str) -> int:
    """How many corrections of a line there are; those before format 3 know neither lines nor words."""
    key = Key("default", name)
    entries = [entry for entry in store.entries(key) if entry.batch == LINE]
    words, kept = store.words(key), store.contents(key).words
    if released.joinpath("ana.allograph").read_bytes().find(LINE.encode()) < 0:
        assert (entries, words, kept) == ([], {}, [])
        return 0
    assert sorted((entry.label, entry.box) for entry in entries) == [("3", Box(0, 0, 9, 3)), ("4", Box(0, 0, 0, 3))]
    assert words == {"34": 1, "4": 1}
    assert sum(word.text is None for word in kept) == 1
    return 2


def check_boxes(released: Path, entries: list[Entry]) -> None:
    """Profiles of format 1 know no boxes, and none is made up for them."""
    if rb"\"format\": 1," in (released / "ana.allograph").read_bytes():
        assert {(one.box, one.doubt) for one in entries} == {(None, 0.0)}
        return
    places = {one.id: one.box for one in entries}
    assert places["reading-9"] is None
    assert places["reading-7"] == Box(7, 2.5, 10, 9.25, "millimetres", "tablet", 8.0)
    assert all(one.doubt > 0 for one in entries)


def test_the_migrations_make_the_tables_that_the_store_uses(tmp_path: Path, schema: str) -> None:
    import sqlalchemy as sa

    newest = sorted(path.stem for path in (Path(metadata_folder()) / "migrations" / "versions").glob("[0-9]*.py"))[-1]
    assert newest.startswith(NEWEST)
    for url, address in ((tmp_path / "x.db", f"sqlite:///{tmp_path / 'x.db'}"), (schema, schema)):
        open_store(url).close()
        engine = sa.create_engine(address, poolclass=sa.NullPool)
        found = sa.inspect(engine)
        for table in metadata.sorted_tables:
            made = {column["name"]: (column["nullable"], str(column["type"])) for column in found.get_columns(table.name)}
            wanted = {c.name: (bool(c.nullable), str(c.type.compile(engine.dialect))) for c in table.columns}
            assert {name: null for name, (null, _) in made.items()} == {name: null for name, (null, _) in wanted.items()}
            assert {name: kind.split()[0] for name, (_, kind) in made.items()} == {
                name: kind.split()[0] for name, (_, kind) in wanted.items()
            }
            assert found.get_pk_constraint(table.name)["constrained_columns"] == [c.name for c in table.primary_key]
            assert {index["name"] for index in found.get_indexes(table.name)} >= {index.name for index in table.indexes}


def metadata_folder() -> Path:
    """Where the stores' code lives."""
    import allograph.profiles

    return Path(allograph.profiles.__file__).parent


def test_tables_of_a_later_release_are_refused(tmp_path: Path) -> None:
    import sqlite3

    from allograph.errors import FormatError

    open_store(tmp_path / "x.db").close()
    with contextlib.closing(sqlite3.connect(tmp_path / "x.db")) as connection:
        connection.execute("UPDATE allograph_version SET version_num = '9999'")
        connection.commit()
    with pytest.raises(FormatError, match="later release"):
        open_store(tmp_path / "x.db")
