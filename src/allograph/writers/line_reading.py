"""Lines of one writer: read, corrected, accepted."""

from __future__ import annotations

import secrets
import unicodedata
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from allograph.adapters import WriterModel
from allograph.corpora.lines.text import check_text, place_characters
from allograph.errors import InputError, MismatchError, UnknownLabel
from allograph.lines.alignment import LEAST_LOG, align
from allograph.lines.grammar import START
from allograph.lines.line import Line, LineCharacter
from allograph.lines.line_ink import LineInk
from allograph.lines.reader import LineReader, LineReading
from allograph.lines.words import Words
from allograph.profiles import changes
from allograph.profiles.journal import Correction, Entry
from allograph.profiles.line_ids import check_line_id, new_line_id
from allograph.readings import Explanation, Samples
from allograph.writers.live_profile import LiveProfile, Snapshot
from allograph.writers.reading import Alphabets, name_corrections, offer_of

DOUBTFUL_LOG = -6.0
"""A character whose label has a lower log-probability is doubtful: one of 200 that are right, three of four that are not."""
FIT_LOG = -3.5
"""The log-probability that the characters of a text have at least, on average, where it is what the ink shows."""
UNFIT = -6.0
"""A text whose characters' log-probabilities lie so far below that, in all, is not what the ink shows."""
MOST_PER_PIECE = 2
"""Characters of a text for each piece of ink: one that has more fits no ink, and laying it over would take long."""
SURE = 0.8
"""Characters of a line left standing are learned from this sureness on: others may not have been looked at."""


WordList = Words | Iterable[str] | str | Path
"""Words, or the path of a file with a word a line."""


class Doubt(NamedTuple):
    """A character of a corrected text that the ink does not bear out; it was not learned."""

    place: int
    """Where it stands in the text."""
    label: str


@dataclass(frozen=True)
class LineCorrection:
    """What was learned from a line."""

    id: str
    """Takes all of it back: `undo(id)`."""
    corrections: tuple[Correction, ...]
    """One a character, in the order of the text; the journal does not keep that order."""
    doubtful: tuple[Doubt, ...]
    """Characters that were not learned."""
    incarnation: str | None = None
    """Of the profile that they stand in; None where the writer has none."""


def read_line(
    live: LiveProfile,
    ink: LineInk,
    alphabet: Alphabets | None = None,
    threshold: float = 0.0,
    id: str | None = None,
    shadow: bool = False,
    snapshot: Snapshot | None = None,
    words: WordList | None = None,
) -> Line:
    """Read a line with all that its writer taught, or with a snapshot of that; see `Writer.read_line`."""
    if not 0 <= threshold <= 1:
        raise InputError(f"a threshold is a probability, from 0 to 1, not {threshold}")
    id = new_line_id() if id is None else check_line_id(id)
    reader = LineReader.of(live.pipeline.recognizer)
    snapshot = live.up_to_date() if snapshot is None else snapshot
    offer, mask = offer_of(alphabet, live.pipeline.recognizer, snapshot.state)
    hidden = None
    if offer is not None and mask is not None:
        hidden = np.array([*~mask, *(label not in offer for label in snapshot.state.labels)], np.bool_)
    likely = likely_words(live, words)
    outputs = reader.outputs(ink)
    counts = Counter(one.label for one in snapshot.corrections)
    personal = reader.read(outputs, snapshot.model, counts, hidden, likely)
    shown = personal
    if shadow:
        base = WriterModel(live.pipeline.adapter, live.pipeline.adapter.start())
        hidden = None if hidden is None else hidden[: len(live.pipeline.recognizer.alphabet)]
        shown = reader.read(outputs, base, {}, hidden, likely)
    make = partial(_character, shown, personal, snapshot, offer, threshold, live.pipeline.recognizer.bundle.model_hash)
    return Line(id, shown, make, threshold, live.pipeline.recognizer.bundle.model_hash)


def likely_words(live: LiveProfile, words: WordList | None) -> Words | None:
    """The words of a list, and those that the writer kept; None where there are none."""
    given = None if words is None else Words.of(words)
    own = list(live.store.words(live.key))
    if not own:
        return given
    return Words.of(own) if given is None else given.with_more(own)


def bare_words(text: str) -> set[str]:
    """The words of a text without the punctuation and symbols around them; accents stay.

    >>> sorted(bare_words('"#&!?," said Calvin; 2+2'))
    ['2+2', 'Calvin', 'said']
    """
    edges = "".join({point for point in text if unicodedata.category(point)[0] in "PS"})
    return {bare for word in text.split(" ") if (bare := word.strip(edges))}


