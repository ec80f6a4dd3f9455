"""The upper mark: the whole shipped network fine-tuned for each of UNIPEN's application writers, beside the adapters.

Needs torch and build/unipen.embedded.parquet, which `make unipen` makes. For each writer and resample all weights are trained on
the adaptation samples, augmented anew in every epoch; batch norm keeps the base's statistics. On every other validation writer a
rate of 0.0003 was better than 0.0001, 0.001 and 0.003, and an anchor of 0.001 no worse than none; `--choose` tries the neighbours
of every setting there.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from allograph.adapters import Trial, build
from allograph.bundle import MODEL, Bundle
from allograph.embedding import EmbeddedCorpus
from allograph.evaluation.measures.duels import duels
from allograph.evaluation.measures.figures import figures
from allograph.evaluation.protocols.answers import MethodAnswers, WriterAnswers
from allograph.evaluation.protocols.replay import replay_writers
from allograph.evaluation.protocols.resample import Resample
from allograph.evaluation.protocols.writer_samples import WriterSamples, samples_by_writer
from allograph.execution import ordered_map
from allograph.images.frames import model_input
from allograph.recognizer import Recognizer
from allograph.split import Split
from timing import show

try:
    import onnx
    import torch
    from torch import Tensor, nn
    from torch.nn import functional

    from allograph.training.augment import augment_images
    from allograph.training.network import Network
except ImportError:
    raise SystemExit(print('torch or onnx is not installed; they come with: pip install "allograph[train]"')) from None

CORPUS = Path("build/unipen.embedded.parquet")
SHARES = (0.9, 0.5, 0.2)
METHODS = ("allograph", "head", "memory")
NAME = "fine-tuned"
TOLERANCE = 1e-4


@dataclass(frozen=True)
class Settings:
    """How a network is fine-tuned: by Adam, at a rate that falls to nothing along half a cosine."""

    rate: float = 3e-4
    epochs: int = 20
    batch: int = 32
    anchor: float = 1e-3
    """Weight of the squared distance from the shipped weights."""
    dropout: bool = True


TRIED: dict[str, tuple[Any, ...]] = {
    "rate": (1e-4, 1e-3),
    "anchor": (0.0, 1e-2),
    "dropout": (False,),
    "epochs": (10, 30),
    "batch": (16, 64),
}


class Task(NamedTuple):
    """One writer's samples, and which of them to learn and to test."""

    images: NDArray[np.uint8]
    """[n, 28, 28]"""
    true: NDArray[np.int32]
    """[n] places in the alphabet."""
    trials: Sequence[Trial]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--resamples", type=int, default=1)
    parser.add_argument("--choose", action="store_true", help="try other settings, on every other validation writer")
    given = parser.parse_args()
    if not CORPUS.exists():
        print(f"{CORPUS} is not there; make it with: make unipen")
        return
    bundle, embedded = Bundle.open(), EmbeddedCorpus.open(CORPUS)
    embedded.check_model(bundle.model_hash)
    check(bundle, embedded)
    if given.choose:
        choose(bundle, writers(bundle, embedded, "validation")[::2])
        return
    tested = writers(bundle, embedded, "application")
    cells: dict[str, list[str]] = {name: [] for name in (NAME, *METHODS, f"{NAME} less {METHODS[0]}, points")}
    for share in SHARES:
        replayed = compared(bundle, tested, Resample(share, resamples=given.resamples), Settings(), METHODS)
        for name, method in figures(replayed).methods.items():
            low, high = method.error_cut_ci95 or (0.0, 0.0)
            cut = f"{100 * (method.error_cut or 0):.1f} % ({100 * low:.0f} … {100 * high:.0f}), {method.worse} harmed"
            cells[name] += [cut, f"{method.seconds / len(tested) / given.resamples:.2f}"]
        cells[f"{NAME} less {METHODS[0]}, points"] += [difference(replayed), ""]
        print(".", end="", file=sys.stderr, flush=True)
    show(
        f"Errors cut on {len(tested)} application writers, resamples: {given.resamples} "
        "(95 % interval by writer; s: seconds a writer and resample)",
        ("method", *(head for share in SHARES for head in (f"{share:.0%} learned", "s"))),
        [(name, *row) for name, row in cells.items()],
    )


def difference(replayed: Sequence[WriterAnswers]) -> str:
    """By how much the fine-tuned networks are more accurate than the first adapter."""
    (duel,) = (duel for duel in duels(replayed) if {duel.method, duel.rival} == {NAME, METHODS[0]})
    points = [100 * value for value in (duel.difference, *duel.difference_ci95)]
    middle, low, high = points if duel.method == NAME else (-points[0], -points[2], -points[1])
    return f"{middle:+.1f} ({low:+.1f} … {high:+.1f})"


def choose(bundle: Bundle, writers: Sequence[tuple[WriterSamples, NDArray[np.uint8]]]) -> None:
    """Try value by value while the others stand still, and print the mean error cut over all shares."""

    def cuts(settings: Settings) -> list[float]:
        found = (figures(compared(bundle, writers, Resample(share, resamples=1), settings)).methods[NAME] for share in SHARES)
        return [method.error_cut or 0.0 for method in found]

    def row(note: str, settings: Settings, cuts: list[float]) -> tuple[str, ...]:
        return note, str(settings), *(f"{100 * cut:.1f} %" for cut in cuts), f"{100 * sum(cuts) / len(cuts):.1f} %"

    chosen = Settings()
    best = cuts(chosen)
    rows = [row("", chosen, best)]
    print(*rows[-1], file=sys.stderr)
    for name, values in TRIED.items():
        for value in values:
            changed: dict[str, Any] = {name: value}
            other = replace(chosen, **changed)
            found = cuts(other)
            better = sum(found) > sum(best)
            rows.append(row("better" if better else "", other, found))
            print(*rows[-1], file=sys.stderr)
            if better:
                chosen, best = other, found
    show(
        f"Errors cut on {len(writers)} validation writers, 1 resample",
        ("", "settings", *(f"{share:.0%}" for share in SHARES), "mean"),
        rows,
    )


