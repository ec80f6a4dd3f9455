"""Lines of our own hand are read: laws, limits, and what is no hand print."""

from __future__ import annotations

import io
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from allograph import LineInk, Sample, Writer
from allograph.errors import ImageError, InputError, MismatchError, UnknownLabel
from allograph.lines import Line
from allograph.lines.hypotheses import LONGEST_RUN
from written_lines import DPI, Strokes, picture_of, write_line

TEXTS = ["the red hat", "hello there", "Hat 123 456", "7 + 2", "Bear"]
ANA = Writer("ana")
"""Who is never taught anything."""


def read(strokes: Strokes, **options: Any) -> Line:
    return ANA.read_line(strokes, **options)


def same(one: Line, other: Line) -> None:
    assert one.text == other.text
    np.testing.assert_allclose([c.sureness for c in one.characters], [c.sureness for c in other.characters], atol=0.05)
    assert [c.pieces for c in one.characters] == [c.pieces for c in other.characters]


@pytest.mark.parametrize(("text", "seed"), [(TEXTS[0], None), (TEXTS[1], 1), (TEXTS[2], 2), (TEXTS[3], 3), (TEXTS[4], 4)])
def test_our_lines_are_read_right_and_twice_the_same(text: str, seed: int | None) -> None:
    line = write_line(text, seed)
    found = read(line.strokes)
    assert found.text == text
    assert found.unsure == ()
    assert not found.joined
    assert found.best(1)[0] == (text, found.probability)
    again = read(line.strokes)
    assert again.id != found.id
    assert again.best(5) == found.best(5)


def test_the_characters_of_a_line_are_readings_with_their_strokes() -> None:
    line = write_line("a fit\nhat")
    found = read(line.strokes, id="line-mine")
    assert (found.id, found.text) == ("line-mine", "a fit hat")
    assert [one.label for one in found.characters] == list("afithat")
    assert [one.space_before for one in found.characters] == [False, True, False, False, True, False, False]
    assert [one.row for one in found.characters] == [0, 0, 0, 0, 1, 1, 1]
    for place, one in enumerate(found.characters):
        assert list(one.pieces) == np.flatnonzero(line.characters == place).tolist()
        assert one.best(1) == [(one.label, one.probability)]
        assert 0 <= one.sureness <= min(one.probability, one.whole) <= 1
        assert one.image is not None
        assert one.image.shape == (28, 28)
        assert one.box is not None
        assert one.box.baseline is not None
    why = found.why()
    assert why.text.startswith("7 characters were found in 14 pieces of ink.")
    assert [one.base for one in why.characters] == [one.base for one in found.characters]
    assert repr(found) == "Line('a fit hat', id='line-mine')"


def test_the_likeliest_texts_differ_and_share_their_probability() -> None:
    found = read(write_line("hello world").strokes)
    texts = found.best(8)
    assert len({text for text, _ in texts}) == len(texts) == 8
    assert texts[0][0] == found.text
    assert sum(share for _, share in texts) == pytest.approx(1, abs=1e-6)
    assert [share for _, share in texts[1:]] == sorted((share for _, share in texts[1:]), reverse=True)
    assert found.best(3) == texts[:3]
    assert len(found.best(12)) == 12


@settings(max_examples=6, deadline=None)
@given(st.sampled_from(TEXTS), st.floats(-3, 3), st.integers(-3000, 3000))
def test_neither_scale_nor_place_of_the_sheet_matters(text: str, power: float, shift: int) -> None:
    scale = 10**power
    same(read(write_line(text, scale=scale, shift=shift * scale).strokes), read(write_line(text).strokes))


def test_the_unit_may_be_known_or_not_and_the_device_too() -> None:
    line = write_line("the red hat", scale=0.05)
    for ink in (
        LineInk.from_strokes(line.strokes, unit="millimetres"),
        LineInk.from_strokes(line.strokes, device="a phone"),
        LineInk.from_strokes([stroke.tolist() for stroke in line.strokes]),
    ):
        assert ANA.read_line(ink).text == "the red hat"


@pytest.mark.parametrize("slope", [-0.2, -0.1, 0.1, 0.2])
def test_sloping_lines_are_read(slope: float) -> None:
    assert read(write_line("the red hat", slope=slope).strokes).text == "the red hat"


