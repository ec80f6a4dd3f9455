"""A bundle learns to read lines: from a small corpus of our own hand; what damages a line model; and what tuning leaves of it."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from allograph import Recognizer, Writer
from allograph.adapters.size_statistics import LENGTHS, NUMBERS, SizeStatistics
from allograph.bundle import Bundle
from allograph.bundle.folder import LINES, SHIPPED, write_bundle
from allograph.corpora import LineCorpus, prepare_lines
from allograph.errors import FormatError, InputError, MismatchError
from allograph.lines import training
from allograph.lines.line_model import VERSION, LineModel
from allograph.lines.training import fit_perceptron, train_lines
from allograph.tuning.search import _write
from written_lines import WrittenLine, write_line

TEXTS = ["the red hat", "a fit in a", "to be 12", "hi Ben", "RAT 57 B"]


def corpus_of(path: Path, lines: list[tuple[WrittenLine, str, str]], **changes: NDArray[Any]) -> LineCorpus:
    """A corpus of lines, each with its writer and split."""
    strokes = [stroke for line, _, _ in lines for stroke in line.strokes]
    arrays = {
        "points": np.concatenate(strokes),
        "stroke_start": np.cumsum([0, *map(len, strokes)]),
        "line_start": np.cumsum([0, *(len(line.strokes) for line, _, _ in lines)]),
        "texts": np.array([line.text for line, _, _ in lines]),
        "writers": np.array([writer for _, writer, _ in lines]),
        "stroke_character": np.concatenate([line.characters for line, _, _ in lines]).astype(np.int16),
        "splits": np.array([split for _, _, split in lines]),
        "millimetres": np.ones(len(lines), np.bool_),
    }
    archive: dict[str, Any] = {**arrays, **changes}
    np.savez(path.with_suffix(".npz"), **archive)
    return prepare_lines(path.with_suffix(".npz"), path)


def our_lines(writers: int = 9) -> list[tuple[WrittenLine, str, str]]:
    """Lines by some writers; the last is for the application set, and one line holds a label that no bundle knows."""
    lines = []
    for writer in range(writers):
        split = "application" if writer == writers - 1 else "train"
        for place, text in enumerate(TEXTS):
            line = write_line(text, 10 * writer + place, scale=0.06, late_dots=place % 2 == 0)
            lines.append((line, f"writer-{writer}", split))
    first = lines[0][0]
    lines[0] = (first._replace(text=first.text.replace("r", "ñ")), *lines[0][1:])
    return lines


def bundle_without_lines(path: Path) -> Bundle:
    """The shipped recognizer as it was before it read lines."""
    shutil.copytree(SHIPPED, path)
    (path / LINES).unlink()
    bundle = Bundle.open(path)
    sizes = SizeStatistics.of(bundle)
    assert sizes is not None
    arrays = {
        name: array[:LENGTHS] if name.startswith("size/") and name != "size/counts" else array
        for name, array in bundle.statistics.items()
    }
    return write_bundle(path, (path / "model.onnx").read_bytes(), bundle.config, bundle.styles, arrays)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> LineCorpus:
    return corpus_of(tmp_path_factory.mktemp("lines") / "ours.parquet", our_lines())


@pytest.fixture(scope="module", autouse=True)
def quick() -> Iterator[None]:
    """Fewer networks and rounds."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(training, "NETWORKS", 2)
        patch.setattr(training, "EPOCHS", 20)
        yield


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory, corpus: LineCorpus) -> Bundle:
    return train_lines(corpus, bundle_without_lines(tmp_path_factory.mktemp("bundle") / "ours"))


def test_a_bundle_learns_to_read_such_lines(bundle: Bundle, corpus: LineCorpus) -> None:
    sizes = SizeStatistics.of(bundle)
    assert sizes is not None
    assert len(sizes) == len(NUMBERS)
    place = dict(zip(bundle.alphabet.labels, sizes.means[LENGTHS:].T.tolist(), strict=True))
    assert place["t"][0] > place["e"][0] > 0  # higher above the line
    writer = Writer("ana", Recognizer(bundle))
    wrong = total = 0
    for line in corpus.lines("application"):
        found = writer.read_line(list(line.strokes))
        wrong += sum(one != other for one, other in zip(found.text.lower(), line.text.lower(), strict=False))
        wrong += abs(len(found.text) - len(line.text))
        total += len(line.text)
    assert wrong <= 0.15 * total
    done = writer.correct_line(writer.read_line(write_line("the fish", 3).strokes), "the fish")
    assert "".join(one.label for one in done.corrections) == "thefish"


