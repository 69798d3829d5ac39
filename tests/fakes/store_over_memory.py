"""The store's use cases over its in-memory repositories."""

from dataclasses import dataclass, field
from datetime import timedelta

from tests.fakes.in_memory_store import (
    InMemoryClock,
    InMemoryJobRepository,
    InMemoryReadyQueue,
    InMemorySessionRepository,
)

from treadle_domain.run_policy import DEFAULT_LIMITS
from treadle_store.adapters.inbound.grpc.servicer import UseCases
from treadle_store.application.cancel_jobs import CancelJobs
from treadle_store.application.claim_jobs import ClaimJobs
from treadle_store.application.finish_jobs import FinishJobs
from treadle_store.application.hand_over import HandOver
from treadle_store.application.keep_session import KeepSession
from treadle_store.application.list_attempts import ListAttempts
from treadle_store.application.retry_jobs import RetryJobs
from treadle_store.application.submit_jobs import SubmitJobs


@dataclass
class StoreOverMemory:
    lease: timedelta = timedelta(seconds=30)
    unknown_type_grace: timedelta = timedelta(seconds=60)
    clock: InMemoryClock = field(default_factory=InMemoryClock)
    jobs: InMemoryJobRepository = field(default_factory=InMemoryJobRepository)
    ready_queue: InMemoryReadyQueue = field(default_factory=InMemoryReadyQueue)

    def __post_init__(self) -> None:
        self.sessions = InMemorySessionRepository(self.clock)
        self.hand_over = HandOver(self.ready_queue)
        self.do = UseCases(
            submit_jobs=SubmitJobs(self.jobs, self.clock),
            claim_jobs=ClaimJobs(
                jobs=self.jobs,
                sessions=self.sessions,
                clock=self.clock,
                hand_over=self.hand_over,
                unknown_type_grace=self.unknown_type_grace,
            ),
            finish_jobs=FinishJobs(
                jobs=self.jobs,
                clock=self.clock,
                hand_over=self.hand_over,
                limits=DEFAULT_LIMITS,
                chance=lambda: 0.5,
            ),
            cancel_jobs=CancelJobs(self.jobs, self.clock),
            retry_jobs=RetryJobs(self.jobs, self.clock, self.hand_over),
            keep_session=KeepSession(sessions=self.sessions, jobs=self.jobs, lease=self.lease),
            list_attempts=ListAttempts(self.jobs),
        )
