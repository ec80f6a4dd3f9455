"""The contract of stores: journals of corrections, checkpoints, and nothing left of what was undone or erased."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from dataclasses import replace

import numpy as np

from allograph.checks.contract import require, require_raises, run_law
from allograph.errors import ErasedWriter, InputError, MismatchError, TooManyWriters, UnknownCorrection, UnknownWriter
from allograph.profiles import Store, changes
from allograph.profiles.journal import Entry, Key, Row, StoredState, Version, incarnation_of
from allograph.profiles.words import Word, count_lines
from allograph.progress import Progress, silent
from allograph.readings import Samples
from allograph.samples.box import Box

MODEL, OTHER_MODEL = "a" * 64, "b" * 64
ANA, BEN = Key("default", "ana"), Key("default", "ben")
LINE, OTHER_LINE = "line-0", "line-1"


def check_store(open_empty: Callable[[], Store], progress: Progress = silent) -> None:
    """Raise `ContractError` unless a store keeps what `Store` promises; `open_empty` opens a new, empty one at every call."""
    for done, law in enumerate(STORE_LAWS):
        progress("checking the store", done, len(STORE_LAWS))
        with closing(open_empty()) as store:
            run_law("the store", law, store)
    progress("checking the store", len(STORE_LAWS), len(STORE_LAWS))


def entry(id: str, label: str = "a", implicit: bool = False, batch: str = "", **changes: object) -> Entry:
    """A correction whose numbers are made from its id: outputs, image, box and doubt."""
    random = np.random.default_rng(sum(map(ord, id)))
    samples = Samples(random.normal(size=(1, 4)).astype("f4"), random.normal(size=(1, 3)).astype("f4"), np.ones((1, 2), "f4"))
    image = random.integers(0, 256, (28, 28), dtype=np.uint8)
    left, top, width, height, doubt = random.random(5).tolist()
    box = Box(left, top, left + width, top + height, "millimetres", f"the pen of {id}", top + height / 2)
    plain = Entry(id, label, implicit, 0.0, "b", "c", None, samples, image, MODEL, batch or id, box=box, doubt=doubt)
    return replace(plain, **changes)  # type: ignore[arg-type]


def is_empty_at_first(store: Store) -> None:
    """Before the first correction there is nobody, and asking begins nobody."""
    require(store.versions([ANA, BEN]) == [None, None], "versions of an empty store are not None")
    require((store.tail(ANA), store.state(ANA), store.profiles("default")) == (None, None, []), "an empty store shows a profile")
    require(store.count("default") == 0 and not store.erase(ANA), "an empty store counts or erases a profile")
    store.check()

    def change_nobody() -> None:
        with store.change(ANA, None):
            pass

    require_raises(UnknownWriter, change_nobody, "a profile that is not there was changed")
    require_raises(UnknownCorrection, lambda: changes.undo(store, ANA, "x"), "a correction that is not there was undone")
    require(store.versions([ANA]) == [None], "asking began a profile")


def returns_what_was_recorded(store: Store) -> None:
    """What is recorded comes back whole, in order, with places and times that rise."""
    entries = [entry("1"), entry("2", "<", alphabet=("<", "&", "é")), entry("3", "\U0001f600", implicit=True, image=None)]
    entries[1] = replace(entries[1], outputs=Samples(entries[1].outputs.embeddings, np.array([[1, -np.inf, 2]], "f4")))
    for one in entries:
        changes.record(store, ANA, [one], MODEL)
    stored = _entries(store)
    same = all(replace(one, seq=other.seq, time=other.time) == other for one, other in zip(entries, stored, strict=True))
    require(same, "an entry came back otherwise than it was recorded")
    for name in ("seq", "time"):
        values = [getattr(one, name) for one in stored]
        require(values == sorted(set(values)), f"the entries' {name}s do not rise: {values}")
    tail = store.tail(ANA, stored[0].seq)
    require(tail is not None and [one.id for one in tail.entries] == ["2", "3"], "tail(after=…) does not begin after that place")
    require(store.profiles("default") == [("ana", 3)], "profiles() does not count three corrections")


def counts_a_retry_once(store: Store) -> None:
    """The same correction twice counts once; another label replaces it; an implicit one replaces nothing."""
    changes.record(store, ANA, [entry("1", "a")], MODEL)
    version = store.versions([ANA])
    changes.record(store, ANA, [entry("1", "a")], MODEL)
    changes.record(store, ANA, [entry("1", "z", implicit=True)], MODEL)
    require(store.versions([ANA]) == version, "a correction recorded again grew the journal")
    changes.record(store, ANA, [entry("2")], MODEL)
    changes.record(store, ANA, [entry("1", "b")], MODEL)
    require(_labels(store) == [("2", "a"), ("1", "b")], f"another label did not replace the first: {_labels(store)}")


def leaves_nothing_of_what_was_undone(store: Store) -> None:
    """An undone correction leaves a tombstone without content, and readers of the journal can tell."""
    for id in ("1", "2", "3"):
        changes.record(store, ANA, [entry(id)], MODEL)
    (before,) = store.versions([ANA])
    changes.undo(store, ANA, "2")
    tail = store.tail(ANA, before.head if before else 0)
    require(tail is not None and before is not None and not tail.follows(before), "the journal still follows what was undone")
    require(_labels(store) == [("1", "a"), ("3", "a")], "the undone correction still stands")
    stones = store.contents(ANA).tombstones
    require([stone.id for stone in stones] == ["2"], "the undone correction left no tombstone")
    changes.record(store, ANA, [entry("2", "b")], MODEL)
    require(_labels(store)[-1] == ("2", "b"), "a correction cannot be given anew after it was undone")


def forgets_by_label_and_time(store: Store) -> None:
    """Corrections are taken back by label, by time, or by both."""
    for id, label in (("1", "a"), ("2", "b"), ("3", "a"), ("4", "b")):
        changes.record(store, ANA, [entry(id, label)], MODEL)
    times = {one.id: one.time for one in _entries(store)}
    counts = [changes.forget(store, ANA, "a", times["2"]), changes.forget(store, ANA, None, times["4"])]
    counts.append(changes.forget(store, ANA, "z", None))
    require(
        counts == [1, 1, 0] and _labels(store) == [("1", "a"), ("2", "b")], f"forget took back {counts}, left {_labels(store)}"
    )


def changes_all_or_nothing(store: Store) -> None:
    """A change whose block raises changes nothing, and begins no profile."""
    changes.record(store, ANA, [entry("1")], MODEL)
    before = store.versions([ANA, BEN])
    for key in (ANA, BEN):
        with suppress(ZeroDivisionError), store.change(key, MODEL) as change:
            change.add([entry("2")])
            change.retract(change.find())
            raise ZeroDivisionError
    require(store.versions([ANA, BEN]) == before and _labels(store) == [("1", "a")], "a change that failed left something")


def serves_one_model(store: Store) -> None:
    """A profile is for one model: corrections of another raise `MismatchError`."""
    changes.record(store, ANA, [entry("1")], MODEL)
    other = entry("2", model_hash=OTHER_MODEL)
    require_raises(MismatchError, lambda: changes.record(store, ANA, [other], OTHER_MODEL), "another model's correction was kept")
    require(_labels(store) == [("1", "a")], "a correction that was refused is in the journal")


def keeps_states_that_hold(store: Store) -> None:
    """A checkpoint stands while its journal only grows; undoing what it knows drops it."""
    for id in ("1", "2", "3"):
        changes.record(store, ANA, [entry(id)], MODEL)
    (version,) = store.versions([ANA])
    require(version is not None, "there is no version after three corrections")
    early = Version(*version)._replace(head=_entries(store)[1].seq)  # type: ignore[misc]
    store.keep(ANA, StoredState(early, "f", b"state"))
    changes.undo(store, ANA, "3")
    kept = store.state(ANA)
    require(kept is not None and kept[0] == StoredState(early, "f", b"state"), "a state that did not know the undone one is gone")
    require(kept is not None and [one.id for one in kept[1]] == ["1", "2"], "a state's corrections are not those up to its place")
    changes.undo(store, ANA, "1")
    require(store.state(ANA) is None, "a state that knew an undone correction is still there")


def erases_every_trace(store: Store) -> None:
    """Erasing leaves nothing; a writer of the same name who begins anew is another profile; others are untouched."""
    changes.record(store, ANA, [entry("1")], MODEL)
    changes.record(store, BEN, [entry("1", "b")], MODEL)
    (before,) = store.versions([ANA])
    store.keep(ANA, StoredState(Version(*before), "f", b"state"))  # type: ignore[misc]
    require(store.erase(ANA) and not store.erase(ANA), "erase() does not say whether there was a profile")
    require(
        (store.versions([ANA]), store.tail(ANA), store.state(ANA)) == ([None], None, None), "an erased profile is still there"
    )
    require(_labels(store, BEN) == [("1", "b")], "erasing one writer touched another")
    changes.record(store, ANA, [entry("1")], MODEL)
    (after,) = store.versions([ANA])
    require(after and before and after.profile != before.profile, "a writer who begins anew has the erased one's identity")


def changes_the_profile_that_is_meant(store: Store) -> None:
    """A change that names an incarnation is made to that profile or not at all, and begins nobody."""
    changes.record(store, ANA, [entry("1")], MODEL)
    changes.record_line(store, ANA, LINE, [entry("2")], {"a"}, MODEL)
    (before,) = store.versions([ANA])
    require(before is not None, "there is no version after a correction")
    named = incarnation_of(ANA, before.profile if before else 0)
    changes.record(store, ANA, [entry("3")], MODEL, named)
    require([id for id, _ in _labels(store)][-1] == "3", "a correction of the profile that is meant was not kept")
    contents = store.contents(ANA)
    writes: dict[str, Callable[[], object]] = {
        "record": lambda: changes.record(store, ANA, [entry("4")], MODEL, named),
        "record, another label": lambda: changes.record(store, ANA, [changes.Relabel("1", "b", False, "x")], MODEL, named),
        "record_line": lambda: changes.record_line(store, ANA, LINE, [entry("5")], None, MODEL, incarnation=named),
        "record_line of nothing": lambda: changes.record_line(store, ANA, LINE, [], None, MODEL, incarnation=named),
        "undo": lambda: changes.undo(store, ANA, "1", named),
        "forget": lambda: changes.forget(store, ANA, "a", None, named),
        "forget_words": lambda: changes.forget_words(store, ANA, None, named),
        "merge": lambda: changes.merge(store, ANA, contents, named),
    }
    store.erase(ANA)
    for name, write in writes.items():
        require_raises(ErasedWriter, write, f"{name}() changed a profile that was erased")
        require(store.versions([ANA]) == [None], f"{name}() brought an erased writer back")
    changes.record_line(store, ANA, LINE, [entry("1", batch=LINE)], {"z"}, MODEL)
    began = store.versions([ANA])
    for name, write in writes.items():
        require_raises(ErasedWriter, write, f"{name}() changed another profile than the one that is meant")
        require(store.versions([ANA]) == began, f"{name}() changed another profile than the one that is meant")
    changes.record(store, BEN, [entry("1")], MODEL)
    require_raises(
        ErasedWriter, lambda: changes.record(store, BEN, [entry("4")], MODEL, named), "an incarnation is one of every writer"
    )


def keeps_tenants_apart(store: Store) -> None:
    """Writers of one name in two tenants know nothing of one another."""
    theirs = Key("other", "ana")
    changes.record(store, ANA, [entry("1", "a")], MODEL)
    changes.record(store, theirs, [entry("1", "b")], MODEL)
    require((_labels(store), _labels(store, theirs)) == ([("1", "a")], [("1", "b")]), "tenants share a journal")
    require(store.profiles("other") == [("ana", 1)], "a tenant lists another's writers")
    versions = store.versions([theirs, ANA, Key("third", "ana")])
    require(versions[2] is None and None not in versions[:2], f"versions() mixes tenants: {versions}")
    require(store.erase(theirs) and _labels(store) == [("1", "a")], "erasing in one tenant touched another")


def lists_by_code_point(store: Store) -> None:
    """Profiles are listed by code point, page by page."""
    names = ["b", "B", "a", "é", "Z", "\U0001f600"]
    for name in names:
        changes.record(store, Key("default", name), [entry("1")], MODEL)
    listed = [one.name for one in store.profiles("default")]
    require(listed == sorted(names), f"profiles are in the order {listed}; sort them by code point")
    require(store.count("default") == len(names), f"count() is {store.count('default')}, not {len(names)}")
    require([one.name for one in store.profiles("default", "Z", 2)] == ["a", "b"], "profiles(after, limit) gives another page")


def pages_the_journal(store: Store) -> None:
    """A page of the journal holds what was asked for and no more; places and limits that cannot be are refused."""
    for i in range(8):
        changes.record(store, ANA, [entry(str(i))], MODEL)
    changes.undo(store, ANA, "3")
    whole = store.entries(ANA)
    for after in (0, whole[2].seq, whole[-1].seq, 10**9):
        for limit in (None, 0, 1, 3, 100):
            ids = [one.id for one in whole if one.seq > after][:limit]
            pages = [[one.id for one in page(ANA, after, limit)] for page in (store.entries, store.rows)]
            require(pages == [ids, ids], f"the page after {after} of {limit} holds {pages}, not {ids}")
    require(store.taken_back(ANA) == 1, "taken_back() does not count one")
    for id, label in (("9", "é"), ("10", "b")):
        changes.record(store, ANA, [entry(id, label)], MODEL)
    last = store.rows(ANA)[-1].seq
    asked: dict[str, tuple[list[Row], list[str]]] = {
        "label": (store.rows(ANA, label="a", limit=3), ["0", "1", "2"]),
        "label after": (store.rows(ANA, last - 1, label="b"), ["10"]),
        "no label": (store.rows(ANA, label="e"), []),
        "ids": (store.rows(ANA, ids=["9", "5", "no such", "0"], images=True), ["0", "5", "9"]),
        "ids after": (store.rows(ANA, whole[1].seq, 1, ids=["0", "9", "5"]), ["5"]),
        "label and ids": (store.rows(ANA, label="é", ids={"9", "10"}), ["9"]),
        "no ids": (store.rows(ANA, ids=[]), []),
        "what was taken back": (store.rows(ANA, ids=["3"]), []),
    }
    for name, (rows, expected) in asked.items():
        require([one.id for one in rows] == expected, f"rows() by {name} gives {[one.id for one in rows]}, not {expected}")
    require(all(one.image is not None for one in asked["ids"][0]), "rows(images=True) by ids lack images")
    for after, limit in ((-1, None), (0, -1), (2**70, None)):
        refuse = f"rows(after={after}, limit={limit}) was answered"
        require_raises(InputError, lambda after=after, limit=limit: store.rows(ANA, after, limit), refuse)  # type: ignore[misc]


def keeps_boxes_and_doubts(store: Store) -> None:
    """A box and a doubt come back to the last bit wherever a correction is shown, without an image too; missing is missing."""
    far = Box(-1e9, 0.1 + 0.2, 1e9, 1e9, "device", '\N{PENCIL} "<&>"')
    entries = [entry("1"), entry("2", image=None, box=far, doubt=1 / 3), entry("3", box=None, doubt=0.0)]
    changes.record(store, ANA, entries, MODEL)
    expected = [(one.id, one.box, one.doubt) for one in entries]
    (version,) = store.versions([ANA])
    require(version is not None, "there is no version after three corrections")
    store.keep(ANA, StoredState(Version(*version), "f", b"state"))  # type: ignore[misc]
    checkpoint = store.state(ANA)
    with store.change(ANA, None) as change:
        changed, listed = change.find(), change.rows()
    shown: dict[str, Sequence[Entry | Row]] = {
        "tail()": _entries(store),
        "entries(images=False)": store.entries(ANA, images=False),
        "rows()": store.rows(ANA),
        "rows(images=True)": store.rows(ANA, images=True),
        "contents()": store.contents(ANA).entries,
        "Change.find()": changed,
        "Change.rows()": listed,
    }
    for where, found in shown.items():
        boxes = [(one.id, one.box, one.doubt) for one in found]
        require(boxes == expected, f"{where} shows the boxes and doubts {boxes}; recorded were {expected}")
    doubts = [one.doubt for one in checkpoint[1]] if checkpoint else None
    require(doubts == [one.doubt for one in entries], f"the corrections of a checkpoint have the doubts {doubts}")


def keeps_the_box_with_the_sample(store: Store) -> None:
    """Another label, or another model, for a sample leaves its box; a label given the second time is not in doubt."""
    given = entry("1")
    changes.record(store, ANA, [given], MODEL)
    changes.record(store, ANA, [changes.Relabel("1", "b", False, "x")], MODEL)
    (relabelled,) = _entries(store)
    require((relabelled.box, relabelled.doubt) == (given.box, 0.0), "a new label changed the box, or kept the old label's doubt")
    changes.record(store, ANA, [entry("1", "c", box=None, doubt=0.75)], MODEL)
    (again,) = _entries(store)
    require((again.box, again.doubt) == (given.box, 0.0), "a sample that was corrected anew lost its box, or is in doubt")
    changes.record(store, ANA, [entry("2", doubt=0.75)], MODEL)
    changes.migrate(store, ANA, OTHER_MODEL, lambda page: [(one.outputs, "q") for one in page])
    moved = [(one.box, one.doubt) for one in _entries(store)]
    require(moved == [(given.box, 0.0), (entry("2").box, 0.75)], "a change of model lost a box or a doubt")


def keeps_a_line_as_one(store: Store) -> None:
    """A line is one batch; the same again changes nothing, another text replaces it, and its id takes all of it back."""
    changes.record(store, ANA, [entry("1")], MODEL)
    entries = [entry(letter, letter) for letter in "word"]
    done = changes.record_line(store, ANA, LINE, entries, None, MODEL).entries
    require([one.label for one in done] == list("word"), "record_line() does not return the corrections in the order given")
    places = [one.seq for one in _entries(store)[1:]]
    require(sorted(one.seq for one in done) == places, "the corrections of a line do not follow one another")
    require({one.batch for one in done} == {LINE}, "the corrections of a line are not one batch")
    with store.change(ANA, None) as change:
        found, none = change.find(line=LINE), change.find(line=OTHER_LINE)
        one = change.find(line=LINE, label="o")
    require(found == _entries(store)[1:] and none == [], "find(line=…) does not give that line")
    require([other.label for other in one] == ["o"], "find(line=…, label=…) does not give those that match both")
    version = store.versions([ANA])
    again = changes.record_line(store, ANA, LINE, [entry(letter, letter) for letter in "word"], None, MODEL).entries
    require(store.versions([ANA]) == version and again == done, "a line that was recorded again changed the journal")
    changes.record_line(store, ANA, LINE, [*entries[:3], replace(entries[3], label="k")], None, MODEL)
    require(sorted(label for _, label in _labels(store)) == sorted("awork"), "another text did not replace the first")
    changes.undo(store, ANA, LINE)
    require(_labels(store) == [("1", "a")], "a line that was undone still stands")


def keeps_no_order_of_a_line(store: Store) -> None:
    """What is stored of a line does not follow its characters: not in places, times or ids, nor in boxes."""
    letters = "abcdefghijkl"
    entries = [replace(entry(letter, letter), box=Box(10 * i, 5, 10 * i + 4, 9, baseline=8)) for i, letter in enumerate(letters)]
    for i in range(3):  # by chance, one of them may well be in order
        changes.record_line(store, ANA, f"line-{i}", entries, None, MODEL)
    stored = _entries(store)
    texts = ["".join(one.label for one in stored if one.batch == f"line-{i}") for i in range(3)]
    require(letters not in texts and len(set(texts)) > 1, f"the journal holds the characters of lines in the orders {texts}")
    by_id = ["".join(one.label for one in sorted(stored, key=lambda one: one.id) if one.batch == f"line-{i}") for i in range(3)]
    require(letters not in by_id, "the ids of a line's corrections follow its characters")
    require({one.box for one in stored} == {Box(0, -3, 4, 1, baseline=0)}, "a box tells where along the line it was")


def keeps_words_apart(store: Store) -> None:
    """The writer's own words are kept if given, counted by line, and go with any correction of their line, or by themselves."""
    require(store.words(ANA) == {} and changes.forget_words(store, ANA) == 0, "an empty store has words")
    changes.record_line(store, ANA, LINE, [entry("1", "a"), entry("2", "b")], {"b", "a"}, MODEL)
    changes.record_line(store, ANA, OTHER_LINE, [entry("3", "a"), entry("4", "c")], {"a", "e\N{COMBINING ACUTE ACCENT}"}, MODEL)
    require(list(store.words(ANA).items()) == [("a", 2), ("b", 1), ("é", 1)], f"the words are {store.words(ANA)}")
    require(store.words(BEN) == {}, "one writer has the words of another")
    kept = store.contents(ANA).words
    require(count_lines(kept) == store.words(ANA) and list(kept) == sorted(kept), "contents() has other words, or in no order")
    (before,) = store.versions([ANA])
    require(changes.forget_words(store, ANA, ["a", "z"]) == 1, "forget_words() does not count one word")
    require(store.versions([ANA]) != [before], "a profile that forgot a word has the version that it had before")
    require(store.words(ANA) == {"b": 1, "é": 1}, f"after one was forgotten the words are {store.words(ANA)}")
    changes.forget(store, ANA, "c", None)
    require(store.words(ANA) == {"b": 1}, "the words of a line stayed when one of its corrections was taken back")
    changes.undo(store, ANA, LINE)
    left = store.contents(ANA).words
    require(store.words(ANA) == {} and len(left) == 4, "a line that was undone has words, or left no marks of them")
    require(
        all(word == Word(word.id, None, None) for word in left), "the mark of a word that was forgotten tells more than its id"
    )


