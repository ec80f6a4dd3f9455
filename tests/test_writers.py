"""Writers that last: restarts, other processes, other models, erasing; in every store."""

from __future__ import annotations

import contextlib
import gc
import json
import secrets
import shutil
import subprocess
import sys
import threading
import tracemalloc
import types
from collections.abc import Generator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from allograph import Recognizer, Writer, Writers, open_store
from allograph.adapters import State
from allograph.adapters.allograph import Allograph
from allograph.adapters.lookup import Lookup
from allograph.bundle import Bundle
from allograph.errors import FormatError, ImageError, InputError, MismatchError, UnknownCorrection, UnknownLabel, UnknownWriter
from allograph.profiles import Store
from allograph.readings import Corrections, Reading
from allograph.writers import Request
from allograph.writers.live_profile import PAGE
from small import allograph as run
from small import environment

Images = NDArray[np.uint8]


@pytest.fixture(scope="module")
def recognizer() -> Recognizer:
    return Recognizer(threads=1)


@pytest.fixture(scope="module")
def images(recognizer: Recognizer) -> Images:
    assert recognizer.bundle.styles is not None
    return recognizer.bundle.styles.medoids


@pytest.fixture(scope="module")
def other_model(tmp_path_factory: pytest.TempPathFactory) -> Recognizer:
    """The shipped bundle around another file of the same model."""
    folder = tmp_path_factory.mktemp("other") / "bundle"
    shutil.copytree(Bundle.open().path, folder)
    from hashlib import sha256

    model = folder / "model.onnx"
    model.write_bytes(model.read_bytes() + b"\x72\x00")  # an empty metadata_props entry: another hash, the same answers
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    config["model_hash"] = sha256(model.read_bytes()).hexdigest()
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    return Recognizer(folder, threads=1)


@pytest.fixture
def store(store_url: str) -> Generator[Store]:
    with contextlib.closing(open_store(store_url)) as opened:
        yield opened


@pytest.fixture
def lasting(lasting_url: str) -> Generator[Store]:
    with contextlib.closing(open_store(lasting_url)) as opened:
        yield opened


def teach(writer: Writer, images: Images, count: int, start: int = 0) -> list[Reading]:
    """Correct so many readings, every third to another label than the base's."""
    readings = []
    for i in range(start, start + count):
        reading = writer.read(np.roll(images[(7 * i) % len(images)], i % 3 - 1, 1))
        writer.correct(reading, "a" if i % 3 == 0 else reading.base)
        readings.append(reading)
    return readings


def answers(writer: Writer, images: Images) -> list[tuple[str, list[tuple[str, float]]]]:
    """All that readings say, to the last bit."""
    return [(reading.label, reading.best(94)) for reading in writer.read(list(images[::9]))]


def same_state(one: Writer, other: Writer) -> bool:
    return one.state.to_bytes(one.adapter) == other.state.to_bytes(other.adapter)


def test_answers_after_a_restart_are_those_before_it(store_url: str, recognizer: Recognizer, images: Images) -> None:
    if store_url == "memory:":
        return  # what lives in memory does not outlive it
    with contextlib.closing(open_store(store_url)) as store, Writers(store, recognizer) as writers:
        teach(writers["ana"], images, 12)
        before, corrections = answers(writers["ana"], images), writers["ana"].corrections
    for keep in (True, False):
        with contextlib.closing(open_store(store_url)) as store:
            if not keep:
                with store.change(writers["ana"].live.key, None) as change:
                    change.rewrite(change.find(), [], change.model_hash)  # no state any more: the journal is learned anew
            again = Writers(store, recognizer)["ana"]
            assert again.corrections == corrections
            assert answers(again, images) == before
            why = again.read(images[0]).why()
            assert {found["id"] for found in why.evidence["nearest"]} <= {done.id for done in corrections}


