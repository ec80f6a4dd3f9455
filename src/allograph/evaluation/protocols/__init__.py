"""Protocols: which of a writer's samples are learned from, which are tested, and in what order (paper §4.5)."""
