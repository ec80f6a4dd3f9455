"""Changes to a profile, in any store: record, undo, forget, relabel, merge, migrate.

Those that somebody asks for take the `incarnation` of the profile that they mean, and raise `ErasedWriter` where that is gone.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any, NamedTuple

from allograph.errors import (
    FormatError,
    InputError,
    MismatchError,
    StorageError,
    UnknownCorrection,
    UnknownLabel,
    UnknownWriter,
)
from allograph.profiles.journal import (
    FARTHEST,
    Contents,
    Correction,
    Entry,
    Key,
    Tombstone,
    Version,
    check_time,
    incarnation_of,
    unknown_writer,
)
from allograph.profiles.line_ids import check_line_id, is_line_id
from allograph.profiles.matching import pair, says_the_same
from allograph.profiles.store import Store
from allograph.profiles.words import Word, check_words, words_of
from allograph.readings import Samples
from allograph.samples.box import Box


class Merged(NamedTuple):
    """The result of an import."""

    added: int
    """Corrections that are new, or newer than what stood."""
    removed: int
    """Corrections that had been taken back where the archive comes from."""


class Recorded(NamedTuple):
    """The result of teaching: what stands, and which profile it stands in."""

    entries: list[Entry]
    """What stands of each correction, in their order."""
    incarnation: str | None
    """Of the profile, from the transaction that stored them; None where there is none."""

    @property
    def corrections(self) -> list[Correction]:
        """The corrections alone."""
        return [entry.correction for entry in self.entries]


class Migrated(NamedTuple):
    """The result of a change of model."""

    moved: int
    """Corrections whose images the new model read."""
    without_image: int
    """Corrections that have no image: they wait for their own model."""


TRIES = 5
"""How often a journal that grows meanwhile is read anew before a change of model is given up."""
PAGE = 64
"""Images that are read together when a profile is brought over to another model."""


class Relabel(NamedTuple):
    """Another label for a correction that is stored."""

    id: str
    label: str
    implicit: bool
    batch: str

    def of(self, stands: Entry | None, key: Key) -> Entry:
        """The stored correction with the new label; raises `UnknownCorrection` where there is none."""
        if stands is None:
            raise _unknown_correction(key, self.id)
        check_offered(self.label, stands.alphabet)
        return replace(stands, label=self.label, implicit=self.implicit, batch=self.batch)


def record(
    store: Store, key: Key, corrections: Sequence[Entry | Relabel], model_hash: str, incarnation: str | None = None
) -> Recorded:
    """Append corrections, in this order, all or none; returns what stands of each afterwards.

    One that is there already counts once; another label, or its being given where it was implicit, replaces it, and is not
    doubted; an implicit one replaces nothing. A sample whose box is known keeps it. One of a line stays with the line, which is
    shuffled anew, as `record_line` says, and whose words go. Raises `MismatchError` where the profile is for another model,
    `UnknownCorrection` where a correction that is to get another label is not there, `UnknownLabel` where that label was not on
    offer.
    """
    begins = any(isinstance(one, Entry) for one in corrections)
    try:
        with store.change(key, model_hash if begins else None, incarnation) as change:
            check_model(key, change.model_hash, model_hash)
            known = {entry.id: entry for entry in change.find(ids=[one.id for one in corrections])}
            stale: dict[int, Entry] = {}
            fresh: dict[str, Entry] = {}
            for one in corrections:
                stands = fresh.get(one.id) or known.get(one.id)
                entry = one if isinstance(one, Entry) else one.of(stands, key)
                if stands and (entry.implicit or (stands.label, stands.implicit) == (entry.label, entry.implicit)):
                    continue
                if stands and stands.seq:
                    stale[stands.seq] = stands
                fresh[entry.id] = _correct_anew(stands, entry) if stands else entry
            for line in {entry.batch for entry in stale.values() if is_line_id(entry.batch)}:
                for entry in change.find(line=line):
                    stale.setdefault(entry.seq, entry)
                    fresh.setdefault(entry.id, entry)
            if stale:
                change.retract(list(stale.values()))
            if fresh:
                known |= {entry.id: entry for entry in change.add(_shuffle_lines(fresh.values()))}
            return Recorded([known[one.id] for one in corrections], incarnation_of(key, change.version.profile))
    except UnknownWriter as error:
        raise _unknown_correction(key, corrections[0].id) from error


def _correct_anew(stands: Entry, entry: Entry) -> Entry:
    """What replaces a correction that stands: the answer is the one from before either, the box what is known of the sample."""
    anew = replace(entry, id=stands.id, answer=stands.answer, box=entry.box or stands.box, doubt=0.0)
    return _within_line(anew, stands.batch) if is_line_id(stands.batch) else anew


def _within_line(entry: Entry, line: str) -> Entry:
    """A correction as one of a line: its box does not tell where it was written."""
    return replace(entry, batch=line, box=entry.box and entry.box.at_origin())


def _shuffle_lines(entries: Iterable[Entry]) -> list[Entry]:
    """Entries in their order, and behind them those of each line, in an order that nobody can guess."""
    lines: dict[str, list[Entry]] = {"": []}
    for entry in entries:
        lines.setdefault(entry.batch if is_line_id(entry.batch) else "", []).append(entry)
    for line, some in lines.items():
        if line:
            secrets.SystemRandom().shuffle(some)
    return [entry for some in lines.values() for entry in some]


def record_line(
    store: Store,
    key: Key,
    line: str,
    entries: Sequence[Entry],
    words: Collection[str] | None,
    model_hash: str,
    replace_given: bool = False,
    incarnation: str | None = None,
) -> Recorded:
    """Make these the corrections of a line, all or none; returns what stands of each afterwards, in their order.

    The same line again (the same samples with the same labels, and no other words) changes nothing. Anything else replaces the
    whole line: written in parts, as it was corrected from left to right, it would tell the order of its characters. So that
    nothing does, entries are shuffled, get random ids (a sample that was there keeps its own), and boxes are kept without their
    place. Where all entries are implicit they replace none that was given, unless `replace_given` says so, and those of the
    line that stand are returned. None as `words` says nothing of them: they stay with the same line, and go with one that is
    replaced. Raises `InputError` for what is no id of a line or no word, `MismatchError` where the profile is for another
    model.
    """
    line, texts = check_line_id(line), None if words is None else check_words(words)
    with suppress(UnknownWriter), store.change(key, model_hash if entries else None, incarnation) as change:
        check_model(key, change.model_hash, model_hash)
        stands_in, stand = incarnation_of(key, change.version.profile), change.find(line=line)
        only_implicit = bool(entries) and all(one.implicit for one in entries)
        if only_implicit and not replace_given and not all(one.implicit for one in stand):
            return Recorded(stand, stands_in)
        before = pair(stand, entries)
        same = [one for one, new in zip(before, entries, strict=True) if one and says_the_same(one, new)]
        if len(same) == len(stand) == len(entries) and (texts is None or texts == {word.text for word in change.words(line)}):
            return Recorded(same, stands_in)
        fresh = [_correct_in_line(one, new, line) for one, new in zip(before, entries, strict=True)]
        if stand:
            change.retract(stand)
        added = {entry.id: entry for entry in change.add(_shuffle_lines(fresh))} if fresh else {}
        if fresh and texts:
            change.add_words(words_of(line, texts))
        return Recorded([added[entry.id] for entry in fresh], stands_in)
    return Recorded([], None)


def _correct_in_line(stands: Entry | None, entry: Entry, line: str) -> Entry:
    """A correction of a line, which may replace one of the same sample; one that says the same is as doubtful as before."""
    if stands is None:
        return _within_line(replace(entry, id=secrets.token_hex(16)), line)
    return replace(_correct_anew(stands, entry), doubt=stands.doubt if says_the_same(stands, entry) else 0.0)


def undo(store: Store, key: Key, id: str, incarnation: str | None = None) -> None:
    """Take back a correction, or with the id of a line all of that line; raises `UnknownCorrection` where there is neither.

    The words of a line go with the first of its corrections that is taken back.
    """
    try:
        with store.change(key, None, incarnation) as change:
            found = change.find(ids=[id]) or (change.find(line=id) if is_line_id(id) else [])
            if not found:
                raise _unknown_correction(key, id)
            change.retract(found)
    except UnknownWriter as error:
        raise _unknown_correction(key, id) from error


def forget(store: Store, key: Key, label: str | None, since: float | None, incarnation: str | None = None) -> int:
    """Take back all with a label, or since a time, or both; returns how many."""
    with suppress(UnknownWriter), store.change(key, None, incarnation) as change:
        found = change.rows(label, since)
        if found:
            change.retract(found)
        return len(found)
    return 0


def forget_words(store: Store, key: Key, words: Collection[str] | None = None, incarnation: str | None = None) -> int:
    """Take back some of the writer's own words, or all; returns how many. Raises `InputError` for what is no word."""
    wanted = None if words is None else check_words(words)
    with suppress(UnknownWriter), store.change(key, None, incarnation) as change:
        found = [word for word in change.words() if word.text is not None and (wanted is None or word.text in wanted)]
        if found:
            change.drop_words([word.id for word in found])
        return len({word.text for word in found})
    return 0


