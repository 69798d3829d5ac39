"""Workers that vanish, freeze or stop under load: nothing is lost, nothing stale, the others go on."""

import os
import signal
import time
from random import uniform
from statistics import median

import pytest
from tests.chaos.cluster import LEASE_SECONDS, Cluster, freeze, thaw
from tests.chaos.faults import (
    fill_both_workers,
    kill_worker,
    running,
    seconds_until_run_again,
)
from tests.chaos.jobs import Jobs, check_invariants, wait_until
from tests.e2e.processes import ServiceProcess

_RUN_ELSEWHERE_WITHIN = 3.0
_SOON = 0.02


def test_the_jobs_of_a_worker_that_vanished_run_elsewhere_and_those_of_others_go_on(
    cluster: Cluster, jobs: Jobs
) -> None:
    lost, others = fill_both_workers(cluster, jobs, 25, seconds=3.0)

    took = seconds_until_run_again(lost, kill_worker(cluster, 0), jobs, cluster)

    jobs.recoveries["worker killed"].append(took)
    assert median(jobs.recoveries["worker killed"]) <= LEASE_SECONDS + 2.0
    cluster.start(cluster.workers[0])
    check_invariants(jobs)
    assert _charged(jobs, lost) == {(1, 1, 2)}
    assert _charged(jobs, others) == {(0, 1, 1)}


def test_all_workers_killed_in_the_middle_of_200_naps_and_started_again_at_once_end_them_all(
    cluster: Cluster, jobs: Jobs
) -> None:
    jobs.submit_many(200, seconds=0.3)
    wait_until(lambda: len(jobs.runs("end")) > 60, 15.0, cluster)

    killed_at = min(kill_worker(cluster, 0), kill_worker(cluster, 1))
    cluster.start(*cluster.workers)

    check_invariants(jobs)
    lost = {job_id for job_id, job in jobs.all().items() if job["losses"]}
    took = seconds_until_run_again(lost, killed_at, jobs, cluster)
    jobs.recoveries["all workers killed and started again"].append(took)
    assert median(jobs.recoveries["all workers killed and started again"]) <= LEASE_SECONDS + 2.0
    assert _charged(jobs, lost) == {(1, 1, 2)}
    assert _charged(jobs, set(jobs.ids) - lost) == {(0, 1, 1)}


def test_a_worker_that_froze_past_its_lease_changes_nothing_and_works_again(
    cluster: Cluster, jobs: Jobs
) -> None:
    fill_both_workers(cluster, jobs, 25, seconds=1.5)
    freeze(cluster.workers[0])
    frozen = running(cluster, jobs, 0)

    took = seconds_until_run_again(frozen, time.time(), jobs, cluster)
    jobs.recoveries["worker frozen"].append(took)
    thaw(cluster.workers[0])

    check_invariants(jobs)
    assert _charged(jobs, frozen) == {(1, 1, 2)}
    assert all(jobs.read(job_id)["result"] == {"fence": 2} for job_id in frozen)

    def works_again() -> bool:
        jobs.submit_many(4, 0.2)
        return bool(running(cluster, jobs, 0))

    wait_until(works_again, 10.0, cluster)
    check_invariants(jobs)


def _charged(jobs: Jobs, ids: set[str]) -> set[tuple[int, int, int]]:
    """Losses, attempts, claims."""
    found = jobs.all()
    counts = ("losses", "attempt", "fence")
    losses, attempts, claims = ({found[i][count] for i in ids} for count in counts)
    assert len(losses) == len(attempts) == len(claims) == 1
    return set(zip(losses, attempts, claims, strict=True))


@pytest.mark.parametrize("stops", [4, pytest.param(200, marks=pytest.mark.soak)])
def test_workers_told_to_stop_right_at_a_submit_lose_and_delay_nothing(
    cluster: Cluster, jobs: Jobs, stops: int
) -> None:
    took = [_stop_at_a_submit(cluster, jobs, cluster.workers[n % 2]) for n in range(stops)]

    jobs.recoveries["worker told to stop at a submit"].extend(took)
    check_invariants(jobs)
    assert {job["losses"] for job in jobs.all().values()} == {0}
    assert len(jobs.runs()) == len(jobs.ids)


def _stop_at_a_submit(cluster: Cluster, jobs: Jobs, worker: ServiceProcess) -> float:
    """Seconds until all that was submitted right before and after the signal has ended."""
    cluster.wait_until_ready()
    submitted_at = time.time()
    jobs.submit()
    time.sleep(uniform(0.0, _SOON))
    os.kill(worker.pid, signal.SIGTERM)
    jobs.submit(api=1)
    wait_until(lambda: len(jobs.runs("end")) == len(jobs.ids), _RUN_ELSEWHERE_WITHIN, cluster)
    assert worker.terminate() == 0
    cluster.start(worker)
    return max(run.at for run in jobs.runs("end")) - submitted_at
