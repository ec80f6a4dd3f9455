"""What a report says in words: its headline, its protocol, and what its terms mean."""

from __future__ import annotations

import re
import unicodedata

from allograph.evaluation.measures import Figures
from allograph.evaluation.protocol import Resample
from allograph.evaluation.tables import percent

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
    "Style": "One way of writing a label: the centre of a cluster of its samples, as the model sees them. It is shown by "
    "its medoid, the real sample nearest to that centre.",
    "Seconds": "Adapting and answering, all writers and resamples together, without embedding the images.",
}
"""What the words of a report mean."""

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
"""What the methods do."""


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
    if protocol.per_label is None:
        learned = f"{100 * protocol.adaptation:g} % of each label"
    else:
        learned = f"{protocol.per_label} of each label that has more"
    order = "in random order" if protocol.shuffle else "label by label"
    feedback = {
        "none": "What was learned stayed frozen during the test (feedback none).",
        "all": "After each answer the true label was revealed and learned (feedback all), as in the paper.",
    }[protocol.feedback]
    offered = "" if protocol.alphabet is None else f" Only the labels of the alphabet “{protocol.alphabet}” were on offer."
    return (
        f"Each writer's samples were split at random, {often}, from an empty profile: {learned} to learn from, the rest to be "
        f"read, {order}. {feedback}{offered}"
    )


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
