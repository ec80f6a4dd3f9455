"""One run of an evaluation: its answers, and every measure of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from allograph.alphabet.labels import Alphabet
from allograph.bundle import Bundle
from allograph.evaluation.measures.course import Course, courses
from allograph.evaluation.measures.duels import Duel, duels
from allograph.evaluation.measures.error_kinds import ErrorKind, error_kinds
from allograph.evaluation.measures.figures import Figures, figures
from allograph.evaluation.measures.first_samples import FirstSamples, first_samples
from allograph.evaluation.measures.quality import Quality, qualities
from allograph.evaluation.measures.slips import SlipFigures, slip_figures
from allograph.evaluation.protocols.answers import WriterAnswers
from allograph.evaluation.protocols.kinds import EvaluationProtocol, RunProtocol
from allograph.evaluation.protocols.sequential import Sequential


@dataclass(frozen=True)
class Setup:
    """What is evaluated, and how."""

    corpus: str
    """The name of the corpus."""
    bundle: Bundle
    protocol: EvaluationProtocol


@dataclass(frozen=True)
class Run:
    """One run and its figures."""

    protocol: RunProtocol
    answers: Sequence[WriterAnswers]
    figures: Figures
    qualities: Mapping[str, Quality]
    """Of `base` and of each method."""
    duels: Sequence[Duel]
    """Each method against each that has fewer right answers."""
    courses: Mapping[str, Course] | None
    """Each method's accuracy as corrections come in; None unless the run is sequential."""
    first_samples: Mapping[str, FirstSamples] | None
    """Each method's first answers to each writer; None unless the run is sequential."""
    error_kinds: Mapping[str, Mapping[ErrorKind, int]]
    """The errors of `base` and of each method, by kind."""
    slips: Mapping[str, SlipFigures]
    """How well each method's doubt finds wrong corrections; empty unless some were wrong on purpose."""

    @classmethod
    def of(cls, protocol: RunProtocol, answers: Sequence[WriterAnswers], alphabet: Alphabet) -> Run:
        """Measure the answers; raises `InputError` where there is no test sample."""
        in_turn = isinstance(protocol, Sequential)
        return cls(
            protocol,
            answers,
            figures(answers, protocol.seed),
            qualities(answers, alphabet),
            duels(answers, protocol.seed),
            courses(answers) if in_turn else None,
            first_samples(answers, protocol.feedback == "all", protocol.seed) if in_turn else None,
            error_kinds(answers, alphabet),
            slip_figures(answers),
        )