def _words_at(text: str, places: Collection[int]) -> str:
    """The words of a text that have a character at one of these places: what nobody looked at is not theirs.

    >>> _words_at("to be or", {1, 3})
    'to be'
    """
    kept, start = [], 0
    for word in text.split(" "):
        if any(start <= place < start + len(word) for place in places):
            kept.append(word)
        start += len(word) + 1
    return " ".join(kept)


def correct_line(
    live: LiveProfile,
    line: Line,
    text: str,
    new: bool = False,
    keep_images: bool = True,
    keep_words: bool = False,
    vouched: Collection[int] | None = None,
    left_standing: bool = False,
    implicit: bool = True,
    incarnation: str | None = None,
) -> LineCorrection:
    """Learn what a line says; see `Writer.correct_line`."""
    _check_model(live, line)
    text = check_text(text)
    labels, spaces, places = zip(*place_characters(text), strict=True)
    said = _check_vouched(vouched, left_standing, places)
    pieces = len(line.ink.pieces)
    if len(labels) > MOST_PER_PIECE * (pieces + 1):
        raise InputError(
            f"the text does not fit the ink: it has {len(labels)} characters, and the ink {pieces} pieces; check that it is the "
            "text of this line"
        )
    _check_labels(live, line, [label for label, place in zip(labels, places, strict=True) if place in said], new)
    known = {label: place for place, label in enumerate(line.reading.labels)}
    wanted = [known.get(label, -1) for label in labels]
    found = align(line.reading.lattice, wanted, spaces)
    logs = [_log(line.reading, run, place) for run, place in zip(found.runs, wanted, strict=True)]
    judged = [max(log, LEAST_LOG) for log in logs if log is not None]
    judged += [LEAST_LOG] * found.runs.count(-1) + [LEAST_LOG / 2] * found.skipped
    if sum(log - FIT_LOG for log in judged) < UNFIT or not any(run >= 0 for run in found.runs):
        raise InputError(
            f"the text does not fit the ink: {len(labels)} characters were meant and {len(line.characters)} were found, most of "
            "them unlike; check that it is the text of this line, or correct its characters one by one"
        )
    standing = {one.run: one.label for one in _sure_characters(line)} if left_standing and implicit else {}
    learned, doubtful = [], []
    for run, label, log, place, space in zip(found.runs, labels, logs, places, spaces, strict=True):
        is_given = place in said
        if is_given and (run < 0 or (log is not None and log < DOUBTFUL_LOG)):
            doubtful.append(Doubt(place, label))
        elif is_given or standing.get(run) == label:
            reading = line.character(run, -1, space)  # what was read, for a character cut anew too: its doubt is to be honest
            learned.append(_entry(reading, label, implicit=not is_given, keep_image=keep_images, line=line))
    words = bare_words(_words_at(text, said)) if keep_words else None
    recorded = _record(live, line, learned, words, incarnation, replace_given=True)
    return LineCorrection(line.id, tuple(recorded.corrections), tuple(doubtful), recorded.incarnation)


def accept_line(live: LiveProfile, line: Line, keep_images: bool = True, incarnation: str | None = None) -> LineCorrection:
    """Learn that a line was left standing: its sure characters, as implicit corrections; see `Writer.accept_line`."""
    _check_model(live, line)
    sure = _sure_characters(line)
    entries = [_entry(one, one.label, implicit=True, keep_image=keep_images, line=line) for one in sure]
    recorded = _record(live, line, entries, None, incarnation, replace_given=False)
    return LineCorrection(line.id, tuple(recorded.corrections), (), recorded.incarnation)


def _sure_characters(line: Line) -> list[LineCharacter]:
    """Those that are learned where they are left standing."""
    least, unsure = max(SURE, line.threshold), set(line.unsure)
    return [one for place, one in enumerate(line.characters) if place not in unsure and one.sureness >= least]


def _check_vouched(vouched: Collection[int] | None, left_standing: bool, places: Sequence[int]) -> set[int]:
    """The places of what the person said; raises `InputError` for one where no character of the text stands."""
    if vouched is None:
        return set(places)
    if foreign := [place for place in vouched if place not in places]:
        raise InputError(f"no character of the text stands at place {foreign[0]}; places count code points from 0, spaces too")
    if not vouched and not left_standing:
        raise InputError(
            "nothing is vouched for, and nothing is to be learned as left standing: name a place, or accept the line"
        )
    return set(vouched)


