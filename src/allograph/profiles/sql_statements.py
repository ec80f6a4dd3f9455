"""What is asked of the tables of profiles: each statement is made once, since making one takes longer than running it."""

from __future__ import annotations

import sqlalchemy as sa

from allograph.profiles.tables import CONTENT, OF_LINE, journal, own_words, profiles, states

VERSION = (profiles.c.profile, profiles.c.edition, profiles.c.head)
STANDS = journal.c.label.is_not(None)
MINE = (profiles.c.tenant == sa.bindparam("tenant")) & (profiles.c.name == sa.bindparam("name"))
ITS = journal.c.profile == sa.bindparam("profile")
AFTER = journal.c.seq > sa.bindparam("after")
OF_MODEL = ITS & (journal.c.model_hash == sa.bindparam("model_hash")) & STANDS

VERSIONS = sa.select(profiles.c.name, *VERSION).where(
    profiles.c.tenant == sa.bindparam("tenant"), profiles.c.name.in_(sa.bindparam("names", expanding=True))
)
PROFILE = sa.select(profiles).where(MINE)
HOLD = PROFILE.with_for_update()
NO_IMAGE = tuple(column for column in journal.c if column.name != "image")
LISTED = (
    *(journal.c[name] for name in ("id", "label", "implicit", "time", "base", "answer", "model_hash")),
    journal.c.image.is_not(None),
    *(journal.c[name] for name in ("seq", "box", "doubt")),
)
STANDING = {
    (learned, images, waiting): sa.select(
        *((journal.c if images else NO_IMAGE) if learned else (*LISTED, journal.c.image) if images else LISTED)
    )
    .where(ITS & STANDS if waiting else OF_MODEL, AFTER)
    .order_by(journal.c.seq)
    .limit(sa.bindparam("limit"))
    for learned in (False, True)
    for images in (False, True)
    for waiting in (False, True)
}
"""What stands after a place: to be listed or to be learned, with images or without, with what waits or without."""
TOMBSTONES = sa.select(journal.c.id, journal.c.time).where(ITS, journal.c.undoes.is_not(None)).order_by(journal.c.seq)
UNDONE = sa.select(sa.func.min(journal.c.undoes)).where(ITS, AFTER, journal.c.undoes.is_not(None))
CORRECTIONS = (
    sa.select(*(journal.c[name] for name in ("id", "label", "implicit", "time", "doubt")))
    .where(OF_MODEL, journal.c.seq <= sa.bindparam("head"))
    .order_by(journal.c.seq)
)
STATE = (
    sa.select(states, profiles.c.model_hash, profiles.c.head.label("seen"))
    .join(profiles, (profiles.c.profile == states.c.profile) & (profiles.c.edition == states.c.edition))
    .where(MINE)
    .order_by(states.c.head.desc())
    .limit(1)
)
LABELS = sa.select(journal.c.label).where(OF_MODEL).distinct()
# Not sorted here: SQLite would walk the whole journal in that order.
BY_ID = sa.select(journal).where(ITS, STANDS, journal.c.id.in_(sa.bindparam("ids", expanding=True)))
BY_LINE = sa.select(journal).where(ITS, STANDS, OF_LINE, journal.c.batch == sa.bindparam("line"))
APPEND = sa.insert(journal)
BLANKED = (
    sa.update(journal)
    .where(journal.c.profile == sa.bindparam("its"), journal.c.seq.in_(sa.bindparam("rows", expanding=True)))
    .values(dict.fromkeys(CONTENT))
)
ADVANCE = (
    sa.update(profiles)
    .where(profiles.c.profile == sa.bindparam("its"))
    .values({name: sa.bindparam(name) for name in ("edition", "head", "time", "model_hash")})
)
TAKEN_BACK = sa.select(journal.c.seq).where(ITS, journal.c.undoes.is_not(None)).limit(1)
_stone = journal.alias("stone")
NO_LONGER = sa.delete(journal).where(
    ITS,
    ~STANDS,
    journal.c.undoes.is_(None),
    journal.c.seq.in_(
        sa.select(_stone.c.undoes).where(_stone.c.profile == sa.bindparam("profile"), _stone.c.undoes.is_not(None))
    ),
)
"""Blanked rows, found by their tombstones and not by a walk through the journal."""
_after_it = journal.alias("after_it")
OVERTAKEN = sa.delete(journal).where(
    ITS,
    journal.c.undoes.is_not(None),
    sa.exists().where(
        _after_it.c.profile == journal.c.profile,
        _after_it.c.id == journal.c.id,
        _after_it.c.seq > journal.c.seq,
    ),
)
"""Tombstones after which the same correction was given anew, or taken back again: places of an id rise with its times."""
STATES_GO_ON = sa.update(states).where(states.c.profile == sa.bindparam("its")).values(edition=sa.bindparam("to"))
ITS_WORDS = own_words.c.profile == sa.bindparam("profile")
WORDS = sa.select(own_words.c.id, own_words.c.line, own_words.c.word).where(ITS_WORDS).order_by(own_words.c.id)
LINE_WORDS = WORDS.where(own_words.c.line == sa.bindparam("line"))
KEPT_WORDS = (
    sa.select(own_words.c.id, own_words.c.line, own_words.c.word)
    .join(profiles, profiles.c.profile == own_words.c.profile)
    .where(MINE, own_words.c.word.is_not(None))
)
COUNT = sa.select(sa.func.count()).where(profiles.c.tenant == sa.bindparam("tenant"))
ROOM = sa.select(sa.func.pg_advisory_xact_lock(0x616C6C6F, sa.func.hashtext(sa.bindparam("tenant"))))
NEWEST = sa.select(profiles).order_by(profiles.c.profile.desc()).limit(1)
LAST = sa.select(journal).where(ITS).order_by(journal.c.seq.desc()).limit(1)
