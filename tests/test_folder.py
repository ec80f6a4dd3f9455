from __future__ import annotations

import csv
import os
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageDraw

from allograph.corpora.corpus import Corpus
from allograph.corpora.folder import FolderSource
from allograph.corpora.preparation import prepare
from allograph.errors import AllographError, FormatError, ImageError, InputError
from allograph.samples import Box, Boxes


def picture(width: int = 150, height: int = 120) -> Image.Image:
    """Black strokes on white."""
    image = Image.new("L", (width, height), 255)
    ImageDraw.Draw(image).line([(40, 20), (40, 100), (90, 100), (60, 40)], fill=0, width=6)
    return image


def folder(place: Path, rows: list[tuple[Any, ...]], columns: str = "path,label,writer", bom: bool = False) -> FolderSource:
    place.mkdir(exist_ok=True)
    with open(place / "manifest.csv", "w", newline="", encoding="utf-8-sig" if bom else "utf-8") as file:
        csv.writer(file).writerows([columns.split(","), *rows])
    return FolderSource(place / "manifest.csv")


@pytest.mark.parametrize("bom", [False, True])
def test_a_manifest_becomes_a_corpus(tmp_path: Path, bom: bool) -> None:
    labels = ["<", "&", "|", ",", '"', " ", "e\u0301", "ffi", "字"]
    (tmp_path / "scans").mkdir()
    rows = []
    for i, label in enumerate(labels):
        picture(150 + 7 * i, 120).save(tmp_path / "scans" / f"{i} ü.png")
        rows.append((f"scans/{i} ü.png", label, "Ana" if i % 2 else "Bo, jr.", i * 3))
    source = folder(tmp_path, rows, "path,label,writer,order", bom)
    done = prepare(source, tmp_path / "out.parquet", "all", jobs=1).record
    assert (done.source, done.frame, done.samples, done.polarity) == ("folder", "paper", 9, {"dark": 9})
    corpus = Corpus.open(tmp_path / "out.parquet")
    assert corpus.labels.tolist() == [*labels[:6], "é", "ffi", "字"]
    assert set(corpus.writers.tolist()) == {"Ana", "Bo, jr."}
    (batch,) = corpus.batches()
    assert batch.order is not None
    assert batch.order.tolist() == [i * 3 for i in range(9)]
    assert (batch.images == batch.images[0]).all()  # the same ink on wider paper


def test_every_kind_of_picture_gives_the_same_sample(tmp_path: Path) -> None:
    grey = picture()
    ink = Image.new("RGBA", grey.size, (0, 0, 0, 0))
    ink.putalpha(grey.point(lambda value: 255 - value))
    kinds = {mode: grey.convert(mode) for mode in ("1", "L", "RGB", "RGBA", "LA", "P")}
    kinds |= {"I;16": Image.fromarray(np.asarray(grey).astype(np.uint16) * 257), "transparent": ink}
    kinds["light on dark"] = grey.point(lambda value: 255 - value)
    for kind, image in kinds.items():
        image.save(tmp_path / f"{kind}.png")
    grey.save(tmp_path / "bitmap.bmp")
    names = [f"{kind}.png" for kind in kinds] + ["bitmap.bmp"]
    rendered = folder(tmp_path, [(name, "a", "w") for name in names]).render(range(len(names)), "paper")
    for name, image in zip(names, rendered.images, strict=True):
        np.testing.assert_array_equal(image, rendered.images[0], err_msg=name)
    assert rendered.polarity == {"dark": len(names) - 1, "light": 1}


def test_polarity_and_square_are_options(tmp_path: Path) -> None:
    picture().save(tmp_path / "a.png")
    source = folder(tmp_path, [("a.png", "a", "w")])
    rows = range(1)
    tight = FolderSource(source.manifest, square=0)
    told = FolderSource(source.manifest, polarity="light")
    wide = source.render(rows, "paper").images[0]
    assert tight.render(rows, "paper").images.sum() > wide.sum()
    assert told.render(rows, "paper").polarity == {"light": 1}
    assert told.render(rows, "paper").images.sum() > 2 * wide.sum()  # the paper is taken for ink
    assert source.render(rows, "mnist").images.sum() < 0.7 * wide.sum()  # 20 of 28 pixels


