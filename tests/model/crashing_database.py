"""A database whose user dies: between any two statements, before a commit, or before its answer arrives."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncConnection
from tests.model.stage import Crashed

from treadle_store.adapters.outbound.postgres.compiled import Compiled
from treadle_store.adapters.outbound.postgres.database import Database


class CrashingDatabase(Database):
    def __init__(self, database_url: str, pool_size: int) -> None:
        super().__init__(database_url, pool_size)
        self._points_left: int | None = None
        for engine in (self._reads, self._writes):
            event.listen(engine.sync_engine, "before_cursor_execute", self._before_statement)

    def crash_at(self, point: int | None) -> None:
        """Every statement, every commit and every answer to a commit is a point; the first one has number 1."""
        self._points_left = point

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncConnection]:
        async with super().transaction() as connection:
            yield connection
            self._pass_point()
        self._pass_point()

    async def execute(
        self, statement: Compiled, values: Mapping[str, Any]
    ) -> Sequence[tuple[Any, ...]]:
        self._pass_point()
        rows = await super().execute(statement, values)
        self._pass_point()
        return rows

    def _before_statement(self, *_: Any) -> None:
        self._pass_point()

    def _pass_point(self) -> None:
        if self._points_left is None:
            return
        self._points_left -= 1
        if self._points_left == 0:
            self._points_left = None
            raise Crashed
