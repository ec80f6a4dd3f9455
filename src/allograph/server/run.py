"""Running the service: a socket, uvicorn, and an orderly end."""

from __future__ import annotations

import gc
import os
import signal
import socket
import sys
from types import FrameType

import uvicorn
from starlette.types import ASGIApp

from allograph.errors import InputError
from allograph.server.access import is_loopback

PATIENCE = 30
"""Seconds that requests which are being answered get to finish, once the service is asked to stop."""


class Server(uvicorn.Server):
    """A server that says where it serves once it does."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to serve."""
        await super().startup(sockets)
        if self.started and sockets:
            print(f"allograph serves {address(sockets[0])}", file=sys.stderr, flush=True)


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
        return socket.create_server(place[:2], family=family, backlog=2048)
    except (OSError, OverflowError) as error:
        raise InputError(f"cannot listen on {host}, port {port}: {error}; choose another with --host and --port") from error


def address(listener: socket.socket) -> str:
    """Where a socket listens."""
    host, port = listener.getsockname()[:2]
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"


def run(app: ASGIApp, listener: socket.socket) -> None:
    """Serve until SIGTERM or SIGINT; what is being answered then is finished first."""
    config = uvicorn.Config(
        app,
        ws="none",
        lifespan="on",
        access_log=False,
        log_config=None,
        server_header=False,
        date_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=PATIENCE,
    )
    server = Server(config)

    def stop(number: int, frame: FrameType | None) -> None:
        server.should_exit = True

    gc.collect()
    gc.freeze()  # what is there now stays: looking through it again and again would hold requests up
    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        server.run(sockets=[listener])  # it raises the signal that ended it once more: that is `stop`'s
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    if not server.started and not server.should_exit:  # pragma: no cover
        raise InputError("the service could not start; its log tells why")


def cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
