"""DeepWriting: small files of its two true forms, with known ink, give that ink back."""

from __future__ import annotations

import json
import os
import pickle
import zipfile
from collections import Counter
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from allograph.corpora.corpus import Corpus
from allograph.corpora.deepwriting.source import DeepWritingSource
from allograph.corpora.preparation import prepare
from allograph.errors import FormatError, InputError
from allograph.images.frames import to_frame
from allograph.ink import LENGTH, draw_ink

# As DeepWriting stores it: not sorted, and NUL first.
ALPHABET = ["\0", *"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ'.,-()/"]
CODES = {label: code for code, label in enumerate(sorted(ALPHABET))}

Stroke = list[tuple[float, float]]
SHAPES: dict[str, list[Stroke]] = {  # y down
    "L": [[(0, 0), (0, 40), (0, 80), (30, 80), (50, 80)]],
    "i": [[(5, 30), (5, 80)], [(5, 0), (6, 1)]],
    "T": [[(0, 0), (60, 0)], [(30, 0), (30, 80)]],
    "v": [[(0, 30), (20, 80), (40, 30)]],
    ".": [[(0, 80)]],
    "a": [[(30, 40), (5, 40), (0, 60), (5, 80), (30, 75), (30, 40), (32, 80)]],
}
Line = list[tuple[str, list[Stroke]]]


def written(text: str, left: float = 100.0, top: float = 50.0) -> Line:
    """Characters one after the other along a line."""
    line = []
    for label in text:
        line.append((label, [[(x + left, y + top) for x, y in stroke] for stroke in SHAPES[label]]))
        left += 70
    return line


class Fragment:
    """A line as DeepWriting stores it: after every stroke a pen-up point of label 0; an end mark on a character's last point."""

    def __init__(self, line: Line, writer: int = 10002, first_time: int = 1_471_352_798_684) -> None:
        points: list[tuple[float, float]] = []
        codes, ends, events = [], [], []
        self.segments: list[dict[str, Any]] = []
        for label, strokes in line:
            mine = []
            for number, stroke in enumerate(strokes):
                for place, point in enumerate(stroke):
                    mine.append(len(points))
                    points.append(point)
                    codes.append(CODES[label])
                    ends.append(number == len(strokes) - 1 and place == len(stroke) - 1)
                    events.append(0 if place == 0 else 1)
                points.append(stroke[-1])
                codes.append(0)
                ends.append(False)
                events.append(2)
            self.segments.append({"char": label, "ranges": [mine]})
        self.points = np.array(points, np.float32)
        self.codes, self.ends, self.events = np.array(codes, np.int32), np.array(ends, np.float32), np.array(events)
        self.writer, self.first_time = writer, first_time

    @property
    def table(self) -> NDArray[np.float32]:
        return np.column_stack([self.points, self.events == 2]).astype(np.float32)

    def as_json(self) -> dict[str, Any]:
        words = [self.segments[:2], self.segments[2:]]
        return {
            "user_id": str(self.writer),
            "word_ascii": "".join(segment["char"] for segment in self.segments),
            "word_stroke": [
                {"x": f"{x:g}", "y": f"{y:g}", "ts": str(self.first_time + 10 * i), "ev": str(event)}
                for i, ((x, y), event) in enumerate(zip(self.points.tolist(), self.events.tolist(), strict=True))
            ],
            "wholeword_segments": [{"ocr_label": "x", "recognition_is_correct": True, "chars": word} for word in words],
        }


def objects(items: list[Any]) -> NDArray[Any]:
    array = np.empty(len(items), dtype=object)
    for i, item in enumerate(items):
        array[i] = item
    return array


