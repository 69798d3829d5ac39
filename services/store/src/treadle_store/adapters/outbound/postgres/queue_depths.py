"""How full queues are, counted over live jobs: so many of each queue as those that are looked at share, and no more."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ARRAY, Row, Text, bindparam, text

from treadle_domain.bounds import MAX_PRIORITY
from treadle_domain.queue_depth import QueueDepth, QueuePage, QueueQuery
from treadle_domain.rank import PRIORITY_HEAD_START
from treadle_store.adapters.outbound.postgres.database import Database

SHARED_LOOK = 50_000
"""Jobs that are due and as many that are not, of all queues together."""
SHORTEST_LOOK = 1_000
"""Of one queue."""
MOST_PLACES = 500

# From queue to queue by the index, however many jobs each has.
_NAMES = text(
    """
    WITH RECURSIVE found AS (
        (SELECT queue FROM live_jobs WHERE namespace = :namespace AND queue > :after ORDER BY queue LIMIT 1)
        UNION ALL
        SELECT following.queue FROM found CROSS JOIN LATERAL (
            SELECT queue FROM live_jobs WHERE namespace = :namespace AND queue > found.queue
            ORDER BY queue LIMIT 1
        ) AS following
    )
    SELECT queue FROM found LIMIT :limit
    """
)

_PLACES = text(
    """
    WITH RECURSIVE found AS (
        (SELECT namespace, queue FROM live_jobs ORDER BY namespace, queue LIMIT 1)
        UNION ALL
        SELECT following.namespace, following.queue FROM found CROSS JOIN LATERAL (
            SELECT namespace, queue FROM live_jobs WHERE (namespace, queue) > (found.namespace, found.queue)
            ORDER BY namespace, queue LIMIT 1
        ) AS following
    ), worked_on AS MATERIALIZED (
        SELECT DISTINCT namespace, queue FROM sessions
        CROSS JOIN LATERAL unnest(namespaces) AS namespace CROSS JOIN LATERAL unnest(queues) AS queue
        WHERE closed_at IS NULL AND expires_at > statement_timestamp() LIMIT :limit
    )
    SELECT namespace, queue FROM worked_on
    UNION ALL (
        SELECT namespace, queue FROM found WHERE (namespace, queue) NOT IN (SELECT * FROM worked_on) LIMIT :limit
    ) LIMIT :limit
    """
)

# What is due has a rank of at most now less the head start of its priority, but for what was put off: hence the look at
# run_at. What runs is counted by `held`, since it may be far behind in the order.
_DEPTHS = text(
    """
    WITH held_jobs AS MATERIALIZED (
        SELECT namespace, queue, state FROM live_jobs WHERE id = ANY (ARRAY(SELECT job_id FROM held))
    ), running AS MATERIALIZED (
        SELECT namespace, queue, count(*) AS jobs FROM held_jobs
        WHERE state = 'RUNNING' GROUP BY namespace, queue
    ), stretch AS MATERIALIZED (
        SELECT priority, is_due, CASE WHEN is_due THEN :lowest ELSE due_rank + 1 END AS low,
            CASE WHEN is_due THEN due_rank ELSE :highest END AS high
        FROM (VALUES (true), (false)) AS kind (is_due) CROSS JOIN (
            SELECT priority, floor(extract(epoch FROM statement_timestamp()) * 1000)::bigint
                - priority * :head_start_ms AS due_rank
            FROM generate_series(0, :highest_priority) AS priority
        ) AS level
    )
    SELECT asked.queue, counted.*, coalesce(running.jobs, 0) AS running,
        statement_timestamp() - oldest.ready_since AS oldest_ready_age
    FROM unnest(:namespaces, :queues) AS asked (namespace, queue)
    LEFT JOIN running ON running.namespace = asked.namespace AND running.queue = asked.queue
    CROSS JOIN LATERAL (
        SELECT count(*) FILTER (WHERE pending AND due) AS ready,
            count(*) FILTER (WHERE pending AND NOT due AND fence = fence_base) AS scheduled,
            count(*) FILTER (WHERE pending AND NOT due AND fence > fence_base) AS retrying,
            greatest(count(*) FILTER (WHERE is_due), count(*) FILTER (WHERE NOT is_due)) >= :looked_at AS capped
        FROM (VALUES (true), (false)) AS kind (is_due) CROSS JOIN LATERAL (
            SELECT job.* FROM stretch CROSS JOIN LATERAL (
                SELECT fence, fence_base, state = 'PENDING' AS pending, run_at <= statement_timestamp() AS due
                FROM live_jobs
                WHERE namespace = asked.namespace AND queue = asked.queue AND priority = stretch.priority
                AND rank BETWEEN stretch.low AND stretch.high ORDER BY rank, id LIMIT :looked_at
            ) AS job
            WHERE stretch.is_due = kind.is_due LIMIT :looked_at
        ) AS looked_at
    ) AS counted
    CROSS JOIN LATERAL (
        SELECT min(first.ready_since) AS ready_since FROM stretch CROSS JOIN LATERAL (
            SELECT greatest(run_at, created_at) AS ready_since FROM live_jobs
            WHERE namespace = asked.namespace AND queue = asked.queue AND priority = stretch.priority
            AND rank <= stretch.high AND state = 'PENDING' AND run_at <= statement_timestamp()
            ORDER BY rank, id LIMIT 1
        ) AS first
        WHERE stretch.is_due
    ) AS oldest
    """
).bindparams(
    bindparam("namespaces", type_=ARRAY(Text)),
    bindparam("queues", type_=ARRAY(Text)),
    lowest=-(2**63),
    highest=2**63 - 1,
    highest_priority=MAX_PRIORITY,
    head_start_ms=int(PRIORITY_HEAD_START.total_seconds() * 1000),
)


class PostgresQueueDepths:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def page(self, query: QueueQuery) -> QueuePage:
        names = await self._names(query)
        shown = names[: query.limit]
        found = await self._depths([(query.namespace, name) for name in shown], SHORTEST_LOOK)
        depths = {depth.queue: depth for depth in found}
        return QueuePage(queues=tuple(depths[name] for name in shown), more=len(names) > len(shown))

    async def everywhere(self) -> Sequence[QueueDepth]:
        """Of `MOST_PLACES` pairs of namespace and queue, each for itself: first of those that workers take jobs from,
        then of others that hold live jobs."""
        async with self._database.reading() as connection:
            found = await connection.execute(_PLACES, {"limit": MOST_PLACES})
            places = [(row.namespace, row.queue) for row in found]
        return await self._depths(places, SHARED_LOOK // MOST_PLACES)

    async def _depths(
        self, places: Sequence[tuple[str, str]], shortest_look: int
    ) -> Sequence[QueueDepth]:
        values = {
            "namespaces": [namespace for namespace, _ in places],
            "queues": [queue for _, queue in places],
            "looked_at": max(shortest_look, SHARED_LOOK // max(len(places), 1)),
        }
        async with self._database.reading() as connection:
            return [_depth_of(row) for row in await connection.execute(_DEPTHS, values)]

    async def _names(self, query: QueueQuery) -> Sequence[str]:
        """One more than the limit tells that others follow."""
        if query.names:
            return sorted(name for name in query.names if name > query.after)
        values = {
            "namespace": query.namespace,
            "after": query.after,
            "limit": query.limit + 1,
        }
        async with self._database.reading() as connection:
            return (await connection.scalars(_NAMES, values)).all()


def _depth_of(row: Row[Any]) -> QueueDepth:
    return QueueDepth(**row._mapping)
