"""A scikit-learn classifier that learns each writer's hand: any classifier of embeddings, with an adapter behind it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from allograph.adapters import Adapter, State, build
from allograph.adapters.statistics import Statistics
from allograph.alphabet.labels import Alphabet
from allograph.bundle import Bundle, BundleConfig
from allograph.errors import InputError, UnknownLabel, missing_extra
from allograph.images.frames import SIDE
from allograph.readings import Corrections, Samples
from allograph.styles import Styles, find_styles

try:
    from scipy.special import softmax
    from sklearn.base import BaseEstimator, ClassifierMixin, clone
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import accuracy_score
    from sklearn.utils.multiclass import check_classification_targets
    from sklearn.utils.validation import check_array, check_is_fitted, validate_data
except ImportError as error:
    raise missing_extra("scikit-learn (1.6 or later)", "research") from error

FLOATS = (np.float64, np.float32)
"""What the base may be given; adapters work in float32."""
WriterName = str | int | np.integer | None
"""How a writer is named; None is the one to whom samples belong where nobody is named."""
LEAST = 1e-6
"""The least probability that an adapter is shown, so that it can correct even a base that is certain."""


class WriterAdaptiveClassifier(ClassifierMixin, BaseEstimator):
    """A classifier of embeddings that reads each writer's samples as that writer's corrections taught it.

    `fit` fits the base classifier on a population, and no correction ever changes that; `partial_fit` teaches one writer or
    several. `writer` names whose samples they are: a string or a whole number for all of them, or one name for each [n]. None
    is a writer too, the one to whom samples belong where nobody is named. A writer of whom nothing was learned gets the base's
    answers. `writer` is metadata that scikit-learn routes (`set_fit_request(writer=True)`, …).

    `estimator` is any classifier with `predict_proba` (default: `LogisticRegression()`). `adapter` is the name of an adapter, or
    a function that builds one from a `Bundle` with the population's alphabet, styles and statistics (a population whose writers
    `fit` is told has better ones); the labels of that alphabet are the places of the classes in `classes_` as strings of six
    digits, "000000" and on. `random_state` seeds the search for styles.

    >>> from sklearn.datasets import load_digits
    >>> X, y = load_digits(return_X_y=True)
    >>> classifier = WriterAdaptiveClassifier(LogisticRegression(max_iter=2000)).fit(X[:600], y[:600])
    >>> before = classifier.score(X[700:800], y[700:800], writer="ana")
    >>> classifier = classifier.partial_fit(X[600:700], y[600:700], writer="ana")
    >>> classifier.score(X[700:800], y[700:800], writer="ana") >= before
    True
    """

    classes_: NDArray[Any]
    """[C] the labels that the base knows; here and below, once fitted."""
    estimator_: Any
    """The base."""
    adapter_: Adapter
    states_: dict[WriterName, State]
    """What is known about each writer."""

    def __init__(
        self, estimator: Any = None, adapter: str | Callable[[Bundle], Adapter] = "allograph", random_state: int = 0
    ) -> None:
        self.estimator = estimator
        self.adapter = adapter
        self.random_state = random_state

    def fit(self, X: ArrayLike, y: ArrayLike, writer: Any = None) -> WriterAdaptiveClassifier:
        """Fit the base on a population's embeddings [n, d] and labels [n], find its styles, and forget every writer.

        Those whom `writer` names have also taught their samples, as by `partial_fit`: so cross-validation judges adaptation.
        Raises `InputError` for a base without `predict_proba`, an unknown adapter, and a `writer` that names nobody.
        """
        return self._fit(X, y, writer, None)

    def partial_fit(
        self, X: ArrayLike, y: ArrayLike, writer: Any = None, classes: ArrayLike | None = None
    ) -> WriterAdaptiveClassifier:
        """Learn embeddings [n, d] and their true labels [n] as corrections of the writers named, one batch for each of them.

        Where nothing is fitted yet, this is `fit`. `classes` is there because scikit-learn hands it over; it must be the labels
        of the population. Raises `UnknownLabel` for a label that the base does not know.
        """
        if not hasattr(self, "states_"):
            return self._fit(X, y, writer, classes)
        embeddings, labels = validate_data(self, X, y, dtype=FLOATS, reset=False)
        _check_classes(classes, self.classes_)
        batch = _batch(self.estimator_, embeddings, _places(labels, self.classes_))
        self.states_ = _states_after(self.adapter_, self.states_, batch, _rows(writer, len(embeddings)))
        return self

    def predict_proba(self, X: ArrayLike, writer: Any = None) -> NDArray[np.float64]:
        """The probabilities [n, C] of the classes for embeddings [n, d] of the writers named."""
        check_is_fitted(self)
        embeddings = validate_data(self, X, dtype=FLOATS, reset=False)
        shares = np.array(self.estimator_.predict_proba(embeddings), np.float64)
        for name, rows in _rows(writer, len(embeddings)).items():
            if name in self.states_:
                scores = self.adapter_.scores(self.states_[name], _samples(embeddings[rows], shares[rows]))
                shares[rows] = softmax(scores.values.astype(np.float64), axis=1)
        return shares

    def predict(self, X: ArrayLike, writer: Any = None) -> NDArray[Any]:
        """The likeliest class [n] of each embedding [n, d], for the writers named."""
        places = self.predict_proba(X, writer).argmax(axis=1)
        answers: NDArray[Any] = self.classes_[places]
        return answers

    def score(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None, writer: Any = None) -> float:
        """The accuracy on embeddings [n, d] with the labels [n], for the writers named."""
        return float(accuracy_score(y, self.predict(X, writer), sample_weight=sample_weight))

    def _fit(self, X: ArrayLike, y: ArrayLike, writer: Any, classes: ArrayLike | None) -> WriterAdaptiveClassifier:
        embeddings, labels = validate_data(self, X, y, dtype=FLOATS)
        check_classification_targets(labels)
        rows = _rows(writer, len(embeddings))
        rows.pop(None, None)  # a population's samples without a writer are nobody's
        base = LogisticRegression() if self.estimator is None else clone(self.estimator)
        if not hasattr(base, "predict_proba"):
            raise InputError(f"{base!r} has no predict_proba, which adapters need; wrap it in CalibratedClassifierCV")
        base.fit(embeddings, labels)
        _check_classes(classes, base.classes_)
        places = _places(labels, base.classes_)
        batch = _batch(base, embeddings, places)
        writers = np.full(len(embeddings), "", dtype=object)
        for place, own in enumerate(rows.values()):
            writers[own] = str(place)
        bundle = _population(batch, places, writers.astype(str), len(base.classes_), self.random_state)
        adapter = build(self.adapter, bundle) if isinstance(self.adapter, str) else self.adapter(bundle)
        self.states_ = _states_after(adapter, {}, batch, rows)
        self.classes_, self.estimator_, self.adapter_ = base.classes_, base, adapter
        return self


def _population(batch: Corrections, places: Sequence[int], writers: NDArray[np.str_], classes: int, seed: int) -> Bundle:
    """A bundle without a model: what adapters are built from. Samples that are nobody's count as one writer's."""
    true = np.array(places, np.int32)
    clusters = find_styles(batch.embeddings, true, seed)
    statistics = Statistics.estimate(batch.samples, true, writers).arrays()
    blank = np.zeros((len(clusters.labels), SIDE, SIDE), np.uint8)
    config = BundleConfig(Alphabet(_label(place) for place in range(classes)), "mnist", batch.embeddings.shape[1])
    return Bundle(Path("population"), config, Styles(clusters.centroids, clusters.labels, blank), statistics)


def _states_after(
    adapter: Adapter, states: dict[WriterName, State], batch: Corrections, rows_of: dict[WriterName, NDArray[np.int64]]
) -> dict[WriterName, State]:
    """The states after every writer has learned their rows of a batch."""
    return states | {name: adapter.learn(states.get(name, adapter.start()), batch.take(rows)) for name, rows in rows_of.items()}


def _batch(base: Any, embeddings: NDArray[Any], places: Sequence[int]) -> Corrections:
    samples = _samples(embeddings, base.predict_proba(embeddings))
    return Corrections(samples.embeddings, samples.logits, [_label(place) for place in places])


def _samples(embeddings: NDArray[Any], shares: NDArray[np.floating]) -> Samples:
    """What an adapter is shown, in float32; numbers too large for that are scikit-learn's error."""
    return Samples(check_array(embeddings, dtype=np.float32), np.log(np.maximum(shares, LEAST)).astype(np.float32))