def arrays(fragments: list[Fragment], steps: tuple[str, ...] = ()) -> dict[str, Any]:
    """The arrays of an npz, preprocessed as DeepWriting's own scripts do it and in their order."""
    tables = [fragment.table for fragment in fragments]
    made: dict[str, Any] = {"preprocessing": [*steps]}
    if "scale" in steps:
        least, most = np.vstack(tables).min(axis=0), np.vstack(tables).max(axis=0)
        made |= {"min": least, "max": most}
        for table in tables:
            table[:, :2] = ((table - least) / (most - least))[:, :2]
    if "origin_translation" in steps:
        for table in tables:
            table[:, :2] -= table[0, :2]
    if "relative_representation" in steps:
        for table in tables:
            table[:, :2] = np.diff(np.vstack([table[:1], table]), axis=0)[:, :2]
    if "normalization" in steps:
        mean, std = np.vstack(tables).mean(axis=0), np.vstack(tables).std(axis=0)
        made |= {"mean": mean, "std": std}
        for table in tables:
            table[:, :2] = ((table - mean) / std)[:, :2]
    return made | {
        "strokes": objects(tables),
        "char_labels": objects([fragment.codes for fragment in fragments]),
        "eoc_labels": objects([fragment.ends for fragment in fragments]),
        "subject_labels": np.array([fragment.writer for fragment in fragments]),
        "alphabet": ALPHABET,
        "texts": ["a text"] * len(fragments),
    }


def saved(path: Path, content: dict[str, Any]) -> DeepWritingSource:
    np.savez_compressed(path, **content)
    return DeepWritingSource([path])


def images(source: DeepWritingSource) -> NDArray[np.uint8]:
    return source.render(range(len(source.listing().labels)), "paper").images


def picture(label: str, strokes: list[Stroke] | None = None) -> NDArray[np.uint8]:
    return to_frame(draw_ink(strokes or SHAPES[label]), "paper", "light", 2, LENGTH).image


