"""The repair's turns in PostgreSQL: which queues there are, and what of them is due."""

from collections import defaultdict
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, Row, Text, Uuid, bindparam, func, literal, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from treadle_domain.bounds import MAX_PRIORITY
from treadle_domain.rank import PRIORITY_HEAD_START
from treadle_store.adapters.outbound.postgres.database import Database
from treadle_store.adapters.outbound.postgres.ready_tables import ready_epoch
from treadle_store.adapters.outbound.postgres.turns import Turn, turn
from treadle_store.application.ready_ports import DueJob, QueueName, Rounds, Stretch

# From queue to queue by the index, however many jobs each has.
_QUEUES = text(
    """
    WITH RECURSIVE found AS (
        (SELECT namespace, queue FROM live_jobs
        WHERE (namespace, queue) > (:namespace, :queue) ORDER BY namespace, queue LIMIT 1)
        UNION ALL
        SELECT following.* FROM found CROSS JOIN LATERAL (
            SELECT namespace, queue FROM live_jobs
            WHERE (namespace, queue) > (found.namespace, found.queue)
            ORDER BY namespace, queue LIMIT 1
        ) AS following
    )
    SELECT namespace, queue FROM found LIMIT :limit
    """
)

# A range of the index per queue and priority, merged. A job that is due has a rank of at most now less its head
# start, so those that are not due are not read. Two row comparisons bound the scan; any third condition on the rank
# would make it read on behind its end.
_DUE = text(
    """
    SELECT stretch.namespace, stretch.queue, due.rank, due.id, due.version
    FROM unnest(
        :namespaces, :queues, CAST(:start_ranks AS bigint[]), :start_ids,
        CAST(:end_ranks AS bigint[]), :end_ids
    ) AS stretch (namespace, queue, start_rank, start_id, end_rank, end_id)
    CROSS JOIN LATERAL (
        SELECT of_priority.rank, of_priority.id, of_priority.version
        FROM generate_series(0, :highest_priority) AS level
        CROSS JOIN LATERAL (
            SELECT floor(extract(epoch FROM statement_timestamp()) * 1000)::bigint + 1
                - level * :head_start_ms AS rank
        ) AS not_due
        CROSS JOIN LATERAL (
            SELECT job.rank, job.id, job.version FROM live_jobs AS job
            WHERE job.namespace = stretch.namespace AND job.queue = stretch.queue
            AND job.priority = level
            AND (job.rank, job.id) >= (stretch.start_rank, stretch.start_id)
            AND (job.rank, job.id) < (
                least(stretch.end_rank, not_due.rank),
                CASE WHEN stretch.end_rank <= not_due.rank THEN stretch.end_id ELSE :no_id END)
            AND job.state = 'PENDING' AND job.run_at <= statement_timestamp()
            ORDER BY job.rank, job.id LIMIT :limit
        ) AS of_priority
        ORDER BY of_priority.rank, of_priority.id LIMIT :limit
    ) AS due
    """
).bindparams(
    bindparam("namespaces", type_=ARRAY(Text)),
    bindparam("queues", type_=ARRAY(Text)),
    bindparam("start_ids", type_=ARRAY(Uuid)),
    bindparam("end_ids", type_=ARRAY(Uuid)),
    bindparam("no_id", UUID(int=0), type_=Uuid()),
    highest_priority=MAX_PRIORITY,
    head_start_ms=int(PRIORITY_HEAD_START.total_seconds() * 1000),
)


# What a crash takes back of a turn costs a rebuild, and no job. To compile its reads would take longer than they do.
_BEGIN = select(
    ready_epoch,
    func.statement_timestamp().label("now"),
    func.set_config("synchronous_commit", "off", literal(True)),
    func.set_config("jit", "off", literal(True)),
)


class PostgresReadyTurn:
    def __init__(self, connection: AsyncConnection, row: Row[Any]) -> None:
        self._connection = connection
        self.now = row.now
        self.epoch: str = row.epoch
        self.rounds = Rounds(
            after=(row.after_namespace, row.after_queue),
            seen=row.queues_seen,
            total=row.queues_total,
        )

    async def queues(self, after: QueueName, limit: int) -> Sequence[QueueName]:
        values = {"namespace": after[0], "queue": after[1], "limit": limit}
        rows = await self._connection.execute(_QUEUES, values)
        return [(row.namespace, row.queue) for row in rows]

    async def due(
        self, stretches: Sequence[Stretch], limit: int
    ) -> Mapping[QueueName, Sequence[DueJob]]:
        values = {
            "namespaces": [stretch.queue[0] for stretch in stretches],
            "queues": [stretch.queue[1] for stretch in stretches],
            "start_ranks": [stretch.start[0] for stretch in stretches],
            "start_ids": [stretch.start[1] for stretch in stretches],
            "end_ranks": [stretch.end[0] for stretch in stretches],
            "end_ids": [stretch.end[1] for stretch in stretches],
            "limit": limit,
        }
        due: defaultdict[QueueName, list[DueJob]] = defaultdict(list)
        for row in await self._connection.execute(_DUE, values):
            due[row.namespace, row.queue].append(DueJob((row.rank, row.id), row.version))
        return {queue: sorted(jobs) for queue, jobs in due.items()}

    async def remember(self, epoch: str, rounds: Rounds) -> None:
        statement = update(ready_epoch).values(
            epoch=epoch,
            after_namespace=rounds.after[0],
            after_queue=rounds.after[1],
            queues_seen=rounds.seen,
            queues_total=rounds.total,
        )
        await self._connection.execute(statement)


class PostgresReadyTurns:
    def __init__(self, database: Database) -> None:
        self._database = database

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[PostgresReadyTurn | None]:
        async with turn(self._database, Turn.REPAIR) as connection:
            if connection is None:
                yield None
                return
            yield PostgresReadyTurn(connection, (await connection.execute(_BEGIN)).one())
