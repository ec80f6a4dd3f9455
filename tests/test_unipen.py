"""UNIPEN: components, delineations, labels, resolutions, baselines and archives, by hand and on files of the release itself."""

from __future__ import annotations

import io
import json
import os
import tarfile
import zipfile
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from allograph.cli.main import _run
from allograph.corpora import Corpus, LineCorpus, make_source, prepare, prepare_lines
from allograph.corpora.lines.source import open_lines
from allograph.corpora.unipen import UnipenSource, source
from allograph.corpora.unipen.baselines import kept_lines
from allograph.corpora.unipen.left_out import LeftOut
from allograph.corpora.unipen.reading import Found, find_segments
from allograph.corpora.unipen.release import Release
from allograph.corpora.unipen.resolution import FEWEST, KNOWN, LARGEST, SMALLEST, LetterSizes
from allograph.corpora.unipen.segment import Segment, Span, unescape
from allograph.corpora.unipen.shipped import DIGEST, Table, digest, make_table, shipped_table
from allograph.corpora.unipen.statements import statements
from allograph.errors import AllographError, FormatError, InputError
from allograph.ink import ink_extent
from allograph.split import read_split
from make_unipen_table import table_of
from unipen_release import INK, RELEASE, make_release, pack


def found_in(path: Path, *categories: str, level: str = "CHARACTER") -> tuple[list[Found], LeftOut]:
    """The segments of these categories, and what was left out."""
    left_out = LeftOut()
    with Release.open(path) as release:
        return list(find_segments(release, categories, level, left_out)), left_out


def sizes_of(found: list[Found]) -> LetterSizes:
    """The sizes of letters by the resolutions that are stated."""
    sizes = LetterSizes()
    for one in found:
        sizes.add(one)
    return sizes


def with_file(folder: Path, name: str, text: str) -> Path:
    """The small release with another text for a file, or none."""
    return make_release(folder, {**RELEASE, name: text})


def test_characters_come_as_they_are_marked(tmp_path: Path) -> None:
    found, left_out = found_in(make_release(tmp_path), "1a", "1c")
    # y down, twice as fine along y as along x: both as along x
    ink = {one.segment.label: [stroke.tolist() for stroke in one.strokes] for one in found}
    assert ink == {
        "1": [[[100, -50], [100, -150]]],
        '"': [[[400, -50]]],
        "n": [[[100, -50], [100, -150]], [[200, -50], [250, -100], [300, -50]]],
        "\\": [[[250, -100], [300, -50]], [[400, -50]]],
        "i": [[[200, -50], [250, -100]], [[400, -50]]],
    }
    assert {one.writer for one in found} == {"abc-ana"}
    assert left_out.notes() == [
        "left out: 1 ligatures, delayed strokes and noise, labelled \\@ (the first: data/1c/abc/one.dat, line 5)"
    ]


def test_the_corpus_has_boxes_in_millimetres_and_the_order_of_writing(tmp_path: Path) -> None:
    corpus = prepare("unipen", tmp_path / "corpus.parquet", split="all", paths=[make_release(tmp_path)])
    (batch,) = corpus.batches()
    assert batch.labels.tolist() == ["1", "n", "i", "\\", '"']
    assert batch.order is not None
    assert batch.order.tolist() == [0, 1, 2, 3, 4]
    assert corpus.boxes is not None
    assert corpus.boxes.millimetres.all()
    assert np.allclose(corpus.boxes.edges[:2], [[10, -15, 10, -5], [10, -15, 30, -5]])
    assert (corpus.record.source, corpus.record.licence) == ("unipen", "CC BY 4.0")
    assert "ligatures" in corpus.record.notes[0]


