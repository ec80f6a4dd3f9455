"""The paper's method written down word for word: five scikit-learn classifiers fitted for every sample (§3.3, §3.4)."""

from __future__ import annotations

from collections import defaultdict

import numpy as np
from numpy.typing import NDArray
from sklearn.neighbors import KNeighborsClassifier

KS = (2, 4, 6, 8, 10)


class LiteralPaper:
    """One writer. `styles` are z-scored already: by label, [k, d]."""

    def __init__(self, styles: dict[str, NDArray[np.float64]]) -> None:
        self.styles = styles
        self.history: dict[tuple[str, str], tuple[int, NDArray[np.float64]]] = {}
        self.wins: defaultdict[tuple[int, str], int] = defaultdict(int)
        self.losses: defaultdict[tuple[int, str], int] = defaultdict(int)

    def learn(self, embeddings: NDArray[np.float32], predicted: list[str], true: list[str]) -> None:
        """Enter a batch into the history, then ask everyone about every sample of it."""
        for x, p, c in zip(embeddings, predicted, true, strict=True):
            styles = self.styles[c]
            style = styles[np.linalg.norm(styles - x, axis=1).argmin()]
            n, mean = self.history.get((p, c), (0, np.zeros(len(x))))
            self.history[p, c] = (n + 1, (n * mean + style) / (n + 1))
        for x, p, c in zip(embeddings, predicted, true, strict=True):
            for k, answer in {0: p, **self.knn(x, p)}.items():
                answer = p if answer is None else answer
                (self.wins if answer == c else self.losses)[k, answer] += 1

    def knn(self, x: NDArray[np.float32], p: str) -> dict[int, str | None]:
        """What each kNN classifier answers."""
        points, labels = [], []
        for (predicted, true), (n, mean) in self.history.items():
            if predicted == p:
                points += [mean] * n
                labels += [true] * n
        answers: dict[int, str | None] = {}
        for k in KS:
            answers[k] = None
            if len(labels) >= k:
                answers[k] = str(KNeighborsClassifier(k).fit(np.array(points), np.array(labels)).predict(x[None])[0])
        return answers

    def read(self, x: NDArray[np.float32], p: str) -> tuple[str, int]:
        """The answer, and whose it is: 0 the base's, else k."""
        best, source, confidence = p, 0, self.confidence(0, p)
        for k, answer in self.knn(x, p).items():
            if answer is not None and self.confidence(k, answer) > confidence:
                best, source, confidence = answer, k, self.confidence(k, answer)
        return best, source

    def confidence(self, k: int, label: str) -> float:
        """How far an answerer's answer of one label is trusted."""
        wins, losses = self.wins[k, label], self.losses[k, label]
        return (1 + wins) / (2 + wins + losses)