@pytest.mark.parametrize("adapter", ["paper", "memory", "allograph"])
def test_the_stored_state_and_the_journal_give_the_same(
    store: Store, recognizer: Recognizer, images: Images, adapter: str
) -> None:
    writers = Writers(store, recognizer, adapter)
    ana = writers["ana"]
    teach(ana, images, 5)
    ana.live.up_to_date()
    ana.live.save_checkpoint()
    teach(ana, images, 4, start=5)  # the state is behind by these
    from_state = Writers(store, recognizer, adapter)["ana"]
    assert store.state(ana.live.key) is not None
    from_journal = Writer("ana", recognizer, adapter)
    for entry in ana.entries():
        assert entry.image is not None
        from_journal.correct(from_journal.read(entry.image, ids=[entry.id]), entry.label)
    assert same_state(from_state, ana)
    assert same_state(from_journal, ana)


def test_another_adapter_or_other_statistics_learn_the_journal_anew(store: Store, recognizer: Recognizer, images: Images) -> None:
    with Writers(store, recognizer, "memory") as writers:
        teach(writers["ana"], images, 5)
        assert len(writers["ana"].corrections) == 5
    other = Writers(store, recognizer, "lookup")["ana"]
    assert other.adapter.name == "lookup"
    assert len(other.state.arrays["labels"]) == 5


def test_two_that_correct_the_same_writer_see_each_other_and_end_in_the_same_state(
    store: Store, recognizer: Recognizer, images: Images
) -> None:
    one, two = Writers(store, recognizer)["ana"], Writers(store, recognizer)["ana"]
    failures: list[BaseException] = []

    def work(writer: Writer, start: int) -> None:
        try:
            teach(writer, images, 12, start)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(writer, 20 * i)) for i, writer in enumerate((one, two))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert one.corrections == two.corrections
    assert len(one.corrections) == 24
    assert same_state(one, two)
    reading = one.read(images[5])
    two.correct(two.read(images[5]), "&")
    assert one.read(images[5]).label == "&"
    one.undo(two.corrections[-1].id)
    assert two.read(images[5]).label == reading.label


def test_taking_back_is_as_if_it_had_never_been(store: Store, recognizer: Recognizer, images: Images) -> None:
    ana, ben = (Writers(store, recognizer)[name] for name in ("ana", "ben"))
    readings = teach(ana, images, 8)
    ana.live.save_checkpoint()
    for i, reading in enumerate(readings):
        if i not in (2, 5):
            ben.correct(reading, "a" if i % 3 == 0 else reading.base)
    ana.undo(readings[2].id)
    ana.undo(readings[5].id)
    assert same_state(ana, ben)
    assert [done.id for done in ana.corrections] == [done.id for done in ben.corrections]
    with pytest.raises(UnknownCorrection, match="no correction"):
        ana.undo(readings[2].id)
    ana.correct(readings[3].id, "Q")
    assert ana.corrections[-1].label == "Q"
    assert ana.read(readings[3].image if readings[3].image is not None else images[0]).label == "Q"
    with pytest.raises(UnknownLabel):
        ana.correct(readings[3].id, "ξ")
    assert ana.correct(readings[3].id, "ξ", new=True).label == "ξ"
    assert ana.forget(label="ξ") == 1


def test_a_list_of_readings_is_one_batch(store: Store, recognizer: Recognizer, images: Images) -> None:
    ana = Writers(store, recognizer)["ana"]
    readings = ana.read(list(images[:6]), ids=[f"id {i}" for i in range(6)])
    done = ana.correct(readings, ["a"] * 6)
    assert [one.id for one in done] == [f"id {i}" for i in range(6)]
    assert len({entry.batch for entry in ana.entries()}) == 1
    assert len(ana.corrections) == 6
    with pytest.raises(InputError, match="as many labels"):
        ana.correct(readings, ["a"])
    with pytest.raises(InputError, match="as many labels"):
        ana.correct(readings, "aaaaaa")
    with pytest.raises(UnknownLabel):
        ana.correct(ana.read(list(images[6:8])), ["a", "ξ"])
    assert len(ana.corrections) == 6
    with pytest.raises(InputError, match="as many ids"):
        ana.read(list(images[:2]), ids=["x", "x"])


