"""The store over gRPC: every call has a deadline, and an outage is told from a refusal."""

from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, TypeVar
from uuid import UUID

import grpc

from treadle_domain.claimed_run import ClaimBatch, ClaimedRun, ClaimRefusal, RunReport
from treadle_domain.errors import SessionNotOpen
from treadle_domain.outcomes import Ruling
from treadle_domain.worker_session import Heartbeat, Lease, SessionEnd, WorkerSession
from treadle_wire import run_codec
from treadle_wire.scalars import duration_from_us
from treadle_wire.status import fault_of
from treadle_wire.store.v1 import job_store_pb2 as pb
from treadle_wire.store.v1.job_store_pb2_grpc import JobStoreStub
from treadle_worker.application.errors import SessionLost, StoreUnavailable

if TYPE_CHECKING:  # the stubs name a class that the generated module does not have
    from treadle_wire.store.v1.job_store_pb2_grpc import JobStoreAsyncStub

DEADLINE_SECONDS = 5.0

Request = TypeVar("Request")
Response = TypeVar("Response")


class GrpcJobStore:
    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._rpc: JobStoreAsyncStub = JobStoreStub(channel)

    async def open_session(self, session: WorkerSession) -> timedelta:
        response = await _call(self._rpc.OpenSession, run_codec.session_to_wire(session))
        return duration_from_us(response.lease_us)

    async def heartbeat(self, beat: Heartbeat) -> Lease:
        response = await _call(self._rpc.Heartbeat, run_codec.heartbeat_to_wire(beat))
        return run_codec.lease_from_wire(response)

    async def close_session(self, session_id: UUID, end: SessionEnd) -> None:
        request = pb.CloseSessionRequest(session_id=session_id.bytes, reason=end.value)
        await _call(self._rpc.CloseSession, request)

    async def claim(self, batch: ClaimBatch) -> Sequence[ClaimedRun | ClaimRefusal]:
        response = await _call(self._rpc.ClaimJobs, run_codec.claim_to_wire(batch))
        return [run_codec.claim_answer_from_wire(answer) for answer in response.answers]

    async def finish(self, session_id: UUID, reports: Sequence[RunReport]) -> Sequence[Ruling]:
        outcomes = [run_codec.report_to_wire(report) for report in reports]
        request = pb.FinishJobsRequest(session_id=session_id.bytes, outcomes=outcomes)
        response = await _call(self._rpc.FinishJobs, request)
        return [run_codec.ruling_from_wire(ruling) for ruling in response.rulings]


async def _call(
    method: "grpc.aio.UnaryUnaryMultiCallable[Request, Response]", request: Request
) -> Response:
    """Raises StoreUnavailable, SessionLost, or another fault of the domain as it is."""
    try:
        return await method(request, timeout=DEADLINE_SECONDS)
    except grpc.aio.AioRpcError as error:
        fault = fault_of(error)
        if isinstance(fault, SessionNotOpen):
            raise SessionLost(str(fault)) from error
        if fault is not None:
            raise fault from error
        # A store that fails in a new way is away too: what a worker holds must not be dropped because of it.
        raise StoreUnavailable(f"{error.code().name}: {error.details()}") from error
