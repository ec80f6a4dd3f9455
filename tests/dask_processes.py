"""A Dask scheduler and its workers, each a process of its own, as they would be on other machines."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from small import environment


@dataclass
class Processes:
    """What was begun; `address` is the scheduler's."""

    folder: Path
    address: str = ""
    begun: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def start(self, *command: str, **changes: str) -> subprocess.Popen[bytes]:
        """Begin one of Dask's commands, with these changes of the environment."""
        variables = environment() | changes
        variables["PYTHONPATH"] += os.pathsep + str(Path(__file__).parent)  # where the tests' own tasks are
        with open(self.folder / "log", "ab") as log:
            process = subprocess.Popen([sys.executable, "-m", *command], cwd=self.folder, stdout=log, stderr=log, env=variables)
        self.begun.append(process)
        return process

    def add_worker(self, *options: str, **changes: str) -> subprocess.Popen[bytes]:
        """Begin a worker with one thread, kept alive by a nanny."""
        return self.start(
            "distributed.cli.dask_worker", self.address, "--nthreads", "1", "--no-dashboard", "--host", "127.0.0.1",
            "--local-directory", str(self.folder), *options, **changes
        )  # fmt: skip

    def stop(self) -> None:
        """End all of them."""
        for process in reversed(self.begun):
            process.terminate()
        for process in self.begun:
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:  # a nanny that begins a worker anew does not listen
                process.kill()
                process.wait()


@contextmanager
def scheduler(folder: Path, workers: int) -> Iterator[Processes]:
    """A scheduler with so many workers, until the block ends."""
    folder.mkdir(parents=True, exist_ok=True)
    processes, file = Processes(folder), folder / "scheduler.json"
    try:
        place = ("--host", "127.0.0.1", "--port", "0", "--scheduler-file", str(file))
        processes.start("distributed.cli.dask_scheduler", *place, "--no-dashboard")
        until(file.exists)
        processes.address = str(_json(file)["address"])
        for _ in range(workers):
            processes.add_worker()
        if workers:
            until(lambda: len(worker_processes(processes.address)) == workers)
        yield processes
    finally:
        processes.stop()


def worker_processes(address: str) -> dict[str, int]:
    """The process of each worker that the scheduler knows, by address."""
    from distributed import Client

    with Client(address, set_as_default=False) as client:
        found: dict[str, int] = client.run(os.getpid)
    return found


def until(happens: Callable[[], bool]) -> None:
    """Wait until it does; fails after two minutes."""
    end = time.monotonic() + 120
    while not happens():
        assert time.monotonic() < end
        time.sleep(0.1)


def _json(file: Path) -> dict[str, object]:
    import json

    end = time.monotonic() + 30
    while True:
        try:
            found: dict[str, object] = json.loads(file.read_text())
            return found
        except ValueError:  # it is being written
            assert time.monotonic() < end
            time.sleep(0.1)
