"""Learning in turn: nobody's corrections make another wait, and whoever stops is not held up."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from allograph.adapters import State
from allograph.adapters.lookup import Lookup
from allograph.adapters.memory_based import FittedMemory
from allograph.errors import BusyError, InputError
from allograph.profiles.journal import Key
from allograph.readings import Corrections
from allograph.server.background_learning import STRETCH, BackgroundLearner
from allograph.server.fair_queue import FairQueue
from allograph.writers.live_profile import NEAR
from served import client, correct, image, ok, read, recognizer, sample, writers


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers()), max_size=40))
def test_each_tenants_items_come_in_order_and_no_tenant_twice_while_another_waits(items: list[tuple[str, int]]) -> None:
    queue: FairQueue[tuple[str, int]] = FairQueue()
    for tenant, item in items:
        queue.put(tenant, (tenant, item))
    assert len(queue) == len(items)
    left = {tenant: [item for other, item in items if other == tenant] for tenant in "abc"}
    last = ""
    while queue:
        upcoming = queue.next()
        found = queue.take()
        assert upcoming == found
        tenant, item = found
        assert item == left[tenant].pop(0)
        if tenant == last:
            assert not any(left[other] for other in "abc" if other != tenant)
        last = tenant
    assert not any(left.values())


def steps(name: str, count: int, done: list[str]) -> Iterator[None]:
    for _ in range(count):
        threading.Event().wait(STRETCH)
        done.append(name)
        yield


def test_a_short_job_is_done_long_before_a_long_one_that_came_first() -> None:
    done: list[str] = []

    async def run() -> None:
        learner = BackgroundLearner()
        long = asyncio.create_task(learner.finish(Key("t", "long"), steps("long", 50, done), 60))
        await asyncio.sleep(0)
        await learner.finish(Key("t", "short"), steps("short", 2, done), 60)
        assert done.count("long") < 10
        assert not long.done()
        again = asyncio.create_task(learner.finish(Key("t", "long"), steps("never", 1, done), 60))
        await asyncio.gather(long, again)
        await learner.close()

    asyncio.run(run())
    assert done.count("long") == 50
    assert "never" not in done


def test_who_waits_too_long_is_told_and_the_job_goes_on() -> None:
    done: list[str] = []

    async def run() -> None:
        learner = BackgroundLearner()
        with pytest.raises(BusyError, match="still being learned"):
            await learner.finish(Key("t", "a"), steps("a", 10, done), 2 * STRETCH)
        await learner.finish(Key("t", "a"), steps("other", 1, done), 60)
        await learner.close()

    asyncio.run(run())
    assert done == ["a"] * 10


def test_an_error_is_told_and_forgotten() -> None:
    def failing() -> Iterator[None]:
        raise InputError("odd")
        yield

    async def run() -> None:
        learner = BackgroundLearner()
        with pytest.raises(InputError, match="odd"):
            await learner.finish(Key("t", "a"), failing(), 60)
        await learner.finish(Key("t", "a"), steps("a", 1, []), 60)
        await learner.close()

    asyncio.run(run())


def test_closing_leaves_off_after_a_step_and_tells_who_waits() -> None:
    done: list[str] = []

    async def run() -> None:
        learner = BackgroundLearner()
        waiting = asyncio.create_task(learner.finish(Key("t", "a"), steps("a", 10_000, done), 600))
        while not done:
            await asyncio.sleep(STRETCH)
        await learner.close()
        with pytest.raises(BusyError, match="stops"):
            await waiting
        with pytest.raises(BusyError, match="stops"):
            await learner.finish(Key("t", "b"), steps("b", 1, done), 60)

    asyncio.run(run())
    assert len(done) < 100


class Slow(Lookup):
    """An adapter whose learning waits until it may go on, and whose scores fail for a writer who taught `!`."""

    may = threading.Event()
    learning = threading.Event()

    def learn(self, state: State, batch: Corrections) -> State:
        if "slow" in batch.ids:
            self.learning.set()
            assert self.may.wait(60)
        return super().learn(state, batch)

    def fit(self, state: State) -> FittedMemory:
        if len(state.arrays["labels"]) and self.alphabet.index("!") in state.arrays["labels"]:
            raise RuntimeError("an adapter of another package fails")
        return super().fit(state)


def served(**options: Any) -> Any:
    return writers(adapter=Slow.of(recognizer().bundle), **options)


def test_while_one_writer_is_learned_others_are_read() -> None:
    Slow.may.clear()
    taught = served()
    many = taught["ana"].read([sample(40)] * (NEAR + 1), ids=["slow", *map(str, range(NEAR))])
    taught["ana"].correct(many, ["a"] * len(many))
    with client(taught) as http:
        found: list[Any] = []
        waiting = threading.Thread(target=lambda: found.append(read(http, "ana", 40)))
        waiting.start()
        assert Slow.learning.wait(60)
        for i in range(6):
            correct(http, "ben", [(f"{i}", i, "b")])
            assert read(http, "ben", i)[0]["label"]
            read(http, f"nobody {i}", 40)
        assert found == []
        Slow.may.set()
        waiting.join(60)
        assert found[0][0]["label"] == "a"


def test_a_failure_of_one_writers_profile_is_that_writers_alone() -> None:
    with client(served()) as http:
        correct(http, "ana", [("1", 40, "!")])
        statuses: list[int] = []

        def ask(name: str) -> None:
            body = {"samples": [{"image": image(40)}]}
            statuses.append(http.post(f"/v1/writers/{name}/read", json=body).status_code * (1 if name == "ana" else 1000))

        threads = [threading.Thread(target=ask, args=(name,)) for name in ["ana", "ben"] * 10]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(statuses) == [500] * 10 + [200_000] * 10
        ok(http.get("/v1/live"))
