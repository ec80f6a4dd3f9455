"""Corpora: samples of handwriting with labels and writers, in files that are made from a source by `prepare`.

A source is a class with the attributes and the two methods of `Source`: it lists its samples, with their labels and writers, and
renders any of them as images. To add one, write such a class in a file of its own here (a room where it is large: `nist`,
`deepwriting`, `npz`), and give it a line in `sources.SOURCES`, which the command line and `prepare` read. A source that is not
in this package needs no line: `prepare` takes the object. Lines of text are in files of another kind, made by `prepare_lines`.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from allograph.corpora.corpus import Corpus as Corpus
    from allograph.corpora.corpus import LabelledImages as LabelledImages
    from allograph.corpora.folds import fold as fold
    from allograph.corpora.lines.corpus import LineCorpus as LineCorpus
    from allograph.corpora.lines.line import LabelledLine as LabelledLine
    from allograph.corpora.lines.preparation import prepare_lines as prepare_lines
    from allograph.corpora.lines.record import LineCorpusRecord as LineCorpusRecord
    from allograph.corpora.preparation import prepare as prepare
    from allograph.corpora.record import CorpusRecord as CorpusRecord
    from allograph.corpora.source import Listing as Listing
    from allograph.corpora.source import Rendered as Rendered
    from allograph.corpora.source import Source as Source
    from allograph.corpora.sources import SOURCES as SOURCES
    from allograph.corpora.sources import make_source as make_source

_MODULES = {
    "SOURCES": "sources",
    "Corpus": "corpus",
    "CorpusRecord": "record",
    "LabelledImages": "corpus",
    "LabelledLine": "lines.line",
    "LineCorpus": "lines.corpus",
    "LineCorpusRecord": "lines.record",
    "Listing": "source",
    "Rendered": "source",
    "Source": "source",
    "fold": "folds",
    "make_source": "sources",
    "prepare": "preparation",
    "prepare_lines": "lines.preparation",
}
__all__ = list(_MODULES)


def __getattr__(name: str) -> Any:
    """Load a name of this room when it is first used: `Corpus` and `prepare` need pyarrow."""
    if name in _MODULES:
        return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
