"""What may happen to a cluster under load: nothing is lost, nothing stale, nothing needs a restart."""

import os
import signal
import time
from itertools import pairwise

import psycopg
import pytest
from tests.chaos.cluster import LEASE_SECONDS, Cluster, freeze, kill_tree, thaw
from tests.chaos.fault_proxy import Mode
from tests.chaos.jobs import Jobs, check_invariants, tell, wait_until
from tests.chaos.outages.flood import flood
from tests.e2e.processes import ServiceProcess

_ACCEPTED_OR_REFUSED = {201, 503}
_NOTICED = LEASE_SECONDS + 3.0
"""A lost job runs again within the lease and three seconds more."""


def _run_by(jobs: Jobs, worker: int) -> set[str]:
    found = jobs.all(state="RUNNING")
    return {job_id for job_id, job in found.items() if job["worker"] == f"worker-{worker}"}


def _fill_both(jobs: Jobs, cluster: Cluster, seconds: float) -> None:
    """At least 5 jobs run by worker 0, and some by worker 1."""
    while len(_run_by(jobs, 0)) < 5 or not _run_by(jobs, 1):
        jobs.submit_many(5, seconds)
        wait_until(lambda: len(jobs.started()) == len(jobs.ids), 5.0, cluster)


def _run_again(jobs: Jobs) -> set[str]:
    return {run.job_id for run in jobs.runs() if run.fence == 2}


def test_the_jobs_of_a_worker_that_vanished_run_elsewhere_and_those_of_others_go_on(
    cluster: Cluster, jobs: Jobs
) -> None:
    _fill_both(jobs, cluster, seconds=3.0)
    killed_at = time.time()
    kill_tree(cluster.workers[0])
    lost, others = _run_by(jobs, 0), _run_by(jobs, 1)

    wait_until(lambda: lost <= _run_again(jobs), _NOTICED, cluster)

    tell(f"worker lost: jobs again after {max(r.at for r in jobs.runs()) - killed_at:.2f} s")
    cluster.start(cluster.workers[0])
    check_invariants(jobs)
    found = jobs.all()
    assert len(lost) >= 5
    assert {found[job_id]["losses"] for job_id in lost} == {1}
    assert {(found[job_id]["losses"], found[job_id]["fence"]) for job_id in others} == {(0, 1)}


def test_a_worker_that_froze_past_its_lease_changes_nothing_and_works_again(
    cluster: Cluster, jobs: Jobs
) -> None:
    _fill_both(jobs, cluster, seconds=1.5)
    freeze(cluster.workers[0])
    frozen = _run_by(jobs, 0)

    wait_until(lambda: frozen <= _run_again(jobs), _NOTICED, cluster)
    thaw(cluster.workers[0])

    check_invariants(jobs)
    found = jobs.all()
    assert {(found[j]["losses"], found[j]["fence"]) for j in frozen} == {(1, 2)}
    assert all(jobs.read(job_id)["result"] == {"fence": 2} for job_id in frozen)

    def works_again() -> bool:
        jobs.submit_many(4, 0.2)
        return bool(_run_by(jobs, 0))

    wait_until(works_again, 10.0, cluster)
    check_invariants(jobs)


def test_a_worker_told_to_stop_right_at_a_submit_loses_and_delays_nothing(
    cluster: Cluster, jobs: Jobs
) -> None:
    _stop_in_turn(cluster, jobs, rounds=2)


@pytest.mark.soak
def test_workers_told_to_stop_right_at_submits_lose_and_delay_nothing_many_times(
    cluster: Cluster, jobs: Jobs
) -> None:
    _stop_in_turn(cluster, jobs, rounds=20)


def _stop_in_turn(cluster: Cluster, jobs: Jobs, *, rounds: int) -> None:
    took = [_stop_at_a_submit(cluster, jobs, cluster.workers[n % 2]) for n in range(rounds)]

    tell(f"slowest of {rounds} stops: {max(took):.2f} s from submit to end")
    check_invariants(jobs)
    assert {job["losses"] for job in jobs.all().values()} == {0}
    assert len(jobs.runs()) == len(jobs.ids)


def _stop_at_a_submit(cluster: Cluster, jobs: Jobs, worker: ServiceProcess) -> float:
    """Seconds until all that was submitted right before and after the signal has ended."""
    cluster.wait_until_ready()
    submitted_at = time.time()
    new = set(jobs.submit_many(4))
    os.kill(worker.pid, signal.SIGTERM)
    new |= set(jobs.submit_many(2))
    wait_until(lambda: new <= _ended(jobs), 3.0, cluster)
    assert worker.terminate() == 0
    cluster.start(worker)
    return max(run.at for run in jobs.runs("end")) - submitted_at


def _ended(jobs: Jobs) -> set[str]:
    return {run.job_id for run in jobs.runs("end")}


def _longest_pause(jobs: Jobs, *, since: float) -> float:
    """Between two ends of jobs."""
    ends = [since, *sorted(run.at for run in jobs.runs("end") if run.at > since)]
    return max(later - earlier for earlier, later in pairwise(ends))


def _under_way(jobs: Jobs, cluster: Cluster) -> None:
    """A stream of submits has begun to flow."""
    goal = len(jobs.runs("end")) + 10
    wait_until(lambda: len(jobs.runs("end")) >= goal, 10.0, cluster)


