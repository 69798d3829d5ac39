"""APIs and stores that die, freeze or lose their answers, where their twins go on."""

import time

import pytest
from tests.chaos.cluster import LEASE_SECONDS, Cluster, freeze, kill_tree, thaw
from tests.chaos.fault_proxy import Mode
from tests.chaos.faults import first_start_after, let_pass, longest_pause, running, under_way
from tests.chaos.jobs import Jobs, check_invariants, wait_until

_RESTARTED_STORES_COST = 3.0
_FROZEN_STORE_COSTS = 3.0
"""Seconds: a call is made again elsewhere after one, rows that it locked are free after two."""


def test_an_api_that_is_killed_leaves_the_other_to_answer(cluster: Cluster, jobs: Jobs) -> None:
    jobs.submit_many(8, seconds=0.3)

    kill_tree(cluster.apis[0])

    with pytest.raises(OSError, match="refused"):
        jobs.submit(api=0)
    assert jobs.submit(api=1) is not None
    cluster.start(cluster.apis[0])
    cluster.wait_until_ready()
    check_invariants(jobs)


def test_a_store_that_is_killed_under_load_stops_nothing(cluster: Cluster, jobs: Jobs) -> None:
    with jobs.stream():
        under_way(jobs, cluster)
        killed_at = time.time()
        kill_tree(cluster.stores[0])
        let_pass(3.0, cluster)
        under_way(jobs, cluster)

    pause = longest_pause(jobs, since=killed_at)
    jobs.recoveries["store killed"].append(pause)
    assert pause <= 2.0
    cluster.start(cluster.stores[0])
    check_invariants(jobs)
    assert {job["losses"] for job in jobs.all().values()} == {0}


def test_both_stores_restarted_are_at_work_soon(cluster: Cluster, jobs: Jobs) -> None:
    with jobs.stream():
        under_way(jobs, cluster)
        for store in cluster.stores:
            kill_tree(store)
        cluster.start(*cluster.stores)
        cluster.wait_until_stores_listen()
        took = first_start_after(jobs, time.time(), cluster, _RESTARTED_STORES_COST)
        under_way(jobs, cluster)

    jobs.recoveries["both stores restarted"].append(took)
    check_invariants(jobs)
    assert {job["losses"] for job in jobs.all().values()} == {0}


def test_a_store_that_froze_past_the_lease_holds_nobody_up_and_loses_no_session(
    cluster: Cluster, jobs: Jobs
) -> None:
    long = set(jobs.submit_many(6, seconds=1.5 * LEASE_SECONDS))
    wait_until(lambda: long <= jobs.started(), 5.0, cluster)

    with jobs.stream():
        under_way(jobs, cluster)
        freeze(cluster.stores[0])
        frozen_at = time.time()
        let_pass(1.3 * LEASE_SECONDS, cluster)
        thaw(cluster.stores[0])
        under_way(jobs, cluster)

    pause = longest_pause(jobs, since=frozen_at)
    jobs.recoveries["store frozen"].append(pause)
    assert pause <= _FROZEN_STORE_COSTS
    check_invariants(jobs)
    assert {job["losses"] for job in jobs.all().values()} == {0}


def test_claims_whose_answers_are_lost_leave_no_job_behind(cluster: Cluster, jobs: Jobs) -> None:
    with jobs.stream():
        under_way(jobs, cluster)
        for proxy in cluster.store_proxies:
            proxy.set(Mode.DROP_REPLIES)
        let_pass(2.0, cluster)
        unheard = running(cluster, jobs, worker=0) - jobs.started()
        for proxy in cluster.store_proxies:
            proxy.set(Mode.PASS)
        heard_at = time.time()
        under_way(jobs, cluster)

    wait_until(lambda: unheard <= jobs.started(), 3.0, cluster)
    jobs.recoveries["answers of claims lost"].append(_last_start(jobs, unheard) - heard_at)
    check_invariants(jobs)
    assert unheard
    assert {job["losses"] for job in jobs.all().values()} == {0}


def _last_start(jobs: Jobs, ids: set[str]) -> float:
    return max(run.at for run in jobs.runs() if run.job_id in ids)
