"""Reading for several writers at once: one look at the store, one call of the model."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from allograph.adapters import Adapter, State
from allograph.alphabet.labels import Alphabet
from allograph.errors import InputError
from allograph.images.frames import model_input
from allograph.profiles.journal import check_name
from allograph.readings import Explanation, Reading, Samples, log_softmax
from allograph.writers.live_profile import LiveProfile, Snapshot

Alphabets = str | Iterable[str]
"""A named alphabet, or labels."""


class Asked(NamedTuple):
    """What one writer wants read."""

    live: LiveProfile
    images: NDArray[Any]
    """[n, 28, 28]"""
    alphabet: Alphabets | None = None
    threshold: float = 0.0
    ids: Sequence[str] | None = None
    """[n] the readings' ids; at random unless given."""
    shadow: bool = False
    """Whether the base answers, and what the adapter says is only recorded."""


class Ready(NamedTuple):
    """What was asked, checked: all but the model's answer."""

    asked: Asked
    ids: Sequence[str]
    known: Snapshot
    """What the writer taught; all samples of one question are read with the same."""
    offer: frozenset[str] | None
    """The labels that may be answered, where not all may."""
    mask: NDArray[np.bool_] | None
    """[C] which of the bundle's labels those are."""
    inputs: NDArray[np.float32]
    """[n, 1, 28, 28]"""

    def part(self, start: int, stop: int) -> Ready:
        """The samples from one place to before another."""
        asked = self.asked._replace(images=self.asked.images[start:stop])
        return self._replace(asked=asked, ids=self.ids[start:stop], inputs=self.inputs[start:stop])


@dataclass(frozen=True)
class Behind:
    """A writer whose journal has grown by more than is learned at once: `live.catch_up()` first, then ask again."""

    live: LiveProfile


def prepare(asked: Sequence[Asked], wait: bool = True) -> list[Ready | Behind | Exception]:
    """Check what everybody asks, and look once at the store for what they taught: each is ready, or has met an error of its own.

    What is new in a journal is learned first, however long it takes; unless `wait`, who has much to learn is `Behind`. All
    live profiles share a store. Raises `StorageError` where the store cannot be reached.
    """
    if not asked:
        return []
    versions = asked[0].live.store.versions([one.live.key for one in asked])
    found: list[Ready | Behind | Exception] = []
    for one, version in zip(asked, versions, strict=True):
        try:
            inputs = model_input(one.images)
            ids = _ids(one, len(inputs))
            known = one.live.at(version) if wait else one.live.soon_at(version)
            found.append(Ready(one, ids, known, *_offer(one, known.state), inputs) if known else Behind(one.live))
        except Exception as error:  # whatever one writer's profile does to its adapter is that writer's alone
            found.append(error)
    return found


def read(parts: Sequence[Ready]) -> list[list[Reading] | Exception]:
    """Read all with one call of the model: the readings of each, or the error that it met, which spoils no other's."""
    if not parts:
        return []
    inputs = [part.inputs for part in parts]
    recognizer = parts[0].asked.live.pipeline.recognizer
    samples = recognizer.run(inputs[0] if len(inputs) == 1 else np.concatenate(inputs))
    answers: list[list[Reading] | Exception] = []
    start = 0
    for part in parts:
        stop = start + len(part.inputs)
        try:
            answers.append(_readings(part, samples.at(slice(start, stop))))
        except Exception as error:
            answers.append(error)
        start = stop
    return answers


def read_together(asked: Sequence[Asked]) -> list[list[Reading] | Exception]:
    """What everybody asked for, in order: readings, or the error that this one question met, which spoils no other's.

    All live profiles share a store and a recognizer. Raises `StorageError` where the store cannot be reached.
    """
    prepared = prepare(asked)
    answers = iter(read([one for one in prepared if isinstance(one, Ready)]))
    return [one if isinstance(one, Exception) else next(answers) for one in prepared]


def _ids(asked: Asked, count: int) -> Sequence[str]:
    """The readings' ids; raises `InputError` unless there is one for each and no two are the same."""
    if not 0 <= asked.threshold <= 1:
        raise InputError(f"a threshold is a probability, from 0 to 1, not {asked.threshold}")
    if asked.ids is None:
        return [secrets.token_hex(16) for _ in range(count)]
    ids = [check_name(id, "reading") for id in asked.ids]
    if len(ids) != count or len(set(ids)) != count:
        raise InputError(f"{count} samples need as many ids, each another; these are {len(set(ids))}")
    return ids


def _offer(asked: Asked, state: State) -> tuple[frozenset[str] | None, NDArray[np.bool_] | None]:
    if asked.alphabet is None:
        return None, None
    labels = frozenset(Alphabet.by_name(asked.alphabet))
    mask = asked.live.pipeline.recognizer.alphabet.mask(labels.difference(state.labels))
    if not mask.any():
        raise InputError("a restricted alphabet needs at least one label that the bundle knows")
    return labels, mask


def _readings(ready: Ready, samples: Samples) -> list[Reading]:
    asked, known, pipeline = ready.asked, ready.known, ready.asked.live.pipeline
    if ready.mask is not None:
        samples = samples._replace(logits=np.where(ready.mask, samples.logits, np.float32(-np.inf)))
    own, base = known.state.labels, pipeline.recognizer.alphabet.labels
    labels = (*base, *own) if own else base
    values = pipeline.adapter.scores(known.state, samples).values
    if ready.offer is not None and own:
        hidden = [len(base) + i for i, label in enumerate(own) if label not in ready.offer]
        values = values.copy()
        values[:, hidden] = -np.inf
    answers = values.argmax(axis=1).tolist()
    personal = [labels[answer] for answer in answers]
    if asked.shadow:
        labels, values = base, log_softmax(samples.logits)
        answers = values.argmax(axis=1).tolist()
    explain = partial(_explain, pipeline.adapter, known)
    return [
        Reading(
            ready.ids[i],
            labels[answer],
            labels,
            values[i],
            samples.at(slice(i, i + 1)),
            ready.offer,
            explain,
            asked.threshold,
            asked.images[i],
            personal[i],
            pipeline.recognizer.bundle.model_hash,
        )
        for i, answer in enumerate(answers)
    ]


def _explain(adapter: Adapter, known: Snapshot, sample: Samples) -> Explanation:
    """The adapter's explanation; the corrections that it counts get their ids."""
    found = adapter.explain(known.state, sample)
    for part in found.evidence.values():
        for entry in part if isinstance(part, list) else ():
            if isinstance(entry, dict) and "correction" in entry:
                entry["id"] = known.corrections[entry["correction"]].id
    return found
