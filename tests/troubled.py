"""A network that is late, loses, or refuses what the page sends, and a service that is killed and started again."""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from pathlib import Path
from random import Random

import httpx
from playwright.sync_api import BrowserContext, Error, Route

from handwriting import serve

TROUBLES = ("fine", "fine", "late", "lost", "unanswered", "busy", "flaky")
"""What becomes of a request: held until it is let go, never sent, done but not answered, refused for now, or any of these."""


class Trouble:
    """What stands between a browser's windows and a service of their own; a test says what becomes of requests from then on."""

    def __init__(self, context: BrowserContext, store: Path, random: Random) -> None:
        self._context, self._store, self._random = context, store, random
        self._service = serve(store)
        self._port = int(self._service.address.rsplit(":", 1)[1])
        self._held: list[Route] = []
        self._mode = "fine"
        self._http = httpx.Client(timeout=20)
        context.route("**/v1/**", self._meet)

    @property
    def address(self) -> str:
        """Of the service, whether it runs or not."""
        return self._service.address

    @property
    def is_up(self) -> bool:
        """Whether the service runs."""
        return self._service.process.poll() is None

    def begin(self, mode: str) -> None:
        """What becomes of requests from now on."""
        self._mode = mode

    def offline(self, is_off: bool) -> None:
        """The browser has no network, or has it again."""
        self._context.set_offline(is_off)

    def let_go(self, share: float = 1.0) -> None:
        """Some of what is late goes on, in any order."""
        self._random.shuffle(self._held)
        for _ in range(round(share * len(self._held))):
            with suppress(Error):  # its window was closed, or gave up
                self._held.pop().continue_()

    def kill(self) -> None:
        """The service ends, whatever it does."""
        if self.is_up:
            self._service.process.kill()
            self._service.process.wait(timeout=30)

    def start(self) -> None:
        """The service runs, with what it had stored."""
        if not self.is_up:
            self._service = serve(self._store, port=self._port)

    def stop_for_a_while(self) -> None:
        """The service takes requests, and does nothing."""
        if self.is_up:
            os.kill(self._service.process.pid, signal.SIGSTOP)

    def go_on(self) -> None:
        """It does what it took meanwhile."""
        if self.is_up:
            os.kill(self._service.process.pid, signal.SIGCONT)

    def heal(self) -> None:
        """Everything is as it should be."""
        self.begin("fine")
        self.go_on()
        self.start()
        self.offline(False)
        self.let_go()

    def close(self) -> None:
        """The end of it."""
        self.go_on()
        self.kill()
        self._http.close()

    def _meet(self, route: Route) -> None:
        mode = self._mode if self._mode != "flaky" else self._random.choice(TROUBLES[:-1])
        with suppress(Error):
            if mode == "late":
                self._held.append(route)
            elif mode == "lost":
                route.abort()
            elif mode == "busy":
                route.fulfill(status=503, headers={"Retry-After": "1"}, body="")
            elif mode == "unanswered":
                self._do(route)
                route.abort()
            else:
                route.continue_()

    def _do(self, route: Route) -> None:
        """The service does what it is asked, and nobody hears of it."""
        request = route.request
        headers = {name: value for name, value in request.headers.items() if name.startswith(("content-type", "x-"))}
        with suppress(httpx.TransportError):
            self._http.request(request.method, request.url, headers=headers, content=request.post_data_buffer or b"")
