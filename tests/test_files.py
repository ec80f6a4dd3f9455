from __future__ import annotations

import errno
import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from allograph.errors import FormatError, InputError, StorageError, storage_error
from allograph.files.atomic import atomic_file, atomic_folder, check_output
from allograph.files.hashes import sha256
from allograph.files.input import check_file
from allograph.files.json_files import parse_json, read_json, write_json
from allograph.files.records import check_version


@pytest.fixture
def old(tmp_path: Path) -> Path:
    path = tmp_path / "model.bin"
    path.write_text("old")
    return path


@pytest.fixture
def old_folder(tmp_path: Path) -> Path:
    path = tmp_path / "bundle"
    path.mkdir()
    (path / "config.json").write_text("old")
    return path


def half_written(path: Path, error: type[BaseException]) -> None:
    with atomic_file(path) as temporary:
        temporary.write_text("half")
        raise error("on purpose")


def half_written_folder(path: Path, error: type[BaseException]) -> None:
    with atomic_folder(path) as folder:
        (folder / "config.json").write_text("half")
        raise error("on purpose")


def test_a_file_is_replaced_when_the_block_ends_well(old: Path) -> None:
    with atomic_file(old) as temporary:
        temporary.write_text("new")
        assert old.read_text() == "old"
        assert temporary.suffix == old.suffix
    assert old.read_text() == "new"
    assert os.listdir(old.parent) == [old.name]


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt, InputError])
def test_an_exception_leaves_the_old_file_and_nothing_else(old: Path, error: type[BaseException]) -> None:
    with pytest.raises(error, match="on purpose"):
        half_written(old, error)
    assert old.read_text() == "old"
    assert os.listdir(old.parent) == [old.name]


def test_a_failed_first_write_leaves_no_file(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError):
        half_written(tmp_path / "new.bin", RuntimeError)
    assert os.listdir(tmp_path) == []


WAITING = """
import sys, time
from allograph.files.atomic import atomic_file
with atomic_file(sys.argv[1]) as temporary:
    temporary.write_text("half")
    print("ready", flush=True)
    time.sleep(60)
"""


@pytest.mark.parametrize("kill", [signal.SIGINT, signal.SIGKILL])
def test_a_killed_process_leaves_the_old_file(old: Path, kill: signal.Signals) -> None:
    with subprocess.Popen([sys.executable, "-c", WAITING, str(old)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == b"ready\n"
        child.send_signal(kill)
        assert child.wait(timeout=30) != 0
    assert old.read_text() == "old"
    if kill == signal.SIGINT:
        assert os.listdir(old.parent) == [old.name]


FULL = """
import resource, signal, sys
from pathlib import Path
from allograph.errors import StorageError
from allograph.files.atomic import atomic_file, atomic_folder
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))
path = Path(sys.argv[1])
try:
    if path.is_dir():
        with atomic_folder(path) as folder:
            (folder / "config.json").write_text("new")
            (folder / "model.onnx").write_bytes(bytes(100_000))
    else:
        with atomic_file(path) as temporary:
            temporary.write_bytes(bytes(100_000))
except StorageError as error:
    sys.exit(f"{error.exit_status} {error}")
"""


@pytest.mark.parametrize("kind", ["old", "old_folder"])
def test_a_full_disk_is_named_and_leaves_what_was_there(kind: str, request: pytest.FixtureRequest) -> None:
    path: Path = request.getfixturevalue(kind)
    done = subprocess.run([sys.executable, "-c", FULL, str(path)], capture_output=True, text=True, timeout=60)
    assert done.stderr.startswith(f"1 cannot write {path}: the file size limit is reached. What stood there before")
    assert (path if path.is_file() else path / "config.json").read_text() == "old"
    assert os.listdir(path.parent) == [path.name]


def test_errors_of_the_disk_say_what_it_is() -> None:
    assert "the disk is full" in str(storage_error(OSError(errno.ENOSPC, "No space left on device"), "x"))
    assert "Read-only file system" in str(storage_error(OSError(errno.EROFS, "Read-only file system"), "x"))


def test_our_own_storage_error_is_not_wrapped_again(old: Path) -> None:
    with pytest.raises(StorageError) as caught, atomic_file(old):
        raise storage_error(OSError(errno.ENOSPC, "No space left on device"), "inner.bin")
    assert str(caught.value).startswith("cannot write inner.bin: the disk is full")


def test_a_folder_is_replaced_whole(old_folder: Path) -> None:
    (old_folder / "gone").write_text("old")
    with atomic_folder(old_folder) as folder:
        (folder / "plots").mkdir()
        (folder / "plots" / "gain.svg").write_text("<svg/>")
        (folder / "config.json").write_text("new")
        assert (old_folder / "config.json").read_text() == "old"
    assert sorted(path.name for path in old_folder.rglob("*")) == ["config.json", "gain.svg", "plots"]
    assert (old_folder / "config.json").read_text() == "new"
    assert os.listdir(old_folder.parent) == [old_folder.name]


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt, OSError])
def test_a_failed_folder_keeps_the_old_one(old_folder: Path, error: type[BaseException]) -> None:
    with pytest.raises(StorageError if error is OSError else error, match="on purpose"):
        half_written_folder(old_folder, error)
    assert (old_folder / "config.json").read_text() == "old"
    assert os.listdir(old_folder.parent) == [old_folder.name]


def test_a_folder_that_cannot_be_moved_in_keeps_the_old_one(old_folder: Path) -> None:
    with pytest.raises(StorageError, match="bundle"), atomic_folder(old_folder) as folder:
        folder.rmdir()
    assert (old_folder / "config.json").read_text() == "old"
    assert os.listdir(old_folder.parent) == [old_folder.name]


