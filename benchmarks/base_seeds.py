"""Other bases, the same methods: what they cut on UNIPEN's application writers where the base is trained from other seeds.

Needs torch and build/unipen.parquet, which `make build/unipen.parquet` makes. A network is trained for every seed; what is made
stays in build/unipen-seed-*, for the next run. The schedule is the same for every seed and far shorter than the shipped base's;
`--full` takes that one, of up to sixty epochs. The methods' parameters are the shipped ones, chosen on the shipped base; only the
training writers' statistics are gathered anew.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from allograph.adapters import build
from allograph.adapters.population import Population
from allograph.bundle import Bundle
from allograph.corpora.corpus import Corpus
from allograph.embedding import EmbeddedCorpus, embed
from allograph.errors import InputError
from allograph.evaluation.measures.figures import Figures, figures
from allograph.evaluation.protocols.replay import replay_writers
from allograph.evaluation.protocols.writer_samples import samples_by_writer
from allograph.recognizer import Recognizer
from allograph.tuning import tune
from methods import PROTOCOLS, cell
from strong_base import said
from timing import show

CORPUS = Path("build/unipen.parquet")
SEEDS = (0, 1, 2)
SHORT, FULL = ((7, 256), (1, 1024)), ((60, 256),)
METHODS = ("allograph", "memory")


class BaseResult(NamedTuple):
    """What the methods reach on one base."""

    base: float
    """Its accuracy on all samples of the application writers."""
    figures: Mapping[str, Figures]
    """One a protocol."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, nargs="+", default=SEEDS)
    parser.add_argument("--full", action="store_true", help="train by the shipped base's schedule")
    parser.add_argument("--jobs", type=int, default=2)
    given = parser.parse_args()
    if not CORPUS.exists():
        print(f"{CORPUS} is not there; make it with: make {CORPUS}")
        return
    found: dict[int, BaseResult] = {}
    for seed in given.seeds:
        try:
            found[seed] = judged(seed, given.full, given.jobs)
        except InputError as error:
            print(error)
            return
        print(".", end="", file=sys.stderr, flush=True)
    epochs = sum(epochs for epochs, _ in (FULL if given.full else SHORT))
    show(
        f"Errors cut on UNIPEN's application writers, 10 resamples, bases of at most {epochs} epochs "
        "(95 % interval by writer; last: the mean, and the range over the seeds)",
        ("seed", "base", "method", *PROTOCOLS),
        [*(row for seed, one in found.items() for row in rows(seed, one)), *together(list(found.values()))],
    )


def judged(seed: int, full: bool, jobs: int) -> BaseResult:
    """What the methods reach on the base of a seed with the shipped parameters; the base is made where it is not there."""
    model = Path(f"build/unipen-seed-{seed}{'-full' if full else ''}")
    writers = samples_by_writer(made(model, seed, full).samples())
    bundle = Bundle.open(model)
    bundle = replace(bundle, config=replace(bundle.config, adapters=Bundle.open().config.adapters))
    adapters = {name: build(name, bundle) for name in METHODS}
    return BaseResult(
        (bundle.config.accuracy["application"] or 0),
        {name: figures(replay_writers(writers, bundle.alphabet, adapters, plan, jobs)) for name, plan in PROTOCOLS.items()},
    )


def made(model: Path, seed: int, full: bool) -> EmbeddedCorpus:
    """The corpus as the base of a seed embeds it, and beside it that base with its statistics: from the first step missing on."""
    path = model.with_suffix(".embedded.parquet")
    corpus = Corpus.open(CORPUS)
    if not model.exists():
        from allograph.training.run import train
        from allograph.training.schedule import Schedule

        schedule = Schedule(FULL, patience=6) if full else Schedule(SHORT, plateau=0)
        train(corpus, model, replace(schedule, augment=True, seed=seed), resume=True, progress=said)
    bundle = Bundle.open(model)
    if not path.exists() or EmbeddedCorpus.open(path).record.model_hash != bundle.model_hash:
        embed(corpus, Recognizer(bundle), path)
    embedded = EmbeddedCorpus.open(path)
    if not Population.is_in(bundle):
        tune(embedded, bundle, methods=())
    return embedded


def rows(seed: int, one: BaseResult) -> list[tuple[str, ...]]:
    """A seed's rows, one a method."""
    return [
        (str(seed), f"{100 * one.base:.1f} %", method, *(cell(found.methods[method]) for found in one.figures.values()))
        for method in METHODS
    ]


def together(found: Sequence[BaseResult]) -> list[tuple[str, ...]]:
    """All seeds in one row a method."""
    base = spread([one.base for one in found])
    rows = []
    for method in METHODS:
        cells = []
        for protocol in PROTOCOLS:
            reached = [one.figures[protocol].methods[method] for one in found]
            harmed = [one.worse for one in reached]
            cells.append(f"{spread([one.error_cut or 0.0 for one in reached])}, {min(harmed)} … {max(harmed)} harmed")
        rows.append(("all", base, method, *cells))
    return rows


def spread(shares: Sequence[float]) -> str:
    """The mean of shares, and the least and the greatest, in per cent."""
    return f"{100 * sum(shares) / len(shares):.1f} % ({100 * min(shares):.1f} … {100 * max(shares):.1f})"


if __name__ == "__main__":
    main()