def contents(store: Store, key: Key) -> Contents:
    """A whole journal at one moment; raises `UnknownWriter` where there is none."""
    return store.contents(key)


def merge(store: Store, key: Key, theirs: Contents, incarnation: str | None = None) -> Merged:
    """Join two journals by the ids of the corrections: of each id the latest word counts, whichever journal says it.

    The writer's own words are those of both, but for those that either forgot. Either order gives the same. Raises
    `MismatchError` where the two are for different models.
    """
    with store.change(key, theirs.model_hash, incarnation) as change:
        check_model(key, change.model_hash, theirs.model_hash)
        mine = Contents(change.find(), change.tombstones(), change.model_hash, change.words())
        joined = _join(mine, theirs)
        _check_alike(joined.entries)
        before, after = _said(mine.entries), _said(joined.entries)
        known = before, set(_join(mine, mine).tombstones), set(mine.words)
        if known != (after, set(joined.tombstones), set(joined.words)):
            change.rewrite(*joined)
        ids = {id for id, _ in after}
        return Merged(len(after.keys() - before), sum(id not in ids for id, _ in before))


def compact(store: Store, key: Key) -> int:
    """Delete the rows of a journal that say nothing any more, as `Change.compact` says; returns how many.

    Raises `UnknownWriter` where there is no profile.
    """
    with store.change(key, None) as change:
        return change.compact()


