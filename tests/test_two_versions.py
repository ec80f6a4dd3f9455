"""A service of the release before goes on while one of this release comes to the same store and renews its tables.

The release before is real: the sources as they were just before the newest migration came, from git's history.
"""

from __future__ import annotations

import contextlib
import io
import subprocess
import sys
import tarfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

import served
from allograph.profiles import open_store
from allograph.profiles.database import connect
from allograph.profiles.journal import Key
from allograph.profiles.upgrade import NEWEST, current_migration
from conftest import lacking
from small import environment

ROOT = Path(__file__).parent.parent
TABLES = "src/allograph/profiles/upgrade.py"
FREE = ("--rate", "1000000")


@pytest.fixture(scope="module")
def before(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the sources from before the newest migration."""
    try:
        changed = git("log", "-G", "^NEWEST = ", "--format=%H", "--", TABLES).decode().split()
        of = [revision for revision in changed if f'NEWEST = "{NEWEST}"' in git("show", f"{revision}:{TABLES}").decode()]
        packed = git("archive", f"{of[-1]}^", "src")
    except (subprocess.CalledProcessError, FileNotFoundError, IndexError):
        lacking("history", "git's history does not reach back to before the newest migration (fetch all of it)")
        raise
    folder = tmp_path_factory.mktemp("before")
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        archive.extractall(folder, filter="data")
    return folder / "src"


def git(*arguments: str) -> bytes:
    """What git says."""
    return subprocess.run(["git", "-C", str(ROOT), *arguments], check=True, capture_output=True).stdout


@contextlib.contextmanager
def service_before(source: Path, folder: Path, store: str) -> Iterator[served.Process]:
    """The service of the release before, on a free port."""
    command = [sys.executable, "-m", "allograph.cli.main", "serve", "--port", "0", "--store", store, *FREE]
    surroundings = {**environment(), "PYTHONPATH": str(source)}
    started = subprocess.Popen(command, cwd=folder, env=surroundings, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    found = served.Process(started)
    try:
        yield found
    finally:
        with contextlib.suppress(ProcessLookupError):
            started.kill()
        found.ended()


class Client(threading.Thread):
    """Corrects and reads one writer, and takes every fourth correction back."""

    def __init__(self, url: str, name: str, number: int, ends: threading.Event) -> None:
        super().__init__(daemon=True)
        self.url, self.name_of, self.number, self.ends = url, name, number, ends
        self.acts = 0
        self.stands: set[str] = set()
        self.wrong: list[str] = []

    def run(self) -> None:
        """Until it is told to end."""
        image = served.image(self.number)
        with httpx.Client(base_url=f"{self.url}/v1/writers/{self.name_of}", timeout=60) as http:
            while not self.ends.is_set():
                id = f"{self.number}-{self.acts}"
                self.say(http, "/correct", {"corrections": [{"id": id, "image": image, "label": "a"}]})
                self.stands.add(id)
                self.say(http, "/read", {"samples": [{"image": image}]})
                if self.acts % 4 == 3:
                    self.say(http, "/undo", {"id": id})
                    self.stands.discard(id)
                self.acts += 1

    def say(self, http: httpx.Client, path: str, body: object) -> None:
        """Send until it is done: a store whose tables are being renewed may say when to come again, and nothing else."""
        while (answer := http.post(path, json=body)).status_code == 503 and answer.headers["retry-after"]:
            time.sleep(0.1)
        if answer.status_code != 200:
            self.wrong.append(f"{path}: {answer.status_code} {answer.text}")


@pytest.mark.slow
def test_two_releases_serve_one_store_while_its_tables_are_renewed(before: Path, tmp_path: Path, lasting_url: str) -> None:
    ends = threading.Event()
    clients: list[Client] = []

    def begin(url: str, number: int) -> None:
        clients.extend(Client(url, name, number + i, ends) for i, name in enumerate(("shared", f"own-{number}")))
        for client in clients[-2:]:
            client.start()

    with service_before(before, tmp_path, lasting_url) as old:
        begin(old.url, 0)
        go_on(clients, 5)
        assert migration(lasting_url) < NEWEST
        with served.process(tmp_path, *FREE, store=lasting_url) as new:
            begin(new.url, 2)
            go_on(clients, 8)  # both serve, and the old one goes on
            assert migration(lasting_url) == NEWEST
            ends.set()
            for client in clients:
                client.join(60)
            assert [client.wrong for client in clients] == [[]] * 4
            shared = clients[0].stands | clients[2].stands
            for service in (old, new):  # each sees what the other did
                with httpx.Client(base_url=service.url, timeout=60) as http:
                    assert served.ok(http.get("/v1/writers/shared"))["corrections"] == len(shared)
                    served.read(http, "shared", 0)
    with contextlib.closing(open_store(lasting_url)) as store:
        for name, stands in (("shared", shared), *((client.name_of, client.stands) for client in clients[1::2])):
            found = [one.id for one in store.entries(Key("default", name))]
            assert len(found) == len(stands)
            assert set(found) == stands
    with service_before(before, tmp_path, lasting_url) as again:  # whoever starts the old release again is told
        assert again.ended() == 2
        assert "later release" in "".join(again.complaints)


def go_on(clients: list[Client], count: int) -> None:
    """Until every client has done so much more."""
    wanted = [client.acts + count for client in clients]
    until = time.monotonic() + 120
    while any(client.acts < least for client, least in zip(clients, wanted, strict=True)):
        assert time.monotonic() < until, [(client.acts, client.wrong) for client in clients]
        time.sleep(0.05)


def migration(url: str) -> str:
    """Which form the tables have."""
    with contextlib.closing(connect(url)) as database, database.reading.begin() as connection:
        return current_migration(connection) or ""
