from __future__ import annotations

import io
import os
import pickle
import tracemalloc
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from allograph.corpora.corpus import Corpus
from allograph.corpora.nist.source import NistSource
from allograph.corpora.nist.zip_directory import contents, entries, open_zip
from allograph.corpora.preparation import prepare
from allograph.errors import AllographError, FormatError, ImageError, InputError
from allograph.images.frames import Polarity, decode, to_frame
from nist_archive import LABELS, LINES, WRITERS, Files, by_class, by_write, lists, unpacked, zipped

ALL = range(len(LINES))


def white() -> bytes:
    file = io.BytesIO()
    Image.new("1", (128, 128), 1).save(file, "PNG")
    return file.getvalue()


def path_of(kind: str, folder: Path) -> list[Path]:
    """The same pictures in each form that the source reads."""
    match kind:
        case "stored":
            return [zipped(folder / "by_class.zip", by_class(), zipfile.ZIP_STORED)]
        case "deflated":
            return [zipped(folder / "by_class.zip", by_class())]
        case "folder":
            return [unpacked(folder, by_class()) / "by_class"]
        case "folder above":
            return [unpacked(folder / "sd19", by_class())]
        case "by_write and folder":
            return [zipped(folder / "by_write.zip", by_write()), unpacked(folder / "lists", lists())]
        case "by_write and by_class":
            return [zipped(folder / "by_class.zip", by_class()), zipped(folder / "by_write.zip", by_write())]
        case "by_write folder":
            return [unpacked(folder, by_write()) / "by_write", zipped(folder / "lists.zip", lists(digits=5))]
        case _:
            raise AssertionError(kind)


KINDS = [
    "stored",
    "deflated",
    "folder",
    "folder above",
    "by_write and folder",
    "by_write and by_class",
    "by_write folder",
]


@pytest.mark.parametrize("kind", KINDS)
def test_every_picture_once_by_class_partition_and_line(kind: str, tmp_path: Path) -> None:
    source = NistSource(path_of(kind, tmp_path))
    listing = source.listing()
    assert listing.labels.tolist() == LABELS
    assert listing.writers.tolist() == WRITERS
    assert listing.order is None
    assert listing.notes == ()
    rendered = pickle.loads(pickle.dumps(source)).render(ALL, "paper")
    files = by_class()
    for line, image in zip(LINES, rendered.images, strict=True):
        np.testing.assert_array_equal(image, to_frame(decode(files[line.in_class]), "paper").image)
    assert rendered.polarity == {"dark": len(LINES)}


def test_some_rows_are_those_rows(tmp_path: Path) -> None:
    source = NistSource(path_of("deflated", tmp_path))
    np.testing.assert_array_equal(source.render(range(2, 5), "mnist").images, source.render(ALL, "mnist").images[2:5])


@pytest.mark.parametrize(("polarity", "square"), [("light", 2), ("dark", 0)])
def test_polarity_and_square_are_handed_on(polarity: Polarity, square: int, tmp_path: Path) -> None:
    source = NistSource(path_of("deflated", tmp_path), polarity=polarity, square=square)
    rendered = source.render(range(1), "paper")
    expected = to_frame(decode(by_class()[LINES[0].in_class]), "paper", polarity, square)
    assert rendered.polarity == {polarity: 1}
    np.testing.assert_array_equal(rendered.images[0], expected.image)
    assert (rendered.images != NistSource(source.paths).render(range(1), "paper").images).any()


def test_prepared_on_two_processes_from_archive_and_folder(tmp_path: Path) -> None:
    corpora = []
    for kind in ("deflated", "folder"):
        done = prepare(NistSource(path_of(kind, tmp_path)), tmp_path / f"{kind}.parquet", split="all", jobs=2).record
        assert (done.samples, done.labels, done.writers, done.polarity) == (9, 3, 4, {"dark": 9})
        corpora.append(Corpus.open(tmp_path / f"{kind}.parquet"))
    assert corpora[0].frame == "paper"
    assert "Special Database 19" in corpora[0].record.origin
    assert corpora[0].writers.tolist() == WRITERS
    np.testing.assert_array_equal(corpora[0].images("application"), corpora[1].images("application"))


