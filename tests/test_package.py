"""The package itself: what an import loads, what the wheel holds, what the locks say."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import allograph
from allograph.bundle import Bundle

ROOT = Path(__file__).parent.parent
LOCKS = sorted((ROOT / "requirements").glob("*.txt"))


def loaded_by(statement: str) -> set[str]:
    """The top-level modules that a fresh interpreter has loaded after a statement."""
    code = f"{statement}; import json, sys; print(json.dumps(sorted({{name.split('.')[0] for name in sys.modules}})))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(json.loads(done.stdout))


def test_import_allograph_loads_numpy_and_no_framework() -> None:
    extra = loaded_by("import allograph") - loaded_by("import numpy") - {"allograph", "__future__"}
    assert extra == set()


def test_reading_loads_no_framework_but_onnxruntime() -> None:
    heavy = {"torch", "onnx", "pyarrow", "sklearn", "scipy", "matplotlib", "pandas", "rich", "typer", "jinja2", "sqlalchemy"}
    assert not loaded_by("import allograph; allograph.Writer('ana')") & heavy


def test_unknown_names_are_attribute_errors() -> None:
    with pytest.raises(AttributeError, match="nonsense"):
        allograph.nonsense  # noqa: B018
    assert set(allograph.__all__) == {"Bundle", "Recognizer", "Writer", "Writers", "__version__", "open_store"}
    for name in allograph.__all__:
        assert getattr(allograph, name)


@pytest.mark.parametrize("lock", LOCKS, ids=lambda path: path.name)
def test_locks_name_plain_versions_only(lock: Path) -> None:
    lines = [line for line in lock.read_text().splitlines() if not line.startswith("#")]
    assert lines
    for line in lines:
        name, _, version = line.partition("==")
        assert name
        assert version, line
        assert not any(word in line for word in ("+cpu", "file:", "://", "--", "@")), line


def test_torch_is_locked_in_a_file_of_its_own() -> None:
    lines = [line for line in (ROOT / "requirements" / "torch.txt").read_text().splitlines() if not line.startswith("#")]
    assert lines == ["torch==2.13.0"]
    assert all("torch==" not in lock.read_text() for lock in LOCKS if lock.name != "torch.txt")


def test_the_shipped_bundle_is_sound_and_small() -> None:
    bundle = Bundle.open()
    assert sum(path.stat().st_size for path in bundle.path.iterdir()) < 4_000_000
    assert list(bundle.alphabet) == [chr(point) for point in range(33, 127)]
    assert bundle.frame == "mnist"
    assert bundle.styles is not None
    assert "CC BY 4.0" in (bundle.path / "MODEL_CARD.md").read_text(encoding="utf-8")
    assert bundle.config.corpus["licence"] == "CC BY 4.0"


@pytest.mark.slow
def test_the_wheel_holds_the_bundle_and_works_where_nothing_else_of_ours_is(tmp_path: Path) -> None:
    build = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "-w", str(tmp_path), str(ROOT)]
    subprocess.run(build, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        archive.extractall(tmp_path / "site")
    held = ("shipped/model.onnx", "shipped/MODEL_CARD.md", "evaluation/report.html.j2", "py.typed")
    for name in (*held, "server/page/index.html", "server/page/js/main.js", "server/page/vendor/uplot.LICENSE"):
        assert f"allograph/{name}" in names
    assert not any(name.startswith(("tests/", "benchmarks/")) for name in names)
    code = (
        "import sys; sys.path.insert(0, sys.argv[1]); import allograph; assert sys.argv[1] in allograph.__file__;"
        "w = allograph.Writer('ana'); print(w.read(w.recognizer.bundle.styles.medoids[0]).label)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path / "site")], capture_output=True, text=True, check=True)
    assert len(done.stdout.strip()) == 1


def test_nothing_of_the_workplace_is_named() -> None:
    tracked = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    words = [word.encode() for word in (f"/{'work'}/", f"/{'root'}/", f"{'pypi'}.org", f"files.{'pythonhosted'}")]
    for name in filter(None, tracked.split("\0")):
        path = ROOT / name
        if path.is_file():
            assert not [word for word in words if word in path.read_bytes()], name
