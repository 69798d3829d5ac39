"""How long recovery takes: ten rounds of each fault, whose median and worst are told (`make soak`)."""

import socket
import time
from collections.abc import Callable
from statistics import median

import pytest
from tests.chaos.cluster import LEASE_SECONDS, Cluster, kill_tree
from tests.chaos.faults import (
    LOST_WITHIN,
    fill_both_workers,
    first_start_after,
    kill_worker,
    let_pass,
    longest_pause,
    seconds_until_run_again,
    under_way,
)
from tests.chaos.jobs import Jobs, check_invariants, tell, wait_until
from tests.e2e.processes import ServiceProcess

from treadle_local.postgres_server import PostgresServer

pytestmark = pytest.mark.soak

_ROUNDS = 10
_BACK_WITHIN = 3.0


def _measured(what: str, one_round: Callable[[], float]) -> tuple[float, float]:
    """Median and worst, in seconds."""
    times = [one_round() for _ in range(_ROUNDS)]
    tell(f"{what}: median {median(times):.2f} s, worst of {_ROUNDS} {max(times):.2f} s")
    return median(times), max(times)


def test_the_jobs_of_a_killed_worker_run_again_within_the_lease_and_a_little(
    cluster: Cluster, jobs: Jobs
) -> None:
    def one_round() -> float:
        lost, _ = fill_both_workers(cluster, jobs, 25, seconds=1.0)
        took = seconds_until_run_again(lost, kill_worker(cluster, 0), jobs, cluster)
        cluster.start(cluster.workers[0])
        cluster.wait_until_ready()
        jobs.wait_until_ended()
        return took

    usual, worst = _measured("worker killed", one_round)

    assert usual <= LEASE_SECONDS + 2.0
    assert worst <= LOST_WITHIN
    check_invariants(jobs)


def test_a_killed_store_whose_twin_lives_stops_nothing_for_long(
    cluster: Cluster, jobs: Jobs
) -> None:
    def one_round() -> float:
        under_way(jobs, cluster)
        killed_at = time.time()
        kill_tree(cluster.stores[0])
        let_pass(3.0, cluster)
        under_way(jobs, cluster)
        cluster.start(cluster.stores[0])
        return longest_pause(jobs, since=killed_at)

    with jobs.stream():
        _, worst = _measured("store killed, second store there", one_round)

    assert worst <= 2.0
    check_invariants(jobs)


def test_both_stores_restarted_are_at_work_soon(cluster: Cluster, jobs: Jobs) -> None:
    def one_round() -> float:
        under_way(jobs, cluster)
        for store in cluster.stores:
            kill_tree(store)
        cluster.start(*cluster.stores)
        wait_until(lambda: all(map(_listens, cluster.stores)), 10.0, cluster)
        return first_start_after(jobs, time.time(), cluster, _BACK_WITHIN)

    with jobs.stream():
        _, worst = _measured("both stores restarted", one_round)

    assert worst <= _BACK_WITHIN
    check_invariants(jobs)


def _listens(store: ServiceProcess) -> bool:
    host, _, port = store.environment["TREADLE_STORE_LISTEN"].partition(":")
    try:
        socket.create_connection((host, int(port)), timeout=1.0).close()
    except OSError:
        return False
    return True


@pytest.mark.parametrize("is_crash", [False, True], ids=["fast shutdown", "crash"])
def test_a_restarted_postgresql_is_at_work_soon(
    cluster: Cluster, jobs: Jobs, postgres: PostgresServer, is_crash: bool
) -> None:
    def one_round() -> float:
        under_way(jobs, cluster)
        if is_crash:
            postgres.kill()
        else:
            postgres.stop()
        postgres.start()
        return first_start_after(jobs, time.time(), cluster, _BACK_WITHIN)

    with jobs.stream():
        _, worst = _measured(f"PostgreSQL restarted (crash: {is_crash})", one_round)

    assert worst <= _BACK_WITHIN
    check_invariants(jobs)
