"""What size gives on UNIPEN's application writers: with boxes, without, with boxes that say nothing, and before any correction.

Needs build/unipen.embedded.parquet with boxes, which `make unipen` makes. All is seeded; intervals are 95 %, by writer. `--part`
prints one of the tables alone.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from allograph.adapters import Adapter, build
from allograph.bundle import Bundle
from allograph.embedding import EmbeddedCorpus, EmbeddedSamples
from allograph.evaluation import Resample, Sequential, Unlabelled
from allograph.evaluation.measures.figures import Figures, MethodFigures, figures
from allograph.evaluation.protocols.answers import WriterAnswers
from allograph.evaluation.protocols.kinds import RunProtocol
from allograph.evaluation.protocols.replay import replay_writers
from allograph.evaluation.protocols.unlabelled import OTHERS, UnlabelledPoint
from allograph.evaluation.protocols.writer_samples import rows_by_writer, samples_by_writer
from allograph.evaluation.report.kind_tables import error_kinds_table
from allograph.evaluation.report.progress_tables import first_samples_table, unlabelled_table, wrong_labels_table
from allograph.evaluation.report.table import Table, with_methods_as_rows
from allograph.evaluation.runs import Run
from allograph.samples.box import Boxes
from timing import show

CORPUS = Path("build/unipen.embedded.parquet")
METHODS = ("allograph", "allograph-size", "memory+size")
LEARNED = {"90 %": {"adaptation": 0.9}, "50 %": {"adaptation": 0.5}, "20 %": {"adaptation": 0.2}, "1 a label": {"per_label": 1}}
WRONG = (0.05, 0.1, 0.2)
STOP, STOP_OTHERS = ".", (0, 30)
SEED = 0


@dataclass(frozen=True)
class Trials:
    """The samples, the methods, and how often each writer is split anew."""

    samples: EmbeddedSamples
    adapters: Mapping[str, Adapter]
    bundle: Bundle
    resamples: int
    jobs: int

    def replay(self, protocol: RunProtocol, methods: Sequence[str] = (), boxes: Boxes | None = None) -> list[WriterAnswers]:
        """The answers of some of the methods, all unless named, to these samples, with other boxes where they are given."""
        samples = self.samples if boxes is None else replace(self.samples, boxes=boxes)
        adapters = {name: self.adapters[name] for name in methods or self.adapters}
        answers = replay_writers(samples_by_writer(samples), self.bundle.alphabet, adapters, protocol, self.jobs)
        print(".", end="", file=sys.stderr, flush=True)
        return answers

    def run(self, protocol: RunProtocol) -> Run:
        """The figures of all methods."""
        return Run.of(protocol, self.replay(protocol), self.bundle.alphabet)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--part", choices=PARTS, action="append", help="a table; all unless named")
    parser.add_argument("--method", action="append", help=f"a method; {', '.join(METHODS)} unless named, the first with size")
    parser.add_argument("--resamples", type=int, default=10)
    parser.add_argument("--jobs", type=int, default=2)
    given = parser.parse_args()
    if not CORPUS.exists():
        print(f"{CORPUS} is not there; make it with: make unipen")
        return
    bundle, corpus = Bundle.open(), EmbeddedCorpus.open(CORPUS)
    corpus.check_model(bundle.model_hash)
    samples = corpus.samples()
    if samples.boxes is None:
        print(f"{CORPUS} has no boxes; make it anew with: make unipen")
        return
    adapters = {name: build(name, bundle) for name in given.method or METHODS}
    boxed = int(np.count_nonzero(~np.isnan(samples.boxes.edges[:, 0])))
    writers = len(rows_by_writer(samples.writers))
    print(f"{writers} application writers, {len(samples):,} samples, {boxed:,} of them with a box; {given.resamples} resamples")
    trials = Trials(samples, adapters, bundle, given.resamples, given.jobs)
    for part in given.part or PARTS:
        PARTS[part](trials)


def show_boxes(trials: Trials) -> None:
    """Errors cut with boxes, without, and with boxes that say nothing."""
    sized, *others = trials.adapters
    known = trials.samples.boxes
    assert known is not None
    kinds = {
        "boxes": known,
        "no boxes": Boxes.none(len(known)),
        "all equal": equal_boxes(known),
        "shuffled": shuffled_boxes(known, trials.samples.writers),
    }
    rows: dict[str, list[str]] = {}
    for options in LEARNED.values():
        protocol = Resample(resamples=trials.resamples, seed=SEED, **options)  # type: ignore[arg-type]
        for name, boxes in kinds.items():
            found = figures(trials.replay(protocol, [sized], boxes)).methods[sized]
            rows.setdefault(f"{sized}, {name}", []).append(cut(found))
        if others:
            for name, found in figures(trials.replay(protocol, others)).methods.items():
                rows.setdefault(name, []).append(cut(found))
    title = "Errors cut, feedback none, each sample by itself"
    show(title, ("method", *LEARNED), [(name, *cells) for name, cells in rows.items()])


def show_unlabelled(trials: Trials) -> None:
    """What other samples in the call give, none corrected."""
    protocol = Unlabelled(resamples=trials.resamples, seed=SEED)
    show_table(unlabelled_table([trials.run(point) for point in protocol.runs()]))


def show_kinds(trials: Trials) -> None:
    """Errors by kind, at 90 %."""
    show_table(error_kinds_table(trials.run(Resample(resamples=trials.resamples, seed=SEED))))


def show_first(trials: Trials) -> None:
    """The first sixty samples of a writer, every label revealed after its answer, in one random order."""
    show_table(first_samples_table(trials.run(Sequential(feedback="all", seed=SEED))))


def show_stops(trials: Trials) -> None:
    """Full stops read right with no correction, alone and with others in the call."""
    stop, rows = trials.bundle.alphabet.index(STOP), []
    for others in STOP_OTHERS:
        assert others in OTHERS
        point = UnlabelledPoint(Unlabelled(resamples=trials.resamples, seed=SEED), others)
        found = figures([only(writer, stop) for writer in trials.replay(point)])
        rows += [(str(others), name, *shares(found, method)) for name, method in found.methods.items()]
    show("Full stops read right, nothing corrected", ("others", "method", "writers", "stops", "base", "adapted", "gain"), rows)


def show_wrong(trials: Trials) -> None:
    """What is kept of the gain where some of the labels are wrong, at 90 %, and whether doubt finds them."""
    for share in WRONG:
        runs = Resample(resamples=trials.resamples, seed=SEED, wrong_labels=share).runs()
        show_table(wrong_labels_table(*map(trials.run, runs)))


PARTS: dict[str, Callable[[Trials], None]] = {
    "boxes": show_boxes,
    "unlabelled": show_unlabelled,
    "kinds": show_kinds,
    "first": show_first,
    "stops": show_stops,
    "wrong": show_wrong,
}


def equal_boxes(boxes: Boxes) -> Boxes:
    """The same unit and device, and every known box a square of the median height."""
    side = np.nanmedian(boxes.sizes[:, 0])
    known = ~np.isnan(boxes.edges[:, :1])
    return replace(boxes, edges=np.where(known, np.array([0, 0, side, side], np.float32), np.float32(np.nan)))


def shuffled_boxes(boxes: Boxes, writers: np.ndarray) -> Boxes:
    """Each writer's boxes, dealt out anew among that writer's samples."""
    places = np.arange(len(boxes))
    random = np.random.default_rng(SEED)
    for rows in rows_by_writer(writers).values():
        places[rows] = random.permutation(rows)
    return boxes.at(places)


def only(writer: WriterAnswers, label: int) -> WriterAnswers:
    """The answers to the samples of one label."""
    here = writer.true == label
    methods = {name: replace(one, labels=one.labels[here], probabilities=None) for name, one in writer.methods.items()}
    return WriterAnswers(writer.writer, writer.rows[here], writer.true[here], writer.base[here], methods)


def cut(method: MethodFigures) -> str:
    """A method's error cut, its interval, and how many writers it harms."""
    low, high = method.error_cut_ci95 or (0.0, 0.0)
    return f"{100 * (method.error_cut or 0):.1f} % ({100 * low:.0f} … {100 * high:.0f}), {method.worse} harmed"


def shares(found: Figures, method: MethodFigures) -> tuple[str, ...]:
    """Writers, samples, the accuracy of base and method, and the gain with its interval."""
    low, high = method.gain_ci95
    gain = f"{100 * method.gain:+.1f} ({100 * low:+.1f} … {100 * high:+.1f})"
    accuracy = (f"{100 * found.base:.1f} %", f"{100 * method.accuracy:.1f} %")
    return str(len(found.writers)), f"{found.samples:,}", *accuracy, gain


def show_table(table: Table) -> None:
    """Print a table of a report, methods as rows."""
    table = with_methods_as_rows(table)
    show(table.title, table.head, table.rows)


if __name__ == "__main__":
    main()
