"""Does a job cost more than it did? Two checkouts side by side, measured in turn."""

import re
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from contextlib import ExitStack

from bench.checkout import THIS_CHECKOUT, checked_out
from bench.comparison import Costs, Difference, differences
from bench.figures import Figure
from bench.load_generator import BATCH
from bench.rig import Rig, Shape, running
from bench.span import CPU, GENERATOR, SUM
from bench.throughput import measure_batches, measure_single_posts, warm_up

_SECONDS = 50
_FEWEST_ROUNDS = 3
_SINGLY_SECONDS = 1
_BATCHES_SECONDS = 1.5
_FEWEST_JOBS = 3_000
_BATCHES_LIMIT = 20_000


def smoke(commit: str) -> dict[str, list[Difference]]:
    """By kind of load. As many rounds as fit into a minute, three at least."""
    began, slowest, costs = time.monotonic(), 0.0, defaultdict[str, list[list[Costs]]](list)
    with ExitStack() as stack:
        checkouts = stack.enter_context(checked_out(commit)), THIS_CHECKOUT
        rigs = [stack.enter_context(running(Shape(), checkout)) for checkout in checkouts]
        loads = _loads(rigs)
        for number in range(1, 100):
            round_began = time.monotonic()
            for load, measure in loads.items():
                costs[load].append(_in_turn(rigs, measure, backwards=number % 2 == 0))
            slowest = max(slowest, time.monotonic() - round_began)
            print(f"round {number}", flush=True)
            if number >= _FEWEST_ROUNDS and time.monotonic() - began + slowest > _SECONDS:
                break
    return {load: differences(*zip(*rounds, strict=True)) for load, rounds in costs.items()}


def _loads(rigs: Sequence[Rig]) -> dict[str, Callable[[Rig], list[Figure]]]:
    """As many jobs in batches as the slower of both runs in some time."""
    for rig in rigs:
        warm_up(rig)
    rate = min(measure_batches(rig, BATCH)[0].value for rig in rigs)
    jobs = min(_BATCHES_LIMIT, max(_FEWEST_JOBS, int(rate * _BATCHES_SECONDS) // BATCH * BATCH))
    return {
        f"{jobs:,} jobs in batches": lambda rig: measure_batches(rig, jobs),
        "one POST each": lambda rig: measure_single_posts(rig, _SINGLY_SECONDS),
    }


def _in_turn(
    rigs: Sequence[Rig], measure: Callable[[Rig], list[Figure]], *, backwards: bool
) -> list[Costs]:
    """In the order of `rigs`, whichever goes first."""
    order = reversed(range(len(rigs))) if backwards else range(len(rigs))
    costs = {index: costs_of(measure(rigs[index])) for index in order}
    return [costs[index] for index in range(len(rigs))]


def costs_of(figures: Sequence[Figure]) -> Costs:
    """By kind of process: how the work is spread over several of a kind is chance."""
    costs = defaultdict[str, float](float)
    for figure in figures:
        if figure.group == CPU and figure.name not in (SUM, GENERATOR):
            costs[re.sub(r" \d+", "", figure.name)] += figure.value
    return costs