def merges_words(store: Store) -> None:
    """Words are merged with the journal; one that either side forgot does not come back."""
    changes.record_line(store, ANA, LINE, [entry("1", "a"), entry("2", "b")], {"a", "b"}, MODEL)
    changes.merge(store, BEN, store.contents(ANA))
    require(store.words(BEN) == {"a": 1, "b": 1}, "an imported profile lacks words")
    old = store.contents(ANA)
    changes.forget_words(store, ANA, ["a"])
    changes.merge(store, ANA, old)
    require(store.words(ANA) == {"b": 1}, "a forgotten word came back with an older copy of the profile")
    changes.merge(store, BEN, store.contents(ANA))
    require(store.words(BEN) == {"b": 1}, "a word that was forgotten elsewhere stayed")
    require(store.erase(ANA) and store.words(ANA) == {}, "an erased writer has words")
    changes.record(store, ANA, [entry("1")], MODEL)
    require(store.words(ANA) == {} and store.words(BEN) == {"b": 1}, "words outlast their writer, or go with another")


def compacts_what_says_nothing(store: Store) -> None:
    """Compacting changes nothing that stands, keeps the checkpoints, and no copy from before brings back what was undone."""
    for id in ("1", "2", "3"):
        changes.record(store, ANA, [entry(id)], MODEL)
    (version,) = store.versions([ANA])
    old = store.contents(ANA)
    for label in ("b", "c"):
        changes.record(store, ANA, [entry("1", label)], MODEL)
        changes.undo(store, ANA, "2")
        changes.record(store, ANA, [entry("2", label)], MODEL)
    changes.undo(store, ANA, "2")
    head = _entries(store)[0].seq
    early = Version(*version)._replace(head=head)  # type: ignore[misc]
    store.keep(ANA, StoredState(early, "f", b"state"), store.versions([ANA])[0].head)  # type: ignore[union-attr]
    before, stones = _entries(store), store.contents(ANA).tombstones
    require(changes.compact(store, ANA) > 0, "of a journal with overtaken tombstones nothing was compacted")
    tail, after = store.tail(ANA, version.head if version else 0), store.contents(ANA)
    require(_entries(store) == before, "compacting changed what stands, or where")
    require(after.tombstones == stones[-1:], f"of the tombstones {stones} compacting left {after.tombstones}")
    require(tail is not None and version is not None and not tail.follows(version), "who knows what was undone is not told")
    kept = store.state(ANA)
    require(kept is not None and kept[0].blob == b"state" and kept[0].version.head == head, "compacting lost a checkpoint")
    require(kept is not None and [one.id for one in kept[1]] == ["3"], "a checkpoint holds other corrections after compacting")
    require(changes.compact(store, ANA) == 0, "there was something to compact a second time")
    changes.merge(store, ANA, old)
    require(_labels(store) == [("3", "a"), ("1", "c")], f"an archive from before brought something back: {_labels(store)}")
    require_raises(UnknownCorrection, lambda: changes.undo(store, ANA, "2"), "what was undone can be undone again")


