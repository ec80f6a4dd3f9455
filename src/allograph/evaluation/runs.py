"""Everything that is found in the answers of one run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from allograph.alphabet.labels import Alphabet
from allograph.evaluation.measures.course import Course, courses
from allograph.evaluation.measures.duels import Duel, duels
from allograph.evaluation.measures.figures import Figures, figures
from allograph.evaluation.measures.quality import Quality, qualities
from allograph.evaluation.protocols.curve import Curve
from allograph.evaluation.protocols.replay import Protocol, Replayed
from allograph.evaluation.protocols.resample import Resample
from allograph.evaluation.protocols.sequential import Sequential

Plan = Resample | Sequential | Curve
"""What is asked for: one run, or several that belong together."""


@dataclass(frozen=True)
class Run:
    """One run and its figures."""

    protocol: Protocol
    replayed: Sequence[Replayed]
    figures: Figures
    qualities: Mapping[str, Quality]
    """Of `base` and of each method."""
    duels: Sequence[Duel]
    """Each method against each that does worse."""
    courses: Mapping[str, Course] | None
    """Each method's way through the samples, where they were answered and learned in turn."""

    @classmethod
    def of(cls, protocol: Protocol, replayed: Sequence[Replayed], alphabet: Alphabet) -> Run:
        """Judge the answers; raises `InputError` when there is no test sample."""
        found = figures(replayed, protocol.seed)
        in_turn = courses(replayed) if isinstance(protocol, Sequential) else None
        return cls(protocol, replayed, found, qualities(replayed, alphabet), duels(replayed, protocol.seed), in_turn)
