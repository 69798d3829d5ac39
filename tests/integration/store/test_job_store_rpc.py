"""A job's life over gRPC, on real PostgreSQL and real Valkey."""

from uuid import uuid4

import grpc
import pytest
from grpc_health.v1 import health_pb2
from grpc_health.v1.health_pb2_grpc import HealthStub
from tests.builders import SECOND, a_failure, a_new_job
from tests.integration.store.conftest import RunningStore
from tests.integration.store.rpc import a_report, claimed, finished, got, opened, submitted

from treadle_domain.claimed_run import ClaimedRun
from treadle_domain.errors import InvalidValue, JobNotFound, SessionNotOpen, TransitionRefused
from treadle_domain.outcomes import Released
from treadle_domain.run_policy import RunOptions
from treadle_domain.states import JobState
from treadle_domain.worker_session import Heartbeat
from treadle_store.container import Container
from treadle_store.settings import Settings
from treadle_wire import run_codec, submission_codec
from treadle_wire.scalars import to_uuid
from treadle_wire.status import fault_from_wire, fault_of
from treadle_wire.store.v1 import job_pb2
from treadle_wire.store.v1 import job_store_pb2 as pb
from treadle_wire.store.v1.job_store_pb2_grpc import JobStoreStub


async def test_a_job_goes_from_submit_to_success(store: RunningStore) -> None:
    session = await opened(store)
    job_id = await submitted(store, b'{"a":  1e400}')

    [run] = await claimed(store, session, job_id)
    rulings = await finished(store, session, a_report(job_id))

    assert isinstance(run, ClaimedRun)
    assert run.payload == b'{"a":  1e400}'
    assert rulings == ["applied"]
    end = await got(store, job_id)
    assert (end.job.state, end.result, end.job.attempt) == (JobState.SUCCESS, b'{"n":  1}', 1)
    assert end.job.started_at is not None
    assert end.job.finished_at is not None
    assert end.job.created_at <= end.job.started_at <= end.job.finished_at


async def test_a_repeated_submit_after_the_end_answers_with_the_end(store: RunningStore) -> None:
    session = await opened(store)
    new = a_new_job()
    request = pb.SubmitJobsRequest(
        namespace="default", submissions=[submission_codec.new_job_to_wire(new)]
    )
    await store.rpc.SubmitJobs(request)
    await claimed(store, session, new.submission.id)
    await finished(store, session, a_report(new.submission.id))

    [answer] = (await store.rpc.SubmitJobs(request)).answers

    assert answer.job.state == job_pb2.JOB_STATE_SUCCESS
    assert not answer.due


async def test_an_invalid_submission_spares_its_neighbours(store: RunningStore) -> None:
    good = submission_codec.new_job_to_wire(a_new_job())
    bad_name = submission_codec.new_job_to_wire(a_new_job())
    bad_name.queue = "no spaces"
    not_json = submission_codec.new_job_to_wire(a_new_job(b"{nonsense"))

    response = await store.rpc.SubmitJobs(
        pb.SubmitJobsRequest(namespace="default", submissions=[good, bad_name, not_json])
    )

    kinds = [answer.WhichOneof("answer") for answer in response.answers]
    assert kinds == ["job", "fault", "fault"]
    faults = [fault_from_wire(answer.fault) for answer in response.answers[1:]]
    assert [f.field for f in faults if isinstance(f, InvalidValue)] == ["queue", "payload"]


async def test_where_all_are_invalid_each_is_told_so(store: RunningStore) -> None:
    bad_name = submission_codec.new_job_to_wire(a_new_job())
    bad_name.queue = "no spaces"

    for submissions in ([bad_name], []):
        request = pb.SubmitJobsRequest(namespace="default", submissions=submissions)
        response = await store.rpc.SubmitJobs(request)

        assert [answer.WhichOneof("answer") for answer in response.answers] == ["fault"] * len(
            submissions
        )


async def test_a_brief_answer_is_given_to_who_asks_for_it(store: RunningStore) -> None:
    new = submission_codec.new_job_to_wire(a_new_job())

    told = [
        (await store.rpc.SubmitJobs(request)).answers[0]
        for request in (
            pb.SubmitJobsRequest(namespace="default", submissions=[new], brief=True),
            pb.SubmitJobsRequest(namespace="default", submissions=[new], brief=True),
            pb.SubmitJobsRequest(namespace="default", submissions=[new]),
        )
    ]

    assert told[0] == told[1]
    assert told[0].created_at_us == told[2].job.created_at_us > 0


async def test_a_released_job_is_back_in_the_ready_queue(store: RunningStore) -> None:
    session = await opened(store)
    job_id = await submitted(store)
    await claimed(store, session, job_id)

    await finished(store, session, a_report(job_id, outcome=Released(), result=None))

    popped = await store.ready_sets.pop([("default", "default")], 10)
    assert popped is not None
    assert list(popped.ranks) == [job_id]


