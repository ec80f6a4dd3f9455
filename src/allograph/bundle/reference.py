"""Which bundle is meant: what is sent to workers, who open it where they are."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from allograph.bundle.folder import Bundle
from allograph.errors import WorkerError
from allograph.execution import worker_name


@dataclass(frozen=True)
class BundleReference:
    """A bundle by its place and content."""

    path: Path
    model_hash: str
    content_hash: str

    @classmethod
    def of(cls, bundle: Bundle) -> BundleReference:
        """What is meant by this bundle."""
        return cls(bundle.path.absolute(), bundle.model_hash, bundle.content_hash)

    def open(self) -> Bundle:
        """Open it; raises `WorkerError`, which names the worker, where another one stands there, and what `Bundle.open` does."""
        bundle = Bundle.open(self.path)
        if bundle.content_hash != self.content_hash:
            models = f"with the model {bundle.model_hash[:12]}…, not {self.model_hash[:12]}…"
            if bundle.model_hash == self.model_hash:
                models = "with other statistics or settings"
            raise WorkerError(
                f"the worker {worker_name()} has another bundle at {self.path}, {models}; copy the one that is meant"
            )
        return bundle
