"""What README.md and docs/ say: links lead somewhere, Python runs, command lines parse, what is named exists."""

from __future__ import annotations

import csv
import importlib
import re
import shlex
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from functools import reduce
from pathlib import Path
from typing import NamedTuple

import pytest
import typer
from markdown_it import MarkdownIt
from markdown_it.token import Token
from typer.core import TyperGroup
from typer.main import get_command

from allograph.cli.main import app
from allograph.split import paper_split

ROOT = Path(__file__).parent.parent
BESIDE = ("README.md", "CONTRIBUTING.md", "SECURITY.md", "changelog.d/README.md")
PAGES = [*(ROOT / name for name in BESIDE), *sorted((ROOT / "docs").glob("*.md"))]
NOT_RUN = re.compile(r"<!-- not run: .+ -->\n?")
CODE_PATH = re.compile(r"(?:src|tests|benchmarks|docs)/[\w./-]+")
COMMAND = re.compile(r"(?:\$ )?(?:\S*/)?allograph (?=\S)")

every_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)


class Link(NamedTuple):
    page: Path
    target: str
    text: str
    """What is linked, where that is code; empty elsewhere."""


def tokens(page: Path) -> list[Token]:
    return MarkdownIt("commonmark").enable("table").parse(page.read_text(encoding="utf-8"))


def inline(page: Path) -> Iterator[list[Token]]:
    for token in tokens(page):
        if token.children:
            yield token.children


def links(page: Path) -> Iterator[Link]:
    for children in inline(page):
        for token, following in zip(children, [*children[1:], None], strict=True):
            target = token.attrGet("href") or token.attrGet("src")
            if target is not None:
                yield Link(page, str(target), following.content if following and following.type == "code_inline" else "")
    for tag in re.findall(r'<[^>]+ (?:href|src)="([^"]+)"', page.read_text(encoding="utf-8")):
        yield Link(page, tag, "")


def anchors(page: Path) -> Counter[str]:
    """The anchors that GitHub gives a page's headings."""
    parsed = tokens(page)
    headings = [parsed[i + 1] for i, token in enumerate(parsed) if token.type == "heading_open"]
    return Counter(slug("".join(child.content for child in heading.children or [])) for heading in headings)


def slug(heading: str) -> str:
    """What GitHub makes of a heading.

    >>> slug("§4.3 The split, and `code`")
    '43-the-split-and-code'
    """
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


@every_page
def test_every_link_leads_somewhere(page: Path) -> None:
    for link in links(page):
        path, _, anchor = link.target.partition("#")
        if re.match(r"[a-z]+:", path):
            continue
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), f"{page.name}: {link.target} does not exist"
        assert target.is_relative_to(ROOT), f"{page.name}: {link.target} leads out of the repository"
        if anchor:
            assert target.suffix == ".md", f"{page.name}: {link.target} names a place in a file that has no headings"
            assert anchors(target)[anchor] == 1, f"{page.name}: {target.name} has no heading, or several, for #{anchor}"


@every_page
def test_every_code_path_exists(page: Path) -> None:
    for children in inline(page):
        for token in children:
            if token.type == "code_inline" and CODE_PATH.fullmatch(token.content):
                assert (ROOT / token.content).exists(), f"{page.name}: there is no {token.content}"


NAMED = [link for page in PAGES for link in links(page) if link.text and link.target.endswith(".py")]


@pytest.mark.parametrize("link", NAMED, ids=lambda link: f"{link.page.name}-{link.text}")
def test_every_name_beside_its_module_is_in_it(link: Link, request: pytest.FixtureRequest) -> None:
    path = (link.page.parent / link.target).resolve().relative_to(ROOT / "src").with_suffix("")
    try:
        module = importlib.import_module(".".join(path.parts))
    except ImportError:
        request.getfixturevalue("torch_installed")  # skips where that is what is missing
        raise
    reduce(getattr, link.text.split("."), module)


def test_the_method_names_its_functions() -> None:
    assert sum(link.page.name == "method.md" for link in NAMED) > 30


def script(page: Path) -> str:
    """The page's Python, each line where it stands in the page; a block after `<!-- not run: why -->` is left out."""
    lines = [""] * len(page.read_text(encoding="utf-8").splitlines())
    before: Token | None = None
    for token in tokens(page):
        if token.type == "fence" and token.info.split()[:1] == ["python"] and token.map:
            marked = before is not None and before.type == "html_block" and "not run" in before.content
            if not marked:
                code = token.content.splitlines()
                lines[token.map[0] + 1 : token.map[0] + 1 + len(code)] = code
            elif before is not None:
                assert NOT_RUN.fullmatch(before.content), f"{page.name}: say why a block is not run: <!-- not run: why -->"
        before = token
    return "\n".join(lines)


SLOW = {"formats.md", "scikit-learn.md", "service.md", "write-an-adapter.md"}
"""Pages whose examples take more than a few seconds."""


