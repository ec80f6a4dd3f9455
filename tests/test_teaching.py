"""What to teach next, and what to expect of it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, NamedTuple

import httpx
import numpy as np
import pytest

from allograph.bundle import Bundle
from allograph.writers.suggestions import Errors, Suggestion, suggestions
from served import client, correct, ok


class Taught(NamedTuple):
    """An entry of a journal, as far as it matters."""

    label: str
    answer: str


@pytest.fixture(scope="module")
def errors() -> Errors:
    return Errors.of(Bundle.open())


def journal(*pairs: str) -> list[Taught]:
    """A journal of labels and what they were read as: g9 is a g that was read as a 9."""
    return [Taught(pair[0], pair[1]) for pair in pairs]


def test_a_base_misreads_what_looks_alike_and_as_often_as_its_bundle_tells(errors: Errors) -> None:
    shares = dict(zip(errors.labels, errors.shares, strict=True))
    assert errors.shares.mean() == pytest.approx(1 - (Bundle.open().config.accuracy["application"] or 0), abs=1e-6)
    assert ((errors.shares > 0) & (errors.shares < 1)).all()
    assert min(shares[label] for label in "OCSW_|") > 2 * max(shares[label] for label in "38BEfk")


def test_a_bundle_without_statistics_misreads_all_alike() -> None:
    plain = Errors.of(replace(Bundle.open(), statistics={}))
    assert np.unique(plain.shares).tolist() == pytest.approx([1 - (Bundle.open().config.accuracy["application"] or 0)])


def test_somebody_new_is_asked_for_what_the_base_misreads_most(errors: Errors) -> None:
    found = suggestions([], errors, 5)
    assert len(found.labels) == 5
    assert {one.reason for one in found.labels} <= {"unseen", "alike"}
    assert "O" in {one.label for one in found.labels}
    assert found.now == pytest.approx(1 - errors.shares.mean(), abs=0.05)
    assert found.after == pytest.approx(found.now, abs=0.05)


def test_what_is_confused_comes_first_and_then_what_was_never_taught(errors: Errors) -> None:
    found = suggestions(journal("g9", "aa", "g9", "oO", "bb"), errors, 12).labels
    confused = [one for one in found if one.reason == "confused"]
    assert confused == [Suggestion("g", "confused", "9"), Suggestion("o", "confused", "O")]
    assert found[0] == confused[0]
    assert {one.reason for one in found[4:]} <= {"unseen", "alike"}
    assert not {"a", "b"} & {one.label for one in found}


def test_what_was_read_rightly_twice_since_is_confused_no_longer(errors: Errors) -> None:
    assert suggestions(journal("g9", "gg"), errors).labels[0].label == "g"
    assert "confused" not in {one.reason for one in suggestions(journal("g9", "gg", "gg"), errors, 94).labels}


def test_a_label_brings_the_one_that_looks_like_it_unless_more_of_that_is_known(errors: Errors) -> None:
    assert errors.twins["o"] in "O0"
    assert "f" not in errors.twins
    asked = suggestions(journal("vV"), errors).labels
    assert asked[:2] == [Suggestion("v", "confused", "V"), Suggestion(errors.twins["v"], "alike", "v")]
    known = [Taught(errors.twins["v"], errors.twins["v"])] * 2
    assert suggestions([*known, *journal("vV")], errors).labels[1].reason != "alike"


def test_a_label_of_the_writers_own_may_be_asked_for(errors: Errors) -> None:
    found = suggestions([Taught("☂", "&")], errors)
    assert found.labels[0] == Suggestion("☂", "confused", "&")


def test_all_labels_can_be_had_each_once(errors: Errors) -> None:
    found = suggestions(journal("g9", "aa"), errors, 100).labels
    assert len(found) == len({one.label for one in found}) == 94
    assert found[-1].reason == "few"


def test_the_more_is_known_and_the_better_it_is_read_the_more_is_expected(errors: Errors) -> None:
    right = [Taught(label, label) for label in "abcd" * 12]
    wrong = [Taught(label, "?") for label in "abcd" * 12]
    assert suggestions(wrong, errors).now < suggestions(right[:8], errors).now < suggestions(right, errors).now
    for taught in (right, wrong, []):
        found = suggestions(taught, errors)
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
