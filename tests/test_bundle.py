"""Bundles: what is written is opened again, what is damaged is refused by name, and what stood there survives a failure."""

from __future__ import annotations

import json
import os
import resource
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from safetensors.numpy import load_file, save_file

from allograph.alphabet.labels import Alphabet
from allograph.bundle import CONFIG, MODEL, STATISTICS, STYLES, Bundle, BundleConfig, check_place, write_bundle
from allograph.errors import FormatError, InputError, MismatchError, StorageError
from allograph.files.hashes import sha256
from small import DIGITS, SIZE, TINY, contents, some_styles, tiny_bundle

CURVE = ((0, 1.4), (1, 0.86), (30, 0.2))
ODD = ["<", "[", "|", "&", "`", '"', "\\", "é", "字", "ffi"]


def test_what_is_written_is_opened_again(tmp_path: Path) -> None:
    styles = some_styles()
    statistics: dict[str, NDArray[Any]] = {"means/within": np.eye(3), "head/ridge": np.array(0.5, np.float32)}
    config = BundleConfig(Alphabet(ODD), "paper", SIZE, training={"epochs": 3}, corpus={"licence": "CC0"}, learning_curve=CURVE)
    path = tmp_path / "bundle"
    written = write_bundle(path, TINY.read_bytes(), config, styles, statistics)
    for bundle in (written, Bundle.open(path), Bundle.open(str(path))):
        assert bundle.path == path
        assert (bundle.frame, bundle.embedding_size, bundle.model_hash) == ("paper", SIZE, sha256(TINY))
        assert list(bundle.alphabet) == ODD
        assert bundle.config == replace(config, model_hash=sha256(TINY))
        assert bundle.styles is not None
        for name in ("centroids", "labels", "medoids"):
            found, expected = getattr(bundle.styles, name), getattr(styles, name)
            np.testing.assert_array_equal(found, expected)
            assert found.dtype == expected.dtype
        assert bundle.statistics.keys() == statistics.keys()
        np.testing.assert_array_equal(bundle.statistics["means/within"], statistics["means/within"])
        assert bundle.statistics["head/ridge"] == 0.5
    assert sorted(os.listdir(path)) == [STATISTICS, CONFIG, MODEL, STYLES]
    assert os.listdir(tmp_path) == ["bundle"]


def test_a_bundle_without_styles_and_statistics_has_none(tmp_path: Path) -> None:
    bundle = tiny_bundle(tmp_path / "bundle")
    assert bundle.styles is None
    assert bundle.statistics == {}
    assert sorted(os.listdir(bundle.path)) == [CONFIG, MODEL]


def test_the_record_cannot_replace_the_alphabet(tmp_path: Path) -> None:
    config = BundleConfig(DIGITS, "mnist", SIZE, unknown={"alphabet": ["x"], "comment": [{"of": "ours"}]})
    bundle = write_bundle(tmp_path / "b", TINY.read_bytes(), config)
    assert bundle.alphabet == DIGITS
    assert bundle.config.unknown == {"comment": [{"of": "ours"}]}


Damage = Callable[[Path], Any]


def remove(name: str) -> Damage:
    return lambda path: (path / name).unlink()


def cut(name: str, share: float = 0.5) -> Damage:
    return lambda path: os.truncate(path / name, int((path / name).stat().st_size * share))


def write(name: str, text: str | bytes) -> Damage:
    return lambda path: (path / name).write_bytes(text if isinstance(text, bytes) else text.encode())


def configure(**changes: Any) -> Damage:
    def damage(path: Path) -> None:
        config = json.loads((path / CONFIG).read_text()) | changes
        kept = {key: value for key, value in config.items() if value is not ...}
        (path / CONFIG).write_text(json.dumps(kept))

    return damage


def restyle(**changes: Any) -> Damage:
    def damage(path: Path) -> None:
        arrays = load_file(path / STYLES) | changes
        save_file({name: array for name, array in arrays.items() if array is not None}, path / STYLES)

    return damage


