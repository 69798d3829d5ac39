"""What PostgreSQL says about queues, sessions and itself, for those who watch."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import text

from treadle_domain.queue_depth import QueueDepth
from treadle_store.adapters.outbound.postgres.database import Database
from treadle_store.adapters.outbound.postgres.queue_depths import PostgresQueueDepths

_SESSIONS = text(
    """
    SELECT count(*) FILTER (WHERE expires_at > statement_timestamp()) AS open,
        count(*) FILTER (WHERE expires_at <= statement_timestamp()) AS silent
    FROM sessions WHERE closed_at IS NULL
    """
)
_WORKERS = text(
    """
    SELECT taken.queue, count(*) AS workers
    FROM sessions CROSS JOIN LATERAL (SELECT DISTINCT unnest(queues)) AS taken (queue)
    WHERE closed_at IS NULL AND expires_at > statement_timestamp() GROUP BY taken.queue
    """
)
# Whoever has begun to write holds vacuum back as much as a snapshot does. Vacuum itself does not.
_OLDEST_TRANSACTION = text(
    """
    SELECT coalesce(extract(epoch FROM max(clock_timestamp() - since)), 0)::float8 FROM (
        SELECT xact_start FROM pg_stat_activity
        WHERE (backend_xmin IS NOT NULL OR backend_xid IS NOT NULL) AND datname = current_database()
        AND pid <> pg_backend_pid() AND backend_type <> 'autovacuum worker'
        UNION ALL SELECT prepared FROM pg_prepared_xacts WHERE database = current_database()
    ) AS held (since)
    """
)
# What was announced and waits for a worker lies behind the mark; what ran meanwhile is not PENDING.
_ANNOUNCE_LAG = text(
    """
    SELECT coalesce((
        SELECT extract(epoch FROM statement_timestamp() - run_at) FROM live_jobs
        WHERE run_at > created_at AND state = 'PENDING' AND run_at <= statement_timestamp()
        AND run_at > coalesce((SELECT run_at FROM marks WHERE name = 'announced'), '-infinity')
        ORDER BY run_at, id LIMIT 1
    ), 0)::float8
    """
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """`depths`: of each pair of namespace and queue."""

    depths: Sequence[QueueDepth]
    open_sessions: int
    silent_sessions: int
    """The lease is over, and nobody has closed them yet."""
    workers: Mapping[str, int]
    """Open sessions by the queue that they take jobs from."""
    oldest_transaction_seconds: float
    """Of all that hold back vacuum."""
    announce_lag_seconds: float


class PostgresSurvey:
    def __init__(self, database: Database, depths: PostgresQueueDepths) -> None:
        self._database = database
        self._depths = depths

    async def __call__(self) -> Survey:
        """By indexes, in time that no backlog and no history prolongs. Raises DatabaseUnavailable."""
        depths = await self._depths.everywhere()
        async with self._database.reading() as connection:
            sessions = (await connection.execute(_SESSIONS)).one()
            return Survey(
                depths=depths,
                open_sessions=sessions.open,
                silent_sessions=sessions.silent,
                workers={row.queue: row.workers for row in await connection.execute(_WORKERS)},
                oldest_transaction_seconds=(await connection.scalars(_OLDEST_TRANSACTION)).one(),
                announce_lag_seconds=(await connection.scalars(_ANNOUNCE_LAG)).one(),
            )
