"""What every store promises: one contract for memory, SQLite and PostgreSQL."""

from __future__ import annotations

import contextlib
import math
import threading
import time
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from allograph.checks.contract import run_law
from allograph.checks.store import ANA, BEN, MODEL, STORE_LAWS, entry
from allograph.checks.store import OTHER_MODEL as OTHER
from allograph.errors import (
    ErasedWriter,
    FormatError,
    InputError,
    MismatchError,
    StorageError,
    TooManyWriters,
    UnknownCorrection,
    UnknownWriter,
)
from allograph.profiles import MemoryStore, Store, changes, open_store
from allograph.profiles.archive import pack, unpack
from allograph.profiles.changes import Merged
from allograph.profiles.journal import Contents, Entry, Key, StoredState, Version, batches, incarnation_of
from allograph.profiles.sql import SqlStore
from allograph.profiles.tables import api_keys
from allograph.profiles.words import Word
from allograph.readings import Samples
from allograph.samples.box import Box
from clusters import own_cluster
from small import allograph


@pytest.fixture
def store(store_url: str) -> Generator[Store]:
    with contextlib.closing(open_store(store_url)) as opened:
        yield opened


@pytest.mark.parametrize("law", STORE_LAWS, ids=lambda law: law.__name__)
def test_every_store_keeps_the_contract(store: Store, law: Callable[[Store], None]) -> None:
    run_law("the store", law, store)


def same(one: Entry, other: Entry) -> bool:
    """Whether two rows say the same, arrays included; places and times apart."""
    plain = all(
        getattr(one, name) == getattr(other, name)
        for name in ("id", "label", "implicit", "base", "answer", "alphabet", "model_hash", "batch", "box", "doubt")
    )
    arrays = zip((*one.outputs.arrays.values(), one.image), (*other.outputs.arrays.values(), other.image), strict=True)
    return plain and all((a is b) if a is None or b is None else np.array_equal(a, b) for a, b in arrays)


def rows(store: Store, key: Key = ANA) -> list[Entry]:
    tail = store.tail(key)
    return tail.entries if tail else []


def labels(store: Store, key: Key = ANA) -> list[tuple[str, str]]:
    return [(row.id, row.label) for row in rows(store, key)]


def test_an_erasure_between_the_look_and_the_write_brings_nobody_back(store: Store) -> None:
    """Whoever corrects and whoever erases do so at once, again and again: what was meant for the first profile stays with it."""
    for turn in range(20):
        changes.record(store, ANA, [entry(f"first {turn}")], MODEL)
        (version,) = store.versions([ANA])
        assert version is not None
        named, start = incarnation_of(ANA, version.profile), threading.Barrier(3)

        def correct(number: int, named: str = named, start: threading.Barrier = start, turn: int = turn) -> bool:
            start.wait()
            try:
                changes.record(store, ANA, [entry(f"late {turn} {number}")], MODEL, named)
            except ErasedWriter:
                return False
            return True

        def erase(start: threading.Barrier = start) -> bool:
            start.wait()
            return store.erase(ANA)

        with ThreadPoolExecutor(3) as pool:
            done = [pool.submit(correct, 1), pool.submit(correct, 2), pool.submit(erase)]
            assert done[2].result()
            assert {one.result() for one in done[:2]} <= {True, False}
        assert store.versions([ANA]) == [None]


def test_an_incarnation_tells_nobody_how_many_there_are() -> None:
    known = {incarnation_of(key, number) for key in (ANA, BEN, Key("other", "ana")) for number in range(50)}
    assert len(known) == 150
    assert all(len(one) == 32 and one.isalnum() for one in known)
    first = []
    for _ in range(2):  # two processes
        alone = MemoryStore()
        changes.record(alone, ANA, [entry("1")], MODEL)
        first.append(alone.versions([ANA])[0])
    assert first[0] != first[1]


