"""The store's use cases over real PostgreSQL, whose clock stands still until a test moves it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import psycopg
from psycopg.rows import DictRow, dict_row
from tests.fakes.in_memory_job_ends import InMemoryJobEnds
from tests.fakes.in_memory_store import (
    InMemoryCancelHints,
    InMemoryReadyQueue,
    InMemoryTally,
)

from treadle_domain.run_policy import DEFAULT_LIMITS
from treadle_store.adapters.inbound.grpc.servicer import UseCases
from treadle_store.adapters.outbound.postgres.announcements import PostgresAnnouncements
from treadle_store.adapters.outbound.postgres.clock import PostgresClock
from treadle_store.adapters.outbound.postgres.database import Database
from treadle_store.adapters.outbound.postgres.expiring_jobs import PostgresExpiringJobs
from treadle_store.adapters.outbound.postgres.idempotency_keys import (
    KEPT,
    PostgresIdempotencyKeys,
)
from treadle_store.adapters.outbound.postgres.job_repository import PostgresJobRepository
from treadle_store.adapters.outbound.postgres.lookout import PostgresLookout
from treadle_store.adapters.outbound.postgres.lost_runs import PostgresLostRuns
from treadle_store.adapters.outbound.postgres.plain_runs import PostgresPlainRuns
from treadle_store.adapters.outbound.postgres.plain_submits import PostgresPlainSubmits
from treadle_store.adapters.outbound.postgres.progress_repository import PostgresProgressRepository
from treadle_store.adapters.outbound.postgres.session_repository import PostgresSessionRepository
from treadle_store.adapters.outbound.postgres.unique_keys import PostgresUniqueKeys
from treadle_store.application.announce_due_jobs import AnnounceDueJobs
from treadle_store.application.cancel_jobs import CancelJobs
from treadle_store.application.claim_jobs import ClaimJobs
from treadle_store.application.end_runs import EndRuns
from treadle_store.application.expire_jobs import ExpireJobs
from treadle_store.application.finish_jobs import FinishJobs
from treadle_store.application.get_jobs import GetJobs
from treadle_store.application.hand_over import HandOver
from treadle_store.application.keep_session import KeepSession
from treadle_store.application.keep_watch import Chore
from treadle_store.application.list_attempts import ListAttempts
from treadle_store.application.reclaim_lost_jobs import ReclaimLostJobs
from treadle_store.application.record_progress import RecordProgress
from treadle_store.application.retry_jobs import RetryJobs
from treadle_store.application.submit_jobs import SubmitJobs

# Functions of these names stand before PostgreSQL's own in the search path, so every statement reads our clock.
_TEST_CLOCK = """
CREATE SCHEMA test_clock;
CREATE TABLE test_clock.hands (at timestamptz NOT NULL);
INSERT INTO test_clock.hands VALUES ('2026-01-01T00:00:00Z');
CREATE FUNCTION test_clock.clock_timestamp() RETURNS timestamptz STABLE LANGUAGE sql
    AS 'SELECT at FROM test_clock.hands';
CREATE FUNCTION test_clock.statement_timestamp() RETURNS timestamptz STABLE LANGUAGE sql
    AS 'SELECT at FROM test_clock.hands';
CREATE FUNCTION test_clock.now() RETURNS timestamptz STABLE LANGUAGE sql
    AS 'SELECT at FROM test_clock.hands';
