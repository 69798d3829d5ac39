"""The store over gRPC: every call has a deadline, and an outage is told from a refusal."""

import asyncio
import random
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeVar
from uuid import UUID

import grpc

from treadle_api.adapters.outbound.outage_log import OutageLog
from treadle_api.application.errors import StoreFailed, StoreUnavailable
from treadle_api.application.ports import Submitted
from treadle_domain.attempt import Attempt
from treadle_domain.errors import DomainError, JobNotFound
from treadle_domain.stored_job import JobPage, JobQuery, NewJob, Position, StoredJob
from treadle_wire import job_codec
from treadle_wire.scalars import to_us
from treadle_wire.status import fault_from_wire, fault_of
from treadle_wire.store.v1 import job_store_pb2 as pb
from treadle_wire.store.v1.job_store_pb2_grpc import JobStoreStub

if TYPE_CHECKING:  # the stubs name a class that the generated module does not have
    from treadle_wire.store.v1.job_store_pb2_grpc import JobStoreAsyncStub

DEADLINE_SECONDS = 5.0
_LONGEST_TRY_SECONDS = 2.0
"""A store that hangs must leave time to ask another one."""
_PAUSES_SECONDS = (0.2, 0.8)
_OUTAGES = (
    grpc.StatusCode.UNAVAILABLE,
    grpc.StatusCode.DEADLINE_EXCEEDED,
    grpc.StatusCode.CANCELLED,
)
# gRPC has no field for it: these are the words of its core for "no connection, so nothing was sent".
_NOT_SENT = (
    "connections to all backends failing",
    "failed to connect to all addresses",
    "errors resolving ",
)

Request = TypeVar("Request")
Response = TypeVar("Response")


class GrpcJobStore:
    def __init__(
        self,
        channel: grpc.aio.Channel,
        deadline_seconds: float = DEADLINE_SECONDS,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._deadline_seconds = deadline_seconds
        self._rpc: JobStoreAsyncStub = JobStoreStub(channel)
        self._chance = chance
        self._outage = OutageLog("store")

    async def submit(
        self, namespace: str, jobs: Sequence[NewJob]
    ) -> Sequence[Submitted | DomainError]:
        submissions = [job_codec.new_job_to_wire(job) for job in jobs]
        request = pb.SubmitJobsRequest(namespace=namespace, submissions=submissions)
        response = await self._change(self._rpc.SubmitJobs, request)
        return [_submitted(answer) for answer in response.answers]

    async def get(self, namespace: str, job_id: UUID) -> StoredJob:
        request = pb.GetJobsRequest(namespace=namespace, job_ids=[job_id.bytes])
        [answer] = (await self._read(self._rpc.GetJobs, request)).answers
        if not answer.HasField("job"):
            raise JobNotFound(job_id)
        return job_codec.stored_job_from_wire(answer.job)

    async def page(self, query: JobQuery) -> JobPage:
        response = await self._read(self._rpc.ListJobs, _query_to_wire(query))
        jobs = tuple(job_codec.job_from_wire(job) for job in response.jobs)
        last = jobs[-1] if response.more else None
        place = None if last is None else Position(created_at=last.created_at, job_id=last.id)
        return JobPage(jobs=jobs, next=place)

    async def attempts(self, namespace: str, job_id: UUID) -> Sequence[Attempt]:
        request = pb.ListAttemptsRequest(namespace=namespace, job_id=job_id.bytes)
        response = await self._read(self._rpc.ListAttempts, request)
        return [job_codec.attempt_from_wire(attempt) for attempt in response.attempts]

    async def cancel(self, namespace: str, job_id: UUID) -> StoredJob:
        request = pb.ChangeJobsRequest(namespace=namespace, job_ids=[job_id.bytes])
        return _only_change(await self._change(self._rpc.CancelJobs, request))

    async def retry(self, namespace: str, job_id: UUID) -> StoredJob:
        request = pb.ChangeJobsRequest(namespace=namespace, job_ids=[job_id.bytes])
        # A second RetryJobs is refused because of the first: repeating it blindly would report a false conflict.
        return _only_change(await self._change(self._rpc.RetryJobs, request, repeatable=False))

    async def _read(
        self, method: "grpc.aio.UnaryUnaryMultiCallable[Request, Response]", request: Request
    ) -> Response:
        try:
            return await self._change(method, request)
        except StoreUnavailable:
            raise StoreUnavailable(outcome_unknown=False) from None

    async def _change(
        self,
        method: "grpc.aio.UnaryUnaryMultiCallable[Request, Response]",
        request: Request,
        *,
        repeatable: bool = True,
    ) -> Response:
        """Tries again while it is of use and the deadline allows it. Raises DomainError, StoreError."""
        deadline = time.monotonic() + self._deadline_seconds
        unknown = False
        for pause in (*_PAUSES_SECONDS, None):
            left = deadline - time.monotonic()
            try:
                response = await method(request, timeout=min(left, _LONGEST_TRY_SECONDS))
            except grpc.aio.AioRpcError as error:
                unknown |= self._was_sent(error)
                is_last = pause is None or time.monotonic() + pause >= deadline
                if is_last or (unknown and not repeatable):
                    raise StoreUnavailable(outcome_unknown=unknown) from error
            else:
                self._outage.answered()
                return response
            assert pause is not None
            await asyncio.sleep(pause * (1 - self._chance() / 2))
        raise AssertionError("the last round returns or raises")

    def _was_sent(self, error: grpc.aio.AioRpcError) -> bool:
        """Raises whatever is not an outage."""
        fault = fault_of(error)
        if fault is not None:
            raise fault from error
        if error.code() not in _OUTAGES:
            raise StoreFailed(f"{error.code().name}: {error.details()}") from error
        details = error.details() or ""
        self._outage.failed(f"{error.code().name}: {details}")
        return not details.startswith(_NOT_SENT)


def _submitted(answer: pb.SubmitJobsResponse.Submitted) -> Submitted | DomainError:
    if answer.WhichOneof("answer") == "fault":
        return fault_from_wire(answer.fault)
    return Submitted(job=job_codec.job_from_wire(answer.job), due=answer.due)


def _only_change(response: pb.ChangeJobsResponse) -> StoredJob:
    [answer] = response.answers
    if answer.WhichOneof("answer") == "fault":
        raise fault_from_wire(answer.fault)
    return job_codec.stored_job_from_wire(answer.job)


def _query_to_wire(query: JobQuery) -> pb.ListJobsRequest:
    request = pb.ListJobsRequest(
        namespace=query.namespace,
        states=[job_codec.state_to_wire(state) for state in query.states],
        queue=query.queue or "",
        type=query.type or "",
        metadata=query.metadata,
        limit=query.limit,
    )
    if query.after is not None:
        request.after.created_at_us = to_us(query.after.created_at)
        request.after.job_id = query.after.job_id.bytes
    return request
