"""The JobStore service: messages in, a use case or a port, messages out."""

from dataclasses import dataclass
from typing import Any

from grpc.aio import ServicerContext

from treadle_domain.stored_job import NewJob
from treadle_store.adapters.inbound.grpc import messages
from treadle_store.adapters.inbound.grpc.messages import bounded
from treadle_store.application.cancel_jobs import CancelJobs
from treadle_store.application.claim_jobs import ClaimJobs
from treadle_store.application.finish_jobs import FinishJobs
from treadle_store.application.get_jobs import GetJobs
from treadle_store.application.keep_session import KeepSession
from treadle_store.application.list_attempts import ListAttempts
from treadle_store.application.ports import JobRepository
from treadle_store.application.queue_ports import QueueDepths
from treadle_store.application.record_progress import RecordProgress
from treadle_store.application.retry_jobs import RetryJobs
from treadle_store.application.submit_jobs import Answer, SubmitJobs
from treadle_wire import job_codec, list_codec, progress_codec, queue_codec, run_codec
from treadle_wire.scalars import duration_to_us, to_uuid
from treadle_wire.store.v1 import job_store_pb2 as pb
from treadle_wire.store.v1.job_store_pb2_grpc import JobStoreServicer

Context = ServicerContext[Any, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class UseCases:
    submit_jobs: SubmitJobs
    get_jobs: GetJobs
    claim_jobs: ClaimJobs
    record_progress: RecordProgress
    finish_jobs: FinishJobs
    cancel_jobs: CancelJobs
    retry_jobs: RetryJobs
    keep_session: KeepSession
    list_attempts: ListAttempts


class GrpcJobStore(JobStoreServicer):
    def __init__(self, use_cases: UseCases, jobs: JobRepository, queue_depths: QueueDepths) -> None:
        self._do = use_cases
        self._jobs = jobs
        self._queue_depths = queue_depths

    async def SubmitJobs(
        self, request: pb.SubmitJobsRequest, context: Context
    ) -> pb.SubmitJobsResponse:
        read = [
            messages.new_job_or_fault(message, request.namespace)
            for message in bounded(request.submissions)
        ]
        valid = [new for new in read if isinstance(new, NewJob)]
        if request.atomic and len(valid) < len(read):
            answers: list[Answer] = [None if isinstance(new, NewJob) else new for new in read]
        else:
            accepted = iter(
                await self._do.submit_jobs(valid, atomic=request.atomic) if valid else []
            )
            answers = [next(accepted) if isinstance(new, NewJob) else new for new in read]
        told = [messages.submitted(answer, brief=request.brief) for answer in answers]
        return pb.SubmitJobsResponse(answers=told)

    async def GetJobs(self, request: pb.GetJobsRequest, context: Context) -> pb.GetJobsResponse:
        ids = [to_uuid(job_id) for job_id in bounded(request.job_ids)]
        found = await self._do.get_jobs.in_one_answer(request.namespace, ids)
        return pb.GetJobsResponse(answers=[messages.found(found, job_id) for job_id in ids])

    async def GetEndedJobs(
        self, request: pb.GetJobsRequest, context: Context
    ) -> pb.GetEndedJobsResponse:
        ids = [to_uuid(job_id) for job_id in bounded(request.job_ids)]
        ended = await self._do.get_jobs.ended(request.namespace, ids)
        jobs = [job_codec.stored_job_to_wire(stored) for stored in ended.jobs]
        return pb.GetEndedJobsResponse(jobs=jobs, more=ended.more)

    async def ListJobs(self, request: pb.ListJobsRequest, context: Context) -> pb.ListJobsResponse:
        return list_codec.page_to_wire(await self._jobs.page(list_codec.query_from_wire(request)))

    async def ListAttempts(
        self, request: pb.ListAttemptsRequest, context: Context
    ) -> pb.ListAttemptsResponse:
        attempts = await self._do.list_attempts(request.namespace, to_uuid(request.job_id))
        wire = [job_codec.attempt_to_wire(attempt) for attempt in attempts]
        return pb.ListAttemptsResponse(attempts=wire)

    async def ListQueues(
        self, request: pb.ListQueuesRequest, context: Context
    ) -> pb.ListQueuesResponse:
        page = await self._queue_depths.page(queue_codec.query_from_wire(request))
        return queue_codec.page_to_wire(page)

    async def CancelJobs(
        self, request: pb.ChangeJobsRequest, context: Context
    ) -> pb.ChangeJobsResponse:
        ids = [to_uuid(job_id) for job_id in bounded(request.job_ids)]
        answers = await self._do.cancel_jobs(request.namespace, ids)
        return pb.ChangeJobsResponse(answers=[messages.changed(answer) for answer in answers])

    async def RetryJobs(
        self, request: pb.ChangeJobsRequest, context: Context
    ) -> pb.ChangeJobsResponse:
        ids = [to_uuid(job_id) for job_id in bounded(request.job_ids)]
        answers = await self._do.retry_jobs(request.namespace, ids)
        return pb.ChangeJobsResponse(answers=[messages.changed(answer) for answer in answers])

    async def OpenSession(
        self, request: pb.OpenSessionRequest, context: Context
    ) -> pb.OpenSessionResponse:
        lease = await self._do.keep_session.open(run_codec.session_from_wire(request))
        return pb.OpenSessionResponse(lease_us=duration_to_us(lease))

    async def Heartbeat(
        self, request: pb.HeartbeatRequest, context: Context
    ) -> pb.HeartbeatResponse:
        lease = await self._do.keep_session.heartbeat(run_codec.heartbeat_from_wire(request))
        return run_codec.lease_to_wire(lease)

    async def CloseSession(
        self, request: pb.CloseSessionRequest, context: Context
    ) -> pb.CloseSessionResponse:
        await self._do.keep_session.close(
            to_uuid(request.session_id), messages.session_end(request.reason)
        )
        return pb.CloseSessionResponse()

    async def ClaimJobs(
        self, request: pb.ClaimJobsRequest, context: Context
    ) -> pb.ClaimJobsResponse:
        bounded(request.job_ids)
        answers = await self._do.claim_jobs(run_codec.claim_from_wire(request))
        wire = [run_codec.claim_answer_to_wire(answer) for answer in answers]
        return pb.ClaimJobsResponse(answers=wire)

    async def RecordProgress(
        self, request: pb.RecordProgressRequest, context: Context
    ) -> pb.RecordProgressResponse:
        reports = messages.progress_reports(request)
        recordings = await self._do.record_progress(to_uuid(request.session_id), reports)
        wire = [progress_codec.recording_to_wire(recording) for recording in recordings]
        return pb.RecordProgressResponse(recordings=wire)

    async def FinishJobs(
        self, request: pb.FinishJobsRequest, context: Context
    ) -> pb.FinishJobsResponse:
        reports = [messages.report_or_failure(message) for message in bounded(request.outcomes)]
        verdicts = await self._do.finish_jobs(to_uuid(request.session_id), reports)
        return run_codec.verdicts_to_wire(verdicts)
