"""What the page is made of: its files, the libraries it brings along, and the ink that its tests write."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

import draw_ink
from allograph.ink import ink_to_frame
from allograph.writers.pipeline import shipped_recognizer
from allograph.writers.writer import Writer
from conftest import lacking
from handwriting import INK, our_ink

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "src" / "allograph" / "page"
PACKAGE = PAGE / "js" / "allograph"
FOR_NPM = {PACKAGE / name for name in ("index.js", "index.d.ts", "package.json", "README.md", "LICENSE")}
"""What makes an npm package of a folder of the page; the page loads none of it."""
OURS = sorted(
    path
    for path in PAGE.rglob("*")
    if path.is_file() and path.parent.name != "vendor" and path.suffix != ".png" and path not in FOR_NPM
)
SCRIPTS = sorted(path for path in OURS if path.suffix == ".js")
IMPORTED = re.compile(r"""(?:from|import\()\s*["']([^"']+)["']""")
NAMESPACES = re.compile(r"http://www\.w3\.org/(2000/svg|2003/InkML)")


def test_the_libraries_are_those_that_the_command_fetches() -> None:
    command = (ROOT / "requirements" / "vendor").read_text(encoding="utf-8")
    asked = re.findall(r'^    "(\S+) (\S+) (\S+) (.+)"$', command, flags=re.MULTILINE)
    assert len(asked) == 4
    told = (PAGE / "vendor" / "versions.txt").read_text(encoding="utf-8").splitlines()
    assert told == [f"{name} {version} {licence}" for name, version, licence, _ in asked]
    files = {file.partition(":")[2] for *_, files in asked for file in files.split()}
    licences = {f"{name}.LICENSE" for name, *_ in asked}
    rest = {"versions.txt", "onnxruntime-web.NOTICES"}
    assert {path.name for path in (PAGE / "vendor").iterdir()} == files | licences | rest
    for name, _, licence, _ in asked:
        text = (PAGE / "vendor" / f"{name}.LICENSE").read_text(encoding="utf-8")
        assert {"MIT": "Permission is hereby granted", "ISC": "Permission to use, copy, modify"}[licence] in text


@pytest.mark.parametrize("path", OURS, ids=lambda path: path.name)
def test_no_file_names_another_host_or_carries_code_in_markup(path: Path) -> None:
    text = NAMESPACES.sub("", path.read_text(encoding="utf-8"))
    assert not re.findall(r"(?:https?:)?//[\w-]+\.\w+", text)
    if path.suffix == ".html":
        assert not re.findall(r"<style|\sstyle=|\son\w+=|<script(?![^>]*\ssrc=)", text)
    if path.suffix == ".js":
        assert not re.findall(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(", text)


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_every_import_names_a_file_of_the_page(path: Path) -> None:
    for target in IMPORTED.findall(path.read_text(encoding="utf-8")):
        assert target.startswith("."), f"{path.name} imports {target}"
        assert (path.parent / target).resolve().is_file()


def test_the_service_worker_keeps_every_file_of_the_page() -> None:
    listed = re.findall(r'^    "/static/(.+)",$', (PAGE / "sw.js").read_text(encoding="utf-8"), flags=re.MULTILINE)
    kinds = (".js", ".css", ".svg", ".png")
    found = {path.relative_to(PAGE).as_posix() for path in PAGE.rglob("*") if path.suffix in kinds}
    on_device = {path for path in found if path.startswith(("js/allograph/", "js/on_device/", "vendor/onnxruntime"))}
    assert sorted(listed) == sorted(found - on_device - {"sw.js"})


def test_the_size_of_the_runtime_is_what_its_progress_counts() -> None:
    told = re.search(r"WASM_BYTES = ([\d_]+);", (PAGE / "js" / "on_device" / "files.js").read_text(encoding="utf-8"))
    assert told
    assert int(told[1]) == (PAGE / "vendor" / "onnxruntime-web.wasm.gz").stat().st_size


@pytest.mark.slow
def test_the_modules_pass_their_unit_tests() -> None:
    node = shutil.which("node")
    if node is None:
        lacking("node", "there is no node on this machine (on Debian: apt-get install nodejs)")
        return
    version = subprocess.run([node, "--version"], capture_output=True, text=True, check=True).stdout.strip()
    if int(version[1:].partition(".")[0]) < 18:
        lacking("node", f"node is {version}; 18 or later is needed")
    command = [node, "--test", "--experimental-vm-modules", "--no-warnings", "tests/page/"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout[-5000:]
    assert int(re.findall(r"^\W* ?pass (\d+)$", done.stdout, flags=re.MULTILINE)[0]) > 70


def test_every_picture_in_the_docs_is_there_and_small() -> None:
    page = (ROOT / "docs" / "page.md").read_text(encoding="utf-8")
    named = re.findall(r"\]\((images/[^)]+)\)", page)
    assert named
    for name in named:
        assert (ROOT / "docs" / name).stat().st_size < 120_000


def test_our_ink_is_what_its_description_draws() -> None:
    assert json.loads(INK.read_text(encoding="utf-8")) == json.loads(json.dumps(draw_ink.ink()))


def test_our_ink_is_mostly_readable_and_one_correction_mends_what_is_not() -> None:
    recognizer = shipped_recognizer()
    characters = {label: ink_to_frame(strokes) for label, strokes in our_ink().items()}
    readings = Writer("nobody", recognizer).read(list(characters.values()))
    right = np.array([reading.label == label for label, reading in zip(characters, readings, strict=True)])
    assert 0.7 < right.mean() < 0.9
    for label, reading in zip(characters, readings, strict=True):
        if reading.label != label:
            writer = Writer("somebody", recognizer)
            writer.correct(writer.read(characters[label]), label)
            assert writer.read(characters[label]).label == label
