"""The folder of a report: `report.html` for people, `report.md` for a paper or an issue, `results.json` for programs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from allograph.errors import InputError
from allograph.evaluation.report.content import markdown_report, report_content
from allograph.evaluation.report.page import html
from allograph.evaluation.report.results import write_results
from allograph.evaluation.report.table import Table
from allograph.evaluation.runs import Run, Setup
from allograph.files.atomic import atomic_folder

HTML, MARKDOWN, RESULTS = "report.html", "report.md", "results.json"


def check_folder(folder: str | Path) -> None:
    """Raise `InputError` when a report would replace something else: a folder may be new, empty, or an older report."""
    folder = Path(folder)
    files = sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []
    if files and files != [HTML, MARKDOWN, RESULTS]:
        named = ", ".join(files[:3]) + (", …" if len(files) > 3 else "")
        raise InputError(
            f"{folder} holds {named} and is no report; a report replaces its whole folder: name a new or an empty one"
        )


def write_report(folder: str | Path, setup: Setup, runs: Sequence[Run], tables: Sequence[Table], results: dict[str, Any]) -> Path:
    """Write the three files into a folder, all or nothing; returns the path of the page. An older report there is replaced.

    Raises `InputError` when the folder holds anything else.
    """
    check_folder(folder)
    content = report_content(setup, runs, tables)
    tested = {int(label) for writer in runs[-1].answers for label in np.unique(writer.true)}
    page, text = html(content, setup.bundle, tested), markdown_report(content)
    with atomic_folder(Path(folder).resolve()) as temporary:
        (temporary / HTML).write_text(page, encoding="utf-8")
        (temporary / MARKDOWN).write_text(text, encoding="utf-8")
        write_results(temporary / RESULTS, results)
    return Path(folder) / HTML
