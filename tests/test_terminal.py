"""At the terminal: tables that print whole, streams and arguments of every kind, outputs that harm nothing, completion."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rich.cells import cell_len
from typer.core import TyperGroup
from typer.main import get_command
from typer.testing import CliRunner

from allograph.cli.main import app
from allograph.cli.output import encodable
from allograph.cli.terminal import table_lines
from allograph.embedding import embed
from allograph.evaluation.report.table import Table, with_methods_as_rows
from allograph.evaluation.report.table_files import csv_text, latex, latex_text
from allograph.recognizer import Recognizer
from allograph.training.survey import survey
from small import COMMAND, allograph, contents, digits_corpus, digits_split, environment, noise_corpus, tiny_bundle

EVALUATE = ("evaluate", "embedded.parquet", "--model", "bundle", "--resamples", "1", "--jobs", "1")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a corpus, a bundle that was never tuned, and an embedded corpus, which no test changes."""
    folder = tmp_path_factory.mktemp("made")
    corpus = digits_corpus(folder / "digits.parquet", digits_split(folder / "split.csv"))
    styles, _ = survey(Recognizer(tiny_bundle(folder / "bundle")), corpus, folder)
    recognizer = Recognizer(tiny_bundle(folder / "bundle", styles), threads=1)
    embed(corpus, recognizer, folder / "embedded.parquet")
    return folder


@pytest.fixture
def place(made: Path, tmp_path: Path) -> Path:
    """A copy of that folder for one test."""
    shutil.copytree(made, tmp_path / "place")
    return tmp_path / "place"


def shell(line: str, cwd: Path, variables: Mapping[str, str | None] | None = None) -> subprocess.CompletedProcess[bytes]:
    """Run a line of shell in which `allograph` is the command; it never ends with a traceback."""
    chosen = {key: value for key, value in {**environment(), **(variables or {})}.items() if value is not None}
    named = f'allograph() {{ {" ".join(COMMAND)} "$@"; }}; {line}'
    done = subprocess.run(["bash", "-c", named], cwd=cwd, env=chosen, capture_output=True, timeout=300)
    assert b"Traceback" not in done.stderr + done.stdout, done.stderr.decode()
    assert b"Exception ignored" not in done.stderr
    return done


# Tables


labels = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=4)
figures = st.sampled_from(["76.80 %", "+12.60", "–", "49.0 % … 60.0 %", "40 / 0 / 2", "29,173", "89.40 % (+12.60)"])


@st.composite
def tables(draw: st.DrawFn) -> Table:
    """Methods across, figures of every kind."""
    methods = draw(st.lists(labels, min_size=1, max_size=6))
    names = st.sampled_from(["Gain, points", "  95 % interval", "Errors cut", "Test images"])
    heads = draw(st.lists(names, min_size=1, max_size=7))
    rows = tuple((head, *(draw(figures) for _ in methods)) for head in ["Accuracy", *heads])
    return Table("Table 3. Accuracy of the methods", ("", *methods), rows, methods_across=True)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(tables(), st.integers(20, 200))
def test_every_table_is_printed_whole_at_any_width(table: Table, width: int) -> None:
    lines = table_lines(table, width)
    shown = "\n".join(lines)
    upright = with_methods_as_rows(table)
    for row in upright.rows:
        assert any(line.startswith((f"{row[0]} ", f"  {row[0]}: ")) for line in lines)
    for row in table.rows:
        assert all(cell in shown for cell in row[1:])
    if width >= 80:
        assert max(map(cell_len, lines)) <= width
        for row in upright.rows:  # every figure of a method stands in a line of its own name
            of_method = " ".join(line for line in lines if line.startswith(f"{row[0]} "))
            assert all(cell in of_method for cell in row[1:])


def test_a_table_that_fits_is_one() -> None:
    table = Table("T", ("", "one", "two"), (("a", "1", "22"), ("bb", "333", "4")))
    assert table_lines(table, 80) == ["T", "", "    one  two", "────────────", "a     1   22", "bb  333    4", ""]
    assert table_lines(table, 8)[2:] == [
        "    one",
        "───────",
        "a     1",
        "bb  333",
        "",
        "    two",
        "───────",
        "a    22",
        "bb    4",
        "",
    ]
    assert table_lines(Table("T", ("", "wide"), (("a", "x" * 30),)), 20)[2:] == ["wide:", f"  a: {'x' * 30}", ""]


