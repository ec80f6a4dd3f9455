"""The tables of the first release that has stores."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

NUMBER = sa.BigInteger().with_variant(sa.Integer, "sqlite")
NAME = sa.String(128, collation="C").with_variant(sa.String(128), "sqlite")


def upgrade() -> None:
    """Make them."""
    op.create_table(
        "allograph_profiles",
        sa.Column("profile", NUMBER, primary_key=True, autoincrement=True),
        sa.Column("tenant", NAME, nullable=False),
        sa.Column("name", NAME, nullable=False),
        sa.Column("model_hash", sa.String(64), nullable=False),
        sa.Column("edition", NUMBER, nullable=False),
        sa.Column("head", NUMBER, nullable=False),
        sa.Column("time", sa.Double, nullable=False),
        sa.UniqueConstraint("tenant", "name", name="allograph_profiles_name"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "allograph_journal",
        sa.Column("profile", NUMBER, sa.ForeignKey("allograph_profiles.profile"), primary_key=True),
        sa.Column("seq", NUMBER, primary_key=True),
        sa.Column("id", NAME, nullable=False),
        sa.Column("time", sa.Double, nullable=False),
        sa.Column("undoes", NUMBER),
        sa.Column("batch", sa.String(16)),
        sa.Column("label", sa.Text),
        sa.Column("implicit", sa.Boolean),
        sa.Column("base", sa.Text),
        sa.Column("answer", sa.Text),
        sa.Column("alphabet", sa.Text),
        sa.Column("model_hash", sa.String(64)),
        sa.Column("embedding", sa.LargeBinary),
        sa.Column("logits", sa.LargeBinary),
        sa.Column("features", sa.LargeBinary),
        sa.Column("image", sa.LargeBinary),
    )
    op.create_index("allograph_journal_id", "allograph_journal", ["profile", "id"])
    op.create_table(
        "allograph_states",
        sa.Column("profile", NUMBER, sa.ForeignKey("allograph_profiles.profile"), primary_key=True),
        sa.Column("edition", NUMBER, nullable=False),
        sa.Column("head", NUMBER, nullable=False),
        sa.Column("fingerprint", sa.String(64), nullable=False),
        sa.Column("state", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "allograph_keys",
        sa.Column("id", sa.String(16), primary_key=True),
        sa.Column("tenant", NAME, nullable=False),
        sa.Column("name", NAME, nullable=False),
        sa.Column("hash", sa.String(64), nullable=False),
        sa.Column("created", sa.Double, nullable=False),
    )
