"""Several processes that serve one port, and the one that watches over them."""

from __future__ import annotations

import multiprocessing
import os
import shutil
import signal
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from ctypes import c_int
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from pathlib import Path
from typing import Any

from allograph.errors import AllographError
from allograph.execution import uninterrupted
from allograph.server.balance import ABSENT, Balance
from allograph.server.log import LOGGER, start
from allograph.server.run import END, announce
from allograph.server.serving import Serving

SOON = 0.5
"""Seconds after which a worker that died is started anew; twice as many each time that it dies soon after."""
LATE = 30.0
"""And so many at most."""
LASTING = 10.0
"""Seconds after which a worker that died had been well."""
_SPAWN = multiprocessing.get_context("spawn")  # a fork would take threads' locks along, held for ever


@dataclass
class _Worker:
    process: SpawnProcess
    says: Connection
    """What it says once it serves."""
    began: float
    is_ready: bool = False


class Workers:
    """So many processes that take connections from one listening socket, so that each holds about as many.

    Where one dies, what waits to be taken is taken by the others, and another is started in its place. They end together, as one
    process does: each answers what it is answering. Where the one that watches is killed, they end too.
    """

    def __init__(self, serving: Serving, listener: socket.socket, count: int) -> None:
        self._serving, self._listener, self._count = serving, listener, count
        self._folder = Path(tempfile.mkdtemp(prefix=f"allograph-metrics-{os.getpid()}-"))
        self._workers: dict[int, _Worker] = {}
        self._due: dict[int, float] = {}
        """When those that died are started anew."""
        self._delays: dict[int, float] = {}
        self._asked, self._ask = os.pipe()
        self._connections = _SPAWN.RawArray(c_int, [ABSENT] * count)

    def run(self) -> int:
        """Serve until SIGTERM or SIGINT; once all do, it says where. Returns the exit status.

        Where one does not even begin to serve the first time, that is the end, with its status; it said why.
        """
        log = start(self._serving.log_level, worker="watch")
        try:
            with self._signals():
                status = self._begin()
                if status is None:
                    while not self._wait():
                        self._renew()
                return self._end() if status is None else self._end() or status
        finally:
            log.flush()
            shutil.rmtree(self._folder, ignore_errors=True)
            for number in (self._asked, self._ask):
                os.close(number)

    def _begin(self) -> int | None:
        """Start all: the first by itself, so that what is wrong is said once. Returns the status of one that failed."""
        for places in (range(1), range(1, self._count)):
            for place in places:
                self._start(place)
            while not all(self._workers[place].is_ready for place in places):
                if self._wait():
                    return 0
                for place in places:
                    status = self._workers[place].process.exitcode
                    if status is not None:
                        return status if status > 0 else 1
        announce(self._listener)
        return None

    def _start(self, place: int) -> None:
        says, told = _SPAWN.Pipe(duplex=False)
        settings = replace(self._serving.settings, worker=str(place), shared=str(self._folder))
        serving = replace(self._serving, settings=replace(settings, migrate=settings.migrate and place == 0))
        process = _SPAWN.Process(
            target=_work, args=(serving, self._listener, told, Balance(self._connections, place)), name=f"allograph-{place}"
        )
        with uninterrupted():  # until it can be heeded, in its own group
            process.start()
        told.close()
        self._workers[place] = _Worker(process, says, time.monotonic())

    def _wait(self) -> bool:
        """Wait until something happens; whether it is asked to stop."""
        running = [one for place, one in self._workers.items() if place not in self._due]
        watched: list[Any] = [self._asked, *(one.process.sentinel for one in running)]
        watched += [one.says for one in running if not one.is_ready]
        next_start = min(self._due.values(), default=None)
        found = wait(watched, None if next_start is None else max(next_start - time.monotonic(), 0.0))
        for place, one in self._workers.items():
            if one.says in found:
                with suppress(EOFError):
                    one.says.recv_bytes()
                    one.is_ready = True
                    LOGGER.info("worker", extra={"facts": {"serves": str(place)}})
        return self._asked in found

    def _renew(self) -> None:
        """Start those anew that died, after a while that is longer where they died soon."""
        now = time.monotonic()
        for place, one in self._workers.items():
            status = one.process.exitcode
            if status is not None and place not in self._due:
                lasted = now - one.began >= LASTING
                delay = self._delays[place] = SOON if lasted else min(2 * self._delays.get(place, SOON / 2), LATE)
                self._due[place] = now + delay
                self._connections[place] = ABSENT
                facts = {"died": str(place), "status": status, "again": delay}
                LOGGER.error("worker", extra={"facts": facts})
        for place, due in list(self._due.items()):
            if due <= now:
                del self._due[place]
                self._start(place)

    def _end(self) -> int:
        """Let all end, and end those that do not; 0 where all ended well."""
        self._listener.close()
        for one in self._workers.values():
            if one.process.exitcode is None:
                with suppress(ProcessLookupError):
                    one.process.terminate()
        until = time.monotonic() + END + 2
        for one in self._workers.values():
            one.process.join(max(until - time.monotonic(), 0.0))
            if one.process.exitcode is None:
                one.process.kill()
                one.process.join()
        running = [one for place, one in self._workers.items() if place not in self._due]
        return int(any(one.process.exitcode != 0 and one.is_ready for one in running))

    @contextmanager
    def _signals(self) -> Iterator[None]:
        """Where SIGTERM and SIGINT ask to stop."""
        numbers = (signal.SIGINT, signal.SIGTERM)
        before = {number: signal.signal(number, lambda *_: os.write(self._ask, b".")) for number in numbers}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def _work(serving: Serving, listener: socket.socket, told: Connection, balance: Balance) -> None:
    """Be a worker."""
    os.setpgrp()  # Ctrl-C is for the one that watches, which asks each once
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, (signal.SIGINT,))
    threading.Thread(target=_end_with_parent, args=(serving.settings.shared,), name="allograph-parent", daemon=True).start()
    try:
        serving.run(listener, lambda: told.send_bytes(b"."), balance)
    except AllographError as error:
        print(f"allograph: {error}", file=sys.stderr, flush=True)
        sys.exit(error.exit_status)


def _end_with_parent(folder: str | None) -> None:
    """Stop once nobody watches any more; nobody else would."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        if folder is not None:
            shutil.rmtree(folder, ignore_errors=True)
        os.kill(os.getpid(), signal.SIGTERM)
