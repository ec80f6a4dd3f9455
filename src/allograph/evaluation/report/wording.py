"""The sentences of a report: its headline, its protocol, and the meaning of its terms."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

from allograph.evaluation.measures.figures import Figures
from allograph.evaluation.protocols.curve import CurvePoint
from allograph.evaluation.protocols.kinds import EvaluationProtocol
from allograph.evaluation.protocols.knn_per import KnnPer
from allograph.evaluation.protocols.resample import Resample
from allograph.evaluation.protocols.sequential import Sequential
from allograph.evaluation.protocols.unlabelled import Unlabelled, UnlabelledPoint
from allograph.evaluation.report.table import percent, percent_interval
from allograph.evaluation.runs import Run

TERMS = {
    "Base": "The recognizer as it is, before it knows anything about a writer.",
    "Gain": "Accuracy of the method less that of the base, in points: right answers more in every hundred.",
    "Errors cut": "The share of the base's errors that the method removes. Below zero, it adds errors.",
    "95 % interval": "From 10,000 bootstraps that draw the writers with replacement: how far the figure would move with "
    "other writers of this kind.",
    "Largest gain": "What an oracle would gain that always knew whether to believe the base or the method; “with any "
    "answerer”, one that may also choose among all answers which the method weighed.",
    "Better, equal, worse": "Writers for whom the method gave more, as many, or fewer right answers than the base, all "
    "resamples together. A writer for whom it is worse is harmed.",
    "Feedback": "“none”: what was learned stays frozen during the test. “all”: each test label is revealed and learned "
    "after its answer, as in the paper.",
    "Mean accuracy of the labels": "Each label counts the same, however often it was tested.",
    "Look-alikes merged": "Accuracy when c and C, o, O and 0, and s, v, w, x, z and their capitals count as one label.",
    "Calibration error": "How far probabilities are from the truth: the samples are ranked by the probability of their answer "
    "and cut into 15 equal parts; the mean distance between a part's mean probability and its accuracy.",
    "Errors in the 10 % least sure": "The share of the errors that goes when the tenth of the answers with the lowest "
    "probabilities is not given.",
    "Ahead after": "From so many corrections on, all answers up to then hold more right ones than the base's, all writers "
    "together, and it stays so.",
    "With a box": "Test samples of which is known how large they were written.",
    "Errors by kind": "The same letter in the other case; 0 for o or O; two of 1, l, I and |; punctuation, where what was "
    "written or what was read is no letter and no digit; the rest. An error counts under the first that fits.",
    "Style": "One way of writing a label: the centre of a cluster of its samples, as the model sees them. It is shown by "
    "its medoid, the real sample nearest to that centre.",
    "Seconds": "Adapting and answering, all writers and resamples together, without embedding the images.",
}
"""The meaning of a report's terms."""

METHODS = {
    "paper": "The method of “Learn the Way We Write”: it keeps, for every label that the base says, which labels the writer "
    "really wrote and in which styles. Five nearest-neighbour rules search that history; the base or the rule whose answers "
    "proved right most often is believed. It lives on the base's errors: on CVL digits the authors saw 84.47 % become 87.54 % "
    "with a weak base, and a loss with a strong one.",
    "prior": "A control: how often this writer writes each label, and nothing of how.",
    "lookup": "A control: what this writer most often meant when the base said this, and nothing of how it looked.",
    "memory": "The nearest of the writer's own samples vote by their distance, and are mixed with the base's probabilities.",
    "cache": "Every sample of the writer's adds to its label's logit, the more the more alike it is.",
    "local": "The base, or the writer's nearest sample: whichever was right more often around the sample that is asked.",
    "means": "Bayes: where this writer's mean of each label lies, given how far writers usually stray from the average.",
    "transfer": "The affine map that carries the writer's samples nearest to the average writer's, in closed form.",
    "head": "A change of the base's last layer, fitted to the writer's samples and held near none.",
    "allograph": "The writer's own last layer and label means, mixed with the votes of the writer's nearest samples.",
}
"""How each method works."""
WITH_SIZE, WITHOUT_SIZE = "+size", "-size"
"""What stands behind the name of a method that is given size, or denied it."""


