"""Features: what the first two blocks and the embedding say of a sample, brought down to a few numbers.

Early layers serve hands that the network was not trained on better than its embedding alone, which is bent to the training
writers: a writer's own last layer on top of both cuts more errors.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from allograph.errors import missing_extra
from allograph.images.frames import model_input
from allograph.progress import Progress, silent
from allograph.training.network import Network

try:
    import torch
    from torch import Tensor, nn
    from torch.nn import functional
except ImportError as error:  # pragma: no cover
    raise missing_extra("torch", "train") from error

FEATURE_COUNT = 144
"""Numbers in a sample's features: so many that 400 corrections of a writer stay under 100 kB."""
BLOCK = 6
"""Layers in a block of the network."""
COARSE = 4
"""The first block's maps are averaged over squares of so many pixels a side."""
SHARES = (0.5, 1.0, 1.0)
"""The variance that the first block, the second and the embedding are given."""
BATCH = 512


class NetworkWithFeatures(nn.Module):
    """A network with the third output `features` [n, f]: (layers − centre) · axes."""

    def __init__(self, network: Network, centre: NDArray[np.float64], axes: NDArray[np.float64]) -> None:
        super().__init__()
        self.network = network
        self.projection = nn.Linear(*axes.shape)
        self.projection.weight.data = torch.from_numpy(axes.T.astype(np.float32))
        self.projection.bias.data = torch.from_numpy((-centre @ axes).astype(np.float32))

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Embeddings [n, 256], logits [n, C] and features [n, f]."""
        layers = _layers(self.network, images)
        return layers[-1], self.network.logits(layers[-1]), self.projection(torch.cat(layers, dim=1))


def describe(network: Network, images: NDArray[np.uint8], progress: Progress = silent) -> NetworkWithFeatures:
    """Find the principal axes of the layers over `images`, uint8 [n, 28, 28], in one pass.

    The features' mean squared length over these images is 1, less what the axes leave out.
    """
    network = network.cpu().eval()
    with torch.no_grad():
        widths = [layer.shape[1] for layer in _layers(network, torch.from_numpy(model_input(images[:1])))]
        total, square = np.zeros(sum(widths)), np.zeros((sum(widths), sum(widths)))
        for start in range(0, len(images), BATCH):
            layers = _layers(network, torch.from_numpy(model_input(images[start : start + BATCH])))
            rows = torch.cat(layers, dim=1).double().numpy()
            total += rows.sum(axis=0)
            square += rows.T @ rows
            progress("gathering features", min(start + BATCH, len(images)), len(images))
    centre = total / len(images)
    covariance = square / len(images) - np.outer(centre, centre)
    ends = np.cumsum(widths)
    variances = [covariance.diagonal()[end - width : end].sum() for end, width in zip(ends, widths, strict=True)]
    shares = np.array(SHARES) / np.sum(SHARES) / np.maximum(variances, 1e-12)
    weights = np.sqrt(np.repeat(shares, widths))
    axes = np.linalg.eigh(covariance * np.outer(weights, weights)).eigenvectors[:, ::-1][:, :FEATURE_COUNT]
    return NetworkWithFeatures(network, centre, weights[:, np.newaxis] * axes)


def _layers(network: Network, images: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The first block's maps, averaged over squares, the second's, and the embedding, each as one row a sample."""
    first = network.features[:BLOCK](images)
    second = network.features[BLOCK : 2 * BLOCK](first)
    embedding = network.embedding(network.hidden(network.features[2 * BLOCK :](second)))
    return functional.avg_pool2d(first, COARSE).flatten(1), second.flatten(1), embedding