def test_the_journal_says_what_was_shown_and_keeps_what_the_owner_allows(
    store: Store, recognizer: Recognizer, images: Images
) -> None:
    ana = Writers(store, recognizer)["ana"]
    first = ana.read(images[200])
    ana.correct(first, "q")
    second = ana.read(images[200], alphabet=["q", "r", first.base])
    ana.accept(second)
    (one, two) = ana.entries()
    assert (one.label, one.base, one.answer, one.implicit, one.alphabet) == ("q", first.base, first.label, False, None)
    assert (two.label, two.base, two.answer, two.implicit) == ("q", second.base, "q", True)
    assert two.alphabet == tuple(sorted({"q", "r", first.base}))
    assert one.image is not None
    assert np.array_equal(one.image, images[200])
    bare = Writers(store, recognizer, keep_images=False)["ben"]
    bare.correct(bare.read(images[0]), "a")
    assert bare.entries()[0].image is None
    assert bare.read(images[0]).label == "a"


def test_in_the_shadow_the_base_answers_and_the_journal_tells_what_would_have_been(
    store: Store, recognizer: Recognizer, images: Images
) -> None:
    ana = Writers(store, recognizer, shadow=True)["ana"]
    first = ana.read(images[200])
    ana.correct(first, "q")
    second = ana.read(images[200])
    assert (second.label, second.base, second.personal) == (first.base, first.base, "q")
    ana.correct(second, "q")
    assert [entry.answer for entry in ana.entries()] == [first.base, "q"]
    own = ana.read(images[3])
    ana.correct(own, "ξ", new=True)
    assert ana.read(images[3]).personal == "ξ"
    assert ana.read(images[3]).label == own.base


def test_reading_for_many_is_reading_for_each_and_an_error_spoils_no_other(
    store: Store, recognizer: Recognizer, images: Images
) -> None:
    writers = Writers(store, recognizer)
    teach(writers["ana"], images, 6)
    teach(writers.of("other")["ana"], images, 3, start=40)
    asked = [
        Request("ana", images[:3]),
        Request("nobody", images[3:4], alphabet="digits"),
        Request("ana", np.zeros((1, 28, 28), np.uint8)),
        Request("ana", images[9:11], tenant="other"),
        Request("", images[:1]),
        Request("ana", images[:1], alphabet="runes"),
    ]
    found = writers.read_together(asked)
    ana, other = writers["ana"], writers.of("other")["ana"]
    alone = [ana.read(list(images[:3])), [writers["nobody"].read(images[3], "digits")], [], other.read(list(images[9:11]))]
    for i in (0, 1, 3):
        readings = found[i]
        assert isinstance(readings, list)
        assert [reading.label for reading in readings] == [reading.label for reading in alone[i]]
    assert isinstance(found[2], ImageError)
    assert isinstance(found[4], InputError)
    assert isinstance(found[5], InputError)
    assert "nobody" not in writers  # reading alone begins no profile
    assert writers.read_together([]) == []
    assert all(isinstance(one, InputError) for one in writers.read_together([asked[2], asked[4]]))


def test_tenants_do_not_mix(store: Store, recognizer: Recognizer, images: Images) -> None:
    writers = Writers(store, recognizer)
    other = writers.of("other")
    teach(writers["ana"], images, 3)
    assert ("ana" in writers, "ana" in other, list(other), len(other)) == (True, False, [], 0)
    assert other["ana"].corrections == []
    assert not other.erase("ana")
    with pytest.raises(UnknownWriter):
        other.export("ana")
    assert len(writers["ana"].corrections) == 3


def test_a_profile_moves_by_a_file_and_merges(store: Store, recognizer: Recognizer, images: Images) -> None:
    phone, desk = Writers(store, recognizer), Writers(open_store("memory:"), recognizer)
    teach(phone["ana"], images, 6)
    desk.merge("ana", phone.export("ana"))
    assert same_state(desk["ana"], phone["ana"])
    teach(phone["ana"], images, 2, start=20)
    phone["ana"].undo(phone["ana"].corrections[0].id)
    teach(desk["ana"], images, 3, start=30)
    there, here = phone.export("ana"), desk.export("ana")
    assert phone.merge("ana", here) == (3, 0)
    assert desk.merge("ana", there) == (2, 1)
    assert phone["ana"].corrections == desk["ana"].corrections
    assert len(desk["ana"].corrections) == 10
    assert same_state(desk["ana"], phone["ana"])
    with pytest.raises(FormatError):
        desk.merge("ana", there[:-5])
    with pytest.raises(UnknownWriter):
        desk.export("nobody")