def test_lines_know_which_strokes_are_which_character(tmp_path: Path) -> None:
    lines = open_lines("unipen", [make_release(tmp_path)])
    corpus = prepare_lines(lines, tmp_path / "lines.parquet", split="all")
    known, unknown = corpus.lines()
    assert (known.text, known.writer, known.unit) == ("l i", "abc-ana", "millimetres")
    assert known.characters is not None
    assert known.characters.tolist() == [0, 1, 1]
    assert known.strokes[0].tolist() == [[10, -5], [10, -15]]
    assert (unknown.text, unknown.characters) == ("so it is", None)
    assert corpus.record.notes == ("2 characters in context (category 3) tell which strokes are which character",)


@pytest.mark.parametrize("ending", ["tar", "tar.gz", "tar.bz2", "tar.xz", "zip"])
def test_an_archive_gives_what_its_folder_gives(tmp_path: Path, ending: str) -> None:
    folder = make_release(tmp_path)
    archive = pack(folder, tmp_path / f"release.{ending}")
    told = [UnipenSource([path]).listing() for path in (folder, tmp_path, archive)]
    assert all(one.labels.tolist() == told[0].labels.tolist() and one.notes == told[0].notes for one in told)
    content = archive.read_bytes()
    cuts = [len(content) // 2] if ending == "tar" else [5, len(content) // 2, len(content) - 1]  # a tar ends with much of nothing
    for cut in cuts:
        archive.write_bytes(content[:cut])
        with pytest.raises(FormatError, match=r"release\.\S+ cannot be read"):
            UnipenSource([archive]).listing()


@given(st.lists(st.tuples(st.integers(0, 40), st.integers(0, 5), st.booleans(), st.booleans(), st.integers(0, 9)), min_size=1))
def test_a_delineation_is_the_spans_it_was_written_from(parts: list[tuple[int, int, bool, bool, int]]) -> None:
    written, meant = [], []
    for first, more, cut_first, cut_last, point in parts:
        start, stop = (point if cut_first else None), (point + 1 if cut_last else None)
        begin = f"{first}:{point}" if cut_first else str(first)
        if more:
            written.append(f"{begin}-{first + more}" + (f":{point}" if cut_last else ""))
            meant.append(Span(first, start, None))
            meant += [Span(number, None, None) for number in range(first + 1, first + more)]
            meant.append(Span(first + more, None, stop))
        else:
            written.append(begin)
            meant.append(Span(first, start, None if start is None else start + 1))
    assert Segment.parse(f' CHARACTER {",".join(written)} ? "a"', 1).spans() == meant


@given(st.text(st.characters(codec="latin-1", exclude_categories=["Cc"])))
def test_escapes_are_undone(label: str) -> None:
    assert unescape(label.replace("\\", "\\\\").replace('"', '\\"')) == label


@pytest.mark.parametrize(
    ("segment", "reason"),
    [
        ('CHARACTER 4 ? "a"', "delineations beyond the ink"),
        ('CHARACTER 0:2-2 ? "a"', "delineations beyond the ink"),
        ('CHARACTER 2:0-2:3 ? "a"', "delineations beyond the ink"),
        ('CHARACTER 2-0 ? "a"', "delineations that end before they begin"),
        ('CHARACTER 0-1-2 ? "a"', "delineations that cannot be read"),
        ('CHARACTER 1 ? "a"', "segments without pen-down ink"),
        ("CHARACTER 0 ?", "segments without a label or of another form"),
        ("CHARACTER 0 OK", "segments without a label or of another form"),
        ('CHARACTER 0 ? "a" "b"', "segments with several labels"),
        pytest.param(f'CHARACTER {"9" * 5000} ? "a"', "delineations that cannot be read", id="5000 digits"),
        ('CHARACTER 0 ? ""', "label is empty or too long"),
        ('WORD 0 ? "a"', "segments of another level than CHARACTER"),
    ],
)
def test_a_segment_that_cannot_be_used_is_left_out_and_counted(tmp_path: Path, segment: str, reason: str) -> None:
    text = RELEASE["data/1a/abc/one.dat"] + f".SEGMENT {segment}\n"
    listing = UnipenSource([with_file(tmp_path, "data/1a/abc/one.dat", text)]).listing()
    assert len(listing.labels) == 5
    assert any(reason in note and "left out: 1 " in note and "data/1a/abc/one.dat, line 5" in note for note in listing.notes)


def test_ink_that_cannot_be_read_costs_its_segments_alone(tmp_path: Path) -> None:
    listing = UnipenSource([with_file(tmp_path, "include/abc/data/one.dat", INK.removesuffix("100 6\n") + "nan 6\n")]).listing()
    assert listing.labels.tolist() == ["1", "n"]
    assert any("3 segments of ink that cannot be read" in note for note in listing.notes)


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("include/abc/data/one.dat", "PK\x03\x04\0\0", "one.dat is not of the format UNIPEN 1.0"),
        ("data/1a/abc/one.dat", "", "one.dat is not of the format UNIPEN 1.0"),
        (
            "include/abc/data/one.dat",
            INK.replace(".PEN_DOWN", ".PEN_DWON", 1),
            "one.dat, line 4: the format has no keyword .PEN_DWON",
        ),
        ("include/abc/device.doc", ".COORD X T\n", "device.doc, line 1: the coordinates of a point are X and Y"),
        ("include/abc/device.doc", "\n.X_POINTS_PER_MM ten\n", "device.doc, line 2: a number was expected"),
        ("include/abc/device.doc", ".INCLUDE abc/device.doc\n", "device.doc, line 1: files include one another"),
        ("include/abc/device.doc", ".INCLUDE ../../secret\n", r"\.\./\.\./secret lies outside the release"),
    ],
)
def test_a_file_that_is_damaged_or_foreign_is_named(tmp_path: Path, name: str, text: str, message: str) -> None:
    with pytest.raises(FormatError, match=message):
        UnipenSource([with_file(tmp_path, name, text)]).listing()


