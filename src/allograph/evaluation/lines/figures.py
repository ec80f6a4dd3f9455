"""Figures from counts: shares of all writers together with their intervals, and who reads worse after learning."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np

from allograph.evaluation.lines.measures import LineCounts
from allograph.evaluation.lines.protocol import FEW, LineProtocol, Seconds, WriterLines
from allograph.evaluation.measures.figures import bootstrap, interval


@dataclass(frozen=True)
class Share:
    """A share of all writers' characters, words or cuts."""

    value: float | None
    """None where there is none to count."""
    ci95: tuple[float, float] | None
    """By a bootstrap over writers."""


@dataclass(frozen=True)
class StageFigures:
    """What was read right and wrong at one stage."""

    name: str
    """`all lines`: nothing learned, every line; else how many lines were learned, or which share."""
    learned: float
    """Lines learned of a writer, on average."""
    lines: int
    characters: int
    words: int
    characters_wrong: Share
    words_wrong: Share
    cuts_right: Share


@dataclass(frozen=True)
class Pace:
    """How long something takes."""

    milliseconds: float | None
    """A line, the median; None where there was none."""
    ratio: float | None
    """To the network alone on the same hypotheses, the median of the lines' ratios."""


@dataclass(frozen=True)
class LineFigures:
    """All figures of an evaluation of lines."""

    everything: StageFigures
    """All lines, nothing learned."""
    stages: Sequence[StageFigures]
    """Of the lines after the share, from nothing learned to the whole share."""
    fewer_wrong: Share
    """By how much the share of characters wrong falls from the first stage to the last."""
    worse: tuple[str, ...]
    """Writers with more characters wrong after learning than before."""
    doubtful: int
    refused: int
    unread: int
    reading: Pace
    reading_again: Pace
    correcting: Pace


def line_figures(writers: Sequence[WriterLines], protocol: LineProtocol, seed: int = 0) -> LineFigures:
    """Pool all writers; intervals are 95 %, by a seeded bootstrap over writers."""
    few = [count for count in FEW if count < max(one.learned for one in writers) or not count]
    stages = [stage_figures(str(count), writers, count, seed) for count in few]
    most = max(one.learned for one in writers)
    if most:
        stages.append(stage_figures(f"{100 * protocol.learn:g} %", writers, most, seed))
    before = [one.before for one in writers]
    fewer = [one.before.characters_wrong - one.after.characters_wrong for one in writers]
    return LineFigures(
        _stage("all lines", 0.0, [one.everything for one in writers], seed),
        stages,
        share([one.characters for one in before], fewer, seed),
        tuple(one.writer for one in writers if one.after.characters_wrong > one.before.characters_wrong),
        doubtful=sum(one.doubtful for one in writers),
        refused=sum(one.refused for one in writers),
        unread=sum(one.unread for one in writers),
        reading=pace([one.reading for one in writers]),
        reading_again=pace([one.reading_again for one in writers]),
        correcting=pace([one.correcting for one in writers]),
    )


def stage_figures(name: str, writers: Sequence[WriterLines], corrected: int, seed: int = 0) -> StageFigures:
    """Those after so many corrected lines of each writer, or all that one has to learn."""
    learned = float(np.mean([min(corrected, one.learned) for one in writers]))
    return _stage(name, learned, [one.at(corrected) for one in writers], seed)


def _stage(name: str, learned: float, counts: Sequence[LineCounts], seed: int) -> StageFigures:
    total = sum(counts, LineCounts())
    return StageFigures(
        name,
        learned,
        total.lines,
        total.characters,
        total.words,
        share([one.characters for one in counts], [one.characters_wrong for one in counts], seed),
        share([one.words for one in counts], [one.words_wrong for one in counts], seed),
        share([one.cuts for one in counts], [one.cuts_right for one in counts], seed),
    )


def share(of: Sequence[int], counted: Sequence[int], seed: int = 0) -> Share:
    """How many of all writers' are counted, each writer's [W]; writers who have none are left out.

    >>> share([10, 30], [1, 1]).value
    0.05
    """
    have = np.array(of) > 0
    if not have.any():
        return Share(None, None)
    samples, right = np.array(of)[have], np.array(counted)[have]
    shares, _ = bootstrap(samples, np.zeros_like(samples), right, seed)
    return Share(int(right.sum()) / int(samples.sum()), interval(shares))


def pace(seconds: Sequence[Seconds]) -> Pace:
    """The pace of all writers' lines."""
    ours = np.array(list(chain.from_iterable(one.ours for one in seconds)))
    network = np.array(list(chain.from_iterable(one.network for one in seconds)))
    if not len(ours):
        return Pace(None, None)
    return Pace(1000 * float(np.median(ours)), float(np.median(ours / network)))
