"""One method with several settings of its parameters, replayed at once: what is learned from is prepared once for all of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from allograph.adapters.protocol import Replay, State, Trial, answered
from allograph.adapters.tunable import Tunable
from allograph.readings import Corrections


def replay_settings(settings: Sequence[Tunable], samples: Corrections, trials: Sequence[Trial]) -> list[list[Replay]]:
    """For each adapter what `replay` gives for these trials, nothing revealed.

    The adapters are of one method, and differ in parameters that it names in `tried`. Those that differ in none of `learns_by`
    answer from one state, which is learned once.
    """
    replays: list[list[Replay]] = [[] for _ in settings]
    for adaptation, test in trials:
        batch, asked = samples.take(adaptation), samples.at(test)
        states: dict[tuple[Any, ...], State] = {}
        for found, adapter in zip(replays, settings, strict=True):
            key = tuple(getattr(adapter, name) for name in adapter.learns_by)
            if key not in states:
                states[key] = adapter.learn(adapter.start(), batch)
            state = State(states[key].labels, states[key].arrays)  # what one setting derived from it is not another's
            found.append(answered(adapter.scores(state, asked)))
    return replays
