"""Every error that allograph raises on purpose: what was wrong, and what to do."""

from __future__ import annotations

import errno


class AllographError(Exception):
    """The ancestor of all of allograph's own errors; `exit_status` is what the command line ends with."""

    exit_status = 1


class InputError(AllographError, ValueError):
    """Something handed in cannot be used: the message names it and says what would do."""

    exit_status = 2


class FormatError(InputError):
    """A file is truncated, foreign, damaged, or of another format version."""


class ImageError(InputError):
    """An image has the wrong shape or type, holds NaN, or shows no ink."""


class UnknownLabel(InputError):  # noqa: N818  (DESIGN.md names it so)
    """A label that the bundle's alphabet, or the alphabet offered with the reading, does not hold.

    `teachable` is the label where the writer could be taught it as a new one, which each front says in its own words, else None.
    """

    def __init__(self, message: str, teachable: str | None = None) -> None:
        super().__init__(message)
        self.teachable = teachable


class MismatchError(InputError):
    """Two things that must agree do not: the frame, the embedding size, the model."""


class UnknownCorrection(InputError):  # noqa: N818
    """An id that no correction of the writer has."""


class UnknownWriter(InputError):  # noqa: N818
    """A name under which nothing is stored."""


class ErasedWriter(InputError):  # noqa: N818
    """The profile that was meant is gone, or its name is another one's by now: what is kept of it elsewhere is to go too."""


class TooManyWriters(InputError):  # noqa: N818
    """A tenant has as many writers as it may."""


class QuotaError(InputError):
    """A tenant has as much of something as its quota allows: nothing was stored."""


class MissingExtraError(AllographError, ImportError):
    """A library of an optional extra is needed and not installed."""

    exit_status = 2


class StorageError(AllographError, OSError):
    """The disk is full, a file cannot be written, or a store does not answer as it should.

    The message is for whoever runs the store: it may name the file or the host, never what is stored.
    """


class BusyError(StorageError):
    """Too much waits, or a writer's corrections are still being learned; the message is for whoever asked, who may ask again."""


class ServiceError(AllographError):
    """A service over HTTP did not answer, or not as it should; `status` is the answer's, None where none came."""

    def __init__(self, message: str, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status


class WorkerError(AllographError):
    """A worker process died."""


class MethodError(AllographError):
    """A method, perhaps of another package, failed or answered what is no answer; the message names the method."""


class ContractError(AllographError, AssertionError):
    """An adapter, store or recognizer breaks a law of `allograph.checks`; the message says which, with what, and what to do."""


_FULL = {
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "the disk quota is used up",
    errno.EFBIG: "the file size limit is reached",
}


def storage_error(error: OSError, path: object) -> StorageError:
    """Say which file could not be written, why, and that nothing was lost."""
    reason = _FULL.get(error.errno or 0, error.strerror or str(error))
    return StorageError(
        f"cannot write {path}: {reason}. What stood there before is unchanged; free some space or choose another place."
    )


def missing_extra(library: str, extra: str) -> MissingExtraError:
    """Say which extra to install.

    >>> print(missing_extra("torch", "train"))
    torch is not installed; it comes with: pip install "allograph[train]"
    """
    return MissingExtraError(f'{library} is not installed; it comes with: pip install "allograph[{extra}]"')


def over_quota(what: str) -> QuotaError:
    """Say what a tenant has as much of as it may, and what to do."""
    return QuotaError(
        f"the tenant may have no more {what}: that is its quota, and nothing was stored; "
        "take something back, erase a writer, or have the quota raised (allograph tenants limit)"
    )
