"""What the operator of a service decides."""

from __future__ import annotations

from dataclasses import dataclass, field

MIB = 2**20


@dataclass(frozen=True)
class Limits:
    """What one request, and one tenant, may ask for."""

    body: int = 8 * MIB
    """Bytes in a body; 413 beyond."""
    profile: int = 256 * MIB
    """Bytes in an imported profile; 413 beyond."""
    images: int = 256
    """Samples in a request; 422 beyond."""
    pixels: int = 16 * MIB
    """Pixels in all pictures of a request together, counted before any is decoded; 422 beyond."""
    points: int = 20_000
    """Points in all strokes of a request together; 422 beyond."""
    writers: int = 1_000_000
    """Writers of a tenant; one more is refused with 409."""
    rate: float = 500.0
    """Samples a second of a tenant, a request without any counting as one; 429 beyond."""
    waiting: int = 4096
    """Samples of a tenant that wait for the model; 503 beyond."""

    @property
    def burst(self) -> float:
        """Samples that a tenant may send at once, after a pause: those of two seconds."""
        return burst_of(self.rate)


def burst_of(rate: float) -> float:
    """Samples that may be sent at once, after a pause, at so many a second."""
    return max(2 * rate, 2.0)


@dataclass(frozen=True)
class Settings:
    """How a service behaves."""

    tenant: str = "default"
    """Whose the writers are while the store holds no keys."""
    loopback: bool = True
    """Whether the service listens to this machine only: without keys it then serves, else it refuses."""
    limits: Limits = field(default_factory=Limits)
    migrate: bool = False
    """Whether to bring profiles of another model over to this one's, in the background, once the service runs."""
    key_seconds: float = 2.0
    """How long a key that was found is not looked up again: so long may a revoked one still work."""
    worker: str | None = None
    """The name of this one of the processes that share the service's port."""
    shared: str | None = None
    """The folder in which they share their numbers and tenants' rates."""
    traces: str | None = None
    """The address of a collector of OpenTelemetry's traces (OTLP over HTTP); none are made without one."""
    refresh_seconds: float = 1.0
    """How often what other processes took back or erased leaves this one's memory."""