def changed(**changes: bytes | None) -> Files:
    """The files of by_class, with some of them replaced or taken away: `code_partition` and `mit` or a number."""
    files = by_class()
    for key, data in changes.items():
        code, partition, what = key.removeprefix("of_").split("_")
        name = f"hsf_{partition}.mit" if what == "mit" else f"hsf_{partition}/hsf_{partition}_{int(what):05d}.png"
        if data is None:
            del files[f"by_class/{code}/{name}"]
        else:
            files[f"by_class/{code}/{name}"] = data
    return files


LIST = lists()["by_class/30/hsf_0.mit"]


@pytest.mark.parametrize("packed", [True, False], ids=["archive", "folder"])
@pytest.mark.parametrize(
    ("files", "said"),
    [
        (changed(of_30_0_mit=LIST.replace(b"3\n", b"4\n", 1)), r"30.hsf_0\.mit announces 4 pictures and lists 3"),
        (changed(of_30_0_mit=LIST[:60]), r"30.hsf_0\.mit announces 3 pictures and lists 2"),
        (changed(of_30_0_mit=LIST[:-20]), r"30.hsf_0\.mit: the line 'hsf_0_00001\.png f0499_22/d0499_22/' is not"),
        (changed(of_30_0_mit=b""), r"30.hsf_0\.mit is no \.mit list: its first line, ''"),
        (changed(of_30_0_mit=b"\x89PNG\r\n\x1a\n"), r"30.hsf_0\.mit is no \.mit list"),
        (changed(of_4a_0_1=None), r"4a/hsf_0/hsf_0_00001\.png is missing \(in all, 1 of 9 listed files\)"),
        (changed(of_7a_4_mit=None), r"there is 7a/hsf_4/hsf_4_00000\.png and no list 7a/hsf_4\.mit"),
        ({**by_class(), "by_class/2b/hsf_0.mit": b"0\n"}, r"by_class/2b/hsf_0\.mit is in the folder 2b, which is no class"),
        ({**by_class(), "by_class/4A/hsf_0/hsf_0_00000.png": b""}, r"is in the folder 4A, which is no class"),
        ({**by_class(), "by_merge/43_63/hsf_0.mit": b"0\n"}, r"is in the folder 43_63, which is no class"),
        ({name: data for name, data in by_class().items() if "mit" not in name}, r"there is no \.mit list, such as"),
        (by_write(), r"there is no \.mit list, such as .* or by_write\.zip and a path that has the lists"),
        ({"readme.txt": b"hsf_"}, r"there is no \.mit list, such as"),
        (lists(), r"there are \.mit lists and no pictures"),
    ],
)
def test_bad_layout_is_named(files: Files, said: str, packed: bool, tmp_path: Path) -> None:
    path = zipped(tmp_path / "by_class.zip", files) if packed else unpacked(tmp_path / "sd19", files)
    with pytest.raises(FormatError, match=said) as caught:
        NistSource([path]).listing()
    assert str(path) in str(caught.value)


def test_missing_of_by_write_is_named(tmp_path: Path) -> None:
    files = by_write()
    del files[LINES[7].by_writer]
    source = NistSource([zipped(tmp_path / "by_write.zip", files), unpacked(tmp_path / "lists", lists())])
    with pytest.raises(FormatError, match=r"hsf_0/f0499_22/c0499_22/c0499_22_00104\.png is missing"):
        source.listing()


@pytest.mark.parametrize("packed", [True, False], ids=["archive", "folder"])
@pytest.mark.parametrize(
    ("data", "said"),
    [
        (white(), "is empty: all its pixels have the grey value 255"),
        (by_class()[LINES[4].in_class][:70], "is not a readable picture"),
        (b"GIF", "is not a readable picture"),
        (b"", "is not a readable picture"),
    ],
    ids=["blank", "truncated", "foreign", "no bytes"],
)
def test_bad_picture_is_named(data: bytes, said: str, packed: bool, tmp_path: Path) -> None:
    files = changed(of_4a_0_0=data)
    path = zipped(tmp_path / "by_class.zip", files) if packed else unpacked(tmp_path / "sd19", files)
    with pytest.raises(ImageError, match=rf"4a/hsf_0/hsf_0_00000\.png {said}") as caught:
        prepare(NistSource([path]), tmp_path / "nist.parquet", jobs=2)
    assert str(path) in str(caught.value)
    assert not list(tmp_path.glob("*parquet*"))


