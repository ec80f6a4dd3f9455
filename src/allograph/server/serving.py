"""A process that serves: it opens the store, loads the model, and answers until it is asked to stop."""

from __future__ import annotations

import socket
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from allograph.profiles import open_store
from allograph.recognizer import Recognizer
from allograph.server.app import application
from allograph.server.balance import Balance
from allograph.server.log import start
from allograph.server.run import CONNECTIONS, run
from allograph.server.settings import Settings
from allograph.writers.writers import Writers


@dataclass(frozen=True)
class Serving:
    """All that a process needs to know to serve; it goes from one process to another."""

    store: str
    settings: Settings
    model: Path | None = None
    adapter: str | None = None
    implicit: bool = True
    images: bool = True
    shadow: bool = False
    memory: int = 256 * 2**20
    """Bytes that profiles kept ready may take."""
    connections: int = CONNECTIONS
    log_level: str = "info"

    def run(self, listener: socket.socket, ready: Callable[[], None] | None = None, balance: Balance | None = None) -> None:
        """Serve on a socket until SIGTERM or SIGINT; once it does, `ready` is called, or it says where.

        With a `balance`, others take connections from the socket too.

        Raises what keeps it from that.
        """
        settings = self.settings
        opened = open_store(self.store)
        try:
            recognizer = Recognizer(self.model, threads=1)  # others want the other cores, and more processes may be started
            choices = (settings.tenant, self.implicit, self.images, self.shadow, self.memory)
            served = Writers(opened, recognizer, self.adapter, *choices)
            log = start(self.log_level, worker=settings.worker)
            run(application(served, settings, log), listener, self.connections, ready, balance)
            log.flush()
        finally:
            opened.close()
