"""What PostgreSQL had to do."""

from collections.abc import Iterator
from contextlib import closing
from typing import Any

import psycopg

from treadle_local.postgres_server import PostgresServer

_MODULE = "pg_stat_statements"
_SHOWN = 20
_SHOWN_CHARACTERS = 200
_DURABLE = ("fsync", "synchronous_commit", "full_page_writes")


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

    @property
    def pid(self) -> int:
        """Of the process of PostgreSQL that serves this."""
        return self._connection.info.backend_pid

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

    def dear_statements(self, jobs: int) -> Iterator[str]:
        """A line for each that took most time, waits included, since they were forgotten."""
        yield "µs per job   calls   rows   statement"
        if not self._counts_statements:
            return
        rows = self._connection.execute(
            f"SELECT total_exec_time * 1000, calls, rows, query FROM {_MODULE}"
            f" ORDER BY total_exec_time DESC LIMIT {_SHOWN}"
        )
        for micros, calls, found, query in rows:
            text = " ".join(query.split())[:_SHOWN_CHARACTERS]
            yield f"{micros / jobs:10.1f}  {calls / jobs:6.3f} {found / jobs:6.2f}   {text}"

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
