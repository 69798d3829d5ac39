"""What the API's JobStore promises, asked of the fake and of gRPC with the store behind it."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

import pytest
from tests.builders import SECOND, a_failure, a_new_job
from tests.fakes.in_memory_api_keys import InMemoryApiKeys
from tests.fakes.store_over_memory import StoreOverMemory
from tests.unit.api.in_memory_job_store import InMemoryJobStore
from tests.unit.api.running import run

from treadle_api.adapters.outbound.grpc_job_store import GrpcJobStore
from treadle_api.application.ports import JobStore, Submitted
from treadle_domain.errors import InvalidValue, JobNotFound, TransitionRefused
from treadle_domain.job import Job
from treadle_domain.outcomes import Outcome, Succeeded
from treadle_domain.run_policy import RunOptions
from treadle_domain.states import JobState
from treadle_domain.stored_job import JobQuery, NewJob
from treadle_store.adapters.inbound.grpc import server, servicer
from treadle_store.adapters.inbound.grpc.key_servicer import GrpcApiKeys
from treadle_store.application.get_jobs import MOST_ENDED
from treadle_wire.store.v1 import job_store_pb2 as pb
from treadle_wire.store_channel import open_channel

NAMESPACE = "default"
ONCE = RunOptions(max_attempts=1)


@dataclass
class Subject:
    """The port under test, and the store behind it for what only workers do."""

    port: JobStore
    store: StoreOverMemory

    async def put(self, new: NewJob) -> NewJob:
        [answer] = await self.port.submit(NAMESPACE, [new])
        assert isinstance(answer, Submitted)
        return new

    async def run(self, new: NewJob, outcome: Outcome, result: bytes | None = None) -> None:
        await run(self.store, new.submission.id, outcome, result)


class OlderGrpcJobStore(servicer.GrpcJobStore):
    """Knows no brief answers."""

    async def SubmitJobs(  # noqa: N802
        self, request: pb.SubmitJobsRequest, context: servicer.Context
    ) -> pb.SubmitJobsResponse:
        request.ClearField("brief")
        return await super().SubmitJobs(request, context)


@pytest.fixture(params=["in memory", "gRPC", "gRPC, an older store"])
async def subject(request: pytest.FixtureRequest) -> AsyncIterator[Subject]:
    store = StoreOverMemory()
    async with store.hand_over:
        if request.param == "in memory":
            yield Subject(InMemoryJobStore(store), store)
            return
        kind = servicer.GrpcJobStore if request.param == "gRPC" else OlderGrpcJobStore
        serving = server.GrpcServer(
            kind(store.do, store.jobs, store.queue_depths),
            GrpcApiKeys(InMemoryApiKeys()),
            store,
            "127.0.0.1:0",
        )
        await serving.start()
        async with open_channel(f"127.0.0.1:{serving.port}") as channel:
            yield Subject(GrpcJobStore(channel), store)
        await serving.stop(0)


async def test_a_submitted_job_is_found_as_it_was_said(subject: Subject) -> None:
    new = a_new_job(
        b'{"a":  1e400}', priority=3, options=RunOptions(max_attempts=7), metadata={"tenant": "7"}
    )

    [answer] = await subject.port.submit(NAMESPACE, [new])

    assert isinstance(answer, Submitted)
    assert answer.created_at is not None
    found = await subject.port.get(NAMESPACE, new.submission.id)
    assert found.job == Job.submitted(new.submission, answer.created_at)
    assert answer.ready is not None
    assert (answer.ready.id, answer.ready.rank) == (answer.job_id, found.job.rank)
    assert (answer.ready.namespace, answer.ready.queue) == (NAMESPACE, found.job.queue)
    assert (found.payload, found.result) == (b'{"a":  1e400}', None)
    assert (found.job.priority, found.job.policy.max_attempts) == (3, 7)
    assert found.job.metadata == {"tenant": "7"}


async def test_a_delayed_job_is_not_due(subject: Subject) -> None:
    [answer] = await subject.port.submit(NAMESPACE, [a_new_job(delay=SECOND)])

    assert isinstance(answer, Submitted)
    assert answer.ready is None


async def test_submitting_an_id_again_answers_with_its_job(subject: Subject) -> None:
    new = await subject.put(a_new_job(b"1"))
    await subject.port.cancel(NAMESPACE, new.submission.id)

    [answer] = await subject.port.submit(NAMESPACE, [replace(new, payload=b"2")])

    assert isinstance(answer, Submitted)
    assert (answer.job_id, answer.ready) == (new.submission.id, None)
    assert answer.created_at is None
    assert (await subject.port.get(NAMESPACE, new.submission.id)).payload == b"1"


async def test_a_repeat_tells_of_an_untouched_job_what_the_first_submit_told(
    subject: Subject,
) -> None:
    new = a_new_job()
    first = await subject.port.submit(NAMESPACE, [new])
    subject.store.clock.advance(SECOND)

    again = await subject.port.submit(NAMESPACE, [new])

    told = [a for a in (*first, *again) if isinstance(a, Submitted) and a.ready]
    assert [(a.created_at, a.ready and a.ready.rank) for a in told] == 2 * [
        (told[0].created_at, told[0].ready and told[0].ready.rank)
    ]


async def test_a_refused_job_spares_its_neighbours(subject: Subject) -> None:
    jobs = [a_new_job(), a_new_job(b'"\x00"'), a_new_job()]

    answers = await subject.port.submit(NAMESPACE, jobs)

    assert [type(answer) for answer in answers] == [Submitted, InvalidValue, Submitted]


async def test_the_result_of_a_success_is_found_byte_for_byte(subject: Subject) -> None:
    new = await subject.put(a_new_job())
    await subject.run(new, Succeeded(), b'{"n":  1}')

    found = await subject.port.get(NAMESPACE, new.submission.id)

    assert (found.job.state, found.result) == (JobState.SUCCESS, b'{"n":  1}')


async def test_a_job_of_another_namespace_does_not_exist(subject: Subject) -> None:
    new = await subject.put(a_new_job())
    job_id = new.submission.id

    for ask in (
        subject.port.get,
        subject.port.attempts,
        subject.port.cancel,
        subject.port.retry,
    ):
        with pytest.raises(JobNotFound) as refusal:
            await ask("other", job_id)
        assert refusal.value.job_id == job_id
    assert (await subject.port.page(JobQuery(namespace="other"))).jobs == ()


async def test_pages_follow_each_other_without_gap_or_repeat(subject: Subject) -> None:
    ids = [(await subject.put(a_new_job())).submission.id for _ in range(5)]

    seen = []
    query: JobQuery | None = JobQuery(namespace=NAMESPACE, limit=2)
    while query is not None:
        page = await subject.port.page(query)
        seen += [job.id for job in page.jobs]
        query = None if page.next is None else replace(query, after=page.next)

    assert seen == sorted(ids, reverse=True)


async def test_filters_narrow_a_page(subject: Subject) -> None:
    wanted = await subject.put(a_new_job(queue="q", type="t", metadata={"k": "v", "l": "w"}))
    for other in ({"queue": "x"}, {"type": "x"}, {"metadata": {"k": "x"}}):
        said: dict[str, Any] = {"queue": "q", "type": "t", "metadata": {"k": "v"}} | other
        await subject.put(a_new_job(**said))
    await subject.port.cancel(NAMESPACE, wanted.submission.id)

    page = await subject.port.page(
        JobQuery(
            namespace=NAMESPACE,
            states=frozenset({JobState.CANCELLED, JobState.FAILED}),
            queue="q",
            type="t",
            metadata={"k": "v"},
        )
    )

    assert [job.id for job in page.jobs] == [wanted.submission.id]
    assert page.next is None


async def test_a_failed_run_is_told_by_the_attempts(subject: Subject) -> None:
    new = await subject.put(a_new_job(options=ONCE))
    await subject.run(new, a_failure(message="boom"))

    [attempt] = await subject.port.attempts(NAMESPACE, new.submission.id)

    assert (attempt.number, attempt.worker, attempt.error.message) == (1, "worker-1", "boom")


async def test_cancelling_again_changes_nothing(subject: Subject) -> None:
    new = await subject.put(a_new_job(b"[1]"))

    first = await subject.port.cancel(NAMESPACE, new.submission.id)
    second = await subject.port.cancel(NAMESPACE, new.submission.id)

    assert first.job.state is JobState.CANCELLED
    assert first == second
    assert first.payload == b"[1]"


async def test_a_finished_job_cannot_be_cancelled(subject: Subject) -> None:
    new = await subject.put(a_new_job())
    await subject.run(new, Succeeded(), b"1")

    with pytest.raises(TransitionRefused) as refusal:
        await subject.port.cancel(NAMESPACE, new.submission.id)

    assert (refusal.value.state, refusal.value.verb) == (JobState.SUCCESS, "cancel")


async def test_a_failed_job_gets_a_new_life(subject: Subject) -> None:
    new = await subject.put(a_new_job(options=ONCE))
    await subject.run(new, a_failure())

    again = await subject.port.retry(NAMESPACE, new.submission.id)

    assert (again.job.state, again.job.attempt, again.job.fence) == (JobState.PENDING, 0, 1)
    with pytest.raises(TransitionRefused):
        await subject.port.retry(NAMESPACE, new.submission.id)


async def test_jobs_that_have_ended_are_told_from_those_that_have_not(subject: Subject) -> None:
    done, waiting = [await subject.put(a_new_job()) for _ in range(2)]
    await subject.run(done, Succeeded(), b'{"n":  1}')
    ids = [new.submission.id for new in (done, waiting)]

    ended = await subject.port.ended(NAMESPACE, ids)

    assert ended.jobs == [await subject.port.get(NAMESPACE, ids[0])]
    assert not ended.more
    assert not (await subject.port.ended("theirs", ids)).jobs


async def test_more_ended_jobs_than_one_answer_holds_come_in_several(subject: Subject) -> None:
    result = b'"' + b"x" * 1024 * 1024 + b'"'
    left = set[UUID]()
    for _ in range(MOST_ENDED + 3):
        new = await subject.put(a_new_job())
        await subject.run(new, Succeeded(), result)
        left.add(new.submission.id)
    more, answers = True, 0

    while more:
        answer = await subject.port.ended(NAMESPACE, left)
        left -= {stored.job.id for stored in answer.jobs}
        more, answers = answer.more, answers + 1

    assert not left
    assert answers >= (MOST_ENDED + 3) // 7
