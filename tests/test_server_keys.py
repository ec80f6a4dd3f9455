"""What a key lets one do and until when, what a tenant may have, and who did what: in a service, and at the command line."""

from __future__ import annotations

import contextlib
import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest
import sqlalchemy as sa

from allograph.checks.store import ANA, BEN, MODEL, entry
from allograph.errors import InputError, QuotaError, StorageError
from allograph.profiles import changes, open_store
from allograph.profiles.audit import Event
from allograph.profiles.database import connect
from allograph.profiles.keys import SCOPES, Scope
from allograph.profiles.quotas import Quota, Usage
from allograph.profiles.sql import SqlStore
from allograph.profiles.tables import journal, own_words, profiles
from allograph.profiles.upgrade import make_tables
from allograph.server.scopes import needed_scope
from served import INK, client, correct, image, ok, problem, process, read, writers
from small import allograph

LATER = 4e9
NEEDED: list[tuple[str, str, Any, Scope]] = [
    ("POST", "/v1/writers/ana/read", {"samples": [{"ink": INK}]}, "read"),
    ("POST", "/v1/writers/ana/lines/read", {"ink": INK}, "read"),
    ("GET", "/v1/writers", None, "read"),
    ("GET", "/v1/writers/ana/suggestions", None, "read"),
    ("GET", "/v1/metrics", None, "read"),
    ("POST", "/v1/writers/ana/correct", {"corrections": [{"id": "2", "image": image(41), "label": "w"}]}, "teach"),
    ("POST", "/v1/writers/ana/accept", {"corrections": [{"id": "3", "image": image(42), "label": "e"}]}, "teach"),
    ("POST", "/v1/writers/ana/forget", {"label": "w"}, "teach"),
    ("POST", "/v1/writers/ana/words/forget", {}, "teach"),
    ("GET", "/v1/writers/ana/profile", None, "administer"),
    ("PUT", "/v1/writers/ana/profile", None, "administer"),
    ("DELETE", "/v1/writers/ana", None, "administer"),
]


def bearer(key: str) -> dict[str, str]:
    return {"authorization": f"Bearer {key}"}


def test_a_key_may_do_what_its_scope_says_and_no_more() -> None:
    store = open_store("memory:")
    keys = {scope: bearer(store.keys.add("ours", scope, scope)) for scope in SCOPES}
    with client(writers(store)) as http:
        http.headers.update(keys["administer"])
        correct(http, "ana", [("1", 40, "q")])
        blob = ok_bytes(http.get("/v1/writers/ana/profile"))
        for method, path, body, needed in NEEDED:
            rest: dict[str, Any] = {"content": blob} if method == "PUT" else {"json": body}
            for scope in SCOPES:
                answer = http.request(method, path, headers=keys[scope], **rest)
                if SCOPES.index(scope) < SCOPES.index(needed):
                    assert problem(answer, 403, f"the scope {needed}")["type"] == "urn:allograph:scope"
                else:
                    assert answer.status_code == 200, (method, path, scope, answer.text)


def test_every_operation_says_which_scope_it_needs_and_what_is_unknown_needs_the_most() -> None:
    with client() as http:
        paths = ok(http.get("/v1/openapi.json"))["paths"]
    told = {(method.upper(), path): rest["security"] for path, found in paths.items() for method, rest in found.items()}
    for method, path, _, scope in NEEDED:
        assert told[method, path.replace("ana", "{writer}")] == [{"key": [scope]}, {}]
    assert needed_scope("PATCH", "/v1/writers/ana/read") == "administer"
    assert needed_scope("GET", "/v1/writers/ana/profile/") == "administer"
    assert needed_scope("GET", "/v1/writers/profile") == "read"


def ok_bytes(response: httpx.Response) -> bytes:
    assert response.status_code == 200, response.text
    return response.content


def test_an_expired_key_is_told_so_at_once() -> None:
    store = open_store("memory:")
    key = store.keys.add("ours", "a", "read", time.time() + 1.5)
    with client(writers(store), key_seconds=60.0) as http:
        ok(http.get("/v1/writers", headers=bearer(key)))
        time.sleep(1.6)  # what the store said of it is still remembered
        assert problem(http.get("/v1/writers", headers=bearer(key)), 401, "has expired")["type"] == "urn:allograph:expired"
        problem(http.get("/v1/writers", headers=bearer(key + "x")), 401, "unknown")


