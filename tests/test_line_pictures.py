"""From a picture of a line to pieces: ink, middle lines, rows, what touches, and what is no writing."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from allograph.errors import ImageError
from allograph.lines.drawing import INCH, Drawing, draw_line
from allograph.lines.pictures.components import draw_runs, find_runs, label_runs
from allograph.lines.pictures.middle_lines import find_branches, find_strokes, smooth_path
from allograph.lines.pictures.pieces import find_pieces
from allograph.lines.pictures.rows import lean, reading_order, rows
from allograph.lines.pictures.ruled_lines import remove_ruled_lines
from allograph.lines.pictures.thinning import thin_ink
from allograph.lines.piece import edges_of
from line_pictures import Line, cut_line, read_lines

Grey = NDArray[np.uint8]
Mask = NDArray[np.bool_]
masks = arrays(np.bool_, st.tuples(st.integers(1, 12), st.integers(1, 12)))


def parts(mask: Mask) -> int:
    return len(np.unique(label_runs(find_runs(mask))))


def ink(picture: str) -> Mask:
    return np.array([[mark == "#" for mark in line] for line in picture.split()])


def paper(*strokes: list[tuple[float, float]], size: tuple[int, int] = (400, 120), pen: int = 6) -> Grey:
    """Strokes of a dark pen on light paper."""
    canvas = Image.new("L", (size[0] * 3, size[1] * 3), 240)
    draw = ImageDraw.Draw(canvas)
    for stroke in strokes:
        points = [(3 * x, 3 * y) for x, y in stroke]
        draw.line(points, fill=30, width=3 * pen, joint="curve")
        for x, y in (points[0], points[-1]):
            draw.ellipse((x - 1.5 * pen, y - 1.5 * pen, x + 1.5 * pen, y + 1.5 * pen), fill=30)
    return np.asarray(canvas.reduce(3))


@given(masks)
def test_parts_are_the_ones_that_touch(mask: Mask) -> None:
    labels = label_runs(find_runs(mask))
    drawn = draw_runs(find_runs(mask), labels, mask.shape)
    np.testing.assert_array_equal(drawn >= 0, mask)
    padded = np.pad(drawn, 1, constant_values=-1)
    height, width = mask.shape
    for down in range(3):
        for right in range(3):
            other = padded[down : down + height, right : right + width]
            assert (drawn == other)[(drawn >= 0) & (other >= 0)].all()


def test_a_diagonal_is_one_part() -> None:
    assert parts(np.eye(5, dtype=np.bool_)) == 1
    assert parts(ink("#.# ... #.#")) == 4


@given(masks)
def test_thin_ink_is_ink_and_as_connected(mask: Mask) -> None:
    thin = thin_ink(mask)
    assert not (thin & ~mask).any()
    assert parts(thin) == parts(mask)
    np.testing.assert_array_equal(thin_ink(thin), thin)


def test_a_bar_thins_to_its_middle() -> None:
    thin = thin_ink(np.pad(np.ones((5, 30), np.bool_), 3))
    row, column = np.nonzero(thin)
    assert set(row[2:-2]) == {5}
    assert column.min() <= 6
    assert column.max() >= 29


@given(masks)
def test_branches_pass_every_pixel_of_a_skeleton_once(mask: Mask) -> None:
    thin = thin_ink(mask)
    junctions = {end for branch in find_branches(thin) for end in branch.ends} - {-1}
    passed = np.zeros(mask.shape, int)
    for branch in find_branches(thin):
        first, last = (int(end != -1) for end in branch.ends)
        closed = first == 0 and last == 0 and len(branch.path) > 1 and (branch.path[0] == branch.path[-1]).all()
        inner = branch.path[first : len(branch.path) - max(last, int(closed))]
        for x, y in inner:
            passed[int(y), int(x)] += 1
    assert passed.max(initial=0) <= 1
    assert not passed[~thin].any()
    missed = thin & (passed == 0)
    assert missed.sum() >= len(junctions)
    assert missed.any() or not junctions


def test_a_cross_is_two_strokes_and_a_ring_is_closed() -> None:
    cross = np.zeros((21, 21), np.bool_)
    cross[10], cross[:, 10] = True, True
    strokes = [np.concatenate(stroke) for stroke in find_strokes(cross, 4.0)]
    assert sorted(tuple(np.ptp(stroke, axis=0)) for stroke in strokes) == [(0.0, 20.0), (20.0, 0.0)]
    ring = np.zeros((9, 9), np.bool_)
    ring[2:7, 2:7] = True
    ring[3:6, 3:6] = False
    (loop,) = (np.concatenate(stroke) for stroke in find_strokes(ring, 1.0))
    np.testing.assert_array_equal(loop[0], loop[-1])
    np.testing.assert_array_equal(smooth_path(loop)[0], smooth_path(loop)[-1])


def test_a_branch_shorter_than_the_pen_is_left_out() -> None:
    spur = ink(".....#..... .....#..... ########### ...........")
    assert len(find_strokes(spur, 4.0)) == 1
    assert len(find_strokes(spur, 1.0)) == 2


def test_pieces_are_the_middle_lines_in_pixels() -> None:
    found = find_pieces(paper([(40, 30), (40, 90)], [(80, 30), (130, 90)], [(170, 90)], [(200, 60), (240, 60)]))
    assert not found.millimetres
    assert found.rows.tolist() == [0, 0, 0, 0]
    expected = [(40, 30, 40, 90), (80, 30, 130, 90), (170, 90, 170, 90), (200, 60, 240, 60)]
    np.testing.assert_allclose(edges_of(found.pieces), expected, atol=1.5)
    assert all(np.diff(path, axis=0).any(axis=1).all() for piece in found.pieces for path in piece.paths)


@pytest.mark.parametrize("pen", [2, 3, 6, 12, 24])
def test_any_pen_gives_the_same_middle_lines(pen: int) -> None:
    size = (1000, 500)
    (piece,) = find_pieces(paper([(400, 150), (400, 350), (520, 350)], size=size, pen=pen)).pieces
    np.testing.assert_allclose(piece.edges, (400, 150, 520, 350), atol=1 + pen / 4)


def test_light_ink_on_dark_is_the_same() -> None:
    picture = paper([(40, 30), (40, 90)], [(80, 30), (130, 90)])
    expected = edges_of(find_pieces(picture, "dark").pieces)
    for found in (find_pieces(255 - picture), find_pieces(255 - picture, "light")):
        np.testing.assert_allclose(edges_of(found.pieces), expected, atol=0.6)


def test_a_resolution_gives_millimetres_where_it_can_be_true() -> None:
    picture = paper([(40, 30), (40, 90)], [(80, 30), (80, 90)])
    found = find_pieces(picture, resolution=(12.0, 10.0))
    assert found.millimetres
    np.testing.assert_allclose(edges_of(found.pieces), edges_of(find_pieces(picture).pieces) / (12, 10, 12, 10))
    assert not find_pieces(picture, resolution=(0.5, 0.5)).millimetres


def test_specks_are_left_out_and_dots_are_not() -> None:
    picture = paper([(40, 30), (40, 90)], [(80, 50), (80, 90)], [(80, 30)], [(120, 90)])
    specks = np.random.default_rng(0).random(picture.shape) < 0.002
    picture = np.where(specks, 30, picture).astype(np.uint8)
    np.testing.assert_allclose(sorted(piece.edges[0] for piece in find_pieces(picture).pieces), [40, 80, 80, 120], atol=2)


def test_ruled_lines_are_left_out() -> None:
    strokes = [[(40.0 + 30 * i, 30.0), (40.0 + 30 * i, 88.0)] for i in range(10)]
    plain, ruled = paper(*strokes), paper(*strokes)
    ruled = np.where((np.arange(len(ruled))[:, None] // 2 == 50) & (ruled > 100), 90, ruled).astype(np.uint8)
    assert len(find_pieces(ruled).pieces) == 10
    np.testing.assert_allclose(edges_of(find_pieces(ruled).pieces), edges_of(find_pieces(plain).pieces), atol=2)
    crossed = np.zeros((60, 400), np.bool_)
    crossed[30:33], crossed[10:50, 100:105] = True, True
    kept = remove_ruled_lines(crossed, 5.0)
    assert kept[10:50, 100:105].all()
    assert kept.sum() == 40 * 5


def test_what_touches_is_taken_apart() -> None:
    zigzag = [[(30.0 + 40 * i, 30.0), (30.0 + 40 * i, 90.0), (70.0 + 40 * i, 90.0)] for i in range(4)]  # LLLL, each to the next
    pieces = find_pieces(paper(*zigzag)).pieces
    assert 4 <= len(pieces) <= 8
    lefts = [piece.edges[0] for piece in pieces]
    assert lefts == sorted(lefts)
    (alone,) = find_pieces(paper(zigzag[0])).pieces
    assert len(alone.paths) == 1


@pytest.mark.parametrize("slant", [-0.1, 0.0, 0.1])
def test_rows_may_be_slanted(slant: float) -> None:
    text = [
        'letter letter. letter, "letter" -_- \'i i',
        "letter; letter",
        "_letter! letter -",
    ]
    where = {"'": (-1.0, -0.7), '"': (-1.0, -0.7), ".": (-0.08, 0.0), ",": (-0.1, 0.3), "-": (-0.45, -0.4), "_": (0.1, 0.15)}
    edges, truth = [], []
    for row, line in enumerate(text):
        for place, mark in enumerate(line):
            base = 2.0 * row + slant * place * 0.8
            tops = [where.get(mark, (-1.0, 0.0) if mark in "lt!;" else (-0.6, 0.0))] if mark != " " else []
            if mark == "i":
                tops.append((-0.95, -0.9))
            for top, bottom in tops:
                edges.append((0.8 * place, base + top, 0.8 * place + 0.5, base + bottom))
                truth.append(row)
    np.testing.assert_array_equal(rows(np.array(edges)), truth)


@given(arrays(np.float64, st.tuples(st.integers(0, 12), st.just(4)), elements=st.floats(-1e4, 1e4)), st.floats(0.01, 100))
def test_rows_are_numbered_without_gaps_in_any_unit(corners: NDArray[np.float64], unit: float) -> None:
    edges = np.concatenate([np.minimum(corners[:, :2], corners[:, 2:]), np.maximum(corners[:, :2], corners[:, 2:])], axis=1)
    found = rows(edges)
    assert sorted(set(found.tolist())) == list(range(found.max(initial=-1) + 1))
    assert sorted(reading_order(edges, found).tolist()) == list(range(len(edges)))
    moved = rows(edges * unit)
    assert moved.shape == found.shape


def test_leaning_characters_are_read_in_their_order() -> None:
    strokes = [np.array([[20.0 * i + 40, 0], [20.0 * i, 80]]) for i in range(3)]
    tail = np.array([[25.0, 90], [5.0, 130]])  # of the second, and left of the first's middle
    edges = np.array([[*path.min(axis=0), *path.max(axis=0)] for path in [*strokes, tail]])
    assert lean(strokes) == 0.5
    assert lean([np.array([[0.0, 0.0], [9.0, 0.0]])]) == 0.0
    assert reading_order(edges, np.zeros(4, np.int64), 0.5).tolist() == [0, 1, 3, 2]
    assert reading_order(edges, np.zeros(4, np.int64)).tolist()[0] == 3


def noise(side: int, share: float) -> Grey:
    return np.where(np.random.default_rng(0).random((side, side)) < share, 0, 255).astype(np.uint8)


def clouds() -> Grey:
    """A picture with the spectrum of a soft photograph, in black and white."""
    shape = (600, 800)
    far = np.hypot(*np.meshgrid(*(np.fft.fftfreq(side) for side in shape), indexing="ij"))
    far[0, 0] = np.inf
    noise = np.random.default_rng(1).normal(size=shape)
    shades = np.fft.ifft2(np.fft.fft2(noise) / far**1.5).real
    return np.where(shades > np.quantile(shades, 0.85), 0, 255).astype(np.uint8)


BAD: dict[str, tuple[Callable[[], Grey], str]] = {
    "white": (lambda: np.full((50, 900), 255, np.uint8), "empty"),
    "blank scan": (lambda: np.random.default_rng(0).normal(230, 6, (300, 900)).astype(np.uint8), "hardly apart"),
    "ruled paper": (lambda: np.pad(np.zeros((4, 900), np.uint8), ((90, 90), (0, 0)), constant_values=255), "empty"),
    "half ink": (lambda: noise(4000, 0.5), "50% of it is ink"),
    "salt": (lambda: noise(4000, 0.1), "does not look like a line of writing"),
    "a little salt": (lambda: noise(4000, 0.001), "does not look like a line of writing"),
    "clouds": (clouds, "does not look like a line of writing"),
    "one row": (lambda: np.random.default_rng(0).integers(0, 256, (1, 3000), np.uint8), "does not look like a line of writing"),
    "too large": (lambda: np.zeros((5000, 4000), np.uint8), "too many"),
    "no picture": (lambda: np.zeros((5, 5, 3), np.uint8), "uint8"),
}


@pytest.mark.parametrize("kind", BAD)
def test_what_is_no_writing_is_refused_soon(kind: str) -> None:
    make, message = BAD[kind]
    picture = make()
    began = time.perf_counter()
    with pytest.raises(ImageError, match=message) as error:
        find_pieces(picture, name="my scan")
    assert str(error.value).startswith("my scan")
    assert time.perf_counter() - began < 5


@given(arrays(np.uint8, st.tuples(st.integers(1, 40), st.integers(1, 40)), elements=st.sampled_from([0, 90, 200, 255])))
def test_any_picture_gives_pieces_within_it_or_a_reason(picture: Grey) -> None:
    try:
        found = find_pieces(picture)
    except ImageError:
        return
    assert len(found.pieces) == len(found.rows) > 0
    edges = edges_of(found.pieces)
    assert (edges >= 0).all()
    assert (edges <= np.array(picture.shape)[[1, 0, 1, 0]]).all()


def test_one_dot_is_a_piece() -> None:
    (piece,) = find_pieces(paper([(100, 60)])).pieces
    np.testing.assert_allclose(piece.edges, (100, 60, 100, 60), atol=1)


@pytest.fixture(scope="module")
def lines(shared: Path) -> list[Line]:
    return [line for place, line in enumerate(read_lines(shared / "data" / "unipen_lines.npz")) if place % 120 == 7]


@pytest.mark.parametrize("look", [Drawing(), Drawing(uneven=True), Drawing(dpi=600, pen=0.3), Drawing(dpi=150)], ids=str)
def test_real_lines_are_cut_from_their_pictures(lines: list[Line], look: Drawing) -> None:
    cuts = []
    for seed, line in enumerate(lines):
        found = find_pieces(draw_line(line.strokes, look, seed), resolution=(look.dpi / INCH, look.dpi / INCH))
        assert found.millimetres
        cuts.append(cut_line(line, found.pieces, look.pen))
    cuttable = np.concatenate([cut.cuttable for cut in cuts])
    assert cuttable.mean() > 0.9
    assert np.concatenate([cut.cuttable[~cut.touching] for cut in cuts]).mean() > 0.95
    assert sum(cut.pieces for cut in cuts) / len(cuttable) < 1.9


def test_rows_of_real_lines_keep_the_order_of_writing(shared: Path) -> None:
    kept = []
    for place, line in enumerate(read_lines(shared / "data" / "unipen_lines.npz")):
        if place % 10 == 0:
            found = rows(np.array([[*stroke.min(axis=0), *stroke.max(axis=0)] for stroke in line.strokes]))
            kept.append((np.diff(line.characters[np.argsort(found, kind="stable")]) >= 0).all())
    assert np.mean(kept) > 0.97