def test_places_that_cannot_be_written(tmp_path: Path, old: Path, old_folder: Path) -> None:
    with pytest.raises(InputError, match=r"the folder .*nowhere does not exist"), atomic_file(tmp_path / "nowhere" / "x"):
        pass
    with pytest.raises(InputError, match="a folder of that name"), atomic_file(old_folder):
        pass
    with pytest.raises(InputError, match="a file of that name"), atomic_folder(old):
        pass
    assert old.read_text() == "old"


def test_json_is_read_as_it_was_written(tmp_path: Path) -> None:
    value = {"labels": ["<", "é", "\u2028"], "accuracy": 0.1 + 0.2, "none": None}
    write_json(tmp_path / "a.json", value)
    assert read_json(tmp_path / "a.json") == value
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(tmp_path / "a.json", float("nan"))
    assert read_json(tmp_path / "a.json") == value


def test_json_that_cannot_be_read(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    with pytest.raises(FormatError, match=r"a\.json does not exist"):
        read_json(path)
    for content in (json.dumps({"a": [1, 2]}).encode()[:-3], b"", b"\xff\xfe", b"PK\x03\x04"):
        path.write_bytes(content)
        with pytest.raises(FormatError, match=r"a\.json is not readable JSON"):
            read_json(path)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(json_values)
def test_what_is_json_is_read_as_json(value: object) -> None:
    assert parse_json(json.dumps(value)) == value
    assert parse_json(json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass")) == value


@pytest.mark.parametrize("opened", ["[", '{"a":', '[{"a":['])
def test_json_has_a_depth(opened: str) -> None:
    closed = opened[::-1].translate(str.maketrans("[{", "]}", '":a'))
    deep = opened.count("[") + opened.count("{")
    for depth in (1, 64 // deep, 64 // deep + 1, 10_000, 200_000):
        text = opened * depth + "1" + closed * depth
        if depth * deep <= 64:
            parse_json(text)
        else:
            with pytest.raises(ValueError, match="nested deeper than 64"):
                parse_json(text)


@pytest.mark.parametrize("text", ["NaN", "-Infinity", "[1e999]", '{"a": -1e400}', "1" * 5000, '"\\x"', "", "{} {}"])
def test_json_of_numbers_that_are_none_and_other_texts_are_refused(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  (each has its own words)
        parse_json(text)


def test_json_has_a_size_and_is_a_file(tmp_path: Path) -> None:
    with open(tmp_path / "large.json", "wb") as file:
        file.truncate(2**40)
    with pytest.raises(FormatError, match="larger than 64 MiB"):
        read_json(tmp_path / "large.json")
    os.mkfifo(tmp_path / "fifo")
    for path, kind in ((tmp_path / "fifo", "a pipe"), (Path("/dev/zero"), "a device"), (tmp_path, "a folder")):
        with pytest.raises(FormatError, match=f"is {kind}"):
            read_json(path)
        with pytest.raises(InputError, match=f"is {kind}"):
            check_file(path)


def test_an_output_that_is_no_file_is_left_alone(tmp_path: Path, old: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "socket"))
        for name in ("fifo", "socket"):
            for write in (atomic_file, atomic_folder):
                with pytest.raises(InputError, match="never replaced"), write(tmp_path / name):
                    pass
    assert sorted(os.listdir(tmp_path)) == ["fifo", "model.bin", "socket"]
    with pytest.raises(InputError, match="is what is read"):
        check_output(tmp_path / "." / "model.bin", None, old)
    with pytest.raises(InputError, match="stays as it is"):
        check_output(tmp_path / "other", tmp_path)
    check_output(tmp_path / "other", old, tmp_path / "nowhere")


def test_a_link_stays_and_its_target_is_replaced(tmp_path: Path, old: Path, old_folder: Path) -> None:
    (tmp_path / "link").symlink_to(old.name)
    (tmp_path / "folder").symlink_to(old_folder.name)
    with atomic_file(tmp_path / "link") as temporary:
        temporary.write_text("new")
    with atomic_folder(tmp_path / "folder") as folder:
        (folder / "config.json").write_text("new")
    assert (old.read_text(), (old_folder / "config.json").read_text()) == ("new", "new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "folder").is_symlink()
    (tmp_path / "lost").symlink_to("nowhere/file")
    with pytest.raises(InputError, match=r"the folder .*nowhere does not exist"), atomic_file(tmp_path / "lost"):
        pass


def test_a_replaced_file_keeps_its_permissions_and_a_long_name_is_no_trouble(old: Path) -> None:
    os.chmod(old, 0o640)
    with atomic_file(old) as temporary:
        temporary.write_text("new")
    assert old.stat().st_mode & 0o777 == 0o640
    long = old.with_name("é" * 127)
    with atomic_file(long) as temporary:
        temporary.write_text("new")
    assert long.read_text() == "new"


def test_versions() -> None:
    check_version("x", "bundle", 1, 1)
    with pytest.raises(FormatError, match="x is not an allograph bundle"):
        check_version("x", "bundle", None, 1)
    with pytest.raises(FormatError, match="of format 2; this release reads format 1"):
        check_version("x", "bundle", 2, 1)
    check_version("x", "bundle", 1, 1, 2)
    with pytest.raises(FormatError, match="of format 3; this release reads formats 1 and 2"):
        check_version("x", "bundle", 3, 1, 2)


def test_sha256(tmp_path: Path) -> None:
    (tmp_path / "abc").write_bytes(b"abc")  # the example of FIPS 180-2
    assert sha256(tmp_path / "abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
