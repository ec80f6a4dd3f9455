"""The context of a reading: what the same writer wrote lately on the same device, read or to be read, and not corrected."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from allograph.errors import ImageError, InputError, MismatchError
from allograph.images.frames import model_input
from allograph.readings import Reading, Samples
from allograph.recognizer import Recognizer
from allograph.samples.box import Boxes
from allograph.samples.sample import Sample, to_images_and_boxes

LONGEST = 64
"""Samples in a context, at most."""

Seen = Sequence[Reading | Sample | NDArray[Any]] | NDArray[Any]
"""Readings, whose outputs are used as they are, and samples, which the model reads in the same call.

An array is in the frame. Samples are read without the alphabet of the request: lately, other labels may have been on offer.
"""


@dataclass(frozen=True, eq=False)
class Context:
    """A context that was checked."""

    outputs: Sequence[Samples | None] = ()
    """[k] what the recognizer said of each; None where the model is still to read it."""
    inputs: NDArray[np.float32] | None = None
    """[m, 1, 28, 28] those that the model is still to read, as it reads them; None where there are none."""
    boxes: Boxes | None = None
    """[m] their boxes."""

    @property
    def unread(self) -> int:
        """How many the model is still to read."""
        return 0 if self.inputs is None else len(self.inputs)

    def parts(self, read: Samples) -> list[Samples]:
        """[k] the outputs of each, where `read` [m] are those of the samples that were still to be read."""
        if not self.outputs:
            return []
        fresh: Iterator[Samples] = (with_boxes(read, self.boxes).at(slice(i, i + 1)) for i in range(self.unread))
        return [next(fresh) if one is None else one for one in self.outputs]


NONE = Context()
"""The context of what is read alone."""


def check_context(seen: Seen | None, recognizer: Recognizer) -> Context:
    """A context as it is read beside.

    Raises `InputError` for more than `LONGEST` samples and for what is no list, `ImageError` for what cannot be read,
    `MismatchError` for a reading by another model.
    """
    if seen is None:
        return NONE
    if not isinstance(seen, Sequence | np.ndarray) or isinstance(seen, str) or (isinstance(seen, np.ndarray) and seen.ndim != 3):
        raise InputError("a context is a list of readings and samples, also where it is one")
    if len(seen) > LONGEST:
        raise InputError(f"a context has at most {LONGEST} samples, and this one has {len(seen)}: give those seen last")
    unread = [one for one in seen if not isinstance(one, Reading)]
    for one in seen:
        if isinstance(one, Reading) and one.model_hash != recognizer.bundle.model_hash:
            raise MismatchError(
                f"the reading {one.id!r} in the context was made by another model ({one.model_hash[:12]}…, not "
                f"{recognizer.bundle.model_hash[:12]}…); give its sample instead"
            )
    outputs = [one.outputs if isinstance(one, Reading) else None for one in seen]
    if not unread:
        return Context(outputs)
    try:
        images, boxes = to_images_and_boxes(unread, recognizer.frame)
        inputs = model_input(images)
    except ImageError as error:
        raise ImageError(f"in the context, {error}") from error
    return Context(outputs, inputs, None if boxes is None else Boxes.of(boxes))


def unread(seen: Seen | None) -> int:
    """How many samples of a context the model is to read."""
    return 0 if seen is None else sum(not isinstance(one, Reading) for one in seen)


def with_boxes(samples: Samples, boxes: Boxes | None) -> Samples:
    """The same samples with these boxes; as they are where there are none."""
    return samples if boxes is None else Samples(samples.embeddings, samples.logits, samples.features, boxes)
