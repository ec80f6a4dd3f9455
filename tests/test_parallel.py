from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from allograph.errors import AllographError, ImageError
from allograph.execution import Workers, available_cores, ordered_map
from small import environment


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
    results = list(ordered_map(_late, 0.05, range(12), jobs=2))
    assert [square for square, _ in results] == [task * task for task in range(12)]
    processes = {process for _, process in results}
    assert os.getpid() not in processes
    assert 1 <= len(processes) <= 2


def test_one_job_stays_in_this_process() -> None:
    assert {process for _, process in ordered_map(_late, 0, range(3), jobs=1)} == {os.getpid()}


@pytest.mark.parametrize("jobs", [1, 2])
def test_an_error_travels_whole_and_drops_the_rest(jobs: int) -> None:
    taken: list[int] = []
    results = ordered_map(_failing, 3, _counted(taken, 1000), jobs)
    assert [next(results) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(ImageError, match=r"^sample 3 is empty$"):
        next(results)
    assert len(taken) < 20


def test_tasks_are_taken_as_results_are_and_no_sooner() -> None:
    taken: list[int] = []
    ahead = [len(taken) - done for done, _ in enumerate(ordered_map(_failing, -1, _counted(taken, 200), jobs=2))]
    assert len(taken) == 200
    assert max(ahead) <= 2 * 2 + 1


def test_a_killed_worker_is_an_error_and_no_wait() -> None:
    with pytest.raises(AllographError, match="a worker process died"):
        list(ordered_map(_killed, None, range(4), jobs=2))


def test_no_tasks_give_no_results() -> None:
    assert list(ordered_map(_failing, 0, [], jobs=2)) == []


def test_there_is_a_core() -> None:
    assert available_cores() >= 1


@pytest.mark.parametrize("jobs", [1, 2])
def test_workers_stay_from_one_list_of_tasks_to_the_next(jobs: int) -> None:
    with Workers(0.0, jobs) as workers:
        lists = [list(workers.map(_late, range(8))) for _ in range(3)]
    assert [[square for square, _ in results] for results in lists] == [[task * task for task in range(8)]] * 3
    assert len({process for results in lists for _, process in results}) <= jobs


def test_a_list_that_is_broken_off_leaves_the_workers_to_the_next() -> None:
    with Workers(3, 2) as workers:
        with pytest.raises(ImageError):
            list(workers.map(_failing, range(100)))
        assert list(workers.map(_failing, range(3))) == [0, 1, 2]


def test_all_tasks_may_be_taken_ahead() -> None:
    taken: list[int] = []
    with Workers(-1, 2) as workers:
        results = workers.map(_failing, _counted(taken, 50), ahead=50)
        assert next(results) == 0
        assert len(taken) == 50
        assert list(results) == list(range(1, 50))


PARENT = """
import os, sys, time
from pathlib import Path
from allograph.execution import ordered_map

def work(folder, task):
    Path(folder, str(os.getpid())).touch()
    time.sleep(600)

if __name__ == "__main__":
    list(ordered_map(work, sys.argv[1], range(9), jobs=2))
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_no_worker_outlives_the_process_that_began_it(tmp_path: Path, number: int) -> None:
    script, folder = tmp_path / "parent.py", tmp_path / "workers"
    script.write_text(PARENT)
    folder.mkdir()
    parent = subprocess.Popen([sys.executable, str(script), str(folder)], env=environment())
    _until(lambda: len(list(folder.iterdir())) == 2)
    workers = [int(file.name) for file in folder.iterdir()]
    assert all(map(_lives, workers))
    parent.send_signal(number)
    assert parent.wait(30) == -number
    _until(lambda: not any(map(_lives, workers)))


def _until(happens: Callable[[], bool]) -> None:
    end = time.monotonic() + 60
    while not happens():
        assert time.monotonic() < end
        time.sleep(0.05)


def _lives(process: int) -> bool:
    """Whether it is there, and not a corpse that nobody has fetched yet."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_a_script_from_a_pipe_is_told_that_its_workers_cannot_read_it() -> None:
    script = "from allograph.execution import ordered_map\nprint(list(ordered_map(max, 1, [2, 3], 2)))\n"
    for name in ("-", "/dev/stdin"):
        done = subprocess.run([sys.executable, name], input=script, capture_output=True, text=True, timeout=60, env=environment())
        assert "the calling script came from" in done.stderr
        assert done.returncode == 1
