"""Reading for several writers at once: one query of the store, one call of the model."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import accumulate
from typing import Any

import numpy as np
from numpy.typing import NDArray

from allograph.adapters import State
from allograph.adapters.protocol import others
from allograph.alphabet import Alphabet
from allograph.errors import InputError
from allograph.images.frames import model_input
from allograph.readings import Explanation, Reading, Samples, log_softmax
from allograph.recognizer import Recognizer
from allograph.samples.box import Box, Boxes
from allograph.samples.names import check_name
from allograph.samples.sample import Readable, Sample, to_images_and_boxes
from allograph.writers.context import Context, Seen, check_context, unread, with_boxes
from allograph.writers.live_profile import LiveProfile, Snapshot

Alphabets = str | Iterable[str]
"""A named alphabet, or labels."""


@dataclass(frozen=True, eq=False)
class Request:
    """Samples of one writer that are to be read; its `len` is how many."""

    name: str
    images: Readable
    alphabet: Alphabets | None = None
    """The labels that may be answered; None for all."""
    threshold: float = 0.0
    """The probability below which a reading abstains, 0…1."""
    ids: Sequence[str] | None = None
    """[n] the readings' ids; random unless given."""
    tenant: str | None = None
    """The writer's tenant; that of the `Writers` which is asked unless given."""
    context: Seen | None = None
    """What the writer wrote lately on the same device and did not correct, at most 64; it is read beside."""

    @property
    def is_one(self) -> bool:
        """Whether it is one sample and not a list of them."""
        return isinstance(self.images, Sample) or (isinstance(self.images, np.ndarray) and self.images.ndim == 2)

    @property
    def rows(self) -> int:
        """How many samples the model is to read for it: its own, and those of its context that were not read before."""
        return len(self) + unread(self.context)

    def __len__(self) -> int:
        return 1 if isinstance(self.images, Sample) or self.is_one else len(self.images)


@dataclass(frozen=True, eq=False)
class Task:
    """A request, with the profile that it is read with."""

    live: LiveProfile
    request: Request
    shadow: bool = False
    """Whether the base classifier answers, and the adapter's answer is only recorded."""


@dataclass(frozen=True, eq=False)
class Ready:
    """A task that was checked and needs only the model; its `len` is how many samples that is to read."""

    task: Task
    ids: Sequence[str]
    snapshot: Snapshot
    """What the writer taught; all samples of one request are read with the same."""
    offer: frozenset[str] | None
    """The labels that may be answered; None for all."""
    mask: NDArray[np.bool_] | None
    """[C] which of the bundle's labels those are."""
    images: NDArray[Any]
    """[n, 28, 28] as they are stored with a correction."""
    boxes: Sequence[Box | None] | None
    """[n] how large they were written, and where; None where that is known of none."""
    context: Context
    """What they are read beside."""
    inputs: NDArray[np.float32]
    """[m + n, 1, 28, 28] as the model reads them: first what of the context it is still to read, then the samples."""

    def __len__(self) -> int:
        return len(self.inputs)


@dataclass(frozen=True)
class Behind:
    """A writer whose journal holds more that is new than a reading may learn: run `live.catch_up()`, then ask again."""

    live: LiveProfile


def prepare(tasks: Sequence[Task], wait: bool = True) -> list[Ready | Behind | Exception]:
    """Check each task and look once in the store for what the writers taught; a task that fails gives its error.

    What is new in a journal is learned first, however long that takes; without `wait`, a writer for whom it would take long is
    `Behind`. All tasks share a store. Raises `StorageError` where the store cannot be reached.
    """
    if not tasks:
        return []
    versions = tasks[0].live.store.versions([task.live.key for task in tasks])
    prepared: list[Ready | Behind | Exception] = []
    for task, version in zip(tasks, versions, strict=True):
        try:
            request, recognizer = task.request, task.live.pipeline.recognizer
            images, boxes = to_images_and_boxes(request.images, recognizer.frame)
            images = images[np.newaxis] if images.ndim == 2 else images
            inputs = model_input(images)
            ids = _ids(request, len(inputs))
            context = check_context(request.context, recognizer)
            inputs = inputs if context.inputs is None else np.concatenate([context.inputs, inputs])
            snapshot = task.live.at(version) if wait else task.live.soon_at(version)
            if snapshot is None:
                prepared.append(Behind(task.live))
            else:
                offer, mask = offer_of(request.alphabet, recognizer, snapshot.state)
                prepared.append(Ready(task, ids, snapshot, offer, mask, images, boxes, context, inputs))
        except Exception as error:  # one writer's error must not fail the others' requests
            prepared.append(error)
    return prepared


def read(tasks: Sequence[Ready]) -> list[list[Reading] | Exception]:
    """The readings of each task, by one call of the model; a task that fails gives its error."""
    if not tasks:
        return []
    outputs = run(tasks[0].task.live.pipeline.recognizer, [task.inputs for task in tasks])
    return answer(tasks, outputs)


def run(recognizer: Recognizer, inputs: Sequence[NDArray[np.float32]]) -> list[Samples]:
    """What the recognizer says of each part of the input, by one call of the model; there is at least one part."""
    if len(inputs) == 1:
        return [recognizer.run(inputs[0])]
    samples = recognizer.run(np.concatenate(inputs))
    ends = accumulate(len(part) for part in inputs)
    return [samples.at(slice(end - len(part), end)) for part, end in zip(inputs, ends, strict=True)]


