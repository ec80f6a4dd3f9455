"""A new model: profiles come over to it whole, while they are used, whenever the process is killed; none is lost on the way."""

from __future__ import annotations

import contextlib
import io
import json
import multiprocessing
import os
import shutil
import signal
import threading
import time
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from allograph import Recognizer, Writer, Writers, open_store
from allograph.bundle import Bundle
from allograph.errors import MismatchError
from allograph.profiles.journal import Key
from allograph.profiles.migration import all_keys, migrate_all
from allograph.server.background_migration import BackgroundMigration
from allograph.server.log import start
from served import image, ok, process
from small import allograph as run

Images = NDArray[np.uint8]


@pytest.fixture(scope="module")
def recognizer() -> Recognizer:
    return Recognizer(threads=1)


@pytest.fixture(scope="module")
def images(recognizer: Recognizer) -> Images:
    assert recognizer.bundle.styles is not None
    return recognizer.bundle.styles.medoids


@pytest.fixture(scope="module")
def newer(tmp_path_factory: pytest.TempPathFactory) -> Recognizer:
    """The shipped bundle around another file of the same model: another hash, the same answers."""
    folder = tmp_path_factory.mktemp("newer") / "bundle"
    shutil.copytree(Bundle.open().path, folder)
    model = folder / "model.onnx"
    model.write_bytes(model.read_bytes() + b"\x72\x00")  # an empty metadata_props entry
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    config["model_hash"] = sha256(model.read_bytes()).hexdigest()
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    return Recognizer(folder, threads=1)


def teach(writers: Writers, name: str, images: Images, count: int, bare: int = 0) -> None:
    """So many corrections, and so many more without an image."""
    readings = writers[name].read(list(images[: count + bare]), ids=[f"{name}-{i}" for i in range(count + bare)])
    for reading in readings[count:]:
        reading.image = None
    writers[name].correct(readings, [reading.base for reading in readings])


def test_old_and_new_bundle_are_used_side_by_side(
    lasting_url: str, recognizer: Recognizer, newer: Recognizer, images: Images
) -> None:
    with contextlib.closing(open_store(lasting_url)) as store:
        old, new = Writers(store, recognizer), Writers(store, newer)
        for name in ("ana", "ben"):
            teach(old, name, images, 4, bare=2)
        assert new.migrate("ana") == (4, 2)
        assert new.migrate("ana") == (0, 2)
        assert new["ana"].read(images[0]).label
        assert old["ben"].read(images[0]).label
        assert len(old["ben"].corrections) == 6
        teach(old, "ben", images[50:], 1)
        for writers, name in ((old, "ana"), (new, "ben")):
            with pytest.raises(MismatchError, match="allograph writers migrate"):
                writers[name].read(images[0])
        teach(new, "ana", images[60:], 1)
        assert old.migrate("ana") == (4, 0)  # what has no image counts again
        assert len(old["ana"].corrections) == 6


def test_what_was_brought_over_reads_as_if_taught_with_the_new_model(
    lasting_url: str, recognizer: Recognizer, newer: Recognizer, images: Images
) -> None:
    with contextlib.closing(open_store(lasting_url)) as store:
        old, new = Writers(store, recognizer), Writers(store, newer)
        for i, name in enumerate(("ana", "eva")):
            writers = (old, new)[i]
            for j in range(6):
                reading = writers[name].read(images[j * 9], ids=[f"{j}"], alphabet="letters" if j == 3 else None)
                writers[name].correct(reading, "a")
        new.migrate("ana")
        ana, eva = new["ana"], new["eva"]
        assert ana.state.to_bytes(ana.adapter) == eva.state.to_bytes(eva.adapter)


def test_an_image_that_no_model_reads_waits_and_stops_nobody(
    lasting_url: str, recognizer: Recognizer, newer: Recognizer, images: Images
) -> None:
    with contextlib.closing(open_store(lasting_url)) as store:
        old, new = Writers(store, recognizer), Writers(store, newer)
        readings = old["ana"].read(list(images[:2]))
        readings[0].image = np.zeros((28, 28), np.uint8)
        old["ana"].correct(readings, ["a", "b"])
        assert new.migrate("ana") == (1, 1)
        assert [done.label for done in new["ana"].corrections] == ["b"]


def migrate_until_killed(where: str, bundle: Path, said: int) -> None:
    """Bring everybody over, a little at a time."""
    store = open_store(where)
    newer = Recognizer(bundle, threads=1)
    os.write(said, b"\n")
    migrate_all(store, newer, all_keys(store, not_of=newer.bundle.model_hash))
    os.write(said, b"done")