@settings(deadline=None)
@given(st.lists(st.tuples(labels, labels), min_size=1, max_size=8))
def test_every_label_survives_csv(pairs: list[tuple[str, str]]) -> None:
    table = Table("T", ("written", "read as", "base"), tuple((*pair, "1,024") for pair in pairs), texts=2)
    head, *rows = csv.reader(io.StringIO(csv_text(table)))
    assert head == ["written", "read as", "base"]
    assert rows == [[*pair, "1024"] for pair in pairs]


LATEX = {
    r"\textbackslash{}": "\\", r"\textasciitilde{}": "~", r"\textasciicircum{}": "^", r"\textless{}": "<", r"\textgreater{}": ">",
    r"\textbar{}": "|", r"\symbol{34}": '"', r"\textquotesingle{}": "'", r"\textasciigrave{}": "`", "{-}": "-", "{[}": "[",
    "{]}": "]", "{*}": "*", r"\{": "{", r"\}": "}", r"\#": "#", r"\$": "$", r"\%": "%", r"\&": "&", r"\_": "_",
}  # fmt: skip


def typeset(source: str) -> str:
    """What LaTeX makes of a text, for what `latex_text` may write."""
    shown, rest = "", source
    while rest:
        command = next((command for command in LATEX if rest.startswith(command)), rest[0])
        assert command in LATEX or command not in "\\{}#$%&_~^", f"{rest[0]} in {source!r} would be obeyed"
        shown += LATEX.get(command, command)
        rest = rest[len(command) :]
    return shown


@settings(deadline=None)
@given(labels)
def test_every_label_survives_latex(label: str) -> None:
    if not (label.startswith("-") and label[1:2].isdigit()):  # that is a figure
        assert typeset(latex_text(label)) == label


def test_latex_by_hand() -> None:
    rows = tuple((label, "1 %") for label in ("<", "&", "|", "\\", "_", "%", "[", "字"))
    lines = latex(Table("50 %\nof it", ("", "share"), rows)).splitlines()
    assert lines[0] == "% 50 % of it"
    assert lines[5:13] == [
        rf"{label} & 1 \% \\" for label in (r"\textless{}", r"\&", r"\textbar{}", r"\textbackslash{}", r"\_", r"\%", "{[}", "字")
    ]


def test_figures_in_csv_are_numbers() -> None:
    rows_across = (
        ("Gain", "-0.50", "–"),
        ("  95 % interval", "-1.0 % … 2.0 %", "–"),
        ("Better / equal / worse", "1 / 2 / 0", "3 / 0 / 0"),
        ("All", "89.4 % (+1.2)", "9.0 % (-3.0)"),
    )
    table = Table("T", ("", "a", "b"), rows_across, methods_across=True)
    head, *rows = csv.reader(io.StringIO(csv_text(table)))
    assert dict(zip(head, zip(*rows, strict=True), strict=True)) == {
        "method": ("a", "b"), "Gain": ("-0.50", ""), "Gain, 95 % interval, low, %": ("-1.0", ""),
        "Gain, 95 % interval, high, %": ("2.0", ""), "Better / equal / worse: better": ("1", "3"),
        "Better / equal / worse: equal": ("2", "0"), "Better / equal / worse: worse": ("0", "0"), "All, %": ("89.4", "9.0"),
        "All, gain": ("1.2", "-3.0"),
    }  # fmt: skip


# Evaluate at 80 columns


