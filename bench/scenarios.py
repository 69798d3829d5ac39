"""What can be measured."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from bench.crash import crash
from bench.figures import Figure
from bench.idle import idle
from bench.latency import latency
from bench.rest import rest
from bench.rig import Rig, Shape
from bench.throughput import batches, drain, single_posts
from bench.waiting import wait


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """`amount`: jobs or seconds, as `unit` says; 0 where it is fixed. `run` gets it and a rig without workers."""

    about: str
    run: Callable[[Rig, int], list[Figure]]
    amount: int = 0
    unit: str = ""
    shape: Shape = field(default_factory=Shape)


SCENARIOS: Mapping[str, Scenario] = {
    "T1": Scenario(
        about="end to end, POST /v1/jobs/batch, 1,000 a call",
        run=batches,
        amount=20_000,
        unit="jobs",
    ),
    "T1d": Scenario(
        about="drain of what waits when the workers start", run=drain, amount=50_000, unit="jobs"
    ),
    "T2": Scenario(
        about="end to end, one POST each over 32 keep-alive connections",
        run=single_posts,
        amount=5,
        unit="s",
    ),
    "T3": Scenario(
        about="from the intended time of a request to the start of its job, at 100 jobs/s",
        run=latency,
        amount=20,
        unit="s",
    ),
    "T6": Scenario(about="the stack with nothing to do", run=idle, amount=60, unit="s"),
    "T9": Scenario(
        about="200 naps of 0.5 s, the worker killed in the middle; its lease lasts 30 s",
        run=crash,
        shape=Shape(workers=1, concurrency=10),
    ),
    "rest": Scenario(about="the calls that clients make most", run=rest),
    "wait": Scenario(about="clients that wait for the end of their jobs", run=wait),
}
