"""Jobs in PostgreSQL."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Executable, select
from sqlalchemy.ext.asyncio import AsyncConnection

from treadle_domain.attempt import KEPT_ATTEMPTS, Attempt
from treadle_domain.job import Job
from treadle_domain.states import JobState
from treadle_domain.stored_job import JobPage, JobQuery, StoredJob
from treadle_store.adapters.outbound.postgres import job_pages, reads, statements
from treadle_store.adapters.outbound.postgres.additions import Held, OtherRequest, insert
from treadle_store.adapters.outbound.postgres.database import Database
from treadle_store.adapters.outbound.postgres.idempotency_keys import KEPT, Holder, free_keys
from treadle_store.adapters.outbound.postgres.rows import (
    Values,
    attempt_of,
    attempt_values,
    change_values,
    changed_columns,
    jobs_of,
    stored_jobs_of,
)
from treadle_store.adapters.outbound.postgres.tables import attempts, held, live_jobs
from treadle_store.adapters.outbound.postgres.unique_keys import take_unique_keys
from treadle_store.application.errors import Conflicted
from treadle_store.application.ports import (
    Added,
    Addition,
    Change,
    HeldRun,
    Hold,
    JobEnds,
    VoidRun,
)


class PostgresJobRepository:
    def __init__(self, database: Database, ends: JobEnds, keys_kept: timedelta = KEPT) -> None:
        self._database = database
        self._ends = ends
        self._keys_kept = keys_kept

    async def add(
        self,
        additions: Sequence[Addition],
        replacements: Sequence[Change] = (),
        *,
        atomic: bool = False,
    ) -> list[Added]:
        try:
            async with self._database.transaction() as connection:
                held, new = await insert(
                    connection, additions, replacements, self._keys_kept, atomic=atomic
                )
        except OtherRequest as refusal:
            return refusal.instead
        return await self._added(held, new)

    async def _added(self, held: Sequence[Held], new: Sequence[StoredJob]) -> list[Added]:
        """`new`: those that are as they were given."""
        jobs = {stored.job.id: stored for stored in new}
        wanted = [
            (each.new.job.namespace, each.answering_job if holder is None else holder.job_id)
            for each, holder in held
        ]
        jobs |= await self._as_of_now(place for place in wanted if place[1] not in jobs)
        await self._free_keys([h for _, h in held if h is not None and h.job_id not in jobs])
        return [
            Added(
                stored=jobs.get(job_id, each.new),
                idempotency=None if holder is None else holder.idempotency,
            )
            for (each, holder), (_, job_id) in zip(held, wanted, strict=True)
        ]

    async def _free_keys(self, abandoned: Sequence[Holder]) -> None:
        """A key and its job are committed together, so a job that is not there was deleted since."""
        if abandoned:
            async with self._database.transaction() as connection:
                await free_keys(connection, abandoned)
            raise Conflicted("the job of a key was deleted")

    async def find(self, namespace: str, ids: Collection[UUID]) -> Mapping[UUID, Job]:
        rows = await self._read(reads.FIND, {"namespace": namespace, "ids": [*ids]})
        return {job.id: job for job in jobs_of(rows)}

    async def find_anywhere(self, ids: Collection[UUID]) -> Mapping[UUID, Job]:
        rows = await self._read(reads.FIND_ANYWHERE, {"ids": [*ids]})
        return {job.id: job for job in jobs_of(rows)}

    async def find_stored(self, namespace: str, ids: Collection[UUID]) -> Mapping[UUID, StoredJob]:
        rows = await self._read(reads.FIND_STORED, {"namespace": namespace, "ids": [*ids]})
        return {stored.job.id: stored for stored in stored_jobs_of(rows)}

    async def find_ended(
        self, namespace: str, ids: Collection[UUID], limit: int
    ) -> Sequence[StoredJob]:
        values = {"namespace": namespace, "ids": [*ids], "limit": limit}
        return [*stored_jobs_of(await self._read(reads.FIND_ENDED, values))]

    async def page(self, query: JobQuery) -> JobPage:
        statement = job_pages.statement(query)
        rows = await self._read(statement, job_pages.values(query)) if statement is not None else []
        return job_pages.page_of(rows, query.limit)

    async def save(self, changes: Sequence[Change]) -> frozenset[UUID]:
        saved = set[UUID]()
        async with self._database.transaction() as connection:
            takings = [(c.after, c.taking) for c in changes if c.taking is not None]
            keyless = await take_unique_keys(connection, takings) if takings else frozenset()
            by_statement = _by_statement([c for c in changes if c.after.id not in keyless])
            if len(by_statement) > 1:
                # Each statement locks its rows in the order of ids, but one after the other they would go back.
                ids = [change.before.id for change in changes]
                await connection.execute(statements.LOCK_LIVE, {"p_id": ids})
            for statement, rows in by_statement:
                saved |= await statements.ids_of(connection, statement, rows)
            await _keep_runs(connection, [c for c in changes if c.after.id in saved])
        self._ends.tell([c.after.id for c in changes if c.is_end and c.after.id in saved])
        return frozenset(change.after.id for change in changes) - saved

    async def attempts(self, job_id: UUID) -> Sequence[Attempt]:
        statement = select(attempts).where(attempts.c.job_id == job_id).order_by(attempts.c.fence)
        return [attempt_of(row) for row in await self._read(statement, {})]

    async def held_by(self, session: UUID) -> Sequence[HeldRun]:
        statement = select(
            held.c.job_id, held.c.fence, held.c.claim_id, held.c.heartbeat_number
        ).where(held.c.session == session)
        return [HeldRun(**row._mapping) for row in await self._read(statement, {})]

    async def drop_holds(self, runs: Sequence[VoidRun]) -> None:
        rows = [{"session": r.session, "job_id": r.job_id, "fence": r.fence} for r in runs]
        async with self._database.transaction() as connection:
            await connection.execute(statements.DROP_HOLDS, statements.parameters(rows))

    async def cancel_requests(self, session: UUID) -> Sequence[tuple[UUID, int]]:
        statement = (
            select(held.c.job_id, held.c.fence)
            .join(live_jobs, live_jobs.c.id == held.c.job_id)
            .where(held.c.session == session, live_jobs.c.cancel_requested_at.is_not(None))
        )
        return [(row.job_id, row.fence) for row in await self._read(statement, {})]

    async def _as_of_now(self, places: Iterable[tuple[str, UUID]]) -> Mapping[UUID, StoredJob]:
        by_namespace: dict[str, list[UUID]] = {}
        for namespace, job_id in places:
            by_namespace.setdefault(namespace, []).append(job_id)
        found: dict[UUID, StoredJob] = {}
        for namespace, ids in by_namespace.items():
            found |= await self.find_stored(namespace, ids)
        return found

    async def _read(self, statement: Executable, values: Mapping[str, Any]) -> Sequence[Any]:
        async with self._database.reading() as connection:
            return (await connection.execute(statement, values)).all()


def _by_statement(changes: Sequence[Change]) -> list[tuple[Executable, list[Values]]]:
    """Each change by the statement for its tables, rows in the order of ids."""
    ordered = sorted(changes, key=lambda change: change.after.id)
    reviving = [c for c in ordered if c.before.state.is_final]
    ending = [c for c in ordered if c.is_end]
    staying = [c for c in ordered if not c.after.state.is_final and not c.before.state.is_final]
    return [
        (statement(columns), [change_values(change, columns) for change in of_one_kind])
        for statement, of_one_kind, columns in (
            (statements.update_live, staying, _changed(staying)),
            (statements.live_to_finished, ending, _changed(ending) | {"result"}),
            (statements.finished_to_live, reviving, _changed(reviving) | {"result"}),
        )
        if of_one_kind
    ]


def _changed(changes: Sequence[Change]) -> frozenset[str]:
    """The columns in which any of the rows changes."""
    none: frozenset[str] = frozenset()
    return none.union(*(changed_columns(change.before, change.after) for change in changes))


async def _keep_runs(connection: AsyncConnection, changes: Sequence[Change]) -> None:
    """What the session holds follows the state; a run that did not succeed leaves a record."""
    begun = [_held_values(c.after, c.hold) for c in changes if c.hold is not None]
    ended = [_key(c.before) for c in changes if _ends_run(c)]
    records = [a for c in changes if (a := Attempt.ended_by(c.before, c.after, c.now)) is not None]
    old = [{"job_id": a.job_id} for a in records if a.fence > KEPT_ATTEMPTS]
    for statement, rows in (
        (statements.HOLD, begun),
        (statements.DELETE_HELD, ended),
        (statements.ADD_ATTEMPTS, [attempt_values(a) for a in records]),
        (statements.DELETE_OLD_ATTEMPTS, old),
    ):
        if rows:
            await connection.execute(statement, statements.parameters(rows))


def _ends_run(change: Change) -> bool:
    return change.before.state is JobState.RUNNING and change.after.state is not JobState.RUNNING


def _key(job: Job) -> Values:
    return {"session": job.session, "job_id": job.id}


def _held_values(job: Job, hold: Hold) -> Values:
    return _key(job) | {
        "fence": job.fence,
        "claim_id": hold.claim_id,
        "heartbeat_number": hold.heartbeat_number,
        "claimed_at": job.started_at,
    }
