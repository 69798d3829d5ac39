"""What there is to do, seen in PostgreSQL by one statement."""

from sqlalchemy import ColumnElement, exists, func, literal, select

from treadle_store.adapters.outbound.postgres.announcements import ANNOUNCED, DELAYED
from treadle_store.adapters.outbound.postgres.database import Database
from treadle_store.adapters.outbound.postgres.expiring_jobs import EXPIRED
from treadle_store.adapters.outbound.postgres.lost_runs import LOST, SESSION_ENDED
from treadle_store.adapters.outbound.postgres.tables import live_jobs, sessions
from treadle_store.adapters.outbound.postgres.up_clock import TICK
from treadle_store.application.announce_due_jobs import AHEAD
from treadle_store.application.keep_watch import Chore

_run_at = live_jobs.c.run_at
_announced = ANNOUNCED.scalar_subquery()
# By an index, which leaves out for good what it once found to be gone; the table keeps that until it is vacuumed.
_first_live = (
    select(live_jobs.c.queue)
    .order_by(live_jobs.c.namespace, live_jobs.c.queue)
    .limit(1)
    .scalar_subquery()
)
_SIGNS: dict[Chore, ColumnElement[bool]] = {
    # Without a mark the first turn has not come: on a new database another one may have been at it.
    Chore.ANNOUNCE: _announced.is_(None)
    | exists().where(DELAYED, _run_at >= _announced, _run_at <= func.statement_timestamp() + AHEAD),
    Chore.RECLAIM: exists().where(SESSION_ENDED).select_from(sessions)
    | LOST.order_by(None).exists(),
    Chore.EXPIRE: EXPIRED.order_by(None).exists(),
    Chore.REPAIR: _first_live.is_not(None),
}
# The tick is no reason to wait for the disk: what a crash takes back of it lets leases last a second longer.
_ticked = TICK.returning(func.set_config("synchronous_commit", "off", literal(True))).cte("ticked")
_LOOK = select(*(sign.label(chore.value) for chore, sign in _SIGNS.items())).add_cte(_ticked)


class PostgresLookout:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def look(self) -> frozenset[Chore]:
        async with self._database.reading() as connection:
            seen = (await connection.execute(_LOOK)).one()
        return frozenset(chore for chore, is_due in zip(_SIGNS, seen, strict=True) if is_due)
