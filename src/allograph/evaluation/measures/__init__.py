"""Measures: what the answers of a run amount to.

`figures` gives accuracy, gain and error cut with their intervals, `qualities` what accuracy does not say, `duels` each method
against each other, `courses` accuracy as corrections come in, `first_samples` what a person feels of it at first,
`learning_curve` how fast a label is learned, `error_kinds` what is taken for what, and `slip_figures` whether wrong corrections
are found.
"""

from allograph.evaluation.measures.course import Course, courses
from allograph.evaluation.measures.duels import Duel, duels
from allograph.evaluation.measures.error_kinds import ERROR_KINDS, ErrorKind, error_kinds
from allograph.evaluation.measures.figures import Figures, MethodFigures, WriterFigures, figures
from allograph.evaluation.measures.first_samples import FirstSamples, Span, first_samples
from allograph.evaluation.measures.learning_curve import learning_curve
from allograph.evaluation.measures.quality import Quality, qualities
from allograph.evaluation.measures.slips import SlipFigures, slip_figures

__all__ = [
    "ERROR_KINDS",
    "Course",
    "Duel",
    "ErrorKind",
    "Figures",
    "FirstSamples",
    "MethodFigures",
    "Quality",
    "SlipFigures",
    "Span",
    "WriterFigures",
    "courses",
    "duels",
    "error_kinds",
    "figures",
    "first_samples",
    "learning_curve",
    "qualities",
    "slip_figures",
]
