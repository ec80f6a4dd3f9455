"""The report of an evaluation: a page for people, Markdown for a paper or an issue, JSON for programs."""

from __future__ import annotations

import re
import shlex
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np

import allograph
from allograph.bundle import SHIPPED, Bundle
from allograph.errors import InputError, missing_extra
from allograph.evaluation.measures import Figures, confusions
from allograph.evaluation.plots import COLOURS, WIDTHS, gain_plot, methods_plot, style_sheet
from allograph.evaluation.protocol import Resample
from allograph.evaluation.replay import Replayed
from allograph.evaluation.results import write_results
from allograph.evaluation.tables import Table, markdown, markdown_text, percent, points
from allograph.files import written_folder

HTML, MARKDOWN, RESULTS = "report.html", "report.md", "results.json"
MOST_CONFUSED = 15
"""Pairs of labels in the list of confusions."""

TERMS = {
    "Base": "The recognizer as it is, before it knows anything about a writer.",
    "Gain": "Accuracy of the method less that of the base, in points: right answers more in every hundred.",
    "Errors cut": "The share of the base's errors that the method removes. Below zero, it adds errors.",
    "95 % interval": "From 10,000 bootstraps that draw the writers with replacement: how far the figure would move with other "
    "writers of this kind.",
    "Largest gain": "What an oracle would gain that always knew whether to believe the base or the method; “with any answerer”, one "
    "that may also choose among all answers which the method weighed.",
    "Better, equal, worse": "Writers for whom the method gave more, as many, or fewer right answers than the base, all resamples "
    "together. A writer for whom it is worse is harmed.",
    "Feedback": "“none”: what was learned stays frozen during the test. “all”: each test label is revealed and learned after its "
    "answer, as in the paper.",
    "Style": "One way of writing a label: the centre of a cluster of its samples, as the model sees them. It is shown by its medoid, "
    "the real sample nearest to that centre.",
    "Seconds": "Adapting and answering, all writers and resamples together, without embedding the images.",
}
"""What the words of a report mean."""
METHODS = {
    "paper": "The method of “Learn the Way We Write”: it keeps, for every label that the base says, which labels the writer really "
    "wrote and in which styles; five nearest-neighbour rules search that history, and the rule that has proved most right answers. "
    "Its gain lives on the base's errors: the authors saw 84.47 % become 87.54 % on CVL digits with a weak base, and a loss with a "
    "strong one."
}
"""What the methods do."""


@dataclass(frozen=True)
class ConfusedPair:
    """How often one label was read as another."""

    written: str
    read: str
    base: int
    methods: dict[str, int]


def check_folder(folder: str | Path) -> None:
    """Raise `InputError` when a report would replace something else: a folder may be new, empty, or an older report."""
    folder = Path(folder)
    found = sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []
    if found and found != [HTML, MARKDOWN, RESULTS]:
        named = ", ".join(found[:3]) + (", …" if len(found) > 3 else "")
        raise InputError(f"{folder} is not empty and is not a report (it holds {named}); a report replaces its folder: name another one")


def write_report(
    folder: str | Path,
    name: str,
    bundle: Bundle,
    protocol: Resample,
    replayed: Sequence[Replayed],
    figures: Figures,
    tables: Sequence[Table],
    results: dict[str, Any],
) -> Path:
    """Write `report.html`, `report.md` and `results.json` into a folder, all or nothing; returns the path of the first.

    `name` is the corpus's. An older report in that folder is replaced. Raises `InputError` when the folder holds anything else.
    """
    check_folder(folder)
    lead = max(figures.methods, key=lambda method: figures.methods[method].accuracy)
    pairs, total = confused_pairs(replayed, bundle, list(figures.methods))
    facts = _facts(name, bundle, protocol, figures)
    common = {
        "name": name,
        "headline": headline(figures, lead),
        "protocol": protocol_in_words(protocol),
        "tables": tables,
        "figures": figures,
        "pairs": pairs,
        "total": total,
        "writers": sorted(figures.writers, key=lambda writer: writer.base - writer.methods[lead]),
        "terms": {**{f"The method “{name}”": METHODS[name] for name in figures.methods if name in METHODS}, **TERMS},
        "facts": facts,
        "command": _command(name, bundle, protocol, figures.methods),
    }
    tested = {int(label) for writer in replayed for label in np.unique(writer.true)}
    page = _page(bundle, tested, common)
    text = _text(common)
    with written_folder(Path(folder).resolve()) as temporary:
        (temporary / HTML).write_text(page, encoding="utf-8")
        (temporary / MARKDOWN).write_text(text, encoding="utf-8")
        write_results(temporary / RESULTS, results)
    return Path(folder) / HTML


