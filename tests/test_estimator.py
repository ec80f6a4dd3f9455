"""The scikit-learn classifier: its own checks, what writers gain, and that it stands behind an adapter and nothing more."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import joblib
import numpy as np
import pytest
import sklearn
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression, Perceptron
from sklearn.model_selection import GridSearchCV, StratifiedKFold, cross_val_score
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier
from sklearn.utils.estimator_checks import check_estimator
from threadpoolctl import threadpool_limits

from allograph.adapters.paper import PaperAdapter
from allograph.alphabet.labels import Alphabet
from allograph.bundle import Bundle
from allograph.errors import InputError, UnknownLabel
from allograph.estimator import WriterAdaptiveClassifier
from allograph.readings import Corrections, Samples
from allograph.styles import find_styles

LABELS = np.array(list("abcdef"))
D = 5
CENTRES = 4 * np.random.default_rng(5).normal(size=(len(LABELS), D))


class Hand(NamedTuple):
    X: NDArray[np.float64]
    y: NDArray[Any]


def hand(count: int, seed: int, habit: str = "abcdef") -> Hand:
    """Samples of a writer who writes each of a to f in the shape that others give to the letter of `habit` in its place."""
    random = np.random.default_rng(seed)
    places = random.integers(0, len(LABELS), count)
    shapes = np.array([LABELS.tolist().index(letter) for letter in habit])[places]
    return Hand(CENTRES[shapes] + random.normal(size=(count, D)), LABELS[places])


def joined(*hands: Hand) -> Hand:
    return Hand(np.concatenate([each.X for each in hands]), np.concatenate([each.y for each in hands]))


POPULATION = hand(240, 0)
ANA, BOB = "badcef", "abcdfe"
GENERAL = LogisticRegression(max_iter=1000)


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """K-means with more threads than free cores waits for them most of the time."""
    with threadpool_limits(1):
        yield


@pytest.fixture
def classifier() -> WriterAdaptiveClassifier:
    return WriterAdaptiveClassifier().fit(*POPULATION)


@pytest.fixture
def routing() -> Iterator[None]:
    with sklearn.config_context(enable_metadata_routing=True):
        yield


def routed() -> WriterAdaptiveClassifier:
    """One that asks for the writer wherever it can use it."""
    found = WriterAdaptiveClassifier(GENERAL)
    for request in (found.set_fit_request, found.set_predict_request, found.set_score_request):
        request(writer=True)
    return found


def without_z_scores(population: Bundle) -> PaperAdapter:
    assert population.styles is not None
    return PaperAdapter(population.alphabet, population.styles.centroids, population.styles.labels, z_score=False)


@pytest.mark.slow
@pytest.mark.parametrize(
    "estimator",
    [WriterAdaptiveClassifier(), WriterAdaptiveClassifier(GaussianNB(), adapter=without_z_scores)],
    ids=["default", "other"],
)
def test_scikit_learns_own_checks(estimator: WriterAdaptiveClassifier) -> None:
    results = check_estimator(estimator, on_skip=None)  # raises where one fails
    status = {result["check_name"]: result["status"] for result in results}
    # Two checks need pandas and scipy's array interface, which this project does without.
    assert sum(found == "passed" for found in status.values()) > 40
    assert sum(found != "passed" for found in status.values()) <= 2


def test_a_writer_gains_and_nobody_else_notices(classifier: WriterAdaptiveClassifier) -> None:
    test, others = hand(200, 2, ANA), hand(200, 3)
    assert classifier.score(*test, writer="ana") < 0.45
    before = classifier.predict_proba(others.X)
    classifier.partial_fit(*hand(100, 1, ANA), writer="ana")
    assert classifier.score(*test, writer="ana") > 0.95
    for writer in (None, "bob", 7):
        assert np.array_equal(classifier.predict_proba(others.X, writer), before)


def test_of_an_unknown_writer_it_says_what_the_base_says(classifier: WriterAdaptiveClassifier) -> None:
    base, test = LogisticRegression().fit(*POPULATION), hand(50, 2)
    assert np.array_equal(classifier.predict_proba(test.X, writer="nobody"), base.predict_proba(test.X))
    assert np.array_equal(classifier.predict(test.X), base.predict(test.X))


def test_writers_learned_together_or_apart_do_not_mix(classifier: WriterAdaptiveClassifier) -> None:
    ana, bob, alone = hand(60, 1, ANA), hand(60, 2, BOB), hand(60, 3, "fbcdea")
    names = np.array(["ana", "bob", None] * 60, dtype=object)
    together = Hand(np.stack([ana.X, bob.X, alone.X], 1).reshape(-1, D), np.stack([ana.y, bob.y, alone.y], 1).ravel())
    apart = clone(classifier).fit(*POPULATION)
    classifier.partial_fit(*together, writer=names)
    apart.partial_fit(*alone).partial_fit(*bob, writer="bob").partial_fit(*ana, writer="ana")
    shares = classifier.predict_proba(together.X, names)
    for name in ("ana", "bob", None):
        assert np.array_equal(apart.predict_proba(together.X[names == name], name), shares[names == name])
    assert not np.array_equal(classifier.predict(ana.X, "ana"), classifier.predict(ana.X, "bob"))


def test_it_is_the_adapters_own_fold() -> None:
    classifier = WriterAdaptiveClassifier(adapter="paper").fit(*POPULATION)
    base, alphabet = LogisticRegression().fit(*POPULATION), Alphabet(LABELS)
    places = alphabet.indices(POPULATION.y)
    styles = find_styles(POPULATION.X.astype(np.float32), places)
    adapter = PaperAdapter(alphabet, styles.centroids, styles.labels)

    def samples(points: NDArray[np.float64]) -> Samples:
        return Samples(points.astype(np.float32), np.log(np.maximum(base.predict_proba(points), 1e-6)).astype(np.float32))

    batches, test = [hand(count, count, ANA) for count in (3, 20, 1, 1, 40)], hand(80, 9, ANA)
    state = adapter.start()
    for batch in batches:
        state = adapter.learn(state, Corrections(samples(batch.X).embeddings, samples(batch.X).logits, batch.y.tolist()))
        classifier.partial_fit(*batch, writer="ana")
        assert np.array_equal(classifier.predict(test.X, "ana"), LABELS[adapter.scores(state, samples(test.X)).answers])
    logs = adapter.scores(state, samples(test.X)).log_probabilities
    np.testing.assert_allclose(classifier.predict_proba(test.X, "ana"), np.exp(logs), atol=1e-6)
    backwards = clone(classifier).fit(*POPULATION)
    for batch in reversed(batches):
        backwards.partial_fit(*batch, writer="ana")
    assert not np.array_equal(classifier.states_["ana"].arrays["wins"], backwards.states_["ana"].arrays["wins"])


@pytest.mark.parametrize("names", [np.arange(6) * 5 - 7, np.arange(6) / 2 - 1 > 0, [f"letter number {i}" for i in range(6)]])
def test_labels_are_whatever_scikit_learn_takes(names: Any) -> None:
    names = np.array(names)
    place = {label: i for i, label in enumerate(LABELS)}

    def renamed(samples: Hand) -> Hand:
        return Hand(samples.X, names[[place[label] for label in samples.y]])

    test = renamed(hand(100, 2, "fedcba"))
    classifier = WriterAdaptiveClassifier().fit(*renamed(POPULATION))
    before = classifier.score(*test, writer="ana")
    classifier.partial_fit(*renamed(hand(100, 1, "fedcba")), writer="ana")
    assert before < 0.2
    assert classifier.score(*test, writer="ana") > 0.9
    assert classifier.predict(test.X).dtype == test.y.dtype
    np.testing.assert_allclose(classifier.predict_proba(test.X, "ana").sum(axis=1), 1)


def test_writers_of_the_population_have_taught_and_fitting_anew_forgets() -> None:
    classifier = WriterAdaptiveClassifier(adapter="paper").fit(*POPULATION)  # its states hang on the styles alone
    names = np.array([None, "ana", "bob", "bob"] * 60, dtype=object)
    fitted = clone(classifier).fit(*POPULATION, writer=names)
    assert set(fitted.states_) == {"ana", "bob"}
    for name in ("ana", "bob"):
        own = names == name
        classifier.partial_fit(POPULATION.X[own], POPULATION.y[own], writer=name)
        assert fitted.states_[name].to_bytes(fitted.adapter_) == classifier.states_[name].to_bytes(classifier.adapter_)
    assert not fitted.fit(*POPULATION).states_


def test_the_first_partial_fit_is_fit(classifier: WriterAdaptiveClassifier) -> None:
    first = WriterAdaptiveClassifier().partial_fit(*POPULATION, classes=LABELS[::-1])
    test = hand(50, 2)
    assert not first.states_
    assert np.array_equal(first.predict_proba(test.X), classifier.predict_proba(test.X))
    first.partial_fit(*hand(50, 3, ANA), classes=LABELS)
    assert set(first.states_) == {None}


def test_a_base_that_is_certain_can_be_corrected() -> None:
    classifier = WriterAdaptiveClassifier(DecisionTreeClassifier(random_state=0)).fit(*POPULATION)
    assert set(np.unique(classifier.predict_proba(POPULATION.X))) == {0, 1}
    classifier.partial_fit(*hand(200, 1, ANA), writer="ana")
    assert classifier.score(*hand(200, 2, ANA), writer="ana") > 0.8


def test_a_frozen_base_keeps_labels_that_the_population_lacks() -> None:
    base = LogisticRegression().fit(*POPULATION)
    some = POPULATION.y < "e"
    classifier = WriterAdaptiveClassifier(FrozenEstimator(base)).fit(POPULATION.X[some], POPULATION.y[some])
    assert classifier.classes_.tolist() == LABELS.tolist()
    classifier.partial_fit(*hand(100, 1, BOB), writer="bob")
    assert classifier.score(*hand(200, 2, BOB), writer="bob") > 0.95


@pytest.mark.usefixtures("routing")
def test_a_pipeline_hands_the_writer_on(classifier: WriterAdaptiveClassifier) -> None:
    ana, test = hand(60, 1, ANA), hand(60, 2, ANA)
    names = np.array([None] * len(POPULATION.y) + ["ana"] * len(ana.y), dtype=object)
    pipeline = make_pipeline(StandardScaler(), routed()).fit(*joined(POPULATION, ana), writer=names)
    own, last = pipeline.score(*test, writer="ana"), pipeline[-1]
    assert own > 0.95
    assert own > pipeline.score(*test, writer="bob") + 0.4
    assert np.array_equal(pipeline.predict(test.X, writer="ana"), last.predict(pipeline[:-1].transform(test.X), "ana"))
    with pytest.raises(TypeError, match="writer"):
        make_pipeline(classifier.set_predict_request(writer=False)).predict(test.X, writer="ana")


@pytest.mark.usefixtures("routing")
def test_cross_validation_sees_what_writers_gain() -> None:
    everyone = joined(*(hand(60, seed, habit) for seed, habit in enumerate([ANA, BOB, *["abcdef"] * 4])))
    names, folds = np.repeat(np.arange(6), 60), StratifiedKFold(3, shuffle=True, random_state=0)
    personal = cross_val_score(routed(), *everyone, cv=folds, params={"writer": names}, error_score="raise")
    general = cross_val_score(GENERAL, *everyone, cv=folds, error_score="raise")
    assert personal.mean() > general.mean() + 0.1
    grid = GridSearchCV(routed(), {"estimator": [GaussianNB()], "adapter": ["paper", without_z_scores]}, cv=folds)
    found = grid.fit(*everyone, writer=names)
    assert found.best_score_ > general.mean() + 0.1
    assert isinstance(found.best_estimator_.estimator_, GaussianNB)
    assert found.score(*everyone, writer=names) > 0.9


def test_joblib_keeps_what_was_learned(classifier: WriterAdaptiveClassifier, tmp_path: Path) -> None:
    classifier.partial_fit(*hand(60, 1, ANA), writer="ana")
    joblib.dump(classifier, tmp_path / "classifier.joblib")
    back, test, more = joblib.load(tmp_path / "classifier.joblib"), hand(60, 2, ANA), hand(20, 3, ANA)
    assert np.array_equal(back.predict_proba(test.X, "ana"), classifier.predict_proba(test.X, "ana"))
    shares = back.partial_fit(*more, writer="ana").predict_proba(test.X, "ana")
    assert np.array_equal(shares, classifier.partial_fit(*more, writer="ana").predict_proba(test.X, "ana"))


def test_the_callers_arrays_and_parameters_stay_as_they_are() -> None:
    base, samples, test = LogisticRegression(C=0.5), hand(60, 1, ANA), hand(30, 2, ANA)
    copies = [array.copy() for array in (*samples, *test)]
    classifier = WriterAdaptiveClassifier(base).fit(*POPULATION).partial_fit(*samples, writer="ana")
    classifier.predict_proba(test.X, "ana")
    assert not hasattr(base, "coef_")
    assert classifier.get_params()["estimator__C"] == 0.5
    for array, copy in zip((*samples, *test), copies, strict=True):
        assert np.array_equal(array, copy)


@pytest.mark.filterwarnings("ignore:overflow encountered in cast:RuntimeWarning")
@pytest.mark.parametrize(
    ("changes", "error", "says"),
    [
        ({"writer": ["ana", "bob"]}, InputError, r"one for each of 6 samples; this is an array \[2\]"),
        ({"writer": [["ana"] * 6]}, InputError, r"this is an array \[1, 6\]"),
        ({"writer": 1.5}, InputError, "a string or a whole number, or is None; sample 0 names 1.5"),
        ({"writer": ["ana"] * 5 + [np.nan]}, InputError, "sample 5 names nan"),
        ({"y": list("abcdeZ")}, UnknownLabel, "does not know the label 'Z'; there are 6 labels"),
        ({"classes": list("abc")}, InputError, "must show every one"),
        ({"X": np.full((6, D), 1e200)}, ValueError, "too large for dtype"),
        ({"X": np.zeros((6, D + 1))}, ValueError, "6 features"),
        ({"X": np.full((6, D), np.nan)}, ValueError, "NaN"),
        ({"y": list("abc")}, ValueError, "inconsistent numbers of samples"),
    ],
)
def test_what_cannot_be_learned_is_refused_and_changes_nothing(
    classifier: WriterAdaptiveClassifier, changes: dict[str, Any], error: type[Exception], says: str
) -> None:
    classifier.partial_fit(*hand(20, 1), writer="ana")
    before = dict(classifier.states_)
    arguments: dict[str, Any] = {"X": CENTRES, "y": LABELS, "writer": "ana"}
    with pytest.raises(error, match=says):
        classifier.partial_fit(**arguments | changes)
    assert {name: classifier.states_[name] is state for name, state in before.items()} == {"ana": True}


@pytest.mark.parametrize(
    ("estimator", "says"),
    [
        (WriterAdaptiveClassifier(adapter="nonsense"), "there is no method 'nonsense'; there are .*paper"),
        (WriterAdaptiveClassifier(Perceptron()), "no predict_proba.*CalibratedClassifierCV"),
    ],
)
def test_what_cannot_be_fitted_is_refused(estimator: WriterAdaptiveClassifier, says: str) -> None:
    with pytest.raises(InputError, match=says):
        estimator.fit(*POPULATION)


def test_a_population_must_show_every_class_that_is_announced() -> None:
    classifier = WriterAdaptiveClassifier()
    with pytest.raises(InputError, match="must show every one"):
        classifier.partial_fit(*POPULATION, classes=[*LABELS, "g"])
    assert not hasattr(classifier, "states_")


def test_without_scikit_learn_it_says_what_to_install() -> None:
    code = "import sys; sys.modules['sklearn'] = None; import allograph; allograph.WriterAdaptiveClassifier"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "MissingExtraError: scikit-learn (1.6 or later) is not installed" in done.stderr
    assert 'pip install "allograph[research]"' in done.stderr
