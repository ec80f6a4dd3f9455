"""Styles: the allographs of a population, as K-means centroids of each label's embeddings (paper §3.2)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from allograph.errors import missing_extra
from allograph.progress import Progress, silent
from allograph.samples.equality import by_content

NEIGHBOURS = (1, 2, 3, 4, 5, 7, 8, 9, 10, 15)
"""Numbers of neighbours that `quality` tries."""
NOBODY = -1
"""In place of a label: an embedding that belongs to no style."""


@by_content
@dataclass(frozen=True, eq=False)
class Styles:
    """The styles of all labels, those of one label side by side."""

    centroids: NDArray[np.float32]
    """[S, d] as K-means left them."""
    labels: NDArray[np.int32]
    """[S] ascending positions in the alphabet."""
    medoids: NDArray[np.uint8]
    """[S, 28, 28] the sample nearest to each centroid."""

    def __len__(self) -> int:
        return len(self.labels)


def style_count(samples: int) -> int:
    """How many styles a label with this many samples gets: ⌊min(30, 1 + max(n/1000, 4))⌋, at most n (§3.2).

    >>> [style_count(n) for n in (3, 100, 4000, 12500, 90000)]
    [3, 5, 5, 13, 30]
    """
    return min(samples, int(min(30, 1 + max(samples / 1000, 4))))


def z_scores(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Each vector [n, d] less its own mean, over its own population σ; a constant one is only centred (§3.2).

    >>> z_scores(np.array([[1.0, 3.0], [2.0, 2.0]], np.float32)).tolist()
    [[-1.0, 1.0], [0.0, 0.0]]
    """
    wide = np.asarray(vectors, dtype=np.float64)
    deviation = wide.std(axis=1, keepdims=True)
    deviation[deviation == 0] = 1
    return ((wide - wide.mean(axis=1, keepdims=True)) / deviation).astype(np.float32)


@by_content
@dataclass(frozen=True, eq=False)
class Clusters:
    """Styles before their medoids' images are at hand."""

    centroids: NDArray[np.float32]
    """[S, d]"""
    labels: NDArray[np.int32]
    """[S]"""
    medoid_rows: NDArray[np.int64]
    """[S] the row of the embedding nearest to each centroid, among those of its cluster."""

    def __len__(self) -> int:
        return len(self.labels)


def find_styles(
    embeddings: NDArray[np.float32], labels: NDArray[np.int32], seed: int = 0, progress: Progress = silent
) -> Clusters:
    """Cluster the embeddings [n, d] of every label [n] by K-means (k-means++, 10 starts, 300 rounds, tolerance 1e-4).

    Embeddings with the label `NOBODY` are left out; at least one must not be. Only one label's embeddings are in memory at once.
    """
    try:
        from sklearn.cluster import KMeans
    except ImportError as error:  # pragma: no cover
        raise missing_extra("scikit-learn", "research") from error

    centroids, owners, medoids = [], [], []
    present = np.unique(labels[labels != NOBODY])
    for done, label in enumerate(present.tolist()):
        rows = np.flatnonzero(labels == label)
        points = np.asarray(embeddings[rows])
        count = min(style_count(len(rows)), len(np.unique(points, axis=0)))
        means = KMeans(count, init="k-means++", n_init=10, max_iter=300, tol=1e-4, random_state=seed).fit(points)
        distances = means.transform(points)
        distances[means.labels_[:, None] != np.arange(count)] = np.inf
        centroids.append(means.cluster_centers_.astype(np.float32))
        owners.append(np.full(count, label, np.int32))
        medoids.append(rows[distances.argmin(axis=0)])
        progress("finding styles", done + 1, len(present))
    return Clusters(np.concatenate(centroids), np.concatenate(owners), np.concatenate(medoids))


def quality(styles: Styles, embeddings: NDArray[np.float32], labels: NDArray[np.int32]) -> tuple[float, int]:
    """Accuracy of kNN on the z-scored styles, best over `NEIGHBOURS`, and that number of neighbours (for reports only)."""
    try:
        from sklearn.neighbors import KNeighborsClassifier
    except ImportError as error:  # pragma: no cover
        raise missing_extra("scikit-learn", "research") from error

    points = z_scores(styles.centroids)
    best = (0.0, 0)
    for count in (count for count in NEIGHBOURS if count <= len(styles)):
        accuracy = float(KNeighborsClassifier(count).fit(points, styles.labels).score(embeddings, labels))
        best = max(best, (accuracy, count), key=lambda pair: pair[0])
    return best
