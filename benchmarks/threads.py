"""Threads: read, correct and read, as it comes and with every library held to one thread, on a quiet and on a loaded machine.

Each figure is from a process of its own. The load is two more processes that multiply large matrices, for as long as it takes.
"""

from __future__ import annotations

import contextlib
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping

from outcomes import note
from timing import seconds, show

KNOWN, ROUNDS = 400, 200
LOAD, LONGEST = 2, 300
"""Processes, and the seconds after which each ends by itself."""
VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "BLIS_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")
BUSY = f"""
import time
import numpy as np
matrix, end = np.ones((1500, 1500)), time.monotonic() + {LONGEST}
while time.monotonic() < end:
    matrix @ matrix
"""


def main() -> None:
    if sys.argv[1:] == ["measure"]:
        print(measured())
        return
    rows = []
    for name, load in (("quiet", 0), (f"beside {LOAD} busy processes", LOAD)):
        with busy(load):
            times: dict[str, list[float]] = {"free": [], "held": []}
            for _ in range(3):
                times["free"].append(in_a_process({}))
                times["held"].append(in_a_process(dict.fromkeys(VARIABLES, "1")))
        free, held = (statistics.median(found) for found in times.values())
        note(f"read, correct, read, {name}: as it comes / one thread", free / held, 1.1)
        rows.append((name, f"{1e3 * free:.1f}", f"{1e3 * held:.1f}", f"{free / held:.2f} ×"))
    show(
        f"Read, correct, read after {KNOWN} corrections, medians of {ROUNDS} rounds, of three processes in turn (target: 1.1 ×)",
        ("machine", "as it comes, ms", "one thread, ms", "ratio"),
        rows,
    )


def in_a_process(settings: Mapping[str, str]) -> float:
    """Seconds of one round in a process with these variables, and none other that says anything of threads."""
    kept = {name: value for name, value in os.environ.items() if name not in VARIABLES}
    command = [sys.executable, __file__, "measure"]
    done = subprocess.run(command, env={**kept, **settings}, capture_output=True, text=True, check=True, timeout=LONGEST)
    return float(done.stdout)


@contextlib.contextmanager
def busy(count: int) -> Iterator[None]:
    """So many processes that are busy with large products, on all the threads that their library takes."""
    kept = {name: value for name, value in os.environ.items() if name not in VARIABLES}
    load = [subprocess.Popen([sys.executable, "-c", BUSY], env=kept) for _ in range(count)]
    try:
        time.sleep(1 if load else 0)
        yield
    finally:
        for process in load:
            process.kill()
            process.wait()


def measured() -> float:
    """Seconds of one round, the median, in this process."""
    import numpy as np

    from allograph import Recognizer, Writer

    recognizer = Recognizer(threads=1 if os.environ.get(VARIABLES[0]) == "1" else None)
    styles = recognizer.bundle.styles
    assert styles is not None
    random = np.random.default_rng(0)
    writer = Writer("ana", recognizer)
    known = random.integers(0, len(styles), KNOWN).tolist()
    readings = writer.read([styles.medoids[i] for i in known])
    writer.correct(readings, [recognizer.alphabet[styles.labels[i]] for i in known])
    places = iter(random.integers(0, len(styles), ROUNDS + 5).tolist())

    def turn() -> None:
        place = next(places)
        image = styles.medoids[place]
        writer.correct(writer.read(image), recognizer.alphabet[styles.labels[place]])
        writer.read(image)

    for _ in range(5):
        turn()
    return statistics.median(seconds(turn) for _ in range(ROUNDS))


if __name__ == "__main__":
    main()