def writers(bundle: Bundle, embedded: EmbeddedCorpus, split: Split) -> list[tuple[WriterSamples, NDArray[np.uint8]]]:
    """A split's writers, each with the images [n, 28, 28]."""
    samples = embedded.samples(split=split)
    return [(writer, samples.images[samples.writers == writer.writer]) for writer in samples_by_writer(samples)]


def compared(
    bundle: Bundle,
    writers: Sequence[tuple[WriterSamples, NDArray[np.uint8]]],
    protocol: Resample,
    settings: Settings,
    methods: Sequence[str] = (),
) -> list[WriterAnswers]:
    """What the fine-tuned networks and the adapters answer to the same test samples."""
    adapters = {name: build(name, bundle) for name in methods}
    replayed = replay_writers([writer for writer, _ in writers], bundle.alphabet, adapters, protocol, jobs=2)
    tasks = []
    for writer, images in writers:
        labels = writer.samples.labels
        tasks.append(Task(images, bundle.alphabet.indices(labels), protocol.trials(writer.writer, np.array(labels))))
    answers = ordered_map(fine_tuned, (bundle, settings), tasks, jobs=2)
    return [replace(one, methods={NAME: found, **one.methods}) for one, found in zip(replayed, answers, strict=True)]


def fine_tuned(shared: tuple[Bundle, Settings], task: Task) -> MethodAnswers:
    """A writer's answers, by a network fine-tuned to each of the trials."""
    torch.set_num_threads(1)  # the processes have taken the cores already
    bundle, settings = shared
    began = time.perf_counter()
    images, true = torch.from_numpy(model_input(task.images)), torch.from_numpy(task.true.astype(np.int64))
    answers = []
    for seed, trial in enumerate(task.trials):
        network = fitted(loaded(bundle), images[trial.adaptation], true[trial.adaptation], settings, seed)
        with torch.no_grad():
            answers.append(network(images[trial.test])[1].argmax(dim=1).numpy().astype(np.int32))
    return MethodAnswers(np.concatenate(answers), None, time.perf_counter() - began)


def fitted(network: Network, images: Tensor, true: Tensor, settings: Settings, seed: int) -> Network:
    """Fine-tune a network in place, and return it ready to be asked."""
    generator = torch.manual_seed(seed)
    network.to(memory_format=torch.channels_last)
    for layer in network.eval().modules():
        layer.training = isinstance(layer, nn.Dropout) and settings.dropout
    weights = list(network.parameters())
    shipped = [weight.detach().clone() for weight in weights]
    optimizer = torch.optim.Adam(weights, settings.rate)
    batches = -(-len(true) // settings.batch)
    falling = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, settings.epochs * batches)
    for _ in range(settings.epochs):
        inputs = augment_images(images, generator).to(memory_format=torch.channels_last)
        for chosen in torch.randperm(len(true), generator=generator).split(settings.batch):
            with torch.autocast("cpu", torch.bfloat16):  # as it was trained
                _, logits = network(inputs[chosen])
            loss = functional.cross_entropy(logits.float(), true[chosen])
            if settings.anchor:
                loss += settings.anchor * sum((now - was).square().sum() for now, was in zip(weights, shipped, strict=True))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            falling.step()
    return network.eval()


def loaded(bundle: Bundle) -> Network:
    """The bundle's model in torch: the numbers met on the way from `images` to `logits` are those of `Network`, in turn."""
    graph = onnx.load(bundle.path / MODEL).graph
    known = {array.name: onnx.numpy_helper.to_array(array) for array in graph.initializer}
    maker = {output: node for node in graph.node for output in node.output}
    numbers: list[NDArray[np.float32]] = []
    value = "logits"
    while value != "images":
        node = maker[value]
        found = [known[name] for name in node.input if name in known and known[name].dtype == np.float32]
        if node.op_type in ("Gemm", "MatMul") and not any(a.name == "transB" and a.i for a in node.attribute):
            found[0] = found[0].T
        numbers = [*found, *numbers]
        value = next(name for name in node.input if name not in known)
    network = Network(len(bundle.alphabet)).eval()
    state = network.state_dict()
    names = [name for name, tensor in state.items() if tensor.is_floating_point()]
    network.load_state_dict(state | {name: torch.tensor(array) for name, array in zip(names, numbers, strict=True)})
    return network


def check(bundle: Bundle, embedded: EmbeddedCorpus) -> None:
    """Leave with a message unless torch and onnxruntime answer alike."""
    images = model_input(embedded.samples(split="validation").images[:512])
    expected = Recognizer(bundle).run(images).logits
    with torch.no_grad():
        difference = float(np.abs(loaded(bundle)(torch.from_numpy(images))[1].numpy() - expected).max())
    if not difference <= TOLERANCE:
        raise SystemExit(f"the shipped model in torch differs from itself in onnxruntime by {difference:.2g}")


if __name__ == "__main__":
    main()
