"""The audit log: who acts, what takes out what writers taught, and what a backup that is brought back leaves of it."""

from __future__ import annotations

import contextlib
import json
import os
import pwd
import sqlite3
import subprocess
import time
from pathlib import Path

import pytest

import served
from allograph.checks.store import ANA, BEN, MODEL, entry
from allograph.errors import InputError
from allograph.profiles import changes, open_store
from allograph.profiles.audit import Event
from allograph.profiles.backup import back_up, restore
from allograph.profiles.journal import Key
from allograph.writers.writers import Writers
from served import client, correct, ok, recognizer, writers
from small import COMMAND, allograph, environment

EVA = Key("default", "eva")


@pytest.fixture
def replaced(lasting_url: str, tmp_path: Path) -> str:
    """A store with a backup `b`, after which a writer was erased, another left, a key revoked, and one made."""
    with contextlib.closing(open_store(lasting_url)) as store:
        for key in (ANA, BEN, EVA):
            changes.record(store, key, [entry("1")], MODEL)
        store.erase(EVA, "user before")
        lost = store.keys.add("default", "lost", actor="user before").partition(".")[0]
    back_up(lasting_url, tmp_path / "b", actor="user backup")
    with contextlib.closing(open_store(lasting_url)) as store:
        store.erase(ANA, "user\nafter")
        store.keys.revoke(lost, "user after")
        store.keys.add("default", "new", actor="user after")
        changes.record(store, EVA, [entry("1")], MODEL)
        store.erase(EVA, "user after")  # in no backup
    return lasting_url


def test_the_audit_log_of_a_store_that_is_replaced_goes_on(replaced: str, tmp_path: Path) -> None:
    with contextlib.closing(open_store(replaced)) as store:
        before = store.audit.events()
    assert [one.action for one in before] == ["erase", "add-key", "backup", "erase", "revoke-key", "add-key", "erase"]
    for _ in range(2):  # the same log again adds nothing but the act itself
        done = restore(tmp_path / "b", replaced, replace=True, actor="user restore")
        assert done.erased == [ANA]
        assert done.revoked == [before[1].subject]
        assert (done.closed, done.unread) == (False, None)
    with contextlib.closing(open_store(replaced)) as store:
        after = store.audit.events()
        assert after[:-2] == before
        assert [(one.actor, one.action, one.subject) for one in after[-2:]] == [
            ("user restore", "restore", done.backup.sha256)
        ] * 2
        assert store.labels(ANA) == {"a"}
        store.erase(ANA, "user again")
        assert store.audit.events()[-1].actor == "user again"
    assert restore(tmp_path / "b", replaced, replace=True).erased == [ANA]


def test_the_logs_of_two_stores_are_joined(replaced: str, tmp_path: Path) -> None:
    other = str(tmp_path / "another.db")
    with contextlib.closing(open_store(other)) as store:
        for i in range(5):
            store.audit.add(Event("user other", "default", "export", f"w{i}", time.time() + i))
        theirs = store.audit.events()
    back_up(other, tmp_path / "other", actor="user other")
    with contextlib.closing(open_store(replaced)) as store:
        ours = store.audit.events()
    for _ in range(2):
        restore(tmp_path / "other", replaced, replace=True)
    with contextlib.closing(open_store(replaced)) as store:
        joined = store.audit.events()
    assert [one for one in joined if one in ours] == ours
    assert [one for one in joined if one in theirs] == theirs
    assert len(joined) == len(ours) + len(theirs) + 1 + 2  # theirs and their backup, and the restores


def test_a_restored_backup_from_before_there_were_keys_does_not_open_the_door(lasting_url: str, tmp_path: Path) -> None:
    with contextlib.closing(open_store(lasting_url)) as store:
        changes.record(store, ANA, [entry("1")], MODEL)
    back_up(lasting_url, tmp_path / "b")
    assert not restore(tmp_path / "b", lasting_url, replace=True).closed  # there was none
    with contextlib.closing(open_store(lasting_url)) as store:
        id = store.keys.add("default", "desk").partition(".")[0]
        store.keys.revoke(id)
    done = restore(tmp_path / "b", lasting_url, replace=True)
    assert done.closed
    assert done.revoked == []
    with contextlib.closing(open_store(lasting_url)) as store:
        assert store.keys
        assert store.keys.list() == []
        store.keys.reopen()
        assert not store.keys
    assert not restore(tmp_path / "b", lasting_url, replace=True).closed


def test_a_log_that_cannot_be_read_is_told_of(tmp_path: Path) -> None:
    url = tmp_path / "w.db"
    with contextlib.closing(open_store(url)) as store:
        changes.record(store, ANA, [entry(f"{i}") for i in range(30)], MODEL)
    back_up(str(url), tmp_path / "b")
    whole = url.read_bytes()
    url.write_bytes(whole[:4096] + b"\xff" * (len(whole) - 4096))
    told = allograph("restore", "b", "w.db", "--replace", cwd=tmp_path).stdout
    assert "could not be read" in told
    assert "audit log is lost" in told
    with contextlib.closing(open_store(url)) as store:
        assert [one.action for one in store.audit.events()] == ["backup", "restore"]


