"""A journal does not grow for ever by what is taken back, and nothing comes back that was."""

from __future__ import annotations

import contextlib

import hypothesis.strategies as st
import pytest
import sqlalchemy as sa
from hypothesis import given, settings

from allograph.checks.store import ANA, MODEL, entry
from allograph.errors import UnknownCorrection, UnknownWriter
from allograph.profiles import MemoryStore, Store, changes, open_store
from allograph.profiles.journal import SPAN
from allograph.profiles.sql import SqlStore
from allograph.profiles.tables import journal

IDS = ("1", "2", "3", "line-0")
ACTS = st.lists(st.tuples(st.sampled_from(["a", "b", "undo", "copy", "merge", "compact"]), st.sampled_from(IDS)), max_size=30)


def do(store: Store, acts: list[tuple[str, str]], compacts: bool) -> list[object]:
    """Change a writer, and say what each act did; with `compacts` False those acts are left out."""
    said: list[object] = []
    copy = None
    for act, id in acts:
        if act == "undo":
            try:
                changes.undo(store, ANA, id)
                said.append("undone")
            except UnknownCorrection:
                said.append("unknown")
        elif act == "copy":
            with contextlib.suppress(UnknownWriter):
                copy = store.contents(ANA)
        elif act == "merge":
            said.append(changes.merge(store, ANA, copy) if copy else None)
        elif act == "compact":
            with contextlib.suppress(UnknownWriter):
                _ = compacts and changes.compact(store, ANA)
        else:
            changes.record(store, ANA, [entry(id, act)], MODEL)
        said.append(standing(store))
    return said


def standing(store: Store) -> list[tuple[str, str]]:
    """What stands, in order."""
    return [(row.id, row.label) for row in store.rows(ANA)]


@given(acts=ACTS)
@settings(max_examples=150, deadline=None)
def test_whatever_is_done_compacting_in_between_changes_nothing(acts: list[tuple[str, str]]) -> None:
    assert do(MemoryStore(), acts, compacts=True) == do(MemoryStore(), acts, compacts=False)


@given(acts=ACTS)
@settings(max_examples=15, deadline=None)
def test_a_file_is_compacted_as_memory_is(acts: list[tuple[str, str]], tmp_path_factory: pytest.TempPathFactory) -> None:
    memory = MemoryStore()
    with contextlib.closing(open_store(tmp_path_factory.mktemp("store") / "w.db")) as store:
        assert do(store, acts, compacts=True) == do(memory, acts, compacts=True)
        if standing(store):
            stones = [[stone.id for stone in one.contents(ANA).tombstones] for one in (store, memory)]
            assert stones[0] == stones[1]


def test_a_journal_does_not_grow_by_what_is_taken_back(lasting_url: str) -> None:
    ids, turns = [f"toggled {i}" for i in range(64)], 2 * SPAN // 128 + 2
    with contextlib.closing(open_store(lasting_url)) as store:
        assert isinstance(store, SqlStore)
        changes.record(store, ANA, [entry("kept")], MODEL)
        most = 0
        for i in range(turns):  # each takes 64 back and gives them anew: 128 rows more
            changes.record(store, ANA, [entry(id, "ab"[i % 2]) for id in ids], MODEL)
            most = max(most, count_rows(store))
        assert SPAN / 2 < most < SPAN + 3 * 64
        assert count_rows(store) < 6 * 64  # it compacted itself
        changes.compact(store, ANA)
        assert count_rows(store) == 65
        assert standing(store) == [("kept", "a"), *((id, "ab"[(turns - 1) % 2]) for id in ids)]


def count_rows(store: SqlStore) -> int:
    """Rows of all journals."""
    with store._engine.begin() as connection:
        return int(connection.execute(sa.select(sa.func.count()).select_from(journal)).scalar_one())


def test_other_processes_learn_what_was_taken_back_before_it_was_compacted(lasting_url: str) -> None:
    with contextlib.closing(open_store(lasting_url)) as store, contextlib.closing(open_store(lasting_url)) as other:
        for id in ("1", "2", "3"):
            changes.record(store, ANA, [entry(id)], MODEL)
        (known,) = other.versions([ANA])
        assert known is not None
        changes.undo(store, ANA, "2")
        changes.record(store, ANA, [entry("2", "b")], MODEL)
        assert changes.compact(store, ANA) == 2
        tail = other.tail(ANA, known.head)
        assert tail is not None
        assert not tail.follows(known)


def test_nobody_is_compacted_who_is_not_there(store_url: str) -> None:
    with contextlib.closing(open_store(store_url)) as store:
        with pytest.raises(UnknownWriter):
            changes.compact(store, ANA)
        assert store.versions([ANA]) == [None]
