"""The base class of this package's adapters: an alphabet, a window, parameters that `allograph tune` chooses."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from allograph.adapters.population import Population
from allograph.adapters.protocol import Fitted
from allograph.adapters.state import State
from allograph.adapters.statistics import Statistics
from allograph.alphabet.labels import Alphabet
from allograph.bundle import Bundle
from allograph.readings import Corrections, Explanation, Samples, Scores, log_softmax

Floats = NDArray[np.float32]

OWN_LABEL_PROBABILITY = 1e-3
"""The probability that a label of the writer's own has for the base classifier, which does not know it."""
IMPOSSIBLE = -30.0
"""The log-probability of what is as good as impossible."""
EVIDENCE_SAMPLES = 5
"""How many of the writer's samples an explanation names."""


@dataclass(frozen=True)
class TunableAdapter(ABC):
    """An adapter with parameters. With a `window` only so many corrections are kept, the newest."""

    alphabet: Alphabet
    window: int | None = None

    name: ClassVar[str]
    version: ClassVar[int] = 1
    needs_population: ClassVar[bool] = True
    """Whether it cannot do without the population's statistics, where it has a field for them."""
    grid: ClassVar[dict[str, tuple[float, ...]]] = {}
    """The values of each parameter that tuning tries."""
    learns_by: ClassVar[tuple[str, ...]] = ()
    """The parameters that change what `learn` keeps; adapters that differ in others alone can share a state."""

    @classmethod
    def of(cls, bundle: Bundle) -> Self:
        """Build it from a bundle, with the parameters that were tuned for it.

        Raises `InputError` where the bundle has no population statistics and the method needs them.
        """
        names = {field.name for field in fields(cls)}
        parameters = {key: value for key, value in bundle.config.adapters.get(cls.name, {}).items() if key in names}
        if "population" in names and (cls.needs_population or Population.is_in(bundle)):
            parameters |= Statistics.read(bundle).parameters(names)
        return cls(bundle.alphabet, **parameters)

    @abstractmethod
    def start(self) -> State:
        """The state of a writer without corrections."""

    @abstractmethod
    def learn(self, state: State, batch: Corrections) -> State:
        """A new state that also knows `batch`."""

    @abstractmethod
    def fit(self, state: State) -> Fitted:
        """The model of the writer whose state this is."""

    def scores(self, state: State, samples: Samples) -> Scores:
        """The method's values [n, C + m], −inf for every label that is not on offer."""
        return self.fit(state).scores(samples)

    def explain(self, state: State, sample: Samples) -> Explanation:
        """Why the one sample reads as it does."""
        return self.fit(state).explain(sample)

    def newest(self, before: NDArray[np.generic], more: NDArray[np.generic]) -> NDArray[np.generic]:
        """The rows of both that fit the window, in memory of their own."""
        if len(before) and self.window is not None:
            before = before[max(0, len(before) + len(more) - self.window) :]
        more = more if self.window is None else more[max(0, len(more) - self.window) :]
        return np.concatenate([before, more]) if len(before) else more.copy()


def places_of(alphabet: Alphabet, own: tuple[str, ...], labels: Sequence[str]) -> tuple[tuple[str, ...], NDArray[np.int32]]:
    """The writer's own labels, new ones among `labels` included, and the places [n] of `labels`: the alphabet's, then those."""
    own_places = {label: len(alphabet) + i for i, label in enumerate(own)}
    places = [
        alphabet.index(label) if label in alphabet else own_places.setdefault(label, len(alphabet) + len(own_places))
        for label in labels
    ]
    return tuple(own_places), np.array(places, np.int32)


def drop_unused_labels(
    size: int, own: tuple[str, ...], places: NDArray[np.int32]
) -> tuple[tuple[str, ...], NDArray[np.int32], list[int]]:
    """The writer's own labels that samples still have, the samples' places [n] then, and which of C + m places stay.

    `size` is C. Without this a window would bound the samples of a writer who teaches ever new labels, and not the labels.
    """
    stay = [*range(size), *np.unique(places[places >= size]).tolist()]
    if len(stay) == size + len(own):
        return own, places, stay
    return tuple(own[place - size] for place in stay[size:]), np.searchsorted(stay, places).astype(np.int32), stay


def base_log_probabilities(logits: Floats, own: int) -> Floats:
    """Log-probabilities [n, C + own] of the base, which gives each of the writer's own labels a little."""
    logs = log_softmax(logits)
    if not own:
        return logs
    return np.concatenate([logs, np.full((len(logs), own), np.log(OWN_LABEL_PROBABILITY), np.float32)], axis=1)


def clip_impossible(logs: Floats) -> Floats:
    """Log-probabilities without −inf, which would spoil sums: a label that was not on offer is as good as impossible."""
    return np.maximum(logs, np.float32(IMPOSSIBLE))
