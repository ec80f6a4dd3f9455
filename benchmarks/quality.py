"""The quality record: how many digits every adapter reads right, against `quality.json`, which `--write` writes anew.

Scikit-learn's digits (14 writers) through the shipped bundle, at 90 % and at one sample a label to learn from, so few resamples
that it takes seconds. Everything is seeded, so the counts are those of the code; only floating point differs from machine to
machine, and turns an answer where two labels are almost equally likely. A count may therefore differ by `TOLERANCE` of the
samples, one answer in a thousand, and the number of writers harmed by one.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from allograph.corpora.digits import DigitsSource
from allograph.corpora.preparation import prepare
from allograph.evaluation import Resample, evaluate
from allograph.evaluation.measures.figures import right_counts

RECORD = Path(__file__).with_name("quality.json")
PROTOCOLS = {
    "90 %": Resample(resamples=6, alphabet="digits"),
    "1 a label": Resample(per_label=1, resamples=1, alphabet="digits"),
}
TOLERANCE = 0.001
"""The share of the samples by which a count may differ."""

Counts = dict[str, int]
"""`samples`, `base` and `adapter` (right answers), `harmed` (writers)."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help="write the record anew")
    counts = measure()
    if parser.parse_args().write:
        RECORD.write_text(json.dumps(counts, indent=2) + "\n", encoding="utf-8")
        return 0
    moves = differences(json.loads(RECORD.read_text(encoding="utf-8")), counts)
    print("\n".join(moves) or "every adapter reads as many digits right as the record says")
    return 1 if moves else 0


def measure() -> dict[str, dict[str, Counts]]:
    """The counts by protocol and adapter."""
    with tempfile.TemporaryDirectory() as folder:
        corpus = Path(folder) / "digits.parquet"
        prepare(DigitsSource(), corpus, "all", jobs=1)
        runs = {name: evaluate(corpus, "all", protocol).runs[0] for name, protocol in PROTOCOLS.items()}
    record: dict[str, dict[str, Counts]] = {}
    for protocol, run in runs.items():
        counts = right_counts(run.answers)
        samples, base = int(counts.samples.sum()), int(counts.base.sum())
        record[protocol] = {
            name: {"samples": samples, "base": base, "adapter": int(right.sum()), "harmed": int((right < counts.base).sum())}
            for name, right in counts.methods.items()
        }
    return record


def differences(record: Mapping[str, Mapping[str, Counts]], counts: Mapping[str, Mapping[str, Counts]]) -> list[str]:
    """Every count that moved from the record by more than floating point explains, in words."""
    moves = []
    for protocol in {**record, **counts}:
        before, after = record.get(protocol, {}), counts.get(protocol, {})
        for name in {**before, **after}:
            if name not in before or name not in after:
                moves.append(f"{name} at {protocol} is {'no longer measured' if name in before else 'not in the record'}")
                continue
            for key, value in before[name].items():
                most = {"samples": 0, "harmed": 1}.get(key, int(TOLERANCE * before[name]["samples"]))
                if abs(after[name][key] - value) > most:
                    moves.append(f"{name} at {protocol}: {key} {value} in the record, {after[name][key]} now")
    return moves


if __name__ == "__main__":
    sys.exit(main())