def test_a_path_may_be_absolute_and_the_source_goes_to_other_processes(tmp_path: Path) -> None:
    picture().save(tmp_path / "a.png")
    source = folder(tmp_path / "lists", [(tmp_path / "a.png", "a", "w"), ("../a.png", "b", "w")])
    source.listing()
    manifest = source.manifest.read_text()
    source.manifest.write_text("changed meanwhile")
    images = pickle.loads(pickle.dumps(source)).render(range(2), "paper").images
    assert (images[0] == images[1]).all()
    source.manifest.write_text(manifest)


@pytest.mark.parametrize(
    ("columns", "row", "error", "said"),
    [
        ("path,label", ("a.png", "a"), FormatError, "has no column writer"),
        ("path;label;writer", ("a.png;a;w",), FormatError, "no column path and no column label and no column writer"),
        ("path,label,writer", ("a.png", "", "w"), InputError, "line 3: a label has 1–16 code points; '' has 0"),
        ("path,label,writer", ("a.png", "x" * 17, "w"), InputError, "line 3: a label has 1–16"),
        ("path,label,writer", ("a.png", "a\tb", "w"), InputError, "line 3: the label .* control"),
        ("path,label,writer", ("a.png", "a", ""), InputError, "line 3: the writer is empty"),
        ("path,label,writer", ("a.png", "a"), InputError, "line 3: the writer is empty"),
        ("path,label,writer", ("", "a", "w"), InputError, "line 3: the path is empty"),
        ("path,label,writer", ("my", "scan.png", "a", "w"), InputError, "line 3 has more fields than columns"),
        ("path,label,writer,order", ("a.png", "a", "w", "first"), InputError, "line 3: the order .* not 'first'"),
        ("path,label,writer,order", ("a.png", "a", "w", 2**31), InputError, "line 3: the order .* '2147483648'"),
        ("path,label,writer,order", ("a.png", "a", "w"), InputError, "line 3: the order .* not None"),
        ("path,label,writer,order", ("a.png", "a", "w", "1_0"), InputError, "line 3: the order .* '1_0'"),
        ("path,label,writer,order", ("a.png", "a", "w", "9" * 5000), InputError, "line 3: the order"),
        ("path,label,writer", ("a.png", "NaN", "w"), InputError, "line 3: the label is missing"),
        ("path,label,writer", ("a.png", "a", "nan"), InputError, "line 3: the writer is missing"),
        ("path,label,writer", ("a.png", "a", "  "), InputError, "line 3: the writer is empty"),
        ("path,label,writer", ("a.png", "a", "b\nc"), FormatError, "line 4: a field goes over several lines"),
    ],
)
def test_manifests_that_cannot_be_used(
    tmp_path: Path, columns: str, row: tuple[Any, ...], error: type[Exception], said: str
) -> None:
    source = folder(tmp_path, [("a.png", "a", "w", 1)[: len(columns.split(","))], row], columns)
    with pytest.raises(error, match=rf"manifest\.csv.*{said}"):
        source.listing()


