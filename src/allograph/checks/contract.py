"""Laws, and how they are run: a law is a function whose docstring states it, and which raises where it is broken."""

from __future__ import annotations

import gc
import tracemalloc
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from allograph.errors import ContractError
from allograph.progress import Progress

Subject = TypeVar("Subject")


def run_laws(name: str, laws: Sequence[Callable[[Subject], None]], subject: Callable[[], Subject], progress: Progress) -> None:
    """Run every law on a subject made for it; raises `ContractError` for the first that is broken."""
    for done, law in enumerate(laws):
        progress(f"checking {name}", done, len(laws))
        run_law(name, law, subject())
    progress(f"checking {name}", len(laws), len(laws))


def run_law(name: str, law: Callable[[Subject], None], subject: Subject) -> None:
    """Run one law; raises `ContractError` where it is broken, also by an error of the subject's own."""
    promise = (law.__doc__ or law.__name__).strip()
    try:
        law(subject)
    except ContractError as error:
        raise ContractError(f"{name} breaks the law {law.__name__} ({promise}): {error}") from error
    except Exception as error:
        what = f"it raised {type(error).__name__}: {error}; mend that, the traceback above shows where"
        raise ContractError(f"{name} breaks the law {law.__name__} ({promise}): {what}") from error


def require(holds: Any, what: str) -> None:
    """Raise `ContractError` unless it holds; `what` says what was found, and what to do."""
    if not holds:
        raise ContractError(what)


def require_raises(expected: type[Exception], call: Callable[[], object], what: str) -> None:
    """Raise `ContractError` unless the call raises the expected error."""
    try:
        call()
    except expected:
        return
    raise ContractError(f"{what}: it raised nothing; raise {expected.__name__} there")


BUILDS = 3
"""How often a value is built to be measured: what a process keeps once, for whatever reason, is none of the value's."""


def measure_memory(build: Callable[[], object]) -> tuple[object, int]:
    """What `build` returns, and the bytes that the process keeps for it; built once before, so that what is shared counts not."""
    build()
    gc.collect()
    tracing = tracemalloc.is_tracing()
    if not tracing:
        tracemalloc.start()
    try:
        values, taken = list[object](), list[int]()
        for _ in range(BUILDS):
            before = tracemalloc.get_traced_memory()[0]
            values.append(build())
            gc.collect()
            taken.append(tracemalloc.get_traced_memory()[0] - before)
        return values[-1], min(taken)
    finally:
        if not tracing:
            tracemalloc.stop()
