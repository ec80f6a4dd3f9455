"""What tests need and may lack: data, torch, PostgreSQL, Chromium, node, what services are deployed with.

A lack is a skip, or a failure where it is required.
"""

from __future__ import annotations

import gc
import importlib.util
import os
import secrets
import shutil
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

import allograph

if TYPE_CHECKING:
    from playwright.sync_api import Browser

REQUIRED = set(filter(None, os.environ.get("ALLOGRAPH_REQUIRE", "").split(",")))
SHARED = Path(__file__).parent.parent.parent / "shared"

settings.register_profile("untimed", deadline=None)  # how long an example takes says nothing on a machine that others use too
settings.load_profile("untimed")

collect_ignore = [] if importlib.util.find_spec("moto") else ["test_object_store.py"]  # make test-s3


def pytest_configure() -> None:
    """Make sure that the package under test is the one that is meant: `ALLOGRAPH_TESTED` names a folder that it lies in."""
    meant = os.environ.get("ALLOGRAPH_TESTED")
    if meant and not Path(allograph.__file__).is_relative_to(meant):
        pytest.exit(f"{allograph.__file__} is tested, and not what lies in {meant}", returncode=2)


@pytest.hookimpl(trylast=True)
def pytest_collection_finish() -> None:
    """Keep the garbage collector away from the collected tests, which stay.

    Looking through them takes half a second, and several hundred tests ask for it again and again.
    """
    gc.collect()
    gc.freeze()


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


@pytest.fixture(scope="session")
def postgres() -> str:
    """The address of a PostgreSQL database in which tests make and drop schemas of their own."""
    import sqlalchemy as sa

    url = os.environ.get("ALLOGRAPH_POSTGRES", "postgresql+psycopg://postgres@127.0.0.1:5432/test")
    if importlib.util.find_spec("psycopg") is None:
        lacking("postgres", "psycopg is not installed")
    try:
        with sa.create_engine(url, connect_args={"connect_timeout": 3}).connect():
            return url
    except sa.exc.OperationalError:
        lacking("postgres", "no PostgreSQL answers on 127.0.0.1:5432 (ALLOGRAPH_POSTGRES names another)")
        raise


@pytest.fixture
def schema(postgres: str) -> Generator[str]:
    """The address of an empty schema in it, dropped afterwards."""
    import sqlalchemy as sa

    name = f"allograph_test_{secrets.token_hex(6)}"
    engine = sa.create_engine(postgres, poolclass=sa.NullPool)
    with engine.begin() as connection:
        connection.execute(sa.text(f"CREATE SCHEMA {name}"))
    yield f"{postgres}?options=-csearch_path%3D{name}"
    with engine.begin() as connection:
        connection.execute(sa.text(f"DROP SCHEMA {name} CASCADE"))


@pytest.fixture(params=["memory", "sqlite", "postgres"])
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where a store of each kind goes, empty."""
    if request.param == "memory":
        return "memory:"
    return str(tmp_path / "writers.db") if request.param == "sqlite" else str(request.getfixturevalue("schema"))


@pytest.fixture(params=["sqlite", "postgres"])
def lasting_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The same, of the kinds that last."""
    return str(tmp_path / "writers.db") if request.param == "sqlite" else str(request.getfixturevalue("schema"))


def program(name: str, package: str) -> str:
    """Where a program is, that Debian has in this package; those for administrators are not on everybody's PATH."""
    path = shutil.which(name) or shutil.which(name, path="/usr/sbin:/sbin")
    if path is None:
        lacking(name, f"there is no {name} on this machine (Debian's package {package})")
    assert path
    return path


@pytest.fixture(scope="session")
def nginx() -> str:
    """nginx, for tests of deploy/."""
    program("openssl", "openssl")  # for its certificate
    return program("nginx", "nginx-light")


@pytest.fixture(scope="session")
def promtool() -> str:
    """What checks rules of Prometheus."""
    return program("promtool", "prometheus")


@pytest.fixture(scope="session")
def prometheus() -> str:
    """Prometheus itself."""
    return program("prometheus", "prometheus")


@pytest.fixture(scope="session")
def systemd_analyze() -> str:
    """What checks systemd's units."""
    program("curl", "curl")  # which the units call
    return program("systemd-analyze", "systemd")


@pytest.fixture(scope="module")  # its event loop runs as long as it does: no test may need one of its own meanwhile
def browser() -> Iterator[Browser]:
    """Chromium, for tests of the page."""
    from handwriting import chromium_path, launched

    if chromium_path() is None:
        lacking("chromium", "there is no Chromium on this machine ($CHROMIUM, or chromium on PATH)")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = launched(playwright)
        yield browser
        browser.close()