def test_picture_that_vanishes_after_the_listing_is_named(tmp_path: Path) -> None:
    source = NistSource(path_of("folder", tmp_path))
    source.listing()
    (tmp_path / LINES[3].in_class).unlink()
    with pytest.raises(FormatError, match=r"hsf_4_00000\.png cannot be read: No such file"):
        source.render(ALL, "paper")


def test_what_is_left_out_is_noted(tmp_path: Path) -> None:
    again = LIST.replace(b"3\n", b"4\n", 1) + LIST.splitlines(keepends=True)[1]
    files = changed(of_30_0_mit=again, of_30_0_77=white(), of_30_0_78=white())
    source = NistSource([zipped(tmp_path / "by_class.zip", files)])
    listing = source.listing()
    assert listing.labels.tolist() == LABELS
    assert listing.notes == (
        "1 lines of the .mit lists name a picture again; they were left out",
        "2 pictures are in no .mit list; they were left out",
    )
    assert len(source.render(ALL, "paper").images) == len(LINES)


def test_lists_may_have_blank_lines_windows_ends_and_no_picture(tmp_path: Path) -> None:
    files = {**changed(of_30_0_mit=LIST.replace(b"\n", b"\r\n") + b"\r\n"), "by_class/30/hsf_6.mit": b"0\n"}
    assert NistSource([zipped(tmp_path / "by_class.zip", files)]).listing().writers.tolist() == WRITERS


def test_paths_that_cannot_be_used(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"by_class\.zip does not exist"):
        NistSource([tmp_path / "by_class.zip"]).listing()
    both = [zipped(tmp_path / "one.zip", by_class()), unpacked(tmp_path / "two", by_class())]
    with pytest.raises(InputError, match=r"one\.zip and .*two both hold pictures; give one of them"):
        NistSource(both).listing()


@pytest.mark.parametrize("data", [b"", b"PK\5\6", b"no archive\n" * 20, b"\x89PNG\r\n\x1a\n"])
def test_what_is_no_archive_is_named(data: bytes, tmp_path: Path) -> None:
    (tmp_path / "by_class.zip").write_bytes(data)
    with pytest.raises(FormatError, match=r"by_class\.zip has no directory: the archive is truncated, damaged or no zip"):
        NistSource([tmp_path / "by_class.zip"]).listing()


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.999])
def test_a_truncated_archive_is_named(share: float, tmp_path: Path) -> None:
    path = zipped(tmp_path / "by_class.zip", by_class())
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    with pytest.raises(FormatError, match=r"by_class\.zip has no directory: the archive is truncated"):
        prepare(NistSource([path]), tmp_path / "nist.parquet", jobs=2)
    assert not list(tmp_path.glob("*parquet*"))


@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_a_picture_with_a_wrong_crc_is_named(compression: int, tmp_path: Path) -> None:
    path = zipped(tmp_path / "by_class.zip", by_class(), compression)
    data = bytearray(path.read_bytes())
    at = data.index(LINES[4].in_class.encode()) + len(LINES[4].in_class) + 50
    data[at] ^= 16
    path.write_bytes(data)
    with pytest.raises(FormatError, match=rf"by_class\.zip: {LINES[4].in_class} (is not what was packed|cannot be un)"):
        NistSource([path]).render(ALL, "paper")


def test_a_byte_changed_anywhere_changes_nothing_or_is_an_error_of_ours(tmp_path: Path) -> None:
    path = zipped(tmp_path / "by_class.zip", by_class())
    expected = NistSource([path]).render(ALL, "paper").images
    whole = path.read_bytes()
    directory = whole.index(b"PK\1\2")
    refused = 0
    places = [*range(0, directory, 41), *range(directory, len(whole), 7)]
    for at in places:
        path.write_bytes(whole[:at] + bytes([whole[at] ^ (1 << at % 8)]) + whole[at + 1 :])
        try:
            source = NistSource([path])
            source.listing()
            images = source.render(ALL, "paper").images
        except AllographError:
            refused += 1
        else:
            np.testing.assert_array_equal(images, expected)
    assert refused > len(places) / 3