@pytest.mark.slow
def test_no_kill_in_the_middle_loses_anything(
    lasting_url: str, recognizer: Recognizer, newer: Recognizer, images: Images
) -> None:
    names = [f"w{i}" for i in range(12)]
    with contextlib.closing(open_store(lasting_url)) as store:
        old = Writers(store, recognizer)
        for name in names:
            teach(old, name, images, 20, bare=1)
        before = {name: [done.label for done in old[name].corrections] for name in names}
        expected = {name: [(row.id, row.label, row.time) for row in old[name].rows()] for name in names}
    fork, finished, kills = multiprocessing.get_context("fork"), False, 0
    chance = np.random.default_rng(0)
    while not finished:
        receive, send = os.pipe()
        started = fork.Process(target=migrate_until_killed, args=(lasting_url, newer.bundle.path, send), daemon=True)
        started.start()
        os.close(send)
        with os.fdopen(receive, "rb") as said:
            said.readline()
            started.join(chance.uniform(0, 0.15) if kills < 8 else 60)
            assert started.pid is not None
            if started.is_alive():
                os.kill(started.pid, signal.SIGKILL)
                kills += 1
            started.join()
            finished = said.read() == b"done"
        with contextlib.closing(open_store(lasting_url)) as store:
            for name in names:  # each is of one model or of the other, and whole
                rows = store.rows(Key("default", name), waiting=True)
                assert [(row.id, row.label, row.time) for row in rows] == expected[name]
                tail = store.tail(Key("default", name))
                assert tail is not None
                assert len(tail.entries) == (21 if tail.model_hash == recognizer.bundle.model_hash else 20)
    assert kills > 0
    with contextlib.closing(open_store(lasting_url)) as store:
        new = Writers(store, newer)
        assert {name: [done.label for done in new[name].corrections] for name in names} == {
            name: labels[:20] for name, labels in before.items()
        }
        assert sum(new.migrate(name).without_image for name in names) == len(names)


def test_the_command_line_brings_everybody_over_and_reports_who_waits(
    tmp_path: Path, recognizer: Recognizer, newer: Recognizer, images: Images
) -> None:
    with contextlib.closing(open_store(tmp_path / "w.db")) as store:
        for tenant in ("default", "other"):
            writers = Writers(store, recognizer, tenant=tenant)
            teach(writers, "ana", images, 3, bare=1)
            teach(writers, "ben", images, 2)
    options = ("--store", "w.db", "--model", newer.bundle.path)
    one = json.loads(run("writers", "migrate", "ben", *options, "--json", cwd=tmp_path).stdout)
    assert one["writers"] == [{"tenant": "default", "name": "ben", "moved": 2, "without_image": 0}]
    done = json.loads(run("writers", "migrate", *options, "--json", cwd=tmp_path).stdout)
    assert (done["moved"], done["without_image"], done["failed"]) == (8, 2, [])
    assert [(found["tenant"], found["name"]) for found in done["writers"]] == [
        ("default", "ana"),
        ("default", "ben"),
        ("other", "ana"),
        ("other", "ben"),
    ]
    again = run("writers", "migrate", *options, cwd=tmp_path)
    assert "ana: 0 samples read anew; 1 have no image and wait" in again.stdout
    assert "no writer 'eva'" in run("writers", "migrate", "ana", "eva", *options, cwd=tmp_path, status=2).stderr


def test_the_service_brings_everybody_over_while_it_serves(
    tmp_path: Path, recognizer: Recognizer, newer: Recognizer, images: Images
) -> None:
    import httpx

    with contextlib.closing(open_store(tmp_path / "allograph.db")) as store:
        writers = Writers(store, recognizer)
        for i in range(6):
            teach(writers, f"w{i}", images, 30, bare=i % 2)
    with process(tmp_path, "--migrate", "--model", str(newer.bundle.path)) as served:
        with httpx.Client(base_url=served.url, timeout=60) as http:
            until = time.monotonic() + 60
            while time.monotonic() < until:
                body = {"samples": [{"image": image()}]}
                found = [http.post(f"/v1/writers/w{i}/read", json=body).status_code for i in range(6)]
                assert set(found) <= {200, 409}
                if set(found) == {200}:
                    break
                time.sleep(0.2)
            assert [ok(http.get(f"/v1/writers/w{i}"))["corrections"] for i in range(6)] == [30] * 6
            until = time.monotonic() + 20
            while not any('"finished"' in line for line in served.log) and time.monotonic() < until:
                time.sleep(0.1)
        served.process.send_signal(signal.SIGTERM)
        assert served.ended(30) == 0
    lines = [json.loads(line) for line in served.log if '"migrate"' in line]
    assert next(line for line in lines if "finished" in line) | {"time": ""} == {
        "time": "",
        "level": "info",
        "event": "migrate",
        "writers": 6,
        "moved": 180,
        "without_image": 3,
        "failed": 0,
        "finished": True,
    }
    assert sum(line["level"] == "warning" for line in lines) == 3


def test_it_stops_with_the_service(recognizer: Recognizer, newer: Recognizer, images: Images) -> None:
    store, log = open_store("memory:"), io.StringIO()
    old = Writers(store, recognizer)
    for i in range(40):
        teach(old, f"w{i}", images, 10)
    start("info", log)
    migrating = BackgroundMigration(Writers(store, newer))
    migrating.start()
    time.sleep(0.1)
    began = time.monotonic()
    migrating.stop()
    assert time.monotonic() - began < 5
    assert "allograph-migrate" not in {thread.name for thread in threading.enumerate()}
    left = store.every_key(not_of=newer.bundle.model_hash)
    assert 0 < len(left) <= 40
    again = BackgroundMigration(Writers(store, newer))  # the next start goes on with the rest
    again.start()
    until = time.monotonic() + 120
    while store.every_key(not_of=newer.bundle.model_hash) and time.monotonic() < until:
        time.sleep(0.1)
    again.stop()
    assert store.every_key(not_of=newer.bundle.model_hash) == []
    assert Writer("w39", newer, store=store).read(images[0]).label
