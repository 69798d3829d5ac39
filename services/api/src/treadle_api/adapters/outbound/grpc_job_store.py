"""The store over gRPC: what is asked and answered, in the words of the domain."""

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from functools import lru_cache
from uuid import UUID

import grpc

from treadle_api.adapters.outbound.prometheus_tally import PrometheusTally
from treadle_api.adapters.outbound.store_calls import StoreCalls
from treadle_api.application.errors import StoreFailed, StoreUnavailable
from treadle_api.application.ports import EndedJobs, Submitted
from treadle_domain.attempt import Attempt
from treadle_domain.errors import DomainError, InvalidValue, JobNotFound
from treadle_domain.queue_depth import QueuePage, QueueQuery
from treadle_domain.rank import ReadyJob
from treadle_domain.stored_job import JobPage, JobQuery, NewJob, StoredJob, SubmitOutcome
from treadle_domain.submission import Submission
from treadle_wire import job_codec, list_codec, queue_codec, submission_codec
from treadle_wire.scalars import from_us, to_uuid
from treadle_wire.status import UnknownFault, fault_from_wire
from treadle_wire.store.v1 import job_pb2
from treadle_wire.store.v1 import job_store_pb2 as pb
from treadle_wire.store_access import OPEN, StoreAccess
from treadle_wire.store_calls import DEADLINE_SECONDS


class GrpcJobStore:
    def __init__(
        self,
        channel: grpc.aio.Channel,
        access: StoreAccess = OPEN,
        deadline_seconds: float = DEADLINE_SECONDS,
        tally: PrometheusTally | None = None,
    ) -> None:
        self._tally = tally
        self._rpc = access.stub(channel)
        self._calls = StoreCalls(deadline_seconds)

    async def submit(
        self, namespace: str, jobs: Sequence[NewJob]
    ) -> Sequence[Submitted | DomainError]:
        response = await self._submit(namespace, jobs, atomic=False)
        answers = [
            _submitted(new.submission, answer)
            for new, answer in zip(jobs, response.answers, strict=True)
        ]
        self._count(jobs, answers)
        return answers

    async def submit_atomically(
        self, namespace: str, jobs: Sequence[NewJob]
    ) -> Sequence[Submitted | DomainError | None]:
        response = await self._submit(namespace, jobs, atomic=True)
        answers = [
            None if answer.WhichOneof("answer") is None else _submitted(new.submission, answer)
            for new, answer in zip(jobs, response.answers, strict=True)
        ]
        self._count(jobs, answers)
        return answers

    def _count(self, jobs: Sequence[NewJob], answers: Sequence[object]) -> None:
        if self._tally is not None:
            self._tally.submitted(jobs, answers)

    async def _submit(
        self, namespace: str, jobs: Sequence[NewJob], *, atomic: bool
    ) -> pb.SubmitJobsResponse:
        submissions = map(submission_codec.new_job_to_wire, jobs)
        request = pb.SubmitJobsRequest(
            namespace=namespace, submissions=submissions, atomic=atomic, brief=True
        )
        return await self._calls.change(self._rpc.SubmitJobs, request)

    async def get(self, namespace: str, job_id: UUID) -> StoredJob:
        [found] = await self.find(namespace, [job_id])
        if found is None:
            raise JobNotFound(job_id)
        return found

    async def find(self, namespace: str, ids: Sequence[UUID]) -> Sequence[StoredJob | None]:
        """In the order given, in as many calls as the size of the jobs takes."""
        request = pb.GetJobsRequest(namespace=namespace, job_ids=[i.bytes for i in ids])
        try:
            response = await self._calls.read(self._rpc.GetJobs, request)
        except StoreFailed:
            if len(ids) == 1:
                raise
            # A store that knows of no left out ones sends all, and together they can be too large.
            return [found for job_id in ids for found in await self.find(namespace, [job_id])]
        return [
            _stored_job(answer.job)
            if answer.HasField("job")
            else await self._left_out(namespace, job_id, answer)
            for job_id, answer in zip(ids, response.answers, strict=True)
        ]

    async def _left_out(
        self, namespace: str, job_id: UUID, answer: pb.GetJobsResponse.Found
    ) -> StoredJob | None:
        return (await self.find(namespace, [job_id]))[0] if answer.left_out else None

    async def ended(self, namespace: str, job_ids: Collection[UUID]) -> EndedJobs:
        request = pb.GetJobsRequest(namespace=namespace, job_ids=[i.bytes for i in job_ids])
        response = await self._calls.read(self._rpc.GetEndedJobs, request)
        jobs = [_stored_job(job) for job in response.jobs]
        return EndedJobs(jobs, response.more)

    async def page(self, query: JobQuery) -> JobPage:
        response = await self._calls.read(self._rpc.ListJobs, list_codec.query_to_wire(query))
        with _understood():
            return list_codec.page_from_wire(response)

    async def queues(self, query: QueueQuery) -> QueuePage:
        request = queue_codec.query_to_wire(query)
        return queue_codec.page_from_wire(await self._calls.read(self._rpc.ListQueues, request))

    async def attempts(self, namespace: str, job_id: UUID) -> Sequence[Attempt]:
        request = pb.ListAttemptsRequest(namespace=namespace, job_id=job_id.bytes)
        response = await self._calls.read(self._rpc.ListAttempts, request)
        return [job_codec.attempt_from_wire(attempt) for attempt in response.attempts]

    async def cancel(self, namespace: str, job_id: UUID) -> StoredJob:
        request = pb.ChangeJobsRequest(namespace=namespace, job_ids=[job_id.bytes])
        return _only_change(await self._calls.change(self._rpc.CancelJobs, request))

    async def retry(self, namespace: str, job_id: UUID) -> StoredJob:
        request = pb.ChangeJobsRequest(namespace=namespace, job_ids=[job_id.bytes])
        # A second RetryJobs is refused because of the first: repeating it blindly would report a false conflict.
        return _only_change(
            await self._calls.change(self._rpc.RetryJobs, request, repeatable=False)
        )


