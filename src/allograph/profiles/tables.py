"""The tables of a database of profiles. Migrations make them; a change here needs a new migration."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Double,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from allograph.profiles.journal import LONGEST_NAME
from allograph.profiles.line_ids import LONGEST_LINE_ID, PREFIX
from allograph.profiles.words import LONGEST_WORD

metadata = MetaData()
_Number = BigInteger().with_variant(Integer, "sqlite")
_Name = String(LONGEST_NAME, collation="C").with_variant(String(LONGEST_NAME), "sqlite")  # both sort by code point

profiles = Table(
    "allograph_profiles",
    metadata,
    Column("profile", _Number, primary_key=True, autoincrement=True),
    Column("tenant", _Name, nullable=False),
    Column("name", _Name, nullable=False),
    Column("model_hash", String(64), nullable=False),
    Column("edition", _Number, nullable=False),
    Column("head", _Number, nullable=False),
    Column("time", Double, nullable=False),
    UniqueConstraint("tenant", "name", name="allograph_profiles_name"),
    sqlite_autoincrement=True,  # a number is never given twice
)
"""One row a profile: how far its journal goes, and when it was written last."""

journal = Table(
    "allograph_journal",
    metadata,
    Column("profile", _Number, ForeignKey("allograph_profiles.profile"), primary_key=True),
    Column("seq", _Number, primary_key=True),
    Column("id", _Name, nullable=False),
    Column("time", Double, nullable=False),
    Column("undoes", _Number),
    Column("batch", String(16)),
    Column("label", Text),
    Column("implicit", Boolean),
    Column("base", Text),
    Column("answer", Text),
    Column("alphabet", Text),
    Column("model_hash", String(64)),
    Column("embedding", LargeBinary),
    Column("logits", LargeBinary),
    Column("features", LargeBinary),
    Column("image", LargeBinary),
    Column("box", Text),
    Column("doubt", Double),
    Index("allograph_journal_id", "profile", "id"),
)
"""One row a correction, or a tombstone, which names in `undoes` the row that it blanks."""

_undoes = journal.c.undoes.is_not(None)
Index(
    "allograph_journal_undoes",
    *(journal.c[name] for name in ("profile", "seq", "undoes")),
    sqlite_where=_undoes,
    postgresql_where=_undoes,
)

OF_LINE = text(f"substr(batch, 1, {len(PREFIX)}) = '{PREFIX}'")
"""Of rows of the journal: whether they are a line's. Whoever looks for a line says so too, or the index is not used."""
Index("allograph_journal_line", journal.c.profile, journal.c.batch, sqlite_where=OF_LINE, postgresql_where=OF_LINE)

own_words = Table(
    "allograph_words",
    metadata,
    Column("profile", _Number, ForeignKey("allograph_profiles.profile", ondelete="CASCADE"), primary_key=True),
    Column("id", _Name, primary_key=True),
    Column("line", String(LONGEST_LINE_ID)),
    Column("word", String(LONGEST_WORD)),
    Index("allograph_words_line", "profile", "line"),
)
"""One row a word of a line, or the mark of one that was forgotten, which has neither line nor word.

A trigger forgets the words of a line with the first of its corrections that is taken back.
"""

states = Table(
    "allograph_states",
    metadata,
    Column("profile", _Number, ForeignKey("allograph_profiles.profile"), primary_key=True),
    Column("edition", _Number, nullable=False),
    Column("head", _Number, primary_key=True),
    Column("fingerprint", String(64), nullable=False),
    Column("state", LargeBinary, nullable=False),
)
"""Checkpoints: what was derived from each journal up to some of its places."""

api_keys = Table(
    "allograph_keys",
    metadata,
    Column("id", String(16), primary_key=True),
    Column("tenant", _Name, nullable=False),
    Column("name", _Name, nullable=False),
    Column("hash", String(64), nullable=False),
    Column("created", Double, nullable=False),
    Column("scope", String(16)),
    Column("expires", Double),
    Column("old_hash", String(64)),
    Column("old_expires", Double),
)
"""One row an API key; without a scope it may do all. After a rotation the secret before is valid too, until `old_expires`."""

COUNTED = ("writers", "corrections", "bytes")
"""What a tenant's quota bounds in the store."""
quotas = Table(
    "allograph_quotas",
    metadata,
    Column("tenant", _Name, primary_key=True),
    *(Column(f"most_{name}", _Number) for name in COUNTED),
    Column("rate", Double),
    *(Column(name, _Number, nullable=False) for name in COUNTED),
    Column("kept", _Number, nullable=False, server_default="0"),
)
"""One row a tenant that has a quota: what it may have at most, and what it has, which triggers count with each change.

`kept` are the bytes of its tombstones, which count beside `bytes` and are apart because to take something back is never refused.

A change that would bring it beyond is refused by a trigger, within the transaction.
"""

audit = Table(
    "allograph_audit",
    metadata,
    Column("event", _Number, primary_key=True, autoincrement=True),
    Column("time", Double, nullable=False),
    Column("actor", Text, nullable=False),
    Column("tenant", _Name, nullable=False),
    Column("action", String(16), nullable=False),
    Column("subject", _Name, nullable=False),
    Index("allograph_audit_time", "time"),
    sqlite_autoincrement=True,
)
"""One row an act that an operator must be able to account for. Triggers refuse to change, replace or delete one."""

CONTENT = (
    *("batch", "label", "implicit", "base", "answer", "alphabet", "model_hash"),
    *("embedding", "logits", "features", "image", "box", "doubt"),
)
"""The columns of the journal that are blanked when a correction is taken back."""