def alike(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> bool:
    """Equal but for the rounding of float32 coordinates."""
    difference = np.abs(one.astype(int) - other.astype(int))
    return bool(difference.mean() < 2 and difference.max() < 64)


FRAGMENTS = [Fragment(written("LiTv")), Fragment(written("a.i", 20, 300), writer=123456), Fragment(written("TL"))]
LABELS = [*"LiTv", *"a.i", *"TL"]
STEPS = ("scale", "origin_translation", "relative_representation", "normalization")


@pytest.mark.parametrize("chosen", list(product((True, False), repeat=4)))
def test_any_preprocessing_is_undone(tmp_path: Path, chosen: tuple[bool, ...]) -> None:
    steps = tuple(step for step, done in zip(STEPS, chosen, strict=True) if done)
    source = saved(tmp_path / "deepwriting_training.npz", arrays(FRAGMENTS, steps))
    listing = source.listing()
    assert listing.labels.tolist() == LABELS
    assert listing.writers.tolist() == ["10002"] * 4 + ["123456"] * 3 + ["10002"] * 2
    assert listing.order is None
    for label, image in zip(LABELS, images(source), strict=True):
        assert alike(image, picture(label)), label


def test_images_are_upright(tmp_path: Path) -> None:
    image = images(saved(tmp_path / "a.npz", arrays([Fragment(written("LT"))], STEPS)))
    assert image[0][20:].sum() > 2 * image[0][:8].sum()  # the foot of L
    assert image[0][:, :14].sum() > image[0][:, 14:].sum()  # its stem, on the left
    assert image[1][:8].sum() > 2 * image[1][20:].sum()  # the bar of T


def test_the_pen_is_lifted_at_points_that_belong_to_no_character(tmp_path: Path) -> None:
    image = images(saved(tmp_path / "a.npz", arrays([Fragment(written("i"))], STEPS)))[0]
    inked = (image > 40).any(axis=1)
    assert len(np.flatnonzero(np.diff(inked.astype(int)) == 1)) + int(inked[0]) == 2  # dot and stem, paper between them


def test_a_dot_is_drawn(tmp_path: Path) -> None:
    source = saved(tmp_path / "a.npz", arrays([Fragment(written("v."))], STEPS))
    assert images(source)[1].max() > 200
    assert source.render(range(1, 2), "mnist").polarity == Counter(light=1)


def test_a_character_is_what_comes_before_its_end_mark(tmp_path: Path) -> None:
    codes = [0, 0, CODES["a"], CODES["a"], CODES["b"], 0, CODES["z"], CODES["c"], 0, 0, CODES["d"], 0]
    ends = [0, 0, 0, 0, 1, 0, 0, 1, 0, 1, 1, 0]
    fragment = Fragment(written("v"))
    fragment.points = np.array([(i, i % 3) for i in range(len(codes))], np.float32)
    fragment.codes, fragment.ends, fragment.events = np.array(codes), np.array(ends), np.ones(len(codes))
    source = saved(tmp_path / "a.npz", arrays([fragment, Fragment(written("L"))]))
    listing = source.listing()
    # a has most of aab; of z and c, equal, the first in the alphabet; nothing but 0 is the 70th label; then d, and L
    assert listing.labels.tolist() == ["a", "c", " ", "d", "L"]
    assert "left out: 2 points after the last end of a character in their fragment" in listing.notes
    assert any("406,956" in note for note in listing.notes)
    points = fragment.points.tolist()
    for image, rows in zip(images(source), ([2, 3, 4], [6, 7], [8, 9], [10]), strict=False):
        assert alike(image, picture("", [[(x, y) for x, y in (points[row] for row in rows)]]))


def test_a_tie_goes_to_the_first_in_the_sorted_alphabet(tmp_path: Path) -> None:
    fragment = Fragment(written("v"))
    fragment.codes = np.array([CODES["b"], CODES["B"], CODES["b"], CODES["B"]])
    fragment.ends = np.array([0, 0, 0, 1])
    assert saved(tmp_path / "a.npz", arrays([fragment])).listing().labels.tolist() == ["B"]


def test_older_files_and_other_shapes_of_the_same(tmp_path: Path) -> None:
    content = arrays(FRAGMENTS, STEPS)
    expected = images(saved(tmp_path / "new.npz", content))
    content["samples"] = content.pop("strokes")
    content["eoc_labels"] = objects([ends[:, None] for ends in content["eoc_labels"]])
    content["subject_labels"] = objects([np.full(len(f.codes), str(f.writer)) for f in FRAGMENTS])
    content["alphabet"] = np.array([label.encode() for label in ALPHABET])
    content["preprocessing"] = objects([*STEPS, *STEPS, "semantic_chunks"])
    source = saved(tmp_path / "old.npz", content)
    assert source.listing().labels.tolist() == LABELS
    assert source.listing().writers.tolist() == ["10002"] * 4 + ["123456"] * 3 + ["10002"] * 2
    assert (images(source) == expected).all()


def test_fragments_of_one_length_are_a_single_array(tmp_path: Path) -> None:
    twice = [Fragment(written("LT")), Fragment(written("TL"), writer=10004)]
    content = {name: np.array(list(value)) for name, value in arrays(twice, STEPS).items()}
    assert content["strokes"].shape == (2, 12, 3)
    source = saved(tmp_path / "a.npz", content)
    assert source.listing().labels.tolist() == ["L", "T", "T", "L"]
    assert source.listing().writers.tolist() == ["10002", "10002", "10004", "10004"]


def test_training_and_validation_are_read_together(tmp_path: Path) -> None:
    saved(tmp_path / "a.npz", arrays(FRAGMENTS[:1], STEPS))
    saved(tmp_path / "b.npz", arrays(FRAGMENTS[1:], STEPS))
    source = DeepWritingSource([tmp_path / "a.npz", tmp_path / "b.npz"])
    assert source.listing().labels.tolist() == LABELS
    assert all(alike(image, picture(label)) for label, image in zip(LABELS, images(source), strict=True))
    assert source.listing().notes[0].startswith("left out: 3 points")


def forms(folder: Path, fragments: list[Fragment], suffix: str = "-segmented.json") -> Path:
    for number, fragment in enumerate(fragments):
        form = folder / "Deepwriting Dataset" / str(fragment.writer) / f"f{number:02}"
        form.mkdir(parents=True)
        (form / f"f{number:02}{suffix}").write_text(json.dumps({"sample0": fragment.as_json()}))
    return folder


def zipped(folder: Path) -> Path:
    path = folder.parent / "release.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in folder.rglob("*.json"):
            archive.write(file, file.relative_to(folder))
    return path


@pytest.mark.parametrize("packed", [False, True])
def test_both_releases_agree(tmp_path: Path, packed: bool) -> None:
    folder = forms(tmp_path / "extended_dataset", FRAGMENTS)
    release = DeepWritingSource([zipped(folder) if packed else folder])
    npz = saved(tmp_path / "a.npz", arrays(FRAGMENTS, STEPS))
    found = sorted(zip(release.listing().writers, release.listing().labels, images(release), strict=True), key=lambda c: c[0])
    expected = sorted(zip(npz.listing().writers, npz.listing().labels, images(npz), strict=True), key=lambda c: c[0])
    for one, other in zip(found, expected, strict=True):
        assert one[:2] == other[:2]
        assert alike(one[2], other[2])


def test_the_json_knows_the_order_where_the_clocks_do(tmp_path: Path) -> None:
    late = Fragment(written("LT"), first_time=2_000_000)
    early, other = Fragment(written("vi"), first_time=1_000_000), Fragment(written("a"), writer=10004, first_time=1_000_000)
    source = DeepWritingSource([forms(tmp_path / "known", [late, early, other])])
    listing = source.listing()
    assert listing.order is not None
    in_time = {
        writer: "".join(label for _, label in sorted(zip(listing.order[mine], listing.labels[mine], strict=True)))
        for writer in ("10002", "10004")
        for mine in [listing.writers == writer]
    }
    assert in_time == {"10002": "viLT", "10004": "a"}
    assert sorted(listing.order[listing.writers == "10002"]) == [0, 1, 2, 3]
    restarted = [Fragment(written("LT"), first_time=0), Fragment(written("vi"), first_time=0)]
    unknown = DeepWritingSource([forms(tmp_path / "unknown", restarted)]).listing()
    assert unknown.order is None
    assert "the order in time is not known" in unknown.notes


def test_a_late_stroke_belongs_to_its_character(tmp_path: Path) -> None:
    line = Fragment([("i", SHAPES["i"][:1]), ("L", written("L", 70, 0)[0][1]), ("i", SHAPES["i"][1:])]).as_json()
    chars = [char for word in line["wholeword_segments"] for char in word["chars"]]
    chars[0]["ranges"] = [chars[0]["ranges"][0], chars[2]["ranges"][0]]
    line["wholeword_segments"] = [{"chars": chars[:2]}]
    (tmp_path / "form.json").write_text(json.dumps({"sample0": line}))
    source = DeepWritingSource([tmp_path / "form.json"])
    assert source.listing().labels.tolist() == ["i", "L"]
    assert source.listing().writers.tolist() == ["10002", "10002"]
    assert alike(images(source)[0], picture("i"))


def test_what_the_json_has_no_ink_or_label_for_is_left_out_and_counted(tmp_path: Path) -> None:
    line = Fragment(written("LTvi")).as_json()
    first, second = (word["chars"] for word in line["wholeword_segments"])
    first[0]["char"], first[1]["ranges"], second[0]["char"] = "&", [[]], "\0"
    empty = {**Fragment(written("L")).as_json(), "word_stroke": []}
    document = {"sample0": line, "sample1": {"word_ascii": "not marked"}, "sample2": empty, "version": 1}
    form = tmp_path / "10017" / "f1" / "x-jsready-segmented-nonorm.json"
    form.parent.mkdir(parents=True)
    form.write_text(json.dumps(document))
    form.with_name("x-segmented-nonorm.json").write_text(json.dumps(document))
    form.with_name("x-segmented.json").write_text("never read")
    form.with_name("about.json").write_text("never read")
    listing = DeepWritingSource([tmp_path]).listing()
    assert listing.labels.tolist() == [" ", "i"]
    assert listing.writers.tolist() == ["10017", "10017"]
    assert "left out: 2 characters outside the alphabet or without points" in listing.notes
    assert "left out: 2 lines without marks" in listing.notes


def test_it_travels_to_workers(tmp_path: Path) -> None:
    source = saved(tmp_path / "a.npz", arrays(FRAGMENTS, STEPS))
    expected = images(source)
    sent = pickle.dumps(source)
    (tmp_path / "a.npz").unlink()
    assert (images(pickle.loads(sent)) == expected).all()


def test_the_square_is_an_option(tmp_path: Path) -> None:
    saved(tmp_path / "a.npz", arrays(FRAGMENTS, STEPS))
    tight, wide = (DeepWritingSource([tmp_path / "a.npz"], square=square) for square in (0, 40))
    assert np.count_nonzero(images(tight)[0]) > np.count_nonzero(images(wide)[0])


def test_prepare_makes_a_corpus_of_it(tmp_path: Path) -> None:
    writers = [Fragment(written("LiTva"), writer=10000 + i) for i in range(12)]
    source = saved(tmp_path / "a.npz", arrays(writers, STEPS))
    prepared = prepare(source, tmp_path / "corpus.parquet", jobs=2).record
    assert (prepared.samples, prepared.writers, prepared.labels, prepared.frame) == (60, 12, 5, "paper")
    assert prepared.split_writers == {"train": 9, "validation": 1, "application": 2}
    corpus = Corpus.open(tmp_path / "corpus.parquet")
    assert (np.concatenate([batch.images for batch in corpus.batches()]) == images(source)).all()
    assert prepare(source, tmp_path / "other.parquet", frame="mnist", jobs=1).record.frame == "mnist"


def changed(**changes: Any) -> dict[str, Any]:
    content = {**arrays(FRAGMENTS, STEPS), **changes}
    return {name: value for name, value in content.items() if value is not None}


def at(name: str, fragment: int, value: Any) -> dict[str, Any]:
    column = list(arrays(FRAGMENTS, STEPS)[name])
    column[fragment] = value
    return {name: objects(column)}


def with_point(value: float, axis: int = 0) -> NDArray[np.float32]:
    table = FRAGMENTS[1].table
    table[2, axis] = value
    return table


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"strokes": None}, "holds no array strokes"),
        ({"eoc_labels": None}, "holds no array eoc_labels"),
        ({"alphabet": None}, "holds no array alphabet"),
        ({"std": None}, "holds no array std"),
        ({"mean": np.array([np.nan, 1.0])}, "mean does not hold a number for x and one for y"),
        ({"max": np.array([1.0])}, "max does not hold a number"),
        ({"min": np.array(["a", "b"])}, "numbers were expected"),
        ({"preprocessing": ["scale", "rotation"]}, "preprocessing names rotation; known are normalization"),
        ({"alphabet": ALPHABET[1:]}, "70 characters"),
        ({"alphabet": [*ALPHABET, "a"]}, "70 characters"),
        ({"alphabet": [*ALPHABET, " "]}, "70 characters"),
        ({"alphabet": np.arange(70)}, "70 characters"),
        ({"char_labels": objects([FRAGMENTS[0].codes])}, r"char_labels is \[1\] and the strokes are \[3\]"),
        (at("strokes", 1, with_point(np.nan)), "fragment 1: a point is NaN"),
        (at("strokes", 1, with_point(np.inf, 1)), "fragment 1: a point is NaN or infinite"),
        (at("strokes", 1, with_point(2, 2)), "fragment 1: pen-up is 0 or 1"),
        (at("strokes", 2, np.zeros((5, 2))), r"fragment 2: its strokes are \[n, 3\] of x, y, pen-up; these are \[5, 2\]"),
        (at("strokes", 2, "strokes"), "fragment 2: numbers were expected"),
        (at("strokes", 0, FRAGMENTS[1].table), "fragment 0: it has 16 points, 22 char_labels and 22 eoc_labels"),
        (at("char_labels", 0, np.full(22, 70)), "fragment 0: a char_label is outside the alphabet of 70"),
        (at("char_labels", 0, np.full(22, -1)), "fragment 0: a char_label is outside"),
        (at("char_labels", 0, np.full(22, 0.5)), "fragment 0: a char_label is outside"),
        (at("eoc_labels", 0, np.full(22, 7)), "fragment 0: eoc_labels are 0 or 1"),
        (at("subject_labels", 1, np.array([1, 2])), "fragment 1: its subject_label is no writer's id"),
        (at("subject_labels", 1, None), "fragment 1: its subject_label"),
        (at("subject_labels", 1, ""), "fragment 1: its subject_label"),
    ],
)
def test_errors_name_file_and_fragment(tmp_path: Path, changes: dict[str, Any], why: str) -> None:
    with pytest.raises(FormatError, match=why) as caught:
        saved(tmp_path / "training.npz", changed(**changes)).listing()
    assert "training.npz" in str(caught.value)