def test_a_keyword_that_a_file_defines_or_that_no_points_follow_is_passed_over(tmp_path: Path) -> None:
    more = ".KEYWORD .PEN_TILT [N] [.] how the pen was held\n.PEN_TILT\n12 13\n.PRESSURE none\n"
    listing = UnipenSource([with_file(tmp_path, "include/abc/device.doc", more + RELEASE["include/abc/device.doc"])]).listing()
    assert len(listing.labels) == 5


@pytest.mark.parametrize(
    "reference", ["ABC/Device.DOC", "../device.doc", "../../abc/device.doc", "abc\\device.doc", "  ./abc//device.doc  "]
)
def test_an_inclusion_is_found_however_it_is_written(tmp_path: Path, reference: str) -> None:
    folder = with_file(tmp_path, "include/abc/data/one.dat", INK.replace("abc/device.doc", reference))
    corpus = prepare("unipen", tmp_path / "corpus.parquet", split="all", paths=[folder])
    assert corpus.labels.tolist() == ["1", "n", "i", "\\", '"']
    assert corpus.boxes is not None
    assert corpus.boxes.millimetres.all()


@pytest.mark.parametrize("ends", [b"\r\n", b"\r"])
def test_ends_of_lines_and_marks_of_utf8_do_not_count(tmp_path: Path, ends: bytes) -> None:
    folder = make_release(tmp_path)
    told = UnipenSource([folder]).listing()
    for path in folder.rglob("*.*"):
        path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", ends))
    again = UnipenSource([folder]).listing()
    assert (again.labels.tolist(), again.notes) == (told.labels.tolist(), told.notes)


@pytest.mark.parametrize("encoding", ["latin-1", "utf-8"])
def test_labels_in_both_encodings(tmp_path: Path, encoding: str) -> None:
    folder = make_release(tmp_path)
    (folder / "data/1a/abc/one.dat").write_text('.INCLUDE abc/data/one.dat\n.SEGMENT CHARACTER 0 ? "é"\n', encoding)
    assert "é" in UnipenSource([folder]).listing().labels.tolist()


