from __future__ import annotations

import os
import pickle
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from allograph.corpora.npz.source import NpzSource
from allograph.errors import FormatError, ImageError, InputError


def arrays(count: int = 5) -> dict[str, Any]:
    images = np.random.default_rng(0).integers(1, 256, (count, 28, 28), dtype=np.uint8)
    return {"images": images, "labels": np.array(list("ab<é字"))[:count], "writers": np.array(["w1", "w2"] * 3)[:count]}


def source(folder: Path, **changes: Any) -> NpzSource:
    """An archive in which some arrays are exchanged, or left out where they are None."""
    content = {name: array for name, array in {**arrays(), **changes}.items() if array is not None}
    np.savez(folder / "some.npz", **content)
    return NpzSource(folder / "some.npz")


def test_the_arrays_come_out_as_they_went_in(tmp_path: Path) -> None:
    some = source(tmp_path)
    listing = some.listing()
    assert listing.labels.tolist() == ["a", "b", "<", "é", "字"]
    assert listing.writers.tolist() == ["w1", "w2", "w1", "w2", "w1"]
    assert listing.order is None
    rendered = some.render(range(1, 4), "mnist")
    np.testing.assert_array_equal(rendered.images, arrays()["images"][1:4])
    assert rendered.polarity == {"light": 3}


@pytest.mark.parametrize("name", ["order", "digit_index"])
def test_the_order_in_time_is_taken_where_there_is_one(tmp_path: Path, name: str) -> None:
    listing = source(tmp_path, **{name: np.arange(5)[::-1]}).listing()
    assert listing.order is not None
    assert listing.order.tolist() == [4, 3, 2, 1, 0]
    assert listing.order.dtype == np.int32


def test_numbers_become_labels(tmp_path: Path) -> None:
    assert source(tmp_path, labels=np.arange(5)).listing().labels.tolist() == list("01234")


def test_images_stay_behind_when_the_source_goes_to_another_process(tmp_path: Path) -> None:
    some = source(tmp_path)
    before = some.render(range(5), "mnist").images
    assert len(pickle.dumps(some)) < 1000
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(some)).render(range(5), "mnist").images, before)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"labels": None}, "holds no array labels; it holds images, writers"),
        ({"writers": None}, "holds no array writers"),
        ({"writers": np.array(["w"] * 4)}, "writers has 4 entries and labels has 5"),
        ({"order": np.arange(6)}, "order has 6 entries"),
        ({"labels": np.array([["a"]]), "writers": np.array([["w"]])}, r"labels is \[n\]"),
        ({"labels": np.array(list("abcde"), dtype=object)}, "labels cannot be read .*pickled arrays are refused"),
    ],
)
def test_a_listing_that_cannot_be(tmp_path: Path, changes: dict[str, Any], said: str) -> None:
    with pytest.raises(FormatError, match=rf"some\.npz.*{said}"):
        source(tmp_path, **changes).listing()


@pytest.mark.parametrize(
    ("images", "error", "said"),
    [
        (arrays()["images"] / 255, ImageError, "this is float64"),
        (np.full((5, 28, 28), np.nan), ImageError, "this is float64"),
        (arrays()["images"].reshape(5, 784), ImageError, r"uint8 \[5, 784\]"),
        (arrays()["images"][:4], FormatError, "there are 4 images and 5 labels"),
        (np.repeat(arrays()["images"], 2, axis=0), FormatError, "there are 10 images and 5 labels"),
        (arrays()["images"] * (np.arange(5) != 3).astype(np.uint8)[:, None, None], ImageError, "place 3 is empty"),
    ],
)
def test_images_that_cannot_be_used(tmp_path: Path, images: Any, error: type[Exception], said: str) -> None:
    with pytest.raises(error, match=rf"some\.npz.*{said}"):
        source(tmp_path, images=images).render(range(2, 5), "mnist")


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none\.npz does not exist"):
        NpzSource(tmp_path / "none.npz").listing()