def headline(figures: Figures, method: str) -> str:
    """What came of it, in one sentence."""
    found = figures.methods[method]
    among = f"the best of {len(figures.methods)} methods, " if len(figures.methods) > 1 else ""
    if found.error_cut is None or found.error_cut_ci95 is None:
        outcome = "the base makes no errors that could be removed"
    else:
        ends = " … ".join(percent(end, 1) for end in found.error_cut_ci95)
        change = "fewer" if found.error_cut >= 0 else "more"
        outcome = f"{percent(abs(found.error_cut), 1)} {change} errors (95 % interval of the cut {ends})"
    return (
        f"Adapted to each writer by {among}“{method}”, the model reads {percent(found.accuracy)} right instead of "
        f"{percent(figures.base)}: {outcome}, over {_count(len(figures.writers), 'writer')} and "
        f"{_count(figures.samples, 'test sample')}."
    )


def protocol_in_words(protocol: Resample) -> str:
    """How it was judged.

    >>> print(protocol_in_words(Resample(per_label=1, resamples=1)))
    Each writer's samples were split at random, once, from an empty profile: 1 of each label that has more to learn from, the rest
    to be read, label by label. What was learned stayed frozen during the test (feedback none).
    """
    often = "once" if protocol.resamples == 1 else f"{protocol.resamples} times"
    learned = (
        f"{protocol.per_label} of each label that has more" if protocol.per_label is not None
        else f"{100 * protocol.adaptation:g} % of each label"
    )  # fmt: skip
    order = "in random order" if protocol.shuffle else "label by label"
    feedback = {
        "none": "What was learned stayed frozen during the test (feedback none).",
        "all": "After each answer the true label was revealed and learned (feedback all), as in the paper.",
    }[protocol.feedback]
    return (
        f"Each writer's samples were split at random, {often}, from an empty profile: {learned} to learn from, the rest to be "
        f"read, {order}. {feedback}"
    )


def confused_pairs(replayed: Sequence[Replayed], bundle: Bundle, methods: Sequence[str]) -> tuple[list[ConfusedPair], ConfusedPair]:
    """The pairs (written, read as), most confused first by whoever confused them most, and the sum over all pairs."""
    counts = {method: confusions(replayed, bundle.alphabet, method) for method in methods}
    before = counts[methods[0]][0]
    after = {method: counter for method, (_, counter) in counts.items()}
    found = set(before).union(*after.values())
    ranked = sorted(found, key=lambda pair: (-max(before[pair], *(counter[pair] for counter in after.values())), pair))
    pairs = [
        ConfusedPair(*pair, before[pair], {method: counter[pair] for method, counter in after.items()})
        for pair in ranked[:MOST_CONFUSED]
    ]
    return pairs, ConfusedPair("", "", before.total(), {method: counter.total() for method, counter in after.items()})


def visible(label: str) -> str:
    """A label as a reader can see it.

    >>> visible(" "), visible("a")
    ('␣', 'a')
    """
    return label.replace(" ", "␣")


def _page(bundle: Bundle, tested: set[int], common: dict[str, Any]) -> str:
    try:
        from jinja2 import Environment, StrictUndefined
        from markupsafe import Markup
    except ImportError as error:  # pragma: no cover
        raise missing_extra("jinja2", "research") from error

    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.filters |= {"percent": percent, "points": points, "visible": visible, "solid": _solid, "unicode_name": _unicode_name}
    template = environment.from_string(files("allograph.evaluation").joinpath("report.html.j2").read_text(encoding="utf-8"))
    figures: Figures = common["figures"]
    gains = {method: [Markup(gain_plot(figures, method, width)) for width in WIDTHS] for method in figures.methods}
    comparable = len(figures.methods) > 1 and all(method.error_cut is not None for method in figures.methods.values())
    return template.render(
        **common,
        colours=COLOURS,
        gains=gains,
        compared=[Markup(methods_plot(figures, width)) for width in WIDTHS] if comparable else [],
        galleries=_galleries(bundle, tested),
    )