def _label(place: int) -> str:
    """A class as adapters know it; by code point these stand in the order of the classes."""
    return f"{place:06d}"


def _places(labels: NDArray[Any], classes: NDArray[Any]) -> list[int]:
    places = {label: place for place, label in enumerate(classes.tolist())}
    unknown = [label for label in labels.tolist() if label not in places]
    if unknown:
        raise UnknownLabel(f"the base does not know the label {unknown[0]!r}; there are {len(places)} labels in classes_")
    return [places[label] for label in labels.tolist()]


def _check_classes(classes: ArrayLike | None, base: NDArray[Any]) -> None:
    if classes is not None and set(np.asarray(classes).tolist()) != set(base.tolist()):
        raise InputError(f"classes are {classes!r}, and the population's labels {base.tolist()}; it must show every one of them")


def _rows(writer: Any, count: int) -> dict[WriterName, NDArray[np.int64]]:
    """Which of `count` samples are whose, writers in the order of their first sample."""
    names = np.asarray(writer, dtype=object)
    if names.ndim == 0:
        names = np.full(count, names.item(), dtype=object)
    if names.shape != (count,):
        raise InputError(f"writer names one writer, or one for each of {count} samples; this is an array {list(names.shape)}")
    rows: dict[WriterName, list[int]] = {}
    for row, name in enumerate(names.tolist()):
        if not isinstance(name, str | int | np.integer | None):
            raise InputError(f"a writer is named by a string or a whole number, or is None; sample {row} names {name!r}")
        rows.setdefault(name, []).append(row)
    return {name: np.array(places) for name, places in rows.items()}
