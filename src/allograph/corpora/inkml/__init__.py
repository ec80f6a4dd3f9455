"""InkML (W3C 2011): digital ink with labels, read and written."""

from __future__ import annotations

from allograph.corpora.inkml.source import InkmlSource
from allograph.corpora.inkml.writing import Written, write_inkml

__all__ = ["InkmlSource", "Written", "write_inkml"]
