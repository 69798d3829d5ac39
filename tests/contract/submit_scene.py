"""Submits over every store there is, and a worker to run what they made."""

from collections.abc import AsyncIterator, Callable
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from tests.builders import a_new_job, a_session
from tests.fakes.store_over_memory import StoreOverMemory
from tests.fakes.store_over_postgres import StoreOverPostgres, stepped_clock

from treadle_domain.claimed_run import ClaimBatch, ClaimedRun, RunReport
from treadle_domain.errors import DomainError
from treadle_domain.outcomes import Outcome, Succeeded
from treadle_domain.stored_job import NewJob, StoredJob, SubmitOutcome
from treadle_domain.uniqueness import OnConflict, Uniqueness, UniqueScope
from treadle_store.adapters.outbound.postgres.database import Database
from treadle_store.application.submit_jobs import Accepted, Answer

CREATED, EXISTING, REPLACED, REPLAYED = (
    SubmitOutcome.CREATED,
    SubmitOutcome.EXISTING,
    SubmitOutcome.REPLACED,
    SubmitOutcome.REPLAYED,
)
REJECT, REPLACE = OnConflict.REJECT, OnConflict.REPLACE_PAYLOAD
MINUTE = timedelta(minutes=1)


@dataclass
class Scene:
    """`session`: of the only worker."""

    store: StoreOverMemory | StoreOverPostgres
    advance: Callable[[timedelta], None]
    session: UUID

    async def submit(self, *new: NewJob, atomic: bool = False) -> list[Answer]:
        return await self.store.do.submit_jobs(new, atomic=atomic)

    async def ids(self, *new: NewJob) -> list[tuple[UUID, SubmitOutcome] | DomainError | None]:
        return [
            (each.job.id, each.outcome) if isinstance(each, Accepted) else each
            for each in await self.submit(*new)
        ]

    async def claim(self, job_id: UUID) -> ClaimedRun:
        batch = ClaimBatch(
            namespace="default",
            session=self.session,
            claim_id=uuid4(),
            heartbeat_number=1,
            job_ids=(job_id,),
        )
        [run] = await self.store.do.claim_jobs(batch)
        assert isinstance(run, ClaimedRun), run
        return run

    async def finish(self, run: ClaimedRun, outcome: Outcome | None = None) -> None:
        end = outcome or Succeeded()
        result = b"1" if outcome is None else None
        report = RunReport(
            namespace="default", job_id=run.job_id, fence=run.fence, outcome=end, result=result
        )
        await self.store.do.finish_jobs(self.session, [report])

    async def retry(self, *ids: UUID) -> list[StoredJob | DomainError]:
        return await self.store.do.retry_jobs("default", ids)

    async def stored(self, job_id: UUID) -> StoredJob:
        return (await self.store.do.get_jobs("default", [job_id]))[job_id]


@pytest.fixture(params=["in memory", "PostgreSQL"])
async def scene(request: pytest.FixtureRequest) -> AsyncIterator[Scene]:
    session = a_session("echo")
    if request.param == "in memory":
        memory = StoreOverMemory()
        await memory.do.keep_session.open(session)
        async with memory.hand_over:
            yield Scene(memory, memory.clock.advance, session.id)
        return
    url = request.getfixturevalue("migrated_database_url")
    with ExitStack() as stack:
        clock = stack.enter_context(stepped_clock(url))
        store = StoreOverPostgres(Database(url, pool_size=2))
        await store.do.keep_session.open(session)
        async with store.hand_over:
            yield Scene(store, clock.advance, session.id)
        await store.database.close()


def unique(
    payload: bytes = b"{}",
    on_conflict: OnConflict = OnConflict.RETURN_EXISTING,
    key: str = "report-7",
    scope: UniqueScope = UniqueScope.ACTIVE,
    **more: Any,
) -> NewJob:
    window = MINUTE if scope is UniqueScope.WINDOW else None
    said = Uniqueness(key=key, scope=scope, window=window)
    return a_new_job(payload, unique=said, on_conflict=on_conflict, **more)


def id_of(new: NewJob) -> UUID:
    return new.submission.id
