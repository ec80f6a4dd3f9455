"""Replaying a writer by the paper's method, against a literal version that fits five scikit-learn kNNs for every sample."""

from __future__ import annotations

import numpy as np

from allograph.adapters import Trial
from allograph.evaluation.protocols.resample import Resample
from allograph.evaluation.protocols.writer_samples import WriterSamples
from allograph.styles import z_scores
from literal_paper import LiteralPaper
from outcomes import note
from synthetic import ALPHABET, adapter, styles, writer
from timing import paired, show

SAMPLES, ROUNDS = 400, 5


def trial_of(task: WriterSamples) -> Trial:
    """One resample of a writer, 90 % to adapt to."""
    return Resample(resamples=1, feedback="all").trials(task.writer, np.array(task.samples.labels))[0]


def replay_literal(task: WriterSamples) -> list[str]:
    """The literal version's answers to one resample of a writer, every label revealed."""
    points, owners = styles()
    scored = z_scores(points).astype(np.float64)
    model = LiteralPaper({label: scored[owners == i] for i, label in enumerate(ALPHABET)})
    embeddings, labels = task.samples.embeddings, list(task.samples.labels)
    predicted = [ALPHABET[i] for i in task.samples.logits.argmax(axis=1).tolist()]
    trial = trial_of(task)
    rows = trial.adaptation.tolist()
    model.learn(embeddings[rows], [predicted[i] for i in rows], [labels[i] for i in rows])
    answers = []
    for i in trial.test.tolist():
        answers.append(model.read(embeddings[i], predicted[i])[0])
        model.learn(embeddings[[i]], [predicted[i]], [labels[i]])
    return answers


def main() -> None:
    ours, task = adapter(), writer("ana", SAMPLES)

    def replayed() -> list[str]:
        (found,) = ours.replay(task.samples, [trial_of(task)], reveal=True)
        return [ALPHABET[i] for i in found.answers.tolist()]

    assert replayed() == replay_literal(task), "the two versions answer differently"
    times = paired(replayed, lambda: replay_literal(task), ROUNDS, warmup=0)
    note("replaying a writer: scikit-learn's time / ours", 1 / times.ratio, 200, "high")
    show(
        f"Replay of one writer, {SAMPLES} samples of 256 numbers, 90 % adaptation, feedback all, the same answers",
        ("version", "seconds", "literal / ours"),
        [
            ("ours", f"{times.ours:.4f}", f"{1 / times.ratio:.0f} × (target 200)"),
            ("literal, scikit-learn", f"{times.peer:.2f}", "1"),
        ],
    )


if __name__ == "__main__":
    main()
