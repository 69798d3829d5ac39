"""The store over gRPC: what is asked and answered, in the words of the domain."""

from collections.abc import Collection, Sequence
from uuid import UUID

import grpc

from treadle_api.adapters.outbound.store_calls import StoreCalls
from treadle_api.application.errors import StoreFailed
from treadle_api.application.ports import EndedJobs, Submitted
from treadle_domain.attempt import Attempt
from treadle_domain.errors import DomainError, JobNotFound
from treadle_domain.queue_depth import QueuePage, QueueQuery
from treadle_domain.stored_job import JobPage, JobQuery, NewJob, StoredJob
from treadle_wire import job_codec, list_codec, queue_codec, submission_codec
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
    ) -> None:
        self._rpc = access.stub(channel)
        self._calls = StoreCalls(deadline_seconds)

    async def submit(
        self, namespace: str, jobs: Sequence[NewJob]
    ) -> Sequence[Submitted | DomainError]:
        submissions = [submission_codec.new_job_to_wire(job) for job in jobs]
        request = pb.SubmitJobsRequest(namespace=namespace, submissions=submissions)
        response = await self._calls.change(self._rpc.SubmitJobs, request)
        return [_submitted(answer) for answer in response.answers]

    async def submit_atomically(
        self, namespace: str, jobs: Sequence[NewJob]
    ) -> Sequence[Submitted | DomainError | None]:
        submissions = [submission_codec.new_job_to_wire(job) for job in jobs]
        request = pb.SubmitJobsRequest(namespace=namespace, submissions=submissions, atomic=True)
        response = await self._calls.change(self._rpc.SubmitJobs, request)
        return [
            None if answer.WhichOneof("answer") is None else _submitted(answer)
            for answer in response.answers
        ]

    async def get(self, namespace: str, job_id: UUID) -> StoredJob:
        request = pb.GetJobsRequest(namespace=namespace, job_ids=[job_id.bytes])
        [answer] = (await self._calls.read(self._rpc.GetJobs, request)).answers
        if not answer.HasField("job"):
            raise JobNotFound(job_id)
        return job_codec.stored_job_from_wire(answer.job)

    async def ended(self, namespace: str, job_ids: Collection[UUID]) -> EndedJobs:
        request = pb.GetJobsRequest(namespace=namespace, job_ids=[i.bytes for i in job_ids])
        response = await self._calls.read(self._rpc.GetEndedJobs, request)
        jobs = [job_codec.stored_job_from_wire(job) for job in response.jobs]
        return EndedJobs(jobs, response.more)

    async def page(self, query: JobQuery) -> JobPage:
        response = await self._calls.read(self._rpc.ListJobs, list_codec.query_to_wire(query))
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


def _submitted(answer: pb.SubmitJobsResponse.Submitted) -> Submitted | DomainError:
    if answer.WhichOneof("answer") == "fault":
        return _refusal(answer.fault)
    job = job_codec.job_from_wire(answer.job)
    outcome = submission_codec.outcome_from_wire(answer.outcome)
    return Submitted(job=job, due=answer.due, outcome=outcome)


def _only_change(response: pb.ChangeJobsResponse) -> StoredJob:
    [answer] = response.answers
    if answer.WhichOneof("answer") == "fault":
        raise _refusal(answer.fault)
    return job_codec.stored_job_from_wire(answer.job)


def _refusal(fault: job_pb2.Fault) -> DomainError:
    try:
        return fault_from_wire(fault)
    except UnknownFault as error:
        raise StoreFailed(f"a refusal of a newer store: {error}") from error