def test_a_truncated_or_foreign_npz_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "training.npz"
    saved(path, arrays(FRAGMENTS, STEPS))
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(FormatError, match=r"training\.npz is not a readable npz"):
        DeepWritingSource([path]).listing()
    np.savez(path, images=np.zeros((2, 28, 28)), labels=["a", "b"], writers=["w", "w"])
    with pytest.raises(FormatError, match="holds no array alphabet; it holds images, labels, writers"):
        DeepWritingSource([path]).listing()
    nothing = arrays([Fragment(written("L"))])
    nothing["eoc_labels"] = objects([np.zeros(6)])
    with pytest.raises(FormatError, match="no character is marked"):
        saved(path, nothing).listing()


def test_a_hostile_npz_calls_nothing(tmp_path: Path) -> None:
    class Bomb:
        def __reduce__(self) -> Any:
            return (Path.touch, (tmp_path / "called",))

    with pytest.raises(FormatError, match=r"the array char_labels cannot be read \(it names pathlib"):
        saved(tmp_path / "training.npz", changed(char_labels=objects([Bomb(), Bomb(), Bomb()]))).listing()
    assert not (tmp_path / "called").exists()


def broken(change: str) -> dict[str, Any]:
    line = Fragment(written("LT")).as_json()
    point, char = line["word_stroke"][2], line["wholeword_segments"][0]["chars"][1]
    match change:
        case "no x":
            del point["x"]
        case "text":
            point["y"] = "high"
        case "nan":
            point["y"] = "nan"
        case "event":
            point["ev"] = "3"
        case "string":
            line["word_stroke"] = "x=1,y=2"
        case "beyond":
            char["ranges"] = [[0, 12]]
        case "negative":
            char["ranges"] = [[-1]]
        case "no ranges":
            del char["ranges"]
    return {"sample0": Fragment(written("i")).as_json(), "sample1": line}


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ("no x", "KeyError: 'x'"),
        ("text", "could not convert"),
        ("nan", "a point is NaN"),
        ("event", "ev is 0 where the pen comes down"),
        ("string", "points have numbers x, y, ev"),
        ("beyond", "points beyond the 12 of its line"),
        ("negative", "points beyond"),
        ("no ranges", "KeyError: 'ranges'"),
    ],
)
def test_errors_name_file_and_line(tmp_path: Path, change: str, why: str) -> None:
    (tmp_path / "form.json").write_text(json.dumps(broken(change)))
    with pytest.raises(FormatError, match=r"form\.json, sample1: .*" + why):
        DeepWritingSource([tmp_path / "form.json"]).listing()


