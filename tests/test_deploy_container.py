"""The image and compose.yaml as deploy/ has them: no container runtime is needed, for what they run is run here."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from allograph.server.run import END
from deployed import DEPLOY, free_ports, replaced
from served import ok

ROOT = DEPLOY.parent
CONTAINERFILE = DEPLOY / "Containerfile"
COMPOSE = DEPLOY / "compose.yaml"
REPLICAS = ("allograph-1", "allograph-2")


def instructions() -> Iterator[tuple[str, str]]:
    """The lines of the Containerfile: what to do, and the rest."""
    for line in CONTAINERFILE.read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            name, _, rest = line.partition(" ")
            yield name, rest


def last(name: str) -> str:
    """The rest of the last such instruction."""
    return [rest for found, rest in instructions() if found == name][-1]


def services() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(COMPOSE.read_text(encoding="utf-8"))["services"]
    return found


def clean(folder: Path) -> dict[str, str]:
    """An environment in which Python finds nothing of this repository."""
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "VIRTUAL_ENV", "COVERAGE", "COV_"))
    }
    return {**kept, "HOME": str(folder)}


def built(folder: Path) -> Path:
    """Follow the instructions of the build in this folder; tells the environment's programs."""
    source, wheel, environment = folder / "src", folder / "wheel", folder / "opt"
    source.mkdir()
    subprocess.run([sys.executable, "-m", "venv", folder / "python"], check=True)
    (build,) = [part for part in CONTAINERFILE.read_text(encoding="utf-8").split("\nFROM ") if "AS build" in part]
    for line in build.splitlines():
        name, _, rest = line.partition(" ")
        if name == "COPY":
            *origins, target = rest.split()
            for origin in origins:
                place = source / target
                if (ROOT / origin).is_dir():
                    shutil.copytree(ROOT / origin, place, ignore=shutil.ignore_patterns("__pycache__"))
                else:
                    shutil.copy(ROOT / origin, place)
        elif name == "RUN":
            command = rest.replace("/opt/allograph", str(environment)).replace("/wheel", str(wheel))
            command = re.sub(r"^python ", f"{folder / 'python' / 'bin' / 'python'} ", command)
            done = subprocess.run(
                ["/bin/sh", "-ec", command], cwd=source, env=clean(folder), capture_output=True, text=True, check=False
            )
            assert done.returncode == 0, f"{rest}\n{done.stdout}\n{done.stderr}"
    return environment / "bin"


@pytest.mark.slow
def test_what_the_image_installs_is_locked_and_serves_as_it_is_started(tmp_path: Path) -> None:
    programs = built(tmp_path)
    listed = subprocess.run(
        [programs / "python", "-m", "pip", "freeze", "--exclude", "allograph"], capture_output=True, text=True, check=True
    )
    locks = [(ROOT / "requirements" / name).read_text() for name in ("demo.txt", "test.txt")]
    assert set(listed.stdout.split()) <= set("\n".join(locks).split())

    home = tmp_path / "home"
    home.mkdir()
    (port,) = free_ports(1)
    entry = [str(programs / json.loads(last("ENTRYPOINT"))[0])]
    start = [word.replace("/var/lib/allograph", str(home)) for word in json.loads(last("CMD"))]
    start[start.index("8000")] = str(port)
    refused = subprocess.run([*entry, *start], cwd=home, env=clean(home), capture_output=True, text=True, timeout=60, check=False)
    assert refused.returncode == 2
    assert "allograph keys add" in refused.stderr
    made = [*entry, "keys", "add", "app", "--store", start[start.index("--store") + 1]]
    subprocess.run(made, cwd=home, env=clean(home), capture_output=True, check=True)

    start[start.index("0.0.0.0")] = "127.0.0.2"  # tests listen to this machine only
    check = json.loads(last("HEALTHCHECK").partition("CMD ")[2])
    check = [str(programs / check[0]), *check[1:-1], replaced(check[-1], ("127.0.0.1:8000", f"127.0.0.2:{port}"))]
    assert subprocess.run(check, env=clean(home), capture_output=True, check=False).returncode != 0
    with subprocess.Popen(
        [*entry, *start], cwd=home, env=clean(home), stderr=subprocess.PIPE, stdout=subprocess.DEVNULL
    ) as served:
        try:
            assert served.stderr
            assert b"allograph serves" in served.stderr.readline()
            subprocess.run(check, env=clean(home), check=True, timeout=30)
            assert httpx.get(f"http://127.0.0.2:{port}/v1/writers").status_code == 401
            ok(httpx.get(f"http://127.0.0.2:{port}/v1/model"))
        finally:
            served.terminate()
        assert served.wait(60) == 0
    written = {path.name for path in home.iterdir()} - {".cache"}  # onnxruntime's own
    assert written <= {"allograph.db", "allograph.db-wal", "allograph.db-shm"}


def test_the_image_holds_what_the_package_is_built_from_and_runs_as_nobody_else() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    copied = {name for found, rest in instructions() if found == "COPY" for name in rest.split()[:-1]}
    assert {"pyproject.toml", "src", project["project"]["readme"], "LICENSE", "NOTICE"} <= copied
    assert last("USER") == "10001"
    assert f"--uid {last('USER')} " in last("RUN")
    versions = {rest.split()[0] for found, rest in instructions() if found == "FROM"}
    assert versions == {"docker.io/library/python:3.11-slim"}