def _submitted(
    said: Submission, answer: pb.SubmitJobsResponse.Submitted
) -> Submitted | DomainError:
    match answer.WhichOneof("answer"):
        case "fault":
            return _refusal(answer.fault)
        case "created_at_us":
            return _created(said, _moment(answer.created_at_us))
    job = answer.job
    ready = ReadyJob(to_uuid(job.id), said.namespace, job.queue, job.rank)
    outcome = submission_codec.outcome_from_wire(answer.outcome)
    is_known = outcome is SubmitOutcome.CREATED and job.version == 1
    return Submitted(
        job_id=ready.id,
        ready=ready if answer.due else None,
        created_at=from_us(job.created_at_us) if is_known else None,
        outcome=outcome,
    )


_moment = lru_cache(maxsize=16)(from_us)
"""All new jobs of a call have the same."""


def _created(said: Submission, at: datetime) -> Submitted:
    is_due = said.start_from(at) <= at
    ready = ReadyJob(said.id, said.namespace, said.queue, said.rank_from(at)) if is_due else None
    return Submitted(job_id=said.id, ready=ready, created_at=at)


def _only_change(response: pb.ChangeJobsResponse) -> StoredJob:
    [answer] = response.answers
    if answer.WhichOneof("answer") == "fault":
        raise _refusal(answer.fault)
    return _stored_job(answer.job)


def _stored_job(message: job_pb2.StoredJob) -> StoredJob:
    with _understood():
        return job_codec.stored_job_from_wire(message)


@contextmanager
def _understood() -> Iterator[None]:
    """A state that only a newer store knows is for an API that knows it too: another one may."""
    try:
        yield
    except InvalidValue as error:
        raise StoreUnavailable(outcome_unknown=True) from error


def _refusal(fault: job_pb2.Fault) -> DomainError:
    try:
        return fault_from_wire(fault)
    except UnknownFault as error:
        # Another API may know the words of a newer store.
        raise StoreUnavailable(outcome_unknown=False) from error
