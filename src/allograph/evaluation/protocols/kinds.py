"""The protocols that there are."""

from __future__ import annotations

from allograph.evaluation.protocols.curve import Curve, CurvePoint
from allograph.evaluation.protocols.resample import Resample
from allograph.evaluation.protocols.sequential import Sequential
from allograph.evaluation.protocols.unlabelled import Unlabelled, UnlabelledPoint

EvaluationProtocol = Resample | Sequential | Curve | Unlabelled
"""How methods are judged: a protocol has one run or several."""
RunProtocol = Resample | Sequential | CurvePoint | UnlabelledPoint
"""How one run is made: the trials of each writer."""
