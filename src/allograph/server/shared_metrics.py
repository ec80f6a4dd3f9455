"""The numbers of several processes that serve one port, added up.

Each writes its own to a file every second, and whoever is asked adds to its own what stands in the others' files. A process that
is started in a dead one's place goes on where that one's file ends, so that no counter ever falls.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from allograph.server.metrics import ACCURACY, Metrics

LASTING = ("counter", "histogram")
"""The types whose numbers outlive their process."""
OF_PROCESS = "process_"
"""How the names of what is not added up, but told of each worker, begin."""


class Family(NamedTuple):
    """A metric, with its numbers; as JSON has it."""

    name: str
    text: str
    kind: str
    samples: list[tuple[str, dict[str, str], float]]


class Part(NamedTuple):
    """What one process has counted, and how many corrections its rolling accuracy is of."""

    families: list[Family]
    weight: int = 0


class SharedMetrics:
    """A worker's metrics, beside those of the others in a folder that they share."""

    def __init__(self, metrics: Metrics, folder: Path, worker: str) -> None:
        self._metrics, self._folder, self._worker = metrics, folder, worker
        self._before = {whose: _lasting(part) for whose, part in _parts(self._file(worker)).items()}
        self._kept = -1

    def keep(self) -> None:
        """Write this worker's numbers, if any changed."""
        if self._metrics.changes == self._kept:
            return
        self._kept = self._metrics.changes
        file = self._file(self._worker)
        temporary = file.with_suffix(".new")
        try:
            temporary.write_text(json.dumps({whose: self._own(whose) for whose in {"", *self._before, *self._metrics.tenants}}))
            os.replace(temporary, file)
        except FileNotFoundError:  # the folder goes when all end
            pass

    def text(self, tenant: str) -> bytes:
        """The numbers of all workers, and this tenant's, as Prometheus reads them."""
        others = [_parts(file) for file in self._folder.glob("*.json") if file != self._file(self._worker)]
        found = b""
        for whose in ("", f"tenant {tenant}"):
            parts = [self._own(whose), *(other[whose] for other in others if whose in other)]
            registry = CollectorRegistry()
            registry.register(_Sum(parts))
            found += generate_latest(registry)
        return found

    def _file(self, worker: str) -> Path:
        return self._folder / f"{worker}.json"

    def _own(self, whose: str) -> Part:
        """What this worker and those before it in its place counted: for all, or for a tenant."""
        registry, weight = self._metrics.registry_of(whose)
        own = [self._family(metric) for metric in registry.collect()]
        before = self._before.get(whose)
        return Part(list(add_up([before, Part(own)])) if before else own, weight)

    def _family(self, metric: Metric) -> Family:
        label = {"worker": self._worker} if metric.name.startswith(OF_PROCESS) else {}
        samples = [(sample.name, {**sample.labels, **label}, sample.value) for sample in metric.samples]
        return Family(metric.name, metric.documentation, metric.type, samples)


class _Sum(Collector):
    """The sum of parts."""

    def __init__(self, parts: list[Part]) -> None:
        self._parts = parts

    def collect(self) -> Iterable[Metric]:
        """The sums."""
        for family in add_up(self._parts):
            metric = Metric(family.name, family.text, family.kind)
            for name, labels, value in family.samples:
                metric.add_sample(name, labels, value)
            yield metric


def add_up(parts: Iterable[Part]) -> Iterator[Family]:
    """Add the numbers of several processes: of times the earliest, of the rolling accuracy the mean over all corrections."""
    families: dict[str, Family] = {}
    values: dict[str, dict[tuple[str, tuple[tuple[str, str], ...]], list[tuple[float, int]]]] = {}
    for part in parts:
        for family in part.families:
            families.setdefault(family.name, family)
            numbers = values.setdefault(family.name, {})
            for name, labels, value in family.samples:
                numbers.setdefault((name, tuple(labels.items())), []).append((value, part.weight))
    for name, numbers in values.items():
        samples = [(sample, dict(labels), _join(sample, found)) for (sample, labels), found in numbers.items()]
        yield families[name]._replace(samples=samples)


def _join(sample: str, found: list[tuple[float, int]]) -> float:
    if sample == ACCURACY:
        weight = sum(weight for _, weight in found)
        return sum(value * weight for value, weight in found if weight) / weight if weight else float("nan")
    values = [value for value, _ in found]
    return min(values) if sample.endswith("_created") else sum(values)


def _lasting(part: Part) -> Part:
    return Part([one for one in part.families if one.kind in LASTING and not one.name.startswith(OF_PROCESS)])


def _parts(file: Path) -> Mapping[str, Part]:
    """What stands in a worker's file; nothing where there is none yet."""
    try:
        found: dict[str, Any] = json.loads(file.read_text())
    except FileNotFoundError:
        return {}
    return {whose: Part([_family(*family) for family in families], weight) for whose, (families, weight) in found.items()}


def _family(name: str, text: str, kind: str, samples: list[list[Any]]) -> Family:
    return Family(name, text, kind, [(sample, labels, value) for sample, labels, value in samples])
