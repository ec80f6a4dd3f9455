"""Samples: one character each, as a picture or as ink, whose writer has a name."""

from __future__ import annotations

from allograph.samples.box import Box, Boxes
from allograph.samples.sample import Readable, Sample

__all__ = ["Box", "Boxes", "Readable", "Sample"]