def test_a_rotated_key_has_two_secrets_for_a_while(store_url: str) -> None:
    with contextlib.closing(open_store(store_url)) as store:
        first = store.keys.add("ours", "phone", "teach")
        id = first.partition(".")[0]
        second = store.keys.rotate(id, 60.0)
        assert second.partition(".")[0] == id
        assert second != first
        found, old = store.keys.find(second), store.keys.find(first)
        assert found is not None
        assert old is not None
        assert (found.scope, found.expires, found.tenant) == ("teach", None, "ours")
        assert old.expires == found.old_expires
        assert time.time() + 50 < (old.expires or 0) < time.time() + 61
        third = store.keys.rotate(id, 0.0, LATER)  # the first goes at once, the second is over
        assert store.keys.find(first) is None
        assert store.keys.tenant_of(second) is None
        assert store.keys.tenant_of(third) == "ours"
        assert [key.expires for key in store.keys.list()] == [LATER]
        assert store.keys.revoke(id)
        assert [store.keys.find(key) for key in (first, second, third)] == [None] * 3
        for gone in (id, "x"):
            with pytest.raises(InputError, match="no key"):
                store.keys.rotate(gone, 1.0)
        for when in (0.0, time.time() - 1, float("nan"), 1e300):
            with pytest.raises(InputError, match="yet to come"):
                store.keys.add("ours", "late", "read", when)
        over = store.keys.add("ours", "short", expires=time.time() + 0.05).partition(".")[0]
        time.sleep(0.1)
        with pytest.raises(InputError, match="has expired"):
            store.keys.rotate(over, 60.0)
        assert store.keys.tenant_of(store.keys.rotate(over, 60.0, LATER)) == "ours"


def test_of_two_who_rotate_at_once_one_is_told_so(lasting_url: str) -> None:
    with contextlib.closing(open_store(lasting_url)) as store:
        id = store.keys.add("ours", "phone").partition(".")[0]
        together, made, refused = threading.Barrier(4), [], []

        def rotate(_: int) -> None:
            together.wait()
            try:
                made.append(store.keys.rotate(id, 60.0))
            except InputError as error:
                refused.append(str(error))

        with ThreadPoolExecutor(4) as pool:
            list(pool.map(rotate, range(4)))
        assert made
        assert all("by somebody else" in one for one in refused)
        valid = [key for key in made if store.keys.tenant_of(key)]
        assert made[-1] in valid or len(valid) >= 1
        assert len([one for one in store.audit.events() if one.action == "rotate-key"]) == len(made)


def test_keys_from_before_scopes_may_do_all_they_could(lasting_url: str) -> None:
    with contextlib.closing(open_store(lasting_url)) as store:
        key = store.keys.add("ours", "old")
        url = lasting_url if "://" in lasting_url else f"sqlite:///{lasting_url}"
        engine = sa.create_engine(url, poolclass=sa.NullPool)
        with engine.begin() as connection:  # as the release before left it
            connection.execute(sa.text("UPDATE allograph_keys SET scope = NULL"))
        with client(writers(store)) as http:
            http.headers.update(bearer(key))
            correct(http, "ana", [("1", 40, "q")])
            ok(http.delete("/v1/writers/ana"))


def test_a_quota_is_exact_however_many_write_at_once(lasting_url: str) -> None:
    with contextlib.closing(open_store(lasting_url)) as store, contextlib.closing(open_store(lasting_url)) as other:
        changes.record(store, ANA, [entry("before")], MODEL)
        store.quotas.set("default", Quota(corrections=25), "user test")
        assert store.quotas.usage("default") == Usage(1, 1, size(store))
        refused: list[QuotaError] = []

        def teach(turn: int) -> None:
            for again in range(20):
                try:
                    changes.record(
                        (store, other)[turn % 2], (ANA, BEN)[turn % 2], [entry(f"{turn} {i}") for i in range(2)], MODEL
                    )
                    return
                except QuotaError as error:
                    refused.append(error)
                    return
                except StorageError:  # busy: come again
                    time.sleep(0.02 * again)

        with ThreadPoolExecutor(6) as pool:
            list(pool.map(teach, range(30)))
        usage = store.quotas.usage("default")
        assert usage is not None
        assert usage.corrections == 25 == sum(one.corrections for one in store.profiles("default"))
        assert usage.bytes == size(store)
        assert refused
        assert "no more corrections" in str(refused[0])
        assert "tenants limit" in str(refused[0])


