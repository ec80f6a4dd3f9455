"""From anyone's ONNX model to a bundle."""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from allograph.alphabet.labels import Alphabet
from allograph.bundle import Bundle, BundleConfig, check_place, write_bundle
from allograph.corpora.corpus import Corpus
from allograph.errors import FormatError, InputError, MismatchError
from allograph.images.frames import SIDE, Frame
from allograph.progress import Progress, silent
from allograph.recognizer import BATCH, FEATURES_OUTPUT, OUTPUTS, Recognizer, open_session
from allograph.training.onnx_file import read_model, reason
from allograph.training.onnx_graph import FACTOR, OFFSET, Layout, Wrapped, layouts, take_log_odds, take_logarithm, wrap
from allograph.training.other_settings import SAMPLES, Setting, find_better, is_near_chance, other_order
from allograph.training.preprocessing import Preprocessing
from allograph.training.statistics import TrainWriters
from allograph.training.survey import images_at, survey

if TYPE_CHECKING:
    import onnx

Warn = Callable[[str], None]

UNCHECKED = (
    "nothing was checked: whether the model reads pictures as they are meant is not known, and without statistics of train "
    "writers only the methods that go by a writer's own samples work, such as memory. Name a corpus: --corpus"
)
NO_STATISTICS = (
    "the corpus has too few train writers, or the model tells their samples not apart: there are no statistics for the default "
    "method (allograph). Prepare a corpus with two train writers or more"
)


def _warn(text: str) -> None:
    warnings.warn(text, stacklevel=3)


def adopt(
    model: str | Path,
    output: str | Path,
    alphabet: Alphabet,
    embedding: str,
    logits: str,
    frame: Frame = "mnist",
    *,
    features: str | None = None,
    corpus: Corpus | str | Path | None = None,
    seed: int = 0,
    progress: Progress = silent,
    scale: float | None = None,
    mean: float | Sequence[float] = 0.0,
    std: float | Sequence[float] = 1.0,
    invert: bool = False,
    transpose: bool = False,
    size: int | tuple[int, int] = SIDE,
    channels: int | None = None,
    warn: Warn = _warn,
) -> Bundle:
    """Make a bundle of a model that has an embedding and a logits output, or any inner value of such a name.

    What the model reads is made of the bundle's samples (28×28, 0…1, white on black) inside the new model's graph, as
    `Preprocessing` says: `scale` is what full ink is to it, `mean` and `std` are one number or one a channel, `size` is its
    height and width. The layout ([n, 1, 28, 28], [n, 28, 28, 1], [n, 784] …) and the element type are its own; whole numbers are
    rounded, and 0…255 unless `scale` is given. `features` may name what else the default adapter is to learn from, such as the
    flattened maps of an earlier layer; else it learns from the embedding. Probabilities in place of logits are turned into
    logarithms, those of a sigmoid into log-odds; a flag such as one for training is false; a model that was exported for one
    batch size is freed of it, where it can be.

    With a corpus the bundle gets its accuracy on each split, styles, which the paper's adapter needs, and the train writers'
    statistics, which the default adapter needs; and `warn` is told where the model reads near chance, or would read the corpus
    far better if its pictures were prepared otherwise. Without one, `warn` is told that nothing was checked.

    Raises `FormatError` for a file that is no ONNX model, `InputError` when it lacks a named value or cannot read many images
    at once, `MismatchError` when its images have another shape or the number of logits is not that of the labels.
    """
    check_place(output)
    corpus = None if corpus is None else Corpus.of(corpus)
    means, deviations = (tuple(np.atleast_1d(numbers).tolist()) for numbers in (mean, std))
    sides = (size, size) if isinstance(size, int) else size
    wanted = Preprocessing(transpose, invert, scale, means, deviations, sides, channels)
    path = Path(model)
    proto = read_model(path)
    values = dict(zip(OUTPUTS, (embedding, logits), strict=True)) | ({} if features is None else {FEATURES_OUTPUT: features})
    wrapped, layout, answers = _first_that_answers(path, proto, values, wanted)
    embedded, read, *_ = answers
    if read.shape[1] != len(alphabet):
        raise MismatchError(
            f"{path} has {read.shape[1]} logits and the alphabet {len(alphabet)} labels; they must be as many, in the same order"
        )
    finish = _finish_of(read)
    finish(wrapped.proto)
    content, width = wrapped.proto.SerializeToString(), int(embedded.shape[1])
    adopted = {**values, "preprocessing": asdict(wrapped.preprocessing)}
    config = BundleConfig(alphabet, frame, width, adopted=adopted)
    if corpus is None:
        warn(UNCHECKED)
        return write_bundle(output, content, config)
    with tempfile.TemporaryDirectory(dir=Path(output).absolute().parent, prefix=".bundle.") as scratch:
        recognizer = Recognizer(write_bundle(Path(scratch) / "bundle", content, config))
        writers = TrainWriters(corpus, recognizer, seed)
        styles, judged = survey(recognizer, corpus, Path(scratch), seed, progress, writers)
    statistics = writers.statistics()
    if not statistics:
        warn(NO_STATISTICS)
    bundle = write_bundle(output, content, replace(config, **judged), styles, statistics)
    progress("trying other settings", 0, 1)
    probe = wrap(proto, path, values, wrapped.preprocessing, layout, open_factors=True)
    finish(probe.proto)
    for text in _doubts(probe, path, frame, corpus, alphabet, seed):
        warn(text)
    return bundle


