"""Corpora of lines: from arrays to a file and back, and all that can be no line."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from allograph.cli.main import app
from allograph.corpora import Corpus, LabelledLine, LineCorpus, prepare_lines
from allograph.corpora.lines import preparation
from allograph.corpora.lines.archive import LineArchive
from allograph.corpora.lines.columns import SCHEMA, lines_of, lines_to_arrow
from allograph.corpora.lines.text import characters_of, check_text
from allograph.corpora.parquet import atomic_parquet, sign
from allograph.errors import FormatError, InputError
from small import allograph, noise_corpus

TEXTS = ["ab c", "é&", "q", "ab", "<|"]
"""Of the lines of `arrays`: eleven characters, one stroke each but for the first, which has two."""


def arrays() -> dict[str, NDArray[Any]]:
    """Five lines by three writers."""
    random = np.random.default_rng(0)
    lengths = [3, 1, 2, 4, 1, 5, 2, 2, 3, 1, 6]
    characters = [0, 0, 1, 2, 0, 1, 0, 0, 1, 0, 1]
    return {
        "points": random.normal(50, 20, (sum(lengths), 2)),
        "stroke_start": np.cumsum([0, *lengths]),
        "line_start": np.array([0, 4, 6, 7, 9, 11]),
        "texts": np.array(TEXTS),
        "writers": np.array(["ana", "ana", "bo", "bo", "cy"]),
        "stroke_character": np.array(characters, np.int16),
        "splits": np.array(["train", "train", "application", "application", "validation"]),
        "millimetres": np.array([True, True, False, True, False]),
        "device": np.array(["", "tablet", "", "", "phone"]),
    }


def archive(folder: Path, **changes: Any) -> Path:
    """An archive in which some arrays are exchanged, or left out where they are None."""
    content = {name: array for name, array in {**arrays(), **changes}.items() if array is not None}
    np.savez(folder / "some.npz", **content)
    return folder / "some.npz"


def lines(folder: Path, **changes: Any) -> list[LabelledLine]:
    return list(prepare_lines(archive(folder, **changes), folder / "some.parquet").lines())


def test_lines_come_out_as_they_went_in(tmp_path: Path) -> None:
    given = arrays()
    found = lines(tmp_path)
    assert [line.text for line in found] == TEXTS
    assert [line.writer for line in found] == given["writers"].tolist()
    assert [line.split for line in found] == given["splits"].tolist()
    assert [line.unit == "millimetres" for line in found] == given["millimetres"].tolist()
    assert [line.device for line in found] == given["device"].tolist()
    assert [len(line.strokes) for line in found] == [4, 2, 1, 2, 2]
    strokes = [stroke for line in found for stroke in line.strokes]
    assert [len(stroke) for stroke in strokes] == np.diff(given["stroke_start"]).tolist()
    np.testing.assert_array_equal(np.concatenate(strokes), given["points"])  # to the last bit
    assert found[0].characters is not None
    assert found[0].characters.tolist() == [0, 0, 1, 2]
    assert found[0].characters.dtype == np.int16
    assert found[0].labels == ("a", "b", "c")


def test_the_corpus_knows_what_it_holds(tmp_path: Path) -> None:
    said: list[tuple[str, int, int]] = []
    corpus = prepare_lines(
        archive(tmp_path), tmp_path / "some.parquet", None, lambda *step: said.append(step), origin="us", licence="CC0"
    )
    record = corpus.record
    assert (record.lines, record.characters, record.labels, record.writers) == (5, 10, 8, 3)
    assert record.rows() == [
        {"split": "train", "lines": 2, "writers": 1},
        {"split": "validation", "lines": 1, "writers": 1},
        {"split": "application", "lines": 2, "writers": 1},
    ]
    assert (record.known_cuts, record.units, record.shared_lines) == (5, {"millimetres": 3, "device": 2}, 0)
    assert (record.source, record.origin, record.licence, record.split) == ("some.npz", "us", "CC0", "some.npz")
    assert corpus.writer_rows() == [
        {"writer": "ana", "split": "train", "lines": 2, "characters": 5},
        {"writer": "bo", "split": "application", "lines": 2, "characters": 3},
        {"writer": "cy", "split": "validation", "lines": 1, "characters": 2},
    ]
    assert list(corpus.alphabet) == sorted("abcé&q<|")
    assert (len(corpus), LineCorpus.of(corpus), LineCorpus.of(corpus.path)) == (5, corpus, corpus)
    assert (said[0], said[-1]) == (("preparing", 0, 5), ("preparing", 5, 5))
    assert sorted(os.listdir(tmp_path)) == ["some.npz", "some.parquet"]


def test_lines_of_one_split_or_writer_across_row_groups(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = lines(tmp_path)
    monkeypatch.setattr(preparation, "ROWS", 2)
    corpus = prepare_lines(archive(tmp_path), tmp_path / "parts.parquet")
    assert pq.ParquetFile(corpus.path).num_row_groups == 3
    assert list(corpus.lines()) == whole
    assert list(corpus.lines("application")) == whole[2:4]
    assert list(corpus.lines(writer="ana")) == whole[:2]
    assert list(corpus.lines("train", "bo")) == []
    places = corpus.writer_places("train", lambda text: True)
    assert {writer: list(corpus.lines_at(some)) for writer, some in places.items()} == {"ana": whole[:2]}
    assert corpus.writer_places("train", lambda text: text == "nobody wrote this") == {}
    only = corpus.writer_places("train", lambda text: text == whole[1].text)
    assert [some.tolist() for some in only.values()] == [[0, 1]]


def test_optional_arrays_may_be_missing(tmp_path: Path) -> None:
    found = lines(tmp_path, stroke_character=None, millimetres=None, device=None)
    assert {(line.characters is None, line.unit, line.device) for line in found} == {(True, "device", "")}


def test_cuts_may_be_known_of_some_lines(tmp_path: Path) -> None:
    characters = arrays()["stroke_character"]
    characters[4:6] = -1
    known = [line.characters is not None for line in lines(tmp_path, stroke_character=characters)]
    assert known == [True, False, True, True, True]


@pytest.mark.parametrize(
    ("split", "own", "said"),
    [
        (None, True, ["train", "application", "validation"]),
        ("all", True, ["application"] * 3),
        (None, False, ["application", "train", "train"]),  # by characters: ana has five, though bo has as many lines
        ("paper", True, ["application", "train", "train"]),
        ("split.csv", True, ["validation", "train", "application"]),
    ],
)
def test_the_split_is_the_archives_own_unless_said(tmp_path: Path, split: str | None, own: bool, said: list[str]) -> None:
    (tmp_path / "split.csv").write_text("writer,split\nana,validation\nbo,train\ncy,application\n")
    path = archive(tmp_path, **({} if own else {"splits": None}))
    rule = str(tmp_path / split) if split == "split.csv" else split
    corpus = prepare_lines(path, tmp_path / "some.parquet", rule)
    assert [row["split"] for row in corpus.writer_rows()] == said
    assert corpus.record.split == (split or ("some.npz" if own else "paper"))


def test_a_split_that_is_said_does_not_look_at_the_archives_own(tmp_path: Path) -> None:
    prepare_lines(archive(tmp_path, splits=np.array(["none"] * 5)), tmp_path / "some.parquet", "all")


def test_lines_that_stand_in_two_splits_are_counted(tmp_path: Path) -> None:
    made = archive(
        tmp_path,
        points=np.tile(arrays()["points"][:5], (3, 1)),
        stroke_start=np.array([0, 2, 5, 7, 10, 13, 15]),
        line_start=np.array([0, 2, 4, 6]),
        texts=np.array(["a", "b", "a"]),
        writers=np.array(["ana", "bo", "cy"]),
        splits=np.array(["train", "application", "train"]),
        stroke_character=np.zeros(6, int),
        millimetres=None,
        device=None,
    )
    assert prepare_lines(made, tmp_path / "some.parquet").record.shared_lines == 1  # the third has its pen lifted elsewhere


def test_every_type_of_numbers_and_text_is_read(tmp_path: Path) -> None:
    points = np.rint(arrays()["points"])
    found = lines(
        tmp_path,
        points=points.astype(np.int16),
        stroke_start=arrays()["stroke_start"].astype(np.uint64),
        texts=np.array([text.encode() for text in TEXTS]),
        writers=np.array([1, 1, 2, 2, 3]),
        millimetres=np.array([1, 1, 0, 1, 0]),
    )
    assert [line.text for line in found] == TEXTS
    assert [line.writer for line in found] == ["1", "1", "2", "2", "3"]
    np.testing.assert_array_equal(np.concatenate([stroke for line in found for stroke in line.strokes]), points)


def changed(name: str, place: Any, value: Any) -> dict[str, NDArray[Any]]:
    array = arrays()[name]
    if array.dtype.kind == "U":
        array = array.astype("U200")
    array[place] = value
    return {name: array}


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    **{
        f"no {name}": ({name: None}, f"holds no array {name}; it holds ")
        for name in ("points", "stroke_start", "line_start", "texts", "writers")
    },
    "points flat": ({"points": np.zeros(60)}, r"points is numbers \[n, 2\]; this is float64 \[60\]"),
    "points of three": ({"points": np.zeros((30, 3))}, r"points is numbers \[n, 2\]"),
    "points as text": ({"points": np.zeros((30, 2)).astype(str)}, "points is numbers"),
    "points as objects": ({"points": arrays()["points"].astype(object)}, "points cannot be read .it holds objects.; pickled"),
    "texts as objects": ({"texts": np.array(TEXTS, object)}, "texts cannot be read .it holds objects"),
    "a set": ({"texts": np.array([{1}] * 5, object)}, "texts cannot be read"),
    "points complex": ({"points": np.zeros((30, 2), complex)}, "points is numbers"),
    "NaN": (changed("points", (12, 1), np.nan), r"line 1, counted from 0: stroke 1 holds a point that is not finite \(NaN\)"),
    "infinite": (changed("points", (0, 0), -np.inf), "line 0, counted from 0: stroke 0 holds a point that is not finite"),
    "far": (changed("points", (29, 0), 1e10), "line 4, counted from 0: stroke 1 holds a point that .* farther than 1e.09"),
    "starts of floats": (
        {"stroke_start": arrays()["stroke_start"] * 1.0},
        r"stroke_start is whole numbers \[n\]; this is float64",
    ),
    "starts nowhere": ({"stroke_start": np.empty(0, int)}, "stroke_start begins with 0 .* this one is empty"),
    "starts late": (changed("stroke_start", 0, 1), "stroke_start begins with 0 and ends with the number of points, 30"),
    "ends early": (changed("stroke_start", -1, 29), "stroke_start .* ends with the number of points, 30; this one is 0 to 29"),
    "no end": (
        {"stroke_start": arrays()["stroke_start"][:-1]},
        "stroke_start .* ends with the number of points, 30; this one is 0 to 24",
    ),
    "empty stroke": (changed("stroke_start", 2, 3), "stroke_start is ascending; stroke 1, counted from 0, has no points"),
    "descending": (changed("stroke_start", 2, 1), "stroke_start is ascending; stroke 1, counted from 0, ends before it begins"),
    "huge": (
        {"stroke_start": np.append(arrays()["stroke_start"], 2**63).astype(np.uint64)},
        "stroke_start .* this one is 0 to -",
    ),
    "line without end": ({"line_start": arrays()["line_start"][:-1]}, "line_start .* ends with the number of strokes, 11"),
    "empty line": (changed("line_start", 3, 6), "line_start is ascending; line 2, counted from 0, has no strokes"),
    "fewer lines": ({"line_start": np.array([0, 4, 6, 7, 11])}, "line_start has 5 entries; of 5 texts it has 6, the end too"),
    "empty text": (changed("texts", 2, ""), r"texts\[2\]: the text of a line has 1–32768 characters besides spaces; .* has 0"),
    "blank": (changed("texts", 2, "  \u00a0"), r"texts\[2\]: .* this one has 0"),
    "missing": (changed("texts", 1, "nan"), r"texts\[1\]: the text is missing"),
    "control": (changed("texts", 3, "a\tb"), r"texts\[3\]: the text holds U\+0009 at place 1"),
    "two lines": (changed("texts", 3, "a\nb"), r"texts\[3\]: .*U\+000A .* a line has no line ends"),
    "separator": (changed("texts", 3, "a\u2028b"), r"texts\[3\]: .*U\+2028"),
    "lone mark": (changed("texts", 3, "a \u0301b"), r"texts\[3\]: a word of the text begins with U\+0301"),
    "stack of marks": (changed("texts", 3, "a" + "\u0320" * 16), r"texts\[3\]: character 0 .* more than 16 code points"),
    "texts of numbers": ({"texts": np.arange(5)}, r"texts is text \[n\]; this is int64"),
    "no UTF-8": ({"texts": np.array([b"ab", b"\xff", b"a", b"ab", b"ab"])}, r"texts\[1\]: .*UTF-8"),
    "no lines": (
        {"texts": np.empty(0, "U1"), "line_start": np.array([0]), "stroke_start": np.array([0]), "points": np.empty((0, 2))},
        "there are no lines in it",
    ),
    "not composed": (
        {**changed("texts", 2, "e\u0301"), **changed("stroke_character", 6, 1)},
        "line 2, counted from 0: stroke 0 belongs to character 1, and the text has characters 0 to 0",
    ),
    "too few": (changed("texts", 0, "ab"), "line 0, .*: stroke 3 belongs to character 2, and the text has characters 0 to 1"),
    "too many": (changed("texts", 0, "ab cd"), "line 0, .*: no stroke belongs to character 3 of the text's 4, .* say -1 for all"),
    "skipped": (changed("stroke_character", 2, 2), "line 0, .*: no stroke belongs to character 1"),
    "half known": (changed("stroke_character", 1, -1), "line 0, .*: stroke 1 belongs to character -1"),
    "far character": ({"stroke_character": np.full(11, 2**16 + 1)}, "line 0, .*: stroke 0 belongs to character 65537"),
    "fewer characters": ({"stroke_character": np.zeros(10, int)}, "stroke_character has 10 entries, and there are 11 strokes"),
    "characters of floats": ({"stroke_character": np.zeros(11)}, "stroke_character is whole numbers"),
    "fewer writers": ({"writers": np.array(["a"] * 4)}, "writers has 4 entries, and there are 5 lines"),
    "no writer": (changed("writers", 4, " "), r"writers\[4\]: the writer is empty"),
    "no split": (changed("splits", 3, "test"), r"splits\[3\]: the split 'test' is none of train, validation, application"),
    "two splits": (changed("splits", 1, "application"), r"splits\[1\]: the writer 'ana' is in two splits, train and application"),
    "fewer splits": ({"splits": np.array(["train"])}, "splits has 1 entries"),
    "millimetres of floats": ({"millimetres": np.zeros(5)}, "millimetres is true or false"),
    "many millimetres": ({"millimetres": np.arange(5)}, "millimetres is true or false"),
    "device": (changed("device", 3, "a\nb"), "line 3, counted from 0: a device is named by at most 200 printable characters"),
    "a number": ({"texts": np.array("ab")}, "texts is text"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_can_be_no_line_is_named_by_its_place(tmp_path: Path, name: str) -> None:
    changes, said = WRONG[name]
    with pytest.raises(InputError, match=rf"some\.npz: {said}|some\.npz {said}|some\.npz: the array {said}"):
        lines(tmp_path, **changes)
    assert os.listdir(tmp_path) == ["some.npz"]


def test_no_message_repeats_a_text(tmp_path: Path) -> None:
    secret = "geheim"
    for text in (f"{secret}\x07", f"{secret} \u0301", secret, secret + "\u0320" * 16):
        with pytest.raises(InputError) as caught:
            lines(tmp_path, **changed("texts", 0, text))
        assert secret not in str(caught.value)


def test_files_that_are_no_archives(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none\.npz does not exist"):
        LineArchive.open(tmp_path / "none.npz")
    np.save(tmp_path / "one.npy", np.arange(3))
    with pytest.raises(FormatError, match="holds a single array"):
        LineArchive.open(tmp_path / "one.npy")
    whole = archive(tmp_path).read_bytes()
    for length in (0, 3, len(whole) // 2, len(whole) - 1):
        (tmp_path / "some.npz").write_bytes(whole[:length])
        with pytest.raises(FormatError, match="not a readable npz archive"):
            LineArchive.open(tmp_path / "some.npz")


def test_an_output_that_fails_leaves_what_stood_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = prepare_lines(archive(tmp_path), tmp_path / "some.parquet").path.read_bytes()
    monkeypatch.setattr(preparation, "ROWS", 2)
    with pytest.raises(InputError, match="line 4"):
        lines(tmp_path, **changed("points", 29, np.nan))
    assert (tmp_path / "some.parquet").read_bytes() == before
    assert sorted(os.listdir(tmp_path)) == ["some.npz", "some.parquet"]


def test_a_corpus_of_one_kind_is_not_opened_as_the_other(tmp_path: Path) -> None:
    ours = prepare_lines(archive(tmp_path), tmp_path / "lines.parquet").path
    characters = noise_corpus(tmp_path / "characters.parquet", ["a"], ["w"]).path
    with pytest.raises(FormatError, match=r"is an allograph corpus of lines, and an allograph corpus was expected"):
        Corpus.open(ours)
    with pytest.raises(FormatError, match=r"is an allograph corpus, .* corpus of lines was expected; .*allograph prepare lines"):
        LineCorpus.open(characters)


def test_truncated_damaged_and_foreign_files(tmp_path: Path) -> None:
    path = prepare_lines(archive(tmp_path), tmp_path / "some.parquet").path
    whole = path.read_bytes()
    for length in (0, 10, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:length])
        with pytest.raises(FormatError, match="truncated, damaged or foreign"):
            LineCorpus.open(path)
    for place in range(10, len(whole) // 2, 7):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 0xFF]) + whole[place + 1 :])
        try:
            found = [*LineCorpus.open(path).lines(), *LineCorpus.open(path).lines("train")]
        except FormatError as error:
            assert "some.parquet" in str(error)  # noqa: PT017
        else:
            assert len(found) == 7  # a byte that carries nothing
    pq.write_table(pa.table({"text": ["a"]}), path)
    with pytest.raises(FormatError, match="not one of allograph's"):
        LineCorpus.open(path)


def forged(path: Path, table: pa.Table, version: int = 1, **record: Any) -> LineCorpus:
    """A file with a right record around any table."""
    with atomic_parquet(path, table.schema) as file:
        file.write_table(table)
        known = {"lines": table.num_rows, "characters": 1, "labels": 1, "writers": 1}
        sign(file, "corpus of lines", version, {**known, **record})
    return LineCorpus.open(path)


def test_a_later_version_and_a_record_that_lacks_something(tmp_path: Path) -> None:
    table = lines_to_arrow(lines(tmp_path))
    with pytest.raises(FormatError, match="corpus of lines of format 2; this release reads format 1"):
        forged(tmp_path / "later.parquet", table, 2)
    with pytest.raises(FormatError, match="names the lines '5'"):
        forged(tmp_path / "wrong.parquet", table, lines="5")
    with pytest.raises(FormatError, match="has no column y"):
        forged(tmp_path / "less.parquet", table.drop_columns(["y"]))
    assert forged(tmp_path / "more.parquet", table, weather="fine").record.unknown == {"weather": "fine"}


FORGERIES: dict[str, tuple[str, Callable[[list[Any]], list[Any]], str]] = {
    "no text": ("text", lambda values: [None, *values[1:]], "has lines without text"),
    "no strokes known": ("x", lambda values: [None, *values[1:]], "has lines without x"),
    "a null stroke": ("y", lambda values: [[None, *values[0][1:]], *values[1:]], "has lines without y"),
    "a null point": ("x", lambda values: [[[None]], *values[1:]], "has lines without x"),
    "no strokes": ("xy", lambda values: [[], *values[1:]], "row 0: it has no strokes"),
    "an empty stroke": ("xy", lambda values: [*values[:2], [[]], *values[3:]], "row 2: stroke 0 is .0, 2."),
    "more x": ("x", lambda values: [[*values[0], [1.0]], *values[1:]], "strokes with more x than y"),
    "NaN": ("x", lambda values: [*values[:4], [[float("nan")] * len(stroke) for stroke in values[4]]], "row 4: .*NaN"),
    "other text": ("text", lambda values: ["abcdef", *values[1:]], "row 0: no stroke belongs to character 3"),
    "control": ("text", lambda values: ["a\n", *values[1:]], r"row 0: the text holds U\+000A"),
    "characters": ("characters", lambda values: [[0], *values[1:]], "row 0: it has 4 strokes, and characters int16 .1."),
    "a split": ("split", lambda values: [*values[:4], "test"], "row 4: the split 'test' is none"),
    "a unit": ("unit", lambda values: ["inches", *values[1:]], "row 0: the unit of a line is millimetres or device"),
}


@pytest.mark.parametrize("name", FORGERIES)
def test_a_row_that_can_be_no_line_is_named(tmp_path: Path, name: str) -> None:
    columns, change, said = FORGERIES[name]
    table = lines_to_arrow(lines(tmp_path))
    for column in ["x", "y"] if columns == "xy" else [columns]:
        place = SCHEMA.get_field_index(column)
        table = table.set_column(
            place, SCHEMA.field(place), pa.array(change(table[column].to_pylist()), SCHEMA.field(place).type)
        )
    with pytest.raises(FormatError, match=rf"forged\.parquet.*{said}"):
        list(forged(tmp_path / "forged.parquet", table).lines())


coordinates = st.floats(-1e9, 1e9)
words = st.text(st.characters(codec="utf-8", exclude_categories=("C", "M", "Z")), min_size=1, max_size=4)


@st.composite
def labelled_lines(draw: st.DrawFn) -> LabelledLine:
    text = check_text(" ".join(draw(st.lists(words, min_size=1, max_size=3))))
    places = list(range(len(characters_of(text))))
    order = draw(st.permutations(places + draw(st.lists(st.sampled_from(places), max_size=3))))
    strokes = [draw(st.lists(st.tuples(coordinates, coordinates), min_size=1, max_size=3)) for _ in order]
    return LabelledLine(
        tuple(np.array(stroke, np.float64) for stroke in strokes),
        text,
        draw(st.sampled_from(["ana", "José"])),
        "train",
        draw(st.sampled_from([np.array(order, np.int16), None])),
        draw(st.sampled_from(["millimetres", "device"])),
        draw(st.sampled_from(["", "tablet"])),
    )


@settings(deadline=None, max_examples=60)
@given(st.lists(labelled_lines(), max_size=4), st.integers(0, 3))
def test_columns_hold_all_of_a_line(some: list[LabelledLine], start: int) -> None:
    table = lines_to_arrow(some)
    assert table.schema == SCHEMA
    assert list(lines_of(table, "a table")) == some
    assert list(lines_of(table.slice(start), "a part of it")) == some[start:]
    assert list(lines_of(pa.concat_tables([table, table]), "two")) == some * 2


@settings(deadline=None)
@given(st.text(max_size=12))
def test_a_text_has_one_form(text: str) -> None:
    try:
        form = check_text(text)
    except InputError:
        return
    assert check_text(form) == check_text(f"  {form} ") == form
    assert "".join(characters_of(form)) == form.replace(" ", "")
    assert "  " not in form


def test_combining_marks_belong_to_their_character() -> None:
    assert characters_of(check_text("q\u0303 e\u0301 नि")) == ("q\u0303", "é", "नि")


def test_a_line_is_made_of_lists_too() -> None:
    line = LabelledLine(([[0, 0], [0, 8]], [[4, 0]]), "l.", "ana", "train", [0, 1])  # type: ignore[arg-type]
    assert line.strokes[0].dtype == np.float64
    assert line.characters is not None
    assert line.characters.dtype == np.int16
    wrong: list[Any] = [((), None), (([],), None), (([[1, 2, 3]],), None), (([["a", "b"]],), None), (([[0, 0]],), [0.0])]
    for strokes, characters in wrong:
        with pytest.raises(InputError, match="stroke"):
            LabelledLine(strokes, "l", "ana", "train", characters)


def test_the_commands(tmp_path: Path) -> None:
    path = archive(tmp_path)
    said = allograph("prepare", "lines", "some.npz", "--origin", "us", "--json", cwd=tmp_path)
    facts = json.loads(said.stdout)
    assert (facts["output"], facts["lines"], facts["split_writers"]["train"]) == ("lines.parquet", 5, 1)
    info = json.loads(allograph("info", "lines.parquet", "--json", cwd=tmp_path).stdout)
    assert (info["kind"], info["sound"], info["lines"], info["writers"]) == ("corpus of lines", True, 5, 3)
    assert (info["characters"], info["labels"], info["known cuts"], info["origin"]) == (10, 8, 1.0, "us")
    assert info["splits"] == {"application": 2, "train": 2, "validation": 1}
    for option in ("--frame mnist", "--boxes some.npz", "--square 2", "--polarity auto", "--undistorted"):
        with pytest.raises(InputError, match=f"{option.split()[0]} is not for lines"):
            app(["prepare", "lines", str(path), *option.split()], standalone_mode=False)
    with pytest.raises(InputError, match="exactly one npz archive; 0 were given"):
        app(["prepare", "lines"], standalone_mode=False)
    with pytest.raises(InputError, match="it is what is read"):
        app(["prepare", "lines", str(path), "-o", str(path)], standalone_mode=False)
    assert (
        "--polarity is not for lines" in allograph("prepare", "lines", "x", "--polarity", "dark", cwd=tmp_path, status=2).stderr
    )


def test_real_lines(shared: Path, tmp_path: Path) -> None:
    path = shared / "data" / "unipen_lines.npz"
    corpus = prepare_lines(path, tmp_path / "lines.parquet")
    record = corpus.record
    assert (record.lines, record.characters, record.labels, record.writers) == (1560, 37366, 94, 70)
    assert record.split_writers == {"train": 49, "validation": 5, "application": 16}
    assert (record.known_cuts, record.shared_lines) == (1560, 0)
    found = list(corpus.lines())
    with np.load(path) as given:
        np.testing.assert_array_equal(np.concatenate([s for line in found for s in line.strokes]), given["points"])
        np.testing.assert_array_equal(
            np.concatenate([line.characters for line in found if line.characters is not None]), given["stroke_character"]
        )
        assert [line.text for line in found] == given["texts"].tolist()
        assert Counter(line.split for line in found) == Counter(given["splits"].tolist())
    assert [line.text for line in corpus.lines("validation")] == [line.text for line in found if line.split == "validation"]
