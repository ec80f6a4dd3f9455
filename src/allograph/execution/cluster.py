"""A Dask cluster's workers: those of a scheduler that runs somewhere, or some that are begun here and end with the work."""

from __future__ import annotations

import asyncio
import logging
import os
import pickle
import signal
import tempfile
import threading
import time
import uuid
from collections.abc import Callable
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from contextlib import ExitStack, chdir, nullcontext, suppress
from multiprocessing import resource_tracker
from pkgutil import resolve_name
from typing import Any, TypeVar

from allograph.errors import AllographError, InputError, WorkerError, missing_extra
from allograph.execution.place import set_wanted, set_worker_name, thread_limits, worker_name

try:
    import cloudpickle  # as pickle, and classes of the calling script too
    import dask
    from distributed import Client, KilledWorker, LocalCluster, Worker, WorkerPlugin
except ImportError as error:  # pragma: no cover
    raise missing_extra("distributed", "cluster") from error

Task = TypeVar("Task")
Result = TypeVar("Result")

LOCAL = "local:"
"""What stands before the number of workers that are begun here."""
MOST_A_CORE = 16
"""Workers that may be begun here for each core."""
VERSIONS = ("allograph", "numpy", "onnxruntime")
"""The packages that must be the same everywhere: other releases may give other digits."""
PATIENCE = 10.0
"""Seconds after which the scheduler is asked whether there are workers still, and for which it is waited for at first."""
ABSENCE = 60.0
"""Seconds without any worker after which no more is hoped for."""

_equipped: dict[str, _Equipment] = {}
"""In a worker: what it has of each client."""
_one_task = threading.Lock()  # it may be taken in one thread and left in another


class Cluster:
    """A crew (`execution.workers`) of Dask workers: `address` is a scheduler's, or `local:N` for N workers on this machine.

    A task whose worker was lost is done again by another. Raises `InputError` where no scheduler answers or it has no worker,
    `WorkerError` where a worker has another release of allograph, NumPy or onnxruntime.
    """

    def __init__(self, address: str, shared: Any) -> None:
        self._address = address
        self._equipment = _Equipment(uuid.uuid4().hex, cloudpickle.dumps(shared), installed())
        self._sized = 0.0
        with ExitStack() as ends:
            self._client = ends.enter_context(_client(address, ends))
            self._await_workers()
            self._check_versions()
            self._client.register_plugin(self._equipment, name=self._equipment.key)
            ends.callback(self._unequip)
            self._tasks = self._client.get_executor(pure=False)
            self._ends = ends.pop_all()

    def size(self) -> int:
        """How many workers there are."""
        if time.monotonic() - self._sized > PATIENCE:
            self._sized, self._size = time.monotonic(), max(1, len(self._client.nthreads()))
        return self._size

    def submit(self, function: Callable[[Any, Task], Result], task: Task) -> Future[Result]:
        """Begin `function(shared, task)`."""
        return self._tasks.submit(
            _call, self._equipment.key, cloudpickle.dumps((function, task))
        )  # the scheduler does not look inside

    def result(self, future: Future[Result]) -> Result:
        """Wait for a result; raises the task's own error, and `WorkerError` where the cluster failed."""
        alone_since = None
        while True:
            try:
                return future.result(PATIENCE)
            except (TimeoutError, CancelledError) as error:
                if future.done() and not future.cancelled():  # it is the task's own
                    raise
                alone_since = None if self._workers() else alone_since or time.monotonic()
                if alone_since and time.monotonic() - alone_since > ABSENCE:
                    raise WorkerError(
                        f"the cluster {self._address} has had no worker for {ABSENCE:.0f} seconds; start some, and try again"
                    ) from error
                if future.cancelled():
                    raise WorkerError(f"the cluster {self._address} dropped the work; try again") from error
            except KilledWorker as error:
                raise WorkerError(
                    f"several workers of {self._address} died over the same task, perhaps for want of memory: the last was "
                    f"{error.last_worker.address}"
                ) from error
            except AllographError:
                raise
            except Exception:
                self._check_versions()  # a worker that came later, of another release, may fail in any way
                raise

    def close(self) -> None:
        """Drop what is not done, and end what was begun here."""
        self._tasks.shutdown(wait=False)
        self._ends.close()

    def _unequip(self) -> None:
        with suppress(Exception):  # the scheduler or a worker may have gone
            self._client.unregister_worker_plugin(self._equipment.key)

    def _workers(self) -> int:
        try:
            return len(self._client.nthreads())
        except Exception as error:  # whatever a broken connection raises
            raise WorkerError(f"the scheduler of {self._address} no longer answers; start it, and try again") from error

    def _await_workers(self) -> None:
        try:
            self._client.wait_for_workers(1, timeout=PATIENCE)
        except TimeoutError:
            raise InputError(
                f"the scheduler {self._address} has no worker; start some: dask worker {self._address} --nthreads 1"
            ) from None

    def _check_versions(self) -> None:
        """Raise `WorkerError` unless scheduler and workers have the releases that are here; none is needed there to ask that."""
        try:
            there: object = self._client.run_on_scheduler(resolve_name, "allograph:__version__")
        except ImportError as error:
            there = error
        if there != self._equipment.versions["allograph"]:
            raise _other_version(f"scheduler {self._address}", "allograph", there, self._equipment.versions["allograph"])
        for package, here in self._equipment.versions.items():
            found = self._client.run(resolve_name, f"{package}:__version__", on_error="return")
            for worker, there in found.items():
                if there != here:
                    raise _other_version(f"worker {worker}", package, there, here)