def test_lines_wrap_into_rows_and_dots_come_late() -> None:
    assert read(write_line("the red\nhat is\nthin", late_dots=True).strokes).text == "the red hat is thin"


def test_strokes_without_points_are_left_out_and_counted() -> None:
    line = write_line("hat")
    found = read([np.empty((0, 2)), line.strokes[0], np.empty((0, 2)), *line.strokes[1:]])
    assert found.text == "hat"
    assert [one.pieces for one in found.characters] == [(1, 3), (4, 5), (6, 7)]


# --- what is on offer ---


@pytest.mark.parametrize(("alphabet", "allowed"), [("digits", "0123456789"), (["a", "t"], "at"), ("lower", None)])
def test_only_labels_on_offer_are_read(alphabet: Any, allowed: str | None) -> None:
    found = read(write_line("hat 12").strokes, alphabet=alphabet)
    offered = set(allowed or "abcdefghijklmnopqrstuvwxyz")
    assert set(found.text) - {" "} <= offered
    for one in found.characters:
        assert one.alphabet == frozenset(offered)
        assert {label for label, _ in one.best(94)} <= offered
    assert all(set(text) - {" "} <= offered for text, _ in found.best(10))


def test_the_writers_own_labels_are_on_offer_when_they_are_asked_for() -> None:
    writer = Writer("own")
    line = writer.read_line(write_line("hat").strokes)
    writer.correct_line(line, "ñat", new=True)
    assert "ñ" in {label for label, _ in writer.read_line(write_line("hat").strokes).characters[0].best(95)}
    assert writer.read_line(write_line("hat").strokes, alphabet=["ñ", "a", "t"]).text == "ñat"
    without = writer.read_line(write_line("hat").strokes, alphabet=["h", "a", "t"])
    assert without.text == "hat"
    with pytest.raises(UnknownLabel, match="'é'"):
        writer.read_line(write_line("hat").strokes, alphabet=["é", "a"])


def test_characters_below_the_threshold_abstain() -> None:
    line = write_line("little fish")
    assert not any(one.abstains for one in read(line.strokes).characters)
    found = read(line.strokes, threshold=0.9)
    assert [one.abstains for one in found.characters] == [one.sureness < 0.9 for one in found.characters]
    assert any(one.abstains for one in found.characters)
    assert all(one.abstains for one in read(line.strokes, threshold=1.0).characters)
    with pytest.raises(InputError, match="threshold"):
        read(line.strokes, threshold=1.5)


# --- little ink, much ink, and what is no hand print ---


@pytest.mark.parametrize(
    ("strokes", "text"),
    [
        ([[(3, 3)]], "."),
        ([[(0, 0)], [(0, 30)]], ":"),
        ([[(0, 0), (40, 1)], [(0, 20), (40, 21)]], "="),
        ([[(0, 0), (40, 0)]], "-"),
    ],
)
def test_dots_and_bars_alone_are_read(strokes: Any, text: str) -> None:
    for unit in (0.01, 1.0, 1000.0):
        assert read([unit * np.array(stroke, np.float64) for stroke in strokes]).text == text


@pytest.mark.parametrize("label", list("ehf25RTi?+&"))
def test_a_line_of_one_character_reads_as_the_character(label: str) -> None:
    strokes = write_line(label).strokes
    assert read(strokes).text == label == ANA.read(Sample.from_ink(strokes)).label


