"""Boxes of every kind, for tests that hold for all."""

from __future__ import annotations

from hypothesis import strategies as st

from allograph.samples.box import FARTHEST, LONGEST_DEVICE, UNITS, Box

COORDINATES = st.floats(-FARTHEST, FARTHEST)
DEVICES = st.text(st.characters(exclude_categories=("Cc", "Cs", "Cf", "Co", "Cn", "Z")), max_size=LONGEST_DEVICE)


@st.composite
def some_boxes(draw: st.DrawFn) -> Box:
    """A box: any edges, units and devices, with a baseline or without; a dot has no extent."""
    left, right = sorted((draw(COORDINATES), draw(COORDINATES)))
    top, bottom = sorted((draw(COORDINATES), draw(COORDINATES)))
    return Box(left, top, right, bottom, draw(st.sampled_from(UNITS)), draw(DEVICES), draw(st.none() | COORDINATES))


BOXES = some_boxes()
DOUBTS = st.floats(0, 1)