def test_manifests_that_are_none(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none\.csv does not exist"):
        FolderSource(tmp_path / "none.csv").listing()
    with pytest.raises(FormatError, match="not a readable CSV"):
        FolderSource(tmp_path).listing()
    (tmp_path / "latin.csv").write_bytes("path,label,writer\na.png,é,w\n".encode("latin-1"))
    with pytest.raises(FormatError, match=r"latin\.csv is not a readable CSV file in UTF-8"):
        FolderSource(tmp_path / "latin.csv").listing()
    (tmp_path / "quote.csv").write_text('path,label,writer\n"a.png,a,w\n')
    with pytest.raises(FormatError, match=r"quote\.csv is not a readable CSV"):
        FolderSource(tmp_path / "quote.csv").listing()
    with pytest.raises(InputError, match="no samples"):
        prepare(folder(tmp_path, []), tmp_path / "out.parquet", "all", jobs=1)


def test_options_that_are_none(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no polarity 'grey'; there are auto, dark, light"):
        FolderSource(tmp_path / "m.csv", polarity="grey")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="this is -1"):
        FolderSource(tmp_path / "m.csv", square=-1)


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("b.png", None, "does not exist; paths are relative to the manifest's folder"),
        (".", None, "cannot be read"),
        ("b\x00.png", None, "cannot be read"),
        ("b.png", b"GIF89a", "is not a readable picture"),
        ("b.png", b"", "is not a readable picture"),
        ("b.png", "half", "is not a readable picture"),
        ("b.png", "white", "is empty: all its pixels have the grey value 255"),
    ],
)
def test_pictures_that_cannot_be_used_are_named_with_their_line(
    tmp_path: Path, name: str, content: bytes | str | None, said: str
) -> None:
    picture().save(tmp_path / "a.png")
    if content == "half":
        content = (tmp_path / "a.png").read_bytes()[:150]
    if content == "white":
        Image.new("L", (80, 80), 255).save(tmp_path / name)
    elif isinstance(content, bytes):
        (tmp_path / name).write_bytes(content)
    source = folder(tmp_path, [("a.png", "a", "w"), (name, "a", "w"), ("a.png", "a", "w")])
    with pytest.raises(ImageError, match=rf"manifest\.csv, line 3: .*{said}"):
        prepare(source, tmp_path / "out.parquet", "all", jobs=1)
    assert not list(tmp_path.glob("*out*"))


def test_an_error_of_another_process_keeps_its_words(tmp_path: Path) -> None:
    with pytest.raises(AllographError, match=r"line 2: .* does not exist"):
        prepare(folder(tmp_path, [("a.png", "a", "w")]), tmp_path / "out.parquet", "all", jobs=2)


def manifest(place: Path, text: str) -> FolderSource:
    (place / "manifest.csv").write_text(text, encoding="utf-8")
    return FolderSource(place / "manifest.csv")


def test_blanks_around_fields_do_not_count_and_a_blank_is_a_label(tmp_path: Path) -> None:
    text = 'path, label, writer\na.png, a, Ana\nb.png ,",",  "Bo, jr."\nc.png, ,Ana \nd.png," ",Ana\ne.png, """", Jose\u0301\n'
    listing = manifest(tmp_path, text).listing()
    assert listing.labels.tolist() == ["a", ",", " ", " ", '"']
    assert listing.writers.tolist() == ["Ana", "Bo, jr.", "Ana", "Ana", "José"]


def test_a_quotation_mark_without_quotes_is_named_with_its_line(tmp_path: Path) -> None:
    for text in ('a.png,a,w\nb.png,",w\n', 'a.png,a,w\nb.png,",w\nc.png,",w\n'):
        with pytest.raises(FormatError, match=r"manifest\.csv.*line \d.*is written"):
            manifest(tmp_path, "path,label,writer\n" + text).listing()


def test_a_manifest_from_windows_finds_its_pictures(tmp_path: Path) -> None:
    (tmp_path / "scans").mkdir()
    picture().save(tmp_path / "scans" / "a.png")
    source = manifest(tmp_path, "path,label,writer\r\nscans\\a.png,a,w\r\n")
    assert source.render(range(1), "paper").images.any()


def test_pictures_that_are_no_files_are_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.png")
    for path in ("pipe.png", "/dev/zero"):
        with pytest.raises(ImageError, match=r"line 2: .*cannot be read"):
            folder(tmp_path, [(path, "a", "w")]).render(range(1), "paper")


