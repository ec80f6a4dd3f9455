"""The files of the served bundle that reading elsewhere needs: what the model and the adapter are made of."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from allograph.bundle import Bundle
from allograph.bundle.folder import CONFIG, MODEL, STATISTICS
from allograph.errors import StorageError


@dataclass(frozen=True)
class BundleFile:
    """One file, held in memory."""

    name: str
    content: bytes
    sha256: str


def read_bundle_files(bundle: Bundle) -> dict[str, BundleFile]:
    """The files by name, those that the bundle has; raises `StorageError` where they are not those that are served any more."""
    try:
        contents = {name: (bundle.path / name).read_bytes() for name in (CONFIG, MODEL, STATISTICS) if _is_part(bundle, name)}
    except OSError as error:
        raise StorageError(f"{bundle.path} cannot be read any more ({error.strerror}); start the service anew") from error
    files = {name: BundleFile(name, content, hashlib.sha256(content).hexdigest()) for name, content in contents.items()}
    if files[MODEL].sha256 != bundle.model_hash:
        raise StorageError(f"{bundle.path} was exchanged while it is served; start the service anew")
    return files


def _is_part(bundle: Bundle, name: str) -> bool:
    return name != STATISTICS or bool(bundle.statistics)
