"""What every JobRepository promises of single jobs, asked of the fake and of PostgreSQL."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from tests.builders import NOW, SECOND, a_failure, a_job, a_stored_job, running
from tests.contract.changes import a_change, a_hold, added, ended, put, succeeded
from tests.fakes.in_memory_job_ends import InMemoryJobEnds

from treadle_domain.attempt import KEPT_ATTEMPTS
from treadle_domain.job import Job
from treadle_domain.job_error import ErrorKind, JobError
from treadle_domain.outcomes import Released
from treadle_domain.retry_policy import RetryPolicy
from treadle_domain.run_policy import RunOptions
from treadle_domain.states import JobState
from treadle_domain.stored_job import JobQuery, StoredJob
from treadle_domain.uniqueness import Uniqueness
from treadle_store.application.errors import Unstorable
from treadle_store.application.ports import JobRepository


async def test_a_job_comes_back_as_it_was_added_to_the_byte(jobs: JobRepository) -> None:
    stored = a_stored_job(
        payload=b'{"b": 1e400, "a":[ 12345678901234567890 ],"z":"\\u0000"}',
        priority=3,
        metadata={"customer": "42", "emoji": "\N{FIRE}"},
        delay=timedelta(seconds=0.5),
        expires_at=NOW + SECOND,
        options=RunOptions(max_attempts=7, timeout=SECOND / 3, retry=RetryPolicy(jitter=0.25)),
    )

    answers = await added(jobs, stored)

    assert answers == [stored]
    assert await jobs.find_stored("default", [stored.job.id]) == {stored.job.id: stored}


@pytest.mark.parametrize(
    "said",
    [
        {},
        {"queue": "mails"},
        {"type": "mail"},
        {"priority": 9},
        {"metadata": {"customer": "42"}},
        {"run_at": NOW - SECOND},
        {"delay": SECOND},
        {"expires_at": NOW + SECOND},
        {"options": RunOptions(max_attempts=7)},
        {"options": RunOptions(timeout=SECOND)},
        {"options": RunOptions(retry=RetryPolicy(jitter=0.25))},
        {"unique": Uniqueness(key="report-7")},
    ],
    ids=lambda said: ", ".join(said) or "nothing",
)
async def test_jobs_of_a_batch_keep_what_sets_them_apart(
    jobs: JobRepository, said: dict[str, Any]
) -> None:
    batch = [a_stored_job(b"1"), a_stored_job(b"2", **said), a_stored_job(b"3")]

    await added(jobs, *batch)

    found = await jobs.find_stored("default", [stored.job.id for stored in batch])
    assert found == {stored.job.id: stored for stored in batch}


async def test_of_a_batch_of_which_a_part_is_known_the_rest_is_new(jobs: JobRepository) -> None:
    old, running_old, new = a_stored_job(b"1"), a_stored_job(b"2"), a_stored_job(b"3")
    await put(jobs, old)
    now_running = await put(jobs, running_old, running)

    answers = await added(jobs, new, running_old, old)

    assert answers == [new, StoredJob(job=now_running, payload=b"2"), old]
    assert await jobs.find_stored("default", [new.job.id]) == {new.job.id: new}


async def test_a_job_of_another_namespace_is_not_found(jobs: JobRepository) -> None:
    stored = a_stored_job(namespace="theirs")

    await added(jobs, stored)

    assert not await jobs.find("default", [stored.job.id])
    assert not (await jobs.page(JobQuery(namespace="default"))).jobs


async def test_adding_an_id_again_answers_with_the_job_of_the_first_time(
    jobs: JobRepository,
) -> None:
    first = a_stored_job()
    now_running = await put(jobs, first, running)
    again = StoredJob(job=replace(first.job, created_at=NOW + SECOND), payload=b"[]")

    answers = await added(jobs, again)

    assert answers == [StoredJob(job=now_running, payload=first.payload)]


async def test_adding_an_id_again_after_its_end_does_not_run_it_again(jobs: JobRepository) -> None:
    first = a_stored_job()
    finished = await put(jobs, first, running, succeeded)

    answers = await added(jobs, first)

    assert answers == [StoredJob(job=finished, payload=first.payload, result=b"1")]
    assert await jobs.find("default", [first.job.id]) == {first.job.id: finished}


async def test_a_batch_with_an_unstorable_payload_is_refused_whole(jobs: JobRepository) -> None:
    good, bad = a_stored_job(), a_stored_job(payload=b'"\x00"')

    with pytest.raises(Unstorable):
        await added(jobs, good, bad)

    assert not await jobs.find("default", [good.job.id, bad.job.id])


async def test_a_batch_with_an_unstorable_result_is_refused_whole(jobs: JobRepository) -> None:
    good = await put(jobs, a_stored_job(), running)
    bad = await put(jobs, a_stored_job(), running)

    with pytest.raises(Unstorable):
        await jobs.save(
            [
                a_change(good, succeeded(good), result=b"1"),
                a_change(bad, succeeded(bad), result=b'"\x00"'),
            ]
        )

    assert await jobs.find("default", [good.id, bad.id]) == {good.id: good, bad.id: bad}


@pytest.mark.parametrize(
    "lives",
    [
        [running],
        [running, succeeded],
        [running, lambda job: ended(job, a_failure())],
        [running, lambda job: ended(job, a_failure(ErrorKind.PERMANENT))],
        [running, lambda job: ended(job, Released(alone=True)), running],
        [running, lambda job: job.lose(NOW)],
        [running, lambda job: job.cancel(NOW), succeeded],
        [lambda job: job.cancel(NOW), lambda job: job.retry(NOW + SECOND)],
        [running, lambda job: ended(job, a_failure(ErrorKind.PERMANENT)), lambda j: j.retry(NOW)],
    ],
)
async def test_every_field_survives_every_change(
    jobs: JobRepository, lives: list[Callable[[Job], Job]]
) -> None:
    stored = a_stored_job(options=RunOptions(retry=RetryPolicy(multiplier=3)))

    job = await put(jobs, stored, *lives)

    assert await jobs.find("default", [job.id]) == {job.id: job}


async def test_a_result_is_kept_to_the_byte_and_goes_with_a_retry(jobs: JobRepository) -> None:
    stored = a_stored_job()
    job = await put(jobs, stored, running)
    result = b'{"b":1,  "a":1e400}'

    await jobs.save([a_change(job, succeeded(job), result=result)])

    found = await jobs.find_stored("default", [job.id])
    assert found[job.id].result == result
    assert found[job.id].payload == stored.payload


async def test_a_change_of_what_changed_meanwhile_misses_and_spares_its_neighbours(
    jobs: JobRepository,
) -> None:
    stale, fresh = a_job(), a_job()
    await added(jobs, *(StoredJob(job=job, payload=b"1") for job in (stale, fresh)))
    winner = stale.cancel(NOW)
    await jobs.save([a_change(stale, winner)])

    missed = await jobs.save([a_change(job, running(job), hold=a_hold()) for job in (stale, fresh)])

    assert missed == {stale.id}
    found = await jobs.find("default", [stale.id, fresh.id])
    assert (found[stale.id], found[fresh.id].state) == (winner, JobState.RUNNING)


async def test_a_change_of_a_job_that_is_gone_misses(jobs: JobRepository) -> None:
    unknown = a_job()

    assert await jobs.save([a_change(unknown, unknown.cancel(NOW))]) == {unknown.id}


async def test_a_missed_end_leaves_no_record(jobs: JobRepository) -> None:
    job = await put(jobs, a_stored_job(), running)
    failed = ended(job, a_failure())
    await jobs.save([a_change(job, failed)])

    await jobs.save([a_change(job, job.lose(NOW))])

    assert [attempt.error.kind for attempt in await jobs.attempts(job.id)] == [ErrorKind.ERROR]


async def test_runs_that_did_not_succeed_are_recorded_oldest_first(jobs: JobRepository) -> None:
    job = await put(jobs, a_stored_job(), running)
    session, worker = job.session, job.worker
    once = ended(job, a_failure(message="first"))
    await jobs.save([a_change(job, once)])
    again = running(once, now=NOW + SECOND)
    await jobs.save([a_change(once, again, hold=a_hold())])

    await jobs.save([a_change(again, succeeded(again), result=b"1")])

    [attempt] = await jobs.attempts(job.id)
    assert (attempt.fence, attempt.number, attempt.error) == (1, 1, once.error)
    assert (attempt.session, attempt.worker, attempt.started_at) == (session, worker, NOW)


async def test_only_the_newest_attempts_are_kept(jobs: JobRepository) -> None:
    stored = a_stored_job(options=RunOptions(max_attempts=1_000))

    await put(jobs, stored, *[running, lambda job: ended(job, a_failure())] * (KEPT_ATTEMPTS + 3))

    fences = [attempt.fence for attempt in await jobs.attempts(stored.job.id)]
    assert fences == list(range(4, KEPT_ATTEMPTS + 4))


async def test_runs_that_never_started_push_no_error_out_of_the_newest_attempts(
    jobs: JobRepository,
) -> None:
    stored = a_stored_job(options=RunOptions(max_attempts=1_000))
    fails = [running, lambda job: ended(job, a_failure())]
    bounces = [running, lambda job: ended(job, Released(unstarted=True))]

    await put(jobs, stored, *fails, *bounces * KEPT_ATTEMPTS, *fails)

    fences = [attempt.fence for attempt in await jobs.attempts(stored.job.id)]
    assert fences == [1, KEPT_ATTEMPTS + 2]


async def test_a_session_holds_what_it_claimed_until_the_run_ends(jobs: JobRepository) -> None:
    session, hold = uuid4(), a_hold()
    job = await put(jobs, a_stored_job())
    claimed = running(job, session)

    await jobs.save([a_change(job, claimed, hold=hold)])

    [run] = await jobs.held_by(session)
    assert (run.job_id, run.fence, run.claim_id) == (job.id, 1, hold.claim_id)
    assert not await jobs.held_by(uuid4())
    await jobs.save([a_change(claimed, ended(claimed, Released()))])
    assert not await jobs.held_by(session)


async def test_a_session_is_told_which_of_its_runs_were_asked_to_stop(jobs: JobRepository) -> None:
    stopped, other = [await put(jobs, a_stored_job(), running) for _ in range(2)]
    assert stopped.session is not None

    await jobs.save([a_change(stopped, stopped.cancel(NOW))])

    assert await jobs.cancel_requests(stopped.session) == [(stopped.id, 1)]
    assert other.session is not None
    assert not await jobs.cancel_requests(other.session)


async def test_errors_with_awkward_texts_are_kept(jobs: JobRepository) -> None:
    error = JobError(
        kind=ErrorKind.PERMANENT, message="\x00\ud800 \N{FIRE}", traceback="x" * 20_000
    )

    job = await put(
        jobs, a_stored_job(), running, lambda job: ended(job, replace(a_failure(), error=error))
    )

    assert (await jobs.find("default", [job.id]))[job.id].error == error


async def test_ends_are_told_and_no_other_changes(
    jobs: JobRepository, job_ends: InMemoryJobEnds
) -> None:
    done, failing, waiting = [await put(jobs, a_stored_job(), running) for _ in range(3)]
    cancelled = await put(jobs, a_stored_job(), lambda job: job.cancel(NOW))
    told, job_ends.told = job_ends.told, []

    again = ended(failing, a_failure())
    missed = await jobs.save(
        [
            a_change(done, succeeded(done), result=b"1"),
            a_change(failing, again),
            a_change(replace(waiting, version=99), succeeded(waiting), result=b"1"),
            a_change(cancelled, cancelled.retry(NOW)),
        ]
    )

    assert told == [cancelled.id]
    assert job_ends.told == [done.id]
    assert missed == {waiting.id}


async def test_a_batch_that_was_refused_tells_of_no_end(
    jobs: JobRepository, job_ends: InMemoryJobEnds
) -> None:
    job = await put(jobs, a_stored_job(), running)

    with pytest.raises(Unstorable):
        await jobs.save([a_change(job, succeeded(job), result=b'"\x00"')])

    assert job_ends.told == []


async def test_those_that_have_ended_are_found_and_no_others(jobs: JobRepository) -> None:
    done = await put(jobs, a_stored_job(), running, succeeded)
    cancelled = await put(jobs, a_stored_job(), lambda job: job.cancel(NOW))
    again = await put(jobs, a_stored_job(), lambda j: j.cancel(NOW), lambda j: j.retry(NOW))
    waiting, busy = await put(jobs, a_stored_job()), await put(jobs, a_stored_job(), running)
    theirs = await put(jobs, a_stored_job(namespace="theirs"), lambda job: job.cancel(NOW))
    ids = [job.id for job in (done, cancelled, again, waiting, busy, theirs)]

    found = await jobs.find_ended("default", [*ids, uuid4()], limit=10)

    assert {stored.job.id: stored for stored in found} == await jobs.find_stored(
        "default", [done.id, cancelled.id]
    )
    assert len(await jobs.find_ended("default", ids, limit=1)) == 1
