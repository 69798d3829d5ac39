"""Of a worker only its own process is killed or frozen, while user code in an executor holds the GIL in C."""

import os
import signal
import time
from contextlib import suppress

import psutil
from tests.chaos.cluster import LEASE_SECONDS, Cluster
from tests.chaos.faults import running as jobs_running
from tests.chaos.faults import seconds_until_run_again
from tests.chaos.jobs import Jobs, check_invariants, wait_until
from tests.integration.worker.guarded import running

_SPINS_WITHIN = 10.0


def test_of_a_supervisor_that_is_killed_no_code_is_left_and_its_jobs_run_at_once(
    cluster: Cluster, jobs: Jobs
) -> None:
    job_id, worker = _spinning(cluster, jobs)
    executors = _executors(cluster, worker)

    killed_at = time.time()
    cluster.workers[worker].end(signal.SIGKILL)

    wait_until(lambda: not any(map(running, executors)), 2.0, cluster)
    took = seconds_until_run_again({job_id}, killed_at, jobs, cluster)
    jobs.recoveries["supervisor killed"].append(took)
    assert took < LEASE_SECONDS * 0.7
    cluster.start(cluster.workers[worker])
    check_invariants(jobs)
    assert _charged(jobs, job_id) == (1, 1, 2)


def test_the_code_of_a_supervisor_that_froze_is_gone_before_its_jobs_run_elsewhere(
    cluster: Cluster, jobs: Jobs
) -> None:
    job_id, worker = _spinning(cluster, jobs)
    executors = _executors(cluster, worker)

    frozen_at = time.time()
    os.kill(cluster.workers[worker].pid, signal.SIGSTOP)

    wait_until(lambda: not any(map(running, executors)), LEASE_SECONDS, cluster)
    gone_at = time.time()
    took = seconds_until_run_again({job_id}, frozen_at, jobs, cluster)
    jobs.recoveries["supervisor frozen"].append(took)
    assert frozen_at + took > gone_at
    os.kill(cluster.workers[worker].pid, signal.SIGCONT)
    check_invariants(jobs)
    assert _charged(jobs, job_id) == (1, 1, 2)
    cluster.wait_until_ready()


def _spinning(cluster: Cluster, jobs: Jobs) -> tuple[str, int]:
    """A job whose handler spins, and by which worker."""
    [job_id] = jobs.submit_many(1, type="spin")
    wait_until(lambda: job_id in jobs.started(), _SPINS_WITHIN, cluster)
    [worker] = [n for n in (0, 1) if job_id in jobs_running(cluster, jobs, n)]
    return job_id, worker


def _executors(cluster: Cluster, worker: int) -> list[int]:
    """Their process groups: of all children of the worker but its guard."""
    children = psutil.Process(cluster.workers[worker].pid).children()
    groups = [child.pid for child in children if not _is_guard(child)]
    assert len(children) == len(groups) + 1
    assert any(len(running(group)) > 1 for group in groups)
    return groups


def _is_guard(process: psutil.Process) -> bool:
    with suppress(psutil.NoSuchProcess):
        return "treadle_worker.guard" in process.cmdline()
    return False


def _charged(jobs: Jobs, job_id: str) -> tuple[int, int, int]:
    """Losses, attempts, claims."""
    job = jobs.read(job_id)
    return job["losses"], job["attempt"], job["fence"]
