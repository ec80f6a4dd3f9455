"""Word lists in the reading of lines: files of words, and what a word gains on hand-made lattices and on real lines."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from unicodedata import normalize

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from allograph import Recognizer
from allograph.adapters import build
from allograph.adapters.protocol import WriterModel
from allograph.corpora.lines.archive import LineArchive
from allograph.errors import FormatError, InputError
from allograph.lines import words as words_module
from allograph.lines.grammar import START, Grammar
from allograph.lines.label_class import label_classes
from allograph.lines.lattice import Lattice
from allograph.lines.line_ink import LineInk
from allograph.lines.reader import LineReader
from allograph.lines.search import Path as LinePath
from allograph.lines.search import best_path
from allograph.lines.spelling import OTHER_CASE
from allograph.lines.trie import Trie
from allograph.lines.word_search import HIGHEST, find_words, word_gains
from allograph.lines.words import Words

LABELS = [*"abcdehlnortwACHNOT1478.,\"'-", "ch", "CH", "q\u0303"]
UNLIKELY = -20.0
Piece = Mapping[str, float]


def lattice_of(
    pieces: Sequence[Piece], gaps: Mapping[int, float] | None = None, longer: Mapping[tuple[int, int], Piece] | None = None
) -> Lattice:
    """Pieces with the log-probabilities of what each shows; the odds of spaces are −15, and `longer` runs are as likely cut."""
    shown = {(place, place + 1): piece for place, piece in enumerate(pieces)} | dict(longer or {})
    runs = np.array(sorted(shown), np.int64)
    logs = np.array([[shown[first, after].get(label, UNLIKELY) for label in LABELS] for first, after in runs.tolist()])
    odds = np.array([np.inf if first == 0 else (gaps or {}).get(first, -15.0) for first in runs[:, 0].tolist()])
    cuts = np.zeros(len(runs), np.float32)
    return Lattice(runs, cuts, logs.astype(np.float32), label_classes(LABELS), odds.astype(np.float32), Grammar.estimate([]))


def shows(text: Iterable[str], **less: float) -> list[Piece]:
    """Pieces that show a text for sure; `o=-3` makes an a where there is an o less likely by 3 only."""
    likely = {"o": "a", "O": "A"}
    return [{one: 0.0} | ({likely[one]: less[one]} if one in less else {}) for one in text]


def text_of(path: LinePath, lattice: Lattice) -> str:
    spaces = path.spaces(lattice)
    return "".join(" " * space + LABELS[label] for space, label in zip(spaces, path.labels, strict=True))


def read(lattice: Lattice, *words: str) -> str:
    return text_of(find_words(lattice, LABELS, best_path(lattice), Words.of(words))[0], lattice)


def test_a_word_wins_by_what_it_gains() -> None:
    lattice = lattice_of(shows("cot", o=-3))
    free = best_path(lattice)
    path, (found,) = find_words(lattice, LABELS, free, Words.of(["cat"]))
    assert (text_of(free, lattice), text_of(path, lattice)) == ("cot", "cat")
    assert found == (0, 3, (1,))
    gain = float(word_gains(np.array([3]), np.zeros(1))[0])
    assert path.score == pytest.approx(free.score - 3 + gain, abs=1e-3)


def test_what_is_written_clearly_stays() -> None:
    lattice = lattice_of(shows("cot", o=-9))
    free = best_path(lattice)
    assert find_words(lattice, LABELS, free, Words.of(["cat"])) == (free, ())


def test_one_of_many_words_gains_less() -> None:
    few, many = (word_gains(np.array([4]), np.log([count]))[0] for count in (3, 3000))
    assert HIGHEST > few > many > 0
    assert word_gains(np.array([60]), np.zeros(1))[0] == HIGHEST
    assert word_gains(np.array([3]), np.array([np.inf]))[0] == -np.inf


def test_codes_and_sums_and_parts_of_names_stay() -> None:
    for text in ("471", "1cot", "cot1", "hcot", "coth"):
        lattice = lattice_of(shows(text, o=-3))
        free = best_path(lattice)
        path, found = find_words(lattice, LABELS, free, Words.of(["cat", "a"]))
        assert (path, found) == (free, ()), text


def test_marks_around_words_are_free() -> None:
    assert read(lattice_of(shows('"cot",', o=-3)), "cat") == '"cat",'
    assert read(lattice_of(shows("cot-hot", o=-3)), "cat", "hat") == "cat-hat"
    assert read(lattice_of(shows("cot'd", o=-3)), "cat") == "cat'd"


@pytest.mark.parametrize(
    ("shown", "word", "as_read"),
    [
        ("Cot", "cat", "Cat"),
        ("COT", "cat", "CAT"),
        ("cOt", "cat", "cOt"),
        ("noCoT", "naCaT", "naCaT"),
        ("NOCOT", "naCaT", "NACAT"),
        ("Aco", "Aca", "Aca"),
        ("aco", "Aca", "aco"),
    ],
)
def test_capitals(shown: str, word: str, as_read: str) -> None:
    lattice = lattice_of(shows(shown, o=-3, O=-3))
    assert read(lattice, word) == as_read
    path, found = find_words(lattice, LABELS, best_path(lattice), Words.of([word]))
    if found and shown in ("Cot", "COT"):
        assert path.score == pytest.approx(best_path(lattice).score - 3 - OTHER_CASE + 7.5, abs=1e-3)


def test_a_word_finds_another_cut() -> None:
    lattice = lattice_of(shows("clot"), longer={(0, 2): {"d": -2.0}})
    path, (found,) = find_words(lattice, LABELS, best_path(lattice), Words.of(["dot"]))
    assert text_of(path, lattice) == "dot"
    assert found.changed == (0,)
    assert [lattice.runs[run].tolist() for run in path.runs] == [[0, 2], [2, 3], [3, 4]]


def test_words_settle_doubtful_spaces() -> None:
    apart, joined = lattice_of(shows("nowhere"), {2: 1.0}), lattice_of(shows("nowhere"), {2: -1.0})
    assert (read(apart, "dot"), read(apart, "nowhere")) == ("no where", "nowhere")
    assert (read(joined, "dot"), read(joined, "no", "where")) == ("nowhere", "no where")
    assert read(lattice_of(shows("nowhere"), {2: 20.0}), "nowhere") == "no where"
    assert read(lattice_of(shows("nowhere"), {2: np.inf}), "nowhere") == "no where"  # in two rows


def test_no_space_is_lost_between_words_and_others() -> None:
    lattice = lattice_of(shows("cot471cot", o=-3), {3: 8.0, 6: 8.0})
    assert read(lattice, "cat") == "cat 471 cat"


def test_labels_of_several_code_points() -> None:
    lattice = lattice_of(shows(["ch", "o", "t"], o=-3))
    assert read(lattice, "chat") == "chat"
    assert read(lattice_of(shows(["CH", "O", "T"], O=-3)), "chat") == "CHAT"
    assert read(lattice_of(shows(["t", "o", "ch"], o=-3)), "tach") == "tach"
    assert read(lattice_of(shows(["q\u0303", "o"], o=-3)), "q\u0303a") == "q\u0303a"
    assert read(lattice, "çäß", "漢字", "chat") == "chat"  # letters that no label shows


def test_no_words_change_nothing() -> None:
    lattice = lattice_of(shows("cot", o=-3))
    free = best_path(lattice)
    assert find_words(lattice, LABELS, free, None) == (free, ())
    assert find_words(lattice, LABELS, free, Words.of([])) == (free, ())
    assert free.breaks is None


pieces = st.lists(st.dictionaries(st.sampled_from("acot1."), st.floats(-12, 0, width=32), min_size=1), min_size=1, max_size=7)
word_lists = st.lists(st.text("acotch", min_size=1, max_size=5), max_size=12)


@settings(max_examples=150, deadline=None)
@given(pieces, word_lists, st.dictionaries(st.integers(1, 6), st.floats(-9, 9, width=32)), st.booleans())
def test_the_score_falls_by_no_more_than_the_words_gain(
    shown: list[Piece], given_words: list[str], gaps: dict[int, float], hide: bool
) -> None:
    longer = {(first, first + 2): {"a": -1.0, "h": -3.0} for first in range(len(shown) - 1)}
    lattice = lattice_of(shown, gaps, longer)
    if hide:
        lattice.logs[:, LABELS.index("t")] = -np.inf
    free = best_path(lattice)
    path, found = find_words(lattice, LABELS, free, Words.of(given_words))
    assert path.score >= free.score - 1e-3
    ends = [lattice.runs[run].tolist() for run in path.runs]
    assert [first for first, _ in ends] == [0, *(after for _, after in ends[:-1])]
    assert ends[-1][1] == lattice.pieces
    assert free_score(path, lattice) >= free.score - HIGHEST * len(found) - 1e-3
    spaces, texts = path.spaces(lattice), {word.casefold() for word in given_words}
    for first, after, changed in found:
        assert "".join(LABELS[label] for label in path.labels[first:after]).casefold() in texts
        assert not any(spaces[first + 1 : after])
        assert set(changed) <= set(range(first, after))


def free_score(path: LinePath, lattice: Lattice) -> float:
    """What speaks for a path without words."""
    kinds = [START, *(int(lattice.classes[label]) for label in path.labels)]
    return sum(
        float(lattice.cuts[run] + lattice.logs[run, label] + lattice.links[run, before, after])
        for run, label, before, after in zip(path.runs, path.labels, kinds[:-1], kinds[1:], strict=True)
    )


letters = st.text(st.characters(exclude_categories=("C", "Z")), min_size=1, max_size=6)


@settings(max_examples=100, deadline=None)
@given(st.lists(letters, max_size=20), st.lists(letters, max_size=5), letters)
def test_a_list_holds_its_words_and_no_others(first: list[str], more: list[str], other: str) -> None:
    words = Words.of(first).with_more(more).with_more(first)
    assert all(word in words for word in (*first, *more))
    assert (other in words) == (normalize("NFC", other) in {normalize("NFC", word) for word in (*first, *more)})
    assert words == Words.of(reversed(first)).with_more(more).with_more(first)
    assert (np.diff(words.trie.keys) > 0).all()


def test_a_trie_of_several_lists() -> None:
    trie = Trie.of(["a", "an"]).join(Trie.of(["an"]).join(Trie.of(["b"])))
    assert (trie.follow(trie.roots, "an") >= 0).tolist() == [True, True, False]
    assert (trie.follow(trie.roots, "b") >= 0).tolist() == [False, False, True]
    places, children = trie.expand(trie.roots)
    assert places.tolist() == [0, 1, 2]
    assert [chr(letter) for letter in trie.letters[children]] == ["a", "a", "b"]


def test_a_file_of_words(tmp_path: Path) -> None:
    path = tmp_path / "words.txt"
    path.write_bytes("\ufeffcat\r\n\r\n  Cafe\u0301 \r\ncat\ran\n".encode())
    words = Words.of(path)
    assert len(words) == 3
    assert all(word in words for word in ("cat", "Café", "an"))
    assert 3 not in words
    assert words == Words.of(["an", "cat", "Café"])
    assert hash(words) == hash(Words.of(str(path)))
    assert Words.of(words) is words
    assert Words.of(path) is words
    path.write_text("dog")
    os.utime(path, ns=(1, 1))
    assert "dog" in Words.of(path)
    assert "cat" not in Words.of(path)


def test_files_that_hold_no_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "words.txt"
    for content, message in [
        (b"fine\nsecret words\n", "line 2: a word holds no white space"),
        (b"fine\nsec\x07ret\n", "line 2: a word holds no white space, control"),
        (b"fine\n\n" + b"secret" * 11, r"line 3: a word has 1–64 characters; this one has 66"),
    ]:
        path.write_bytes(content)
        with pytest.raises(InputError, match=message) as caught:
            Words.of(path)
        assert "secret" not in str(caught.value)
    for content, message in [(b"\n \n", "holds no word"), (b"caf\xe9\n", "not UTF-8 at byte 3")]:
        path.write_bytes(content)
        with pytest.raises(FormatError, match=message):
            Words.of(path)
    with pytest.raises(FormatError, match="No such file"):
        Words.of(tmp_path / "none.txt")
    with pytest.raises(FormatError, match="directory"):
        Words.of(tmp_path)
    monkeypatch.setattr(words_module, "MOST_WORDS", 2)
    path.write_text("a\nb\nc\n")
    with pytest.raises(FormatError, match="more than 2 words"):
        Words.of(path)
    with pytest.raises(InputError, match="more than 2 words"):
        Words.of(iter("abc"))
    monkeypatch.setattr(words_module, "MOST_BYTES", 2)
    path.write_text("abcde\n")
    with pytest.raises(FormatError, match="6 bytes; a file of words has at most 2"):
        Words.of(path)


@pytest.mark.parametrize(
    ("words", "message"),
    [(7, "not int"), (b"cat", "not bytes"), (["a", 3], "word 1, counted from 0: a word is a string"), (["a b"], "word 0")],
)
def test_lists_that_hold_no_words(words: object, message: str) -> None:
    with pytest.raises(InputError, match=message):
        Words.of(words)  # type: ignore[arg-type]


def test_a_long_list_is_read_and_searched_quickly(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    path = tmp_path / "words.txt"
    path.write_text("\n".join("".join(row) for row in random.choice(list("abcdefghinorst"), (50_000, 7))))
    words = Words.of(path)
    assert len(words) > 49_000
    shown = [{letter: -3 * random.random() for letter in "acdehnort"} for _ in range(40)]
    lattice = lattice_of(shown, dict.fromkeys(range(7, 40, 7), 2.0))
    path_of_words, found = find_words(lattice, LABELS, best_path(lattice), words)
    assert found
    assert path_of_words.score > best_path(lattice).score


LISTED = ["the", "of", "to", "as", "was", "he", "man", "lever", "while", "thus", "when", "there's", "no", "fumes", "cleared"]
LISTED += ["from", "appear", "plates", "glass", "perhaps", "were", "little", "box"]


def test_real_lines(shared: Path) -> None:
    archive = LineArchive.open(shared / "data" / "unipen_lines.npz")
    splits = archive.splits()
    assert splits is not None
    recognizer = Recognizer()
    if not recognizer.bundle.lines:
        pytest.skip("the shipped bundle reads no lines yet")
    reader, adapter = LineReader.of(recognizer), build("allograph", recognizer.bundle)
    writer, words = WriterModel(adapter, adapter.start()), Words.of(LISTED)
    chosen = [place for place in range(len(archive)) if splits[str(archive.writers[place])] == "validation"]
    wanted = [place for place in chosen if set(str(archive.texts[place]).lower().split()) <= set(LISTED)]
    symbols = [place for place in chosen if not any(point.isalpha() for point in str(archive.texts[place]))]
    wrong = {False: 0, True: 0}
    for place in wanted[:8] + symbols[:3]:
        line = archive.line(place, "validation")
        look = reader.outputs(LineInk.from_strokes(line.strokes, unit=line.unit, device=line.device))
        free, helped = reader.read(look, writer, {}), reader.read(look, writer, {}, words=words)
        assert free.words == ()
        assert free.path.breaks is None
        if place in symbols:
            assert helped.path == free.path
            assert helped.words == ()
            continue
        known = [found for found in helped.words if found.changed]
        for one, is_helped in ((free, False), (helped, True)):
            text = "".join(" " * s + one.labels[c] for s, c in zip(one.path.spaces(one.lattice), one.path.labels, strict=True))
            wrong[is_helped] += sum(word not in line.text.split() for word in text.split())
        assert known or helped.path.labels == free.path.labels
    assert len(wanted) >= 4
    assert wrong[True] < wrong[False] / 1.5
