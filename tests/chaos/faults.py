"""Faults under load, and how long it takes to recover from them."""

import time
from itertools import pairwise

from tests.chaos.cluster import LEASE_SECONDS, Cluster, kill_tree
from tests.chaos.jobs import Jobs, wait_until

LOST_WITHIN = LEASE_SECONDS + 3.0
"""Seconds in which the jobs of a worker that vanished run again."""


def under_way(jobs: Jobs, cluster: Cluster, within_seconds: float = 15.0) -> None:
    """Ten more jobs of a stream have ended."""
    goal = len(jobs.runs("end")) + 10
    wait_until(lambda: len(jobs.runs("end")) >= goal, within_seconds, cluster)


def let_pass(seconds: float, cluster: Cluster) -> None:
    until = time.monotonic() + seconds
    wait_until(lambda: time.monotonic() > until, seconds + 2, cluster)


def first_start_after(jobs: Jobs, moment: float, cluster: Cluster, within: float) -> float:
    """How many seconds after `moment` a job started that had not before."""
    wait_until(lambda: any(run.at > moment for run in jobs.runs()), within, cluster)
    return min(run.at for run in jobs.runs() if run.at > moment) - moment


def longest_pause(jobs: Jobs, *, since: float) -> float:
    """Between two starts, the first being `since`."""
    starts = [since, *sorted(run.at for run in jobs.runs() if run.at > since)]
    return max(later - earlier for earlier, later in pairwise(starts))


def running(cluster: Cluster, jobs: Jobs, worker: int) -> set[str]:
    rows = cluster.sql(
        "SELECT id::text FROM live_jobs"
        " WHERE state = 'RUNNING' AND worker = %(worker)s AND metadata ->> 'tag' = %(tag)s",
        worker=f"worker-{worker}",
        tag=jobs.tag,
    )
    return {str(row[0]) for row in rows}


def fill_both_workers(
    cluster: Cluster, jobs: Jobs, count: int, seconds: float
) -> tuple[set[str], set[str]]:
    """`count` running jobs, more than one worker can take: those of each worker."""
    new = set(jobs.submit_many(count, seconds))
    wait_until(lambda: new <= jobs.started(), 5.0, cluster)
    shares = running(cluster, jobs, 0), running(cluster, jobs, 1)
    assert all(len(share) >= 5 for share in shares), shares
    return shares


def run_again(jobs: Jobs) -> set[str]:
    return {run.job_id for run in jobs.runs() if run.fence > 1}


def seconds_until_run_again(
    lost: set[str], since: float, jobs: Jobs, cluster: Cluster, within: float = LOST_WITHIN
) -> float:
    """Until the last of them has started again."""
    wait_until(lambda: lost <= run_again(jobs), within + since - time.time(), cluster)
    starts = [run.at for run in jobs.runs() if run.job_id in lost and run.fence > 1]
    return max(starts) - since


def kill_worker(cluster: Cluster, worker: int) -> float:
    """When it happened."""
    killed_at = time.time()
    kill_tree(cluster.workers[worker])
    return killed_at
