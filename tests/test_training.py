"""Training: the paper's network, runs that repeat and resume to the last bit, a model that is the same in ONNX."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from allograph.adapters import best
from allograph.adapters.population import Population
from allograph.bundle import MODEL, Bundle
from allograph.corpora.corpus import Corpus
from allograph.errors import AllographError, FormatError, InputError, MismatchError, StorageError
from allograph.recognizer import FEATURES_OUTPUT, OUTPUTS, Recognizer, open_session
from small import COMMAND, DIGITS, allograph, contents, digits_corpus, digits_split, environment, noise_corpus, tiny_bundle

pytestmark = pytest.mark.usefixtures("torch_installed")

Data = tuple[NDArray[np.uint8], NDArray[np.int32]]


@pytest.fixture(autouse=True, scope="module")
def one_thread(torch_installed: None) -> Iterator[None]:
    """Small batches are quicker on one, the more so where tests run side by side."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def digits(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    """Ten writers to learn from, two to choose on, two to judge by."""
    folder = tmp_path_factory.mktemp("training")
    return digits_corpus(folder / "digits.parquet", digits_split(folder / "split.csv"))


def part(corpus: Corpus, split: Any, count: int | None = None) -> Data:
    return corpus.images(split)[:count], DIGITS.indices(corpus.labels[corpus.splits == split])[:count]


def network(labels: int = 10, seed: int = 0) -> Any:
    import torch

    from allograph.training.network import Network

    torch.manual_seed(seed)
    return Network(labels)


def fitted(data: tuple[Data, Data], checkpoint: Path, plan: Any = None, progress: Any = None) -> tuple[Any, Any]:
    """A network that was trained by this plan, and its history."""
    from allograph.progress import silent
    from allograph.training.fit import fit
    from allograph.training.schedule import Schedule

    plan = plan or Schedule(stages=((3, 64),), augment=True)
    trained = network(seed=plan.seed)
    return trained, fit(trained, plan, *data, checkpoint, progress or silent)


def same(first: Any, second: Any) -> bool:
    """Whether two networks hold the very same numbers."""
    one, two = first.state_dict(), second.state_dict()
    return one.keys() == two.keys() and all(one[name].equal(two[name]) for name in one)


# The network (paper §4.4)


def test_the_papers_number_of_parameters() -> None:
    from allograph.training.network import numbers

    assert numbers(network(62)) == 356_798
    assert numbers(network(94)) == 356_798 + 32 * 257


def test_the_papers_layers() -> None:
    import torch
    from torch import nn

    shapes: list[tuple[str, tuple[int, ...]]] = []
    made = network(62).eval()
    for layer in made.modules():
        if not list(layer.children()):
            layer.register_forward_hook(lambda layer, _, found: shapes.append((type(layer).__name__, tuple(found.shape[1:]))))
    embedding, logits = made(torch.rand(2, 1, 28, 28))
    block = ["Conv2d", "ReLU", "Conv2d", "ReLU", "BatchNorm2d", "MaxPool2d"]  # the third's pooling would change nothing
    expected = [
        *zip(block, [(32, 26, 26), (32, 26, 26), *[(32, 24, 24)] * 3, (32, 12, 12)], strict=True),
        *zip(block, [(48, 10, 10), (48, 10, 10), *[(48, 8, 8)] * 3, (48, 4, 4)], strict=True),
        *zip(block[:-1], [(64, 3, 3), (64, 3, 3), *[(64, 1, 1)] * 3], strict=True),
        ("Flatten", (64,)),
        *[(name, (768,)) for name in ("Linear", "ReLU", "Dropout")],
        ("Linear", (256,)),
        ("Dropout", (256,)),
        ("Linear", (62,)),
    ]
    assert shapes == expected
    assert (embedding.shape, logits.shape) == ((2, 256), (2, 62))
    norms = [layer for layer in made.modules() if isinstance(layer, nn.BatchNorm2d)]
    assert {(norm.eps, norm.momentum) for norm in norms} == {(1e-3, 0.01)}
    assert {layer.p for layer in made.modules() if isinstance(layer, nn.Dropout)} == {0.25}
    assert [layer.kernel_size for layer in made.modules() if isinstance(layer, nn.Conv2d)] == [(3, 3)] * 4 + [(2, 2), (3, 3)]


def test_pooling_keeps_the_last_partial_window() -> None:
    import torch

    pool = network().features[5]
    assert pool(torch.rand(1, 32, 5, 5)).shape == (1, 32, 3, 3)


def test_the_embedding_is_linear_and_the_logits_follow_from_it() -> None:
    import torch

    made = network().eval()
    embedding, logits = made(torch.rand(20, 1, 28, 28))
    assert embedding.min() < 0 < embedding.max()
    torch.testing.assert_close(logits, embedding @ made.logits[-1].weight.T + made.logits[-1].bias)


def test_the_weights_begin_as_glorots() -> None:
    from torch import nn

    made = network(62)
    for layer in made.modules():
        if isinstance(layer, nn.Conv2d | nn.Linear):
            area = layer.weight[0][0].numel()
            limit = (6 / (area * (layer.weight.shape[0] + layer.weight.shape[1]))) ** 0.5
            assert 0.9 * limit < layer.weight.abs().max() <= limit
            assert not layer.bias.any()
    assert same(network(seed=1), network(seed=1))
    assert not same(network(seed=1), network(seed=2))


# Plans


def test_the_authors_schedules() -> None:
    from allograph.training.schedule import Schedule

    nist, deepwriting, other = (Schedule.for_source(source) for source in ("nist", "deepwriting", "npz"))
    assert [nist.batch(epoch) for epoch in range(35)] == [1024] * 20 + [2048] * 10 + [4096] * 5
    assert (nist.epochs, nist.plateau, nist.patience, nist.learning_rate) == (35, 1, 4, 1e-3)
    assert (deepwriting.stages, deepwriting.plateau, deepwriting.patience) == (((20, 1024),), 3, 5)
    assert (other.stages, other.plateau, other.patience) == (((40, 256),), 1, 4)
    assert Schedule.for_source("nist", ((2, 8),), True, 7).stages == ((2, 8),)
    with pytest.raises(ValueError, match="fewer epochs"):
        nist.batch(35)


@pytest.mark.parametrize("text", ["", "20", "20x", "x256", "20x256,", "20x256x2", "0x256", "20x1", "20x0", "-1x256", "ax256"])
def test_what_is_no_schedule_is_refused(text: str) -> None:
    from allograph.training.schedule import parse_stages

    with pytest.raises(InputError, match=r"is no schedule; write EPOCHSxBATCH"):
        parse_stages(text)


# Fitting


@pytest.fixture(scope="module")
def little(digits: Corpus) -> tuple[Data, Data]:
    return part(digits, "train", 300), part(digits, "validation", 100)


@pytest.mark.slow
def test_the_seed_decides_everything(little: tuple[Data, Data], tmp_path: Path) -> None:
    from allograph.training.schedule import Schedule

    plan = Schedule(stages=((1, 64), (1, 50)), augment=True, seed=3)
    runs = [fitted(little, tmp_path / f"{number}", plan) for number in range(2)]
    assert same(runs[0][0], runs[1][0])
    assert runs[0][1] == runs[1][1]
    assert not same(runs[0][0], fitted(little, tmp_path / "other", replace(plan, seed=4))[0])


class StopError(Exception):
    """Something goes wrong after an epoch."""


def stopping(after: int) -> Callable[[str, int, int], None]:
    def progress(what: str, done: int, total: int) -> None:
        if what.startswith("validation") and done == after:
            raise StopError

    return progress


@pytest.mark.slow
@pytest.mark.parametrize("after", [1, 2, 3])
def test_a_run_that_was_stopped_goes_on_to_the_same_end(little: tuple[Data, Data], tmp_path: Path, after: int) -> None:
    from allograph.training.schedule import Schedule

    plan = Schedule(stages=((2, 64), (2, 50)), augment=True)
    whole, history = fitted(little, tmp_path / "whole", plan)
    with pytest.raises(StopError):
        fitted(little, tmp_path / "part", plan, stopping(after))
    seen: list[str] = []
    resumed, again = fitted(little, tmp_path / "part", plan, lambda what, done, total: seen.append(what))
    assert again == history
    assert same(resumed, whole)
    assert f"epoch {after} of 4" not in seen
    assert seen[0] == f"epoch {after + 1} of 4"


def loss_of(trained: Any, data: Data) -> float:
    import torch

    with torch.no_grad():
        _, logits = trained.eval()(torch.from_numpy(data[0][:, None].astype(np.float32) / 255))
        return float(torch.nn.functional.cross_entropy(logits, torch.from_numpy(data[1].astype(np.int64))))


@pytest.fixture(scope="module")
def hopeless(digits: Corpus) -> tuple[Data, Data]:
    """Labels that were shuffled: there is nothing to learn but the training samples themselves."""
    random = np.random.default_rng(0)
    train, validation = part(digits, "train", 200), part(digits, "validation", 100)
    return (train[0], random.permutation(train[1])), (validation[0], random.permutation(validation[1]))


def test_it_stops_early_with_the_weights_of_the_best_epoch(hopeless: tuple[Data, Data], tmp_path: Path) -> None:
    from allograph.training.schedule import Schedule

    plan = Schedule(stages=((40, 32),), patience=3)
    trained, history = fitted(hopeless, tmp_path / "checkpoint", plan)
    assert len(history.losses) == history.best + 1 + 3 < 40
    assert history.losses[history.best] == min(history.losses) < history.losses[-1]
    assert loss_of(trained, hopeless[1]) == pytest.approx(history.losses[history.best], rel=1e-4)
    assert len(history.accuracies) == len(history.rates) == len(history.losses)
    again, same_history = fitted(hopeless, tmp_path / "checkpoint", plan)  # nothing is left to do
    assert same(again, trained)
    assert same_history == history


def halved(losses: list[float], plateau: int, rate: float = 1e-3) -> list[float]:
    """The rates of the epochs by the rule: `plateau` bad epochs pass, one more halves; the epoch after that does not count."""
    rates, best, bad, rest = [], np.inf, 0, 0
    for loss in losses:
        rates.append(rate)
        bad = 0 if loss < best - 1e-4 else bad + 1
        best = min(best, loss) if loss < best - 1e-4 else best
        if rest:
            rest, bad = rest - 1, 0
        if bad > plateau:
            rate, rest, bad = rate / 2, 1, 0
    return rates


@pytest.mark.slow
@pytest.mark.parametrize("plateau", [1, 3])
def test_the_learning_rate_is_halved_on_a_plateau(hopeless: tuple[Data, Data], tmp_path: Path, plateau: int) -> None:
    from allograph.training.schedule import Schedule

    plan = Schedule(stages=((14, 64),), plateau=plateau, patience=14)
    with pytest.raises(StopError):
        fitted(hopeless, tmp_path / "checkpoint", plan, stopping(6))
    _, history = fitted(hopeless, tmp_path / "checkpoint", plan)
    assert history.rates == halved(history.losses, plateau)
    assert history.rates[-1] < history.rates[0] == 1e-3


def test_a_checkpoint_that_belongs_elsewhere_is_refused(little: tuple[Data, Data], tmp_path: Path) -> None:
    from safetensors.numpy import save_file

    from allograph.training.fit import fit
    from allograph.training.schedule import Schedule

    path = tmp_path / "checkpoint"
    plan = Schedule(stages=((1, 64),))
    fitted(little, path, plan)
    kept = path.read_bytes()
    (images, labels), validation = little
    for other in (
        replace(plan, seed=1),
        replace(plan, augment=True),
        replace(plan, stages=((2, 64),)),
        replace(plan, patience=9),
    ):
        with pytest.raises(
            MismatchError, match=rf"{path} belongs to a run with other settings or another corpus; remove it, or tr"
        ):
            fitted(little, path, other)
    for train in ((images[::-1], labels), (images, labels[::-1].copy()), (images[:-1], labels[:-1])):
        with pytest.raises(MismatchError, match="other settings or another corpus"):
            fitted((train, validation), path, plan)
    with pytest.raises(MismatchError, match="belongs to a network of another shape"):
        fit(network(11), plan, *little, path)
    assert path.read_bytes() == kept

    for content in (b"", kept[:1000], kept[: len(kept) // 2], b"not a checkpoint at all"):
        path.write_bytes(content)
        with pytest.raises(FormatError, match=rf"the checkpoint {path} cannot be read .*; remove it to train from the start"):
            fitted(little, path, plan)
    save_file({"x": np.ones(3)}, path)
    with pytest.raises(FormatError, match=r"cannot be read"):
        fitted(little, path, plan)


def test_what_cannot_be_learned_from_says_so(little: tuple[Data, Data], tmp_path: Path) -> None:
    from allograph.training.schedule import Schedule

    (images, labels), validation = little
    with pytest.raises(InputError, match="training needs at least two samples of train writers"):
        fitted(((images[:1], labels[:1]), validation), tmp_path / "checkpoint")
    with pytest.raises(InputError, match="the validation loss of epoch 1 is not finite"):
        fitted(little, tmp_path / "checkpoint", Schedule(stages=((2, 64),), learning_rate=1e30))
    assert os.listdir(tmp_path) == []


def test_a_batch_of_one_that_is_left_over_is_let_go(little: tuple[Data, Data], tmp_path: Path) -> None:
    from allograph.training.schedule import Schedule

    (images, labels), validation = little
    _, history = fitted(((images[:65], labels[:65]), validation), tmp_path / "checkpoint", Schedule(stages=((2, 64),)))
    assert np.isfinite(history.losses).all()


@pytest.mark.parametrize("batch", [32, 150])
def test_a_small_corpus_is_read_well_from_the_first_epochs(digits: Corpus, tmp_path: Path, batch: int) -> None:
    """The running statistics of batch norm keep up, although the authors' momentum would need many hundred batches."""
    from allograph.training.schedule import Schedule

    data = part(digits, "train"), part(digits, "validation")
    _, history = fitted(data, tmp_path / "checkpoint", Schedule(stages=((4, batch),)))
    assert max(history.accuracies) > 0.85


