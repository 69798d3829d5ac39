"""The store's use cases over its in-memory repositories."""

from dataclasses import dataclass, field
from datetime import timedelta

from tests.fakes.in_memory_job_ends import InMemoryJobEnds
from tests.fakes.in_memory_plain_runs import InMemoryPlainRuns
from tests.fakes.in_memory_plain_submits import InMemoryPlainSubmits
from tests.fakes.in_memory_progress import InMemoryProgressRepository
from tests.fakes.in_memory_queue_depths import InMemoryQueueDepths
from tests.fakes.in_memory_store import (
    InMemoryCancelHints,
    InMemoryClock,
    InMemoryExpiringJobs,
    InMemoryJobRepository,
    InMemoryLostRuns,
    InMemoryReadyQueue,
    InMemorySessionRepository,
    InMemoryTally,
)

from treadle_domain.run_policy import DEFAULT_LIMITS
from treadle_store.adapters.inbound.grpc.servicer import UseCases
from treadle_store.application.cancel_jobs import CancelJobs
from treadle_store.application.claim_jobs import ClaimJobs
from treadle_store.application.end_runs import EndRuns
from treadle_store.application.expire_jobs import ExpireJobs
from treadle_store.application.finish_jobs import FinishJobs
from treadle_store.application.get_jobs import GetJobs
from treadle_store.application.hand_over import HandOver
from treadle_store.application.keep_session import KeepSession
from treadle_store.application.list_attempts import ListAttempts
from treadle_store.application.reclaim_lost_jobs import ReclaimLostJobs
from treadle_store.application.record_progress import RecordProgress
from treadle_store.application.retry_jobs import RetryJobs
from treadle_store.application.submit_jobs import SubmitJobs


@dataclass
class StoreOverMemory:
    lease: timedelta = timedelta(seconds=30)
    unknown_type_grace: timedelta = timedelta(seconds=60)
    clock: InMemoryClock = field(default_factory=InMemoryClock)
    job_ends: InMemoryJobEnds = field(default_factory=InMemoryJobEnds)
    ready_queue: InMemoryReadyQueue = field(default_factory=InMemoryReadyQueue)
    cancel_hints: InMemoryCancelHints = field(default_factory=InMemoryCancelHints)
    tally: InMemoryTally = field(default_factory=InMemoryTally)

    def __post_init__(self) -> None:
        self.jobs = InMemoryJobRepository(self.job_ends)
        self.queue_depths = InMemoryQueueDepths(self.jobs, self.clock)
        self.sessions = InMemorySessionRepository(self.clock)
        self.progress = InMemoryProgressRepository(self.jobs, self.clock)
        self.hand_over = HandOver(self.ready_queue)
        self.end_runs = EndRuns(
            jobs=self.jobs,
            clock=self.clock,
            hand_over=self.hand_over,
            limits=DEFAULT_LIMITS,
            tally=self.tally,
        )
        self.reclaim_lost_jobs = ReclaimLostJobs(
            lost_runs=InMemoryLostRuns(self.jobs, self.sessions, self.clock),
            end_runs=self.end_runs,
            tally=self.tally,
        )
        self.expire_jobs = ExpireJobs(
            expiring_jobs=InMemoryExpiringJobs(self.jobs, self.clock),
            jobs=self.jobs,
            clock=self.clock,
            ready_queue=self.ready_queue,
            tally=self.tally,
        )
        get_jobs = GetJobs(self.jobs, self.progress)
        plain_runs = InMemoryPlainRuns(self.jobs, self.sessions, self.clock)
        self.do = UseCases(
            get_jobs=get_jobs,
            submit_jobs=SubmitJobs(
                jobs=self.jobs,
                plain_submits=InMemoryPlainSubmits(self.jobs, self.clock),
                idempotency_keys=self.jobs.idempotency_keys,
                unique_keys=self.jobs.unique_keys,
                clock=self.clock,
            ),
            claim_jobs=ClaimJobs(
                jobs=self.jobs,
                plain_runs=plain_runs,
                sessions=self.sessions,
                progress=self.progress,
                clock=self.clock,
                hand_over=self.hand_over,
                unknown_type_grace=self.unknown_type_grace,
            ),
            record_progress=RecordProgress(progress=self.progress, tally=self.tally),
            finish_jobs=FinishJobs(
                jobs=self.jobs,
                plain_runs=plain_runs,
                clock=self.clock,
                hand_over=self.hand_over,
                limits=DEFAULT_LIMITS,
                chance=lambda: 0.5,
                tally=self.tally,
            ),
            cancel_jobs=CancelJobs(self.jobs, self.clock, self.cancel_hints, get_jobs),
            retry_jobs=RetryJobs(
                jobs=self.jobs,
                unique_keys=self.jobs.unique_keys,
                clock=self.clock,
                hand_over=self.hand_over,
                get_jobs=get_jobs,
            ),
            keep_session=KeepSession(
                sessions=self.sessions, jobs=self.jobs, end_runs=self.end_runs, lease=self.lease
            ),
            list_attempts=ListAttempts(self.jobs),
        )

    async def check(self) -> None:
        """Memory is always there."""