def migrate(store: Store, key: Key, model_hash: str, read: Callable[[list[Entry]], Iterable[tuple[Samples, str]]]) -> Migrated:
    """Make a profile one for another model; `read` gives what that model says of the images: samples, and the base's answer.

    The images are read while nobody waits; what was taught meanwhile is read too, and all is exchanged at once. Corrections
    without an image keep what the old model said, and wait; they count again if the profile comes back to it. Raises
    `UnknownWriter` without a profile, and `StorageError` where the journal changes faster than it can be read.
    """
    known: dict[int, tuple[Samples, str]] = {}
    seen: Version | None = None
    for _ in range(TRIES):
        tail = store.tail(key, FARTHEST)  # no entry is after that place
        if tail is None:
            raise unknown_writer(key)
        if seen is None or tail.version[:2] != seen[:2]:
            known, seen = {}, tail.version._replace(head=0)
        for page in _unread(store, key, model_hash, seen.head):
            known |= zip((entry.seq for entry in page), read(page), strict=True)
        seen = tail.version
        if tail.model_hash == model_hash and not known:
            return Migrated(0, _waiting(store, key, model_hash))
        with store.change(key, None) as change:
            if change.version == seen:
                moved = change.bring_over(known, model_hash)
                break
    else:
        raise StorageError(f"the writer {key.name!r} was taught all the while that the images were read; try again")
    return Migrated(moved, _waiting(store, key, model_hash))


def _unread(store: Store, key: Key, model_hash: str, after: int) -> Iterator[list[Entry]]:
    """The entries after a place that have an image and are of another model, page by page."""
    places = [row.seq for row in store.rows(key, after, waiting=True) if row.model_hash != model_hash and row.has_image]
    for start in range(0, len(places), PAGE):
        wanted = set(places[start : start + PAGE])
        page = store.entries(key, min(wanted) - 1, max(wanted) - min(wanted) + 1, waiting=True)
        # A blank image, which no model reads, is none.
        yield [entry for entry in page if entry.seq in wanted and entry.image is not None and entry.image.any()]


