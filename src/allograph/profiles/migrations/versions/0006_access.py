"""Scopes, expiry and rotation of keys; what a tenant may store; who did what.

Processes of the release before, which know none of it, go on: they take a key with a scope or an expiry for one that may do all,
until they are gone, and their keys may do all from then on too. What they store counts, for triggers count it.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"

NUMBER = sa.BigInteger().with_variant(sa.Integer, "sqlite")
NAME = sa.String(128, collation="C").with_variant(sa.String(128), "sqlite")
COUNTED = ("writers", "corrections", "bytes")

BLOBS = ("embedding", "logits", "features", "image")


def _size(row: str) -> str:
    return " + ".join(f"coalesce(length({row}.{blob}), 0)" for blob in BLOBS)


def _stands(row: str) -> str:
    return f"CASE WHEN {row}.label IS NULL THEN 0 ELSE 1 END"


def _count(row: str, corrections: str, size: str) -> str:
    """Count rows of the journal with their tenant, where one is kept count of."""
    return (
        f"UPDATE allograph_quotas SET corrections = corrections + ({corrections}), bytes = bytes + ({size}) "
        f"WHERE tenant = (SELECT tenant FROM allograph_profiles WHERE profile = {row}.profile)"
    )


ADDED = _count("NEW", _stands("NEW"), _size("NEW"))
REMOVED = _count("OLD", f"-({_stands('OLD')})", f"-({_size('OLD')})")
CHANGED = _count("NEW", f"{_stands('NEW')} - ({_stands('OLD')})", f"{_size('NEW')} - ({_size('OLD')})")
BEGUN = "UPDATE allograph_quotas SET writers = writers + 1 WHERE tenant = NEW.tenant"
ERASED = "UPDATE allograph_quotas SET writers = writers - 1 WHERE tenant = OLD.tenant"
COUNTING = (
    ("journal_added", "INSERT ON allograph_journal", ADDED),
    ("journal_removed", "DELETE ON allograph_journal", REMOVED),
    ("journal_changed", "UPDATE OF label, embedding, logits, features, image ON allograph_journal", CHANGED),
    ("profiles_begun", "INSERT ON allograph_profiles", BEGUN),
    ("profiles_erased", "DELETE ON allograph_profiles", ERASED),
)
EXCEEDED = {name: f"NEW.{name} > OLD.{name} AND NEW.{name} > NEW.most_{name}" for name in COUNTED}


def _sqlite() -> list[str]:
    counting = [f"CREATE TRIGGER allograph_{name} AFTER {event} BEGIN {does}; END" for name, event, does in COUNTING]
    refusing = [
        f"CREATE TRIGGER allograph_quota_{name} BEFORE UPDATE OF {name} ON allograph_quotas WHEN {exceeded} "
        f"BEGIN SELECT RAISE(ABORT, 'allograph quota: {name}'); END"
        for name, exceeded in EXCEEDED.items()
    ]
    lasting = [
        f"CREATE TRIGGER allograph_audit_{event.lower()} BEFORE {event} ON allograph_audit "
        "BEGIN SELECT RAISE(ABORT, 'the audit log is only added to'); END"
        for event in ("UPDATE", "DELETE")
    ]
    return [*counting, *refusing, *lasting]


def _postgresql() -> list[str]:
    statements: list[str] = []

    def trigger(name: str, event: str, body: str, returns: str, when: str = "") -> None:
        statements.append(
            f"CREATE FUNCTION allograph_{name}() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN {body}; {returns}; END$$"
        )
        statements.append(f"CREATE TRIGGER allograph_{name} {event} FOR EACH ROW {when} EXECUTE FUNCTION allograph_{name}()")

    for name, event, does in COUNTING:
        trigger(name, f"AFTER {event}", does, "RETURN NULL")
    for name, exceeded in EXCEEDED.items():
        refuse = f"RAISE EXCEPTION USING ERRCODE = 'AG001', MESSAGE = 'allograph quota: {name}'"
        trigger(f"quota_{name}", f"BEFORE UPDATE OF {name} ON allograph_quotas", refuse, "RETURN NEW", f"WHEN ({exceeded})")
    refuse = "RAISE EXCEPTION 'the audit log is only added to'"
    trigger("audit_lasts", "BEFORE UPDATE OR DELETE ON allograph_audit", refuse, "RETURN NULL")
    return statements


TRIGGERS = {"sqlite": _sqlite, "postgresql": _postgresql}


def upgrade() -> None:
    """Add the columns, empty, which means all and for good; make the tables, and the triggers that count and refuse."""
    op.add_column("allograph_keys", sa.Column("scope", sa.String(16)))
    op.add_column("allograph_keys", sa.Column("expires", sa.Double))
    op.add_column("allograph_keys", sa.Column("old_hash", sa.String(64)))
    op.add_column("allograph_keys", sa.Column("old_expires", sa.Double))
    op.create_table(
        "allograph_quotas",
        sa.Column("tenant", NAME, primary_key=True),
        *(sa.Column(f"most_{name}", NUMBER) for name in COUNTED),
        sa.Column("rate", sa.Double),
        *(sa.Column(name, NUMBER, nullable=False) for name in COUNTED),
    )
    op.create_table(
        "allograph_audit",
        sa.Column("event", NUMBER, primary_key=True, autoincrement=True),
        sa.Column("time", sa.Double, nullable=False),
        sa.Column("actor", sa.Text, nullable=False),
        sa.Column("tenant", NAME, nullable=False),
        sa.Column("action", sa.String(16), nullable=False),
        sa.Column("subject", NAME, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("allograph_audit_time", "allograph_audit", ["time"])
    for statement in TRIGGERS[op.get_bind().dialect.name]():
        op.execute(sa.text(statement))