@pytest.mark.parametrize("columns", [None, "80", "20"])
def test_all_methods_print_whole_and_what_is_left_out_says_why(made: Path, columns: str | None) -> None:
    done = shell(" ".join(["allograph", *EVALUATE, "--method", "all"]), made, {"COLUMNS": columns})
    assert done.returncode == 0
    shown, said = done.stdout.decode(), done.stderr.decode()
    found = json.loads(allograph(*EVALUATE, "--method", "all", "--json", cwd=made).stdout)
    (run,) = found["runs"]
    assert list(run["methods"]) == ["paper", "prior", "lookup", "memory", "cache", "local", "head"]
    assert sorted(found["left_out"]) == ["allograph", "means", "transfer"]
    for name in found["left_out"]:
        (line,) = [line for line in said.splitlines() if line.startswith(f"left out: {name}: ")]
        assert "allograph tune" in line
    for name, method in run["methods"].items():
        lines = [line for line in shown.splitlines() if line.strip().startswith(name)]
        assert any(f"{100 * method['accuracy']:.2f} %" in line for line in lines)
        assert any(f"{100 * method['gain']:+.2f}" in line for line in lines)
    assert "pap…" not in shown
    if columns != "20":
        assert max(map(cell_len, shown.splitlines())) <= 80


def test_a_method_that_was_named_is_not_left_out(made: Path) -> None:
    error = allograph(*EVALUATE, "--method", "all", "--method", "means", cwd=made, status=2).stderr
    assert "has no population statistics" in error


@pytest.mark.parametrize(
    ("protocol", "title", "sentence"),
    [
        ("curve", "Table 3. Accuracy of the methods, after 100 corrections", "which 2 of 2 writers reached"),
        ("sequential", "Table 3. Accuracy of the methods, all samples in turn, feedback all", "feedback all: every label"),
    ],
)
def test_protocols_of_several_runs_say_of_which_the_headline_is(made: Path, protocol: str, title: str, sentence: str) -> None:
    shown = allograph(*EVALUATE, "--method", "lookup", "--protocol", protocol, cwd=made).stdout
    assert title in shown
    assert sentence in " ".join(shown.split())
    found = json.loads(allograph(*EVALUATE, "--method", "lookup", "--protocol", protocol, "--json", cwd=made).stdout)
    last = found["runs"][-1]["methods"]["lookup"]["accuracy"]
    assert f"the model reads {100 * last:.2f} % right" in found["headline"]
    assert found["headline"] in " ".join(shown.split())
    assert title.partition(", ")[2] in found["headline"]


# Streams


@pytest.mark.slow
def test_what_cannot_be_encoded_is_shown_otherwise(tmp_path: Path) -> None:
    tiny_bundle(tmp_path / "bundle", alphabet=["é", "字", "–", "─", *"012345"])
    shown = shell("allograph info bundle", tmp_path, {"LC_ALL": "C"}).stdout.decode()
    assert "é 字 – ─ 0" in shown
    shown = shell(
        "allograph info bundle", tmp_path, {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}
    ).stdout.decode()
    assert r"\xe9 \u5b57 - - 0" in shown
    ascii_only = {"PYTHONIOENCODING": "ascii"}
    done = shell("allograph info bundle", tmp_path, ascii_only)
    assert r"\xe9 \u5b57 - - 0 1 2" in done.stdout.decode("ascii")
    done = shell("allograph info bundle --json", tmp_path, ascii_only)
    assert json.loads(done.stdout.decode("ascii"))["alphabet"].startswith("é 字 – ─")
    done = shell("allograph info nöwhere", tmp_path, ascii_only)
    assert (done.returncode, done.stderr) == (2, b"allograph: n\\xf6where does not exist\n")
    noise_corpus(tmp_path / "noise.parquet", ["é"] * 8 + ["字"] * 8, ["a", "b"] * 8)
    done = shell("allograph evaluate noise.parquet --model bundle --adaptation 0.5 --jobs 1", tmp_path, ascii_only)
    assert done.returncode == 0
    assert "----" in done.stdout.decode("ascii")
    for line in ("allograph --help", "allograph evaluate --help", "allograph evaluate"):
        shell(line, tmp_path, ascii_only).stdout.decode("ascii")


@settings(deadline=None)
@given(st.text(), st.sampled_from(["ascii", "latin-1", "utf-8", "cp437"]))
def test_any_text_can_be_shown(text: str, encoding: str) -> None:
    before, sys.stdout = sys.stdout, io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    try:
        shown = encodable(text)
    finally:
        sys.stdout = before
    shown.encode(encoding)
    assert not any(ord(point) < 32 or point == "\x7f" for point in shown)


