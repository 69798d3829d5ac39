"""What PostgreSQL had to do."""

from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import psycopg

from treadle_local.postgres_server import PostgresServer

_MODULE = "pg_stat_statements"
_SHOWN_CHARACTERS = 200
_DURABLE = ("fsync", "synchronous_commit", "full_page_writes")


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """`milliseconds` of execution, waits included."""

    text: str
    calls: int
    rows: int
    milliseconds: float


def count_statements(server: PostgresServer) -> bool:
    """From now on, if the module that does is there; restarts the server."""
    known = "SELECT FROM pg_available_extensions WHERE name = %s"
    with closing(psycopg.connect(server.url(), autocommit=True)) as connection:
        if connection.execute(known, [_MODULE]).fetchone() is None:
            return False
        connection.execute(f"ALTER SYSTEM SET shared_preload_libraries = '{_MODULE}'")
    server.restart()
    with closing(psycopg.connect(server.url(), autocommit=True)) as connection:
        connection.execute(f"CREATE EXTENSION {_MODULE}")
    return True


class PostgresMeter:
    """`connection` commits by itself."""

    def __init__(self, connection: psycopg.Connection, *, counts_statements: bool) -> None:
        self._connection = connection
        self._counts_statements = counts_statements

    def work(self) -> dict[str, int]:
        """So far, by its name; the statements only where something counts them."""
        wal, writes = self._one(
            "SELECT (pg_current_wal_insert_lsn() - '0/0')::bigint,"
            " pg_snapshot_xmax(pg_current_snapshot())::text::bigint"
        )
        done = {"WAL bytes": wal, "transactions that write": writes}
        if self._counts_statements:
            [done["statements"]] = self._one(f"SELECT sum(calls)::bigint FROM {_MODULE}")
        return done

    def forget_statements(self) -> None:
        if self._counts_statements:
            self._one(f"SELECT {_MODULE}_reset()")

    def dearest_statements(self, limit: int = 20) -> list[Statement]:
        if not self._counts_statements:
            return []
        rows = self._connection.execute(
            f"SELECT query, calls, rows, total_exec_time FROM {_MODULE}"
            " ORDER BY total_exec_time DESC LIMIT %s",
            [limit],
        )
        return [
            Statement(text=text, calls=calls, rows=rows, milliseconds=milliseconds)
            for text, calls, rows, milliseconds in rows
        ]

    def settings(self) -> dict[str, str]:
        """Those that say whether a commit is on disk."""
        return {name: self._one(f"SHOW {name}")[0] for name in _DURABLE}

    def version(self) -> str:
        return str(self._one("SHOW server_version")[0])

    def is_any_job_live(self) -> bool:
        return bool(self._one("SELECT EXISTS (SELECT FROM live_jobs)")[0])

    def count_succeeded(self) -> int:
        return int(self._one("SELECT count(*) FROM finished_jobs WHERE state = 'SUCCESS'")[0])

    def _one(self, query: str) -> tuple[Any, ...]:
        row = self._connection.execute(query).fetchone()
        assert row is not None
        return row


def dear_statements(statements: Iterable[Statement], jobs: int) -> Iterator[str]:
    yield "µs per job   calls   rows   statement"
    for each in statements:
        text = " ".join(each.text.split())[:_SHOWN_CHARACTERS]
        micros, calls, rows = each.milliseconds / jobs * 1e3, each.calls / jobs, each.rows / jobs
        yield f"{micros:10.1f}  {calls:6.3f} {rows:6.2f}   {text}"
