"""Jobs without keys, in PostgreSQL: the server's clock is read by the statement that adds them."""

from collections.abc import Sequence
from dataclasses import fields
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Interval,
    cast,
    func,
    select,
)

from treadle_domain.job import Job
from treadle_domain.rank import PRIORITY_HEAD_START
from treadle_domain.stored_job import NewJob
from treadle_store.adapters.outbound.postgres.compiled import Compiled, compiled
from treadle_store.adapters.outbound.postgres.database import Database
from treadle_store.adapters.outbound.postgres.new_rows import FRESH, plain_rows
from treadle_store.adapters.outbound.postgres.statements import (
    drop_finished_twins,
    given_or_same,
    insert_unless_known,
)
from treadle_store.adapters.outbound.postgres.tables import live_jobs


class PostgresPlainSubmits:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, new_jobs: Sequence[NewJob]) -> datetime | None:
        # In the order of ids: two calls with the same jobs never wait for each other.
        ordered = sorted(new_jobs, key=lambda new: new.submission.id)
        differing, values = plain_rows(ordered)
        [(count, at, twins)] = await self._database.execute(_add(differing), values)
        return at if count == len(new_jobs) and not twins else None


@lru_cache(maxsize=256)
def _add(differing: frozenset[str]) -> Compiled:
    said = [column for column in live_jobs.columns if column.name not in FRESH]
    given, values = given_or_same([*said, _DELAY], differing)
    start = func.coalesce(values["run_at"], _NOW + func.coalesce(values["delay"], timedelta(0)))
    values |= _fresh() | {
        "created_at": _NOW,
        "run_at": start,
        "rank": _rank(start, values["priority"]),
    }
    rows = select(*(values[c.name] for c in live_jobs.columns)).select_from(given)
    added = insert_unless_known(rows).returning(live_jobs.c.id, live_jobs.c.created_at).cte("added")
    ids = func.array_agg(added.c.id)
    # A repeated call must not run a job again that ended meanwhile.
    twins = drop_finished_twins(ids)
    return compiled(select(func.count(), func.min(added.c.created_at), twins))


def _fresh() -> dict[str, ColumnElement[Any]]:
    defaults = {field.name: field.default for field in fields(Job)}
    return {name: cast(defaults[name], live_jobs.c[name].type) for name in FRESH}


def _rank(start: ColumnElement[Any], priority: ColumnElement[Any]) -> ColumnElement[Any]:
    """As rank_of."""
    ready_ms = func.floor(func.extract("epoch", func.greatest(start, _NOW)) * 1_000)
    head_start_ms = PRIORITY_HEAD_START // timedelta(milliseconds=1)
    return cast(ready_ms, BigInteger) - cast(priority, BigInteger) * head_start_ms


_NOW = func.statement_timestamp()
_DELAY: Column[Any] = Column("delay", Interval)
