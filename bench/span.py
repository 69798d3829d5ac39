"""A piece of work, from its begin to its end: what it cost, per job and process."""

import time
from collections.abc import Iterator

from bench.cpu import fixed_loop_milliseconds, machine_seconds
from bench.figures import Figure
from bench.profiling import SampledProcess
from bench.rig import SAMPLED, Rig

CPU = "CPU µs per job"
SUM = "all of these"
GENERATOR = "(load generator)"
_POSTGRES = "PostgreSQL per job"


class Span:
    """Begins when it is made."""

    def __init__(self, rig: Rig) -> None:
        self._rig = rig
        self._sampled = SampledProcess(rig.sampled_pid()) if rig.profiled in SAMPLED else None
        rig.meter.forget_statements()
        self._work = rig.meter.work()
        self._cpu, self._machine_seconds = rig.cpu_seconds(), machine_seconds()
        self._began = time.monotonic()

    def end(self, jobs: int, generator_seconds: float | None = None) -> list[Figure]:
        """`generator_seconds`: CPU of whoever submitted; it is in no sum."""
        seconds = time.monotonic() - self._began
        spent, work = self._rig.cpu_seconds(), self._rig.meter.work()
        busy = machine_seconds() - self._machine_seconds
        others = busy - (sum(spent.values()) - sum(self._cpu.values())) - (generator_seconds or 0)
        self._tell_profile(jobs)
        return [
            Figure(name="jobs/s", value=jobs / seconds),
            Figure(name="cores that others used", value=max(0.0, others / seconds)),
            Figure(name="ms of CPU for a fixed loop", value=fixed_loop_milliseconds()),
            *self._cpu_figures(spent, jobs),
            *_generator_figure(generator_seconds, jobs),
            *(
                Figure(group=_POSTGRES, name=name, value=(count - self._work[name]) / jobs)
                for name, count in work.items()
            ),
        ]

    def _tell_profile(self, jobs: int) -> None:
        if self._sampled is not None:
            self._rig.profile = self._sampled.told()
        elif self._rig.profiled == "postgres":
            self._rig.profile = list(self._rig.meter.dear_statements(jobs))

    def _cpu_figures(self, spent: dict[str, float], jobs: int) -> Iterator[Figure]:
        micros = {name: (spent[name] - self._cpu[name]) / jobs * 1e6 for name in spent}
        for name, each in (micros | {SUM: sum(micros.values())}).items():
            yield Figure(group=CPU, name=name, value=each)


def _generator_figure(seconds: float | None, jobs: int) -> Iterator[Figure]:
    if seconds is not None:
        yield Figure(group=CPU, name=GENERATOR, value=seconds / jobs * 1e6)
