"""`allograph evaluate`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from allograph.alphabet.labels import NAMED
from allograph.cli.completion import one_of
from allograph.cli.output import say
from allograph.cli.terminal import AsJson, Cluster, Jobs, Model, jobs_of, print_json, print_table, print_text, progress_bar
from allograph.split import RULES

if TYPE_CHECKING:
    from allograph.evaluation import EvaluationProtocol


PROTOCOLS = ("resample", "sequential", "curve", "unlabelled")
FEEDBACKS = ("none", "all", "mistakes", "silence")
_METHOD = (
    "An adapter by its name, or all that can be built for the bundle; may be given several times. The best unless named. Behind "
    "a name, +size adds how large a sample was written, and -size leaves it out."
)
PRESETS = {"knn-per": ("memory", "allograph")}
"""The experiments of others, and the methods that are judged in them unless some are named."""
FIXED = (
    "protocol", "adaptation", "per_label", "resamples", "feedback", "missed", "in_order", "wrong_labels", "alphabet", "labels",
    "shuffle", "split", "seed",
)  # fmt: skip
"""The parameters that a preset says."""
_PRESET = (
    "An experiment of others, with its writers, its split and its labels, in place of --protocol and its options. knn-per: "
    "FEMNIST as Marfoq et al. (ICML 2022) split it, their method (memory) and ours, beside the figures that they published."
)
_LABELS = (
    "Judge only samples of these labels, and answer only them, unless --alphabet says otherwise: the name of an alphabet, a text "
    "file with a label a line, or the labels themselves, such as 0123 or 'fi fl'."
)
_PROTOCOL = (
    "resample: split each label's samples at random, adapt, test. sequential: answer each sample, then learn it, in order of "
    "time. curve: test after more and more corrections. unlabelled: correct nothing, and read each sample in a call with more "
    "and more others of its writer."
)
_FEEDBACK = (
    "none: frozen after adaptation. all: each test label is revealed after its answer, as in the paper. sequential, all three "
    "unless said: all; mistakes: corrected, and silence ignored; silence: taken as acceptance, also where a mistake is missed."
)


def _method_names() -> list[str]:
    from allograph.adapters import names
    from allograph.evaluation.methods import SIZES

    return ["all", *dict.fromkeys((*names(), *SIZES))]


def evaluate(
    context: typer.Context,
    corpus: Annotated[str, typer.Argument(help="An embedded corpus, or a corpus that is embedded first; it may be a URL.")],
    model: Model = None,
    split: Annotated[
        str | None,
        typer.Option(help="Another split than the corpus's: paper, all, or a CSV file."),
    ] = None,
    labels: Annotated[
        list[str] | None,
        typer.Option(help=_LABELS, autocompletion=one_of(lambda: NAMED)),
    ] = None,
    method: Annotated[
        list[str] | None,
        typer.Option(help=_METHOD, autocompletion=one_of(_method_names)),
    ] = None,
    protocol: Annotated[str, typer.Option(help=_PROTOCOL, autocompletion=one_of(lambda: PROTOCOLS))] = "resample",
    adaptation: Annotated[float | None, typer.Option(help="The share of each label's samples to learn from; 0.9.")] = None,
    per_label: Annotated[int | None, typer.Option(help="This many samples of each label instead.")] = None,
    resamples: Annotated[
        int | None, typer.Option(help="How often each writer is split anew; 10. sequential: random orders of a writer; 1.")
    ] = None,
    feedback: Annotated[str | None, typer.Option(help=_FEEDBACK, autocompletion=one_of(lambda: FEEDBACKS))] = None,
    missed: Annotated[
        float | None, typer.Option(help="sequential: the share of mistakes that feedback silence misses; 0.5.")
    ] = None,
    in_order: Annotated[
        bool, typer.Option("--in-order", help="Learn from the first part of each writer's samples in time, test the rest.")
    ] = False,
    wrong_labels: Annotated[
        float | None, typer.Option(help="resample: the share of the labels to learn from that are replaced by wrong ones; 0.")
    ] = None,
    preset: Annotated[str | None, typer.Option(help=_PRESET, autocompletion=one_of(lambda: PRESETS))] = None,
    alphabet: Annotated[
        str | None,
        typer.Option(
            help="Restrict the answers: digits, letters, upper, lower, alphanumeric.", autocompletion=one_of(lambda: NAMED)
        ),
    ] = None,
    shuffle: Annotated[bool, typer.Option("--shuffle", help="Mix the labels instead of running label by label.")] = False,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the random splits.")] = 0,
    jobs: Jobs = None,
    cluster: Cluster = None,
    report: Annotated[Path | None, typer.Option(help="Write a report into this folder: HTML, Markdown, results.json.")] = None,
    tables: Annotated[Path | None, typer.Option(help="Write every table into this folder, as CSV and as LaTeX.")] = None,
    predictions: Annotated[Path | None, typer.Option(help="Write every answer to this Parquet file, a sample a row.")] = None,
    as_json: AsJson = False,
) -> None:
    """Judge methods on the application writers of a corpus, and fill the paper's tables."""
    from allograph.corpora.place import local_path
    from allograph.evaluation import evaluate as run
    from allograph.evaluation.protocols.labels import parse_labels
    from allograph.evaluation.report.report_folder import check_folder
    from allograph.evaluation.report.table_files import check_tables_folder
    from allograph.evaluation.report.wording import runs_in_words
    from allograph.files.atomic import check_output

    common = {"alphabet": alphabet, "split": split, "seed": seed, "labels": parse_labels(labels) if labels else None}
    own = {
        "adaptation": adaptation, "per_label": per_label, "resamples": resamples, "feedback": feedback, "missed": missed,
        "in_order": in_order or None, "shuffle": shuffle or None, "wrong_labels": wrong_labels,
    }  # fmt: skip
    settings: EvaluationProtocol
    if preset is None:
        settings = _protocol(protocol, common | {name: value for name, value in own.items() if value is not None})
    else:
        settings = _preset(context, preset)
        method = method or list(PRESETS[preset])
    read = (local_path(corpus), model, None if split in RULES else split)
    if report is not None:
        check_folder(report)
        check_output(report, *read, folder=True)
    if tables is not None:
        check_tables_folder(tables)
        check_output(tables, *read, folder=True)
    if predictions is not None:
        check_output(predictions, *read)
    with progress_bar() as progress:
        done = run(corpus, method or [], settings, model=model, jobs=jobs_of(jobs, cluster), progress=progress)
        if predictions is not None:
            done.write_predictions(predictions, progress)
        if tables is not None:
            done.write_tables(tables)
        if report is not None:
            progress("writing the report", 0, 1)
            done.write_report(report)
    for name, reason in done.left_out.items():
        say(f"left out: {name}: {reason}")
    if as_json:
        print_json(done.results)
        return
    for table in done.tables:
        print_table(table)
    print_text(" ".join(filter(None, (done.headline, runs_in_words(done.runs)))))
    for what, path in (("predictions", predictions), ("tables", tables), ("report", report and report / "report.html")):
        if path is not None:
            print(f"{what}: {path}")