@pytest.mark.parametrize(
    ("segment", "label", "components"),
    [
        ('CHARACTER 0, 2-3 ? "x"', "x", [0, 2, 3]),
        ('CHARACTER 0 , 2 "x"', "x", [0, 2]),
        ('CHARACTER 0 5 "x"', "x", [0]),
        ('character 0 ? """', '"', [0]),
        ('CHARACTER 0 ? "\\"', "\\", [0]),
    ],
)
def test_segments_in_other_spellings(tmp_path: Path, segment: str, label: str, components: list[int]) -> None:
    found, _ = found_in(with_file(tmp_path, "data/1a/abc/one.dat", f".INCLUDE abc/data/one.dat\n.SEGMENT {segment}\n"), "1a")
    assert [one.segment.label for one in found] == [label]
    assert [one.components for one in found] == [components]


@pytest.mark.parametrize(
    ("conditions", "scale"),
    [
        (".X_POINTS_PER_INCH 254\n.Y_POINTS_PER_MM 10", (10, 10)),
        (".X_POINTS_PER_INCH 508\n.X_POINTS_PER_MM 10\n.Y_POINTS_PER_INCH 254", (10, 10)),
        (".X_POINTS_PER_MM 10", None),
        (".Y_POINTS_PER_MM 10", None),
        (".X_POINTS_PER_MM 0\n.Y_POINTS_PER_MM 0", None),
        (".X_POINTS_PER_MM -10\n.Y_POINTS_PER_MM 10", None),
        (".X_POINTS_PER_MM 1e-300\n.Y_POINTS_PER_MM 10", None),
    ],
)
def test_resolutions(tmp_path: Path, conditions: str, scale: tuple[int, int] | None) -> None:
    folder = with_file(tmp_path, "include/abc/device.doc", f".COORD x y t\n{conditions}\n")
    (one, *_), _ = found_in(folder, "1a")
    assert one.resolution == (scale is not None)
    left, top, right, bottom = ink_extent(one.strokes)  # y down, always
    assert (left, top, right, bottom) == (100, -300, 100, -100)
    assert scale is None or one.per_unit == scale[0]


@pytest.mark.parametrize("coordinates", ["X Y", "X Y T P", "Y X", "P X Y T"])
def test_points_of_another_width_than_is_stated_are_no_ink(tmp_path: Path, coordinates: str) -> None:
    """The small release has three numbers a line, which could be cut into points of two."""
    folder = with_file(tmp_path, "include/abc/device.doc", f".COORD {coordinates}\n")
    with pytest.raises(FormatError, match="5 segments of ink that cannot be read"):
        UnipenSource([folder]).listing()


def test_points_may_be_wrapped_anywhere(tmp_path: Path) -> None:
    told, _ = found_in(make_release(tmp_path / "lines"), "1a", "1c")
    for wrapped in (INK.replace("\n250", " 250"), INK.replace("0 3\n", "0\n3\n")):
        found, _ = found_in(with_file(tmp_path, "include/abc/data/one.dat", wrapped), "1a", "1c")
        for one, other in zip(found, told, strict=True):
            assert [stroke.tolist() for stroke in one.strokes] == [stroke.tolist() for stroke in other.strokes]


def test_sections_without_points_do_not_count(tmp_path: Path) -> None:
    folder = with_file(
        tmp_path, "include/abc/data/one.dat", INK.replace(".PEN_DOWN\n200", ".PEN_DOWN\n.PEN_UP\n\n.PEN_DOWN\n200")
    )
    assert UnipenSource([folder]).listing().labels.tolist() == ["1", "n", "i", "\\", '"']