def test_a_truncated_archive(tmp_path: Path) -> None:
    some = source(tmp_path)
    whole = some.path.read_bytes()
    for length in (0, 3, 100, len(whole) // 2, len(whole) - 1):
        some.path.write_bytes(whole[:length])
        with pytest.raises(FormatError, match=r"some\.npz is not a readable npz archive"):
            some.listing()


def test_a_damaged_archive(tmp_path: Path) -> None:
    np.savez_compressed(tmp_path / "some.npz", **arrays())
    whole = (tmp_path / "some.npz").read_bytes()
    for place in range(60, 3000, 97):
        (tmp_path / "some.npz").write_bytes(whole[:place] + bytes([whole[place] ^ 0xFF]) + whole[place + 1 :])
        with pytest.raises(FormatError, match="the array images cannot be read"):
            NpzSource(tmp_path / "some.npz").render(range(5), "mnist")


def test_foreign_files(tmp_path: Path) -> None:
    np.save(tmp_path / "one.npy", np.arange(3))
    with pytest.raises(FormatError, match="holds a single array"):
        NpzSource(tmp_path / "one.npy").listing()
    for name, content in {"text": b"path,label,writer\n", "pickle": pickle.dumps([1, 2])}.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(FormatError, match="truncated or foreign"):
            NpzSource(tmp_path / name).listing()


def listed(folder: Path, **changes: Any) -> Any:
    return source(folder, **changes).listing()


@pytest.mark.parametrize(
    "labels",
    [
        np.array([3.0, 1.0, 4.0, 1.0, 5.0]),
        np.array([3, 1, 4, 1, 5], np.uint64),
        np.array([3, 1, 4, 1, 5], ">i2"),
        np.array([b"3", b"1", b"4", b"1", b"5"]),
        np.array(["3", "1", "4", "1", "5"]),
    ],
)
def test_labels_and_writers_of_every_type_are_the_same_texts(tmp_path: Path, labels: Any) -> None:
    found = listed(tmp_path, labels=labels, writers=labels)
    assert found.labels.tolist() == found.writers.tolist() == ["3", "1", "4", "1", "5"]


def test_texts_come_out_in_one_form(tmp_path: Path) -> None:
    names = np.array(["Jose\u0301", " José ", "josé", "Ana", "Ana"])
    found = listed(tmp_path, labels=np.array(["e\u0301", "é", "字", "a", "b"]), writers=names)
    assert found.labels.tolist() == ["é", "é", "字", "a", "b"]
    assert found.writers.tolist() == ["José", "José", "josé", "Ana", "Ana"]
    utf8 = np.array([text.encode() for text in names.tolist()])
    assert listed(tmp_path, writers=utf8).writers.tolist() == found.writers.tolist()


@pytest.mark.parametrize("name", ["labels", "writers"])
@pytest.mark.parametrize(
    ("values", "said"),
    [
        (np.array([1, 2, np.nan, 4, 5]), r"\[2\]: it is missing"),
        (np.array([1, 2, 3.5, 4, 5]), r"\[2\]: 3.5 is no text and no whole number"),
        (np.array([1, np.inf, 3, 4, 5]), r"\[1\]: inf is no text"),
        (np.array(["a", "nan", "c", "d", "e"]), r"\[1\]: the .* is missing: 'nan'"),
        (np.array(["a", "b", "c", "d", "None"]), r"\[4\]: the .* is missing"),
        (np.array(["a", "", "c", "d", "e"]), r"\[1\]: "),
        (np.array(["a", "b\n", "c", "d", "e\x07"]), r"\[\d\]: .* control"),
        (np.array([b"a", b"\xff", b"c", b"d", b"e"]), r"\[1\]: .*no text in UTF-8"),
        (np.array([True, False] * 2 + [True]), r"\[\d\]: (True|False) is no text"),
        (np.array([1j] * 5), "complex128"),
        (np.arange(5).astype("datetime64[s]"), "datetime64"),
    ],
)
def test_labels_and_writers_that_would_be_made_up_are_refused(tmp_path: Path, name: str, values: Any, said: str) -> None:
    if name == "writers" and values.dtype.kind == "U" and "b\n" in values:
        values = np.array(["a", "b\x07", "c", "d", "e"])  # a line end around a name is a blank
    with pytest.raises(InputError, match=rf"some\.npz: {name}.*{said}"):
        listed(tmp_path, **{name: values})


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
@pytest.mark.parametrize("kind", ["time", "int64", "uint64", "float64"])
def test_times_keep_their_ranks(tmp_path: Path, unit: str, kind: str) -> None:
    times = np.array(["2024-05-01T10:00:03", "1999-01-01", "2024-05-01T10:00:04", "2024-05-01T10:00:03", "2031-12-01"])
    order = times.astype(f"datetime64[{unit}]")
    found = listed(tmp_path, order=order if kind == "time" else order.astype(np.int64).astype(kind))
    if found.order.max() > 5:  # seconds may fit
        assert unit == "s"
    assert np.unique(found.order, return_inverse=True)[1].tolist() == [1, 0, 2, 1, 3]
    assert found.order.dtype == np.int32


def test_orders_that_fit_are_kept_and_fractions_ranked(tmp_path: Path) -> None:
    assert listed(tmp_path, order=np.array([3.0, -7, 0, 2**31 - 1, 5])).order.tolist() == [3, -7, 0, 2**31 - 1, 5]
    ranked = listed(tmp_path, order=np.array([0.5, -2.25, 1e300, 0.25, 0.5]))
    assert ranked.order.tolist() == [2, 0, 3, 1, 2]
    assert "ranks" in ranked.notes[0]


@pytest.mark.parametrize(
    ("order", "said"),
    [
        (np.array([1, np.nan, 2, 3, 4]), r"order\[1\] is missing"),
        (np.array([1, 2, np.inf, 3, 4]), r"order\[2\] is missing"),
        (np.array(["2020", "NaT", "2021", "2022", "2023"], "datetime64[D]"), r"order\[1\] is missing"),
        (np.array(list("abcde")), "order is numbers or times"),
        (np.array([True] * 5), "order is numbers or times"),
    ],
)
def test_orders_that_are_none(tmp_path: Path, order: Any, said: str) -> None:
    with pytest.raises(InputError, match=said):
        listed(tmp_path, order=order)


@pytest.mark.parametrize("kind", [np.uint8, bool, np.int64])
def test_images_of_0_and_1_are_paper_and_ink(tmp_path: Path, kind: Any) -> None:
    binary = arrays()["images"] > 128
    rendered = source(tmp_path, images=binary.astype(kind)).render(range(1, 5), "mnist")
    assert rendered.images.dtype == np.uint8
    np.testing.assert_array_equal(rendered.images, binary[1:5] * 255)


def test_whole_numbers_of_other_types_are_taken_as_they_are(tmp_path: Path) -> None:
    for kind in (np.int16, np.uint32, ">i8"):
        rendered = source(tmp_path, images=arrays()["images"].astype(kind)).render(range(5), "mnist")
        np.testing.assert_array_equal(rendered.images, arrays()["images"])


@pytest.mark.parametrize(
    ("images", "said"),
    [
        (arrays()["images"].astype(np.int16) - 1, "these hold -1 to 254|these hold 0 to"),
        (arrays()["images"].astype(np.int64) * 257, "these hold 257 to 65535|these hold"),
        (arrays()["images"] / 255, r"this is float64 .*\(255 \* images\)"),
        (arrays()["images"][..., None], r"\[5, 28, 28, 1\]; reshape it"),
        (arrays()["images"][:, None], r"\[5, 1, 28, 28\]; reshape it"),
        (arrays()["images"].reshape(5, 784), r"\[5, 784\]; reshape it .*transposed"),
        (arrays()["images"].astype(complex), "this is complex128"),
        (np.ones((5, 28, 28, 3), np.uint8), r"\[5, 28, 28, 3\]"),
        (np.ones((5,), np.uint8), r"uint8 \[5\]"),
    ],
)
def test_images_that_would_be_made_up_are_refused(tmp_path: Path, images: Any, said: str) -> None:
    if images.dtype == np.int16:
        images[0, 0, 0] = -1
    with pytest.raises(ImageError, match=said):
        source(tmp_path, images=images).render(range(5), "mnist")


@pytest.mark.parametrize("shape", ["(1000000000000, 28, 28)", "(-1, 28, 28)", "(5, 28)", "(5, 28, 28, 1000000000)"])
def test_an_array_that_promises_more_than_it_has_is_refused(tmp_path: Path, shape: str) -> None:
    some = source(tmp_path)
    header = f"{{'descr': '|u1', 'fortran_order': False, 'shape': {shape}, }}".encode().ljust(117) + b"\n"
    with zipfile.ZipFile(some.path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    members["images.npy"] = b"\x93NUMPY\1\0" + len(header).to_bytes(2, "little") + header + bytes(5 * 784)
    with zipfile.ZipFile(some.path, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    with pytest.raises(FormatError, match="the array images cannot be read"):
        some.render(range(5), "mnist")


def test_a_pipe_and_a_device_are_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.npz")
    for path in (tmp_path / "pipe.npz", Path("/dev/zero"), tmp_path):
        with pytest.raises(InputError, match=r"cannot be read|not a readable npz"):
            NpzSource(path).listing()