def test_nobody_is_there_before_the_first_correction(store: Store) -> None:
    assert store.versions([ANA, BEN]) == [None, None]
    assert store.versions([]) == []
    assert store.tail(ANA) is None
    assert store.state(ANA) is None
    assert store.profiles("default") == []
    assert store.count("default") == 0
    assert not store.erase(ANA)
    store.check()
    with pytest.raises(UnknownWriter, match="'ana'"), store.change(ANA, None):
        pass
    with pytest.raises(UnknownCorrection, match="'x'"):
        changes.undo(store, ANA, "x")
    with pytest.raises(UnknownCorrection, match="'x'"):
        changes.record(store, ANA, [changes.Relabel("x", "a", False, "b")], MODEL)
    assert changes.forget(store, ANA, "a", None) == 0
    assert store.versions([ANA]) == [None]


def test_what_is_recorded_comes_back_whole_and_in_order(store: Store) -> None:
    alphabet = ("<", "&", "é", "\U0001f600")
    given = [entry("1"), entry("2", "<", alphabet=alphabet), entry("3", "\U0001f600", implicit=True, image=None)]
    bare = Samples(given[1].outputs.embeddings, np.array([[1, -np.inf, 2]], "f4"))
    given[1] = replace(given[1], outputs=bare)
    for one in given:
        changes.record(store, ANA, [one], MODEL)
    found = rows(store)
    assert all(map(same, found, given))
    assert [row.seq for row in found] == sorted(row.seq for row in found)
    times = [row.time for row in found]
    assert times == sorted(set(times))
    tail = store.tail(ANA, found[0].seq)
    assert tail is not None
    assert [row.id for row in tail.entries] == ["2", "3"]
    assert tail.model_hash == MODEL
    assert store.versions([BEN, ANA]) == [None, tail.version]
    assert store.profiles("default") == [("ana", 3)]


def test_a_retry_counts_once_another_label_replaces_and_an_implicit_one_replaces_nothing(store: Store) -> None:
    first = changes.record(store, ANA, [entry("1", "a")], MODEL).entries
    version = store.versions([ANA])
    again = changes.record(store, ANA, [entry("1", "a")], MODEL).entries
    assert [row.correction for row in again] == [row.correction for row in first]
    kept = changes.record(store, ANA, [entry("1", "z", implicit=True)], MODEL).entries
    assert [row.correction for row in kept] == [row.correction for row in first]
    assert store.versions([ANA]) == version
    changes.record(store, ANA, [entry("2", "a", implicit=True)], MODEL)
    changes.record(store, ANA, [entry("2", "a", answer="other")], MODEL)
    changes.record(store, ANA, [entry("1", "b")], MODEL)
    assert [(row.id, row.label, row.implicit, row.answer) for row in rows(store)] == [
        ("2", "a", False, "c"),
        ("1", "b", False, "c"),
    ]


def test_one_batch_may_say_the_same_twice_and_the_last_word_counts(store: Store) -> None:
    said = [entry("1", "a", batch="x"), entry("2", "b", batch="x"), entry("1", "c", batch="x")]
    found = changes.record(store, ANA, said, MODEL).entries
    assert [row.label for row in found] == ["c", "b", "c"]
    assert sorted(labels(store)) == [("1", "c"), ("2", "b")]


def test_what_is_undone_leaves_a_tombstone_and_no_content(store: Store) -> None:
    for id in ("1", "2", "3"):
        changes.record(store, ANA, [entry(id)], MODEL)
    before = store.versions([ANA])[0]
    changes.undo(store, ANA, "2")
    after = store.versions([ANA])[0]
    assert before is not None
    assert after is not None
    assert after == before._replace(head=before.head + 1)
    tail = store.tail(ANA, before.head)
    assert tail is not None
    assert (tail.entries, tail.undone) == ([], 2)
    assert not tail.follows(before)
    assert tail.follows(before._replace(head=1))
    assert labels(store) == [("1", "a"), ("3", "a")]
    found = changes.contents(store, ANA)
    assert [stone.id for stone in found.tombstones] == ["2"]
    with pytest.raises(UnknownCorrection):
        changes.undo(store, ANA, "2")
    changes.record(store, ANA, [entry("2", "b")], MODEL)
    assert labels(store) == [("1", "a"), ("3", "a"), ("2", "b")]


def test_relabelling_is_undo_and_correct_in_one(store: Store) -> None:
    changes.record(store, ANA, [entry("1", "a"), entry("2", "a")], MODEL)
    (done,) = changes.record(store, ANA, [changes.Relabel("1", "b", False, "new")], MODEL).entries
    assert done.label == "b"
    assert labels(store) == [("2", "a"), ("1", "b")]
    assert changes.record(store, ANA, [changes.Relabel("1", "b", False, "other")], MODEL).corrections == [done.correction]
    assert [stone.id for stone in changes.contents(store, ANA).tombstones] == ["1"]


