"""Readings at the same time share calls of the model."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from allograph.errors import BusyError, InputError, StorageError
from allograph.server.batcher import Batcher
from served import client, correct, image, problem, read


class Model:
    """Echoes questions, and waits in each call until it may go on."""

    def __init__(self) -> None:
        self.calls: list[list[int]] = []
        self.may = threading.Semaphore(0)

    def answers(self, questions: Sequence[int]) -> list[int | Exception]:
        self.calls.append(list(questions))
        self.may.acquire()
        if 13 in questions:
            raise StorageError("down")
        return [InputError("odd") if question % 2 else question for question in questions]


Asked = tuple[str, int, int]
"""A tenant, a question, and how many samples it has."""


def asked(model: Model, questions: Sequence[Asked]) -> tuple[list[object], list[int]]:
    """The outcomes of questions, and what each call held: the first is asked alone, the rest behind it."""
    sizes: list[int] = []

    async def run() -> list[object]:
        batcher: Batcher[int, int] = Batcher(model.answers, 1000, sizes.append)
        first = asyncio.ensure_future(batcher.ask(*questions[0]))
        while not model.calls:
            await asyncio.sleep(0.001)
        rest = [asyncio.ensure_future(batcher.ask(*question)) for question in questions[1:]]
        await asyncio.sleep(0)
        for _ in questions:
            model.may.release()
        found = await asyncio.gather(first, *rest, return_exceptions=True)
        await batcher.close()
        return list(found)

    return asyncio.run(run()), sizes


def test_what_waits_is_read_together_in_order_up_to_a_call_of_the_model() -> None:
    model = Model()
    found, sizes = asked(model, [("t", 0, 1), *(("t", i, 5) for i in range(2, 22, 2)), ("t", 40, 32), ("t", 42, 1)])
    assert found == [*range(0, 22, 2), 40, 42]
    assert model.calls == [[0], [2, 4, 6, 8, 10, 12], [14, 16, 18, 20], [40], [42]]
    assert sizes == [1, 30, 20, 32, 1]


def test_tenants_are_served_in_turn_however_much_one_of_them_queues() -> None:
    model = Model()
    flood: list[Asked] = [("big", i, 32) for i in range(2, 202, 2)]
    found, _ = asked(model, [("big", 0, 32), *flood, ("small", 500, 1), ("other", 502, 1)])
    assert found == [*range(0, 202, 2), 500, 502]
    assert model.calls[:3] == [[0], [2], [500, 502]]


def test_one_questions_error_is_not_anothers() -> None:
    found, _ = asked(Model(), [("t", 0, 1), ("t", 2, 1), ("t", 3, 1), ("t", 4, 1)])
    assert [found[0], found[1], found[3]] == [0, 2, 4]
    assert isinstance(found[2], InputError)


def test_what_befalls_all_is_told_to_all_and_then_forgotten() -> None:
    found, _ = asked(Model(), [("t", 0, 1), ("t", 13, 16), ("t", 14, 16), ("t", 16, 32)])
    assert [type(one) for one in found] == [int, StorageError, StorageError, int]


def test_too_much_of_one_tenants_that_waits_is_turned_away_and_only_theirs() -> None:
    model = Model()

    async def run() -> None:
        batcher: Batcher[int, int] = Batcher(model.answers, 10, lambda count: None)
        batcher.check_room("a", 300)  # a large request alone is read part by part
        tasks = [asyncio.ensure_future(batcher.ask("a", 0, 4))]
        while not model.calls:
            await asyncio.sleep(0.001)
        tasks += [asyncio.ensure_future(batcher.ask("a", i, 4)) for i in (2, 4)]
        await asyncio.sleep(0)
        batcher.check_room("a", 2)
        with pytest.raises(BusyError, match="8 samples of yours wait"):
            batcher.check_room("a", 3)
        batcher.check_room("b", 10)
        for _ in tasks:
            model.may.release()
        await asyncio.gather(*tasks)
        batcher.check_room("a", 300)
        await batcher.close()

    asyncio.run(run())


def test_who_goes_away_is_left_out() -> None:
    model = Model()

    async def run() -> None:
        batcher: Batcher[int, int] = Batcher(model.answers, 100, lambda count: None)
        tasks = [asyncio.ensure_future(batcher.ask("t", i, 1)) for i in (0, 2, 4)]
        while not model.calls:
            await asyncio.sleep(0.001)
        tasks[0].cancel()
        tasks.append(asyncio.ensure_future(batcher.ask("t", 6, 1)))
        tasks.append(asyncio.ensure_future(batcher.ask("t", 8, 1)))
        await asyncio.sleep(0)
        tasks[3].cancel()
        for _ in range(5):
            model.may.release()
        assert (await asyncio.gather(*tasks, return_exceptions=True))[4] == 8
        await batcher.close()

    asyncio.run(run())
    assert model.calls[-1] == [8]


def test_many_clients_get_the_answers_that_they_would_get_alone() -> None:
    with client() as http:
        for i in range(16):
            correct(http, f"writer-{i}", [("1", 40, "qwertyuiopasdfgh"[i])])
        alone = {i: read(http, f"writer-{i}", 40, i) for i in range(16)}
        before = batches(http)

        def ask(turn: int) -> None:
            name, i = f"writer-{turn % 16}", turn % 16
            if turn % 10 == 9:  # another's fault spoils nothing
                body = {"samples": [{"image": image(1)}], "alphabet": ["ß"]}
                problem(http.post(f"/v1/writers/{name}/read", json=body), 422)
                return
            for one, single in zip(read(http, name, 40, i), alone[i], strict=True):
                assert one["label"] == single["label"]
                assert one["probability"] == pytest.approx(single["probability"], abs=1e-4)

        with ThreadPoolExecutor(16) as pool:
            list(pool.map(ask, range(160)))
        calls, samples = (after - then for after, then in zip(batches(http), before, strict=True))
        assert samples == 160 * 2 - 16
        assert calls < 160


def batches(http: httpx.Client) -> tuple[int, int]:
    """Calls of the model, and samples in them, so far."""
    lines = dict(line.rsplit(" ", 1) for line in http.get("/v1/metrics").text.splitlines() if not line.startswith("#"))
    return int(float(lines["allograph_batch_images_count"])), int(float(lines["allograph_batch_images_sum"]))