def _waiting(store: Store, key: Key, model_hash: str) -> int:
    """How many entries are of another model."""
    return sum(row.model_hash != model_hash for row in store.rows(key, waiting=True))


def check_model(key: Key, found: str, expected: str) -> None:
    """Raise `MismatchError` unless a profile is for this model."""
    if found != expected:
        raise MismatchError(
            f"the profile of {key.name!r} was made for the model {found[:12]}… and this one is {expected[:12]}…; "
            "bring it over with: allograph writers migrate (its images are read anew), or open it with its own bundle"
        )


def check_offered(label: str, alphabet: Collection[str] | None) -> None:
    """Raise `UnknownLabel` for a label that was not offered with the reading, whose answers `alphabet` had restricted."""
    if alphabet is not None and label not in alphabet:
        raise UnknownLabel(f"the reading was restricted to {len(alphabet)} labels, and {label!r} is not among them")


def _check_alike(entries: Sequence[Entry]) -> None:
    """Raise `FormatError` where entries of one model differ in what that model says of a sample."""
    sizes: dict[str, tuple[int | None, ...]] = {}
    for entry in entries:
        found = tuple(None if array is None else array.shape[1] for array in entry.outputs.arrays.values())
        expected = sizes.setdefault(entry.model_hash, found)
        for name, one, other in zip(entry.outputs.arrays, found, expected, strict=True):
            if one != other:
                raise FormatError(
                    f"the {name} of the correction {entry.id!r} have {one or 'no'} numbers, and others of the same model "
                    f"have {other or 'no'}; the profile was not exported from that model"
                )


def _said(entries: Sequence[Entry]) -> dict[tuple[str, float], tuple[Box | None, float]]:
    """What was said, by id and time, with what a journal of an older release may lack of it."""
    return {(entry.id, entry.time): (entry.box, entry.doubt) for entry in entries}


def _join(mine: Contents, theirs: Contents) -> Contents:
    latest: dict[str, Entry | Tombstone] = {}
    rows: list[Entry | Tombstone] = [*mine.entries, *mine.tombstones, *theirs.entries, *theirs.tombstones]
    for row in rows:
        other = latest.get(row.id)
        if other is None or _rank(row) > _rank(other):
            latest[row.id] = row
    ordered = sorted(latest.values(), key=lambda row: (row.time, row.id))
    entries = [row for row in ordered if isinstance(row, Entry)]
    stones = [row for row in ordered if isinstance(row, Tombstone)]
    return Contents(entries, stones, mine.model_hash, _join_words(mine, theirs, entries))


def _join_words(mine: Contents, theirs: Contents, entries: Sequence[Entry]) -> list[Word]:
    """The words of both: blank where either forgot them, or where a correction of their line was taken back."""
    stand = {(entry.id, entry.time) for entry in entries}
    lines = {entry.batch for entry in entries}
    joined: dict[str, Word] = {}
    for side in (mine, theirs):
        broken = {entry.batch for entry in side.entries if (entry.id, entry.time) not in stand}
        for word in side.words:
            here = word if word.line in lines - broken else word.blank
            joined[word.id] = min(here, joined.get(word.id, here), key=lambda one: one.text or "")
    return sorted(joined.values())


def _rank(row: Entry | Tombstone) -> tuple[Any, ...]:
    """Which word on a correction is the later; equal times, which two clocks may tell, are decided by what was said.

    Of the same word with a box and without, as a journal of an older release has it, the one with it counts.
    """
    if isinstance(row, Tombstone):
        return row.time, True
    return row.time, False, row.label, row.batch, row.box is not None, repr(row.box), row.doubt


def _unknown_correction(key: Key, id: str) -> UnknownCorrection:
    return UnknownCorrection(f"the writer {key.name!r} has no correction with the id {id!r}")


def check_forget(label: str | None, since: float | None) -> None:
    """Raise `InputError` unless something is to be forgotten, and the time can be one."""
    if label is None and since is None:
        raise InputError("forget needs a label, a time, or both")
    if since is not None:
        check_time(since, "since")