def test_a_profile_is_for_one_model(store: Store) -> None:
    changes.record(store, ANA, [entry("1")], MODEL)
    with pytest.raises(MismatchError, match="allograph writers migrate"):
        changes.record(store, ANA, [entry("2", model_hash=OTHER)], OTHER)
    assert labels(store) == [("1", "a")]


def test_a_state_is_kept_while_its_journal_only_grows(store: Store) -> None:
    for id in ("1", "2", "3"):
        changes.record(store, ANA, [entry(id)], MODEL)
    version = store.versions([ANA])[0]
    assert version is not None
    early = version._replace(head=rows(store)[1].seq)
    store.keep(ANA, StoredState(early, "f", b"state"))
    kept = store.state(ANA)
    assert kept is not None
    assert kept[0] == StoredState(early, "f", b"state")
    assert [done.id for done in kept[1]] == ["1", "2"]
    changes.undo(store, ANA, "3")  # the state never knew it
    kept = store.state(ANA)
    assert kept is not None
    assert kept[0].version == early
    store.keep(ANA, StoredState(version, "f", b"of an old journal"))
    assert store.state(ANA) == kept
    changes.undo(store, ANA, "1")  # the state knew it, so it goes at once
    assert store.state(ANA) is None
    store.keep(BEN, StoredState(Version(99, 0, 0), "f", b"of nobody"))
    assert store.state(BEN) is None


def test_keys_belong_to_tenants_and_only_their_hashes_are_kept(store: Store) -> None:
    assert not store.keys
    ana, ben = store.keys.add("a", "phone"), store.keys.add("b", "desk")
    assert store.keys
    assert (store.keys.tenant_of(ana), store.keys.tenant_of(ben)) == ("a", "b")
    id = ana.partition(".")[0]
    for wrong in ("", ".", id, f"{id}.", ana[:-1], ana + "x", f"{id}.{ben.partition('.')[2]}", "\x00.\x00"):
        assert store.keys.tenant_of(wrong) is None
    assert [(key.tenant, key.name) for key in store.keys.list()] == [("a", "phone"), ("b", "desk")]
    assert ana.partition(".")[2] not in repr(store.keys.list())
    assert store.keys.revoke(id)
    assert not store.keys.revoke(id)
    assert store.keys.tenant_of(ana) is None
    with pytest.raises(InputError, match="tenant"):
        store.keys.add("", "x")


def test_a_store_that_had_a_key_is_not_open_again_before_that_is_said(store: Store) -> None:
    key = store.keys.add("a", "phone")
    with pytest.raises(InputError, match="revoke them first"):
        store.keys.reopen()
    store.keys.revoke(key.partition(".")[0])
    assert store.keys
    assert store.keys.list() == []
    for void in (key, key.partition(".")[0] + "."):
        assert store.keys.tenant_of(void) is None
    store.keys.reopen()
    assert not store.keys
    another = store.keys.add("a", "phone")
    assert store.keys
    assert store.keys.tenant_of(another) == "a"


def test_that_there_was_a_key_outlasts_the_process_and_tells_nothing_of_it(lasting_url: str) -> None:
    with contextlib.closing(open_store(lasting_url)) as store:
        store.keys.revoke(store.keys.add("acme", "phone").partition(".")[0])
    with contextlib.closing(open_store(lasting_url)) as store:
        assert store.keys
        assert store.keys.list() == []
        assert isinstance(store, SqlStore)
        with store._engine.connect() as connection:
            assert not {"acme", "phone"} & set(connection.execute(sa.select(api_keys)).one())


def test_threads_that_correct_one_writer_lose_nothing(store: Store) -> None:
    failures: list[BaseException] = []

    def work(number: int) -> None:
        try:
            for i in range(10):
                changes.record(store, ANA, [entry(f"{number}-{i}")], MODEL)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    found = rows(store)
    assert len({row.id for row in found}) == len({row.seq for row in found}) == 40
    assert [row.time for row in found] == sorted({row.time for row in found})


