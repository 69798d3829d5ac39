"""How long recovery takes: ten rounds of each fault, whose median and worst are told (`make soak`)."""

import os
import signal
import socket
import time
from collections.abc import Callable
from random import uniform
from statistics import median

import pytest
from tests.chaos.cluster import LEASE_SECONDS, Cluster, kill_tree
from tests.chaos.jobs import Jobs, check_invariants, tell, wait_until
from tests.chaos.outages.faults import (
    LOST_WITHIN,
    fill_both_workers,
    first_start_after,
    kill_now,
    longest_pause,
    seconds_until_run_again,
    under_way,
)
from tests.e2e.processes import ServiceProcess

from treadle_local.postgres_server import PostgresServer

pytestmark = pytest.mark.soak

_ROUNDS = 10
_STOPS = 200
_SOON = 0.02
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
        took = seconds_until_run_again(lost, kill_now(cluster, jobs, 0), jobs, cluster)
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
        wait_until(lambda: time.time() > killed_at + 3.0, 5.0, cluster)
        under_way(jobs, cluster)
        cluster.start(cluster.stores[0])
        return longest_pause(jobs, since=killed_at)

    with jobs.stream():
        _, worst = _measured("store killed, second store there", one_round)

    assert worst <= 2.0
    assert set(jobs.answers) <= {201, 503}
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
    assert set(jobs.answers) <= {201, 503}
    check_invariants(jobs)


def test_two_hundred_stops_right_at_a_submit_lose_and_delay_nothing(
    cluster: Cluster, jobs: Jobs
) -> None:
    """Each of the two workers in turn, while the other is there."""
    slowest = 0.0
    for number in range(_STOPS):
        stopped = cluster.workers[number % 2]
        submitted_at = time.time()
        job_id = jobs.submit(api=number % 2)
        time.sleep(uniform(0.0, _SOON))
        os.kill(stopped.pid, signal.SIGTERM)

        wait_until(lambda: len(jobs.runs("end")) == len(jobs.ids), 3.0, cluster)
        last = jobs.runs("end")[-1]
        assert last.job_id == job_id
        slowest = max(slowest, last.at - submitted_at)
        assert stopped.terminate() == 0
        cluster.start(stopped)
        cluster.wait_until_ready()
    tell(f"{_STOPS} stops at a submit: the slowest job ended after {slowest:.2f} s")
    check_invariants(jobs)
    assert {job["losses"] for job in jobs.all().values()} == {0}
