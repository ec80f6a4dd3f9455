"""The methods of an evaluation: adapters, or names of adapters."""

from __future__ import annotations

import pickle
import sys
from collections.abc import Mapping, Sequence

from allograph.adapters import Adapter, best, build, names
from allograph.adapters.allograph import Allograph
from allograph.bundle import Bundle
from allograph.errors import AllographError, InputError, MethodError
from allograph.evaluation.protocols.replay import method_error

Methods = str | Adapter | Sequence[str | Adapter] | Mapping[str, Adapter]
"""One name or adapter, several, or adapters under names of one's own."""
ALL = "all"
"""The name that stands for every adapter that can be built for the bundle."""
SIZES = ("allograph-size", "memory+size")
"""What size gives, where samples have boxes: the default without it, and a rival with it."""


def build_methods(methods: Methods, bundle: Bundle) -> tuple[dict[str, Adapter], dict[str, str]]:
    """The adapters by name, the bundle's best one where none is asked for; and what `all` leaves out, with the reason.

    Raises `InputError` where two adapters have one name, and what building raises where a method was asked for by its name or
    where none can be built.
    """
    if isinstance(methods, Mapping):
        return dict(methods), {}
    several = _several(methods)
    adapters: dict[str, Adapter] = {}
    for one in several or [best(bundle)]:
        if isinstance(one, str):
            if one != ALL and one not in adapters:
                adapters[one] = _build(one, bundle)
        elif adapters.setdefault(one.name, one) is not one:
            raise InputError(f"two methods have the name {one.name!r}; give them names of their own: {{name: adapter, …}}")
    failures = _build_all(names() if ALL in several else (), adapters, bundle)
    if not adapters:
        raise next(iter(failures.values()))
    return adapters, {name: str(error) for name, error in failures.items()}


def add_sizes(adapters: dict[str, Adapter], left_out: dict[str, str], methods: Methods, bundle: Bundle) -> None:
    """Add the adapters of `SIZES` where `methods` is `all`, or nothing and the best is the default.

    Those that cannot be built are noted in `left_out`, with the reason.
    """
    several = _several(methods)
    if ALL in several or (not several and best(bundle) == Allograph.name):
        left_out |= {name: str(error) for name, error in _build_all(SIZES, adapters, bundle).items()}


def check_sendable(adapters: Mapping[str, Adapter]) -> None:
    """Raise `MethodError` where an adapter cannot be sent to another process."""
    for name, adapter in adapters.items():
        if type(adapter).__module__ == "__main__" and not hasattr(sys.modules["__main__"], "__file__"):
            raise MethodError(
                f"the method {name} cannot be sent to another process: its class is defined in an interactive session; "
                "define it in a module, or use one job"
            )
        try:
            pickle.dumps(adapter)
        except Exception as error:  # whatever an adapter's parts raise
            raise method_error(name, "cannot be sent to another process (use --jobs 1)", error) from error


def _several(methods: Methods) -> Sequence[str | Adapter]:
    if isinstance(methods, Mapping):
        return list(methods.values())
    return methods if isinstance(methods, list | tuple) else [methods]  # type: ignore[list-item]


def _build_all(several: Sequence[str], adapters: dict[str, Adapter], bundle: Bundle) -> dict[str, AllographError]:
    """Build those that `adapters` lacks into it; returns why those that failed did."""
    failures = {}
    for name in several:
        try:
            adapters[name] = adapters.get(name) or _build(name, bundle)
        except AllographError as error:
            failures[name] = error
    return failures


def _build(name: str, bundle: Bundle) -> Adapter:
    try:
        return build(name, bundle)
    except AllographError:
        raise
    except Exception as error:  # another package's code: it may fail in any way
        raise method_error(name, "could not be built", error) from error
