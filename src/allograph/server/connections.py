"""Connections that do not wait for ever: what uvicorn's protocol lacks in deadlines and bounds."""

from __future__ import annotations

import asyncio
from collections import Counter
from heapq import nlargest

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from allograph.server.middleware import HEAD
from allograph.server.problems import problem
from allograph.server.random_id import random_id

PATIENCE = 10.0
"""Seconds that a client may leave a connection idle, that the head of a request may take, and that may pass without progress."""
PROGRESS = 10 * 1024
"""Bytes that are progress: of a body that comes, or of an answer that goes."""
HEAD_BYTES = 2 * HEAD
"""Bytes that a head may have before its end is found; one that did end is measured by the gate."""
LINGER = 2.0
"""Seconds for which a connection takes, and drops, what comes after it was answered that this is too much."""
LAST = 1.0
"""Seconds in which a request may still come once the service is asked to stop."""
AHEAD = 64
"""Requests that may come before the ones before them are answered."""


class Connection(HttpToolsProtocol):
    """A client's connection; `sweep` ends it where the client keeps it waiting, `make_room` where others need its place.

    uvicorn's `limit_concurrency` is how many connections there may be. Of those that have a request in work none is ended.
    """

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin; where that is one too many, the one that can best be spared ends."""
        super().connection_made(transport)
        self._phase = "idle"
        self._since = self._mark = self.heard = self.loop.time()
        self._bytes = self._body = self._progress = self._unsent = 0
        self._deaf = self._ending = self._is_last = False
        if self.limit_concurrency is not None and len(self.connections) >= self.limit_concurrency:
            make_room(self)

    def data_received(self, data: bytes) -> None:
        """Parse what came, unless it is too much."""
        if self._deaf:
            return
        self.heard = self.loop.time()
        self._bytes += len(data)
        self._progress += len(data)
        super().data_received(data)
        if self._bytes > HEAD_BYTES and not self._deaf:
            if self._phase != "body":
                if self._phase == "head" or not self.answering:
                    self.refuse(431, f"the head of a request may have {HEAD} bytes")
            elif self._bytes > HEAD_BYTES + 8 * self._body:
                self.refuse(400, "the body is cut into pieces that are smaller than what says how large they are")

    def on_message_begin(self) -> None:
        """A request begins."""
        if len(self.pipeline) >= AHEAD:
            raise ValueError("too many requests at once")  # the parser stops, and `send_400_response` is called
        super().on_message_begin()
        self._phase = "head"
        self._since = self.loop.time()
        self._bytes = self._body = 0

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header came; those after the body are passed over."""
        if self._phase == "head":
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """A request's head is there."""
        super().on_headers_complete()
        self.cycle.transport = _Ending(self)  # type: ignore[assignment]
        if self.parser.should_upgrade():  # to what is not spoken here; the parser reads nothing after such a request
            self.cycle.keep_alive = False
        if self._is_last:
            self.cycle.keep_alive = False
        self._phase = "body"
        self._mark, self._progress = self.loop.time(), 0

    def on_body(self, body: bytes) -> None:
        """A part of a body came."""
        self._body += len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        """A request is there."""
        super().on_message_complete()
        self._phase = "idle"
        self._since = self.loop.time()
        self._bytes = 0

    def on_response_complete(self) -> None:
        """A request is answered."""
        if self._phase == "idle":
            self._since = self.loop.time()
        super().on_response_complete()

    def send_400_response(self, msg: str) -> None:
        """Answer what is no HTTP."""
        self.refuse(400, "this is no HTTP request that can be understood")

    def shutdown(self) -> None:
        """End with the request that is being answered, or with one that is on its way: the answer says that it is the last."""
        self._is_last = True
        if self.answering:
            self.cycle.keep_alive = False
        else:
            self.loop.call_later(LAST, self._leave)

    def _leave(self) -> None:
        """Close the connection where nothing came."""
        if not self.answering:
            self.transport.close()

    @property
    def answering(self) -> bool:
        """Whether a request is being answered."""
        return self.cycle is not None and not self.cycle.response_complete

    @property
    def in_work(self) -> bool:
        """Whether the service has something to do for the client, which waits for it."""
        return self.answering and self._phase != "body" and not self.flow.write_paused

    @property
    def address(self) -> str | None:
        """Where the client is."""
        return self.client and self.client[0]

    def sweep(self, now: float) -> bool:
        """End the connection where the client is late; True where it was."""
        unsent = self.transport.get_write_buffer_size()
        if unsent:
            if not self._unsent or unsent > self._unsent:
                self._mark, self._unsent = now, unsent
            elif now - self._mark > PATIENCE:
                if self._unsent - unsent < PROGRESS:
                    self.transport.abort()
                    return True
                self._mark, self._unsent = now, unsent
            return False
        self._unsent = 0
        if self.transport.is_closing() or self._ending:
            return False
        if self.flow.read_paused:  # the service has not yet taken what came
            self._mark, self._progress = now, 0
        elif self._phase == "body":
            if now - self._mark > PATIENCE:
                if self._progress < PROGRESS:
                    self.refuse(408, f"the body came too slowly: less than {PROGRESS} bytes in {PATIENCE:g} seconds")
                    return True
                self._mark, self._progress = now, 0
        elif not self.answering and now - self._since > PATIENCE:
            if self._phase == "head":
                self.refuse(408, f"the head of a request has to come within {PATIENCE:g} seconds")
                return True
            self.transport.close()
        return False

    def give_way(self) -> None:
        """End the connection, for another needs its place."""
        if self.transport.get_write_buffer_size() or self._ending:
            self.transport.abort()
        elif self.cycle is not None and not self.answering and self._phase == "idle":
            self.transport.close()  # between two requests there is nothing to answer
        else:
            self.refuse(503, "too many connections are open; come again in a moment")

    def refuse(self, status: int, detail: str) -> None:
        """End the connection: with a problem where one can be told in turn, else after what is being answered."""
        self._deaf = True
        if self.transport.is_closing() or self._ending:
            return
        if self.answering and self._phase != "body":  # the last request is whole
            self.cycle.keep_alive = False
            return
        if not self.pipeline and not (self._phase == "body" and self.cycle.response_started):
            id = random_id()[:16]
            answer = problem(status, detail, id, headers={"connection": "close", "x-request-id": id, "retry-after": "1"})
            if status not in (408, 503):
                del answer.headers["retry-after"]
            head = [f"HTTP/1.1 {status} {_PHRASES[status]}".encode(), *(b": ".join(pair) for pair in answer.raw_headers)]
            self.transport.write(b"\r\n".join([*head, b"", bytes(answer.body)]))
        if self.answering:
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        if status in (408, 503):  # nothing comes, or nothing may come
            self.transport.close()
        else:
            self.end()

    def end(self) -> None:
        """Close the connection; where more of a request comes, only after a moment.

        A connection that is closed while something comes is reset, and the client may never see the answer.
        """
        if self.transport.is_closing() or self._ending:
            return
        if self._phase == "idle" or not self.transport.can_write_eof():
            self.transport.close()
            return
        self._deaf = self._ending = True
        self.transport.write_eof()
        self.flow.resume_reading()
        self.loop.call_later(LINGER, self.transport.close)


class _Ending:
    """A connection's transport, as who answers requests sees it: it is closed as `Connection.end` does."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.write = connection.transport.write
        self.is_closing = connection.transport.is_closing

    def close(self) -> None:
        """End the connection."""
        self._connection.end()


def make_room(new: Connection) -> None:
    """End the connections that can best be spared, so that a new one has a place; the new one itself where none can.

    They are of the address that holds most of those without a request in work, and of these the ones not heard of for longest. A
    few go at once where there are many, for looking for them takes a while.
    """
    idle = [one for one in new.connections if isinstance(one, Connection) and one is not new and not one.in_work]
    held = Counter(one.address for one in idle)
    count = max(1, len(idle) // 32)
    spared = nlargest(count, idle, key=lambda one: (held[one.address], -one.heard)) or [new]
    for one in spared:
        one.connections.discard(one)
        one.give_way()


_PHRASES = {400: "Bad Request", 408: "Request Timeout", 431: "Request Header Fields Too Large", 503: "Service Unavailable"}
