"""Redis forgets, restarts, falls silent: it costs seconds and no job."""

import time

import pytest
from tests.chaos.cluster import Cluster
from tests.chaos.fault_proxy import Mode
from tests.chaos.faults import first_start_after, let_pass, longest_pause, under_way
from tests.chaos.flood import flush
from tests.chaos.jobs import Jobs, check_invariants, wait_until

_REBUILT_WITHIN = 3.0
_SILENCE_ENDS_WITHIN = 8.0
"""A dead connection is given up by a store after 1.5 s without a reply, and each has to find that out in its turn."""


@pytest.mark.parametrize("pending", [1_000, pytest.param(10_000, marks=pytest.mark.soak)])
def test_a_redis_that_forgot_everything_gets_it_again(
    cluster: Cluster, jobs: Jobs, pending: int
) -> None:
    pause = flush(cluster, jobs, pending=pending, delayed=pending // 10)

    assert pause <= _REBUILT_WITHIN
    check_invariants(jobs)
    assert len(jobs.runs()) == len(jobs.ids)


def test_a_redis_that_starts_again_empty_needs_no_restart_of_ours(
    cluster: Cluster, jobs: Jobs
) -> None:
    both_full = jobs.submit_many(40, seconds=1.0)
    wait_until(lambda: set(both_full) <= jobs.started(), 5.0, cluster)
    jobs.submit_many(100)
    cluster.valkey.kill()
    cluster.valkey.start()
    back_at = time.time()
    jobs.submit_many(20)

    check_invariants(jobs)
    pause = longest_pause(jobs, since=back_at)
    jobs.recoveries["Redis restarted empty"].append(pause)
    assert pause <= _REBUILT_WITHIN
    assert set(jobs.answers) == {201}


def test_a_redis_that_stays_silent_for_a_while_stops_nothing_for_good(
    cluster: Cluster, jobs: Jobs
) -> None:
    with jobs.stream():
        under_way(jobs, cluster)
        cluster.redis_proxy.set(Mode.BLACKHOLE)
        let_pass(3.0, cluster)
        cluster.redis_proxy.set(Mode.PASS)
        took = first_start_after(jobs, time.time(), cluster, within=10.0)
        under_way(jobs, cluster)
    jobs.recoveries["Redis answered nothing for 3 s"].append(took)

    assert set(jobs.answers) == {201}
    assert cluster.redis_proxy.vanished_bytes > 0
    check_invariants(jobs)
    assert {job["losses"] for job in jobs.all().values()} == {0}


def test_a_redis_connection_that_died_in_silence_is_left_for_a_new_one(
    cluster: Cluster, jobs: Jobs
) -> None:
    jobs.submit_many(2)
    jobs.wait_until_ended()

    cluster.redis_proxy.half_open()
    silent_at = time.time()
    waiting = set(jobs.submit_many(8))

    wait_until(lambda: waiting <= jobs.started(), _SILENCE_ENDS_WITHIN, cluster)
    jobs.recoveries["connections to Redis died in silence"].append(time.time() - silent_at)
    assert set(jobs.answers) == {201}
    assert cluster.redis_proxy.vanished_bytes > 0
    check_invariants(jobs)
