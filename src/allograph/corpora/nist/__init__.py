"""NIST Special Database 19: its pictures, and the lists that say who wrote them, from a folder or the zip archive."""

from __future__ import annotations

from allograph.corpora.nist.source import NistSource

__all__ = ["NistSource"]
