"""What an adapter knows about one writer: labels and arrays."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load, save

from allograph.adapters.memory_footprint import memory_footprint
from allograph.alphabet.labels import check_label
from allograph.errors import FormatError, MismatchError
from allograph.samples.equality import by_content

if TYPE_CHECKING:
    from allograph.adapters.protocol import Adapter


@by_content
@dataclass(frozen=True, eq=False)
class State:
    """What an adapter knows about one writer: a value that nobody changes, equal to another with the same labels and arrays.

    It has no hash: arrays have none.
    """

    labels: tuple[str, ...] = ()
    """[m] the writer's own labels, which the alphabet lacks, in the order in which they were first learned."""
    arrays: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    """Everything else, by the adapter's names."""

    @property
    def size(self) -> int:
        """Bytes that it takes in memory."""
        return memory_footprint(self.labels, self.arrays)

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
            name, version = record["adapter"], record["version"]
        except (SafetensorError, ValueError, KeyError, TypeError) as error:
            raise FormatError(f"this is not the state of an adapter, or it is damaged ({error})") from error
        if (name, version) != (adapter.name, adapter.version):
            raise MismatchError(f"this state is of {name} version {version}, not of {adapter.name} version {adapter.version}")
        return cls(labels, arrays)