def size(store: Any) -> int:
    """Bytes that the default tenant's rows count, row by row."""
    total = 0
    with contextlib.closing(connect(store.url)) as database, database.reading.begin() as connection:
        ours = sa.select(profiles.c.profile).where(profiles.c.tenant == "default")
        for row in connection.execute(sa.select(journal).where(journal.c.profile.in_(ours))).mappings():
            measured = ("id", "alphabet", "box", "embedding", "logits", "features", "image")
            total += 256 + sum(map(octets, (row[name] for name in measured)))
        for row in connection.execute(sa.select(own_words).where(own_words.c.profile.in_(ours))).mappings():
            total += 256 + sum(map(octets, (row[name] for name in ("id", "line", "word"))))
    return total


def octets(value: str | bytes | None) -> int:
    """Bytes of a value as it is stored."""
    return len(value.encode() if isinstance(value, str) else value or b"")


def test_what_was_taken_back_counts_with_its_id_and_is_never_refused(lasting_url: str) -> None:
    with contextlib.closing(open_store(lasting_url)) as store:
        changes.record(store, ANA, [entry("é<", alphabet=("a", "é"))], MODEL)
        changes.record_line(store, ANA, "line-1", [entry("l1")], ["tö", "be"], MODEL)
        changes.undo(store, ANA, "é<")
        room = size(store) + 40_000
        store.quotas.set("default", Quota(bytes=room), "user test")  # counts what is there
        before = store.quotas.usage("default")
        assert before is not None
        assert before.bytes == size(store)

        def cycle() -> None:
            """A new id each time, and nothing stands."""
            for i in range(1000):
                changes.record(store, ANA, [entry(f"cycle {i}")], MODEL)
                changes.undo(store, ANA, f"cycle {i}")
                usage = store.quotas.usage("default")
                assert usage is not None
                assert usage.bytes == size(store)

        with pytest.raises(QuotaError, match="bytes"):
            cycle()
        assert store.taken_back(ANA) > 10
        store.quotas.set("default", Quota(bytes=1), "user test")  # what is beyond is taken back all the same
        changes.undo(store, ANA, "line-1")
        changes.forget_words(store, ANA)
        changes.compact(store, ANA)
        usage = store.quotas.usage("default")
        assert usage is not None
        assert usage.bytes == size(store) > before.bytes
        with pytest.raises(QuotaError, match="bytes"):
            changes.record(store, ANA, [entry("more")], MODEL)
        store.erase(ANA)
        assert store.quotas.usage("default") == Usage(0, 0, 0)


def test_words_count(lasting_url: str) -> None:
    with contextlib.closing(open_store(lasting_url)) as store:
        store.quotas.set("default", Quota(), "user test")
        changes.record_line(store, ANA, "line-1", [entry("l1")], ["tö", "be"], MODEL)
        kept = store.quotas.usage("default")
        changes.forget_words(store, ANA, ["be"])
        fewer = store.quotas.usage("default")
        assert kept is not None
        assert fewer is not None
        assert kept.bytes > fewer.bytes == size(store)
        store.quotas.set("default", Quota(bytes=fewer.bytes), "user test")
        with pytest.raises(QuotaError, match="bytes"):
            changes.record_line(store, ANA, "line-2", [entry("l2")], ["more"], MODEL)


def test_what_a_tenant_had_before_is_counted_anew_by_the_migration(lasting_url: str) -> None:
    with contextlib.closing(connect(lasting_url)) as database, database.writing.begin() as connection:
        make_tables(connection, "0006")
        for statement in (
            "INSERT INTO allograph_profiles (profile, tenant, name, model_hash, edition, head, time)"
            f" VALUES (7, 'default', 'ana', '{MODEL}', 0, 2, 0)",
            "INSERT INTO allograph_quotas (tenant, most_bytes, writers, corrections, bytes) VALUES ('default', 5, 1, 0, 0)",
            "INSERT INTO allograph_journal (profile, seq, id, time) VALUES (7, 1, 'é', 0)",
            "INSERT INTO allograph_journal (profile, seq, id, time, undoes) VALUES (7, 2, 'é', 0, 1)",
        ):
            connection.execute(sa.text(statement))
    with contextlib.closing(open_store(lasting_url)) as store:
        assert store.quotas.usage("default") == Usage(1, 0, 2 * 258)
        assert size(store) == 2 * 258


