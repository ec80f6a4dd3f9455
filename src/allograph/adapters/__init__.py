"""Adapters: methods that turn corrections into better answers for one writer."""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import entry_points

from allograph.adapters.allograph import Allograph, AllographWithoutSize
from allograph.adapters.head import Head
from allograph.adapters.lookup import Lookup, Prior
from allograph.adapters.means import WriterMeans
from allograph.adapters.memory_based import MemoryBased
from allograph.adapters.neighbours import Cache, LocalCompetence, NearestMemory
from allograph.adapters.paper import PaperAdapter
from allograph.adapters.population import Population
from allograph.adapters.protocol import Adapter, Fitted, WriterModel
from allograph.adapters.size_statistics import SizeStatistics
from allograph.adapters.state import State
from allograph.adapters.transfer import StyleTransfer
from allograph.adapters.trials import Trial, TrialAnswers, replay, replay_by_fold
from allograph.adapters.tunable_adapter import TunableAdapter
from allograph.adapters.with_size import SUFFIX, WithSize
from allograph.bundle import Bundle
from allograph.errors import InputError

GROUP = "allograph.adapters"
"""The entry-point group in which other packages name their adapters: a callable that builds one from a bundle."""
OURS: tuple[type[TunableAdapter], ...] = (
    Prior,
    Lookup,
    NearestMemory,
    Cache,
    LocalCompetence,
    WriterMeans,
    StyleTransfer,
    Head,
    Allograph,
)
ADAPTERS: dict[str, Callable[[Bundle], Adapter]] = {"paper": PaperAdapter.of, **{method.name: method.of for method in OURS}}
"""Every adapter of this package by its name, built from a bundle."""
SIZED = {method.name: method for method in OURS if issubclass(method, MemoryBased)}
"""Those that the factor of size can be added to, as in `memory+size`."""
WITHOUT_SIZE = "-size"
"""What takes it from the default's name."""

__all__ = [
    "ADAPTERS",
    "GROUP",
    "OURS",
    "Adapter",
    "Fitted",
    "State",
    "Trial",
    "TrialAnswers",
    "WriterModel",
    "best",
    "build",
    "names",
    "replay",
    "replay_by_fold",
]


def names() -> list[str]:
    """The names of all adapters that are installed, other packages' too."""
    return [*ADAPTERS, *sorted({entry.name for entry in entry_points(group=GROUP)} - set(ADAPTERS))]


def best(bundle: Bundle) -> str:
    """The name of the best adapter that a bundle has all it needs for: `allograph` once it was tuned."""
    if Population.is_in(bundle):
        return Allograph.name
    return "paper" if bundle.styles is not None else NearestMemory.name


def build(name: str, bundle: Bundle) -> Adapter:
    """Build an adapter by its name; raises `InputError` for an unknown one, or when the bundle lacks what it needs."""
    if name in ADAPTERS:
        return ADAPTERS[name](bundle)
    if name == Allograph.name + WITHOUT_SIZE:
        return AllographWithoutSize.of(bundle)
    if name.endswith(SUFFIX) and (method := SIZED.get(name.removesuffix(SUFFIX))):
        sizes = SizeStatistics.of(bundle)
        if sizes is None:
            raise InputError(f"the bundle {bundle.path} has no statistics of sizes; tune it on a corpus with boxes")
        return WithSize(method.of(bundle), sizes)
    for entry in entry_points(group=GROUP, name=name):
        adapter: Adapter = entry.load()(bundle)
        return adapter
    raise InputError(f"there is no method {name!r}; there are {', '.join(names())}; with size also memory+size and the like")