def test_an_argument_that_is_no_utf_8_is_named(made: Path) -> None:
    for line in (
        r"allograph info $'\xff.parquet'",
        r"allograph evaluate embedded.parquet --model $'b\xe9'",
        r"allograph $'\xff'",
    ):
        done = shell(line, made)
        assert done.returncode == 2
        assert b"is no UTF-8" in done.stderr
        assert b"\\udc" in done.stderr


@pytest.mark.parametrize(
    ("line", "status"),
    [
        ("allograph info bundle >&-", 0),
        ("allograph info bundle --json >&-", 0),
        ("allograph info bundle >&- 2>&-", 0),
        ("allograph info bundle <&- >&- 2>&-", 0),
        ("allograph --help >&-", 0),
        ("allograph info nowhere 2>&-", 2),
        ("allograph info nowhere 2>/dev/full", 2),
        ("allograph evaluate embedded.parquet --model bundle --resamples 1 --jobs 1 2>/dev/full", 0),
        ("allograph info bundle >/dev/full", 1),
        ("allograph --version >/dev/full", 1),
        ("allograph --show-completion bash >/dev/full", 1),
    ],
)
def test_closed_and_full_streams(made: Path, line: str, status: int) -> None:
    done = shell(line, made)
    assert done.returncode == status
    if "/dev/full" in line and "2>" not in line:
        assert b"standard output cannot be written" in done.stderr
    else:
        assert [text for text in done.stderr.splitlines() if not text.endswith("…".encode())] == []


def test_a_closed_standard_output_is_not_taken_for_an_output_file(place: Path) -> None:
    done = shell("allograph embed digits.parquet --model bundle -o new.parquet >&- 2>&-", place)
    assert done.returncode == 0
    assert (place / "new.parquet").read_bytes() == (place / "embedded.parquet").read_bytes()


@pytest.mark.parametrize(
    "settings",
    [
        {"COLUMNS": "x"},
        pytest.param({"COLUMNS": "20"}, marks=pytest.mark.slow),
        pytest.param({"TERM": "dumb"}, marks=pytest.mark.slow),
        pytest.param({"HOME": None}, marks=pytest.mark.slow),
        pytest.param({"LC_ALL": None, "LANG": None}, marks=pytest.mark.slow),
        pytest.param({"LC_ALL": "xx"}, marks=pytest.mark.slow),
    ],
)
def test_a_strange_environment(place: Path, settings: dict[str, str | None]) -> None:
    done = shell(" ".join(["allograph", *EVALUATE, "--report", "new"]), place, settings)
    assert done.returncode == 0
    assert (place / "new" / "report.html").exists()


# Outputs


@pytest.mark.parametrize(
    ("output", "message"),
    [
        ("fifo", "is a pipe, which is never replaced"),
        ("to-fifo", "is a pipe, which is never replaced"),
        ("/dev/null", "is a device, which is never replaced"),
        ("/dev/stdout", "which is never replaced"),
        ("/proc/self/fd/1", "which is never replaced"),
        ("digits.parquet", "is what is read"),
        ("./digits.parquet", "is what is read"),
        ("to-digits", "is what is read"),
        ("bundle/model.onnx", "bundle is read"),
        ("nowhere/x", "the folder nowhere does not exist"),
        ("digits.parquet/x", "the folder digits.parquet does not exist"),
        ("bundle", "a folder of that name is there"),
    ],
)
def test_an_output_that_would_harm_is_refused(place: Path, output: str, message: str) -> None:
    os.mkfifo(place / "fifo")
    (place / "to-fifo").symlink_to("fifo")
    (place / "to-digits").symlink_to("digits.parquet")
    before = {name: value for name, value in contents(place).items() if "fifo" not in name}
    done = shell(f"allograph embed digits.parquet --model bundle -o {output} | cat; exit ${{PIPESTATUS[0]}}", place)
    assert done.returncode == 2, done.stderr
    assert message in done.stderr.decode()
    assert done.stdout == b""
    assert {name: value for name, value in contents(place).items() if "fifo" not in name} == before
    assert (place / "fifo").is_fifo()
    assert (place / "to-fifo").is_symlink()
    assert Path("/dev/null").is_char_device()