def answer(tasks: Sequence[Ready], outputs: Sequence[Samples]) -> list[list[Reading] | Exception]:
    """The readings of each task from all that the recognizer says of its input; a task that fails gives its error."""
    answers: list[list[Reading] | Exception] = []
    for task, read in zip(tasks, outputs, strict=True):
        try:
            answers.append(_readings(task, read))
        except Exception as error:
            answers.append(error)
    return answers


def read_together(tasks: Sequence[Task]) -> list[list[Reading] | Exception]:
    """The readings of each task, in order; a task that fails gives its error.

    All tasks share a store and a recognizer. Raises `StorageError` where the store cannot be reached.
    """
    prepared = prepare(tasks)
    answers = iter(read([one for one in prepared if isinstance(one, Ready)]))
    return [one if isinstance(one, Exception) else next(answers) for one in prepared]


def _ids(request: Request, count: int) -> Sequence[str]:
    """The readings' ids; raises `InputError` unless there is one for each and no two are the same."""
    if not 0 <= request.threshold <= 1:
        raise InputError(f"a threshold is a probability, from 0 to 1, not {request.threshold}")
    if request.ids is None:
        return [secrets.token_hex(16) for _ in range(count)]
    ids = [check_name(id, "reading") for id in request.ids]
    if len(ids) != count or len(set(ids)) != count:
        raise InputError(f"{count} samples need as many ids, each another; these are {len(set(ids))}")
    return ids


def offer_of(
    alphabet: Alphabets | None, recognizer: Recognizer, state: State
) -> tuple[frozenset[str] | None, NDArray[np.bool_] | None]:
    """The labels of an alphabet that is offered, and which of the bundle's they are [C]; None twice where there is none.

    Raises `InputError` where the bundle knows none of them.
    """
    if alphabet is None:
        return None, None
    labels = frozenset(Alphabet.by_name(alphabet))
    mask = recognizer.alphabet.mask(labels.difference(state.labels))
    if not mask.any():
        raise InputError("a restricted alphabet needs at least one label that the bundle knows")
    return labels, mask


def _readings(ready: Ready, outputs: Samples) -> list[Reading]:
    """The readings of a task; its samples are one another's context where there are several, and each is judged by itself."""
    snapshot, pipeline, context = ready.snapshot, ready.task.live.pipeline, ready.context
    samples, boxes = outputs.at(slice(context.unread, None)) if context.unread else outputs, ready.boxes
    if boxes is not None:
        samples = with_boxes(samples, Boxes.of(boxes))
    if ready.mask is not None:
        samples = samples.within(ready.mask)
    beside = context.parts(outputs)
    own, base = snapshot.state.labels, pipeline.recognizer.alphabet.labels
    labels = (*base, *own) if own else base
    together = len(samples) > 1
    scores = snapshot.model.scores_together if together else snapshot.model.scores
    values = scores(samples, _joined(beside)).values
    if ready.offer is not None and own:
        hidden = [len(base) + i for i, label in enumerate(own) if label not in ready.offer]
        values = values.copy()
        values[:, hidden] = -np.inf
    answers = values.argmax(axis=1).tolist()
    personal = [labels[answer] for answer in answers]
    if ready.task.shadow:
        labels, values = base, log_softmax(samples.logits)
        answers = values.argmax(axis=1).tolist()
    images = ready.images if ready.images.dtype == np.uint8 else np.rint(ready.images * 255).astype(np.uint8)
    explain = [partial(_explain, snapshot, beside, samples if together else None, i) for i in range(len(samples))]
    model_hash = pipeline.recognizer.bundle.model_hash
    return [
        Reading(
            ready.ids[i],
            labels[answer],
            labels=labels,
            values=values[i],
            outputs=samples.at(slice(i, i + 1)) if together else samples,
            explain=explain[i],
            alphabet=ready.offer,
            threshold=ready.task.request.threshold,
            image=images[i],
            box=None if boxes is None else boxes[i],
            personal=personal[i],
            model_hash=model_hash,
        )
        for i, answer in enumerate(answers)
    ]


def _joined(beside: Sequence[Samples]) -> Samples | None:
    return Samples.join(beside) if beside else None


def _explain(snapshot: Snapshot, beside: Sequence[Samples], together: Samples | None, place: int, sample: Samples) -> Explanation:
    """The adapter's explanation of the sample at a place among those read together.

    The context is kept in its parts, which other readings keep too, and not as the arrays that it is joined to.
    """
    context = _joined(beside)
    return name_corrections(
        snapshot.model.explain(sample, context if together is None else others(together, place, context)), snapshot
    )


def name_corrections(explanation: Explanation, snapshot: Snapshot) -> Explanation:
    """Put the ids of the corrections that an explanation speaks of beside their places."""
    for part in explanation.evidence.values():
        for entry in part if isinstance(part, list) else ():
            if isinstance(entry, dict) and "correction" in entry:
                entry["id"] = snapshot.corrections[entry["correction"]].id
    return explanation