@pytest.mark.parametrize("kind", ["encrypted", "packed by method 12"])
def test_entries_that_cannot_be_unpacked_are_named(kind: str, tmp_path: Path) -> None:
    method = zipfile.ZIP_BZIP2 if kind.endswith("12") else zipfile.ZIP_STORED
    path = zipped(tmp_path / "by_class.zip", by_class(), method)
    if kind == "encrypted":
        data = bytearray(path.read_bytes())
        start = data.index(b"PK\1\2")
        while (start := data.find(b"PK\1\2", start)) >= 0:
            data[start + 8] |= 1
            start += 4
        path.write_bytes(data)
    with pytest.raises(FormatError, match=rf"hsf_\d\.mit is {kind}, and not stored or deflated"):
        NistSource([path]).listing()


def test_archive_beyond_four_gigabytes(tmp_path: Path) -> None:
    path = tmp_path / "by_class.zip"
    with open(path, "wb") as file:
        file.seek(5 << 30)  # a hole: the offsets are real, the bytes are not on the disk
        with zipfile.ZipFile(file, "w") as archive:
            for name, data in by_class().items():
                archive.writestr(name, data)
    source = NistSource([path])
    assert source.listing().writers.tolist() == WRITERS
    assert len(source.render(ALL, "paper").images) == len(LINES)


def test_archive_with_bytes_before_it(tmp_path: Path) -> None:
    path = zipped(tmp_path / "by_class.zip", by_class())
    path.write_bytes(b"#!/bin/sh\n" * 30 + path.read_bytes())
    source = NistSource([path])
    assert source.listing().writers.tolist() == WRITERS
    assert len(source.render(ALL, "paper").images) == len(LINES)


def test_a_directory_of_many_entries_is_read_as_a_stream(tmp_path: Path) -> None:
    path = tmp_path / "many.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in by_class().items():
            archive.writestr(name, data)
        for i in range(1, 70_001):  # more than 16 bits count: zip64
            archive.writestr(f"by_class/30/train_30/train_30_{i:05d}.png", b"%d" % i)
    last = None
    tracemalloc.start()
    try:
        count = 0
        for entry in entries(path):
            last = entry
            count += 1
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert count == 70_000 + len(by_class())
    assert peak < 2 << 20  # the 1 MB that is read ahead; 70,000 names alone take 6 MB
    assert last is not None
    with open_zip(path) as file:
        assert contents(file, last[1]) == ("by_class/30/train_30/train_30_70000.png", b"70000")
    path.write_bytes(b"#!/bin/sh\n" * 30 + path.read_bytes())  # bytes before the archive move its zip64 records too
    assert len(NistSource([path]).render(ALL, "paper").images) == len(LINES)


def test_what_workers_are_sent_is_small(tmp_path: Path) -> None:
    source = NistSource(path_of("stored", tmp_path))
    source.listing()
    assert source._pictures_of_rows is not None
    assert (source._pictures_of_rows.keys.nbytes + source._pictures_of_rows.places.nbytes) / len(LINES) <= 40


def test_archives_and_folders_of_windows(tmp_path: Path) -> None:
    upper = str.maketrans({"h": "H", "s": "S", "f": "F", "p": "P", "n": "N", "g": "G", "m": "M", "i": "I", "t": "T", "/": "\\"})
    names = {name: name[:12].replace("/", "\\") + name[12:].translate(upper) for name in by_class() if "train" not in name}
    path = tmp_path / "by_class.zip"
    zipped(path, by_class())
    data = path.read_bytes()
    for name, other in names.items():  # zipfile itself would write slashes
        data = data.replace(name.encode(), other.encode())
    path.write_bytes(data)
    flat = tmp_path / "flat"
    flat.mkdir()
    for name, content in by_class().items():  # unpacked by a program that takes backslashes for letters
        (flat / name.replace("/", "\\")).write_bytes(content)
    expected = NistSource([unpacked(tmp_path / "plain", by_class())]).render(ALL, "paper")
    for root in (path, flat):
        source = NistSource([root])
        assert source.listing().writers.tolist() == WRITERS
        np.testing.assert_array_equal(source.render(ALL, "paper").images, expected.images)