def test_a_profile_of_another_model_asks_to_be_migrated(
    store: Store, recognizer: Recognizer, other_model: Recognizer, images: Images
) -> None:
    old, new = Writers(store, recognizer), Writers(store, other_model)
    teach(old["ana"], images, 4)
    bare = Writers(store, recognizer, keep_images=False)["ana"]
    bare.correct(bare.read(images[100]), "a")
    for act in (
        lambda: new["ana"].read(images[0]),
        lambda: new["ana"].corrections,
        lambda: new["ana"].correct(Writer("x", other_model).read(images[0]), "a"),
    ):
        with pytest.raises(MismatchError, match="allograph writers migrate"):
            act()
    assert new.migrate("ana") == (4, 1)
    assert len(new["ana"].corrections) == 4
    teach(new["ana"], images, 1, start=50)
    with pytest.raises(MismatchError):
        old["ana"].read(images[0])
    assert old.migrate("ana") == (5, 0)
    assert len(old["ana"].corrections) == 6  # the one without an image counts again
    with pytest.raises(UnknownWriter):
        new.migrate("nobody")


@pytest.mark.slow
def test_memory_is_bounded_however_many_writers_there_are(lasting: Store, recognizer: Recognizer, images: Images) -> None:
    def held(writers: Writers, names: list[str]) -> int:
        """Bytes that Python holds more of, once these writers were taught and read for."""
        gc.collect()
        before = tracemalloc.get_traced_memory()[0]
        for i, name in enumerate(names):
            teach(writers[name], images, 3, start=i)
            writers[name].read(images[0])
        gc.collect()
        return tracemalloc.get_traced_memory()[0] - before

    bounded, unbounded = Writers(lasting, recognizer, memory=100_000), Writers(lasting, recognizer, memory=2**40)
    held(bounded, ["first"])  # what is made once, whoever is read
    tracemalloc.start()
    try:
        few = held(bounded, [f"w{i}" for i in range(12)])
        all_of_them = held(unbounded, [f"v{i}" for i in range(12)])
    finally:
        tracemalloc.stop()
    assert few < all_of_them / 2
    count, size = bounded.warm
    assert 1 <= count < 12
    assert size <= 100_000
    assert all(len(bounded[name].corrections) == 3 for name in bounded if name.startswith("w"))


def test_what_another_process_erased_does_not_stay_warm(store: Store, recognizer: Recognizer, images: Images) -> None:
    here, there = Writers(store, recognizer), Writers(store, recognizer)
    for name in ("ana", "ben"):
        teach(here[name], images, 2)
        here[name].read(images[0])
    before = here["ana"].read(images[0]).base
    assert there.erase("ana")
    assert here["ana"].read(images[0]).label == before
    assert here["ana"].corrections == []
    assert there.erase("ben")
    here.refresh()
    assert all("ben" not in key for key in here._warm.kept)
    here.refresh()


def test_on_sqlite_no_byte_of_an_erased_writer_remains(tmp_path: Path, recognizer: Recognizer, images: Images) -> None:
    where = tmp_path / "writers.db"
    with contextlib.closing(open_store(where)) as store, Writers(store, recognizer) as writers:
        teach(writers["ben"], images, 40)
        ana = writers["ana-the-secret-name"]
        readings = teach(ana, images, 60, start=100)
        ana.correct(ana.read(images[0], ids=["a-telling-id"]), "SECRETLABEL", new=True)
        ana.undo(readings[10].id)
        ana.live.up_to_date()
        ana.live.save_checkpoint()
        entries = ana.entries()
        state = ana.state.to_bytes(ana.adapter)
        needles = [b"ana-the-secret-name", b"a-telling-id", b"SECRETLABEL", state[-200:]]
        for entry in entries[::5]:
            assert entry.image is not None
            needles += [entry.outputs.embeddings.tobytes()[64:128], entry.image.tobytes()[300:400], entry.id.encode()]
        needles += [readings[10].outputs.embeddings.tobytes()[64:128]]
        needles = [needle for needle in needles if needle.strip(b"\x00")]
        held = b"".join(path.read_bytes() for path in tmp_path.iterdir())
        assert sum(needle in held for needle in needles) > len(needles) // 2
        assert writers.erase("ana-the-secret-name")
        held = b"".join(path.read_bytes() for path in tmp_path.iterdir())
        assert [needle for needle in needles if needle in held] == needles[:1]  # the name is in the audit log, and nowhere else
        assert held.count(needles[0]) == len(store.audit.events()) == 1
        assert len(writers["ben"].corrections) == 40


