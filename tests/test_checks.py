"""The public checks bite: whoever breaks a law is told which, and who keeps them all passes."""

from __future__ import annotations

import threading
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest

from allograph.adapters import State
from allograph.adapters.lookup import Prior
from allograph.alphabet.labels import Alphabet
from allograph.checks import ModelShape, check_adapter, check_recognizer, check_store
from allograph.errors import AllographError, ContractError
from allograph.profiles import MemoryStore
from allograph.readings import Corrections, Explanation, Samples, Scores
from allograph.recognizer import Recognizer
from allograph.writers.pipeline import shipped_recognizer

ALPHABET = Alphabet("abcde")
SHAPE = ModelShape(ALPHABET, 6, 4)


class InPlace(Prior):
    def learn(self, state: State, batch: Corrections) -> State:
        batch.embeddings[:] = 0
        return super().learn(state, batch)


class Remembers(Prior):
    """Keeps what it learned in itself."""

    learned: list[str] = []  # noqa: RUF012

    def learn(self, state: State, batch: Corrections) -> State:
        self.learned.extend(batch.labels)
        found = super().learn(state, batch)
        return State(found.labels, {**found.arrays, "seen": np.array([len(self.learned)])})


class Depends(Prior):
    """Scores a sample by the others of its call."""

    def scores(self, state: State, samples: Samples) -> Scores:
        found = super().scores(state, samples)
        return replace(
            found, values=found.values + np.float32(0.1) * samples.logits.mean() * (np.arange(found.values.shape[1]) == 0)
        )


class Offers(Prior):
    def scores(self, state: State, samples: Samples) -> Scores:
        found = super().scores(state, samples)
        return replace(found, values=np.maximum(found.values, np.float32(-9)))


class Hoards(Prior):
    """Ignores its window."""

    def newest(self, before: Any, more: Any) -> Any:
        return np.concatenate([before, more]) if len(before) else more.copy()


class Hides(Prior):
    """Keeps a lot for each state, where no size counts it."""

    kept: list[Any] = []  # noqa: RUF012

    def learn(self, state: State, batch: Corrections) -> State:
        self.kept.append(np.zeros(10_000))
        return super().learn(state, batch)


class Replays(Prior):
    """A replay that never learns."""

    def replay(self, samples: Corrections, trials: Any, reveal: bool) -> Any:
        from allograph.adapters import TrialAnswers

        for trial in trials:
            yield TrialAnswers.of(self.scores(self.start(), samples.at(trial.test)))


class Explains(Prior):
    def explain(self, state: State, sample: Samples) -> Explanation:
        found = super().explain(state, sample)
        return Explanation(found.answerer, found.base, found.text, {"array": np.zeros(2)})


class Fits(Prior):
    def scores(self, state: State, samples: Samples) -> Scores:
        found = super().scores(state, samples)
        if not len(state.arrays["labels"]):
            return found
        return replace(found, values=found.values + np.float32(0.25) * (found.values == found.values.max(axis=1, keepdims=True)))


class Fails(Prior):
    def learn(self, state: State, batch: Corrections) -> State:
        raise KeyError("their own fault")


@pytest.mark.parametrize(
    ("broken", "law"),
    [
        (InPlace, "changes_nothing_in_place"),
        (Remembers, "survives_bytes|is_deterministic"),
        (Depends, "starts_from_the_base|scores_one_as_many"),
        (Offers, "offers_no_other_label|starts_from_the_base"),
        (Hoards, "keeps_within_its_window"),
        (Hides, "tells_its_size"),
        (Replays, "replays_as_it_folds"),
        (Explains, "explains_its_answers"),
        (Fits, "fit_is_a_shortcut"),
        (Fails, "raised KeyError"),
    ],
)
def test_a_broken_adapter_is_told_its_law(broken: type[Prior], law: str) -> None:
    with pytest.raises(ContractError, match=law) as caught:
        check_adapter(broken(ALPHABET), SHAPE)
    assert isinstance(caught.value, AllographError)
    assert isinstance(caught.value, AssertionError)
    assert "prior" in str(caught.value)


def test_a_sound_adapter_passes_and_progress_is_told() -> None:
    told: list[tuple[str, int, int]] = []
    check_adapter(Prior(ALPHABET), SHAPE, lambda *step: told.append(step))
    assert told[0][1] == 0
    assert told[-1][1] == told[-1][2] == len(told) - 1


def test_a_broken_store_is_told_its_law() -> None:
    class KeepsErased(MemoryStore):
        def erase(self, key: Any, actor: str | None = None) -> bool:
            return self.tail(key) is not None

    class LosesHalf(MemoryStore):
        def rows(self, *arguments: Any, **options: Any) -> Any:
            return super().rows(*arguments, **options)[::2]

    for store, law in ((KeepsErased, "erases_every_trace"), (LosesHalf, "pages_the_journal")):
        with pytest.raises(ContractError, match=law):
            check_store(store)
    check_store(MemoryStore)


def test_recognizers_are_checked() -> None:
    @dataclass
    class Wrong:
        recognizer: Recognizer
        drift: float = 0.0
        lock: Any = None

        def __getattr__(self, name: str) -> Any:
            return getattr(self.recognizer, name)

        def embed(self, images: Any) -> Samples:
            samples = self.recognizer.embed(images)
            self.drift += 0.1
            return replace(samples, embeddings=samples.embeddings + np.float32(self.drift))

    check_recognizer(shipped_recognizer())
    with pytest.raises(ContractError, match="reads_the_same_again"):
        check_recognizer(Wrong(shipped_recognizer(), lock=threading.Lock()))  # type: ignore[arg-type]
