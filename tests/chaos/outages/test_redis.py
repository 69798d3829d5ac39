"""What a full queue costs when Redis forgets it, and a consumer whose connection went dead."""

import time

import pytest
from tests.chaos.cluster import Cluster
from tests.chaos.jobs import Jobs, check_invariants, tell, wait_until
from tests.chaos.outages.flood import flush

_REBUILT_WITHIN = 3.0
_SILENCE_ENDS_WITHIN = 15.0
"""A dead connection is given up after 5 s without a reply, and each store has to find that out in its turn."""


def test_a_flush_with_a_thousand_pending_costs_seconds_and_no_job(
    cluster: Cluster, jobs: Jobs
) -> None:
    pause = flush(cluster, jobs, pending=1_000, delayed=100)

    assert pause <= _REBUILT_WITHIN
    check_invariants(jobs)
    assert len(jobs.runs()) == len(jobs.ids)


@pytest.mark.soak
def test_a_flush_with_ten_thousand_pending_costs_seconds_and_no_job(
    cluster: Cluster, jobs: Jobs
) -> None:
    pause = flush(cluster, jobs, pending=10_000, delayed=1_000)

    assert pause <= _REBUILT_WITHIN
    check_invariants(jobs)
    assert len(jobs.runs()) == len(jobs.ids)


@pytest.mark.soak
def test_a_redis_connection_that_died_in_silence_is_left_for_a_new_one(
    cluster: Cluster, jobs: Jobs
) -> None:
    jobs.submit_many(2)
    jobs.wait_until_ended()

    cluster.redis_proxy.half_open()
    silent_at = time.time()
    waiting = set(jobs.submit_many(8))

    wait_until(lambda: waiting <= jobs.started(), _SILENCE_ENDS_WITHIN, cluster)
    tell(f"half-open Redis: all ran {time.time() - silent_at:.2f} s later")
    assert set(jobs.answers) == {201}
    assert cluster.redis_proxy.vanished_bytes > 0
    check_invariants(jobs)
