"""A store is backed up under load, destroyed, and restored: as it was at one moment, into either kind of store."""

from __future__ import annotations

import contextlib
import itertools
import json
import resource
import shutil
import signal
import sqlite3
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import hypothesis.strategies as st
import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings

import allograph.profiles.backup_file as backup_file
import served
from allograph.checks.store import ANA, BEN, MODEL, entry
from allograph.errors import FormatError, InputError, StorageError
from allograph.profiles import Store, changes, open_store
from allograph.profiles.backup import back_up, restore
from allograph.profiles.database import connect
from allograph.profiles.journal import Contents, Key, StoredState, Version, incarnation_of
from allograph.profiles.quotas import Quota
from allograph.profiles.upgrade import make_tables
from allograph.writers.writers import Writers
from small import COMMAND, allograph, environment

THREADS = 4


@pytest.fixture
def other_url(lasting_url: str, request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A place of the other kind."""
    return str(tmp_path / "other.db") if "://" in lasting_url else str(request.getfixturevalue("schema"))


@pytest.fixture
def filled(tmp_path: Path) -> str:
    """A file with two writers: words, a line, what was taken back, a checkpoint, and a key."""
    url = str(tmp_path / "filled.db")
    with contextlib.closing(open_store(url)) as store:
        fill(store)
    return url


def fill(store: Store) -> None:
    """Two writers, with all that a store can hold of them."""
    for i in range(20):
        changes.record(store, ANA, [entry(str(i), "é<"[i % 2], image=None if i % 3 else entry(str(i)).image)], MODEL)
    changes.record_line(store, BEN, "line-1", [entry("l1"), entry("l2", alphabet=("a", "b"))], ["to", "bé"], MODEL)
    changes.forget_words(store, BEN, ["to"])
    changes.undo(store, ANA, "3")
    (version,) = store.versions([ANA])
    store.keep(ANA, StoredState(Version(*version), "f", bytes(range(256))))  # type: ignore[misc]
    store.keys.add("default", "a desk")


def everything(store: Store) -> dict[Key, tuple[Contents, object, str]]:
    """All that a store holds of each writer, and the name that devices know the profile by."""
    found: dict[Key, tuple[Contents, object, str]] = {}
    for key in store.every_key():
        (version,) = store.versions([key])
        state = store.state(key)
        assert version is not None
        kept = state and (state[0].version.head, state[0].fingerprint, state[0].blob, state[1:])
        found[key] = (store.contents(key), kept, incarnation_of(key, version.profile))
    return found


class Act(NamedTuple):
    """What a thread did, and what its writer's journal holds from then on."""

    began: float
    done: float
    stands: tuple[str, ...]
    taken_back: tuple[str, ...]


def work(url: str, number: int, acts: list[Act], ends: threading.Event) -> None:
    """Correct and take back, as a service of its own."""
    with contextlib.closing(open_store(url)) as store:
        writer = Writers(store, served.recognizer())[f"w{number}"]
        sample = served.sample(number)
        stands: list[str] = []
        gone: list[str] = []
        for i in itertools.count():
            if ends.is_set():
                return
            began = time.time()
            if i % 5 == 4:
                gone.append(stands.pop())
                writer.undo(gone[-1])
            else:
                stands.append(f"{number}-{i}")
                writer.correct(writer.read([sample], ids=[stands[-1]])[0], "a")
            acts.append(Act(began, time.time(), tuple(stands), tuple(gone)))


def test_quotas_with_their_counts_and_the_audit_log_travel(lasting_url: str, other_url: str, tmp_path: Path) -> None:
    with contextlib.closing(open_store(lasting_url)) as store:
        fill(store)
        store.quotas.set(ANA.tenant, Quota(writers=2, corrections=1000), "an operator")
        store.erase(BEN, "an operator")
        held, told = store.quotas.usage(ANA.tenant), store.audit.events()
    back_up(lasting_url, tmp_path / "backup")
    restore(tmp_path / "backup", other_url)
    with contextlib.closing(open_store(other_url)) as store:
        assert store.quotas.get(ANA.tenant) == Quota(writers=2, corrections=1000)
        assert store.quotas.usage(ANA.tenant) == held
        assert store.audit.events()[:3] == told
        assert [event.action for event in store.audit.events()[3:]] == ["backup", "restore"]
        assert [event.action for event in told] == ["add-key", "set-quota", "erase"]
        changes.record(store, ANA, [entry("counts on")], MODEL)
        after = store.quotas.usage(ANA.tenant)
        assert held is not None
        assert after is not None
        assert (after.writers, after.corrections) == (held.writers, held.corrections + 1) == (1, 20)
        assert after.bytes > held.bytes


def destroy(url: str) -> None:
    """Lose a store."""
    if "://" not in url:
        for suffix in ("", "-wal", "-shm"):
            Path(url + suffix).unlink(missing_ok=True)
        return
    name = url.rsplit("%3D", 1)[1]
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    with engine.begin() as connection:
        connection.execute(sa.text(f"DROP SCHEMA {name} CASCADE"))
        connection.execute(sa.text(f"CREATE SCHEMA {name}"))


def test_the_drill(lasting_url: str, tmp_path: Path) -> None:
    acts: list[list[Act]] = [[] for _ in range(THREADS)]
    ends = threading.Event()
    open_store(lasting_url).close()
    with contextlib.ExitStack() as stack:
        threads = [threading.Thread(target=work, args=(lasting_url, i, acts[i], ends)) for i in range(THREADS)]
        for thread in threads:
            thread.start()
            stack.callback(thread.join, 60)
        stack.callback(ends.set)
        wait_for(acts, 12)
        before = [len(some) for some in acts]
        done = back_up(lasting_url, tmp_path / "drill.backup")
        wait_for(acts, max(map(len, acts)) + 5)  # they went on
    destroy(lasting_url)
    assert restore(tmp_path / "drill.backup", lasting_url).backup == done
    with contextlib.closing(open_store(lasting_url)) as store:
        places = []
        for number, (some, least) in enumerate(zip(acts, before, strict=True)):
            contents = store.contents(Key("default", f"w{number}"))
            found = tuple(one.id for one in contents.entries), tuple(stone.id for stone in contents.tombstones)
            (place,) = [i for i, act in enumerate(some) if (act.stands, act.taken_back) == found]
            assert place >= least - 1  # what was acknowledged before is there
            places.append(place)
        cut = zip(acts, places, strict=True)
        begun, ended = zip(*[(some[place].began, some[place + 1].done) for some, place in cut], strict=True)
        assert max(begun) <= min(ended)  # one moment for all
        assert done.corrections == sum(len(some[place].stands) for some, place in zip(acts, places, strict=True))
        with served.client(Writers(store, served.recognizer())) as http:
            served.correct(http, "w0", [("after", 0, "a")])
            served.read(http, "w0", 0)
            assert served.ok(http.get("/v1/writers/w0"))["corrections"] == len(acts[0][places[0]].stands) + 1


def wait_for(acts: list[list[Act]], count: int) -> None:
    """Until each thread has done so many."""
    until = time.monotonic() + 60
    while min(map(len, acts)) < count:
        assert time.monotonic() < until
        time.sleep(0.01)


def test_a_backup_of_either_kind_fills_either_kind(lasting_url: str, other_url: str, tmp_path: Path) -> None:
    file = tmp_path / "b"
    with contextlib.closing(open_store(lasting_url)) as store:
        fill(store)
        expected, keys = everything(store), store.keys.list()
        made = back_up(lasting_url, file)
    assert (made.writers, made.corrections) == (2, 21)
    assert file.stat().st_mode & 0o077 == 0  # nobody else reads what people wrote
    restore(file, other_url)
    with contextlib.closing(open_store(other_url)) as store:
        assert everything(store) == expected
        assert (store.words(BEN), store.keys.list()) == ({"bé": 1}, keys)
        store.check()
    again = back_up(other_url, tmp_path / "again")
    assert (again.writers, again.corrections, again.rows) == (made.writers, made.corrections, made.rows + 2)  # two events more


def test_an_incarnation_is_not_given_again_after_a_restore(filled: str, tmp_path: Path) -> None:
    back_up(filled, tmp_path / "b")
    late = Key("default", "late")
    with contextlib.closing(open_store(filled)) as store:
        changes.record(store, late, [entry("1")], MODEL)
        lost = store.versions([late, ANA])
    restore(tmp_path / "b", filled, replace=True)
    with contextlib.closing(open_store(filled)) as store:
        changes.record(store, late, [entry("1")], MODEL)
        anew = store.versions([late, ANA])
        assert lost[0] is not None
        assert anew[0] is not None
        assert anew[0].profile > lost[0].profile
        assert lost[1] != anew[1]  # whoever has a state of the store before learns anew


def test_a_store_that_holds_something_is_not_filled_unless_told(lasting_url: str, filled: str, tmp_path: Path) -> None:
    back_up(filled, tmp_path / "b")
    with contextlib.closing(open_store(lasting_url)) as store:
        changes.record(store, BEN, [entry("mine")], MODEL)
    with pytest.raises(InputError, match="not empty"):
        restore(tmp_path / "b", lasting_url)
    with contextlib.closing(open_store(lasting_url)) as store:
        assert [one.id for one in store.entries(BEN)] == ["mine"]
    restore(tmp_path / "b", lasting_url, replace=True)
    with contextlib.closing(open_store(lasting_url)) as store, contextlib.closing(open_store(filled)) as source:
        assert everything(store) == everything(source)


def test_an_empty_store_is_filled(lasting_url: str, filled: str, tmp_path: Path) -> None:
    back_up(filled, tmp_path / "b")
    with contextlib.closing(open_store(lasting_url)) as running:
        restore(tmp_path / "b", lasting_url)
        assert len(running.entries(ANA)) == 19


def test_a_damaged_store_is_replaced(filled: str, tmp_path: Path) -> None:
    back_up(filled, tmp_path / "b")
    whole = Path(filled).read_bytes()
    Path(filled).write_bytes(whole[:4096] + b"\xff" * (len(whole) - 4096))
    Path(f"{filled}-wal").write_bytes(b"of the old file")
    restore(tmp_path / "b", filled, replace=True)
    with contextlib.closing(open_store(filled)) as store:
        assert len(store.entries(ANA)) == 19
        store.check()


def test_a_backup_of_an_older_release_is_renewed(tmp_path: Path, lasting_url: str) -> None:
    old = str(tmp_path / "old.db")
    with contextlib.closing(connect(old)) as database, database.writing.begin() as connection:
        make_tables(connection, "0002")
        values = "profile, tenant, name, model_hash, edition, head, time"
        connection.execute(sa.text(f"INSERT INTO allograph_profiles ({values}) VALUES (7, 'default', 'ana', '{MODEL}', 0, 0, 0)"))
    made = back_up(old, tmp_path / "b")
    assert made.migration == "0002"  # the store itself is left as it was, for its release to go on
    restore(tmp_path / "b", lasting_url)
    with contextlib.closing(open_store(lasting_url)) as store:
        (version,) = store.versions([ANA])
        assert version is not None
        assert version.profile == 7
        changes.record(store, ANA, [entry("1")], MODEL)
        assert store.entries(ANA)[0].box == entry("1").box


def test_what_is_no_store_makes_no_backup(tmp_path: Path, filled: str, schema: str) -> None:
    for url, words in ((str(tmp_path / "none.db"), "does not exist"), (schema, "no tables"), ("memory:", "lasts")):
        with pytest.raises(InputError, match=words):
            back_up(url, tmp_path / "b")
        assert not (tmp_path / "b").exists()
    with pytest.raises(InputError, match="is read"):
        back_up(filled, filled)
    with pytest.raises(InputError, match="memory"):
        restore(tmp_path / "b", "memory:")


def test_a_backup_is_no_store(filled: str, tmp_path: Path) -> None:
    back_up(filled, tmp_path / "b")
    with pytest.raises(FormatError):
        open_store(tmp_path / "b")
    with pytest.raises(FormatError, match="no backup"):
        restore(filled, str(tmp_path / "new.db"))
    with pytest.raises(InputError, match="there is no backup"):
        restore(tmp_path / "nowhere", str(tmp_path / "new.db"))
    assert not (tmp_path / "new.db").exists()


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A backup that no test changes."""
    folder = tmp_path_factory.mktemp("sound")
    with contextlib.closing(open_store(folder / "w.db")) as store:
        fill(store)
    back_up(str(folder / "w.db"), folder / "b")
    return folder / "b"


@given(data=st.data())
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_backup_that_was_cut_off_or_changed_is_refused(sound: Path, tmp_path: Path, data: st.DataObject) -> None:
    whole, file, target = bytearray(sound.read_bytes()), tmp_path / "changed", tmp_path / "target.db"
    if data.draw(st.booleans()):
        file.write_bytes(whole[: data.draw(st.integers(0, len(whole) - 1))])
        refused = True
    else:
        place = data.draw(st.integers(0, len(whole) - 1))
        whole[place] ^= data.draw(st.integers(1, 255))
        file.write_bytes(whole)
        refused = False  # a byte that nothing is in, as of an index, may change
    try:
        restore(file, str(target))
    except FormatError:
        assert not target.exists()
        return
    assert not refused
    with contextlib.closing(open_store(target)) as store, contextlib.closing(open_store(sound.parent / "w.db")) as source:
        assert everything(store) == everything(source)
    target.unlink()


def test_every_value_that_is_changed_is_noticed(sound: Path, tmp_path: Path) -> None:
    for number, statement in enumerate(
        (
            "UPDATE allograph_journal SET label = 'z' WHERE seq = 1",
            "UPDATE allograph_journal SET embedding = zeroblob(16) WHERE seq = 2",
            "UPDATE allograph_journal SET doubt = 0.5 WHERE seq = 4",
            "UPDATE allograph_words SET word = 'no' WHERE word IS NOT NULL",
            "DELETE FROM allograph_keys",
            "DELETE FROM allograph_states",
            "UPDATE allograph_profiles SET tenant = 'other'",
            "UPDATE allograph_backup SET record = replace(record, '\"writers\": 2', '\"writers\": 3')",
            "UPDATE allograph_backup SET record = '[]'",
            "DELETE FROM allograph_backup",
        )
    ):
        file = Path(shutil.copy(sound, tmp_path / str(number)))
        with contextlib.closing(sqlite3.connect(file)) as connection, connection:
            assert connection.execute(statement).rowcount
        with pytest.raises(FormatError, match="damaged"):
            restore(file, str(tmp_path / "new.db"))


def test_a_backup_of_a_later_release_is_refused(sound: Path, tmp_path: Path) -> None:
    for name, value, words in (("migration", "9999", "later release"), ("format", 2, "format 2")):
        file = Path(shutil.copy(sound, tmp_path / name))
        with contextlib.closing(sqlite3.connect(file)) as connection, connection:
            record = json.loads(connection.execute("SELECT record FROM allograph_backup").fetchone()[0])
            connection.execute("UPDATE allograph_backup SET record = ?", (json.dumps({**record, name: value}),))
        with pytest.raises(FormatError, match=words):
            restore(file, str(tmp_path / "new.db"))


@contextlib.contextmanager
def no_file_longer_than(size: int) -> Iterator[None]:
    """Let files of this process grow no longer: a full disk, for whoever writes one."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)


def test_a_full_disk_leaves_what_was_there(filled: str, tmp_path: Path) -> None:
    file = tmp_path / "b"
    back_up(filled, file)
    log = Path(f"{filled}-wal"), Path(f"{filled}-shm")  # stays with the event of a backup, as there is no room to empty it
    whole, names = file.read_bytes(), sorted(tmp_path.iterdir())
    with no_file_longer_than(40_000), pytest.raises(StorageError, match="full"):
        back_up(filled, file)
    assert (file.read_bytes(), sorted({*tmp_path.iterdir()} - {*log})) == (whole, names)
    with no_file_longer_than(40_000), pytest.raises(StorageError, match="full"):
        restore(file, str(tmp_path / "new.db"))
    with no_file_longer_than(40_000), pytest.raises(StorageError, match="full"):
        restore(file, filled, replace=True)
    assert sorted({*tmp_path.iterdir()} - {*log}) == names
    with contextlib.closing(open_store(filled)) as store:
        assert len(store.entries(ANA)) == 19


@pytest.mark.parametrize("step", ["backing up", "checking what was written"])
def test_ctrl_c_leaves_nothing(lasting_url: str, tmp_path: Path, step: str) -> None:
    with contextlib.closing(open_store(lasting_url)) as store:
        fill(store)
    before = sorted(tmp_path.iterdir())

    def stop(what: str, done: int, total: int) -> None:
        if what == step:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        back_up(lasting_url, tmp_path / "b", stop)
    assert sorted(tmp_path.iterdir()) == before
    back_up(lasting_url, tmp_path / "b")


def test_ctrl_c_restores_nothing(lasting_url: str, sound: Path, tmp_path: Path) -> None:
    def stop(what: str, done: int, total: int) -> None:
        if what == "restoring" and done > 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        restore(sound, lasting_url, progress=stop)
    assert list(tmp_path.iterdir()) == []
    restore(sound, lasting_url)
    with contextlib.closing(open_store(lasting_url)) as store:
        assert len(store.entries(ANA)) == 19


@pytest.mark.slow
def test_the_commands(filled: str, tmp_path: Path) -> None:
    said = json.loads(allograph("backup", filled, "-o", "b", "--json", cwd=tmp_path).stdout)
    assert (said["output"], said["writers"], said["corrections"]) == ("b", 2, 21)
    told = json.loads(allograph("info", "b", "--json", cwd=tmp_path).stdout)
    assert (told["kind"], told["sound"], told["writers"]) == ("backup of a store", True, 2)
    assert "writers: 2" in allograph("restore", "b", "new.db", cwd=tmp_path).stdout
    command = [*COMMAND, "restore", "b", "new.db"]
    refused = subprocess.run(command, cwd=tmp_path, env=environment(), capture_output=True, text=True, check=False)
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "--replace" in refused.stderr
    allograph("restore", "b", "new.db", "--replace", cwd=tmp_path)
    compacted = json.loads(allograph("writers", "compact", "--store", "new.db", "--json", cwd=tmp_path).stdout)
    assert compacted == {"writers": 2, "rows": 1}


def test_memory_does_not_grow_with_the_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No more rows are asked for at a time than are to be held."""
    url = str(tmp_path / "w.db")
    monkeypatch.setattr("allograph.profiles.backup.ROWS", 7)
    monkeypatch.setattr(backup_file, "ROWS", 7)
    with contextlib.closing(open_store(url)) as store:
        fill(store)
    steps: list[tuple[str, int]] = []
    back_up(url, tmp_path / "b", lambda what, done, total: steps.append((what, done)))
    for what in ("backing up", "checking what was written"):
        counts = [0, *(done for step, done in steps if step == what)]
        assert all(0 < later - one <= 7 for one, later in itertools.pairwise(counts))
