"""A base that is nearly always right: what adaptation still cuts on QMNIST's digits, whom it harms, how soon it is ahead.

Needs torch and QMNIST with its writers (`--samples`); the first run prepares it, trains the paper's network for twelve epochs
with augmentation, and tunes the adapters on the validation writers. What it makes stays in build/qmnist*, for the next run.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from allograph.adapters.allograph import Allograph
from allograph.bundle import CONFIG, Bundle
from allograph.corpora.corpus import Corpus
from allograph.corpora.npz.source import NpzSource
from allograph.corpora.preparation import prepare
from allograph.embedding import EmbeddedCorpus, embed
from allograph.errors import InputError
from allograph.evaluation import evaluate
from allograph.evaluation.measures.figures import figures
from allograph.evaluation.protocols.answers import WriterAnswers
from allograph.evaluation.protocols.kinds import EvaluationProtocol
from allograph.evaluation.protocols.replay import replay_writers
from allograph.evaluation.protocols.resample import Resample
from allograph.evaluation.protocols.sequential import Sequential
from allograph.evaluation.protocols.writer_samples import samples_by_writer
from allograph.evaluation.runs import Run
from allograph.files.json_files import write_json
from allograph.recognizer import Recognizer
from allograph.tuning import tune
from timing import show

SAMPLES = Path("../shared/data/qmnist.npz")
CORPUS, MODEL, EMBEDDED = Path("build/qmnist.parquet"), Path("build/qmnist"), Path("build/qmnist.embedded.parquet")
STAGES = ((8, 256), (4, 1024))
METHODS = ("allograph", "memory", "paper")
TUNED = METHODS[:2]
PROTOCOLS: dict[str, EvaluationProtocol] = {"90 %": Resample(), "1 a label": Resample(per_label=1), "in turn": Sequential()}
CORRECTIONS = (10, 30, 100)
DOUBTS = (0.0, 4.0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--samples", type=Path, default=SAMPLES, help="QMNIST as an npz archive")
    parser.add_argument("--jobs", type=int, default=2)
    given = parser.parse_args()
    samples: Path = given.samples
    if not (CORPUS.exists() or samples.exists()):
        print(f"{samples} is not there; name QMNIST's archive (images, labels, writers, digit_index) with --samples")
        return
    try:
        bundle = made(samples, given.jobs)
    except InputError as error:
        print(error)
        return
    runs: dict[str, Run] = {}
    for name, protocol in PROTOCOLS.items():
        for run in evaluate(EMBEDDED, METHODS, protocol, model=MODEL, jobs=given.jobs).runs:
            runs[f"{name}, {run.protocol.feedback}" if isinstance(run.protocol, Sequential) else name] = run
        print(".", end="", file=sys.stderr, flush=True)
    learned = list(runs.values())[-1].answers
    show(
        f"QMNIST, {len(learned)} application writers, base of {100 * (bundle.config.accuracy['application'] or 0):.2f} % "
        "(95 % interval by writer; in turn: in order of time)",
        ("learned", "tested", "method", "base", "adapted", "errors cut", "better / equal / worse"),
        [row for name, run in runs.items() for row in rows(name, run)],
    )
    show(
        "Right answers more than the base's, all writers together, in order of time, every label revealed (the base's errors)",
        ("method", *(f"{most} corrections" for most in CORRECTIONS), "all"),
        [(method, *(lead(learned, method, most) for most in (*CORRECTIONS, sys.maxsize))) for method in METHODS],
    )


def made(samples: Path, jobs: int) -> Bundle:
    """The tuned bundle, beside its embedded corpus; made where it is not there, from the first step that is missing."""
    CORPUS.parent.mkdir(exist_ok=True)
    if not CORPUS.exists():
        prepare(NpzSource(samples), CORPUS, "paper", jobs=jobs)
    corpus = Corpus.open(CORPUS)
    if not MODEL.exists():
        from allograph.training.run import train
        from allograph.training.schedule import Schedule

        train(corpus, MODEL, Schedule(STAGES, plateau=0, augment=True), resume=True, progress=said)
    bundle = Bundle.open(MODEL)
    if not EMBEDDED.exists() or EmbeddedCorpus.open(EMBEDDED).record.model_hash != bundle.model_hash:
        embed(corpus, Recognizer(bundle), EMBEDDED)
    if not {*TUNED} <= bundle.config.adapters.keys():
        tune(EmbeddedCorpus.open(EMBEDDED), bundle, TUNED, jobs=jobs)
        bundle = Bundle.open(MODEL)
    if "doubt" not in bundle.config.adapters["allograph"]:
        parameters = {**bundle.config.adapters["allograph"], "doubt": best_doubt(bundle, jobs)}
        config = replace(bundle.config, adapters={**bundle.config.adapters, "allograph": parameters})
        write_json(MODEL / CONFIG, config.values())
    return Bundle.open(MODEL)


def best_doubt(bundle: Bundle, jobs: int) -> float:
    """What serves the validation writers best where only mistakes are corrected."""
    adapter, writers = Allograph.of(bundle), samples_by_writer(EmbeddedCorpus.open(EMBEDDED).samples(split="validation"))
    plan = Sequential(feedback="mistakes", resamples=3)
    cuts = {}
    for doubt in DOUBTS:
        replayed = replay_writers(writers, bundle.alphabet, {"it": replace(adapter, doubt=doubt)}, plan, jobs)
        cuts[doubt] = figures(replayed).methods["it"].error_cut or 0.0
    return max(cuts, key=lambda doubt: cuts[doubt])


def said(what: str, done: int, total: int) -> None:
    """Tell an epoch's end."""
    if what.startswith("validation"):
        print(f"epoch {done} of {total}: {what}", file=sys.stderr)


def rows(learned: str, run: Run) -> list[tuple[str, ...]]:
    """A run's rows, one a method."""
    found: list[tuple[str, ...]] = []
    for name, method in run.figures.methods.items():
        low, high = method.error_cut_ci95 or (0.0, 0.0)
        cut = f"{100 * (method.error_cut or 0):.1f} % ({100 * low:.0f} … {100 * high:.0f})"
        against = f"{method.better} / {method.equal} / {method.worse}"
        shares = (f"{100 * run.figures.base:.2f} %", f"{100 * method.accuracy:.2f} %")
        found.append((learned, f"{run.figures.samples:,}", name, *shares, cut, against))
    return found


def lead(replayed: Sequence[WriterAnswers], method: str, most: int) -> str:
    """How far a method is ahead of the base in the answers before which it had learned at most so many corrections."""
    ahead = errors = 0
    for writer in replayed:
        corrections = writer.methods[method].corrections
        assert corrections is not None
        early, base = corrections <= most, writer.base == writer.true
        ahead += int(np.count_nonzero(writer.methods[method].labels[early] == writer.true[early])) - int(base[early].sum())
        errors += int((~base[early]).sum())
    return f"{ahead:+} ({errors})"


if __name__ == "__main__":
    main()
