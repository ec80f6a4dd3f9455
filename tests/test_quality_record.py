"""Every adapter reads as many digits right as `benchmarks/quality.json` says."""

from __future__ import annotations

import copy
import json

import pytest

import quality

RECORD = json.loads(quality.RECORD.read_text(encoding="utf-8"))


@pytest.mark.slow
def test_no_adapters_accuracy_moved() -> None:
    moves = quality.differences(RECORD, quality.measure())
    assert not moves, "\n".join([*moves, "where that is meant, renew the record: python benchmarks/quality.py --write"])


def test_a_count_that_moves_is_told() -> None:
    assert quality.differences(RECORD, RECORD) == []
    for protocol in RECORD:
        for name, counts in RECORD[protocol].items():
            for key, change in (("samples", 1), ("base", -6), ("adapter", 6), ("harmed", 2)):
                other = copy.deepcopy(RECORD)
                other[protocol][name][key] = counts[key] + change
                (move,) = quality.differences(RECORD, other)
                assert name in move
    other = copy.deepcopy(RECORD)
    del other["90 %"]["paper"]
    assert quality.differences(RECORD, other) == ["paper at 90 % is no longer measured"]
    assert quality.differences(other, RECORD) == ["paper at 90 % is not in the record"]