def test_a_resolution_that_makes_letters_too_large_is_not_believed(tmp_path: Path) -> None:
    """By what it states; of a few letters nothing is told, and of signs never."""
    more = "".join(f'.SEGMENT CHARACTER 0 ? "{label}"\n' for label in "abcdefgh")
    signs = more.translate(str.maketrans("abcdefgh", "!#$%&()*"))
    for conditions, segments, believed in (
        ("40", more, True),
        ("1", more, False),
        ("1", signs, True),
        ("1", "".join(more.splitlines(True)[:5]), True),
        ("3000", more, False),
    ):
        text = f".COORD X Y T\n.X_POINTS_PER_MM {conditions}\n.Y_POINTS_PER_MM {conditions}\n"
        folder = make_release(
            tmp_path,
            {
                "include/abc/device.doc": text,
                "include/abc/data/one.dat": INK,
                "data/1a/abc/one.dat": f".INCLUDE abc/data/one.dat\n{segments}",
            },
        )
        corpus = prepare("unipen", tmp_path / "corpus.parquet", split="all", paths=[folder])
        assert corpus.boxes is not None
        assert corpus.boxes.millimetres.tolist() == [believed] * len(corpus.labels)
        assert any("abc states" in note for note in corpus.record.notes) != believed


def test_the_rule_finds_the_contributors_that_are_known(shared: Path) -> None:
    """In the shared data, whose boxes are by the stated resolution where one is stated."""
    size, data = np.load(shared / "data/unipen_size.npz"), np.load(shared / "data/unipen.npz")
    box, contributors = size["box"], np.array([name[:3] for name in data["writers"].tolist()])
    longer = np.maximum(box[:, 2] - box[:, 0], box[:, 3] - box[:, 1])
    letters = np.isfinite(longer) & np.char.isalnum(data["labels"])
    for name in np.unique(contributors[letters]).tolist():
        own = letters & (contributors == name)
        assert np.count_nonzero(own) >= FEWEST
        believed = bool(SMALLEST <= np.median(longer[own]) <= LARGEST)
        assert believed == bool(size["millimetres"][own].all())
        assert believed or name in KNOWN or name in ("imp", "pri")  # these two state none


def test_a_missing_inclusion_is_counted_and_without_any_ink_it_is_an_error(tmp_path: Path) -> None:
    folder = make_release(tmp_path)
    (folder / "include/abc/device.doc").write_text(".COORD X Y T\n.INCLUDE abc/gone.doc\n")
    listing = UnipenSource([folder]).listing()
    assert any("1 inclusions of a file that is not there (the first: include/abc/gone.doc" in note for note in listing.notes)
    (folder / "include/abc/data/one.dat").unlink()
    with pytest.raises(FormatError, match=r"no character is marked in it that can be used: .*inclusions of a file"):
        UnipenSource([folder]).listing()


def test_reading_says_how_far_it_is(tmp_path: Path) -> None:
    archive = pack(make_release(tmp_path), tmp_path / "release.tar.gz")
    seen: list[tuple[str, int, int]] = []
    prepare(UnipenSource([archive]), tmp_path / "corpus.parquet", split="all", progress=lambda *one: seen.append(one))
    assert list(dict.fromkeys(what for what, *_ in seen)) == ["unpacking", "reading characters", "preparing"]
    assert [(done, total) for what, done, total in seen if what == "reading characters"] == [(0, 2), (1, 2)]
    assert all(done <= total for _, done, total in seen)
    seen.clear()
    open_lines("unipen", [archive], lambda *one: seen.append(one))
    assert list(dict.fromkeys(what for what, *_ in seen)) == ["unpacking", "reading characters", "reading texts"]


def test_an_archive_with_names_as_on_windows(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "release.zip", "w") as archive:
        for name, text in RELEASE.items():
            entry = zipfile.ZipInfo("train_r01_v07/" + name)
            entry.filename = entry.filename.replace("/", "\\")
            archive.writestr(entry, text)
    assert UnipenSource([tmp_path / "release.zip"]).listing().labels.tolist() == ["1", "n", "i", "\\", '"']


def test_what_an_inclusion_names_may_end_with_anything(tmp_path: Path) -> None:
    folder = make_release(tmp_path)
    (folder / "include/abc/device.doc").rename(folder / "include/abc/HEADER")
    (folder / "include/abc/data/one.dat").write_text(INK.replace("device.doc", "header"), "latin-1")
    told = [UnipenSource([path]).listing() for path in (folder, pack(folder, tmp_path / "release.tar.gz"))]
    assert told[0].notes == told[1].notes
    assert len(told[0].notes) == 1  # nothing but the ligature is left out


