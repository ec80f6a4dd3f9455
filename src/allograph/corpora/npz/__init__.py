"""NumPy archives of samples, those among them whose arrays hold objects; nothing is unpickled."""

from __future__ import annotations

from allograph.corpora.npz.source import NpzSource

__all__ = ["NpzSource"]
