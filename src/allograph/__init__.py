"""Personalise a handwriting-character recognizer to each writer, from the writer's own corrections."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy  # noqa: F401  (the one large library that every use needs)

if TYPE_CHECKING:
    from allograph.bundle import Bundle
    from allograph.errors import (
        AllographError,
        BusyError,
        ContractError,
        ErasedWriter,
        FormatError,
        ImageError,
        InputError,
        MethodError,
        MismatchError,
        MissingExtraError,
        QuotaError,
        ServiceError,
        StorageError,
        TooManyWriters,
        UnknownCorrection,
        UnknownLabel,
        UnknownWriter,
        WorkerError,
    )
    from allograph.estimator import WriterAdaptiveClassifier as WriterAdaptiveClassifier
    from allograph.lines import LineInk
    from allograph.profiles import open_store
    from allograph.recognizer import Recognizer
    from allograph.samples import Box, Sample
    from allograph.writers import Writer, Writers

__version__ = "0.1.0"
# what needs no extra; `from allograph import *` always works
__all__ = [
    "AllographError",
    "Box",
    "Bundle",
    "BusyError",
    "ContractError",
    "ErasedWriter",
    "FormatError",
    "ImageError",
    "InputError",
    "LineInk",
    "MethodError",
    "MismatchError",
    "MissingExtraError",
    "QuotaError",
    "Recognizer",
    "Sample",
    "ServiceError",
    "StorageError",
    "TooManyWriters",
    "UnknownCorrection",
    "UnknownLabel",
    "UnknownWriter",
    "WorkerError",
    "Writer",
    "Writers",
    "__version__",
    "open_store",
]

_MODULES = {
    "Box": "samples",
    "Bundle": "bundle",
    "LineInk": "lines",
    "Recognizer": "recognizer",
    "Sample": "samples",
    "Writer": "writers",
    "WriterAdaptiveClassifier": "estimator",
    "Writers": "writers",
    "open_store": "profiles",
}
"""The module of each public name; a name of `__all__` that is not here is an error, of `errors`."""


def __getattr__(name: str) -> Any:
    """Load a public name when it is first used, so that `import allograph` stays quick."""
    if name in _MODULES or name in __all__:
        return getattr(import_module(f"allograph.{_MODULES.get(name, 'errors')}"), name)
    raise AttributeError(f"module 'allograph' has no attribute {name!r}")


def __dir__() -> list[str]:
    """List every public name, those that are not loaded yet too."""
    return sorted({*__all__, *_MODULES})