def test_paths_that_are_no_release(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="does not exist"):
        UnipenSource([tmp_path / "gone"]).listing()
    with pytest.raises(FormatError, match="holds no folders data and include"):
        UnipenSource([tmp_path]).listing()
    (tmp_path / "text.tar").write_text("no archive")
    with pytest.raises(FormatError, match=r"text\.tar cannot be read: it is truncated or foreign"):
        UnipenSource([tmp_path / "text.tar"]).listing()
    with pytest.raises(InputError, match="2 paths"):
        UnipenSource([tmp_path, tmp_path]).listing()
    with pytest.raises(InputError, match="needs the path"):
        make_source("unipen")
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe.dat")
        folder = make_release(tmp_path)
        os.replace(tmp_path / "pipe.dat", folder / "data/1a/abc/two.dat")
        with pytest.raises(FormatError, match=r"two\.dat cannot be read"):
            UnipenSource([folder]).listing()


def test_an_archive_writes_nothing_outside(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "bad.tar", "w") as tar:
        entry = tarfile.TarInfo("../escaped.dat")
        entry.size = 1
        tar.addfile(entry, io.BytesIO(b"x"))
    with pytest.raises(FormatError, match=r"bad\.tar cannot be read"):
        UnipenSource([tmp_path / "bad.tar"]).listing()
    assert not (tmp_path.parent / "escaped.dat").exists()


def test_a_baseline_is_believed_of_writers_who_kept_to_the_lines() -> None:
    edges = np.array([[0, -10, 5, 0.5]] * 10 + [[0, -16, 5, -6]] * 10 + [[0, -10, 5, 0]] * 3, float)
    writers = np.array(["on it"] * 10 + ["above"] * 10 + ["too few"] * 3)
    labels = np.array(["g", *"anmx123kl"] * 2 + ["a"] * 3)
    lines = kept_lines(edges, np.zeros(23), labels, writers)
    assert (lines[:10] == 0).all()
    assert np.isnan(lines[10:]).all()
    assert np.isnan(kept_lines(edges, np.full(23, np.nan), labels, writers)).all()


def test_statements_have_the_lines_they_begin_in() -> None:
    text = "\n.VERSION 1.0\n.V_LINE 1\n 2\n\t.PEN_UP\n"
    assert [(one.keyword, one.line) for one in statements(text, "x")] == [("VERSION", 2), ("V_LINE", 3), ("PEN_UP", 5)]


@given(st.dictionaries(st.integers(1, 2**64 - 1), st.sampled_from(["ab-0", "ab-1", "cd-0"]), min_size=1))
def test_a_table_is_read_as_it_was_made(samples: dict[int, str]) -> None:
    splits = {"ab-0": "train", "ab-1": "application", "cd-0": "validation"}
    kept = {number >> 8 * (8 - DIGEST): writer for number, writer in samples.items()}
    if len(kept) < len(samples):
        with pytest.raises(ValueError, match="same digest"):
            make_table(samples, samples.values(), splits)  # type: ignore[arg-type]
        return
    table = Table.of(make_table([0, *samples], ["cd-0", *samples.values()], splits).arrays())  # type: ignore[arg-type]
    assert table.writer_of() == kept
    assert [splits[writer] for writer in table.writers] == list(table.splits)


def test_the_shipped_samples_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = {digest("data/1a/abc/one.dat", "3", '"'): "abc-007", digest("data/1c/abc/one.dat", "0-2", "n"): "abc-003"}
    told = make_table([one << 24 for one in whole], whole.values(), {"abc-007": "train", "abc-003": "application"})
    monkeypatch.setattr(source, "shipped_table", lambda: told)
    corpus = prepare(UnipenSource([make_release(tmp_path)], shipped=True), tmp_path / "corpus.parquet")
    assert corpus.labels.tolist() == ["n", '"']
    assert corpus.writers.tolist() == ["abc-003", "abc-007"]
    assert corpus.splits.tolist() == ["application", "train"]
    assert corpus.record.split == "shipped"
    assert "left out: 3 characters that the shipped bundle's data do not hold" in " ".join(corpus.record.notes)