@pytest.mark.slow
def test_what_evaluate_writes_goes_into_no_pipe_and_no_input(place: Path) -> None:
    os.mkfifo(place / "fifo")
    for option, output in (
        ("--report", "fifo"), ("--tables", "/dev/null"), ("--report", "embedded.parquet"), ("--tables", "bundle"),
        ("--predictions", "fifo"), ("--predictions", "embedded.parquet"), ("--predictions", "split.csv"),
    ):  # fmt: skip
        allograph(*EVALUATE, "--split", "split.csv", option, output, cwd=place, status=2)
    assert (place / "fifo").is_fifo()


@pytest.mark.slow
def test_what_a_link_points_to_is_replaced_and_the_link_stays(place: Path) -> None:
    (place / "target.parquet").write_bytes(b"old")
    os.chmod(place / "target.parquet", 0o600)
    for link, target in (("link.parquet", "target.parquet"), ("dangling.parquet", "new.parquet")):
        (place / link).symlink_to(target)
        allograph("embed", "digits.parquet", "--model", "bundle", "-o", link, cwd=place)
        assert os.readlink(place / link) == target
        assert (place / target).read_bytes() == (place / "embedded.parquet").read_bytes()
    assert (place / "target.parquet").stat().st_mode & 0o777 == 0o600
    (place / "reports").mkdir()
    (place / "link").symlink_to("reports")
    allograph(*EVALUATE, "--report", "link", cwd=place)
    assert (place / "link").is_symlink()
    assert (place / "reports" / "report.html").exists()


STRANGE = ("100% of it", "-x", "é–字", "'\"`$(x)", "%s%d", "n" * 250)


@pytest.mark.parametrize("name", ["a\nb", *(pytest.param(name, marks=pytest.mark.slow) for name in STRANGE)])
def test_a_path_of_any_name(place: Path, name: str) -> None:
    shutil.copytree(place / "bundle", place / name)
    made = place / f"{name[:240]}.parquet"
    allograph("embed", "--model", f"./{name}", f"--output=./{made.name}", "--", "digits.parquet", cwd=place)
    assert made.exists()
    shown = allograph("info", "--json", "--", made.name, cwd=place)
    assert json.loads(shown.stdout)["path"] == made.name
    options = ["--resamples", "1", "--jobs", "1", "--report", f"./r{name[:240]}", "--predictions", f"./p{name[:240]}"]
    done = allograph("evaluate", f"--model=./{name}", *options, "--", made.name, cwd=place)
    assert "report: " in done.stdout
    assert (place / f"r{name[:240]}" / "report.html").exists()
    assert (place / f"p{name[:240]}").exists()


# Exit status


def test_the_module_is_the_command(made: Path) -> None:
    run = {"cwd": made, "env": environment(), "capture_output": True, "text": True}
    done = subprocess.run([sys.executable, "-m", "allograph", "--version"], **run)  # type: ignore[call-overload]
    assert (done.returncode, done.stdout) == (0, allograph("--version", cwd=made).stdout)
    done = subprocess.run([sys.executable, "-m", "allograph", "nothing"], **run)  # type: ignore[call-overload]
    assert done.returncode == 2
    assert "Usage: allograph [OPTIONS]" in done.stderr


def test_our_own_fault_is_a_line_and_its_traceback_is_to_be_had(made: Path) -> None:
    broken = (
        "import allograph.cli.info as info; from allograph.cli.main import main\n"
        "def fail(*_): raise RuntimeError('on purpose')\n"
        "info.describe = fail; main()"
    )
    for debug in ("", "1"):
        settings = {**environment(), "ALLOGRAPH_DEBUG": debug}
        done = subprocess.run(
            [sys.executable, "-c", broken, "info", "bundle"], cwd=made, env=settings, capture_output=True, text=True
        )
        assert (done.returncode, done.stdout) == (1, "")
        assert "a fault of allograph's own: RuntimeError: on purpose (" in done.stderr
        assert ("Traceback" in done.stderr) == bool(debug)


@pytest.mark.parametrize("command", [("info", "nowhere"), ("evaluate", "nowhere"), ("evaluate", "embedded.parquet", "--nothing")])
def test_an_error_leaves_standard_output_empty_for_json_too(made: Path, command: tuple[str, ...]) -> None:
    done = allograph(*command, "--json", cwd=made, status=2)
    assert done.stdout == ""
    assert done.stderr


