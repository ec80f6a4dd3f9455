"""The paper's convolutional network (paper §4.4)."""

from __future__ import annotations

from allograph.errors import missing_extra

try:
    import torch
    from torch import Tensor, nn
except ImportError as error:  # pragma: no cover
    raise missing_extra("torch", "train") from error

EMBEDDING = 256
"""Numbers in an embedding."""
MOMENTUM = 0.01
"""The share of a batch in the running statistics of batch norm (0.99 in the authors' way of counting)."""


class Network(nn.Module):
    """Images, float32 [n, 1, 28, 28] in 0…1, to embeddings [n, 256] and logits [n, C].

    Convolutions are unpadded, pooling keeps the last partial window; 356,798 numbers at 62 labels, batch-norm statistics
    included. The paper's last pooling, 3×3, is left out: of 28×28 pixels one is left there, and pooling changes nothing, but
    some runtimes refuse a model in which the window is larger than the map.
    """

    def __init__(self, labels: int) -> None:
        super().__init__()
        self.features = nn.Sequential(
            *_block(1, 32, first=3), _pool(), *_block(32, 48, first=3), _pool(), *_block(48, 64, first=2), nn.Flatten()
        )
        self.hidden = nn.Sequential(nn.Linear(64, 768), nn.ReLU(), nn.Dropout(0.25))
        self.embedding = nn.Linear(768, EMBEDDING)
        self.logits = nn.Sequential(nn.Dropout(0.25), nn.Linear(EMBEDDING, labels))
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d | nn.Linear):
                nn.init.xavier_uniform_(layer.weight)
                assert layer.bias is not None
                nn.init.zeros_(layer.bias)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Embeddings [n, 256] and logits [n, C]."""
        embedding = self.embedding(self.hidden(self.features(images)))
        return embedding, self.logits(embedding)


def _block(channels: int, filters: int, first: int) -> list[nn.Module]:
    return [
        nn.Conv2d(channels, filters, first),
        nn.ReLU(),
        nn.Conv2d(filters, filters, 3),
        nn.ReLU(),
        nn.BatchNorm2d(filters, eps=1e-3, momentum=MOMENTUM),
    ]


def _pool() -> nn.Module:
    return nn.MaxPool2d(2, ceil_mode=True)


def numbers(network: nn.Module) -> int:
    """How many numbers a network holds: parameters and batch-norm statistics."""
    return sum(value.numel() for value in network.state_dict().values() if value.dtype == torch.float32)
