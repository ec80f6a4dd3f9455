"""What every adapter promises, and what it knows about one writer."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load, save

from allograph.alphabet import check_label
from allograph.errors import FormatError, MismatchError
from allograph.readings import Corrections, Explanation, Samples, Scores


@dataclass(frozen=True)
class State:
    """What an adapter knows about one writer: a value that no one changes."""

    labels: tuple[str, ...] = ()
    """[m] the writer's own labels, in the order in which they were taught."""
    arrays: Mapping[str, NDArray[Any]] = field(default_factory=dict)

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
            raise MismatchError(f"this state is of {found[0]} version {found[1]}, not of {adapter.name} version {adapter.version}")
        return cls(labels, arrays)


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
        """Log-probabilities [n, C + m], and whose answer each is."""
        ...

    def explain(self, state: State, sample: Samples) -> Explanation:
        """Why the one sample in `sample` reads as it does."""
        ...