def test_a_damaged_or_foreign_release_is_refused(tmp_path: Path) -> None:
    form = tmp_path / "form.json"
    for content, why in [
        ('{"sample0": {', "not readable JSON"),
        ("[1]", "no JSON object of lines"),
        ("{}", "no character"),
        ("[" * 9999, "JSON"),
    ]:
        form.write_text(content)
        with pytest.raises(FormatError, match=r"form\.json.*" + why):
            DeepWritingSource([form]).listing()
    nobody = Fragment(written("L")).as_json()
    del nobody["user_id"]
    form.write_text(json.dumps({"sample0": nobody}))
    with pytest.raises(FormatError, match="name no user_id"):
        DeepWritingSource([form]).listing()
    folder = forms(tmp_path / "extended_dataset", FRAGMENTS)
    archive = zipped(folder)
    whole = archive.read_bytes()
    archive.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(FormatError, match=r"release\.zip cannot be read"):
        DeepWritingSource([archive]).listing()
    archive.write_bytes(whole[:200] + bytes(20) + whole[220:])
    with pytest.raises(FormatError, match=r"release\.zip cannot be read"):
        DeepWritingSource([archive]).listing()


def test_paths_are_of_one_kind_and_exist(tmp_path: Path) -> None:
    for paths in ([], [tmp_path / "a.npz", tmp_path / "b.json"]):
        with pytest.raises(InputError, match="its npz files or its JSON release"):
            DeepWritingSource(paths).listing()
    for missing in ("a.npz", "b.json", "c.zip", "folder"):
        with pytest.raises(InputError, match=f"{missing} does not exist"):
            DeepWritingSource([tmp_path / missing]).listing()
    (tmp_path / "empty").mkdir()
    with pytest.raises(FormatError, match="empty: no character"):
        DeepWritingSource([tmp_path / "empty"]).listing()