def installed() -> dict[str, str]:
    """The release of each of `VERSIONS`."""
    return {name: str(resolve_name(f"{name}:__version__")) for name in VERSIONS}


class _Equipment(WorkerPlugin):
    """What each worker has before its first task, also one that comes later: `shared`, and the releases that are meant."""

    def __init__(self, key: str, pickled: bytes, versions: dict[str, str]) -> None:
        self.key = key
        self.pickled = pickled
        self.versions = versions
        self.folder = os.getcwd()

    def setup(self, worker: Worker) -> None:
        set_worker_name(worker.address)
        self.address = worker.address
        _equipped[self.key] = self

    async def teardown(self, worker: Worker) -> None:
        """Forget it, and wait for the task at hand: what it writes is not to come after all was tidied up."""
        _equipped.pop(self.key, None)
        await asyncio.to_thread(_one_task.acquire)
        _one_task.release()

    def shared(self) -> Any:
        """What all tasks share, unpacked at the first; raises `WorkerError` where this worker has another release."""
        if "_shared" not in self.__dict__:
            for package, there in installed().items():
                if there != self.versions[package]:
                    raise _other_version(f"worker {self.address}", package, there, self.versions[package])
            self._shared = pickle.loads(self.pickled)  # from the client that also says what is to be run
        return self._shared


def _call(key: str, pickled: bytes) -> Any:
    """Do a task, one at a time in a process, in one thread, in the client's folder where there is such a one."""
    with _one_task:
        equipment = _equipped.get(key)
        if equipment is None:
            raise WorkerError(f"the worker {worker_name()} was told to drop this work")
        set_wanted(lambda: key in _equipped)
        with thread_limits()(), chdir(equipment.folder) if os.path.isdir(equipment.folder) else nullcontext():
            shared = equipment.shared()
            function, task = pickle.loads(pickled)
            return function(shared, task)


def _other_version(who: str, package: str, there: object, here: str) -> WorkerError:
    has = f"{package} {there}" if isinstance(there, str) else f"no {package} that can be imported ({there})"
    return WorkerError(f"the {who} has {has}, and {here} is used here; install the same release there")


def _client(address: str, ends: ExitStack) -> Client:
    """A client of the scheduler; for `local:N` of one that `ends` closes."""
    logging.getLogger("distributed").setLevel(logging.CRITICAL)  # what went wrong, an error of ours says
    if address.startswith(LOCAL):
        return Client(_local_cluster(address, ends), set_as_default=False)
    try:
        return Client(address, timeout=PATIENCE, set_as_default=False)
    except (OSError, ValueError) as error:
        raise InputError(f"no scheduler answers at {address} ({error}); start one: dask scheduler") from error


def _local_cluster(address: str, ends: ExitStack) -> LocalCluster:
    """Workers on this machine, which `ends` ends, also where they are being begun still."""
    count, most = address.removeprefix(LOCAL), MOST_A_CORE * (os.cpu_count() or 1)
    if not count.isdecimal() or not int(count):
        raise InputError(f"{address!r} is no cluster; say how many workers are to be begun here, such as local:2")
    if int(count) > most:
        raise InputError(f"{address!r} is too many processes for this machine: {most} is the most; one a core is quickest")
    scratch = ends.enter_context(tempfile.TemporaryDirectory(prefix="allograph-", ignore_cleanup_errors=True))
    ends.enter_context(dask.config.set({"temporary-directory": scratch}))

    def begin() -> LocalCluster:
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})  # what this thread begins inherits it: Ctrl-C is ours to answer
        return LocalCluster(
            n_workers=int(count),
            threads_per_worker=1,
            host="127.0.0.1",
            dashboard_address="127.0.0.1:0",
            local_directory=scratch,
            memory_limit=None,  # a task holds some row groups, and no more
            silence_logs=logging.CRITICAL,
        )

    resource_tracker.ensure_running()  # the first process that is begun would, and let SIGINT through again
    with ThreadPoolExecutor(1) as thread:
        beginning = thread.submit(begin)
        ends.callback(lambda: beginning.result().close())
        return beginning.result()
