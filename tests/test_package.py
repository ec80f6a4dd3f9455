"""The package itself: what an import loads, what the wheel holds, what the locks say."""

from __future__ import annotations

import importlib.metadata
import json
import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
import yaml

import allograph
import allograph.errors
from allograph.bundle import Bundle

ROOT = Path(__file__).parent.parent
SOURCE = ROOT / "src" / "allograph"
LOCKS = sorted((ROOT / "requirements").glob("*.txt"))
LOWEST_EXTRAS = ("research", "postgres", "serve")
"""What `make test-lowest` installs."""
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def loaded_by(statement: str) -> set[str]:
    """The top-level modules that a fresh interpreter has loaded after a statement."""
    code = f"{statement}; import json, sys; print(json.dumps(sorted({{name.split('.')[0] for name in sys.modules}})))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(json.loads(done.stdout))


def test_import_allograph_loads_numpy_and_no_framework() -> None:
    extra = loaded_by("import allograph") - loaded_by("import numpy") - {"allograph", "__future__"}
    assert extra == set()


def test_reading_and_correcting_in_memory_loads_no_database_and_no_terminal() -> None:
    use = (
        "import allograph; writer = allograph.Writer('ana');"
        "reading = writer.read(writer.recognizer.bundle.styles.medoids[0]);"
        "writer.undo(writer.correct(reading, 'a').id)"
    )
    distributions = importlib.metadata.packages_distributions()
    extra = loaded_by(use) - loaded_by("pass")
    assert {name for module in extra for name in distributions.get(module, [])} <= {
        "allograph", "flatbuffers", "numpy", "onnxruntime", "protobuf", "safetensors",
    }  # fmt: skip


def test_every_public_name_is_there_and_listed() -> None:
    with pytest.raises(AttributeError, match="nonsense"):
        allograph.nonsense  # noqa: B018
    rooms = {"Box", "Bundle", "LineInk", "Recognizer", "Sample", "Writer", "Writers", "open_store"}
    errors = {name for name, value in vars(allograph.errors).items() if isinstance(value, type)}
    assert set(allograph.__all__) == rooms | errors | {"__version__"}
    for name in allograph.__all__:
        assert getattr(allograph, name)
    assert set(dir(allograph)) == {*allograph.__all__, "WriterAdaptiveClassifier"}
    assert allograph.UnknownLabel is allograph.errors.UnknownLabel


def floors() -> list[set[str]]:
    """The floors as import-linter checks them, the highest first."""
    (contract,) = PROJECT["tool"]["importlinter"]["contracts"]
    return [{room.strip() for room in layer.split("|")} for layer in contract["layers"]]


def test_every_module_is_on_exactly_one_of_six_floors() -> None:
    modules = {path.stem for path in SOURCE.glob("*.py")} | {path.parent.name for path in SOURCE.glob("*/__init__.py")}
    named = [room for floor in floors() for room in floor]
    assert len(floors()) == 6
    assert sorted(named) == sorted(modules - {"__init__", "__main__"})


def test_the_readme_has_the_same_floors_and_names_the_folders_without_code_too() -> None:
    rows = re.findall(r"^\| (\d) \| (.+) \|$", (ROOT / "README.md").read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert [int(number) for number, _ in rows] == [5, 4, 3, 2, 1, 0]
    named = [re.findall(r"`(\w+)`", rooms) for _, rooms in rows]
    folders = {path.name for path in SOURCE.iterdir() if path.is_dir() and not list(path.glob("*.py"))} - {"__pycache__"}
    assert [set(rooms) - folders for rooms in named] == floors()
    assert sum(len(rooms) for rooms in named) == len({room for rooms in named for room in rooms})
    assert folders <= {room for rooms in named for room in rooms}


def test_lowest_versions_are_those_that_the_project_allows() -> None:
    lowest = dict(
        line.lower().replace("_", "-").split("==")
        for line in (ROOT / "requirements" / "lowest.txt").read_text().splitlines()
        if "==" in line
    )
    extras = PROJECT["project"]["optional-dependencies"]
    for requirement in [*PROJECT["project"]["dependencies"], *(one for name in LOWEST_EXTRAS for one in extras[name])]:
        name, bound = re.fullmatch(r"([\w-]+)(?:\[.+\])?>=([\d.]+)(?:;.+)?", requirement).groups()  # type: ignore[union-attr]
        version = lowest[name.lower()]
        assert [*version.split("."), "0", "0"][: bound.count(".") + 1] == bound.split("."), f"{requirement}, {version}"
        assert set(version.split(".")[bound.count(".") + 1 :]) <= {"0"}, f"{requirement}, {version}"


def test_the_citation_names_the_paper_and_this_version() -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert {"cff-version", "message", "title", "authors"} <= set(citation)  # what the format requires
    assert citation["version"] == allograph.__version__
    assert citation["license"] == PROJECT["project"]["license"]
    assert citation["repository-code"] == PROJECT["project"]["urls"]["Source"]
    paper = citation["preferred-citation"]
    assert paper["title"] == "Learn the Way We Write"
    assert [author["family-names"] for author in paper["authors"]] == ["Čugurović", "Nikolić", "Novaković"]


def test_classifiers_are_known_and_hooks_call_what_make_installs() -> None:
    from trove_classifiers import classifiers

    assert set(PROJECT["project"]["classifiers"]) <= set(classifiers)
    (repository,) = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))["repos"]
    assert repository["repo"] == "local"
    assert all(hook["language"] == "system" and hook["entry"].startswith(".venv/bin/") for hook in repository["hooks"])


def test_every_fragment_of_the_changelog_has_a_kind() -> None:
    kinds = {kind["directory"] for kind in PROJECT["tool"]["towncrier"]["type"]}
    for path in (ROOT / "changelog.d").iterdir():
        assert path.name == "README.md" or (path.suffixes[-2][1:] in kinds and path.suffix == ".md"), path.name


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
    held = (
        "shipped/model.onnx",
        "shipped/MODEL_CARD.md",
        "evaluation/report/report.html.j2",
        "evaluation/report/lines.html.j2",
        "evaluation/report/style.css.j2",
        "shipped/lines.safetensors",
        "py.typed",
    )
    for name in (*held, "page/index.html", "page/js/main.js", "page/vendor/uplot.LICENSE"):
        assert f"allograph/{name}" in names
    assert not any(name.startswith(("tests/", "benchmarks/")) for name in names)
    code = (
        "import sys; sys.path.insert(0, sys.argv[1]); import allograph; assert sys.argv[1] in allograph.__file__;"
        "w = allograph.Writer('ana'); print(w.read(w.recognizer.bundle.styles.medoids[0]).label)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path / "site")], capture_output=True, text=True, check=True)
    assert len(done.stdout.strip()) == 1


def test_nothing_of_the_workplace_is_named() -> None:
    if not (ROOT / ".git").exists():
        pytest.skip("this is no checkout")  # an unpacked sdist: what it holds was checked where it was made
    tracked = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    words = [word.encode() for word in (f"/{'work'}/", f"/{'root'}/", f"{'pypi'}.org", f"files.{'pythonhosted'}")]
    for name in filter(None, tracked.split("\0")):
        path = ROOT / name
        if path.is_file():
            assert not [word for word in words if word in path.read_bytes()], name
