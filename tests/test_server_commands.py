"""`allograph keys` and what `allograph serve` refuses, in this process."""

from __future__ import annotations

import json
import socket
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from allograph.cli.main import app
from allograph.errors import InputError, MissingExtraError, StorageError
from allograph.profiles import open_store
from allograph.server.run import address, check_host, listening


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, arguments, catch_exceptions=True)


@pytest.fixture(autouse=True)
def _in_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_keys_are_made_listed_without_secrets_and_revoked(tmp_path: Path) -> None:
    made = json.loads(run("keys", "add", "phone", "--tenant", "acme", "--json").stdout)
    secret = made["key"].partition(".")[2]
    store = open_store(tmp_path / "allograph.db")
    assert store.keys.tenant_of(made["key"]) == "acme"
    store.close()
    assert not [file for file in tmp_path.iterdir() if secret.encode() in file.read_bytes()]
    listed = run("keys", "list").stdout
    assert listed.split("\t")[:3] == [made["id"], "acme", "phone"]
    assert secret not in listed
    (one,) = json.loads(run("keys", "list", "--json").stdout)["keys"]
    assert (one["id"], one["tenant"], one["name"]) == (made["id"], "acme", "phone")
    assert run("keys", "revoke", made["id"]).exit_code == 0
    assert run("keys", "list").stdout == ""
    assert isinstance(run("keys", "revoke", made["id"]).exception, InputError)


def test_the_door_is_opened_again_by_a_command_alone(tmp_path: Path) -> None:
    id = json.loads(run("keys", "add", "phone", "--json").stdout)["id"]
    assert isinstance(run("keys", "reopen").exception, InputError)
    run("keys", "revoke", id)
    store = open_store(tmp_path / "allograph.db")
    assert store.keys
    assert run("keys", "reopen").exit_code == 0
    assert not store.keys
    store.close()


def test_a_key_alone_is_printed_for_scripts() -> None:
    key = run("keys", "add", "phone", "--store", "other.db").stdout
    assert key.count("\n") == 1
    store = open_store("other.db")
    assert store.keys.tenant_of(key.strip()) == "default"
    store.close()


def test_what_cannot_be_served_is_refused(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        refused = run("serve", "--port", str(taken.getsockname()[1]))
    assert isinstance(refused.exception, InputError)
    assert "--port" in str(refused.exception)
    for arguments in (
        ["--host", "0.0.0.0"],
        ["--host", "no.such.host.invalid"],
        ["--adapter", "nonsense"],
        ["--model", "nowhere"],
    ):
        assert isinstance(run("serve", "--port", "0", *arguments).exception, InputError)
    assert isinstance(run("serve", "--port", "0", "--store", "no/nowhere.db").exception, InputError | StorageError)


def test_without_the_extra_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    monkeypatch.delitem(sys.modules, "allograph.server.run")
    refused = run("serve")
    assert isinstance(refused.exception, MissingExtraError)
    assert 'pip install "allograph[serve]"' in str(refused.exception)


def test_hosts_that_need_keys() -> None:
    for host in ("127.0.0.1", "localhost", "::1"):
        assert check_host(host, keys=False)
    for host in ("0.0.0.0", "::", "192.168.1.4", "letters.example"):
        assert not check_host(host, keys=True)
        with pytest.raises(InputError, match="allograph keys add"):
            check_host(host, keys=False)


def test_addresses() -> None:
    with listening("127.0.0.1", 0) as listener:
        assert address(listener) == f"http://127.0.0.1:{listener.getsockname()[1]}"
