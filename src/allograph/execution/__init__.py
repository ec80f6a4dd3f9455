"""Where long work runs: one ordered map, over this process, over several processes here, or over a cluster's workers.

`ordered_map(function, shared, tasks, jobs)` yields the results in the order of the tasks, with only a few of them in memory;
`Workers` keeps the workers from one list of tasks to the next. What the results are does not depend on who computes them.
"""

from allograph.execution.place import wanted, worker_name
from allograph.execution.processes import uninterrupted
from allograph.execution.workers import Jobs, Workers, available_cores, is_here, is_on_this_machine, ordered_map

__all__ = [
    "Jobs",
    "Workers",
    "available_cores",
    "is_here",
    "is_on_this_machine",
    "ordered_map",
    "uninterrupted",
    "wanted",
    "worker_name",
]