def test_what_is_taken_back_erased_or_exchanged_is_counted_too(lasting_url: str) -> None:
    with contextlib.closing(open_store(lasting_url)) as store:
        store.quotas.set("default", Quota(writers=2, corrections=4), "user test")
        changes.record(store, ANA, [entry(f"{i}") for i in range(3)], MODEL)
        changes.record(store, BEN, [entry("b")], MODEL)
        assert store.quotas.usage("default") == Usage(2, 4, size(store))
        with pytest.raises(QuotaError, match="corrections"):
            changes.record(store, ANA, [entry("more")], MODEL)
        changes.record(store, ANA, [entry("1", "another")], MODEL)  # another label: as many as before
        assert store.quotas.usage("default") == Usage(2, 4, size(store))
        changes.undo(store, ANA, "2")
        assert store.quotas.usage("default") == Usage(2, 3, size(store))
        with pytest.raises(QuotaError, match="writers"):
            changes.record(store, ANA._replace(name="eva"), [entry("e")], MODEL)
        changes.merge(store, BEN, changes.contents(store, BEN))
        changes.merge(store, ANA, changes.contents(store, BEN))  # the journal is written anew
        assert store.quotas.usage("default") == Usage(2, 4, size(store))
        store.erase(ANA)
        assert store.quotas.usage("default") == Usage(1, 1, size(store))
        changes.record(store, ANA._replace(name="eva"), [entry("e")], MODEL)
        store.quotas.set("default", Quota(corrections=1), "user test")  # less than there is: it stays, and nothing comes
        with pytest.raises(QuotaError):
            changes.record(store, BEN, [entry("c")], MODEL)
        changes.undo(store, BEN, "b")
        store.quotas.set("default", Quota(bytes=size(store)), "user test")
        with pytest.raises(QuotaError, match="bytes"):
            changes.record(store, BEN, [entry("c")], MODEL)
        store.quotas.set("default", Quota(), "user test")
        changes.record(store, BEN, [entry("c")], MODEL)
        changes.record(store, ANA._replace(tenant="other"), [entry("x")], MODEL)
        assert store.quotas.usage("other") is None
        assert store.quotas.tenants() == ["default"]


@pytest.mark.parametrize("quota", [{"writers": -1}, {"bytes": -5}, {"rate": 0.0}, {"rate": float("nan")}])
def test_a_quota_that_is_none_is_refused(quota: dict[str, Any]) -> None:
    with pytest.raises(InputError, match="quota"):
        Quota(**quota)


def test_a_service_tells_of_a_quota_and_lets_in_again_what_fits(tmp_path: Path) -> None:
    with contextlib.closing(open_store(tmp_path / "x.db")) as store:
        ours, theirs = (bearer(store.keys.add(tenant, "a")) for tenant in ("ours", "theirs"))
        store.quotas.set("ours", Quota(corrections=2, rate=5.0), "user test")
        with client(writers(store)) as http:
            http.headers.update(ours)
            correct(http, "ana", [("1", 40, "q"), ("2", 41, "w")])
            body = {"corrections": [{"id": "3", "image": image(42), "label": "e"}]}
            found = problem(http.post("/v1/writers/ana/correct", json=body), 403, "no more corrections")
            assert found["type"] == "urn:allograph:quota"
            ok(http.post("/v1/writers/ana/undo", json={"id": "1"}))
            ok(http.post("/v1/writers/ana/correct", json=body))
            answers = [http.get("/v1/writers") for _ in range(12)]
            late = [one for one in answers if one.status_code == 429]
            assert late
            problem(late[0], 429, "5 samples a second")
            assert int(late[0].headers["retry-after"]) >= 1
            http.headers.update(theirs)
            assert {http.get("/v1/writers").status_code for _ in range(20)} == {200}