def test_pictures_in_uneven_light_are_counted(tmp_path: Path) -> None:
    page = np.asarray(picture(240, 200), dtype=np.float32) * 0.8 + 20
    falling = page * np.linspace(1, 0.5, 240)
    for name, values in (("even", page), ("uneven", falling)):
        Image.fromarray(values.astype(np.uint8)).save(tmp_path / f"{name}.png")
    source = folder(tmp_path, [("even.png", "a", "w"), ("uneven.png", "a", "w")])
    done = prepare(source, tmp_path / "out.parquet", "all", jobs=1).record
    assert done.polarity == {"dark": 2}
    assert done.notes == ("1 pictures were in uneven light, which was evened out",)
    even, uneven = source.render(range(2), "paper").images.astype(int)
    assert np.abs(even - uneven).mean() < 6


@pytest.mark.parametrize("dpi", [None, (300, 300)])
def test_a_box_is_that_of_the_ink_in_the_picture(tmp_path: Path, dpi: tuple[int, int] | None) -> None:
    """The strokes are six wide around (40, 20), (40, 100), (90, 100), so the ink spans about 37 to 92 and 20 to 103."""
    picture().save(tmp_path / "a.png", dpi=dpi or (72, 72))
    source = folder(tmp_path, [("a.png", "L", "ana", "desk", "100")], "path,label,writer,device,baseline")
    boxes = source.render(range(1), "paper").boxes
    assert boxes is not None
    box = boxes.box(0)
    assert box is not None
    rows, columns = np.nonzero(np.asarray(picture()) < 128)
    scale = 1 if dpi is None else 25.4 / 300
    assert (box.unit, box.device) == ("device" if dpi is None else "millimetres", "desk")
    expected = np.array([columns.min(), rows.min(), columns.max() + 1, rows.max() + 1, 100]) * scale
    np.testing.assert_allclose([*boxes.edges[0], *boxes.baselines], expected, rtol=1e-4)


BOXED = "path,label,writer,left,top,right,bottom,unit,device,baseline"


def test_a_manifest_may_state_boxes(tmp_path: Path) -> None:
    """An empty one is missing: the picture was cut, so its own ink says nothing."""
    picture().save(tmp_path / "a.png")
    rows = [
        ("a.png", "a", "ana", "-1.5", "2", "3", "4e1", "millimetres", "pad", "5"),
        ("a.png", "b", "ana", "0", "0", "0", "0", "", "", ""),
        ("a.png", "c", "ana", "", " ", "", "", "", "", ""),
    ]
    corpus = prepare(folder(tmp_path, rows, BOXED), tmp_path / "out.parquet", "all", jobs=2)
    assert corpus.boxes == Boxes.of([Box(-1.5, 2, 3, 40, "millimetres", "pad", 5), Box(0, 0, 0, 0), None])


@pytest.mark.parametrize(
    ("columns", "cells", "said"),
    [
        (BOXED, ("1", "2", "", "4", "", "", ""), "a box is given by left, top, right, bottom together"),
        (BOXED, ("1", "2", "x", "4", "", "", ""), "right is a number, not 'x'"),
        (BOXED, ("1", "2", "0", "4", "", "", ""), "ends before it begins"),
        (BOXED, ("1", "2", "inf", "4", "", "", ""), "finite"),
        (BOXED, ("nan", "2", "3", "4", "", "", ""), "finite"),
        (BOXED, ("1", "2", "3", "4", "inches", "", ""), "the unit of a box is millimetres or device, not 'inches'"),
        (BOXED, ("1", "2", "3", "4", "", "x" * 201, ""), "a device is named by"),
        (BOXED, ("1", "2", "3", "4", "", "", "low"), "baseline is a number, not 'low'"),
        ("path,label,writer,left,top", ("1", "2"), "a box is given by left, top, right, bottom together"),
        ("path,label,writer,unit", ("millimetres",), "the unit is that of the columns left, top, right, bottom"),
        ("path,label,writer,baseline", ("inf",), "finite"),
    ],
)
def test_boxes_that_cannot_be_are_named_with_their_line(tmp_path: Path, columns: str, cells: tuple[str, ...], said: str) -> None:
    picture().save(tmp_path / "a.png")
    with pytest.raises(InputError, match=rf"manifest\.csv, line 2: .*{said}"):
        folder(tmp_path, [("a.png", "a", "ana", *cells)], columns).listing()