async def test_a_delayed_job_is_announced_when_it_is_due(store: RunningStore) -> None:
    job_id = await submitted(store, delay=SECOND / 100)

    popped = None
    while popped is None:
        await store.container.announce_due_jobs()()
        popped = await store.ready_sets.pop([("default", "default")], 10, SECOND / 50)

    assert list(popped.ranks) == [job_id]


async def test_an_unknown_type_fails_naming_the_known_ones(store: RunningStore) -> None:
    session = await opened(store, "echo", "mail")
    job_id = await submitted(store, type="raport")

    await claimed(store, session, job_id)

    job = (await got(store, job_id)).job
    assert (job.state, job.error and job.error.kind) == (JobState.FAILED, "unknown_type")
    assert job.error is not None
    assert "echo, mail" in job.error.message


async def test_attempts_tell_every_run_that_did_not_succeed(store: RunningStore) -> None:
    session = await opened(store)
    job_id = await submitted(store, options=RunOptions(max_attempts=1))
    await claimed(store, session, job_id)
    await finished(store, session, a_report(job_id, outcome=a_failure(), result=None))

    request = pb.ListAttemptsRequest(namespace="default", job_id=job_id.bytes)
    [attempt] = (await store.rpc.ListAttempts(request)).attempts

    assert (attempt.worker, attempt.number, attempt.error.message) == ("worker-1", 1, "boom")


async def test_cancel_and_retry_answer_per_job(store: RunningStore) -> None:
    session = await opened(store)
    waiting, done, unknown = await submitted(store), await submitted(store), uuid4()
    await claimed(store, session, done)
    await finished(store, session, a_report(done))
    request = pb.ChangeJobsRequest(
        namespace="default", job_ids=[i.bytes for i in (waiting, done, unknown)]
    )

    cancels = (await store.rpc.CancelJobs(request)).answers
    retries = (await store.rpc.RetryJobs(request)).answers

    assert cancels[0].job.job.state == job_pb2.JOB_STATE_CANCELLED
    assert retries[0].job.job.state == job_pb2.JOB_STATE_PENDING
    for answers in (cancels, retries):
        faults = [fault_from_wire(answer.fault) for answer in answers[1:]]
        assert [type(fault) for fault in faults] == [TransitionRefused, JobNotFound]


async def test_a_heartbeat_extends_the_lease_and_brings_cancellations(store: RunningStore) -> None:
    session = await opened(store)
    job_id = await submitted(store)
    await claimed(store, session, job_id)
    await store.rpc.CancelJobs(pb.ChangeJobsRequest(namespace="default", job_ids=[job_id.bytes]))
    beat = Heartbeat(session=session.id, number=1, held={job_id: 1}, open_claims=frozenset())

    lease = await store.rpc.Heartbeat(run_codec.heartbeat_to_wire(beat))

    assert [(to_uuid(run.job_id), run.fence) for run in lease.cancelled] == [(job_id, 1)]


async def test_a_closed_session_is_refused_with_its_fields(store: RunningStore) -> None:
    session = await opened(store)
    await store.rpc.CloseSession(
        pb.CloseSessionRequest(session_id=session.id.bytes, reason="drained")
    )

    with pytest.raises(grpc.aio.AioRpcError) as refusal:
        await claimed(store, session, uuid4())

    fault = fault_of(refusal.value)
    assert isinstance(fault, SessionNotOpen)
    assert fault.session_id == session.id


async def test_health_follows_postgresql(store: RunningStore) -> None:
    async with grpc.aio.insecure_channel(store.target) as channel:
        health = HealthStub(channel)
        before = await health.Check(health_pb2.HealthCheckRequest())
        await store.container.server().check_health()
        after = await health.Check(health_pb2.HealthCheckRequest())

    assert before.status == health_pb2.HealthCheckResponse.NOT_SERVING
    assert after.status == health_pb2.HealthCheckResponse.SERVING


async def test_a_store_without_postgresql_says_unavailable(redis_url: str) -> None:
    settings = Settings(
        database_url="postgresql://nobody@127.0.0.1:1/none",
        redis_url=redis_url,
        store_listen="127.0.0.1:0",
    )
    server = Container(settings=settings).server()
    await server.start()
    async with grpc.aio.insecure_channel(f"127.0.0.1:{server.port}") as channel:
        rpc = JobStoreStub(channel)
        with pytest.raises(grpc.aio.AioRpcError) as refusal:
            await rpc.GetJobs(pb.GetJobsRequest(namespace="default", job_ids=[uuid4().bytes]))
    await server.stop(0)

    assert refusal.value.code() is grpc.StatusCode.UNAVAILABLE
