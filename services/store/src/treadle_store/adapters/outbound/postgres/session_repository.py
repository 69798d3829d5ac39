"""Worker sessions in PostgreSQL, timed by its clock."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Select, any_, delete, exists, func, select, update
from sqlalchemy.dialects.postgresql import insert

from treadle_domain.errors import SessionNotOpen
from treadle_domain.worker_session import SessionEnd, WorkerSession
from treadle_store.adapters.outbound.postgres.database import Database
from treadle_store.adapters.outbound.postgres.rows import options_of, options_values
from treadle_store.adapters.outbound.postgres.tables import held, sessions
from treadle_store.adapters.outbound.postgres.up_clock import up_now
from treadle_store.application.ports import Extension

_NOW = func.clock_timestamp()
_KEPT = timedelta(days=1)
_MOST_REMEMBERED = 10_000


class PostgresSessionRepository:
    def __init__(self, database: Database) -> None:
        self._database = database
        self._remembered: dict[UUID, WorkerSession] = {}

    async def open(self, session: WorkerSession, lease: timedelta) -> None:
        handlers = {name: options_values(said) for name, said in session.handlers.items()}
        statement = insert(sessions).values(
            id=session.id,
            worker=session.worker,
            namespaces=list(session.namespaces),
            queues=list(session.queues),
            handlers=handlers,
            opened_at=_NOW,
            heartbeat_number=0,
            expires_at=_NOW + lease,
            expires_up=up_now() + lease.total_seconds(),
        )
        async with self._database.transaction() as connection:
            await connection.execute(statement.on_conflict_do_nothing(index_elements=["id"]))

    async def find(self, session_id: UUID) -> WorkerSession:
        remembered = self._remembered.get(session_id)
        if remembered is None:
            remembered = await self._read(select(sessions).where(sessions.c.id == session_id))
            if remembered is None:
                raise SessionNotOpen(session_id)
            if len(self._remembered) >= _MOST_REMEMBERED:
                self._remembered.clear()
            self._remembered[session_id] = remembered
        return remembered

    async def find_open(self, session_id: UUID) -> WorkerSession:
        session = await self._read(
            select(sessions).where(sessions.c.id == session_id, sessions.c.closed_at.is_(None))
        )
        if session is None:
            raise SessionNotOpen(session_id)
        return session

    async def _read(self, statement: Select[Any]) -> WorkerSession | None:
        async with self._database.reading() as connection:
            row = (await connection.execute(statement)).one_or_none()
        if row is None:
            return None
        return WorkerSession(
            id=row.id,
            worker=row.worker,
            namespaces=tuple(row.namespaces),
            queues=tuple(row.queues),
            handlers={name: options_of(said) for name, said in row.handlers.items()},
        )

    async def extend(self, session_id: UUID, number: int, lease: timedelta) -> Extension:
        is_open = (sessions.c.id == session_id) & sessions.c.closed_at.is_(None)
        extended = (
            update(sessions)
            .values(
                heartbeat_number=number,
                expires_at=_NOW + lease,
                expires_up=up_now() + lease.total_seconds(),
            )
            .where(is_open, sessions.c.heartbeat_number < number)
            .returning(sessions.c.expires_at)
        )
        async with self._database.transaction() as connection:
            new: datetime | None = await connection.scalar(extended)
            if new is not None:
                return Extension(expires_at=new, is_new=True)
            old = await connection.scalar(select(sessions.c.expires_at).where(is_open))
        if old is None:
            raise SessionNotOpen(session_id)
        return Extension(expires_at=old, is_new=False)

    async def close(self, session_id: UUID, end: SessionEnd) -> None:
        statement = (
            update(sessions)
            .values(closed_at=_NOW, close_reason=end.value)
            .where(sessions.c.id == session_id, sessions.c.closed_at.is_(None))
        )
        async with self._database.transaction() as connection:
            await connection.execute(statement)

    async def forget_closed(self) -> None:
        is_held = exists().where(held.c.session == sessions.c.id)
        statement = delete(sessions).where(sessions.c.closed_at < _NOW - _KEPT, ~is_held)
        async with self._database.transaction() as connection:
            await connection.execute(statement)

    async def live_types(self, namespace: str, queue: str) -> frozenset[str]:
        statement = (
            select(func.jsonb_object_keys(sessions.c.handlers))
            .distinct()
            .where(
                sessions.c.closed_at.is_(None),
                sessions.c.expires_up > up_now(),
                any_(sessions.c.namespaces) == namespace,
                any_(sessions.c.queues) == queue,
            )
        )
        async with self._database.reading() as connection:
            return frozenset(await connection.scalars(statement))
