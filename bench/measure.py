"""Time and CPU from the first submit to the last end, per process."""

import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass

import psutil
import psycopg

_LONGEST_SECONDS = 300.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """`cpu_ms_per_job` by process: user + system."""

    scenario: str
    jobs: int
    seconds: float
    cpu_ms_per_job: dict[str, float]

    @property
    def jobs_per_second(self) -> float:
        return self.jobs / self.seconds


def measure(
    scenario: str, jobs: int, database_url: str, pids: dict[str, int], submit: Callable[[], None]
) -> Measured:
    """`submit` hands in the jobs; the time runs until none of them is live any more."""
    before, began = _cpu_seconds(pids), time.monotonic()
    submit()
    _wait_until_all_ended(database_url)
    seconds, after = time.monotonic() - began, _cpu_seconds(pids)
    spent = {name: (after[name] - before[name]) / jobs * 1_000 for name in pids}
    return Measured(scenario=scenario, jobs=jobs, seconds=seconds, cpu_ms_per_job=spent)


def _wait_until_all_ended(database_url: str) -> None:
    deadline = time.monotonic() + _LONGEST_SECONDS
    with psycopg.connect(database_url, autocommit=True) as connection:
        while connection.execute("SELECT EXISTS (SELECT FROM live_jobs)").fetchone() != (False,):
            if time.monotonic() > deadline:
                raise TimeoutError(f"jobs are left after {_LONGEST_SECONDS:.0f} s")
            time.sleep(0.05)


def _cpu_seconds(pids: dict[str, int]) -> dict[str, float]:
    return {name: sum(_of_tree(pid)) for name, pid in pids.items()}


def _of_tree(pid: int) -> Iterator[float]:
    process = psutil.Process(pid)
    for each in (process, *process.children(recursive=True)):
        with suppress(psutil.NoSuchProcess):
            times = each.cpu_times()
            yield times.user + times.system
