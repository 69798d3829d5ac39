"""Rounds of recoveries: their median and their worst."""

import time
from collections.abc import Sequence
from statistics import median
from uuid import uuid4

import pytest
from tests.chaos.cluster import LEASE_SECONDS, Cluster, kill_tree
from tests.chaos.fault_proxy import Mode
from tests.chaos.jobs import Jobs, check_invariants, tell, wait_until
from tests.chaos.outages.faults import (
    LOST_WITHIN,
    fill_both_workers,
    longest_pause,
    seconds_until_run_again,
    under_way,
)

pytestmark = pytest.mark.soak
_ROUNDS = 10
_STORE_LOST_WITHIN = 3.0


def _tell(what: str, seconds: Sequence[float]) -> None:
    tell(f"{what}, {len(seconds)} rounds: median {median(seconds):.2f} s, ")
    tell(f"worst {max(seconds):.2f} s")


def _round(cluster: Cluster, jobs: Jobs) -> Jobs:
    cluster.wait_until_ready()
    return Jobs(cluster, jobs.ledger.with_name(uuid4().hex))


def _let_pass(cluster: Cluster, seconds: float) -> None:
    until = time.time() + seconds
    wait_until(lambda: time.time() > until, seconds + 2, cluster)


def test_every_time_a_worker_vanishes_its_jobs_run_soon(cluster: Cluster, jobs: Jobs) -> None:
    took = []
    for number in range(_ROUNDS):
        jobs, worker = _round(cluster, jobs), number % 2
        lost = fill_both_workers(cluster, jobs, 25, seconds=1.0)[worker]
        killed_at = time.time()
        kill_tree(cluster.workers[worker])
        took.append(seconds_until_run_again(lost, killed_at, jobs, cluster))
        cluster.start(cluster.workers[worker])
        check_invariants(jobs)
    _tell("worker lost", took)
    assert max(took) <= LOST_WITHIN


def test_every_time_a_store_dies_work_goes_on_soon(cluster: Cluster, jobs: Jobs) -> None:
    took = []
    for number in range(_ROUNDS):
        jobs, store = _round(cluster, jobs), cluster.stores[number % 2]
        with jobs.stream():
            under_way(jobs, cluster)
            killed_at = time.time()
            kill_tree(store)
            _let_pass(cluster, _STORE_LOST_WITHIN)
            under_way(jobs, cluster)
        took.append(longest_pause(jobs, since=killed_at))
        assert set(jobs.answers) <= {201, 503}
        cluster.start(store)
        check_invariants(jobs)
    _tell("store lost", took)
    assert max(took) <= _STORE_LOST_WITHIN


def test_a_database_that_the_stores_cannot_reach_for_three_leases_costs_no_running_job(
    cluster: Cluster, jobs: Jobs
) -> None:
    outage = 3 * LEASE_SECONDS
    during, after = jobs.submit_many(6, outage / 2), jobs.submit_many(6, outage + 2)
    wait_until(lambda: {*during, *after} <= jobs.started(), 5.0, cluster)

    cluster.database_proxy.set(Mode.REFUSE)
    cluster.database_proxy.cut()
    _let_pass(cluster, outage)
    cluster.database_proxy.set(Mode.PASS)

    check_invariants(jobs)
    found = jobs.all().values()
    tell(f"PostgreSQL unreachable: {[(job['losses'], job['interruptions']) for job in found]}")
    assert {(job["losses"], job["attempt"]) for job in found} == {(0, 1)}
