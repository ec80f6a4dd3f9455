"""The npm package `allograph`: what is packed is whole, and its documented example runs, in node and in Chromium."""

from __future__ import annotations

import functools
import gzip
import http.server
import json
import re
import shutil
import subprocess
import tarfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

import allograph
from allograph.bundle import Bundle
from conftest import lacking
from handwriting import INK

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "src" / "allograph" / "page"
PACKAGE = PAGE / "js" / "allograph"
RUNTIME = {
    "onnxruntime-web.js": "ort.wasm.min.mjs",
    "onnxruntime-web-wasm.js": "ort-wasm-simd-threaded.mjs",
}
"""The page's copy of onnxruntime-web, and what its files are called in its own package."""


@pytest.fixture(scope="module")
def packed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The archive that would be published."""
    npm = shutil.which("npm")
    if npm is None:
        lacking("node", "there is no npm on this machine (on Debian: apt-get install npm)")
        raise AssertionError
    folder = tmp_path_factory.mktemp("npm")
    command = [npm, "pack", "--silent", "--offline", "--pack-destination", str(folder)]
    subprocess.run(command, cwd=PACKAGE, check=True, timeout=120)
    (archive,) = folder.glob("*.tgz")
    return archive


@pytest.fixture(scope="module")
def app(packed: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An app with the package installed, and with onnxruntime-web as the page has it: the registry is not asked."""
    folder = tmp_path_factory.mktemp("app")
    modules = folder / "node_modules"
    with tarfile.open(packed) as archive:
        archive.extractall(folder, filter="data")
    modules.mkdir()
    (folder / "package").rename(modules / "allograph")
    dist = modules / "onnxruntime-web" / "dist"
    dist.mkdir(parents=True)
    for here, there in RUNTIME.items():
        shutil.copy(PAGE / "vendor" / here, dist / there)
    wasm = gzip.decompress((PAGE / "vendor" / "onnxruntime-web.wasm.gz").read_bytes())
    (dist / "ort-wasm-simd-threaded.wasm").write_bytes(wasm)
    described = {"name": "onnxruntime-web", "type": "module", "exports": {"./wasm": "./dist/ort.wasm.min.mjs"}}
    (modules / "onnxruntime-web" / "package.json").write_text(json.dumps(described), encoding="utf-8")
    shutil.copytree(Bundle.open().path, folder / "bundle")
    return folder


def test_what_is_packed_is_what_the_entry_imports_and_nothing_of_the_page(packed: Path) -> None:
    with tarfile.open(packed) as archive:
        found = {name.removeprefix("package/") for name in archive.getnames()}
    needed, left = set(), ["index.js"]
    while left:
        name = left.pop()
        needed.add(name)
        imported = re.findall(r'from "\./([^"]+)";', (PACKAGE / name).read_text(encoding="utf-8"))
        left += [one for one in imported if one not in needed]
    assert found == needed | {"index.d.ts", "package.json", "README.md", "LICENSE"}


def test_its_version_licence_and_runtime_are_those_of_the_rest() -> None:
    described = json.loads((PACKAGE / "package.json").read_text(encoding="utf-8"))
    assert described["version"] == allograph.__version__
    assert (PACKAGE / "LICENSE").read_bytes() == (ROOT / "LICENSE").read_bytes()
    versions = (PAGE / "vendor" / "versions.txt").read_text(encoding="utf-8").splitlines()
    (runtime,) = described["dependencies"].items()
    assert f"{runtime[0]} {runtime[1]} MIT" in versions


def test_its_types_name_all_that_it_exports() -> None:
    entry = (PACKAGE / "index.js").read_text(encoding="utf-8")
    exported = {name for names in re.findall(r"export \{ ([^}]+) \}", entry) for name in names.split(", ")}
    exported |= set(re.findall(r"export const (\w+)", entry))
    types = (PACKAGE / "index.d.ts").read_text(encoding="utf-8")
    assert set(re.findall(r"export (?:class|function) (\w+)", types)) == exported


def example() -> str:
    """The program in the package's description."""
    (program,) = re.findall(r"^```js\n(.+?)^```$", (PACKAGE / "README.md").read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    return str(program)


def test_the_documented_example_has_twenty_lines_at_most_and_says_what_it_prints(app: Path) -> None:
    node = shutil.which("node")
    if node is None:
        lacking("node", "there is no node on this machine (on Debian: apt-get install nodejs)")
        return
    program = example()
    assert len(program.splitlines()) <= 20
    (app / "example.mjs").write_text(program, encoding="utf-8")
    done = subprocess.run([node, "example.mjs"], cwd=app, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == re.findall(r"console\.log\(.+\); // (\S+)$", program, re.MULTILINE)
    assert (app / "ana.profile").stat().st_size > 1000


@pytest.fixture
def address(app: Path) -> Iterator[str]:
    """The app on a server of plain files."""
    handler = functools.partial(Quiet, directory=str(app))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


class Quiet(http.server.SimpleHTTPRequestHandler):
    """Plain files, with no word about them."""

    extensions_map = http.server.SimpleHTTPRequestHandler.extensions_map | {
        ".mjs": "text/javascript",
        ".wasm": "application/wasm",
    }

    def log_message(self, format: str, *args: object) -> None:
        """Nothing."""


IMPORTS = {
    "allograph": "/node_modules/allograph/index.js",
    "onnxruntime-web/wasm": "/node_modules/onnxruntime-web/dist/ort.wasm.min.mjs",
}
HTML = f'<!doctype html><script type="importmap">{json.dumps({"imports": IMPORTS})}</script>'
PROGRAM = """async (ink) => {
    const { createHandwritingRecognizer, HandwritingStroke } = await import("allograph");
    const recognizer = await createHandwritingRecognizer({ bundle: "/bundle" });
    const drawing = recognizer.startDrawing({ device: "sheet" });
    for (const points of ink) {
        const stroke = new HandwritingStroke();
        for (const [x, y] of points) stroke.addPoint({ x, y });
        drawing.addStroke(stroke);
    }
    const text = async () => (await drawing.getPrediction())[0].text;
    const found = [await text()];
    const { id } = await recognizer.correct(drawing, "g");
    found.push(await text());
    const other = await createHandwritingRecognizer({ bundle: "/bundle", profile: recognizer.export() });
    found.push(other.corrections[0].label);
    recognizer.undo(id);
    found.push(await text());
    return found;
}"""


def test_it_reads_learns_and_forgets_in_a_browser(browser: Browser, app: Path, address: str) -> None:
    (app / "index.html").write_text(HTML, encoding="utf-8")
    ink = next(one["ink"] for one in json.loads(INK.read_text(encoding="utf-8")) if one["label"] == "g")
    page = browser.new_page()
    elsewhere: list[str] = []
    page.on("request", lambda request: None if request.url.startswith(address) else elsewhere.append(request.url))
    page.goto(address)
    assert page.evaluate(PROGRAM, ink) == ["9", "g", "g", "9"]
    assert elsewhere == []
    page.close()