def test_the_restore_command_says_what_is_there_again(tmp_path: Path) -> None:
    with contextlib.closing(open_store(tmp_path / "w.db")) as store:
        changes.record(store, ANA, [entry("1")], MODEL)
    allograph("backup", "w.db", "-o", "b", cwd=tmp_path)
    with contextlib.closing(open_store(tmp_path / "w.db")) as store:
        store.erase(ANA, "user x")
        store.keys.add("default", "desk")
    told = allograph("restore", "b", "w.db", "--replace", cwd=tmp_path).stdout
    assert "erased after the backup was made, and there again:\n  ana (tenant default)\n" in told
    assert "a key is needed all the same" in told
    found = json.loads(allograph("restore", "b", "w.db", "--replace", "--json", cwd=tmp_path).stdout)
    assert found["erased"] == [{"tenant": "default", "name": "ana"}]
    assert (found["closed"], found["unread"], found["revoked"]) == (True, None, [])
    events = json.loads(allograph("audit", "--store", "w.db", "--json", cwd=tmp_path).stdout)["events"]
    assert [one["action"] for one in events] == ["backup", "erase", "add-key", "restore", "restore"]


def test_the_actor_at_the_command_line_is_the_user_whose_process_it_is(tmp_path: Path) -> None:
    me = pwd.getpwuid(os.getuid()).pw_name
    forged = {**environment(), "LOGNAME": "root\nforged", "USER": "forged"}
    subprocess.run([*COMMAND, "keys", "add", "desk"], cwd=tmp_path, env=forged, check=True, capture_output=True)
    with contextlib.closing(open_store(tmp_path / "allograph.db")) as store:
        assert [one.actor for one in store.audit.events()] == [f"user {me}"]
        store.audit.add(Event("user a\tb\nfake\tline\x1b[2J", "default", "export", "ana"))
    lines = allograph("audit", cwd=tmp_path).stdout.splitlines()
    assert len(lines) == 2
    assert "user a\\x09b\\x0afake\\x09line\\x1b[2J\tdefault\texport\tana" in lines[1]


def test_what_the_library_does_is_logged_too(store_url: str) -> None:
    me = f"program of {pwd.getpwuid(os.getuid()).pw_name}"
    with contextlib.closing(open_store(store_url)) as store, Writers(store, recognizer()) as ours:
        ours["ana"].correct(ours["ana"].read(served.sample(0)), "l")
        blob = ours.export("ana")
        ours.merge("ben", blob, actor="a phone")
        assert ours.erase("ana")
        assert not ours.erase("ana")
        store.keys.add("default", "desk")
        assert [(one.actor, one.action, one.subject) for one in store.audit.events()[:3]] == [
            (me, "export", "ana"),
            ("a phone", "import", "ben"),
            (me, "erase", "ana"),
        ]
        assert store.audit.events()[3].actor == me


def test_whoever_takes_images_or_the_state_by_another_way_is_logged(store_url: str) -> None:
    with contextlib.closing(open_store(store_url)) as store, client(writers(store)) as http:
        correct(http, "ana", [("1", 40, "q"), ("2", 41, "w")])
        ok(http.get("/v1/writers/ana/corrections?images=no"))
        ok(http.get("/v1/writers/ana/corrections?label=x"))  # nothing
        assert store.audit.events() == []
        ok(http.get("/v1/writers/ana/corrections?after=1&limit=1"))
        answer = http.get("/v1/writers/ana/state")
        assert answer.status_code == 200
        assert http.get("/v1/writers/ana/state", headers={"if-none-match": answer.headers["etag"]}).status_code == 304
        found = [(one.actor, one.tenant, one.action, one.subject) for one in store.audit.events()]
        assert found == [("anybody", "default", what, "ana") for what in ("read-images", "state")]


def test_a_backup_is_logged_or_says_that_it_is_not(tmp_path: Path) -> None:
    url = tmp_path / "w.db"
    with contextlib.closing(open_store(url)) as store:
        changes.record(store, ANA, [entry("1")], MODEL)
    allograph("backup", "w.db", "-o", "b", cwd=tmp_path)
    me = f"user {pwd.getpwuid(os.getuid()).pw_name}"
    with contextlib.closing(open_store(url)) as store:
        assert [(one.actor, one.tenant, one.action, one.subject) for one in store.audit.events()] == [(me, "", "backup", "")]
    with contextlib.closing(sqlite3.connect(url)) as connection, connection:
        connection.execute("DROP TABLE allograph_audit")
        connection.execute("UPDATE allograph_version SET version_num = '0005'")
    told = allograph("backup", "w.db", "-o", "old", cwd=tmp_path).stderr
    assert "the audit log does not hold this backup" in told


def test_a_store_and_what_is_exported_are_their_owner_s(tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        with contextlib.closing(open_store(tmp_path / "w.db")) as store:
            changes.record(store, ANA, [entry("1")], MODEL)
            assert {path.name: path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {
                "w.db": 0o600, "w.db-wal": 0o600, "w.db-shm": 0o600
            }  # fmt: skip
        allograph("writers", "export", "ana", "-o", "ana.allograph", "--store", "w.db", cwd=tmp_path)
        assert (tmp_path / "ana.allograph").stat().st_mode & 0o777 == 0o600
        (tmp_path / "ana.allograph").chmod(0o640)
        (tmp_path / "w.db").chmod(0o640)
        allograph("writers", "export", "ana", "-o", "ana.allograph", "--store", "w.db", cwd=tmp_path)
        for name in ("ana.allograph", "w.db"):  # what is there keeps its mode
            assert (tmp_path / name).stat().st_mode & 0o777 == 0o640
    finally:
        os.umask(before)
    with pytest.raises(InputError, match="does not exist"):
        open_store(tmp_path / "none.db", existing=True)
