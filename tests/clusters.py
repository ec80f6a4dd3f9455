"""A PostgreSQL cluster of a test's own, from Debian's binaries, which the test may stop as it likes."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from conftest import lacking

OWNER = "postgres"
"""Who runs it where the tests are run by root, whom PostgreSQL refuses."""


class Cluster:
    """A cluster that listens on a port of 127.0.0.1 alone."""

    def __init__(self, binaries: Path, folder: Path) -> None:
        self._binaries, self._data = binaries, folder / "data"
        self._as: dict[str, Any] = {"user": OWNER, "group": OWNER} if os.getuid() == 0 else {}
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self._port = free.getsockname()[1]
        self.url = f"postgresql+psycopg://{OWNER}@127.0.0.1:{self._port}/postgres"
        self._run("initdb", "--username", OWNER, "--auth", "trust", "--encoding", "UTF8", "--locale", "C.UTF-8")
        settings = f"listen_addresses = '127.0.0.1'\nport = {self._port}\nunix_socket_directories = ''\n"
        with (self._data / "postgresql.conf").open("a") as file:
            file.write(settings)

    def require_passwords(self) -> None:
        """Let nobody in without one from now on; nobody has one."""
        (self._data / "pg_hba.conf").write_text("host all all 127.0.0.1/32 scram-sha-256\n")
        self.control("reload")

    def control(self, *arguments: str) -> None:
        """Run `pg_ctl`, and wait for what it does."""
        self._run("pg_ctl", "--wait", "--log", f"{self._data}.log", *arguments)

    def _run(self, program: str, *arguments: str) -> None:
        command = [str(self._binaries / program), "--pgdata", str(self._data), *arguments]
        done = subprocess.run(
            command,
            cwd=self._data.parent,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            timeout=120,
            check=False,
            **self._as,
        )
        assert done.returncode == 0, f"{program} {' '.join(arguments)} ended with {done.returncode}"


@contextmanager
def own_cluster() -> Iterator[Cluster]:
    """A cluster that runs, and is gone afterwards."""
    binaries = _binaries()
    if binaries is None:
        lacking("postgres-server", "PostgreSQL's server is not installed (initdb, pg_ctl)")
        raise AssertionError
    folder = Path(tempfile.mkdtemp(prefix="allograph-cluster-"))
    try:
        if os.getuid() == 0:
            shutil.chown(folder, OWNER, OWNER)
        cluster = Cluster(binaries, folder)
        cluster.control("start")
        try:
            yield cluster
        finally:
            cluster.control("stop", "-m", "immediate")
    finally:
        shutil.rmtree(folder)


def _binaries() -> Path | None:
    """Where the newest server's programs are, for somebody who may run them."""
    on_path = shutil.which("initdb")
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda file: float(file.parent.parent.name))
    if os.getuid() == 0 and OWNER not in {user.pw_name for user in pwd.getpwall()}:
        return None
    if found:
        return found[-1].parent
    return Path(on_path).parent if on_path else None
