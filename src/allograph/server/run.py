"""Running the service: a socket, uvicorn, and an orderly end."""

from __future__ import annotations

import asyncio
import errno
import gc
import os
import select
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable
from functools import partial
from queue import SimpleQueue
from types import FrameType

import uvicorn
from starlette.types import ASGIApp

from allograph.errors import InputError
from allograph.server.access import is_loopback
from allograph.server.balance import Balance
from allograph.server.connections import PATIENCE as IDLE
from allograph.server.connections import Connection
from allograph.server.log import LOGGER

PATIENCE = 20
"""Seconds that requests which are being answered get to finish, once the service is asked to stop."""
END = 27
"""Seconds after which a process that was asked to stop is gone, whatever it was doing."""
CONNECTIONS = 1000
"""Connections at once, where the process may open enough files."""
BACKLOG = 2048
"""Connections that wait to be taken at most."""
FILES = 128
"""Files that the process needs besides its connections: the store's, pages that are being sent, connections that are ending."""
SWEEP = 1.0
"""Seconds between two looks at who keeps the service waiting."""
TURN, TURNS = 0.002, 10
"""Seconds for which a worker leaves a connection that waits to those that hold fewer, so often at most."""
TOGETHER = 0.2
"""Seconds in which all workers stop to listen."""
SWITCH = 0.0005
"""Seconds for which a thread that computes keeps Python's lock while others want it: a reading changes threads several times."""