STYLED = some_styles()
DAMAGES: list[tuple[str, Damage, type[Exception], str]] = [
    ("no model", remove(MODEL), FormatError, r"holds no model\.onnx; make the bundle anew"),
    ("no configuration", remove(CONFIG), FormatError, r"config\.json does not exist"),
    (
        "truncated model",
        cut(MODEL),
        FormatError,
        r"model\.onnx is not the model that config\.json describes: it is damaged or was",
    ),
    ("empty model", write(MODEL, b""), FormatError, r"model\.onnx is not the model that config\.json describes"),
    ("exchanged model", write(MODEL, TINY.read_bytes() + b"\0"), FormatError, r"damaged or was exchanged"),
    (
        "truncated configuration",
        cut(CONFIG),
        FormatError,
        r"config\.json is not readable JSON .* truncated or not what it claims",
    ),
    ("configuration not UTF-8", write(CONFIG, b"\xff\xfe{}"), FormatError, r"config\.json is not readable JSON"),
    ("foreign JSON", write(CONFIG, "[1, 2]"), FormatError, r"config\.json is not a bundle's configuration"),
    ("foreign object", write(CONFIG, '{"name": "x"}'), FormatError, r"is not an allograph bundle: it carries no format version"),
    ("other version", configure(format=2), FormatError, r"is an allograph bundle of format 2; this release reads format 1"),
    ("no alphabet", configure(alphabet=..., frame=...), FormatError, r"config\.json lacks alphabet, frame; make the bundle anew"),
    ("alphabet no list", configure(alphabet=5), FormatError, r"config\.json: the alphabet is a list of labels"),
    ("alphabet of numbers", configure(alphabet=[1, 2]), FormatError, r"config\.json: a label is a string of 1–16 code points"),
    ("label twice", configure(alphabet=["a", "a"]), FormatError, r"config\.json: an alphabet holds each label once; .* twice: a"),
    ("empty alphabet", configure(alphabet=[]), FormatError, r"config\.json: an alphabet has at least one label"),
    ("unknown frame", configure(frame="emnist"), FormatError, r"config\.json names the frame 'emnist'; there are paper, mnist"),
    ("size in words", configure(embedding_size="8"), FormatError, r"config\.json names the embedding size '8'; .* whole number"),
    ("no size", configure(embedding_size=0), FormatError, r"config\.json names the embedding size 0"),
    (
        "accuracy in words",
        configure(accuracy={"train": "9"}),
        FormatError,
        r"names the accuracy train '9'; it is a number: make",
    ),
    ("accuracy alone", configure(accuracy=0.9), FormatError, r"config\.json names the accuracy 0\.9; it is an object: make the"),
    ("adapters in a list", configure(adapters=[1]), FormatError, r"config\.json names the adapters \[1\]; it is an object: make"),
    ("curve of numbers", configure(learning_curve=[1, 0.5]), FormatError, r"names the learning curve 0 1; it is a list: make"),
    (
        "curve of three",
        configure(learning_curve=[[1, 2, 3]]),
        FormatError,
        r"the learning curve 0 \[1, 2, 3\]; it is a list",
    ),
    ("curve that falls", configure(learning_curve=[[2, 0.5], [1, 0.7]]), FormatError, r"curve \[\[2, 0\.5\], \[1, .*ascending"),
    ("styles of another size", configure(embedding_size=9), MismatchError, r"embeddings have 9 numbers and the styles' 8; make"),
    ("truncated styles", cut(STYLES, 0.9), FormatError, r"styles\.safetensors is not a readable safetensors file: .* truncated"),
    ("empty styles", write(STYLES, b""), FormatError, r"styles\.safetensors is not a readable safetensors file"),
    ("foreign styles", write(STYLES, "not a tensor in sight"), FormatError, r"styles\.safetensors is not a readable safetensors"),
    ("truncated statistics", cut(STATISTICS), FormatError, r"adapters\.safetensors is not a readable safetensors file"),
    ("no medoids", restyle(medoids=None), FormatError, r"styles\.safetensors lacks the array 'medoids'"),
    ("label too high", restyle(labels=STYLED.labels + 1), MismatchError, r"a style's label is outside the alphabet of 10 labels"),
    ("label too low", restyle(labels=STYLED.labels - 1), MismatchError, r"a style's label is outside the alphabet of 10 labels"),
    ("too few labels", restyle(labels=STYLED.labels[1:]), FormatError, r"centroids, labels and medoids differ in number"),
    ("too few medoids", restyle(medoids=STYLED.medoids[1:]), FormatError, r"centroids, labels and medoids differ in number"),
    ("labels of text's kind", restyle(labels=STYLED.labels.astype(np.float32)), FormatError, r"labels is float32 and not int32"),
    (
        "wide centroids",
        restyle(centroids=STYLED.centroids.astype(np.float64)),
        FormatError,
        r"centroids is float64 and not float",
    ),
    ("NaN in a centroid", restyle(centroids=np.full_like(STYLED.centroids, np.nan)), FormatError, r"a centroid holds .* not fin"),
]


