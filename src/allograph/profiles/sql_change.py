"""A change to one profile in a database."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection

from allograph.profiles import sql_statements as statements
from allograph.profiles.journal import (
    Entry,
    Key,
    Row,
    Tombstone,
    Version,
    check_incarnation,
    is_due,
    later,
    unknown_writer,
)
from allograph.profiles.sql_rows import BLANK, arrays_of, entry_of, listed_row, row_of, word_of
from allograph.profiles.store import check_room
from allograph.profiles.tables import journal, own_words, profiles, states
from allograph.profiles.words import Word
from allograph.readings import Samples

ROWS = 500
"""Rows that are written by one statement."""


class SqlChange:
    """A change to one profile within one transaction, which holds the profile's row."""

    def __init__(
        self, connection: Connection, key: Key, model_hash: str | None, incarnation: str | None, most_writers: int | None
    ) -> None:
        self._connection = connection
        self.took_back = False
        """Whether content was removed."""
        found = connection.execute(statements.HOLD, key._asdict()).one_or_none()
        check_incarnation(key, None if found is None else found.profile, incarnation)
        if found is None:
            if model_hash is None:
                raise unknown_writer(key)
            if most_writers is not None:
                if connection.dialect.name == "postgresql":  # as whoever writes an SQLite file is alone anyway
                    connection.execute(statements.ROOM, {"tenant": key.tenant})
                check_room(connection.execute(statements.COUNT, {"tenant": key.tenant}).scalar_one(), most_writers)
            begun = {**key._asdict(), "model_hash": model_hash, "edition": 0, "head": 0, "time": 0.0}
            insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
            connection.execute(insert(profiles).on_conflict_do_nothing(), begun)
            found = connection.execute(statements.HOLD, key._asdict()).one()
        self._profile, self.model_hash = found.profile, found.model_hash
        self._before = (found.edition, found.head, found.model_hash)
        self._edition, self._head, self._time = found.edition, found.head, found.time

    @property
    def version(self) -> Version:
        """How far the journal goes."""
        return Version(self._profile, self._edition, self._head)

    def find(
        self,
        ids: Iterable[str] | None = None,
        label: str | None = None,
        since: float | None = None,
        line: str | None = None,
    ) -> list[Entry]:
        """The entries that stand and fit."""
        if label is None and since is None and (ids is None) is not (line is None):  # what every correction asks
            chosen, its = (statements.BY_LINE, {"line": line}) if ids is None else (statements.BY_ID, {"ids": list(ids)})
            rows = self._connection.execute(chosen, {"profile": self._profile, **its})
            return sorted(map(entry_of, rows), key=lambda entry: entry.seq)
        chosen = sa.select(journal).where(journal.c.profile == self._profile, statements.STANDS).order_by(journal.c.seq)
        if ids is not None:
            chosen = chosen.where(journal.c.id.in_(list(ids)))
        if label is not None:
            chosen = chosen.where(journal.c.label == label)
        if since is not None:
            chosen = chosen.where(journal.c.time >= since)
        if line is not None:
            chosen = chosen.where(journal.c.batch == line)
        return [entry_of(row) for row in self._connection.execute(chosen)]

    def rows(self, label: str | None = None, since: float | None = None) -> list[Row]:
        """The same, to be listed."""
        chosen = (
            sa.select(*statements.LISTED).where(journal.c.profile == self._profile, statements.STANDS).order_by(journal.c.seq)
        )
        if label is not None:
            chosen = chosen.where(journal.c.label == label)
        if since is not None:
            chosen = chosen.where(journal.c.time >= since)
        return [listed_row(row) for row in self._connection.execute(chosen)]

    def tombstones(self) -> list[Tombstone]:
        """What was taken back."""
        return [Tombstone(*row) for row in self._connection.execute(statements.TOMBSTONES, {"profile": self._profile})]

    def add(self, entries: Sequence[Entry]) -> list[Entry]:
        """Append."""
        added = [replace(entry, seq=self._next(), time=self._tick()) for entry in entries]
        self._insert([row_of(self._profile, entry) for entry in added])
        return added

    def retract(self, entries: Sequence[Entry | Row]) -> None:
        """Append tombstones, blank the rows, and drop the state that knew them."""
        self.took_back = True
        rows = [entry.seq for entry in entries]
        for start in range(0, len(rows), ROWS):
            self._connection.execute(statements.BLANKED, {"its": self._profile, "rows": rows[start : start + ROWS]})
        self._insert([self._tombstone(entry.id, self._tick(), entry.seq) for entry in entries])
        knew = sa.delete(states).where(states.c.profile == self._profile, states.c.head >= min(rows))
        self._connection.execute(knew)

    def words(self, line: str | None = None) -> list[Word]:
        """The words."""
        chosen, its = (statements.WORDS, {}) if line is None else (statements.LINE_WORDS, {"line": line})
        return [word_of(row) for row in self._connection.execute(chosen, {"profile": self._profile, **its})]

    def add_words(self, words: Sequence[Word]) -> None:
        """Keep words."""
        self._next()
        self._insert_words(words)

    def drop_words(self, ids: Sequence[str]) -> None:
        """Forget words."""
        self.took_back = True
        self._next()
        mine = own_words.c.profile == self._profile
        for start in range(0, len(ids), ROWS):
            some = own_words.c.id.in_(ids[start : start + ROWS])
            self._connection.execute(sa.update(own_words).where(mine, some).values(line=None, word=None))

    def rewrite(
        self, entries: Sequence[Entry], tombstones: Sequence[Tombstone], model_hash: str, words: Sequence[Word] = ()
    ) -> None:
        """Exchange the whole journal."""
        self.took_back = True
        for table in (journal, states, own_words):
            self._connection.execute(sa.delete(table).where(table.c.profile == self._profile))
        self._insert([row_of(self._profile, replace(entry, seq=self._next())) for entry in entries])
        self._insert([self._tombstone(stone.id, stone.time, 0) for stone in tombstones])
        self._insert_words(words)
        self._time = max([self._time, *(entry.time for entry in entries), *(stone.time for stone in tombstones)])
        self._edition += 1
        self.model_hash = model_hash

    def compact(self) -> int:
        """Delete blanked rows, and the tombstones that later rows have overtaken."""
        its = {"profile": self._profile}
        if self._connection.execute(statements.TAKEN_BACK, its).first() is None:
            return 0
        blanked = self._connection.execute(statements.NO_LONGER, its).rowcount
        overtaken = self._connection.execute(statements.OVERTAKEN, its).rowcount
        if overtaken:  # whoever knows an earlier place of this edition could miss what was taken back
            self._edition += 1
            self._connection.execute(statements.STATES_GO_ON, {"its": self._profile, "to": self._edition})
        return blanked + overtaken

    def bring_over(self, read: Mapping[int, tuple[Samples, str]], model_hash: str) -> int:
        """Make it a profile for another model."""
        self.took_back = True
        self._connection.execute(sa.delete(states).where(states.c.profile == self._profile))
        mine = (journal.c.profile == self._profile) & (journal.c.seq == sa.bindparam("row")) & statements.STANDS
        names = ("embedding", "logits", "features", "base", "model_hash")
        exchanged = sa.update(journal).where(mine).values({name: sa.bindparam(f"new_{name}") for name in names})
        rows = [
            {"row": seq, **{f"new_{name}": value for name, value in {**arrays_of(samples), **said}.items()}}
            for seq, (samples, base) in read.items()
            for said in [{"base": base, "model_hash": model_hash}]
        ]
        moved = sum(self._connection.execute(exchanged, rows[i : i + ROWS]).rowcount for i in range(0, len(rows), ROWS))
        self._edition += 1
        self.model_hash = model_hash
        return moved

    def finish(self) -> None:
        """Write how far the journal goes now, and compact it if that is due."""
        if is_due(self._before[1], self._head):
            self.compact()
        if (self._edition, self._head, self.model_hash) != self._before:
            now = {"edition": self._edition, "head": self._head, "time": self._time, "model_hash": self.model_hash}
            self._connection.execute(statements.ADVANCE, {"its": self._profile, **now})

    def _insert(self, rows: list[dict[str, Any]]) -> None:
        for start in range(0, len(rows), ROWS):
            self._connection.execute(statements.APPEND, rows[start : start + ROWS])

    def _insert_words(self, words: Sequence[Word]) -> None:
        rows = [{"profile": self._profile, "id": word.id, "line": word.line, "word": word.text} for word in words]
        for start in range(0, len(rows), ROWS):
            self._connection.execute(sa.insert(own_words), rows[start : start + ROWS])

    def _tombstone(self, id: str, time: float, undoes: int) -> dict[str, Any]:
        return {**BLANK, "profile": self._profile, "seq": self._next(), "id": id, "time": time, "undoes": undoes}

    def _next(self) -> int:
        self._head += 1
        return int(self._head)

    def _tick(self) -> float:
        self._time = later(self._time, time.time())
        return self._time
