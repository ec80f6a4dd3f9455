"""The default method fitted to one writer: how it scores a sample, and why."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from allograph.adapters.label_counts import unseen_factor
from allograph.adapters.linear_algebra import product
from allograph.adapters.size import WriterSizes
from allograph.adapters.size_statistics import LENGTHS
from allograph.adapters.state import State
from allograph.adapters.tunable_adapter import EVIDENCE_SAMPLES, Floats, base_log_probabilities
from allograph.adapters.validity import repair_logits, same_opinion
from allograph.readings import Explanation, Samples, Scores, log_softmax

if TYPE_CHECKING:
    from allograph.adapters.allograph import Allograph

REPEAT_DISTANCE = 0.02
"""Inputs of the layer this near to one another, as a share of their length, may be of one image; packing moves them by less."""
HALF_SHARE_SAMPLES = 15
"""With so many samples the memory has half of its share of the probabilities; with few, the nearest is seldom near."""
BASE_TEMPERATURE = 1.5
"""What the base's log-probabilities are divided by where sizes, and no corrections, are added to them."""


@dataclass(frozen=True, eq=False)
class FittedAllograph:
    """One writer's layer and memory, unpacked; the valid samples label by label.

    A label without samples has one that is infinitely far from all others, so that the votes of each label can be added up.
    """

    method: Allograph
    state: State
    count: int
    """How many samples there are."""
    order: NDArray[np.int64]
    """[k] the place of each sample in the state; −1 for what stands for a label without samples."""
    lengths: Floats
    """[k] the squared lengths of the samples' layer inputs."""
    starts: NDArray[np.int64]
    """[C + m] where each label's samples begin."""
    layer: Floats
    """[r + 1 or 3, C + m + k] the change of the logits, and beside it the samples' inputs times −2, for one matrix product."""
    square: Floats
    """[C + m] what of the logits grows with the squared length of the layer's inputs, without the sizes."""
    excess: float
    """The base's excess error rate on the samples."""
    unseen: Floats
    """[C + m] what each label's probability is multiplied by for having no sample."""
    sizes: WriterSizes | None
    """What is known of the writer's sizes; None without statistics of sizes."""

    @classmethod
    def of(cls, method: Allograph, state: State) -> FittedAllograph:
        """Unpack a state."""
        labels = state.arrays["labels"].astype(np.int32)
        sizes = method.writer_sizes(labels, len(state.labels), state.arrays)
        if not len(labels):
            none, places = np.empty(0, np.float32), np.empty(0, np.int64)
            return cls(method, state, 0, places, none, places, none, none, 0.0, none, sizes)
        rows = np.flatnonzero(state.arrays["units"] > 0)
        counts = np.bincount(labels[rows], minlength=len(method.alphabet) + len(state.labels))
        (absent,) = (counts == 0).nonzero()
        order = np.concatenate([rows, np.full(len(absent), -1)])
        labels = np.concatenate([labels[rows], absent])
        by_label = labels.argsort(kind="stable")
        order = order[by_label]
        inputs, lengths = _rows_or_nothing(method.unpack(state.arrays, len(state.labels), sizes)[0], order)
        change, square = (state.arrays[name].astype(np.float32) for name in ("change", "square"))
        square /= np.float32(method.weight)  # times the inputs' squared length, less that of the bias
        change[method.population.space.shape[1]] -= np.float32(math.sqrt(method.bias)) * square
        unseen = np.where(counts > 0, 1.0, unseen_factor(counts) ** method.unseen)
        return cls(
            method,
            state,
            len(rows),
            order,
            lengths,
            labels[by_label].searchsorted(np.arange(len(counts))),
            np.concatenate([change, inputs.T * np.float32(-2)], axis=1),
            square,
            excess_error_rate(state.arrays, len(method.alphabet)),
            unseen.astype(np.float32),
            sizes,
        )

    def with_context(self, context: Samples) -> FittedAllograph:
        """The same for samples that are read beside others of the writer: these tell how large the writer writes."""
        if self.sizes is None or context.boxes is None:
            return self
        logs = base_log_probabilities(repair_logits(context.logits), len(self.state.labels))
        sizes = self.sizes.beside(context.boxes, logs / np.float32(BASE_TEMPERATURE))
        if not self.count or sizes.devices == self.sizes.devices:
            return replace(self, sizes=sizes)
        inputs, _ = self.method.unpack(self.state.arrays, len(self.state.labels), sizes)
        inputs, lengths = _rows_or_nothing(
            inputs, self.order
        )  # moved with the sizes, or what was corrected would not be known again
        layer = np.concatenate([self.layer[:, : -len(inputs)], inputs.T * np.float32(-2)], axis=1)
        return replace(self, sizes=sizes, layer=layer, lengths=lengths)

    def scores(self, samples: Samples) -> Scores:
        """The mixture's log-probabilities, −inf for every label that is not on offer; the base's where features are invalid."""
        method, own, logits = self.method, len(self.state.labels), repair_logits(samples.logits)
        logs = base_log_probabilities(logits, own) if own else logits
        boxes = samples.boxes
        judgement = None if self.sizes is None or boxes is None else self.sizes.judge(boxes.sizes, boxes.scales)
        if not self.count:
            values = logs
            if judgement is not None:
                sized = log_softmax(logs) / np.float32(BASE_TEMPERATURE) + judgement.likelihood
                values = np.where((judgement.likelihood != 0).any(axis=1, keepdims=True), sized, logs)
            return Scores(values, (values.argmax(axis=1) != logs.argmax(axis=1)).astype(np.int8))
        rows, base = np.arange(len(logs)), logs.argmax(axis=1)
        inputs, lengths, valid = method.layer_inputs(samples.shapes)
        values = logs / np.float32(method.temperature)
        values += lengths * self.square
        favoured, offered = base, logs
        if judgement is not None:
            inputs = np.concatenate([inputs, judgement.relative * method.size_weight], axis=1)
            lengths = np.vecdot(inputs, inputs)[:, None]
            values += judgement.likelihood
            logs = logs + judgement.likelihood
            favoured = logs.argmax(axis=1)
        products = product(inputs, self.layer[: inputs.shape[1]])
        values += products[:, : logs.shape[1]]
        away = products[:, logs.shape[1] :]
        away += self.lengths
        away += lengths
        np.sqrt(np.maximum(away, 0, out=away), out=away)
        least, limit = np.minimum.reduce(away, axis=1, keepdims=True), REPEAT_DISTANCE * np.sqrt(lengths)
        repeats, corrected = rows[:0], rows[:0]
        if np.count_nonzero(least <= limit):
            repeats, corrected = self._repeats(logits, away <= limit, valid)

        votes = np.subtract(least, away, out=away)
        votes *= np.float32(method.scale / math.sqrt(method.weight))
        np.exp(votes, out=votes)
        share = np.float32(method.share * self.count / (self.count + HALF_SHARE_SAMPLES))
        votes *= share / np.add.reduce(votes, axis=1, keepdims=True)
        values -= np.maximum.reduce(values, axis=1, keepdims=True)
        np.exp(values, out=values)
        values *= (1 - share) / np.add.reduce(values, axis=1, keepdims=True)
        values += np.add.reduceat(votes, self.starts, axis=1)
        values *= self.unseen
        values[rows, favoured] *= np.float32(math.exp(method.guard + method.doubt * self.excess**2))
        if len(repeats):
            values[repeats, corrected] = 2 * values[repeats].max(axis=1)
        np.log(np.maximum(values, np.float32(1e-12), out=values), out=values)
        values *= np.float32(method.sharpness)
        if np.minimum.reduce(offered, axis=None, initial=0) == -np.inf:
            values[np.isneginf(offered)] = -np.inf
        if np.count_nonzero(valid) < len(valid):
            values[~valid] = log_softmax(logs[~valid])
        return Scores(values, (values.argmax(axis=1) != base).astype(np.int8))

    def explain(self, sample: Samples) -> Explanation:
        """The answer, what the base would have said, and the writer's own samples that decided between them.

        By the representer theorem the change is a sum over the writer's samples: each weighs in the log-odds of two labels with
        its inner product with this one times what the base had got wrong about it. The two are the answer and the base's, or the
        answer and the runner-up where the base said the same.
        """
        method, arrays = self.method, self.state.arrays
        names = [*method.alphabet, *self.state.labels]
        scores = self.scores(sample)
        base, answer = int(repair_logits(sample.logits)[0].argmax()), int(scores.answers[0])
        query, _, (valid,) = method.layer_inputs(sample.shapes)
        order = np.argsort(-scores.values[0], kind="stable")
        other = base if base != answer else int(order[1]) if len(order) > 1 else answer
        size = None if self.sizes is None else self.sizes.explain(sample.boxes, names, (answer, other))
        said, known = ("", {}) if size is None else (f" {size.text}", {"size": size.evidence})
        if not valid or not self.count:
            answerer, text = method.name if scores.answerers[0] else "base", f"The base classifier reads {names[base]!r}.{said}"
            return Explanation(answerer, names[base], text, {"answer": names[answer], **known})
        (inputs, logs), labels = method.unpack(arrays, len(self.state.labels), self.sizes), arrays["labels"].astype(np.int32)
        if self.sizes is not None:
            boxes = sample.boxes
            judgement = None if boxes is None else self.sizes.judge(boxes.sizes, boxes.scales)
            relative = np.zeros((1, LENGTHS), np.float32) if judgement is None else judgement.relative
            query = np.concatenate([query, relative * method.size_weight], axis=1)
        logs += product(inputs, arrays["change"].astype(np.float32)) + method.squares(inputs)[:, None] * self.square
        errors = np.eye(len(names), dtype=np.float32)[labels] - np.exp(log_softmax(logs))
        errors[arrays["units"] <= 0] = 0
        weights = np.vecdot(inputs, query[0]) * (errors[:, answer] - errors[:, other])
        away = np.linalg.norm(inputs - query[0], axis=1) / np.sqrt(method.weight)
        oldest = int(arrays["seen"][0]) - len(labels)

        def correction(i: int) -> dict[str, Any]:
            return {"correction": oldest + i, "label": names[labels[i]]}

        heaviest, nearest = (np.argsort(keys, kind="stable")[:EVIDENCE_SAMPLES].tolist() for keys in (-weights, away))
        decided = [correction(i) | {"weight": float(weights[i])} for i in heaviest]
        text = f"The base classifier reads {names[base]!r}; "
        if answer == base:
            text += "what the writer taught does not speak against it."
        else:
            votes = ", ".join(repr(sample["label"]) for sample in decided if sample["weight"] > 0) or repr(names[answer])
            text += f"the writer's own samples of {votes} make it {names[answer]!r}."
        evidence = {
            "answer": names[answer],
            "against": names[other],
            "decided": decided,
            "nearest": [correction(i) | {"distance": float(away[i])} for i in nearest],
            **known,
        }
        return Explanation(method.name if scores.answerers[0] else "base", names[base], text + said, evidence)

    def _repeats(
        self, logits: Floats, near: NDArray[np.bool_], valid: NDArray[np.bool_]
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The rows of `logits` [n, C] that show an image that was corrected before, and the newest correction's labels (places).

        Such an image is `near` [n, k] a sample and has the base's opinion of it. Where it is near all samples, and none has its
        opinion, the features are the same for all images: `valid` [n] becomes False.
        """
        rows, columns = near.nonzero()
        places = self.order[columns]
        opinions = log_softmax(logits)[rows[:, None], self.state.arrays["likeliest"][places]]
        alike = same_opinion(opinions, self.state.arrays["logs"][places].astype(np.float32))
        newest = np.full(len(logits), -1)
        np.maximum.at(newest, rows[alike], places[alike])
        valid &= (newest >= 0) | (near.sum(axis=1) < self.count)
        (repeats,) = (newest >= 0).nonzero()
        return repeats, self.state.arrays["labels"][newest[repeats]].astype(np.int64)


def _rows_or_nothing(inputs: Floats, order: NDArray[np.int64]) -> tuple[Floats, Floats]:
    """The layer inputs [k, r + 1 or 3] at some places, and their squared lengths [k]; 0 and infinite at the place −1."""
    there = order >= 0
    rows = np.where(there[:, None], inputs[order], np.float32(0))
    return rows, np.where(there, np.vecdot(rows, rows), np.float32(np.inf))


def excess_error_rate(arrays: Mapping[str, NDArray[Any]], size: int) -> float:
    """The base's error rate on a state's samples, less the rate that its probabilities predict: 0 … 1.

    Those of the writer's own labels (places from `size` on), which the base cannot read, do not count.
    """
    rows = np.flatnonzero(arrays["labels"] < size)
    if not len(rows):
        return 0.0
    logs = arrays["logs"][rows].astype(np.float32)
    answers = arrays["likeliest"][rows, logs.argmax(axis=1)]
    return max(0.0, float(np.mean((answers != arrays["labels"][rows]) - (1 - np.exp(logs.max(axis=1))))))