def _first_that_answers(
    path: Path, proto: onnx.ModelProto, values: dict[str, str], wanted: Preprocessing
) -> tuple[Wrapped, Layout, list[NDArray[np.float32]]]:
    """The model wrapped in the likeliest layout in which it runs, and its answers to some noise."""
    refused: InputError | None = None
    for layout in layouts(proto, path, wanted):
        wrapped = wrap(proto, path, values, wanted, layout)
        try:
            return wrapped, layout, _answers(_session(wrapped.proto, path), path, list(values), wrapped.preprocessing)
        except InputError as error:
            refused = refused or error
    assert refused is not None  # there is a layout at least
    raise refused


def _session(proto: onnx.ModelProto, path: Path) -> onnxruntime.InferenceSession:
    try:
        return open_session(proto.SerializeToString())
    except FormatError as error:
        cause = error.__cause__ or error
        raise FormatError(
            f"{path}: onnxruntime cannot run it with these settings ({reason(cause)}); is this the size and are these the "
            "channels that it reads? Else export it with standard operators, at opset 17 for instance"
        ) from error


def _answers(
    session: onnxruntime.InferenceSession, path: Path, outputs: list[str], wanted: Preprocessing
) -> list[NDArray[np.float32]]:
    """The outputs for some noise; raises `InputError` unless many images give what each of them gives alone."""
    noise = np.random.default_rng(0).random((4, 1, SIDE, SIDE), np.float32)
    noise **= np.arange(1, 5, dtype=np.float32).reshape(-1, 1, 1, 1)  # from grey to nearly black
    advice = "export it with a batch dimension that is left open (dynamic)"
    try:
        alone = [session.run(outputs, {"images": image[np.newaxis]}) for image in noise]
        together: list[NDArray[np.float32]] = session.run(outputs, {"images": noise})
    except Exception as error:  # onnxruntime's exceptions have no public names
        shape = [wanted.depth, *wanted.size]
        raise InputError(
            f"{path} cannot read {len(noise)} images at once; {advice}; or it reads images of another shape than {shape}: "
            f"give --size and --channels ({reason(error)})"
        ) from error
    for answer, parts in zip(together, zip(*alone, strict=True), strict=True):
        if not np.isfinite(answer).all():
            raise InputError(f"{path} answers with numbers that are not finite; is the scale right, and is it exported whole?")
        expected = np.concatenate(parts)
        if answer.shape != expected.shape or not np.allclose(answer, expected, atol=1e-3 * np.abs(expected).max(initial=1)):
            raise InputError(f"{path} answers otherwise when it reads {len(noise)} images at once than one by one; {advice}")
    return together


def _finish_of(logits: NDArray[np.float32]) -> Callable[[onnx.ModelProto], None]:
    """What makes logits of what these are: nothing, the logarithm of probabilities, or the log-odds of separate ones."""
    if logits.min() < 0 or logits.max() > 1 + 1e-3:
        return lambda proto: None
    return take_logarithm if np.allclose(logits.sum(axis=1), 1, atol=5e-3) else take_log_odds


def _doubts(probe: Wrapped, path: Path, frame: Frame, corpus: Corpus, alphabet: Alphabet, seed: int) -> list[str]:
    """What speaks against the settings that a model was adopted with, each with what to do."""
    session = _session(probe.proto, path)

    def read(images: NDArray[np.float32], factor: NDArray[np.float32], offset: NDArray[np.float32]) -> NDArray[np.float32]:
        parts = [
            session.run(["logits"], {"images": images[i : i + BATCH], FACTOR: factor, OFFSET: offset})[0]
            for i in range(0, len(images), BATCH)
        ]
        return np.concatenate(parts)

    rows = np.random.default_rng(seed).permutation(len(corpus))[:SAMPLES]
    labels = alphabet.indices(corpus.labels[rows])
    current = Setting(probe.preprocessing, frame)
    asked, better = find_better(read, current, probe.whole, images_at(corpus, rows), labels)
    share = f"{100 * asked.accuracy:.0f} % of {len(rows)} samples of {corpus.place}"
    reordered = other_order((better or asked).logits, labels)
    doubts = []
    if better is not None:
        how = _how(current, better.setting, 255 if probe.whole else 1)
        doubts.append(f"it reads {share} right, and would read {100 * better.accuracy:.0f} %: {how}")
    elif reordered is None and is_near_chance(asked.right, labels):
        doubts.append(
            f"it reads {share} right, which is near chance, and no other setting reads them far better: are these the model's "
            "logits, and is the alphabet in their order?"
        )
    if reordered is not None:
        accuracy, meant = reordered
        pairs = ", ".join(f"{alphabet[output]!r} for {alphabet[label]!r}" for output, label in list(meant.items())[:5])
        doubts.append(
            f"the alphabet seems to be in another order than the logits: of {share.partition(' of ')[2]} it says {pairs}"
            f"{', …' if len(meant) > 5 else ''}; with the labels in the right order {100 * accuracy:.0f} % would be right"
        )
    return doubts


def _how(current: Setting, better: Setting, scale: float) -> str:
    """What to do to have a setting in place of the given one, for a model whose `scale` is this unless said."""
    had, wanted = current.preprocessing.options(scale), better.preprocessing.options(scale)
    dropped = [option for option in had if option.split()[0] not in {each.split()[0] for each in wanted}]
    first = f"prepare the corpus with --frame {better.frame}, and " if better.frame != current.frame else ""
    wanted += [f"--frame {better.frame}"] if better.frame != current.frame else []
    parts = [f"with {' '.join(wanted)}"] if wanted else []
    parts += [f"without {' '.join(dropped)}"] if dropped else []
    return f"{first}adopt it again {' and '.join(parts)}"
