"""`allograph evaluate`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from allograph.cli.terminal import AsJson, Jobs, Model, print_json, print_table, progress_bar

if TYPE_CHECKING:
    from allograph.evaluation.run import Plan


_PROTOCOL = (
    "resample: split each label's samples at random, adapt, test. sequential: answer each sample, then learn it, in order of "
    "time. curve: test after more and more corrections."
)
_FEEDBACK = (
    "none: frozen after adaptation. all: each test label is revealed after its answer, as in the paper. sequential, all three "
    "unless said: all; mistakes: corrected, and silence ignored; silence: taken as acceptance, also where a mistake is missed."
)


def evaluate(
    corpus: Annotated[Path, typer.Argument(help="An embedded corpus, or a corpus that is embedded first.")],
    model: Model = None,
    split: Annotated[str | None, typer.Option(help="Judge by another split: paper, all, or a CSV file.")] = None,
    method: Annotated[
        list[str] | None, typer.Option(help="A method, or all; several times for several. The best unless said.")
    ] = None,
    protocol: Annotated[str, typer.Option(help=_PROTOCOL)] = "resample",
    adaptation: Annotated[float | None, typer.Option(help="The share of each label's samples to learn from; 0.9.")] = None,
    per_label: Annotated[int | None, typer.Option(help="This many samples of each label instead.")] = None,
    resamples: Annotated[
        int | None, typer.Option(help="How often each writer is split anew; 10. sequential: random orders of a writer; 1.")
    ] = None,
    feedback: Annotated[str | None, typer.Option(help=_FEEDBACK)] = None,
    missed: Annotated[
        float | None, typer.Option(help="sequential: the share of mistakes that feedback silence misses; 0.5.")
    ] = None,
    in_order: Annotated[
        bool, typer.Option("--in-order", help="Learn from the first part of each writer's samples in time, test the rest.")
    ] = False,
    alphabet: Annotated[
        str | None, typer.Option(help="Restrict the answers: digits, letters, upper, lower, alphanumeric.")
    ] = None,
    shuffle: Annotated[bool, typer.Option("--shuffle", help="Mix the labels instead of running label by label.")] = False,
    seed: Annotated[int, typer.Option(help="The same seed gives the same splits.")] = 0,
    jobs: Jobs = None,
    report: Annotated[Path | None, typer.Option(help="Write a report into this folder: HTML, Markdown, results.json.")] = None,
    as_json: AsJson = False,
) -> None:
    """Judge methods on the application writers of a corpus, and fill the paper's tables."""
    from allograph.evaluation.evaluate import evaluate as run
    from allograph.evaluation.report import check_folder

    common = {"alphabet": alphabet, "split": split, "seed": seed}
    own = {
        "adaptation": adaptation, "per_label": per_label, "resamples": resamples, "feedback": feedback, "missed": missed,
        "in_order": in_order or None, "shuffle": shuffle or None,
    }  # fmt: skip
    plan = _plan(protocol, common | {name: value for name, value in own.items() if value is not None})
    if report is not None:
        check_folder(report)
    with progress_bar() as progress:
        done = run(corpus, model, method or [], plan, jobs, progress)
        if report is not None:
            progress("writing the report", 0, 1)
            done.write_report(report)
    if as_json:
        print_json(done.results)
        return
    for table in done.tables:
        print_table(table)
    if report is not None:
        print(f"report: {report / 'report.html'}")


def _plan(protocol: str, options: dict[str, Any]) -> Plan:
    """The protocol of this name with these options; raises `InputError` for a name or an option that it does not know."""
    from dataclasses import fields

    from allograph.errors import InputError
    from allograph.evaluation.curve import Curve
    from allograph.evaluation.protocol import Resample
    from allograph.evaluation.sequential import Sequential

    kinds = {"resample": Resample, "sequential": Sequential, "curve": Curve}
    if protocol not in kinds:
        raise InputError(f"there is no protocol {protocol!r}; there is {', '.join(kinds)}")
    foreign = sorted(set(options) - {field.name for field in fields(kinds[protocol])})
    if foreign:
        raise InputError(f"--{foreign[0].replace('_', '-')} is not for the protocol {protocol}")
    plan: Plan = kinds[protocol](**options)
    return plan