# ONNX


@pytest.fixture(scope="module")
def exported() -> tuple[Any, bytes]:
    """A network whose batch-norm statistics are not those it began with, and its export."""
    import torch

    from allograph.training.export import to_onnx
    from allograph.training.features import describe

    made = network(62)
    for _ in range(5):
        made.train()(torch.rand(16, 1, 28, 28))
    described = describe(made, np.random.default_rng(0).integers(0, 256, (700, 28, 28), np.uint8))
    return described, to_onnx(described)


def test_the_onnx_model_answers_as_the_network_does(exported: tuple[Any, bytes]) -> None:
    import torch

    from allograph.training.export import check
    from allograph.training.features import describe

    made, model = exported
    session = open_session(model)
    for count in (1, 2, 7, 300):
        images = np.random.default_rng(count).random((count, 1, 28, 28), np.float32)
        with torch.no_grad():
            expected = made.eval()(torch.from_numpy(images))
        for found, wanted in zip(session.run([*OUTPUTS, FEATURES_OUTPUT], {"images": images}), expected, strict=True):
            assert found.dtype == np.float32
            np.testing.assert_allclose(found, wanted.numpy(), rtol=1e-4, atol=1e-4)
    assert session.get_inputs()[0].shape[1:] == [1, 28, 28]
    grey = np.random.default_rng(0).integers(0, 256, (50, 28, 28), dtype=np.uint8)
    assert check(model, made, grey) <= 1e-4
    with pytest.raises(AllographError, match="the exported model differs from the trained one"):
        check(model, describe(network(62, seed=1), grey), grey)