"""
_SET_PATH = 'ALTER DATABASE "{}" SET search_path = test_clock, pg_catalog, public'
_EMPTY = """
DELETE FROM live_jobs; DELETE FROM finished_jobs; DELETE FROM attempts; DELETE FROM held; DELETE FROM sessions;
DELETE FROM marks; DELETE FROM progress; DELETE FROM checkpoints; DELETE FROM log_lines;
DELETE FROM api_keys; DELETE FROM idempotency_keys; DELETE FROM unique_keys;
UPDATE test_clock.hands SET at = '2026-01-01T00:00:00Z';
UPDATE uptime SET up_seconds = 0, ticked_at = test_clock.clock_timestamp();
"""


@dataclass
class SteppedClock:
    """A migrated database whose time moves by `advance` only; also a way to look into it from outside."""

    connection: psycopg.Connection[DictRow]

    def advance(self, by: timedelta) -> None:
        self.connection.execute("UPDATE test_clock.hands SET at = at + %s", [by])

    def read(self, *statements: str) -> list[list[dict[str, Any]]]:
        """The rows of each, in one round trip."""
        cursor = self.connection.execute(";".join(statements).encode())
        return [cursor.fetchall() for _ in cursor.results()]

    def empty(self) -> None:
        """As after the migration, a moment ago."""
        self.connection.execute(_EMPTY)


@contextmanager
def stepped_clock(migrated_database_url: str) -> Iterator[SteppedClock]:
    with psycopg.connect(migrated_database_url, autocommit=True) as connection:
        connection.execute(_TEST_CLOCK)
        connection.execute(_SET_PATH.format(connection.info.dbname).encode())
    with psycopg.connect(migrated_database_url, autocommit=True, row_factory=dict_row) as looking:
        yield SteppedClock(looking)


@dataclass
class StoreOverPostgres:
    database: Database
    lease: timedelta = timedelta(seconds=30)
    unknown_type_grace: timedelta = timedelta(seconds=60)
    ready_queue: InMemoryReadyQueue = field(default_factory=InMemoryReadyQueue)
    cancel_hints: InMemoryCancelHints = field(default_factory=InMemoryCancelHints)
    job_ends: InMemoryJobEnds = field(default_factory=InMemoryJobEnds)
    tally: InMemoryTally = field(default_factory=InMemoryTally)

    def __post_init__(self) -> None:
        self.jobs = PostgresJobRepository(self.database, self.job_ends)
        self.idempotency_keys = PostgresIdempotencyKeys(self.database, KEPT)
        self.unique_keys = PostgresUniqueKeys(self.database)
        self.sessions = PostgresSessionRepository(self.database)
        self.database_clock = PostgresClock(self.database)
        self.progress = PostgresProgressRepository(self.database)
        self.hand_over = HandOver(self.ready_queue)
        self.end_runs = EndRuns(
            jobs=self.jobs,
            clock=self.database_clock,
            hand_over=self.hand_over,
            limits=DEFAULT_LIMITS,
            tally=self.tally,
        )
        self.do = self._use_cases()
        self._add_timers()

    def _use_cases(self) -> UseCases:
        jobs, clock, hand_over = self.jobs, self.database_clock, self.hand_over
        get_jobs = GetJobs(jobs, self.progress)
        return UseCases(
            get_jobs=get_jobs,
            submit_jobs=SubmitJobs(
                jobs=jobs,
                plain_submits=PostgresPlainSubmits(self.database),
                idempotency_keys=self.idempotency_keys,
                unique_keys=self.unique_keys,
                clock=clock,
            ),
            claim_jobs=ClaimJobs(
                jobs=jobs,
                plain_runs=PostgresPlainRuns(self.database, self.job_ends),
                sessions=self.sessions,
                progress=self.progress,
                clock=clock,
                hand_over=hand_over,
                unknown_type_grace=self.unknown_type_grace,
            ),
            record_progress=RecordProgress(progress=self.progress, tally=self.tally),
            finish_jobs=FinishJobs(
                jobs=jobs,
                plain_runs=PostgresPlainRuns(self.database, self.job_ends),
                clock=clock,
                hand_over=hand_over,
                limits=DEFAULT_LIMITS,
                chance=lambda: 0.5,
                tally=self.tally,
            ),
            cancel_jobs=CancelJobs(jobs, clock, self.cancel_hints, get_jobs),
            retry_jobs=RetryJobs(
                jobs=jobs,
                unique_keys=self.unique_keys,
                clock=clock,
                hand_over=hand_over,
                get_jobs=get_jobs,
            ),
            keep_session=KeepSession(
                sessions=self.sessions, jobs=jobs, end_runs=self.end_runs, lease=self.lease
            ),
            list_attempts=ListAttempts(jobs),
        )

    def _add_timers(self) -> None:
        self.lookout = PostgresLookout(self.database)
        self._reclaim_lost_jobs = ReclaimLostJobs(
            lost_runs=PostgresLostRuns(self.database), end_runs=self.end_runs, tally=self.tally
        )
        self.expire_jobs = ExpireJobs(
            expiring_jobs=PostgresExpiringJobs(self.database),
            jobs=self.jobs,
            clock=self.database_clock,
            ready_queue=self.ready_queue,
            tally=self.tally,
        )
        self.announce_due_jobs = AnnounceDueJobs(
            PostgresAnnouncements(self.database), self.ready_queue, self.hand_over
        )

    async def reclaim_lost_jobs(self) -> bool:
        """As in production: what a look overlooks is not done."""
        return Chore.RECLAIM in await self.lookout.look() and await self._reclaim_lost_jobs()
