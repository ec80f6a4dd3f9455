"""One writer: read, correct, undo, forget."""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

from allograph.adapters import Adapter, State, best, build
from allograph.alphabet import Alphabet, check_label
from allograph.errors import ImageError, InputError, UnknownLabel
from allograph.images import SIDE, model_input
from allograph.readings import Corrections, Explanation, Reading, Samples
from allograph.recognizer import Recognizer


@dataclass(frozen=True)
class Correction:
    """What a writer taught: the true label of one reading."""

    id: str
    """The reading's id: one reading has one correction."""
    label: str
    implicit: bool
    """True where the reading was left standing, False where its label was given."""
    time: float
    """Seconds since 1970, UTC."""


@dataclass(frozen=True)
class _Entry:
    correction: Correction
    samples: Samples


@dataclass(frozen=True)
class _Offer:
    """The labels that a reading may answer with, where not all may."""

    labels: frozenset[str]
    base: NDArray[np.bool_]
    """[C] which of the bundle's labels."""


@dataclass(frozen=True)
class _Known:
    """What a reading is made from; it is exchanged whole, so that readers take no lock."""

    state: State
    ids: tuple[str, ...]
    """The corrections in it, the oldest first."""


class Writer:
    """A person, and what the recognizer learned of their hand. What was taught lives in memory, as long as the object does.

    `recognizer` is the shipped bundle's and `adapter` the best method for its bundle (`allograph`) unless given; both may be
    shared by many writers.
    With `implicit=False`, `accept` learns nothing. Safe to use from several threads: readings wait for nobody.

    >>> from allograph import Writer
    >>> ana = Writer("ana")
    >>> image = ana.recognizer.bundle.styles.medoids[40]
    >>> reading = ana.read(image)
    >>> done = ana.correct(reading, "a")
    >>> ana.corrections
    [Correction(id=..., label='a', implicit=False, time=...)]
    >>> ana.undo(done.id)
    >>> ana.corrections
    []
    """

    def __init__(
        self,
        name: str,
        recognizer: Recognizer | None = None,
        adapter: Adapter | str | None = None,
        implicit: bool = True,
    ) -> None:
        self.name = name
        self.recognizer = recognizer or shipped_recognizer()
        self.adapter: Adapter = (
            build(adapter or best(self.recognizer.bundle), self.recognizer.bundle)
            if adapter is None or isinstance(adapter, str)
            else adapter
        )
        self.implicit = implicit
        self._labels = self.recognizer.alphabet.labels
        self._journal: dict[str, _Entry] = {}
        self._known = _Known(self.adapter.start(), ())
        self._lock = threading.Lock()

    @overload
    def read(self, images: NDArray[Any], alphabet: str | Iterable[str] | None = None, confidence: float = 0.0) -> Reading: ...
    @overload
    def read(
        self, images: Sequence[NDArray[Any]], alphabet: str | Iterable[str] | None = None, confidence: float = 0.0
    ) -> list[Reading]: ...
    def read(
        self,
        images: NDArray[Any] | Sequence[NDArray[Any]],
        alphabet: str | Iterable[str] | None = None,
        confidence: float = 0.0,
    ) -> Reading | list[Reading]:
        """Read a sample [28, 28], uint8 or float in 0…1, in the bundle's frame: white ink on black.

        A list of samples gives a list of readings, and one call of the model reads them all. `alphabet` restricts the answers
        to a named alphabet (`"digits"`) or to the given labels. A reading that is less probable than `confidence`, in 0…1,
        abstains: it names its likeliest label, and is not to be relied on. Raises `ImageError` for anything that is no sample,
        `UnknownLabel` for an alphabet with a label that neither the bundle nor this writer knows, `InputError` for a
        confidence outside 0…1.
        """
        if not 0 <= confidence <= 1:
            raise InputError(f"a confidence is a probability, from 0 to 1, not {confidence}")
        one = isinstance(images, np.ndarray)
        array = images if isinstance(images, np.ndarray) else _stacked(images)
        if array.ndim != (2 if one else 3):
            raise ImageError(f"one sample is an array [28, 28], and many are a list of them; this is {list(array.shape)}")
        known = self._known
        offer = None if alphabet is None else self._offer(alphabet, known.state)
        samples = self.recognizer.run(model_input(array))
        if offer is not None:
            samples = samples._replace(logits=np.where(offer.base, samples.logits, np.float32(-np.inf)))
        readings = self._readings(known, samples, offer, confidence)
        return readings[0] if one else readings

    def correct(self, reading: Reading, label: str, new: bool = False) -> Correction:
        """Learn what a reading should have said, or that it was right.

        The same call again changes nothing; one with another label replaces the first. Raises `UnknownLabel` for a label that
        the bundle does not know, unless `new` teaches it to this writer, and for one outside the alphabet that was offered.
        """
        label = check_label(label)
        if reading.alphabet is not None and label not in reading.alphabet:
            raise UnknownLabel(f"the reading was restricted to {len(reading.alphabet)} labels, and {label!r} is not among them")
        with self._lock:
            if not new and label not in self.recognizer.alphabet and label not in self.state.labels:
                raise UnknownLabel(f"the bundle does not know the label {label!r}; teach it to this writer with new=True")
            return self._learn(reading, label, implicit=False)

    def accept(self, reading: Reading) -> Correction | None:
        """Learn that a reading was left standing: an implicit correction; None where those are switched off, or it abstains."""
        if not self.implicit or reading.abstains:
            return None
        with self._lock:
            known = self._journal.get(reading.id)
            return known.correction if known else self._learn(reading, reading.label, implicit=True)

    def undo(self, id: str) -> None:
        """Take a correction back; the state is what it would be without it. Raises `InputError` for an unknown id."""
        with self._lock:
            if id not in self._journal:
                raise InputError(f"the writer {self.name!r} has no correction with the id {id!r}")
            self._keep(lambda entry: entry.correction.id != id)

    def forget(self, label: str | None = None, since: float | None = None) -> int:
        """Take back every correction to `label`, or since a time (seconds since 1970), or both; returns how many."""
        if label is None and since is None:
            raise InputError("forget needs a label, a time, or both")
        with self._lock:
            before = len(self._journal)
            self._keep(
                lambda entry: (
                    not ((label is None or entry.correction.label == label) and (since is None or entry.correction.time >= since))
                )
            )
            return before - len(self._journal)

    @property
    def corrections(self) -> list[Correction]:
        """What was taught and not taken back, in order."""
        return [entry.correction for entry in list(self._journal.values())]

    @property
    def state(self) -> State:
        """What the adapter knows about this writer."""
        return self._known.state

    def __repr__(self) -> str:
        return f"Writer({self.name!r}, {len(self._journal)} corrections)"

    def _readings(self, known: _Known, samples: Samples, offer: _Offer | None, confidence: float) -> list[Reading]:
        state = known.state
        labels = (*self._labels, *state.labels) if state.labels else self._labels
        values = self.adapter.scores(state, samples).values
        if offer is not None and state.labels:
            hidden = [len(self._labels) + i for i, own in enumerate(state.labels) if own not in offer.labels]
            values = values.copy()
            values[:, hidden] = -np.inf
        offered = None if offer is None else offer.labels
        explain = partial(self._explain, known)
        return [
            Reading(
                secrets.token_hex(16),
                labels[answer],
                labels,
                values[i],
                samples.at(slice(i, i + 1)),
                offered,
                explain,
                confidence,
            )
            for i, answer in enumerate(values.argmax(axis=1).tolist())
        ]

    def _offer(self, alphabet: str | Iterable[str], state: State) -> _Offer:
        labels = frozenset(Alphabet.named(alphabet))
        own = labels.intersection(state.labels)
        base = self.recognizer.alphabet.mask(labels - own)
        if not base.any():
            raise InputError("a restricted alphabet needs at least one label that the bundle knows")
        return _Offer(labels, base)

    def _learn(self, reading: Reading, label: str, implicit: bool) -> Correction:
        known = self._journal.get(reading.id)
        if known is not None:
            if known.correction.label == label and known.correction.implicit == implicit:
                return known.correction
            self._keep(lambda entry: entry is not known)
        entry = _Entry(Correction(reading.id, label, implicit, time.time()), reading.samples)
        self._known = _Known(self.adapter.learn(self.state, _batch(entry)), (*self._known.ids, reading.id))
        self._journal[reading.id] = entry
        return entry.correction

    def _keep(self, keep: Callable[[_Entry], bool]) -> None:
        """Fold the entries that stay, in their order."""
        journal = {id: entry for id, entry in self._journal.items() if keep(entry)}
        state = self.adapter.start()
        for entry in journal.values():
            state = self.adapter.learn(state, _batch(entry))
        self._journal, self._known = journal, _Known(state, tuple(journal))

    def _explain(self, known: _Known, sample: Samples) -> Explanation:
        """The adapter's explanation; the corrections that it counts get their ids."""
        found = self.adapter.explain(known.state, sample)
        for part in found.evidence.values():
            for entry in part if isinstance(part, list) else ():
                if isinstance(entry, dict) and "correction" in entry:
                    entry["id"] = known.ids[entry["correction"]]
        return found


def _stacked(images: Sequence[NDArray[Any]]) -> NDArray[Any]:
    try:
        return np.stack(images) if len(images) else np.empty((0, SIDE, SIDE), np.uint8)
    except (ValueError, TypeError) as error:
        raise ImageError(f"the samples of a list are arrays [28, 28] ({error})") from error


@lru_cache(maxsize=1)
def shipped_recognizer() -> Recognizer:
    """The shipped bundle's recognizer, opened once."""
    return Recognizer()


def _batch(entry: _Entry) -> Corrections:
    done = entry.correction
    return Corrections(
        entry.samples.embeddings, entry.samples.logits, [done.label], [done.id], [done.time], entry.samples.features
    )
