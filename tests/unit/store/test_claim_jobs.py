from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from tests.builders import SECOND, a_new_job, a_session
from tests.fakes.store_over_memory import StoreOverMemory

from treadle_domain.claimed_run import ClaimBatch, ClaimedRun, ClaimRefusal, RunReport
from treadle_domain.errors import SessionNotOpen
from treadle_domain.job import Job
from treadle_domain.outcomes import Released
from treadle_domain.run_policy import RunOptions
from treadle_domain.seats import NO_LIMITS, FreeSeats, Seats
from treadle_domain.states import JobState
from treadle_domain.worker_session import SessionEnd, WorkerSession
from treadle_store.application import claim_jobs as claim_jobs_module
from treadle_store.application.run_ports import MAX_PLAIN_BYTES

NOT_PLAIN = b'"' + b"x" * MAX_PLAIN_BYTES + b'"'


@pytest.fixture
async def store() -> AsyncIterator[StoreOverMemory]:
    store = StoreOverMemory()
    async with store.hand_over:
        yield store


async def submit(store: StoreOverMemory, payload: bytes = b"{}", **said: Any) -> UUID:
    new = a_new_job(payload, **said)
    await store.do.submit_jobs([new])
    return new.submission.id


async def opened(store: StoreOverMemory, session: WorkerSession) -> WorkerSession:
    await store.do.keep_session.open(session)
    return session


def a_claim(
    session: WorkerSession,
    *ids: UUID,
    claim_id: UUID | None = None,
    seats: FreeSeats = NO_LIMITS,
) -> ClaimBatch:
    return ClaimBatch(
        namespace="default",
        session=session.id,
        claim_id=claim_id or uuid4(),
        heartbeat_number=1,
        job_ids=ids,
        seats=seats,
    )


async def state_of(store: StoreOverMemory, job_id: UUID) -> Job:
    return (await store.jobs.find("default", [job_id]))[job_id]


async def test_a_due_job_is_granted_with_all_that_its_run_needs(store: StoreOverMemory) -> None:
    said = RunOptions(timeout=9 * SECOND)
    session = await opened(store, a_session(handlers={"echo": RunOptions(max_attempts=8)}))
    job_id = await submit(store, b'{"n":1}', options=said, metadata={"a": "b"})

    [run] = await store.do.claim_jobs(a_claim(session, job_id))

    assert isinstance(run, ClaimedRun)
    assert (run.job_id, run.fence, run.attempt, run.payload) == (job_id, 1, 1, b'{"n":1}')
    assert (run.max_attempts, run.timeout, run.metadata) == (8, 9 * SECOND, {"a": "b"})
    assert (await state_of(store, job_id)).state is JobState.RUNNING


async def test_answers_come_in_the_order_asked(store: StoreOverMemory) -> None:
    session = await opened(store, a_session())
    first, later = await submit(store), await submit(store, delay=SECOND)
    unknown = uuid4()

    answers = await store.do.claim_jobs(a_claim(session, unknown, later, first))

    assert answers[:2] == [ClaimRefusal.GONE, ClaimRefusal.NOT_DUE]
    assert isinstance(answers[2], ClaimedRun)


async def test_a_repeated_call_gets_the_same_runs(store: StoreOverMemory) -> None:
    session = await opened(store, a_session())
    call = a_claim(session, await submit(store), await submit(store))
    answers = await store.do.claim_jobs(call)

    again = await store.do.claim_jobs(call)

    assert again == answers


@pytest.mark.parametrize("same_session", [True, False])
async def test_another_call_does_not_get_a_running_job(
    store: StoreOverMemory, same_session: bool
) -> None:
    session, other = await opened(store, a_session()), await opened(store, a_session())
    job_id = await submit(store)
    await store.do.claim_jobs(a_claim(session, job_id))

    answers = await store.do.claim_jobs(a_claim(session if same_session else other, job_id))

    assert answers == [ClaimRefusal.GONE]
    assert (await state_of(store, job_id)).fence == 1


async def test_a_session_that_is_closed_gets_nothing(store: StoreOverMemory) -> None:
    session = await opened(store, a_session())
    job_id = await submit(store)
    await store.do.keep_session.close(session.id, SessionEnd.DRAINED)

    with pytest.raises(SessionNotOpen):
        await store.do.claim_jobs(a_claim(session, job_id))

    assert (await state_of(store, job_id)).state is JobState.PENDING


