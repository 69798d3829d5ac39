"""APIs, stores and workers that die or freeze, where their twins go on."""

import time

import pytest
from tests.chaos.cluster import LEASE_SECONDS, Cluster, freeze, kill_tree, thaw
from tests.chaos.jobs import Jobs, check_invariants, tell, wait_until
from tests.chaos.outages.faults import (
    LOST_WITHIN,
    fill_both_workers,
    kill_now,
    longest_pause,
    seconds_until_run_again,
    under_way,
)


def test_an_api_that_is_killed_leaves_the_other_to_answer(cluster: Cluster, jobs: Jobs) -> None:
    jobs.submit_many(8, seconds=0.3)

    kill_tree(cluster.apis[0])

    with pytest.raises(OSError, match="refused"):
        jobs.submit(api=0)
    assert jobs.submit(api=1) is not None
    cluster.start(cluster.apis[0])
    cluster.wait_until_ready()
    check_invariants(jobs)


def test_a_worker_started_again_at_once_under_its_name_gets_its_jobs_back_after_the_lease(
    cluster: Cluster, jobs: Jobs
) -> None:
    lost, others = fill_both_workers(cluster, jobs, 25, seconds=1.0)

    killed_at = kill_now(cluster, jobs, worker=0)
    cluster.start(cluster.workers[0])

    took = seconds_until_run_again(lost, killed_at, jobs, cluster)
    tell(f"worker killed and started again: its jobs ran again after {took:.2f} s")
    assert took <= LOST_WITHIN
    check_invariants(jobs)
    found = jobs.all()
    assert {_counts(found[job_id]) for job_id in lost} == {(1, 1, 2)}
    assert {_counts(found[job_id]) for job_id in others} == {(0, 1, 1)}


@pytest.mark.soak
def test_a_store_that_froze_past_the_lease_holds_nobody_up_and_loses_no_session(
    cluster: Cluster, jobs: Jobs
) -> None:
    running = set(jobs.submit_many(6, seconds=1.5 * LEASE_SECONDS))
    wait_until(lambda: running <= jobs.started(), 5.0, cluster)

    with jobs.stream():
        under_way(jobs, cluster)
        freeze(cluster.stores[0])
        frozen_at = time.time()
        wait_until(lambda: time.time() > frozen_at + 1.3 * LEASE_SECONDS, 10.0, cluster)
        thaw(cluster.stores[0])
        under_way(jobs, cluster)

    pause = longest_pause(jobs, since=frozen_at)
    tell(f"frozen store: {pause:.2f} s without a start, answers {dict(jobs.answers)}")
    assert set(jobs.answers) <= {201, 503}
    check_invariants(jobs)
    assert {job["losses"] for job in jobs.all().values()} == {0}


def _counts(job: dict[str, int]) -> tuple[int, int, int]:
    return job["losses"], job["attempt"], job["fence"]
