"""Several states a profile (checkpoints), and an index that finds what was taken back without walking the journal."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

NUMBER = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Exchange the table of states, whose primary key changes; what is in it stays. Make the index."""
    op.rename_table("allograph_states", "allograph_states_old")
    op.create_table(
        "allograph_states",
        sa.Column("profile", NUMBER, sa.ForeignKey("allograph_profiles.profile"), primary_key=True),
        sa.Column("edition", NUMBER, nullable=False),
        sa.Column("head", NUMBER, primary_key=True),
        sa.Column("fingerprint", sa.String(64), nullable=False),
        sa.Column("state", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("profile", "head", name="allograph_states_place"),
    )
    columns = "profile, edition, head, fingerprint, state"
    op.execute(sa.text(f"INSERT INTO allograph_states ({columns}) SELECT {columns} FROM allograph_states_old"))
    op.drop_table("allograph_states_old")
    undoes = sa.text("undoes IS NOT NULL")
    op.create_index(
        "allograph_journal_undoes",
        "allograph_journal",
        ["profile", "seq", "undoes"],
        sqlite_where=undoes,
        postgresql_where=undoes,
    )