def _galleries(bundle: Bundle, tested: set[int]) -> list[list[tuple[str, int, tuple[str, int, int]]]]:
    """Each label's styles as (label, how many, sheet): those of the tested labels, and those of the others."""
    if bundle.styles is None:
        return [[], []]
    galleries: list[list[tuple[str, int, tuple[str, int, int]]]] = [[], []]
    for label in np.unique(bundle.styles.labels).tolist():
        medoids = bundle.styles.medoids[bundle.styles.labels == label]
        galleries[label not in tested].append((bundle.alphabet[label], len(medoids), style_sheet(medoids)))
    return galleries


def _text(common: dict[str, Any]) -> str:
    figures: Figures = common["figures"]
    methods = list(figures.methods)
    pairs, total = common["pairs"], common["total"]
    confused = Table(
        f"The {len(pairs)} most confused pairs, all resamples together",
        ("written", "read as", "base", *methods),
        (
            *(
                (visible(pair.written), visible(pair.read), f"{pair.base:,}", *(f"{count:,}" for count in pair.methods.values()))
                for pair in pairs
            ),
            ("all pairs", "", f"{total.base:,}", *(f"{count:,}" for count in total.methods.values())),
        ),
    )
    writers = Table(
        "Every writer, the most helped first",
        ("writer", "test samples", "base", *methods, *(f"gain of {method}, points" for method in methods)),
        tuple(
            (
                " ".join(writer.id.split()), f"{writer.samples:,}", percent(writer.base),
                *(percent(share) for share in writer.methods.values()),
                *(points(share - writer.base) for share in writer.methods.values()),
            )
            for writer in common["writers"]
        ),
    )  # fmt: skip
    blocks = [
        f"# {markdown_text(common['name'])}: evaluation",
        f"**{markdown_text(common['headline'])}**",
        markdown_text(common["protocol"]),
        "## Tables",
        *(markdown(table) for table in common["tables"]),
        "## Confusions",
        markdown(confused),
        "## Writers",
        markdown(writers),
        "## What the words mean",
        _list(common["terms"].items()),
        "## To reproduce",
        _list(common["facts"].items()),
        f"    {common['command']}",
    ]
    return "\n\n".join(blocks) + "\n"


def _list(items: Iterable[tuple[str, str]]) -> str:
    return "\n".join(f"- **{markdown_text(term)}**: {markdown_text(meaning)}" for term, meaning in items)


def _facts(name: str, bundle: Bundle, protocol: Resample, figures: Figures) -> dict[str, str]:
    """What someone else needs to get the same figures."""
    return {
        "corpus": name,
        "model": f"{_model_name(bundle)}: {len(bundle.alphabet)} labels, {bundle.frame} frame, "
        + ("no styles" if bundle.styles is None else f"{len(bundle.styles)} styles"),
        "model hash (SHA-256)": bundle.model_hash,
        "methods": ", ".join(figures.methods),
        **{key.replace("_", " "): str(value) for key, value in protocol.as_dict().items() if key != "name"},
        "allograph": allograph.__version__,
    }


def _command(name: str, bundle: Bundle, protocol: Resample, methods: Iterable[str]) -> str:
    share = f"--adaptation {protocol.adaptation:g}" if protocol.per_label is None else f"--per-label {protocol.per_label}"
    words = [
        "allograph evaluate",
        shlex.quote(name),
        *([] if bundle.path == SHIPPED else [f"--model {shlex.quote(bundle.path.name)}"]),
        *(f"--method {shlex.quote(method)}" for method in methods),
        f"{share} --resamples {protocol.resamples} --feedback {protocol.feedback} --seed {protocol.seed}",
        *(["--shuffle"] if protocol.shuffle else []),
    ]
    return " ".join(words)


def _model_name(bundle: Bundle) -> str:
    return "the shipped bundle" if bundle.path == SHIPPED else bundle.path.name


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _solid(text: str) -> str:
    """With signs and spaces as a typesetter would set them."""
    return re.sub(r"(?<!\w)-(?=\d)", "\N{MINUS SIGN}", text).replace(" %", "\N{NO-BREAK SPACE}%")


def _unicode_name(label: str) -> str:
    return ", ".join(unicodedata.name(point, f"U+{ord(point):04X}").lower() for point in label)