def test_the_onnx_model_is_small_and_names_nothing_of_this_machine(exported: tuple[Any, bytes]) -> None:
    _, model = exported
    layers = 3 * 3 * 32 + 4 * 4 * 48 + 256  # what features are made of
    assert len(model) < 1.1 * 4 * (356_798 + 144 * (layers + 1))
    assert b"site-packages" not in model
    assert str(Path(__file__).parent.parent).encode() not in model


def test_no_window_is_larger_than_its_map(exported: tuple[Any, bytes]) -> None:
    """Some runtimes refuse a model in which one is."""
    import onnx

    _, model = exported
    graph = onnx.shape_inference.infer_shapes(onnx.load_from_string(model), strict_mode=True, data_prop=True).graph
    values = (*graph.input, *graph.value_info)
    sides = {value.name: [side.dim_value for side in value.type.tensor_type.shape.dim[2:]] for value in values}
    pooling = [node for node in graph.node if "Pool" in node.op_type]
    assert [node.op_type for node in pooling].count("MaxPool") == 2
    for node in pooling:
        (window,) = [list(attribute.ints) for attribute in node.attribute if attribute.name == "kernel_shape"]
        assert all(0 < side <= whole for side, whole in zip(window, sides[node.input[0]], strict=True))


# From a corpus to a bundle


