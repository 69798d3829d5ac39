"""Which job was made under which idempotency key."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, Column, Interval, Text, any_, bindparam, delete, func, select, tuple_
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from treadle_domain.idempotency import Idempotency
from treadle_store.adapters.outbound.postgres.database import Database
from treadle_store.adapters.outbound.postgres.rows import Values
from treadle_store.adapters.outbound.postgres.statements import given_rows, parameters
from treadle_store.adapters.outbound.postgres.tables import idempotency_keys as keys
from treadle_store.adapters.outbound.postgres.turns import Turn, turn
from treadle_store.application.ports import Addition

KEPT = timedelta(days=1)
_PAGE = 1_000

Place = tuple[str, str]
"""Namespace and key."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """Of a key. `is_new`: the key was free, or had been kept for long enough, and is this job's from now on."""

    namespace: str
    idempotency: Idempotency
    job_id: UUID
    is_new: bool


async def take_keys(
    connection: AsyncConnection, additions: Sequence[Addition], kept: timedelta
) -> list[Holder | None]:
    """Who holds the key of each addition; None for those without one. Of equal keys the first addition may take it."""
    wanted: dict[Place, Values] = {}
    for each in additions:
        if each.idempotency is not None:
            wanted.setdefault(_place(each), _row(each))
    if not wanted:
        return [None] * len(additions)
    # In the order of keys, and before any job: no two calls wait for each other.
    holders = await _take(connection, [wanted[place] for place in sorted(wanted)], kept)
    return [None if each.idempotency is None else holders[_place(each)] for each in additions]


async def _take(
    connection: AsyncConnection, rows: Sequence[Values], kept: timedelta
) -> Mapping[Place, Holder]:
    values = parameters(rows)
    taken = await connection.execute(_TAKE, values | {"p_kept": kept})
    new = {(row.namespace, row.key) for row in taken}
    # Only a statement of its own sees the holders that were committed while the first one waited for them.
    return {
        (row.namespace, row.key): Holder(
            namespace=row.namespace,
            idempotency=Idempotency(key=row.key, fingerprint=row.fingerprint),
            job_id=row.job_id,
            is_new=(row.namespace, row.key) in new,
        )
        for row in await connection.execute(_HOLDERS, values)
    }


def _place(addition: Addition) -> Place:
    assert addition.idempotency is not None
    return addition.new.job.namespace, addition.idempotency.key


def _row(addition: Addition) -> Values:
    assert addition.idempotency is not None
    namespace, key = _place(addition)
    return {
        "namespace": namespace,
        "key": key,
        "fingerprint": addition.idempotency.fingerprint,
        "job_id": addition.answering_job,
    }


async def free_keys(connection: AsyncConnection, holders: Sequence[Holder]) -> None:
    """Unless other jobs hold them meanwhile."""
    rows = [
        {"namespace": each.namespace, "key": each.idempotency.key, "job_id": each.job_id}
        for each in holders
    ]
    await connection.execute(_FREE, parameters(rows))


class PostgresIdempotencyKeys:
    def __init__(self, database: Database, kept: timedelta) -> None:
        self._database = database
        self._kept = kept

    async def kept(self, namespace: str, keys: Collection[str]) -> frozenset[str]:
        values = {"p_kept": self._kept, "p_namespace": namespace, "p_keys": [*keys]}
        async with self._database.reading() as connection:
            return frozenset(await connection.scalars(_KEPT, values))

    async def prune(self) -> bool:
        """Forgets those that were kept for long enough, a page of them. True if there may be more."""
        async with turn(self._database, Turn.PRUNE_KEYS) as connection:
            if connection is None:
                return False
            pruned = await connection.execute(_PRUNE, {"p_kept": self._kept})
            return pruned.rowcount == _PAGE


_SENT: Sequence[Column[Any]] = [keys.c.namespace, keys.c.key, keys.c.fingerprint, keys.c.job_id]
_NOW = func.statement_timestamp()
_OLD = keys.c.taken_at <= _NOW - bindparam("p_kept", type_=Interval())
_GIVEN = given_rows(_SENT)
_NEW = insert(keys).from_select(
    [c.name for c in keys.columns], select(*(_GIVEN.c[c.name] for c in _SENT), _NOW)
)
# The rows that stay as they are get locked too, so nobody prunes them before this transaction ends.
_TAKE = _NEW.on_conflict_do_update(
    index_elements=["namespace", "key"],
    set_={c.name: _NEW.excluded[c.name] for c in (*_SENT[2:], keys.c.taken_at)},
    where=_OLD,
).returning(keys.c.namespace, keys.c.key)
_HOLDERS = select(*_SENT).where(
    tuple_(keys.c.namespace, keys.c.key).in_(select(_GIVEN.c.namespace, _GIVEN.c.key))
)
_ABANDONED = given_rows([keys.c.namespace, keys.c.key, keys.c.job_id])
_FREE = delete(keys).where(*(keys.c[c.name] == c for c in _ABANDONED.c))
_KEPT = select(keys.c.key).where(
    keys.c.namespace == bindparam("p_namespace"),
    keys.c.key == any_(bindparam("p_keys", type_=ARRAY(Text))),
    ~_OLD,
)
_PRUNE = delete(keys).where(
    tuple_(keys.c.namespace, keys.c.key).in_(
        select(keys.c.namespace, keys.c.key)
        .where(_OLD)
        .order_by(keys.c.taken_at)
        .limit(_PAGE)
        .with_for_update(skip_locked=True)
    )
)
