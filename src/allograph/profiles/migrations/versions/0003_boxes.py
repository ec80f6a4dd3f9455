"""The box of a sample, and the doubt of a correction, in the journal; two columns that no row is written anew for.

Processes of the release before, which do not know them, go on: what they add has neither. What they blank is blanked here too.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

LEFT_BEHIND = "NEW.label IS NULL AND (NEW.box IS NOT NULL OR NEW.doubt IS NOT NULL)"
BLANK = {
    "sqlite": (
        f"""
        CREATE TRIGGER allograph_journal_blank AFTER UPDATE OF label ON allograph_journal WHEN {LEFT_BEHIND} BEGIN
            UPDATE allograph_journal SET box = NULL, doubt = NULL WHERE profile = NEW.profile AND seq = NEW.seq;
        END
        """,
    ),
    "postgresql": (
        """
        CREATE FUNCTION allograph_blank() RETURNS trigger LANGUAGE plpgsql AS
            'BEGIN NEW.box = NULL; NEW.doubt = NULL; RETURN NEW; END'
        """,
        f"""
        CREATE TRIGGER allograph_journal_blank BEFORE UPDATE OF label ON allograph_journal
            FOR EACH ROW WHEN ({LEFT_BEHIND}) EXECUTE FUNCTION allograph_blank()
        """,
    ),
}


def upgrade() -> None:
    """Add the columns, empty; blank them with a row's label, whichever release blanks that."""
    op.add_column("allograph_journal", sa.Column("box", sa.Text))
    op.add_column("allograph_journal", sa.Column("doubt", sa.Double))
    for statement in BLANK[op.get_bind().dialect.name]:
        op.execute(sa.text(statement))
