"""Debian's nginx with the files of deploy/, before replicas that are real processes."""

from __future__ import annotations

import os
import shutil
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

DEPLOY = Path(__file__).parent.parent / "deploy"
FRAME = """
worker_processes 1;
pid nginx.pid;
{user}
events {{ worker_connections 1024; }}
http {{
    access_log off;
    client_body_temp_path body;
    proxy_temp_path proxy;
    fastcgi_temp_path fastcgi;
    uwsgi_temp_path uwsgi;
    scgi_temp_path scgi;
    include conf.d/*.conf;
}}
"""
"""The parts of an nginx.conf that Debian's has too, with folders of the test's own."""


class Proxy(NamedTuple):
    """A running nginx."""

    port: int
    """Where it takes TLS."""
    plain: int
    """Where it sends to TLS."""
    certificate: Path
    """Made for 127.0.0.1 and localhost."""

    @property
    def url(self) -> str:
        """Where it serves."""
        return f"https://127.0.0.1:{self.port}"

    @property
    def trust(self) -> ssl.SSLContext:
        """Trusts this nginx and nobody else."""
        return ssl.create_default_context(cafile=str(self.certificate))


def free_ports(count: int) -> list[int]:
    """Ports of 127.0.0.1 on which nobody listens."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


def replaced(text: str, *pairs: tuple[str, str]) -> str:
    """A text with replacements, each of which must be found once."""
    for old, new in pairs:
        assert text.count(old) == 1, f"{old!r} is not there once"
        text = text.replace(old, new)
    return text


def lay_out(folder: Path, replicas: Sequence[int]) -> Proxy:
    """Put nginx's configuration there as docs/deploy.md says, with ports of the test's own and a new certificate."""
    port, plain = free_ports(2)
    tls = folder / "allograph" / "tls"
    tls.mkdir(parents=True)
    (folder / "conf.d").mkdir()
    proxy = Proxy(port, plain, tls / "fullchain.pem")
    listens = (("listen 80;", f"listen 127.0.0.1:{plain};"), ("listen 443 ", f"listen 127.0.0.1:{port} "))
    server = replaced((DEPLOY / "nginx" / "allograph.conf").read_text(encoding="utf-8"), *listens)
    (folder / "conf.d" / "allograph.conf").write_text(server, encoding="utf-8")
    ports = [(f":{8001 + place} ", f":{replica} ") for place, replica in enumerate(replicas)]
    upstream = replaced((DEPLOY / "nginx" / "replicas.conf").read_text(encoding="utf-8"), *ports)
    (folder / "allograph" / "replicas.conf").write_text(upstream, encoding="utf-8")
    (folder / "nginx.conf").write_text(FRAME.format(user="user root;" if os.geteuid() == 0 else ""), encoding="utf-8")
    certify(proxy.certificate, tls / "privkey.pem")
    return proxy


def certify(certificate: Path, key: Path) -> None:
    """Make a certificate for this machine, signed by itself."""
    openssl = shutil.which("openssl")
    assert openssl
    command = [openssl, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]
    names = ["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost"]
    subprocess.run([*command, *names, "-keyout", key, "-out", certificate], check=True, capture_output=True)


def nginx_command(nginx: str, folder: Path, *options: str) -> list[str]:
    """nginx with the configuration that lies there, and no file elsewhere."""
    return [nginx, "-p", f"{folder}/", "-c", str(folder / "nginx.conf"), "-e", "stderr", *options]


@contextmanager
def proxy(nginx: str, folder: Path, replicas: Sequence[int]) -> Iterator[Proxy]:
    """nginx before replicas on these ports."""
    laid = lay_out(folder, replicas)
    with (folder / "errors.log").open("wb") as errors:
        running = subprocess.Popen(nginx_command(nginx, folder, "-g", "daemon off;"), stderr=errors)
    try:
        until = time.monotonic() + 30
        while not listens(laid.port):
            assert running.poll() is None, (folder / "errors.log").read_text()
            assert time.monotonic() < until, "nginx does not listen"
            time.sleep(0.02)
        yield laid
    finally:
        running.terminate()
        running.wait(30)


def listens(port: int) -> bool:
    """Whether somebody does on this port of 127.0.0.1."""
    with socket.socket() as asking:
        return asking.connect_ex(("127.0.0.1", port)) == 0


def established(port: int) -> int:
    """How many connections a server on this port of 127.0.0.1 holds, by the kernel's own table."""
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return sum(row[1] == f"0100007F:{port:04X}" and row[3] == "01" for row in rows)