def test_the_audit_log_holds_who_did_what_and_is_only_added_to(lasting_url: str) -> None:
    with contextlib.closing(open_store(lasting_url)) as store:
        key = store.keys.add("ours", "phone", actor="user root")
        id, began = key.partition(".")[0], time.time()
        by_key = f"key {id} phone"
        with client(writers(store)) as http:
            http.headers.update(bearer(key))
            correct(http, "ana", [("1", 40, "q")])
            read(http, "ana", 40)
            blob = ok_bytes(http.get("/v1/writers/ana/profile"))
            problem(http.get("/v1/writers/nobody/profile"), 404)
            ok(http.put("/v1/writers/bo/profile", content=blob))
            ok(http.delete("/v1/writers/ana"))
            problem(http.delete("/v1/writers/ana"), 404)
        store.keys.rotate(id, 0.0, actor="user root")
        store.quotas.set("ours", Quota(writers=3), "user root")
        store.keys.revoke(id, "user root")
        store.keys.reopen("user root")
        events = [(one.actor, one.tenant, one.action, one.subject) for one in store.audit.events()]
        assert events == [
            ("user root", "ours", "add-key", id),
            (by_key, "ours", "export", "ana"),
            (by_key, "ours", "import", "bo"),
            (by_key, "ours", "erase", "ana"),
            ("user root", "ours", "rotate-key", id),
            ("user root", "ours", "set-quota", "ours"),
            ("user root", "ours", "revoke-key", id),
            ("user root", "", "reopen", ""),
        ]
        assert [one.action for one in store.audit.events(since=began, limit=2)] == ["export", "import"]
        assert store.audit.events(tenant="theirs") == []
        assert len(store.audit.events(tenant="ours", after=3)) == 4
        assert isinstance(store, SqlStore)
        url = lasting_url if "://" in lasting_url else f"sqlite:///{lasting_url}"
        engine = sa.create_engine(url, poolclass=sa.NullPool)
        replaced = "(event, time, actor, tenant, action, subject) VALUES (1, 0, 'nobody', '', 'erase', '')"
        attempts = ["DELETE FROM allograph_audit", "UPDATE allograph_audit SET actor = 'nobody'"]
        attempts += (
            ["TRUNCATE allograph_audit", "TRUNCATE allograph_profiles, allograph_audit CASCADE"]
            if "://" in lasting_url
            else [f"{how} INTO allograph_audit {replaced}" for how in ("REPLACE", "INSERT OR REPLACE", "INSERT OR IGNORE")]
        )
        for statement in attempts:
            with pytest.raises(sa.exc.DBAPIError, match="only added to"), engine.begin() as connection:
                connection.execute(sa.text(statement))
        assert len(store.audit.events()) == 8


def test_what_is_not_done_is_not_in_the_log(store_url: str) -> None:
    with contextlib.closing(open_store(store_url)) as store:
        assert not store.erase(ANA, "user root")
        changes.record(store, ANA, [entry("1")], MODEL)
        assert store.erase(ANA, None)
        assert not store.keys.revoke("0123", "user root")
        assert store.audit.events() == []
        store.audit.add(Event("user root", "default", "export", "ana", 5.0))
        assert store.audit.events(since=6.0) == []
        assert [one.time for one in store.audit.events()] == [5.0]


@pytest.mark.slow
def test_a_service_in_a_process_heeds_what_the_command_line_decides(tmp_path: Path) -> None:
    def run(*arguments: str, status: int = 0) -> Any:
        done = allograph(*arguments, cwd=tmp_path, status=status)
        return json.loads(done.stdout) if status == 0 and "--json" in arguments else done.stdout + done.stderr

    admin = run("keys", "add", "desk", "--json")
    made = run("keys", "add", "phone", "--scope", "teach", "--expires", "90d", "--json")
    assert made["scope"] == "teach"
    assert time.time() + 89 * 86400 < made["expires"] < time.time() + 91 * 86400
    run("tenants", "limit", "default", "--corrections", "1")
    with process(tmp_path) as served, httpx.Client(base_url=served.url, timeout=60) as http:
        http.headers.update(bearer(made["key"]))
        correct(http, "ana", [("1", 40, "q")])
        problem(http.get("/v1/writers/ana/profile"), 403, "this key may teach")
        body = {"corrections": [{"id": "2", "image": image(41), "label": "w"}]}
        problem(http.post("/v1/writers/ana/correct", json=body), 403, "quota")
        rotated = run("keys", "rotate", "phone", "--grace", "0s", "--json")
        assert rotated["id"] == made["id"]
        time.sleep(2.1)
        problem(http.get("/v1/writers"), 401, "expired")
        ok(http.get("/v1/writers", headers=bearer(rotated["key"])))
        assert ok(http.delete("/v1/writers/ana", headers=bearer(admin["key"]))) == {"erased": True}
    assert run("tenants", "show", "default", "--json")["used"] == {"writers": 0, "corrections": 0, "bytes": 0}
    assert "any number" in run("tenants", "list")
    listed = run("keys", "list", "--json")["keys"]
    assert [(key["name"], key["scope"]) for key in listed] == [("desk", "administer"), ("phone", "teach")]
    assert "administer" in run("keys", "list")
    events = run("audit", "--since", "1h", "--json")["events"]
    assert [one["action"] for one in events] == ["add-key", "add-key", "set-quota", "rotate-key", "erase"]
    assert events[-1]["actor"] == f"key {admin['id']} desk"
    assert events[0]["actor"].startswith("user ")
    assert "erase\tana" in run("audit", "--action", "erase", "--tenant", "default")
    for wrong in (("keys", "add", "x", "--expires", "soon"), ("keys", "rotate", "nobody"), ("tenants", "show", "nobody")):
        run(*wrong, status=2)
    run("keys", "add", "phone")
    assert "2 keys have the name" in run("keys", "revoke", "phone", status=2)