def method_in_words(name: str) -> str | None:
    """How a method works; None where it is not one of this package's.

    >>> method_in_words("memory+size").endswith("How large the sample was written counts too.")
    True
    """
    for ending, more in ((WITH_SIZE, " How large the sample was written counts too."), (WITHOUT_SIZE, _SIZELESS)):
        if name.endswith(ending) and name.removesuffix(ending) in METHODS:
            return METHODS[name.removesuffix(ending)] + more
    return METHODS.get(name)


_SIZELESS = " How large the sample was written does not count."
FEEDBACK = {
    "all": "every label revealed after its answer",
    "mistakes": "only mistakes corrected, silence ignored",
    "silence": "answers left standing learned as right, also where a mistake was missed",
}
"""The meaning of each mode of feedback in a sequential run."""


def run_in_words(run: Run) -> str:
    """Which run of its protocol this is: the point of a curve, the mode of feedback; empty where a protocol has one run."""
    protocol = run.protocol
    if isinstance(protocol, CurvePoint):
        learned = f"{protocol.corrections} corrections" if protocol.per_label is None else f"{protocol.per_label} of each label"
        return f"after {learned}"
    if isinstance(protocol, UnlabelledPoint):
        return f"nothing corrected, {_count(protocol.others, 'other')} in the call"
    if isinstance(protocol, Resample) and protocol.wrong_labels:
        return f"{100 * protocol.wrong_labels:g} % of the labels learned wrong"
    return f"all samples in turn, feedback {protocol.feedback}" if isinstance(protocol, Sequential) else ""


def of_run(run: Run) -> str:
    """What stands behind the title of a table that is of one run of several."""
    when = run_in_words(run)
    return f", {when}" if when else ""


def runs_in_words(runs: Sequence[Run]) -> str:
    """Which of several runs headline and figures are of, in a sentence; empty where there is one run."""
    last = runs[-1]
    if isinstance(last.protocol, CurvePoint):
        have = f"{len(last.figures.writers)} of {_count(len(runs[0].figures.writers), 'writer')}"
        return f"Headline and figures are of the curve's last point, {run_in_words(last)}, which {have} reached."
    if isinstance(last.protocol, UnlabelledPoint):
        have = f"{len(last.figures.writers)} of {_count(len(runs[0].figures.writers), 'writer')}"
        return f"Headline and figures are of the largest calls, {run_in_words(last)}, which {have} had enough samples for."
    if isinstance(last.protocol, Resample) and last.protocol.wrong_labels:
        return f"Headline and figures are of the run with {run_in_words(last)}."
    if isinstance(last.protocol, Sequential):
        mode = str(last.protocol.feedback)
        return f"Headline and figures are of all samples in turn with feedback {mode}: {FEEDBACK[mode]}."
    return ""


def headline(figures: Figures, when: str = "") -> str:
    """The result of the best method, in one sentence; `when` names the run, as `run_in_words` does."""
    name = figures.best_method
    method = figures.methods[name]
    among = f"the best of {len(figures.methods)} methods, " if len(figures.methods) > 1 else ""
    if method.error_cut is None:
        outcome = "the base makes no errors that could be removed"
    else:
        change = "fewer" if method.error_cut >= 0 else "more"
        interval = percent_interval(method.error_cut_ci95)
        outcome = f"{percent(abs(method.error_cut), 1)} {change} errors (95 % interval of the cut {interval})"
    named = f"“{name}”, {when}," if when else f"“{name}”,"
    return (
        f"Adapted to each writer by {among}{named} the model reads {percent(method.accuracy)} right instead of "
        f"{percent(figures.base)}: {outcome}, over {_count(len(figures.writers), 'writer')} and "
        f"{_count(figures.samples, 'test sample')}."
    )


