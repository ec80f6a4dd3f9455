"""What the docs site has beyond docs/: README.md and CONTRIBUTING.md as pages, and links into the repository (see mkdocs.yml)."""

from __future__ import annotations

import posixpath
import re
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

ROOT = Path(__file__).parent.parent
PAGES = {"README.md": "index.md", "CONTRIBUTING.md": "contributing.md"}
LINK = re.compile(r"(\]\(|href=\"|src=\")(?![a-z]+:|#)([^)\"#]+)")


def on_files(files: Files, config: Any) -> Files:
    """Add the pages that lie outside docs/."""
    for name, page in PAGES.items():
        text = (ROOT / name).read_text(encoding="utf-8")
        files.append(File.generated(config, page, content=moved_links(text, ".", config.repo_url)))
    return files


def on_page_markdown(markdown: str, page: Any, config: Any, **_: Any) -> str:
    """Turn the links of a page of docs/ that lead out of it."""
    if page.file.src_uri in PAGES.values():
        return markdown
    return moved_links(markdown, posixpath.join("docs", posixpath.dirname(page.file.src_uri)), config.repo_url)


def moved_links(markdown: str, folder: str, repository: str) -> str:
    """Replace links, relative to `folder` of the repository: to pages of the site where it has them, else to the repository."""

    def moved(link: re.Match[str]) -> str:
        start, target = link.groups()
        path = posixpath.normpath(posixpath.join(folder, target))
        if path in PAGES:
            return start + PAGES[path]
        if path.startswith("docs/"):
            return start + (path.removeprefix("docs/") if folder == "." else target)
        return f"{start}{repository}/{'tree' if (ROOT / path).is_dir() else 'blob'}/main/{path}"

    return LINK.sub(moved, markdown)