class Server(uvicorn.Server):
    """A server that says so once it serves, ends connections that keep it waiting, and ends in time itself."""

    def __init__(self, config: uvicorn.Config, ready: Callable[[], None], balance: Balance | None = None) -> None:
        super().__init__(config)
        self._ready = ready
        self._balance = balance
        self._taking: list[asyncio.Task[None]] = []
        self._asked: SimpleQueue[None] = SimpleQueue()
        threading.Thread(target=_end_in_time, args=(self._asked,), name="allograph-end", daemon=True).start()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to serve."""
        await super().startup([] if self._balance else sockets)
        if self.started and sockets:
            self._sweeping = asyncio.create_task(self._sweep())
            if self._balance:
                self._balance.tell(0)
                self._taking = [asyncio.create_task(self._take_turns(one, self._balance)) for one in sockets]
            self._ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End: who waits to be taken is taken first, for a socket that is closed resets them."""
        for task in self._taking:
            task.cancel()
        for one in sockets or ():
            one.setblocking(False)
            for _ in range(BACKLOG):
                if not await self._take(one):
                    break
            if self._balance:
                one.close()
        if self._balance:  # clients that are told to go come anew, and are to find none of the workers still listening
            await asyncio.sleep(TOGETHER)
        await super().shutdown(sockets)

    async def _take_turns(self, listener: socket.socket, balance: Balance) -> None:
        """Take connections from a socket that others take from too, so that each holds about as many.

        A worker that holds more than another lets that one come first, for a moment.
        """
        listener.setblocking(False)
        while True:
            await _readable(listener)
            for _ in range(TURNS):
                if not balance.is_ahead(len(self.server_state.connections)):
                    break
                await asyncio.sleep(TURN)
            await self._take(listener)
            balance.tell(len(self.server_state.connections))

    async def _take(self, listener: socket.socket) -> bool:
        """Take one connection; whether one waited that could be taken."""
        try:
            connection, _ = listener.accept()
            connection.setblocking(False)
            await asyncio.get_running_loop().connect_accepted_socket(self._protocol, connection)
        except (BlockingIOError, InterruptedError):
            return False
        except OSError as error:  # the client is gone; or the process has no more files
            if error.errno in (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM):
                LOGGER.error("connections", extra={"facts": {"code": errno.errorcode[error.errno]}})
                await asyncio.sleep(SWEEP)
                return False
        return True

    def _protocol(self) -> Connection:
        return Connection(self.config, self.server_state, self.lifespan.state)

    def stop(self, number: int, frame: FrameType | None = None) -> None:
        """Handle a signal that asks to stop: from now on the process has `END` seconds."""
        self.should_exit = True
        self._asked.put(None)  # a queue, for it may be put to while it is being put to
        if hasattr(signal, "setitimer"):  # where not even a thread gets a turn any more, the system ends the process
            signal.signal(signal.SIGALRM, signal.SIG_DFL)
            signal.setitimer(signal.ITIMER_REAL, END + 2)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Handle a signal while serving."""
        super().handle_exit(sig, frame)
        self.stop(sig, frame)

    async def _sweep(self) -> None:
        """Every so often, end the connections whose clients are late."""
        while True:
            await asyncio.sleep(SWEEP)
            now = asyncio.get_running_loop().time()
            connections = [one for one in self.server_state.connections if isinstance(one, Connection)]
            if self._balance:
                self._balance.tell(len(connections))
            late = sum(one.sweep(now) for one in connections)
            if late:
                LOGGER.warning("connections", extra={"facts": {"open": len(connections), "late": late}})


async def _readable(listener: socket.socket) -> None:
    """Wait until a connection waits to be taken."""
    loop = asyncio.get_running_loop()
    waits = asyncio.Event()
    loop.add_reader(listener, waits.set)
    try:
        await waits.wait()
    finally:
        loop.remove_reader(listener)


def _end_in_time(asked: SimpleQueue[None]) -> None:
    """Once it is asked for, end the process if it has not ended by itself."""
    asked.get()
    time.sleep(END)
    threads = sorted(one.name for one in threading.enumerate() if one.is_alive() and not one.daemon)
    LOGGER.error("cut off", extra={"facts": {"seconds": END, "threads": threads}})
    line = f"allograph: asked to stop, it had not ended after {END} s and was cut off; what was acknowledged is stored\n"
    try:
        if select.select([], [2], [], 0)[1]:
            os.write(2, line.encode())
    except (OSError, ValueError):
        pass
    time.sleep(0.2)  # for the log's thread
    os._exit(1)


def check_host(host: str, keys: bool) -> bool:
    """Whether a host is this machine only; raises `InputError` where others could come in without a key."""
    loopback = is_loopback(f"[{host}]" if ":" in host else host)
    if not loopback and not keys:
        raise InputError(
            f"the store holds no keys, and without keys the service listens to this machine only, not to {host}; "
            "make a key with: allograph keys add"
        )
    return loopback


def listening(host: str, port: int) -> socket.socket:
    """A socket that listens; raises `InputError` where the address cannot be had."""
    try:
        family, _, _, _, place = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        return socket.create_server(place[:2], family=family, backlog=BACKLOG)
    except (OSError, OverflowError) as error:
        raise InputError(f"cannot listen on {host}, port {port}: {error}; choose another with --host and --port") from error


def address(listener: socket.socket) -> str:
    """Where a socket listens."""
    host, port = listener.getsockname()[:2]
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"


def announce(listener: socket.socket) -> None:
    """Say where the service is found."""
    print(f"allograph serves {address(listener)}", file=sys.stderr, flush=True)


def run(
    app: ASGIApp,
    listener: socket.socket,
    connections: int = CONNECTIONS,
    ready: Callable[[], None] | None = None,
    balance: Balance | None = None,
) -> None:
    """Serve until SIGTERM or SIGINT; what is being answered then is finished first.

    Once it serves, `ready` is called, or it says where. With a `balance`, others take connections from the socket too.

    There are at most so many connections at once; fewer where the process may not open as many files. After the signal the
    process has `END` seconds: what then still hangs, here or after this returned, is cut off with status 1.
    """
    most = room(connections)
    config = uvicorn.Config(
        app,
        ws="none",
        lifespan="on",
        access_log=False,
        log_config=None,
        server_header=False,
        date_header=False,
        proxy_headers=False,
        http=Connection,
        limit_concurrency=most + 1,
        backlog=BACKLOG,
        timeout_keep_alive=int(IDLE),
        timeout_graceful_shutdown=PATIENCE,
    )
    server = Server(config, ready or partial(announce, listener), balance)
    sys.setswitchinterval(SWITCH)
    gc.collect()
    gc.freeze()  # what is there now stays: looking through it again and again would hold requests up
    before = {number: signal.signal(number, server.stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        server.run(sockets=[listener])  # it raises the signal that ended it once more: `stop` has seen it
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    if not server.started and not server.should_exit:  # pragma: no cover
        raise InputError("the service could not start; its log tells why")


def room(connections: int) -> int:
    """How many connections of these the process may hold, with the files that it may open; it raises their number if it can."""
    try:
        import resource

        files, most = resource.getrlimit(resource.RLIMIT_NOFILE)
        wanted = connections + FILES
        if files != resource.RLIM_INFINITY and files < wanted:
            files = wanted if most == resource.RLIM_INFINITY else min(wanted, most)
            resource.setrlimit(resource.RLIMIT_NOFILE, (files, most))
    except (ImportError, OSError, ValueError):  # no such bound, or it cannot be moved
        return connections
    return connections if files == resource.RLIM_INFINITY else min(connections, max(files - FILES, 16))
