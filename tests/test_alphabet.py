from __future__ import annotations

import time
import unicodedata

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from allograph.alphabet.labels import LONGEST_LABEL, NAMED, Alphabet, check_label
from allograph.errors import InputError, UnknownLabel

labels = st.text(st.characters(exclude_categories=("Cc", "Cs")), min_size=1, max_size=4)
alphabets = st.lists(labels, min_size=1, max_size=30, unique_by=lambda label: unicodedata.normalize("NFC", label))


@given(alphabets)
def test_index_is_the_inverse_of_the_position(given_labels: list[str]) -> None:
    alphabet = Alphabet(given_labels)
    assert [alphabet.index(label) for label in alphabet] == list(range(len(given_labels)))
    assert [alphabet[i] for i in alphabet.indices(alphabet)] == list(alphabet)
    assert all(unicodedata.is_normalized("NFC", label) for label in alphabet)


@given(st.lists(labels, min_size=1))
def test_an_alphabet_of_samples_has_each_label_once_in_code_point_order(given_labels: list[str]) -> None:
    found = list(Alphabet.of(check_label(label) for label in given_labels))
    assert found == sorted(found)
    assert set(found) == {unicodedata.normalize("NFC", label) for label in given_labels}


@pytest.mark.parametrize("label", ["<", "&", "|", "[", "`", " ", "é", "ß", "字", "ffi", "👍🏽", "x" * LONGEST_LABEL])
def test_labels_that_are_labels(label: str) -> None:
    assert check_label(label) == label


@pytest.mark.parametrize(
    ("label", "said"),
    [
        ("", "has 0"),
        ("x" * (LONGEST_LABEL + 1), "has 17"),
        ("\n", "control"),
        ("a\x00b", "control"),
        ("\ud800", "surrogate"),
        (7, "not int"),
        (None, "not NoneType"),
        (b"a", "not bytes"),
    ],
)
def test_labels_that_are_none(label: object, said: str) -> None:
    with pytest.raises(InputError, match=said):
        check_label(label)


def test_a_decomposed_label_is_composed_and_then_the_same() -> None:
    assert Alphabet(["e\u0301"]) == Alphabet(["é"])
    assert hash(Alphabet(["e\u0301"])) == hash(Alphabet(["é"]))
    with pytest.raises(InputError, match="come twice: é"):
        Alphabet(["é", "e\u0301", "a"])


def test_seventeen_code_points_that_compose_to_sixteen_are_a_label() -> None:
    assert len(check_label("x" * 15 + "e\u0301")) == 16


def test_alphabets_by_name() -> None:
    assert Alphabet.by_name("digits") == Alphabet("0123456789")
    assert len(Alphabet.by_name("alphanumeric")) == 62
    assert Alphabet.by_name(["b", "a"]).labels == ("b", "a")
    assert Alphabet.by_name(Alphabet("ab")) == Alphabet("ab")
    with pytest.raises(InputError, match=f"'cyrillic'.*{', '.join(NAMED)}"):
        Alphabet.by_name("cyrillic")


def test_an_alphabet_is_never_empty() -> None:
    with pytest.raises(InputError, match="at least one"):
        Alphabet([])


def test_indices_and_mask_by_hand() -> None:
    alphabet = Alphabet("cab")
    indices = alphabet.indices(np.array(["b", "c", "b"]))
    assert indices.tolist() == [2, 0, 2]
    assert indices.dtype == np.int32
    assert alphabet.mask("ab").tolist() == [False, True, True]
    assert "a" in alphabet
    assert "d" not in alphabet


@pytest.mark.parametrize("look_up", [lambda a: a.index("z"), lambda a: a.indices(["a", "z"]), lambda a: a.mask("z")])
def test_a_label_outside_the_alphabet_is_named(look_up) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(UnknownLabel, match="'z' is not in the alphabet of 2 labels"):
        look_up(Alphabet("ab"))


@given(alphabets)
def test_every_form_of_a_label_is_found(given_labels: list[str]) -> None:
    alphabet = Alphabet(given_labels)
    for form in ("NFC", "NFD"):
        for place, label in enumerate(unicodedata.normalize(form, label) for label in given_labels):
            assert label in alphabet
            assert alphabet.index(label) == place
            assert alphabet.count(label) == 1
            assert alphabet.indices([label]).tolist() == [place]
            assert np.flatnonzero(alphabet.mask([label])).tolist() == [place]
            assert Alphabet.by_name([label]) == Alphabet([label])
            assert Alphabet.of([label, unicodedata.normalize("NFC", label)]).labels == (alphabet[place],)


def test_a_string_of_labels_is_composed_first() -> None:
    assert Alphabet("ae\u0301").labels == ("a", "é")
    assert Alphabet("aé").mask("e\u0301").tolist() == [False, True]


@pytest.mark.parametrize("label", [None, 3, [], b"a", ("a",)])
def test_what_is_no_string_is_in_no_alphabet(label: object) -> None:
    assert label not in Alphabet("ab")
    with pytest.raises(UnknownLabel):
        Alphabet("ab").index(label)  # type: ignore[arg-type]


def test_forty_thousand_labels_take_a_moment() -> None:
    many = [f"{i:x}" for i in range(40_000)]
    began = time.thread_time()
    assert len(Alphabet(many)) == 40_000
    with pytest.raises(InputError, match=r"come twice: 0 1 10 .* and 39990 more$"):
        Alphabet(many * 2)
    assert time.thread_time() - began < 3
