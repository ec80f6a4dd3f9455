"""What every adapter promises, and what it knows about one writer."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load, save

from allograph.adapters.footprint import footprint
from allograph.alphabet.labels import check_label
from allograph.errors import FormatError, MismatchError
from allograph.readings import Corrections, Explanation, Samples, Scores, highest_probability
from allograph.samples.equality import by_content


@by_content
@dataclass(frozen=True, eq=False)
class State:
    """What an adapter knows about one writer: a value that no one changes, equal to another of the same labels and arrays.

    It has no hash: arrays have none.
    """

    labels: tuple[str, ...] = ()
    """[m] the writer's own labels, in the order in which they were taught."""
    arrays: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    derived: dict[str, Any] = field(default_factory=dict, compare=False, repr=False)
    """What an adapter computed from the rest to answer faster; never saved, and never needed."""

    @property
    def size(self) -> int:
        """Bytes that it takes in memory, with all that was computed from it."""
        return footprint(self.labels, self.arrays, self.derived)

    def to_bytes(self, adapter: Adapter) -> bytes:
        """One safetensors blob that names the adapter and its version."""
        record = {"adapter": adapter.name, "version": adapter.version, "labels": self.labels}
        return save({name: np.ascontiguousarray(array) for name, array in self.arrays.items()}, {"allograph": json.dumps(record)})

    @classmethod
    def from_bytes(cls, blob: bytes, adapter: Adapter) -> State:
        """Read a blob; raises `FormatError` when it is damaged, `MismatchError` when another adapter or version wrote it."""
        try:
            arrays = load(blob)
            header = json.loads(blob[8 : 8 + int.from_bytes(blob[:8], "little")])
            record = json.loads(header["__metadata__"]["allograph"])
            labels = tuple(check_label(label) for label in record["labels"])
            found = (record["adapter"], record["version"])
        except (SafetensorError, ValueError, KeyError, TypeError) as error:
            raise FormatError(f"this is not the state of an adapter, or it is damaged ({error})") from error
        if found != (adapter.name, adapter.version):
            raise MismatchError(
                f"this state is of {found[0]} version {found[1]}, not of {adapter.name} version {adapter.version}"
            )
        return cls(labels, arrays)


@by_content
class Trial(NamedTuple):
    """One resample of one writer: places among the writer's samples, in the order in which they are seen."""

    adaptation: NDArray[np.int64]
    test: NDArray[np.int64]


@by_content
class Replay(NamedTuple):
    """An adapter's answers to one trial's test samples."""

    answers: NDArray[np.int32]
    """[t] places in the alphabet."""
    proposals: NDArray[np.int32] | None
    """[t, answerers] as in `Scores`."""
    probabilities: NDArray[np.float32] | None = None
    """[t] each answer's probability; None where the adapter gives none."""


class Adapter(Protocol):
    """A method that turns corrections into better answers for one writer.

    It is built once, never changes, and is shared by all writers. What it knows about a writer is the fold of `learn` over
    that writer's batches of corrections, in their order.
    """

    @property
    def name(self) -> str:
        """The word on the command line."""
        ...

    @property
    def version(self) -> int:
        """Changes when the same corrections would give another state."""
        ...

    def start(self) -> State:
        """Nothing known: the scores are the base's."""
        ...

    def learn(self, state: State, batch: Corrections) -> State:
        """A new state that also knows `batch`; `state` stays as it is."""
        ...

    def scores(self, state: State, samples: Samples) -> Scores:
        """Log-probabilities [n, C + m], and whose answer each is; they may share memory with `samples`."""
        ...

    def explain(self, state: State, sample: Samples) -> Explanation:
        """Why the one sample in `sample` reads as it does."""
        ...


@runtime_checkable
class Replays(Protocol):
    """An adapter with a faster way to do what `learn` and `scores` do for many trials of one writer."""

    def replay(self, samples: Corrections, trials: Sequence[Trial], reveal: bool) -> Iterator[Replay]:
        """Adapt to and test on each trial; with `reveal` each test sample is learned after its answer."""
        ...


def replay(adapter: Adapter, samples: Corrections, trials: Sequence[Trial], reveal: bool) -> Iterator[Replay]:
    """Adapt to and test on each trial, sample by sample where labels are revealed: what every faster way must equal."""
    for adaptation, test in trials:
        state = adapter.learn(adapter.start(), samples.take(adaptation))
        parts = []
        for rows in np.split(test, len(test)) if reveal and len(test) else [test]:
            scores = adapter.scores(state, samples.at(rows))
            parts.append(answered(scores))
            if reveal:
                state = adapter.learn(state, samples.take(rows))
        proposals = [part.proposals for part in parts if part.proposals is not None]
        probabilities = [part.probabilities for part in parts if part.probabilities is not None]
        yield Replay(
            np.concatenate([part.answers for part in parts]),
            np.concatenate(proposals) if proposals else None,
            np.concatenate(probabilities),
        )


def answered(scores: Scores) -> Replay:
    """What scores say: the answers, the proposals, and each answer's probability."""
    return Replay(scores.answers.astype(np.int32), scores.proposals, highest_probability(scores.values))