@pytest.mark.parametrize("name", REPLICAS)
def test_replicas_are_what_nginx_asks_and_what_the_image_says(name: str) -> None:
    replica = services()[name]
    host, port = [replica["command"][replica["command"].index(option) + 1] for option in ("--host", "--port")]
    assert host == "0.0.0.0"
    assert port == last("EXPOSE")
    assert f"server {name}:{port} max_fails=0;\n" in (DEPLOY / "nginx" / "replicas.compose.conf").read_text(encoding="utf-8")
    network = yaml.safe_load(COMPOSE.read_text(encoding="utf-8"))["networks"]["inside"]["ipam"]["config"][0]["subnet"]
    assert ip_address(replica["networks"]["inside"]["ipv4_address"]) in ip_network(network)
    assert replica["read_only"]
    assert replica["cap_drop"] == ["ALL"]
    assert int(replica["stop_grace_period"].removesuffix("s")) > END + 2
    assert "ports" not in replica  # only nginx is reached from outside


def test_tools_are_the_replicas_image_beside_them() -> None:
    """A second container of a replica would want its address."""
    found = services()
    tools, replica = found["tools"], found[REPLICAS[0]]
    assert tools["profiles"] == ["tools"]
    assert tools["networks"] == ["inside"]
    assert not {"ports", "command", "restart"} & set(tools)
    assert {**replica, **tools, "networks": 0, "command": 0, "profiles": 0, "volumes": 0} == {
        **replica,
        "networks": 0,
        "command": 0,
        "profiles": 0,
        "volumes": 0,
    }
    docs = (ROOT / "docs" / "deploy.md").read_text(encoding="utf-8")
    run = re.findall(r"docker compose run --rm (\S+)", docs + COMPOSE.read_text(encoding="utf-8"))
    assert len(run) >= 4
    assert set(run) == {"tools"}


def test_addresses_that_are_given_out_are_none_of_the_replicas() -> None:
    (addresses,) = yaml.safe_load(COMPOSE.read_text(encoding="utf-8"))["networks"]["inside"]["ipam"]["config"]
    given_out = ip_network(addresses["ip_range"])
    assert given_out.subnet_of(ip_network(addresses["subnet"]))  # type: ignore[arg-type]
    for name in REPLICAS:
        assert ip_address(services()[name]["networks"]["inside"]["ipv4_address"]) not in given_out


def test_who_watches_is_reached_from_this_machine_only() -> None:
    watching = {name: service for name, service in services().items() if service.get("profiles") == ["watch"]}
    assert set(watching) == {"prometheus", "grafana"}
    for service in watching.values():
        assert all(port.startswith("127.0.0.1:") for port in service["ports"])
    provisioned = [yaml.safe_load((DEPLOY / "grafana" / name).read_text()) for name in ("source.yaml", "dashboards.yaml")]
    assert provisioned[0]["datasources"][0]["url"] == "http://prometheus:9090"
    folder = provisioned[1]["providers"][0]["options"]["path"]
    assert f"./grafana/dashboard.json:{folder}/allograph.json:ro" in watching["grafana"]["volumes"]


def test_replicas_use_the_database_that_is_started_with_them() -> None:
    found = services()
    database = found["database"]["environment"]
    address = f"postgresql://{database['POSTGRES_USER']}@database/{database['POSTGRES_DB']}"
    for name in REPLICAS:
        assert address in found[name]["command"]
        assert found[name]["environment"]["PGPASSWORD"] == database["POSTGRES_PASSWORD"]
        assert set(found[name]["depends_on"]) == {"database"}
    assert found["database"]["healthcheck"]["test"][1:] == ["pg_isready", "--username", "allograph", "--dbname", "allograph"]
    assert "ports" not in found["database"]


def test_files_that_compose_names_are_there_and_nginx_looks_for_them_there() -> None:
    build = services()[REPLICAS[0]]["build"]
    assert (DEPLOY / build["context"] / build["dockerfile"]).resolve() == CONTAINERFILE
    mounts = dict(mount.removesuffix(":ro").split(":") for mount in services()["nginx"]["volumes"])
    text = (DEPLOY / "nginx" / "allograph.conf").read_text(encoding="utf-8")
    for origin, target in mounts.items():
        if origin != "./tls":  # the operator's own
            assert (DEPLOY / origin).is_file()
        if not target.endswith("default.conf"):
            assert target.removeprefix("/etc/nginx/") in text
    listens = re.findall(r"listen (\d+)", text)
    assert services()["nginx"]["ports"] == [f"{port}:{port}" for port in listens]


def test_the_commands_of_the_replicas_are_taken(tmp_path: Path) -> None:
    """All but the address of the database is as it is there; without it, the store is what the command complains of."""
    from small import allograph

    command = [*services()[REPLICAS[0]]["command"]]
    command[command.index("--store") + 1] = "postgresql://allograph@127.0.0.1:1/allograph"
    done = allograph(*command, cwd=tmp_path, status=1)
    assert "127.0.0.1" in done.stderr or "store" in done.stderr, shlex.join(command)