@pytest.mark.parametrize(
    "page",
    [pytest.param(page, marks=pytest.mark.slow) if page.name in SLOW else page for page in PAGES],
    ids=lambda page: page.name,
)
def test_every_python_block_runs(page: Path, tmp_path: Path) -> None:
    file = tmp_path / f"{page.stem}.py"
    file.write_text(script(page), encoding="utf-8")
    folder = tmp_path / "empty"
    folder.mkdir()
    done = subprocess.run([sys.executable, file], cwd=folder, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, f"{page.name} (lines are those of the page):\n{done.stderr}"


def test_python_blocks_are_found() -> None:
    assert "pq.ParquetFile" in script(ROOT / "docs" / "formats.md")
    assert "checkpoint.safetensors" not in script(ROOT / "docs" / "formats.md")


def typed_commands(page: Path) -> Iterator[list[str]]:
    """The command lines in code blocks, as a shell would hand them over."""
    for token in tokens(page):
        if token.type in ("fence", "code_block") and token.info.split()[:1] != ["python"]:
            for line in token.content.replace("\\\n", " ").splitlines():
                if match := COMMAND.match(line.strip()):
                    yield shlex.split(line.strip()[match.end() :], comments=True)


def mentioned_commands(page: Path) -> Iterator[list[str]]:
    """The command lines within sentences, which may leave out what does not matter there."""
    for children in inline(page):
        for token in children:
            if token.type == "code_inline" and (match := COMMAND.match(token.content)):
                yield token.content[match.end() :].split()


def parse(group: TyperGroup, words: list[str], page: Path) -> None:
    """Parse a command line down to its last command; raises for what that does not know, and for what it misses."""
    name, *rest = words
    command = group.commands.get(name)
    assert name.startswith("-") or command is not None, f"{page.name}: there is no command {' '.join(words)}"
    with suppress(typer.Exit, SystemExit):  # --help and --show-completion end so
        if isinstance(command, TyperGroup):
            parse(command, rest, page)
        elif command is not None:
            command.make_context(name, rest)
        elif "--install-completion" not in words:
            group.make_context("allograph", words)


ROW = re.compile(r"(?<!\\)\|")
"""What parts the cells of a row."""


@every_page
def test_every_table_has_a_head_and_as_many_cells_in_each_row(page: Path) -> None:
    text = re.sub(r"(?m)^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    for block in re.split(r"\n(?!\|)", text):
        rows = [line.strip() for line in block.splitlines() if line.startswith("|")]
        if not rows:
            continue
        assert len(rows) > 2, f"{page.name}: this is no table: {rows[0]}"
        assert re.fullmatch(r"\|(?: ?:?-+:? ?\|)+", rows[1]), f"{page.name}: the table {rows[0]} has no head"
        for row in rows:
            assert row.endswith("|"), f"{page.name}: {row}"
            assert len(ROW.split(row)) == len(ROW.split(rows[1])), f"{page.name}: {row} has not as many cells as {rows[0]}"


@every_page
def test_every_command_line_parses(page: Path) -> None:
    group = get_command(app)
    assert isinstance(group, TyperGroup)
    for words in typed_commands(page):
        parse(group, words, page)
    for name, *words in mentioned_commands(page):
        known = ["--help", "-h"]
        if not name.startswith("-") and not name.isupper():  # COMMAND stands for any
            command = group.commands.get(name)
            assert command is not None, f"{page.name}: there is no command allograph {name}"
            if isinstance(command, TyperGroup) and words and words[0] in command.commands:
                command = command.commands[words[0]]
            known += [option for parameter in command.params for option in parameter.opts]
        for option in (word.partition("=")[0] for word in words if word.startswith("-")):
            assert option in known, f"{page.name}: allograph {name} has no option {option}"


def test_command_lines_are_found() -> None:
    assert ["prepare", "nist", "by_class.zip", "-o", "nist.parquet"] in list(typed_commands(ROOT / "docs" / "corpora.md"))
    assert ["train", "…", "-o", "NAME"] in list(mentioned_commands(ROOT / "docs" / "formats.md"))


@pytest.mark.parametrize(
    ("source", "row"), [("nist", "| NIST | 286 | 285 | 1: "), ("deepwriting", "| DeepWriting | 8 | 8 | none")]
)
def test_what_is_said_of_ties_in_the_split_is_so(source: str, row: str, shared: Path) -> None:
    with open(shared / "data" / f"paper_split_{source}.csv", newline="", encoding="utf-8") as file:
        writers = list(csv.DictReader(file))
    ours = paper_split({writer["writer"]: int(writer["samples"]) for writer in writers}, source)
    moved = [writer for writer in writers if ours[writer["writer"]] != writer["split"]]
    tested = [writer for writer in moved if "application" in (writer["split"], ours[writer["writer"]])]
    pairs, testing = len(moved) // 2, len(tested) // 2
    assert f"| {pairs} | {pairs - testing} | {testing or 'none'}" in row
    page = (ROOT / "docs" / "method.md").read_text(encoding="utf-8")
    assert row in page
    for writer in tested:
        assert f"`{writer['writer']}`" in page
        assert f"{writer['samples']} samples" in page
