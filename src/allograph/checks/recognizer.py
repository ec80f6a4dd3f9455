"""The contract of recognizers, on synthetic images of strokes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from allograph.checks.contract import require, require_raises, run_laws
from allograph.errors import ImageError
from allograph.images.frames import SIDE
from allograph.progress import Progress, silent
from allograph.readings import Samples
from allograph.recognizer import Recognizer


def check_recognizer(recognizer: Recognizer, progress: Progress = silent) -> None:
    """Raise `ContractError` unless a recognizer keeps what `Recognizer.embed` promises."""
    run_laws("the recognizer", RECOGNIZER_LAWS, lambda: recognizer, progress)


def gives_rows_of_float32(recognizer: Recognizer) -> None:
    """Embeddings, logits and features are finite float32, a row for each image, as wide as the recognizer says."""
    for count in (0, 1, 5, 70):
        samples = recognizer.embed(_images(count))
        sizes = {"embeddings": recognizer.bundle.embedding_size, "logits": len(recognizer.alphabet)}
        for name, size in {**sizes, "features": recognizer.feature_size}.items():
            array = getattr(samples, name)
            if size is None:
                require(array is None, f"there are {name}, and the recognizer's feature_size is None")
                continue
            require(array is not None, f"there are no {name}, and the recognizer says that they have {size} numbers")
            require(array.shape == (count, size), f"the {name} of {count} images are {array.shape}, not {(count, size)}")
            require(array.dtype == np.float32 and np.isfinite(array).all(), f"the {name} are not all finite float32")


def reads_the_same_again(recognizer: Recognizer) -> None:
    """The same images give the same numbers, whether uint8 in 0…255 or float in 0…1."""
    images = _images(6)
    first = recognizer.embed(images)
    _require_near(first, recognizer.embed(images), 0.0, "the same images are read otherwise a second time")
    _require_near(first, recognizer.embed(images / np.float32(255)), 1e-4, "images in 0…1 are read otherwise than in 0…255")


def reads_one_as_many(recognizer: Recognizer) -> None:
    """An image is read alone as among others."""
    images = _images(12)
    together = recognizer.embed(images)
    for i, image in enumerate(images):
        _require_near(recognizer.embed(image), together.at(slice(i, i + 1)), 1e-3, f"image {i} is read otherwise alone")


def refuses_what_is_no_image(recognizer: Recognizer) -> None:
    """What is no image, or shows no ink, raises `ImageError`."""
    for what, wrong in {
        "images of 27 rows": np.ones((2, SIDE - 1, SIDE), np.uint8),
        "an image without ink": np.zeros((1, SIDE, SIDE), np.uint8),
        "an image with NaN": np.full((1, SIDE, SIDE), np.nan, np.float32),
        "numbers beyond 1": np.full((1, SIDE, SIDE), 7.0, np.float32),
        "strings": np.full((1, SIDE, SIDE), "x"),
    }.items():
        require_raises(ImageError, lambda wrong=wrong: recognizer.embed(wrong), f"{what} were read")  # type: ignore[misc]


def is_shared_by_threads(recognizer: Recognizer) -> None:
    """Threads that read at once get what each alone would."""
    images = _images(8)
    expected = recognizer.embed(images)
    with ThreadPoolExecutor(4) as pool:
        for samples in pool.map(recognizer.embed, [images] * 12):
            _require_near(expected, samples, 1e-4, "images are read otherwise beside other threads")


def _images(count: int) -> NDArray[np.uint8]:
    """White strokes on black."""
    random, images = np.random.default_rng(0), np.zeros((count, SIDE, SIDE), np.uint8)
    for image in images:
        for x, y in random.integers(4, SIDE - 10, (3, 2)):
            image[y : y + 2, x : x + 6] = image[y : y + 6, x : x + 2] = 255
    return images


def _require_near(one: Samples, other: Samples, tolerance: float, what: str) -> None:
    pairs: list[tuple[Any, Any]] = list(zip(one.arrays.values(), other.arrays.values(), strict=True))
    near = all((a is b) if a is None or b is None else np.allclose(a, b, atol=tolerance, rtol=tolerance) for a, b in pairs)
    require(near, what)


RECOGNIZER_LAWS: Sequence[Callable[[Recognizer], None]] = (
    gives_rows_of_float32,
    reads_the_same_again,
    reads_one_as_many,
    refuses_what_is_no_image,
    is_shared_by_threads,
)
"""Every law of a recognizer."""
