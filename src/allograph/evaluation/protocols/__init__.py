"""Protocols: which of a writer's samples are learned from, which are tested, and in what order (paper §4.5).

`Resample` parts each label's samples at random (the paper's protocol), `Sequential` answers a writer's samples in turn and learns
each after its answer, `Curve` tests the same samples after more and more corrections, `Unlabelled` reads them beside more and
more others without a correction; `KnnPer` is the split of kNN-Per's experiments. A protocol gives trials; `replay_writers`
replays them with every adapter and notes the answers.
"""

from allograph.evaluation.protocols.answers import MethodAnswers, WriterAnswers
from allograph.evaluation.protocols.curve import Curve
from allograph.evaluation.protocols.kinds import EvaluationProtocol, RunProtocol
from allograph.evaluation.protocols.knn_per import KnnPer
from allograph.evaluation.protocols.replay import replay_writers
from allograph.evaluation.protocols.resample import Resample
from allograph.evaluation.protocols.sequential import Sequential
from allograph.evaluation.protocols.unlabelled import Unlabelled
from allograph.evaluation.protocols.writer_samples import WriterSamples, samples_by_writer

__all__ = [
    "Curve",
    "EvaluationProtocol",
    "KnnPer",
    "MethodAnswers",
    "Resample",
    "RunProtocol",
    "Sequential",
    "Unlabelled",
    "WriterAnswers",
    "WriterSamples",
    "replay_writers",
    "samples_by_writer",
]
