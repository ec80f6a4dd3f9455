"""Fitting a network to images, epoch by epoch, so that a killed run goes on from its last epoch (paper §4.4)."""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open

from allograph.errors import FormatError, InputError, MismatchError, missing_extra
from allograph.files.atomic import atomic_file
from allograph.files.records import check_version
from allograph.progress import Progress, silent
from allograph.training.augment import augment_images
from allograph.training.network import MOMENTUM, Network

try:
    import torch
    from safetensors.torch import save
    from torch import Tensor, nn
    from torch.nn import functional
except ImportError as error:  # pragma: no cover
    raise missing_extra("torch", "train") from error

FORMAT = 1
"""Of the checkpoint."""

Stages = tuple[tuple[int, int], ...]
"""Epochs and batch size, one pair a stage."""

SCHEDULES: dict[str, tuple[Stages, int, int]] = {
    "nist": (((20, 1024), (10, 2048), (5, 4096)), 1, 4),
    "deepwriting": (((20, 1024),), 3, 5),
}
"""The authors' stages, plateau patience and stop patience by source; `DEFAULT` elsewhere."""
DEFAULT: tuple[Stages, int, int] = (((40, 256),), 1, 4)


@dataclass(frozen=True)
class Schedule:
    """How long to train, in batches of which size, and at which learning rate."""

    stages: Stages = DEFAULT[0]
    plateau: int = DEFAULT[1]
    """Epochs without a better validation loss that are let pass; after one more the learning rate is halved."""
    patience: int = DEFAULT[2]
    """Epochs without a better validation loss before training stops."""
    learning_rate: float = 1e-3
    augment: bool = False
    seed: int = 0

    @classmethod
    def for_source(cls, source: str, stages: Stages | None = None, augment: bool = False, seed: int = 0) -> Schedule:
        """The authors' schedule where they have one for the source, the default elsewhere."""
        usual, plateau, patience = SCHEDULES.get(source, DEFAULT)
        return cls(stages or usual, plateau, patience, augment=augment, seed=seed)

    @property
    def epochs(self) -> int:
        """Epochs in all stages together."""
        return sum(epochs for epochs, _ in self.stages)

    def batch(self, epoch: int) -> int:
        """The batch size of an epoch, counted from 0."""
        for epochs, batch in self.stages:
            if epoch < epochs:
                return batch
            epoch -= epochs
        raise ValueError("the schedule has fewer epochs")


def parse_stages(text: str) -> Stages:
    """Read stages such as `20x1024,10x2048`.

    >>> parse_stages("20x1024,5x2048")
    ((20, 1024), (5, 2048))
    """
    try:
        stages = tuple((int(epochs), int(batch)) for epochs, batch in (part.split("x") for part in text.split(",")))
    except ValueError:
        stages = ()
    if not stages or any(epochs < 1 or batch < 2 for epochs, batch in stages):
        raise InputError(
            f"{text!r} is no schedule; write EPOCHSxBATCH, several parted by commas, such as 20x1024,10x2048: "
            "at least 1 epoch, and batches of at least 2"
        )
    return stages


@dataclass
class TrainingLog:
    """The figures of the epochs that a training has finished."""

    losses: list[float] = field(default_factory=list)
    """Validation loss (nats a sample) after each epoch."""
    accuracies: list[float] = field(default_factory=list)
    """Validation accuracy after each epoch."""
    rates: list[float] = field(default_factory=list)
    """Learning rate of each epoch."""

    @property
    def best(self) -> int:
        """The epoch of the least validation loss."""
        return int(np.argmin(self.losses))

    @property
    def epochs_since_best(self) -> int:
        """How many epochs have brought no better validation loss."""
        return len(self.losses) - 1 - self.best if self.losses else 0


