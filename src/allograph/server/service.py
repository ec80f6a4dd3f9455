"""What all routes share, and the caller of a request: its tenant with that tenant's writers, limits and metrics."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Annotated

import numpy as np
from fastapi import Depends, Request
from numpy.typing import NDArray
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException

from allograph.lines import LineInk
from allograph.lines.reader import LineReader
from allograph.profiles.audit import Action, Event
from allograph.profiles.journal import Key, unknown_writer
from allograph.recognizer import Recognizer
from allograph.samples import Sample
from allograph.server.access import Access
from allograph.server.bundle_files import BundleFile, read_bundle_files
from allograph.server.decoding import FramedSamples, SampleDecoder
from allograph.server.fair_pool import FairPool
from allograph.server.incarnation import incarnation_header
from allograph.server.line_worker import LineWorker
from allograph.server.metrics import Metrics, TenantMetrics
from allograph.server.profile_transfer import ProfileTransfer
from allograph.server.reader import Reader
from allograph.server.readiness import Readiness
from allograph.server.requests import LineImage, SampleImage
from allograph.server.settings import Limits, Settings
from allograph.server.shared_metrics import SharedMetrics
from allograph.writers.suggestions import BaseErrors
from allograph.writers.writer import Writer
from allograph.writers.writers import Writers

PARSERS = 1
"""Large bodies that are parsed at a time in the process."""
PATIENCE = 20.0
"""Seconds that a request waits for its turn where work is done for few at a time."""


@dataclass(frozen=True)
class Service:
    """A running service."""

    writers: Writers
    """Of the settings' tenant; others' are `writers.of(tenant)`."""
    settings: Settings
    metrics: Metrics
    reader: Reader
    lines: LineWorker
    access: Access
    readiness: Readiness
    transfer: ProfileTransfer
    shared: SharedMetrics | None = None
    """The metrics of all workers, where this process is one of several."""
    parsing: FairPool = field(default_factory=lambda: FairPool(PARSERS, PATIENCE, "allograph-bodies"))
    """Parses and validates large bodies."""
    decoder: SampleDecoder = field(default_factory=lambda: SampleDecoder(PATIENCE))
    """Decodes pictures and draws ink, of samples and of lines."""

    @cached_property
    def base_errors(self) -> BaseErrors:
        """How often the base classifier misreads each label."""
        return BaseErrors.of(self.writers.pipeline.recognizer.bundle)

    @cached_property
    def bundle_files(self) -> dict[str, BundleFile]:
        """The bundle's files for devices, by name."""
        return read_bundle_files(self.writers.pipeline.recognizer.bundle)


@dataclass(frozen=True)
class Caller:
    """The tenant of a request, and all that is theirs."""

    tenant: str
    service: Service
    actor: str = "anybody"
    """As the audit log names who acts."""

    @property
    def writers(self) -> Writers:
        """The tenant's writers."""
        return self.service.writers.of(self.tenant)

    @property
    def recognizer(self) -> Recognizer:
        """What reads for everybody."""
        return self.service.writers.pipeline.recognizer

    @property
    def limits(self) -> Limits:
        """What a request may ask for."""
        return self.service.settings.limits

    @property
    def metrics(self) -> TenantMetrics:
        """The tenant's numbers."""
        return self.service.metrics.of(self.tenant)

    def check_rate(self, samples: int) -> None:
        """Let the tenant pay for a request's samples, before any work is done; raises `Refused` with 429 where it cannot."""
        if samples > 1:
            self.service.access.check_rate(self.tenant, samples - 1, again=1)  # the middleware took one

    async def samples(
        self, pictures: Sequence[SampleImage], context: Sequence[SampleImage] = ()
    ) -> tuple[FramedSamples, NDArray[np.uint8] | list[Sample] | None]:
        """The samples of a request, and those of its context, None where it has none; raises as `SampleDecoder.samples` does."""
        count, beside = len(pictures), len(context)
        names = [f"sample {i}" for i in range(count)] + [f"sample {i} of the context" for i in range(beside)]
        recognizer, limits = self.recognizer, self.limits
        found = await self.service.decoder.samples(self.tenant, [*pictures, *context], names, recognizer.frame, limits)
        return found, found.at(range(count, count + beside)) if beside else None

    async def line(self, line: LineImage) -> LineInk:
        """The ink of a request's line, which costs as much as its pieces would as samples; raises as `SampleDecoder.line` does.

        Raises `MismatchError` where the model reads no lines, `Refused` with 429 where the tenant cannot pay.
        """
        await in_thread(LineReader.of, self.recognizer)
        ink = await self.service.decoder.line(self.tenant, line, self.limits)
        self.check_rate(len(ink.pieces))
        return ink

    def note(self, action: Action, name: str) -> None:
        """Keep in the audit log what the caller does with a writer."""
        self.writers.store.audit.add(Event(self.actor, self.tenant, action, name))

    def writer(self, name: str, incarnation: str | None = None) -> tuple[Writer, dict[str, str]]:
        """A writer that has a profile, and the header that names it.

        Raises `UnknownWriter` for any other, other tenants' among them, and `ErasedWriter` where another profile is meant.
        """
        headers = self.incarnation_header(name, incarnation)
        if not headers:
            raise unknown_writer(Key(self.tenant, name))
        return self.writers[name].only(incarnation), headers

    def incarnation_header(self, name: str, incarnation: str | None = None) -> dict[str, str]:
        """The header that names a writer's profile, empty where there is none; raises `ErasedWriter` where another is meant."""
        key = Key(self.tenant, name)
        return incarnation_header(key, self.writers.store.versions([key])[0], incarnation)

    def check_room(self, name: str, incarnation: str | None = None) -> dict[str, str]:
        """The same for somebody who is to be taught; raises a conflict where they have no profile and no more may begin."""
        headers = self.incarnation_header(name, incarnation)
        if not headers and len(self.writers) >= self.limits.writers:
            raise HTTPException(409, f"the tenant has {self.limits.writers} writers, as many as it may; erase one first")
        return headers


async def caller(request: Request) -> Caller:
    """The caller of a request, whose tenant the middleware has looked up."""
    return Caller(request.scope["allograph.tenant"], request.app.state.service, request.scope["allograph.actor"])


async def service(request: Request) -> Service:
    """The service itself."""
    state: Service = request.app.state.service
    return state


CallerDependency = Annotated[Caller, Depends(caller)]
ServiceDependency = Annotated[Service, Depends(service)]
in_thread = run_in_threadpool