def test_on_postgresql_no_row_of_an_erased_writer_remains(schema: str, recognizer: Recognizer, images: Images) -> None:
    import sqlalchemy as sa

    with contextlib.closing(open_store(schema)) as store, Writers(store, recognizer) as writers:
        teach(writers["ana"], images, 5)
        writers["ana"].live.up_to_date()
        writers["ana"].live.save_checkpoint()
        assert writers.erase("ana")
    with sa.create_engine(schema.replace("postgresql://", "postgresql+psycopg://")).connect() as connection:
        for table in ("profiles", "journal", "states"):
            assert connection.execute(sa.text(f"SELECT count(*) FROM allograph_{table}")).scalar_one() == 0


CORRECT = """
import sys
import numpy as np
from allograph import Recognizer, Writers, open_store
recognizer = Recognizer(threads=1)
images = recognizer.bundle.styles.medoids
ana = Writers(open_store(sys.argv[1]), recognizer)["ana"]
for i in range(10):
    ana.correct(ana.read(images[int(sys.argv[2]) + i], ids=[f"{sys.argv[2]}-{i}"]), "a")
"""


@pytest.mark.slow
def test_two_processes_keep_all_that_both_correct(lasting_url: str, recognizer: Recognizer, images: Images) -> None:
    processes = [
        subprocess.Popen([sys.executable, "-c", CORRECT, lasting_url, str(start)], env=environment(), stderr=subprocess.PIPE)
        for start in (0, 100)
    ]
    for process in processes:
        _, said = process.communicate(timeout=120)
        assert process.returncode == 0, said
    with contextlib.closing(open_store(lasting_url)) as store:
        found = [Writers(store, recognizer)["ana"] for _ in range(2)]
        assert {done.id for done in found[0].corrections} == {f"{start}-{i}" for start in (0, 100) for i in range(10)}
        assert same_state(*found)
        assert found[0].read(images[105]).label == "a"


def test_names_are_checked(store: Store, recognizer: Recognizer) -> None:
    writers = Writers(store, recognizer)
    for wrong in ("", "x" * 129, "a\nb", "\ud800"):
        with pytest.raises(InputError, match="name of a writer"):
            _ = writers[wrong]
        with pytest.raises(InputError, match="name of a tenant"):
            writers.of(wrong)
    assert writers["<é&\U0001f600>"].corrections == []


