"""What the adapters of this package share: an alphabet, a window, parameters that tuning chooses."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from allograph.adapters.population import Population, parameters_of
from allograph.adapters.protocol import State
from allograph.alphabet.labels import Alphabet
from allograph.bundle import Bundle
from allograph.readings import Corrections, Explanation, Samples, Scores, log_softmax

Floats = NDArray[np.float32]

OWN_LABEL = 1e-3
"""The probability that a label of the writer's own has for the base classifier, which does not know it."""
LEAST = -30.0
"""The log-probability of what is as good as impossible."""
SHOWN = 5
"""How many of the writer's samples an explanation names."""


@dataclass(frozen=True)
class Tunable(ABC):
    """An adapter with parameters. With a `window` only so many corrections are kept, the newest."""

    alphabet: Alphabet
    window: int | None = None

    name: ClassVar[str]
    version: ClassVar[int] = 1
    needs_population: ClassVar[bool] = True
    """Whether it cannot do without the population's statistics, where it has a place for them."""
    tried: ClassVar[dict[str, tuple[float, ...]]] = {}
    """The values of each parameter that tuning tries."""
    learns_by: ClassVar[tuple[str, ...]] = ()
    """The parameters that change what `learn` keeps; adapters that differ in others alone can share a state."""

    @classmethod
    def of(cls, bundle: Bundle) -> Self:
        """Build it from a bundle, with the parameters that were tuned for it.

        Raises `InputError` where the bundle has no population statistics and the method needs them.
        """
        known = {field.name for field in fields(cls)}
        parameters = {key: value for key, value in parameters_of(bundle, cls.name).items() if key in known}
        if "population" in known and (cls.needs_population or Population.known_of(bundle)):
            parameters["population"] = Population.of(bundle)
        return cls(bundle.alphabet, **parameters)

    @abstractmethod
    def start(self) -> State:
        """Nothing known."""

    @abstractmethod
    def learn(self, state: State, batch: Corrections) -> State:
        """A new state that also knows `batch`."""

    @abstractmethod
    def scores(self, state: State, samples: Samples) -> Scores:
        """The method's values, −inf for every label that is not on offer."""

    @abstractmethod
    def explain(self, state: State, sample: Samples) -> Explanation:
        """Why the one sample reads as it does."""

    def newest(self, known: NDArray[np.generic], more: NDArray[np.generic]) -> NDArray[np.generic]:
        """The rows of both that fit the window, in memory of their own."""
        if len(known) and self.window is not None:
            known = known[max(0, len(known) + len(more) - self.window) :]
        more = more if self.window is None else more[max(0, len(more) - self.window) :]
        return np.concatenate([known, more]) if len(known) else more.copy()


def places_of(alphabet: Alphabet, own: tuple[str, ...], labels: Sequence[str]) -> tuple[tuple[str, ...], NDArray[np.int32]]:
    """The writer's own labels after these were taught, and the places [n] of `labels`."""
    known = {label: len(alphabet) + i for i, label in enumerate(own)}
    places = [
        alphabet.index(label) if label in alphabet else known.setdefault(label, len(alphabet) + len(known)) for label in labels
    ]
    return tuple(known), np.array(places, np.int32)


def in_use(size: int, own: tuple[str, ...], places: NDArray[np.int32]) -> tuple[tuple[str, ...], NDArray[np.int32], list[int]]:
    """The writer's own labels that samples still have, the samples' places [n] then, and which of C + m places stay.

    `size` is C. Without this a window would bound the samples of a writer who teaches ever new labels, and not the labels.
    """
    kept = [*range(size), *np.unique(places[places >= size]).tolist()]
    if len(kept) == size + len(own):
        return own, places, kept
    return tuple(own[place - size] for place in kept[size:]), np.searchsorted(kept, places).astype(np.int32), kept


def with_own_labels(logits: Floats, own: int) -> Floats:
    """Log-probabilities [n, C + own] of the base, which gives each of the writer's own labels a little."""
    logs = log_softmax(logits)
    return np.concatenate([logs, np.full((len(logs), own), np.log(OWN_LABEL), np.float32)], axis=1) if own else logs


def finite(logs: Floats) -> Floats:
    """Log-probabilities without −inf, which would spoil sums: what was not on offer stays as good as impossible."""
    return np.maximum(logs, np.float32(LEAST))
