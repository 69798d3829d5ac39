"""Which job holds which unique key."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    BigInteger,
    ColumnElement,
    Row,
    Select,
    TableValuedAlias,
    Text,
    any_,
    bindparam,
    cast,
    delete,
    func,
    select,
    tuple_,
    update,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from treadle_domain.job import Job
from treadle_domain.key_holder import KeyHolder
from treadle_domain.uniqueness import UniqueScope
from treadle_store.adapters.outbound.postgres import reads
from treadle_store.adapters.outbound.postgres.database import Database
from treadle_store.adapters.outbound.postgres.rows import Values, jobs_of
from treadle_store.adapters.outbound.postgres.statements import given_rows, ids_of, parameters
from treadle_store.adapters.outbound.postgres.tables import unique_keys as keys
from treadle_store.application.ports import Taking, UniqueKey


async def take_unique_keys(
    connection: AsyncConnection, takings: Iterable[tuple[Job, Taking]]
) -> frozenset[UUID]:
    """Compare-and-set, in the order of keys; returns the jobs that missed theirs. No key may appear twice."""
    rows = sorted(
        (_row(job, taking) for job, taking in takings),
        key=lambda row: (row["namespace"], row["key"]),
    )
    over = [row for row in rows if row["version"]]
    free = [row for row in rows if not row["version"]]
    taken = await ids_of(connection, _TAKE_OVER, over) | await ids_of(connection, _TAKE_FREE, free)
    return frozenset(row["holder"] for row in rows) - taken


class PostgresUniqueKeys:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def holders(self, namespace: str, keys: Collection[str]) -> Mapping[str, KeyHolder]:
        values = {"p_namespace": namespace, "p_keys": [*keys]}
        async with self._database.reading() as connection:
            rows = (await connection.execute(_HELD, values)).all()
            return {row.key: holder for row, holder in await _with_jobs(connection, rows)}

    async def expired(self, limit: int) -> Sequence[UniqueKey]:
        async with self._database.reading() as connection:
            rows = (await connection.execute(_EXPIRED.limit(limit))).all()
            return [
                UniqueKey(namespace=row.namespace, key=row.key, holder=holder)
                for row, holder in await _with_jobs(connection, rows)
            ]

    async def forget(self, keys: Sequence[UniqueKey]) -> None:
        if keys:
            async with self._database.transaction() as connection:
                await connection.execute(_FORGET, parameters([*map(_as_found, keys)]))

    async def look_again(self, keys: Sequence[UniqueKey], expires_at: datetime) -> None:
        if keys:
            values = parameters([*map(_as_found, keys)]) | {"p_later": expires_at}
            async with self._database.transaction() as connection:
                await connection.execute(_LOOK_AGAIN, values)


async def _with_jobs(
    connection: AsyncConnection, rows: Sequence[Row[Any]]
) -> Sequence[tuple[Row[Any], KeyHolder]]:
    """A key and its job are committed together, so whoever sees the key finds the job, unless it was deleted."""
    if not rows:
        return []
    found = await connection.execute(reads.FIND_ANYWHERE, {"ids": [row.holder for row in rows]})
    jobs = {job.id: job for job in jobs_of(found.all())}
    return [
        (
            row,
            KeyHolder(
                job_id=row.holder,
                scope=UniqueScope.of(row.scope),
                expires_at=row.expires_at,
                version=row.version,
                job=jobs.get(row.holder),
            ),
        )
        for row in rows
    ]


def _row(job: Job, taking: Taking) -> Values:
    return {
        "namespace": job.namespace,
        "key": taking.unique.key,
        "holder": job.id,
        "scope": taking.unique.scope.value,
        "expires_at": taking.expires_at,
        "version": taking.version or 0,
    }


def _as_found(key: UniqueKey) -> Values:
    return {
        "namespace": key.namespace,
        "key": key.key,
        "version": key.holder.version,
    }


def _locked(given: TableValuedAlias) -> Select[Any]:
    """In the order of keys, so that two batches never wait for each other."""
    wanted = tuple_(keys.c.namespace, keys.c.key).in_(select(given.c.namespace, given.c.key))
    return (
        select(keys.c.namespace, keys.c.key)
        .where(wanted)
        .order_by(keys.c.namespace, keys.c.key)
        .with_for_update()
    )


def _unchanged(given: TableValuedAlias) -> Sequence[ColumnElement[bool]]:
    locked = _locked(given).cte("locked")
    place = (keys.c.namespace, keys.c.key)
    is_locked = tuple_(*place).in_(select(locked.c.namespace, locked.c.key))
    return [is_locked, *(c == given.c[c.name] for c in (*place, keys.c.version))]


# Never the same again, also for a key that was forgotten in between.
_VERSION = cast(cast(func.pg_current_xact_id(), Text), BigInteger)
_GIVEN = given_rows(keys.columns)
_FOUND = given_rows([keys.c.namespace, keys.c.key, keys.c.version])
_TAKE_FREE = (
    insert(keys)
    .from_select(
        [c.name for c in keys.columns],
        select(*(_GIVEN.c[c.name] for c in keys.columns if c.name != "version"), _VERSION),
    )
    .on_conflict_do_nothing()
    .returning(keys.c.holder)
)
_TAKE_OVER = (
    update(keys)
    .values({name: _GIVEN.c[name] for name in ("holder", "scope", "expires_at")})
    .values(version=_VERSION)
    .where(*_unchanged(_GIVEN))
    .returning(keys.c.holder)
)
_HELD = select(keys).where(
    keys.c.namespace == bindparam("p_namespace"),
    keys.c.key == any_(bindparam("p_keys", type_=ARRAY(Text))),
)
_EXPIRED = (
    select(keys).where(keys.c.expires_at <= func.statement_timestamp()).order_by(keys.c.expires_at)
)
_FORGET = delete(keys).where(*_unchanged(_FOUND))
_LOOK_AGAIN = update(keys).values(expires_at=bindparam("p_later")).where(*_unchanged(_FOUND))
