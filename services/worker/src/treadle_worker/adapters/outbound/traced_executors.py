"""A span for each run, whose context the handler gets, and one for the time that its job waited before."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING
from uuid import UUID

from treadle_domain.claimed_run import ClaimedRun, RunReport
from treadle_domain.outcomes import Failed
from treadle_domain.progress import ProgressReport
from treadle_domain.run_policy import RunOptions
from treadle_domain.trace_context import TraceContext, run_span_id
from treadle_worker.application.ports import Executors
from treadle_worker.application.runs import ExecutorLimits, Interruption

if TYPE_CHECKING:
    from opentelemetry.trace import Span

    from treadle_wire.spans import Tracing


class TracedExecutors:
    """A run's span has an id that its job and its fence make: the next run is linked to it wherever that is."""

    def __init__(self, executors: Executors, tracing: "Tracing") -> None:
        self._executors = executors
        self._tracing = tracing
        self._spans: dict[tuple[UUID, int], Span] = {}

    def run(self, run: ClaimedRun) -> None:
        if run.trace_context is None:
            self._executors.run(run)
            return
        self._tell_wait(run, run.trace_context)
        span = self._begin(run, run.trace_context)
        self._spans[run.job_id, run.fence] = span
        self._executors.run(replace(run, trace_context=self._tracing.context_of(span)))

    async def ended(self) -> Sequence[RunReport]:
        reports = await self._executors.ended()
        for report in reports:
            if span := self._spans.pop((report.job_id, report.fence), None):
                self._end(span, report)
        return reports

    def _tell_wait(self, run: ClaimedRun, parent: str) -> None:
        if run.waited is not None:
            due_ns = time.time_ns() - int(run.waited.total_seconds() * 1e9)
            name = f"wait {run.queue}"
            self._tracing.start(name, "INTERNAL", parent, _said(run), start_ns=due_ns).end()

    def _begin(self, run: ClaimedRun, parent: str) -> "Span":
        before = TraceContext.of(parent).at_run(run.job_id, run.fence - 1)
        return self._tracing.start(
            f"run {run.type}",
            "CONSUMER",
            parent,
            _said(run),
            links=[before] if run.fence > 1 else [],
            span_id=run_span_id(run.job_id, run.fence),
        )

    def _end(self, span: "Span", report: RunReport) -> None:
        span.set_attribute("treadle.run.outcome", type(report.outcome).__name__.lower())
        if isinstance(report.outcome, Failed):
            self._tracing.fail(span, report.outcome.error.kind.value)
        span.end()

    # The rest of the port

    @property
    def handlers(self) -> Mapping[str, RunOptions]:
        return self._executors.handlers

    @property
    def limits(self) -> ExecutorLimits:
        return self._executors.limits

    @property
    def are_clogged(self) -> bool:
        return self._executors.are_clogged

    def ask(self, job_id: UUID, fence: int, why: Interruption) -> None:
        self._executors.ask(job_id, fence, why)

    def ask_all(self, why: Interruption) -> None:
        self._executors.ask_all(why)

    def announce_drain(self) -> None:
        self._executors.announce_drain()

    async def told(self) -> Sequence[ProgressReport]:
        return await self._executors.told()

    def kill(self) -> None:
        self._executors.kill()


def _said(run: ClaimedRun) -> Mapping[str, str | int]:
    return {
        "messaging.system": "treadle",
        "messaging.destination.name": run.queue,
        "messaging.message.id": str(run.job_id),
        "treadle.job.namespace": run.namespace,
        "treadle.job.type": run.type,
        "treadle.job.attempt": run.attempt,
        "treadle.job.fence": run.fence,
    }
