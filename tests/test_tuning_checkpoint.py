"""What a tuning judged is on disk as soon as it is kept, and nothing that is found there is believed unseen."""

from __future__ import annotations

import json
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from allograph.tuning.checkpoint import Candidate, Checkpoint

MATTER = {"model": "abc", "corpora": ["d"], "methods": {"prior": 1}}
number = st.floats(allow_nan=False, allow_infinity=False)
figures = st.lists(number, min_size=4, max_size=4).map(tuple)
tuned = st.builds(
    Candidate,
    st.dictionaries(st.text(max_size=5), number | st.integers(0, 99), max_size=3),
    figures,
    figures,
    figures,
)
anything = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["of", "judged", "prior", "parameters", "error_cuts", "x"]), inner, max_size=3)
    ),
    max_leaves=12,
)


@settings(deadline=None, max_examples=30)
@given(st.lists(tuned, max_size=4, unique_by=lambda one: tuple(sorted(one.parameters.items()))))
def test_what_is_kept_is_found_again(found: list[Candidate]) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "kept"
        first = Checkpoint(path, MATTER)
        for one in found:
            assert first.get("head", one.parameters) is None
            first.add("head", [one])
        again = Checkpoint(path, MATTER)
        assert again.stale is None
        assert len(again) == len(found)
        for one in found:
            assert again.get("head", one.parameters) == one
            assert again.get("prior", one.parameters) is None


@settings(deadline=None, max_examples=30)
@given(st.one_of(st.binary(max_size=60), anything.map(lambda value: json.dumps(value).encode())))
def test_a_foreign_or_damaged_file_is_named_and_never_an_error(content: bytes) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "kept"
        path.write_bytes(content)
        checkpoint = Checkpoint(path, MATTER)
        assert checkpoint.stale
        assert len(checkpoint) == 0


@settings(deadline=None, max_examples=30)
@given(st.sampled_from(["judged", "of"]), anything)
def test_a_record_with_something_else_in_it_is_never_an_error(key: str, value: object) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "kept"
        path.write_text(json.dumps({"of": MATTER, "judged": {"prior": []}} | {key: value}))
        checkpoint = Checkpoint(path, MATTER)
        checkpoint.add("prior", [Candidate({"smooth": 1.0}, (0.0,), (0.0,), (0.0,))])
        assert Checkpoint(path, MATTER).get("prior", {"smooth": 1.0})


@pytest.mark.parametrize("key", MATTER)
def test_other_matter_begins_anew_and_says_why(tmp_path: Path, key: str) -> None:
    Checkpoint(tmp_path / "kept", MATTER).add("prior", [Candidate({}, (), (), ())])
    other = Checkpoint(tmp_path / "kept", MATTER | {key: "other"})
    assert len(other) == 0
    assert key in str(other.stale)


def test_what_is_done_with_is_forgotten_and_the_last_takes_the_file_along(tmp_path: Path) -> None:
    checkpoint = Checkpoint(tmp_path / "kept", MATTER)
    checkpoint.add("prior", [Candidate({}, (), (), ())])
    checkpoint.add("head", [Candidate({}, (), (), ())])
    checkpoint.remove(["head"])
    assert Checkpoint(tmp_path / "kept", MATTER).get("head", {}) is None
    assert Checkpoint(tmp_path / "kept", MATTER).get("prior", {})
    checkpoint.remove(["prior"])
    assert list(tmp_path.iterdir()) == []