def stretched(fragments: list[Fragment], factor: float) -> list[Fragment]:
    """Fragments of IAM-OnDB's writers as the merged file holds them."""
    for fragment in fragments:
        if fragment.writer < 100_000:
            fragment.points = fragment.points * np.array([factor, 1], np.float32)
    return fragments


def both_collections(count: int = 6) -> list[Fragment]:
    """The same letters by writers of both, some a little wider than others, and punctuation that only one writes."""
    made = []
    for i in range(count):
        for first in (10_002, 123_456):
            line = [
                (label, [[(x * (0.9 + 0.04 * i), y) for x, y in stroke] for stroke in strokes])
                for label, strokes in written("LTva")
            ]
            made.append(Fragment(line + (written("i.", 400) if first == 10_002 else []), writer=first + i))
    return made


@pytest.mark.parametrize("factor", [2.0, 1.0, 0.6])
def test_the_distortion_of_a_collection_is_undone(tmp_path: Path, factor: float) -> None:
    expected = saved(tmp_path / "right.npz", arrays(both_collections(), STEPS))
    path = tmp_path / "merged.npz"
    as_it_is = saved(path, arrays(stretched(both_collections(), factor), STEPS))
    undone = DeepWritingSource([path], undistorted=True)
    writers = expected.listing().writers
    for row, (right, left, found) in enumerate(zip(images(expected), images(as_it_is), images(undone), strict=True)):
        assert alike(found, right), expected.listing().labels[row]
        if writers[row].startswith("123"):
            assert (left == found).all()
    if factor == 2:
        assert not any(map(alike, images(as_it_is)[:3], images(expected)[:3]))
    (said,) = (note for note in undone.listing().notes if "multiplied" in note)
    assert f"by {1 / factor:.3f}" in said
    assert not any("multiplied" in note for note in as_it_is.listing().notes)


