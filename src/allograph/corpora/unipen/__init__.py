"""UNIPEN: digital ink of isolated characters and of lines, as the foundation publishes it (format UNIPEN 1.0)."""

from __future__ import annotations

from allograph.corpora.unipen.source import UnipenSource

__all__ = ["UnipenSource"]