def test_migration_reads_images_anew_and_keeps_the_rest_waiting(store: Store) -> None:
    changes.record(store, ANA, [entry("1"), entry("2", image=None), entry("3")], MODEL)
    new = Samples(np.full((1, 5), 2, "f4"), np.full((1, 3), 3, "f4"))

    def read(seen: list[Entry]) -> list[tuple[Samples, str]]:
        assert all(one.image is not None for one in seen)
        return [(new, "q")] * len(seen)

    assert changes.migrate(store, ANA, OTHER, read) == (2, 1)
    tail = store.tail(ANA)
    assert tail is not None
    assert tail.model_hash == OTHER
    assert [(row.id, row.base, row.outputs.embeddings.shape, row.batch) for row in tail.entries] == [
        ("1", "q", (1, 5), "1"),
        ("3", "q", (1, 5), "3"),
    ]
    assert changes.migrate(store, ANA, OTHER, read) == (0, 1)
    blob = pack(changes.contents(store, ANA))
    assert changes.merge(store, BEN, unpack(blob)) == (3, 0)
    assert len(rows(store, BEN)) == 2
    assert changes.migrate(store, BEN, MODEL, read) == (2, 0)
    assert [row.id for row in rows(store, BEN)] == ["1", "2", "3"]


def test_an_archive_comes_back_whole(store: Store) -> None:
    given = [entry("1", alphabet=("a", "b")), entry("2", "<", implicit=True, image=None)]
    changes.record(store, ANA, given, MODEL)
    changes.record(store, ANA, [entry("3")], MODEL)
    changes.undo(store, ANA, "3")
    blob = pack(changes.contents(store, ANA))
    found = unpack(blob)
    assert all(map(same, found.entries, given))
    assert [stone.id for stone in found.tombstones] == ["3"]
    assert changes.merge(store, BEN, found) == Merged(2, 0)
    assert changes.merge(store, BEN, found) == Merged(0, 0)
    assert pack(changes.contents(store, BEN)) == blob
    assert len(batches(rows(store, BEN))) == len(batches(rows(store)))
    with pytest.raises(MismatchError):
        changes.merge(store, BEN, Contents([], [], OTHER))