async def test_a_job_of_another_namespace_is_gone(store: StoreOverMemory) -> None:
    session = await opened(store, a_session())
    job_id = await submit(store, namespace="theirs")

    assert await store.do.claim_jobs(a_claim(session, job_id)) == [ClaimRefusal.GONE]


async def test_a_job_that_expired_ends_instead_of_starting(store: StoreOverMemory) -> None:
    session = await opened(store, a_session())
    job_id = await submit(store, expires_at=store.clock.time + SECOND)
    store.clock.advance(2 * SECOND)

    answers = await store.do.claim_jobs(a_claim(session, job_id))

    assert answers == [ClaimRefusal.GONE]
    assert (await state_of(store, job_id)).state is JobState.FAILED


async def test_an_unknown_type_waits_for_a_worker_that_knows_it(store: StoreOverMemory) -> None:
    newer, older = a_session("echo", "report"), a_session("echo")
    for session in (newer, older):
        await opened(store, session)
    job_id = await submit(store, type="report")
    store.clock.advance(timedelta(minutes=10))
    await store.do.keep_session.open(a_session("report"))

    answers = await store.do.claim_jobs(a_claim(older, job_id))

    assert answers == [ClaimRefusal.UNKNOWN_TYPE]
    job = await state_of(store, job_id)
    assert (job.state, job.fence) == (JobState.PENDING, 0)
    assert job.run_at > store.clock.time


async def test_an_unknown_type_is_refused_after_the_grace_naming_the_known(
    store: StoreOverMemory,
) -> None:
    session = await opened(store, a_session("echo", "mail"))
    job_id = await submit(store, type="raport")
    await store.do.claim_jobs(a_claim(session, job_id))
    store.clock.advance(store.unknown_type_grace + SECOND)
    session = await opened(store, a_session("echo", "mail"))

    await store.do.claim_jobs(a_claim(session, job_id))

    job = await state_of(store, job_id)
    assert job.state is JobState.FAILED
    assert job.error is not None
    assert (job.error.kind, job.fence) == ("unknown_type", 0)
    assert "echo, mail" in job.error.message