def plan_of(epochs: int, batch: int = 64) -> Any:
    from allograph.training.schedule import Schedule

    return Schedule(stages=((epochs, batch),))


def test_a_corpus_that_cannot_be_learned_from_is_refused(tmp_path: Path) -> None:
    from allograph.training.run import train

    (tmp_path / "split.csv").write_text("writer,split\na,train\nb,application\n")
    (tmp_path / "file").write_text("x")
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "1.jpg").write_bytes(b"x")
    everyone = noise_corpus(tmp_path / "all.parquet", ["1", "2"], ["a", "b"])
    unchosen = noise_corpus(tmp_path / "unchosen.parquet", ["1", "2"], ["a", "b"], tmp_path / "split.csv")
    (tmp_path / "split.csv").write_text("writer,split\na,train\nb,validation\n")
    single = noise_corpus(tmp_path / "single.parquet", ["1", "2"], ["a", "b"], tmp_path / "split.csv")
    before = contents(tmp_path)
    for corpus, output, message in (
        (everyone, "bundle", r"all\.parquet has no train samples; prepare it with --split paper or a split file"),
        (unchosen, "bundle", r"unchosen\.parquet has no validation samples"),
        (single, "bundle", r"training needs at least two samples of train writers"),
        (single, "file", r"a file of that name is there"),
        (single, "photos", r"photos holds 1\.jpg and is no bundle"),
        (single, "no/where", r"the folder .*no does not exist"),
    ):
        with pytest.raises(InputError, match=message):
            train(corpus, tmp_path / output)
    assert contents(tmp_path) == before