@pytest.mark.slow
def test_the_command_line_lists_shows_moves_migrates_and_erases(tmp_path: Path, recognizer: Recognizer, images: Images) -> None:
    with contextlib.closing(open_store(tmp_path / "w.db")) as store, Writers(store, recognizer) as writers:
        teach(writers["ana"], images, 4)
        teach(writers["ben"], images, 2)
    store_at = ("--store", "w.db")
    listed = json.loads(run("writers", "list", *store_at, "--json", cwd=tmp_path).stdout)
    assert listed["writers"] == [{"name": "ana", "corrections": 4}, {"name": "ben", "corrections": 2}]
    assert "ana" in run("writers", "list", *store_at, cwd=tmp_path).stdout
    shown = json.loads(run("writers", "show", "ana", *store_at, "--json", cwd=tmp_path).stdout)
    assert (shown["name"], shown["corrections"]) == ("ana", 4)
    assert shown["model"] == recognizer.bundle.model_hash
    run("writers", "export", "ana", "-o", "ana.allograph", *store_at, cwd=tmp_path)
    assert "profile" in run("info", "ana.allograph", cwd=tmp_path).stdout
    run("writers", "import", "ana.allograph", "--as", "eva", *store_at, cwd=tmp_path)
    again = json.loads(run("writers", "import", "ana.allograph", "--as", "eva", *store_at, "--json", cwd=tmp_path).stdout)
    assert (again["added"], again["removed"]) == (0, 0)
    done = json.loads(run("writers", "migrate", "--all", *store_at, "--json", cwd=tmp_path).stdout)
    assert [(one["name"], one["moved"]) for one in done["writers"]] == [("ana", 0), ("ben", 0), ("eva", 0)]
    assert run("writers", "erase", "ana", *store_at, cwd=tmp_path, status=2).stderr.startswith("allograph: ")
    run("writers", "erase", "ana", "--yes", *store_at, cwd=tmp_path)
    assert "no writer 'ana'" in run("writers", "show", "ana", *store_at, cwd=tmp_path, status=2).stderr
    assert "does not exist" in run("writers", "list", "--store", "none.db", cwd=tmp_path, status=2).stderr
    assert not (tmp_path / "none.db").exists()
    (tmp_path / "half.allograph").write_bytes((tmp_path / "ana.allograph").read_bytes()[:-9])
    assert "truncated" in run("writers", "import", "half.allograph", "--as", "x", *store_at, cwd=tmp_path, status=2).stderr


def test_taking_the_last_correction_back_learns_no_other_anew(store: Store, recognizer: Recognizer, images: Images) -> None:
    learned: list[str] = []

    class Counting(Allograph):
        def learn(self, state: State, batch: Corrections) -> State:
            learned.extend(batch.ids)
            return super().learn(state, batch)

    ana = Writers(store, recognizer, Counting.of(recognizer.bundle))["ana"]
    readings = teach(ana, images, 6)
    before = answers(ana, images)
    last = ana.read(images[300])
    ana.correct(last, "q")
    assert ana.read(images[300]).label == "q"
    learned.clear()
    ana.undo(last.id)
    assert answers(ana, images) == before
    assert learned == []
    ana.undo(readings[0].id)
    assert len(ana.corrections) == 5
    assert len(learned) == 5


@pytest.mark.slow
def test_taking_an_early_correction_back_learns_on_from_a_checkpoint(
    store: Store, recognizer: Recognizer, images: Images
) -> None:
    learned: list[str] = []

    class Counting(Lookup):
        def learn(self, state: State, batch: Corrections) -> State:
            learned.extend(batch.ids)
            return super().learn(state, batch)

    writers = Writers(store, recognizer, Counting.of(recognizer.bundle))
    ana = writers["ana"]
    readings = ana.read(list(np.tile(images[:70], (5, 1, 1))))
    for reading in readings:
        ana.correct(reading, "a")
        if len(learned) % 50 == 0:
            assert len(ana.corrections) > 0
        _ = ana.state
    for back, most in ((3, 3 + 128), (100, 4 * 100), (340, 350)):
        learned.clear()
        ana.undo(readings[-back].id)
        assert readings[-back].id not in {done.id for done in ana.corrections}
        assert len(learned) <= most
    fresh = Writers(store, recognizer, Counting.of(recognizer.bundle))["ana"]
    learned.clear()
    assert same_state(fresh, ana)
    assert len(learned) <= 64


def test_a_batch_larger_than_a_page_of_the_journal_is_learned_whole(store: Store, recognizer: Recognizer, images: Images) -> None:
    sizes: list[int] = []

    class Counting(Lookup):
        def learn(self, state: State, batch: Corrections) -> State:
            sizes.append(len(batch.labels))
            return super().learn(state, batch)

    ana = Writers(store, recognizer, Counting.of(recognizer.bundle))["ana"]
    for count in (3, PAGE - 3, 2 * PAGE + 7, 1):
        ana.correct(ana.read(list(np.resize(images, (count, 28, 28)))), ["a"] * count)
    assert len(ana.corrections) == 3 * PAGE + 8
    assert sizes == [3, PAGE - 3, 2 * PAGE + 7, 1]