def protocol_in_words(protocol: EvaluationProtocol) -> str:
    """How methods were judged, all runs of a protocol together.

    >>> print(protocol_in_words(Resample(per_label=1, resamples=1)))
    Each writer's samples were split at random, once, from an empty profile: 1 of each label that has more to learn from, the rest
    to be read, label by label. What was learned stayed frozen during the test (feedback none).
    """
    if isinstance(protocol, KnnPer):
        return (
            f"As in kNN-Per's experiments on FEMNIST: {100 * protocol.adaptation:g} % of each writer's samples, whichever labels "
            "they show, were learned, from an empty profile, and the rest read, once; a fifth of the writers were judged. What "
            f"was learned stayed frozen during the test (feedback {protocol.feedback}). Their base was trained on the samples "
            f"that are learned here too; ours was not, unless it was trained so.{_offered(protocol.alphabet, protocol.labels)}"
        )
    if isinstance(protocol, Resample):
        return _resample_in_words(protocol)
    if isinstance(protocol, Sequential):
        modes = protocol.feedback or "silence, mistakes and all; figures and pictures of the answers are of the last"
        return (
            "All of each writer's samples were answered one after the other, in order of time where it is known and else in "
            f"{_count(protocol.resamples, 'random order')}, from an empty profile; after each answer the method learned what the "
            f"feedback told it (feedback {modes}). Where silence counts, {100 * protocol.missed:g} % of the mistakes were "
            f"missed.{_offered(protocol.alphabet, protocol.labels)}"
        )
    if isinstance(protocol, Unlabelled):
        return (
            f"Each writer's samples were parted at random, {_times(protocol.resamples)}, into calls of a sample and 0, 1, 3 and "
            "more others, and each sample read beside the others of its call. Nothing was corrected."
            f"{_offered(protocol.alphabet, protocol.labels)}"
        )
    return (
        f"Each writer's samples were split at random, {_times(protocol.resamples)}: {100 * protocol.adaptation:g} % of each "
        "label to draw corrections from, in random order, the rest to be read after more and more of them. What was learned "
        "stayed frozen during the test. Figures and pictures of the answers are of the most corrections."
        f"{_offered(protocol.alphabet, protocol.labels)}"
    )


def _resample_in_words(protocol: Resample) -> str:
    if protocol.per_label is None:
        learned = f"{100 * protocol.adaptation:g} % of each label"
    else:
        learned = f"{protocol.per_label} of each label that has more"
    order = "in random order" if protocol.shuffle else "label by label"
    feedback = {
        "none": "What was learned stayed frozen during the test (feedback none).",
        "all": "After each answer the true label was revealed and learned (feedback all), as in the paper.",
    }[protocol.feedback]
    wrong = ""
    if protocol.wrong_labels:
        wrong = (
            f" In the second of two runs {100 * protocol.wrong_labels:g} % of the labels that were learned were wrong: half of "
            "them what the base held for the likeliest besides the truth, half any label."
        )
    if protocol.in_order:
        return (
            f"The first {100 * protocol.adaptation:g} % of each writer's samples, in order of time, were learned, from an empty "
            f"profile, and the rest read. {feedback}{wrong}{_offered(protocol.alphabet, protocol.labels)}"
        )
    return (
        f"Each writer's samples were split at random, {_times(protocol.resamples)}, from an empty profile: {learned} to learn "
        f"from, the rest to be read, {order}. {feedback}{wrong}{_offered(protocol.alphabet, protocol.labels)}"
    )


def _times(resamples: int) -> str:
    return "once" if resamples == 1 else f"{resamples} times"


def _offered(alphabet: str | None, labels: tuple[str, ...] | None) -> str:
    judged = "" if labels is None else f" Only samples of these labels were judged: {' '.join(map(visible, labels))}."
    if alphabet is not None:
        return f"{judged} Only the labels of the alphabet “{alphabet}” were on offer."
    return f"{judged} Only they were on offer." if labels is not None else ""


def visible(label: str) -> str:
    """A label as a reader can see it.

    >>> visible(" "), visible("a")
    ('␣', 'a')
    """
    return label.replace(" ", "␣")


def unicode_name(label: str) -> str:
    """What Unicode calls a label.

    >>> unicode_name("`")
    'grave accent'
    """
    return ", ".join(unicodedata.name(point, f"U+{ord(point):04X}").lower() for point in label)


def typeset(text: str) -> str:
    """Figures with a true minus, and with per cent signs that stay on their line.

    >>> typeset("-0.5 %").isascii()
    False
    """
    return re.sub(r"(?<!\w)-(?=\d)", "\N{MINUS SIGN}", text).replace(" %", "\N{NO-BREAK SPACE}%")


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