def fit(
    network: Network,
    schedule: Schedule,
    train: tuple[NDArray[np.uint8], NDArray[np.int32]],
    validation: tuple[NDArray[np.uint8], NDArray[np.int32]],
    checkpoint: Path,
    progress: Progress = silent,
) -> TrainingLog:
    """Train `network` in place and leave it with the weights of the best validation loss.

    `train` and `validation` are images uint8 [n, 28, 28] and label indices [n]. After each epoch everything needed to go on
    is written to `checkpoint`; where that file exists the run goes on from it, to the same end as an uninterrupted one.
    Raises `MismatchError` when the checkpoint belongs to another schedule or to other samples, `InputError` when there are fewer
    than two samples to train on or the loss is no longer finite.
    """
    if len(train[1]) < 2:
        raise InputError("training needs at least two samples of train writers")
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    network.to(device, memory_format=torch.channels_last)
    optimizer = torch.optim.Adam(network.parameters(), schedule.learning_rate, betas=(0.9, 0.999))
    plateau = torch.optim.lr_scheduler.ReduceLROnPlateau(
        optimizer, factor=0.5, patience=schedule.plateau, cooldown=1, threshold=1e-4, threshold_mode="abs"
    )
    history = TrainingLog()
    best = _copy(network)
    origin = {"plan": asdict(schedule), "samples": _digest(train, validation)}
    if checkpoint.exists():
        history, best = _load(checkpoint, network, optimizer, plateau, origin)

    while (
        len(history.losses) < schedule.epochs
        and len(history.losses) - 1 - (history.best if history.losses else 0) < schedule.patience
    ):
        epoch = len(history.losses)
        history.rates.append(optimizer.param_groups[0]["lr"])
        _epoch(network, optimizer, schedule, epoch, train, device, progress)
        loss, accuracy = _judge(network, validation, device)
        if not math.isfinite(loss):
            raise InputError(
                f"the validation loss of epoch {epoch + 1} is not finite; try a smaller batch, or look for bad images"
            )
        history.losses.append(loss)
        history.accuracies.append(accuracy)
        if history.best == epoch:
            best = _copy(network)
        plateau.step(loss)
        _save(checkpoint, network, best, optimizer, plateau, origin, history)
        progress(f"validation loss {loss:.4f}, accuracy {100 * accuracy:.2f} %", epoch + 1, schedule.epochs)
    network.load_state_dict(best)
    network.eval()
    return history


def _epoch(
    network: Network,
    optimizer: torch.optim.Optimizer,
    schedule: Schedule,
    epoch: int,
    train: tuple[NDArray[np.uint8], NDArray[np.int32]],
    device: torch.device,
    progress: Progress,
) -> None:
    torch.manual_seed(schedule.seed * 100_003 + epoch)  # dropout; so every epoch can be repeated without those before it
    generator = torch.Generator().manual_seed(schedule.seed * 100_003 + epoch)
    images, labels = train
    batch, halves = schedule.batch(epoch), _quick_in_bfloat16(device)
    order = torch.randperm(len(labels), generator=generator).numpy()
    network.train()
    norms = [layer for layer in network.modules() if isinstance(layer, nn.BatchNorm2d)]
    for start in range(0, len(order), batch):
        chosen = order[start : start + batch]
        if len(chosen) < 2:
            break  # batch norm needs two
        inputs = _inputs(images[chosen], device)
        if schedule.augment:
            inputs = augment_images(inputs, generator)
        inputs = inputs.to(memory_format=torch.channels_last)
        targets = torch.from_numpy(labels[chosen].astype(np.int64)).to(device)
        for norm in norms:  # the first hundred batches count alike: a small corpus has not many more
            norm.momentum = max(MOMENTUM, 1 / (int(norm.num_batches_tracked or 0) + 1))
        with torch.autocast(device.type, torch.bfloat16, enabled=halves):
            _, logits = network(inputs)
        loss = functional.cross_entropy(logits.float(), targets)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call, unused-ignore]
        optimizer.step()
        progress(f"epoch {epoch + 1} of {schedule.epochs}", min(start + batch, len(order)), len(order))


def _quick_in_bfloat16(device: torch.device) -> bool:
    """Whether the device reckons in bfloat16 itself; a processor that cannot is many times slower in it than in float32."""
    if device.type != "cpu":
        return True
    able = torch.cpu.get_capabilities()
    return any(able.get(name, False) for name in ("avx512_bf16", "amx_bf16", "bf16"))