def test_another_split_than_the_shipped_one_is_not_passed_over(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="digits has no split of the shipped bundle"):
        prepare("digits", tmp_path / "no.parquet", "shipped")


def test_the_commands(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = make_release(tmp_path)
    output = tmp_path / "out.parquet"
    assert _run(["prepare", "unipen", str(folder), "-o", str(output), "--split", "all", "--json", "--jobs", "1"]) == 0
    assert json.loads(capsys.readouterr().out)["samples"] == 5 == len(Corpus.open(output))
    assert _run(["prepare", "unipen", str(folder), "--lines", "-o", str(output), "--split", "all", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["known_cuts"] == 1
    assert len(LineCorpus.open(output)) == 2
    with pytest.raises(
        InputError, match="no character is marked in it that can be used: left out: 5 characters that the shipped"
    ):
        _run(["prepare", "unipen", str(folder), "-o", str(output), "--split", "shipped", "--jobs", "1"])
    for wrong in (["--lines", "--split", "shipped"], ["--lines", "--frame", "paper"]):
        with pytest.raises(AllographError):
            _run(["prepare", "unipen", str(folder), "-o", str(output), *wrong])
    with pytest.raises(InputError, match="nist has no lines"):
        _run(["prepare", "nist", str(folder), "--lines", "-o", str(output)])


def test_the_table_is_the_one_that_the_shared_data_give(shared: Path) -> None:
    if not (shared / "data/unipen_release.npz").exists():
        pytest.skip("unipen_release.npz is not on this machine (../shared)")
    made, table = table_of(shared), shipped_table()
    assert made.writer_of() == table.writer_of()
    assert len(table.digests) == 112_762
    assert dict(zip(made.writers, made.splits, strict=True)) == dict(zip(table.writers, table.splits, strict=True))


@pytest.fixture(scope="module")
def raw(shared: Path) -> Path:
    """A fragment of the release as it is published."""
    path = shared / "data/unipen_raw_sample.tar.xz"
    if not path.exists():
        pytest.skip("unipen_raw_sample.tar.xz is not on this machine (../shared)")
    return path


def keys(points: np.ndarray, lifts: np.ndarray) -> bytes:
    return points.astype(np.int16).tobytes() + lifts.astype(np.uint8).tobytes()


@pytest.mark.slow
def test_the_release_has_what_its_readme_counts(raw: Path) -> None:
    characters, left_out = found_in(raw, "1a", "1b", "1c", "1d")
    context, left_of_context = found_in(raw, "3")
    texts, left_of_texts = found_in(raw, "8", level="TEXT")
    ligatures = [
        sum(count for reason, count in one.counts.items() if "ligatures" in reason) for one in (left_out, left_of_context)
    ]
    assert (len(characters), sum(ligatures)) == (9_493, 208)
    assert len(context) + ligatures[1] == 4_486
    assert len(texts) == 732
    assert len({one.writer for one in (*characters, *context, *texts)}) == 113
    for one in (left_out, left_of_context, left_of_texts):  # nothing else is lost
        assert set(one.counts) <= {"inclusions of a file that is not there", "ligatures, delayed strokes and noise, labelled \\@"}


@pytest.mark.slow
def test_characters_of_the_release_are_those_of_the_shared_data(
    raw: Path, shared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By their ink: the fragment's files have other names than the release's, which the table's digests are of."""
    with np.load(shared / "data/unipen.npz") as archive:
        data = {name: archive[name] for name in archive.files}
    with np.load(shared / "data/unipen_size.npz") as archive:
        size = {name: archive[name] for name in archive.files}
    points, lifts, starts, labels = (data[name] for name in ("points", "pen_lift", "point_start", "labels"))
    rows: dict[tuple[bytes, str], list[int]] = {}
    for row, label in enumerate(labels.tolist()):
        span = slice(starts[row], starts[row + 1])
        rows.setdefault((keys(points[span], lifts[span]), label), []).append(row)
    row_of: dict[int, int] = {}
    table: dict[int, str] = {}
    boxes = []
    writers_of: dict[str, Counter[str]] = {}
    found, _ = found_in(raw, "1a", "1b", "1c", "1d")
    sizes = sizes_of(found)
    for one in found:
        ink = np.concatenate(one.strokes)
        low, extent = ink.min(axis=0), np.ptp(ink, axis=0).max() or 1000.0
        first = np.concatenate([np.arange(len(stroke)) == 0 for stroke in one.strokes])
        same = rows.get((keys(np.rint((ink - low) * 1000 / extent), first), one.segment.label), [])
        if len(same) == 1 and len(ink) > 3:
            (row,) = same
            number = digest(one.file, one.segment.delineation, one.segment.label)
            table[number], row_of[number] = str(data["writers"][row]), row
            writers_of.setdefault(one.writer, Counter())[table[number]] += 1
            if np.isfinite(size["box"][row]).all():
                boxes.append(np.allclose(np.array(ink_extent(one.strokes)) / one.per_unit, size["box"][row], atol=1e-3))
                assert sizes.are_true(one) == size["millimetres"][row]
    assert len(row_of) > 7_500
    assert np.mean(boxes) > 0.999  # of one, the fragment has the ink 71 times larger than the release
    assert all(len(counts) == 1 for counts in writers_of.values())  # each writer of the release is one of the shared data
    split_of = read_split(shared / "data/unipen_split.csv")
    told = make_table([number << 24 for number in table], table.values(), split_of)
    monkeypatch.setattr(source, "shipped_table", lambda: told)
    kept = []
    for one in sorted(found, key=lambda one: (one.sheet, one.segment.spans()[0].component, one.segment.spans()[0].start or 0)):
        number = digest(one.file, one.segment.delineation, one.segment.label)
        if number in row_of:
            kept.append(row_of[number])
    corpus = prepare(UnipenSource([raw], shipped=True), tmp_path / "corpus.parquet")
    assert corpus.labels.tolist() == labels[kept].tolist()
    assert corpus.writers.tolist() == data["writers"][kept].tolist()
    assert corpus.splits.tolist() == [split_of[writer] for writer in corpus.writers.tolist()]
    images = np.concatenate([batch.images for batch in corpus.batches()]).astype(int)
    difference = np.abs(images - data["images"][kept]).reshape(len(kept), -1)
    assert (difference.max(axis=1) <= 2).mean() > 0.9
    assert difference.mean() < 0.25


@pytest.mark.slow
def test_lines_of_the_release_are_those_of_the_shared_data(raw: Path, shared: Path) -> None:
    data = np.load(shared / "data/unipen_lines.npz")
    points, strokes, lines, owners = (data[name] for name in ("points", "stroke_start", "line_start", "stroke_character"))
    places: dict[str, list[int]] = {}
    for place, text in enumerate(data["texts"].tolist()):
        places.setdefault(text, []).append(place)
    same = 0
    gathered = open_lines("unipen", [raw])
    for number in range(len(gathered)):
        line = gathered.line(number, "train")
        for place in places.get(line.text, []):
            told = [points[strokes[i] : strokes[i + 1]] for i in range(lines[place], lines[place + 1])]
            if [len(stroke) for stroke in told] == [len(stroke) for stroke in line.strokes]:
                if not all(np.allclose(own, other, atol=1e-3) for own, other in zip(line.strokes, told, strict=True)):
                    continue
                assert line.characters is not None
                assert line.characters.tolist() == owners[lines[place] : lines[place + 1]].tolist()
                assert (line.unit == "millimetres") == data["millimetres"][place]
                same += 1
    assert (len(gathered), same) == (732, 16)
