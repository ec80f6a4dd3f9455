"""What tests need and may lack: the shared data, torch. A lack is a skip with a reason, or a failure where it is required."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Generator
from pathlib import Path

import pytest

REQUIRED = set(filter(None, os.environ.get("ALLOGRAPH_REQUIRE", "").split(",")))
SHARED = Path(__file__).parent.parent.parent / "shared"


def lacking(what: str, reason: str) -> None:
    """Skip, or fail where `ALLOGRAPH_REQUIRE` names `what`."""
    if what in REQUIRED:
        pytest.fail(f"ALLOGRAPH_REQUIRE names {what}, and {reason}")
    pytest.skip(reason)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Where something is required, as in CI, a skip is a failure."""
    report = yield
    if REQUIRED and report.skipped:
        report.outcome = "failed"
        report.longrepr = f"skipped, which is a failure where ALLOGRAPH_REQUIRE is set: {report.longrepr}"
    return report


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real handwriting and golden answers."""
    if not (SHARED / "data" / "unipen.npz").exists():
        lacking("shared", "the shared data is not on this machine (../shared)")
    return SHARED


@pytest.fixture(scope="session")
def torch_installed() -> None:
    """For tests that train."""
    if importlib.util.find_spec("torch") is None:
        lacking("torch", "torch is not installed (make test-all installs it)")
