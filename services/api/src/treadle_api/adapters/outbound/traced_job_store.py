"""Submits to the store, each a span in the trace of its request, also where many requests share a call."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import grpc

from treadle_api.adapters.outbound.grpc_job_store import GrpcJobStore
from treadle_api.adapters.outbound.prometheus_tally import PrometheusTally
from treadle_domain.stored_job import NewJob
from treadle_wire.store.v1 import job_store_pb2 as pb
from treadle_wire.store_access import StoreAccess

if TYPE_CHECKING:
    from treadle_wire.spans import Tracing

_METHOD = {"rpc.system.name": "grpc", "rpc.method": "treadle.store.v1.JobStore/SubmitJobs"}


class TracedJobStore(GrpcJobStore):
    """The span of its submit is what a job keeps as its trace."""

    def __init__(
        self,
        channel: grpc.aio.Channel,
        access: StoreAccess,
        tally: PrometheusTally,
        tracing: "Tracing",
    ) -> None:
        super().__init__(channel, access, tally=tally)
        self._tracing = tracing

    async def _submit(
        self, namespace: str, jobs: Sequence[NewJob], *, atomic: bool
    ) -> pb.SubmitJobsResponse:
        traces = {trace: None for new in jobs if (trace := new.submission.trace_context)}
        with self._tracing.within("submit", "PRODUCER", [*traces], _METHOD) as within:
            traced = [_moved(new, within) for new in jobs]
            return await super()._submit(namespace, traced, atomic=atomic)


def _moved(new: NewJob, within: Mapping[str, str]) -> NewJob:
    trace = within.get(new.submission.trace_context or "")
    if trace is None:
        return new
    return replace(new, submission=replace(new.submission, trace_context=trace))
