"""Profiles are numbered from a random number on, so that a profile of a lost database is not taken for one of the next.

The incarnations that devices keep are made of these numbers. Processes of the release before go on as they were.
"""

from __future__ import annotations

import secrets

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

BITS = 48
"""Of the random number: numbers stay below what JSON and SQLite hold exactly, and two databases do not meet."""
SKIP = {
    "sqlite": (
        "DELETE FROM sqlite_sequence WHERE name = 'allograph_profiles'",
        "INSERT INTO sqlite_sequence (name, seq) VALUES ('allograph_profiles', :last)",
    ),
    "postgresql": ("SELECT setval(pg_get_serial_sequence('allograph_profiles', 'profile'), :last)",),
}


def upgrade() -> None:
    """Let the next profile's number be random, and larger than all before."""
    connection = op.get_bind()
    largest = connection.execute(sa.text("SELECT max(profile) FROM allograph_profiles")).scalar() or 0
    skip = {"last": largest + 1 + secrets.randbits(BITS)}
    for statement in SKIP[connection.dialect.name]:
        connection.execute(sa.text(statement), skip if ":last" in statement else {})
