from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from allograph.corpora.npz import NpzSource
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