@pytest.mark.slow
def test_it_learns_to_read_real_digits(digits: Corpus, tmp_path: Path) -> None:
    from allograph.training.run import train

    steps: list[tuple[str, int, int]] = []
    bundle = train(digits, tmp_path / "bundle", plan_of(8, 32), progress=lambda *step: steps.append(step))
    assert os.listdir(tmp_path) == ["bundle"]
    assert (bundle.config.accuracy["application"] or 0) > 0.9
    images, labels = part(digits, "application")
    recognizer = Recognizer(tmp_path / "bundle")
    read = recognizer.embed(images).logits.argmax(axis=1)
    assert np.mean(read == labels) == pytest.approx(bundle.config.accuracy["application"])
    assert (bundle.frame, bundle.alphabet, bundle.embedding_size) == ("mnist", DIGITS, 256)
    assert recognizer.embed(images).embeddings.min() < 0

    training = bundle.config.training
    assert training["numbers"] == 356_798 - 52 * 257
    assert 1 <= training["best_epoch"] <= training["epochs"] <= 8
    assert training["onnx_difference"] <= 1e-4
    assert training["plan"]["stages"] == [[8, 32]]
    assert training["torch"]
    assert bundle.config.corpus["split_samples"] == {name: digits.count(name) for name in ("train", "validation", "application")}
    assert {"source": "digits", "licence": "CC BY 4.0", "split": "split.csv"}.items() <= bundle.config.corpus.items()
    assert bundle.styles is not None
    assert bundle.config.styles["count"] == len(bundle.styles) == 50
    assert bundle.config.styles["application_accuracy"] > 0.85
    assert best(bundle) == "allograph"
    assert Population.of(bundle).space.shape == (144 + 1, 144)
    assert bundle.config.population == {"writers": 10, "samples": digits.count("train")}
    said = [what for what, _, _ in steps]
    assert said[0] == "epoch 1 of 8"
    assert {"embedding", "finding styles"} <= set(said)


