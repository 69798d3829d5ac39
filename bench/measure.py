"""Time and CPU of a piece of work, per process."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass

import psutil
import psycopg

from bench.http_client import Answer
from bench.rig import Rig

_LONGEST_SECONDS = 300.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """`cpu_ms_each` by process: user + system per job or request. `p50_ms` and `p99_ms` where single answers were
    timed."""

    scenario: str
    count: int
    seconds: float
    cpu_ms_each: dict[str, float]
    p50_ms: float | None = None
    p99_ms: float | None = None
    note: str = ""

    @property
    def per_second(self) -> float:
        return self.count / self.seconds


def measure(scenario: str, jobs: int, rig: Rig, submit: Callable[[], object]) -> Measured:
    """`submit` hands in the jobs; the time runs until none of them is live any more."""
    before, began = _cpu_seconds(rig.pids), time.monotonic()
    submit()
    _wait_until_all_ended(rig.postgres.url())
    seconds = time.monotonic() - began
    return Measured(
        scenario=scenario, count=jobs, seconds=seconds, cpu_ms_each=_spent(rig, before, jobs)
    )


def measure_answers(scenario: str, rig: Rig, ask: Callable[[], Sequence[Answer]]) -> Measured:
    before, began = _cpu_seconds(rig.pids), time.monotonic()
    times = sorted(answer.seconds for answer in ask())
    seconds, count = time.monotonic() - began, len(times)
    return Measured(
        scenario=scenario,
        count=count,
        seconds=seconds,
        cpu_ms_each=_spent(rig, before, count),
        p50_ms=times[count // 2] * 1_000,
        p99_ms=times[count * 99 // 100] * 1_000,
    )


def _spent(rig: Rig, before: dict[str, float], count: int) -> dict[str, float]:
    after = _cpu_seconds(rig.pids)
    return {name: (after[name] - before[name]) / count * 1_000 for name in before}


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
