"""API keys in PostgreSQL."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import Row, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert

from treadle_domain.api_key import ApiKey, known_roles
from treadle_store.adapters.outbound.postgres.database import Database
from treadle_store.adapters.outbound.postgres.tables import api_keys as keys

_SHOWN_AFTER_REVOKED = timedelta(days=1)
_NOW = func.statement_timestamp()


class PostgresApiKeys:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, key: ApiKey) -> ApiKey:
        values = {
            "id": key.id,
            "digest": key.digest,
            "name": key.name,
            "namespace": key.namespace,
            "roles": sorted(key.roles),
            "queues": None if key.queues is None else sorted(key.queues),
            "rate_limit": key.rate_limit,
            "created_at": _NOW,
        }
        async with self._database.transaction() as connection:
            await connection.execute(insert(keys).values(values).on_conflict_do_nothing())
            found = await connection.execute(select(keys).where(keys.c.id == key.id))
            return _key_of(found.one())

    async def all(self, namespace: str | None) -> Sequence[ApiKey]:
        is_shown = or_(keys.c.revoked_at.is_(None), keys.c.revoked_at > _NOW - _SHOWN_AFTER_REVOKED)
        statement = select(keys).where(is_shown).order_by(keys.c.created_at, keys.c.id)
        if namespace is not None:
            statement = statement.where(keys.c.namespace == namespace)
        async with self._database.reading() as connection:
            rows = await connection.execute(statement)
        return [_key_of(row) for row in rows if known_roles(row.roles)]

    async def revoke(self, namespace: str, key_id: str) -> ApiKey | None:
        statement = (
            update(keys)
            .values(revoked_at=func.coalesce(keys.c.revoked_at, _NOW))
            .where(keys.c.namespace == namespace, keys.c.id == key_id)
            .returning(keys)
        )
        async with self._database.transaction() as connection:
            row = (await connection.execute(statement)).one_or_none()
        return _key_of(row) if row is not None and known_roles(row.roles) else None


def _key_of(row: Row[Any]) -> ApiKey:
    columns = dict(row._mapping)
    queues = columns["queues"]
    return ApiKey(
        **columns
        | {
            "roles": known_roles(columns["roles"]),
            "queues": None if queues is None else frozenset(queues),
        }
    )