def test_by_write_in_other_letter_case(tmp_path: Path) -> None:
    files = {name.upper().replace("BY_WRITE", "by_write"): data for name, data in by_write().items()}
    source = NistSource([unpacked(tmp_path, files) / "by_write", unpacked(tmp_path / "lists", lists())])
    assert source.listing().writers.tolist() == WRITERS
    assert len(source.render(ALL, "paper").images) == len(LINES)


def test_folders_that_are_links_are_followed_once(tmp_path: Path) -> None:
    real = unpacked(tmp_path / "real", by_class()) / "by_class"
    linked = tmp_path / "linked" / "by_class"
    linked.mkdir(parents=True)
    for folder in real.iterdir():
        (linked / folder.name).symlink_to(folder)
    (linked / "30" / "loop").symlink_to(linked)
    listing = NistSource([linked]).listing()
    assert (listing.labels.tolist(), listing.writers.tolist(), listing.notes) == (LABELS, WRITERS, ())


def test_what_is_hidden_is_passed_over(tmp_path: Path) -> None:
    names = ("__MACOSX/by_class/30/hsf_0.mit", "by_class/30/.old/2b/hsf_0.mit", "by_class/30/hsf_0/._hsf_0_00000.png")
    hidden = dict.fromkeys(names, b"x")
    files = {**by_class(), **hidden, "by_class/.DS_Store": b"x"}
    for root in (zipped(tmp_path / "by_class.zip", files), unpacked(tmp_path / "sd19", files)):
        listing = NistSource([root]).listing()
        assert (listing.writers.tolist(), listing.notes) == (WRITERS, ())


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"9" * 5000, "no .mit list"),
        (b"9" * 60_000_000, "at most"),
        (b"1\n" + b"a/f0000_00" * 100_000, "more than 200"),
        (b"1\n" + b"\n" * 100_000, "announces 1 pictures and lists 0"),
    ],
    ids=["digits", "60 MB of digits", "a long line", "empty lines"],
)
@pytest.mark.parametrize("packed", [True, False], ids=["archive", "folder"])
def test_a_list_of_anything_is_refused_soon(data: bytes, said: str, packed: bool, tmp_path: Path) -> None:
    files = changed(of_30_0_mit=data)
    path = zipped(tmp_path / "by_class.zip", files) if packed else unpacked(tmp_path / "sd19", files)
    with pytest.raises(FormatError, match=said):
        NistSource([path]).listing()


def test_pipes_and_devices_are_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.zip")
    for path in (tmp_path / "pipe.zip", Path("/dev/zero")):
        with pytest.raises(InputError, match=r"cannot be read: it is a pipe"):
            NistSource([path]).listing()
    root = unpacked(tmp_path / "sd19", by_class())
    place = root / "by_class" / "30" / "hsf_0.mit"
    place.unlink()
    os.mkfifo(place)
    with pytest.raises(FormatError, match=r"hsf_0\.mit cannot be read: it is a pipe"):
        NistSource([root]).listing()


def test_the_pictures_keep_the_scan_s_scale(tmp_path: Path) -> None:
    """300 pixels an inch: the ink's pixels, counted in the picture, times 25.4 / 300 millimetres."""
    boxes = NistSource(path_of("deflated", tmp_path)).render(ALL, "paper").boxes
    files = by_class()
    assert boxes is not None
    assert boxes.millimetres.all()
    for line, found in zip(LINES, boxes.edges, strict=True):
        rows, columns = np.nonzero(decode(files[line.in_class]) < 128)
        expected = np.array([columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]) * 25.4 / 300
        np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_a_picture_of_another_size_was_scaled_and_has_pixels(tmp_path: Path) -> None:
    files = by_class()
    smaller, file = Image.open(io.BytesIO(files[LINES[0].in_class])).convert("L").resize((64, 64)), io.BytesIO()
    smaller.save(file, "PNG")
    files[LINES[0].in_class] = file.getvalue()
    boxes = NistSource([unpacked(tmp_path, files) / "by_class"]).render(range(2), "paper").boxes
    assert boxes is not None
    assert boxes.millimetres.tolist() == [False, True]