def _preset(context: typer.Context, name: str) -> EvaluationProtocol:
    """The protocol of a preset; raises `InputError` for another name, and where an option would make it another experiment."""
    from allograph.errors import InputError
    from allograph.evaluation import KnnPer

    if name not in PRESETS:
        raise InputError(f"there is no preset {name!r}; there is {', '.join(PRESETS)}")
    for parameter in context.command.params:
        given = context.get_parameter_source(parameter.name or "")
        if parameter.name in FIXED and given is not None and given.name == "COMMANDLINE":
            raise InputError(f"{parameter.opts[0]} is fixed by --preset {name}; leave one of them out")
    return KnnPer()


def _protocol(name: str, options: dict[str, Any]) -> EvaluationProtocol:
    """The protocol of this name with these options; raises `InputError` for a name or an option that it does not know."""
    from dataclasses import fields

    from allograph.errors import InputError
    from allograph.evaluation import Curve, Resample, Sequential, Unlabelled

    kinds = dict(zip(PROTOCOLS, (Resample, Sequential, Curve, Unlabelled), strict=True))
    if name not in kinds:
        raise InputError(f"there is no protocol {name!r}; there is {', '.join(kinds)}")
    foreign = sorted(set(options) - {field.name for field in fields(kinds[name])})
    if foreign:
        raise InputError(f"--{foreign[0].replace('_', '-')} is not for the protocol {name}")
    protocol: EvaluationProtocol = kinds[name](**options)
    return protocol
