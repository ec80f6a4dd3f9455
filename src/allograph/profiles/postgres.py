"""A store in PostgreSQL: nothing that is asked of it takes longer than a few seconds to answer or to fail."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Callable, Hashable
from contextlib import AbstractContextManager, suppress
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import URL, Connection, Engine

from allograph.errors import missing_extra
from allograph.profiles.database_errors import NAME
from allograph.profiles.queues import LOCKED, Queues

CONNECTIONS = 8
"""Connections of each kind, for reading and for writing, that one process holds at most."""
FREE = 2.0
"""Seconds to wait for one of them."""
FEW = 4
"""Changes of one profile that wait for another process that changes it; all further ones are refused at once."""
ANSWER = 10.0
"""Seconds after which a statement that has no answer is given up, and its connection."""
PING = 3.0
"""And so many for the question whether a connection is still alive."""
TCP = {
    "connect_timeout": 3,
    "keepalives": 1,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": int(ANSWER * 1000),
    "fallback_application_name": "allograph",
}
"""How soon the operating system gives up a server that is gone; an address may say otherwise."""
SERVER = {
    "lock_timeout": f"{LOCKED * 1000:.0f}",
    "statement_timeout": f"{ANSWER * 900:.0f}",
    "idle_in_transaction_session_timeout": "15000",
}
"""What a session asks of the server, in milliseconds: also that it frees what a process holds that no longer moves."""
PATIENCE = "allograph_patience"
"""The option of an execution that says how many seconds its statements have instead."""


class Postgres:
    """PostgreSQL, reached by psycopg."""

    def __init__(self, url: URL) -> None:
        self._watch = Watch()
        self.reading = self._engine(url)
        self.snapshot = self.reading.execution_options(isolation_level="REPEATABLE READ")
        self.writing = self._engine(url)
        self._lines = Queues(FEW, LOCKED)

    def turn(self, what: Hashable) -> AbstractContextManager[None]:
        """The changes of one profile wait for one another."""
        return self._lines.turn(what)

    def hold(self) -> None:
        """Nothing is held: connections come and go."""

    def tidy(self) -> bool:
        """The server vacuums by itself."""
        return True

    def close(self) -> None:
        """Close all connections."""
        self.reading.dispose()
        self.writing.dispose()
        self._watch.end()

    def _engine(self, url: URL) -> Engine:
        try:
            engine = sa.create_engine(
                url,
                pool_size=CONNECTIONS,
                max_overflow=0,
                pool_timeout=FREE,
                hide_parameters=True,
                execution_options={NAME: url.set(drivername="postgresql").render_as_string(hide_password=True)},
                connect_args={name: value for name, value in TCP.items() if name not in url.query},
            )
        except ModuleNotFoundError as error:
            raise missing_extra("psycopg", "postgres") from error
        watch, dialect_error = self._watch, engine.dialect.loaded_dbapi.Error

        def opened(dialect: Any, record: Any, arguments: Any, parameters: Any) -> Any:
            """Connect, and be watched from the first word on."""
            made = dialect.connect(*arguments, **parameters)
            watch.start(made, ANSWER)
            return made

        def prepared(made: Any, record: Any) -> None:
            settings = ", ".join(f"set_config('{name}', '{value}', false)" for name, value in SERVER.items())
            made.execute(f"SELECT {settings}")
            made.commit()

        def taken(made: Any, record: Any, proxy: Any) -> None:
            """Ask whether the server is still there: if not, all other connections are to be made anew too."""
            watch.start(made, PING)
            try:
                made.autocommit = True
                made.execute("SELECT 1")
                made.autocommit = False
            except dialect_error as error:
                raise sa.exc.InvalidatePoolError from error
            finally:
                watch.stop(made)

        def asked(connection: Connection, *rest: Any) -> None:
            if not connection.invalidated:
                patience = connection.get_execution_options().get(PATIENCE, ANSWER)
                watch.start(connection.connection.dbapi_connection, patience)

        def answered(connection: Connection, *rest: Any) -> None:
            if not connection.invalidated:
                watch.stop(connection.connection.dbapi_connection)

        def failed(context: Any) -> None:
            if context.connection is not None and not context.connection.invalidated:
                watch.stop(context.connection.connection.dbapi_connection)

        def returned(made: Any, *rest: Any) -> None:
            watch.stop(made)

        acts: dict[str, Callable[..., Any]] = {
            "do_connect": opened,
            "connect": prepared,
            "checkout": taken,
            "before_cursor_execute": asked,
            "after_cursor_execute": answered,
            "handle_error": failed,
            "commit": asked,
            "rollback": asked,
            "checkin": returned,
            "close": returned,
            "close_detached": returned,
            "invalidate": returned,
        }
        for name, act in acts.items():
            sa.event.listen(engine, name, act)
        return engine


class Watch:
    """Ends connections on which no answer comes: a network may swallow what is sent, and the driver would wait for ever."""

    def __init__(self) -> None:
        self._until: dict[Any, float] = {}
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._ended = False

    def start(self, made: Any, seconds: float) -> None:
        """Expect an answer on a connection within so many seconds."""
        with self._changed:
            self._until[made] = time.monotonic() + seconds
            if self._thread is None:
                self._thread = threading.Thread(target=self._look, name="allograph-postgres", daemon=True)
                self._thread.start()

    def stop(self, made: Any) -> None:
        """The answer has come."""
        with self._changed:
            self._until.pop(made, None)

    def end(self) -> None:
        """Look no longer."""
        with self._changed:
            self._ended = True
            self._changed.notify()

    def _look(self) -> None:
        with self._changed:
            while not self._ended:
                now = time.monotonic()
                for made in [made for made, until in self._until.items() if until < now]:
                    del self._until[made]
                    _cut(made)
                self._changed.wait(0.5)


def _cut(made: Any) -> None:
    """End a connection from outside: whoever waits on it gets an error."""
    with suppress(Exception), socket.socket(fileno=os.dup(made.fileno())) as line:
        line.shutdown(socket.SHUT_RDWR)
