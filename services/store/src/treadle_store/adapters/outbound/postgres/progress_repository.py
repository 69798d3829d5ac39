"""What runs tell of themselves, in PostgreSQL."""

from collections.abc import Collection, Mapping, Sequence
from uuid import UUID

from sqlalchemy import ARRAY, Text, Uuid, any_, bindparam, cast, select, text

from treadle_domain.progress import KeptProgress, Progress, ProgressReport
from treadle_store.adapters.outbound.postgres import statements
from treadle_store.adapters.outbound.postgres.database import Database
from treadle_store.adapters.outbound.postgres.rows import log_line_values, progress_values
from treadle_store.adapters.outbound.postgres.tables import checkpoints, progress

# A handler may delete what its checkpoint makes needless, so that one has to be on disk. The rest is to be looked at.
_MAY_BE_LOST = text("SET LOCAL synchronous_commit = off")

_CHECKPOINTS = select(checkpoints.c.job_id, cast(checkpoints.c.state, Text).label("state")).where(
    checkpoints.c.job_id == any_(bindparam("ids", type_=ARRAY(Uuid())))
)

_PROGRESS = select(
    progress.c.job_id, progress.c.fraction, progress.c.note, progress.c.recorded_at
).where(progress.c.job_id == any_(bindparam("ids", type_=ARRAY(Uuid()))))


class PostgresProgressRepository:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def record(self, session: UUID, reports: Sequence[ProgressReport]) -> frozenset[UUID]:
        runs = [progress_values(report) for report in reports]
        lines = [log_line_values(r.job_id, line) for r in reports for line in r.log_lines]
        values = statements.record_parameters(session, runs, lines)
        async with self._database.transaction() as connection:
            if all(report.checkpoint is None for report in reports):
                await connection.execute(_MAY_BE_LOST)
            recorded = await connection.scalars(statements.RECORD, values)
            return frozenset(report.job_id for report in reports).difference(recorded)

    async def latest(self, job_ids: Collection[UUID]) -> Mapping[UUID, KeptProgress]:
        if not job_ids:
            return {}
        async with self._database.reading() as connection:
            rows = await connection.execute(_PROGRESS, {"ids": [*job_ids]})
            return {
                row.job_id: KeptProgress(
                    progress=Progress(fraction=row.fraction, note=row.note),
                    recorded_at=row.recorded_at,
                )
                for row in rows
            }

    async def checkpoints(self, job_ids: Collection[UUID]) -> Mapping[UUID, bytes]:
        async with self._database.reading() as connection:
            rows = await connection.execute(_CHECKPOINTS, {"ids": [*job_ids]})
            return {row.job_id: row.state.encode() for row in rows}
