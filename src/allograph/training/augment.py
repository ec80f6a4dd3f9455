"""Small changes to training images, so that a model reads hands, pens and scanners it has not seen."""

from __future__ import annotations

import math

from allograph.errors import missing_extra

try:
    import torch
    from torch import Tensor
    from torch.nn import functional
except ImportError as error:  # pragma: no cover
    raise missing_extra("torch", "train") from error

TURN = math.radians(14)
"""Largest rotation, radians, and likewise the largest shear."""
SCALE = 0.22
"""Largest change of the ink's width and height, a share."""
SHIFT = 2 / 28
"""Largest shift, a share of the side."""


def augment_images(images: Tensor, generator: torch.Generator) -> Tensor:
    """Images [n, 1, 28, 28] in 0…1, each changed a little: an affine map, the stroke's width, blur."""
    images = _affine(images, generator)
    images = _stroke_width(images, generator)
    return _blur(images, generator)


def _uniform(count: int, low: float, high: float, generator: torch.Generator) -> Tensor:
    return torch.empty(count).uniform_(low, high, generator=generator)


def _affine(images: Tensor, generator: torch.Generator) -> Tensor:
    n = len(images)
    turn, shear = _uniform(n, -TURN, TURN, generator), _uniform(n, -TURN, TURN, generator)
    wide, high = (torch.exp(_uniform(n, -SCALE, SCALE, generator)) for _ in range(2))
    cos, sin, tan = turn.cos(), turn.sin(), shear.tan()
    theta = torch.stack(
        [
            torch.stack([cos / wide, (cos * tan - sin) / wide, 2 * _uniform(n, -SHIFT, SHIFT, generator)], dim=1),
            torch.stack([sin / high, (sin * tan + cos) / high, 2 * _uniform(n, -SHIFT, SHIFT, generator)], dim=1),
        ],
        dim=1,
    ).to(images.device)
    grid = functional.affine_grid(theta, list(images.shape), align_corners=False)
    return functional.grid_sample(images, grid, mode="bilinear", padding_mode="zeros", align_corners=False)


def _stroke_width(images: Tensor, generator: torch.Generator) -> Tensor:
    """Between half a pixel thinner and half a pixel thicker."""
    amount = _uniform(len(images), -0.5, 0.7, generator).view(-1, 1, 1, 1).to(images.device)
    thick = functional.max_pool2d(images, 3, 1, 1)
    thin = -functional.max_pool2d(-images, 3, 1, 1)
    return torch.where(
        amount > 0, torch.lerp(images, thick, amount.clamp(min=0)), torch.lerp(images, thin, (-amount).clamp(min=0))
    )


def _blur(images: Tensor, generator: torch.Generator) -> Tensor:
    """Half of the images blurred, by a standard deviation of up to one pixel, and stretched back to full contrast."""
    sigma = _uniform(len(images), -1.0, 1.0, generator).clamp(min=1e-2)
    reach = torch.arange(-2, 3)
    kernel = torch.exp(-0.5 * (reach / sigma[:, None]) ** 2)
    kernel = (kernel / kernel.sum(dim=1, keepdim=True)).to(images)
    stacked = images.transpose(0, 1)  # one channel an image, so that each has its own kernel
    stacked = functional.conv2d(stacked, kernel[:, None, :, None], padding=(2, 0), groups=len(images))
    stacked = functional.conv2d(stacked, kernel[:, None, None, :], padding=(0, 2), groups=len(images))
    blurred = stacked.transpose(0, 1)
    return blurred / blurred.amax(dim=(1, 2, 3), keepdim=True).clamp(min=1e-3)