def loses_nothing_between_threads(store: Store) -> None:
    """Threads that correct one writer at once lose nothing, and a tenant's limit of writers holds."""

    def correct(number: int) -> None:
        for i in range(6):
            changes.record(store, ANA, [entry(f"{number}-{i}")], MODEL)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(correct, range(4)))
    stored = _entries(store)
    times = [one.time for one in stored]
    require(times == sorted(set(times)), "the times of corrections by several threads do not rise")
    require(len({one.id for one in stored}) == len({one.seq for one in stored}) == 24, f"of 24 corrections {len(stored)} stand")
    store.most_writers = 1
    require_raises(TooManyWriters, lambda: changes.record(store, BEN, [entry("1")], MODEL), "a second writer began, of one")


def _entries(store: Store, key: Key = ANA) -> list[Entry]:
    tail = store.tail(key)
    return tail.entries if tail else []


def _labels(store: Store, key: Key = ANA) -> list[tuple[str, str]]:
    return [(one.id, one.label) for one in _entries(store, key)]


STORE_LAWS: Sequence[Callable[[Store], None]] = (
    is_empty_at_first,
    returns_what_was_recorded,
    counts_a_retry_once,
    leaves_nothing_of_what_was_undone,
    forgets_by_label_and_time,
    changes_all_or_nothing,
    serves_one_model,
    keeps_states_that_hold,
    erases_every_trace,
    changes_the_profile_that_is_meant,
    keeps_tenants_apart,
    lists_by_code_point,
    pages_the_journal,
    keeps_boxes_and_doubts,
    keeps_the_box_with_the_sample,
    keeps_a_line_as_one,
    keeps_no_order_of_a_line,
    keeps_words_apart,
    merges_words,
    compacts_what_says_nothing,
    loses_nothing_between_threads,
)
"""Every law of a store."""
