"""A store for one worker process: grants what it is given, and notes when each call arrived."""

# ruff: noqa: N802 - methods bear the names of the proto

import asyncio
import time
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import pairwise
from typing import Any
from uuid import UUID

import grpc
from tests.builders import NOW

from treadle_domain.claimed_run import ClaimedRun, ClaimRefusal, RunReport
from treadle_domain.outcomes import Ruling, Verdict
from treadle_domain.worker_session import Lease
from treadle_wire import run_codec
from treadle_wire.scalars import duration_to_us
from treadle_wire.store.v1 import job_store_pb2 as pb
from treadle_wire.store.v1.job_store_pb2_grpc import (
    JobStoreServicer,
    add_JobStoreServicer_to_server,
)
from treadle_wire.store_channel import MAX_MESSAGE_BYTES


@dataclass
class GrantingStore(JobStoreServicer):
    lease: timedelta
    runs: dict[UUID, ClaimedRun] = field(default_factory=dict)
    """Each is granted once."""
    sessions: int = 0
    beats: list[float] = field(default_factory=list)
    ends: list[RunReport] = field(default_factory=list)
    progress: int = 0
    port: int = 0
    _ended: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def longest_gap(self) -> float:
        """Between two heartbeats, in seconds."""
        return max(later - earlier for earlier, later in pairwise(self.beats))

    def end_of(self, job_id: UUID) -> RunReport | None:
        return next((report for report in self.ends if report.job_id == job_id), None)

    async def until_ended(self, job_ids: Iterable[UUID], within_seconds: float) -> None:
        wanted = {*job_ids}
        async with asyncio.timeout(within_seconds):
            while not wanted <= {report.job_id for report in self.ends}:
                self._ended.clear()
                await self._ended.wait()

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[None]:
        server = grpc.aio.server(options=[("grpc.max_receive_message_length", MAX_MESSAGE_BYTES)])
        add_JobStoreServicer_to_server(self, server)
        self.port = server.add_insecure_port("127.0.0.1:0")
        await server.start()
        try:
            yield
        finally:
            await server.stop(0)

    async def SubmitJobs(self, request: Any, context: Any) -> Any:
        raise NotImplementedError

    GetJobs = GetEndedJobs = ListJobs = ListAttempts = ListQueues = CancelJobs = RetryJobs = (
        SubmitJobs
    )

    async def OpenSession(self, request: pb.OpenSessionRequest, _: Any) -> pb.OpenSessionResponse:
        self.sessions += 1
        self.beats.append(time.monotonic())
        return pb.OpenSessionResponse(lease_us=duration_to_us(self.lease))

    async def Heartbeat(self, request: pb.HeartbeatRequest, _: Any) -> pb.HeartbeatResponse:
        self.beats.append(time.monotonic())
        return run_codec.lease_to_wire(Lease(expires_at=NOW))

    async def CloseSession(self, request: Any, _: Any) -> pb.CloseSessionResponse:
        return pb.CloseSessionResponse()

    async def ClaimJobs(self, request: pb.ClaimJobsRequest, _: Any) -> pb.ClaimJobsResponse:
        batch = run_codec.claim_from_wire(request)
        answers = [self.runs.pop(job_id, ClaimRefusal.GONE) for job_id in batch.job_ids]
        return pb.ClaimJobsResponse(answers=map(run_codec.claim_answer_to_wire, answers))

    async def RecordProgress(
        self, request: pb.RecordProgressRequest, _: Any
    ) -> pb.RecordProgressResponse:
        self.progress += len(request.reports)
        recorded = [pb.RECORDING_RECORDED] * len(request.reports)
        return pb.RecordProgressResponse(recordings=recorded)

    async def FinishJobs(self, request: pb.FinishJobsRequest, _: Any) -> pb.FinishJobsResponse:
        self.ends += map(run_codec.report_from_wire, request.outcomes)
        self._ended.set()
        applied = Verdict(Ruling.APPLIED, None)
        return run_codec.verdicts_to_wire([applied] * len(request.outcomes))
