"""DeepWriting: digital ink of whole lines, cut into characters, in both forms in which it is published."""

from __future__ import annotations

from allograph.corpora.deepwriting.source import DeepWritingSource

__all__ = ["DeepWritingSource"]