@pytest.mark.slow
def test_the_same_corpus_gives_the_same_bundle_and_only_the_lines_change(
    bundle: Bundle, corpus: LineCorpus, tmp_path: Path
) -> None:
    before = bundle_without_lines(tmp_path / "again")
    seen: list[tuple[str, int, int]] = []
    fewer = corpus_of(tmp_path / "fewer.parquet", [line for line in our_lines() if line[2] == "train"])
    again = train_lines(fewer.path, tmp_path / "again", lambda what, done, of: seen.append((what, done, of)))
    assert seen[:2] == [("looking at lines", 1, 40), ("looking at lines", 2, 40)]
    assert again.lines.keys() == bundle.lines.keys()
    for name, array in again.lines.items():
        np.testing.assert_array_equal(array, bundle.lines[name])
    for name, array in again.statistics.items():
        np.testing.assert_array_equal(array, bundle.statistics[name])
        if name.startswith("size/") and name != "size/counts":
            np.testing.assert_array_equal(array[:LENGTHS], before.statistics[name])
    assert (again.model_hash, again.config) == (before.model_hash, before.config)
    with pytest.raises(MismatchError, match="reads no lines yet"):
        LineModel.of(before)
    assert LineModel.of(again) == LineModel.of(bundle)


def test_what_teaches_nothing_is_refused(tmp_path: Path) -> None:
    bundle = bundle_without_lines(tmp_path / "bundle")
    others = corpus_of(tmp_path / "others.parquet", [(line, writer, "application") for line, writer, _ in our_lines(2)])
    with pytest.raises(InputError, match="no line of a train writer whose cuts are known"):
        train_lines(others, bundle)
    unknown = [line for line in our_lines(2) if line[2] == "train"]
    strokes = sum(len(line.strokes) for line, _, _ in unknown)
    uncut = corpus_of(tmp_path / "uncut.parquet", unknown, stroke_character=np.full(strokes, -1, np.int16))
    with pytest.raises(InputError, match="no line of a train writer whose cuts are known"):
        train_lines(uncut, bundle)
    with pytest.raises(InputError, match="there is nothing to tell apart"):
        fit_perceptron(np.zeros((4, 2), np.float32), np.ones(4, np.bool_), 3)
    assert Bundle.open(bundle.path).lines == {}


def test_writers_of_whom_no_label_is_known_are_passed_over(tmp_path: Path) -> None:
    lines = our_lines(2)
    strange = [
        (line._replace(text="".join(" " if one == " " else "ñ" for one in line.text)), "stranger", "train")
        for line, _, _ in our_lines(2)[:3]
    ]
    assert train_lines(corpus_of(tmp_path / "some.parquet", lines + strange), bundle_without_lines(tmp_path / "bundle")).lines


@pytest.mark.slow
def test_each_device_of_a_writer_has_a_scale_of_its_own(bundle: Bundle, tmp_path: Path) -> None:
    lines = our_lines()
    phone = np.arange(len(lines)) % 2 == 1
    for place in np.flatnonzero(phone).tolist():
        line, writer, split = lines[place]
        lines[place] = (line._replace(strokes=[20 * stroke for stroke in line.strokes]), writer, split)
    devices = {"device": np.where(phone, "phone", "pad"), "millimetres": ~phone}
    again = train_lines(corpus_of(tmp_path / "two.parquet", lines, **devices), bundle_without_lines(tmp_path / "bundle"))
    one, other = SizeStatistics.of(bundle), SizeStatistics.of(again)
    assert one is not None
    assert other is not None
    for label in "etha":
        place = bundle.alphabet.index(label)
        np.testing.assert_allclose(other.means[LENGTHS:, place], one.means[LENGTHS:, place], atol=0.15)


# --- what damages a line model ---

