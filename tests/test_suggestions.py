"""What to teach next, and what to expect of it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, NamedTuple

import httpx
import numpy as np
import pytest

from allograph.bundle import Bundle
from allograph.writers.suggestions import BaseErrors, Suggestion, suggest
from served import client, correct, ok


class Row(NamedTuple):
    """An entry of a journal, as far as it matters."""

    label: str
    answer: str
    base: str = "?"


@pytest.fixture(scope="module")
def errors() -> BaseErrors:
    return BaseErrors.of(Bundle.open())


def journal(*pairs: str) -> list[Row]:
    """A journal of labels and what they were read as: g9 is a g that was read as a 9."""
    return [Row(pair[0], pair[1]) for pair in pairs]


def test_a_base_misreads_what_looks_alike_and_as_often_as_its_bundle_tells(errors: BaseErrors) -> None:
    shares = dict(zip(errors.labels, errors.rates, strict=True))
    assert errors.rates.mean() == pytest.approx(1 - (Bundle.open().config.accuracy["application"] or 0), abs=1e-6)
    assert ((errors.rates > 0) & (errors.rates < 1)).all()
    assert min(shares[label] for label in "OCSW_|") > 2 * max(shares[label] for label in "38BEfk")


def test_a_bundle_without_statistics_misreads_all_alike() -> None:
    plain = BaseErrors.of(replace(Bundle.open(), statistics={}))
    assert np.unique(plain.rates).tolist() == pytest.approx([1 - (Bundle.open().config.accuracy["application"] or 0)])


def test_somebody_new_is_asked_for_what_the_base_misreads_most(errors: BaseErrors) -> None:
    advice = suggest([], errors, 5)
    assert len(advice) == 5
    assert {one.reason for one in advice.labels} <= {"unseen", "alike"}
    assert "O" in {one.label for one in advice.labels}
    weights = np.array([1.0 if label.isalnum() else 0.2 for label in errors.labels])
    assert advice.now == pytest.approx(1 - (weights * errors.rates).sum() / weights.sum())


def test_expected_accuracy_by_hand() -> None:
    curve = {0: 1.4, 1: 0.5, 3: 0.25}
    errors = BaseErrors(("a", "b"), np.array([0.2, 0.4]), {}, curve)
    assert [errors.share_left(count, 0) for count in range(5)] == [1.0, 0.5, 0.5, 0.25, 0.25]
    assert errors.share_left(0, 15) == pytest.approx(1.2)  # half of the way to 1.4, after 15 of 30 corrections of others
    assert errors.share_left(0, 90) == pytest.approx(1.4)
    advice = suggest([], errors, 1)
    assert advice.labels == [Suggestion("b", "unseen")]
    assert advice.now == pytest.approx(1 - (0.2 + 0.4) / 2)
    # one b is taught: half of its errors are left, and of a's a thirtieth of the way to 1.4 times as many
    assert advice.after == pytest.approx(1 - (0.2 * (1 + 0.4 / 30) + 0.4 * 0.5) / 2)


def test_a_bundle_without_a_learning_curve_is_assumed_to_learn_with_the_square_root() -> None:
    plain = BaseErrors(("a", "b"), np.array([0.2, 0.4]))
    assert [plain.share_left(count, 50) for count in (0, 3, 8)] == [1.0, 0.5, pytest.approx(1 / 3)]


def test_what_is_confused_comes_first_and_then_what_was_never_taught(errors: BaseErrors) -> None:
    found = suggest(journal("g9", "aa", "g9", "oO", "bb"), errors, 12).labels
    confused = [one for one in found if one.reason == "confused"]
    assert confused == [Suggestion("g", "confused", "9"), Suggestion("o", "confused", "O")]
    assert found[0] == confused[0]
    assert {one.reason for one in found[4:]} <= {"unseen", "alike"}
    assert not {"a", "b"} & {one.label for one in found}


def test_what_was_read_rightly_twice_since_is_confused_no_longer(errors: BaseErrors) -> None:
    assert suggest(journal("g9", "gg"), errors).labels[0].label == "g"
    assert "confused" not in {one.reason for one in suggest(journal("g9", "gg", "gg"), errors, 94).labels}


def test_a_label_brings_the_one_that_looks_like_it_unless_more_of_that_is_known(errors: BaseErrors) -> None:
    assert errors.twins["o"] in "O0"
    assert "f" not in errors.twins
    asked = suggest(journal("vV"), errors).labels
    assert asked[:2] == [Suggestion("v", "confused", "V"), Suggestion(errors.twins["v"], "alike", "v")]
    known = [Row(errors.twins["v"], errors.twins["v"])] * 2
    assert suggest([*known, *journal("vV")], errors).labels[1].reason != "alike"


def test_a_label_of_the_writers_own_may_be_asked_for(errors: BaseErrors) -> None:
    found = suggest([Row("☂", "&")], errors)
    assert found.labels[0] == Suggestion("☂", "confused", "&")


def test_all_labels_can_be_had_each_once(errors: BaseErrors) -> None:
    found = suggest(journal("g9", "aa"), errors, 100).labels
    assert len(found) == len({one.label for one in found}) == 94
    assert found[-1].reason == "few"


def test_the_more_is_known_and_the_better_it_is_read_the_more_is_expected(errors: BaseErrors) -> None:
    right = [Row(label, label) for label in "abcd" * 12]
    wrong = [Row(label, "?") for label in "abcd" * 12]
    assert suggest(wrong, errors).now < suggest(right[:8], errors).now < suggest(right, errors).now
    for taught in (right, wrong, []):
        found = suggest(taught, errors)
        assert 0 <= found.now <= 1
        assert 0 <= found.after <= 1


def test_the_service_asks_of_the_journal() -> None:
    with client() as http:
        fresh = asked(http, 3)
        assert {one["reason"] for one in fresh["labels"]} <= {"unseen", "alike"}
        taught = [(f"{i}", 40, "&") for i in range(1)]
        correct(http, "ana", taught)
        known = asked(http, 3)
        assert known["labels"][0]["label"] == "&"
        assert known["labels"][0]["reason"] == "confused"
        assert known["labels"][0]["with"] != "&"
        assert 0.5 < known["expected"]["now"] < 1
        assert 0.5 < known["expected"]["after"] < 1
        assert http.get("/v1/writers/ana/suggestions", params={"count": 0}).status_code == 422


def asked(http: httpx.Client, count: int) -> dict[str, Any]:
    """What the service would ask this writer for."""
    return ok(http.get("/v1/writers/ana/suggestions", params={"count": count}))