def test_what_cannot_be_estimated_is_said(tmp_path: Path) -> None:
    few = saved(tmp_path / "few.npz", arrays(both_collections(2), STEPS))
    with pytest.raises(InputError, match="there are 0 such labels of 3 that are needed"):
        DeepWritingSource(few.paths, undistorted=True).listing()
    own = saved(tmp_path / "own.npz", arrays([Fragment(written("LT"), writer=123_456)], STEPS))
    assert DeepWritingSource(own.paths, undistorted=True).listing().labels.tolist() == ["L", "T"]
    release = DeepWritingSource([forms(tmp_path / "json", FRAGMENTS)])
    assert (images(DeepWritingSource(release.paths, undistorted=True)) == images(release)).all()


def test_the_release_in_other_forms(tmp_path: Path) -> None:
    folder = forms(tmp_path / "extended_dataset", FRAGMENTS)
    expected = DeepWritingSource([folder]).listing()
    for file in list(folder.rglob("*.json")):
        file.rename(file.with_suffix(".JSON"))
        file.with_name("._" + file.name).write_text("never read")
    linked = tmp_path / "linked"
    linked.symlink_to(folder)
    windows = tmp_path / "windows.zip"
    data = zipped_as(folder, windows)
    for path in (folder, linked, data):
        found = DeepWritingSource([path]).listing()
        assert sorted(zip(found.writers, found.labels, strict=True)) == sorted(
            zip(expected.writers, expected.labels, strict=True)
        )


