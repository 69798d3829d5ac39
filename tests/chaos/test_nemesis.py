"""Everything at once: a client that asks for much, a nemesis that breaks what it can, a judge who saw it all.

make chaos SEED=1 DURATION=300
make chaos DURATION=60 FAULTS='worker . (is frozen|loses)'

What is broken: nemesis.py. What is asked: kinds.py, client.py. What then runs: handlers.py. What is judged: judge*.py.
"""

import re
from collections.abc import Callable
from contextlib import nullcontext
from itertools import islice
from pathlib import Path
from random import Random

import pytest
from tests.chaos.chaos_run import ChaosRun, new_client, report
from tests.chaos.cluster import Cluster
from tests.chaos.judge import violations
from tests.chaos.kinds import KINDS, QUICK
from tests.chaos.nemesis import Fault, Nemesis, rounds

from treadle_local.postgres_server import PostgresServer

_FEW = (
    "Redis forgets|ends all connections|(api 0|store 1) is killed|0 loses its super|1 .* stop twice"
)
"""What is recovered from in seconds."""
_FEW_SECONDS = 6.0
_LONG, _SHORT = 8.0, 0.5
"""Seconds of the longest fault."""


def test_whatever_breaks_every_promise_is_kept(
    whole: Cluster, postgres: PostgresServer, tmp_path: Path, pytestconfig: pytest.Config
) -> None:
    seed = pytestconfig.getoption("seed") or 1
    seconds = pytestconfig.getoption("duration")
    say = _terminal(pytestconfig) if seconds else _nobody
    nemesis, chance = Nemesis(whole, postgres, say), Random(seed)
    pattern = pytestconfig.getoption("faults") if seconds else _FEW
    faults = [fault for fault in nemesis.faults() if re.search(pattern, str(fault))]
    planned = islice(rounds(faults, chance, _LONG if seconds else _SHORT), 1_000)
    client = new_client(whole, tmp_path, chance, KINDS if seconds else QUICK)
    run = ChaosRun(cluster=whole, nemesis=nemesis, client=client, folder=tmp_path)

    say(f"seed {seed}, {seconds} s")
    history = run(list(planned), seconds or _FEW_SECONDS)

    found = violations(history)
    for line in (*report(history, nemesis), f"{len(found)} violations", *found):
        say(line)
    assert found == [], "" if seconds else whole.log()


def test_a_seed_makes_one_schedule_and_no_fault_is_left_out_of_it() -> None:
    faults = [Fault(target=str(n % 3), name=str(n), order=0, during=nullcontext) for n in range(12)]

    once, again, other = (list(islice(rounds(faults, Random(seed)), 12)) for seed in (7, 7, 8))

    assert once == again != other
    assert {fault for planned in once for fault in planned.faults} == set(faults)


def _terminal(config: pytest.Config) -> Callable[[str], None]:
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    assert reporter is not None
    write: Callable[[str], None] = reporter.write_line
    return write


def _nobody(_: str) -> None:
    pass
