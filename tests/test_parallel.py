from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator

import pytest

from allograph.errors import AllographError, ImageError
from allograph.parallel import available_cores, in_order


def _late(shared: float, task: int) -> tuple[int, int]:
    """Earlier tasks take longer, so that later ones are done before them."""
    time.sleep(shared if task % 2 == 0 else 0)
    return task * task, os.getpid()


def _failing(shared: int, task: int) -> int:
    if task == shared:
        raise ImageError(f"sample {task} is empty")
    return task


def _killed(shared: None, task: int) -> int:
    os.kill(os.getpid(), signal.SIGKILL)
    return task


def _counted(taken: list[int], count: int) -> Iterator[int]:
    for task in range(count):
        taken.append(task)
        yield task


def test_two_processes_keep_the_order() -> None:
    results = list(in_order(_late, 0.05, range(12), jobs=2))
    assert [square for square, _ in results] == [task * task for task in range(12)]
    processes = {process for _, process in results}
    assert os.getpid() not in processes
    assert 1 <= len(processes) <= 2


def test_one_job_stays_in_this_process() -> None:
    assert {process for _, process in in_order(_late, 0, range(3), jobs=1)} == {os.getpid()}


@pytest.mark.parametrize("jobs", [1, 2])
def test_an_error_travels_whole_and_drops_the_rest(jobs: int) -> None:
    taken: list[int] = []
    results = in_order(_failing, 3, _counted(taken, 1000), jobs)
    assert [next(results) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(ImageError, match=r"^sample 3 is empty$"):
        next(results)
    assert len(taken) < 20


def test_tasks_are_taken_as_results_are_and_no_sooner() -> None:
    taken: list[int] = []
    ahead = [len(taken) - done for done, _ in enumerate(in_order(_failing, -1, _counted(taken, 200), jobs=2))]
    assert len(taken) == 200
    assert max(ahead) <= 2 * 2 + 1


def test_a_killed_worker_is_an_error_and_no_wait() -> None:
    with pytest.raises(AllographError, match="a worker process died"):
        list(in_order(_killed, None, range(4), jobs=2))


def test_no_tasks_give_no_results() -> None:
    assert list(in_order(_failing, 0, [], jobs=2)) == []


def test_there_is_a_core() -> None:
    assert available_cores() >= 1
