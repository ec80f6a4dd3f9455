"""What Prometheus is told: of this process, and of one tenant's readings and corrections."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    generate_latest,
)
from prometheus_client.core import CounterMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

CONTENT_TYPE = CONTENT_TYPE_LATEST
ACCURACY = "allograph_rolling_accuracy"
ROLLING = 1000
"""Corrections over which the rolling accuracy goes."""
SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
IMAGES = (1, 2, 4, 8, 16, 32, 64, 128, 256)


class TenantMetrics:
    """One tenant's numbers, that no other tenant sees."""

    def __init__(self, warm: Callable[[], float]) -> None:
        self.registry = CollectorRegistry()
        self.readings = Counter("allograph_readings", "Samples read.", registry=self.registry)
        self.lines = Counter("allograph_lines", "Lines read.", registry=self.registry)
        corrections = Counter(
            "allograph_corrections", "Corrections learned, the characters of lines among them.", ["kind"], registry=self.registry
        )
        self._given, self._implicit = corrections.labels("given"), corrections.labels("implicit")
        self._window: deque[tuple[bool, bool]] = deque(maxlen=ROLLING)
        accuracy = Gauge(
            ACCURACY,
            f"Share of the last {ROLLING} corrected samples that was read right before they were learned; NaN without any.",
            ["reader"],
            registry=self.registry,
        )
        for place, reader in enumerate(("base", "personal")):
            accuracy.labels(reader).set_function(lambda place=place: self._share(place))  # type: ignore[misc]
        Gauge("allograph_warm_writers", "The tenant's writers in this process's memory.", registry=self.registry).set_function(
            warm
        )

    def corrected(self, base: bool, personal: bool, implicit: bool) -> None:
        """Count a correction, and whether the base and the personal answer had been right."""
        (self._implicit if implicit else self._given).inc()
        self._window.append((base, personal))

    @property
    def weight(self) -> int:
        """Over how many corrections the rolling accuracy goes."""
        return len(self._window)

    def _share(self, place: int) -> float:
        return sum(right[place] for right in self._window) / len(self._window) if self._window else float("nan")


class _Lost(Collector):
    """Counts lines of the log that could not be written."""

    def __init__(self, lost: Callable[[], int]) -> None:
        self._lost = lost

    def collect(self) -> Iterable[Metric]:
        """The count now."""
        yield CounterMetricFamily("allograph_log_lost", "Lines of the log that could not be written.", self._lost())


class Metrics:
    """This process's numbers, in a registry of its own. `warm` counts a tenant's writers in memory."""

    def __init__(self, warm: Callable[[str], float]) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self._requests = Counter(
            "allograph_requests", "Requests answered.", ["method", "route", "status"], registry=self.registry
        )
        self._seconds = Histogram(
            "allograph_request_seconds", "Time to answer.", ["route"], buckets=SECONDS, registry=self.registry
        )
        self.batches = Histogram(
            "allograph_batch_images", "Samples in a call of the model.", buckets=IMAGES, registry=self.registry
        )
        self._children: dict[tuple[str, str, int], tuple[Counter, Histogram]] = {}
        self._tenants: dict[str, TenantMetrics] = {}
        self._warm = warm
        self.changes = 0
        """Requests answered so far: numbers change with nothing else."""

    def watch_log(self, lost: Callable[[], int]) -> None:
        """Tell how many lines of the log were lost, as `lost` counts them."""
        self.registry.register(_Lost(lost))

    def answered(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count a request."""
        key = (method, route, status)
        if key not in self._children:
            self._children[key] = (self._requests.labels(method, route, str(status)), self._seconds.labels(route))
        count, time = self._children[key]
        count.inc()
        time.observe(seconds)
        self.changes += 1

    def of(self, tenant: str) -> TenantMetrics:
        """A tenant's numbers; there are as many tenants as keys name."""
        if tenant not in self._tenants:
            self._tenants[tenant] = TenantMetrics(lambda: self._warm(tenant))
        return self._tenants[tenant]

    @property
    def tenants(self) -> list[str]:
        """The names of the tenants' registries."""
        return [f"tenant {tenant}" for tenant in self._tenants]

    def registry_of(self, whose: str) -> tuple[CollectorRegistry, int]:
        """The registry of that name, the process's where there is none, and over how many corrections its accuracy goes."""
        if not whose:
            return self.registry, 0
        found = self.of(whose.removeprefix("tenant "))
        return found.registry, found.weight

    def text(self, tenant: str) -> bytes:
        """The process's numbers and this tenant's, as Prometheus reads them."""
        registries: Iterable[CollectorRegistry] = (self.registry, self.of(tenant).registry)
        return b"".join(map(generate_latest, registries))
