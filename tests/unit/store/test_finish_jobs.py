from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from tests.builders import SECOND, a_failure, a_new_job, a_session
from tests.eventually import eventually
from tests.fakes.store_over_memory import StoreOverMemory

from treadle_domain.claimed_run import ClaimBatch, RunReport
from treadle_domain.job import Job
from treadle_domain.job_error import ErrorKind
from treadle_domain.outcomes import Outcome, Released, Ruling, Snoozed, Succeeded
from treadle_domain.retry_policy import RetryPolicy
from treadle_domain.run_policy import RunOptions
from treadle_domain.states import JobState
from treadle_domain.stored_job import StoredJob
from treadle_store.application.change_jobs import MAX_ROUNDS
from treadle_store.application.errors import TooContended
from treadle_store.application.ports import Change

ONE_TRY = RunOptions(max_attempts=1)


@pytest.fixture
async def store() -> AsyncIterator[StoreOverMemory]:
    store = StoreOverMemory()
    await store.do.keep_session.open(SESSION)
    async with store.hand_over:
        yield store


SESSION = a_session()


async def claimed(store: StoreOverMemory, **said: Any) -> UUID:
    new = a_new_job(**said)
    await store.do.submit_jobs([new])
    await claim(store, new.submission.id)
    return new.submission.id


async def claim(store: StoreOverMemory, job_id: UUID, namespace: str = "default") -> None:
    batch = ClaimBatch(
        namespace=namespace,
        session=SESSION.id,
        claim_id=uuid4(),
        heartbeat_number=1,
        job_ids=(job_id,),
    )
    await store.do.claim_jobs(batch)


def a_report(
    job_id: UUID, outcome: Outcome | None = None, fence: int = 1, result: bytes = b"1"
) -> RunReport:
    return RunReport(
        namespace="default",
        job_id=job_id,
        fence=fence,
        outcome=outcome or Succeeded(),
        result=result if outcome is None else None,
    )


async def stored(store: StoreOverMemory, job_id: UUID) -> StoredJob:
    return (await store.jobs.find_stored("default", [job_id]))[job_id]


async def job_of(store: StoreOverMemory, job_id: UUID) -> Job:
    return (await stored(store, job_id)).job


async def test_a_success_keeps_its_result(store: StoreOverMemory) -> None:
    job_id = await claimed(store)

    verdicts = await store.do.finish_jobs(SESSION.id, [a_report(job_id, result=b'{"a": 1}')])

    assert verdicts == [(Ruling.APPLIED, JobState.SUCCESS)]
    assert (await stored(store, job_id)).result == b'{"a": 1}'
    assert (await job_of(store, job_id)).state is JobState.SUCCESS


async def test_a_repeated_report_is_recognised_and_changes_nothing(store: StoreOverMemory) -> None:
    job_id = await claimed(store)
    await store.do.finish_jobs(SESSION.id, [a_report(job_id)])
    after = await stored(store, job_id)

    verdicts = await store.do.finish_jobs(SESSION.id, [a_report(job_id, a_failure())])

    assert verdicts == [(Ruling.ALREADY_RECORDED, JobState.SUCCESS)]
    assert await stored(store, job_id) == after


async def test_reports_of_void_claims_are_refused(store: StoreOverMemory) -> None:
    job_id = await claimed(store)
    before = await stored(store, job_id)

    wrong_fence = await store.do.finish_jobs(SESSION.id, [a_report(job_id, fence=2)])
    wrong_session = await store.do.finish_jobs(uuid4(), [a_report(job_id)])
    no_such_job = await store.do.finish_jobs(SESSION.id, [a_report(uuid4())])

    assert wrong_fence + wrong_session + no_such_job == [(Ruling.STALE, None)] * 3
    assert await stored(store, job_id) == before