def held(needles: dict[str, bytes]) -> set[str]:
    """Which of these a string, bytes or an array on the heap holds; the frames of the test itself apart."""
    gc.collect()
    found, seen = set(), {id(needle) for needle in needles.values()}
    waiting = [one for one in gc.get_objects() if not isinstance(one, types.FrameType)]
    while waiting:
        one = waiting.pop()
        for value in gc.get_referents(one):
            if id(value) in seen:
                continue
            if isinstance(value, dict | tuple | list) and not gc.is_tracked(value):  # as those that hold nothing but arrays
                seen.add(id(value))
                waiting.append(value)
            raw = value.encode("utf-8", "replace") if isinstance(value, str) else value if isinstance(value, bytes) else b""
            if type(value) is np.ndarray and value.dtype != object:
                raw = value.tobytes()
            if raw:
                found |= {name for name, needle in needles.items() if needle in raw}
    return found


@pytest.mark.slow
def test_nothing_of_what_was_taken_back_elsewhere_stays_in_memory(lasting: Store, recognizer: Recognizer, images: Images) -> None:
    where = str(lasting._engine.url.render_as_string(hide_password=False))  # type: ignore[attr-defined]
    with contextlib.closing(open_store(where)) as other:
        here, there = Writers(lasting, recognizer), Writers(other, recognizer)
        needles: dict[str, bytes] = {}
        for place, name in enumerate(("erased", "undone", "forgotten")):
            teach(there[name], images, 5)
            id = f"{name}-{secrets.token_hex(8)}"
            there[name].correct(there[name].read(images[300 + place], ids=[id]), "q")
            needles[f"id of the {name}"] = id.encode()
            needles[f"features of the {name}"] = there[name].state.arrays["vectors"][-1].tobytes()
            assert isinstance(there[name].adapter, Allograph)
            assert here[name].read(images[300 + place]).label == "q"
            teach(here[name], images, 1, start=30)
            here[name].read(images[301])
        kept = here["erased"]  # an app may hold on to a writer
        assert held(needles) == set(needles)
        there.erase("erased")
        there["undone"].undo(needles["id of the undone"].decode())
        there["forgotten"].forget(label="q")
        del id
        here.refresh()
        there.refresh()
        assert held(needles) == set()
        assert kept.corrections == []


def test_a_reading_of_another_model_is_not_learned(
    store: Store, recognizer: Recognizer, other_model: Recognizer, images: Images
) -> None:
    ana = Writers(store, recognizer)["ana"]
    foreign = Writer("x", other_model).read(images[0])
    for act in (lambda: ana.correct(foreign, "a"), lambda: ana.accept(foreign)):
        with pytest.raises(MismatchError, match="another model"):
            act()
    assert ana.corrections == []


def test_readings_and_stored_corrections_are_applied_in_their_order_or_not_at_all(
    store: Store, recognizer: Recognizer, images: Images
) -> None:
    ana = Writers(store, recognizer)["ana"]
    ana.correct(ana.read(list(images[:3]), ids=["1", "2", "3"]), ["a", "b", "c"])
    more = ana.read(list(images[3:5]), ids=["4", "5"])
    unknown: list[list[Reading | str]] = [[more[0], "2", "none"], ["1", more[1], "x"]]
    for wrong in unknown:
        with pytest.raises(UnknownCorrection):
            ana.correct(wrong, ["a", "b", "c"])
    with pytest.raises(UnknownLabel):
        ana.correct([more[0], "2", more[1]], ["a", "ξ", "c"])
    assert [(one.id, one.label) for one in ana.corrections] == [("1", "a"), ("2", "b"), ("3", "c")]
    ana.correct([more[0], "2", more[1]], ["ξ", "ξ", "e"], new=[True, True, False])
    assert [(one.id, one.label) for one in ana.corrections] == [("1", "a"), ("3", "c"), ("4", "ξ"), ("2", "ξ"), ("5", "e")]
    assert len({entry.batch for entry in ana.entries()}) == 2
    ana.correct("4", "d")
    ana.correct("1", "ξ")  # the writer's own by now
    with pytest.raises(UnknownCorrection):
        Writers(store, recognizer)["nobody"].correct("1", "a")
    assert "nobody" not in Writers(store, recognizer)