def zipped_as(folder: Path, path: Path) -> Path:
    """An archive whose names have backslashes, as some programs of Windows write it."""
    with zipfile.ZipFile(path, "w") as archive:
        for file in folder.rglob("*.JSON"):
            info = zipfile.ZipInfo("x")
            info.filename = str(file.relative_to(folder)).replace("/", "\\")
            archive.writestr(info, file.read_bytes())
    return path


def test_pipes_and_what_is_too_large_are_refused_at_once(tmp_path: Path) -> None:
    for name in ("pipe.npz", "pipe.zip", "pipe.json"):
        os.mkfifo(tmp_path / name)
        with pytest.raises(InputError, match=r"pipe\.\w+ (cannot be read|is not a readable)"):
            DeepWritingSource([tmp_path / name]).listing()
    with open(tmp_path / "large.json", "wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(FormatError, match="more than 67,108,864 bytes"):
        DeepWritingSource([tmp_path / "large.json"]).listing()


@pytest.mark.parametrize("change", [{"x": 1e300}, {"x": [1, 2]}, {"x": "9" * 400}, {"ev": None}])
def test_points_that_are_none(tmp_path: Path, change: dict[str, Any]) -> None:
    line = Fragment(written("LT")).as_json()
    line["word_stroke"][1] |= change
    (tmp_path / "form.json").write_text(json.dumps({"sample0": line}))
    with pytest.raises(FormatError, match=r"form\.json, sample0: "):
        DeepWritingSource([tmp_path / "form.json"]).listing()


def sides(source: DeepWritingSource) -> NDArray[np.float32]:
    """Width and height of every character's box, [n, 2]."""
    boxes = source.render(range(len(source.listing().labels)), "paper").boxes
    assert boxes is not None
    assert not boxes.millimetres.any()
    assert boxes.devices.tolist() == ["IAM-OnDB" if int(w) < 100_000 else "DeepWriting" for w in source.listing().writers]
    return np.stack([boxes.sizes[:, 1], boxes.sizes[:, 0]], axis=1)


@pytest.mark.parametrize("undistorted", [False, True])
def test_boxes_are_as_wide_as_was_written_whatever_the_option_says(tmp_path: Path, undistorted: bool) -> None:
    expected = []
    for fragment in both_collections():
        for label in "LTva" + ("i." if fragment.writer < 100_000 else ""):
            points = np.array([point for stroke in SHAPES[label] for point in stroke])
            wider = 1 if label in "i." else 0.9 + 0.04 * (fragment.writer % 100 - (2 if fragment.writer < 100_000 else 56))
            expected.append(np.ptp(points, axis=0) * (wider, 1))
    saved(tmp_path / "merged.npz", arrays(stretched(both_collections(), 2.0), STEPS))
    source = DeepWritingSource([tmp_path / "merged.npz"], undistorted=undistorted)
    np.testing.assert_allclose(sides(source), expected, rtol=1e-3, atol=0.05)


def test_boxes_are_missing_where_the_width_cannot_be_estimated(tmp_path: Path) -> None:
    source = saved(tmp_path / "few.npz", arrays(both_collections(2), STEPS))
    iam = np.array([int(writer) < 100_000 for writer in source.listing().writers])
    assert (np.isnan(sides(source)).all(axis=1) == iam).all()
    (said,) = (note for note in source.listing().notes if "no box" in note)
    assert said.startswith("12 characters of IAM-OnDB")


def test_boxes_of_the_json_are_those_of_its_lines(tmp_path: Path) -> None:
    source = DeepWritingSource([forms(tmp_path / "json", FRAGMENTS)])
    boxes = source.render(range(3), "mnist").boxes
    assert boxes is not None
    assert source.listing().labels[:3].tolist() == ["L", "i", "T"]
    np.testing.assert_allclose(boxes.edges, [[100, 50, 150, 130], [175, 50, 176, 130], [240, 50, 300, 130]], atol=1e-3)
