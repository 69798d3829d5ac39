"""What can be measured."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from bench.figures import Figure
from bench.rest import rest
from bench.rig import Rig
from bench.throughput import batches, drain, single_posts
from bench.waiting import wait


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """`amount`: jobs or seconds, as `unit` says; 0 where it is fixed. `run` gets it and a rig without workers."""

    about: str
    run: Callable[[Rig, int], list[Figure]]
    amount: int = 0
    unit: str = ""


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
    "rest": Scenario(about="the calls that clients make most", run=rest),
    "wait": Scenario(about="clients that wait for the end of their jobs", run=wait),
}