def test_a_thousand_strokes_are_read_in_bounded_time_and_no_more() -> None:
    strokes = [np.array([(i % 40 * 20.0, i // 40 * 60.0), (i % 40 * 20.0, i // 40 * 60.0 + 30)]) for i in range(1000)]
    assert len(LineInk.from_strokes(strokes).hypotheses) <= LONGEST_RUN * 1000
    with pytest.raises(ImageError, match=r"has 1001 strokes; a line has at most 1000"):
        read([*strokes, strokes[0]])
    began = time.perf_counter()
    found = read(strokes[:250])
    assert len(found.best(3)) == 3
    assert time.perf_counter() - began < 20


@pytest.mark.parametrize("seed", range(3))
def test_scribbles_are_not_sure(seed: int) -> None:
    random = np.random.default_rng(seed)
    scribble = [np.cumsum(random.normal(size=(40, 2)), axis=0) * 3 + [40 * i, 0] for i in range(8)]
    found = read(scribble)
    assert len(found.unsure) > len(found.characters) / 2


@pytest.mark.parametrize("words", [1, 2, 3])
def test_joined_writing_is_marked_and_nothing_of_it_is_sure(words: int) -> None:
    x = np.linspace(0, 300, 200)
    found = read([np.stack([x + 400 * word, 20 * np.sin(x / 8)], axis=1) for word in range(words)])
    assert found.joined
    assert found.unsure == tuple(range(len(found.characters)))
    assert "joined-up" in found.why().text


BAD: list[tuple[Any, str]] = [
    ([], "the line is empty"),
    ([[]], "the line is empty"),
    ([[(0, float("nan"))]], "not finite"),
    ([[1, 2]], "a stroke is"),
    ([[(0, 0), (1,)]], "list of x, y pairs"),
    (["ab"], "list of x, y pairs"),
    (42, "this is int"),
    (None, "this is NoneType"),
    ("missing.png", "missing.png cannot be read"),
    (b"not a picture", "not a readable picture"),
    (np.zeros((5, 5), np.uint8), "empty"),
]


@pytest.mark.parametrize(("line", "message"), BAD)
def test_what_is_no_line_is_refused(line: Any, message: str) -> None:
    with pytest.raises(ImageError, match=message):
        ANA.read_line(line)


def test_what_is_no_list_of_strokes_is_an_image_error() -> None:
    for nothing in (5, None, "warm", [7], [[[0, 0]], None]):
        with pytest.raises(ImageError):
            LineInk.from_strokes(nothing)  # type: ignore[arg-type]
    assert len(LineInk.from_strokes(stroke for stroke in write_line("hat").strokes).pieces) > 3  # type: ignore[arg-type]


def test_names_of_lines_devices_and_units_are_checked() -> None:
    strokes = write_line("hat").strokes
    with pytest.raises(InputError, match="the id of a line"):
        read(strokes, id="mine")
    with pytest.raises(InputError, match="device"):
        LineInk.from_strokes(strokes, device="\n")
    with pytest.raises(InputError, match="unit"):
        LineInk.from_strokes(strokes, unit="inches")  # type: ignore[arg-type]


# --- pictures ---


@pytest.mark.parametrize("text", [*TEXTS, "the red\nhat is"])
def test_pictures_of_lines_read_as_the_strokes(text: str) -> None:
    strokes = write_line(text).strokes
    picture = picture_of(strokes)
    found = ANA.read_line(picture)
    assert [one.label for one in found.characters] == [one.label for one in read(strokes).characters]
    assert found.ink.unit == "device"
    assert len({place for one in found.characters for place in one.pieces}) == len(found.ink.pieces)


def test_a_picture_may_be_a_file_its_bytes_or_an_array_and_know_its_resolution(tmp_path: Path) -> None:
    picture = picture_of(write_line("the red hat").strokes)
    content = io.BytesIO()
    picture.save(content, "PNG", dpi=(DPI, DPI))
    (tmp_path / "line.png").write_bytes(content.getvalue())
    for source in (str(tmp_path / "line.png"), tmp_path / "line.png", content.getvalue(), np.asarray(picture)):
        found = ANA.read_line(source)
        assert found.text == "the red hat"
        assert found.ink.unit == ("device" if isinstance(source, np.ndarray) else "millimetres")
    light = LineInk.from_picture(255 - np.asarray(picture), polarity="light", device="a scanner")
    assert ANA.read_line(light).text == "the red hat"


# --- bundles ---


def test_a_bundle_without_a_line_model_says_how_to_teach_it(tmp_path: Path) -> None:
    from allograph import Recognizer
    from small import tiny_bundle

    writer = Writer("ben", Recognizer(tiny_bundle(tmp_path / "tiny")), "memory")
    with pytest.raises(MismatchError, match="reads no lines yet; teach it with: allograph train-lines"):
        writer.read_line(write_line("12").strokes)
