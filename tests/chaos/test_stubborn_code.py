"""Code that does not end, or that ends its process: it costs its own job, and nobody else's."""

import pytest
from tests.chaos.cluster import STOP_GRACE_SECONDS
from tests.chaos.handlers import LOOP_TIMEOUT_SECONDS
from tests.chaos.jobs import Jobs, check_invariants

_MAX_LOSSES = 3


@pytest.mark.parametrize("how", ["kill", pytest.param("exit", marks=pytest.mark.soak)])
def test_a_job_that_kills_its_process_every_time_ends_lost_and_its_neighbours_succeed(
    jobs: Jobs, neighbours: Jobs, how: str
) -> None:
    neighbours.submit_many(6, seconds=1.0)
    job_id = jobs.submit(type="deadly", payload={"how": how})
    assert job_id is not None

    jobs.wait_until_ended()

    job = jobs.read(job_id)
    assert (job["state"], job["error"]["kind"], job["losses"]) == ("FAILED", "lost", _MAX_LOSSES)
    assert len(jobs.runs()) <= 1 + _MAX_LOSSES
    check_invariants(neighbours)
    assert _charged(neighbours) == {(1, 0)}


@pytest.mark.parametrize(
    "type", ["c-loop", pytest.param("c-loop-in-a-thread", marks=pytest.mark.soak)]
)
def test_a_loop_in_c_is_stopped_soon_after_its_timeout_and_its_neighbours_succeed(
    jobs: Jobs, neighbours: Jobs, type: str
) -> None:
    neighbours.submit_many(6, seconds=1.0)
    job_id = jobs.submit(20.0, type=type, max_attempts=1)
    assert job_id is not None

    jobs.wait_until_ended()

    job = jobs.read(job_id)
    assert (job["state"], job["error"]["kind"]) == ("FAILED", "timeout")
    [started], beats = jobs.runs("start"), jobs.runs("alive")
    assert beats[-1].at - started.at <= LOOP_TIMEOUT_SECONDS + STOP_GRACE_SECONDS + 1.0
    check_invariants(neighbours)
    assert _charged(neighbours) == {(1, 0)}


def _charged(jobs: Jobs) -> set[tuple[int, int]]:
    """Attempts and losses of all jobs."""
    return {(job["attempt"], job["losses"]) for job in jobs.all().values()}
