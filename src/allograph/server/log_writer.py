"""Writes the lines of a log in a thread, so that a full disk or a pipe that nobody reads holds up nothing else."""

from __future__ import annotations

import json
import os
import sys
import threading
import time
import weakref
from collections.abc import Callable
from datetime import UTC, datetime
from queue import Empty, SimpleQueue
from select import PIPE_BUF
from typing import TextIO

GATHER = 0.05
"""Seconds for which lines gather before they are written together, for writing is what takes the time."""
AGAIN = 1.0
"""Seconds until writing is tried again after it failed."""
WAITING = 10_000
"""Lines that wait to be written at most; more are lost."""
TOGETHER = 1000
"""Lines that are written at once at most."""


class LogWriter:
    """Takes lines and writes them to a stream, standard output unless given, in their order.

    `put` never waits and never fails. A line that cannot be written is lost and counted; once writing goes well again, a line
    tells how many were.
    """

    def __init__(self, stream: TextIO | None = None) -> None:
        self._state = _State(stream)
        self._starting = threading.Lock()
        self._started = False

    @property
    def lost(self) -> int:
        """Lines lost so far."""
        return self._state.lost

    def put(self, line: str) -> None:
        """Write a line, soon."""
        state = self._state
        if state.queue.qsize() >= WAITING:
            state.lose(1)
            return
        state.queue.put(line)
        if not self._started:
            self._start()

    def flush(self, seconds: float = 2.0) -> None:
        """Wait until all that was put so far is written or lost, but no longer than this."""
        if self._started:
            done = threading.Event()
            self._state.hurry.set()
            self._state.queue.put(done)
            done.wait(seconds)

    def _start(self) -> None:
        with self._starting:
            if not self._started:
                self._started = True
                threading.Thread(target=_work, args=(self._state,), name="allograph-log", daemon=True).start()
                weakref.finalize(self, self._state.queue.put, None)


class _State:
    """What the thread and those who put lines share."""

    def __init__(self, stream: TextIO | None) -> None:
        self.queue: SimpleQueue[str | threading.Event | None] = SimpleQueue()
        self.hurry = threading.Event()
        self.lost = 0
        self.notified = 0
        """How many of the lost lines a line of the log has told of."""
        self.stream = stream
        self._losing = threading.Lock()

    def lose(self, lines: int) -> None:
        with self._losing:
            self.lost += lines


def _work(state: _State) -> None:
    """Write what comes, until None comes."""
    write = _writer(sys.stdout if state.stream is None else state.stream)
    going_on = True
    while going_on:
        lines: list[str] = []
        events: list[threading.Event] = []
        one = state.queue.get()
        if isinstance(one, str):
            state.hurry.wait(GATHER)
        state.hurry.clear()
        while True:
            if isinstance(one, str):
                lines.append(one)
            elif one is not None:
                events.append(one)
            going_on &= one is not None
            if len(lines) == TOGETHER or not going_on:
                break
            try:
                one = state.queue.get_nowait()
            except Empty:
                break
        well = _try_to_write(state, write, lines)
        for event in events:
            event.set()
        if not well:
            state.hurry.wait(AGAIN)


def _try_to_write(state: _State, write: Callable[[str], int], lines: list[str]) -> bool:
    """Whether lines could be written; those that could not are counted."""
    if not lines:
        return True
    lost = state.lost
    notice = [_notice(lost - state.notified)] if lost > state.notified else []
    missing = write("".join(f"{line}\n" for line in [*notice, *lines]))
    if missing <= len(lines):
        state.notified = lost
    state.lose(min(missing, len(lines)))
    return missing == 0


def _notice(lost: int) -> str:
    now = datetime.now(UTC).isoformat(timespec="milliseconds")
    return json.dumps({"time": now, "level": "warning", "event": "log", "lost": lost})


def _writer(stream: TextIO | None) -> Callable[[str], int]:
    """What writes text and returns how many of its lines it could not write.

    It goes past the stream's own buffer, which would keep what it could not write, and for which the interpreter waits at its
    end.
    """
    try:
        assert stream is not None
        stream.flush()
        number = os.dup(stream.fileno())
    except (AssertionError, OSError, ValueError):
        return lambda text: _to_stream(stream, text)
    return _ToFile(number)


def _to_stream(stream: TextIO | None, text: str) -> int:
    try:
        if stream is not None:
            stream.write(text)
            stream.flush()
    except (OSError, ValueError):
        return text.count("\n")
    return 0


class _ToFile:
    """Writes to a file descriptor."""

    def __init__(self, number: int) -> None:
        self._number = number
        self._torn = False
        weakref.finalize(self, os.close, number).atexit = False

    def __call__(self, text: str) -> int:
        data = memoryview((b"\n" if self._torn else b"") + text.encode("utf-8", "replace"))
        while data:
            try:
                count = os.write(self._number, data[: _whole_lines(data)])
            except BlockingIOError:
                time.sleep(GATHER)
                continue
            except OSError:
                return bytes(data).count(b"\n") - (bytes(data[:1]) == b"\n" and self._torn)
            self._torn = data[count - 1] != ord("\n") if count else self._torn
            data = data[count:]
        return 0


def _whole_lines(data: memoryview) -> int:
    """Bytes to write at once: as many lines as no other process's lines get between where all write to one pipe."""
    end = bytes(data[:PIPE_BUF]).rfind(b"\n") + 1
    return len(data) if len(data) <= PIPE_BUF else end or PIPE_BUF
