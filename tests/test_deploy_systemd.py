"""systemd's units as deploy/systemd has them, by systemd's own checks."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

from allograph.profiles import open_store
from allograph.server.run import END
from conftest import program
from deployed import DEPLOY, free_ports
from served import ok
from small import environment

UNITS = sorted((DEPLOY / "systemd").glob("*.service")) + sorted((DEPLOY / "systemd").glob("*.timer"))
SERVICES = [unit for unit in UNITS if unit.suffix == ".service"]
INSTALLED = "/opt/allograph/bin/"
EXPOSED = 2.0
"""The most that `systemd-analyze security` may find, of 10; a unit that says nothing has 9.6."""


@pytest.fixture
def installed(tmp_path: Path) -> list[Path]:
    """The units, with the commands of this environment in place of an installation's."""
    copies = [tmp_path / unit.name for unit in UNITS]
    for unit, copy in zip(UNITS, copies, strict=True):
        copy.write_text(unit.read_text(encoding="utf-8").replace(INSTALLED, f"{Path(sys.executable).parent}/"), encoding="utf-8")
    return copies


def section(unit: Path, name: str) -> list[tuple[str, str]]:
    """The settings of a section, in order; a name may come more than once."""
    text = unit.read_text(encoding="utf-8").partition(f"[{name}]\n")[2].partition("\n[")[0]
    lines = [line.partition("=") for line in text.splitlines() if line and not line.startswith("#")]
    return [(setting, value) for setting, _, value in lines]


def analyze(systemd_analyze: str, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([systemd_analyze, "--no-pager", *map(str, arguments)], capture_output=True, text=True, check=False)


def test_systemd_takes_the_units_without_a_complaint(systemd_analyze: str, installed: list[Path]) -> None:
    done = analyze(systemd_analyze, "verify", *installed)
    complaints = [line for line in done.stderr.splitlines() if installed[0].parent.name in line or "allograph" in line]
    assert (done.returncode, complaints) == (0, []), done.stderr


def test_the_check_finds_what_is_wrong(systemd_analyze: str, installed: list[Path]) -> None:
    (service,) = [unit for unit in installed if "@" in unit.name]
    service.write_text(service.read_text().replace(f"{Path(sys.executable).parent}/allograph", "/nowhere/allograph"))
    done = analyze(systemd_analyze, "verify", service)
    assert done.returncode != 0
    assert "/nowhere/allograph" in done.stderr


@pytest.mark.parametrize("unit", SERVICES, ids=lambda unit: unit.name)
def test_services_may_do_little(systemd_analyze: str, unit: Path) -> None:
    done = analyze(systemd_analyze, "security", "--offline=true", f"--threshold={round(EXPOSED * 10)}", unit)
    assert done.returncode == 0, done.stdout
    bare = unit.read_text(encoding="utf-8").partition("UMask=")[0]
    assert "User=allograph\n" in bare


def commands(unit: Path, setting: str, folder: Path, **variables: str) -> list[list[str]]:
    """The commands of a unit as systemd would call them, with this environment's programs and a folder of the test's own."""
    found = []
    for _, line in [one for one in section(unit, "Service") if one[0] == setting]:
        words = []
        for word in shlex.split(line):
            if word.startswith("$") and not word.startswith("${"):  # systemd splits those at spaces
                words += variables[word[1:]].split()
                continue
            for name, value in variables.items():
                word = word.replace(f"${{{name}}}", value)
            words.append(word.replace("%i", variables.get("i", "")).replace("%%", "%").replace("/var/lib", str(folder)))
        words[0] = words[0].replace(INSTALLED, f"{Path(sys.executable).parent}/")
        found.append([word.replace(INSTALLED, f"{Path(sys.executable).parent}/") for word in words])
    return found


@pytest.mark.slow
def test_the_commands_of_the_service_start_it_and_wait_until_it_serves(systemd_analyze: str, tmp_path: Path) -> None:
    (unit,) = [unit for unit in SERVICES if "@" in unit.name]
    (port,) = free_ports(1)
    variables = {"i": str(port), "ALLOGRAPH_STORE": str(tmp_path / "a store.db"), "ALLOGRAPH_OPTIONS": "--log-level warning"}
    (start,) = commands(unit, "ExecStart", tmp_path, **variables)
    (wait,) = commands(unit, "ExecStartPost", tmp_path, **variables)
    with subprocess.Popen(start, env=environment(), stderr=subprocess.DEVNULL) as service:
        try:
            subprocess.run(wait, check=True, timeout=90)
            with httpx.Client(base_url=f"http://127.0.0.1:{port}") as http:
                ok(http.get("/v1/ready"))
        finally:
            service.terminate()
        assert service.wait(60) == 0
    assert (tmp_path / "a store.db").exists()


@pytest.mark.slow
def test_the_commands_of_the_backup_write_one_and_delete_old_ones(tmp_path: Path) -> None:
    (unit,) = [unit for unit in SERVICES if "backup" in unit.name]
    path = tmp_path / "allograph.db"
    store = open_store(path)
    store.keys.add("app", "acme")
    store.close()
    folder = tmp_path / "allograph-backups"
    folder.mkdir()
    old, recent, other = folder / "old.backup", folder / "recent.backup", folder / "note.txt"
    for file, days in ((old, 32), (recent, 28), (other, 100)):
        file.touch()
        then = time.time() - days * 86_400
        os.utime(file, (then, then))
    (delete,) = commands(unit, "ExecStartPre", tmp_path)  # first, so that it is done where the backup fails
    (backup,) = commands(unit, "ExecStart", tmp_path)
    subprocess.run(delete, check=True)
    assert not old.exists()
    subprocess.run(backup, check=True, env={**environment(), "ALLOGRAPH_STORE": str(path)}, capture_output=True)
    (written,) = set(folder.iterdir()) - {recent, other}
    assert written.stat().st_size > 0
    assert written.stat().st_mode & 0o077 == 0


def test_a_service_has_more_time_to_stop_than_it_takes() -> None:
    (service,) = [unit for unit in SERVICES if "@" in unit.name]
    assert int(dict(section(service, "Service"))["TimeoutStopSec"]) > END + 2


def test_the_timer_comes_every_night(systemd_analyze: str) -> None:
    (timer,) = [unit for unit in UNITS if unit.suffix == ".timer"]
    done = analyze(systemd_analyze, "calendar", "--iterations=2", dict(section(timer, "Timer"))["OnCalendar"])
    assert done.returncode == 0, done.stderr
    assert len(re.findall(r"03:00:00", done.stdout)) >= 2


def test_its_user_is_made_by_systemd(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    sysusers = DEPLOY / "systemd" / "allograph.sysusers.conf"
    done = subprocess.run(
        [program("systemd-sysusers", "systemd"), f"--root={tmp_path}", sysusers], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert re.search(r"^allograph:.*:/var/lib/allograph:", (tmp_path / "etc" / "passwd").read_text(), flags=re.MULTILINE)
    for unit in SERVICES:
        assert dict(section(unit, "Service"))["User"] == "allograph"
