"""Measures: what the answers of a run amount to.

`figures` gives accuracy, gain and error cut with their intervals, `qualities` what accuracy does not say, `duels` each method
against each other, `courses` accuracy as corrections come in, and `learning_curve` how fast a label is learned.
"""

from allograph.evaluation.measures.course import Course, courses
from allograph.evaluation.measures.duels import Duel, duels
from allograph.evaluation.measures.figures import Figures, MethodFigures, WriterFigures, figures
from allograph.evaluation.measures.learning_curve import learning_curve
from allograph.evaluation.measures.quality import Quality, qualities

__all__ = [
    "Course",
    "Duel",
    "Figures",
    "MethodFigures",
    "Quality",
    "WriterFigures",
    "courses",
    "duels",
    "figures",
    "learning_curve",
    "qualities",
]