@pytest.mark.parametrize(("damage", "error", "message"), [row[1:] for row in DAMAGES], ids=[row[0] for row in DAMAGES])
def test_a_damaged_bundle_is_refused_by_name(tmp_path: Path, damage: Damage, error: type[Exception], message: str) -> None:
    path = tmp_path / "my bundle"
    write_bundle(path, TINY.read_bytes(), BundleConfig(DIGITS, "mnist", SIZE), STYLED, {"means/within": np.ones(3)})
    damage(path)
    with pytest.raises(error, match=message) as caught:
        Bundle.open(path)
    assert str(path) in str(caught.value)


def test_no_bundle_and_a_file_in_its_place(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    for name in ("nowhere", "file"):
        with pytest.raises(
            InputError, match=rf"there is no bundle at .*{name}: a bundle is a folder with model\.onnx and config"
        ):
            Bundle.open(tmp_path / name)


def test_an_older_bundle_is_replaced_whole(tmp_path: Path) -> None:
    tiny_bundle(tmp_path / "bundle", STYLED)
    tiny_bundle(tmp_path / "bundle", frame="paper")
    assert Bundle.open(tmp_path / "bundle").frame == "paper"
    assert sorted(os.listdir(tmp_path / "bundle")) == [CONFIG, MODEL]
    assert os.listdir(tmp_path) == ["bundle"]


@contextmanager
def file_size_limit(size: int) -> Iterator[None]:
    """What a full disk is to this process: no file grows beyond `size` bytes."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


def test_a_failure_half_way_leaves_the_old_bundle(tmp_path: Path) -> None:
    tiny_bundle(tmp_path / "bundle", STYLED)
    before = contents(tmp_path)
    unsound = replace(STYLED, centroids=STYLED.centroids.astype(np.float64))
    for name in ("bundle", "new"):
        with pytest.raises(FormatError, match="the array centroids is float64 and not float32"):
            tiny_bundle(tmp_path / name, unsound, frame="paper")
        with file_size_limit(8192), pytest.raises(StorageError, match=rf"cannot write .*{name}: the file size limit is reached"):
            tiny_bundle(tmp_path / name, STYLED, frame="paper")  # its medoids are 15 kB, its model 2 kB
        assert contents(tmp_path) == before


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="there is no /proc, where nobody may make a folder")
def test_a_folder_that_may_not_be_written() -> None:
    with pytest.raises(StorageError, match=r"cannot write /proc/bundle: .*choose another place"):
        tiny_bundle(Path("/proc/bundle"))


def test_a_bundle_replaces_nothing_but_a_bundle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "1.jpg").write_bytes(b"x")
    (tmp_path / "file").write_text("x")
    (tmp_path / "empty").mkdir()
    before = contents(tmp_path)
    for name, message in (
        ("photos", r"photos holds 1\.jpg and is no bundle; a bundle replaces its whole folder: name a new or an empty one"),
        ("file", r"a file of that name is there; remove it or choose another name"),
        ("no/where", r"the folder .*no does not exist; make it first"),
    ):
        for act in (check_place, tiny_bundle):
            with pytest.raises(InputError, match=message):
                act(tmp_path / name)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match="is no bundle; a bundle replaces its whole folder"):
        tiny_bundle(Path())
    assert contents(tmp_path) == before
    tiny_bundle(tmp_path / "empty")
    assert Bundle.open(tmp_path / "empty").alphabet == DIGITS
