"""The writer's own words, apart from the journal, and an index that finds the corrections of a line.

Processes of the release before, which do not know the words, go on: what they take back or erase takes words along.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

NUMBER = sa.BigInteger().with_variant(sa.Integer, "sqlite")
NAME = sa.String(128, collation="C").with_variant(sa.String(128), "sqlite")

OF_LINE = "substr(batch, 1, 5) = 'line-'"
TAKEN_BACK = f"NEW.label IS NULL AND {OF_LINE.replace('batch', 'OLD.batch')}"
FORGET = "UPDATE allograph_words SET line = NULL, word = NULL WHERE profile = OLD.profile AND line = OLD.batch"
FORGET_LOST = f"""
    UPDATE allograph_words SET line = NULL, word = NULL WHERE profile = NEW.profile AND line IS NOT NULL AND NOT EXISTS (
        SELECT 1 FROM allograph_journal AS kept
        WHERE kept.profile = NEW.profile AND kept.batch = allograph_words.line AND {OF_LINE.replace("batch", "kept.batch")}
    )
"""
FORGETTING = {
    "sqlite": (
        f"""
        CREATE TRIGGER allograph_journal_words AFTER UPDATE OF label ON allograph_journal WHEN {TAKEN_BACK} BEGIN {FORGET}; END
        """,
        f"""
        CREATE TRIGGER allograph_profiles_words AFTER UPDATE OF edition ON allograph_profiles WHEN NEW.edition <> OLD.edition
        BEGIN {FORGET_LOST}; END
        """,
    ),
    "postgresql": (
        f"""
        CREATE FUNCTION allograph_forget_words() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN {FORGET}; RETURN NULL; END$$
        """,
        f"""
        CREATE TRIGGER allograph_journal_words AFTER UPDATE OF label ON allograph_journal
            FOR EACH ROW WHEN ({TAKEN_BACK}) EXECUTE FUNCTION allograph_forget_words()
        """,
        f"""
        CREATE FUNCTION allograph_forget_lost_words() RETURNS trigger LANGUAGE plpgsql AS
            $$BEGIN {FORGET_LOST}; RETURN NULL; END$$
        """,
        """
        CREATE TRIGGER allograph_profiles_words AFTER UPDATE OF edition ON allograph_profiles
            FOR EACH ROW WHEN (NEW.edition <> OLD.edition) EXECUTE FUNCTION allograph_forget_lost_words()
        """,
    ),
}
"""Words go when a correction of their line is taken back, or when a journal is replaced by one that has nothing of their line."""


def upgrade() -> None:
    """Make the table, whose rows go with their profile whichever release erases it, the index, and the triggers."""
    op.create_table(
        "allograph_words",
        sa.Column("profile", NUMBER, sa.ForeignKey("allograph_profiles.profile", ondelete="CASCADE"), primary_key=True),
        sa.Column("id", NAME, primary_key=True),
        sa.Column("line", sa.String(16)),
        sa.Column("word", sa.String(64)),
    )
    op.create_index("allograph_words_line", "allograph_words", ["profile", "line"])
    of_line = sa.text(OF_LINE)
    op.create_index(
        "allograph_journal_line",
        "allograph_journal",
        ["profile", "batch"],
        sqlite_where=of_line,
        postgresql_where=of_line,
    )
    for statement in FORGETTING[op.get_bind().dialect.name]:
        op.execute(sa.text(statement))
