"""PostgreSQL goes away and comes back, under load and under running jobs."""

import time

import pytest
from tests.chaos.cluster import LEASE_SECONDS, Cluster
from tests.chaos.jobs import Jobs, check_invariants, tell, wait_until
from tests.chaos.outages.faults import first_start_after, longest_pause, under_way

from treadle_local.postgres_server import PostgresServer

_ACCEPTED_OR_REFUSED = {201, 503}


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
        back_at = time.time()

        recovery = first_start_after(jobs, back_at, cluster, within=3.0)
        under_way(jobs, cluster)
    tell(f"PostgreSQL restarted: a job started {recovery:.2f} s later, {dict(jobs.answers)}")
    assert recovery <= 3.0
    assert set(jobs.answers) <= _ACCEPTED_OR_REFUSED
    check_invariants(jobs)
    assert _charged(jobs) == {(0, 1)}


def test_an_outage_longer_than_the_lease_fails_no_running_job(
    cluster: Cluster, jobs: Jobs, postgres: PostgresServer
) -> None:
    _outage_under_running_jobs(cluster, jobs, postgres, seconds=1.3 * LEASE_SECONDS)


@pytest.mark.soak
def test_an_outage_of_three_leases_fails_no_running_job(
    cluster: Cluster, jobs: Jobs, postgres: PostgresServer
) -> None:
    _outage_under_running_jobs(cluster, jobs, postgres, seconds=3 * LEASE_SECONDS)


def _outage_under_running_jobs(
    cluster: Cluster, jobs: Jobs, postgres: PostgresServer, seconds: float
) -> None:
    """Half of the jobs end while PostgreSQL is away, half after it."""
    half = set(jobs.submit_many(6, seconds / 2)) | set(jobs.submit_many(6, seconds + 1))
    wait_until(lambda: half <= jobs.started(), 5.0, cluster)

    postgres.stop()
    stopped_at = time.time()
    wait_until(lambda: time.time() > stopped_at + seconds, seconds + 1, cluster)
    assert jobs.submit() is None
    postgres.start()

    check_invariants(jobs)
    assert jobs.answers == {201: 12, 503: 1}
    assert _charged(jobs) == {(0, 1)}
    assert {job["fence"] for job in jobs.all().values()} == {1}


@pytest.mark.soak
def test_connections_to_postgresql_that_fall_silent_are_left(cluster: Cluster, jobs: Jobs) -> None:
    with jobs.stream():
        under_way(jobs, cluster)

        cluster.database_proxy.half_open()
        silent_at = time.time()
        wait_until(lambda: time.time() > silent_at + 2.0, 3.0, cluster)

        under_way(jobs, cluster, within_seconds=15.0)
    pause = longest_pause(jobs, since=silent_at)
    tell(f"silent PostgreSQL: {pause:.2f} s without a start, answers {dict(jobs.answers)}")
    assert cluster.database_proxy.vanished_bytes > 0
    assert set(jobs.answers) <= _ACCEPTED_OR_REFUSED
    check_invariants(jobs)


def _charged(jobs: Jobs) -> set[tuple[int, int]]:
    """Losses and attempts of all jobs."""
    return {(job["losses"], job["attempt"]) for job in jobs.all().values()}
