"""The log may lose lines, and counts them; the service never waits for it."""

from __future__ import annotations

import io
import json
import logging
import os
import subprocess
import threading
import time
from pathlib import Path

import httpx
import pytest

from allograph.server import log_writer as module
from allograph.server.log import RequestLog, storage_failure
from allograph.server.log_writer import LogWriter
from served import client, correct, ok
from small import COMMAND, environment


class Disk(io.StringIO):
    """A stream that can be full."""

    full = False

    def write(self, text: str) -> int:
        if self.full:
            raise OSError(28, "No space left on device")
        return super().write(text)


def events(text: str) -> list[str]:
    return [line if not line.startswith("{") else json.dumps(json.loads(line).get("lost")) for line in text.splitlines()]


def test_what_a_full_disk_loses_is_counted_and_told_once_there_is_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "AGAIN", 0.01)
    disk = Disk()
    lines = LogWriter(disk)
    lines.put("one")
    lines.flush()
    disk.full = True
    for name in ("two", "three"):
        lines.put(name)
    lines.flush()
    assert lines.lost == 2
    disk.full = False
    for name in ("four", "five"):
        lines.put(name)
        lines.flush()
    assert events(disk.getvalue()) == ["one", "2", "four", "five"]
    assert lines.lost == 2


def test_a_pipe_that_nobody_reads_holds_up_nobody_and_fills_no_memory() -> None:
    reader, writer = os.pipe()
    with os.fdopen(writer, "w") as stream:
        lines = LogWriter(stream)
        began = time.monotonic()
        for i in range(3 * module.WAITING):
            lines.put(f"{i:100}")
        assert time.monotonic() - began < 5
        began = time.monotonic()
        lines.flush(0.2)
        assert time.monotonic() - began < 2
        assert lines.lost >= module.WAITING
        written: list[bytes] = []
        reading = threading.Thread(target=lambda: written.extend(iter(lambda: os.read(reader, 2**16), b"")))
        reading.start()
        lines.flush(30)
        lines.put("at last")
        lines.flush(30)
        lost = lines.lost
        del lines
    reading.join(30)
    os.close(reader)
    whole = b"".join(written).decode().splitlines()
    assert whole[-1].strip() == "at last"
    kept = [line for line in whole if not line.startswith("{")]
    assert len(kept) == 3 * module.WAITING + 1 - lost
    assert sum(json.loads(line)["lost"] for line in whole if line.startswith("{")) == lost
    numbers = [int(line) for line in kept[:-1]]
    assert numbers == sorted(numbers)


def test_a_line_that_was_cut_off_does_not_spoil_the_next(tmp_path: Path) -> None:
    """A file that may not grow beyond a size takes part of a line; once it is emptied the rest goes on."""
    script = """
import signal, sys, time
from allograph.server import log_writer as module
module.AGAIN = 0.01
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
lines = module.LogWriter(sys.stdout)
for i in range(200):
    lines.put(f"{i:99}")
    lines.flush()
sys.stdin.readline()
for i in range(200, 210):
    lines.put(f"{i:99}")
    lines.flush()
print(lines.lost, file=sys.stderr)
"""
    log = tmp_path / "log"
    (tmp_path / "script.py").write_text(script)
    command = ["bash", "-c", f"ulimit -f 8; exec {COMMAND[0]} script.py"]
    with open(log, "ab") as out:
        writing = subprocess.Popen(
            command, cwd=tmp_path, env=environment(), stdin=subprocess.PIPE, stdout=out, stderr=subprocess.PIPE, text=True
        )
        until = time.monotonic() + 60
        while log.stat().st_size < 8192 and time.monotonic() < until:
            time.sleep(0.05)
        before = log.read_text().splitlines()
        time.sleep(2)
        os.truncate(log, 0)
        _, told = writing.communicate("\n", timeout=60)
    after = log.read_text().splitlines()
    assert len(before[-1]) < 99
    whole = [line for line in after if line]
    assert [int(line) for line in whole if not line.startswith("{")] == list(range(200, 210))
    lost = [json.loads(line)["lost"] for line in whole if line.startswith("{")]
    assert lost == [int(told)]
    assert lost[0] == 200 - len(before) + 1


def lost(http: httpx.Client) -> float:
    """How many lines of the log the metrics say were lost."""
    found = [line for line in http.get("/v1/metrics").text.splitlines() if line.startswith("allograph_log_lost_total ")]
    return float(found[0].split()[-1])


@pytest.mark.slow
@pytest.mark.parametrize("where", ["/dev/full", "a pipe", "nowhere"])
def test_the_service_answers_whatever_its_log_goes_to(where: str, tmp_path: Path) -> None:
    reader, writer = os.pipe()
    if where != "a pipe":
        os.close(writer)
        writer = os.open("/dev/full" if where == "/dev/full" else os.devnull, os.O_WRONLY)
    command = [*COMMAND, "serve", "--port", "0", "--rate", "1000000"]
    if where == "nowhere":
        command = ["bash", "-c", f"exec {' '.join(command)} >&-"]
    started = subprocess.Popen(command, cwd=tmp_path, env=environment(), stdout=writer, stderr=subprocess.PIPE, text=True)
    os.close(writer)
    try:
        assert started.stderr
        url = started.stderr.readline().split()[-1]
        with httpx.Client(base_url=url, timeout=10) as http:
            correct(http, "ana", [("1", 1, "a")])
            for _ in range(1500):  # far more than a pipe holds
                http.get("/v1/nothing")
            ok(http.get("/v1/writers"))
            if where == "/dev/full":
                time.sleep(1.5)
                assert lost(http) > 100
        started.terminate()
        began = time.monotonic()
        assert started.wait(30) == 0 or where == "nowhere"
        assert time.monotonic() - began < 10
    finally:
        started.kill()
        started.communicate()
        os.close(reader)


def test_the_metrics_tell_how_many_lines_were_lost() -> None:
    disk = Disk()
    disk.full = True
    with client(log=disk) as http:
        for _ in range(3):
            http.get("/v1/writers")
        until = time.monotonic() + 20
        while lost(http) < 3:
            assert time.monotonic() < until
            time.sleep(0.1)


def test_a_handler_hands_on_what_others_warn_of_without_their_arguments() -> None:
    stream = io.StringIO()
    lines = LogWriter(stream)
    from allograph.server.log import Handler

    logger = logging.Logger("other")
    logger.addHandler(Handler(lines))
    logger.warning("odd: %s", "Ж")
    lines.flush()
    assert json.loads(stream.getvalue())["event"] == "odd: %s"
    assert "Ж" not in json.dumps(json.loads(stream.getvalue()), ensure_ascii=False)


def test_a_storage_failure_tells_code_and_reason_and_nothing_that_is_quoted() -> None:
    import sqlite3

    try:
        sqlite3.connect("/nowhere/at/all")
    except sqlite3.Error as error:
        facts = storage_failure(error)
    assert facts["reason"] == "unable to open database file"
    try:
        try:
            Path("/nowhere/Müller").read_bytes()
        except OSError as error:
            raise ValueError('the writer \'O"Brien\' has "quotes"') from error
    except ValueError as error:
        facts = storage_failure(error)
    assert facts["code"] == "ENOENT"
    assert "ller" not in json.dumps(facts)
    assert storage_failure(ValueError("the writer 'Ana' is \"Ж\", the store's page 7"))["reason"] == (
        "the writer … is …, the store's page 7"
    )
    assert RequestLog(stream=io.StringIO()).lost == 0