DAMAGE: dict[str, tuple[Callable[[dict[str, NDArray[Any]]], dict[str, NDArray[Any]]], str]] = {
    "another version": (lambda arrays: arrays | {"version": np.array([VERSION + 1])}, f"version {VERSION + 1} and not {VERSION}"),
    "a bare version": (lambda arrays: arrays | {"version": np.array(7)}, f"version 7 and not {VERSION}"),
    "no version": (lambda arrays: {name: one for name, one in arrays.items() if name != "version"}, "version none"),
    "no layer": (
        lambda arrays: {name: one for name, one in arrays.items() if name != "strokes/cut/inner"},
        "it has no 'strokes/cut/inner'",
    ),
    "no grammar": (lambda arrays: {name: one for name, one in arrays.items() if "grammar" not in name}, "has no 'grammar/"),
    "fewer numbers": (
        lambda arrays: (
            arrays | {name: arrays[name][1:] for name in ("strokes/cut/means", "strokes/cut/spreads", "strokes/cut/inner")}
        ),
        "not for its alphabet",
    ),
    "one row less": (lambda arrays: arrays | {"strokes/cut/inner": arrays["strokes/cut/inner"][1:]}, "is damaged"),
    "a scalar": (lambda arrays: arrays | {"pictures/gap/means": np.array(1, np.float32)}, "is damaged"),
    "not finite": (lambda arrays: arrays | {"pictures/gap/outer": arrays["pictures/gap/outer"] * np.nan}, "is damaged"),
    "double precision": (
        lambda arrays: arrays | {"strokes/cut/outer": arrays["strokes/cut/outer"].astype(np.float64)},
        "is damaged",
    ),
    "no spread": (lambda arrays: arrays | {"strokes/cut/spreads": 0 * arrays["strokes/cut/spreads"]}, "is damaged"),
    "fewer labels": (lambda arrays: arrays | {"frequencies": arrays["frequencies"][1:]}, "not for its alphabet"),
    "no probabilities": (lambda arrays: arrays | {"grammar/spaces": np.ones(2, np.float32)}, "is damaged"),
    "another grammar": (lambda arrays: arrays | {"grammar/transitions": arrays["grammar/transitions"][:, 1:]}, "is damaged"),
}


@pytest.mark.parametrize("kind", DAMAGE)
def test_a_damaged_line_model_is_named(bundle: Bundle, kind: str) -> None:
    damage, message = DAMAGE[kind]
    with pytest.raises(FormatError, match=message) as error:
        LineModel.of(replace(bundle, lines={name: np.asarray(one) for name, one in damage(dict(bundle.lines)).items()}))
    assert "allograph train-lines" in str(error.value)


def test_a_file_that_is_no_line_model_is_named(tmp_path: Path) -> None:
    shutil.copytree(SHIPPED, tmp_path / "bundle")
    (tmp_path / "bundle" / LINES).write_bytes(b"no tensors")
    with pytest.raises(FormatError, match=rf"{LINES} is not a readable safetensors file"):
        Bundle.open(tmp_path / "bundle")


def test_a_line_model_survives_its_file(bundle: Bundle) -> None:
    model = LineModel.of(bundle)
    assert LineModel.of(replace(bundle, lines=model.arrays())) == model
    assert model == LineModel.of(Bundle.open(bundle.path))


# --- what others leave of it ---


def test_tuning_keeps_the_line_model_and_where_labels_stand(bundle: Bundle, tmp_path: Path) -> None:
    from allograph.adapters.statistics import Statistics

    shutil.copytree(bundle.path, tmp_path / "tuned")
    found = Statistics.read(bundle_without_lines(tmp_path / "before"))  # as they are found in a corpus of single characters
    tuned = _write(Bundle.open(tmp_path / "tuned"), found, {})
    assert LineModel.of(tuned) == LineModel.of(bundle)
    before, after = SizeStatistics.of(bundle), SizeStatistics.of(tuned)
    assert before is not None
    assert after is not None
    assert len(after) == len(NUMBERS)
    np.testing.assert_array_equal(after.means[LENGTHS:], before.means[LENGTHS:])
    assert Writer("ana", Recognizer(tuned)).read_line(write_line("the fish", 3).strokes).text.lower() == "the fish"


def test_statistics_take_a_place_only_where_they_have_none(bundle: Bundle, tmp_path: Path) -> None:
    placed, bare = SizeStatistics.of(bundle), SizeStatistics.of(bundle_without_lines(tmp_path / "bare"))
    assert placed is not None
    assert bare is not None
    assert bare.with_place_of(placed) == placed
    assert bare.with_place_of(None) == bare.with_place_of(bare) == bare
    assert placed.with_place_of(replace(placed, means=placed.means + 1)) == placed