def _judge(
    network: Network, data: tuple[NDArray[np.uint8], NDArray[np.int32]], device: torch.device, batch: int = 1024
) -> tuple[float, float]:
    """Mean cross-entropy and accuracy, in full precision."""
    images, labels = data
    network.eval()
    loss, right = 0.0, 0
    with torch.no_grad():
        for start in range(0, len(labels), batch):
            targets = torch.from_numpy(labels[start : start + batch].astype(np.int64)).to(device)
            _, logits = network(_inputs(images[start : start + batch], device).to(memory_format=torch.channels_last))
            loss += float(functional.cross_entropy(logits, targets, reduction="sum"))
            right += int((logits.argmax(dim=1) == targets).sum())
    return loss / len(labels), right / len(labels)


def _digest(*parts: tuple[NDArray[np.uint8], NDArray[np.int32]]) -> str:
    """SHA-256 of images and labels, hexadecimal."""
    digest = hashlib.sha256()
    for images, labels in parts:
        digest.update(np.ascontiguousarray(images).data)
        digest.update(np.ascontiguousarray(labels).data)
    return digest.hexdigest()


def _inputs(images: NDArray[np.uint8], device: torch.device) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(images)).to(device).float().div_(255).unsqueeze(1)


def _copy(network: nn.Module) -> dict[str, Tensor]:
    return {name: value.detach().cpu().clone() for name, value in network.state_dict().items()}


def _save(
    path: Path,
    network: Network,
    best: dict[str, Tensor],
    optimizer: torch.optim.Adam,
    plateau: torch.optim.lr_scheduler.ReduceLROnPlateau,
    origin: dict[str, Any],
    history: TrainingLog,
) -> None:
    tensors = {f"network.{name}": value for name, value in _copy(network).items()}
    tensors |= {f"best.{name}": value.clone() for name, value in best.items()}
    state = optimizer.state_dict()
    for number, moments in state["state"].items():
        tensors |= {f"adam.{number}.{name}": value.detach().cpu().clone() for name, value in moments.items()}
    schedule = {name: getattr(plateau, name) for name in ("best", "num_bad_epochs", "cooldown_counter", "last_epoch")}
    rate = optimizer.param_groups[0]["lr"]
    record = {"format": FORMAT, "origin": origin, "history": asdict(history), "schedule": schedule, "rate": rate}
    contiguous = {name: value.contiguous() for name, value in tensors.items()}
    with atomic_file(path) as temporary:
        temporary.write_bytes(save(contiguous, {"allograph": json.dumps(record)}))


def _load(
    path: Path,
    network: Network,
    optimizer: torch.optim.Adam,
    plateau: torch.optim.lr_scheduler.ReduceLROnPlateau,
    origin: dict[str, Any],
) -> tuple[TrainingLog, dict[str, Tensor]]:
    try:
        with safe_open(path, "pt") as file:
            record: dict[str, Any] = json.loads((file.metadata() or {})["allograph"])
            tensors: dict[str, Tensor] = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError, KeyError, ValueError) as error:
        raise FormatError(f"the checkpoint {path} cannot be read ({error}); remove it to train from the start") from error
    check_version(path, "training checkpoint", record.get("format"), FORMAT)
    if record.get("origin") != json.loads(json.dumps(origin)):
        raise MismatchError(
            f"the checkpoint {path} belongs to a run with other settings or another corpus; "
            "remove it, or train with the same ones"
        )
    parts: dict[str, dict[str, Tensor]] = {"network": {}, "best": {}, "adam": {}}
    for name, value in tensors.items():
        part, _, rest = name.partition(".")
        parts[part][rest] = value
    try:
        network.load_state_dict(parts["network"])
    except RuntimeError as error:
        raise MismatchError(
            f"the checkpoint {path} belongs to a network of another shape; remove it to train from the start"
        ) from error
    moments: dict[int, dict[str, Tensor]] = {}
    for name, value in parts["adam"].items():
        number, _, moment = name.partition(".")
        moments.setdefault(int(number), {})[moment] = value
    optimizer.load_state_dict({**optimizer.state_dict(), "state": moments})
    optimizer.param_groups[0]["lr"] = record["rate"]
    plateau.load_state_dict({**plateau.state_dict(), **record["schedule"]})
    return TrainingLog(**record["history"]), parts["best"]