async def test_what_does_not_fit_into_the_answer_goes_back_at_once(
    store: StoreOverMemory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(claim_jobs_module, "MAX_ANSWER_BYTES", 2 * MAX_PLAIN_BYTES)
    session = await opened(store, a_session())
    large = b'"' + b"x" * MAX_PLAIN_BYTES + b'"'
    ids = sorted(
        [await submit(store, large), await submit(store, b"1"), await submit(store, large)]
    )

    answers = await store.do.claim_jobs(a_claim(session, *ids))

    granted = [answer for answer in answers if isinstance(answer, ClaimedRun)]
    left_over = ids[answers.index(ClaimRefusal.LEFT_OVER)]
    assert len(granted) == 2
    assert (await state_of(store, left_over)).state is JobState.PENDING
    assert left_over in store.ready_queue.jobs


async def test_a_cancel_between_the_look_and_the_claim_wins(store: StoreOverMemory) -> None:
    session = await opened(store, a_session())
    job_id = await submit(store, NOT_PLAIN)
    find_stored, interrupted = store.jobs.find_stored, False

    async def cancel_after_the_first_look(namespace: str, ids: object) -> object:
        nonlocal interrupted
        found = await find_stored(namespace, ids)  # type: ignore[arg-type]
        if not interrupted:
            interrupted = True
            await store.do.cancel_jobs("default", [job_id])
        return found

    store.jobs.find_stored = cancel_after_the_first_look  # type: ignore[method-assign, assignment]

    answers = await store.do.claim_jobs(a_claim(session, job_id))

    assert answers == [ClaimRefusal.GONE]
    assert (await state_of(store, job_id)).state is JobState.CANCELLED


ONE_ECHO = FreeSeats(by_type={"echo": Seats(free=1, put_off=SECOND)})


async def test_what_finds_no_free_seat_of_its_type_is_put_off_untouched(
    store: StoreOverMemory,
) -> None:
    session = await opened(store, a_session("echo", "mail"))
    ids = [await submit(store) for _ in range(3)] + [await submit(store, type="mail")]

    answers = await store.do.claim_jobs(a_claim(session, *ids, seats=ONE_ECHO))

    granted = [answer.job_id for answer in answers if isinstance(answer, ClaimedRun)]
    assert [answers.count(ClaimRefusal.PUT_OFF), len(granted), ids[3] in granted] == [2, 2, True]
    for job_id in {*ids} - {*granted}:
        job = await state_of(store, job_id)
        assert (job.state, job.run_at) == (JobState.PENDING, store.clock.time + SECOND)
        assert (job.fence, job.attempt, job.rank) == (0, 0, (await state_of(store, ids[3])).rank)
    assert store.hand_over.waiting == 2


async def test_another_worker_gets_what_was_put_off_as_soon_as_it_is_due(
    store: StoreOverMemory,
) -> None:
    full, idle = await opened(store, a_session()), await opened(store, a_session())
    job_id = await submit(store)
    none = FreeSeats(by_type={"echo": Seats(free=0, put_off=SECOND)})
    assert await store.do.claim_jobs(a_claim(full, job_id, seats=none)) == [ClaimRefusal.PUT_OFF]
    assert await store.do.claim_jobs(a_claim(idle, job_id)) == [ClaimRefusal.NOT_DUE]

    store.clock.advance(SECOND)
    [run] = await store.do.claim_jobs(a_claim(idle, job_id, seats=ONE_ECHO))

    assert isinstance(run, ClaimedRun)
    assert (run.fence, run.attempt) == (1, 1)


async def test_jobs_that_must_run_alone_are_known_to_the_store_only(store: StoreOverMemory) -> None:
    session = await opened(store, a_session("echo", "image"))
    killer, image = await submit(store), await submit(store, type="image")
    [run] = await store.do.claim_jobs(a_claim(session, killer))
    assert isinstance(run, ClaimedRun)
    died = Released(alone=True)
    report = RunReport(namespace="default", job_id=killer, fence=run.fence, outcome=died)
    await store.do.finish_jobs(session.id, [report])
    one = FreeSeats(alone=Seats(free=1), isolated=frozenset({"image"}))

    ids = (killer, image, await submit(store))
    answers = await store.do.claim_jobs(a_claim(session, *ids, seats=one))

    assert answers.count(ClaimRefusal.PUT_OFF) == 1
    assert isinstance(answers[2], ClaimedRun)


async def test_a_repeat_gets_the_same_runs_and_no_more_even_if_others_are_due_again(
    store: StoreOverMemory,
) -> None:
    """They are decided in the order of their ids: here one comes due that precedes the one granted."""
    session = await opened(store, a_session())
    first, second, third = sorted(uuid4() for _ in range(3))
    await submit(store, id=first, delay=SECOND)
    for job_id in (second, third):
        await submit(store, id=job_id)
    call = a_claim(session, first, second, third, seats=ONE_ECHO)
    not_due, granted, put_off = await store.do.claim_jobs(call)
    store.clock.advance(2 * SECOND)

    again = await store.do.claim_jobs(call)

    assert (not_due, put_off) == (ClaimRefusal.NOT_DUE, ClaimRefusal.PUT_OFF)
    assert isinstance(granted, ClaimedRun)
    assert again == [ClaimRefusal.PUT_OFF, granted, ClaimRefusal.PUT_OFF]


async def test_a_seat_that_was_lost_to_a_race_goes_to_no_one_beyond_the_limit(
    store: StoreOverMemory,
) -> None:
    session, other = await opened(store, a_session()), await opened(store, a_session())
    ids = sorted([await submit(store) for _ in range(3)])
    save, interrupted = store.jobs.save, False

    async def somebody_else_is_faster(changes: Any) -> frozenset[UUID]:
        nonlocal interrupted
        if not interrupted:
            interrupted = True
            await store.do.claim_jobs(a_claim(other, ids[0]))
        return await save(changes)

    store.jobs.save = somebody_else_is_faster  # type: ignore[method-assign]

    answers = await store.do.claim_jobs(a_claim(session, *ids, seats=ONE_ECHO))

    assert answers == [ClaimRefusal.GONE, ClaimRefusal.PUT_OFF, ClaimRefusal.PUT_OFF]
