"""How full queues in memory are; tests/contract/test_queue_depths.py asks the same of this and of PostgreSQL."""

from collections.abc import Sequence
from dataclasses import dataclass

from tests.fakes.in_memory_store import InMemoryClock, InMemoryJobRepository

from treadle_domain.job import Job
from treadle_domain.queue_depth import QueueDepth, QueuePage, QueueQuery
from treadle_domain.states import JobState


@dataclass
class InMemoryQueueDepths:
    jobs: InMemoryJobRepository
    clock: InMemoryClock

    async def page(self, query: QueueQuery) -> QueuePage:
        of_namespace = [job for job in self.jobs.all() if job.namespace == query.namespace]
        live = [job for job in of_namespace if not job.state.is_final]
        names = sorted(n for n in query.names or {job.queue for job in live} if n > query.after)
        shown = names[: query.limit]
        depths = [self._depth(name, [job for job in live if job.queue == name]) for name in shown]
        return QueuePage(queues=tuple(depths), more=len(names) > len(shown))

    def _depth(self, name: str, live: Sequence[Job]) -> QueueDepth:
        ready = [job for job in live if job.is_due(self.clock.time)]
        later = [j for j in live if j.state is JobState.PENDING and j.run_at > self.clock.time]
        ages = [self.clock.time - max(job.run_at, job.created_at) for job in ready]
        return QueueDepth(
            queue=name,
            ready=len(ready),
            scheduled=sum(job.fence == job.fence_base for job in later),
            retrying=sum(job.fence > job.fence_base for job in later),
            running=sum(job.state is JobState.RUNNING for job in live),
            oldest_ready_age=max(ages, default=None),
        )
