"""The paper's whole protocol at the size of NIST: 200 writers × 400 samples × 10 resamples, every label revealed."""

from __future__ import annotations

from allograph.evaluation.protocols.replay import replay_writers
from allograph.evaluation.protocols.resample import Resample
from allograph.execution import available_cores
from replay_literal import replay_literal
from synthetic import ALPHABET, adapter, writer
from timing import seconds, show

WRITERS, SAMPLES, TARGET = 200, 400, 10.0


def main() -> None:
    tasks = [writer(f"writer-{i:03}", SAMPLES) for i in range(WRITERS)]
    adapters = {"paper": adapter()}
    jobs = min(2, available_cores())
    took = seconds(lambda: replay_writers(tasks, ALPHABET, adapters, Resample(feedback="all"), jobs))
    literal = seconds(lambda: replay_literal(tasks[0])) * WRITERS * 10 / jobs
    show(
        f"{WRITERS} writers × {SAMPLES} samples × 10 resamples, feedback all, {jobs} processes, their start included",
        ("what", "seconds", "ratio"),
        [
            ("the protocol", f"{took:.1f}", f"{took / TARGET:.2f} of the {TARGET:.0f} s allowed"),
            ("a literal version, from one resample of one writer", f"{literal:,.0f}", f"{literal / took:,.0f} × ours"),
        ],
    )


if __name__ == "__main__":
    main()
