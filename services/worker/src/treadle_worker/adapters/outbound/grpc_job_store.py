"""The store over gRPC: each call has a deadline, an outage is told from a refusal, one that hangs costs a second."""

from collections.abc import Sequence
from datetime import timedelta
from typing import TypeVar
from uuid import UUID

import grpc

from treadle_domain.claimed_run import ClaimBatch, ClaimedRun, ClaimRefusal, RunReport
from treadle_domain.errors import InvalidValue, SessionNotOpen
from treadle_domain.outcomes import Verdict
from treadle_domain.progress import ProgressReport, Recording
from treadle_domain.worker_session import Heartbeat, Lease, SessionEnd, WorkerSession
from treadle_wire import progress_codec, run_codec
from treadle_wire.scalars import duration_from_us
from treadle_wire.store.v1 import job_store_pb2 as pb
from treadle_wire.store_access import OPEN, StoreAccess
from treadle_wire.store_calls import DEADLINE_SECONDS, FIRST_TRY_SECONDS, StoreOutage, call
from treadle_worker.application.errors import SessionLost, StoreFailed, StoreUnavailable

Request = TypeVar("Request")
Response = TypeVar("Response")


class GrpcJobStore:
    def __init__(self, channel: grpc.aio.Channel, access: StoreAccess = OPEN) -> None:
        self._rpc = access.stub(channel)

    async def open_session(self, session: WorkerSession) -> timedelta:
        response = await _call(self._rpc.OpenSession, run_codec.session_to_wire(session))
        return duration_from_us(response.lease_us)

    async def heartbeat(self, beat: Heartbeat, within: timedelta) -> Lease:
        request = run_codec.heartbeat_to_wire(beat)
        response = await _call(self._rpc.Heartbeat, request, within.total_seconds())
        return run_codec.lease_from_wire(response)

    async def close_session(self, session_id: UUID, end: SessionEnd) -> None:
        request = pb.CloseSessionRequest(session_id=session_id.bytes, reason=end.value)
        await _call(self._rpc.CloseSession, request)

    async def claim(self, batch: ClaimBatch) -> Sequence[ClaimedRun | ClaimRefusal]:
        response = await _call(self._rpc.ClaimJobs, run_codec.claim_to_wire(batch))
        return [run_codec.claim_answer_from_wire(answer) for answer in response.answers]

    async def record_progress(
        self, session_id: UUID, reports: Sequence[ProgressReport]
    ) -> Sequence[Recording]:
        wire = [progress_codec.progress_report_to_wire(report) for report in reports]
        request = pb.RecordProgressRequest(session_id=session_id.bytes, reports=wire)
        try:
            response = await _call(self._rpc.RecordProgress, request)
            return [progress_codec.recording_from_wire(each) for each in response.recordings]
        except (
            InvalidValue
        ) as error:  # a fault of ours, or a store's that is newer, and no reason to end
            raise StoreFailed(str(error)) from error

    async def finish(self, session_id: UUID, reports: Sequence[RunReport]) -> Sequence[Verdict]:
        outcomes = [run_codec.report_to_wire(report) for report in reports]
        request = pb.FinishJobsRequest(session_id=session_id.bytes, outcomes=outcomes)
        response = await _call(self._rpc.FinishJobs, request)
        return run_codec.verdicts_from_wire(response)


async def _call(
    method: "grpc.aio.UnaryUnaryMultiCallable[Request, Response]",
    request: Request,
    deadline_seconds: float = DEADLINE_SECONDS,
) -> Response:
    """Raises StoreUnavailable, SessionLost, or another fault of the domain as it is."""
    try:
        return await call(
            method,
            request,
            deadline_seconds=deadline_seconds,
            first_try_seconds=min(FIRST_TRY_SECONDS, deadline_seconds / 3),
        )
    except SessionNotOpen as error:
        raise SessionLost(str(error)) from error
    except StoreOutage as error:
        raise StoreUnavailable(str(error)) from error
    except grpc.aio.AioRpcError as error:
        # A store that fails in a new way is away too: what a worker holds must not be dropped because of it.
        raise StoreFailed(f"{error.code().name}: {error.details()}") from error
