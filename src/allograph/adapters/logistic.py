"""Multinomial logistic regression around a prior, as a residual on the base's logits."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from allograph.adapters.linear_algebra import inverse, product

Floats = NDArray[np.float32]


def residual(
    features: Floats, logs: Floats, truth: Floats, rounds: int, start: Floats | None = None, around: Floats | None = None
) -> Floats:
    """The W [r, C] that makes Σ cross-entropy(logs + features W, truth) + ½ ‖W − V‖² least, sought from `start` (or V).

    V [r, C] is `around`, or 0.

    Each round minimises Böhning's quadratic bound of the cross-entropy (1992), whose matrix ½ FᵀF + 1 never changes, from where
    Nesterov's momentum has carried it (restarted where it leads uphill). With fewer samples n than features r, and nowhere to
    start from, the same is done for A [n, C], W being FᵀA.
    """
    n, r = features.shape
    if n < r and start is None:
        if around is not None:
            return around + residual(features, logs + product(features, around), truth, rounds)
        gram = product(features, features.T)
        return product(features.T, _minimize(gram, gram, logs, truth, rounds, np.zeros_like(logs)))
    around = np.zeros((r, logs.shape[1]), np.float32) if around is None else around
    return _minimize(features, None, logs, truth, rounds, around if start is None else start, around)


def _minimize(
    spread: Floats,
    metric: Floats | None,
    logs: Floats,
    truth: Floats,
    rounds: int,
    start: Floats,
    around: Floats | None = None,
) -> Floats:
    """The rounds of `residual`: for W where there is no `metric`, for A in the metric of the Gram matrix where there is one.

    `spread` carries what is sought to logits. The step is (½ FᵀF + 1)⁻¹ or, the same for A, (½ FFᵀ + 1)⁻¹. For A, the prior mean
    is 0.
    """
    bound = product(spread.T, spread) if metric is None else metric
    step: Floats = inverse(np.float32(0.5) * bound + np.eye(len(bound), dtype=np.float32))
    point, ahead, pace = start, start, 1.0
    for left in reversed(range(rounds)):
        shares = product(spread, ahead)
        shares += logs
        shares -= shares.max(axis=1, keepdims=True)
        np.exp(shares, out=shares)
        shares /= shares.sum(axis=1, keepdims=True)
        shares -= truth
        slope = product(spread.T, shares) if metric is None else shares
        slope += ahead
        if around is not None:
            slope -= around
        nearer: Floats = ahead - product(step, slope)
        if not left:
            return nearer
        moved = nearer - point
        uphill = slope if metric is None else product(metric, slope)
        if np.vecdot(uphill, moved).sum() > 0:
            pace = 1.0
        faster = (1 + math.sqrt(1 + 4 * pace * pace)) / 2
        ahead = nearer + np.float32((pace - 1) / faster) * moved
        point, pace = nearer, faster
    return point
