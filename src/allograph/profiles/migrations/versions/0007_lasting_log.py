"""The audit log cannot be emptied or rewritten; a tenant's bytes count every row that it makes.

Processes of the release before go on: what they store is counted alike, for triggers count it. A quota that one of them sets
for a tenant that had none counts too few bytes, until it is set up anew.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"

NUMBER = sa.BigInteger().with_variant(sa.Integer, "sqlite")
ROW = 256
"""Bytes that a row counts beside what is measured."""
BLOBS = ("embedding", "logits", "features", "image")
TEXTS = ("id", "alphabet", "box")
WORD = ("id", "line", "word")
SIZES = {
    "sqlite": ("length({})", "length(CAST({} AS BLOB))"),
    "postgresql": ("octet_length({})", "octet_length({})"),
}
"""How many bytes a blob has, and a text."""


class Counting:
    """What rows count, in SQL. A tombstone counts apart, in `kept`, for to take something back is never refused."""

    def __init__(self, dialect: str) -> None:
        self._blob, self._text = SIZES[dialect]

    def _sum(self, row: str, texts: tuple[str, ...], blobs: tuple[str, ...] = ()) -> str:
        sizes = [self._text.format(f"{row}.{name}") for name in texts] + [self._blob.format(f"{row}.{name}") for name in blobs]
        return " + ".join([str(ROW), *(f"coalesce({size}, 0)" for size in sizes)])

    def bytes(self, row: str) -> str:
        """Of a correction, or of what is left of one."""
        return f"CASE WHEN {row}.undoes IS NULL THEN {self._sum(row, TEXTS, BLOBS)} ELSE 0 END"

    def kept(self, row: str) -> str:
        """Of a tombstone."""
        return f"CASE WHEN {row}.undoes IS NULL THEN 0 ELSE {self._sum(row, ('id',))} END"

    def word(self, row: str) -> str:
        """Of a word, or the mark of one."""
        return self._sum(row, WORD)

    def triggers(self) -> list[tuple[str, str, str]]:
        """The name of each, when it is due, and what it does."""
        return [
            (
                "journal_added",
                "INSERT ON allograph_journal",
                _count("NEW", corrections=_stands("NEW"), bytes=self.bytes("NEW"), kept=self.kept("NEW")),
            ),
            (
                "journal_removed",
                "DELETE ON allograph_journal",
                _count(
                    "OLD",
                    corrections=f"-({_stands('OLD')})",
                    bytes=f"-({self.bytes('OLD')})",
                    kept=f"-({self.kept('OLD')})",
                ),
            ),
            (
                "journal_changed",
                "UPDATE OF label, embedding, logits, features, image ON allograph_journal",
                _count(
                    "NEW",
                    corrections=f"{_stands('NEW')} - ({_stands('OLD')})",
                    bytes=f"{self.bytes('NEW')} - ({self.bytes('OLD')})",
                ),
            ),
            ("words_added", "INSERT ON allograph_words", _count("NEW", bytes=self.word("NEW"))),
            ("words_removed", "DELETE ON allograph_words", _count("OLD", bytes=f"-({self.word('OLD')})")),
            (
                "words_changed",
                "UPDATE ON allograph_words",
                _count("NEW", bytes=f"{self.word('NEW')} - ({self.word('OLD')})"),
            ),
        ]

    def anew(self) -> str:
        """Count what is there."""

        def total(table: str, size: str) -> str:
            of_tenant = "profile IN (SELECT profile FROM allograph_profiles WHERE tenant = allograph_quotas.tenant)"
            return f"coalesce((SELECT sum({size}) FROM {table} AS held WHERE held.{of_tenant}), 0)"

        journal, words = total("allograph_journal", self.bytes("held")), total("allograph_words", self.word("held"))
        return f"UPDATE allograph_quotas SET bytes = {journal} + {words}, kept = {total('allograph_journal', self.kept('held'))}"


def _stands(row: str) -> str:
    return f"CASE WHEN {row}.label IS NULL THEN 0 ELSE 1 END"


def _count(row: str, **more: str) -> str:
    """Count a row with its tenant, where one is kept count of."""
    values = ", ".join(f"{name} = {name} + ({value})" for name, value in more.items())
    tenant = f"(SELECT tenant FROM allograph_profiles WHERE profile = {row}.profile)"
    return f"UPDATE allograph_quotas SET {values} WHERE tenant = {tenant}"


EXCEEDED = "NEW.bytes > OLD.bytes AND NEW.bytes + NEW.kept > NEW.most_bytes"
BEFORE = ("journal_added", "journal_removed", "journal_changed")
"""The triggers that were there before."""


def _sqlite(counting: Counting) -> list[str]:
    return [
        *(f"DROP TRIGGER allograph_{name}" for name in (*BEFORE, "quota_bytes")),
        counting.anew(),
        *(f"CREATE TRIGGER allograph_{name} AFTER {event} BEGIN {does}; END" for name, event, does in counting.triggers()),
        f"CREATE TRIGGER allograph_quota_bytes BEFORE UPDATE OF bytes ON allograph_quotas WHEN {EXCEEDED} "
        "BEGIN SELECT RAISE(ABORT, 'allograph quota: bytes'); END",
        # INSERT OR REPLACE deletes without a trigger. -1 is what SQLite has here for a row that is given its number.
        "CREATE TRIGGER allograph_audit_insert BEFORE INSERT ON allograph_audit "
        "WHEN NEW.event <> -1 AND EXISTS (SELECT 1 FROM allograph_audit WHERE event = NEW.event) "
        "BEGIN SELECT RAISE(ABORT, 'the audit log is only added to'); END",
    ]


def _postgresql(counting: Counting) -> list[str]:
    statements = ["DROP TRIGGER allograph_quota_bytes ON allograph_quotas", counting.anew()]
    for name, event, does in counting.triggers():
        body = f"LANGUAGE plpgsql AS $$BEGIN {does}; RETURN NULL; END$$"
        statements.append(f"CREATE OR REPLACE FUNCTION allograph_{name}() RETURNS trigger {body}")
        if name not in BEFORE:
            runs = f"FOR EACH ROW EXECUTE FUNCTION allograph_{name}()"
            statements.append(f"CREATE TRIGGER allograph_{name} AFTER {event} {runs}")
    return [
        *statements,
        "CREATE TRIGGER allograph_quota_bytes BEFORE UPDATE OF bytes ON allograph_quotas "
        f"FOR EACH ROW WHEN ({EXCEEDED}) EXECUTE FUNCTION allograph_quota_bytes()",
        "CREATE TRIGGER allograph_audit_stays BEFORE TRUNCATE ON allograph_audit "
        "FOR EACH STATEMENT EXECUTE FUNCTION allograph_audit_lasts()",
    ]


STATEMENTS = {"sqlite": _sqlite, "postgresql": _postgresql}


def upgrade() -> None:
    """Add the column, count what tenants with a quota have while nobody writes, and exchange and add triggers."""
    dialect = op.get_bind().dialect.name
    if dialect == "postgresql":
        op.execute("LOCK TABLE allograph_profiles, allograph_journal, allograph_words IN SHARE ROW EXCLUSIVE MODE")
    op.add_column("allograph_quotas", sa.Column("kept", NUMBER, nullable=False, server_default="0"))
    for statement in STATEMENTS[dialect](Counting(dialect)):
        op.execute(sa.text(statement))
