"""The frozen base classifier: images in, embeddings and logits out."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Literal, get_args

import numpy as np
import onnxruntime
from numpy.typing import ArrayLike, NDArray

from allograph.alphabet.labels import Alphabet
from allograph.bundle import MODEL, Bundle
from allograph.errors import FormatError, InputError, MismatchError
from allograph.images.frames import SIDE, Frame, model_input
from allograph.openvino_model import OpenVinoModel
from allograph.readings import Samples

onnxruntime.disable_telemetry_events()  # newer releases send some, and whose writing is read is nobody else's affair

BATCH = 64
"""Images in one call of the model, at most."""
FEW = 8
"""Images up to which a call of the model is not spread over threads."""
OUTPUTS = ["embedding", "logits"]
FEATURES_OUTPUT = "features"
"""The output that a model may have besides."""

Engine = Literal["onnxruntime", "openvino"]
"""What computes the model. Their answers differ by less than 1e-4 of the numbers, by rounding."""
ENGINES: tuple[Engine, ...] = get_args(Engine)


class Recognizer:
    """A bundle's model, ready to be called; safe to share between threads.

    `threads` is how many threads one call may use; None leaves it to onnxruntime (all cores). A call with few images uses the
    thread that makes it alone: more would not be quicker, and much slower beside other load. A process that was forked needs a
    recognizer of its own.

    With the engine `openvino` (extra `openvino`) OpenVINO computes the model, in float32, for many images at once; it is for
    embedding corpora. Raises `MissingExtraError` where it is not installed, `InputError` for an engine that there is not.
    """

    def __init__(
        self, bundle: Bundle | str | Path | None = None, threads: int | None = None, engine: Engine = "onnxruntime"
    ) -> None:
        self.bundle = bundle if isinstance(bundle, Bundle) else Bundle.open(bundle)
        self.threads = threads
        self.engine = check_engine(engine)
        self.session = open_session(self.bundle.path / MODEL, 1)
        for output, size in (("embedding", self.bundle.embedding_size), ("logits", len(self.alphabet))):
            actual = _output_size(self.session, output, self.bundle.path)
            if actual != size:
                raise MismatchError(f"{self.bundle.path}: the model's output {output} has {actual} numbers; {size} were expected")
        has_features = FEATURES_OUTPUT in [output.name for output in self.session.get_outputs()]
        self.feature_size = _output_size(self.session, FEATURES_OUTPUT, self.bundle.path) if has_features else None
        """Numbers in a sample's features; None where the model has no such output."""
        self._outputs = [*OUTPUTS, FEATURES_OUTPUT] if has_features else OUTPUTS
        self._openvino = OpenVinoModel(self.bundle.path / MODEL, self._outputs, threads) if engine == "openvino" else None

    @property
    def alphabet(self) -> Alphabet:
        """The labels that the model knows, in the order of its logits."""
        return self.bundle.alphabet

    @property
    def frame(self) -> Frame:
        """The frame of the samples that it reads."""
        return self.bundle.frame

    def embed(self, images: ArrayLike) -> Samples:
        """Embeddings [n, d], logits [n, C] and features [n, f], float32, of samples [28, 28] or [n, 28, 28].

        Takes uint8 in 0…255 or float in 0…1; an empty list gives no rows. Raises `ImageError` for anything else, and for images
        without ink.
        """
        array = np.asarray(images)
        return self.run(model_input(array if array.shape != (0,) else np.empty((0, SIDE, SIDE), np.float32)))

    def run(self, inputs: NDArray[np.float32]) -> Samples:
        """The same for checked input, float32 [n, 1, 28, 28]."""
        if not len(inputs):
            return self._nothing()
        if self._openvino is not None:
            embeddings, logits, *features = self._openvino.run(inputs)
            return Samples(embeddings, logits, features[0] if features else None)
        session = self.session if len(inputs) <= FEW else self._wide_session
        if len(inputs) <= BATCH:
            return Samples(*session.run(self._outputs, {"images": inputs}))
        batches = [inputs[i : i + BATCH] for i in range(0, len(inputs), BATCH)]
        return Samples.join([Samples(*session.run(self._outputs, {"images": batch})) for batch in batches])

    @cached_property
    def _wide_session(self) -> onnxruntime.InferenceSession:
        """What reads many images, on as many threads as it may."""
        return self.session if self.threads == 1 else open_session(self.bundle.path / MODEL, self.threads)

    def _nothing(self) -> Samples:
        """No samples: what a model of somebody's own would make of none is its affair."""
        sizes = (self.bundle.embedding_size, len(self.alphabet), self.feature_size or 0)
        embeddings, logits, features = (np.empty((0, size), np.float32) for size in sizes)
        return Samples(embeddings, logits, None if self.feature_size is None else features)


def check_engine(engine: str) -> Engine:
    """Return `engine` when it is one; raise `InputError` when not."""
    for known in ENGINES:
        if engine == known:
            return known
    raise InputError(f"there is no engine {engine!r}; there are {', '.join(ENGINES)}")


def open_session(model: Path | bytes, threads: int | None = None) -> onnxruntime.InferenceSession:
    """Load an ONNX model; raises `FormatError` when it is none or lacks what a bundle's model has."""
    name = model if isinstance(model, Path) else "the model"
    try:
        session = start_session(model, threads)
    except Exception as error:  # onnxruntime's exceptions have no public names
        raise FormatError(f"{name} is not an ONNX model that onnxruntime can load ({error})") from error
    inputs, outputs = session.get_inputs(), [output.name for output in session.get_outputs()]
    if [i.name for i in inputs] != ["images"] or inputs[0].shape[1:] != [1, SIDE, SIDE] or not set(OUTPUTS) <= set(outputs):
        raise FormatError(
            f"{name} has the inputs {[i.name for i in inputs]} and the outputs {outputs}; a bundle's model has images "
            "[n, 1, 28, 28], embedding and logits. Make it one with: allograph bundle"
        )
    if isinstance(inputs[0].shape[0], int):
        raise FormatError(
            f"{name} reads exactly {inputs[0].shape[0]} images at a time; a bundle's model reads any number. "
            "Make it one with: allograph bundle"
        )
    return session


def start_session(model: Path | bytes, threads: int | None = None) -> onnxruntime.InferenceSession:
    """Load any ONNX model, with onnxruntime's own exceptions where that fails, and without a word of its log."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    if threads is not None:
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
    # without the fallback, to what it just tried, which prints on standard output
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"], enable_fallback=0)


def _output_size(session: onnxruntime.InferenceSession, output: str, path: Path) -> int:
    """How many numbers a sample has in this output, found by reading two; raises `FormatError` unless it is float32 [2, …]."""
    try:
        (answer,) = session.run([output], {"images": np.full((2, 1, SIDE, SIDE), 0.5, np.float32)})
    except Exception as error:  # onnxruntime's exceptions have no public names
        raise FormatError(f"{path}: the model cannot read two images at once ({error})") from error
    if answer.dtype != np.float32 or answer.ndim != 2 or len(answer) != 2:
        raise FormatError(
            f"{path}: the model's output {output} is {answer.dtype} {list(answer.shape)} for two images; "
            "float32 [2, …] was expected. Make it so with: allograph bundle"
        )
    return int(answer.shape[1])