# Help and completion


def commands() -> dict[str, Any]:
    """Every command by its words."""
    group = get_command(app)
    assert isinstance(group, TyperGroup)
    found: dict[str, Any] = {"": group}
    for name, command in group.commands.items():
        found[name] = command
        found |= {f"{name} {inner}": one for inner, one in getattr(command, "commands", {}).items()}
    return found


@pytest.mark.parametrize("name", commands())
def test_help_documents_every_option_at_80_columns(name: str) -> None:
    done = CliRunner().invoke(app, [*name.split(), "--help"], env={"COLUMNS": "80"})
    assert done.exit_code == 0
    shown = done.stdout
    lines = [line.rstrip() for line in shown.splitlines()]
    assert max(map(cell_len, lines)) <= 80
    words = set(shown.split())
    joined = re.sub(r"[\s│]+", "", shown)  # a word that is wider than its column is continued below
    for parameter in commands()[name].params:
        is_option = parameter.param_type_name == "option"
        named = parameter.opts if is_option else [parameter.name]
        assert all(option in (words if is_option else shown) for option in named), f"{named} is cut or missing"
        assert parameter.help, f"{named} is not documented"
        missing = {word for word in parameter.help.split() if word not in words and word not in joined}
        assert not missing, f"the help of {named} is cut"
    for inner, command in getattr(commands()[name], "commands", {}).items():
        assert inner in words
        assert command.help


def completed(words: str, shell_name: str = "bash") -> list[str]:
    """What the command offers for the last of these words."""
    settings = {"_ALLOGRAPH_COMPLETE": f"complete_{shell_name}"}
    if shell_name == "bash":
        settings |= {"COMP_WORDS": words, "COMP_CWORD": str(len(words.split(" ")) - 1)}
    else:
        settings |= {"_TYPER_COMPLETE_ARGS": words, "_TYPER_COMPLETE_FISH_ACTION": "get-args"}
    done = subprocess.run(COMMAND, env={**environment(), **settings}, capture_output=True, text=True, check=True)
    return done.stdout.replace('"', " ").replace("\t", " ").split()


@pytest.mark.slow
def test_completion_knows_commands_options_methods_and_protocols() -> None:
    assert completed("allograph ev") == ["evaluate", "evaluate-lines"]
    assert completed("allograph writers mi") == ["migrate"]
    assert "--predictions" in completed("allograph evaluate --p")
    assert completed("allograph evaluate x --method me") == ["memory", "means", "memory+size"]
    assert completed("allograph evaluate x --protocol ") == ["resample", "sequential", "curve", "unlabelled"]
    for shell_name in ("zsh", "fish"):
        assert {"memory", "means"} <= set(completed("allograph evaluate x --method me", shell_name))


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("bash", ".bash_completions/allograph.sh"),
        ("zsh", ".zfunc/_allograph"),
        ("fish", ".config/fish/completions/allograph.fish"),
    ],
)
def test_completion_is_shown_and_installed(tmp_path: Path, name: str, file: str) -> None:
    shown = shell(f"allograph --show-completion {name}", tmp_path)
    assert shown.returncode == 0
    assert b"_ALLOGRAPH_COMPLETE" in shown.stdout
    assert shell(f"allograph --install-completion {name}", tmp_path, {"HOME": str(tmp_path)}).returncode == 0
    assert (tmp_path / file).read_bytes().strip() == shown.stdout.strip()


def test_bash_completes_by_what_is_shown(tmp_path: Path) -> None:
    (tmp_path / "allograph").write_text(f'#!/bin/sh\nexec {" ".join(COMMAND)} "$@"\n')
    os.chmod(tmp_path / "allograph", 0o755)
    line = (
        'eval "$(allograph --show-completion bash)"; COMP_WORDS=(allograph evaluate x --protocol s); COMP_CWORD=4; '
        '_allograph_completion allograph; echo "${COMPREPLY[@]}"'
    )
    settings = {**environment(), "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    done = subprocess.run(["bash", "-c", line], env=settings, capture_output=True, text=True, check=True)
    assert done.stdout == "sequential\n"
