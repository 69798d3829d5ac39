"""PostgreSQL goes away and comes back, under load and under running jobs."""

import time
from collections.abc import Callable

import pytest
from tests.chaos.cluster import LEASE_SECONDS, Cluster, end_connections
from tests.chaos.fault_proxy import Mode
from tests.chaos.faults import first_start_after, let_pass, longest_pause, under_way
from tests.chaos.jobs import Jobs, check_invariants, wait_until

from treadle_local.postgres_server import PostgresServer

_BACK_WITHIN = 3.0


@pytest.mark.parametrize("is_crash", [False, True], ids=["fast shutdown", "crash"])
def test_postgresql_restarts_under_load_and_work_goes_on_soon_after(
    cluster: Cluster, jobs: Jobs, postgres: PostgresServer, is_crash: bool
) -> None:
    with jobs.stream():
        under_way(jobs, cluster)

        if is_crash:
            postgres.kill()
        else:
            postgres.stop()
        postgres.start()
        recovery = first_start_after(jobs, time.time(), cluster, _BACK_WITHIN)

        under_way(jobs, cluster)
    jobs.recoveries["PostgreSQL crashed" if is_crash else "PostgreSQL restarted"].append(recovery)
    check_invariants(jobs)
    assert _charged(jobs) == {(0, 1)}


@pytest.mark.parametrize("leases", [1.3, pytest.param(3, marks=pytest.mark.soak)])
def test_an_outage_longer_than_the_lease_fails_no_running_job(
    cluster: Cluster, jobs: Jobs, postgres: PostgresServer, leases: float
) -> None:
    _outage_under_running_jobs(
        cluster, jobs, postgres.stop, postgres.start, seconds=leases * LEASE_SECONDS
    )


@pytest.mark.soak
def test_a_network_that_refuses_for_three_leases_fails_no_running_job(
    cluster: Cluster, jobs: Jobs
) -> None:
    proxy = cluster.database_proxy

    def part() -> None:
        proxy.set(Mode.REFUSE)
        proxy.cut()

    _outage_under_running_jobs(cluster, jobs, part, proxy.heal, seconds=3 * LEASE_SECONDS)


def _outage_under_running_jobs(
    cluster: Cluster,
    jobs: Jobs,
    begin: Callable[[], None],
    end: Callable[[], None],
    seconds: float,
) -> None:
    """Half of the jobs end while PostgreSQL is away. The others are given back when their workers have not been heard
    for most of a lease: nobody can know then who else may have got them."""
    quick = set(jobs.submit_many(6, LEASE_SECONDS / 3))
    long = set(jobs.submit_many(6, seconds + 1))
    wait_until(lambda: quick | long <= jobs.started(), 5.0, cluster)

    begin()
    let_pass(seconds, cluster)
    assert jobs.submit() is None
    end()

    check_invariants(jobs)
    assert jobs.answers == {201: 12, 503: 1}
    assert _charged(jobs) == {(0, 1)}
    assert {job["fence"] for job_id, job in jobs.all().items() if job_id in quick} == {1}


def test_when_all_connections_to_postgresql_end_what_was_acknowledged_still_runs(
    cluster: Cluster, jobs: Jobs
) -> None:
    with jobs.stream():
        under_way(jobs, cluster)
        end_connections(cluster.database_url)
        ended_at = time.time()
        under_way(jobs, cluster)
        under_way(jobs, cluster)
    pause = longest_pause(jobs, since=ended_at)
    jobs.recoveries["connections to PostgreSQL ended"].append(pause)

    assert pause <= _BACK_WITHIN
    check_invariants(jobs)


def test_connections_to_postgresql_that_fall_silent_are_left(cluster: Cluster, jobs: Jobs) -> None:
    with jobs.stream():
        under_way(jobs, cluster)

        cluster.database_proxy.half_open()
        silent_at = time.time()
        let_pass(2.0, cluster)

        under_way(jobs, cluster)
    pause = longest_pause(jobs, since=silent_at)
    jobs.recoveries["connections to PostgreSQL fell silent"].append(pause)
    assert cluster.database_proxy.vanished_bytes > 0
    check_invariants(jobs)


def _charged(jobs: Jobs) -> set[tuple[int, int]]:
    """Losses and attempts of all jobs."""
    return {(job["losses"], job["attempt"]) for job in jobs.all().values()}