@contextmanager
def training(folder: Path, corpus: Path, *options: str) -> Iterator[subprocess.Popen[str]]:
    """`allograph train` as a process of its own, ended when the block ends."""
    command = [*COMMAND, "train", str(corpus), "-o", "bundle", "--schedule", "3x64", "--augment", *options]
    process = subprocess.Popen(
        command, cwd=folder, env=environment(), text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def wait_for(process: subprocess.Popen[str], text: str) -> None:
    """Read its progress up to a line that begins so."""
    assert process.stderr is not None
    for line in process.stderr:
        if line.startswith(text):
            return
    raise AssertionError(f"the process ended before it said {text!r}")


@pytest.mark.slow
def test_a_killed_run_is_resumed_to_the_very_same_model(digits: Corpus, tmp_path: Path) -> None:
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    whole.mkdir()
    killed.mkdir()
    done = allograph("train", digits.path, "-o", "bundle", "--schedule", "3x64", "--augment", "--json", cwd=whole)
    assert done.stdout.startswith('{\n  "output": "bundle"')
    assert "epoch 1 of 3 …" in done.stderr
    assert "validation loss" in done.stderr
    assert os.listdir(whole) == ["bundle"]

    for _ in range(2):  # killed in the second epoch, and again while it is resumed
        with training(killed, digits.path, "--resume") as process:
            wait_for(process, "validation loss")
            os.killpg(process.pid, signal.SIGKILL)
            assert process.wait() == -signal.SIGKILL
        assert os.listdir(killed) == [".bundle.training"]
    refused = allograph("train", digits.path, "-o", "bundle", "--schedule", "3x64", "--augment", cwd=killed, status=2)
    assert f"an unfinished training is kept in {killed / '.bundle.training'}; go on with --resume" in refused.stderr
    other = allograph("train", digits.path, "-o", "bundle", "--schedule", "4x64", "--resume", cwd=killed, status=2)
    assert "belongs to a run with other settings or another corpus" in other.stderr
    resumed = allograph("train", digits.path, "-o", "bundle", "--schedule", "3x64", "--augment", "--json", "--resume", cwd=killed)
    assert resumed.stdout == done.stdout
    assert "epoch 1 of 3" not in resumed.stderr
    assert contents(killed) == contents(whole)


@pytest.mark.slow
def test_an_interrupted_run_ends_with_130_and_leaves_what_was_there(digits: Corpus, tmp_path: Path) -> None:
    tiny_bundle(tmp_path / "bundle")
    before = contents(tmp_path)
    for number, signal_sent in enumerate((signal.SIGINT, signal.SIGTERM)):
        with training(tmp_path, digits.path) as process:
            wait_for(process, "epoch 1")
            process.send_signal(signal_sent)
            output, errors = process.communicate(timeout=60)
        assert (process.returncode, output) == (130, ""), number
        assert "interrupted; no half-written output was left behind" in errors
        assert "Traceback" not in errors
        assert contents(tmp_path) == before  # no epoch was finished, so there is nothing to keep
    with training(tmp_path, digits.path) as process:
        wait_for(process, "validation loss")
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "interrupted; the epochs that were finished are kept; go on with --resume" in errors
    assert "no half-written output" not in errors
    kept = {name for name in contents(tmp_path) if name not in before}
    assert kept == {".bundle.training", ".bundle.training/checkpoint.safetensors"}
    assert Bundle.open(tmp_path / "bundle").embedding_size == 8  # the old one
    assert (tmp_path / "bundle" / MODEL).stat().st_size < 10_000


@pytest.mark.slow
@pytest.mark.parametrize(("size", "what"), [(500_000, "images/train"), (3_000_000, "checkpoint.safetensors")])
def test_a_disk_that_fills_is_an_error_that_leaves_nothing(digits: Corpus, tmp_path: Path, size: int, what: str) -> None:
    from allograph.training.run import train

    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, limits[1]))
    try:
        with pytest.raises(StorageError, match=rf"cannot write .*{what}: the file size limit is reached"):
            train(digits, tmp_path / "bundle", plan_of(1))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert os.listdir(tmp_path) == []
