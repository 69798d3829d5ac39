"""A span for each submit, in the trace of its request."""

from typing import TYPE_CHECKING

from treadle_domain.trace_context import checked_trace_context
from treadle_store.adapters.inbound.grpc.servicer import Context, GrpcJobStore, UseCases
from treadle_store.application.ports import JobRepository
from treadle_store.application.queue_ports import QueueDepths
from treadle_wire.store.v1 import job_store_pb2 as pb

if TYPE_CHECKING:
    from treadle_wire.spans import Tracing

_NAME = "treadle.store.v1.JobStore/SubmitJobs"
_METHOD = {"rpc.system.name": "grpc", "rpc.method": _NAME}


class TracedGrpcJobStore(GrpcJobStore):
    def __init__(
        self,
        use_cases: UseCases,
        jobs: JobRepository,
        queue_depths: QueueDepths,
        tracing: "Tracing",
    ) -> None:
        super().__init__(use_cases, jobs, queue_depths)
        self._tracing = tracing

    async def SubmitJobs(  # noqa: N802 - as the service has it
        self, request: pb.SubmitJobsRequest, context: Context
    ) -> pb.SubmitJobsResponse:
        said = dict.fromkeys(each.trace_context for each in request.submissions)
        traces = [trace for trace in map(checked_trace_context, said) if trace is not None]
        with self._tracing.within(_NAME, "SERVER", traces, _METHOD):
            return await super().SubmitJobs(request, context)