async def test_a_failure_waits_for_its_backoff_and_is_pushed_then(store: StoreOverMemory) -> None:
    retry = RetryPolicy(initial=timedelta(milliseconds=40), jitter=0)
    job_id = await claimed(store, options=RunOptions(retry=retry))
    before_end = store.clock.time

    await store.do.finish_jobs(SESSION.id, [a_report(job_id, a_failure())])

    job = await job_of(store, job_id)
    assert (job.state, job.run_at) == (JobState.PENDING, before_end + retry.initial)
    assert job_id not in store.ready_queue.jobs
    await eventually(lambda: job_id in store.ready_queue.jobs)


async def test_a_late_retry_is_left_to_the_announcer(store: StoreOverMemory) -> None:
    job_id = await claimed(store)

    await store.do.finish_jobs(SESSION.id, [a_report(job_id, Snoozed(delay=3 * SECOND))])

    assert store.hand_over.waiting == 0
    assert job_id not in store.ready_queue.jobs


async def test_a_released_job_is_pushed_at_once_and_charged_nothing(store: StoreOverMemory) -> None:
    job_id = await claimed(store)
    rank = (await job_of(store, job_id)).rank

    await store.do.finish_jobs(SESSION.id, [a_report(job_id, Released())])

    job = await job_of(store, job_id)
    assert (job.state, job.attempt, job.rank) == (JobState.PENDING, 0, rank)
    assert job_id in store.ready_queue.jobs


async def test_a_job_fails_for_good_when_its_attempts_are_used_up(store: StoreOverMemory) -> None:
    job_id = await claimed(store, options=ONE_TRY)

    await store.do.finish_jobs(SESSION.id, [a_report(job_id, a_failure(message="why"))])

    job = await job_of(store, job_id)
    assert (job.state, job.error and job.error.message) == (JobState.FAILED, "why")
    assert [a.error.message for a in await store.jobs.attempts(job_id)] == ["why"]


async def test_one_unstorable_result_fails_its_own_job_only(store: StoreOverMemory) -> None:
    ids = [await claimed(store) for _ in range(9)]
    reports = [a_report(job_id, result=b"\x00" if job_id == ids[4] else b"1") for job_id in ids]

    verdicts = await store.do.finish_jobs(SESSION.id, reports)

    assert [verdict.ruling for verdict in verdicts] == [Ruling.APPLIED] * 9
    succeeded = [JobState.SUCCESS] * 4
    assert [verdict.state for verdict in verdicts] == [*succeeded, JobState.FAILED, *succeeded]
    error = (await job_of(store, ids[4])).error
    assert error is not None
    assert error.kind is ErrorKind.UNSTORABLE


async def test_two_runs_of_a_job_in_one_batch_are_ruled_on_apart(store: StoreOverMemory) -> None:
    job_id = await claimed(store)
    await store.do.finish_jobs(SESSION.id, [a_report(job_id, Released())])
    await claim(store, job_id)

    verdicts = await store.do.finish_jobs(
        SESSION.id, [a_report(job_id, a_failure(), fence=1), a_report(job_id, fence=2)]
    )

    assert verdicts == [(Ruling.STALE, None), (Ruling.APPLIED, JobState.SUCCESS)]
    assert (await job_of(store, job_id)).state is JobState.SUCCESS


async def test_a_cancel_asked_meanwhile_wins_over_the_success(store: StoreOverMemory) -> None:
    job_id = await claimed(store)
    await store.do.cancel_jobs("default", [job_id])

    verdicts = await store.do.finish_jobs(SESSION.id, [a_report(job_id)])

    assert verdicts == [(Ruling.APPLIED, JobState.CANCELLED)]
    end = await stored(store, job_id)
    assert (end.job.state, end.result) == (JobState.CANCELLED, None)


async def test_endless_contention_is_given_up_after_some_rounds(store: StoreOverMemory) -> None:
    job_id = await claimed(store)
    rounds = 0

    async def always_too_late(changes: list[Change]) -> frozenset[UUID]:
        nonlocal rounds
        rounds += 1
        return frozenset(change.after.id for change in changes)

    store.jobs.save = always_too_late  # type: ignore[method-assign, assignment]
    with pytest.raises(TooContended):
        await store.do.cancel_jobs("default", [job_id])

    assert rounds == MAX_ROUNDS