def test_what_is_no_archive_is_refused() -> None:
    store = MemoryStore()
    changes.record(store, ANA, [entry("1"), entry("2")], MODEL)
    blob = pack(changes.contents(store, ANA))
    flipped = bytearray(blob)
    flipped[-1] ^= 1
    for wrong in (
        b"",
        b"foreign",
        blob[:-1],
        blob[: len(blob) // 2],
        bytes(flipped),
        blob.replace(b'\\"format\\": 2', b'\\"format\\": 3'),
        blob.replace(b'\\"format\\": 2', b'\\"format\\": 4'),
        blob.replace(b'\\"format\\": 2', b'\\"format\\": 0'),
    ):
        with pytest.raises(FormatError):
            unpack(wrong, "the file")


LABEL = st.sampled_from("ab")
STEP = st.one_of(
    st.tuples(st.just("correct"), st.sampled_from("1234"), LABEL),
    st.tuples(st.just("undo"), st.sampled_from("1234"), LABEL),
    st.tuples(st.just("forget"), st.just(""), LABEL),
)
STEPS = st.lists(STEP, max_size=8)


def walked(steps: list[tuple[str, str, str]], start: Contents | None = None) -> Contents:
    """A journal after these steps."""
    store = MemoryStore()
    changes.record(store, ANA, [entry("0")], MODEL)
    if start:
        changes.merge(store, ANA, start)
    for what, id, label in steps:
        with contextlib.suppress(UnknownCorrection):
            if what == "correct":
                changes.record(store, ANA, [entry(id, label, batch=f"{id}{label}{len(steps)}")], MODEL)
            elif what == "undo":
                changes.undo(store, ANA, id)
            else:
                changes.forget(store, ANA, label, None)
    return changes.contents(store, ANA)


def joined(*parts: Contents) -> bytes:
    """The journals merged in this order, as an archive."""
    store = MemoryStore()
    for part in parts:
        changes.merge(store, ANA, part)
    return pack(changes.contents(store, ANA))


@settings(deadline=None, max_examples=60)
@given(STEPS, STEPS, STEPS)
def test_merging_gives_the_same_in_any_order_and_twice(first: list, second: list, third: list) -> None:  # type: ignore[type-arg]
    a = walked(first)
    b, c = walked(second, a), walked(third, a)
    assert joined(a, b, c) == joined(c, b, a) == joined(b, a, c, b, a)
    assert joined(b, a) == joined(a, b)


@settings(deadline=None, max_examples=25)
@given(STEPS)
def test_every_store_does_the_same(steps: list) -> None:  # type: ignore[type-arg]
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        stores = [MemoryStore(), open_store(Path(folder) / "s.db")]
        found = []
        for store in stores:
            changes.record(store, ANA, [entry("0")], MODEL)
            for what, id, label in steps:
                with contextlib.suppress(UnknownCorrection):
                    if what == "correct":
                        changes.record(store, ANA, [entry(id, label)], MODEL)
                    elif what == "undo":
                        changes.undo(store, ANA, id)
                    else:
                        changes.forget(store, ANA, label, None)
            contents = changes.contents(store, ANA)
            (version,) = store.versions([ANA])
            found.append((labels(store), [stone.id for stone in contents.tombstones], version and version[1:]))
            store.close()
    assert found[0] == found[1]


def test_a_store_is_a_file_or_a_database(tmp_path: Path) -> None:
    for wrong in ("mysql://localhost/x", "sqlite://", "sqlite:///:memory:", "://", str(tmp_path / "no" / "x.db")):
        with pytest.raises(InputError):
            open_store(wrong)
    (tmp_path / "foreign.db").write_bytes(b"no database at all, but long enough to look like a file of something" * 40)
    with pytest.raises(FormatError, match="not an SQLite database"):
        open_store(tmp_path / "foreign.db")


def test_a_page_holds_what_was_asked_for_and_no_more(store: Store) -> None:
    for i in range(10):
        changes.record(store, ANA, [entry(str(i), image=None) if i == 4 else entry(str(i))], MODEL)
    changes.undo(store, ANA, "3")
    whole = store.entries(ANA)
    assert [one.id for one in whole] == list("012456789")
    for after in (0, whole[2].seq, whole[-1].seq, 10**9):
        for limit in (None, 0, 1, 3, 100):
            wanted = [one for one in whole if one.seq > after][:limit]
            assert all(map(same, store.entries(ANA, after, limit), wanted))
            bare = store.entries(ANA, after, limit, images=False)
            assert [(one.id, one.image) for one in bare] == [(one.id, None) for one in wanted]
            for images in (False, True):
                rows = store.rows(ANA, after, limit, images)
                assert [row.seq for row in rows] == [one.seq for one in wanted]
                for row, one in zip(rows, wanted, strict=True):
                    for name in ("id", "label", "implicit", "time", "base", "answer", "model_hash", "box", "doubt"):
                        assert getattr(row, name) == getattr(one, name)
                    assert row.has_image is (one.image is not None)
                    assert (row.image is not None) is (images and one.image is not None)
                    assert (row.image if row.image is None else row.image.tolist()) == (
                        one.image.tolist() if images and one.image is not None else None
                    )
    assert (store.rows(BEN), store.entries(BEN), store.taken_back(BEN)) == ([], [], 0)
    assert store.taken_back(ANA) == 1
    tail = store.tail(ANA, images=False)
    assert tail is not None
    assert {one.image is None for one in tail.entries} == {True}
    refused: list[dict[str, Any]] = [{"after": -1}, {"limit": -1}, {"after": 2**70}, {"limit": True}, {"after": 1.5}]
    for wrong in refused:
        with pytest.raises(InputError, match="whole number"):
            store.rows(ANA, **wrong)
        with pytest.raises(InputError, match="whole number"):
            store.entries(ANA, **wrong)


def test_a_page_of_one_reads_one_row(lasting_url: str) -> None:
    """However long the journal is: what is not shown is not fetched."""
    import sqlalchemy as sa

    with contextlib.closing(open_store(lasting_url)) as store:
        changes.record(store, ANA, [entry(str(i), batch="b") for i in range(300)], MODEL)
        fetched: list[str] = []
        engine = store._engine  # type: ignore[attr-defined]
        sa.event.listen(engine, "before_cursor_execute", lambda c, cursor, statement, *rest: fetched.append(statement))
        store.rows(ANA, 100, 1, images=True)
        store.rows(ANA)
        store.entries(ANA, 100, 1, images=False)
    (page,) = [one for one in fetched if "image" in one.partition("FROM")[0].replace("image IS NOT NULL", "") and "LIMIT" in one]
    assert "embedding" not in page
    assert "logits" not in page
    assert sum("embedding" in one for one in fetched) == 1


def test_a_tenant_has_no_more_writers_than_it_may_however_many_begin_at_once(store: Store) -> None:
    store.most_writers = 5
    refused: list[str] = []

    def begin(i: int) -> None:
        try:
            key = Key("default", f"w{i}")
            if i % 2:
                changes.record(store, key, [entry("1")], MODEL)
            else:
                changes.merge(store, key, Contents([entry("1", time=1.0)], [], MODEL))
        except TooManyWriters as error:
            refused.append(str(error))

    with ThreadPoolExecutor(25) as pool:
        list(pool.map(begin, range(25)))
    assert store.count("default") == 5
    assert len(refused) == 20
    assert "erase one" in refused[0]
    changes.record(store, Key("other", "w"), [entry("1")], MODEL)  # others have their own
    first = store.profiles("default")[0].name
    changes.record(store, Key("default", first), [entry("2")], MODEL)  # who is there may go on
    assert store.erase(Key("default", first))
    changes.record(store, Key("default", "new"), [entry("1")], MODEL)
    with pytest.raises(TooManyWriters):
        changes.record(store, Key("default", "one more"), [entry("1")], MODEL)
    store.most_writers = None
    changes.record(store, Key("default", "one more"), [entry("1")], MODEL)


@pytest.mark.parametrize("since", [1.7e12, 1.7e15, True, math.nan, math.inf, -1.0, -math.inf, "0", 10**400])
def test_a_time_that_cannot_be_forgets_nothing_and_says_so(since: object) -> None:
    with pytest.raises(InputError, match="seconds since 1970"):
        changes.check_forget(None, since)  # type: ignore[arg-type]
    for fine in (0, 1, 1.5, np.float64(3), time.time() + 3600):
        changes.check_forget(None, fine)


def test_lists_go_on_after_any_name_that_can_be(store: Store) -> None:
    composed, apart = "Jos\u00e9", "Jose\u0301"
    for name in ("Ana", composed, "Zoe"):
        changes.record(store, Key("default", name), [entry("1")], MODEL)
    assert [one.name for one in store.profiles("default", apart)] == [one.name for one in store.profiles("default", composed)]
    assert Key.of("default", apart) == Key("default", composed)
    for wrong in ("\x00", "a\x00b", "\ud800", "x" * 129):
        with pytest.raises(InputError, match="name of a writer"):
            store.profiles("default", wrong)
        with pytest.raises(InputError, match="name of a"):
            Key.of(wrong, "ana")
        assert not store.keys.revoke(wrong)
        assert store.keys.tenant_of(f"{wrong}.x") is None
        with pytest.raises(InputError, match="name of a"):
            store.keys.add("t", wrong)


def test_all_profiles_of_all_tenants_are_found_page_by_page(store: Store) -> None:
    keys = sorted(Key(tenant, name) for tenant in "ab" for name in ("x", "y", "é"))
    for key in keys:
        model = OTHER if key.name == "y" else MODEL
        changes.record(store, key, [entry("1", model_hash=model)], model)
    assert store.every_key() == keys
    assert store.every_key(limit=2) == keys[:2]
    assert store.every_key(after=keys[2], limit=2) == keys[3:5]
    assert store.every_key("b") == keys[3:]
    assert store.every_key("b", keys[3]) == keys[4:]
    assert store.every_key(not_of=MODEL) == [Key("a", "y"), Key("b", "y")]


def test_what_is_taught_while_images_are_read_anew_is_read_too(store: Store) -> None:
    changes.record(store, ANA, [entry(str(i), batch="b") for i in range(4)], MODEL)
    seen: list[str] = []
    meanwhile: list[Callable[[], Any]] = [
        lambda: changes.merge(store, ANA, Contents([entry("merged", time=5.0)], [], MODEL)),
        lambda: changes.record(store, ANA, [entry("new"), entry("bare", image=None)], MODEL),
        lambda: changes.undo(store, ANA, "1"),
    ]

    def read(page: list[Entry]) -> list[tuple[Samples, str]]:
        seen.extend(one.id for one in page)
        if meanwhile:
            meanwhile.pop(0)()  # nobody is kept from it
        return [(Samples(np.full((1, 5), 2, "f4"), np.full((1, 3), 3, "f4")), "q")] * len(page)

    assert changes.migrate(store, ANA, OTHER, read) == (5, 1)
    assert [(one.id, one.base) for one in store.entries(ANA)] == [(id, "q") for id in ("merged", "0", "2", "3", "new")]
    assert seen == ["0", "1", "2", "3", "merged", "0", "1", "2", "3", "new"]
    assert [row.id for row in store.rows(ANA, waiting=True) if row.model_hash == MODEL] == ["bare"]
    with pytest.raises(UnknownWriter):
        changes.migrate(store, BEN, OTHER, read)


def test_a_journal_that_never_rests_is_given_up_and_unchanged(store: Store) -> None:
    changes.record(store, ANA, [entry("0")], MODEL)
    count = iter(range(100))

    def read(page: list[Entry]) -> list[tuple[Samples, str]]:
        changes.record(store, ANA, [entry(f"n{next(count)}")], MODEL)
        return [(page[0].outputs, "q")] * len(page)

    with pytest.raises(StorageError, match="taught all the while"):
        changes.migrate(store, ANA, OTHER, read)
    tail = store.tail(ANA)
    assert tail is not None
    assert tail.model_hash == MODEL
    assert {one.base for one in tail.entries} == {"b"}


def test_memory_keeps_nothing_of_what_was_taken_back() -> None:
    import gc

    store = MemoryStore()
    changes.record(store, ANA, [entry("1", "keep"), entry("2", "gone-for-good")], MODEL)
    changes.record(store, BEN, [entry("3", "gone-for-good")], MODEL)
    changes.undo(store, ANA, "2")
    store.erase(BEN)
    changes.record_line(store, ANA, "line-0", [entry("4", "gone-for-good"), entry("5", "keep")], ["gone", "by", "now"], MODEL)
    changes.forget_words(store, ANA, ["by"])
    changes.forget(store, ANA, "gone-for-good", None)
    gc.collect()
    kept = gc.get_objects()
    assert [one.id for one in kept if isinstance(one, Entry) and one.label == "gone-for-good"] == []
    assert [one.device for one in kept if isinstance(one, Box) and one.device in ("the pen of 2", "the pen of 3")] == []
    assert [one for one in kept if isinstance(one, Word) and one.text in ("gone", "by", "now")] == []


@pytest.mark.parametrize(
    ("place", "status", "words"),
    [
        ("postgres@127.0.0.1:5432/no_such_one", 2, "make it with: createdb no_such_one"),
        ("no_such_role:secret@127.0.0.1:5432/test", 2, "name a role that may log in"),
        ("postgres@127.0.0.1:9/test", 1, "cannot be reached"),
        ("postgres@nowhere.invalid/test", 1, "cannot be reached"),
    ],
)
def test_a_database_that_is_not_there_is_told_in_words_of_its_own(
    place: str, status: int, words: str, postgres: str, tmp_path: Path
) -> None:
    server = sa.make_url(postgres)
    address = place.replace("127.0.0.1:5432", f"{server.host}:{server.port or 5432}")
    done = allograph("writers", "list", "--store", f"postgresql://{address}", cwd=tmp_path, status=status)
    assert words in done.stderr
    assert "+psycopg" not in done.stderr
    assert "secret" not in done.stderr
    assert "try again" not in done.stderr or status == 1
    with pytest.raises(StorageError, match=words):
        open_store(f"postgresql://{address}")


@pytest.mark.slow
def test_a_wrong_password_is_told_in_words_of_its_own() -> None:
    with own_cluster() as cluster:
        open_store(cluster.url).close()
        cluster.require_passwords()
        for url in (cluster.url, cluster.url.replace("@", ":secret@", 1)):
            with pytest.raises(StorageError, match="name a role that may log in") as met:
                open_store(url)
            assert met.value.exit_status == 2
            assert "secret" not in str(met.value)