def test_a_store_that_is_killed_under_load_stops_nothing(cluster: Cluster, jobs: Jobs) -> None:
    with jobs.stream():
        _under_way(jobs, cluster)
        killed_at = time.time()
        kill_tree(cluster.stores[0])
        wait_until(lambda: time.time() > killed_at + 3.0, 5.0, cluster)
        _under_way(jobs, cluster)
    tell(f"store lost: longest pause {_longest_pause(jobs, since=killed_at):.2f} s")
    tell(f"answers {dict(jobs.answers)}")

    assert set(jobs.answers) <= _ACCEPTED_OR_REFUSED
    assert _longest_pause(jobs, since=killed_at) < 3.0
    cluster.start(cluster.stores[0])
    check_invariants(jobs)
    assert {job["losses"] for job in jobs.all().values()} == {0}


def test_when_all_connections_to_postgresql_end_what_was_acknowledged_still_runs(
    cluster: Cluster, jobs: Jobs
) -> None:
    with jobs.stream():
        _under_way(jobs, cluster)
        with psycopg.connect(cluster.database_url, autocommit=True) as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        ended_at = time.time()
        _under_way(jobs, cluster)
        _under_way(jobs, cluster)
    tell(f"backends ended: longest pause {_longest_pause(jobs, since=ended_at):.2f} s")
    tell(f"answers {dict(jobs.answers)}")

    assert set(jobs.answers) <= _ACCEPTED_OR_REFUSED
    check_invariants(jobs)


def test_a_redis_that_forgot_everything_gets_it_again(cluster: Cluster, jobs: Jobs) -> None:
    flood(cluster, jobs, 900, seconds=0.1)
    flood(cluster, jobs, 100, delay_seconds=2.0)
    wait_until(lambda: len(jobs.runs("end")) > 0, 5.0, cluster)
    waiting = cluster.ready_ids()
    cluster.flush_redis()
    flushed_at = time.time()

    check_invariants(jobs)
    pause = _longest_pause(jobs, since=flushed_at)
    tell(f"Redis flushed of {waiting} ids: longest pause {pause:.2f} s")
    assert waiting > 500
    assert pause < 3.5
    assert {job["losses"] for job in jobs.all().values()} == {0}


def test_a_redis_that_starts_again_empty_needs_no_restart_of_ours(
    cluster: Cluster, jobs: Jobs
) -> None:
    _occupy_all(jobs, cluster, seconds=1.0)
    jobs.submit_many(100)
    cluster.valkey.kill()
    died_at = time.time()
    cluster.valkey.start()
    back_at = time.time()
    jobs.submit_many(20)

    check_invariants(jobs)
    tell(f"Redis restarted in {back_at - died_at:.2f} s")
    tell(f"longest pause {_longest_pause(jobs, since=died_at):.2f} s")
    assert _longest_pause(jobs, since=back_at) < 3.5
    assert set(jobs.answers) == {201}


def test_a_redis_that_stays_silent_for_a_while_stops_nothing_for_good(
    cluster: Cluster, jobs: Jobs
) -> None:
    with jobs.stream():
        _under_way(jobs, cluster)
        cluster.redis_proxy.set(Mode.BLACKHOLE)
        silent_at = time.time()
        wait_until(lambda: time.time() > silent_at + 3.0, 5.0, cluster)
        cluster.redis_proxy.set(Mode.PASS)
        heard_at = time.time()
        _under_way(jobs, cluster)
    tell(f"Redis silent: first end {min(_ends_after(jobs, heard_at)) - heard_at:.2f} s later")
    tell(f"answers {dict(jobs.answers)}")

    assert set(jobs.answers) == {201}
    assert cluster.redis_proxy.vanished_bytes > 0
    check_invariants(jobs)
    assert {job["losses"] for job in jobs.all().values()} == {0}


def test_claims_whose_answers_are_lost_leave_no_job_behind(cluster: Cluster, jobs: Jobs) -> None:
    with jobs.stream():
        _under_way(jobs, cluster)
        for proxy in cluster.store_proxies:
            proxy.set(Mode.DROP_REPLIES)
        lost_at = time.time()
        wait_until(lambda: time.time() > lost_at + 2.0, 5.0, cluster)
        unheard = _claimed_by_worker_0(cluster) - jobs.started()
        for proxy in cluster.store_proxies:
            proxy.set(Mode.PASS)
        _under_way(jobs, cluster)

    check_invariants(jobs)
    found = jobs.all().values()
    released = sum(job["interruptions"] for job in found)
    tell(f"answers lost: {len(unheard)} claims unheard at the end, {released} released")
    assert unheard
    assert {job["losses"] for job in found} == {0}


def _claimed_by_worker_0(cluster: Cluster) -> set[str]:
    rows = cluster.sql("SELECT id FROM live_jobs WHERE worker = 'worker-0' AND state = 'RUNNING'")
    return {str(job_id) for (job_id,) in rows}


def _occupy_all(jobs: Jobs, cluster: Cluster, seconds: float) -> None:
    """Both workers run as much as they can at once, so what comes now has to wait."""
    jobs.submit_many(40, seconds)
    wait_until(lambda: len(jobs.started()) == len(jobs.ids), 5.0, cluster)


def _ends_after(jobs: Jobs, moment: float) -> list[float]:
    return [run.at for run in jobs.runs("end") if run.at > moment]