def _record(
    live: LiveProfile,
    line: Line,
    entries: Sequence[Entry],
    words: Collection[str] | None,
    incarnation: str | None,
    *,
    replace_given: bool,
) -> changes.Recorded:
    where = (live.store, live.key, line.id)
    return changes.record_line(*where, entries, words, line.model_hash, replace_given, incarnation)


def _check_model(live: LiveProfile, line: Line) -> None:
    model = live.pipeline.recognizer.bundle.model_hash
    if line.model_hash != model:
        raise MismatchError(
            f"the line {line.id!r} was read by another model than this writer's ({line.model_hash[:12]}…, not {model[:12]}…); "
            "read it again"
        )


def _check_labels(live: LiveProfile, line: Line, labels: Sequence[str], new: bool) -> None:
    """Raise `UnknownLabel` for one that nobody taught, unless it is to be taught now, and for one that was not on offer."""
    for label in labels:
        changes.check_offered(label, line.characters[0].alphabet)
    foreign = set(labels).difference(live.pipeline.recognizer.alphabet)
    if foreign and not new and (unknown := sorted(foreign - live.store.labels(live.key))):
        raise UnknownLabel(
            f"the bundle does not know the label {unknown[0]!r}; teach it to this writer with new=True", unknown[0]
        )


def _log(reading: LineReading, run: int, label: int) -> float | None:
    """The log-probability of a label (a place, −1 for a new one) for a hypothesis; None where there is nothing to say."""
    return float(reading.lattice.logs[run, label]) if run >= 0 and label >= 0 else None


def _entry(reading: LineCharacter, label: str, *, implicit: bool, keep_image: bool, line: Line) -> Entry:
    alphabet = None if reading.alphabet is None else tuple(sorted(reading.alphabet))
    return Entry(
        reading.id,
        label,
        implicit,
        0.0,
        reading.base,
        reading.personal,
        alphabet,
        reading.outputs,
        reading.image if keep_image else None,
        reading.model_hash,
        line.id,
        box=reading.box,
        doubt=0.0 if implicit else reading.doubt(label),
    )


def _character(
    shown: LineReading,
    personal: LineReading,
    snapshot: Snapshot,
    offer: frozenset[str] | None,
    threshold: float,
    model_hash: str,
    run: int,
    label: int,
    space: bool,
) -> LineCharacter:
    """The reading of one hypothesis of a line as a label; −1 is the likeliest."""
    values, ink, outputs = _values(shown, run, label), shown.outputs.ink, shown.outputs
    place = int(values.argmax())
    first, after = shown.lattice.runs[run].tolist()
    explain: Callable[[Samples], Explanation] = partial(_explain, snapshot, personal)
    return LineCharacter(
        secrets.token_hex(16),
        shown.labels[place],
        pieces=tuple(ink.sources[first:after].tolist()),
        row=int(ink.rows[first]),
        run=run,
        space_before=space,
        whole=float(1 / (1 + np.exp(-shown.lattice.cuts[run]))),
        labels=shown.labels,
        values=values,
        outputs=outputs.samples.at(slice(run, run + 1)),
        explain=explain,
        alphabet=offer,
        threshold=threshold,
        image=outputs.images[run],
        box=shown.boxes.box(run),
        personal=personal.labels[int(personal.lattice.logs[run].argmax())] if personal is not shown else None,
        model_hash=model_hash,
    )


def _values(reading: LineReading, run: int, label: int) -> NDArray[np.float32]:
    """[L] the labels' log-probabilities in the line: with the classes of the characters beside it, and the label chosen first."""
    lattice, path = reading.lattice, reading.path
    values = lattice.logs[run].astype(np.float32, copy=True)
    if run in path.runs:
        at = path.runs.index(run)
        classes = [START, *(int(lattice.classes[one]) for one in path.labels)]
        values += lattice.links[run, classes[at]][lattice.classes]
        if at + 1 < len(path.runs):
            values += lattice.links[path.runs[at + 1], lattice.classes, classes[at + 2]]
        label = path.labels[at]
    if label >= 0 and values[label] < values.max():
        values[label] = values.max() + 1e-3  # what decided is not in these numbers: a word, for one
    return values


def _explain(snapshot: Snapshot, reading: LineReading, sample: Samples) -> Explanation:
    context = reading.samples.at(np.array(reading.path.runs))
    return name_corrections(snapshot.model.explain(sample, context), snapshot)
