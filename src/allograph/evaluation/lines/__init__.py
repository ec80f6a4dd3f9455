"""Evaluation of lines: how well the text of whole lines is read, before and after a writer corrected some of them.

`evaluate_lines` has each writer correct the first lines, as a person would, and judges the rest; it returns a `LineEvaluation`:
figures, rows, tables, and a report with the lines drawn.
"""

from allograph.evaluation.lines.experiment import evaluate_lines
from allograph.evaluation.lines.outcome import LineEvaluation
from allograph.evaluation.lines.protocol import LineProtocol

__all__ = ["LineEvaluation", "LineProtocol", "evaluate_lines"]
